//! An XML file as a tree that keeps everything: names as written, order, comments, where each element stands.
//!
//! No document type, no entities but the five of XML, bounds on size, depth and number: what is hostile is refused before
//! it costs anything. Elements lie in one table, so nothing here recurses.

use std::collections::BTreeMap;

use banyan_base::Severity;

use super::flaw::{Flaw, Place, Rule};

mod parse;

pub use parse::{parse, text};

/// Namespace of the elements of BPMN 2.0.
pub const BPMN: &str = "http://www.omg.org/spec/BPMN/20100524/MODEL";
/// Namespace of our own extensions (docs/bpmn.md).
pub const BANYAN: &str = "https://banyan.local/bpmn/1.0";
/// Namespace of `xsi:type`.
pub const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// Longest file, in bytes.
pub const MAX_BYTES: usize = 8 << 20;
/// Deepest nesting of elements.
pub const MAX_DEPTH: usize = 200;
/// Most elements of a file.
pub const MAX_ELEMENTS: usize = 50_000;
/// Most attributes of one element.
pub const MAX_ATTRIBUTES: usize = 200;
/// Most namespaces of a file, and most prefixes in force at an element: each name is looked up among them.
pub const MAX_NAMESPACES: usize = 500;

/// The file is no XML, or XML that is refused. Nothing else can be said of it.
pub static XML: Rule = Rule {
    id: "BAN-xml",
    also: &[],
    severity: Severity::Error,
    zh: "不是可读取的 XML：{0}",
    en: "this is not XML that can be read: {0}",
    hint_zh: "请用建模工具重新保存该文件。",
    hint_en: "Save the file again from a modelling tool.",
};

/// Index of an element in its tree.
pub type Ix = usize;

/// What stands in an element, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Element(Ix),
    Text(String),
    Cdata(String),
    Comment(String),
    Instruction(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// As written, with its prefix.
    pub name: String,
    /// Index into [`Tree::namespaces`]; none: without a namespace, as all of BPMN's own.
    pub namespace: Option<usize>,
    pub value: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// As written, with its prefix.
    pub name: String,
    /// Index into [`Tree::namespaces`].
    pub namespace: Option<usize>,
    pub attributes: Vec<Attribute>,
    pub pieces: Vec<Piece>,
    pub parent: Option<Ix>,
    pub place: Place,
    /// Prefixes declared here, each with an index into [`Tree::namespaces`].
    prefixes: Vec<(String, Option<usize>)>,
}

impl Element {
    /// The name without its prefix.
    pub fn local(&self) -> &str {
        local(&self.name)
    }
}

/// A whole file. The root is element 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    pub elements: Vec<Element>,
    pub namespaces: Vec<String>,
    /// Comments and instructions before and after the root.
    pub before: Vec<Piece>,
    pub after: Vec<Piece>,
    /// The XML declaration's version and whether it says standalone, where there is one.
    pub declaration: Option<(String, Option<String>)>,
    ids: BTreeMap<String, Ix>,
    /// Elements of BPMN by their names.
    named: BTreeMap<String, Vec<Ix>>,
    bpmn: Option<usize>,
    banyan: Option<usize>,
}

/// The name without its prefix.
pub fn local(name: &str) -> &str {
    name.split_once(':').map_or(name, |(_, local)| local)
}

impl Tree {
    /// Whether it is that element of BPMN.
    pub fn is(&self, ix: Ix, name: &str) -> bool {
        self.bpmn_name(ix) == Some(name)
    }

    /// Its name, where it is an element of BPMN.
    pub fn bpmn_name(&self, ix: Ix) -> Option<&str> {
        let element = self.elements.get(ix)?;
        (element.namespace.is_some() && element.namespace == self.bpmn).then(|| element.local())
    }

    /// Its name, where it is one of our extensions.
    pub fn banyan_name(&self, ix: Ix) -> Option<&str> {
        let element = self.elements.get(ix)?;
        (element.namespace.is_some() && element.namespace == self.banyan).then(|| element.local())
    }

    pub fn place(&self, ix: Ix) -> Place {
        self.elements
            .get(ix)
            .map(|element| element.place)
            .unwrap_or_default()
    }

    pub fn parent(&self, ix: Ix) -> Option<Ix> {
        self.elements.get(ix)?.parent
    }

    pub fn id(&self, ix: Ix) -> Option<&str> {
        self.attribute(ix, "id")
    }

    /// An attribute of BPMN's own.
    pub fn attribute(&self, ix: Ix, name: &str) -> Option<&str> {
        let element = self.elements.get(ix)?;
        let found = element.attributes.iter().find(|attribute| attribute.name == name);
        found.map(|attribute| attribute.value.as_str())
    }

    /// An attribute of our own, blank ones left out.
    pub fn own(&self, ix: Ix, name: &str) -> Option<&str> {
        let element = self.elements.get(ix)?;
        let found = element.attributes.iter().find(|attribute| {
            attribute.namespace.is_some()
                && attribute.namespace == self.banyan
                && local(&attribute.name) == name
        });
        found
            .map(|attribute| attribute.value.trim())
            .filter(|value| !value.is_empty())
    }

    /// `true` or `1`.
    pub fn flag(&self, ix: Ix, name: &str, default: bool) -> bool {
        match self.attribute(ix, name).map(str::trim) {
            Some("true" | "1") => true,
            Some("false" | "0") => false,
            _ => default,
        }
    }

    /// Elements directly in it, of any namespace.
    pub fn children(&self, ix: Ix) -> impl Iterator<Item = Ix> {
        let pieces = self.elements.get(ix).map(|element| element.pieces.as_slice());
        pieces.unwrap_or_default().iter().filter_map(|piece| match piece {
            Piece::Element(child) => Some(*child),
            _ => None,
        })
    }

    /// Elements of BPMN of that name directly in it.
    pub fn kids<'a>(&'a self, ix: Ix, name: &'a str) -> impl Iterator<Item = Ix> + 'a {
        self.children(ix).filter(move |child| self.is(*child, name))
    }

    pub fn kid(&self, ix: Ix, name: &str) -> Option<Ix> {
        self.kids(ix, name).next()
    }

    /// The text directly in it, without the blanks around.
    pub fn text(&self, ix: Ix) -> String {
        let mut out = String::new();
        for piece in self
            .elements
            .get(ix)
            .map(|element| element.pieces.as_slice())
            .unwrap_or_default()
        {
            if let Piece::Text(text) | Piece::Cdata(text) = piece {
                out.push_str(text);
            }
        }
        out.trim().to_owned()
    }

    /// The text of the element of BPMN of that name directly in it; none where it is missing or blank.
    pub fn kid_text(&self, ix: Ix, name: &str) -> Option<String> {
        self.kid(ix, name)
            .map(|kid| self.text(kid))
            .filter(|text| !text.is_empty())
    }

    /// The element of that id.
    pub fn by_id(&self, id: &str) -> Option<Ix> {
        self.ids.get(id).copied()
    }

    /// What a QName in an element refers to: the id as it stands, or without a prefix that is declared there.
    pub fn refer(&self, from: Ix, name: &str) -> Option<Ix> {
        let name = name.trim();
        if let Some(found) = self.by_id(name) {
            return Some(found);
        }
        let (prefix, id) = name.split_once(':')?;
        self.prefix(from, prefix)?;
        self.by_id(id)
    }

    /// The namespace of a prefix at an element.
    pub fn prefix(&self, from: Ix, prefix: &str) -> Option<&str> {
        let mut at = Some(from);
        while let Some(element) = at.and_then(|ix| self.elements.get(ix)) {
            if let Some((_, uri)) = element.prefixes.iter().rev().find(|(known, _)| known == prefix) {
                return uri.and_then(|ix| self.namespaces.get(ix)).map(String::as_str);
            }
            at = element.parent;
        }
        None
    }

    /// Every element of BPMN of that name, in the order of the file.
    pub fn all(&self, name: &str) -> impl Iterator<Item = Ix> {
        self.named
            .get(name)
            .map(Vec::as_slice)
            .unwrap_or_default()
            .iter()
            .copied()
    }

    /// A flaw at an element.
    pub fn flaw(&self, rule: &Rule, ix: Ix, with: &[&str]) -> Flaw {
        rule.at(self.place(ix), self.named(ix), with)
    }

    /// The id of the element or of the nearest around it that has one.
    pub fn named(&self, ix: Ix) -> Option<&str> {
        let mut at = Some(ix);
        while let Some(ix) = at {
            if let Some(id) = self.id(ix) {
                return Some(id);
            }
            at = self.parent(ix);
        }
        None
    }
}
