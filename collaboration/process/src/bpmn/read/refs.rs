//! What elements refer to at the root: messages, signals, errors, escalations, operations.

use super::{REFERENCE, Reader, name};
use crate::bpmn::model::{Mapping, MessageRef};
use crate::bpmn::xml::Ix;

impl Reader<'_> {
    /// The root element that an attribute names; a flaw where it names none of that kind.
    pub(super) fn root(&mut self, ix: Ix, attribute: &str, element: &str) -> Option<Ix> {
        let named = self.tree.attribute(ix, attribute)?;
        let found = self
            .tree
            .refer(ix, named)
            .filter(|found| self.tree.is(*found, element));
        if found.is_none() {
            self.flaw(&REFERENCE, ix, &[attribute, named]);
        }
        found
    }

    /// The name by which a message or signal goes: its own, or its id where it has none.
    pub(super) fn called(&self, ix: Ix) -> String {
        name(self.tree, ix).unwrap_or_else(|| self.tree.id(ix).unwrap_or_default().to_owned())
    }

    /// The message that an element sends or waits for: named by itself, or by its operation.
    pub(super) fn message(&mut self, ix: Ix) -> Option<MessageRef> {
        let tree = self.tree;
        let message = match tree.attribute(ix, "messageRef") {
            Some(_) => self.root(ix, "messageRef", "message")?,
            None => {
                let named = match tree.attribute(ix, "operationRef") {
                    Some(named) => named.to_owned(),
                    None => tree.kid_text(ix, "operationRef")?,
                };
                let operation = tree
                    .refer(ix, &named)
                    .filter(|found| tree.is(*found, "operation"));
                let incoming = operation.and_then(|operation| tree.kid_text(operation, "inMessageRef"));
                let message = incoming.and_then(|named| tree.refer(ix, &named));
                let Some(message) = message.filter(|found| tree.is(*found, "message")) else {
                    self.flaw(&REFERENCE, ix, &["operationRef", &named]);
                    return None;
                };
                message
            }
        };
        // On the element or on the message itself, so that every receiver need not say it again.
        let own = |name: &str| {
            tree.own(ix, name)
                .or_else(|| tree.own(message, name))
                .map(str::to_owned)
        };
        Some(MessageRef {
            name: self.called(message),
            correlation: own("correlation"),
            time_to_live: own("ttl"),
            key: own("key"),
        })
    }

    /// `banyan:input` or `banyan:output` of an element.
    pub(super) fn mappings(&mut self, ix: Ix, kind: &str) -> Vec<Mapping> {
        let tree = self.tree;
        let mut found = Vec::new();
        for extensions in tree.kids(ix, "extensionElements") {
            for mapping in tree
                .children(extensions)
                .filter(|mapping| tree.banyan_name(*mapping) == Some(kind))
            {
                let get = |name: &str| {
                    let value = tree.attribute(mapping, name).or_else(|| tree.own(mapping, name));
                    value.unwrap_or_default().trim().to_owned()
                };
                found.push(Mapping {
                    name: get("name"),
                    feel: get("feel"),
                });
            }
        }
        found
    }
}
