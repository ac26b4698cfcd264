//! What only shows when all files are seen: names that must meet, life cycles, FEEL against the types, other packages.

mod clocks;
mod engines;
mod personal;

use std::collections::{BTreeMap, BTreeSet};

use banyan_base::{Finding, Severity, SourceFile};
use banyan_feel::{Scope, Type, compile};

use crate::locate::Located;
use crate::model::*;
use crate::scope::{computed_type, field_type, record_scope, trigger_scope};
use crate::seed::read_seed;

/// The packages that are, or will be, there besides the one that is checked.
#[derive(Clone, Debug, Default)]
pub struct Installed {
    pub packages: BTreeMap<String, Package>,
}

impl Installed {
    /// A type by `<package>.<type>`.
    pub fn record_type(&self, name: &str) -> Option<&RecordType> {
        let (package, of) = name.split_once('.')?;
        self.packages.get(package)?.record_type(of)
    }
}

/// Names of tables and of their indexes end at 63 letters, and are made of both names.
const MAX_NAMES: usize = 48;

struct Checker<'a> {
    package: &'a Package,
    installed: &'a Installed,
    files: &'a [SourceFile],
    findings: Vec<Finding>,
}

/// All findings of `package` that need more than one file.
pub fn check(package: &Package, files: &[SourceFile], installed: &Installed) -> Vec<Finding> {
    let mut checker = Checker {
        package,
        installed,
        files,
        findings: Vec::new(),
    };
    checker.whole();
    for (name, record) in &package.types {
        checker.record(name, record);
    }
    for (name, view) in &package.views {
        checker.view(name, view);
    }
    for (name, trigger) in &package.triggers {
        checker.trigger(name, trigger);
    }
    checker.engine_files();
    checker.seeds();
    checker.personal();
    checker.policies();
    checker.findings.extend(crate::check_steps::steps(package, files));
    checker.findings
}

fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<String> {
    let all: Vec<&str> = known.collect();
    let near = all
        .iter()
        .filter(|other| other.chars().next() == name.chars().next() || other.contains(name));
    near.max_by_key(|other| {
        other
            .chars()
            .zip(name.chars())
            .take_while(|(a, b)| a == b)
            .count()
    })
    .map(|other| format!("did you mean `{other}`?"))
}

impl<'a> Checker<'a> {
    fn add(
        &mut self,
        severity: Severity,
        path: &str,
        keys: &[&str],
        rule: &str,
        message: String,
        hint: Option<String>,
    ) {
        let bytes = self
            .files
            .iter()
            .find(|file| file.path == path)
            .map_or(&[][..], |file| &file.bytes);
        let text = String::from_utf8_lossy(bytes);
        self.findings
            .push(Located::new(path, &text).finding(severity, keys, rule, message, hint));
    }

    fn error(&mut self, path: &str, keys: &[&str], rule: &str, message: String) {
        self.add(Severity::Error, path, keys, rule, message, None);
    }

    /// A type by the name used in a file: of this package, or `<package>.<type>`.
    fn find_type(&self, name: &str) -> Option<&'a RecordType> {
        match name.split_once('.') {
            None => self.package.record_type(name),
            Some((package, of)) if package == self.package.id => self.package.record_type(of),
            Some(_) => self.installed.record_type(name),
        }
    }

    fn find_list(&self, name: &str) -> bool {
        let has = |package: &Package, list: &str| package.lists.iter().any(|(known, _)| known == list);
        match name.split_once('.') {
            None => has(self.package, name),
            Some((package, list)) => self
                .installed
                .packages
                .get(package)
                .is_some_and(|package| has(package, list)),
        }
    }

    fn whole(&mut self) {
        for (id, version) in &self.package.needs {
            match self.installed.packages.get(id) {
                None => {
                    let hint = Some(format!("apply {id} first, or together with this one"));
                    let message = format!("the package `{id}` is needed and not there");
                    self.add(
                        Severity::Error,
                        "package.toml",
                        &["needs", id],
                        "needs-missing",
                        message,
                        hint,
                    );
                }
                Some(other) if numbers(&other.version) < numbers(version) => {
                    let message = format!("`{id}` {version} is needed, {} is there", other.version);
                    self.error("package.toml", &["needs", id], "needs-version", message);
                }
                Some(_) => {}
            }
        }
        for (rule, path) in [("readme", "README.md"), ("retention", "RETENTION.md")] {
            if !self.files.iter().any(|file| file.path == path) {
                let message = format!("the package has no {path}");
                self.add(Severity::Warning, path, &[], rule, message, None);
            }
        }
        let steps = self.package.steps.iter();
        let unique: BTreeSet<_> = steps.map(|step| (&step.overlay, step.number)).collect();
        if unique.len() != self.package.steps.len() {
            self.error("steps", &[], "step-number", "two steps have one number".into());
        }
    }

    fn feel(&mut self, path: &str, keys: &[&str], text: &str, scope: &Scope, expected: &Type) {
        if let Err(errors) = compile(text, scope, expected) {
            for error in errors {
                self.add(Severity::Error, path, keys, "feel", error.message, error.hint);
            }
        }
    }

    fn record(&mut self, name: &str, record: &RecordType) {
        let path = format!("records/{name}.toml");
        if self.package.id.len() + name.len() > MAX_NAMES {
            let hint = Some(format!(
                "together with the package's id at most {MAX_NAMES} letters"
            ));
            let message = format!(
                "the name `{name}` is too long for a table of `{}`",
                self.package.id
            );
            self.add(Severity::Error, &path, &[], "name-length", message, hint);
        }
        let known: Vec<&str> = record.fields.iter().map(|(name, _)| name.as_str()).collect();
        let groups = std::iter::once(("label", std::slice::from_ref(&record.label)))
            .chain(std::iter::once(("key", record.key.as_slice())))
            .chain(record.unique.iter().map(|group| ("unique", group.as_slice())))
            .chain(record.index.iter().map(|group| ("index", group.as_slice())));
        for (place, fields) in groups {
            for field in fields {
                if !(known.contains(&field.as_str()) || place == "index" && field == "state") {
                    let hint = nearest(field, known.iter().copied());
                    let message = format!("`{place}` names a field `{field}` that is not there");
                    self.add(Severity::Error, &path, &[place], "field-missing", message, hint);
                }
            }
        }
        let scope = record_scope(record);
        for (field_name, field) in &record.fields {
            self.field(&path, record, field_name, field, &scope);
        }
        for (rule_name, rule) in &record.rules {
            self.feel(
                &path,
                &["rules", rule_name, "feel"],
                &rule.feel,
                &scope,
                &Type::Boolean,
            );
        }
        if let Some(lifecycle) = &record.lifecycle {
            self.lifecycle(&path, record, lifecycle);
        }
        self.cycles(&path, record);
    }

    fn field(&mut self, path: &str, record: &RecordType, name: &str, field: &Field, scope: &Scope) {
        let at = |key: &'static str| ["fields", name, key].map(str::to_owned);
        let keys = |list: &[String; 3]| list.clone();
        macro_rules! error {
            ($key:literal, $rule:literal, $message:expr) => {{
                let list = keys(&at($key));
                self.error(path, &[&list[0], &list[1], &list[2]], $rule, $message);
            }};
        }
        match &field.kind {
            FieldKind::Text {
                pattern: Some(pattern),
                ..
            } => {
                if let Err(error) = regex::RegexBuilder::new(pattern).size_limit(1 << 20).build() {
                    error!("pattern", "pattern", format!("the pattern is not right: {error}"));
                }
            }
            FieldKind::Text { min, max, .. } if min > max => {
                error!("min", "range", "min is above max".into())
            }
            FieldKind::Integer {
                min: Some(min),
                max: Some(max),
                ..
            } if min > max => {
                error!("min", "range", "min is above max".into());
            }
            FieldKind::Decimal { scale, .. } if *scale > 6 => {
                error!("scale", "range", "scale is at most 6".into());
            }
            FieldKind::Code { list, registry, .. } => match (list, registry) {
                (Some(list), None) if !self.find_list(list) => {
                    error!("list", "list-missing", format!("there is no code list `{list}`"));
                }
                (None, Some(registry)) if self.find_type(registry).is_none_or(|of| of.key.len() != 1) => {
                    error!(
                        "registry",
                        "registry-missing",
                        format!("there is no type `{registry}` with a key of one field")
                    );
                }
                (Some(_), Some(_)) | (None, None) => {
                    error!(
                        "type",
                        "code-source",
                        "a code comes from either `list` or `registry`".into()
                    );
                }
                _ => {}
            },
            FieldKind::Ref { to, .. } if self.find_type(to).is_none() => {
                error!("to", "ref-missing", format!("there is no type `{to}`"));
            }
            FieldKind::Region { at: Some(date), .. }
                if !matches!(
                    record.field(date).map(|field| &field.kind),
                    Some(FieldKind::Date { .. })
                ) =>
            {
                error!(
                    "at",
                    "field-missing",
                    format!("`{date}` is not a date field of this type")
                );
            }
            FieldKind::Computed { feel, result, .. } => {
                let list = at("feel");
                self.feel(
                    path,
                    &[&list[0], &list[1], &list[2]],
                    feel,
                    scope,
                    &computed_type(result),
                );
                if let ComputedType::Code { list } = result
                    && !self.find_list(list)
                {
                    error!(
                        "result",
                        "list-missing",
                        format!("there is no code list `{list}`")
                    );
                }
                if field.required || field.default.is_some() {
                    error!(
                        "required",
                        "computed",
                        "a computed field is neither required nor defaulted".into()
                    );
                }
            }
            _ => {}
        }
        let needs_base = matches!(field.kind, FieldKind::Region { .. } | FieldKind::Unit { .. });
        if needs_base && self.package.id != "base" && !self.package.needs.contains_key("base") {
            error!(
                "type",
                "needs-missing",
                "regions and units come with the package `base`: name it in `needs`".into()
            );
        }
        if field.personal && field.grade == Grade::General {
            error!(
                "personal",
                "personal-grade",
                "a personal field has at least the grade 重要".into()
            );
        }
        if field.personal && self.package.purposes.is_empty() {
            error!(
                "personal",
                "personal-purpose",
                "personal data needs a purpose in package.toml".into()
            );
        }
        if let Some(default) = &field.default {
            let list = at("default");
            self.feel(
                path,
                &[&list[0], &list[1], &list[2]],
                default,
                scope,
                &field_type(field),
            );
        }
        if let Some(when) = &field.when {
            let list = at("when");
            self.feel(path, &[&list[0], &list[1], &list[2]], when, scope, &Type::Boolean);
        }
    }

    /// Computed fields that need each other can't be computed.
    fn cycles(&mut self, path: &str, record: &RecordType) {
        let scope = record_scope(record);
        let mut needs: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (name, field) in &record.fields {
            if let FieldKind::Computed { feel, .. } = &field.kind
                && let Ok(expression) = compile(feel, &scope, &Type::Any)
            {
                needs.insert(name, expression.uses().to_vec());
            }
        }
        for start in needs.keys() {
            let mut seen = BTreeSet::new();
            let mut open: Vec<&str> = needs
                .get(start)
                .into_iter()
                .flatten()
                .map(String::as_str)
                .collect();
            while let Some(name) = open.pop() {
                if name == *start {
                    let message = format!("the computed field `{start}` needs itself");
                    self.error(path, &["fields", start, "feel"], "computed-cycle", message);
                    break;
                }
                if seen.insert(name) {
                    open.extend(needs.get(name).into_iter().flatten().map(String::as_str));
                }
            }
        }
    }

    fn lifecycle(&mut self, path: &str, record: &RecordType, lifecycle: &Lifecycle) {
        let states: Vec<&str> = lifecycle.states.iter().map(|(name, _)| name.as_str()).collect();
        let missing = |state: &str| !states.contains(&state);
        if missing(&lifecycle.initial) {
            let message = format!("the initial state `{}` is not declared", lifecycle.initial);
            let hint = nearest(&lifecycle.initial, states.iter().copied());
            self.add(
                Severity::Error,
                path,
                &["lifecycle", "initial"],
                "state-missing",
                message,
                hint,
            );
        }
        let scope = trigger_scope(record);
        for (name, transition) in &lifecycle.transitions {
            let keys = ["lifecycle", "transitions", name];
            let at = |key| [keys[0], keys[1], keys[2], key];
            for from in transition.from.iter().filter(|from| missing(from)) {
                let hint = nearest(from, states.iter().copied());
                let message = format!("the state `{from}` is not declared");
                self.add(Severity::Error, path, &at("from"), "state-missing", message, hint);
            }
            if missing(&transition.to) {
                let hint = nearest(&transition.to, states.iter().copied());
                let message = format!("the state `{}` is not declared", transition.to);
                self.add(Severity::Error, path, &at("to"), "state-missing", message, hint);
            }
            for from in &transition.from {
                if lifecycle.state(from).is_some_and(|state| state.is_final) {
                    self.error(
                        path,
                        &at("from"),
                        "state-final",
                        format!("nothing leads out of the final state `{from}`"),
                    );
                }
            }
            for role in transition.who.iter().filter(|role| !role.contains('.')) {
                if !self.package.roles.iter().any(|(known, _)| known == role) {
                    let hint = nearest(role, self.package.roles.iter().map(|(known, _)| known.as_str()));
                    let message = format!("the role `{role}` is not declared in package.toml");
                    self.add(Severity::Error, path, &at("who"), "role-missing", message, hint);
                }
            }
            for (place, fields) in [("input", &transition.input), ("require", &transition.require)] {
                for field in fields.iter().filter(|field| record.field(field).is_none()) {
                    let hint = nearest(field, record.fields.iter().map(|(name, _)| name.as_str()));
                    let message = format!("there is no field `{field}`");
                    self.add(Severity::Error, path, &at(place), "field-missing", message, hint);
                }
            }
            for (field, feel) in &transition.set {
                match record.field(field) {
                    None => self.error(
                        path,
                        &at("set"),
                        "field-missing",
                        format!("there is no field `{field}`"),
                    ),
                    Some(target) => self.feel(path, &at("set"), feel, &scope, &field_type(target)),
                }
            }
            if let Some(guard) = &transition.guard {
                self.feel(path, &at("guard"), guard, &scope, &Type::Boolean);
            }
        }
        self.clocks(path, lifecycle);
        let mut reached = BTreeSet::from([lifecycle.initial.as_str()]);
        while let Some((_, transition)) = lifecycle.transitions.iter().find(|(_, transition)| {
            !reached.contains(transition.to.as_str())
                && transition.from.iter().any(|from| reached.contains(from.as_str()))
        }) {
            reached.insert(&transition.to);
        }
        for state in states.iter().filter(|state| !reached.contains(**state)) {
            let keys = ["lifecycle", "states", state];
            self.add(
                Severity::Error,
                path,
                &keys,
                "state-unreachable",
                format!("nothing leads to the state `{state}`"),
                None,
            );
        }
    }

    fn columns(&mut self, path: &str, keys: &[&str], record: &RecordType, columns: &[String]) {
        for column in columns {
            let name = column.trim_start_matches('-');
            let own = name == "state" && record.lifecycle.is_some();
            if !own && record.field(name).is_none() && !matches!(name, "created_at" | "updated_at") {
                let hint = nearest(name, record.fields.iter().map(|(name, _)| name.as_str()));
                self.add(
                    Severity::Error,
                    path,
                    keys,
                    "field-missing",
                    format!("there is no field `{name}`"),
                    hint,
                );
            }
        }
    }

    fn view(&mut self, name: &str, view: &View) {
        let path = format!("views/{name}.toml");
        let Some(record) = self.find_type(&view.of) else {
            self.error(
                &path,
                &["of"],
                "type-missing",
                format!("there is no type `{}`", view.of),
            );
            return;
        };
        self.columns(&path, &["sort"], record, &view.sort);
        match &view.kind {
            ViewKind::List { columns } => self.columns(&path, &["columns"], record, columns),
            ViewKind::Board { group, card } => {
                self.columns(&path, &["group"], record, std::slice::from_ref(group));
                self.columns(&path, &["card"], record, card);
            }
            ViewKind::Detail { sections, related } => {
                for (section, declared) in sections {
                    self.columns(&path, &["sections", section], record, &declared.fields);
                }
                for (index, related) in related.iter().enumerate() {
                    let index = index.to_string();
                    match self.find_type(&related.of) {
                        None => {
                            let message = format!("there is no type `{}`", related.of);
                            self.error(&path, &["related", &index, "of"], "type-missing", message);
                        }
                        Some(other) => {
                            self.columns(&path, &["related", &index, "columns"], other, &related.columns);
                            self.columns(
                                &path,
                                &["related", &index, "by"],
                                other,
                                std::slice::from_ref(&related.by),
                            );
                        }
                    }
                }
            }
            ViewKind::Ranking {
                group,
                measures,
                order_by,
            } => {
                self.columns(&path, &["group"], record, std::slice::from_ref(group));
                if !measures
                    .iter()
                    .any(|(measure, _)| measure == order_by.trim_start_matches('-'))
                {
                    self.error(
                        &path,
                        &["order_by"],
                        "measure-missing",
                        format!("there is no measure `{order_by}`"),
                    );
                }
            }
            ViewKind::Bulletin { .. } => {}
        }
    }

    fn trigger(&mut self, name: &str, trigger: &Trigger) {
        let path = "triggers.toml";
        let source = match &trigger.on {
            TriggerOn::Daily { of, .. } => of.clone(),
            TriggerOn::Event(event) => event
                .rsplit_once('.')
                .map_or(event.as_str(), |(of, _)| of)
                .to_owned(),
        };
        let Some(record) = self.find_type(&source) else {
            self.error(
                path,
                &["triggers", name, "on"],
                "type-missing",
                format!("there is no type `{source}`"),
            );
            return;
        };
        let scope = trigger_scope(record);
        if let Some(when) = &trigger.when {
            self.feel(path, &["triggers", name, "when"], when, &scope, &Type::Boolean);
        }
        if let Some(once) = &trigger.once {
            self.feel(path, &["triggers", name, "once"], once, &scope, &Type::Text);
        }
        if let TriggerAction::Update { target, .. } | TriggerAction::Transition { target, .. } =
            &trigger.action
            && let Some(target) = target
        {
            let keys = ["triggers", name, "do", "target"];
            self.feel(path, &keys, target, &scope, &Type::Text);
        }
        let (of, with) = match &trigger.action {
            TriggerAction::Start { key, with, .. } | TriggerAction::Message { key, with, .. } => {
                return self.trigger_to_process(name, &trigger.action, key.as_deref(), with, &scope);
            }
            TriggerAction::Create { of, with } | TriggerAction::Update { of, with, .. } => (of, with),
            TriggerAction::Transition {
                of,
                with,
                name: transition,
                ..
            } => {
                let known = self.find_type(of).and_then(|of| of.lifecycle.as_ref());
                if known.is_none_or(|lifecycle| lifecycle.transition(transition).is_none()) {
                    let message = format!("`{of}` has no transition `{transition}`");
                    self.error(path, &["triggers", name, "do"], "transition-missing", message);
                }
                (of, with)
            }
        };
        let Some(target) = self.find_type(of) else {
            self.error(
                path,
                &["triggers", name, "do"],
                "type-missing",
                format!("there is no type `{of}`"),
            );
            return;
        };
        for (field, feel) in with {
            match target.field(field) {
                None => {
                    let message = format!("`{of}` has no field `{field}`");
                    self.error(path, &["triggers", name, "do"], "field-missing", message);
                }
                Some(declared) => self.feel(
                    path,
                    &["triggers", name, "do"],
                    feel,
                    &scope,
                    &field_type(declared),
                ),
            }
        }
    }

    fn seeds(&mut self) {
        for seed in &self.package.seeds {
            let Some(record) = self.package.record_type(&seed.of) else {
                self.error(
                    &seed.path,
                    &[],
                    "type-missing",
                    format!("there is no type `{}`", seed.of),
                );
                continue;
            };
            if let Some(file) = self.files.iter().find(|file| file.path == seed.path) {
                let (_, findings) = read_seed(file, record);
                self.findings.extend(findings);
            }
        }
    }
}

/// `1.10.2` as numbers, to compare versions.
pub(crate) fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}
