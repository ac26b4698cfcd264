//! Advice: what can be executed, and yet is likely not what was meant.

use std::collections::BTreeSet;

use super::graph::Graph;
use super::own_texts::*;
use super::{Look, is_activity, is_gateway};
use crate::bpmn::xml::Ix;

/// Largest scope and most branches of a split that are looked through for branches that meet: the time grows with the
/// square of the one and with the other.
const MAX_NODES: usize = 500;
const MAX_BRANCHES: usize = 30;

pub(super) fn check(look: &mut Look<'_>) {
    for ix in look.nodes.clone() {
        if !look.counts(ix) {
            continue;
        }
        names(look, ix);
        gateway(look, ix);
        compensation(look, ix);
    }
    let tree = look.tree;
    let scopes = ["process", "subProcess", "transaction", "adHocSubProcess"];
    for scope in scopes.iter().flat_map(|name| tree.all(name)).collect::<Vec<_>>() {
        if !look.counts(scope) {
            continue;
        }
        let graph = Graph::new(look, scope);
        unreachable(look, &graph);
        joins(look, &graph);
    }
}

/// What people work with, and what decides, is named.
fn names(look: &mut Look<'_>, ix: Ix) {
    let name = look.name(ix);
    let shown = matches!(
        name,
        "userTask" | "serviceTask" | "businessRuleTask" | "callActivity" | "manualTask"
    ) || (matches!(name, "exclusiveGateway" | "inclusiveGateway") && look.leaving(ix).len() > 1);
    if shown
        && look
            .tree
            .attribute(ix, "name")
            .is_none_or(|name| name.trim().is_empty())
    {
        look.say(&NAME, ix, &[name]);
    }
}

fn gateway(look: &mut Look<'_>, ix: Ix) {
    let tree = look.tree;
    let name = look.name(ix);
    let out = look.leaving(ix);
    if is_gateway(name) && look.entering(ix).len() == 1 && out.len() == 1 {
        look.say(&NEEDLESS, ix, &[]);
    }
    let decides = matches!(name, "exclusiveGateway" | "inclusiveGateway" | "complexGateway");
    if !decides && !is_activity(name) {
        return;
    }
    let default = tree
        .attribute(ix, "default")
        .and_then(|named| tree.refer(ix, named));
    let (with, without): (Vec<super::Line>, Vec<super::Line>) = out
        .iter()
        .copied()
        .filter(|line| Some(line.ix) != default)
        .partition(|line| tree.kid_text(line.ix, "conditionExpression").is_some());
    if decides && out.len() > 1 {
        for line in &without {
            look.say(&UNCONDITIONAL, line.ix, &[]);
        }
    }
    if default.is_none() && without.is_empty() && !with.is_empty() {
        look.say(&NO_DEFAULT, ix, &[]);
    }
}

fn compensation(look: &mut Look<'_>, ix: Ix) {
    let tree = look.tree;
    if !tree.flag(ix, "isForCompensation", false) || tree.flag(ix, "triggeredByEvent", false) {
        return;
    }
    if look.linked(ix).is_empty() {
        look.say(&COMPENSATION_LOOSE, ix, &[]);
    }
}

fn unreachable(look: &mut Look<'_>, graph: &Graph) {
    for ix in graph.unreached() {
        // Inside of what is never reached itself, that is enough said.
        look.say(&UNREACHABLE, ix, &[]);
    }
}

/// Where several flows meet: do they come from branches that exclude each other, or from such that run side by side?
fn joins(look: &mut Look<'_>, graph: &Graph) {
    let tree = look.tree;
    if graph.nodes().len() > MAX_NODES {
        return;
    }
    for ix in graph.nodes().to_vec() {
        let sources: Vec<Ix> = look.entering(ix).iter().filter_map(|line| line.source).collect();
        if sources.len() < 2 {
            continue;
        }
        let name = look.name(ix);
        let Some(split) = graph.dominator(&sources) else {
            continue;
        };
        if split == ix {
            continue;
        }
        let waits = name == "parallelGateway";
        let out = look.leaving(split);
        let conditional = out
            .iter()
            .any(|line| tree.kid(line.ix, "conditionExpression").is_some());
        let of_split = look.name(split);
        let chooses = matches!(of_split, "exclusiveGateway" | "eventBasedGateway");
        let forks = of_split == "parallelGateway" || (!is_gateway(of_split) && !conditional);
        let rule = match (waits, chooses, forks) {
            (true, true, _) => &DEADLOCK,
            (false, _, true) if !matches!(name, "inclusiveGateway" | "complexGateway" | "endEvent") => &TWICE,
            _ => continue,
        };
        // The branches through which each of the meeting flows is fed.
        let heads: Vec<Ix> = out.iter().filter_map(|line| line.target).collect();
        if !(2..=MAX_BRANCHES).contains(&heads.len()) {
            continue;
        }
        let mut reached: Vec<BTreeSet<Ix>> = Vec::new();
        for head in &heads {
            reached.push(graph.from(*head, split, ix));
        }
        let feeds = |source: Ix| -> BTreeSet<usize> {
            let through = |(at, (head, reached)): (usize, (&Ix, &BTreeSet<Ix>))| {
                let direct = source == split && *head == ix;
                (direct || reached.contains(&source)).then_some(at)
            };
            heads
                .iter()
                .zip(&reached)
                .enumerate()
                .filter_map(through)
                .collect()
        };
        let feeds: Vec<BTreeSet<usize>> = sources.iter().map(|source| feeds(*source)).collect();
        let apart = feeds.iter().enumerate().any(|(at, one)| {
            !one.is_empty()
                && feeds
                    .iter()
                    .skip(at + 1)
                    .any(|other| !other.is_empty() && one.is_disjoint(other))
        });
        if apart {
            let named = tree.id(split).unwrap_or_default();
            look.say(rule, ix, &[named]);
        }
    }
}
