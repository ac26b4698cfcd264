//! Versions of a package that do not fit what is there: each is refused, and leaves nothing changed.

use serde_json::json;

use crate::client::{Texts, replaced, standing, texts};
use crate::package_life::{filled, first};
use crate::support::beds;

/// What is changed in the first version, and what the refusal says.
fn refusals() -> Vec<(&'static str, Texts, u16, &'static str, &'static str)> {
    let first = first();
    let room = |pairs: &[(&str, &str)]| replaced(&first, "records/room.toml", pairs);
    let note = "[fields.note]\ntype = \"text\"\ntitle = { zh = \"备注\" }\n";
    let seed = format!("name,seats\n7号,7\n8号,{}\n", "8".repeat(201));
    let step = |text: &str, package: Texts| {
        let mut package = package;
        package.insert("steps/0002.toml".into(), text.into());
        package
    };
    vec![
        ("a loss", room(&[(note, "")]), 409, "loss-refused", "备注"),
        (
            "a broken version",
            room(&[("result = \"text\"", "result = \"txt\"")]),
            422,
            "package-refused",
            "",
        ),
        (
            "a need that is not there",
            replaced(
                &first,
                "package.toml",
                &[("[roles.clerk]", "[needs]\nbase = \"9.0\"\n[roles.clerk]")],
            ),
            422,
            "package-refused",
            "",
        ),
        (
            "a need of a newer version",
            replaced(
                &first,
                "package.toml",
                &[("[roles.clerk]", "[needs]\nother = \"2.0.0\"\n[roles.clerk]")],
            ),
            422,
            "package-refused",
            "",
        ),
        (
            "a new required field without values",
            room(&[(
                note,
                &format!(
                    "{note}[fields.floor]\ntype = \"integer\"\ntitle = {{ zh = \"楼层\" }}\nrequired = true\n"
                ),
            )]),
            422,
            "package-refused",
            "楼层",
        ),
        (
            "a field that becomes required",
            room(&[(
                "title = { zh = \"备注\" }",
                "title = { zh = \"备注\" }\nrequired = true",
            )]),
            422,
            "package-refused",
            "备注",
        ),
        (
            "a tighter pattern",
            room(&[(
                "title = { zh = \"座位\" }",
                "title = { zh = \"座位\" }\npattern = \"[1-9]\"",
            )]),
            422,
            "package-refused",
            "不符合",
        ),
        (
            "a unique key with duplicates",
            room(&[(
                note,
                &format!(
                    "{note}[fields.kind]\ntype = \"text\"\ntitle = {{ zh = \"种类\" }}\ndefault = \"\\\"普通\\\"\"\nunique = true\n"
                ),
            )]),
            422,
            "package-refused",
            "种类",
        ),
        (
            "a state that records are in",
            room(&[("closed", "shut")]),
            422,
            "package-refused",
            "状态",
        ),
        (
            "a type of values that changes without a step",
            room(&[
                ("title = { zh = \"备注\" }", "title = { zh = \"备注\" }"),
                (note, &note.replace("\"text\"", "\"date\"")),
            ]),
            422,
            "package-refused",
            "convert",
        ),
        (
            "a step that gives what does not fit",
            step(
                "[[actions]]\ndo = \"convert\"\nof = \"room\"\nfield = \"note\"\nfeel = \"if note = null then 1 else 1.5\"\n",
                room(&[(note, &note.replace("\"text\"", "\"integer\""))]),
            ),
            422,
            "package-refused",
            "1.5",
        ),
        (
            "a step that empties what was filled",
            step(
                "[[actions]]\ndo = \"convert\"\nof = \"room\"\nfield = \"note\"\nfeel = \"if note = null then 1 else null\"\n",
                room(&[(note, &note.replace("\"text\"", "\"integer\""))]),
            ),
            409,
            "loss-refused",
            "备注",
        ),
        (
            "a step that reads what is not there",
            step(
                "[[actions]]\ndo = \"backfill\"\nof = \"room\"\nfield = \"note\"\nfeel = \"nothing\"\nall = true\n",
                room(&[("title = { zh = \"备注\" }", "title = { zh = \"说明\" }")]),
            ),
            422,
            "package-refused",
            "note",
        ),
        (
            "a step for a field that is not there",
            step(
                "[[actions]]\ndo = \"backfill\"\nof = \"room\"\nfield = \"nothing\"\nfeel = \"1\"\n",
                room(&[("title = { zh = \"备注\" }", "title = { zh = \"说明\" }")]),
            ),
            422,
            "package-refused",
            "nothing",
        ),
        (
            "a seed that fails half way",
            {
                let mut package = first.clone();
                package.insert("seeds/01-room.csv".into(), seed);
                package
            },
            422,
            "package-refused",
            "3",
        ),
        (
            "rules that records break",
            room(&[(
                "[lifecycle]\n",
                "[rules.big]\nfeel = \"seats != null\"\nmessage = { zh = \"座位要填\" }\n[lifecycle]\n",
            )]),
            422,
            "package-refused",
            "座位要填",
        ),
    ]
}

#[test]
fn what_does_not_fit_leaves_nothing_changed() {
    let other = texts(&[(
        "package.toml",
        "id = \"other\"\ntitle = { zh = \"另一个\" }\nword = \"data\"\nowner = \"省数字办\"\nversion = \"1.0.0\"\n",
    )]);
    for bed in beds() {
        let client = filled(&bed);
        client.apply(&other);
        let before = standing(&bed);
        for (name, package, status, kind, said) in refusals() {
            let name = format!("{}: {name}", bed.name());
            let (got, problem) = client.packages("apply", &[&package], false);
            assert_eq!(got, status, "{name}: {problem:#}");
            assert_eq!(
                problem["type"],
                format!("urn:banyan:problem:{kind}"),
                "{name}: {problem:#}"
            );
            assert!(
                problem["detail"].as_str().unwrap().contains(said),
                "{name}: {problem:#}"
            );
            let after = standing(&bed);
            assert_eq!(after, before, "{name}");
        }
        // With leave, the loss is made, and only that.
        let (_, package, ..) = refusals().remove(0);
        let (status, problem) = client.packages("apply", &[&package], true);
        assert_eq!(status, 200, "{problem}");
        let room = &client.get("/v1/records/rooms/room?sortby=name")["items"][1]["fields"];
        assert_eq!((room.get("note"), &room["seats"]), (None, &json!("40")));
    }
}
