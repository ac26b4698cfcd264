//! What must hold for a model to be deployed: the standard's own rules (EXT…) and what our engine executes (BAN-…).

use std::collections::{BTreeMap, BTreeSet};

use banyan_base::Severity;

use super::flaw::{Flaw, Rule, refused};
use super::read::{is_activity, is_event, is_flow_node, is_gateway, read_tree};
use super::xml::{self, Ix, Tree};

mod data;
mod engine;
mod events;
mod extensions;
mod feel;
mod flows;
mod graph;
mod items;
mod known;
mod lint;
mod manual;
pub mod own_texts;
mod structure;
pub mod texts;

pub use extensions::vocabulary;
pub use known::{Anything, Kind, Known, Presence};
pub use manual::manual;

/// Most flaws that are told of one file, the worst.
pub const MAX_FLAWS: usize = 1_000;

/// Everything there is to say of a model, worst first and then in the order of the file. It can be deployed if none of it
/// is an error.
pub fn check(xml: &str, known: &dyn Known) -> Vec<Flaw> {
    match xml::parse(xml) {
        Ok(tree) => check_tree(&tree, known),
        Err(flaw) => vec![flaw],
    }
}

/// As [`check`], of a file that was parsed.
pub fn check_tree(tree: &Tree, known: &dyn Known) -> Vec<Flaw> {
    let (definitions, read) = read_tree(tree);
    let Some(definitions) = definitions else {
        return read;
    };
    let mut flaws = standard(tree);
    // Where the standard has said what is wrong with an element, the reader need not say that it can't read it.
    let said: BTreeSet<Option<String>> = flaws.iter().map(|flaw| flaw.element.clone()).collect();
    let more = |flaw: &Flaw| flaw.severity < Severity::Error || !said.contains(&flaw.element);
    flaws.extend(read.into_iter().filter(more));
    let mut look = Look::new(tree);
    engine::check(&mut look, known);
    extensions::check(&mut look);
    feel::check(&mut look, &feel::scope(&definitions.processes));
    // Advice on what can't be followed is of no use.
    if !refused(&flaws) {
        lint::check(&mut look);
    }
    flaws.append(&mut look.flaws);
    flaws.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.place.cmp(&b.place)));
    flaws.dedup();
    flaws.truncate(MAX_FLAWS);
    flaws
}

/// The standard's rules alone.
pub fn standard(tree: &Tree) -> Vec<Flaw> {
    let mut look = Look::new(tree);
    structure::ids(&mut look);
    // Where ids are missing or stand twice, what flows lead to is a guess, and so is what else would be said.
    if !look.flaws.is_empty() {
        return look.flaws;
    }
    structure::check(&mut look);
    flows::check(&mut look);
    events::check(&mut look);
    data::check(&mut look);
    items::check(&mut look);
    look.flaws
}

/// A sequence or message flow with what stands at its ends.
#[derive(Clone, Copy)]
pub(crate) struct Line {
    pub(crate) ix: Ix,
    pub(crate) source: Option<Ix>,
    pub(crate) target: Option<Ix>,
}

/// A file with its lines followed, and what was found in it.
pub(crate) struct Look<'a> {
    pub(crate) tree: &'a Tree,
    pub(crate) flows: Vec<Line>,
    pub(crate) messages: Vec<Line>,
    into: BTreeMap<Ix, Vec<usize>>,
    out: BTreeMap<Ix, Vec<usize>>,
    pub(crate) nodes: Vec<Ix>,
    /// Whether nodes list their flows as `incoming` and `outgoing`. The schema lets both be left out.
    pub(crate) listed: bool,
    /// What associations link each element to, in either direction.
    linked: BTreeMap<Ix, Vec<Ix>>,
    /// Boundary events of each activity.
    bounded: BTreeMap<Ix, Vec<Ix>>,
    any_executable: bool,
    pub(crate) flaws: Vec<Flaw>,
}

impl<'a> Look<'a> {
    pub(crate) fn new(tree: &'a Tree) -> Look<'a> {
        let lines = |name: &str| -> Vec<Line> {
            let end = |ix: Ix, name: &str| tree.attribute(ix, name).and_then(|named| tree.refer(ix, named));
            let line = |ix| Line {
                ix,
                source: end(ix, "sourceRef"),
                target: end(ix, "targetRef"),
            };
            tree.all(name).map(line).collect()
        };
        let flows = lines("sequenceFlow");
        let (mut into, mut out): (BTreeMap<Ix, Vec<usize>>, BTreeMap<Ix, Vec<usize>>) = Default::default();
        for (at, flow) in flows.iter().enumerate() {
            if let Some(source) = flow.source {
                out.entry(source).or_default().push(at);
            }
            if let Some(target) = flow.target {
                into.entry(target).or_default().push(at);
            }
        }
        let nodes = (0..tree.elements.len())
            .filter(|ix| tree.bpmn_name(*ix).is_some_and(is_flow_node))
            .collect();
        let mut linked: BTreeMap<Ix, Vec<Ix>> = BTreeMap::new();
        for line in lines("association") {
            if let (Some(source), Some(target)) = (line.source, line.target) {
                linked.entry(source).or_default().push(target);
                linked.entry(target).or_default().push(source);
            }
        }
        let mut bounded: BTreeMap<Ix, Vec<Ix>> = BTreeMap::new();
        for event in tree.all("boundaryEvent") {
            let attached = tree.attribute(event, "attachedToRef");
            if let Some(activity) = attached.and_then(|named| tree.refer(event, named)) {
                bounded.entry(activity).or_default().push(event);
            }
        }
        Look {
            tree,
            flows,
            linked,
            bounded,
            any_executable: tree.all("process").any(|ix| tree.flag(ix, "isExecutable", false)),
            messages: lines("messageFlow"),
            into,
            out,
            nodes,
            listed: tree.all("incoming").chain(tree.all("outgoing")).next().is_some(),
            flaws: Vec::new(),
        }
    }

    pub(crate) fn say(&mut self, rule: &Rule, ix: Ix, with: &[&str]) {
        self.flaws.push(self.tree.flaw(rule, ix, with));
    }

    pub(crate) fn name(&self, ix: Ix) -> &'a str {
        self.tree.bpmn_name(ix).unwrap_or_default()
    }

    pub(crate) fn entering(&self, ix: Ix) -> Vec<Line> {
        self.lines(&self.into, ix)
    }

    pub(crate) fn leaving(&self, ix: Ix) -> Vec<Line> {
        self.lines(&self.out, ix)
    }

    pub(crate) fn linked(&self, ix: Ix) -> &[Ix] {
        self.linked.get(&ix).map(Vec::as_slice).unwrap_or_default()
    }

    pub(crate) fn bounded(&self, ix: Ix) -> &[Ix] {
        self.bounded.get(&ix).map(Vec::as_slice).unwrap_or_default()
    }

    fn lines(&self, of: &BTreeMap<Ix, Vec<usize>>, ix: Ix) -> Vec<Line> {
        let lines = of.get(&ix).map(Vec::as_slice).unwrap_or_default();
        lines
            .iter()
            .filter_map(|at| self.flows.get(*at).copied())
            .collect()
    }

    /// Whether it is in a process that is to be executed.
    pub(crate) fn executable(&self, ix: Ix) -> bool {
        let mut at = Some(ix);
        while let Some(ix) = at {
            if self.tree.is(ix, "process") {
                return self.tree.flag(ix, "isExecutable", false);
            }
            at = self.tree.parent(ix);
        }
        false
    }

    /// Whether the engine has to do with it: what is in processes that only describe, beside one that is to be executed, is
    /// none of its business. In a file where nothing is executable, all may be meant to be.
    pub(crate) fn counts(&self, ix: Ix) -> bool {
        let mut at = Some(ix);
        while let Some(ix) = at {
            if self.tree.is(ix, "process") {
                return self.tree.flag(ix, "isExecutable", false) || !self.any_executable;
            }
            at = self.tree.parent(ix);
        }
        true
    }

    /// Event definitions of an event, those at the root followed: each with its name, less `EventDefinition`.
    pub(crate) fn definitions(&self, event: Ix) -> Vec<(&'a str, Ix)> {
        let tree = self.tree;
        let mut found = Vec::new();
        for child in tree.children(event) {
            let at = match tree.bpmn_name(child) {
                Some("eventDefinitionRef") => tree.refer(event, &tree.text(child)),
                _ => Some(child),
            };
            let kind = at.and_then(|at| Some((tree.bpmn_name(at)?.strip_suffix("EventDefinition")?, at)));
            found.extend(kind);
        }
        found
    }

    pub(crate) fn has(&self, event: Ix, kind: &str) -> bool {
        self.definitions(event).iter().any(|(found, _)| *found == kind)
    }
}
