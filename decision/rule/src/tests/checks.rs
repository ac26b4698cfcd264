//! Gaps, overlaps, dead rules, types.

use serde_json::json;

use super::{cx, decision, definitions, input, literal, rows, table};
use crate::check::{Found, check};

fn found(inner: &str) -> Vec<Found> {
    let all = check(&cx(), &definitions(inner), &[], None);
    all.into_iter()
        .filter(|found| found.rule != "law-missing")
        .collect()
}

/// Rule ids with rule numbers, for a table over `age` and `region`.
fn of(attributes: &str, outputs: &[(&str, &str)], rules: &[&[&str]]) -> Vec<(String, Vec<usize>)> {
    told(attributes, outputs, rules)
        .into_iter()
        .map(|found| (found.rule, found.rules))
        .collect()
}

fn told(attributes: &str, outputs: &[(&str, &str)], rules: &[&[&str]]) -> Vec<Found> {
    let logic = table(attributes, &["age", "region"], outputs, &rows(rules));
    found(
        &[
            input("age", "number"),
            input("region", "string"),
            decision("d", "", &["age", "region"], &[], &logic),
        ]
        .concat(),
    )
}

fn one(rule: &str, rules: &[usize]) -> Vec<(String, Vec<usize>)> {
    vec![(rule.to_owned(), rules.to_vec())]
}

#[test]
fn gaps_are_found_with_an_example() {
    let rules: &[&[&str]] = &[&["< 18", "-", "1"], &["> 18", "-", "2"]];
    let all = told("hitPolicy=\"UNIQUE\"", &[("", "")], rules);
    assert_eq!((all.len(), all[0].rule.as_str()), (1, "gap"));
    assert_eq!(all[0].example.as_ref().unwrap()["age"], json!(18));
    let whole: &[&[&str]] = &[
        &["< 18", "-", "1"],
        &[">= 18", "not(\"a\")", "2"],
        &[">= 18", "\"a\"", "3"],
    ];
    assert_eq!(of("hitPolicy=\"UNIQUE\"", &[("", "")], whole), []);
    // Between two decimals there is always a third.
    let close: &[&[&str]] = &[&["<= 0.1", "-", "1"], &[">= 0.2", "-", "2"]];
    assert_eq!(of("hitPolicy=\"UNIQUE\"", &[("", "")], close), one("gap", &[]));
}

#[test]
fn overlaps_count_by_hit_policy() {
    let rules: &[&[&str]] = &[&["< 20", "-", "1"], &[">= 18", "-", "2"]];
    assert_eq!(
        of("hitPolicy=\"UNIQUE\"", &[("", "")], rules),
        one("overlap", &[1, 2])
    );
    assert_eq!(
        of("hitPolicy=\"ANY\"", &[("", "")], rules),
        one("overlap", &[1, 2])
    );
    assert_eq!(of("hitPolicy=\"FIRST\"", &[("", "")], rules), []);
    assert_eq!(of("hitPolicy=\"COLLECT\"", &[("", "")], rules), []);
    let same: &[&[&str]] = &[&["< 20", "-", "1"], &[">= 18", "-", "1"]];
    assert_eq!(of("hitPolicy=\"ANY\"", &[("", "")], same), []);
    let twice: &[&[&str]] = &[&["-", "-", "1"], &["-", "-", "1"]];
    assert_eq!(
        of("hitPolicy=\"COLLECT\"", &[("", "")], twice),
        one("rule-twice", &[1, 2])
    );
}

#[test]
fn dead_rules_are_found() {
    let rules: &[&[&str]] = &[
        &["< 20", "-", "1"],
        &[">= 20", "-", "2"],
        &["[5..30]", "\"a\"", "3"],
    ];
    assert_eq!(
        of("hitPolicy=\"FIRST\"", &[("", "")], rules),
        one("rule-dead", &[3])
    );
    let ranked: &[&[&str]] = &[&["-", "-", "\"low\""], &["< 5", "-", "\"high\""]];
    assert_eq!(
        of("hitPolicy=\"PRIORITY\"", &[("", "\"high\",\"low\"")], ranked),
        []
    );
    assert_eq!(
        of("hitPolicy=\"PRIORITY\"", &[("", "\"low\",\"high\"")], ranked),
        one("rule-dead", &[2])
    );
    let never: &[&[&str]] = &[&["-", "-", "1"], &["[9..3]", "-", "2"]];
    assert_eq!(
        of("hitPolicy=\"FIRST\"", &[("", "")], never),
        one("rule-dead", &[2])
    );
}

#[test]
fn types_policies_and_outputs_are_looked_at() {
    let rules: &[&[&str]] = &[&["\"x\"", "-", "1"]];
    assert_eq!(
        of("hitPolicy=\"FIRST\"", &[("", "")], rules),
        one("input-type", &[1])
    );
    let any: &[&[&str]] = &[&["-", "-", "\"x\""]];
    assert_eq!(
        of("hitPolicy=\"PRIORITY\"", &[("", "")], any),
        one("priority-without-values", &[])
    );
    assert_eq!(
        of("hitPolicy=\"FIRST\"", &[("", "\"y\"")], any),
        one("output-value", &[1])
    );
    assert_eq!(
        of("hitPolicy=\"COLLECT\" aggregation=\"SUM\"", &[("", "")], any),
        one("aggregation-type", &[1])
    );
    assert_eq!(
        of("hitPolicy=\"FIRST\" aggregation=\"SUM\"", &[("", "")], any),
        one("aggregation-unused", &[])
    );
    let two: &[&[&str]] = &[&["-", "-", "1", "2"]];
    let outputs = [("a", ""), ("b", "")];
    assert_eq!(
        of("hitPolicy=\"COLLECT\" aggregation=\"MAX\"", &outputs, two),
        one("aggregation-outputs", &[])
    );
    let more: &[&[&str]] = &[&["? > 5", "-", "1"], &["-", "-", "2"]];
    assert_eq!(
        of("hitPolicy=\"FIRST\"", &[("", "")], more),
        one("not-analysed", &[1])
    );
    let short: &[&[&str]] = &[&["-", "1"]];
    assert_eq!(
        of("hitPolicy=\"FIRST\"", &[("", "")], short),
        one("rule-shape", &[])
    );
    let typed = decision(
        "d",
        "number",
        &[],
        &[],
        &table("", &[], &[("", "")], &rows(&[&["\"x\""]])),
    );
    assert_eq!(
        found(&typed)
            .iter()
            .map(|found| found.rule.as_str())
            .collect::<Vec<_>>(),
        ["output-type"]
    );
}

#[test]
fn names_must_be_required() {
    let all = found(
        &[
            input("age", "number"),
            decision("d", "", &[], &[], &literal("age + 1")),
        ]
        .concat(),
    );
    assert_eq!(
        all.iter().map(|found| found.rule.as_str()).collect::<Vec<_>>(),
        ["requirement-missing"]
    );
    let unknown = found(&input("age", "tNothing"));
    assert_eq!(
        unknown
            .iter()
            .map(|found| found.rule.as_str())
            .collect::<Vec<_>>(),
        ["type-unknown"]
    );
}

#[test]
fn allowed_values_bound_what_must_be_covered() {
    let kind = "<itemDefinition name=\"tRegion\"><typeRef>string</typeRef><allowedValues><text>\"a\",\"b\"</text></allowedValues></itemDefinition>";
    let logic = |rules: &[&[&str]]| {
        let logic = table("hitPolicy=\"UNIQUE\"", &["region"], &[("", "")], &rows(rules));
        [
            kind.to_owned(),
            input("region", "tRegion"),
            decision("d", "", &["region"], &[], &logic),
        ]
        .concat()
    };
    assert!(found(&logic(&[&["\"a\"", "1"], &["\"b\"", "2"]])).is_empty());
    let dead = found(&logic(&[&["\"a\", \"b\"", "1"], &["\"c\"", "2"]]));
    assert_eq!(
        dead.iter().map(|found| found.rule.as_str()).collect::<Vec<_>>(),
        ["rule-dead"]
    );
}
