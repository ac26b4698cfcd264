use std::sync::Arc;

use banyan_base::{Ctx, ManualClock, World};
use serde_json::{Map, Value as Json, json};

use crate::{Scope, Type, compile, compile_open};

fn cx() -> Ctx {
    World::new(
        Arc::new(ManualClock::new("2022-03-01T17:00:00Z".parse().unwrap())),
        1,
    )
    .system_ctx()
}

fn scope() -> Scope {
    let record = Type::Context(vec![("due".into(), Type::Date), ("lead".into(), Type::Text)]);
    Scope::default()
        .with("due", Type::Date)
        .with("progress", Type::Number)
        .with("lead", Type::Text)
        .with("co_units", Type::List(Box::new(Type::Text)))
        .with("record", record)
}

fn values() -> Map<String, Json> {
    let values = json!({ "due": "2022-03-10", "progress": 42.5, "lead": "省数字办", "co_units": ["省科技厅", "省工信厅"],
        "record": { "due": "2022-03-10", "lead": "省数字办" } });
    values.as_object().unwrap().clone()
}

#[test]
fn expressions_give_values() {
    let check = |text: &str, expected: Json| {
        let expression =
            compile(text, &scope(), &Type::Any).unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
        assert_eq!(expression.evaluate(&cx(), &values()).unwrap(), expected, "{text}");
    };
    // It is 01:00 of 2 March in the platform's zone.
    check("today()", json!("2022-03-02"));
    check("(due - today()).days", json!(8));
    check(
        "if (due - today()).days < 10 and progress < 50 then \"red\" else \"green\"",
        json!("red"),
    );
    check("lead + \"牵头\"", json!("省数字办牵头"));
    check("\"today() stays\"", json!("today() stays"));
    check("list contains(co_units, \"省科技厅\")", json!(true));
    check("some u in co_units satisfies u = \"省科技厅\"", json!(true));
    check("record.lead = \"省数字办\"", json!(true));
    check("progress * 2", json!(85));
    check("due + duration(\"P3D\")", json!("2022-03-13"));
    check("if lead = null then 1 else 2", json!(2));
    check("(due - today()).days in [7, 8, 9]", json!(true));
    check("1 / 3", json!(0.333_333_333_333_333_3));
    check("2 / 3", json!(0.666_666_666_666_666_6));
    check("0.1 + 0.2", json!(0.3));
    check("-7 / 2", json!(-3.5));
    check("9007199254740993", json!(9_007_199_254_740_993_i64));
    check("number(\"1,234.5\", \",\", \".\")", json!(1234.5));
}

#[test]
fn mistakes_are_found() {
    let check = |text: &str, expected: &Type, part: &str| {
        let errors = compile(text, &scope(), expected).unwrap_err();
        let all = errors
            .iter()
            .map(|e| format!("{} {}", e.message, e.hint.clone().unwrap_or_default()))
            .collect::<String>();
        assert!(all.contains(part), "{text}: {all}");
    };
    check("progres > 3", &Type::Boolean, "did you mean `progress`?");
    check("record.leed", &Type::Any, "did you mean `lead`?");
    check("due > \"2022-01-01\"", &Type::Boolean, "compared with");
    check("lead - 1", &Type::Any, "can't be subtracted");
    check("progress + 1", &Type::Boolean, "must be a boolean");
    check("function(x) x + 1", &Type::Any, "can't be defined");
    check("for i in 1..progress return i", &Type::Any, "constant ends");
    check("for i in 1..100000000 return i", &Type::Any, "at most 1000 steps");
    check(
        "for i in 1..99, j in 1..99 return i",
        &Type::Any,
        "at most 1000 steps",
    );
    check(
        "for i in 1..9 return for j in 1..999 return j",
        &Type::Any,
        "at most 1000 steps",
    );
    check(
        "for i in 1..2, j in 1..2, k in 1..2 return i",
        &Type::Any,
        "two deep",
    );
    check("coalesce(lead, \"x\")", &Type::Any, "if a != null then a else b");
    check("number(\"3\")", &Type::Number, "number(text, \",\", \".\")");
    check("1 +", &Type::Any, "not FEEL");
    check("", &Type::Any, "empty");
    check("\"open", &Type::Any, "not closed");
    check(&"(".repeat(100), &Type::Any, "nested");
    check(&"1+".repeat(1_500), &Type::Any, "operators");
}

#[test]
fn null_is_not_true() {
    let expression = compile("due < today()", &scope(), &Type::Boolean).unwrap();
    assert!(!expression.holds(&cx(), &Map::new()).unwrap());
    assert_eq!(expression.uses(), ["due"]);
    assert!(expression.is_daily());
}

#[test]
fn no_text_panics() {
    let seeds = [
        "if", "then", "(", ")", "[", "]", "due", "-", "+", ".", "\"x\"", "today()", "for", "in", "..", "1",
        "=", "{", "}", ":", "省", "@",
    ];
    let world = World::new(
        Arc::new(ManualClock::new("2022-03-01T00:00:00Z".parse().unwrap())),
        9,
    );
    for _ in 0..3_000 {
        let picks = world.secret::<12>();
        let text: Vec<&str> = picks
            .iter()
            .map(|pick| seeds[usize::from(*pick) % seeds.len()])
            .collect();
        if let Ok(expression) = compile(&text.join(" "), &scope(), &Type::Any) {
            let _ = expression.evaluate(&cx(), &values());
        }
    }
}

#[test]
fn names_of_an_open_scope_are_of_any_type() {
    let values = json!({ "amount": 12, "a": 7, "b": 2, "order": { "total": 5, "lines": [{ "price": 3 }, { "price": 8 }] },
        "state": "open", "申请": { "金额": 300 }, "list": [1, 2], "string": "abc", "length": 2, "paper": { "date": "2022-03-10" } });
    let check = |text: &str, expected: Json| {
        let expression = compile_open(text, &Scope::default(), &Type::Any)
            .unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
        let got = expression.evaluate(&cx(), values.as_object().unwrap()).unwrap();
        assert_eq!(got, expected, "{text}");
    };
    check("a - b", json!(5));
    check("=a-b", json!(5));
    check("a*b + order.total", json!(19));
    check("amount > 10 and state = \"open\"", json!(true));
    check("amount in [10..20]", json!(true));
    check("if a > b then order.total else 0", json!(5));
    check("order.lines[price > 5][1].price", json!(8));
    check("sum(for line in order.lines return line.price)", json!(11));
    check("some line in order.lines satisfies line.price > a", json!(true));
    check("申请.金额 * 2", json!(600));
    check(
        "list contains(list, 2) and string length(string) = 3 and length > 1",
        json!(true),
    );
    check("missing", json!(null));
    check("missing = null", json!(true));
    check("missing.member > 3", json!(null));
    check("date(paper.date) + duration(\"P1D\")", json!("2022-03-11"));
    check("{ a: a, total: order.total + b }", json!({ "a": 7, "total": 7 }));
    check("count(list) + 1", json!(3));
    check("a instance of number", json!(true));
    check("not(state = \"closed\")", json!(true));
    check("today()", json!("2022-03-02"));
    check(
        "date and time(\"2022-03-10T10:00:00\") > date and time(\"2022-03-09T10:00:00\")",
        json!(true),
    );
    let uses = compile_open("a > b and order.total > 1", &Scope::default(), &Type::Boolean).unwrap();
    assert_eq!(uses.uses(), ["a", "b", "order"]);
}

#[test]
fn an_open_scope_is_guarded_as_a_closed_one() {
    let refused = |text: &str| {
        assert!(
            compile_open(text, &Scope::default(), &Type::Boolean).is_err(),
            "{text}"
        );
    };
    refused("");
    refused("=");
    refused("a +");
    refused("test.contains(\"a\")");
    refused("${a > 3}");
    refused("a == 3");
    refused("nosuch(a)");
    refused("1 + 1");
    refused("date(date) = today()");
    refused(&"(".repeat(10_000));
    refused(&"a ".repeat(1_000_000));
    refused("for i in 1..100000 return i");
    let scope = Scope::default().with("amount", Type::Number);
    assert!(
        compile_open("amount = \"a\"", &scope, &Type::Boolean).is_err(),
        "declared types still hold"
    );
}

#[test]
fn rows_of_words_are_bounded() {
    // The parser's time grows with the cube of their number: 400 took 27 s before they were bounded.
    for text in [
        "a+".repeat(399) + "a",
        "a.".repeat(399) + "a",
        "a and ".repeat(300) + "a",
        "a ".repeat(1999),
    ] {
        let start = std::time::Instant::now();
        let errors = compile_open(&text, &Scope::default(), &Type::Any).unwrap_err();
        assert!(errors[0].message.contains("in a row"), "{errors:?}");
        assert!(compile(&text, &scope(), &Type::Any).is_err());
        assert!(start.elapsed().as_secs() < 2, "{text}");
    }
    let half = "progress + ".repeat(45);
    let sum = format!("{half}({half}1)");
    assert!(compile(&sum, &scope(), &Type::Number).is_ok());
}
