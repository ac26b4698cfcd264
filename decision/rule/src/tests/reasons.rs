//! Which rules fired, through a graph of decisions.

use serde_json::json;

use super::{cx, decision, definitions, input, literal, model, rows, table};
use crate::cases::{Case, run};
use crate::explain::{Reasons, decide};

fn graph() -> String {
    let grade = table(
        "hitPolicy=\"FIRST\"",
        &["age"],
        &[("", "")],
        &rows(&[&["< 18", "\"child\""], &["< 65", "\"adult\""], &["-", "\"old\""]]),
    );
    let price = table(
        "hitPolicy=\"COLLECT\" aggregation=\"SUM\"",
        &["grade", "age"],
        &[("", "")],
        &rows(&[
            &["\"child\"", "-", "5"],
            &["not(\"child\")", "-", "10"],
            &["-", "> 60", "-2"],
        ]),
    );
    definitions(
        &[
            input("age", "number"),
            decision("grade", "string", &["age"], &[], &grade),
            decision("price", "number", &["age"], &["grade"], &price),
            decision(
                "text",
                "string",
                &[],
                &["price"],
                &literal("\"to pay: \" + string(price)"),
            ),
        ]
        .concat(),
    )
}

#[test]
fn rules_that_fired_are_told_through_the_graph() {
    let model = model(&graph());
    let input = json!({ "age": 70 }).as_object().unwrap().clone();
    let outcome = decide(&cx(), &model, "text", &input, Reasons::Given).unwrap();
    assert_eq!(
        (outcome.result.clone(), outcome.kind.as_str()),
        (json!("to pay: 8"), "string")
    );
    let names: Vec<&str> = outcome
        .reasons
        .iter()
        .map(|reason| reason.name.as_str())
        .collect();
    assert_eq!(names, ["grade", "price", "text"]);
    let price = &outcome.reasons[1];
    assert_eq!(
        price.matched.iter().map(|fired| fired.rule).collect::<Vec<_>>(),
        [2, 3]
    );
    assert_eq!(price.matched[0].id.as_deref(), Some("rule-2"));
    assert_eq!(price.matched[1].outputs, [json!(-2)]);
    assert_eq!(price.inputs["grade"], "old");
    assert_eq!(
        (price.columns[1].expression.as_str(), &price.columns[1].value),
        ("age", &json!(70))
    );
    assert_eq!(outcome.rules(), ["grade#3", "price#2", "price#3"]);
    assert!(model.main().is_some_and(|main| main.name == "text"));
}

#[test]
fn what_is_null_says_why() {
    let model = model(&graph());
    let input = json!({ "age": null }).as_object().unwrap().clone();
    let outcome = decide(&cx(), &model, "price", &input, Reasons::Given).unwrap();
    assert_eq!(outcome.result, json!(10), "{outcome:?}");
    let logic = table(
        "hitPolicy=\"UNIQUE\"",
        &["age"],
        &[("", "")],
        &rows(&[&["> 5", "1"], &["> 6", "2"]]),
    );
    let model = super::model(&definitions(
        &[
            super::input("age", "number"),
            decision("d", "", &["age"], &[], &logic),
        ]
        .concat(),
    ));
    let ask = |age: i64| {
        let input = json!({ "age": age }).as_object().unwrap().clone();
        decide(&cx(), &model, "d", &input, Reasons::Given).unwrap()
    };
    assert!(
        ask(7).note.is_some_and(|note| note.contains("multiple")),
        "two rules of a unique table"
    );
    assert!(ask(1).note.is_some_and(|note| note.contains("no rules matched")));
    assert_eq!(
        ask(7).reasons[0]
            .matched
            .iter()
            .filter(|fired| fired.used)
            .count(),
        0
    );
}

#[test]
fn cases_pass_and_fail() {
    let model = model(&graph());
    let case = |expected: serde_json::Value, rules: &[&str]| Case {
        name: "c".into(),
        decision: "price".into(),
        input: json!({ "age": 8 }).as_object().unwrap().clone(),
        expected,
        rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
    };
    assert!(run(&cx(), &model, &case(json!(5.0), &["grade#1", "price#1"])).passed);
    assert!(!run(&cx(), &model, &case(json!(6), &[])).passed);
    assert!(!run(&cx(), &model, &case(json!(5), &["price#2"])).passed);
    let missing = Case {
        decision: "nothing".into(),
        ..case(json!(null), &[])
    };
    assert!(!run(&cx(), &model, &missing).passed);
}
