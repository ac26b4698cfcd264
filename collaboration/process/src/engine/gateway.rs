//! Gateways: which flows are taken, and when tokens that join go on.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use crate::bpmn::model::{FlowIx, Gateway, GatewayKind, NodeIx, NodeKind};
use crate::engine::run::{Fault, Run, fault};
use crate::engine::state::{Holder, Key, Step, Wait};

impl<'a> Run<'a> {
    pub fn enter_gateway(&mut self, key: Key, node: NodeIx, gateway: &Gateway) -> Result<(), Fault> {
        let scope = self.scope_of(key);
        let joins = self.incoming(node).len() > 1;
        match &gateway.kind {
            GatewayKind::Exclusive => {
                let flow = self.first(node, scope, gateway.default)?;
                self.go(key, &[flow], 1);
            }
            GatewayKind::Parallel => {
                if joins {
                    self.wait(key, Wait::Join);
                    let waiting = self.waiting_at(node, scope);
                    let mut one_each: BTreeMap<FlowIx, Key> = BTreeMap::new();
                    for (via, token) in &waiting {
                        if let Some(via) = via {
                            one_each.entry(*via).or_insert(*token);
                        }
                    }
                    if one_each.len() < self.incoming(node).len() {
                        return Ok(());
                    }
                    self.merge(key, one_each.into_values());
                }
                let all = self.outgoing(node);
                self.go(key, &all, 1);
            }
            GatewayKind::Inclusive => {
                if joins {
                    // Looked at when nothing else moves.
                    self.wait(key, Wait::Join);
                } else {
                    self.split(key, node, gateway, &Map::new())?;
                }
            }
            GatewayKind::Complex { activation } => {
                if !joins && activation.is_none() {
                    return self.split(key, node, gateway, &Map::new());
                }
                self.wait(key, Wait::Join);
                if let Some(activation) = activation {
                    self.activate(key, node, gateway, activation)?;
                }
            }
            GatewayKind::EventBased { .. } => {
                self.wait(key, Wait::Event);
                for target in self.def.targets(node) {
                    if !self.is(key, |wait| *wait == Wait::Event) {
                        break;
                    }
                    self.subscribe_node(Holder::Token(key), target, scope)?;
                }
            }
        }
        Ok(())
    }

    /// The tokens become one: `key`, whichever of them it is.
    fn merge(&mut self, key: Key, tokens: impl Iterator<Item = Key>) {
        let tokens: Vec<Key> = tokens.collect();
        for token in tokens {
            if token != key {
                self.inst.tokens.remove(&token);
            }
        }
    }

    fn first(&mut self, node: NodeIx, scope: Key, default: Option<FlowIx>) -> Result<FlowIx, Fault> {
        let names = self.inst.visible(scope);
        for flow in self.outgoing(node) {
            if Some(flow) == default {
                continue;
            }
            let condition = self
                .def
                .process
                .flows
                .get(flow)
                .and_then(|flow| flow.condition.clone());
            match condition {
                None => return Ok(flow),
                Some(text) => {
                    if self.evaluate(&text, &names)? == Json::Bool(true) {
                        return Ok(flow);
                    }
                }
            }
        }
        default.map_or_else(|| fault("no_flow", "没有一条顺序流的条件成立,也没有默认流"), Ok)
    }

    /// All flows whose conditions hold, else the default.
    fn split(
        &mut self,
        key: Key,
        node: NodeIx,
        gateway: &Gateway,
        more: &Map<String, Json>,
    ) -> Result<(), Fault> {
        let scope = self.scope_of(key);
        let (mut flows, _) = self.chosen(node, scope, gateway.default, more)?;
        if flows.len() > 1
            && let Some(default) = gateway.default
        {
            flows.retain(|flow| *flow != default);
        }
        if flows.is_empty() && !self.outgoing(node).is_empty() {
            return fault("no_flow", "没有一条顺序流的条件成立,也没有默认流");
        }
        self.go(key, &flows, 1);
        Ok(())
    }

    /// A complex gateway with a condition: it goes on once that holds, and then takes in the rest.
    fn activate(&mut self, key: Key, node: NodeIx, gateway: &Gateway, activation: &str) -> Result<(), Fault> {
        let scope = self.scope_of(key);
        let via = self.inst.tokens.get(&key).and_then(|token| token.via);
        let fired = self
            .inst
            .scopes
            .get(&scope)
            .and_then(|scope| scope.fired.get(&node))
            .cloned();
        if let Some(mut fired) = fired {
            let Some(via) = via else { return Ok(()) };
            if fired.contains(&via) {
                // Of the next round: it waits until this one is over.
                return Ok(());
            }
            fired.insert(via);
            self.note(Some(node), Some(key), "completed", Json::Null);
            self.inst.tokens.remove(&key);
            if let Some(state) = self.inst.scopes.get_mut(&scope) {
                state.fired.insert(node, fired);
            }
            self.ended(scope);
            return Ok(());
        }
        let waiting = self.waiting_at(node, scope);
        let mut more = Map::new();
        more.insert("activationCount".into(), json!(waiting.len()));
        if self.value(activation, scope, &more)? != Json::Bool(true) {
            return Ok(());
        }
        let mut taken: BTreeMap<FlowIx, Key> = BTreeMap::new();
        for (via, token) in waiting {
            if let Some(via) = via {
                taken.entry(via).or_insert(token);
            }
        }
        let flows: BTreeSet<FlowIx> = taken.keys().copied().collect();
        let whole = flows.len() >= self.incoming(node).len();
        if !whole && let Some(state) = self.inst.scopes.get_mut(&scope) {
            state.fired.insert(node, flows);
        }
        self.merge(key, taken.into_values());
        self.split(key, node, gateway, &more)
    }

    /// Lets joins go on that nothing more can reach. True where one did.
    pub fn joins(&mut self) -> bool {
        let mut places: BTreeSet<(Key, NodeIx)> = BTreeSet::new();
        for token in self.inst.tokens.values() {
            if token.wait == Wait::Join && self.gateway(token.node).is_some() {
                places.insert((token.scope, token.node));
            }
        }
        for (scope, node) in places {
            let Some(gateway) = self.gateway(node) else {
                continue;
            };
            let fits = match &gateway.kind {
                GatewayKind::Inclusive => true,
                GatewayKind::Complex { activation } => activation.is_none(),
                _ => false,
            };
            if !fits {
                continue;
            }
            let waiting = self.waiting_at(node, scope);
            let filled: BTreeSet<FlowIx> = waiting.iter().filter_map(|(via, _)| *via).collect();
            if self.more_to_come(scope, node, &filled) {
                continue;
            }
            let mut taken: BTreeMap<Option<FlowIx>, Key> = BTreeMap::new();
            for (via, token) in waiting {
                taken.entry(via).or_insert(token);
            }
            let Some(key) = taken.values().next().copied() else {
                continue;
            };
            self.merge(key, taken.into_values());
            if let Err(fault) = self.split(key, node, gateway, &Map::new()) {
                self.trouble(key, fault, Step::Enter);
            }
            return true;
        }
        self.rounds_end()
    }

    /// Complex gateways whose round is over begin anew.
    fn rounds_end(&mut self) -> bool {
        let open: Vec<(Key, NodeIx, BTreeSet<FlowIx>)> = self
            .inst
            .scopes
            .iter()
            .flat_map(|(key, scope)| {
                scope
                    .fired
                    .iter()
                    .map(|(node, flows)| (*key, *node, flows.clone()))
            })
            .collect();
        for (scope, node, flows) in open {
            let all = flows.len() >= self.incoming(node).len();
            if !all && self.more_to_come(scope, node, &flows) {
                continue;
            }
            if let Some(state) = self.inst.scopes.get_mut(&scope) {
                state.fired.remove(&node);
            }
            let waiting = self.waiting_at(node, scope);
            for (_, token) in &waiting {
                self.go_on(*token, Step::Enter);
            }
            if !waiting.is_empty() {
                return true;
            }
        }
        false
    }

    fn gateway(&self, node: NodeIx) -> Option<&'a Gateway> {
        match self.def.node(node).map(|node| &node.kind) {
            Some(NodeKind::Gateway(gateway)) => Some(gateway),
            _ => None,
        }
    }

    /// Whether a token elsewhere in the scope can still come to the gateway by a flow that has none (BPMN 2.0, 13.4.3): by
    /// a path not through the gateway, and with no such path to a flow that has one.
    fn more_to_come(&self, scope: Key, node: NodeIx, filled: &BTreeSet<FlowIx>) -> bool {
        let empty: BTreeSet<FlowIx> = self
            .incoming(node)
            .into_iter()
            .filter(|flow| !filled.contains(flow))
            .collect();
        if empty.is_empty() {
            return false;
        }
        let to_empty = self.def.upstream(&empty, node);
        let to_filled = self.def.upstream(filled, node);
        self.inst.tokens.values().any(|token| {
            token.scope == scope
                && token.node != node
                && to_empty.contains(&token.node)
                && !to_filled.contains(&token.node)
        })
    }
}
