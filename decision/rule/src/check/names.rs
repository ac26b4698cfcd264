//! Names that decisions use, and the types of what columns ask for.

use std::collections::BTreeSet;

use banyan_base::Severity;
use dsntk_feel_parser::AstNode;
use dsntk_model::DecisionTable;

use super::Found;
use crate::guard;
use crate::kind::{Base, Kind, Kinds};
use crate::model::{Invocable, Model};
use crate::xml::{ElementKind, ElementNote, TableNote};

/// The type of an input column: as written on it, or that of the input it names.
pub fn columns(
    kinds: &Kinds<'_>,
    namespace: &str,
    asked: &Invocable,
    table: &DecisionTable,
    written: &TableNote,
) -> Vec<Kind> {
    let clauses = table.input_clauses().enumerate();
    clauses
        .map(|(at, clause)| {
            let named = named_kind(asked, clause.input_expression.trim());
            let written = written.input_types.get(at).cloned().flatten();
            let declared = written
                .and_then(|name| kinds.find(namespace, &name))
                .filter(|kind| kind.base != Base::Any);
            match (declared, named) {
                (Some(declared), Some(named)) if declared.base == named.base => Kind {
                    allowed: declared.allowed.or(named.allowed),
                    base: named.base,
                },
                (Some(declared), _) => declared,
                (None, named) => named.unwrap_or(Kind::ANY),
            }
        })
        .collect()
}

fn named_kind(asked: &Invocable, expression: &str) -> Option<Kind> {
    let (first, rest) = expression
        .split_once('.')
        .map_or((expression, None), |(a, b)| (a, Some(b)));
    let (_, mut kind) = asked
        .inputs
        .iter()
        .find(|(name, _)| name.to_string() == first.trim())
        .cloned()?;
    for part in rest.into_iter().flat_map(|rest| rest.split('.')) {
        let Base::Context(entries) = kind.base else {
            return None;
        };
        kind = entries
            .into_iter()
            .find(|(name, _)| name.to_string() == part.trim())?
            .1;
    }
    Some(kind)
}

/// Inputs and decisions of the model that a decision uses without requiring them: to the engine they are null.
pub fn names(model: &Model, note: &ElementNote, asked: &Invocable) -> Vec<Found> {
    let Some(notes) = model.notes.first() else {
        return Vec::new();
    };
    let scope = guard::names_scope(&notes.names);
    let elements = notes.elements.iter().filter(|element| {
        matches!(
            element.kind,
            ElementKind::Decision | ElementKind::Input | ElementKind::Knowledge
        )
    });
    let known: BTreeSet<&str> = elements.map(|element| element.name.as_str()).collect();
    let required: BTreeSet<&str> = note
        .requires
        .iter()
        .filter_map(|(href, _)| {
            let (space, id) = guard::target(&notes.namespace, href);
            let there = model.notes.iter().find(|notes| notes.namespace == space)?;
            there
                .elements
                .iter()
                .find(|element| element.id == id)
                .map(|element| element.name.as_str())
        })
        .chain(asked.required.iter().map(String::as_str))
        .collect();
    let mut all = Vec::new();
    let mut said = BTreeSet::new();
    for text in &note.texts {
        let parsed = crate::worker::inline(|| {
            if text.unary {
                dsntk_feel_parser::parse_unary_tests(&scope, text.text.trim(), false)
            } else {
                dsntk_feel_parser::parse_expression(&scope, text.text.trim(), false)
            }
        });
        let Ok(Ok(node)) = parsed else { continue };
        let mut used = BTreeSet::new();
        used_names(&node, &mut used);
        for name in used {
            let local = text.parameters.contains(&name) || note.locals.contains(&name);
            let missing = known.contains(name.as_str()) && !required.contains(name.as_str());
            if missing && !local && said.insert(name.clone()) {
                let message = format!("`{name}` is used and not required: it is null here");
                all.push(
                    Found::new(
                        Severity::Error,
                        "requirement-missing",
                        &note.name,
                        text.place,
                        message,
                    )
                    .hint("draw a requirement from it to the decision"),
                );
            }
        }
    }
    all
}

fn used_names(node: &AstNode, names: &mut BTreeSet<String>) {
    match node {
        AstNode::Name(name) => {
            names.insert(name.to_string());
        }
        // What stands behind the dot is an entry.
        AstNode::Path(left, _) => used_names(left, names),
        AstNode::ContextEntry(_, value) => used_names(value, names),
        // Inside of these, names can be those of entries and of what is iterated over.
        AstNode::Filter(left, _) => used_names(left, names),
        AstNode::For(..)
        | AstNode::Some(..)
        | AstNode::Every(..)
        | AstNode::Context(_)
        | AstNode::FunctionDefinition(..) => {}
        node => {
            for child in guard::children(node) {
                used_names(child, names);
            }
        }
    }
}
