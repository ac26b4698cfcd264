//! Where in a file something stands.

use std::ops::Range;

use banyan_base::{Finding, Severity};
use toml_edit::{Document, Item};

/// A text file with the places of its keys.
pub(crate) struct Located<'a> {
    pub(crate) path: &'a str,
    pub(crate) text: &'a str,
    document: Option<Document<&'a str>>,
}

/// Line and column, from 1, of a byte offset; columns count characters.
pub(crate) fn position(text: &str, offset: usize) -> (u32, u32) {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before.get(start..).unwrap_or("").chars().count() + 1;
    (
        u32::try_from(line).unwrap_or(u32::MAX),
        u32::try_from(column).unwrap_or(u32::MAX),
    )
}

impl<'a> Located<'a> {
    pub(crate) fn new(path: &'a str, text: &'a str) -> Located<'a> {
        Located {
            path,
            text,
            document: Document::parse(text).ok(),
        }
    }

    /// The place of the value at a path of keys, or of the last key of it that is there.
    fn span(&self, keys: &[&str]) -> Option<Range<usize>> {
        let mut item: &Item = self.document.as_ref()?.as_item();
        let mut span = None;
        for key in keys {
            let next = match key.parse::<usize>() {
                Ok(index) => item.get(index),
                Err(_) => item.get(*key),
            };
            let Some(next) = next else { break };
            let of_key = item
                .as_table_like()
                .and_then(|table| table.key(key))
                .and_then(|key| key.span());
            span = of_key.or_else(|| next.span()).or(span);
            item = next;
        }
        span
    }

    pub(crate) fn finding(
        &self,
        severity: Severity,
        keys: &[&str],
        rule: &str,
        message: String,
        hint: Option<String>,
    ) -> Finding {
        let offset = self.span(keys).map_or(0, |span| span.start);
        self.at(severity, offset, rule, message, hint)
    }

    pub(crate) fn at(
        &self,
        severity: Severity,
        offset: usize,
        rule: &str,
        message: String,
        hint: Option<String>,
    ) -> Finding {
        let (line, column) = position(self.text, offset);
        Finding {
            severity,
            rule: rule.into(),
            file: self.path.into(),
            line,
            column,
            message,
            hint,
        }
    }
}
