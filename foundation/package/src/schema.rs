//! JSON Schemas (draft 2020-12) of the files of a package, drawn from the same forms that the checker reads by.

use serde_json::{Map, Value as Json, json};

use crate::form::{Key, Shape, TITLE};
use crate::forms;

/// The schemas by file name without ending, for editors: `docs/schemas/<name>.json`.
pub fn schemas() -> Vec<(&'static str, Json)> {
    forms::ALL
        .iter()
        .map(|(name, title, shape)| {
            let mut schema = Map::new();
            schema.insert(
                "$schema".into(),
                json!("https://json-schema.org/draft/2020-12/schema"),
            );
            schema.insert("title".into(), json!(title));
            if let Json::Object(own) = of(shape) {
                schema.extend(own);
            }
            (*name, Json::Object(schema))
        })
        .collect()
}

fn of(shape: &Shape) -> Json {
    match shape {
        Shape::Text => json!({ "type": "string" }),
        Shape::Feel => json!({ "type": "string", "$comment": "FEEL" }),
        Shape::Cql2 => json!({ "type": "string", "$comment": "CQL2" }),
        Shape::Integer => json!({ "type": "integer" }),
        Shape::Number => json!({ "type": "number" }),
        Shape::Boolean => json!({ "type": "boolean" }),
        Shape::Date => json!({ "type": "string", "format": "date" }),
        Shape::Any => json!({ "type": "object" }),
        Shape::Title => table(&TITLE.iter().collect::<Vec<_>>(), None),
        Shape::Choice(words, _) => json!({ "enum": words }),
        Shape::List(inner) => json!({ "type": "array", "items": of(inner) }),
        Shape::Map(inner) => json!({ "type": "object", "additionalProperties": of(inner) }),
        Shape::Table(keys) => table(&keys.iter().collect::<Vec<_>>(), None),
        Shape::Tagged {
            tag,
            about,
            common,
            kinds,
            ..
        } => {
            let choices: Vec<Json> = kinds
                .iter()
                .map(|(word, meaning, own)| {
                    let keys: Vec<&Key> = common.iter().chain(*own).collect();
                    let tagging = json!({ "const": word, "description": meaning });
                    table(&keys, Some((*tag, tagging)))
                })
                .collect();
            json!({ "description": about, "type": "object", "required": [tag], "oneOf": choices })
        }
    }
}

fn table(keys: &[&Key], tagging: Option<(&str, Json)>) -> Json {
    let mut properties = Map::new();
    let mut required: Vec<&str> = Vec::new();
    if let Some((tag, schema)) = tagging {
        required.push(tag);
        properties.insert(tag.to_owned(), schema);
    }
    for key in keys {
        let mut schema = of(&key.shape);
        if let Json::Object(own) = &mut schema {
            own.insert("description".into(), json!(key.about));
        }
        if key.required {
            required.push(key.name);
        }
        properties.insert(key.name.to_owned(), schema);
    }
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}
