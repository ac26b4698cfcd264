//! Personal data: purposes, the impact assessment, subjects, masks; and the policies that decide about all data.

use banyan_feel::{Type, compile};
use banyan_policy::Policies;
use jiff::civil::Date;

use super::Checker;
use crate::model::{Basis, FieldKind, Mask, Purpose, RecordType};
use crate::node::nearest;
use crate::policy;
use crate::scope::record_scope;

impl Checker<'_> {
    pub(super) fn personal(&mut self) {
        let types = &self.package.types;
        let holds = types
            .iter()
            .any(|(_, record)| record.fields.iter().any(|(_, field)| field.personal));
        if holds && self.package.impact.is_none() {
            let message = "personal data needs an impact assessment (PIPL, articles 55 and 56)".to_owned();
            let hint =
                "write `[impact]` with necessity, risks, safeguards, assessed_on, assessed_by, review_by";
            self.add(
                banyan_base::Severity::Error,
                "package.toml",
                &["impact"],
                "impact-missing",
                message,
                Some(hint.into()),
            );
        }
        self.impact();
        for (name, record) in types {
            let path = format!("records/{name}.toml");
            self.subject(&path, record);
            self.masks(&path, record);
            self.derived(&path, record);
            self.sealed(&path, record);
            for (field, declared) in &record.fields {
                let covered = self.package.purposes.iter().any(|(_, purpose)| {
                    purpose
                        .fields
                        .get(name)
                        .is_some_and(|fields| fields.contains(field))
                });
                if declared.personal && !self.package.purposes.is_empty() && !covered {
                    let message = format!(
                        "no purpose needs `{field}`: nobody could ever see it; name it in a purpose's `fields`"
                    );
                    self.error(&path, &["fields", field, "personal"], "personal-purpose", message);
                }
            }
        }
        self.purposes();
    }

    fn impact(&mut self) {
        let Some(impact) = &self.package.impact else {
            return;
        };
        for (key, text) in [
            ("necessity", &impact.necessity),
            ("risks", &impact.risks),
            ("safeguards", &impact.safeguards),
            ("assessed_by", &impact.assessed_by),
        ] {
            if text.trim().is_empty() {
                let message = format!("the impact assessment says nothing of `{key}`");
                self.error("package.toml", &["impact", key], "impact-missing", message);
            }
        }
        let dates = (
            impact.assessed_on.parse::<Date>(),
            impact.review_by.parse::<Date>(),
        );
        if let (Ok(made), Ok(again)) = dates
            && again <= made
        {
            let message = "the next assessment must come after this one".to_owned();
            self.error("package.toml", &["impact", "review_by"], "impact-date", message);
        }
    }

    fn purposes(&mut self) {
        let package = self.package;
        let roles: Vec<&str> = package.roles.iter().map(|(name, _)| name.as_str()).collect();
        for (name, purpose) in &package.purposes {
            let keys = ["purposes", name];
            let at = |key| [keys[0], keys[1], key];
            if !purpose
                .retention
                .parse::<jiff::Span>()
                .is_ok_and(|span| span.is_positive())
            {
                let message = format!("`{}` is no duration; write e.g. P5Y", purpose.retention);
                self.error("package.toml", &at("retention"), "duration", message);
            }
            if purpose.basis == Basis::Emergency && purpose.sunset.is_none() {
                let message = "what an emergency permits ends: give it a `sunset`".to_owned();
                self.error("package.toml", &at("basis"), "sunset-missing", message);
            }
            self.consent(name, purpose);
            for role in purpose
                .roles
                .iter()
                .filter(|role| !roles.contains(&role.as_str()))
            {
                let message = format!("there is no role `{role}`");
                let hint = nearest(role, roles.iter().copied());
                self.add(
                    banyan_base::Severity::Error,
                    "package.toml",
                    &at("roles"),
                    "role-missing",
                    message,
                    hint,
                );
            }
            for (of, fields) in &purpose.fields {
                let Some(record) = package.record_type(of) else {
                    let hint = nearest(of, package.types.iter().map(|(name, _)| name.as_str()));
                    self.add(
                        banyan_base::Severity::Error,
                        "package.toml",
                        &["purposes", name, "fields", of],
                        "type-missing",
                        format!("there is no type `{of}`"),
                        hint,
                    );
                    continue;
                };
                for field in fields {
                    if record.field(field).is_none_or(|field| !field.personal) {
                        let message = format!("`{of}` has no personal field `{field}`");
                        let known = record.fields.iter().filter(|(_, field)| field.personal);
                        let hint = nearest(field, known.map(|(name, _)| name.as_str()));
                        self.add(
                            banyan_base::Severity::Error,
                            "package.toml",
                            &["purposes", name, "fields", of],
                            "field-missing",
                            message,
                            hint,
                        );
                    }
                }
            }
        }
    }

    /// What rests on consent says to what, and about whom.
    fn consent(&mut self, name: &str, purpose: &Purpose) {
        let package = self.package;
        let path = "package.toml";
        if purpose.basis != Basis::Consent {
            if purpose.consent.is_some() {
                let message = "only a purpose with `basis = \"consent\"` asks for consent".to_owned();
                self.error(path, &["purposes", name, "consent"], "consent-basis", message);
            }
            return;
        }
        let Some(consent) = &purpose.consent else {
            let message =
                "persons must know what they agree to: write `consent` with `version` and `text`".to_owned();
            self.error(path, &["purposes", name, "basis"], "consent-text", message);
            return;
        };
        let at = |key| ["purposes", name, "consent", key];
        if consent.version == 0 {
            let message = "versions of a text begin at 1".to_owned();
            self.error(path, &at("version"), "consent-version", message);
        }
        if consent.text.zh.trim().is_empty() {
            let message = "the text that persons agree to is empty".to_owned();
            self.error(path, &at("text"), "consent-text", message);
        }
        let told = consent.effects.as_ref();
        if consent.sensitive && told.is_none_or(|text| text.zh.trim().is_empty()) {
            let message =
                "for sensitive data, `effects` tells why they are needed and what it does to the person (PIPL, article 30)"
                    .to_owned();
            self.error(path, &at("sensitive"), "consent-effects", message);
        }
        for of in purpose.fields.keys() {
            if package
                .record_type(of)
                .is_some_and(|record| record.subject.is_none())
            {
                let message = format!(
                    "nobody could have agreed: `{of}` does not say whom a record is about; name the field with the party's id as its `subject`"
                );
                self.error(
                    path,
                    &["purposes", name, "fields", of],
                    "consent-subject",
                    message,
                );
            }
        }
    }

    fn subject(&mut self, path: &str, record: &RecordType) {
        let Some(subject) = &record.subject else { return };
        let fits = record
            .field(subject)
            .is_some_and(|field| matches!(field.kind, FieldKind::Text { .. }));
        if !fits {
            let message = format!("`{subject}` must be a text field: it holds the party's id");
            self.error(path, &["subject"], "subject", message);
        }
    }

    fn masks(&mut self, path: &str, record: &RecordType) {
        for (name, field) in &record.fields {
            let Some(mask) = field.mask else { continue };
            let text = matches!(
                field.kind,
                FieldKind::Text { .. } | FieldKind::PersonNumber | FieldKind::CreditCode | FieldKind::Phone
            ) || matches!(
                &field.kind,
                FieldKind::Computed {
                    result: crate::model::ComputedType::Text,
                    ..
                }
            );
            let fits = match mask {
                Mask::Hide => true,
                Mask::Middle | Mask::Tail => text,
                Mask::Coarse => matches!(
                    field.kind,
                    FieldKind::Date { .. } | FieldKind::DateTime | FieldKind::Region { .. }
                ),
            };
            if !fits {
                let message =
                    "middle and tail mask texts, coarse dates and regions; anything can be hidden".to_owned();
                self.error(path, &["fields", name, "mask"], "mask-kind", message);
            }
        }
    }

    /// What is sealed can be found by equality only; what is not must be spoken for.
    fn sealed(&mut self, path: &str, record: &RecordType) {
        let spoken_for = self
            .package
            .impact
            .as_ref()
            .and_then(|impact| impact.unsealed.as_deref())
            .is_some_and(|text| !text.trim().is_empty());
        for (name, field) in &record.fields {
            let at = ["fields", name, "sealed"];
            match field.sealed {
                Some(false) if !field.personal => {
                    let message = "only personal fields are sealed: leave it out".to_owned();
                    self.error(path, &at, "sealed-needless", message);
                }
                Some(false) if !spoken_for => {
                    let message = "a personal field in the clear: say in `[impact]` `unsealed` why, and what guards it instead";
                    self.error(path, &at, "sealed-reason", message.into());
                }
                Some(true) if !record.is_sealed(name) => {
                    let message = "it can't be sealed: only personal fields of grade 重要 and above that are kept as text (not the subject)";
                    self.error(path, &at, "sealed-kind", message.into());
                }
                _ => {}
            }
            if record.is_sealed(name) && field.search {
                let message = "full-text search can't look into a sealed field: leave `search` out, or write `sealed = false` and say in \
                               `[impact]` `unsealed` why";
                self.error(path, &["fields", name, "search"], "sealed-search", message.into());
            }
        }
    }

    /// What is computed from personal or masked data is so itself.
    fn derived(&mut self, path: &str, record: &RecordType) {
        let scope = record_scope(record);
        for (name, field) in &record.fields {
            let FieldKind::Computed { feel, .. } = &field.kind else {
                continue;
            };
            let Ok(expression) = compile(feel, &scope, &Type::Any) else {
                continue;
            };
            for used in expression.uses() {
                let Some(source) = record.field(used) else {
                    continue;
                };
                if source.personal && !field.personal {
                    let message =
                        format!("it is computed from the personal field `{used}`, so it is personal too");
                    self.error(path, &["fields", name], "personal-derived", message);
                }
                if source.mask.is_some() && field.mask.is_none() {
                    let message = format!(
                        "it is computed from the masked field `{used}`: mask it too, at least with `hide`"
                    );
                    self.error(path, &["fields", name], "mask-derived", message);
                }
                if source.grade > field.grade {
                    let message =
                        format!("it is computed from `{used}`, whose grade is higher: the stricter wins");
                    self.error(path, &["fields", name], "grade-derived", message);
                }
            }
        }
    }

    pub(super) fn policies(&mut self) {
        let path = "policy.cedar";
        let Some(file) = self.files.iter().find(|file| file.path == path) else {
            return;
        };
        let text = String::from_utf8_lossy(&file.bytes).into_owned();
        let own = policy::rules(self.package);
        let mut shapes = own.shapes.clone();
        for package in self.installed.packages.values() {
            if package.id != self.package.id {
                shapes.extend(policy::rules(package).shapes);
            }
        }
        let policies = match Policies::new(&self.package.id, &text, &shapes) {
            Ok(policies) => policies,
            // What can't be read at all has been found when it was.
            Err(_) if text.parse::<cedar_policy::PolicySet>().is_err() => return,
            Err(faults) => return self.policy_faults(&text, &faults),
        };
        let faults = policies.check(&shapes);
        self.policy_faults(&text, &faults);
        for role in policies.roles() {
            let known = match role.split_once('.') {
                None => [banyan_policy::PUBLIC, banyan_policy::CITIZEN, "admin"].contains(&role.as_str()),
                Some((package, name)) if package == self.package.id => {
                    self.package.roles.iter().any(|(known, _)| known == name)
                }
                Some((package, name)) => self
                    .installed
                    .packages
                    .get(package)
                    .is_some_and(|package| package.roles.iter().any(|(known, _)| known == name)),
            };
            if !known {
                let offset = text.find(&format!("\"{role}\"")).unwrap_or(0);
                let own = self.package.roles.iter();
                let own: Vec<String> = own
                    .map(|(name, _)| format!("{}.{name}", self.package.id))
                    .collect();
                let finding = crate::node::finding_at(
                    banyan_base::Severity::Error,
                    path,
                    &text,
                    offset,
                    "role-missing",
                    format!("there is no role `{role}`"),
                    nearest(&role, own.iter().map(String::as_str)),
                );
                self.findings.push(finding);
            }
        }
    }

    fn policy_faults(&mut self, text: &str, faults: &[banyan_policy::Fault]) {
        for fault in faults {
            // Cedar's own messages name the policy by its number; the place says it better.
            let finding = crate::node::finding_at(
                banyan_base::Severity::Error,
                "policy.cedar",
                text,
                fault.offset,
                "policy",
                fault.message.clone(),
                None,
            );
            self.findings.push(finding);
        }
    }
}
