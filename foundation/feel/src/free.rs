//! The names that a text reads, found before it is parsed. FEEL's names may hold blanks and operators, so the parser takes
//! `a - b` for one name unless it is told that `a` and `b` are names: over an open scope they have to be told first.

use crate::check::{FUNCTIONS, UNTYPED};

/// Words that are never names on their own.
const KEYWORDS: &[&str] = &[
    "and",
    "between",
    "else",
    "every",
    "external",
    "false",
    "for",
    "function",
    "if",
    "in",
    "instance",
    "item",
    "null",
    "of",
    "or",
    "partial",
    "return",
    "satisfies",
    "some",
    "then",
    "true",
];

/// A function of several words that no table of the checker holds, as the parser knows it apart.
const DATE_AND_TIME: &str = "date and time";

fn starts(c: char) -> bool {
    c.is_alphabetic() || matches!(c, '_' | '?')
}

fn goes_on(c: char) -> bool {
    starts(c) || c.is_numeric() || matches!(c, '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}' | '\u{2040}')
}

pub(crate) struct Names<'a> {
    /// Every word outside of texts that can be a variable or a member, each once.
    pub(crate) variables: Vec<&'a str>,
    /// Functions of several words that are called, which would be cut at a variable that is named like their first word; and
    /// those that are called while a member is named like them.
    pub(crate) functions: Vec<&'static str>,
}

pub(crate) fn names(text: &str) -> Names<'_> {
    let mut found = Names {
        variables: Vec::new(),
        functions: Vec::new(),
    };
    let mut rest = text;
    // After `instance of` stands a type.
    let mut before = "";
    while let Some(c) = rest.chars().next() {
        if c == '"' {
            rest = after_text(rest);
            continue;
        }
        if !starts(c) {
            let mut end = c.len_utf8();
            if c.is_numeric() {
                end = rest.find(|c: char| !goes_on(c)).unwrap_or(rest.len());
            }
            rest = rest.get(end..).unwrap_or_default();
            continue;
        }
        if let Some((name, tail)) = function(rest) {
            if name != DATE_AND_TIME && !found.functions.contains(&name) {
                found.functions.push(name);
            }
            rest = tail;
            continue;
        }
        let end = rest.find(|c: char| !goes_on(c)).unwrap_or(rest.len());
        let (word, tail) = rest.split_at(end);
        let called = tail.trim_start().starts_with('(');
        if !KEYWORDS.contains(&word) && !called && before != "of" && !found.variables.contains(&word) {
            found.variables.push(word);
        }
        before = word;
        rest = tail;
    }
    // A member may be named like a function (`date(order.date)`); a variable may not, where the function is called too.
    let (known, variables): (Vec<&str>, Vec<&str>) = found
        .variables
        .into_iter()
        .partition(|name| found.functions.contains(name));
    found
        .functions
        .retain(|name| name.contains(' ') || known.contains(name));
    Names { variables, ..found }
}

/// What follows a text in quotation marks.
fn after_text(rest: &str) -> &str {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if c == '"' && !escaped {
            return rest.get(at + 1..).unwrap_or_default();
        }
        escaped = !escaped && c == '\\';
    }
    ""
}

/// The known function that is called here, and what follows its name.
fn function(rest: &str) -> Option<(&'static str, &str)> {
    let known = FUNCTIONS
        .iter()
        .map(|(name, _)| *name)
        .chain(UNTYPED.iter().copied());
    known.chain([DATE_AND_TIME]).find_map(|name| {
        let tail = rest.strip_prefix(name)?;
        tail.trim_start().starts_with('(').then_some((name, tail))
    })
}
