//! Files that engines read: their names. What is in them the engines check themselves.

use std::collections::BTreeMap;

use banyan_feel::{Scope, Type};

use super::Checker;
use crate::model::{Ordered, Source, TriggerAction};

impl Checker<'_> {
    /// Types, processes and decision models share one space of names: policies speak of them alike.
    pub(super) fn engine_files(&mut self) {
        let package = self.package;
        let types = package.types.iter();
        let mut taken: BTreeMap<&str, String> = types
            .map(|(name, _)| (name.as_str(), format!("records/{name}.toml")))
            .collect();
        for source in package.processes.iter().chain(&package.decisions) {
            if let Some(other) = taken.insert(&source.name, source.path.clone()) {
                let message = format!("`{}` is the name of {other} too", source.name);
                self.error(&source.path, &[], "name-taken", message);
            }
        }
        for cases in &package.decision_cases {
            if !package.decisions.iter().any(|model| model.name == cases.name) {
                let message = format!(
                    "there is no decisions/{}.dmn that these cases are for",
                    cases.name
                );
                self.error(&cases.path, &[], "cases-alone", message);
            }
        }
        self.twice(&package.forms);
        self.twice(&package.decision_cases);
    }

    /// A trigger that starts a process or tells one something: its variables are of any type.
    pub(super) fn trigger_to_process(
        &mut self,
        name: &str,
        action: &TriggerAction,
        key: Option<&str>,
        with: &Ordered<String>,
        scope: &Scope,
    ) {
        let path = "triggers.toml";
        let keys = ["triggers", name, "do"];
        if let TriggerAction::Start { process, .. } = action {
            let (package, short) = match process.split_once('.') {
                Some((id, short)) if id != self.package.id => (self.installed.packages.get(id), short),
                Some((_, short)) => (Some(self.package), short),
                None => (Some(self.package), process.as_str()),
            };
            let mut known = package.into_iter().flat_map(|package| &package.processes);
            if !known.any(|source| source.name == short) {
                let message = format!("there is no process `{process}`");
                self.error(path, &keys, "process-missing", message);
            }
        }
        if let Some(key) = key {
            self.feel(path, &["triggers", name, "do", "key"], key, scope, &Type::Text);
        }
        for (variable, feel) in with {
            self.feel(
                path,
                &["triggers", name, "do", "with", variable],
                feel,
                scope,
                &Type::Any,
            );
        }
    }

    fn twice(&mut self, sources: &[Source]) {
        for (index, source) in sources.iter().enumerate() {
            if sources.iter().take(index).any(|other| other.name == source.name) {
                let message = format!("another file is named `{}` too", source.name);
                self.error(&source.path, &[], "name-taken", message);
            }
        }
    }
}
