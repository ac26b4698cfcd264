use serde_json::json;

use super::form;
use crate::{Key, Known};

#[test]
fn json_schema_says_what_is_taken() {
    let form = form(json!([
        { "type": "text", "text": "# 申请" },
        { "type": "textfield", "key": "name", "label": "姓名", "validate": { "required": true, "maxLength": 20, "pattern": "^\\S+$" } },
        { "type": "number", "key": "fee.amount", "validate": { "min": 0.01, "max": 100 }, "increment": "0.01" },
        { "type": "number", "key": "money", "serializeToString": true },
        { "type": "group", "path": "who", "components": [
            { "type": "textfield", "key": "id", "validate": { "required": true } },
            { "type": "checkbox", "key": "agree", "conditional": { "hide": "=false" }, "validate": { "required": true } },
        ] },
        { "type": "select", "key": "kind", "values": [{ "label": "甲", "value": "a" }], "validate": { "required": true } },
        { "type": "dynamiclist", "path": "rows", "properties": { "min_repetitions": "1", "max_repetitions": "3" }, "components": [
            { "type": "datetime", "key": "day", "subtype": "date" },
        ] },
        { "type": "expression", "key": "total", "expression": "=1" },
    ]));
    let schema = form.json_schema();
    assert_eq!(
        schema,
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "name": { "type": "string", "maxLength": 20, "minLength": 1, "pattern": "^\\S+$", "title": "姓名" },
                "fee": { "type": "object", "properties": {
                    "amount": { "type": ["number", "null"], "minimum": 0.01, "maximum": 100, "multipleOf": 0.01 },
                }, "additionalProperties": false },
                "money": { "type": ["string", "number", "null"], "format": "decimal" },
                "who": { "type": "object", "properties": {
                    "id": { "type": "string", "minLength": 1 },
                    "agree": { "type": ["boolean", "null"] },
                }, "required": ["id"], "additionalProperties": false },
                "kind": { "oneOf": [{ "const": "a", "title": "甲" }] },
                "rows": { "type": "array", "items": { "type": "object", "properties": {
                    "day": { "type": ["string", "null"], "pattern": "^([0-9]{4}-[0-9]{2}-[0-9]{2})?$" },
                }, "additionalProperties": false }, "minItems": 1, "maxItems": 3 },
                "total": { "readOnly": true },
            },
            "required": ["name", "who", "kind"],
            "additionalProperties": false,
        }),
        "{schema:#}"
    );
    let keys: Vec<String> = form
        .keys()
        .into_iter()
        .map(
            |Key {
                 pointer,
                 word,
                 writable,
                 ..
             }| format!("{pointer} {word} {writable}"),
        )
        .collect();
    assert_eq!(
        keys,
        [
            "/name textfield true",
            "/fee/amount number true",
            "/money number true",
            "/who/id textfield true",
            "/who/agree checkbox true",
            "/kind select true",
            "/rows/*/day datetime true",
            "/total expression false",
        ]
    );
}

struct Register;

impl Known for Register {
    fn types(&self) -> Vec<String> {
        vec!["register.person".into()]
    }

    fn fields(&self, source: &str) -> Option<Vec<String>> {
        (source == "register.person").then(|| vec!["name".into(), "phone".into()])
    }
}

#[test]
fn prefills_name_what_is_there() {
    let check = |source: &str, field: &str, rule: Option<&str>, hint: &str| {
        let form = form(json!([
            { "type": "group", "path": "who", "components": [
                { "type": "textfield", "key": "name", "readonly": true,
                  "properties": { "source": source, "by": "=applicant.id", "field": field } },
            ] },
        ]));
        let prefill = form.prefills().first().unwrap();
        assert_eq!(prefill.path, ["who", "name"]);
        assert_eq!(prefill.by.uses(), ["applicant"]);
        let found = form.check_prefills(&Register);
        assert_eq!(
            found.first().map(|finding| finding.rule.as_str()),
            rule,
            "{source} {field}"
        );
        let said = found
            .first()
            .and_then(|finding| finding.hint.clone())
            .unwrap_or_default();
        assert!(said.contains(hint), "{said}");
        assert!(found.iter().all(|finding| finding.line > 1));
    };
    check("register.person", "name", None, "");
    check(
        "register.persn",
        "name",
        Some("form-prefill-type"),
        "did you mean `register.person`?",
    );
    check("other.thing", "name", Some("form-prefill-type"), "declares");
    check(
        "register.person",
        "phon",
        Some("form-prefill-field"),
        "did you mean `phone`?",
    );
}
