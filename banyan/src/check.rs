//! `banyan check`: packages and overlays in folders, checked against each other, as they would be applied together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use banyan_base::{Finding, Severity, SourceFile, World};
use banyan_package::{Head, Installed, Layered, Package};

/// A package of the folders, with its overlays among them.
struct Whole<'f> {
    folder: &'f Path,
    package: Option<Package>,
    files: Vec<SourceFile>,
    /// Where overlays are merged in.
    layered: Option<Layered>,
    findings: Vec<Finding>,
}

/// All findings, each with the path of the file it stands in.
pub fn packages(folders: &[PathBuf], all: &[Vec<SourceFile>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut overlays: Vec<(Head, &Path, &Vec<SourceFile>)> = Vec::new();
    let mut bases: Vec<(Option<Head>, &Path, &Vec<SourceFile>)> = Vec::new();
    let mut at: BTreeMap<String, &Path> = BTreeMap::new();
    for (folder, files) in folders.iter().zip(all) {
        let (head, own) = banyan_package::head(files);
        if let Some(head) = &head {
            at.insert(head.id.clone(), folder);
        }
        match head {
            Some(head) if head.overlays.is_some() => {
                overlays.push((head, folder, files));
                findings.extend(own.into_iter().map(|finding| within(folder, finding)));
            }
            head => bases.push((head, folder, files)),
        }
    }
    let mut wholes: Vec<Whole<'_>> = Vec::new();
    for (head, folder, files) in bases {
        let id = head.map(|head| head.id);
        let over = overlays
            .iter()
            .filter(|(overlay, ..)| id.is_some() && overlay.overlays == id);
        let over: Vec<Vec<SourceFile>> = over.map(|(_, _, files)| (*files).clone()).collect();
        wholes.push(whole(folder, files, &over));
    }
    let mut installed = Installed::default();
    for package in wholes.iter().filter_map(|whole| whole.package.clone()) {
        installed.packages.insert(package.id.clone(), package);
    }
    let cx = World::system().system_ctx();
    for whole in wholes {
        let own = whole.package.iter();
        let own = own.flat_map(|package| {
            let mut found = banyan_registry::check(package, &whole.files, &installed);
            found.extend(banyan_rule::Rules::check(&cx, package));
            found
        });
        let own: Vec<Finding> = own.collect();
        match &whole.layered {
            None => {
                let placed = whole.findings.into_iter().chain(own);
                findings.extend(placed.map(|finding| within(whole.folder, finding)));
            }
            // Each begins with the id of the package or overlay it stands in.
            Some(layered) => {
                let placed = whole.findings.into_iter().chain(layered.place(own));
                findings.extend(placed.map(|finding| relocated(&at, finding)));
            }
        }
    }
    for (overlay, folder, _) in &overlays {
        let of = overlay.overlays.as_deref().unwrap_or_default();
        if !installed.packages.contains_key(of) {
            findings.push(Finding {
                severity: Severity::Error,
                rule: "overlay-base-missing".into(),
                file: folder.join("package.toml").display().to_string(),
                line: 1,
                column: 1,
                message: format!("the package `{of}` that it changes is not among the folders"),
                hint: Some("name its folder too".into()),
            });
        }
    }
    findings
}

/// The packages of the folders, overlays merged in, as far as they can be read; in the folders' order.
pub fn read(folders: &[PathBuf], all: &[Vec<SourceFile>]) -> Vec<Package> {
    let heads: Vec<Option<Head>> = all.iter().map(|files| banyan_package::head(files).0).collect();
    let is_base = |head: &Option<Head>| head.as_ref().is_none_or(|head| head.overlays.is_none());
    let mut found = Vec::new();
    for ((folder, files), head) in folders
        .iter()
        .zip(all)
        .zip(&heads)
        .filter(|(_, head)| is_base(head))
    {
        let id = head.as_ref().map(|head| head.id.clone());
        let over = heads.iter().zip(all).filter(|(other, _)| {
            let of = other.as_ref().and_then(|other| other.overlays.clone());
            of.is_some() && of == id
        });
        let over: Vec<Vec<SourceFile>> = over.map(|(_, files)| files.clone()).collect();
        found.extend(whole(folder, files, &over).package);
    }
    found
}

fn whole<'f>(folder: &'f Path, files: &[SourceFile], overlays: &[Vec<SourceFile>]) -> Whole<'f> {
    if overlays.is_empty() {
        let (package, findings) = banyan_package::read(files);
        return Whole {
            folder,
            package,
            files: files.to_vec(),
            layered: None,
            findings,
        };
    }
    let (layered, mut findings) = banyan_package::layer(files, overlays);
    let (package, more) = layered.read();
    findings.extend(layered.place(more));
    Whole {
        folder,
        package,
        files: layered.files.clone(),
        layered: Some(layered),
        findings,
    }
}

fn within(folder: &Path, finding: Finding) -> Finding {
    Finding {
        file: folder.join(&finding.file).display().to_string(),
        ..finding
    }
}

fn relocated(at: &BTreeMap<String, &Path>, finding: Finding) -> Finding {
    let place = finding.file.split_once('/');
    let file = place.and_then(|(id, path)| Some(at.get(id)?.join(path).display().to_string()));
    Finding {
        file: file.unwrap_or_else(|| finding.file.clone()),
        ..finding
    }
}
