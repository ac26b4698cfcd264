//! Against form-js itself: what a browser lets through is taken here, what it refuses is refused, and what is kept is what
//! it submits. Where we differ on purpose stands in docs/forms.md, and is left out of the values below or named at its place.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Map, Value as Json, json};

use super::{cx, object};
use crate::parse;

/// Rounds for each form; `FORM_ROUNDS` asks for more.
const ROUNDS: usize = 15;

fn client() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients/form-js")
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn pick<'p>(&mut self, pool: &'p [Json]) -> &'p Json {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        &pool[usize::try_from(self.0 >> 33).unwrap() % pool.len()]
    }
}

/// A form with the values that its fields are tried with. Ids are the last part of keys, so that errors can be compared.
struct Case {
    components: Json,
    /// (pointer, values); rows are filled at `/rows/0`, `/rows/1`, …
    pools: Vec<(&'static str, Json)>,
}

pub(super) fn field(word: &str, key: &str, more: Json) -> Json {
    let id = key.rsplit('.').next().unwrap();
    let mut field = json!({ "type": word, "key": key, "id": id });
    field.as_object_mut().unwrap().extend(object(more));
    field
}

fn cases() -> Vec<Case> {
    let texts = json!([
        "",
        "a",
        "ab",
        "abc",
        "abcd",
        " ab ",
        "张三",
        "张三李四王",
        "12",
        "a1",
        "𠮷",
        "Ａ",
        "\u{3000}ab",
        "a\u{a0}"
    ]);
    let numbers = json!([
        null,
        0,
        1,
        -1,
        2.5,
        0.1,
        0.3,
        9.99,
        10,
        10.01,
        100,
        0.07,
        1e-7,
        123_456.789,
        -0.05
    ]);
    let texted = json!([
        null,
        "0",
        "1.50",
        "0.30",
        "9007199254740993.05",
        "9007199254740993.1",
        "-3",
        "1e2",
        ".5",
        "5."
    ]);
    let flags = json!([true, false, null]);
    let letters = json!([null, "a", "b", "c", "z", 1, true]);
    let lists = json!([null, [], ["a"], ["a", "b"], ["z"], ["b", "z"], "a", 3]);
    vec![
        Case {
            components: json!([
                field(
                    "textfield",
                    "required",
                    json!({ "validate": { "required": true } })
                ),
                field("textfield", "short", json!({ "validate": { "maxLength": 3 } })),
                field(
                    "textarea",
                    "long",
                    json!({ "validate": { "minLength": 2, "maxLength": "=most" } })
                ),
                field(
                    "textfield",
                    "digits",
                    json!({ "validate": { "pattern": "^\\d+$" } })
                ),
                field(
                    "textfield",
                    "word",
                    json!({ "validate": { "pattern": "[\\u4e00-\\u9fa5]{2,}|^\\w*$" } })
                ),
            ]),
            pools: vec![
                ("/required", texts.clone()),
                ("/short", texts.clone()),
                ("/long", texts.clone()),
                ("/digits", texts.clone()),
                ("/word", texts.clone()),
                ("/most", json!([3, 4, null])),
            ],
        },
        Case {
            components: json!([field(
                "textfield",
                "mail",
                json!({ "validate": { "validationType": "email" } })
            )]),
            pools: vec![(
                "/mail",
                json!([
                    "",
                    "a@b",
                    "a@b.cn",
                    "a.b@c-d.cn",
                    "a@-b.cn",
                    "a@b-.cn",
                    "@b.cn",
                    "a@",
                    "a b@c.cn",
                    "a@b..cn",
                    "a@@b.cn",
                    "x",
                    "a+b!#$%@c.cn",
                    "张@b.cn",
                    "a@张.cn",
                    "a@b.cn ",
                    "a@b.c_d",
                ]),
            )],
        },
        Case {
            components: json!([field(
                "textfield",
                "phone",
                json!({ "validate": { "validationType": "phone" } })
            )]),
            pools: vec![(
                "/phone",
                json!([
                    "",
                    "+8613800000000",
                    "008613800000000",
                    "13800000000",
                    "+4930664040900",
                    "+86",
                    "110",
                    "+861380000000x",
                    "+0123456789",
                    "+1 202 555 0100",
                ]),
            )],
        },
        Case {
            components: json!([
                field(
                    "number",
                    "plain",
                    json!({ "validate": { "required": true, "min": 0.1, "max": 10 } })
                ),
                field("number", "whole", json!({ "decimalDigits": 0 })),
                field(
                    "number",
                    "cents",
                    json!({ "decimalDigits": 2, "increment": "0.05" })
                ),
                field(
                    "number",
                    "computed",
                    json!({ "validate": { "min": "=low", "max": "=low * 2 + 0.1" } })
                ),
                field(
                    "number",
                    "text",
                    json!({ "serializeToString": true, "decimalDigits": 2,
                    "validate": { "min": "-2", "max": "9007199254740993.05" } })
                ),
            ]),
            pools: vec![
                ("/plain", numbers.clone()),
                ("/whole", numbers.clone()),
                ("/cents", numbers.clone()),
                ("/computed", numbers.clone()),
                ("/low", json!([0, 1, 0.1, 5])),
                ("/text", texted),
            ],
        },
        Case {
            components: json!([
                field("checkbox", "agree", json!({ "validate": { "required": true } })),
                field(
                    "radio",
                    "one",
                    json!({ "values": [{ "label": "甲", "value": "a" }, { "label": "乙", "value": "b" }] })
                ),
                field(
                    "select",
                    "given",
                    json!({ "valuesKey": "options", "validate": { "required": true } })
                ),
                field("select", "made", json!({ "valuesExpression": "=options" })),
                field("checklist", "many", json!({ "valuesKey": "options" })),
                field(
                    "taglist",
                    "tags",
                    json!({ "values": [{ "label": "甲", "value": "a" }, { "label": "乙", "value": "b" }], "validate": { "required": true } })
                ),
            ]),
            pools: vec![
                ("/agree", flags.clone()),
                ("/one", letters.clone()),
                ("/given", letters.clone()),
                ("/made", letters),
                ("/many", lists.clone()),
                ("/tags", lists),
                (
                    "/options",
                    json!([["a", "b", 1], [{ "label": "甲", "value": "a" }, { "value": "c" }, { "label": "x" }, true], [], null]),
                ),
            ],
        },
        Case {
            components: json!([
                field("checkbox", "company", json!({})),
                field("textfield", "firm", json!({ "conditional": { "hide": "=company != true" }, "validate": { "required": true } })),
                field("number", "amount", json!({ "validate": { "min": 1 } })),
                field("textarea", "why", json!({ "conditional": { "hide": "=amount = null or amount <= 10" }, "validate": { "required": true, "minLength": 3 } })),
                { "type": "group", "id": "box", "path": "who", "conditional": { "hide": "=amount = 100" }, "components": [
                    field("textfield", "name.first", json!({ "validate": { "required": true } })),
                    field("textfield", "last", json!({ "conditional": { "hide": "=who.name.first = \"a\"" }, "validate": { "maxLength": 3 } })),
                ] },
                { "type": "group", "id": "loose", "components": [field("textfield", "inside", json!({ "conditional": { "hide": "=why = \"abc\"" } }))] },
            ]),
            pools: vec![
                ("/company", flags),
                ("/firm", texts.clone()),
                ("/amount", numbers.clone()),
                ("/why", texts.clone()),
                ("/who/name/first", texts.clone()),
                ("/who/last", texts.clone()),
                ("/inside", texts.clone()),
            ],
        },
        Case {
            components: json!([
                field("number", "price", json!({})),
                field("number", "count", json!({ "readonly": true })),
                field("textfield", "fixed", json!({ "disabled": true })),
                field("textfield", "note", json!({ "readonly": "=price > 5" })),
                field(
                    "expression",
                    "total",
                    json!({ "expression": "=if price = null or count = null then null else price * count", "computeOn": "change" })
                ),
                field(
                    "expression",
                    "double",
                    json!({ "expression": "=if total = null then 0 else total * 2", "computeOn": "change" })
                ),
                field(
                    "expression",
                    "label",
                    json!({ "expression": "=if total > 10 then \"much\" else \"little\"", "computeOn": "change" })
                ),
            ]),
            pools: vec![
                ("/price", json!([null, 1, 2, 7, 0.5, 2.25])),
                ("/count", json!([null, 3, 4])),
                ("/fixed", texts.clone()),
                ("/note", texts.clone()),
            ],
        },
        Case {
            components: json!([
                field("number", "most", json!({})),
                { "type": "dynamiclist", "id": "list", "path": "rows", "components": [
                    field("textfield", "kind", json!({ "validate": { "required": true, "maxLength": 4 } })),
                    field("number", "amount", json!({ "validate": { "max": "=most" }, "conditional": { "hide": "=this.kind = \"a\"" } })),
                    field("number", "share", json!({ "validate": { "max": "=this.amount", "min": 0 } })),
                ] },
            ]),
            pools: vec![
                ("/most", json!([5, 10, 0.2])),
                ("/rows/0/kind", texts.clone()),
                ("/rows/0/amount", numbers.clone()),
                ("/rows/0/share", numbers.clone()),
                ("/rows/1/kind", texts.clone()),
                ("/rows/1/amount", numbers.clone()),
                ("/rows/1/share", numbers),
            ],
        },
        Case {
            components: json!([
                field(
                    "datetime",
                    "day",
                    json!({ "subtype": "date", "validate": { "required": true } })
                ),
                field("datetime", "at", json!({ "subtype": "time" })),
                field(
                    "datetime",
                    "moment",
                    json!({ "subtype": "datetime", "timeSerializingFormat": "utc_offset" })
                ),
            ]),
            pools: vec![
                (
                    "/day",
                    json!([
                        null,
                        "",
                        "2024-02-29",
                        "2024-13-01",
                        "2024-03-01T10:00",
                        "soon",
                        3
                    ]),
                ),
                ("/at", json!([null, "09:30", "x", "23:59Z", "10:00+08:00"])),
                (
                    "/moment",
                    json!([null, "2024-03-01T09:30+08:00", "2024-03-01", "x"]),
                ),
            ],
        },
    ]
}

fn put(data: &mut Json, pointer: &str, value: Json) {
    let path: Vec<crate::run::Step> = pointer
        .split('/')
        .skip(1)
        .map(|part| match part.parse() {
            Ok(index) => crate::run::Step::Index(index),
            Err(_) => crate::run::Step::Key(part.to_owned()),
        })
        .collect();
    crate::run::set(data, &path, value);
}

/// Values that are nothing are told apart by nobody.
fn bare(json: &Json) -> Json {
    match json {
        Json::Object(members) => {
            let kept: Map<String, Json> = members
                .iter()
                .map(|(name, value)| (name.clone(), bare(value)))
                .filter(|(_, value)| {
                    !value.is_null() && value.as_object().is_none_or(|inner| !inner.is_empty())
                })
                .collect();
            Json::Object(kept)
        }
        Json::Array(items) => Json::Array(items.iter().map(bare).collect()),
        // JavaScript has one kind of number.
        Json::Number(number) => json!(number.as_f64()),
        other => other.clone(),
    }
}

/// Ids of the fields that form-js finds wrong, with the rows that they are in.
pub(super) fn theirs(errors: &Json) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (id, about) in errors.as_object().unwrap() {
        let items = about.as_array().cloned().unwrap_or_default();
        for (index, item) in items.iter().enumerate() {
            match item {
                Json::String(_) => found.insert(id.clone()),
                Json::Array(_) => found.insert(format!("{id} {index}")),
                _ => false,
            };
        }
    }
    found
}

/// The same of a pointer.
fn ours(pointer: &str) -> String {
    let parts: Vec<&str> = pointer.split('/').collect();
    match parts.as_slice() {
        [_, "rows", row, name] => format!("{name} {row}"),
        _ => {
            let name = parts.iter().rev().find(|part| part.parse::<usize>().is_err());
            (*name.unwrap()).to_owned()
        }
    }
}

/// What form-js makes of each `{schema, data}`.
pub(super) fn filled(asked: &[Json]) -> Vec<Json> {
    let mut node = Command::new("node")
        .arg(client().join("fill.mjs"))
        .env("TZ", "Asia/Shanghai")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: String = asked.iter().map(|line| format!("{line}\n")).collect();
    let mut input = node.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()).unwrap());
    let output = node.wait_with_output().unwrap();
    writer.join().unwrap();
    let answers = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Json> = answers
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len(), asked.len());
    answers
}

/// Whether form-js is there; said aloud where it is not.
pub(super) fn is_there() -> bool {
    let there = client().join("node_modules").exists();
    if !there {
        eprintln!("SKIPPED: tests/clients/form-js has no node_modules; scripts/setup-tests.sh makes it");
    }
    there
}

#[test]
fn a_browser_and_the_server_agree() {
    if !is_there() {
        return;
    }
    let rounds = std::env::var("FORM_ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok());
    let rounds: usize = rounds.unwrap_or(ROUNDS);
    let mut dice = Dice(7);
    let mut asked = Vec::new();
    for case in cases() {
        let schema =
            json!({ "type": "default", "id": "f", "schemaVersion": 19, "components": case.components });
        for _ in 0..rounds {
            let mut data = json!({});
            for (pointer, pool) in &case.pools {
                put(&mut data, pointer, dice.pick(pool.as_array().unwrap()).clone());
            }
            asked.push(json!({ "schema": schema, "data": data }));
        }
    }
    let answers = filled(&asked);

    let (mut taken, mut differ) = (0, Vec::new());
    for (asked, answer) in asked.iter().zip(&answers) {
        let (form, findings) = parse("f", &asked["schema"].to_string());
        let form = form.unwrap_or_else(|| panic!("{findings:#?}"));
        assert!(answer.get("refused").is_none(), "{answer}");
        let submitted = &answer["submitted"];
        let result = form.validate(&cx(), &object(submitted.clone()), &object(asked["data"].clone()));
        let wrong: BTreeSet<String> = match &result {
            Ok(_) => BTreeSet::new(),
            Err(errors) => errors.iter().map(|error| ours(&error.pointer)).collect(),
        };
        if wrong != theirs(&answer["errors"]) {
            differ.push(format!(
                "{submitted}: theirs {}, ours {result:?}",
                answer["errors"]
            ));
        } else if let Ok(mut kept) = result {
            taken += 1;
            let mut submitted = submitted.clone();
            // form-js leaves disabled fields out, and computes what is computed from computed values too early.
            for name in ["fixed", "double", "label"] {
                kept.shift_remove(name);
                submitted.as_object_mut().unwrap().shift_remove(name);
            }
            let (kept, submitted) = (bare(&Json::Object(kept)), bare(&submitted));
            if kept != submitted {
                differ.push(format!("{}: kept {kept}, submitted {submitted}", asked["data"]));
            }
        }
    }
    assert!(
        differ.is_empty(),
        "{} of {}:\n{}",
        differ.len(),
        asked.len(),
        differ.join("\n")
    );
    assert!(
        taken > 20,
        "only {taken} of {} were taken: the values are too odd",
        asked.len()
    );
}
