//! What an overlay says is merged into what the package says. In a merged file the parts of overlays stand behind the
//! package's own, each after a line with a mark, so that every byte still belongs to one line of one file.

use crate::node::{Entry, Fault, Kind, Node};

/// A character that no file of a package holds begins the mark, as a comment of TOML or of Cedar.
pub(crate) const MARK: char = '\u{1}';
const HEAD: &str = "head";

/// The line before an overlay's part of a file; `comment` is what begins a comment there. `head`: of package.toml, in
/// which the overlay speaks of itself too.
pub(crate) fn mark(comment: &str, head: bool) -> String {
    format!("{comment}{MARK}{}\n", if head { HEAD } else { "" })
}

/// A part of a merged file.
pub(crate) struct Part<'t> {
    /// The byte at which it begins.
    pub(crate) start: usize,
    pub(crate) text: &'t str,
    pub(crate) head: bool,
}

/// The parts of a merged TOML file: the package's own first. A file that is not merged is one part.
pub(crate) fn parts(text: &str) -> Vec<Part<'_>> {
    let mark = format!("#{MARK}");
    let mut parts = Vec::new();
    let (mut start, mut head) = (0, false);
    for (at, _) in text.match_indices(&mark) {
        let rest = text.get(at + mark.len()..).unwrap_or("");
        let Some((line, _)) = rest.split_once('\n') else {
            break;
        };
        parts.push(Part {
            start,
            text: text.get(start..at).unwrap_or(""),
            head,
        });
        start = at + mark.len() + line.len() + 1;
        head = line == HEAD;
    }
    parts.push(Part {
        start,
        text: text.get(start..).unwrap_or(""),
        head,
    });
    parts
}

/// Moves all places of a node on.
pub(crate) fn shift(node: &mut Node, by: usize) {
    node.at += by;
    match &mut node.kind {
        Kind::List(items) => items.iter_mut().for_each(|item| shift(item, by)),
        Kind::Table(entries) => {
            for entry in entries {
                entry.at += by;
                shift(&mut entry.value, by);
            }
        }
        _ => {}
    }
}

/// What package.toml of an overlay says of the overlay itself.
const ITS_OWN: &[&str] = &["id", "title", "clause", "word", "owner", "version", "overlays"];

/// Merges the root of an overlay's part into what is there.
pub(crate) fn merge(root: &mut Node, overlay: Node, head: bool, faults: &mut Vec<Fault>) {
    let (Kind::Table(base), Kind::Table(mut over)) = (&mut root.kind, overlay.kind) else {
        return;
    };
    if head {
        over.retain(|entry| !ITS_OWN.contains(&entry.name.as_str()));
        // That it needs the package it changes is checked against that package's own version.
        let id = base
            .iter()
            .find(|entry| entry.name == "id")
            .and_then(|entry| entry.value.text());
        let id = id.unwrap_or("").to_owned();
        for entry in over.iter_mut().filter(|entry| entry.name == "needs") {
            if let Kind::Table(needs) = &mut entry.value.kind {
                needs.retain(|need| need.name != id);
            }
        }
    }
    tables(base, over, faults);
}

fn tables(base: &mut Vec<Entry>, over: Vec<Entry>, faults: &mut Vec<Fault>) {
    for entry in over {
        let known = base.iter().position(|known| known.name == entry.name);
        if entry.value.removes() {
            alone(&entry.value, 1, faults);
            match known {
                Some(at) => {
                    base.remove(at);
                }
                None => faults.push(nothing(entry.at, &entry.name)),
            }
            continue;
        }
        let Some(known) = known.and_then(|at| base.get_mut(at)) else {
            base.push(entry);
            continue;
        };
        match (&mut known.value.kind, entry.value.kind) {
            (Kind::Table(base), Kind::Table(over)) => tables(base, over, faults),
            (Kind::List(base), Kind::List(over)) if coded(base) && coded(&over) => lists(base, over, faults),
            (slot, kind) => {
                *slot = kind;
                known.value.at = entry.value.at;
                known.at = entry.at;
            }
        }
    }
}

/// Lists of tables that have a `code` each are merged by it; all other lists are replaced.
fn coded(items: &[Node]) -> bool {
    !items.is_empty() && items.iter().all(|item| item.code().is_some())
}

fn lists(base: &mut Vec<Node>, over: Vec<Node>, faults: &mut Vec<Fault>) {
    for item in over {
        let known = base.iter().position(|known| known.code() == item.code());
        if item.removes() {
            alone(&item, 2, faults);
            match known {
                Some(at) => {
                    base.remove(at);
                }
                None => faults.push(nothing(item.at, item.code().unwrap_or(""))),
            }
            continue;
        }
        match known.and_then(|at| base.get_mut(at)) {
            None => base.push(item),
            Some(known) => {
                if let (Kind::Table(base), Kind::Table(over)) = (&mut known.kind, item.kind) {
                    tables(base, over, faults);
                }
            }
        }
    }
}

fn nothing(at: usize, name: &str) -> Fault {
    let message = format!("there is no `{name}` in the package to be removed");
    Fault {
        at,
        rule: "overlay-remove",
        message,
    }
}

/// `remove = true` takes the whole out: what stands beside it would mean nothing.
fn alone(node: &Node, keys: usize, faults: &mut Vec<Fault>) {
    if let Kind::Table(entries) = &node.kind
        && entries.len() > keys
    {
        faults.push(Fault {
            at: node.at,
            rule: "overlay-remove",
            message: "nothing else stands beside `remove = true`".into(),
        });
    }
}

impl Node {
    fn entry(&self, name: &str) -> Option<&Node> {
        let Kind::Table(entries) = &self.kind else {
            return None;
        };
        let entry = entries.iter().find(|entry| entry.name == name);
        entry.map(|entry| &entry.value)
    }

    fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    fn code(&self) -> Option<&str> {
        self.entry("code").and_then(Node::text)
    }

    /// Whether an overlay takes this out.
    pub(crate) fn removes(&self) -> bool {
        self.entry("remove")
            .is_some_and(|value| matches!(value.kind, Kind::Boolean(true)))
    }
}
