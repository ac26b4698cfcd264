//! From text to tree: well-formedness, namespaces, bounds.

use std::cell::Cell;
use std::collections::HashSet;

use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::{
    Attribute, BANYAN, BPMN, Element, Ix, MAX_ATTRIBUTES, MAX_BYTES, MAX_DEPTH, MAX_ELEMENTS, MAX_NAMESPACES,
    Piece, Tree, XML, local,
};
use crate::bpmn::flaw::{Flaw, Place};

/// A file's bytes as text: UTF-8, with or without a mark at its head.
///
/// # Errors
/// Where it isn't UTF-8, at the first byte that isn't.
pub fn text(bytes: &[u8]) -> Result<&str, Flaw> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let before = std::str::from_utf8(good).unwrap_or_default();
        let why = "its text is not UTF-8";
        XML.at(Lines::new().place(before, before.len()), None, &[why])
    })
}

/// Finds places by offsets. They are asked for in rising order, so each part of the text is counted once, however long its
/// lines are.
struct Lines(Cell<(usize, Place)>);

impl Lines {
    fn new() -> Lines {
        Lines(Cell::new((0, Place { line: 1, column: 1 })))
    }

    fn place(&self, text: &str, offset: usize) -> Place {
        let (mut at, mut place) = self.0.get();
        if offset < at {
            (at, place) = (0, Place { line: 1, column: 1 });
        }
        for c in text.get(at..offset).unwrap_or_default().chars() {
            if c == '\n' {
                place = Place {
                    line: place.line.saturating_add(1),
                    column: 1,
                };
            } else {
                place.column = place.column.saturating_add(1);
            }
        }
        self.0.set((offset, place));
        place
    }
}

/// What is being read.
struct Reading {
    tree: Tree,
    /// Open elements, the innermost last.
    open: Vec<Ix>,
    /// Prefixes in scope, the innermost last; how many each open element added.
    scope: Vec<(String, Option<usize>)>,
    added: Vec<usize>,
    closed: bool,
}

/// Reads a file.
///
/// # Errors
/// The one flaw that ends the reading.
pub fn parse(xml: &str) -> Result<Tree, Flaw> {
    let xml = xml.strip_prefix('\u{feff}').unwrap_or(xml);
    if xml.len() > MAX_BYTES {
        let why = format!("it is longer than {} MiB", MAX_BYTES >> 20);
        return Err(XML.at(Place { line: 1, column: 1 }, None, &[&why]));
    }
    let lines = Lines::new();
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_comments = true;
    let mut reading = Reading {
        tree: Tree::default(),
        open: Vec::new(),
        scope: Vec::new(),
        added: Vec::new(),
        closed: false,
    };
    loop {
        let at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let fail = |at: usize, why: &str| XML.at(lines.place(xml, at.min(xml.len())), None, &[why]);
        let event = reader.read_event().map_err(|error| {
            let at = usize::try_from(reader.error_position()).unwrap_or(at);
            fail(at, &error.to_string())
        })?;
        match event {
            Event::Eof => break,
            Event::Start(start) => {
                reading
                    .start(&start, lines.place(xml, at))
                    .map_err(|why| fail(at, &why))?;
            }
            Event::Empty(start) => {
                reading
                    .start(&start, lines.place(xml, at))
                    .map_err(|why| fail(at, &why))?;
                reading.end();
            }
            Event::End(_) => reading.end(),
            Event::Decl(declaration) => {
                let version = declaration
                    .version()
                    .map_err(|error| fail(at, &error.to_string()))?;
                let standalone = declaration.standalone().and_then(Result::ok);
                reading.tree.declaration =
                    Some((version.into_owned(), standalone.map(|value| value.into_owned())));
            }
            Event::DocType(_) => return Err(fail(at, "document types and entities are not allowed")),
            Event::Text(text) => reading
                .text(&text.xml10_content())
                .map_err(|why| fail(at, &why))?,
            Event::GeneralRef(reference) => {
                let value = match reference.resolve_char_ref() {
                    Ok(Some(c)) if is_char(c) => c.to_string(),
                    Ok(None) => match resolve_predefined_entity(&reference) {
                        Some(value) => value.to_owned(),
                        None => {
                            return Err(fail(at, &format!("the entity `{}` is not allowed", &*reference)));
                        }
                    },
                    _ => return Err(fail(at, &format!("`&{};` is no character of XML", &*reference))),
                };
                reading.text(&value).map_err(|why| fail(at, &why))?;
            }
            Event::CData(data) => {
                let data = data.xml10_content();
                if let Some(c) = data.chars().find(|c| !is_char(*c)) {
                    return Err(fail(at, &forbidden(c)));
                }
                if reading.open.is_empty() {
                    return Err(fail(at, "there is text outside of the root element"));
                }
                reading.push(Piece::Cdata(data.into_owned()));
            }
            Event::Comment(comment) => reading.push(Piece::Comment(comment.to_string())),
            Event::PI(instruction) => reading.push(Piece::Instruction(instruction.to_string())),
        }
    }
    let end = |why: &str| XML.at(lines.place(xml, xml.len()), None, &[why]);
    if let Some(open) = reading.open.last().and_then(|ix| reading.tree.elements.get(*ix)) {
        return Err(end(&format!("`{}` is not closed", open.name)));
    }
    if reading.tree.elements.is_empty() {
        return Err(end("it has no element"));
    }
    Ok(reading.tree)
}

/// The characters that XML 1.0 allows.
fn is_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

fn forbidden(c: char) -> String {
    format!("the character U+{:04X} is not allowed in XML", u32::from(c))
}

fn is_name(name: &str) -> bool {
    let start = |c: char| c.is_alphabetic() || c == '_';
    let part = |c: char| {
        start(c)
            || c.is_numeric()
            || matches!(
                c,
                '-' | '.' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}' | '\u{2040}'
            )
    };
    let mut parts = name.split(':');
    let good = |piece: &str| piece.starts_with(start) && piece.chars().all(part);
    parts.by_ref().take(2).all(good) && parts.next().is_none()
}

impl Reading {
    fn push(&mut self, piece: Piece) {
        let pieces = match self.open.last() {
            Some(ix) => match self.tree.elements.get_mut(*ix) {
                Some(element) => &mut element.pieces,
                None => return,
            },
            None if self.closed => &mut self.tree.after,
            None => &mut self.tree.before,
        };
        // Text comes in pieces around each reference.
        if let (Some(Piece::Text(before)), Piece::Text(more)) = (pieces.last_mut(), &piece) {
            before.push_str(more);
            return;
        }
        pieces.push(piece);
    }

    fn text(&mut self, text: &str) -> Result<(), String> {
        if let Some(c) = text.chars().find(|c| !is_char(*c)) {
            return Err(forbidden(c));
        }
        if self.open.is_empty() {
            return match text.trim().is_empty() {
                true => Ok(()),
                false => Err("there is text outside of the root element".into()),
            };
        }
        self.push(Piece::Text(text.to_owned()));
        Ok(())
    }

    fn start(&mut self, start: &BytesStart<'_>, place: Place) -> Result<(), String> {
        if self.closed {
            return Err("there is a second root element".into());
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(format!("elements are nested more than {MAX_DEPTH} deep"));
        }
        if self.tree.elements.len() >= MAX_ELEMENTS {
            return Err(format!("it has more than {MAX_ELEMENTS} elements"));
        }
        let name = start.name().as_ref().to_owned();
        if !is_name(&name) {
            return Err(format!("`{}` is no name of an element", clip(&name)));
        }
        let (attributes, prefixes) = self.attributes(start)?;
        self.scope.extend(prefixes.iter().cloned());
        if self.tree.namespaces.len() > MAX_NAMESPACES || self.scope.len() > MAX_NAMESPACES {
            return Err(format!("it has more than {MAX_NAMESPACES} namespaces"));
        }
        self.added.push(prefixes.len());
        let mut element = Element {
            namespace: self.resolve(&name, true)?,
            name,
            attributes,
            pieces: Vec::new(),
            parent: self.open.last().copied(),
            place,
            prefixes,
        };
        let mut seen = HashSet::new();
        for attribute in &mut element.attributes {
            attribute.namespace = self.resolve(&attribute.name, false)?;
            if !seen.insert((attribute.namespace, local(&attribute.name))) {
                return Err(format!(
                    "the attribute `{}` is given twice",
                    clip(&attribute.name)
                ));
            }
        }
        let ix = self.tree.elements.len();
        if let Some(id) = element.attributes.iter().find(|attribute| attribute.name == "id") {
            self.tree.ids.entry(id.value.clone()).or_insert(ix);
        }
        if element.parent.is_some() {
            self.push(Piece::Element(ix));
        }
        if element.namespace.is_some() && element.namespace == self.tree.bpmn {
            self.tree
                .named
                .entry(element.local().to_owned())
                .or_default()
                .push(ix);
        }
        self.tree.elements.push(element);
        self.open.push(ix);
        Ok(())
    }

    /// The attributes and the prefixes declared among them.
    fn attributes(
        &mut self,
        start: &BytesStart<'_>,
    ) -> Result<(Vec<Attribute>, Vec<(String, Option<usize>)>), String> {
        let (mut attributes, mut prefixes) = (Vec::new(), Vec::new());
        for attribute in start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| error.to_string())?;
            if attributes.len() >= MAX_ATTRIBUTES {
                return Err(format!("an element has more than {MAX_ATTRIBUTES} attributes"));
            }
            let name = attribute.key.as_ref().to_owned();
            if !is_name(&name) {
                return Err(format!("`{}` is no name of an attribute", clip(&name)));
            }
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|error| error.to_string())?
                .into_owned();
            if attribute.value.contains('<') {
                return Err(format!("the attribute `{}` has a `<` in it", clip(&name)));
            }
            if let Some(c) = value.chars().find(|c| !is_char(*c)) {
                return Err(forbidden(c));
            }
            let prefix = match name.split_once(':') {
                Some(("xmlns", prefix)) => Some(prefix),
                None if name == "xmlns" => Some(""),
                _ => None,
            };
            if let Some(prefix) = prefix {
                let uri = match value.is_empty() {
                    true => None,
                    false => Some(self.intern(&value)),
                };
                prefixes.push((prefix.to_owned(), uri));
            }
            attributes.push(Attribute {
                name,
                namespace: None,
                value,
            });
        }
        Ok((attributes, prefixes))
    }

    fn intern(&mut self, uri: &str) -> usize {
        if let Some(known) = self.tree.namespaces.iter().position(|known| known == uri) {
            return known;
        }
        let ix = self.tree.namespaces.len();
        match uri {
            BPMN => self.tree.bpmn = Some(ix),
            BANYAN => self.tree.banyan = Some(ix),
            _ => {}
        }
        self.tree.namespaces.push(uri.to_owned());
        ix
    }

    fn resolve(&mut self, name: &str, element: bool) -> Result<Option<usize>, String> {
        let prefix = match name.split_once(':') {
            Some(("xml" | "xmlns", _)) => return Ok(None),
            Some((prefix, _)) => prefix,
            None if element => "",
            None => return Ok(None),
        };
        match self.scope.iter().rev().find(|(known, _)| known == prefix) {
            Some((_, uri)) => Ok(*uri),
            None if prefix.is_empty() => Ok(None),
            None => Err(format!("the prefix `{}` is not declared", clip(prefix))),
        }
    }

    fn end(&mut self) {
        self.open.pop();
        let added = self.added.pop().unwrap_or(0);
        self.scope.truncate(self.scope.len().saturating_sub(added));
        self.closed = self.open.is_empty();
    }
}

/// The head of something that may be long.
fn clip(text: &str) -> &str {
    text.char_indices()
        .nth(60)
        .and_then(|(at, _)| text.get(..at))
        .unwrap_or(text)
}
