//! A tree written as a file again, with everything that was read: names, order, extensions, comments, blanks, diagrams.

use super::xml::{Element, Ix, Piece, Tree};

/// The file as text, in UTF-8.
pub fn write(tree: &Tree) -> String {
    let mut out = String::new();
    if let Some((version, standalone)) = &tree.declaration {
        out.push_str("<?xml version=\"");
        text(&mut out, version, Place::Attribute);
        out.push_str("\" encoding=\"UTF-8\"");
        if let Some(standalone) = standalone {
            out.push_str(" standalone=\"");
            text(&mut out, standalone, Place::Attribute);
            out.push('"');
        }
        out.push_str("?>\n");
    }
    let outside = |out: &mut String, pieces: &[Piece]| {
        for one in pieces {
            piece(out, one);
            out.push('\n');
        }
    };
    outside(&mut out, &tree.before);
    root(&mut out, tree);
    out.push('\n');
    outside(&mut out, &tree.after);
    out
}

/// The root with what is in it, without recursion.
fn root(out: &mut String, tree: &Tree) {
    let mut open: Vec<(Ix, usize)> = vec![(0, 0)];
    while let Some((ix, at)) = open.pop() {
        let Some(element) = tree.elements.get(ix) else {
            continue;
        };
        if at == 0 {
            start(out, element);
        }
        match element.pieces.get(at) {
            Some(Piece::Element(child)) => {
                open.push((ix, at + 1));
                open.push((*child, 0));
            }
            Some(other) => {
                piece(out, other);
                open.push((ix, at + 1));
            }
            None if element.pieces.is_empty() => {}
            None => {
                out.push_str("</");
                out.push_str(&element.name);
                out.push('>');
            }
        }
    }
}

fn start(out: &mut String, element: &Element) {
    out.push('<');
    out.push_str(&element.name);
    for attribute in &element.attributes {
        out.push(' ');
        out.push_str(&attribute.name);
        out.push_str("=\"");
        text(out, &attribute.value, Place::Attribute);
        out.push('"');
    }
    out.push_str(if element.pieces.is_empty() { "/>" } else { ">" });
}

fn piece(out: &mut String, piece: &Piece) {
    match piece {
        Piece::Element(_) => {}
        Piece::Text(value) => text(out, value, Place::Text),
        Piece::Cdata(value) => {
            out.push_str("<![CDATA[");
            out.push_str(value);
            out.push_str("]]>");
        }
        Piece::Comment(value) => {
            out.push_str("<!--");
            out.push_str(value);
            out.push_str("-->");
        }
        Piece::Instruction(value) => {
            out.push_str("<?");
            out.push_str(value);
            out.push_str("?>");
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Text,
    Attribute,
}

/// Escapes what would be read as something else; blanks in attributes, which would be read as spaces.
fn text(out: &mut String, value: &str, place: Place) {
    for c in value.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' if place == Place::Attribute => out.push_str("&quot;"),
            '\n' if place == Place::Attribute => out.push_str("&#10;"),
            '\t' if place == Place::Attribute => out.push_str("&#9;"),
            '\r' => out.push_str("&#13;"),
            c => out.push(c),
        }
    }
}
