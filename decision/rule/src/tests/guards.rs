//! What is refused before it runs, and what ends all the same.

use std::time::Duration;

use serde_json::{Map, json};

use super::{cx, decision, definitions, input, literal, model};
use crate::explain::{Reasons, Undecided, decide};
use crate::model::load;
use crate::worker::{Stopped, guarded, inline};

fn refused(xml: &str) -> Vec<&'static str> {
    load(xml, &[]).err().map_or(Vec::new(), |refusals| {
        refusals.iter().map(|one| one.rule).collect()
    })
}

fn knowledge(name: &str, parameters: &[&str], needs: &[&str], body: &str) -> String {
    let parameters: String = parameters
        .iter()
        .map(|name| format!("<formalParameter name=\"{name}\"/>"))
        .collect();
    let needs: String = needs
        .iter()
        .map(|name| {
            format!("<knowledgeRequirement><requiredKnowledge href=\"#_{name}\"/></knowledgeRequirement>")
        })
        .collect();
    let body = literal(body);
    format!(
        "<businessKnowledgeModel id=\"_{name}\" name=\"{name}\"><variable name=\"{name}\"/><encapsulatedLogic>{parameters}{body}\
         </encapsulatedLogic>{needs}</businessKnowledgeModel>"
    )
}

fn of(text: &str) -> String {
    definitions(&decision("d", "", &[], &[], &literal(text)))
}

#[test]
fn recursion_is_refused_in_every_form() {
    let check = |what: &str, xml: &str| {
        let rules = refused(xml);
        assert!(
            rules
                .iter()
                .any(|rule| *rule == "recursion" || *rule == "requirement-cycle"),
            "{what}: {rules:?}"
        );
    };
    check(
        "a context entry that calls itself",
        &of("{f: function(n) if n = 0 then 0 else f(n - 1), r: f(5)}.r"),
    );
    check(
        "two that call each other",
        &of("{f: function(n) g(n), g: function(n) f(n), r: f(5)}.r"),
    );
    check(
        "a function that is given itself",
        &of("{w: function(f) f(f), r: w(w)}.r"),
    );
    check(
        "the same with two names",
        &of("{w: function(f, g) f(g, g), r: w(w, w)}.r"),
    );
    check(
        "a knowledge model",
        &definitions(&knowledge("k", &["n"], &[], "if n = 0 then 0 else k(n - 1)")),
    );
    let two = [
        knowledge("a", &["n"], &["b"], "b(n)"),
        knowledge("b", &["n"], &[], "a(n)"),
    ]
    .concat();
    check("two knowledge models", &definitions(&two));
    check(
        "a decision that is a function",
        &definitions(&decision("d", "", &[], &[], &literal("function(n) d(n)"))),
    );
    let cycle = [
        decision("a", "", &[], &["b"], &literal("b")),
        decision("b", "", &[], &["a"], &literal("a")),
    ]
    .concat();
    check("decisions that require each other", &definitions(&cycle));
    // What only looks like it is not.
    assert!(refused(&of("{f: function(n) n + 1, r: f(f(2))}.r")).is_empty());
    assert!(refused(&of("sort([3, 1, 2], function(a, b) a < b)")).is_empty());
}

#[test]
fn what_reaches_outside_or_is_too_large_is_refused() {
    let check = |rule: &str, xml: &str| assert_eq!(refused(xml), [rule], "{}", xml.get(..300).unwrap_or(xml));
    let java = "function(a) external {java: {class: \"java.lang.Math\", method signature: \"abs(double)\"}}";
    check("external-function", &of(java));
    check("range-too-long", &of("for i in 1..1000000 return i"));
    check("range-too-long", &of("for i in 1..1000, j in 1..1000 return i"));
    check("feel-too-large", &of(&"(".repeat(200)));
    check(
        "reference-missing",
        &definitions(&decision("d", "", &["nothing"], &[], &literal("1"))),
    );
    check("xml", "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>");
    check(
        "model-too-deep",
        &["<a>".repeat(5_000), "</a>".repeat(5_000)].concat(),
    );
    check("not-dmn", "<definitions/>");
    // Ten texts that each join the one before ten times: ten thousand million bytes.
    let ten = |name: &str| [name; 10].join(" + ");
    let entries: String = (1..10)
        .map(|at| format!(", e{at}: {}", ten(&format!("e{}", at - 1))))
        .collect();
    check(
        "result-too-large",
        &of(&format!("{{e0: \"0123456789\"{entries}}}.e9")),
    );
    let mut inner = decision("e0", "string", &[], &[], &literal("\"0123456789\""));
    for at in 1..10 {
        let before = format!("e{}", at - 1);
        inner += &decision(
            &format!("e{at}"),
            "string",
            &[],
            &[&before],
            &literal(&ten(&before)),
        );
    }
    assert!(refused(&definitions(&inner)).contains(&"result-too-large"));
    assert!(
        refused(&definitions(&inner.replace("string", "number"))).is_empty(),
        "numbers do not grow"
    );
    // Every decision requires the one before it twice: 2^40 evaluations.
    let mut inner = decision("d0", "", &[], &[], &literal("1"));
    for at in 1..40 {
        let before = format!("d{}", at - 1);
        inner += &decision(&format!("d{at}"), "", &[], &[&before, &before], &literal(&before));
    }
    assert!(refused(&definitions(&inner)).contains(&"too-many-evaluations"));
}

#[test]
fn what_does_not_end_is_given_up() {
    let late = guarded(Duration::from_millis(30), || {
        std::thread::sleep(Duration::from_millis(400))
    });
    assert_eq!(late, Err(Stopped::Late(Duration::from_millis(30))));
    assert_eq!(crate::worker::runaways(), 1);
    std::thread::sleep(Duration::from_millis(800));
    assert_eq!(
        crate::worker::runaways(),
        0,
        "it came to its end and counts no more"
    );
    let failed = inline(|| -> u8 { panic!("inside") });
    assert_eq!(failed, Err(Stopped::Failed("inside".into())));
    assert_eq!(guarded(Duration::from_secs(5), || 7), Ok(7));
}

#[test]
fn a_model_that_does_not_end_is_given_up() {
    for text in [
        "count(for i in 1..n, j in 1..n return 1)",
        "count(for i in 1..n return i)",
    ] {
        let inner = [
            input("n", "number"),
            decision("d", "", &["n"], &[], &literal(text)),
        ]
        .concat();
        let model = model(&definitions(&inner));
        let n = json!({ "n": 1_000_000_000_000_i64 }).as_object().unwrap().clone();
        let late = decide(&cx(), &model, "d", &n, Reasons::LeftOut);
        assert!(
            matches!(late, Err(Undecided::Stopped(Stopped::Late(_)))),
            "{text}: {late:?}"
        );
    }
    assert_eq!(crate::worker::runaways(), 2);
}

#[test]
fn inputs_are_taken_by_their_types() {
    let xml = definitions(
        &[
            input("day", "date"),
            input("length", "days and time duration"),
            decision(
                "d",
                "",
                &["day", "length"],
                &[],
                &literal("day + length > date(\"2022-01-01\")"),
            ),
        ]
        .concat(),
    );
    let model = model(&xml);
    let ask = |input: serde_json::Value| {
        let input = input.as_object().unwrap().clone();
        decide(&cx(), &model, "d", &input, Reasons::LeftOut).unwrap()
    };
    assert_eq!(
        ask(json!({ "day": "2022-01-01", "length": "P1D" })).result,
        json!(true)
    );
    let wrong = ask(json!({ "day": "yesterday", "length": "P1D", "d": 1 }));
    assert_eq!(
        wrong
            .wrong
            .iter()
            .map(|one| one.pointer.as_str())
            .collect::<Vec<_>>(),
        ["/input/day"]
    );
    assert_eq!((wrong.result, wrong.unknown), (json!(null), vec!["d".to_owned()]));
    let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
    assert!(
        decide(
            &cx(),
            &model,
            "d",
            &Map::from_iter([("day".into(), deep)]),
            Reasons::LeftOut
        )
        .is_err()
    );
}

#[test]
fn the_clock_is_that_of_the_context() {
    let model = model(&of("string(today()) + \" today()\""));
    let mut cx = cx();
    for day in ["2001-02-03", "2044-05-06"] {
        cx.now = format!("{day}T04:00:00Z").parse().unwrap();
        let outcome = decide(&cx, &model, "d", &Map::new(), Reasons::LeftOut).unwrap();
        assert_eq!(outcome.result, json!(format!("{day} today()")));
    }
}
