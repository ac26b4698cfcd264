use banyan_base::{Finding, SourceFile, has_errors};

use crate::model::{FieldKind, Package};
use crate::tests::{files, good};
use crate::{Change, Installed, StepsDone, check, diff, head, layer};

type Texts<'t> = &'t [(&'t str, &'t str)];

const HEAD: &str = "id = \"rooms-fz\"\ntitle = { zh = \"福州的会议室\" }\noverlays = \"rooms\"\nowner = \"福州市\"\nversion = \"1.0.0\"\n";

fn overlay(head: &str, texts: Texts<'_>) -> Vec<SourceFile> {
    let mut map: std::collections::BTreeMap<String, String> = texts
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
        .collect();
    map.insert("package.toml".into(), head.into());
    files(&map)
}

fn layered(overlays: &[Vec<SourceFile>]) -> (Option<Package>, Vec<Finding>) {
    let mut findings: Vec<Finding> = Vec::new();
    for files in overlays {
        let (head, own) = head(files);
        let id = head.map(|head| head.id).unwrap_or_default();
        findings.extend(own.into_iter().map(|finding| Finding {
            file: format!("{id}/{}", finding.file),
            ..finding
        }));
    }
    let (layered, more) = layer(&files(&good()), overlays);
    findings.extend(more);
    let (package, read) = layered.read();
    findings.extend(layered.place(read));
    if let Some(package) = &package {
        findings.extend(layered.place(check(package, &layered.files, &Installed::default())));
    }
    (package, findings)
}

#[test]
fn overlays_are_merged_in_the_order_of_their_ids() {
    let first = overlay(
        HEAD,
        &[
            (
                "records/room.toml",
                "about = { zh = \"市里的。\" }\n[fields.seats]\nmax = 900\n[fields.street]\ntype = \"text\"\ntitle = { zh = \"街道\" }\n[lifecycle.transitions.close]\nguard = \"record.seats > 1\"\n",
            ),
            (
                "records/key.toml",
                "title = { zh = \"钥匙\" }\nlabel = \"code\"\n[fields.code]\ntype = \"text\"\ntitle = { zh = \"编号\" }\n",
            ),
            (
                "codes/floor.toml",
                "[[items]]\ncode = \"2\"\ntitle = { zh = \"二层\" }\n[[items]]\ncode = \"1\"\ntitle = { en = \"Ground\" }\n",
            ),
            ("views/all.toml", "columns = [\"name\", \"street\"]\n"),
            ("triggers.toml", "[triggers.log]\nremove = true\n"),
            (
                "policy.cedar",
                "permit(principal in Role::\"rooms.guest\", action in [Action::\"list\"], resource);\n",
            ),
            ("seeds/01-room.csv", "name,street\n二号,五四路\n"),
            (
                "steps/0001.toml",
                "[[actions]]\ndo = \"backfill\"\nof = \"room\"\nfield = \"street\"\nfeel = \"name\"\n",
            ),
            ("messages/zh-CN.toml", "hello = \"你好\"\n"),
            ("README.md", "# 福州\n"),
        ],
    );
    let head = format!("{HEAD}[roles.guest]\ntitle = {{ zh = \"来宾\" }}\n[needs]\nrooms = \"1.0.0\"\n");
    let first = [overlay(&head, &[]).remove(0)]
        .into_iter()
        .chain(first.into_iter().filter(|file| file.path != "package.toml"))
        .collect();
    let second = overlay(
        &HEAD.replace("rooms-fz", "rooms-xm").replace("1.0.0", "2.1.0"),
        &[(
            "records/room.toml",
            "[fields.seats]\nmax = 950\n[fields.street]\nrequired = true\ndefault = '\"\"'\n",
        )],
    );
    let (package, findings) = layered(&[second, first]);
    assert!(findings.is_empty(), "{findings:#?}");
    let package = package.unwrap();
    assert_eq!(
        (
            package.id.as_str(),
            package.title.zh.as_str(),
            package.version.as_str()
        ),
        ("rooms", "会议室", "1.0.0")
    );
    let overlays: Vec<(&str, &str)> = package
        .overlays
        .iter()
        .map(|one| (one.id.as_str(), one.version.as_str()))
        .collect();
    assert_eq!(overlays, [("rooms-fz", "1.0.0"), ("rooms-xm", "2.1.0")]);
    let room = package.record_type("room").unwrap();
    assert_eq!(
        (room.about.zh.as_str(), room.title.zh.as_str()),
        ("市里的。", "会议室")
    );
    let names: Vec<&str> = room.fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["name", "seats", "large", "street"]);
    assert_eq!(
        room.field("seats").unwrap().kind,
        FieldKind::Integer {
            min: Some(1),
            max: Some(950),
            measure: None
        }
    );
    assert!(room.field("street").unwrap().required);
    let close = room.lifecycle.as_ref().unwrap().transition("close").unwrap();
    assert_eq!(
        (close.guard.as_deref(), close.to.as_str()),
        (Some("record.seats > 1"), "closed")
    );
    assert!(package.record_type("key").is_some() && package.triggers.is_empty());
    let items: Vec<(&str, &str, Option<&str>)> = package.lists[0]
        .1
        .items
        .iter()
        .map(|item| {
            (
                item.code.as_str(),
                item.title.zh.as_str(),
                item.title.en.as_deref(),
            )
        })
        .collect();
    assert_eq!(items, [("1", "一层", Some("Ground")), ("2", "二层", None)]);
    assert_eq!(package.policy.matches("permit(").count(), 2);
    assert_eq!(package.roles.len(), 2);
    let seeds: Vec<(&str, &str)> = package
        .seeds
        .iter()
        .map(|seed| (seed.path.as_str(), seed.of.as_str()))
        .collect();
    assert_eq!(
        seeds,
        [
            ("seeds/01-room.csv", "room"),
            ("seeds/~rooms-fz/01-room.csv", "room")
        ]
    );
    assert_eq!(package.steps[0].overlay.as_deref(), Some("rooms-fz"));
    // A new overlay's steps run over records that are there; those of the package have run.
    let base = layered(&[]).0.unwrap();
    let done: StepsDone = [("rooms".to_owned(), 7)].into();
    let plan = diff(Some(&base), &package, &done);
    assert!(plan.losses.is_empty() && plan.problems.is_empty(), "{plan:?}");
    assert!(
        plan.changes
            .iter()
            .any(|change| matches!(change, Change::Backfill { field, .. } if field == "street"))
    );
    // Without it, what it added is lost.
    assert_eq!(diff(Some(&package), &base, &done).losses.len(), 2);
}

/// One fault each: files of the overlay, the rule that finds it, the file and the line.
const FAULTS: &[(Texts<'_>, &str, &str, u32)] = &[
    (
        &[("records/room.toml", "\n[fields.seats]\nmax = \"many\"\n")],
        "form",
        "rooms-fz/records/room.toml",
        3,
    ),
    (
        &[("records/room.toml", "[fields.seats]\nmx = 9\n")],
        "unknown-key",
        "rooms-fz/records/room.toml",
        2,
    ),
    (
        &[("records/room.toml", "[fields.seat]\nmax = 9\n")],
        "key-missing",
        "rooms-fz/records/room.toml",
        1,
    ),
    (
        &[("records/room.toml", "[fields.seat]\nremove = true\n")],
        "overlay-remove",
        "rooms-fz/records/room.toml",
        1,
    ),
    (
        &[("records/room.toml", "[fields.seats]\nremove = true\nmax = 1\n")],
        "overlay-remove",
        "rooms-fz/records/room.toml",
        1,
    ),
    // What the package says itself may fail for what the overlay takes out: then the finding stands in the package.
    (
        &[("records/room.toml", "[fields.seats]\nremove = true\n")],
        "feel",
        "rooms/records/room.toml",
        20,
    ),
    (
        &[("records/room.toml", "[fields.seats]\nmin = 900\n")],
        "range",
        "rooms-fz/records/room.toml",
        2,
    ),
    (
        &[("records/room.toml", "\n\n[fields.large]\nfeel = \"seets > 1\"\n")],
        "feel",
        "rooms-fz/records/room.toml",
        4,
    ),
    (
        &[("records/room.toml", "label = \"nam\"\n")],
        "field-missing",
        "rooms-fz/records/room.toml",
        1,
    ),
    (
        &[(
            "records/room.toml",
            "[lifecycle.transitions.close]\nto = \"close\"\n",
        )],
        "state-missing",
        "rooms-fz/records/room.toml",
        2,
    ),
    (
        &[("records/room.toml", "[fields.seats\n")],
        "form",
        "rooms-fz/records/room.toml",
        1,
    ),
    (
        &[("records/none.toml", "remove = true\n")],
        "overlay-remove",
        "rooms-fz/records/none.toml",
        1,
    ),
    (
        &[("records/room.toml", "remove = true\n")],
        "type-missing",
        "rooms/views/all.toml",
        2,
    ),
    (
        &[("codes/floor.toml", "[[items]]\ncode = \"9\"\nremove = true\n")],
        "overlay-remove",
        "rooms-fz/codes/floor.toml",
        1,
    ),
    (
        &[("views/all.toml", "columns = [\"name\", \"sits\"]\n")],
        "field-missing",
        "rooms-fz/views/all.toml",
        1,
    ),
    (
        &[("triggers.toml", "[triggers.log]\nwhen = \"record.sets > 1\"\n")],
        "feel",
        "rooms-fz/triggers.toml",
        2,
    ),
    (
        &[("policy.cedar", "// 一行\npermitt(principal, action, resource);\n")],
        "policy",
        "rooms-fz/policy.cedar",
        2,
    ),
    (
        &[("seeds/01-room.csv", "name,sits\n二号,1\n")],
        "seed-column",
        "rooms-fz/seeds/01-room.csv",
        1,
    ),
    (
        &[("steps/one.toml", "")],
        "step-number",
        "rooms-fz/steps/one.toml",
        1,
    ),
    (
        &[("steps/0001.toml", "[[actions]]\ndo = \"fill\"\n")],
        "step-action",
        "rooms-fz/steps/0001.toml",
        2,
    ),
    (&[("junk.txt", "x")], "unknown-file", "rooms-fz/junk.txt", 1),
    (
        &[("records/room.toml", "label = \"name\" # \u{1}\n")],
        "control-character",
        "rooms-fz/records/room.toml",
        1,
    ),
    (
        &[("records/a.toml", "label = \"a\"\n")],
        "key-missing",
        "rooms-fz/records/a.toml",
        1,
    ),
];

#[test]
fn faults_of_overlays_are_found_where_they_stand() {
    for (texts, rule, file, line) in FAULTS {
        let (_, findings) = layered(&[overlay(HEAD, texts)]);
        assert!(has_errors(&findings), "{texts:?}: nothing found");
        let hit = findings
            .iter()
            .any(|f| f.file == *file && f.rule == *rule && f.line == *line);
        assert!(
            hit,
            "{texts:?}: wanted {rule} at {file}:{line}, got {findings:#?}"
        );
    }
}

/// What is wrong in the overlay's package.toml.
const HEADS: &[(&str, &str, &str, u32)] = &[
    ("id = \"rooms-fz\"", "id = \"Rooms!\"", "name", 1),
    ("version = \"1.0.0\"", "version = \"one\"", "version", 5),
    ("owner = \"福州市\"\n", "", "key-missing", 1),
    (
        "overlays = \"rooms\"",
        "overlays = \"rooms-fz\"",
        "overlay-self",
        3,
    ),
    ("owner = \"福州市\"", "ownr = \"福州市\"", "unknown-key", 4),
];

#[test]
fn faults_of_an_overlays_head_are_found() {
    for (from, to, rule, line) in HEADS {
        assert!(HEAD.contains(from));
        let (_, findings) = head(&overlay(&HEAD.replace(from, to), &[]));
        let hit = findings.iter().any(|f| f.rule == *rule && f.line == *line);
        assert!(hit, "{to}: wanted {rule} at {line}, got {findings:#?}");
    }
    let newer = format!("{HEAD}[needs]\nrooms = \"1.2.0\"\n");
    let (_, findings) = layered(&[overlay(&newer, &[])]);
    assert_eq!(
        (
            findings[0].rule.as_str(),
            findings[0].file.as_str(),
            findings[0].line
        ),
        ("needs-version", "rooms-fz/package.toml", 7)
    );
}

#[test]
fn no_overlay_panics() {
    use proptest::prelude::*;
    let paths = [
        "records/room.toml",
        "package.toml",
        "codes/floor.toml",
        "policy.cedar",
        "triggers.toml",
        "seeds/1-room.csv",
        "steps/1.toml",
        "~/~",
    ];
    proptest!(ProptestConfig::with_cases(200), |(pick in 0..paths.len(), text in "(\\[[a-z.]{0,12}\\]\n|remove = true\n|\\[\\[items\\]\\]\ncode = \"1\"\n|[#\u{1}/].{0,6}\n|.{0,12}\n){0,6}")| {
        let text = if paths[pick] == "package.toml" { format!("{HEAD}{text}") } else { text };
        let _ = layered(&[overlay(HEAD, &[(paths[pick], &text)])]);
    });
}

#[test]
fn files_of_engines_are_read_and_replaced_whole() {
    let mut texts = good();
    for path in [
        "processes/lend.bpmn",
        "decisions/fee.dmn",
        "decisions/fee.cases.json",
        "forms/lend.form.json",
    ] {
        texts.insert(path.into(), format!("the package's {path}"));
    }
    let base = files(&texts);
    let (package, findings) = crate::read(&base);
    let package = package.unwrap();
    assert!(!has_errors(&findings), "{findings:?}");
    assert_eq!(package.processes.len(), 1);
    assert_eq!(package.decisions.first().unwrap().name, "fee");
    assert_eq!(package.decision_cases.first().unwrap().name, "fee");
    assert_eq!(package.forms.first().unwrap().path, "forms/lend.form.json");
    let verbs = |name: &str| {
        let shapes = crate::shapes(&package);
        shapes
            .iter()
            .find(|shape| shape.name == name)
            .map(|shape| shape.verbs)
    };
    assert_eq!(verbs("rooms.lend"), Some(banyan_policy::PROCESS_VERBS));
    assert_eq!(verbs("rooms.fee"), Some(banyan_policy::DECISION_VERBS));

    let over = overlay(
        HEAD,
        &[("processes/lend.bpmn", "ours"), ("forms/extra.form.json", "{}")],
    );
    let (merged, findings) = layer(&base, &[over]);
    assert!(!has_errors(&findings), "{findings:?}");
    let changed = merged.read().0.unwrap();
    assert_eq!(changed.processes.first().unwrap().text, "ours");
    assert_eq!(changed.forms.len(), 2);
    let plan = diff(Some(&package), &changed, &StepsDone::new());
    let told: Vec<String> = plan.changes.iter().map(ToString::to_string).collect();
    assert!(
        told.contains(&"~ processes/lend.bpmn changed".to_owned()),
        "{told:?}"
    );
    assert!(
        told.contains(&"~ forms/extra.form.json added".to_owned()),
        "{told:?}"
    );
}

#[test]
fn names_that_policies_speak_of_are_of_one_thing() {
    let mut texts = good();
    texts.insert("processes/room.bpmn".into(), "a type is named so".into());
    texts.insert("decisions/alone.cases.json".into(), "[]".into());
    texts.insert(
        "triggers.toml".into(),
        "[triggers.go]\ntitle = { zh = \"起\" }\non = { event = \"rooms.room.created\" }\ndo = { start = \"room\", key = \"record.name\", with = { seats = \"record.seats\" } }\n[triggers.lost]\ntitle = { zh = \"无\" }\non = { event = \"rooms.room.created\" }\ndo = { start = \"nothing\", key = \"record.seats\" }\n".into(),
    );
    let base = files(&texts);
    let package = crate::read(&base).0.unwrap();
    let findings = check(&package, &base, &Installed::default());
    let rules: Vec<(&str, &str)> = findings
        .iter()
        .map(|finding| (finding.rule.as_str(), finding.file.as_str()))
        .collect();
    assert!(
        rules.contains(&("name-taken", "processes/room.bpmn")),
        "{rules:?}"
    );
    assert!(
        rules.contains(&("cases-alone", "decisions/alone.cases.json")),
        "{rules:?}"
    );
}
