//! Sequence flows, message flows and gateways.

use std::collections::BTreeSet;

use super::texts::*;
use super::{Line, Look, is_flow_node, is_gateway};
use crate::bpmn::xml::{Ix, local};

pub(super) fn check(look: &mut Look<'_>) {
    for line in look.messages.clone() {
        ends(look, line, &EXT008, &EXT009);
    }
    let lists = lists(look);
    for line in look.flows.clone() {
        ends(look, line, &EXT006, &EXT007);
        flow(look, line, &lists);
    }
    for ix in look.nodes.clone() {
        defaults(look, ix);
        if is_gateway(look.name(ix)) {
            gateway(look, ix);
        }
    }
}

/// Flows that nodes list: the node, `incoming` or `outgoing`, the flow's id.
type Lists = BTreeSet<(Ix, &'static str, String)>;

fn lists(look: &Look<'_>) -> Lists {
    let tree = look.tree;
    let mut lists = Lists::new();
    for name in ["incoming", "outgoing"] {
        for ix in tree.all(name) {
            if let Some(node) = tree.parent(ix) {
                let text = tree.text(ix);
                lists.insert((node, name, local(&text).to_owned()));
                lists.insert((node, name, text));
            }
        }
    }
    lists
}

fn artifact(look: &Look<'_>, ix: Option<Ix>) -> bool {
    ix.is_some_and(|ix| matches!(look.name(ix), "association" | "group" | "textAnnotation"))
}

fn ends(look: &mut Look<'_>, line: Line, target: &crate::bpmn::Rule, source: &crate::bpmn::Rule) {
    if artifact(look, line.target) {
        look.say(target, line.ix, &[]);
    }
    if artifact(look, line.source) {
        look.say(source, line.ix, &[]);
    }
}

fn flow(look: &mut Look<'_>, line: Line, lists: &Lists) {
    let tree = look.tree;
    let node = |ix: Option<Ix>| ix.filter(|ix| tree.bpmn_name(*ix).is_some_and(is_flow_node));
    let (source, target) = (node(line.source), node(line.target));
    if !tree.flag(line.ix, "isImmediate", true) && look.executable(line.ix) {
        look.say(&EXT024, line.ix, &[]);
    }
    if let (Some(source), Some(target)) = (source, target)
        && tree.parent(source) != tree.parent(target)
    {
        look.say(&EXT152, line.ix, &[]);
    }
    // Written for some flows only, the lists contradict the others.
    let Some(id) = tree.id(line.ix).filter(|_| look.listed) else {
        return;
    };
    for (end, name) in [(target, "incoming"), (source, "outgoing")] {
        let Some(end) = end else { continue };
        let named = lists.contains(&(end, name, id.to_owned()));
        // Starts and ends that list none are told so by rules of their own (EXT101, EXT107).
        let none = matches!(look.name(end), "startEvent" | "endEvent") && tree.kid(end, name).is_none();
        if !named && !none {
            look.say(&EXT023, line.ix, &[id, name]);
        }
    }
}

fn defaults(look: &mut Look<'_>, ix: Ix) {
    let tree = look.tree;
    let Some(named) = tree.attribute(ix, "default") else {
        return;
    };
    let found = tree.refer(ix, named);
    if !look.leaving(ix).iter().any(|line| Some(line.ix) == found) {
        look.say(&EXT026, ix, &[named]);
    }
}

fn gateway(look: &mut Look<'_>, ix: Ix) {
    let tree = look.tree;
    let (into, out) = (look.entering(ix), look.leaving(ix));
    match tree.attribute(ix, "gatewayDirection") {
        Some("Converging") if out.len() > 1 => look.say(&EXT017, ix, &[]),
        Some("Diverging") if into.len() > 1 => look.say(&EXT018, ix, &[]),
        Some("Mixed") if into.len() < 2 || out.len() < 2 => look.say(&EXT019, ix, &[]),
        _ => {}
    }
    if look.name(ix) != "eventBasedGateway" {
        return;
    }
    if out.len() < 2 {
        look.say(&EXT136, ix, &[]);
    }
    if tree.flag(ix, "instantiate", false) && !into.is_empty() {
        look.say(&EXT142, ix, &[]);
    }
    let (mut receives, mut messages) = (false, false);
    for line in out {
        if tree.kid(line.ix, "conditionExpression").is_some() {
            look.say(&EXT137, line.ix, &[]);
        }
        let Some(target) = line.target else { continue };
        if look.entering(target).len() > 1 {
            look.say(&EXT141, target, &[]);
        }
        match look.name(target) {
            "receiveTask" => {
                receives = true;
                if !look.bounded(target).is_empty() {
                    look.say(&EXT140, target, &[]);
                }
            }
            "intermediateCatchEvent" => {
                let definitions = look.definitions(target);
                messages |= definitions.iter().any(|(kind, _)| *kind == "message");
                let waits = |kind: &str| matches!(kind, "message" | "signal" | "timer" | "conditional");
                if definitions.is_empty() || !definitions.iter().all(|(kind, _)| waits(kind)) {
                    look.say(&EXT138, line.ix, &[]);
                }
            }
            _ => look.say(&EXT138, line.ix, &[]),
        }
    }
    if receives && messages {
        look.say(&EXT139, ix, &[]);
    }
}
