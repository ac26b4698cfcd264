//! The extension vocabulary: which `banyan:` attributes and elements each element may have. A slip of the pen must not
//! deploy as nothing.

use super::Look;
use super::own_texts::{EXTENSION, MAPPING};
use crate::bpmn::xml::{Ix, local};

/// `banyan:` attributes of an element.
const ATTRIBUTES: &[(&str, &[&str])] = &[
    ("process", &["businessKey", "starters"]),
    ("serviceTask", &["operation", "topic", "purpose", "retries"]),
    (
        "userTask",
        &[
            "roles",
            "assignee",
            "unit",
            "region",
            "line",
            "excluded",
            "notDoersOf",
            "form",
            "due",
            "dueDays",
            "warn",
            "priority",
            "batch",
            "title",
            "about",
        ],
    ),
    ("businessRuleTask", &["decision", "result"]),
    ("scriptTask", &["result"]),
    (
        "globalUserTask",
        &[
            "roles", "assignee", "unit", "region", "line", "excluded", "form", "due", "dueDays", "warn",
            "priority", "batch", "title", "about",
        ],
    ),
    ("globalBusinessRuleTask", &["decision", "result"]),
    ("globalScriptTask", &["result"]),
    ("callActivity", &["passAll"]),
    ("adHocSubProcess", &["active"]),
    ("sendTask", &["key", "ttl"]),
    ("receiveTask", &["correlation"]),
    ("message", &["correlation", "key", "ttl"]),
    ("messageEventDefinition", &["correlation", "key", "ttl"]),
    ("startEvent", &["correlation", "form"]),
    ("intermediateCatchEvent", &["correlation"]),
    ("boundaryEvent", &["correlation"]),
    ("intermediateThrowEvent", &["key", "ttl"]),
    ("endEvent", &["key", "ttl"]),
    ("timerEventDefinition", &["days", "pausedWhile"]),
    (
        "multiInstanceLoopCharacteristics",
        &[
            "collection",
            "element",
            "outputElement",
            "outputCollection",
            "vote",
            "voteVariable",
            "voteResult",
        ],
    ),
];

/// Elements that have `banyan:input`, `banyan:output`.
fn mappings(name: &str) -> &'static [&'static str] {
    match name {
        "startEvent" | "intermediateCatchEvent" | "boundaryEvent" => &["output"],
        "intermediateThrowEvent" | "endEvent" => &["input"],
        _ if super::is_activity(name) || name.starts_with("global") => &["input", "output"],
        _ => &[],
    }
}

/// The vocabulary, for the documentation: element, attributes, mappings.
pub fn vocabulary() -> impl Iterator<Item = (&'static str, &'static [&'static str], &'static [&'static str])>
{
    ATTRIBUTES
        .iter()
        .map(|(name, attributes)| (*name, *attributes, mappings(name)))
}

pub(super) fn check(look: &mut Look<'_>) {
    let tree = look.tree;
    for (ix, element) in tree.elements.iter().enumerate() {
        let of_ours = |namespace: Option<usize>| {
            namespace
                .and_then(|ix| tree.namespaces.get(ix))
                .is_some_and(|uri| uri == crate::bpmn::xml::BANYAN)
        };
        if let Some(name) = tree.bpmn_name(ix) {
            let allowed = ATTRIBUTES
                .iter()
                .find(|(known, _)| *known == name)
                .map_or(&[][..], |(_, allowed)| *allowed);
            for attribute in &element.attributes {
                let own = local(&attribute.name);
                if of_ours(attribute.namespace) && !allowed.contains(&own) {
                    let list = if allowed.is_empty() {
                        "—".to_owned()
                    } else {
                        allowed.join(", ")
                    };
                    look.say(&EXTENSION, ix, &[name, own, &list]);
                }
            }
        } else if of_ours(element.namespace) {
            mapping(look, ix);
        }
    }
}

fn mapping(look: &mut Look<'_>, ix: Ix) {
    let tree = look.tree;
    let own = tree.banyan_name(ix).unwrap_or_default();
    let holder = tree
        .parent(ix)
        .filter(|parent| tree.is(*parent, "extensionElements"))
        .and_then(|parent| tree.parent(parent));
    let name = holder.map(|holder| look.name(holder)).unwrap_or_default();
    let allowed = mappings(name);
    if !allowed.contains(&own) {
        look.say(&EXTENSION, ix, &[name, own, &allowed.join(", ")]);
        return;
    }
    let given = |name: &str| {
        tree.attribute(ix, name)
            .or_else(|| tree.own(ix, name))
            .is_some_and(|value| !value.trim().is_empty())
    };
    if !given("name") || !given("feel") {
        look.say(&MAPPING, ix, &[]);
    }
}
