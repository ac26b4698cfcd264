//! What ends or leaves the usual flow: errors, escalations, termination, cancelled transactions; and undoing.

use std::collections::VecDeque;

use serde_json::{Map, Value as Json, json};

use crate::bpmn::model::{EventDefinition, NodeIx, Work};
use crate::engine::host::Effect;
use crate::engine::run::{Fault, Run, fault, state_owner};
use crate::engine::state::{Done, Key, Kind, ROOT, Step, Undoing, Wait};

/// Where something thrown is caught.
enum Catcher {
    Boundary(Key, NodeIx),
    SubProcess(Key, NodeIx),
}

impl Run<'_> {
    /// The nearest that catches: on the boundary of the activity itself or of those around it, or an event sub-process.
    fn catcher(&self, key: Key, tests: &[&dyn Fn(&EventDefinition) -> bool]) -> Option<Catcher> {
        let mut at = key;
        loop {
            let token = self.inst.tokens.get(&at)?;
            if !token.repeated {
                for test in tests {
                    if let Some(boundary) = self.boundary_for(token.node, test) {
                        return Some(Catcher::Boundary(at, boundary));
                    }
                }
            }
            let itself = self.def.activity(token.node).is_some_and(|activity| {
                matches!(
                    activity.work,
                    Work::SubProcess {
                        triggered_by_event: true,
                        ..
                    }
                )
            });
            // Up through the scopes of repetitions to the one in which it flows.
            let mut scope = token.scope;
            loop {
                let state = self.inst.scopes.get(&scope)?;
                match state.kind {
                    Kind::Local | Kind::Repeat(_) => {
                        if let Some(owner) = state.owner
                            && owner != at
                        {
                            break;
                        }
                        scope = state.parent?;
                    }
                    _ => break,
                }
            }
            let state = self.inst.scopes.get(&scope)?;
            if matches!(state.kind, Kind::Flow | Kind::AdHoc { .. }) && !itself {
                let inside = match state.owner {
                    Some(owner) => Some(self.node_of(owner)?),
                    None => None,
                };
                for test in tests {
                    for (_, start) in self.def.event_sub_processes(inside) {
                        let fits = self
                            .def
                            .event(start)
                            .is_some_and(|event| event.definitions.iter().any(test));
                        if fits {
                            return Some(Catcher::SubProcess(scope, start));
                        }
                    }
                }
            }
            at = state_owner(self.inst, scope)?;
        }
    }

    fn give(&mut self, catcher: Catcher, payload: &Map<String, Json>) {
        match catcher {
            Catcher::Boundary(token, node) => {
                if self.has_outputs(node) {
                    self.boundary(token, node, payload);
                } else {
                    self.boundary(token, node, &Map::new());
                }
            }
            Catcher::SubProcess(scope, start) => {
                let payload = if self.has_outputs(start) {
                    payload.clone()
                } else {
                    Map::new()
                };
                self.start_event_sub_process(scope, start, &payload);
            }
        }
    }

    fn has_outputs(&self, node: NodeIx) -> bool {
        self.def
            .event(node)
            .is_some_and(|event| !event.outputs.is_empty())
    }

    /// Throws a BPMN error from a token; false where nothing catches it. `any`: those that catch every error count too.
    pub fn throw_error(&mut self, key: Key, code: &str, message: &str, any: bool) -> bool {
        let exact = |definition: &EventDefinition| matches!(definition, EventDefinition::Error { code: Some(other) } if other == code);
        let every =
            |definition: &EventDefinition| matches!(definition, EventDefinition::Error { code: None });
        let catcher = if any {
            self.catcher(key, &[&exact, &every])
        } else {
            self.catcher(key, &[&exact])
        };
        let Some(catcher) = catcher else { return false };
        let mut payload = Map::new();
        payload.insert("code".into(), json!(code));
        payload.insert("message".into(), json!(message));
        self.give(catcher, &payload);
        true
    }

    /// Throws an escalation; one that nothing catches is told to whoever called the instance.
    pub fn escalate(&mut self, key: Key, code: Option<&str>) {
        let exact = |definition: &EventDefinition| matches!(definition, EventDefinition::Escalation { code: Some(other) } if Some(other.as_str()) == code);
        let every =
            |definition: &EventDefinition| matches!(definition, EventDefinition::Escalation { code: None });
        match self.catcher(key, &[&exact, &every]) {
            Some(catcher) => {
                let mut payload = Map::new();
                payload.insert("code".into(), json!(code));
                self.give(catcher, &payload);
            }
            None => self.effect(Effect::Escalate {
                code: code.map(str::to_owned),
            }),
        }
    }

    /// Ends all that flows in the scope of the terminating end event.
    pub fn terminate(&mut self, key: Key, node: NodeIx, scope: Key) {
        self.note(Some(node), Some(key), "completed", Json::Null);
        self.inst.tokens.remove(&key);
        if let Some(state) = self.inst.scopes.get_mut(&scope)
            && let Kind::AdHoc { left, .. } = &mut state.kind
        {
            left.clear();
        }
        self.empty_scope(scope, None);
        self.ended(scope);
    }

    /// A transaction is cancelled: what runs in it ends, what was done is undone, then it leaves by its cancel event.
    pub fn cancel_transaction(&mut self, key: Key, scope: Key) -> Result<(), Fault> {
        let mut at = scope;
        loop {
            let Some(owner) = state_owner(self.inst, at) else {
                return fault("model", "取消结束事件不在事务子流程里");
            };
            let transaction = self
                .node_of(owner)
                .and_then(|node| self.def.activity(node))
                .is_some_and(|activity| {
                    matches!(
                        activity.work,
                        Work::SubProcess {
                            transaction: true,
                            ..
                        }
                    )
                });
            if transaction {
                break;
            }
            at = self
                .inst
                .scopes
                .get(&at)
                .and_then(|scope| scope.parent)
                .unwrap_or(ROOT);
        }
        // The token that cancels now stands in the transaction itself.
        if let Some(token) = self.inst.tokens.get_mut(&key) {
            token.scope = at;
        }
        self.empty_scope(at, Some(key));
        let queue = self.take_done(at);
        self.wait(
            key,
            Wait::Undo(Box::new(Undoing {
                queue,
                silent: false,
                cancels: true,
            })),
        );
        self.undo_next(key);
        Ok(())
    }

    /// Throws compensation: for one activity, or for all that was done in the scope.
    pub fn compensate(&mut self, key: Key, node: NodeIx, scope: Key, activity: Option<NodeIx>, wait: bool) {
        let mut at = self.flow_scope(scope);
        // Within an event sub-process it is the sub-process around it that is undone.
        while let Some(owner) = state_owner(self.inst, at) {
            let by_event = self
                .node_of(owner)
                .and_then(|node| self.def.activity(node))
                .is_some_and(|activity| {
                    matches!(
                        activity.work,
                        Work::SubProcess {
                            triggered_by_event: true,
                            ..
                        }
                    )
                });
            let Some(parent) = self.inst.scopes.get(&at).and_then(|scope| scope.parent) else {
                break;
            };
            if !by_event {
                break;
            }
            at = self.flow_scope(parent);
        }
        let queue = match activity {
            None => self.take_done(at),
            Some(wanted) => {
                let mut found = VecDeque::new();
                let mut look = Some(at);
                while let Some(scope) = look {
                    if let Some(state) = self.inst.scopes.get_mut(&scope) {
                        let (take, keep): (Vec<Done>, Vec<Done>) = std::mem::take(&mut state.done)
                            .into_iter()
                            .partition(|done| done.node == wanted);
                        state.done = keep;
                        found.extend(take.into_iter().rev());
                        look = state.parent;
                    } else {
                        look = None;
                    }
                    if !found.is_empty() {
                        break;
                    }
                }
                found.into_iter().flat_map(|done| self.unfold(done)).collect()
            }
        };
        self.note(
            Some(node),
            Some(key),
            "thrown",
            json!({ "compensation": queue.len() }),
        );
        let undoing = Undoing {
            queue,
            silent: !wait,
            cancels: false,
        };
        if wait {
            self.wait(key, Wait::Undo(Box::new(undoing)));
            self.undo_next(key);
        } else {
            let helper = self.put_at(node, scope, None, Step::Throw);
            self.ready.retain(|other| *other != helper);
            self.wait(helper, Wait::Undo(Box::new(undoing)));
            let all = self.outgoing(node);
            self.go(key, &all, 1);
            self.undo_next(helper);
        }
    }

    /// What was done in a scope, last first; it is then no longer there to be undone again.
    fn take_done(&mut self, scope: Key) -> VecDeque<Done> {
        let done = self
            .inst
            .scopes
            .get_mut(&scope)
            .map(|state| std::mem::take(&mut state.done))
            .unwrap_or_default();
        done.into_iter()
            .rev()
            .flat_map(|done| self.unfold(done))
            .collect()
    }

    /// A sub-process that does not undo itself is undone by undoing what was done in it.
    fn unfold(&mut self, done: Done) -> VecDeque<Done> {
        match done.inside {
            Some(inside)
                if self.def.undoing_sub_process(done.node).is_none()
                    && self
                        .def
                        .activity(done.node)
                        .is_none_or(|activity| self.def.handler(activity).is_none()) =>
            {
                self.take_done(inside)
            }
            _ => VecDeque::from([done]),
        }
    }

    /// The next of what a token undoes; after the last it goes on.
    pub fn undo_next(&mut self, key: Key) {
        let Some(token) = self.inst.tokens.get_mut(&key) else {
            return;
        };
        let (node, scope) = (token.node, token.scope);
        let Wait::Undo(undoing) = &mut token.wait else {
            return;
        };
        if let Some(done) = undoing.queue.pop_front() {
            self.undo_one(key, &done);
            return;
        }
        let (silent, cancels) = (undoing.silent, undoing.cancels);
        if silent {
            self.inst.tokens.remove(&key);
            self.ended(scope);
        } else if cancels {
            self.leave_transaction(key, node, scope);
        } else {
            let all = self.outgoing(node);
            self.go(key, &all, 1);
        }
    }

    fn undo_one(&mut self, key: Key, done: &Done) {
        let handler = self
            .def
            .activity(done.node)
            .and_then(|activity| self.def.handler(activity));
        if let Some(handler) = handler {
            let scope = if self.inst.scopes.contains_key(&done.scope) {
                done.scope
            } else {
                self.scope_of(key)
            };
            let token = self.put(handler, scope, None);
            if let Some(token) = self.inst.tokens.get_mut(&token) {
                token.undoes_for = Some(key);
            }
            return;
        }
        let (Some(inside), Some(undoer)) = (done.inside, self.def.undoing_sub_process(done.node)) else {
            self.undo_next(key);
            return;
        };
        let start = self
            .def
            .event_sub_processes(Some(done.node))
            .into_iter()
            .find(|(node, _)| *node == undoer)
            .map(|(_, start)| start);
        let token = self.put_at(undoer, inside, None, Step::Body);
        self.ready.retain(|other| *other != token);
        if let Some(token) = self.inst.tokens.get_mut(&token) {
            token.undoes_for = Some(key);
        }
        if let Err(fault) = self.begin_inside(token, undoer, None, Map::new(), start) {
            self.trouble(token, fault, Step::Body);
        }
    }

    fn leave_transaction(&mut self, key: Key, node: NodeIx, scope: Key) {
        self.note(Some(node), Some(key), "completed", Json::Null);
        self.inst.tokens.remove(&key);
        let Some(owner) = state_owner(self.inst, scope) else {
            self.ended(scope);
            return;
        };
        let cancels = |definition: &EventDefinition| matches!(definition, EventDefinition::Cancel);
        let boundary = self
            .node_of(owner)
            .and_then(|node| self.boundary_for(node, cancels));
        match boundary {
            Some(boundary) => self.boundary(owner, boundary, &Map::new()),
            None => self.ended(scope),
        }
    }
}
