//! The examples of docs/ keep working: checked, applied, upgraded without losing a row, removed; their features pass.

use banyan::features;
use banyan_base::has_errors;
use banyan_door::Input;
use banyan_package::Installed;
use serde_json::{Value as Json, json};

use crate::support::{Bed, beds, body, on, root};

const FIRST: &str = "docs/examples/rooms";
const OVERLAY: &str = "docs/examples/rooms-tech";
const SECOND: &str = "docs/examples/rooms-2";

fn apply(bed: &Bed, folder: &str, allow_loss: bool) -> Result<(), String> {
    let files = banyan::folder::read(&root().join(folder)).unwrap();
    bed.apply(files, allow_loss)
        .map(|_| ())
        .map_err(|problem| problem.detail)
}

/// One field of every record of a type, in the order of another.
fn column(bed: &Bed, of: &str, field: &str, by: &str) -> Vec<Json> {
    let mut input = on(of, Input::default());
    input.query = vec![("sortby".into(), by.into())];
    let page = bed.ask("record.list", input).unwrap();
    let items = page["items"].as_array().unwrap();
    items.iter().map(|item| item["fields"][field].clone()).collect()
}

#[test]
fn examples_pass_their_checks() {
    for folder in [FIRST, SECOND] {
        let files = banyan::folder::read(&root().join(folder)).unwrap();
        let (package, mut findings) = banyan_package::read(&files);
        findings.extend(banyan_package::check(
            &package.unwrap(),
            &files,
            &Installed::default(),
        ));
        assert!(findings.is_empty(), "{folder}: {findings:#?}");
        assert!(!has_errors(&findings));
    }
}

#[test]
fn the_example_is_applied_upgraded_and_removed() {
    for bed in beds() {
        apply(&bed, FIRST, false).unwrap();
        let booking = json!({
            "number": "2026-001", "room": "B105", "title": "例会", "dept": "office", "day": "2026-12-01", "slot": "am",
        });
        let made = bed.create("rooms.booking", &booking).unwrap();
        // A room that people edited: its history is split too.
        let room = made["fields"]["room"].as_str().unwrap().to_owned();
        let mut input = on(
            "rooms.room",
            Input::json(json!({ "fields": { "seats": 180, "place": "B座2层" } })),
        )
        .with_path("id", room.as_str());
        input.if_match = Some("*".into());
        bed.ask("record.update", input).unwrap();

        apply(&bed, SECOND, false).unwrap();
        let name = bed.name();
        let rooms = |field: &str| column(&bed, "rooms.room", field, "code");
        assert_eq!(rooms("capacity"), [20, 12, 180], "{name}");
        assert_eq!(rooms("building"), ["A座", "A座", "B座"], "{name}");
        assert_eq!(rooms("floor"), [3, 3, 2], "{name}");
        assert_eq!(rooms("open"), [true, true, true], "{name}");
        assert_eq!(
            column(&bed, "rooms.booking", "room", "number"),
            [room.as_str()],
            "{name}"
        );
        let old = bed
            .ask(
                "record.history",
                on("rooms.room", Input::default()).with_path("id", room.as_str()),
            )
            .unwrap();
        let changed: Vec<&Json> = old["items"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|item| item["changes"].as_array().unwrap())
            .filter(|change| change["field"] == "floor")
            .collect();
        assert_eq!(changed.len(), 1, "{name}: {old:#}");
        assert_eq!(
            (&changed[0]["from"], &changed[0]["to"]),
            (&json!(1), &json!(2)),
            "{name}"
        );

        // The way back would lose what the second version added.
        let refused = apply(&bed, FIRST, false).unwrap_err();
        assert!(refused.contains("room.floor"), "{name}: {refused}");

        let registry = bed.platform.registry.clone();
        let cx = bed.system();
        let kept = bed
            .platform
            .db
            .write_exclusive({
                let (registry, cx) = (registry.clone(), cx.clone());
                move |tx| registry.remove(&cx, tx, "rooms", false)
            })
            .unwrap_err();
        assert!(kept.detail.contains("导出"), "{name}: {}", kept.detail);
        let mut input = on("rooms.room", Input::default());
        input.query = vec![("format".into(), "csv".into())];
        let csv = body(bed.call(&cx, "record.export", input).unwrap()).1;
        assert!(
            String::from_utf8(csv)
                .unwrap()
                .contains("B105,多功能厅,180,B座,2,是"),
            "{name}"
        );
        bed.platform
            .db
            .write_exclusive(move |tx| registry.remove(&cx, tx, "rooms", true))
            .unwrap();
        let gone = bed
            .ask("record.list", on("rooms.room", Input::default()))
            .unwrap_err();
        assert_eq!(gone.code.name, "not-found", "{name}");
    }
}

#[test]
fn the_overlay_is_checked_applied_and_removed() {
    let folders = [FIRST, OVERLAY].map(|folder| root().join(folder)).to_vec();
    let all: Vec<_> = folders
        .iter()
        .map(|folder| banyan::folder::read(folder).unwrap())
        .collect();
    let findings = banyan::check::packages(&folders, &all);
    assert!(findings.is_empty(), "{findings:#?}");
    for bed in beds() {
        apply(&bed, FIRST, false).unwrap();
        apply(&bed, OVERLAY, false).unwrap();
        assert_eq!(
            column(&bed, "rooms.room", "screen", "code"),
            [1, 1, 2],
            "{}",
            bed.name()
        );
        let package = bed
            .ask("package.view", Input::default().with_path("id", "rooms"))
            .unwrap();
        assert_eq!(package["overlays"][0]["id"], "rooms-tech");
        let views: Vec<&Json> = package["views"]
            .as_array()
            .unwrap()
            .iter()
            .map(|view| &view[0])
            .collect();
        assert!(!views.contains(&&json!("board")), "{views:?}");
        let (registry, cx) = (bed.platform.registry.clone(), bed.system());
        bed.platform
            .db
            .write_exclusive(move |tx| registry.remove(&cx, tx, "rooms-tech", true))
            .unwrap();
        assert_eq!(
            column(&bed, "rooms.room", "screen", "code"),
            [Json::Null, Json::Null, Json::Null]
        );
    }
}

#[test]
fn the_features_of_the_examples_pass() {
    for folder in [FIRST, SECOND] {
        let mut said = Vec::new();
        let summary =
            features::run(&[root().join(folder)], &features::Options::default(), &mut said).unwrap();
        let said = String::from_utf8(said).unwrap();
        assert!(summary.is_success() && summary.passed >= 4, "{folder}:\n{said}");
    }
}
