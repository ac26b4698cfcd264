//! The acceptance features of every package, and its demonstration, on both databases.

use std::path::PathBuf;

use banyan::{demo, features, folder};
use banyan_registry::ApplyRequest;

use crate::support::{beds, root};

/// Folders of all packages, those that others need first.
fn packages() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join("apps")).unwrap();
    let mut all: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("package.toml").exists())
        .collect();
    all.sort();
    assert!(!all.is_empty());
    all
}

fn play(postgres: bool) {
    let options = features::Options {
        postgres,
        ..features::Options::default()
    };
    let mut told = Vec::new();
    let summary = features::run(&packages(), &options, &mut told).unwrap();
    let told = String::from_utf8_lossy(&told);
    assert!(summary.is_success(), "{told}\n{:#?}", summary.failures);
    assert!(summary.features >= packages().len(), "{told}");
    assert!(summary.passed > 0 && summary.skipped == 0, "{told}");
}

#[test]
fn features_pass_on_sqlite() {
    play(false);
}

#[test]
fn features_pass_on_postgres() {
    if std::env::var(banyan_store::testing::POSTGRES_VARIABLE).is_ok() {
        play(true);
    }
}

/// Every act of a demonstration is allowed to who does it, and what it leaves tells a story: not all in one state, notices,
/// histories in the order of time.
#[test]
fn demonstrations_play_to_their_end() {
    for bed in beds() {
        let platform = &bed.platform;
        let request = ApplyRequest {
            packages: packages()
                .iter()
                .map(|path| folder::read(path).unwrap())
                .collect(),
            allow_loss: false,
        };
        let (registry, cx) = (platform.registry.clone(), demo::opening(platform).unwrap());
        platform
            .db
            .write_exclusive(move |tx| registry.apply(&cx, tx, &request))
            .unwrap();
        for package in packages() {
            platform.demo_accounts(&package).unwrap();
            let played = demo::play(platform, &package)
                .unwrap_or_else(|problem| panic!("{}: {problem:?}", bed.name()));
            let declared = std::fs::read_to_string(package.join("demo/acts.toml")).unwrap_or_default();
            assert_eq!(played, declared.matches("[[acts]]").count(), "{}", bed.name());
        }
        let tasks = on("work-points.task", "");
        let states: std::collections::BTreeSet<String> = bed.ask("record.list", tasks).unwrap()["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|task| task["state"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(states.len(), 7, "{states:?}");
        let closed = &bed
            .ask("record.list", on("work-points.task", "clause = '2.1'"))
            .unwrap()["items"][0];
        let history = on("work-points.task", "").with_path("id", closed["id"].as_str().unwrap());
        let history = bed.ask("record.history", history).unwrap();
        let times: Vec<&str> = history["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["at"].as_str().unwrap())
            .collect();
        assert!(times.len() > 6 && times.is_sorted_by(|a, b| a >= b), "{times:?}");
        assert_eq!(history["items"][0]["by_name"], "督办办公室甲");
    }
}

fn on(of: &str, filter: &str) -> banyan_door::Input {
    let mut input = crate::support::on(of, banyan_door::Input::default());
    if !filter.is_empty() {
        input.query.push(("filter".into(), filter.into()));
    }
    input.query.push(("limit".into(), "100".into()));
    input
}
