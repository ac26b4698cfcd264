//! The interpreter: one command over one instance, until everything in it waits.

use std::collections::{BTreeSet, VecDeque};

use banyan_base::Ctx;
use serde_json::{Map, Value as Json, json};

use crate::bpmn::model::{FlowIx, Mapping, NodeIx, NodeKind};
use crate::engine::compiled::Compiled;
use crate::engine::host::{Effect, Entry, Host, Outcome};
use crate::engine::state::{Holder, Instance, Key, Kind, ROOT, Scope, Standing, Step, Token, Trouble, Wait};

/// Steps of one command: more is a loop without end.
pub const STEP_LIMIT: u32 = 10_000;
/// Largest variable, as JSON text.
pub const VARIABLE_LIMIT: usize = 1 << 20;

/// Why a step could not be done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault {
    pub kind: &'static str,
    pub message: String,
}

pub(crate) fn fault<T>(kind: &'static str, message: impl Into<String>) -> Result<T, Fault> {
    Err(Fault {
        kind,
        message: message.into(),
    })
}

pub(crate) struct Run<'a> {
    pub cx: &'a Ctx,
    pub def: &'a Compiled,
    pub inst: &'a mut Instance,
    pub host: &'a mut dyn Host,
    pub ready: VecDeque<Key>,
    pub throws: VecDeque<Key>,
    pub out: Outcome,
    /// Whether a variable changed since conditions were looked at.
    pub changed: bool,
    steps: u32,
}

impl<'a> Run<'a> {
    pub fn new(cx: &'a Ctx, def: &'a Compiled, inst: &'a mut Instance, host: &'a mut dyn Host) -> Run<'a> {
        Run {
            cx,
            def,
            inst,
            host,
            ready: VecDeque::new(),
            throws: VecDeque::new(),
            out: Outcome::default(),
            changed: false,
            steps: 0,
        }
    }

    /// Goes on until nothing can.
    pub fn drain(&mut self) {
        loop {
            while let Some(token) = self.ready.pop_front() {
                self.step(token);
            }
            if !self.inst.is_running() {
                break;
            }
            if self.joins() {
                continue;
            }
            if self.conditions() {
                continue;
            }
            let Some(token) = self.throws.pop_front() else {
                break;
            };
            if self.is(token, |wait| *wait == Wait::Throw) {
                self.go_on(token, Step::Throw);
            }
        }
        self.pauses();
    }

    pub fn is(&self, token: Key, test: impl Fn(&Wait) -> bool) -> bool {
        self.inst
            .tokens
            .get(&token)
            .is_some_and(|token| test(&token.wait))
    }

    fn step(&mut self, key: Key) {
        let Some(token) = self.inst.tokens.get(&key) else {
            return;
        };
        let Wait::Ready(step) = token.wait.clone() else {
            return;
        };
        self.steps += 1;
        let done = if self.steps > STEP_LIMIT {
            fault("loop", format!("一次处理超过 {STEP_LIMIT} 步:流程可能在原地循环"))
        } else {
            match step.clone() {
                Step::Enter => self.enter(key),
                Step::Body => self.body(key),
                Step::Leave(result) => self.leave(key, result),
                Step::Throw => self.throw(key),
            }
        };
        if let Err(fault) = done {
            self.trouble(key, fault, step);
        }
    }

    fn enter(&mut self, key: Key) -> Result<(), Fault> {
        let Some(node) = self.node_of(key) else {
            return Ok(());
        };
        match self.def.node(node).map(|node| &node.kind) {
            Some(NodeKind::Activity(activity)) => self.enter_activity(key, node, activity),
            Some(NodeKind::Gateway(gateway)) => self.enter_gateway(key, node, gateway),
            Some(NodeKind::Event(event)) => self.enter_event(key, node, event),
            None => fault("model", "令牌所在的节点不在流程里"),
        }
    }

    pub fn node_of(&self, key: Key) -> Option<NodeIx> {
        self.inst.tokens.get(&key).map(|token| token.node)
    }

    pub fn scope_of(&self, key: Key) -> Key {
        self.inst.tokens.get(&key).map_or(ROOT, |token| token.scope)
    }

    /// The innermost scope that a token's activity sees.
    pub fn here(&self, key: Key) -> Key {
        self.inst
            .tokens
            .get(&key)
            .map_or(ROOT, |token| token.inner.unwrap_or(token.scope))
    }

    pub fn wait(&mut self, key: Key, wait: Wait) {
        if let Some(token) = self.inst.tokens.get_mut(&key) {
            token.wait = wait;
        }
    }

    pub fn go_on(&mut self, key: Key, step: Step) {
        self.wait(key, Wait::Ready(step));
        self.ready.push_back(key);
    }

    /// Stuck until somebody mends it.
    pub fn trouble(&mut self, key: Key, fault: Fault, step: Step) {
        let Some(node) = self.node_of(key) else { return };
        // What the failed step had begun is taken back.
        if step == Step::Enter {
            self.unsubscribe_all(Holder::Token(key));
        }
        if matches!(step, Step::Enter | Step::Body)
            && let Some(inner) = self
                .inst
                .tokens
                .get_mut(&key)
                .and_then(|token| token.inner.take())
        {
            self.drop_scope(inner);
        }
        self.note(
            Some(node),
            Some(key),
            "incident",
            json!({ "kind": fault.kind, "message": fault.message }),
        );
        // What is too large to be kept is not kept with the incident either.
        let step = if fault.kind == "size" {
            Step::Leave(Json::Null)
        } else {
            step
        };
        let trouble = Trouble {
            kind: fault.kind.into(),
            message: fault.message,
            step,
        };
        self.wait(key, Wait::Incident(Box::new(trouble)));
    }

    pub fn note(&mut self, node: Option<NodeIx>, token: Option<Key>, kind: &str, data: Json) {
        self.out.history.push(Entry {
            node,
            token,
            kind: kind.into(),
            data,
        });
    }

    pub fn effect(&mut self, effect: Effect) {
        self.out.effects.push(effect);
    }

    /// The value of an expression over what a scope sees and some names more.
    pub fn value(&mut self, text: &str, scope: Key, more: &Map<String, Json>) -> Result<Json, Fault> {
        let mut names = self.inst.visible(scope);
        for (name, value) in more {
            names.insert(name.clone(), value.clone());
        }
        self.evaluate(text, &names)
    }

    pub fn evaluate(&mut self, text: &str, names: &Map<String, Json>) -> Result<Json, Fault> {
        if let Some(given) = self.host.expression(text, names) {
            return given.or_else(|message| fault("expression", message));
        }
        self.def
            .evaluate(self.cx, text, names)
            .or_else(|message| fault("expression", message))
    }

    pub fn holds(&mut self, text: &str, scope: Key) -> Result<bool, Fault> {
        Ok(self.value(text, scope, &Map::new())? == Json::Bool(true))
    }

    pub fn mapped(
        &mut self,
        mappings: &[Mapping],
        names: &Map<String, Json>,
    ) -> Result<Map<String, Json>, Fault> {
        let mut all = Map::new();
        for mapping in mappings {
            all.insert(mapping.name.clone(), self.evaluate(&mapping.feel, names)?);
        }
        Ok(all)
    }

    /// Sets variables where they are known, else in the process.
    pub fn assign(&mut self, scope: Key, values: &Map<String, Json>) -> Result<(), Fault> {
        if values.is_empty() {
            return Ok(());
        }
        for (name, value) in values {
            if !is_small(value) {
                return fault(
                    "size",
                    format!(
                        "变量“{name}”大于 {} KiB,请改存为记录或文件,变量里只放它的标识",
                        VARIABLE_LIMIT >> 10
                    ),
                );
            }
        }
        for (name, value) in values {
            let at = self.holder_of(scope, name);
            if let Some(scope) = self.inst.scopes.get_mut(&at) {
                scope.variables.insert(name.clone(), value.clone());
            }
        }
        self.changed = true;
        self.note(None, None, "variables", Json::Object(values.clone()));
        Ok(())
    }

    fn holder_of(&self, scope: Key, name: &str) -> Key {
        let mut at = Some(scope);
        while let Some(key) = at {
            let Some(scope) = self.inst.scopes.get(&key) else {
                break;
            };
            if scope.variables.contains_key(name) {
                return key;
            }
            at = scope.parent;
        }
        ROOT
    }

    /// Sets variables in that very scope.
    pub fn assign_here(&mut self, scope: Key, values: Map<String, Json>) {
        if let Some(scope) = self.inst.scopes.get_mut(&scope) {
            scope.variables.extend(values);
        }
        self.changed = true;
    }

    /// A new token that comes to a node.
    pub fn put(&mut self, node: NodeIx, scope: Key, via: Option<FlowIx>) -> Key {
        self.put_at(node, scope, via, Step::Enter)
    }

    pub fn put_at(&mut self, node: NodeIx, scope: Key, via: Option<FlowIx>, step: Step) -> Key {
        let key = self.inst.key();
        self.inst.tokens.insert(
            key,
            Token {
                node,
                scope,
                via,
                wait: Wait::Ready(step),
                since: self.cx.now,
                inner: None,
                repeated: false,
                undoes_for: None,
            },
        );
        self.ready.push_back(key);
        self.note(Some(node), Some(key), "entered", Json::Null);
        key
    }

    /// The token leaves its node by these flows, so many times each; by none: it ends.
    pub fn go(&mut self, key: Key, flows: &[FlowIx], times: u32) {
        let Some(token) = self.inst.tokens.get(&key) else {
            return;
        };
        let (node, scope) = (token.node, token.scope);
        self.note(Some(node), Some(key), "completed", Json::Null);
        self.follow(key, scope, flows, times);
    }

    fn follow(&mut self, key: Key, scope: Key, flows: &[FlowIx], times: u32) {
        let mut first = true;
        for flow in flows {
            let Some(target) = self.def.process.flows.get(*flow).map(|flow| flow.target) else {
                continue;
            };
            self.note(None, Some(key), "flow", json!(flow));
            for _ in 0..times {
                if first {
                    first = false;
                    // One of them is the token itself.
                    let now = self.cx.now;
                    if let Some(token) = self.inst.tokens.get_mut(&key) {
                        token.node = target;
                        token.via = Some(*flow);
                        token.since = now;
                        token.wait = Wait::Ready(Step::Enter);
                    }
                    self.ready.push_back(key);
                    self.note(Some(target), Some(key), "entered", Json::Null);
                } else {
                    self.put(target, scope, Some(*flow));
                }
            }
        }
        if first {
            self.inst.tokens.remove(&key);
            self.ended(scope);
        }
    }

    /// All flows of a node, whatever their conditions.
    pub fn outgoing(&self, node: NodeIx) -> Vec<FlowIx> {
        self.def
            .node(node)
            .map(|node| node.outgoing.clone())
            .unwrap_or_default()
    }

    /// The flows of a node whose conditions hold; where none with a condition does, the default.
    pub fn chosen(
        &mut self,
        node: NodeIx,
        scope: Key,
        default: Option<FlowIx>,
        more: &Map<String, Json>,
    ) -> Result<(Vec<FlowIx>, bool), Fault> {
        let mut names = self.inst.visible(scope);
        names.extend(more.iter().map(|(name, value)| (name.clone(), value.clone())));
        let (mut taken, mut conditions, mut held) = (Vec::new(), false, false);
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
                None => taken.push(flow),
                Some(text) => {
                    conditions = true;
                    if self.evaluate(&text, &names)? == Json::Bool(true) {
                        held = true;
                        taken.push(flow);
                    }
                }
            }
        }
        if !held && let Some(default) = default {
            taken.push(default);
        }
        Ok((taken, conditions))
    }

    /// Looks whether a scope is done: nothing flows in it any more.
    pub fn ended(&mut self, scope: Key) {
        if !self.inst.is_running() || self.inst.tokens.values().any(|token| token.scope == scope) {
            return;
        }
        let Some(state) = self.inst.scopes.get(&scope) else {
            return;
        };
        match state.kind.clone() {
            Kind::Flow => {}
            Kind::AdHoc { mut left, ending } => {
                if let Some(next) = left.pop_front() {
                    if let Some(state) = self.inst.scopes.get_mut(&scope) {
                        state.kind = Kind::AdHoc { left, ending };
                    }
                    self.put(next, scope, None);
                    return;
                }
            }
            Kind::Local | Kind::Repeat(_) | Kind::Ended => return,
        }
        match state_owner(self.inst, scope) {
            Some(owner) if self.is(owner, |wait| *wait == Wait::Inside) => {
                self.go_on(owner, Step::Leave(Json::Null));
            }
            None if scope == ROOT => self.finish(Standing::Completed, None),
            _ => {}
        }
    }

    /// The instance ends.
    pub fn finish(&mut self, standing: Standing, error: Option<(String, String)>) {
        let tokens: Vec<Key> = self.inst.tokens.keys().copied().collect();
        for token in tokens {
            self.cancel(token);
        }
        let subs: Vec<Key> = self.inst.subs.keys().copied().collect();
        for sub in subs {
            self.unsubscribe(sub);
        }
        self.inst.scopes.retain(|key, _| *key == ROOT);
        self.inst.standing = standing;
        let data = match &error {
            Some((code, message)) => json!({ "standing": standing, "code": code, "message": message }),
            None => json!({ "standing": standing }),
        };
        self.inst.error = error;
        self.note(None, None, "ended", data);
        self.ready.clear();
        self.throws.clear();
    }

    /// Takes a token away with everything that belongs to it.
    pub fn cancel(&mut self, key: Key) {
        let Some(token) = self.inst.tokens.remove(&key) else {
            return;
        };
        self.note(Some(token.node), Some(key), "cancelled", Json::Null);
        match token.wait {
            Wait::Task => self.effect(Effect::CloseTask(key)),
            Wait::Work(_) => self.effect(Effect::Withdraw(key)),
            Wait::Call => self.effect(Effect::EndCall(key)),
            Wait::Undo(_) => {
                let helpers: Vec<Key> = self.undoing(key);
                for helper in helpers {
                    self.cancel(helper);
                }
            }
            _ => {}
        }
        self.unsubscribe_all(Holder::Token(key));
        if let Some(inner) = token.inner {
            self.drop_scope(inner);
        }
    }

    /// Tokens that undo something for this one.
    pub fn undoing(&self, key: Key) -> Vec<Key> {
        self.inst
            .tokens
            .iter()
            .filter(|(_, token)| token.undoes_for == Some(key))
            .map(|(key, _)| *key)
            .collect()
    }

    /// Takes away all that flows in a scope; its variables stay.
    pub fn empty_scope(&mut self, scope: Key, but: Option<Key>) {
        let tokens: Vec<Key> = self
            .inst
            .tokens
            .iter()
            .filter(|(key, token)| token.scope == scope && Some(**key) != but)
            .map(|(key, _)| *key)
            .collect();
        for token in tokens {
            self.cancel(token);
        }
    }

    /// Takes a scope away with all that is in it.
    pub fn drop_scope(&mut self, scope: Key) {
        self.empty_scope(scope, None);
        self.unsubscribe_all(Holder::Scope(scope));
        let below: Vec<Key> = self
            .inst
            .scopes
            .iter()
            .filter(|(_, state)| state.parent == Some(scope))
            .map(|(key, _)| *key)
            .collect();
        for inner in below {
            self.drop_scope(inner);
        }
        self.inst.scopes.remove(&scope);
    }

    pub fn new_scope(&mut self, parent: Key, owner: Key, kind: Kind, variables: Map<String, Json>) -> Key {
        let key = self.inst.key();
        self.inst.scopes.insert(
            key,
            Scope {
                parent: Some(parent),
                owner: Some(owner),
                kind,
                variables,
                done: Vec::new(),
                fired: Default::default(),
            },
        );
        key
    }

    /// The nearest scope around in which tokens flow.
    pub fn flow_scope(&self, scope: Key) -> Key {
        let mut at = scope;
        while let Some(state) = self.inst.scopes.get(&at) {
            if !matches!(state.kind, Kind::Local | Kind::Repeat(_)) {
                return at;
            }
            at = state.parent.unwrap_or(ROOT);
        }
        ROOT
    }

    /// Flows by which tokens wait at a node in a scope, with one token each.
    pub fn waiting_at(&self, node: NodeIx, scope: Key) -> Vec<(Option<FlowIx>, Key)> {
        self.inst
            .tokens
            .iter()
            .filter(|(_, token)| token.node == node && token.scope == scope && token.wait == Wait::Join)
            .map(|(key, token)| (token.via, *key))
            .collect()
    }

    pub fn incoming(&self, node: NodeIx) -> BTreeSet<FlowIx> {
        self.def
            .node(node)
            .map(|node| node.incoming.iter().copied().collect())
            .unwrap_or_default()
    }
}

pub(crate) fn state_owner(inst: &Instance, scope: Key) -> Option<Key> {
    inst.scopes.get(&scope).and_then(|scope| scope.owner)
}

/// Whether a value is small enough for a variable: counted roughly, without writing it out.
fn is_small(value: &Json) -> bool {
    fn count(value: &Json, left: &mut usize) -> bool {
        let own = match value {
            Json::String(text) => text.len() + 2,
            Json::Array(items) => {
                if !items.iter().all(|item| count(item, left)) {
                    return false;
                }
                2
            }
            Json::Object(entries) => {
                if !entries.iter().all(|(name, value)| {
                    *left = left.saturating_sub(name.len() + 4);
                    count(value, left)
                }) {
                    return false;
                }
                2
            }
            _ => 5,
        };
        *left = left.saturating_sub(own);
        *left > 0
    }
    let mut left = VARIABLE_LIMIT;
    count(value, &mut left)
}
