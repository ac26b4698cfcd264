//! The nodes of one scope and the ways between them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Look, is_flow_node};
use crate::bpmn::xml::Ix;

/// Nodes of a scope, those that can be reached in the order in which they are (reverse postorder), with dominators.
pub(super) struct Graph {
    all: Vec<Ix>,
    next: BTreeMap<Ix, Vec<Ix>>,
    /// Position of each reached node in `order`.
    position: BTreeMap<Ix, usize>,
    order: Vec<Ix>,
    /// For each position but the entry, the position of what every way to it passes last. Position 0 is the entry,
    /// which is no node.
    dominators: Vec<usize>,
}

impl Graph {
    pub(super) fn new(look: &Look<'_>, scope: Ix) -> Graph {
        let tree = look.tree;
        let all: Vec<Ix> = tree
            .children(scope)
            .filter(|ix| is_flow_node(look.name(*ix)))
            .collect();
        let within: BTreeSet<Ix> = all.iter().copied().collect();
        let mut next: BTreeMap<Ix, Vec<Ix>> = BTreeMap::new();
        let mut add = |from: Ix, to: Ix| {
            if within.contains(&from) && within.contains(&to) {
                next.entry(from).or_default().push(to);
            }
        };
        for ix in &all {
            for line in look.leaving(*ix) {
                if let Some(target) = line.target {
                    add(*ix, target);
                }
            }
            if let Some(activity) = tree
                .attribute(*ix, "attachedToRef")
                .and_then(|named| tree.refer(*ix, named))
            {
                add(activity, *ix);
            }
        }
        for ix in &all {
            for other in look.linked(*ix) {
                if tree.flag(*other, "isForCompensation", false) {
                    add(*ix, *other);
                }
            }
        }
        links(look, &all, &mut add);
        let started = tree.kid(scope, "startEvent").is_some();
        let starts: Vec<Ix> = all
            .iter()
            .copied()
            .filter(|ix| starts(look, started, *ix))
            .collect();
        let mut graph = Graph {
            all,
            next,
            position: BTreeMap::new(),
            order: Vec::new(),
            dominators: Vec::new(),
        };
        graph.walk(&starts);
        graph.dominate(&starts);
        graph
    }

    pub(super) fn nodes(&self) -> &[Ix] {
        &self.all
    }

    pub(super) fn unreached(&self) -> Vec<Ix> {
        self.all
            .iter()
            .copied()
            .filter(|ix| !self.position.contains_key(ix))
            .collect()
    }

    fn after(&self, ix: Ix) -> &[Ix] {
        self.next.get(&ix).map(Vec::as_slice).unwrap_or_default()
    }

    /// Depth first without recursion; `order` becomes the reverse of the order in which nodes are left.
    fn walk(&mut self, starts: &[Ix]) {
        let mut seen: BTreeSet<Ix> = BTreeSet::new();
        let mut left = Vec::new();
        for start in starts {
            if !seen.insert(*start) {
                continue;
            }
            let mut stack = vec![(*start, 0)];
            while let Some((ix, at)) = stack.pop() {
                match self.after(ix).get(at).copied() {
                    Some(target) => {
                        stack.push((ix, at + 1));
                        if seen.insert(target) {
                            stack.push((target, 0));
                        }
                    }
                    None => left.push(ix),
                }
            }
        }
        left.reverse();
        self.position = left.iter().enumerate().map(|(at, ix)| (*ix, at + 1)).collect();
        self.order = left;
    }

    /// Dominators by iteration (Cooper, Harvey, Kennedy: A simple, fast dominance algorithm).
    fn dominate(&mut self, starts: &[Ix]) {
        let mut before: Vec<Vec<usize>> = vec![Vec::new(); self.order.len() + 1];
        for start in starts {
            if let Some(list) = self.position.get(start).and_then(|at| before.get_mut(*at)) {
                list.push(0);
            }
        }
        for (from, ix) in self.order.iter().enumerate() {
            for to in self.after(*ix) {
                if let Some(list) = self.position.get(to).and_then(|at| before.get_mut(*at)) {
                    list.push(from + 1);
                }
            }
        }
        let none = usize::MAX;
        self.dominators = vec![none; self.order.len() + 1];
        self.put(0, 0);
        let mut changed = true;
        while changed {
            changed = false;
            for (at, before) in before.iter().enumerate().skip(1) {
                let known = before.iter().copied().filter(|at| self.get(*at) != none);
                let Some(found) = known.reduce(|one, other| self.meet(one, other)) else {
                    continue;
                };
                if self.get(at) != found {
                    self.put(at, found);
                    changed = true;
                }
            }
        }
    }

    fn get(&self, at: usize) -> usize {
        self.dominators.get(at).copied().unwrap_or(0)
    }

    fn put(&mut self, at: usize, value: usize) {
        if let Some(place) = self.dominators.get_mut(at) {
            *place = value;
        }
    }

    /// The last that is passed on every way to both.
    fn meet(&self, one: usize, other: usize) -> usize {
        let (mut one, mut other) = (one, other);
        while one != other {
            while one > other {
                one = self.get(one);
            }
            while other > one {
                other = self.get(other);
            }
        }
        one
    }

    /// The node that every way to each of these passes last; none where there is none, or one can't be reached.
    pub(super) fn dominator(&self, nodes: &[Ix]) -> Option<Ix> {
        let positions: Option<Vec<usize>> = nodes.iter().map(|ix| self.position.get(ix).copied()).collect();
        let found = positions?
            .into_iter()
            .reduce(|one, other| self.meet(one, other))?;
        self.order.get(found.checked_sub(1)?).copied()
    }

    /// Nodes that are reached from a node without passing two others.
    pub(super) fn from(&self, start: Ix, one: Ix, other: Ix) -> BTreeSet<Ix> {
        let mut seen = BTreeSet::new();
        let mut open = vec![start];
        while let Some(ix) = open.pop() {
            if ix != one && ix != other && seen.insert(ix) {
                open.extend(self.after(ix));
            }
        }
        seen
    }
}

/// Thrown links lead to caught ones, by their ends or their names.
fn links(look: &Look<'_>, all: &[Ix], add: &mut dyn FnMut(Ix, Ix)) {
    let tree = look.tree;
    let of = |name: &str| -> Vec<(Ix, Ix)> {
        let events = all.iter().copied().filter(|ix| tree.is(*ix, name));
        events
            .flat_map(|ix| tree.kids(ix, "linkEventDefinition").map(move |link| (ix, link)))
            .collect()
    };
    let catching = of("intermediateCatchEvent");
    let mut named: BTreeMap<&str, Vec<Ix>> = BTreeMap::new();
    for (to, caught) in &catching {
        named
            .entry(tree.attribute(*caught, "name").unwrap_or_default())
            .or_default()
            .push(*to);
    }
    for (from, thrown) in of("intermediateThrowEvent") {
        let target = tree
            .kid_text(thrown, "target")
            .and_then(|named| tree.refer(thrown, &named));
        match target {
            Some(target) => add(from, tree.parent(target).unwrap_or_default()),
            None => {
                let name = tree.attribute(thrown, "name").unwrap_or_default();
                for to in named.get(name).map(Vec::as_slice).unwrap_or_default() {
                    add(from, *to);
                }
            }
        }
    }
}

/// Whether a node is entered without a flow: by a start, by an event, or because nothing leads to it and nothing starts.
fn starts(look: &Look<'_>, started: bool, ix: Ix) -> bool {
    let tree = look.tree;
    let name = look.name(ix);
    if name == "startEvent" || tree.flag(ix, "triggeredByEvent", false) {
        return true;
    }
    if matches!(name, "receiveTask" | "eventBasedGateway") && tree.flag(ix, "instantiate", false) {
        return true;
    }
    let bare =
        look.entering(ix).is_empty() && name != "boundaryEvent" && !tree.flag(ix, "isForCompensation", false);
    bare && !started && !look.has(ix, "link")
}
