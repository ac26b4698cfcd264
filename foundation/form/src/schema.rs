//! What a form takes, for programs: JSON Schema (2020-12) of its values, and the keys that it binds.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Map, Value as Json, json};

use crate::model::{Bound, Choices, Component, Form, Kind, Rule, Validation};
use crate::moment::{Part, Zone};
use crate::number;
use crate::run::MAX_ROWS;

/// A key that a form binds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// As a pointer into the values; `*` stands for any row of a list: `/rows/*/amount`.
    pub pointer: String,
    /// The component's type, e.g. `number`.
    pub word: &'static str,
    pub label: Option<String>,
    /// Whether a person may write it, at least under some condition.
    pub writable: bool,
}

impl Form {
    /// The keys of values, in the form's order.
    pub fn keys(&self) -> Vec<Key> {
        fn gather(components: &[Component], at: &str, found: &mut Vec<Key>) {
            for component in components {
                let own = component.path.join("/");
                let place = if own.is_empty() {
                    at.to_owned()
                } else {
                    format!("{at}/{own}")
                };
                match component.kind {
                    Kind::Group => gather(&component.components, &place, found),
                    Kind::Rows(_) => gather(&component.components, &format!("{place}/*"), found),
                    Kind::Shown => {}
                    _ => found.push(Key {
                        pointer: place,
                        word: component.word,
                        label: component.label.clone(),
                        writable: !component.is_locked() && !matches!(component.kind, Kind::Computed(_)),
                    }),
                }
            }
        }
        let mut found = Vec::new();
        gather(&self.components, "", &mut found);
        found
    }

    /// JSON Schema of the values that may be sent. Conditions are not in it: what depends on data is looser here than
    /// in [`Form::validate`].
    pub fn json_schema(&self) -> Json {
        let mut schema = Object::default();
        schema.gather(&self.components, true);
        let mut out = Map::new();
        let dialect = "https://json-schema.org/draft/2020-12/schema";
        out.insert("$schema".into(), json!(dialect));
        if let Json::Object(members) = schema.json() {
            out.extend(members);
        }
        Json::Object(out)
    }
}

/// A schema as it grows: that of a value, or of an object with members.
#[derive(Default)]
struct Object {
    value: Option<Json>,
    inner: BTreeMap<String, Object>,
    /// Names of members in the form's order.
    order: Vec<String>,
    needed: bool,
}

impl Object {
    /// `certain`: nothing around may hide it.
    fn gather(&mut self, components: &[Component], certain: bool) {
        for component in components {
            let shown = certain && component.hide.is_none();
            match &component.kind {
                Kind::Shown => {}
                Kind::Group => {
                    let inside = self.at(&component.path);
                    inside.gather(&component.components, shown);
                }
                kind => {
                    let needed = shown
                        && matches!(component.required, Rule::Always)
                        && matches!(component.readonly, Rule::Never)
                        && !component.disabled;
                    let value = match kind {
                        Kind::Rows(_) => rows(component, shown),
                        _ => value(component, needed),
                    };
                    self.put(&component.path, value, needed);
                }
            }
        }
    }

    /// The object at a path; a group without a path is its parent.
    fn at(&mut self, path: &[String]) -> &mut Object {
        let Some((name, rest)) = path.split_first() else {
            return self;
        };
        if !self.inner.contains_key(name) {
            self.order.push(name.clone());
        }
        self.inner.entry(name.clone()).or_default().at(rest)
    }

    fn put(&mut self, path: &[String], value: Json, needed: bool) {
        let object = self.at(path);
        object.value = Some(value);
        object.needed = needed;
    }

    /// Whether it must be there: it, or something in it.
    fn is_needed(&self) -> bool {
        self.needed || self.inner.values().any(Object::is_needed)
    }

    fn json(mut self) -> Json {
        if let Some(value) = self.value {
            return value;
        }
        let mut properties = Map::new();
        let mut required = Vec::new();
        for name in self.order {
            if let Some(inner) = self.inner.remove(&name) {
                if inner.is_needed() {
                    required.push(name.clone());
                }
                properties.insert(name, inner.json());
            }
        }
        let mut out = Map::new();
        out.insert("type".into(), json!("object"));
        out.insert("properties".into(), Json::Object(properties));
        if !required.is_empty() {
            out.insert("required".into(), json!(required));
        }
        out.insert("additionalProperties".into(), json!(false));
        Json::Object(out)
    }
}

fn described(component: &Component, mut schema: Map<String, Json>) -> Json {
    // Templates and FEEL are no titles.
    let plain = |text: &&String| !text.starts_with('=') && !text.contains("{{") && !text.is_empty();
    if let Some(label) = component.label.as_ref().filter(plain) {
        schema.insert("title".into(), json!(label));
    }
    if let Some(text) = component.description.as_ref().filter(plain) {
        schema.insert("description".into(), json!(text));
    }
    if component.is_locked() || matches!(component.kind, Kind::Computed(_)) {
        schema.insert("readOnly".into(), json!(true));
    }
    if let Some(default) = &component.default {
        schema.insert("default".into(), default.clone());
    }
    Json::Object(schema)
}

fn rows(component: &Component, certain: bool) -> Json {
    let mut inside = Object::default();
    inside.gather(&component.components, certain);
    let mut schema = Map::new();
    schema.insert("type".into(), json!("array"));
    schema.insert("items".into(), inside.json());
    let mut most = MAX_ROWS;
    if let Kind::Rows(rows) = &component.kind {
        if let Some(Bound::Fixed(least)) = &rows.min {
            schema.insert("minItems".into(), json!(number::count(*least)));
        }
        if let Some(Bound::Fixed(value)) = &rows.max {
            most = number::count(*value).unwrap_or(most).min(most);
        }
    }
    schema.insert("maxItems".into(), json!(most));
    described(component, schema)
}

/// Whole numbers stay whole.
fn plain(value: Decimal) -> Json {
    match value.is_integer().then(|| value.to_i64()).flatten() {
        Some(whole) => json!(whole),
        None => value.to_f64().map_or(Json::Null, |value| json!(value)),
    }
}

fn value(component: &Component, needed: bool) -> Json {
    let mut out = Map::new();
    let mut kind = |words: &[&str]| {
        let null = (!needed).then_some("null");
        let words: Vec<&str> = words.iter().copied().chain(null).collect();
        let word = match words.as_slice() {
            [one] => json!(one),
            many => json!(many),
        };
        out.insert("type".into(), word);
    };
    match &component.kind {
        Kind::Text(rules) => {
            kind(&["string"]);
            if let Some(Bound::Fixed(most)) = &rules.max_length {
                out.insert("maxLength".into(), json!(number::count(*most)));
            }
            // An empty text is no value, which limits do not touch.
            if needed {
                let least = match &rules.min_length {
                    Some(Bound::Fixed(least)) => number::count(*least).unwrap_or(1).max(1),
                    _ => 1,
                };
                out.insert("minLength".into(), json!(least));
                if let Some(pattern) = &rules.pattern {
                    out.insert("pattern".into(), json!(pattern.text));
                }
                if rules.validation == Some(Validation::Email) {
                    out.insert("format".into(), json!("email"));
                }
            }
        }
        Kind::Number(rules) => {
            if rules.as_text {
                kind(&["string", "number"]);
                out.insert("format".into(), json!("decimal"));
            } else {
                kind(&[if rules.digits == Some(0) {
                    "integer"
                } else {
                    "number"
                }]);
            }
            if let Some(Bound::Fixed(least)) = rules.min {
                out.insert("minimum".into(), plain(least));
            }
            if let Some(Bound::Fixed(most)) = rules.max {
                out.insert("maximum".into(), plain(most));
            }
            if let Some(step) = rules.step {
                out.insert("multipleOf".into(), plain(step));
            }
        }
        Kind::Moment { part, zone, .. } => {
            kind(&["string"]);
            let zone = match zone {
                Zone::Offset | Zone::Utc => "(Z|[+-][0-9]{2}:[0-9]{2})",
                Zone::None => "",
                Zone::Any => "(Z|[+-][0-9]{2}:[0-9]{2})?",
            };
            let (day, time) = ("[0-9]{4}-[0-9]{2}-[0-9]{2}", "[0-9]{2}:[0-9]{2}(:[0-9]{2})?");
            let pattern = match part {
                Part::Date => format!("^({day})?$"),
                Part::Time => format!("^({time}{zone})?$"),
                Part::DateTime => format!("^({day}T{time}{zone})?$"),
            };
            out.insert("pattern".into(), json!(pattern));
        }
        Kind::Checkbox => {
            if needed {
                out.insert("const".into(), json!(true));
            } else {
                kind(&["boolean"]);
            }
        }
        Kind::Choice { many, choices } => {
            let options = match choices {
                Choices::Fixed(options) => Some(options),
                _ => None,
            };
            let one = |option: &(String, Json)| json!({ "const": option.1, "title": option.0 });
            let any = options.map(|options| options.iter().map(one).collect::<Vec<Json>>());
            if *many {
                kind(&["array"]);
                out.insert("uniqueItems".into(), json!(true));
                if let Some(any) = any {
                    out.insert("items".into(), json!({ "oneOf": any }));
                }
                if needed {
                    out.insert("minItems".into(), json!(1));
                }
            } else if let Some(mut any) = any {
                if !needed {
                    any.push(json!({ "const": null }));
                    any.push(json!({ "const": "" }));
                }
                out.insert("oneOf".into(), json!(any));
            }
        }
        Kind::Files { many, .. } => {
            kind(&["array"]);
            let text = || json!({ "type": "string" });
            out.insert(
                "items".into(),
                json!({
                    "type": "object",
                    "required": ["hash", "name"],
                    "properties": {
                        "hash": { "type": "string", "pattern": "^[0-9a-f]{64}$" },
                        "name": text(),
                        "size": { "type": "integer", "minimum": 0 },
                        "content_type": text(),
                    },
                    "additionalProperties": false,
                }),
            );
            if matches!(many, Rule::Never) {
                out.insert("maxItems".into(), json!(1));
            }
        }
        // What is computed may be of any type.
        Kind::Computed(_) | Kind::Group | Kind::Rows(_) | Kind::Shown => {}
    }
    described(component, out)
}
