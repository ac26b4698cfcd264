//! Drafts as overlays: what of a package the studio has published is one overlay, which grows by each draft.

use banyan_base::{Ctx, Finding, Problem, Severity, SourceFile, codes, has_errors};
use banyan_store::Tx;
use serde_json::json;

use super::draft::{Draft, Files};
use crate::layers::{self, Source};
use crate::{ApplyRequest, Registry};

/// What the id of a studio's overlay ends with.
const ENDING: &str = "-studio";
/// Longest id of a package or overlay.
const LONGEST: usize = 24;

/// Folders and endings of what the studio changes.
const FILES: &[(&str, &str)] = &[
    ("processes/", ".bpmn"),
    ("decisions/", ".dmn"),
    ("decisions/", ".cases.json"),
    ("forms/", ".form.json"),
];
/// Files of one draft, and bytes of each.
const MOST_FILES: usize = 50;
const MOST_BYTES: usize = 4 << 20;

/// What is wrong with the files of a draft before anybody looks into them.
pub(super) fn wrong_files(files: &Files) -> Result<(), Problem> {
    let refuse = |path: &str, message: String| {
        let pointer = format!("/files/{}", path.replace('~', "~0").replace('/', "~1"));
        Err(Problem::new(codes::INVALID, "草稿里的文件不符合要求。").with_error(pointer, "path", message))
    };
    if files.len() > MOST_FILES {
        let text = format!("一份草稿最多改 {MOST_FILES} 个文件,请分开提交。");
        return Err(Problem::new(codes::INVALID, text));
    }
    for (path, text) in files {
        let name = FILES.iter().find_map(|(folder, ending)| {
            let name = path.strip_prefix(folder)?.strip_suffix(ending)?;
            Some(name)
        });
        let good = name.is_some_and(|name| {
            name.len() <= 31
                && name.starts_with(|c: char| c.is_ascii_lowercase())
                && name
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        });
        if !good {
            let hint = "设计室里只有 processes/名称.bpmn、decisions/名称.dmn、decisions/名称.cases.json 和 forms/名称.form.json;名称用小写字母、数字和下划线,以字母开头";
            return refuse(path, format!("不能是“{path}”:{hint}。"));
        }
        if text.len() > MOST_BYTES {
            return refuse(path, format!("“{path}”超过 {} MiB。", MOST_BYTES >> 20));
        }
    }
    Ok(())
}

/// Whether a file is one the studio shows and changes.
pub(super) fn is_studio_file(path: &str) -> bool {
    FILES
        .iter()
        .any(|(folder, ending)| path.starts_with(folder) && path.ends_with(ending))
}

/// The studio's files of a package as they are installed, overlays merged in.
pub(super) fn installed(registry: &Registry, tx: &mut Tx<'_>, package: &str) -> Result<Files, Problem> {
    let catalog = registry.catalog(tx)?;
    let package = catalog
        .packages
        .get(package)
        .ok_or_else(|| Problem::new(codes::NOT_FOUND, format!("没有安装名为 {package} 的包。")))?;
    let kinds = [
        &package.processes,
        &package.decisions,
        &package.decision_cases,
        &package.forms,
    ];
    let each = kinds.into_iter().flatten();
    Ok(each.map(|one| (one.path.clone(), one.text.clone())).collect())
}

/// Those of `all` that a draft changes.
pub(super) fn of(all: &Files, draft: &Files) -> Files {
    let changed = all.iter().filter(|(path, _)| draft.contains_key(*path));
    changed.map(|(path, text)| (path.clone(), text.clone())).collect()
}

/// Paths that have been changed by others since the draft took them up.
pub(super) fn overtaken(registry: &Registry, tx: &mut Tx<'_>, draft: &Draft) -> Result<Vec<String>, Problem> {
    let now = installed(registry, tx, &draft.package)?;
    let paths = draft.files.keys();
    Ok(paths
        .filter(|path| now.get(*path) != draft.base.get(*path))
        .cloned()
        .collect())
}

/// Id of the overlay that gathers what the studio changes of a package.
pub(super) fn overlay_id(package: &str) -> String {
    let kept: String = package.chars().take(LONGEST - ENDING.len()).collect();
    format!("{}{ENDING}", kept.trim_end_matches('-'))
}

/// The overlay as it is, its files by path, and the version it has.
fn standing(tx: &mut Tx<'_>, package: &str) -> Result<Option<Source>, Problem> {
    let id = overlay_id(package);
    let mut all = layers::stored(tx, package)?.into_iter();
    Ok(all.find(|source| source.id == id && source.overlays.is_some()))
}

fn next_version(version: &str) -> String {
    let mut numbers: Vec<u64> = version.split('.').map(|part| part.parse().unwrap_or(0)).collect();
    numbers.resize(3, 0);
    if let Some(last) = numbers.last_mut() {
        *last += 1;
    }
    let parts: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    parts.join(".")
}

/// A package's studio overlay with a draft's files in it: id, version, files.
pub(super) struct Overlay {
    pub(super) id: String,
    pub(super) version: String,
    pub(super) files: Vec<SourceFile>,
}

/// The overlay as it would be once the draft is published; without one, as it is.
pub(super) fn overlay(
    registry: &Registry,
    tx: &mut Tx<'_>,
    package: &str,
    draft: Option<&Draft>,
) -> Result<Overlay, Problem> {
    let standing = standing(tx, package)?;
    let catalog = registry.catalog(tx)?;
    let base = catalog
        .packages
        .get(package)
        .ok_or_else(|| Problem::new(codes::NOT_FOUND, format!("没有安装名为 {package} 的包。")))?;
    let id = overlay_id(package);
    let version = match (&standing, draft) {
        (None, _) => "1.0.0".to_owned(),
        (Some(standing), None) => standing.version.clone(),
        (Some(standing), Some(_)) => next_version(&standing.version),
    };
    let mut files: Files = standing
        .into_iter()
        .flat_map(|source| source.files)
        .map(|file| (file.path, String::from_utf8_lossy(&file.bytes).into_owned()))
        .collect();
    let quoted = |text: &str| serde_json::Value::String(text.to_owned()).to_string();
    let head = format!(
        "id = {}\ntitle = {{ zh = {} }}\noverlays = {}\nowner = {}\nversion = {}\n\n[needs]\n{} = {}\n",
        quoted(&id),
        quoted(&format!("{}(设计室)", base.title.zh)),
        quoted(package),
        quoted(&base.owner),
        quoted(&version),
        package,
        quoted(&base.version),
    );
    files.insert("package.toml".into(), head);
    if let Some(draft) = draft {
        files.extend(draft.files.clone());
    }
    let file = |(path, text): (String, String)| SourceFile {
        path,
        bytes: text.into_bytes(),
    };
    Ok(Overlay {
        id,
        version,
        files: files.into_iter().map(file).collect(),
    })
}

/// What an apply of the draft would find and change; findings name files of the overlay.
pub(super) fn look(
    registry: &Registry,
    tx: &mut Tx<'_>,
    draft: &Draft,
) -> Result<(Vec<Finding>, serde_json::Value), Problem> {
    let overlay = overlay(registry, tx, &draft.package, Some(draft))?;
    let request = ApplyRequest {
        packages: vec![overlay.files],
        allow_loss: false,
    };
    match registry.plan(tx, &request) {
        Ok(all) => {
            let findings = all.iter().flat_map(|applied| applied.findings.clone());
            let mine = overlay.id + "/";
            let findings = findings
                .filter(|finding| finding.file.starts_with(&mine))
                .collect();
            let plans: Vec<_> = all.iter().map(|applied| &applied.plan).collect();
            Ok((findings, json!(plans)))
        }
        Err(problem) if problem.code == codes::PACKAGE_REFUSED => {
            let findings = problem.extra.get("findings").cloned().unwrap_or_default();
            match serde_json::from_value::<Vec<Finding>>(findings) {
                Ok(mut findings) if has_errors(&findings) => {
                    let mine = overlay.id + "/";
                    findings.retain(|finding| {
                        finding.severity == Severity::Error || finding.file.starts_with(&mine)
                    });
                    Ok((findings, serde_json::Value::Null))
                }
                _ => Err(problem),
            }
        }
        Err(problem) => Err(problem),
    }
}

/// Applies the package's overlay with the draft's files in it; gives its id and version.
pub(super) fn publish(
    registry: &Registry,
    cx: &Ctx,
    tx: &mut Tx<'_>,
    draft: &Draft,
) -> Result<String, Problem> {
    let overlay = overlay(registry, tx, &draft.package, Some(draft))?;
    let request = ApplyRequest {
        packages: vec![overlay.files],
        allow_loss: false,
    };
    registry.apply(cx, tx, &request)?;
    Ok(format!("{} {}", overlay.id, overlay.version))
}
