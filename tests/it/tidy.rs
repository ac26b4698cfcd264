//! The house rules that a machine can check: dependencies, file sizes, fresh generated files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const FOUNDATION: &[&str] = &[
    "banyan-base",
    "banyan-feel",
    "banyan-form",
    "banyan-store",
    "banyan-identity",
    "banyan-policy",
    "banyan-package",
    "banyan-door",
    "banyan-http",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

/// Our crates and what they stand on here: crates for other systems are not fetched, nor shipped.
fn metadata() -> Value {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(["--filter-platform", &platform])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Which of our crates a crate may name, by its folder.
fn allowed(folder: &str) -> Vec<&'static str> {
    match folder {
        "foundation/base" => vec![],
        "foundation/feel" | "foundation/store" | "foundation/policy" => vec!["banyan-base"],
        "foundation/form" => vec!["banyan-base", "banyan-feel"],
        "foundation/package" => vec!["banyan-base", "banyan-feel", "banyan-policy"],
        "foundation/door" => vec!["banyan-base", "banyan-store"],
        "foundation/http" => vec!["banyan-base", "banyan-store", "banyan-door"],
        "foundation/identity" => vec!["banyan-base", "banyan-store", "banyan-door", "banyan-policy"],
        _ => FOUNDATION.to_vec(),
    }
}

#[test]
fn crates_keep_the_dependency_rule() {
    let metadata = metadata();
    let mut wrong = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let manifest = PathBuf::from(package["manifest_path"].as_str().unwrap());
        let Ok(folder) = manifest.parent().unwrap().strip_prefix(root()) else {
            continue;
        };
        let folder = folder.to_str().unwrap();
        if folder == "banyan" || folder == "tests" {
            continue;
        }
        let allowed = allowed(folder);
        for dependency in package["dependencies"].as_array().unwrap() {
            let name = dependency["name"].as_str().unwrap();
            // Tests may use the doors of their crate's users.
            if name.starts_with("banyan") && dependency["kind"].is_null() && !allowed.contains(&name) {
                wrong.push(format!("{folder} must not depend on {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn third_party_versions_stand_once_with_a_reason() {
    let text = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let start = text.find("[workspace.dependencies]").unwrap();
    let section = text[start..].split("\n[").next().unwrap();
    let mut reasoned = false;
    for line in section.lines().skip(1) {
        if line.is_empty() {
            reasoned = false;
        } else if line.starts_with('#') {
            reasoned = true;
        } else {
            assert!(reasoned, "no line says what this is for: {line}");
        }
    }
    for folder in ["foundation/base", "foundation/store", "data/registry", "banyan"] {
        let manifest = std::fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        let inherited = manifest.split("[dependencies]").nth(1).unwrap();
        for line in inherited
            .lines()
            .filter(|line| line.contains('='))
            .take_while(|line| !line.starts_with('['))
        {
            assert!(
                line.contains("workspace = true") || line.contains("[]") || line.contains("\"dep:"),
                "{folder}: {line}"
            );
        }
    }
}

fn tracked_files() -> Vec<String> {
    let output = Command::new("git")
        .args(["ls-files"])
        .current_dir(root())
        .output()
        .unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

#[test]
fn files_stay_readable() {
    let mut long = Vec::new();
    for path in tracked_files() {
        let code = [".rs", ".ts", ".tsx", ".mjs", ".py", ".sh"]
            .iter()
            .any(|ending| path.ends_with(ending));
        let generated = path.ends_with("schema.d.ts");
        if !code || generated {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(root().join(&path)) else {
            continue;
        };
        let lines = text.lines().count();
        if lines > 650 {
            long.push(format!("{path}: {lines} lines"));
        }
    }
    assert!(long.is_empty(), "split by noun: {long:#?}");
}

#[test]
fn only_the_store_names_a_database() {
    for path in tracked_files() {
        if !path.ends_with("Cargo.toml") || path == "Cargo.toml" || path == "foundation/store/Cargo.toml" {
            continue;
        }
        let text = std::fs::read_to_string(root().join(&path)).unwrap();
        for driver in ["rusqlite", "postgres", "tokio-postgres"] {
            assert!(
                !text.lines().any(|line| line.starts_with(&format!("{driver}."))),
                "{path} names {driver}"
            );
        }
    }
}

#[test]
fn generated_files_are_fresh() {
    let mut expected: BTreeMap<String, String> = BTreeMap::new();
    expected.insert("docs/configuration.md".into(), banyan::config::reference_page());
    expected.insert("docs/banyan.default.toml".into(), banyan::config::default_file());
    for (name, schema) in banyan_package::schemas() {
        let text = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
        expected.insert(format!("docs/schemas/{name}.json"), text);
    }
    for (path, text) in expected {
        let committed = std::fs::read_to_string(root().join(&path)).unwrap_or_default();
        assert!(committed == text, "{path} is stale: run `make generate`");
    }
}

#[test]
fn packages_have_their_papers() {
    for entry in std::fs::read_dir(root().join("apps")).unwrap() {
        let folder = entry.unwrap().path();
        if !folder.join("package.toml").exists() {
            continue;
        }
        for file in ["README.md", "RETENTION.md"] {
            assert!(folder.join(file).exists(), "{} lacks {file}", folder.display());
        }
        let features = std::fs::read_dir(folder.join("features")).unwrap().count();
        assert!(features > 0, "{} has no feature", folder.display());
    }
}

/// Links and images of a Markdown text: (line, target).
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        // Code between backticks is no link.
        let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("``");
        for part in prose.split("](").skip(1) {
            if let Some((target, _)) = part.split_once(')') {
                found.push((number, target.split(' ').next().unwrap_or("").to_owned()));
            }
        }
    }
    found
}

/// The anchor that a heading gets.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn links_in_the_documentation_lead_somewhere() {
    let mut wrong = Vec::new();
    for path in tracked_files().iter().filter(|path| path.ends_with(".md")) {
        let Ok(text) = std::fs::read_to_string(root().join(path)) else {
            continue;
        };
        for (line, target) in links(&text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, section) = target.split_once('#').unwrap_or((&target, ""));
            let own = root().join(path);
            let place = if file.is_empty() {
                own
            } else {
                own.parent().unwrap().join(file)
            };
            let known = if section.is_empty() {
                place.exists()
            } else {
                std::fs::read_to_string(&place).is_ok_and(|text| {
                    text.lines()
                        .filter(|line| line.starts_with('#'))
                        .any(|line| anchor(line.trim_start_matches('#')) == section)
                })
            };
            if !known {
                wrong.push(format!("{path}:{line}: {target}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A fenced block whose first line names a file (```` ```toml docs/examples/… ````) quotes it.
#[test]
fn what_the_documentation_quotes_stands_in_the_file() {
    let mut wrong = Vec::new();
    let mut quotes = 0;
    for path in tracked_files().iter().filter(|path| path.ends_with(".md")) {
        let Ok(text) = std::fs::read_to_string(root().join(path)) else {
            continue;
        };
        for block in text.split("\n```").skip(1) {
            let Some((first, quoted)) = block.split_once('\n') else {
                continue;
            };
            let Some(file) = first.split(' ').nth(1).filter(|file| file.contains('/')) else {
                continue;
            };
            quotes += 1;
            let held = std::fs::read_to_string(root().join(file)).unwrap_or_default();
            if quoted.trim().is_empty() || !held.contains(quoted.trim()) {
                wrong.push(format!("{path}: not what {file} says:\n{quoted}"));
            }
        }
    }
    assert!(quotes > 0 && wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pictures_are_small() {
    for path in tracked_files()
        .iter()
        .filter(|path| path.starts_with("docs/images/"))
    {
        let size = std::fs::metadata(root().join(path)).map_or(0, |about| about.len());
        assert!(size < 200 * 1024, "{path} has {} kB", size / 1024);
    }
}

/// Rows of a README's table of systems: id and state.
fn systems(page: &str) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(root().join(page)).unwrap();
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let id = cells.get(1).filter(|id| {
            id.contains('/') && !id.contains(' ') && id.starts_with(|c: char| c.is_ascii_digit())
        })?;
        (cells.len() == 5).then(|| ((*id).to_owned(), cells[3].to_owned()))
    };
    text.lines().filter_map(row).collect()
}

#[test]
fn both_readmes_tell_the_same_state_of_things() {
    let words = [("works", "可用"), ("in part", "部分"), ("not yet", "未做")];
    let (english, chinese) = (systems("README.md"), systems("README.zh-CN.md"));
    assert_eq!((english.len(), chinese.len()), (82, 82));
    for ((id, state), (other, told)) in english.iter().zip(&chinese) {
        assert_eq!(id, other);
        assert!(
            words.contains(&(state.as_str(), told.as_str())),
            "{id}: {state}, {told}"
        );
        let folder = root().join("apps").join(id.replace('/', "-"));
        assert!(
            state != "works" || folder.exists(),
            "{id} works and has no folder in apps/"
        );
    }
}
