//! Standard loops and multi-instance activities, 会签 among them.

use serde_json::{Map, Value as Json, json};

use crate::bpmn::model::{Activity, Behavior, EventDefinition, MultiInstance, NodeIx, Repeat, VoteRule};
use crate::engine::host::Effect;
use crate::engine::run::{Fault, Run, fault};
use crate::engine::state::{Counts, Key, Kind, Scope, Step, Token, Wait};

/// Most instances of one activity at a time.
pub const INSTANCE_LIMIT: usize = 10_000;

impl Run<'_> {
    pub fn begin_repeat(
        &mut self,
        key: Key,
        node: NodeIx,
        activity: &Activity,
        repeat: &Repeat,
    ) -> Result<(), Fault> {
        let scope = self.scope_of(key);
        let mut counts = Counts::default();
        let mut at_once = 1;
        match repeat {
            Repeat::Loop {
                condition,
                maximum,
                test_before,
            } => {
                let none = *maximum == Some(0);
                let stops = match condition {
                    Some(condition) if *test_before => !self.holds(condition, scope)?,
                    _ => false,
                };
                if none || stops {
                    return self.complete(key, node, activity);
                }
            }
            Repeat::Multi(multi) => {
                let items = self.items(multi, scope)?;
                if items.is_empty() {
                    self.result_of(multi, scope, &counts, Some(true))?;
                    return self.complete(key, node, activity);
                }
                counts.total = u32::try_from(items.len()).ok();
                counts.outputs = vec![Json::Null; items.len()];
                if !multi.sequential {
                    at_once = items.len();
                }
                counts.items = items;
            }
        }
        let all = self.new_scope(scope, key, Kind::Repeat(Box::new(counts)), Map::new());
        if let Some(token) = self.inst.tokens.get_mut(&key) {
            token.inner = Some(all);
            token.wait = Wait::Repeats;
        }
        for _ in 0..at_once {
            self.spawn(key, node, all, activity);
        }
        Ok(())
    }

    fn items(&mut self, multi: &MultiInstance, scope: Key) -> Result<Vec<Json>, Fault> {
        let none = Map::new();
        let items = if let Some(collection) = &multi.collection {
            match self.value(collection, scope, &none)? {
                Json::Array(items) => items,
                Json::Null => Vec::new(),
                one => vec![one],
            }
        } else if let Some(cardinality) = &multi.cardinality {
            let value = self.value(cardinality, scope, &none)?;
            let count = value
                .as_i64()
                .or_else(|| {
                    value
                        .as_f64()
                        .filter(|number| number.fract() == 0.0)
                        .map(|number| number as i64)
                })
                .filter(|count| *count >= 0);
            let Some(count) = count else {
                return fault(
                    "cardinality",
                    format!("多实例的个数应是不小于 0 的整数,得到的是 {value}"),
                );
            };
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            if count > INSTANCE_LIMIT {
                return fault(
                    "cardinality",
                    format!("多实例最多 {INSTANCE_LIMIT} 个,得到的是 {count}"),
                );
            }
            vec![Json::Null; count]
        } else {
            return fault("model", "多实例没有写明个数或集合");
        };
        if items.len() > INSTANCE_LIMIT {
            return fault(
                "cardinality",
                format!("多实例最多 {INSTANCE_LIMIT} 个,得到的是 {}", items.len()),
            );
        }
        Ok(items)
    }

    fn counts(&mut self, all: Key) -> Option<&mut Counts> {
        match self.inst.scopes.get_mut(&all).map(|scope| &mut scope.kind) {
            Some(Kind::Repeat(counts)) => Some(counts),
            _ => None,
        }
    }

    fn spawn(&mut self, owner: Key, node: NodeIx, all: Key, activity: &Activity) {
        let Some(counts) = self.counts(all) else { return };
        counts.started += 1;
        let number = counts.started;
        let index = usize::try_from(number - 1).unwrap_or(usize::MAX);
        let item = counts.items.get(index).cloned().unwrap_or(Json::Null);
        let mut variables = Map::new();
        variables.insert("loopCounter".into(), json!(number));
        if let Some(Repeat::Multi(multi)) = &activity.repeat
            && let Some(element) = &multi.element
        {
            variables.insert(element.clone(), item);
        }
        let scope = self.inst.key();
        self.inst.scopes.insert(
            scope,
            Scope {
                parent: Some(all),
                owner: Some(owner),
                kind: Kind::Local,
                variables,
                ..Scope::default()
            },
        );
        let token = self.inst.key();
        self.inst.tokens.insert(
            token,
            Token {
                node,
                scope,
                via: None,
                wait: Wait::Ready(Step::Body),
                since: self.cx.now,
                inner: None,
                repeated: true,
                undoes_for: None,
            },
        );
        self.note(Some(node), Some(token), "entered", json!({ "instance": number }));
        self.ready.push_back(token);
    }

    /// One of the instances is done.
    pub fn instance_done(&mut self, token: Key, node: NodeIx, activity: &Activity) -> Result<(), Fault> {
        let scope = self.scope_of(token);
        let Some(all) = self.inst.scopes.get(&scope).and_then(|scope| scope.parent) else {
            return Ok(());
        };
        let Some(owner) = self.inst.scopes.get(&all).and_then(|scope| scope.owner) else {
            return Ok(());
        };
        let own = self.inst.visible(scope);
        // Everything that can fail comes first: the instance can then be tried again as a whole.
        let output = match &activity.repeat {
            Some(Repeat::Multi(multi)) => match &multi.output_element {
                Some(feel) => Some(self.evaluate(feel, &own)?),
                None => None,
            },
            _ => None,
        };
        let Some(counts) = self.counts(all) else {
            return Ok(());
        };
        let mut next = counts.clone();
        next.completed += 1;
        if let Some(output) = output {
            let index = own
                .get("loopCounter")
                .and_then(Json::as_u64)
                .and_then(|number| usize::try_from(number).ok())
                .unwrap_or(1)
                .saturating_sub(1);
            if let Some(place) = next.outputs.get_mut(index) {
                *place = output;
            }
        }
        let mut carried = None;
        let done = match &activity.repeat {
            Some(Repeat::Loop {
                condition, maximum, ..
            }) => {
                let enough = maximum.is_some_and(|maximum| next.completed >= maximum);
                enough
                    || match condition {
                        Some(condition) => {
                            let outer = self.scope_of(owner);
                            let mut names = self.inst.visible(outer);
                            names.insert("loopCounter".into(), json!(next.completed));
                            self.evaluate(condition, &names)? != Json::Bool(true)
                        }
                        None => maximum.is_none(),
                    }
            }
            Some(Repeat::Multi(multi)) => {
                if let Some(vote) = &multi.vote {
                    match own.get(&vote.variable) {
                        Some(Json::Bool(true)) => next.yes += 1,
                        _ => next.no += 1,
                    }
                    carried = decided(vote.rule, &next);
                }
                let completes = match &multi.completion {
                    Some(completion) if multi.vote.is_none() => {
                        let names = told(multi, &own, &next);
                        self.evaluate(completion, &names)? == Json::Bool(true)
                    }
                    _ => false,
                };
                self.behave(owner, node, multi, &own, &next)?;
                carried.is_some() || completes || Some(next.completed) >= next.total
            }
            None => true,
        };
        self.note(Some(node), Some(token), "completed", Json::Null);
        self.inst.tokens.remove(&token);
        self.drop_scope(scope);
        if !self.inst.tokens.contains_key(&owner) {
            return Ok(());
        }
        if let Some(counts) = self.counts(all) {
            *counts = next.clone();
        }
        if done {
            return self.end_repeat(owner, node, activity, all, &next, carried);
        }
        let one_by_one = match &activity.repeat {
            Some(Repeat::Multi(multi)) => multi.sequential,
            _ => true,
        };
        if one_by_one {
            self.spawn(owner, node, all, activity);
        }
        Ok(())
    }

    fn end_repeat(
        &mut self,
        owner: Key,
        node: NodeIx,
        activity: &Activity,
        all: Key,
        counts: &Counts,
        carried: Option<bool>,
    ) -> Result<(), Fault> {
        self.drop_scope(all);
        if let Some(token) = self.inst.tokens.get_mut(&owner) {
            token.inner = None;
        }
        let scope = self.scope_of(owner);
        if let Some(Repeat::Multi(multi)) = &activity.repeat
            && let Err(fault) = self.result_of(multi, scope, counts, carried)
        {
            self.trouble(owner, fault, Step::Body);
            return Ok(());
        }
        if let Err(fault) = self.complete(owner, node, activity) {
            // The instances are done: only leaving is tried again.
            self.trouble(owner, fault, Step::Leave(Json::Null));
        }
        Ok(())
    }

    fn result_of(
        &mut self,
        multi: &MultiInstance,
        scope: Key,
        counts: &Counts,
        carried: Option<bool>,
    ) -> Result<(), Fault> {
        let mut values = Map::new();
        if let Some(name) = &multi.output_collection {
            values.insert(name.clone(), Json::Array(counts.outputs.clone()));
        }
        if let Some(vote) = &multi.vote {
            values.insert(vote.result.clone(), Json::Bool(carried.unwrap_or(false)));
        }
        self.assign(scope, &values)
    }

    /// Tells the boundary events of an instance that was completed.
    fn behave(
        &mut self,
        owner: Key,
        node: NodeIx,
        multi: &MultiInstance,
        own: &Map<String, Json>,
        counts: &Counts,
    ) -> Result<(), Fault> {
        match multi.behavior {
            Behavior::All => {}
            Behavior::One => {
                if counts.completed == 1
                    && let Some(event) = &multi.event
                {
                    self.tell(owner, node, event);
                }
            }
            Behavior::None => {
                if let Some(event) = &multi.event {
                    self.tell(owner, node, event);
                }
            }
            Behavior::Complex => {
                let names = told(multi, own, counts);
                for (condition, event) in &multi.complex {
                    if self.evaluate(condition, &names)? == Json::Bool(true) {
                        self.tell(owner, node, event);
                    }
                }
            }
        }
        Ok(())
    }

    /// Such an event is caught on the boundary of its activity and does not end it: the other instances go on.
    fn tell(&mut self, owner: Key, node: NodeIx, event: &EventDefinition) {
        let same = |definition: &EventDefinition| match (definition, event) {
            (EventDefinition::Signal { name: a }, EventDefinition::Signal { name: b }) => a == b,
            (EventDefinition::Message(a), EventDefinition::Message(b)) => a.name == b.name,
            (EventDefinition::Escalation { code: a }, EventDefinition::Escalation { code: b }) => {
                a.is_none() || a == b
            }
            (EventDefinition::Error { code: a }, EventDefinition::Error { code: b }) => a.is_none() || a == b,
            _ => false,
        };
        let scope = self.scope_of(owner);
        if let Some(boundary) = self.boundary_for(node, same) {
            self.note(Some(boundary), Some(owner), "caught", Json::Null);
            self.put_at(boundary, scope, None, Step::Leave(Json::Null));
            return;
        }
        match event {
            EventDefinition::Signal { name } => {
                let name = name.clone();
                self.signal(&name, &Map::new());
                self.effect(Effect::Broadcast {
                    name,
                    variables: Map::new(),
                });
            }
            EventDefinition::Escalation { code } => {
                let code = code.clone();
                self.escalate(owner, code.as_deref());
            }
            _ => {}
        }
    }
}

/// What a completion condition sees.
fn told(multi: &MultiInstance, own: &Map<String, Json>, counts: &Counts) -> Map<String, Json> {
    let mut names = own.clone();
    let total = counts.total.unwrap_or(counts.started);
    names.insert("numberOfInstances".into(), json!(total));
    names.insert(
        "numberOfActiveInstances".into(),
        json!(
            counts
                .started
                .saturating_sub(counts.completed + counts.terminated)
        ),
    );
    names.insert("numberOfCompletedInstances".into(), json!(counts.completed));
    names.insert("numberOfTerminatedInstances".into(), json!(counts.terminated));
    if let Some(name) = &multi.output_collection {
        names.insert(name.clone(), Json::Array(counts.outputs.clone()));
    }
    names
}

/// What came of a vote, once that is sure.
fn decided(rule: VoteRule, counts: &Counts) -> Option<bool> {
    let total = counts.total.unwrap_or(0);
    match rule {
        VoteRule::All if counts.no > 0 => Some(false),
        VoteRule::All if counts.yes >= total => Some(true),
        VoteRule::Any if counts.yes > 0 => Some(true),
        VoteRule::Any if counts.no >= total => Some(false),
        VoteRule::Ratio(share) => {
            // A hair less, for what floating-point numbers leave of whole shares.
            let wanted = share * f64::from(total) - 1e-9;
            if f64::from(counts.yes) >= wanted {
                Some(true)
            } else if f64::from(total.saturating_sub(counts.no)) < wanted {
                Some(false)
            } else {
                None
            }
        }
        _ => None,
    }
}
