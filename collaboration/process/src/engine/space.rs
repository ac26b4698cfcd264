//! Many instances in memory, with what passes between them: for trying a process out, for simulations, and for tests.
//! Nothing is kept; the clock is whatever the caller says.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use banyan_base::Ctx;
use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use crate::bpmn::model::{Definitions, EventDefinition, NodeIx};
use crate::engine::command::apply;
use crate::engine::compiled::Compiled;
use crate::engine::host::{Command, Effect, Entry, Host, NewTask, Refused};
use crate::engine::state::{Instance, Key, On, Standing};

/// One instance of the space.
#[derive(Debug)]
pub struct Case {
    pub process: String,
    pub def: Arc<Compiled>,
    pub inst: Instance,
    /// Who called it: the case and its token.
    pub parent: Option<(usize, Key)>,
}

/// A message nobody has received yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Letter {
    pub name: String,
    pub key: Option<String>,
    pub variables: Map<String, Json>,
}

/// Work that a worker outside would fetch.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    pub case: usize,
    pub token: Key,
    pub topic: String,
}

/// The space.
#[derive(Debug, Default)]
pub struct Space {
    pub defs: BTreeMap<String, Arc<Compiled>>,
    pub cases: Vec<Case>,
    pub tasks: Vec<(usize, NewTask)>,
    pub offers: Vec<Offer>,
    pub letters: Vec<Letter>,
    /// Everything that happened: when, in which case, what.
    pub trace: Vec<(Timestamp, usize, Entry)>,
    effects: VecDeque<(usize, Effect)>,
}

impl Space {
    /// A space in which the processes of a file are deployed.
    pub fn of(definitions: &Definitions) -> Space {
        let defs = definitions
            .processes
            .iter()
            .map(|process| (process.id.clone(), Arc::new(Compiled::new(process.clone()))))
            .collect();
        Space {
            defs,
            ..Space::default()
        }
    }

    /// Starts a process; gives the number of its case.
    ///
    /// # Errors
    /// Where there is no such process, or it can't be started so.
    pub fn start(
        &mut self,
        cx: &Ctx,
        host: &mut dyn Host,
        process: &str,
        variables: Map<String, Json>,
        at: Option<NodeIx>,
    ) -> Result<usize, Refused> {
        let case = self.begin(cx, host, process, variables, at, None)?;
        self.settle(cx, host);
        Ok(case)
    }

    fn begin(
        &mut self,
        cx: &Ctx,
        host: &mut dyn Host,
        process: &str,
        variables: Map<String, Json>,
        at: Option<NodeIx>,
        parent: Option<(usize, Key)>,
    ) -> Result<usize, Refused> {
        let def = self
            .defs
            .get(process)
            .or_else(|| {
                process
                    .rsplit_once('.')
                    .and_then(|(_, short)| self.defs.get(short))
            })
            .cloned()
            .ok_or_else(|| Refused::NoElement(process.to_owned()))?;
        let case = self.cases.len();
        self.cases.push(Case {
            process: process.to_owned(),
            def,
            inst: Instance::default(),
            parent,
        });
        match self.apply(cx, host, case, Command::Start { variables, at }) {
            Ok(()) => Ok(case),
            Err(refused) => {
                self.cases.truncate(case);
                Err(refused)
            }
        }
    }

    /// Carries out a command, and all that follows from it.
    ///
    /// # Errors
    /// Where the instance does not wait for it.
    pub fn command(
        &mut self,
        cx: &Ctx,
        host: &mut dyn Host,
        case: usize,
        command: Command,
    ) -> Result<(), Refused> {
        self.apply(cx, host, case, command)?;
        self.settle(cx, host);
        Ok(())
    }

    fn apply(
        &mut self,
        cx: &Ctx,
        host: &mut dyn Host,
        index: usize,
        command: Command,
    ) -> Result<(), Refused> {
        let Some(case) = self.cases.get_mut(index) else {
            return Err(Refused::Ended);
        };
        let outcome = apply(cx, &case.def, &mut case.inst, host, command)?;
        let ended = !case.inst.is_running();
        for entry in outcome.history {
            self.trace.push((cx.now, index, entry));
        }
        for effect in outcome.effects {
            self.effects.push_back((index, effect));
        }
        if ended {
            self.tell_parent(cx, host, index);
        }
        Ok(())
    }

    fn tell_parent(&mut self, cx: &Ctx, host: &mut dyn Host, index: usize) {
        let Some(case) = self.cases.get(index) else { return };
        let Some((parent, token)) = case.parent else {
            return;
        };
        let command = match (case.inst.standing, &case.inst.error) {
            (Standing::Completed, _) => Command::Worked {
                token,
                result: Json::Object(case.inst.variables()),
            },
            (Standing::Failed, Some((code, message))) => Command::Failed {
                token,
                code: code.clone(),
                message: message.clone(),
                again: false,
            },
            _ => return,
        };
        // A caller that ended meanwhile needs no answer.
        let _ = self.apply(cx, host, parent, command);
    }

    fn settle(&mut self, cx: &Ctx, host: &mut dyn Host) {
        while let Some((case, effect)) = self.effects.pop_front() {
            self.carry_out(cx, host, case, effect);
        }
    }

    fn carry_out(&mut self, cx: &Ctx, host: &mut dyn Host, case: usize, effect: Effect) {
        match effect {
            Effect::OpenTask(task) => self.tasks.push((case, *task)),
            Effect::CloseTask(token) => self.tasks.retain(|(of, task)| (*of, task.token) != (case, token)),
            Effect::Offer { token, topic, .. } => self.offers.push(Offer { case, token, topic }),
            Effect::Withdraw(token) => self
                .offers
                .retain(|offer| (offer.case, offer.token) != (case, token)),
            Effect::Subscribe(sub, On::Message { name, key }) => {
                let waiting = self
                    .letters
                    .iter()
                    .position(|letter| letter.name == name && (key.is_none() || letter.key == key));
                if let Some(place) = waiting {
                    let letter = self.letters.remove(place);
                    let arrived = Command::Arrived {
                        sub,
                        variables: letter.variables.clone(),
                    };
                    if self.apply(cx, host, case, arrived).is_err() {
                        self.letters.push(letter);
                    }
                }
            }
            Effect::Subscribe(..) | Effect::Unsubscribe(_) => {}
            Effect::Call {
                token,
                process,
                variables,
            } => {
                let begun = self.begin(cx, host, &process, variables, None, Some((case, token)));
                if let Err(refused) = begun {
                    let failed = Command::Failed {
                        token,
                        code: "call".into(),
                        message: refused.to_string(),
                        again: false,
                    };
                    let _ = self.apply(cx, host, case, failed);
                }
            }
            Effect::EndCall(token) => {
                let called = self
                    .cases
                    .iter()
                    .position(|other| other.parent == Some((case, token)) && other.inst.is_running());
                if let Some(called) = called {
                    let _ = self.apply(cx, host, called, Command::Cancel);
                }
            }
            Effect::Send {
                name, key, variables, ..
            } => self.deliver(cx, host, Letter { name, key, variables }),
            Effect::Broadcast { name, variables } => self.broadcast(cx, host, &name, &variables, Some(case)),
            Effect::Escalate { code } => {
                if let Some((parent, token)) = self.cases.get(case).and_then(|case| case.parent) {
                    let _ = self.apply(cx, host, parent, Command::Escalated { token, code });
                }
            }
        }
    }

    /// A message from outside.
    pub fn publish(&mut self, cx: &Ctx, host: &mut dyn Host, letter: Letter) {
        self.deliver(cx, host, letter);
        self.settle(cx, host);
    }

    /// A signal from outside.
    pub fn signal(&mut self, cx: &Ctx, host: &mut dyn Host, name: &str, variables: &Map<String, Json>) {
        self.broadcast(cx, host, name, variables, None);
        self.settle(cx, host);
    }

    fn deliver(&mut self, cx: &Ctx, host: &mut dyn Host, letter: Letter) {
        let waiting = self.cases.iter().enumerate().find_map(|(index, case)| {
            let sub = case.inst.subs.iter().find(|(_, sub)| match &sub.on {
                On::Message { name, key } => *name == letter.name && (key.is_none() || *key == letter.key),
                _ => false,
            });
            sub.map(|(sub, _)| (index, *sub))
        });
        if let Some((case, sub)) = waiting {
            let arrived = Command::Arrived {
                sub,
                variables: letter.variables,
            };
            let _ = self.apply(cx, host, case, arrived);
            return;
        }
        let started = self.started_by(
            |definition| matches!(definition, EventDefinition::Message(message) if message.name == letter.name),
        );
        match started.into_iter().next() {
            Some((process, node)) => {
                let _ = self.begin(cx, host, &process, letter.variables, Some(node), None);
            }
            None => self.letters.push(letter),
        }
    }

    fn started_by(&self, test: impl Fn(&EventDefinition) -> bool) -> Vec<(String, NodeIx)> {
        self.defs
            .iter()
            .flat_map(|(id, def)| {
                def.triggers()
                    .into_iter()
                    .filter(|(_, definition)| definition.as_ref().is_some_and(&test))
                    .map(|(node, _)| (id.clone(), node))
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    fn broadcast(
        &mut self,
        cx: &Ctx,
        host: &mut dyn Host,
        name: &str,
        variables: &Map<String, Json>,
        but: Option<usize>,
    ) {
        let hearing: Vec<(usize, Key)> = self
            .cases
            .iter()
            .enumerate()
            .filter(|(index, _)| Some(*index) != but)
            .flat_map(|(index, case)| {
                case.inst
                    .subs
                    .iter()
                    .filter(|(_, sub)| matches!(&sub.on, On::Signal(other) if other == name))
                    .map(move |(sub, _)| (index, *sub))
            })
            .collect();
        for (case, sub) in hearing {
            let arrived = Command::Arrived {
                sub,
                variables: variables.clone(),
            };
            let _ = self.apply(cx, host, case, arrived);
        }
        let started = self.started_by(
            |definition| matches!(definition, EventDefinition::Signal { name: other } if other == name),
        );
        for (process, node) in started {
            let _ = self.begin(cx, host, &process, variables.clone(), Some(node), None);
        }
    }

    /// The next moment at which a clock rings.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.cases
            .iter()
            .filter_map(|case| case.inst.next_due())
            .filter(|due| *due < Timestamp::MAX)
            .min()
    }

    /// Lets clocks ring that are due now.
    pub fn clock(&mut self, cx: &Ctx, host: &mut dyn Host) {
        let due: Vec<usize> = self
            .cases
            .iter()
            .enumerate()
            .filter(|(_, case)| case.inst.next_due().is_some_and(|due| due <= cx.now))
            .map(|(index, _)| index)
            .collect();
        for case in due {
            let _ = self.apply(cx, host, case, Command::Clock);
            self.settle(cx, host);
        }
    }
}
