//! Files to a [`Package`]: each file is read by itself, so that a mistake in one never hides those in others.

use std::collections::BTreeMap;

use banyan_base::{Finding, Severity, SourceFile};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::locate::Located;
use crate::model::*;
use crate::raw::*;

/// The largest file of a package.
const MAX_FILE: usize = 16 << 20;

struct Reader {
    findings: Vec<Finding>,
    package: Package,
}

/// Reads the files of a package folder. `None` where package.toml itself can't be read.
pub fn read(files: &[SourceFile]) -> (Option<Package>, Vec<Finding>) {
    let mut reader = Reader {
        findings: Vec::new(),
        package: Package::default(),
    };
    let Some(main) = files.iter().find(|file| file.path == "package.toml") else {
        let message = "the folder holds no package.toml".into();
        let finding = Finding {
            severity: Severity::Error,
            rule: "package-missing".into(),
            file: "package.toml".into(),
            line: 1,
            column: 1,
            message,
            hint: Some("every package begins with package.toml; docs/packages.md shows one".into()),
        };
        return (None, vec![finding]);
    };
    let whole = reader.package_file(main);
    let mut sorted: Vec<&SourceFile> = files.iter().collect();
    sorted.sort_by(|a, b| a.path.cmp(&b.path));
    for file in &sorted {
        reader.file(file);
    }
    reader.package.hash = hash(&sorted);
    let Reader { findings, package } = reader;
    (whole.then_some(package), findings)
}

fn hash(files: &[&SourceFile]) -> String {
    let mut hasher = Sha256::new();
    for file in files {
        hasher.update(file.path.as_bytes());
        hasher.update([0]);
        hasher.update((file.bytes.len() as u64).to_be_bytes());
        hasher.update(&file.bytes);
    }
    hex(&hasher.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn is_name(text: &str) -> bool {
    text.len() <= 31
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn is_package_id(text: &str) -> bool {
    (2..=24).contains(&text.len()) && is_name(&text.replace('-', "_"))
}

fn grade(text: Option<&str>) -> Result<Grade, String> {
    match text {
        None | Some("一般") => Ok(Grade::General),
        Some("重要") => Ok(Grade::Important),
        Some("核心") => Ok(Grade::Core),
        Some(other) => Err(format!("there is no grade `{other}`")),
    }
}

impl Reader {
    fn add(&mut self, file: &SourceFile, keys: &[&str], rule: &str, message: String, hint: Option<&str>) {
        let text = String::from_utf8_lossy(&file.bytes);
        let located = Located::new(&file.path, &text);
        self.findings
            .push(located.finding(Severity::Error, keys, rule, message, hint.map(str::to_owned)));
    }

    fn parse<T: DeserializeOwned>(&mut self, file: &SourceFile) -> Option<T> {
        let Ok(text) = std::str::from_utf8(&file.bytes) else {
            self.add(
                file,
                &[],
                "encoding",
                "the file is not UTF-8".into(),
                Some("save it as UTF-8"),
            );
            return None;
        };
        match toml::from_str(text) {
            Ok(value) => Some(value),
            Err(error) => {
                let offset = error.span().map_or(0, |span| span.start);
                let message = error.message().to_owned();
                let hint = unknown_key_hint(&message);
                let rule = if message.starts_with("unknown field") {
                    "unknown-key"
                } else {
                    "form"
                };
                let located = Located::new(&file.path, text);
                self.findings
                    .push(located.at(Severity::Error, offset, rule, message, hint));
                None
            }
        }
    }

    fn package_file(&mut self, file: &SourceFile) -> bool {
        let Some(raw) = self.parse::<RawPackage>(file) else {
            return false;
        };
        if !is_package_id(&raw.id) {
            let hint = "2 to 24 of a–z, 0–9 and -, beginning with a letter";
            self.add(
                file,
                &["id"],
                "name",
                format!("`{}` can't be a package id", raw.id),
                Some(hint),
            );
        }
        if raw.version.split('.').count() != 3
            || raw.version.split('.').any(|part| part.parse::<u32>().is_err())
        {
            let message = format!("`{}` is not a version", raw.version);
            self.add(
                file,
                &["version"],
                "version",
                message,
                Some("three numbers: 1.0.0"),
            );
        }
        for (name, _) in &raw.roles {
            if !is_name(name) {
                self.add(
                    file,
                    &["roles", name],
                    "name",
                    format!("`{name}` can't be a role"),
                    None,
                );
            }
        }
        let role = |raw: RawRole| Role {
            title: raw.title,
            about: raw.about,
        };
        let purpose = |raw: RawPurpose| Purpose {
            title: raw.title,
            legal_basis: raw.legal_basis,
            retention: raw.retention,
            sunset: raw.sunset,
            roles: raw.roles,
        };
        self.package = Package {
            id: raw.id,
            title: raw.title,
            clause: raw.clause,
            word: raw.word,
            owner: raw.owner,
            version: raw.version,
            needs: raw.needs,
            summary: raw.summary,
            roles: raw
                .roles
                .into_iter()
                .map(|(name, raw)| (name, role(raw)))
                .collect(),
            purposes: raw
                .purposes
                .into_iter()
                .map(|(name, raw)| (name, purpose(raw)))
                .collect(),
            ..Package::default()
        };
        true
    }

    fn file(&mut self, file: &SourceFile) {
        if file.bytes.len() > MAX_FILE {
            self.add(
                file,
                &[],
                "too-large",
                format!("the file is larger than {} MiB", MAX_FILE >> 20),
                None,
            );
            return;
        }
        let parts: Vec<&str> = file.path.split('/').collect();
        match parts.as_slice() {
            ["package.toml" | "README.md" | "RETENTION.md"] => {}
            ["demo", ..] => {}
            ["policy.cedar"] => self.policy(file),
            ["triggers.toml"] => self.triggers(file),
            ["codes", name] if name.ends_with(".toml") => self.codes(file, name.trim_end_matches(".toml")),
            ["records", name] if name.ends_with(".toml") => self.record(file, name.trim_end_matches(".toml")),
            ["views", name] if name.ends_with(".toml") => self.view(file, name.trim_end_matches(".toml")),
            ["messages", name] if name.ends_with(".toml") => {
                if let Some(messages) = self.parse::<BTreeMap<String, String>>(file) {
                    self.package
                        .messages
                        .insert(name.trim_end_matches(".toml").to_owned(), messages);
                }
            }
            ["seeds", name] if name.ends_with(".csv") => {
                let of = name
                    .trim_end_matches(".csv")
                    .trim_start_matches(|c: char| c.is_ascii_digit() || c == '-');
                let hash = hex(&Sha256::digest(&file.bytes));
                self.package.seeds.push(Seed {
                    path: file.path.clone(),
                    of: of.to_owned(),
                    hash,
                });
            }
            ["steps", name] if name.ends_with(".toml") => self.step(file, name.trim_end_matches(".toml")),
            ["features", name] if name.ends_with(".feature") => self.package.features.push(file.path.clone()),
            _ => {
                let hint = "package.toml, codes/, records/, views/, triggers.toml, policy.cedar, messages/, seeds/, steps/, features/, README.md, RETENTION.md";
                self.add(
                    file,
                    &[],
                    "unknown-file",
                    "no package has such a file".into(),
                    Some(hint),
                );
            }
        }
    }

    fn policy(&mut self, file: &SourceFile) {
        let text = String::from_utf8_lossy(&file.bytes).into_owned();
        if let Err(errors) = text.parse::<cedar_policy::PolicySet>() {
            use miette::Diagnostic;
            for error in errors.iter() {
                let offset = error
                    .labels()
                    .and_then(|mut labels| labels.next())
                    .map_or(0, |label| label.offset());
                let located = Located::new(&file.path, &text);
                let finding = located.at(Severity::Error, offset, "policy", error.to_string(), None);
                self.findings.push(finding);
            }
        }
        self.package.policy = text;
    }

    fn codes(&mut self, file: &SourceFile, name: &str) {
        self.name(file, name);
        let Some(raw) = self.parse::<RawList>(file) else {
            return;
        };
        let mut items = Vec::new();
        for (index, item) in raw.items.into_iter().enumerate() {
            if items.iter().any(|known: &CodeItem| known.code == item.code) {
                let message = format!("the code `{}` stands twice", item.code);
                self.add(
                    file,
                    &["items", &index.to_string(), "code"],
                    "duplicate",
                    message,
                    None,
                );
            }
            let RawItem {
                code,
                title,
                from,
                until,
                color,
            } = item;
            items.push(CodeItem {
                code,
                title,
                from,
                until,
                color,
            });
        }
        self.package.lists.push((
            name.into(),
            CodeList {
                title: raw.title,
                source: raw.source,
                items,
            },
        ));
    }

    fn name(&mut self, file: &SourceFile, name: &str) {
        if !is_name(name) {
            let hint = "at most 31 of a–z, 0–9 and _, beginning with a letter";
            self.add(file, &[], "name", format!("`{name}` can't be a name"), Some(hint));
        }
    }

    fn record(&mut self, file: &SourceFile, name: &str) {
        self.name(file, name);
        let Some(raw) = self.parse::<RawRecord>(file) else {
            return;
        };
        let type_grade = grade(raw.grade.as_deref()).unwrap_or_else(|message| {
            self.add(file, &["grade"], "grade", message, Some("一般, 重要 or 核心"));
            Grade::General
        });
        let mut fields = Vec::new();
        for (field_name, raw) in raw.fields {
            if !is_name(&field_name) || matches!(field_name.as_str(), "state" | "id" | "type" | "version") {
                let message = format!("`{field_name}` can't be a field's name");
                let hint = "at most 31 of a–z, 0–9 and _; not state, id, type, version";
                self.add(file, &["fields", &field_name], "name", message, Some(hint));
                continue;
            }
            if let Some(field) = self.field(file, &field_name, raw) {
                fields.push((field_name, field));
            }
        }
        let rule = |raw: RawRule| RecordRule {
            feel: raw.feel,
            message: raw.message,
            field: raw.field,
        };
        let record = RecordType {
            title: raw.title,
            about: raw.about,
            label: raw.label,
            key: raw.key,
            grade: type_grade,
            retention: raw.retention,
            fields,
            unique: raw.unique,
            index: raw.index,
            rules: raw
                .rules
                .into_iter()
                .map(|(name, raw)| (name, rule(raw)))
                .collect(),
            lifecycle: raw.lifecycle.map(lifecycle),
        };
        self.package.types.push((name.into(), record));
    }

    fn field(&mut self, file: &SourceFile, name: &str, raw: RawField) -> Option<Field> {
        let integer = |value: &Option<toml::Value>| value.as_ref().and_then(toml::Value::as_integer);
        let float = |value: &Option<toml::Value>| {
            value.as_ref().and_then(|value| {
                value
                    .as_float()
                    .or_else(|| value.as_integer().map(|value| value as f64))
            })
        };
        let text = |value: &Option<toml::Value>| {
            value
                .as_ref()
                .map(|value| value.to_string().trim_matches('"').to_owned())
        };
        let kind = match raw.kind.as_str() {
            "text" => FieldKind::Text {
                max: integer(&raw.max)
                    .and_then(|max| u32::try_from(max).ok())
                    .unwrap_or(200),
                min: integer(&raw.min)
                    .and_then(|min| u32::try_from(min).ok())
                    .unwrap_or(0),
                pattern: raw.pattern.clone(),
                multiline: raw.multiline,
            },
            "integer" => FieldKind::Integer {
                min: integer(&raw.min),
                max: integer(&raw.max),
                measure: raw.measure.clone(),
            },
            "decimal" => FieldKind::Decimal {
                scale: raw.scale.unwrap_or(2),
                min: float(&raw.min),
                max: float(&raw.max),
                measure: raw.measure.clone(),
            },
            "money" => FieldKind::Money {
                min: integer(&raw.min),
                max: integer(&raw.max),
            },
            "boolean" => FieldKind::Boolean,
            "date" => FieldKind::Date {
                min: text(&raw.min),
                max: text(&raw.max),
            },
            "date_time" => FieldKind::DateTime,
            "code" => FieldKind::Code {
                list: raw.list.clone(),
                registry: raw.registry.clone(),
                many: raw.many,
            },
            "region" => FieldKind::Region {
                levels: raw.levels.clone(),
                at: raw.at.clone(),
            },
            "unit" => FieldKind::Unit { many: raw.many },
            "person_number" => FieldKind::PersonNumber,
            "credit_code" => FieldKind::CreditCode,
            "phone" => FieldKind::Phone,
            "ref" => FieldKind::Ref {
                to: raw.to.clone().unwrap_or_default(),
                on_delete: raw.on_delete,
            },
            "file" => FieldKind::File {
                accept: raw.accept.clone(),
                max_bytes: raw.max_bytes.unwrap_or(20 << 20),
                many: raw.many,
            },
            "geometry" => FieldKind::Geometry {
                kinds: raw.kinds.clone(),
            },
            "json" => FieldKind::Json,
            "computed" => self.computed(file, name, &raw)?,
            other => {
                let known = [
                    "text",
                    "integer",
                    "decimal",
                    "money",
                    "boolean",
                    "date",
                    "date_time",
                    "code",
                    "region",
                    "unit",
                    "person_number",
                    "credit_code",
                    "phone",
                    "ref",
                    "file",
                    "geometry",
                    "json",
                    "computed",
                ];
                let hint = format!("one of {}", known.join(", "));
                let message = format!("there is no field type `{other}`");
                self.add(
                    file,
                    &["fields", name, "type"],
                    "field-type",
                    message,
                    Some(&hint),
                );
                return None;
            }
        };
        let grade = grade(raw.grade.as_deref()).unwrap_or_else(|message| {
            self.add(
                file,
                &["fields", name, "grade"],
                "grade",
                message,
                Some("一般, 重要 or 核心"),
            );
            Grade::General
        });
        Some(Field {
            title: raw.title,
            help: raw.help,
            kind,
            required: raw.required,
            unique: raw.unique,
            index: raw.index,
            search: raw.search,
            immutable: raw.immutable,
            grade,
            personal: raw.personal,
            mask: raw.mask,
            retention: raw.retention,
            default: raw.default,
            when: raw.when,
        })
    }

    fn computed(&mut self, file: &SourceFile, name: &str, raw: &RawField) -> Option<FieldKind> {
        let result = match raw.result.as_deref().unwrap_or("") {
            "text" => ComputedType::Text,
            "integer" => ComputedType::Integer,
            "decimal" => ComputedType::Decimal {
                scale: raw.scale.unwrap_or(2),
            },
            "money" => ComputedType::Money,
            "boolean" => ComputedType::Boolean,
            "date" => ComputedType::Date,
            "date_time" => ComputedType::DateTime,
            other => match other.strip_prefix("code:") {
                Some(list) => ComputedType::Code {
                    list: list.to_owned(),
                },
                None => {
                    let hint = "text, integer, decimal, money, boolean, date, date_time or code:<list>";
                    let message = format!("a computed field can't give `{other}`");
                    self.add(
                        file,
                        &["fields", name, "result"],
                        "computed-result",
                        message,
                        Some(hint),
                    );
                    return None;
                }
            },
        };
        let Some(feel) = raw.feel.clone() else {
            self.add(
                file,
                &["fields", name],
                "computed-feel",
                "a computed field needs `feel`".into(),
                None,
            );
            return None;
        };
        let daily = feel.contains("today()") || feel.contains("now()");
        Some(FieldKind::Computed { feel, result, daily })
    }

    fn view(&mut self, file: &SourceFile, name: &str) {
        self.name(file, name);
        let Some(raw) = self.parse::<RawView>(file) else {
            return;
        };
        let measure = |raw: RawMeasure| Measure {
            title: raw.title,
            of: None,
            filter: raw.filter,
            what: match (raw.sum, raw.average, raw.ratio) {
                (Some(field), _, _) => MeasureKind::Sum(field),
                (_, Some(field), _) => MeasureKind::Average(field),
                (_, _, Some((part, whole))) => MeasureKind::Ratio(part, whole),
                _ => MeasureKind::Count,
            },
        };
        let section = |raw: RawSection| DetailSection {
            title: raw.title,
            fields: raw.fields,
            when: None,
        };
        let related = |raw: RawRelated| Related {
            title: raw.title,
            of: raw.of,
            by: raw.by,
            columns: raw.columns,
        };
        let kind = match raw.kind.as_str() {
            "list" => ViewKind::List { columns: raw.columns },
            "board" => ViewKind::Board {
                group: raw.group.unwrap_or_else(|| "state".into()),
                card: raw.card,
            },
            "detail" => ViewKind::Detail {
                sections: raw
                    .sections
                    .into_iter()
                    .map(|(name, raw)| (name, section(raw)))
                    .collect(),
                related: raw.related.into_iter().map(related).collect(),
            },
            "ranking" => ViewKind::Ranking {
                group: raw.group.unwrap_or_default(),
                measures: raw
                    .measures
                    .into_iter()
                    .map(|(name, raw)| (name, measure(raw)))
                    .collect(),
                order_by: raw.order_by.unwrap_or_default(),
            },
            other => {
                let message = format!("there is no kind of view `{other}`");
                self.add(
                    file,
                    &["kind"],
                    "view-kind",
                    message,
                    Some("list, board, detail or ranking"),
                );
                return;
            }
        };
        let RawView {
            title,
            of,
            order,
            roles,
            filter,
            sort,
            ..
        } = raw;
        self.package.views.push((
            name.into(),
            View {
                title,
                of,
                order,
                roles,
                filter,
                sort,
                kind,
            },
        ));
    }

    fn triggers(&mut self, file: &SourceFile) {
        let Some(raw) = self.parse::<RawTriggers>(file) else {
            return;
        };
        for (name, raw) in raw.triggers {
            let on = match (raw.on.event, raw.on.daily) {
                (Some(event), None) => TriggerOn::Event(event),
                (None, Some(of)) => TriggerOn::Daily {
                    of,
                    filter: raw.on.filter,
                },
                _ => {
                    let message = "`on` needs either `event` or `daily`".into();
                    self.add(file, &["triggers", &name, "on"], "trigger-on", message, None);
                    continue;
                }
            };
            let RawAction {
                create,
                update,
                transition,
                name: to,
                target,
                with,
            } = raw.action;
            let action = match (create, update, transition) {
                (Some(of), None, None) => TriggerAction::Create { of, with },
                (None, Some(of), None) => TriggerAction::Update { of, target, with },
                (None, None, Some(of)) => TriggerAction::Transition {
                    of,
                    target,
                    name: to.unwrap_or_default(),
                    with,
                },
                _ => {
                    let message = "`do` needs one of `create`, `update` and `transition`".into();
                    self.add(file, &["triggers", &name, "do"], "trigger-do", message, None);
                    continue;
                }
            };
            let trigger = Trigger {
                title: raw.title,
                on,
                when: raw.when,
                action,
                once: raw.once,
            };
            self.package.triggers.push((name, trigger));
        }
    }

    fn step(&mut self, file: &SourceFile, name: &str) {
        let Ok(number) = name.parse::<u32>() else {
            self.add(
                file,
                &[],
                "step-number",
                "a step's file is named by its number".into(),
                Some("steps/0002.toml"),
            );
            return;
        };
        let Some(raw) = self.parse::<RawStep>(file) else {
            return;
        };
        let actions = raw.actions.into_iter().map(|action| match action {
            RawStepAction::RenameType { from, to } => StepAction::RenameType { from, to },
            RawStepAction::RenameField { of, from, to } => StepAction::RenameField { of, from, to },
            RawStepAction::Split { of, from, into } => StepAction::Split { of, from, into },
            RawStepAction::Backfill { of, field, feel, all } => StepAction::Backfill { of, field, feel, all },
            RawStepAction::Convert { of, field, feel } => StepAction::Convert { of, field, feel },
            RawStepAction::DropField { of, field } => StepAction::DropField { of, field },
            RawStepAction::DropType { of } => StepAction::DropType { of },
        });
        self.package.steps.push(Step {
            number,
            actions: actions.collect(),
        });
    }
}

fn lifecycle(raw: RawLifecycle) -> Lifecycle {
    let state = |raw: RawState| State {
        title: raw.title,
        color: raw.color,
        is_final: raw.is_final,
        editable: raw.editable,
    };
    let transition = |raw: RawTransition| Transition {
        title: raw.title,
        from: raw.from,
        to: raw.to,
        who: raw.who,
        guard: raw.guard,
        refusal: raw.refusal,
        require: raw.require,
        input: raw.input,
        set: raw.set,
    };
    Lifecycle {
        initial: raw.initial,
        states: raw
            .states
            .into_iter()
            .map(|(name, raw)| (name, state(raw)))
            .collect(),
        transitions: raw
            .transitions
            .into_iter()
            .map(|(name, raw)| (name, transition(raw)))
            .collect(),
        clocks: Vec::new(),
    }
}

/// serde names the known keys behind "expected"; the nearest of them is what was meant.
fn unknown_key_hint(message: &str) -> Option<String> {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let given = quoted.next()?;
    let known: Vec<&str> = quoted.collect();
    message.starts_with("unknown field").then(|| {
        let near = known
            .iter()
            .filter(|key| key.starts_with(given.get(..1).unwrap_or("")))
            .max_by_key(|key| common(given, key));
        near.map_or_else(
            || format!("known keys: {}", known.join(", ")),
            |key| format!("did you mean `{key}`?"),
        )
    })
}

fn common(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count()
}
