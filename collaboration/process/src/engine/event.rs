//! Events: what is waited for, what is thrown, and what happens when something comes.

use serde_json::{Map, Value as Json, json};

use crate::bpmn::model::{Event, EventDefinition, MessageRef, NodeIx, NodeKind, Position, Timer};
use crate::engine::host::Effect;
use crate::engine::run::{Fault, Run, fault};
use crate::engine::state::{Clock, Holder, Key, Kind, On, Standing, Step, Sub, Wait};
use crate::engine::timer;

impl Run<'_> {
    pub fn enter_event(&mut self, key: Key, node: NodeIx, event: &Event) -> Result<(), Fault> {
        match event.position {
            Position::Start { .. } | Position::Boundary { .. } => {
                let all = self.outgoing(node);
                self.go(key, &all, 1);
            }
            Position::Catch => {
                let links = |definition: &EventDefinition| matches!(definition, EventDefinition::Link { .. });
                if event.definitions.is_empty() || event.definitions.iter().any(links) {
                    let all = self.outgoing(node);
                    self.go(key, &all, 1);
                    return Ok(());
                }
                self.wait(key, Wait::Event);
                let scope = self.scope_of(key);
                self.subscribe_node(Holder::Token(key), node, scope)?;
            }
            Position::Throw | Position::End => {
                let hears = |definition: &EventDefinition| {
                    matches!(
                        definition,
                        EventDefinition::Signal { .. } | EventDefinition::Message(_)
                    )
                };
                if event.definitions.iter().any(hears) {
                    self.wait(key, Wait::Throw);
                    self.throws.push_back(key);
                } else {
                    return self.throw(key);
                }
            }
        }
        Ok(())
    }

    /// Subscribes to all that can happen at a node, for a token or a scope.
    pub fn subscribe_node(&mut self, holder: Holder, node: NodeIx, scope: Key) -> Result<(), Fault> {
        let mut holds = false;
        for (definition, what) in self.def.definitions(node).iter().enumerate() {
            let on = match what {
                EventDefinition::Message(message) => On::Message {
                    name: message.name.clone(),
                    key: self.correlation(message, scope)?,
                },
                EventDefinition::Signal { name } => On::Signal(name.clone()),
                EventDefinition::Timer(timer) => On::Timer(self.clock(timer, scope)?),
                EventDefinition::Conditional { condition } => {
                    holds |= self.holds(condition, scope)?;
                    On::Condition(false)
                }
                // Caught where they are thrown, without a subscription.
                _ => continue,
            };
            let sub = self.inst.key();
            if matches!(on, On::Message { .. } | On::Signal(_)) {
                self.effect(Effect::Subscribe(sub, on.clone()));
            }
            self.inst.subs.insert(
                sub,
                Sub {
                    holder,
                    node,
                    definition,
                    on,
                },
            );
        }
        if holds {
            self.look(Some(holder));
        }
        Ok(())
    }

    fn correlation(&mut self, message: &MessageRef, scope: Key) -> Result<Option<String>, Fault> {
        let Some(feel) = &message.correlation else {
            return Ok(None);
        };
        match self.value(feel, scope, &Map::new())? {
            Json::String(text) => Ok(Some(text)),
            Json::Number(number) => Ok(Some(number.to_string())),
            other => fault(
                "correlation",
                format!("消息“{}”的关联键应是文字或数字,得到的是 {other}", message.name),
            ),
        }
    }

    fn clock(&mut self, timer: &Timer, scope: Key) -> Result<Clock, Fault> {
        let text = match timer::literal(&timer.value) {
            Some(literal) => literal.to_owned(),
            None => match self.value(&timer.value, scope, &Map::new())? {
                Json::String(text) => text,
                other => return fault("timer", format!("计时应是时刻、时长或周期,得到的是 {other}")),
            },
        };
        timer::clock(self.cx, timer.kind, &text, timer.working, self.host)
            .or_else(|message| fault("timer", message))
    }

    pub fn unsubscribe(&mut self, sub: Key) {
        if let Some(sub_was) = self.inst.subs.remove(&sub)
            && matches!(sub_was.on, On::Message { .. } | On::Signal(_))
        {
            self.effect(Effect::Unsubscribe(sub));
        }
    }

    pub fn unsubscribe_all(&mut self, holder: Holder) {
        let all: Vec<Key> = self.subs_of(holder);
        for sub in all {
            self.unsubscribe(sub);
        }
    }

    fn subs_of(&self, holder: Holder) -> Vec<Key> {
        self.inst
            .subs
            .iter()
            .filter(|(_, sub)| sub.holder == holder)
            .map(|(key, _)| *key)
            .collect()
    }

    /// Looks at conditions; those that begin to hold happen. True where one did.
    pub fn conditions(&mut self) -> bool {
        if !std::mem::take(&mut self.changed) {
            return false;
        }
        self.look(None)
    }

    fn look(&mut self, only: Option<Holder>) -> bool {
        let open: Vec<(Key, bool)> = self
            .inst
            .subs
            .iter()
            .filter(|(_, sub)| only.is_none_or(|holder| holder == sub.holder))
            .filter_map(|(key, sub)| match sub.on {
                On::Condition(held) => Some((*key, held)),
                _ => None,
            })
            .collect();
        let mut any = false;
        for (key, held) in open {
            let Some(sub) = self.inst.subs.get(&key).cloned() else {
                continue;
            };
            let scope = match sub.holder {
                Holder::Token(token) => self.here(token),
                Holder::Scope(scope) => scope,
            };
            let definitions = self.def.definitions(sub.node);
            let Some(EventDefinition::Conditional { condition }) = definitions.get(sub.definition) else {
                continue;
            };
            // A condition that can't be said now does not hold now.
            let holds = self.holds(condition, scope).unwrap_or(false);
            if let Some(sub) = self.inst.subs.get_mut(&key) {
                sub.on = On::Condition(holds);
            }
            if holds && !held {
                any = true;
                self.happen(key, Map::new());
            }
        }
        any
    }

    /// Clocks that are due ring, the earliest first.
    pub fn clocks(&mut self) {
        loop {
            let due = self
                .inst
                .subs
                .iter()
                .filter_map(|(key, sub)| Some((sub.on.due()?, *key)))
                .filter(|(due, _)| *due <= self.cx.now)
                .min();
            let Some((_, key)) = due else { return };
            let Some(sub) = self.inst.subs.get(&key) else {
                return;
            };
            if let (On::Retry(_), Holder::Token(token)) = (&sub.on, sub.holder) {
                // It stays until the next try is over: it knows how often it failed.
                if let Some(sub) = self.inst.subs.get_mut(&key) {
                    sub.on = On::Retry(jiff::Timestamp::MAX);
                }
                self.go_on(token, Step::Body);
                continue;
            }
            self.happen(key, Map::new());
            self.drain();
            if !self.inst.is_running() {
                return;
            }
        }
    }

    /// Clocks that stand still while a condition holds are stopped and started.
    pub fn pauses(&mut self) {
        let clocks: Vec<Key> = self
            .inst
            .subs
            .iter()
            .filter(|(_, sub)| matches!(sub.on, On::Timer(_)))
            .map(|(key, _)| *key)
            .collect();
        for key in clocks {
            let Some(sub) = self.inst.subs.get(&key).cloned() else {
                continue;
            };
            let definitions = self.def.definitions(sub.node);
            let Some(EventDefinition::Timer(Timer {
                paused_while: Some(condition),
                ..
            })) = definitions.get(sub.definition)
            else {
                continue;
            };
            let scope = match sub.holder {
                Holder::Token(token) => self.here(token),
                Holder::Scope(scope) => scope,
            };
            let stands = self.holds(condition, scope).unwrap_or(false);
            let now = self.cx.now;
            if let Some(Sub {
                on: On::Timer(clock), ..
            }) = self.inst.subs.get_mut(&key)
            {
                match (stands, clock.due, clock.left) {
                    (true, Some(due), _) => {
                        clock.left = Some((due.as_millisecond() - now.as_millisecond()).max(0));
                        clock.due = None;
                    }
                    (false, None, Some(left)) => {
                        clock.due = now.checked_add(jiff::SignedDuration::from_millis(left)).ok();
                        clock.left = None;
                    }
                    _ => {}
                }
            }
        }
    }

    /// What a subscription waits for has happened.
    pub fn happen(&mut self, key: Key, payload: Map<String, Json>) {
        let Some(sub) = self.inst.subs.get(&key).cloned() else {
            return;
        };
        let event = self.def.event(sub.node);
        if event.is_some_and(|event| event.parallel_multiple) {
            self.unsubscribe(key);
            if self
                .inst
                .subs
                .values()
                .any(|other| other.holder == sub.holder && other.node == sub.node)
            {
                self.take_in(&sub, &payload);
                return;
            }
        }
        let rings_again = match &sub.on {
            On::Timer(clock) => self.wind_on(key, clock),
            _ => false,
        };
        let interrupting = match event.map(|event| event.position.clone()) {
            Some(Position::Boundary { interrupting, .. } | Position::Start { interrupting }) => interrupting,
            _ => true,
        };
        // What repeats stays subscribed; a clock that rang for the last time does not.
        if matches!(sub.on, On::Timer(_)) && !rings_again && !interrupting {
            self.unsubscribe(key);
        }
        match sub.holder {
            Holder::Token(token) => {
                let Some(at) = self.node_of(token) else { return };
                let boundary = event.is_some_and(|event| matches!(event.position, Position::Boundary { .. }));
                if boundary {
                    self.boundary(token, sub.node, &payload);
                } else {
                    self.caught(token, at, &sub, payload, rings_again);
                }
            }
            Holder::Scope(scope) => self.start_event_sub_process(scope, sub.node, &payload),
        }
        if event.is_some_and(|event| event.parallel_multiple) && !interrupting {
            // All of it may happen again.
            let scope = match sub.holder {
                Holder::Token(token) => self.scope_of(token),
                Holder::Scope(scope) => scope,
            };
            let _ = self.subscribe_node(sub.holder, sub.node, scope);
        }
    }

    fn take_in(&mut self, sub: &Sub, payload: &Map<String, Json>) {
        let scope = match sub.holder {
            Holder::Token(token) => self.scope_of(token),
            Holder::Scope(scope) => scope,
        };
        let _ = self.keep_payload(scope, sub.node, payload);
    }

    /// Winds a repeating clock on; false where it rang for the last time.
    fn wind_on(&mut self, key: Key, clock: &Clock) -> bool {
        let next = timer::next(clock, self.cx.now);
        let Some(next) = next else { return false };
        if let Some(sub) = self.inst.subs.get_mut(&key) {
            sub.on = On::Timer(next);
        }
        true
    }

    /// What came with an event goes to the variables.
    pub fn keep_payload(
        &mut self,
        scope: Key,
        node: NodeIx,
        payload: &Map<String, Json>,
    ) -> Result<(), Fault> {
        let outputs = match self.def.node(node).map(|node| &node.kind) {
            Some(NodeKind::Event(event)) => event.outputs.clone(),
            _ => Vec::new(),
        };
        if outputs.is_empty() {
            return self.assign(scope, payload);
        }
        let mut names = self.inst.visible(scope);
        names.extend(payload.iter().map(|(name, value)| (name.clone(), value.clone())));
        let values = self.mapped(&outputs, &names)?;
        self.assign(scope, &values)
    }

    /// A catching event, a receive task, or one of an event-based gateway's.
    fn caught(&mut self, token: Key, at: NodeIx, sub: &Sub, payload: Map<String, Json>, rings_again: bool) {
        let scope = self.scope_of(token);
        self.note(Some(sub.node), Some(token), "caught", Json::Null);
        let is_activity = self.def.activity(sub.node).is_some();
        if !is_activity && let Err(fault) = self.keep_payload(scope, sub.node, &payload) {
            self.trouble(token, fault, Step::Enter);
            return;
        }
        let result = if is_activity {
            Json::Object(payload)
        } else {
            Json::Null
        };
        if rings_again && at == sub.node {
            self.put_at(sub.node, scope, None, Step::Leave(result));
            return;
        }
        if at == sub.node {
            // A receive task keeps its boundary events until it leaves.
            let own: Vec<Key> = self
                .inst
                .subs
                .iter()
                .filter(|(_, other)| other.holder == sub.holder && other.node == sub.node)
                .map(|(key, _)| *key)
                .collect();
            for key in own {
                self.unsubscribe(key);
            }
        } else {
            self.unsubscribe_all(Holder::Token(token));
            self.note(Some(at), Some(token), "completed", Json::Null);
            if let Some(token) = self.inst.tokens.get_mut(&token) {
                token.node = sub.node;
            }
            self.note(Some(sub.node), Some(token), "entered", Json::Null);
        }
        self.go_on(token, Step::Leave(result));
    }

    /// A boundary event happens.
    pub fn boundary(&mut self, token: Key, node: NodeIx, payload: &Map<String, Json>) {
        let scope = self.scope_of(token);
        let interrupting = matches!(
            self.def.event(node).map(|event| event.position.clone()),
            Some(Position::Boundary {
                interrupting: true,
                ..
            })
        );
        let ad_hoc_owner = scope;
        if interrupting {
            self.cancel(token);
        }
        let new = self.put_at(node, ad_hoc_owner, None, Step::Leave(Json::Null));
        self.note(Some(node), Some(new), "caught", Json::Null);
        if let Err(fault) = self.keep_payload(scope, node, payload) {
            self.trouble(new, fault, Step::Leave(Json::Null));
        }
    }

    /// An event sub-process begins.
    pub fn start_event_sub_process(&mut self, scope: Key, start: NodeIx, payload: &Map<String, Json>) {
        let Some(node) = self.def.node(start).and_then(|node| node.parent) else {
            return;
        };
        let interrupting = matches!(
            self.def.event(start).map(|event| event.position.clone()),
            Some(Position::Start { interrupting: true })
        );
        if interrupting {
            self.unsubscribe_all(Holder::Scope(scope));
            if let Some(state) = self.inst.scopes.get_mut(&scope)
                && let Kind::AdHoc { left, ending } = &mut state.kind
            {
                left.clear();
                *ending = true;
            }
            self.empty_scope(scope, None);
        }
        let key = self.put_at(node, scope, None, Step::Body);
        self.ready.retain(|other| *other != key);
        self.note(Some(start), Some(key), "caught", Json::Null);
        let begun = self
            .keep_payload(scope, start, payload)
            .and_then(|()| self.begin_inside(key, node, None, Map::new(), Some(start)));
        if let Err(fault) = begun {
            self.trouble(key, fault, Step::Body);
        }
    }

    /// A signal reaches everything in the instance that waits for it.
    pub fn signal(&mut self, name: &str, payload: &Map<String, Json>) {
        let hearing: Vec<Key> = self
            .inst
            .subs
            .iter()
            .filter(|(_, sub)| matches!(&sub.on, On::Signal(other) if other == name))
            .map(|(key, _)| *key)
            .collect();
        for sub in hearing {
            self.happen(sub, payload.clone());
        }
    }

    pub fn send(
        &mut self,
        message: &MessageRef,
        names: &Map<String, Json>,
        variables: Map<String, Json>,
    ) -> Result<(), Fault> {
        let key = match &message.key {
            Some(feel) => match self.evaluate(feel, names)? {
                Json::String(text) => Some(text),
                Json::Number(number) => Some(number.to_string()),
                _ => None,
            },
            None => None,
        };
        self.effect(Effect::Send {
            name: message.name.clone(),
            key,
            time_to_live: message.time_to_live.clone(),
            variables,
        });
        Ok(())
    }

    /// Throws what the node throws; the token then leaves it.
    pub fn throw(&mut self, key: Key) -> Result<(), Fault> {
        let Some(node) = self.node_of(key) else {
            return Ok(());
        };
        let Some(event) = self.def.event(node) else {
            return fault("model", "这里应当是一个抛出事件");
        };
        let scope = self.scope_of(key);
        let names = self.inst.visible(scope);
        let payload = self.mapped(&event.inputs, &names)?;
        for definition in &event.definitions {
            match definition {
                EventDefinition::Message(message) => self.send(message, &names, payload.clone())?,
                EventDefinition::Signal { name } => {
                    self.effect(Effect::Broadcast {
                        name: name.clone(),
                        variables: payload.clone(),
                    });
                    self.signal(name, &payload);
                }
                EventDefinition::Escalation { code } => {
                    self.note(Some(node), Some(key), "thrown", json!({ "code": code }));
                    self.escalate(key, code.as_deref());
                }
                EventDefinition::Error { code } => {
                    let code = code.clone().unwrap_or_default();
                    self.note(Some(node), Some(key), "thrown", json!({ "code": code }));
                    if !self.throw_error(key, &code, "", true) {
                        self.finish(Standing::Failed, Some((code, String::new())));
                    }
                    return Ok(());
                }
                EventDefinition::Terminate => {
                    self.terminate(key, node, scope);
                    return Ok(());
                }
                EventDefinition::Cancel => return self.cancel_transaction(key, scope),
                EventDefinition::Link { name } => {
                    let parent = self.def.node(node).and_then(|node| node.parent);
                    let Some(target) = self.def.links(parent, name, &Position::Catch).first().copied() else {
                        return fault("model", format!("没有接收连接“{name}”的事件"));
                    };
                    self.note(Some(node), Some(key), "completed", Json::Null);
                    if let Some(token) = self.inst.tokens.get_mut(&key) {
                        token.node = target;
                        token.via = None;
                    }
                    self.note(Some(target), Some(key), "entered", Json::Null);
                    self.go_on(key, Step::Enter);
                    return Ok(());
                }
                _ => {}
            }
            // An escalation or a signal may have interrupted whoever threw it.
            if !self.inst.tokens.contains_key(&key) || !self.inst.is_running() {
                return Ok(());
            }
        }
        let undo = event.definitions.iter().find_map(|definition| match definition {
            EventDefinition::Compensation { activity, wait } => Some((*activity, *wait)),
            _ => None,
        });
        match undo {
            Some((activity, wait)) => self.compensate(key, node, scope, activity, wait),
            None => {
                let all = self.outgoing(node);
                self.go(key, &all, 1);
            }
        }
        Ok(())
    }
}
