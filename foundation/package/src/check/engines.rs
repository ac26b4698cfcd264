//! Files that engines read: their names. What is in them the engines check themselves.

use std::collections::BTreeMap;

use super::Checker;
use crate::model::Source;

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

    fn twice(&mut self, sources: &[Source]) {
        for (index, source) in sources.iter().enumerate() {
            if sources.iter().take(index).any(|other| other.name == source.name) {
                let message = format!("another file is named `{}` too", source.name);
                self.error(&source.path, &[], "name-taken", message);
            }
        }
    }
}
