//! Files to a [`Package`]: each file is read by itself, so that a mistake in one never hides those in others.

use std::collections::BTreeMap;

use banyan_base::{Finding, Severity, SourceFile};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::form::{self, Shape};
use crate::forms;
use crate::locate::Located;
use crate::merge;
use crate::model::*;
use crate::node::finding_at;
use crate::raw::*;

/// The largest file of a package.
const MAX_FILE: usize = 16 << 20;

pub(crate) struct Reader {
    /// Whether overlays are merged in.
    merged: bool,
    pub(crate) findings: Vec<Finding>,
    pub(crate) package: Package,
}

/// Reads the files of a package folder. `None` where package.toml itself can't be read.
pub fn read(files: &[SourceFile]) -> (Option<Package>, Vec<Finding>) {
    read_as(files, false)
}

/// Reads the files of a package into which overlays are merged.
pub(crate) fn read_merged(files: &[SourceFile]) -> (Option<Package>, Vec<Finding>) {
    read_as(files, true)
}

fn read_as(files: &[SourceFile], merged: bool) -> (Option<Package>, Vec<Finding>) {
    let mut reader = Reader {
        merged,
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
    reader.package.hash = hash_of(&sorted);
    let Reader {
        findings, package, ..
    } = reader;
    (whole.then_some(package), findings)
}

pub(crate) fn hash_of(files: &[&SourceFile]) -> String {
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

/// Refuses the character that marks the parts of merged files.
pub(crate) fn control_character(file: &SourceFile) -> Option<Finding> {
    let text = String::from_utf8_lossy(&file.bytes);
    let at = text
        .find(merge::MARK)
        .filter(|_| !file.path.starts_with("demo/"))?;
    let message = "the file holds a control character".to_owned();
    Some(finding_at(
        Severity::Error,
        &file.path,
        &text,
        at,
        "control-character",
        message,
        None,
    ))
}

/// The ending of a file that an engine reads by itself.
pub(crate) fn engine_file(path: &str) -> Option<&'static str> {
    let (folder, name) = path.split_once('/')?;
    let endings: &[&'static str] = match folder {
        "processes" => &[".bpmn"],
        "decisions" => &[".dmn", ".cases.json"],
        "forms" => &[".form.json"],
        _ => return None,
    };
    endings.iter().copied().find(|ending| name.ends_with(ending))
}

pub(crate) fn is_name(text: &str) -> bool {
    text.len() <= 31
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

pub(crate) fn is_package_id(text: &str) -> bool {
    (2..=24).contains(&text.len()) && is_name(&text.replace('-', "_"))
}

impl Reader {
    pub(crate) fn add(
        &mut self,
        file: &SourceFile,
        keys: &[&str],
        rule: &str,
        message: String,
        hint: Option<&str>,
    ) {
        let text = String::from_utf8_lossy(&file.bytes);
        let located = Located::new(&file.path, &text);
        self.findings
            .push(located.finding(Severity::Error, keys, rule, message, hint.map(str::to_owned)));
    }

    /// Reads a file by its form; what is wrong in it is found and left out.
    pub(crate) fn parse<T: DeserializeOwned>(&mut self, file: &SourceFile, shape: &Shape) -> Option<T> {
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
        let (value, findings) = form::read(&file.path, text, shape);
        self.findings.extend(findings);
        match serde_json::from_value(value?) {
            Ok(value) => Some(value),
            Err(error) => {
                self.add(
                    file,
                    &[],
                    "form",
                    format!("the file can't be read: {error}"),
                    None,
                );
                None
            }
        }
    }

    fn package_file(&mut self, file: &SourceFile) -> bool {
        let Some(raw) = self.parse::<RawPackage>(file, &forms::PACKAGE) else {
            return false;
        };
        if raw.id.is_empty() {
            return false;
        }
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
            basis: raw.basis,
            legal_basis: raw.legal_basis,
            retention: raw.retention,
            sunset: raw.sunset,
            roles: raw.roles,
            fields: raw.fields,
            consent: raw.consent,
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
            impact: raw.impact,
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
        if !self.merged
            && let Some(finding) = control_character(file)
        {
            self.findings.push(finding);
            return;
        }
        let mut parts: Vec<&str> = file.path.split('/').collect();
        // Files of an overlay that stand beside the package's own: `steps/~<overlay>/0001.toml`.
        let overlay = parts
            .get(1)
            .and_then(|part| part.strip_prefix('~'))
            .map(str::to_owned);
        if self.merged && overlay.is_some() && parts.len() == 3 {
            parts.remove(1);
        }
        match parts.as_slice() {
            ["package.toml" | "README.md" | "RETENTION.md"] => {}
            ["demo", ..] => {}
            ["policy.cedar"] => self.policy(file),
            ["triggers.toml"] => self.triggers(file),
            ["codes", name] if name.ends_with(".toml") => self.codes(file, name.trim_end_matches(".toml")),
            ["records", name] if name.ends_with(".toml") => self.record(file, name.trim_end_matches(".toml")),
            ["views", name] if name.ends_with(".toml") => self.view(file, name.trim_end_matches(".toml")),
            ["messages", name] if name.ends_with(".toml") => {
                if let Some(messages) = self.parse::<BTreeMap<String, String>>(file, &forms::MESSAGES) {
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
            ["steps", name] if name.ends_with(".toml") => {
                self.step(file, name.trim_end_matches(".toml"), overlay);
            }
            ["processes" | "decisions" | "forms", name] if engine_file(&file.path).is_some() => {
                self.source(file, name);
            }
            ["features", name] if name.ends_with(".feature") => self.package.features.push(file.path.clone()),
            _ => {
                let hint = "package.toml, codes/, records/, views/, triggers.toml, policy.cedar, processes/*.bpmn, decisions/*.dmn, decisions/*.cases.json, forms/*.form.json, messages/, seeds/, steps/, features/, README.md, RETENTION.md";
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

    /// A file that an engine reads.
    fn source(&mut self, file: &SourceFile, name: &str) {
        let Some(ending) = engine_file(&file.path) else {
            return;
        };
        let name = name.strip_suffix(ending).unwrap_or(name);
        self.name(file, name);
        let Ok(text) = std::str::from_utf8(&file.bytes) else {
            let message = "the file is not UTF-8".to_owned();
            self.add(file, &[], "encoding", message, Some("save it as UTF-8"));
            return;
        };
        let source = Source {
            name: name.to_owned(),
            path: file.path.clone(),
            text: text.to_owned(),
        };
        let package = &mut self.package;
        match ending {
            ".bpmn" => package.processes.push(source),
            ".dmn" => package.decisions.push(source),
            ".cases.json" => package.decision_cases.push(source),
            _ => package.forms.push(source),
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
                let message = error.to_string();
                let finding = finding_at(
                    Severity::Error,
                    &file.path,
                    &text,
                    offset,
                    "policy",
                    message,
                    None,
                );
                self.findings.push(finding);
            }
        }
        self.package.policy = text;
    }

    fn codes(&mut self, file: &SourceFile, name: &str) {
        self.name(file, name);
        let Some(raw) = self.parse::<RawList>(file, &forms::CODES) else {
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

    pub(crate) fn name(&mut self, file: &SourceFile, name: &str) {
        if !is_name(name) {
            let hint = "at most 31 of a–z, 0–9 and _, beginning with a letter";
            self.add(file, &[], "name", format!("`{name}` can't be a name"), Some(hint));
        }
    }
}
