//! Where in a file something stands.

use banyan_base::{Finding, Severity};

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
