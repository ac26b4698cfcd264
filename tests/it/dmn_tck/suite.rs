//! The DMN TCK's files: cases with what is given and what is expected, and the comparison.

use std::path::{Path, PathBuf};

use roxmltree::{Document, Node};
use serde_json::{Map, Value as Json, json};

/// One expected result of one case.
pub struct Case {
    pub level: u8,
    /// `folder/case/result`.
    pub name: String,
    pub model: PathBuf,
    /// Other models in its folder.
    pub imports: Vec<PathBuf>,
    /// What is asked for: a decision, or an invocable.
    pub asked: String,
    pub input: Map<String, Json>,
    pub expected: Expected,
    /// Where an invocable has several results: which of them.
    pub part: Option<String>,
}

/// A typed value of the suite.
#[derive(Debug, PartialEq)]
pub enum Expected {
    Null,
    Boolean(bool),
    Number(String),
    Text(String),
    Date(String),
    Time(String),
    DateTime(String),
    Duration(String),
    List(Vec<Expected>),
    Context(Vec<(String, Expected)>),
}

/// All cases of a level, in order.
pub fn cases(root: &Path, level: u8) -> Vec<Case> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(root.join(format!("compliance-level-{level}")))
        .expect("the suite is there")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    folders.sort();
    folders
        .iter()
        .flat_map(|folder| folder_cases(folder, level))
        .collect()
}

fn folder_cases(folder: &Path, level: u8) -> Vec<Case> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    let ends = |path: &Path, end: &str| path.extension().is_some_and(|found| found == end);
    let models: Vec<PathBuf> = files.iter().filter(|path| ends(path, "dmn")).cloned().collect();
    let mut found = Vec::new();
    for file in files.iter().filter(|path| ends(path, "xml")) {
        let text = std::fs::read_to_string(file).expect("a file");
        let document = Document::parse(&text).expect("XML");
        let root = document.root_element();
        let model = folder.join(child_text(root, "modelName").trim());
        let stem = file.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        for case in elements(root, "testCase") {
            let id = case.attribute("id").expect("an id");
            let mut input = Map::new();
            for node in elements(case, "inputNode") {
                input.insert(node.attribute("name").expect("a name").into(), input_json(node));
            }
            let several = elements(case, "resultNode").count() > 1;
            for result in elements(case, "resultNode") {
                let name = result.attribute("name").expect("a name");
                // A result of an invocable is that of the invocable.
                let asked = case.attribute("invocableName").unwrap_or(name);
                let expected = elements(result, "expected")
                    .next()
                    .map_or(Expected::Null, expected);
                found.push(Case {
                    level,
                    name: format!("{stem}/{id}/{name}"),
                    imports: models.iter().filter(|other| **other != model).cloned().collect(),
                    model: model.clone(),
                    asked: asked.into(),
                    input: input.clone(),
                    expected,
                    part: case
                        .attribute("invocableName")
                        .and(several.then(|| name.to_owned())),
                });
            }
        }
    }
    found
}

fn elements<'a, 'i: 'a>(node: Node<'a, 'i>, name: &'static str) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children()
        .filter(move |child| child.tag_name().name() == name)
}

fn child_text(node: Node<'_, '_>, name: &'static str) -> String {
    elements(node, name)
        .next()
        .and_then(|child| child.text())
        .unwrap_or_default()
        .to_owned()
}

const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

fn nil(node: Node<'_, '_>) -> bool {
    node.attribute((XSI, "nil")) == Some("true")
}

fn text(node: Node<'_, '_>) -> String {
    node.text().unwrap_or_default().to_owned()
}

/// What a node of `value`, `list` or `component`s holds.
fn expected(node: Node<'_, '_>) -> Expected {
    if nil(node) {
        return Expected::Null;
    }
    if let Some(list) = elements(node, "list").next() {
        if nil(list) {
            return Expected::Null;
        }
        return Expected::List(elements(list, "item").map(expected).collect());
    }
    let mut components = elements(node, "component").peekable();
    if components.peek().is_some() {
        let entries =
            components.map(|part| (part.attribute("name").expect("a name").to_owned(), expected(part)));
        return Expected::Context(entries.collect());
    }
    let Some(value) = elements(node, "value").next() else {
        return Expected::Null;
    };
    if nil(value) {
        return Expected::Null;
    }
    let kind = value.attribute((XSI, "type")).unwrap_or("xsd:string");
    let text = text(value);
    match kind.rsplit(':').next().unwrap_or_default() {
        "boolean" => Expected::Boolean(text.trim() == "true"),
        "decimal" | "double" | "integer" | "int" | "float" | "long" => Expected::Number(text.trim().into()),
        "date" => Expected::Date(text.trim().into()),
        "time" => Expected::Time(text.trim().into()),
        "dateTime" => Expected::DateTime(text.trim().into()),
        "duration" => Expected::Duration(text.trim().into()),
        "string" => Expected::Text(text),
        other => panic!("a type of the suite that is not read: {other}"),
    }
}

/// The input as it is sent: dates and the like as their texts, which the declared type makes dates of again; where none is
/// declared, as what FEEL writes with `@`.
fn input_json(node: Node<'_, '_>) -> Json {
    fn json(value: Expected) -> Json {
        match value {
            Expected::Null => Json::Null,
            Expected::Boolean(value) => value.into(),
            Expected::Number(text) => {
                serde_json::from_str(&text).unwrap_or_else(|_| json!(text.parse::<f64>().expect("a number")))
            }
            Expected::Text(text) => text.into(),
            Expected::Date(text)
            | Expected::Time(text)
            | Expected::DateTime(text)
            | Expected::Duration(text) => json!({ "@": text }),
            Expected::List(items) => items.into_iter().map(json).collect(),
            Expected::Context(entries) => entries
                .into_iter()
                .map(|(name, value)| (name, json(value)))
                .collect::<Map<_, _>>()
                .into(),
        }
    }
    json(expected(node))
}

/// Whether a result is what is expected. Numbers may differ by a hundred-millionth, as the suite's own runner has it;
/// `kind` is the result's type in FEEL, which JSON does not tell.
pub fn fits(expected: &Expected, got: &Json, kind: Option<&str>) -> bool {
    let is = |kinds: &[&str]| kind.is_none_or(|kind| kinds.contains(&kind));
    match (expected, got) {
        (Expected::Null, got) => got.is_null(),
        (Expected::Boolean(expected), Json::Bool(got)) => expected == got,
        (Expected::Number(expected), Json::Number(got)) => {
            let (Ok(a), Some(b)) = (expected.parse::<f64>(), got.as_f64()) else {
                return false;
            };
            (a - b).abs() <= 1e-8 * a.abs().max(1.0)
        }
        (Expected::Text(expected), Json::String(got)) => expected == got && is(&["string"]),
        (Expected::Date(expected), Json::String(got)) => expected == got && is(&["date"]),
        (Expected::Time(expected), Json::String(got)) => moment(expected) == moment(got) && is(&["time"]),
        (Expected::DateTime(expected), Json::String(got)) => {
            moment(expected) == moment(got) && is(&["date and time"])
        }
        (Expected::Duration(expected), Json::String(got)) => {
            length(expected) == length(got) && is(&["days and time duration", "years and months duration"])
        }
        (Expected::List(expected), Json::Array(got)) => {
            expected.len() == got.len() && expected.iter().zip(got).all(|(a, b)| fits(a, b, None))
        }
        (Expected::Context(expected), Json::Object(got)) => {
            expected.len() == got.len()
                && expected
                    .iter()
                    .all(|(name, value)| got.get(name).is_some_and(|got| fits(value, got, None)))
        }
        _ => false,
    }
}

/// The same moment is written the same: no zeros at the end of a fraction, `Z` for `+00:00`.
fn moment(text: &str) -> String {
    let text = text.replace("+00:00", "Z").replace("-00:00", "Z");
    let Some((before, after)) = text.split_once('.') else {
        return text;
    };
    let digits = after.chars().take_while(char::is_ascii_digit).count();
    let (fraction, zone) = after.split_at(digits);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() {
        format!("{before}{zone}")
    } else {
        format!("{before}.{fraction}{zone}")
    }
}

/// Months and milliseconds of an ISO 8601 duration.
fn length(text: &str) -> Option<(i64, i64)> {
    let (sign, rest) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let rest = rest.strip_prefix('P')?;
    let (mut months, mut millis, mut time, mut digits) = (0i64, 0f64, false, String::new());
    for c in rest.chars() {
        if c == 'T' {
            time = true;
            continue;
        }
        if c.is_ascii_digit() || c == '.' {
            digits.push(c);
            continue;
        }
        let number: f64 = digits.parse().ok()?;
        digits.clear();
        match (c, time) {
            ('Y', _) => months += number as i64 * 12,
            ('M', false) => months += number as i64,
            ('D', _) => millis += number * 86_400_000.0,
            ('H', _) => millis += number * 3_600_000.0,
            ('M', true) => millis += number * 60_000.0,
            ('S', _) => millis += number * 1_000.0,
            _ => return None,
        }
    }
    Some((sign * months, sign * millis.round() as i64))
}
