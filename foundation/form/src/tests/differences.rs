use serde_json::{Value as Json, json};

use super::peer::{field, filled, is_there, theirs};
use crate::parse;

/// The table of docs/forms.md: what form-js says, what we say.
#[test]
fn where_we_differ_on_purpose() {
    if !is_there() {
        return;
    }
    // A component, its value, what form-js finds, what we find.
    let table = [
        (
            field("textfield", "a", json!({ "validate": { "required": true } })),
            json!("  "),
            0,
            vec!["/a required"],
        ),
        (
            field(
                "textfield",
                "a",
                json!({ "validate": { "validationType": "phone" } }),
            ),
            json!("tel +8613800000000"),
            0,
            vec!["/a phone"],
        ),
        (
            field(
                "textfield",
                "a",
                json!({ "readonly": true, "validate": { "required": true } }),
            ),
            json!(""),
            1,
            vec![],
        ),
        (
            field("number", "a", json!({ "serializeToString": true })),
            json!("12345678901234567890123456789012"),
            0,
            vec!["/a range"],
        ),
        (
            field("textfield", "a", json!({ "validate": { "pattern": "^.$" } })),
            json!("𠮷"),
            1,
            vec![],
        ),
        (
            field("datetime", "a", json!({ "disallowPassedDates": true })),
            json!("2001-01-01"),
            0,
            vec!["/a range"],
        ),
        (
            field(
                "datetime",
                "a",
                json!({ "subtype": "time", "timeInterval": 30, "timeSerializingFormat": "utc_offset" }),
            ),
            json!("17:15+08:00"),
            0,
            vec!["/a step"],
        ),
        (
            field(
                "taglist",
                "a",
                json!({ "values": [{ "label": "甲", "value": "a" }] }),
            ),
            json!(["a", "a"]),
            0,
            vec!["/a/1 unique"],
        ),
    ];
    let asked: Vec<Json> = table
        .iter()
        .map(|(component, value, ..)| {
            json!({ "schema": { "type": "default", "schemaVersion": 19, "components": [component] }, "data": { "a": value } })
        })
        .collect();
    let answers = filled(&asked);
    assert_eq!(answers.len(), table.len());
    for ((component, value, found, expected), answer) in table.iter().zip(&answers) {
        assert_eq!(answer["submitted"]["a"], *value, "{component}");
        assert_eq!(theirs(&answer["errors"]).len(), *found, "{component}: {answer}");
        let (form, findings) = parse("f", &super::schema(json!([component])));
        let form = form.unwrap_or_else(|| panic!("{findings:#?}"));
        let ours = super::run(&form, json!({ "a": value }), json!({ "a": value }));
        assert_eq!(ours.err().unwrap_or_default(), *expected, "{component}");
    }
}
