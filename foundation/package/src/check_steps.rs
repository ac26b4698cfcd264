//! FEEL of steps. A step moves records of an older version, which is not at hand here: what it reads of the old type is
//! known by name (the field it takes apart or converts) and not by type; a name that we don't know is a warning.

use banyan_base::{Finding, Severity, SourceFile};
use banyan_feel::{Scope, Type, compile};

use crate::locate::Located;
use crate::model::{Package, Step, StepAction};
use crate::scope::{field_type, record_scope};

/// Findings in the FEEL of all steps. Only the newest step must fit the declarations as they are: what older ones name may
/// have gone since, and of them only the grammar is looked at.
pub(crate) fn steps(package: &Package, files: &[SourceFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for step in &package.steps {
        let own = (step.overlay.as_deref(), step.number);
        let Some(file) = files.iter().find(|file| place_of(&file.path) == Some(own)) else {
            continue;
        };
        let newest = package
            .steps
            .iter()
            .all(|other| other.overlay != step.overlay || other.number <= step.number);
        let text = String::from_utf8_lossy(&file.bytes);
        let place = Located::new(&file.path, &text);
        one(package, step, newest, &place, &mut findings);
    }
    findings
}

/// The overlay, where it is one's, and the number of a step by its path: `steps/0002.toml`, `steps/~site/0002.toml`.
fn place_of(path: &str) -> Option<(Option<&str>, u32)> {
    let name = path.strip_prefix("steps/")?.strip_suffix(".toml")?;
    match name.strip_prefix('~') {
        None => Some((None, name.parse().ok()?)),
        Some(rest) => {
            let (overlay, number) = rest.split_once('/')?;
            Some((Some(overlay), number.parse().ok()?))
        }
    }
}

fn one(package: &Package, step: &Step, newest: bool, place: &Located<'_>, findings: &mut Vec<Finding>) {
    let actions = package.steps.iter().flat_map(|step| &step.actions);
    let converted: Vec<(&str, &str)> = actions
        .filter_map(|action| match action {
            StepAction::Convert { of, field, .. } => Some((of.as_str(), field.as_str())),
            _ => None,
        })
        .collect();
    for (index, action) in step.actions.iter().enumerate() {
        let index = index.to_string();
        let mut feel = |of: &str, target: &str, old: &str, text: &str, key: &str| {
            let Some(record) = package.record_type(of) else {
                return;
            };
            let Some(field) = record.field(target) else {
                return;
            };
            // Before its conversion a field has a type that only the installed version tells.
            let changing = |name: &String| name == old || converted.contains(&(of, name.as_str()));
            let mut names = record_scope(record).0;
            for (_, kind) in names.iter_mut().filter(|(name, _)| changing(name)) {
                *kind = Type::Any;
            }
            let scope = Scope(names)
                .with(old, Type::Any)
                .with("id", Type::Text)
                .with("version", Type::Number);
            for error in compile(text, &scope, &field_type(field))
                .err()
                .unwrap_or_default()
            {
                if !newest && !error.message.starts_with("this is not FEEL") {
                    continue;
                }
                // A field that goes with this version still stands when the step runs: apply knows, we don't.
                let unknown = error.message.starts_with("there is no `") && error.message.ends_with("` here");
                let (severity, hint) = match error.hint {
                    None if unknown => {
                        let hint = "or it is a field of the version that is installed".to_owned();
                        (Severity::Warning, Some(hint))
                    }
                    hint if unknown => (Severity::Warning, hint),
                    hint => (Severity::Error, hint),
                };
                let keys = ["actions", index.as_str(), key];
                findings.push(place.finding(severity, &keys, "feel", error.message, hint));
            }
        };
        match action {
            StepAction::Split { of, from, into } => {
                for (target, text) in into {
                    feel(of, target, from, text, "into");
                }
            }
            StepAction::Backfill {
                of,
                field,
                feel: text,
                ..
            }
            | StepAction::Convert {
                of,
                field,
                feel: text,
            } => feel(of, field, field, text, "feel"),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::tests::{files, good};
    use crate::{Installed, check, read};

    #[test]
    fn faulty_feel_of_steps_is_found() {
        let split = |feel: &str| {
            format!(
                "[[actions]]\ndo = \"rename_field\"\nof = \"room\"\nfrom = \"size\"\nto = \"seats\"\n[[actions]]\ndo = \"split\"\nof = \"room\"\nfrom = \"place\"\ninto = {{ name = '{feel}' }}\n"
            )
        };
        let backfill = |feel: &str| {
            format!("[[actions]]\ndo = \"backfill\"\nof = \"room\"\nfield = \"seats\"\nfeel = '{feel}'\n")
        };
        let converted = "[[actions]]\ndo = \"backfill\"\nof = \"room\"\nfield = \"name\"\nfeel = 'if seats = \"20\" then \"a\" else \"b\"'\n[[actions]]\ndo = \"convert\"\nof = \"room\"\nfield = \"seats\"\nfeel = 'number(seats, \",\", \".\")'\n".to_owned();
        // Step 2, step 3, and where errors are.
        for (older, newer, expected) in [
            (split("place"), backfill("seats + 1"), None),
            (split("place"), converted, None),
            (
                split("place +"),
                backfill("1"),
                Some(("steps/0002.toml", 10, true)),
            ),
            // What an older step names may have gone.
            (split("gone"), backfill("1"), None),
            (
                split("place"),
                backfill("string length(nmae)"),
                Some(("steps/0003.toml", 5, false)),
            ),
            (
                split("place"),
                backfill("name"),
                Some(("steps/0003.toml", 5, true)),
            ),
            (
                backfill("1"),
                split("place + floor"),
                Some(("steps/0003.toml", 10, false)),
            ),
        ] {
            let mut package = good();
            package.insert("steps/0002.toml".into(), older.clone());
            package.insert("steps/0003.toml".into(), newer.clone());
            let files = files(&package);
            let (package, findings) = read(&files);
            assert!(findings.is_empty(), "{findings:?}");
            let found = check(&package.unwrap(), &files, &Installed::default());
            let found: Vec<(&str, u32, bool)> = found
                .iter()
                .map(|finding| {
                    let error = finding.severity == banyan_base::Severity::Error;
                    (finding.file.as_str(), finding.line, error)
                })
                .collect();
            assert_eq!(found, Vec::from_iter(expected), "{older} {newer}");
        }
    }
}
