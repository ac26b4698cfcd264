//! Packages and overlays as they were applied, each with its own files and hash, and the packages that come of them.

use std::collections::{BTreeMap, BTreeSet};

use banyan_base::{Ctx, Finding, Problem, Severity, SourceFile, codes, has_errors};
use banyan_package::{Installed, Package, StepsDone, layer, read};
use banyan_store::{Tx, Value};
use serde_json::json;

use crate::catalog::Catalog;
use crate::parts::Parts;

/// A package or an overlay: its files as somebody wrote them.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) id: String,
    /// The package it changes.
    pub(crate) overlays: Option<String>,
    pub(crate) version: String,
    pub(crate) hash: String,
    pub(crate) files: Vec<SourceFile>,
    /// Whether it is sent now, or was installed before.
    sent: bool,
}

/// A package with its overlays, checked.
pub(crate) struct Ready {
    pub(crate) package: Package,
    pub(crate) files: Vec<SourceFile>,
    pub(crate) findings: Vec<Finding>,
    /// What it is made of and was sent.
    pub(crate) sent: Vec<Source>,
}

/// Refuses with all findings.
pub(crate) fn refused(findings: &[Finding]) -> Problem {
    let errors = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error);
    let text = format!("包检查有 {} 处错误,什么也没有改动。", errors.count());
    let list = serde_json::to_value(findings).unwrap_or_default();
    Problem::new(codes::PACKAGE_REFUSED, text).with("findings", list)
}

/// The sources as installed, of one package with its overlays.
pub(crate) fn stored(tx: &mut Tx<'_>, package: &str) -> Result<Vec<Source>, Problem> {
    let sql = "SELECT id, overlays, version, hash, sources FROM package_source WHERE id = ?1 OR overlays = ?1 ORDER BY id";
    let mut all = Vec::new();
    for row in tx.query(sql, &[package.into()])? {
        let id: String = row.get(0)?;
        let files: BTreeMap<String, String> =
            serde_json::from_str(&row.get::<String>(4)?).map_err(|error| {
                Problem::internal(format!("the stored sources of {id} can't be read: {error}"))
            })?;
        let file = |(path, text): (String, String)| SourceFile {
            path,
            bytes: text.into_bytes(),
        };
        all.push(Source {
            id,
            overlays: row.get(1)?,
            version: row.get(2)?,
            hash: row.get(3)?,
            files: files.into_iter().map(file).collect(),
            sent: false,
        });
    }
    Ok(all)
}

/// The package that an installed overlay changes; `None` where there is no such overlay.
pub(crate) fn overlaid(tx: &mut Tx<'_>, id: &str) -> Result<Option<String>, Problem> {
    let row = tx.query_opt("SELECT overlays FROM package_source WHERE id = ?1", &[id.into()])?;
    Ok(row.map(|row| row.get(0)).transpose()?.flatten())
}

/// The highest steps that have run, of a package and its overlays.
pub(crate) fn steps_done(tx: &mut Tx<'_>, package: &str) -> Result<StepsDone, Problem> {
    let mut done = StepsDone::new();
    // Packages from before sources were kept apart count their steps here only.
    for sql in [
        "SELECT id, step FROM package WHERE id = ?1",
        "SELECT id, step FROM package_source WHERE id = ?1 OR overlays = ?1",
    ] {
        for row in tx.query(sql, &[package.into()])? {
            done.insert(row.get(0)?, row.get(1)?);
        }
    }
    Ok(done)
}

/// Keeps what was sent, and the steps it has made.
pub(crate) fn store(cx: &Ctx, tx: &mut Tx<'_>, package: &Package, sent: &[Source]) -> Result<(), Problem> {
    for source in sent {
        let of = |overlay: &Option<String>| match &source.overlays {
            None => overlay.is_none(),
            Some(_) => overlay.as_ref() == Some(&source.id),
        };
        let steps = package.steps.iter().filter(|step| of(&step.overlay));
        let texts: BTreeMap<&str, String> = source
            .files
            .iter()
            .filter(|file| !file.path.starts_with("demo/"))
            .map(|file| {
                (
                    file.path.as_str(),
                    String::from_utf8_lossy(&file.bytes).into_owned(),
                )
            })
            .collect();
        tx.execute(
            "INSERT INTO package_source (id, overlays, version, hash, sources, step, applied_at, applied_by)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (id) DO UPDATE SET overlays = excluded.overlays, version = excluded.version,
             hash = excluded.hash, sources = excluded.sources, step = excluded.step, applied_at = excluded.applied_at,
             applied_by = excluded.applied_by",
            &[
                source.id.as_str().into(),
                source.overlays.as_deref().into(),
                source.version.as_str().into(),
                source.hash.as_str().into(),
                Value::Text(json!(texts).to_string()),
                steps.map(|step| step.number).max().unwrap_or(0).into(),
                cx.now_text().into(),
                cx.actor.id.as_str().into(),
            ],
        )?;
    }
    Ok(())
}

/// Reads what is sent. Findings name the files of each.
fn sources(packages: &[Vec<SourceFile>], broken: &mut Vec<Finding>) -> Vec<Source> {
    let mut all: Vec<Source> = Vec::new();
    for files in packages {
        let (head, findings) = banyan_package::head(files);
        let failed = has_errors(&findings);
        let id = head.as_ref().map_or("", |head| head.id.as_str());
        broken.extend(findings.into_iter().map(|finding| within(id, finding)));
        match head {
            Some(head) if all.iter().any(|source| source.id == head.id) => {
                broken.push(at_head("package-twice", format!("`{}` is sent twice", head.id)));
            }
            Some(head) if !failed => all.push(Source {
                hash: banyan_package::hash(files),
                id: head.id,
                overlays: head.overlays,
                version: head.version,
                files: files.clone(),
                sent: true,
            }),
            Some(_) => {}
            // Its own reading says what keeps package.toml from being read.
            None => broken.extend(read(files).1),
        }
    }
    all
}

fn within(id: &str, finding: Finding) -> Finding {
    Finding {
        file: format!("{id}/{}", finding.file),
        ..finding
    }
}

fn at_head(rule: &str, message: String) -> Finding {
    Finding {
        severity: Severity::Error,
        rule: rule.into(),
        file: "package.toml".into(),
        line: 1,
        column: 1,
        message,
        hint: None,
    }
}

/// A package and how its findings are placed.
struct Composed {
    package: Package,
    files: Vec<SourceFile>,
    layered: Option<banyan_package::Layered>,
    findings: Vec<Finding>,
    sent: Vec<Source>,
}

/// A package of its sources, the package's own and those of its overlays.
fn compose(id: &str, sources: Vec<Source>) -> Result<Composed, Vec<Finding>> {
    let Some(base) = sources.iter().find(|source| source.overlays.is_none()) else {
        let overlay = sources.iter().find(|source| source.sent).or(sources.first());
        let message = format!("the package `{id}` that it changes is not there");
        let mut finding = at_head("overlay-base-missing", message);
        if let Some(overlay) = overlay {
            let text = overlay.files.iter().find(|file| file.path == "package.toml");
            let text = text
                .map(|file| String::from_utf8_lossy(&file.bytes).into_owned())
                .unwrap_or_default();
            let line = text
                .lines()
                .position(|line| line.trim_start().starts_with("overlays"));
            finding.line = line.map_or(1, |line| u32::try_from(line + 1).unwrap_or(1));
            finding.file = format!("{}/package.toml", overlay.id);
            finding.hint = Some(format!("apply {id} first, or together with it"));
        }
        return Err(vec![finding]);
    };
    let overlays: Vec<Vec<SourceFile>> = sources
        .iter()
        .filter(|source| source.overlays.is_some())
        .map(|source| source.files.clone())
        .collect();
    let (package, files, layered, findings) = if overlays.is_empty() {
        let (package, findings) = read(&base.files);
        (package, base.files.clone(), None, findings)
    } else {
        let (layered, mut findings) = layer(&base.files, &overlays);
        let (package, more) = layered.read();
        findings.extend(layered.place(more));
        (package, layered.files.clone(), Some(layered), findings)
    };
    let sent = sources.into_iter().filter(|source| source.sent).collect();
    match package {
        Some(package) => Ok(Composed {
            package,
            files,
            layered,
            findings,
            sent,
        }),
        None => Err(findings),
    }
}

/// Reads and checks what is sent, against each other and what is installed; sorted so that what is needed comes first.
/// `without`: an overlay that goes.
///
/// # Errors
/// Where anything does not pass, or an installed package would no longer.
pub(crate) fn prepare(
    tx: &mut Tx<'_>,
    catalog: &Catalog,
    parts: &Parts,
    packages: &[Vec<SourceFile>],
    without: Option<(&str, &str)>,
) -> Result<Vec<Ready>, Problem> {
    let mut broken = Vec::new();
    let sent = sources(packages, &mut broken);
    let mut ids: BTreeSet<String> = sent
        .iter()
        .map(|source| source.overlays.clone().unwrap_or_else(|| source.id.clone()))
        .collect();
    ids.extend(without.map(|(package, _)| package.to_owned()));
    let mut all = Vec::new();
    for id in ids {
        let mut layers = stored(tx, &id)?;
        layers.retain(|source| {
            without.is_none_or(|(_, gone)| source.id != gone)
                && sent.iter().all(|other| other.id != source.id)
        });
        let here = |source: &&Source| source.overlays.as_ref().unwrap_or(&source.id) == &id;
        layers.extend(sent.iter().filter(here).cloned());
        taken(tx, catalog, &layers, &mut broken)?;
        match compose(&id, layers) {
            Ok(composed) => all.push(composed),
            Err(findings) => broken.extend(findings),
        }
    }
    let mut installed = Installed::default();
    for (id, package) in &catalog.packages {
        installed.packages.insert(id.clone(), (**package).clone());
    }
    for composed in &all {
        let package = composed.package.clone();
        installed.packages.insert(package.id.clone(), package);
    }
    let mut readies = Vec::new();
    for composed in all {
        let mut findings = composed.findings;
        let own = parts.check(&composed.package, &composed.files, &installed);
        findings.extend(match &composed.layered {
            Some(layered) => layered.place(own),
            None => own,
        });
        if has_errors(&findings) {
            broken.extend(findings.clone());
        }
        readies.push(Ready {
            package: composed.package,
            files: composed.files,
            findings,
            sent: composed.sent,
        });
    }
    if broken.is_empty() {
        broken = dependents(tx, catalog, parts, &installed, &readies)?;
    }
    if !broken.is_empty() {
        return Err(refused(&broken));
    }
    sorted(readies)
}

/// An id is that of one package or one overlay.
fn taken(
    tx: &mut Tx<'_>,
    catalog: &Catalog,
    layers: &[Source],
    broken: &mut Vec<Finding>,
) -> Result<(), Problem> {
    for source in layers.iter().filter(|source| source.sent) {
        let before = overlaid(tx, &source.id)?;
        let clash = match &source.overlays {
            None => before.map(|package| format!("an overlay of `{package}`")),
            Some(_) if catalog.packages.contains_key(&source.id) => Some("a package".into()),
            Some(now) => before
                .filter(|before| before != now)
                .map(|package| format!("an overlay of `{package}`")),
        };
        broken.extend(clash.map(|what| {
            let message = format!("`{}` is installed as {what}", source.id);
            let mut finding = at_head("id-taken", message);
            finding.hint = Some("choose another id, or remove the installed one first".into());
            finding
        }));
    }
    Ok(())
}

/// What installed packages that are not sent would have against the change.
fn dependents(
    tx: &mut Tx<'_>,
    catalog: &Catalog,
    parts: &Parts,
    installed: &Installed,
    readies: &[Ready],
) -> Result<Vec<Finding>, Problem> {
    let mut broken = Vec::new();
    for id in catalog.packages.keys() {
        if readies.iter().any(|ready| ready.package.id == *id) {
            continue;
        }
        let sources = stored(tx, id)?;
        if sources.is_empty() {
            continue;
        }
        let Ok(composed) = compose(id, sources) else {
            continue;
        };
        let findings = parts.check(&composed.package, &composed.files, installed);
        let placed = match &composed.layered {
            Some(layered) => layered.place(findings),
            None => findings.into_iter().map(|finding| within(id, finding)).collect(),
        };
        broken.extend(
            placed
                .into_iter()
                .filter(|finding| finding.severity == Severity::Error),
        );
    }
    Ok(broken)
}

fn sorted(mut readies: Vec<Ready>) -> Result<Vec<Ready>, Problem> {
    let mut sorted: Vec<Ready> = Vec::new();
    while !readies.is_empty() {
        let waiting: Vec<String> = readies.iter().map(|ready| ready.package.id.clone()).collect();
        let free = readies
            .iter()
            .position(|ready| !ready.package.needs.keys().any(|id| waiting.contains(id)));
        let Some(free) = free else {
            return Err(Problem::new(
                codes::PACKAGE_REFUSED,
                format!("这些包互相需要:{}", waiting.join("、")),
            ));
        };
        sorted.push(readies.remove(free));
    }
    Ok(sorted)
}
