//! Overlays: a site changes a package by a folder of its own, whose files are merged into the package's. What comes out
//! is read and checked as one package under the package's id; every finding goes back to the file it stands in.

use std::collections::BTreeMap;

use banyan_base::{Finding, Severity, SourceFile, Title};
use serde::Deserialize;

use crate::check::numbers;
use crate::form;
use crate::forms;
use crate::locate::Located;
use crate::merge;
use crate::model::{Overlay, Package};
use crate::node::{self, Kind};
use crate::read::{self, hash_of, is_package_id};

/// What a folder's package.toml says it is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Head {
    pub id: String,
    #[serde(default)]
    pub title: Title,
    #[serde(default)]
    pub version: String,
    /// The package that this one changes: then it is an overlay.
    #[serde(default)]
    pub overlays: Option<String>,
    #[serde(default)]
    pub needs: BTreeMap<String, String>,
}

/// Reads what a folder is. An overlay's package.toml is checked here, that of a package by [`crate::read`].
pub fn head(files: &[SourceFile]) -> (Option<Head>, Vec<Finding>) {
    let Some(file) = files.iter().find(|file| file.path == "package.toml") else {
        return (None, read::read(files).1);
    };
    let text = String::from_utf8_lossy(&file.bytes);
    let root = node::parse(&text).0;
    let overlay =
        matches!(&root.kind, Kind::Table(entries) if entries.iter().any(|entry| entry.name == "overlays"));
    let shape = if overlay { forms::OVERLAY } else { forms::PACKAGE };
    let (value, mut findings) = form::read(&file.path, &text, &shape);
    let head = value.and_then(|value| serde_json::from_value::<Head>(value).ok());
    let mut add = |keys: &[&str], rule: &str, message: String, hint: &str| {
        let located = Located::new(&file.path, &text);
        let hint = Some(hint.to_owned());
        findings.push(located.finding(Severity::Error, keys, rule, message, hint));
    };
    if let Some(head) = head.as_ref().filter(|_| overlay) {
        if !is_package_id(&head.id) {
            let message = format!("`{}` can't be an overlay's id", head.id);
            add(
                &["id"],
                "name",
                message,
                "2 to 24 of a–z, 0–9 and -, beginning with a letter",
            );
        }
        if numbers(&head.version).len() != 3
            || head.version.split('.').any(|part| part.parse::<u32>().is_err())
        {
            add(
                &["version"],
                "version",
                format!("`{}` is not a version", head.version),
                "three numbers: 1.0.0",
            );
        }
        if head.overlays.as_ref() == Some(&head.id) {
            add(
                &["overlays"],
                "overlay-self",
                "an overlay can't change itself".into(),
                "name the package that it changes",
            );
        }
    } else if !overlay {
        // The package's own reading says it all again, and more.
        findings.clear();
    }
    (head.filter(|head| !head.id.is_empty()), findings)
}

/// The hash of a folder's files.
pub fn hash(files: &[SourceFile]) -> String {
    let mut sorted: Vec<&SourceFile> = files.iter().collect();
    sorted.sort_by(|a, b| a.path.cmp(&b.path));
    hash_of(&sorted)
}

/// Where the lines of a merged file come from, from this line on.
#[derive(Clone, Debug)]
struct Origin {
    line: u32,
    /// Id of the package or overlay.
    layer: String,
    path: String,
}

/// A package with its overlays: merged files that can be read and checked like those of one package.
#[derive(Clone, Debug, Default)]
pub struct Layered {
    pub files: Vec<SourceFile>,
    base: String,
    overlays: Vec<Overlay>,
    origins: BTreeMap<String, Vec<Origin>>,
}

/// Merges overlays into a package, in the order of their ids. Findings are [placed](Layered::place) already.
pub fn layer(base: &[SourceFile], overlays: &[Vec<SourceFile>]) -> (Layered, Vec<Finding>) {
    let mut findings = Vec::new();
    let Some(base_head) = head(base).0 else {
        return (Layered::default(), read::read(base).1);
    };
    let mut layered = Layered {
        base: base_head.id.clone(),
        ..Layered::default()
    };
    let mut merged: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for file in base {
        if let Some(finding) = read::control_character(file) {
            findings.push(within(&base_head.id, finding));
            continue;
        }
        merged.insert(file.path.clone(), file.bytes.clone());
        layered.begin(&file.path, &base_head.id, &file.path);
    }
    let mut read: Vec<(Head, &Vec<SourceFile>)> = Vec::new();
    for files in overlays {
        // Whoever calls has the findings of an overlay's head already.
        read.extend(head(files).0.map(|overlay| (overlay, files)));
    }
    read.sort_by(|a, b| a.0.id.cmp(&b.0.id));
    for (overlay, files) in &read {
        if let Some(version) = overlay.needs.get(&base_head.id)
            && numbers(&base_head.version) < numbers(version)
        {
            let message = format!(
                "`{}` {version} is needed, {} is there",
                base_head.id, base_head.version
            );
            let keys = ["needs", base_head.id.as_str()];
            findings.extend(fault(
                files,
                &overlay.id,
                "package.toml",
                &keys,
                "needs-version",
                message,
            ));
        }
        layered.overlays.push(Overlay {
            id: overlay.id.clone(),
            title: overlay.title.clone(),
            version: overlay.version.clone(),
            hash: hash(files),
        });
        for file in *files {
            layered.add(&mut merged, &overlay.id, file, &mut findings);
        }
    }
    layered.files = merged
        .into_iter()
        .map(|(path, bytes)| SourceFile { path, bytes })
        .collect();
    (layered, findings)
}

fn within(layer: &str, finding: Finding) -> Finding {
    Finding {
        file: format!("{layer}/{}", finding.file),
        ..finding
    }
}

/// A finding in a file of an overlay.
fn fault(
    files: &[SourceFile],
    layer: &str,
    path: &str,
    keys: &[&str],
    rule: &str,
    message: String,
) -> Option<Finding> {
    let file = files.iter().find(|file| file.path == path)?;
    let text = String::from_utf8_lossy(&file.bytes);
    let finding = Located::new(path, &text).finding(Severity::Error, keys, rule, message, None);
    Some(within(layer, finding))
}

impl Layered {
    fn begin(&mut self, effective: &str, layer: &str, path: &str) {
        let origin = Origin {
            line: 1,
            layer: layer.to_owned(),
            path: path.to_owned(),
        };
        self.origins.insert(effective.to_owned(), vec![origin]);
    }

    /// One file of an overlay.
    fn add(
        &mut self,
        merged: &mut BTreeMap<String, Vec<u8>>,
        layer: &str,
        file: &SourceFile,
        findings: &mut Vec<Finding>,
    ) {
        let parts: Vec<&str> = file.path.split('/').collect();
        let comment = match parts.as_slice() {
            // They tell of the overlay, not of the package.
            ["README.md" | "RETENTION.md"] | ["demo", ..] => return,
            ["policy.cedar"] => "//",
            ["package.toml" | "triggers.toml"] => "#",
            ["codes" | "records" | "views" | "messages", name] if name.ends_with(".toml") => "#",
            // An overlay's file stands in place of the package's: a model can't be merged by lines.
            _ if read::engine_file(&file.path).is_some() => {
                self.begin(&file.path, layer, &file.path);
                merged.insert(file.path.clone(), file.bytes.clone());
                return;
            }
            // What an overlay brings of these stands beside the package's own, whatever its name.
            [folder @ ("seeds" | "steps" | "features"), name] => {
                let effective = format!("{folder}/~{layer}/{name}");
                self.begin(&effective, layer, &file.path);
                merged.insert(effective, file.bytes.clone());
                return;
            }
            _ => {
                let effective = format!("~{layer}/{}", file.path);
                self.begin(&effective, layer, &file.path);
                merged.insert(effective, file.bytes.clone());
                return;
            }
        };
        let files = std::slice::from_ref(file);
        let said = |rule: &str, message: &str| {
            fault(files, layer, &file.path, &["remove"], rule, message.to_owned())
        };
        let Ok(text) = std::str::from_utf8(&file.bytes) else {
            findings.extend(said("encoding", "the file is not UTF-8"));
            return;
        };
        if let Some(finding) = read::control_character(file) {
            findings.push(within(layer, finding));
            return;
        }
        if comment == "#" && node::parse(text).0.removes() {
            if file.path == "package.toml" {
                findings.extend(said("overlay-remove", "a package can't be removed by an overlay"));
            } else if merged.remove(&file.path).is_none() {
                findings.extend(said(
                    "overlay-remove",
                    "the package has no such file to be removed",
                ));
            }
            return;
        }
        let Some(there) = merged.get_mut(&file.path) else {
            self.begin(&file.path, layer, &file.path);
            merged.insert(file.path.clone(), file.bytes.clone());
            return;
        };
        if there.last().is_some_and(|byte| *byte != b'\n') {
            there.push(b'\n');
        }
        there.extend(merge::mark(comment, file.path == "package.toml").into_bytes());
        let lines = there.iter().filter(|byte| **byte == b'\n').count();
        there.extend(&file.bytes);
        let origin = Origin {
            line: u32::try_from(lines + 1).unwrap_or(u32::MAX),
            layer: layer.to_owned(),
            path: file.path.clone(),
        };
        self.origins.entry(file.path.clone()).or_default().push(origin);
    }

    /// Reads the merged files as one package. Findings stand in the merged files: [`Layered::place`] them.
    pub fn read(&self) -> (Option<Package>, Vec<Finding>) {
        let (mut package, findings) = read::read_merged(&self.files);
        if let Some(package) = &mut package {
            package.overlays.clone_from(&self.overlays);
        }
        (package, findings)
    }

    /// Findings in merged files, at the lines of the files that people wrote: `<id of the package or overlay>/<path>`.
    pub fn place(&self, findings: Vec<Finding>) -> Vec<Finding> {
        findings
            .into_iter()
            .map(|finding| self.place_one(finding))
            .collect()
    }

    fn place_one(&self, finding: Finding) -> Finding {
        let origins = self.origins.get(&finding.file);
        let origin = origins.and_then(|origins| origins.iter().rfind(|origin| origin.line <= finding.line));
        let Some(origin) = origin else {
            return within(&self.base, finding);
        };
        let mut finding = Finding {
            file: format!("{}/{}", origin.layer, origin.path),
            line: finding.line - origin.line + 1,
            ..finding
        };
        if origin.layer == self.base && finding.severity == Severity::Error {
            let names: Vec<&str> = self.overlays.iter().map(|overlay| overlay.id.as_str()).collect();
            let hint = format!("changed by the overlays {}", names.join(", "));
            finding.hint = Some(match finding.hint.take() {
                Some(own) => format!("{own} ({hint})"),
                None => hint,
            });
        }
        finding
    }
}
