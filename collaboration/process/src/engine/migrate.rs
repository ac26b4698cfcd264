//! A running instance goes over to another version of its process: node by node, or not at all.

use std::collections::{BTreeMap, BTreeSet};

use crate::bpmn::model::{EventDefinition, FlowIx, GatewayKind, NodeIx, NodeKind, Position, Repeat, Work};
use crate::engine::compiled::Compiled;
use crate::engine::run::Run;
use crate::engine::state::{Done, Holder, Instance, Key, Kind, ROOT, Step, Wait};

/// Why an instance can't go over: at which element of the old version.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Obstacle {
    pub element: String,
    pub why: String,
}

struct Plan<'a> {
    from: &'a Compiled,
    to: &'a Compiled,
    mapping: &'a BTreeMap<String, String>,
    obstacles: Vec<Obstacle>,
}

/// What a node is, as far as a token at it cares.
fn kind_of(def: &Compiled, node: NodeIx) -> String {
    let definitions = |list: &[EventDefinition]| {
        let words: Vec<&str> = list.iter().map(definition_word).collect();
        words.join("+")
    };
    match def.node(node).map(|node| &node.kind) {
        Some(NodeKind::Activity(activity)) => {
            let work = match &activity.work {
                Work::Pass => "task",
                Work::Script { .. } => "script task",
                Work::Service {
                    operation: Some(_), ..
                } => "service task",
                Work::Service { .. } => "external task",
                Work::Send { .. } => "send task",
                Work::Receive { .. } => "receive task",
                Work::User(_) => "user task",
                Work::Rule { .. } => "business rule task",
                Work::SubProcess {
                    triggered_by_event: true,
                    ..
                } => "event sub-process",
                Work::SubProcess {
                    transaction: true, ..
                } => "transaction",
                Work::SubProcess { ad_hoc: Some(_), .. } => "ad-hoc sub-process",
                Work::SubProcess { .. } => "sub-process",
                Work::Call { .. } => "call activity",
            };
            let repeat = match &activity.repeat {
                None => "",
                Some(Repeat::Loop { .. }) => ", loop",
                Some(Repeat::Multi(multi)) if multi.sequential => ", sequential",
                Some(Repeat::Multi(_)) => ", parallel",
            };
            format!("{work}{repeat}")
        }
        Some(NodeKind::Gateway(gateway)) => match gateway.kind {
            GatewayKind::Exclusive => "exclusive gateway",
            GatewayKind::Parallel => "parallel gateway",
            GatewayKind::Inclusive => "inclusive gateway",
            GatewayKind::EventBased { .. } => "event-based gateway",
            GatewayKind::Complex { .. } => "complex gateway",
        }
        .to_owned(),
        Some(NodeKind::Event(event)) => {
            let position = match event.position {
                Position::Start { .. } => "start",
                Position::Catch => "catch",
                Position::Throw => "throw",
                Position::Boundary { .. } => "boundary",
                Position::End => "end",
            };
            format!("{position} event ({})", definitions(&event.definitions))
        }
        None => String::new(),
    }
}

fn definition_word(definition: &EventDefinition) -> &'static str {
    match definition {
        EventDefinition::Timer(_) => "timer",
        EventDefinition::Message(_) => "message",
        EventDefinition::Signal { .. } => "signal",
        EventDefinition::Error { .. } => "error",
        EventDefinition::Escalation { .. } => "escalation",
        EventDefinition::Conditional { .. } => "conditional",
        EventDefinition::Link { .. } => "link",
        EventDefinition::Compensation { .. } => "compensation",
        EventDefinition::Cancel => "cancel",
        EventDefinition::Terminate => "terminate",
    }
}

impl Plan<'_> {
    fn target(&self, node: NodeIx) -> Option<NodeIx> {
        let id = self.from.id_of(node);
        let wanted = self.mapping.get(id).map_or(id, String::as_str);
        self.to.process.find(wanted)
    }

    fn refuse(&mut self, node: NodeIx, why: impl Into<String>) {
        let obstacle = Obstacle {
            element: self.from.id_of(node).to_owned(),
            why: why.into(),
        };
        if !self.obstacles.contains(&obstacle) {
            self.obstacles.push(obstacle);
        }
    }

    /// The node of the new version, of the same kind.
    fn node(&mut self, node: NodeIx) -> NodeIx {
        let Some(target) = self.target(node) else {
            self.refuse(node, "新版本里没有这个元素,也没有写明对应哪个元素");
            return node;
        };
        let (old, new) = (kind_of(self.from, node), kind_of(self.to, target));
        if old != new {
            self.refuse(node, format!("种类变了:原来是 {old},新版本里是 {new}"));
        }
        target
    }

    fn flow(&mut self, node: NodeIx, flow: FlowIx) -> Option<FlowIx> {
        let id = self.from.process.flows.get(flow).map(|flow| flow.id.clone())?;
        let wanted = self.mapping.get(&id).cloned().unwrap_or(id);
        let found = self.to.process.flows.iter().position(|flow| flow.id == wanted);
        if found.is_none() {
            self.refuse(
                node,
                format!("令牌由顺序流“{wanted}”到这里等待汇合,新版本里没有它"),
            );
        }
        found
    }
}

/// The state under the new version.
///
/// # Errors
/// Everything that stands against it.
pub fn migrate(
    inst: &Instance,
    from: &Compiled,
    to: &Compiled,
    mapping: &BTreeMap<String, String>,
) -> Result<Instance, Vec<Obstacle>> {
    let mut plan = Plan {
        from,
        to,
        mapping,
        obstacles: Vec::new(),
    };
    for (old, new) in mapping {
        let known = |def: &Compiled, id: &str| {
            def.process.find(id).is_some() || def.process.flows.iter().any(|flow| flow.id == id)
        };
        if !known(from, old) || !known(to, new) {
            plan.obstacles.push(Obstacle {
                element: old.clone(),
                why: format!("对应关系“{old}→{new}”里有不存在的元素"),
            });
        }
    }
    let mut new = inst.clone();
    for (key, token) in &inst.tokens {
        let target = plan.node(token.node);
        // It must stand in the sub-process in which it stood.
        let around = around(inst, *key).map(|around| plan.target(around));
        let parent = to.node(target).and_then(|node| node.parent);
        if plan.target(token.node).is_some() && around.unwrap_or(None) != parent {
            plan.refuse(token.node, "它移进或移出了子流程");
        }
        let via = match (&token.wait, token.via) {
            (Wait::Join, Some(flow)) => plan.flow(token.node, flow),
            _ => None,
        };
        if let Wait::Undo(undoing) = &token.wait {
            let queue = undoing
                .queue
                .iter()
                .map(|done| Done {
                    node: plan.node(done.node),
                    ..done.clone()
                })
                .collect();
            if let Some(token) = new.tokens.get_mut(key)
                && let Wait::Undo(undoing) = &mut token.wait
            {
                undoing.queue = queue;
            }
        }
        if let Some(token) = new.tokens.get_mut(key) {
            token.node = target;
            token.via = via;
        }
    }
    for (key, scope) in &inst.scopes {
        let done: Vec<Done> = scope
            .done
            .iter()
            .map(|done| Done {
                node: plan.node(done.node),
                ..done.clone()
            })
            .collect();
        let fired = scope
            .fired
            .iter()
            .map(|(node, flows)| {
                let flows: BTreeSet<FlowIx> =
                    flows.iter().filter_map(|flow| plan.flow(*node, *flow)).collect();
                (plan.node(*node), flows)
            })
            .collect();
        let kind = match &scope.kind {
            Kind::AdHoc { left, ending } => Kind::AdHoc {
                left: left.iter().map(|node| plan.node(*node)).collect(),
                ending: *ending,
            },
            other => other.clone(),
        };
        if let Some(scope) = new.scopes.get_mut(key) {
            scope.done = done;
            scope.fired = fired;
            scope.kind = kind;
        }
    }
    for (key, sub) in &inst.subs {
        let on_boundary = from.event(sub.node).is_some_and(|event| {
            matches!(event.position, Position::Boundary { .. } | Position::Start { .. })
        });
        let target = plan.target(sub.node);
        let same = target.is_some_and(|target| {
            let (old, new) = (from.definitions(sub.node), to.definitions(target));
            match (old.get(sub.definition), new.get(sub.definition)) {
                (Some(old), Some(new)) => definition_word(old) == definition_word(new),
                // Another try of an activity has no definition.
                (None, _) => true,
                _ => false,
            }
        });
        // Boundary events that are gone or are others now are made anew afterwards; what a token waits for must be there.
        if on_boundary && !same {
            continue;
        }
        let node = plan.node(sub.node);
        if let Some(sub) = new.subs.get_mut(key) {
            sub.node = node;
        }
    }
    let lost: Vec<Key> = inst
        .subs
        .iter()
        .filter(|(_, sub)| {
            let on_boundary = from.event(sub.node).is_some_and(|event| {
                matches!(event.position, Position::Boundary { .. } | Position::Start { .. })
            });
            let stays = plan.target(sub.node).is_some_and(|target| {
                let (old, new) = (from.definitions(sub.node), to.definitions(target));
                old.get(sub.definition).map(definition_word) == new.get(sub.definition).map(definition_word)
            });
            on_boundary && !stays
        })
        .map(|(key, _)| *key)
        .collect();
    // Marked for the rewiring, which takes them away with what stands outside.
    for key in lost {
        if let Some(sub) = new.subs.get_mut(&key) {
            sub.node = usize::MAX;
        }
    }
    new.doers = inst
        .doers
        .iter()
        .filter_map(|(node, who)| Some((plan.target(*node)?, who.clone())))
        .collect();
    if plan.obstacles.is_empty() {
        Ok(new)
    } else {
        Err(plan.obstacles)
    }
}

/// The sub-process in which a token stands.
fn around(inst: &Instance, token: Key) -> Option<NodeIx> {
    let own = inst.tokens.get(&token)?;
    let mut scope = own.scope;
    loop {
        let state = inst.scopes.get(&scope)?;
        let owner = state.owner.and_then(|owner| inst.tokens.get(&owner));
        match state.kind {
            Kind::Local | Kind::Repeat(_) => scope = state.parent?,
            _ => return owner.map(|owner| owner.node),
        }
    }
}

impl Run<'_> {
    /// After a migration: boundary events and event sub-processes that are gone are waited for no more, new ones are.
    pub fn rewire(&mut self) {
        let lost: Vec<Key> = self
            .inst
            .subs
            .iter()
            .filter(|(_, sub)| sub.node == usize::MAX)
            .map(|(key, _)| *key)
            .collect();
        for key in lost {
            self.unsubscribe(key);
        }
        let tokens: Vec<Key> = self
            .inst
            .tokens
            .iter()
            .filter(|(_, token)| !token.repeated && !matches!(token.wait, Wait::Join | Wait::Ready(_)))
            .map(|(key, _)| *key)
            .collect();
        for key in tokens {
            let Some(node) = self.node_of(key) else { continue };
            let Some(activity) = self.def.activity(node) else {
                continue;
            };
            for boundary in &activity.boundary {
                if self.waits_for(Holder::Token(key), *boundary) {
                    continue;
                }
                let scope = self.scope_of(key);
                if let Err(fault) = self.subscribe_node(Holder::Token(key), *boundary, scope) {
                    let step = Step::Body;
                    self.trouble(key, fault, step);
                    break;
                }
            }
        }
        let scopes: Vec<(Key, Option<NodeIx>)> = self
            .inst
            .scopes
            .iter()
            .filter(|(_, scope)| matches!(scope.kind, Kind::Flow | Kind::AdHoc { .. }))
            .filter_map(|(key, scope)| match scope.owner {
                Some(owner) => Some((*key, Some(self.inst.tokens.get(&owner)?.node))),
                None if *key == ROOT => Some((*key, None)),
                None => None,
            })
            .collect();
        for (scope, node) in scopes {
            let interrupted = self.inst.tokens.values().any(|token| {
                token.scope == scope
                    && self.def.event_sub_processes(node).iter().any(|(inside, start)| {
                        *inside == token.node
                            && self
                                .def
                                .event(*start)
                                .is_some_and(|event| event.position == Position::Start { interrupting: true })
                    })
            });
            if interrupted {
                continue;
            }
            for (_, start) in self.def.event_sub_processes(node) {
                if !self.waits_for(Holder::Scope(scope), start) {
                    // A wrong clock of an event sub-process is found when it is deployed, or never rings.
                    let _ = self.subscribe_node(Holder::Scope(scope), start, scope);
                }
            }
        }
    }

    fn waits_for(&self, holder: Holder, node: NodeIx) -> bool {
        self.inst
            .subs
            .values()
            .any(|sub| sub.holder == holder && sub.node == node)
    }
}
