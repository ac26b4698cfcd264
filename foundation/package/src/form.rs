//! The form of a file: which keys there are and what may stand behind them. One description serves twice: it checks
//! files with the place of every fault, and it becomes the JSON Schemas that editors use.

use banyan_base::{Finding, Severity};
use serde_json::{Map, Value as Json};

use crate::node::{self, Kind, Node, finding_at, nearest};

/// What may stand behind a key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    Text,
    /// FEEL, as text.
    Feel,
    /// CQL2, as text.
    Cql2,
    Integer,
    Number,
    Boolean,
    /// An ISO date, as text or as TOML's own.
    Date,
    /// A table of any keys: what is in it is checked elsewhere.
    Any,
    /// `{ zh = "…", en = "…" }`.
    Title,
    /// One of these words; the rule that a wrong one breaks.
    Choice(&'static [&'static str], &'static str),
    List(&'static Shape),
    Table(&'static [Key]),
    /// Names of one's own, in the order of the file.
    Map(&'static Shape),
    /// A table whose other keys depend on the word behind `tag`.
    Tagged {
        tag: &'static str,
        about: &'static str,
        /// The rule that an unknown word breaks.
        rule: &'static str,
        common: &'static [Key],
        kinds: &'static [(&'static str, &'static str, &'static [Key])],
    },
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) required: bool,
    /// One sentence (zh), shown by editors.
    pub(crate) about: &'static str,
}

/// A key that must be there.
pub(crate) const fn must(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key {
        name,
        shape,
        required: true,
        about,
    }
}

/// A key that may be left out.
pub(crate) const fn may(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key {
        name,
        shape,
        required: false,
        about,
    }
}

pub(crate) const TITLE: &[Key] = &[
    must("zh", Shape::Text, "中文。"),
    may("en", Shape::Text, "英文;缺省时显示中文。"),
];

/// Reads a file by its form. What is wrong is found and left out; what must be there and is not is stood in for by
/// something empty, so that the rest can still be checked.
pub(crate) fn read(path: &str, text: &str, shape: &Shape) -> (Option<Json>, Vec<Finding>) {
    let (root, faults) = node::parse(text);
    let mut form = Form {
        path,
        text,
        findings: Vec::new(),
    };
    for fault in faults {
        form.add(fault.at, fault.rule, fault.message, None);
    }
    let value = form.value(&root, root.at, shape, "the file");
    let mut findings = form.findings;
    findings.sort_by_key(|finding| (finding.line, finding.column));
    (value, findings)
}

struct Form<'a> {
    path: &'a str,
    text: &'a str,
    findings: Vec<Finding>,
}

impl Form<'_> {
    fn add(&mut self, at: usize, rule: &str, message: String, hint: Option<String>) {
        self.findings.push(finding_at(
            Severity::Error,
            self.path,
            self.text,
            at,
            rule,
            message,
            hint,
        ));
    }

    /// `at` is where a finding about the whole value is shown: at its key.
    fn value(&mut self, node: &Node, at: usize, shape: &Shape, name: &str) -> Option<Json> {
        match (shape, &node.kind) {
            (Shape::Text | Shape::Feel | Shape::Cql2 | Shape::Date, Kind::Text(text)) => {
                Some(Json::String(text.clone()))
            }
            (Shape::Date, Kind::Moment(text)) => Some(Json::String(text.clone())),
            (Shape::Integer | Shape::Number, Kind::Integer(number)) => Some((*number).into()),
            (Shape::Number, Kind::Float(number)) => Some((*number).into()),
            (Shape::Boolean, Kind::Boolean(value)) => Some((*value).into()),
            (Shape::Any, Kind::Table(_)) => Some(Json::Object(Map::new())),
            (Shape::Title, Kind::Table(_)) => self.value(node, at, &Shape::Table(TITLE), name),
            (Shape::Title, Kind::Text(text)) => {
                let hint = Some(format!("{name} = {{ zh = \"{text}\" }}"));
                self.add(at, "form", format!("`{name}` has its languages apart"), hint);
                Some(serde_json::json!({ "zh": text }))
            }
            (Shape::Choice(words, rule), Kind::Text(text)) => {
                if words.contains(&text.as_str()) {
                    return Some(Json::String(text.clone()));
                }
                let hint = nearest(text, words.iter().copied());
                self.add(
                    at,
                    rule,
                    format!("`{text}` is none of the words for `{name}`"),
                    hint,
                );
                None
            }
            (Shape::List(inner), Kind::List(items)) => {
                let read = items
                    .iter()
                    .filter_map(|item| self.value(item, item.at, inner, name));
                Some(Json::Array(read.collect()))
            }
            (Shape::Map(inner), Kind::Table(entries)) => {
                let mut map = Map::new();
                for entry in entries {
                    if let Some(value) = self.value(&entry.value, entry.at, inner, &entry.name) {
                        map.insert(entry.name.clone(), value);
                    }
                }
                Some(Json::Object(map))
            }
            (Shape::Table(keys), Kind::Table(entries)) => {
                let keys: Vec<&Key> = keys.iter().collect();
                Some(self.table(entries, at, &keys, name))
            }
            (
                Shape::Tagged {
                    tag,
                    rule,
                    common,
                    kinds,
                    ..
                },
                Kind::Table(entries),
            ) => {
                let Some(word) = entries.iter().find(|entry| entry.name == *tag) else {
                    let words: Vec<&str> = kinds.iter().map(|(word, ..)| *word).collect();
                    let hint = Some(format!("{tag} = one of {}", words.join(", ")));
                    self.add(at, "key-missing", format!("`{name}` lacks the key `{tag}`"), hint);
                    return None;
                };
                let Kind::Text(text) = &word.value.kind else {
                    let message = format!("`{tag}` is a text, not {}", word.value.kind.word());
                    self.add(word.at, "form", message, None);
                    return None;
                };
                let Some((_, _, own)) = kinds.iter().find(|(known, ..)| known == text) else {
                    let hint = nearest(text, kinds.iter().map(|(word, ..)| *word));
                    self.add(word.at, rule, format!("there is no {tag} `{text}`"), hint);
                    return None;
                };
                let tagging = must(tag, Shape::Text, "");
                let keys: Vec<&Key> = std::iter::once(&tagging).chain(*common).chain(*own).collect();
                for entry in entries {
                    let other = kinds
                        .iter()
                        .filter(|(_, _, keys)| keys.iter().any(|key| key.name == entry.name))
                        .map(|(word, ..)| *word)
                        .collect::<Vec<_>>();
                    if !other.is_empty() && !keys.iter().any(|key| key.name == entry.name) {
                        let message = format!("`{}` means nothing where {tag} is `{text}`", entry.name);
                        let hint = Some(format!("it belongs to {}", other.join(", ")));
                        self.add(entry.at, "key-not-here", message, hint);
                    }
                }
                let known: Vec<Key> = kinds.iter().flat_map(|(_, _, keys)| *keys).copied().collect();
                let mut value = self.entries(entries, &keys, &known);
                self.missing(&mut value, at, &keys, name);
                Some(Json::Object(value))
            }
            (_, kind) => {
                self.add(
                    at,
                    "form",
                    format!("`{name}` is {}, not {}", shape.word(), kind.word()),
                    None,
                );
                None
            }
        }
    }

    fn table(&mut self, entries: &[node::Entry], at: usize, keys: &[&Key], name: &str) -> Json {
        let mut map = self.entries(entries, keys, &[]);
        self.missing(&mut map, at, keys, name);
        Json::Object(map)
    }

    /// The known keys of a table. `elsewhere` are keys that were spoken of already.
    fn entries(&mut self, entries: &[node::Entry], keys: &[&Key], elsewhere: &[Key]) -> Map<String, Json> {
        let mut map = Map::new();
        for entry in entries {
            match keys.iter().find(|key| key.name == entry.name) {
                Some(key) => {
                    let value = self.value(&entry.value, entry.at, &key.shape, key.name);
                    let value = value.or_else(|| key.required.then(|| key.shape.stand_in()));
                    map.extend(value.map(|value| (entry.name.clone(), value)));
                }
                None if elsewhere.iter().any(|key| key.name == entry.name) => {}
                None => {
                    let hint = nearest(&entry.name, keys.iter().map(|key| key.name));
                    self.add(
                        entry.at,
                        "unknown-key",
                        format!("there is no key `{}` here", entry.name),
                        hint,
                    );
                }
            }
        }
        map
    }

    fn missing(&mut self, map: &mut Map<String, Json>, at: usize, keys: &[&Key], name: &str) {
        for key in keys.iter().filter(|key| key.required) {
            if !map.contains_key(key.name) {
                let message = format!("`{name}` lacks the key `{}`", key.name);
                self.add(at, "key-missing", message, None);
                map.insert(key.name.to_owned(), key.shape.stand_in());
            }
        }
    }
}

impl Shape {
    fn word(&self) -> &'static str {
        match self {
            Shape::Text | Shape::Choice(..) => "a text",
            Shape::Feel => "FEEL, as a text",
            Shape::Cql2 => "CQL2, as a text",
            Shape::Integer => "an integer",
            Shape::Number => "a number",
            Shape::Boolean => "true or false",
            Shape::Date => "a date",
            Shape::Title => "a table with zh and en",
            Shape::List(_) => "a list",
            Shape::Table(_) | Shape::Map(_) | Shape::Any | Shape::Tagged { .. } => "a table",
        }
    }

    /// Something empty of the right shape.
    fn stand_in(&self) -> Json {
        match self {
            Shape::Text | Shape::Date | Shape::Cql2 => Json::String(String::new()),
            Shape::Feel => Json::String("null".into()),
            Shape::Integer | Shape::Number => 0.into(),
            Shape::Boolean => false.into(),
            Shape::Title => serde_json::json!({ "zh": "" }),
            Shape::Choice(words, _) => Json::String(words.first().copied().unwrap_or_default().to_owned()),
            Shape::List(_) => Json::Array(Vec::new()),
            Shape::Map(_) | Shape::Any | Shape::Tagged { .. } => Json::Object(Map::new()),
            Shape::Table(keys) => {
                let required = keys.iter().filter(|key| key.required);
                Json::Object(
                    required
                        .map(|key| (key.name.to_owned(), key.shape.stand_in()))
                        .collect(),
                )
            }
        }
    }
}
