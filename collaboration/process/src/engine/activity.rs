//! Tasks, sub-processes and calls: how they begin, what they do, how they end.

use std::collections::VecDeque;

use banyan_base::timestamp_text;
use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use crate::bpmn::model::{Activity, AdHoc, EventDefinition, NodeIx, Repeat, UserTask, VariableKind, Work};
use crate::engine::host::{Effect, NewTask, OperationCall, Performed};
use crate::engine::run::{Fault, Run, fault, state_owner};
use crate::engine::state::{Done, Holder, Key, Kind, On, ROOT, Step, Sub, Wait};
use crate::engine::timer;

/// How long after the first failure the next try is made; each further one waits four times as long.
const BACK_OFF_SECONDS: i64 = 10;

impl Run<'_> {
    pub fn enter_activity(&mut self, key: Key, node: NodeIx, activity: &Activity) -> Result<(), Fault> {
        let scope = self.scope_of(key);
        if activity.completion_quantity == 0 {
            return fault("model", "completionQuantity 须不小于 1");
        }
        if activity.start_quantity > 1 {
            self.wait(key, Wait::Join);
            let waiting = self.waiting_at(node, scope);
            let wanted = usize::try_from(activity.start_quantity).unwrap_or(usize::MAX);
            if waiting.len() < wanted {
                return Ok(());
            }
            for (_, other) in waiting.into_iter().take(wanted) {
                if other != key {
                    self.inst.tokens.remove(&other);
                }
            }
        }
        // The body is marked first: a condition that holds already may take the token away.
        self.wait(key, Wait::Ready(Step::Body));
        for boundary in &activity.boundary {
            self.subscribe_node(Holder::Token(key), *boundary, scope)?;
        }
        if self.inst.tokens.contains_key(&key) {
            self.ready.push_back(key);
        }
        Ok(())
    }

    pub fn body(&mut self, key: Key) -> Result<(), Fault> {
        let Some(node) = self.node_of(key) else {
            return Ok(());
        };
        let Some(activity) = self.def.activity(node) else {
            return fault("model", "这里应当是一项活动");
        };
        let repeated = self.inst.tokens.get(&key).is_some_and(|token| token.repeated);
        if let (Some(repeat), false) = (&activity.repeat, repeated) {
            return self.begin_repeat(key, node, activity, repeat);
        }
        // A body that failed before has left its scope.
        if let Some(old) = self
            .inst
            .tokens
            .get_mut(&key)
            .and_then(|token| token.inner.take())
        {
            self.drop_scope(old);
        }
        let scope = self.scope_of(key);
        let names = self.inst.visible(scope);
        let inputs = self.mapped(&activity.inputs, &names)?;
        if let Work::SubProcess { ad_hoc, .. } = &activity.work {
            return self.begin_inside(key, node, ad_hoc.as_ref(), inputs, None);
        }
        if !inputs.is_empty() {
            let inner = self.new_scope(scope, key, Kind::Local, inputs.clone());
            if let Some(token) = self.inst.tokens.get_mut(&key) {
                token.inner = Some(inner);
            }
        }
        self.work(key, node, activity, inputs, names)
    }

    fn work(
        &mut self,
        key: Key,
        node: NodeIx,
        activity: &Activity,
        inputs: Map<String, Json>,
        mut names: Map<String, Json>,
    ) -> Result<(), Fault> {
        names.extend(inputs.iter().map(|(name, value)| (name.clone(), value.clone())));
        let failed = self.failures(key);
        self.forget_retry(key);
        match &activity.work {
            Work::Pass => self.go_on(key, Step::Leave(Json::Null)),
            Work::Script { format, script, .. } => {
                if is_feel(format) {
                    let value = self.evaluate(script, &names)?;
                    self.go_on(key, Step::Leave(value));
                } else {
                    let performed = self.host.script(format, script, &names);
                    self.performed(key, activity, failed, performed);
                }
            }
            Work::Service {
                operation: Some(operation),
                purpose,
                ..
            } => {
                let performed = self.host.operation(&OperationCall {
                    operation,
                    purpose: purpose.as_deref(),
                    inputs: &inputs,
                });
                self.performed(key, activity, failed, performed);
            }
            Work::Service { topic, .. } => {
                let Some(topic) = topic else {
                    return fault("model", "服务任务没有写明操作或主题");
                };
                self.wait(key, Wait::Work(failed));
                self.effect(Effect::Offer {
                    token: key,
                    topic: topic.clone(),
                    inputs: if activity.inputs.is_empty() { names } else { inputs },
                });
            }
            Work::Rule { decision, .. } => {
                let input = if activity.inputs.is_empty() { names } else { inputs };
                let performed = self.host.decision(decision, &input);
                self.performed(key, activity, failed, performed);
            }
            Work::Send { message } => {
                if let Some(message) = message {
                    self.send(message, &names, inputs)?;
                }
                self.go_on(key, Step::Leave(Json::Null));
            }
            Work::Receive { .. } => {
                self.wait(key, Wait::Event);
                let scope = self.scope_of(key);
                self.subscribe_node(Holder::Token(key), node, scope)?;
            }
            Work::User(user) => {
                let task = self.new_task(key, node, activity, user, inputs, &names)?;
                self.wait(key, Wait::Task);
                self.effect(Effect::OpenTask(Box::new(task)));
            }
            Work::Call { process, pass_all } => {
                let variables = if *pass_all && activity.inputs.is_empty() {
                    names
                } else {
                    inputs
                };
                self.wait(key, Wait::Call);
                self.effect(Effect::Call {
                    token: key,
                    process: process.clone(),
                    variables,
                });
            }
            Work::SubProcess { .. } => {}
        }
        Ok(())
    }

    fn failures(&self, key: Key) -> u32 {
        self.inst
            .subs
            .values()
            .find_map(|sub| match (&sub.on, sub.holder) {
                (On::Retry(_), Holder::Token(token)) if token == key => {
                    Some(u32::try_from(sub.definition).unwrap_or(u32::MAX))
                }
                _ => None,
            })
            .unwrap_or(0)
    }

    /// The next failure is the last.
    pub fn exhaust(&mut self, key: Key) {
        let node = self.node_of(key).unwrap_or_default();
        let sub = self.inst.key();
        self.inst.subs.insert(
            sub,
            Sub {
                holder: Holder::Token(key),
                node,
                definition: usize::MAX,
                on: On::Retry(Timestamp::MAX),
            },
        );
    }

    fn forget_retry(&mut self, key: Key) {
        let old: Vec<Key> = self
            .inst
            .subs
            .iter()
            .filter(|(_, sub)| sub.holder == Holder::Token(key) && matches!(sub.on, On::Retry(_)))
            .map(|(sub, _)| *sub)
            .collect();
        for sub in old {
            self.inst.subs.remove(&sub);
        }
    }

    /// What the host answered. `failed`: how often it failed before.
    pub fn performed(&mut self, key: Key, activity: &Activity, failed: u32, performed: Performed) {
        match performed {
            Performed::Done(result) => {
                self.forget_retry(key);
                self.go_on(key, Step::Leave(result));
            }
            Performed::Later => {
                self.forget_retry(key);
                self.wait(key, Wait::Work(failed));
            }
            Performed::Failed { code, message, again } => {
                self.forget_retry(key);
                // What is likely to go better next time is caught by its own code only.
                if self.throw_error(key, &code, &message, !again) {
                    return;
                }
                let retries = match &activity.work {
                    Work::Service { retries, .. } => *retries,
                    _ => 0,
                };
                if again && failed < retries {
                    let wait = BACK_OFF_SECONDS.saturating_mul(4_i64.saturating_pow(failed));
                    let at = self
                        .cx
                        .now
                        .checked_add(jiff::SignedDuration::from_secs(wait))
                        .unwrap_or(self.cx.now);
                    let node = self.node_of(key).unwrap_or_default();
                    self.note(
                        Some(node),
                        Some(key),
                        "failed",
                        json!({ "code": code, "message": message, "again_at": timestamp_text(at) }),
                    );
                    let sub = self.inst.key();
                    self.inst.subs.insert(
                        sub,
                        Sub {
                            holder: Holder::Token(key),
                            node,
                            definition: usize::try_from(failed + 1).unwrap_or(usize::MAX),
                            on: On::Retry(at),
                        },
                    );
                    self.wait(key, Wait::Retry(failed + 1));
                } else {
                    let fault = Fault {
                        kind: "operation",
                        message: format!("{code}:{message}"),
                    };
                    self.trouble(key, fault, Step::Body);
                }
            }
        }
    }

    fn text(&mut self, feel: Option<&String>, names: &Map<String, Json>) -> Result<Option<String>, Fault> {
        let Some(feel) = feel else { return Ok(None) };
        Ok(match self.evaluate(feel, names)? {
            Json::String(text) if !text.is_empty() => Some(text),
            Json::Number(number) => Some(number.to_string()),
            _ => None,
        })
    }

    fn new_task(
        &mut self,
        key: Key,
        node: NodeIx,
        activity: &Activity,
        user: &UserTask,
        inputs: Map<String, Json>,
        names: &Map<String, Json>,
    ) -> Result<NewTask, Fault> {
        let name = self.def.node(node).and_then(|node| node.name.clone());
        let title = self.text(user.title.as_ref(), names)?.or(name);
        let mut excluded: Vec<String> = Vec::new();
        if let Some(feel) = &user.excluded {
            match self.evaluate(feel, names)? {
                Json::Array(items) => {
                    excluded.extend(items.iter().filter_map(|item| item.as_str().map(str::to_owned)))
                }
                Json::String(one) => excluded.push(one),
                _ => {}
            }
        }
        for element in &user.not_doers_of {
            if let Some(index) = self.def.process.find(element)
                && let Some(doers) = self.inst.doers.get(&index)
            {
                excluded.extend(doers.iter().cloned());
            }
        }
        let due = self.moment(user.due.as_ref(), user.due_working, names)?;
        let warn = self.moment(user.warn.as_ref(), user.due_working, names)?;
        let priority = match &user.priority {
            Some(feel) => self.evaluate(feel, names)?.as_i64().unwrap_or(50).clamp(0, 100),
            None => 50,
        };
        Ok(NewTask {
            token: key,
            node,
            title: title.unwrap_or_else(|| self.def.id_of(node).to_owned()),
            assignee: self.text(user.assignee.as_ref(), names)?,
            unit: self.text(user.unit.as_ref(), names)?,
            region: self.text(user.region.as_ref(), names)?,
            line: self.text(user.line.as_ref(), names)?,
            excluded,
            due,
            warn,
            priority,
            about: self.text(user.about.as_ref(), names)?,
            data: if activity.inputs.is_empty() {
                names.clone()
            } else {
                inputs
            },
        })
    }

    /// A moment given as a duration from now, or by FEEL.
    fn moment(
        &mut self,
        text: Option<&String>,
        working: bool,
        names: &Map<String, Json>,
    ) -> Result<Option<Timestamp>, Fault> {
        let Some(text) = text else { return Ok(None) };
        let text = match timer::literal(text) {
            Some(literal) => literal.to_owned(),
            None => match self.evaluate(text, names)? {
                Json::String(text) => text,
                Json::Null => return Ok(None),
                other => return fault("timer", format!("期限应是时长或时刻,得到的是 {other}")),
            },
        };
        timer::moment(self.cx, &text, working, self.host)
            .map(Some)
            .or_else(|message| fault("timer", message))
    }

    /// The inside of a sub-process begins; `at`: at this start event.
    pub fn begin_inside(
        &mut self,
        key: Key,
        node: NodeIx,
        ad_hoc: Option<&AdHoc>,
        mut variables: Map<String, Json>,
        at: Option<NodeIx>,
    ) -> Result<(), Fault> {
        let scope = self.scope_of(key);
        for declared in &self.def.process.variables {
            if declared.scope == Some(node) && !variables.contains_key(&declared.name) {
                variables.insert(
                    declared.name.clone(),
                    empty(declared.kind, declared.is_collection),
                );
            }
        }
        let mut starts: Vec<NodeIx> = Vec::new();
        let kind = match ad_hoc {
            None => {
                let start = at.or_else(|| self.def.none_start(Some(node)));
                match start {
                    Some(start) => starts.push(start),
                    None => starts = self.def.roots(Some(node)),
                }
                Kind::Flow
            }
            Some(ad_hoc) => {
                let mut list = VecDeque::from(self.ad_hoc_list(node, ad_hoc, scope)?);
                if ad_hoc.sequential {
                    starts.extend(list.pop_front());
                } else {
                    starts.extend(list.drain(..));
                }
                Kind::AdHoc {
                    left: list,
                    ending: false,
                }
            }
        };
        let inner = self.new_scope(scope, key, kind, variables);
        if let Some(token) = self.inst.tokens.get_mut(&key) {
            token.inner = Some(inner);
            token.wait = Wait::Inside;
        }
        for start in starts {
            self.put(start, inner, None);
        }
        self.listen(inner, Some(node))?;
        self.ended(inner);
        Ok(())
    }

    /// The event sub-processes of a scope begin to wait for what starts them.
    pub fn listen(&mut self, scope: Key, node: Option<NodeIx>) -> Result<(), Fault> {
        for (_, start) in self.def.event_sub_processes(node) {
            if self.inst.scopes.contains_key(&scope) {
                self.subscribe_node(Holder::Scope(scope), start, scope)?;
            }
        }
        Ok(())
    }

    fn ad_hoc_list(&mut self, node: NodeIx, ad_hoc: &AdHoc, scope: Key) -> Result<Vec<NodeIx>, Fault> {
        let Some(feel) = &ad_hoc.active else {
            return Ok(self.def.roots(Some(node)));
        };
        let Json::Array(ids) = self.value(feel, scope, &Map::new())? else {
            return fault("expression", "要启动的元素应是标识的列表");
        };
        let children = self.def.children(Some(node)).to_vec();
        ids.iter()
            .map(|id| {
                let id = id.as_str().unwrap_or_default();
                children
                    .iter()
                    .copied()
                    .find(|index| self.def.id_of(*index) == id)
                    .map_or_else(|| fault("expression", format!("临时子流程里没有元素“{id}”")), Ok)
            })
            .collect()
    }

    /// The body is done; `result` is what it gave.
    pub fn leave(&mut self, key: Key, result: Json) -> Result<(), Fault> {
        let Some(node) = self.node_of(key) else {
            return Ok(());
        };
        let Some(activity) = self.def.activity(node) else {
            let all = self.outgoing(node);
            self.go(key, &all, 1);
            return Ok(());
        };
        let scope = self.scope_of(key);
        let here = self.here(key);
        let repeated = self.inst.tokens.get(&key).is_some_and(|token| token.repeated);
        if !repeated && activity.repeat.is_some() {
            // Its instances have left one by one.
            return self.complete(key, node, activity);
        }
        let own = repeated && matches!(activity.repeat, Some(Repeat::Multi(_)));
        let mut names = self.inst.visible(here);
        if let Json::Object(entries) = &result {
            names.extend(entries.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        names.insert("result".into(), result.clone());
        let wanted = match &activity.work {
            Work::Script { result, .. } | Work::Rule { result, .. } => result.as_ref(),
            _ => None,
        };
        let mut values = Map::new();
        if let Some(name) = wanted {
            names.insert(name.clone(), result.clone());
            values.insert(name.clone(), result);
        } else if activity.outputs.is_empty() && !matches!(activity.work, Work::SubProcess { .. }) {
            values = match result {
                Json::Object(entries) => entries,
                _ => Map::new(),
            };
        }
        values.extend(self.mapped(&activity.outputs, &names)?);
        if own {
            self.note(None, Some(key), "variables", Json::Object(values.clone()));
            self.assign_here(scope, values);
        } else {
            self.assign(scope, &values)?;
        }
        if repeated {
            return self.instance_done(key, node, activity);
        }
        self.complete(key, node, activity)
    }

    /// The activity as a whole is done.
    pub fn complete(&mut self, key: Key, node: NodeIx, activity: &Activity) -> Result<(), Fault> {
        let scope = self.scope_of(key);
        let (flows, conditional) = self.chosen(node, scope, activity.default, &Map::new())?;
        if flows.is_empty() && conditional {
            return fault("no_flow", "没有一条离开的顺序流条件成立,也没有默认流");
        }
        let flow_scope = self.flow_scope(scope);
        let inside = self.close_inside(key, node, activity);
        if inside.is_some() || self.def.handler(activity).is_some() {
            let done = Done { node, scope, inside };
            if let Some(state) = self.inst.scopes.get_mut(&flow_scope) {
                state.done.push(done);
            }
        }
        self.unsubscribe_all(Holder::Token(key));
        if let Some(thrower) = self.inst.tokens.get(&key).and_then(|token| token.undoes_for) {
            self.note(Some(node), Some(key), "undone", Json::Null);
            self.inst.tokens.remove(&key);
            self.undo_next(thrower);
            return Ok(());
        }
        if !self.ad_hoc_goes_on(key, scope)? {
            return Ok(());
        }
        self.go(key, &flows, activity.completion_quantity);
        Ok(())
    }

    /// Closes a token's own scope; gives it back where it is kept for its undoing.
    fn close_inside(&mut self, key: Key, node: NodeIx, activity: &Activity) -> Option<Key> {
        let inner = self.inst.tokens.get_mut(&key)?.inner.take()?;
        let undoes_itself = self.def.undoing_sub_process(node).is_some();
        let keep = matches!(
            activity.work,
            Work::SubProcess {
                triggered_by_event: false,
                ..
            }
        ) && self
            .inst
            .scopes
            .get(&inner)
            .is_some_and(|scope| scope.kind == Kind::Flow && (undoes_itself || !scope.done.is_empty()));
        if !keep {
            self.drop_scope(inner);
            return None;
        }
        self.empty_scope(inner, None);
        self.unsubscribe_all(Holder::Scope(inner));
        if let Some(scope) = self.inst.scopes.get_mut(&inner) {
            scope.kind = Kind::Ended;
            scope.owner = None;
        }
        Some(inner)
    }

    /// After an element of an ad-hoc sub-process: whether its token still goes on.
    fn ad_hoc_goes_on(&mut self, key: Key, scope: Key) -> Result<bool, Fault> {
        let Some(Kind::AdHoc { .. }) = self.inst.scopes.get(&scope).map(|scope| scope.kind.clone()) else {
            return Ok(true);
        };
        let Some(owner) = state_owner(self.inst, scope) else {
            return Ok(true);
        };
        let ad_hoc = self
            .node_of(owner)
            .and_then(|node| self.def.activity(node))
            .and_then(|activity| match &activity.work {
                Work::SubProcess {
                    ad_hoc: Some(ad_hoc), ..
                } => Some(ad_hoc),
                _ => None,
            });
        let Some(ad_hoc) = ad_hoc else { return Ok(true) };
        let Some(completion) = &ad_hoc.completion else {
            return Ok(true);
        };
        if !self.holds(completion, scope)? {
            return Ok(true);
        }
        if let Some(state) = self.inst.scopes.get_mut(&scope) {
            state.kind = Kind::AdHoc {
                left: VecDeque::new(),
                ending: true,
            };
        }
        if ad_hoc.cancel_remaining {
            self.empty_scope(scope, Some(key));
        }
        self.inst.tokens.remove(&key);
        self.ended(scope);
        Ok(false)
    }

    /// Whether an activity has a boundary event for this.
    pub fn boundary_for(&self, node: NodeIx, test: impl Fn(&EventDefinition) -> bool) -> Option<NodeIx> {
        let activity = self.def.activity(node)?;
        activity.boundary.iter().copied().find(|boundary| {
            self.def
                .event(*boundary)
                .is_some_and(|event| event.definitions.iter().any(&test))
        })
    }

    /// The variables that the process declares and nobody gave.
    pub fn declare(&mut self) {
        let mut missing = Map::new();
        for declared in &self.def.process.variables {
            if declared.scope.is_none() {
                missing.insert(
                    declared.name.clone(),
                    empty(declared.kind, declared.is_collection),
                );
            }
        }
        if let Some(root) = self.inst.scopes.get_mut(&ROOT) {
            for (name, value) in missing {
                root.variables.entry(name).or_insert(value);
            }
        }
    }
}

/// What a declared variable is before it is set.
fn empty(_: VariableKind, is_collection: bool) -> Json {
    if is_collection {
        Json::Array(Vec::new())
    } else {
        Json::Null
    }
}

/// Whether a script's format is FEEL.
pub fn is_feel(format: &str) -> bool {
    let format = format.trim().to_lowercase();
    format == "feel"
        || format.ends_with("/feel")
        || format.contains("dmn/feel")
        || format == "application/feel"
}
