//! A JSON text with the byte at which each value stands. Numbers keep their digits.

use jsonc_parser::ast;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde_json::{Map, Value as Json};

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) at: usize,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) at: usize,
    pub(crate) value: Node,
}

/// Strict JSON: what jsonc-parser would also take is refused.
const STRICT: ParseOptions = ParseOptions {
    allow_comments: false,
    allow_loose_object_property_names: false,
    allow_trailing_commas: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// The value, or where and why there is none.
pub(crate) fn parse(text: &str) -> Result<Node, (usize, String)> {
    let parsed = parse_to_ast(text, &CollectOptions::default(), &STRICT)
        .map_err(|error| (error.range().start, error.kind().to_string()))?;
    match parsed.value {
        Some(value) => Ok(node(&value)),
        None => Err((0, "the file is empty".into())),
    }
}

fn node(value: &ast::Value<'_>) -> Node {
    let (at, kind) = match value {
        ast::Value::NullKeyword(it) => (it.range.start, Kind::Null),
        ast::Value::BooleanLit(it) => (it.range.start, Kind::Bool(it.value)),
        ast::Value::NumberLit(it) => (it.range.start, Kind::Number(it.value.to_owned())),
        ast::Value::StringLit(it) => (it.range.start, Kind::Text(it.value.to_string())),
        ast::Value::Array(it) => (it.range.start, Kind::List(it.elements.iter().map(node).collect())),
        ast::Value::Object(it) => {
            let entry = |member: &ast::ObjectProp<'_>| Entry {
                name: member.name.as_str().to_owned(),
                at: member.range.start,
                value: node(&member.value),
            };
            (
                it.range.start,
                Kind::Table(it.properties.iter().map(entry).collect()),
            )
        }
    };
    Node { at, kind }
}

impl Node {
    pub(crate) fn word(&self) -> &'static str {
        match self.kind {
            Kind::Null => "null",
            Kind::Bool(_) => "true or false",
            Kind::Number(_) => "a number",
            Kind::Text(_) => "a text",
            Kind::List(_) => "a list",
            Kind::Table(_) => "an object",
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Node> {
        match &self.kind {
            Kind::Table(entries) => entries
                .iter()
                .find(|entry| entry.name == name)
                .map(|entry| &entry.value)
                .filter(|value| !matches!(value.kind, Kind::Null)),
            _ => None,
        }
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Table(entries) => entries,
            _ => &[],
        }
    }

    pub(crate) fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn json(&self) -> Json {
        match &self.kind {
            Kind::Null => Json::Null,
            Kind::Bool(value) => Json::Bool(*value),
            Kind::Number(digits) => serde_json::from_str(digits).unwrap_or(Json::Null),
            Kind::Text(text) => Json::String(text.clone()),
            Kind::List(items) => Json::Array(items.iter().map(Node::json).collect()),
            Kind::Table(entries) => {
                let members: Map<String, Json> = entries
                    .iter()
                    .map(|entry| (entry.name.clone(), entry.value.json()))
                    .collect();
                Json::Object(members)
            }
        }
    }
}
