use std::collections::BTreeMap;

use banyan_base::{SourceFile, has_errors};

use crate::model::Package;
use crate::{Change, Installed, StepsDone, check, diff, read};

const PACKAGE: &str = "id = \"rooms\"\ntitle = { zh = \"会议室\" }\nword = \"collaboration\"\nowner = \"省数字办\"\nversion = \"1.0.0\"\n[roles.clerk]\ntitle = { zh = \"经办\" }\n";
const RECORD: &str = "title = { zh = \"会议室\" }\nlabel = \"name\"\nkey = [\"name\"]\n\n[fields.name]\ntype = \"text\"\ntitle = { zh = \"名称\" }\nrequired = true\n\n[fields.seats]\ntype = \"integer\"\ntitle = { zh = \"座位\" }\nmin = 1\nmax = 500\n\n[fields.large]\ntype = \"computed\"\ntitle = { zh = \"大会议室\" }\nresult = \"boolean\"\nfeel = \"seats > 50\"\n\n[lifecycle]\ninitial = \"open\"\n[lifecycle.states.open]\ntitle = { zh = \"开放\" }\n[lifecycle.states.closed]\ntitle = { zh = \"停用\" }\nfinal = true\n[lifecycle.transitions.close]\ntitle = { zh = \"停用\" }\nfrom = [\"open\"]\nto = \"closed\"\nwho = [\"clerk\"]\nguard = \"record.seats > 0\"\n";
const CODES: &str = "title = { zh = \"楼层\" }\n[[items]]\ncode = \"1\"\ntitle = { zh = \"一层\" }\n";
const VIEW: &str = "title = { zh = \"全部\" }\nof = \"room\"\nkind = \"list\"\ncolumns = [\"name\", \"seats\"]\nsort = [\"name\"]\n";
const TRIGGERS: &str = "[triggers.log]\ntitle = { zh = \"记录\" }\non = { event = \"rooms.room.created\" }\nwhen = \"record.seats > 100\"\ndo = { create = \"room\", with = { name = \"record.name\" } }\n";

pub(crate) fn good() -> BTreeMap<String, String> {
    [
        ("package.toml", PACKAGE),
        ("records/room.toml", RECORD),
        ("codes/floor.toml", CODES),
        ("views/all.toml", VIEW),
        ("triggers.toml", TRIGGERS),
        (
            "policy.cedar",
            "permit(principal in Role::\"rooms.clerk\", action, resource);\n",
        ),
        ("seeds/01-room.csv", "name,seats\n一号,20\n"),
        ("README.md", "# 会议室\n"),
        ("RETENTION.md", "无个人信息。\n"),
    ]
    .map(|(path, text)| (path.to_owned(), text.to_owned()))
    .into()
}

pub(crate) fn files(map: &BTreeMap<String, String>) -> Vec<SourceFile> {
    map.iter()
        .map(|(path, text)| SourceFile {
            path: path.clone(),
            bytes: text.clone().into_bytes(),
        })
        .collect()
}

fn findings(map: &BTreeMap<String, String>) -> (Option<Package>, Vec<banyan_base::Finding>) {
    let files = files(map);
    let (package, mut findings) = read(&files);
    if let Some(package) = &package {
        findings.extend(check(package, &files, &Installed::default()));
    }
    (package, findings)
}

#[test]
fn a_good_package_has_no_findings() {
    let (package, findings) = findings(&good());
    assert!(findings.is_empty(), "{findings:#?}");
    let package = package.unwrap();
    assert_eq!(package.types[0].1.fields[1].0, "seats");
    assert_eq!(package.hash.len(), 64);
}

/// One fault each: (file, what is replaced, by what, the rule that finds it, its line).
const BROKEN: &[(&str, &str, &str, &str, u32)] = &[
    (
        "records/room.toml",
        "guard = \"record.seats > 0\"",
        "guard = \"record.seats > 0\"\n[lifecycle.clocks.late]\nstate = \"nope\"\nafter = \"P5D\"",
        "state-missing",
        36,
    ),
    (
        "records/room.toml",
        "guard = \"record.seats > 0\"",
        "guard = \"record.seats > 0\"\n[lifecycle.clocks.late]\nstate = \"closed\"\nafter = \"P5D\"",
        "state-final",
        36,
    ),
    (
        "records/room.toml",
        "guard = \"record.seats > 0\"",
        "guard = \"record.seats > 0\"\n[lifecycle.clocks.late]\nstate = \"open\"\nafter = \"five days\"",
        "duration",
        37,
    ),
    (
        "records/room.toml",
        "guard = \"record.seats > 0\"",
        "guard = \"record.seats > 0\"\n[lifecycle.clocks.late]\nstate = \"open\"\nafter = \"PT5H\"\nworking_days = true",
        "duration",
        37,
    ),
    (
        "records/room.toml",
        "guard = \"record.seats > 0\"",
        "guard = \"record.seats > 0\"\n[lifecycle.clocks.late]\nstate = \"open\"\nafter = \"P5D\"\ntransition = \"shut\"",
        "transition-missing",
        38,
    ),
    ("package.toml", "id = \"rooms\"", "id = \"Rooms!\"", "name", 1),
    ("package.toml", "id = \"rooms\"", "id = 7", "form", 1),
    (
        "package.toml",
        "version = \"1.0.0\"",
        "version = \"one\"",
        "version",
        5,
    ),
    ("package.toml", "owner", "ownr", "unknown-key", 4),
    (
        "package.toml",
        "word = \"collaboration\"",
        "word = \"fun\"",
        "form",
        3,
    ),
    (
        "package.toml",
        "[roles.clerk]",
        "[needs]\nbase = \"1.0\"\n[roles.clerk]",
        "needs-missing",
        7,
    ),
    ("package.toml", "[roles.clerk]", "[roles.Clerk-1]", "name", 6),
    (
        "package.toml",
        "title = { zh = \"会议室\" }",
        "title = \"会议室\"",
        "form",
        2,
    ),
    ("package.toml", "[roles.clerk]", "[roles.clerk", "form", 6),
    (
        "records/room.toml",
        "label = \"name\"",
        "label = \"nam\"",
        "field-missing",
        2,
    ),
    (
        "records/room.toml",
        "key = [\"name\"]",
        "key = [\"code\"]",
        "field-missing",
        3,
    ),
    (
        "records/room.toml",
        "type = \"integer\"",
        "type = \"int\"",
        "field-type",
        11,
    ),
    ("records/room.toml", "min = 1", "min = 900", "range", 13),
    (
        "records/room.toml",
        "required = true",
        "requird = true",
        "unknown-key",
        8,
    ),
    (
        "records/room.toml",
        "required = true",
        "required = \"yes\"",
        "form",
        8,
    ),
    (
        "records/room.toml",
        "required = true",
        "pattern = \"(\"",
        "pattern",
        8,
    ),
    (
        "records/room.toml",
        "required = true",
        "grade = \"绝密\"",
        "grade",
        8,
    ),
    (
        "records/room.toml",
        "required = true",
        "personal = true",
        "personal-grade",
        8,
    ),
    (
        "records/room.toml",
        "required = true",
        "default = \"1 + 1\"",
        "feel",
        8,
    ),
    (
        "records/room.toml",
        "required = true",
        "when = \"seats\"",
        "feel",
        8,
    ),
    (
        "records/room.toml",
        "[fields.seats]",
        "[fields.Seats]",
        "name",
        10,
    ),
    (
        "records/room.toml",
        "[fields.seats]",
        "[fields.state]",
        "name",
        10,
    ),
    (
        "records/room.toml",
        "result = \"boolean\"",
        "result = \"maybe\"",
        "computed-result",
        19,
    ),
    (
        "records/room.toml",
        "feel = \"seats > 50\"",
        "feel = \"seets > 50\"",
        "feel",
        20,
    ),
    (
        "records/room.toml",
        "feel = \"seats > 50\"",
        "feel = \"seats + 50\"",
        "feel",
        20,
    ),
    (
        "records/room.toml",
        "feel = \"seats > 50\"",
        "feel = \"large\"",
        "computed-cycle",
        20,
    ),
    (
        "records/room.toml",
        "feel = \"seats > 50\"\n",
        "\n",
        "key-missing",
        16,
    ),
    (
        "records/room.toml",
        "initial = \"open\"",
        "initial = \"opn\"",
        "state-missing",
        23,
    ),
    (
        "records/room.toml",
        "to = \"closed\"",
        "to = \"close\"",
        "state-missing",
        32,
    ),
    (
        "records/room.toml",
        "from = [\"open\"]",
        "from = [\"closed\"]",
        "state-final",
        31,
    ),
    (
        "records/room.toml",
        "who = [\"clerk\"]",
        "who = [\"boss\"]",
        "role-missing",
        33,
    ),
    (
        "records/room.toml",
        "guard = \"record.seats > 0\"",
        "guard = \"record.seats\"",
        "feel",
        34,
    ),
    (
        "records/room.toml",
        "guard = \"record.seats > 0\"",
        "require = [\"reason\"]",
        "field-missing",
        34,
    ),
    (
        "codes/floor.toml",
        "code = \"1\"",
        "kode = \"1\"",
        "unknown-key",
        3,
    ),
    (
        "views/all.toml",
        "of = \"room\"",
        "of = \"rom\"",
        "type-missing",
        2,
    ),
    ("views/all.toml", "\"seats\"]", "\"sits\"]", "field-missing", 4),
    (
        "views/all.toml",
        "kind = \"list\"",
        "kind = \"pie\"",
        "view-kind",
        3,
    ),
    (
        "triggers.toml",
        "rooms.room.created",
        "rooms.romm.created",
        "type-missing",
        3,
    ),
    (
        "triggers.toml",
        "record.seats > 100",
        "record.sets > 100",
        "feel",
        4,
    ),
    (
        "triggers.toml",
        "with = { name",
        "with = { nam",
        "field-missing",
        5,
    ),
    ("policy.cedar", "permit(", "permitt(", "policy", 1),
    ("seeds/01-room.csv", "name,seats", "name,sits", "seed-column", 1),
    ("seeds/01-room.csv", "一号,20", "一号,20,30", "seed-form", 2),
];

#[test]
fn every_fault_is_found_at_its_line() {
    assert!(BROKEN.len() >= 40);
    for (file, from, to, rule, line) in BROKEN {
        let mut map = good();
        let text = map.get_mut(*file).unwrap();
        assert!(text.contains(from), "{file} has no {from}");
        *text = text.replacen(from, to, 1);
        let (_, findings) = findings(&map);
        assert!(has_errors(&findings), "{file} {to}: nothing found");
        let hit = findings
            .iter()
            .any(|f| f.file == *file && f.rule == *rule && f.line == *line);
        assert!(hit, "{file} {to}: wanted {rule} at {line}, got {findings:#?}");
    }
}

#[test]
fn names_fit_into_those_of_tables() {
    let mut map = good();
    let long = format!("records/{}.toml", "a".repeat(31));
    map.insert(long.clone(), RECORD.into());
    map.insert(
        "package.toml".into(),
        PACKAGE.replace("rooms", "rooms-of-the-province"),
    );
    let hit = findings(&map).1;
    assert!(
        hit.iter().any(|f| f.rule == "name-length" && f.file == long),
        "{hit:#?}"
    );
}

#[test]
fn one_mistake_does_not_hide_another() {
    let mut map = good();
    map.insert("codes/floor.toml".into(), "title = 3".into());
    map.insert("views/all.toml".into(), VIEW.replace("room", "rom"));
    map.insert("junk.txt".into(), "x".into());
    let rules: Vec<String> = findings(&map).1.into_iter().map(|finding| finding.rule).collect();
    assert_eq!(rules, ["form", "key-missing", "unknown-file", "type-missing"]);
}

#[test]
fn no_input_panics() {
    use proptest::prelude::*;
    let keys: Vec<String> = good().into_keys().collect();
    proptest!(ProptestConfig::with_cases(200), |(pick in 0..keys.len(), at in 0usize..2_000, junk in ".{0,12}")| {
        let mut map = good();
        let text = map.get_mut(&keys[pick]).unwrap();
        let mut at = at.min(text.len());
        while !text.is_char_boundary(at) { at -= 1; }
        text.insert_str(at, &junk);
        let _ = findings(&map);
    });
}

#[test]
fn differences_are_told() {
    let old = findings(&good()).0.unwrap();
    let mut map = good();
    let record = RECORD
        .replace("[fields.name]", "[fields.full_name]")
        .replace("\"name\"", "\"full_name\"");
    let record = record.replace(
        "[fields.large]",
        "[fields.floor]\ntype = \"text\"\ntitle = { zh = \"楼层\" }\n\n[fields.large]",
    );
    map.insert("records/room.toml".into(), record);
    map.insert("views/all.toml".into(), VIEW.replace("\"name\"", "\"full_name\""));
    let unnamed = diff(Some(&old), &findings(&map).0.unwrap(), &StepsDone::new());
    assert_eq!(unnamed.losses.len(), 1);
    map.insert(
        "steps/0002.toml".into(),
        "[[actions]]\ndo = \"rename_field\"\nof = \"room\"\nfrom = \"name\"\nto = \"full_name\"\n".into(),
    );
    let plan = diff(Some(&old), &findings(&map).0.unwrap(), &StepsDone::new());
    assert!(plan.losses.is_empty() && plan.problems.is_empty());
    assert_eq!(
        plan.changes[0],
        Change::RenameField {
            of: "room".into(),
            from: "name".into(),
            to: "full_name".into()
        }
    );
    assert_eq!(plan.changes[1].to_string(), "+ field room.floor (楼层)");
    assert!(diff(Some(&old), &old, &StepsDone::new()).changes.is_empty());
}
