//! Commands: the ways into an instance from outside.

use banyan_base::Ctx;
use serde_json::{Map, Value as Json, json};

use crate::bpmn::model::{NodeIx, NodeKind};
use crate::engine::compiled::Compiled;
use crate::engine::host::{Command, Host, Modification, Outcome, Performed, Refused};
use crate::engine::run::Run;
use crate::engine::state::{Instance, Key, Kind, ROOT, Scope, Standing, Step, Wait};

/// Carries a command out: the instance's new state, and what must happen outside. On refusal nothing has changed.
///
/// # Errors
/// Where the instance does not wait for this.
pub fn apply(
    cx: &Ctx,
    def: &Compiled,
    inst: &mut Instance,
    host: &mut dyn Host,
    command: Command,
) -> Result<Outcome, Refused> {
    if !inst.is_running() {
        return Err(Refused::Ended);
    }
    let mut run = Run::new(cx, def, inst, host);
    run.command(command)?;
    run.drain();
    Ok(run.out)
}

impl Run<'_> {
    fn waits(&self, token: Key, test: impl Fn(&Wait) -> bool) -> Result<NodeIx, Refused> {
        match self.inst.tokens.get(&token) {
            Some(found) if test(&found.wait) => Ok(found.node),
            _ => Err(Refused::NoToken(token)),
        }
    }

    fn command(&mut self, command: Command) -> Result<(), Refused> {
        match command {
            Command::Start { variables, at } => self.start(variables, at),
            Command::TaskDone { token, values, doer } => {
                let node = self.waits(token, |wait| *wait == Wait::Task)?;
                self.inst.doers.entry(node).or_default().insert(doer);
                self.go_on(token, Step::Leave(Json::Object(values)));
                Ok(())
            }
            Command::Worked { token, result } => {
                self.waits(token, |wait| matches!(wait, Wait::Work(_) | Wait::Call))?;
                self.go_on(token, Step::Leave(result));
                Ok(())
            }
            Command::Failed {
                token,
                code,
                message,
                again,
            } => {
                let node = self.waits(token, |wait| matches!(wait, Wait::Work(_) | Wait::Call))?;
                let failed = match self.inst.tokens.get(&token).map(|token| &token.wait) {
                    Some(Wait::Work(failed)) => *failed,
                    _ => 0,
                };
                let failure = Performed::Failed { code, message, again };
                if let Some(activity) = self.def.activity(node) {
                    self.performed(token, activity, failed, failure);
                }
                Ok(())
            }
            Command::Escalated { token, code } => {
                self.waits(token, |wait| *wait == Wait::Call)?;
                self.escalate(token, code.as_deref());
                Ok(())
            }
            Command::Arrived { sub, variables } => {
                if !self.inst.subs.contains_key(&sub) {
                    return Err(Refused::NoToken(sub));
                }
                self.happen(sub, variables);
                Ok(())
            }
            Command::Clock => {
                self.clocks();
                Ok(())
            }
            Command::Retry { token, variables } => self.retry(token, &variables),
            Command::Cancel => {
                self.finish(Standing::Cancelled, None);
                Ok(())
            }
            Command::Modify(modification) => self.modify(&modification),
            Command::Rewire => {
                self.rewire();
                Ok(())
            }
        }
    }

    fn start(&mut self, variables: Map<String, Json>, at: Option<NodeIx>) -> Result<(), Refused> {
        self.inst.scopes.insert(
            ROOT,
            Scope {
                kind: Kind::Flow,
                variables,
                ..Scope::default()
            },
        );
        self.declare();
        let given = self.inst.variables();
        self.note(None, None, "variables", Json::Object(given));
        match at {
            Some(node) => self.start_at(node),
            None => match self.def.none_start(None) {
                Some(start) => {
                    self.put(start, ROOT, None);
                }
                None => {
                    let roots = self.def.roots(None);
                    if roots.is_empty() || !self.def.triggers().is_empty() {
                        return Err(Refused::NoStart(
                            "它由消息、信号或时钟启动,没有可直接启动的开始事件".into(),
                        ));
                    }
                    for root in roots {
                        self.put(root, ROOT, None);
                    }
                }
            },
        }
        if let Err(fault) = self.listen(ROOT, None) {
            return Err(Refused::NoStart(fault.message));
        }
        Ok(())
    }

    /// Something has happened at a start event, an instantiating receive task, or an event of an instantiating gateway.
    fn start_at(&mut self, node: NodeIx) {
        let key = self.put_at(node, ROOT, None, Step::Leave(Json::Null));
        self.note(Some(node), Some(key), "caught", Json::Null);
        // The other events of a gateway that needs all of them are waited for.
        let incoming = self.incoming(node);
        for flow in incoming {
            let Some(gateway) = self.def.process.flows.get(flow).map(|flow| flow.source) else {
                continue;
            };
            let all = match self.def.node(gateway).map(|node| &node.kind) {
                Some(NodeKind::Gateway(gateway)) => matches!(
                    gateway.kind,
                    crate::bpmn::model::GatewayKind::EventBased {
                        instantiate: true,
                        parallel: true
                    }
                ),
                _ => false,
            };
            if all {
                for other in self.def.targets(gateway) {
                    if other != node {
                        self.put(other, ROOT, None);
                    }
                }
            }
        }
    }

    fn retry(&mut self, token: Key, variables: &Map<String, Json>) -> Result<(), Refused> {
        self.waits(token, |wait| matches!(wait, Wait::Incident(_)))?;
        let step = match self.inst.tokens.get(&token).map(|token| &token.wait) {
            Some(Wait::Incident(trouble)) => trouble.step.clone(),
            _ => return Err(Refused::NoToken(token)),
        };
        let scope = self.scope_of(token);
        self.assign(scope, variables)
            .map_err(|fault| Refused::NoStart(fault.message))?;
        let node = self.node_of(token);
        self.note(node, Some(token), "retried", Json::Null);
        if step == Step::Body {
            // Tried once: whoever looks is to see at once whether it is mended.
            self.exhaust(token);
        }
        self.go_on(token, step);
        Ok(())
    }

    fn modify(&mut self, modification: &Modification) -> Result<(), Refused> {
        for token in &modification.terminate {
            if !self.inst.tokens.contains_key(token) {
                return Err(Refused::NoToken(*token));
            }
        }
        let mut starts = Vec::new();
        for start in &modification.start {
            let refused = || Refused::NoElement(start.element.clone());
            let node = self.def.process.find(&start.element).ok_or_else(refused)?;
            let parent = self.def.node(node).and_then(|node| node.parent);
            let scope = match parent {
                None => ROOT,
                // The running sub-process in which it stands.
                Some(parent) => self
                    .inst
                    .tokens
                    .values()
                    .find(|token| token.node == parent && token.wait == Wait::Inside)
                    .and_then(|token| token.inner)
                    .ok_or_else(refused)?,
            };
            let can = match self.def.node(node).map(|node| &node.kind) {
                Some(NodeKind::Activity(_) | NodeKind::Gateway(_)) => true,
                Some(NodeKind::Event(event)) => {
                    !matches!(event.position, crate::bpmn::model::Position::Boundary { .. })
                }
                None => false,
            };
            if !can {
                return Err(refused());
            }
            starts.push((node, scope));
        }
        self.assign(ROOT, &modification.variables)
            .map_err(|fault| Refused::NoStart(fault.message))?;
        self.note(
            None,
            None,
            "modified",
            json!({ "terminate": modification.terminate, "start": modification.start }),
        );
        for (node, scope) in starts {
            self.put(node, scope, None);
        }
        for token in &modification.terminate {
            // A token inside one that was taken away is gone already.
            let Some(scope) = self.inst.tokens.get(token).map(|token| token.scope) else {
                continue;
            };
            self.cancel(*token);
            self.ended(scope);
        }
        Ok(())
    }
}
