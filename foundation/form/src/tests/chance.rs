//! Forms and values of chance.

use banyan_base::has_errors;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::{cx, object, schema};
use crate::parse;

/// Pieces of which forms are made, right and wrong.
fn piece() -> impl Strategy<Value = Json> {
    let words = prop::sample::select(vec![
        json!("textfield"),
        json!("number"),
        json!("datetime"),
        json!("checkbox"),
        json!("checklist"),
        json!("radio"),
        json!("select"),
        json!("taglist"),
        json!("filepicker"),
        json!("table"),
        json!("dynamiclist"),
        json!("group"),
        json!("expression"),
        json!("text"),
        json!("html"),
        json!("image"),
        json!("=a > 3"),
        json!("=a +"),
        json!("a"),
        json!("rows"),
        json!("{{a}}"),
        json!("<p onclick=x>"),
        json!("(?=x)"),
        json!("[a-"),
        json!("2024-01-01"),
        json!(""),
        json!("=this.a"),
        json!("=parent"),
        json!("a.b"),
        json!("1e999"),
        json!(true),
        json!(3),
        json!(-1.5),
        json!(null),
        json!(1e300),
        json!("date"),
        json!("time"),
        json!("=function(a) a"),
    ]);
    let names = prop::sample::select(vec![
        "type",
        "key",
        "path",
        "id",
        "label",
        "validate",
        "required",
        "min",
        "max",
        "minLength",
        "pattern",
        "values",
        "value",
        "valuesExpression",
        "valuesKey",
        "components",
        "conditional",
        "hide",
        "readonly",
        "disabled",
        "properties",
        "source",
        "by",
        "field",
        "default",
        "defaultValue",
        "subtype",
        "expression",
        "text",
        "content",
        "increment",
        "decimalDigits",
        "serializeToString",
        "columns",
        "dataSource",
        "accept",
        "multiple",
        "required_when",
    ]);
    words.prop_recursive(5, 80, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::Array),
            prop::collection::vec((names.clone(), inner), 0..8).prop_map(|members| {
                members
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect::<serde_json::Map<_, _>>()
                    .into()
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics(text in "\\PC{0,200}") {
        let _ = parse("f", &text);
    }

    #[test]
    fn no_form_panics(
        pieces in prop::collection::vec(piece(), 0..8),
        values in piece(),
        given in piece(),
    ) {
        let (form, findings) = parse("f", &schema(Json::Array(pieces)));
        prop_assert_eq!(form.is_some(), !has_errors(&findings));
        if let Some(form) = form {
            let map = |json: &Json| if json.is_object() { object(json.clone()) } else { Default::default() };
            let _ = form.validate(&cx(), &map(&values), &map(&given));
            let _ = form.json_schema();
        }
    }

    /// Forms that can be read, over any values.
    #[test]
    fn no_value_panics(a in piece(), b in piece(), c in piece(), rows in piece()) {
        let form = super::form(json!([
            { "type": "number", "key": "a", "validate": { "max": "=limit" }, "increment": "0.1", "decimalDigits": 1 },
            { "type": "textfield", "key": "b", "validate": { "minLength": 2, "pattern": "^a" }, "conditional": { "hide": "=a > 3" } },
            { "type": "taglist", "key": "c", "valuesExpression": "=given_list" },
            { "type": "dynamiclist", "path": "rows", "components": [
                { "type": "datetime", "key": "a", "subtype": "datetime", "readonly": "=this.path = null" },
                { "type": "filepicker", "key": "path" },
                { "type": "textfield", "key": "id", "readonly": true },
                { "type": "expression", "key": "key", "expression": "=this.a" },
            ] },
        ]));
        let values = json!({ "a": a, "b": b, "c": c, "rows": rows });
        let _ = form.validate(&cx(), &object(values.clone()), &object(values));
    }

    /// Whatever is sent: read-only values are the stored ones, each row's once, and hidden ones are not kept.
    #[test]
    fn nothing_read_only_or_hidden_comes_from_the_sender(
        ids in prop::collection::vec(prop::sample::select(vec![json!("A"), json!("B"), json!("X"), json!(""), json!(null), json!(7)]), 0..6),
        state in piece(), secret in piece(), show in any::<bool>(),
    ) {
        let form = super::form(json!([
            { "type": "textfield", "key": "state", "readonly": true },
            { "type": "checkbox", "key": "show" },
            { "type": "select", "key": "secret", "valuesExpression": "=[1]", "conditional": { "hide": "=not(show)" } },
            { "type": "dynamiclist", "path": "rows", "components": [
                { "type": "textfield", "key": "id", "readonly": true },
                { "type": "number", "key": "fee", "readonly": "=state = \"stored\"" },
            ] },
        ]));
        let rows: Vec<Json> = ids.iter().map(|id| json!({ "id": id, "fee": 999 })).collect();
        let given = json!({ "state": "stored", "rows": [{ "id": "A", "fee": 1 }, { "id": "B", "fee": 2 }] });
        let sent = json!({ "state": state, "secret": secret, "show": show, "rows": rows });
        let Ok(kept) = form.validate(&cx(), &object(sent), &object(given)) else { return Ok(()) };
        prop_assert_eq!(&kept["state"], &json!("stored"));
        prop_assert!(show || !kept.contains_key("secret"));
        for row in kept["rows"].as_array().unwrap() {
            let fee = match row["id"].as_str().unwrap() { "A" => json!(1), "B" => json!(2), "" => json!(null), other => panic!("{other}") };
            prop_assert_eq!(&row["fee"], &fee);
        }
        for id in ["A", "B"] {
            prop_assert!(kept["rows"].as_array().unwrap().iter().filter(|row| row["id"] == id).count() <= 1);
        }
    }
}
