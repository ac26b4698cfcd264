//! Events: where each kind may stand, what it needs.

use std::collections::{BTreeMap, BTreeSet};

use super::texts::*;
use super::{Look, is_event, is_gateway};
use crate::bpmn::Rule;
use crate::bpmn::xml::Ix;

pub(super) fn check(look: &mut Look<'_>) {
    let tree = look.tree;
    // Events at the ends of message flows.
    let sends: BTreeSet<Ix> = look.messages.iter().filter_map(|line| line.source).collect();
    let receives: BTreeSet<Ix> = look.messages.iter().filter_map(|line| line.target).collect();
    let scopes = |names: &[&str]| -> BTreeSet<Ix> {
        let all = names.iter().flat_map(|name| tree.all(name));
        let counts = |ix: &Ix| {
            !tree.is(*ix, "receiveTask") && !tree.is(*ix, "eventBasedGateway")
                || tree.flag(*ix, "instantiate", false)
        };
        all.filter(counts).filter_map(|ix| tree.parent(ix)).collect()
    };
    let (started, ended) = (
        scopes(&["startEvent", "receiveTask", "eventBasedGateway"]),
        scopes(&["endEvent"]),
    );
    for ix in look.nodes.clone() {
        match look.name(ix) {
            "startEvent" => start(look, ix, sends.contains(&ix), receives.contains(&ix)),
            "endEvent" => {
                end(look, ix, sends.contains(&ix), receives.contains(&ix));
                let scope = tree.parent(ix).unwrap_or_default();
                if !started.contains(&scope) && look.name(scope) != "adHocSubProcess" {
                    look.say(&EXT097, ix, &[]);
                }
            }
            "boundaryEvent" => boundary(look, ix),
            "intermediateCatchEvent" => catch(look, ix, sends.contains(&ix)),
            "intermediateThrowEvent" => throw(look, ix, receives.contains(&ix)),
            "receiveTask" if tree.flag(ix, "instantiate", false) && !look.entering(ix).is_empty() => {
                look.say(&EXT049, ix, &[]);
            }
            _ => {}
        }
        ends(look, ix, &ended);
    }
    referred(look);
    let links = links(look);
    for name in ["timer", "message", "link"] {
        for ix in tree.all(&format!("{name}EventDefinition")) {
            match name {
                "timer" => timer(look, ix),
                "message" => message(look, ix),
                _ => link(look, ix, &links),
            }
        }
    }
}

/// Says the rule for each definition of a kind that is not allowed.
fn kinds(look: &mut Look<'_>, ix: Ix, rule: &Rule, refused: &[&str]) {
    for (kind, _) in look.definitions(ix) {
        if refused.contains(&kind) {
            look.say(rule, ix, &[kind]);
        }
    }
}

fn start(look: &mut Look<'_>, ix: Ix, sends: bool, receives: bool) {
    let tree = look.tree;
    if !look.entering(ix).is_empty() {
        look.say(&EXT096, ix, &[]);
    }
    if look.leaving(ix).is_empty() || (look.listed && tree.kid(ix, "outgoing").is_none()) {
        look.say(&EXT101, ix, &[]);
    }
    if sends {
        look.say(&EXT102, ix, &[]);
    }
    if receives && !look.has(ix, "message") {
        look.say(&EXT103, ix, &[]);
    }
    let Some(scope) = tree.parent(ix) else { return };
    match look.name(scope) {
        "process" => kinds(
            look,
            ix,
            &EXT098,
            &["link", "escalation", "error", "cancel", "compensate", "terminate"],
        ),
        "subProcess" if tree.flag(scope, "triggeredByEvent", false) => {}
        _ => {
            if let Some((kind, _)) = look.definitions(ix).first().copied() {
                look.say(&EXT100, ix, &[kind]);
            }
        }
    }
}

fn end(look: &mut Look<'_>, ix: Ix, sends: bool, receives: bool) {
    let tree = look.tree;
    if !look.leaving(ix).is_empty() {
        look.say(&EXT104, ix, &[]);
    }
    if look.entering(ix).is_empty() || (look.listed && tree.kid(ix, "incoming").is_none()) {
        look.say(&EXT107, ix, &[]);
    }
    if receives {
        look.say(&EXT108, ix, &[]);
    }
    if sends && !look.has(ix, "message") {
        look.say(&EXT109, ix, &[]);
    }
    kinds(look, ix, &EXT146, &["conditional", "link", "timer"]);
    if look.has(ix, "cancel") && !within(look, ix, "transaction") {
        look.say(&EXT106, ix, &[]);
    }
}

fn within(look: &Look<'_>, ix: Ix, name: &str) -> bool {
    let mut at = look.tree.parent(ix);
    while let Some(ix) = at {
        if look.tree.is(ix, name) {
            return true;
        }
        at = look.tree.parent(ix);
    }
    false
}

fn boundary(look: &mut Look<'_>, ix: Ix) {
    let tree = look.tree;
    let definitions = look.definitions(ix);
    let compensates = definitions.iter().any(|(kind, _)| *kind == "compensate");
    if definitions.is_empty() {
        look.say(&EXT110, ix, &["none"]);
    }
    kinds(look, ix, &EXT110, &["terminate", "link"]);
    if !tree.flag(ix, "cancelActivity", true) {
        kinds(look, ix, &EXT110, &["error", "cancel", "compensate"]);
    }
    let attached = tree
        .attribute(ix, "attachedToRef")
        .and_then(|named| tree.refer(ix, named));
    if look.has(ix, "cancel")
        && tree.flag(ix, "cancelActivity", true)
        && attached.is_some_and(|at| !tree.is(at, "transaction"))
    {
        look.say(&EXT111, ix, &[]);
    }
    if !look.entering(ix).is_empty() {
        look.say(&EXT112, ix, &[]);
    }
    match look.leaving(ix).is_empty() {
        true if !compensates => look.say(&EXT113, ix, &[]),
        false if compensates && tree.flag(ix, "cancelActivity", true) => look.say(&EXT114, ix, &[]),
        _ => {}
    }
    if compensates && tree.flag(ix, "cancelActivity", true) {
        let linked = look.linked(ix);
        let none = linked.is_empty();
        let undoes = linked
            .iter()
            .any(|other| tree.flag(*other, "isForCompensation", false));
        match (none, undoes) {
            (true, _) => look.say(&EXT143, ix, &[]),
            (false, false) => look.say(&EXT144, ix, &[]),
            _ => {}
        }
    }
}

fn catch(look: &mut Look<'_>, ix: Ix, sends: bool) {
    if look.definitions(ix).is_empty() {
        look.say(&EXT148, ix, &["none"]);
    }
    kinds(
        look,
        ix,
        &EXT148,
        &["cancel", "compensate", "error", "escalation", "terminate"],
    );
    let (link, into) = (look.has(ix, "link"), !look.entering(ix).is_empty());
    if link && into {
        look.say(&EXT117, ix, &[]);
    }
    if !link && !into {
        look.say(&EXT115, ix, &[]);
    }
    if look.leaving(ix).is_empty() {
        look.say(&EXT116, ix, &[]);
    }
    if sends {
        look.say(&EXT119, ix, &[]);
    }
}

fn throw(look: &mut Look<'_>, ix: Ix, receives: bool) {
    kinds(
        look,
        ix,
        &EXT149,
        &["cancel", "conditional", "error", "terminate", "timer"],
    );
    let (link, out) = (look.has(ix, "link"), !look.leaving(ix).is_empty());
    if link && out {
        look.say(&EXT117, ix, &[]);
    }
    if !link && !out {
        look.say(&EXT116, ix, &[]);
    }
    if look.entering(ix).is_empty() {
        look.say(&EXT115, ix, &[]);
    }
    if receives {
        look.say(&EXT119, ix, &[]);
    }
}

/// Nothing ends by itself where ends are drawn.
fn ends(look: &mut Look<'_>, ix: Ix, ended: &BTreeSet<Ix>) {
    let tree = look.tree;
    let name = look.name(ix);
    let Some(scope) = tree.parent(ix) else { return };
    let exempt = is_event(name)
        || tree.flag(ix, "isForCompensation", false)
        || tree.flag(ix, "triggeredByEvent", false)
        || look.name(scope) == "adHocSubProcess";
    if exempt || !look.leaving(ix).is_empty() || (is_gateway(name) && look.entering(ix).is_empty()) {
        return;
    }
    if ended.contains(&scope) {
        look.say(&EXT151, ix, &[]);
    }
}

/// Definitions inside of throwing events are theirs alone.
fn referred(look: &mut Look<'_>) {
    let tree = look.tree;
    for ix in tree.all("eventDefinitionRef") {
        let named = tree.text(ix);
        let holder = tree.refer(ix, &named).and_then(|found| tree.parent(found));
        if holder.is_some_and(|holder| matches!(look.name(holder), "endEvent" | "intermediateThrowEvent")) {
            look.say(&EXT095, ix, &[&named]);
        }
    }
}

fn message(look: &mut Look<'_>, ix: Ix) {
    let tree = look.tree;
    if !look.executable(ix) {
        return;
    }
    let message = tree
        .attribute(ix, "messageRef")
        .and_then(|named| tree.refer(ix, named));
    match (tree.attribute(ix, "messageRef"), tree.kid(ix, "operationRef")) {
        (None, _) => look.say(&EXT127, ix, &[]),
        (Some(_), None) if message.is_some_and(|message| tree.attribute(message, "itemRef").is_some()) => {
            look.say(&EXT128, ix, &[]);
        }
        _ => {}
    }
}

fn timer(look: &mut Look<'_>, ix: Ix) {
    let tree = look.tree;
    let kinds = [
        ("timeDate", &EXT132),
        ("timeDuration", &EXT134),
        ("timeCycle", &EXT133),
    ];
    let given: Vec<_> = kinds
        .iter()
        .filter_map(|(name, rule)| Some((*name, *rule, tree.kid(ix, name)?)))
        .collect();
    match given.as_slice() {
        [(name, rule, element)] => {
            let value = tree.text(*element);
            if !value.is_empty() && !crate::bpmn::time::plausible(name, &value) {
                look.say(rule, ix, &[&value]);
            }
        }
        [] => {}
        _ => look.say(&EXT131, ix, &[]),
    }
}

/// How many links there are by scope, whether they catch, and name.
type Links<'a> = BTreeMap<(Ix, bool, &'a str), usize>;

fn links<'a>(look: &Look<'a>) -> Links<'a> {
    let tree = look.tree;
    let mut links = Links::new();
    for ix in tree.all("linkEventDefinition") {
        let event = tree.parent(ix);
        let catches = event.is_some_and(|event| tree.is(event, "intermediateCatchEvent"));
        let scope = event.and_then(|event| tree.parent(event));
        if let (Some(scope), Some(name)) = (scope, tree.attribute(ix, "name")) {
            *links.entry((scope, catches, name.trim())).or_default() += 1;
        }
    }
    links
}

fn link(look: &mut Look<'_>, ix: Ix, links: &Links<'_>) {
    let tree = look.tree;
    let Some(event) = tree.parent(ix) else { return };
    let catches = match look.name(event) {
        "intermediateCatchEvent" => true,
        "intermediateThrowEvent" => false,
        _ => return,
    };
    let ends: Vec<String> = tree
        .kids(ix, if catches { "source" } else { "target" })
        .map(|end| tree.text(end))
        .collect();
    let id = tree.id(ix).unwrap_or_default();
    if let (false, [target]) = (catches, ends.as_slice()) {
        let Some(found) = tree
            .refer(ix, target)
            .filter(|found| tree.is(*found, "linkEventDefinition"))
        else {
            look.say(&EXT125, ix, &[]);
            return;
        };
        if !tree.kids(found, "source").any(|source| tree.text(source) == id) {
            look.say(&EXT118, ix, &[id]);
        }
        if tree.parent(found).and_then(|event| tree.parent(event)) != tree.parent(event) {
            look.say(&EXT126, ix, &[]);
        }
        return;
    }
    if !ends.is_empty() && catches {
        return;
    }
    // Modelling tools write no ends: links of one name belong together.
    let name = tree
        .attribute(ix, "name")
        .map(str::trim)
        .filter(|name| !name.is_empty());
    let partners = tree
        .parent(event)
        .zip(name)
        .and_then(|(scope, name)| links.get(&(scope, !catches, name)));
    let partners = partners.copied().unwrap_or(0);
    match catches {
        true if partners == 0 => look.say(&EXT124, ix, &[]),
        false if partners != 1 => look.say(&EXT125, ix, &[]),
        _ => {}
    }
}
