//! TOML with the place of every key and value. A line that is wrong costs that line, not the file.

use banyan_base::{Finding, Severity};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::merge;

/// A value and the byte at which it begins.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) at: usize,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    /// Dates and times, in their own writing.
    Moment(String),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    /// The byte at which the key begins.
    pub(crate) at: usize,
    pub(crate) value: Node,
}

/// Something the file's grammar has to say at a byte.
pub(crate) struct Fault {
    pub(crate) at: usize,
    pub(crate) rule: &'static str,
    pub(crate) message: String,
}

impl Kind {
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Kind::Text(_) => "a text",
            Kind::Integer(_) => "an integer",
            Kind::Float(_) => "a decimal number",
            Kind::Boolean(_) => "true or false",
            Kind::Moment(_) => "a date or time",
            Kind::List(_) => "a list",
            Kind::Table(_) => "a table",
        }
    }
}

/// Nesting beyond which nothing is read: no file of a package is nearly as deep.
const MAX_DEPTH: usize = 32;

/// Reads all that can be read. What overlays add stands behind their marks ([`crate::merge`]) and is merged.
pub(crate) fn parse(text: &str) -> (Node, Vec<Fault>) {
    let mut parts = merge::parts(text).into_iter();
    let (mut root, mut faults) = parse_part(parts.next().map_or("", |part| part.text));
    for part in parts {
        let (mut node, more) = parse_part(part.text);
        merge::shift(&mut node, part.start);
        faults.extend(more.into_iter().map(|fault| Fault {
            at: fault.at + part.start,
            ..fault
        }));
        merge::merge(&mut root, node, part.head, &mut faults);
    }
    (root, faults)
}

fn parse_part(text: &str) -> (Node, Vec<Fault>) {
    let empty = Node {
        at: 0,
        kind: Kind::Table(Vec::new()),
    };
    if let Some(at) = too_deep(text) {
        let message = "a key with more than 64 parts".into();
        let rule = "form";
        return (empty, vec![Fault { at, rule, message }]);
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut faults: Vec<Fault> = errors
        .into_iter()
        .map(|error| Fault {
            at: error.span().map_or(0, |span| span.start),
            rule: "form",
            message: error.message().to_owned(),
        })
        .collect();
    // The grammar often says several things about one bad line; the first is the one to act on.
    let mut lines = std::collections::BTreeSet::new();
    faults.retain(|fault| lines.insert(position(text, fault.at).0));
    let at = table.span().start;
    let root = Node {
        at,
        kind: Kind::Table(entries(table.into_inner(), 0)),
    };
    (root, faults)
}

/// Dotted keys nest without brackets, which the grammar bounds; a run of them this long is an attack, not a key.
fn too_deep(text: &str) -> Option<usize> {
    let mut dots = 0usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'.' => dots += 1,
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b' ' | b'\t' | b'"' | b'\'' => {}
            _ => dots = 0,
        }
        if dots > MAX_DEPTH * 2 {
            return Some(at);
        }
    }
    None
}

fn entries(table: DeTable<'_>, depth: usize) -> Vec<Entry> {
    table
        .into_iter()
        .map(|(key, value)| Entry {
            name: key.get_ref().to_string(),
            at: key.span().start,
            value: node(value, depth + 1),
        })
        .collect()
}

fn node(value: Spanned<DeValue<'_>>, depth: usize) -> Node {
    let at = value.span().start;
    let kind = match value.into_inner() {
        DeValue::String(text) => Kind::Text(text.into_owned()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Kind::Integer(number),
            Err(_) => Kind::Moment(number.as_str().to_owned()),
        },
        DeValue::Float(number) => match number.as_str().parse::<f64>() {
            Ok(number) if number.is_finite() => Kind::Float(number),
            _ => Kind::Moment(number.as_str().to_owned()),
        },
        DeValue::Boolean(value) => Kind::Boolean(value),
        DeValue::Datetime(moment) => Kind::Moment(moment.to_string()),
        DeValue::Array(_) | DeValue::Table(_) if depth > MAX_DEPTH => Kind::List(Vec::new()),
        DeValue::Array(items) => Kind::List(items.into_iter().map(|item| node(item, depth + 1)).collect()),
        DeValue::Table(table) => Kind::Table(entries(table, depth)),
    };
    Node { at, kind }
}

/// Line and column, from 1, of a byte offset; columns count characters.
pub(crate) fn position(text: &str, offset: usize) -> (u32, u32) {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = text.get(..offset).unwrap_or("");
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before.get(start..).unwrap_or("").chars().count() + 1;
    (
        u32::try_from(line).unwrap_or(u32::MAX),
        u32::try_from(column).unwrap_or(u32::MAX),
    )
}

/// A finding at a byte of a file.
pub(crate) fn finding_at(
    severity: Severity,
    path: &str,
    text: &str,
    offset: usize,
    rule: &str,
    message: String,
    hint: Option<String>,
) -> Finding {
    let (line, column) = position(text, offset);
    Finding {
        severity,
        rule: rule.into(),
        file: path.into(),
        line,
        column,
        message,
        hint,
    }
}

/// "did you mean …" for the nearest of the known names; all of them where none is near and they are few.
pub(crate) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<String> {
    let known: Vec<&str> = known.collect();
    let near = known
        .iter()
        .map(|other| (distance(name, other), *other))
        .filter(|(distance, other)| *distance <= 1 + other.chars().count().max(name.chars().count()) / 3)
        .min();
    match near {
        Some((_, other)) => Some(format!("did you mean `{other}`?")),
        None if !known.is_empty() && known.len() <= 24 => Some(format!("there are: {}", known.join(", "))),
        None => None,
    }
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().take(64).enumerate() {
        let mut next = vec![i + 1];
        for ((to, up_left), up) in b.iter().zip(&row).zip(row.iter().skip(1)) {
            let left = next.last().copied().unwrap_or(0);
            next.push((up_left + usize::from(from != *to)).min(up + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}
