//! Where in a file something stands.

use banyan_base::{Finding, Severity, SourceFile};

use crate::node::{self, Kind, Node};

/// A text file with the places of its keys.
pub(crate) struct Located<'a> {
    pub(crate) path: &'a str,
    pub(crate) text: &'a str,
    root: Node,
}

impl<'a> Located<'a> {
    pub(crate) fn new(path: &'a str, text: &'a str) -> Located<'a> {
        let root = if path.ends_with(".toml") {
            node::parse(text).0
        } else {
            Node {
                at: 0,
                kind: Kind::Table(Vec::new()),
            }
        };
        Located { path, text, root }
    }

    /// The byte at which the value at a path of keys stands, or the last key of it that is there. Numbers index lists.
    fn offset(&self, keys: &[&str]) -> usize {
        let mut node = &self.root;
        let mut offset = 0;
        for key in keys {
            let next = match &node.kind {
                Kind::Table(entries) => entries
                    .iter()
                    .find(|entry| entry.name == *key)
                    .map(|entry| (entry.at, &entry.value)),
                Kind::List(items) => key
                    .parse::<usize>()
                    .ok()
                    .and_then(|index| items.get(index))
                    .map(|item| (item.at, item)),
                _ => None,
            };
            let Some((at, next)) = next else { break };
            offset = at;
            node = next;
        }
        offset
    }

    pub(crate) fn finding(
        &self,
        severity: Severity,
        keys: &[&str],
        rule: &str,
        message: String,
        hint: Option<String>,
    ) -> Finding {
        node::finding_at(
            severity,
            self.path,
            self.text,
            self.offset(keys),
            rule,
            message,
            hint,
        )
    }
}

/// An error at a path of keys in one of a package's files, for checks of those who know more than this crate: numbers
/// index lists, and keys that are not there lead to the last that is.
pub fn finding_in(
    files: &[SourceFile],
    path: &str,
    keys: &[&str],
    rule: &str,
    message: String,
    hint: Option<String>,
) -> Finding {
    let bytes = files.iter().find(|file| file.path == path);
    let text = String::from_utf8_lossy(bytes.map_or(&[][..], |file| &file.bytes));
    Located::new(path, &text).finding(Severity::Error, keys, rule, message, hint)
}
