//! Instances in a transaction: a command, everything that follows from it, in this instance and in others, and its storing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use banyan_base::{Ctx, Problem, codes};
use banyan_door::Door;
use banyan_store::Tx;
use serde_json::{Map, Value as Json};

use crate::definition::{Definition, qualified};
use crate::desk::Desk;
use crate::engine::state::{On, Wait};
use crate::engine::{Command, Effect, Entry, Instance, Key, Standing, apply};
use crate::instance::{self, Record};
use crate::{Engine, Error, message, task, work};

mod store;

/// Instances that one command may touch: more is a loop of processes that start one another.
const CASCADE: usize = 2_000;

struct Loaded {
    record: Record,
    /// None: it is not stored yet.
    stored: Option<i64>,
    inst: Instance,
    definition: Arc<Definition>,
    history: Vec<Entry>,
    /// Tokens whose incidents are stored.
    stuck: BTreeSet<Key>,
    dirty: bool,
}

/// How an instance is started.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// `<package>.<process>`.
    pub process: String,
    pub version: Option<i64>,
    pub variables: Map<String, Json>,
    pub business_key: Option<String>,
    /// The node at which something happened that starts it.
    pub at: Option<usize>,
    /// The instance and token that call it.
    pub parent: Option<(String, Key)>,
}

/// The work of one transaction on instances. Nothing is stored before [`Session::finish`].
pub struct Session<'a, 't> {
    pub engine: &'a Engine,
    pub cx: &'a Ctx,
    pub door: &'a Door,
    pub tx: &'a mut Tx<'t>,
    loaded: BTreeMap<String, Loaded>,
    queue: VecDeque<(String, Effect)>,
}

impl<'a, 't> Session<'a, 't> {
    pub fn new(engine: &'a Engine, cx: &'a Ctx, door: &'a Door, tx: &'a mut Tx<'t>) -> Session<'a, 't> {
        Session {
            engine,
            cx,
            door,
            tx,
            loaded: BTreeMap::new(),
            queue: VecDeque::new(),
        }
    }

    /// Starts an instance; gives its id.
    ///
    /// # Errors
    /// Where there is no such process, or it can't be started so.
    pub fn start(&mut self, start: Start) -> Result<String, Problem> {
        let id = self.begin(start)?;
        self.settle()?;
        Ok(id)
    }

    fn begin(&mut self, start: Start) -> Result<String, Problem> {
        let version = match start.version {
            Some(version) => version,
            None => self
                .engine
                .current(self.tx, &start.process)?
                .ok_or_else(|| Error::NoProcess(start.process.clone()))?,
        };
        let definition = self.engine.definition(self.tx, &start.process, version)?;
        if self.loaded.len() >= CASCADE {
            return Err(Problem::new(
                codes::INVALID,
                format!("一步牵动了 {CASCADE} 个以上的流程实例:流程可能在互相启动。"),
            ));
        }
        let business_key = match (start.business_key, &definition.process().business_key) {
            (Some(key), _) => Some(key),
            (None, Some(feel)) => match definition.compiled.evaluate(self.cx, feel, &start.variables) {
                Ok(Json::String(key)) => Some(key),
                Ok(Json::Number(key)) => Some(key.to_string()),
                _ => None,
            },
            (None, None) => None,
        };
        let id = self.cx.id().into_string();
        let record = Record {
            id: id.clone(),
            process: start.process,
            version,
            state: "running".into(),
            incidents: 0,
            business_key,
            revision: 1,
            started_at: self.cx.now_text(),
            started_by: self.cx.actor.id.clone(),
            ended_at: None,
            parent: start.parent.as_ref().map(|(parent, _)| parent.clone()),
            parent_token: start.parent.map(|(_, token)| token),
        };
        self.loaded.insert(
            id.clone(),
            Loaded {
                record,
                stored: None,
                inst: Instance::default(),
                definition,
                history: Vec::new(),
                stuck: BTreeSet::new(),
                dirty: true,
            },
        );
        self.tell_instance(&id, "started")?;
        let command = Command::Start {
            variables: start.variables,
            at: start.at,
        };
        if let Err(problem) = self.apply(&id, command) {
            self.loaded.remove(&id);
            return Err(problem);
        }
        Ok(id)
    }

    /// Carries out a command on an instance, and all that follows.
    ///
    /// # Errors
    /// Where there is no such instance, or it does not wait for that.
    pub fn command(&mut self, id: &str, command: Command) -> Result<(), Problem> {
        self.apply(id, command)?;
        self.settle()
    }

    /// Completes the open task of a token, whoever has it, as the session's actor. What the door checks is not checked here:
    /// for those who act for the platform itself.
    ///
    /// # Errors
    /// As [`Session::command`].
    pub fn complete_task(&mut self, id: &str, token: Key, values: Map<String, Json>) -> Result<(), Problem> {
        let definition = Arc::clone(self.look(id)?.1);
        if let Some(told) = task::finish(self.cx, self.tx, id, token)? {
            self.tell_task(&definition, &told, "completed")?;
        }
        let doer = self.cx.actor.id.clone();
        self.command(id, Command::TaskDone { token, values, doer })
    }

    /// The instance as it stands now.
    ///
    /// # Errors
    /// Where there is none.
    pub fn look(&mut self, id: &str) -> Result<(&Instance, &Arc<Definition>), Problem> {
        self.load(id)?;
        self.loaded
            .get(id)
            .map(|loaded| (&loaded.inst, &loaded.definition))
            .ok_or_else(|| Error::NoInstance(id.to_owned()).into())
    }

    fn load(&mut self, id: &str) -> Result<(), Problem> {
        if self.loaded.contains_key(id) {
            return Ok(());
        }
        let (record, inst) = instance::take(self.tx, id)?.ok_or_else(|| Error::NoInstance(id.to_owned()))?;
        let definition = self.engine.definition(self.tx, &record.process, record.version)?;
        let stuck = inst.troubles().map(|(token, _, _)| token).collect();
        self.loaded.insert(
            id.to_owned(),
            Loaded {
                stored: Some(record.revision),
                record,
                inst,
                definition,
                history: Vec::new(),
                stuck,
                dirty: false,
            },
        );
        Ok(())
    }

    fn apply(&mut self, id: &str, command: Command) -> Result<(), Problem> {
        self.load(id)?;
        let Some(loaded) = self.loaded.get_mut(id) else {
            return Ok(());
        };
        let before = loaded.inst.standing;
        let mut desk = Desk {
            engine: self.engine,
            cx: self.cx,
            door: self.door,
            tx: &mut *self.tx,
        };
        let outcome = apply(
            self.cx,
            &loaded.definition.compiled,
            &mut loaded.inst,
            &mut desk,
            command,
        )
        .map_err(|refused| Error::Refused {
            instance: id.to_owned(),
            refused,
        })?;
        loaded.dirty = true;
        loaded.history.extend(outcome.history);
        for effect in netted(outcome.effects) {
            self.queue.push_back((id.to_owned(), effect));
        }
        let after = loaded.inst.standing;
        if before == Standing::Running && after != Standing::Running {
            self.ended(id)?;
        }
        Ok(())
    }

    /// An instance has ended: whoever called it is told.
    fn ended(&mut self, id: &str) -> Result<(), Problem> {
        let Some(loaded) = self.loaded.get_mut(id) else {
            return Ok(());
        };
        loaded.record.ended_at = Some(self.cx.now_text());
        let inst = &loaded.inst;
        let (parent, token) = (loaded.record.parent.clone(), loaded.record.parent_token);
        let standing = inst.standing;
        let answer = match (standing, token, &inst.error) {
            (Standing::Completed, Some(token), _) => Some(Command::Worked {
                token,
                result: Json::Object(inst.variables()),
            }),
            (Standing::Failed, Some(token), error) => {
                let (code, message) = error.clone().unwrap_or_default();
                Some(Command::Failed {
                    token,
                    code,
                    message,
                    again: false,
                })
            }
            _ => None,
        };
        self.tell_instance(id, instance::standing(standing))?;
        if let (Some(parent), Some(answer)) = (parent, answer) {
            // A caller that ended meanwhile needs no answer.
            match self.apply(&parent, answer) {
                Err(problem) if problem.code == codes::TRANSITION_REFUSED => {}
                done => done?,
            }
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<(), Problem> {
        let mut rounds = 0_usize;
        while let Some((id, effect)) = self.queue.pop_front() {
            rounds += 1;
            if rounds > CASCADE * 10 {
                return Err(Problem::new(
                    codes::INVALID,
                    "一步牵动的事太多:流程可能在互相启动或互发消息。",
                ));
            }
            self.carry_out(&id, effect)?;
        }
        Ok(())
    }

    fn carry_out(&mut self, id: &str, effect: Effect) -> Result<(), Problem> {
        match effect {
            Effect::OpenTask(new) => {
                let Some(loaded) = self.loaded.get(id) else {
                    return Ok(());
                };
                let (record, definition) = (loaded.record.clone(), Arc::clone(&loaded.definition));
                let made = task::open(self.cx, self.tx, &record, &definition, &new)?;
                self.tell_task(&definition, &made, "created")
            }
            Effect::CloseTask(token) => task::close(self.cx, self.tx, id, token),
            Effect::Offer { token, topic, inputs } => {
                work::offer(self.cx, self.tx, id, token, &topic, &inputs)
            }
            Effect::Withdraw(token) => work::withdraw(self.tx, id, token),
            Effect::Subscribe(sub, on) => self.subscribe(id, sub, &on),
            Effect::Unsubscribe(sub) => message::unsubscribe(self.tx, id, sub),
            Effect::Call {
                token,
                process,
                variables,
            } => self.call(id, token, &process, variables),
            Effect::EndCall(token) => match self.called(id, token)? {
                Some(called) => self.apply(&called, Command::Cancel),
                None => Ok(()),
            },
            Effect::Send {
                name,
                key,
                time_to_live,
                variables,
            } => {
                let letter = message::Letter {
                    name,
                    key,
                    id: None,
                    time_to_live,
                    variables,
                };
                self.deliver(letter).map(|_| ())
            }
            Effect::Broadcast { name, variables } => self.signal(&name, &variables, Some(id)),
            Effect::Escalate { code } => {
                let parent = self
                    .loaded
                    .get(id)
                    .and_then(|loaded| Some((loaded.record.parent.clone()?, loaded.record.parent_token?)));
                match parent {
                    Some((parent, token)) => self.apply(&parent, Command::Escalated { token, code }),
                    None => Ok(()),
                }
            }
        }
    }

    fn called(&mut self, id: &str, token: Key) -> Result<Option<String>, Problem> {
        let here = self.loaded.iter().find(|(_, loaded)| {
            loaded.record.parent.as_deref() == Some(id)
                && loaded.record.parent_token == Some(token)
                && loaded.inst.is_running()
        });
        match here {
            Some((called, _)) => Ok(Some(called.clone())),
            None => instance::called(self.tx, id, token),
        }
    }

    fn call(
        &mut self,
        id: &str,
        token: Key,
        process: &str,
        variables: Map<String, Json>,
    ) -> Result<(), Problem> {
        let Some(package) = self
            .loaded
            .get(id)
            .map(|loaded| loaded.definition.package.clone())
        else {
            return Ok(());
        };
        let begun = self.begin(Start {
            process: qualified(&package, process),
            variables,
            parent: Some((id.to_owned(), token)),
            ..Start::default()
        });
        match begun {
            Ok(_) => Ok(()),
            Err(problem) => self.apply(
                id,
                Command::Failed {
                    token,
                    code: problem.code.name.to_owned(),
                    message: crate::desk::told(&problem),
                    again: false,
                },
            ),
        }
    }

    fn subscribe(&mut self, id: &str, sub: Key, on: &On) -> Result<(), Problem> {
        match on {
            On::Message { name, key } => {
                message::as_receiver(self.tx, name, key.as_deref())?;
                let Some(letter) = message::take_letter(self.cx, self.tx, name, key.as_deref())? else {
                    return message::subscribe(self.tx, id, sub, "message", name, key.as_deref());
                };
                message::subscribe(self.tx, id, sub, "message", name, key.as_deref())?;
                self.apply(
                    id,
                    Command::Arrived {
                        sub,
                        variables: letter,
                    },
                )
            }
            On::Signal(name) => message::subscribe(self.tx, id, sub, "signal", name, None),
            _ => Ok(()),
        }
    }

    /// Delivers a message: to one who waits, else to a process that it starts, else to whoever comes to wait in time.
    /// False where a message of that id was sent before.
    ///
    /// # Errors
    /// Where the database refuses.
    pub(crate) fn deliver(&mut self, letter: message::Letter) -> Result<bool, Problem> {
        if letter.id.is_some() && !message::first(self.cx, self.tx, &letter)? {
            return Ok(false);
        }
        message::as_sender(self.tx, &letter)?;
        let waiting = message::receivers(self.tx, "message", &letter.name, letter.key.as_deref(), 1)?;
        if let Some((instance, sub)) = waiting.into_iter().next() {
            self.apply(
                &instance,
                Command::Arrived {
                    sub,
                    variables: letter.variables,
                },
            )?;
            return Ok(true);
        }
        let started = message::started(self.tx, "message", &letter.name)?;
        if let Some((process, node)) = started.into_iter().next() {
            self.begin(Start {
                process,
                variables: letter.variables,
                business_key: letter.key,
                at: Some(node),
                ..Start::default()
            })?;
            return Ok(true);
        }
        message::keep(self.cx, self.tx, &letter)?;
        Ok(true)
    }

    /// A message from outside.
    ///
    /// # Errors
    /// As [`Session::command`].
    pub(crate) fn publish(&mut self, letter: message::Letter) -> Result<bool, Problem> {
        let new = self.deliver(letter)?;
        self.settle()?;
        Ok(new)
    }

    /// A signal reaches all who wait for it, and starts what it starts.
    fn signal(
        &mut self,
        name: &str,
        variables: &Map<String, Json>,
        but: Option<&str>,
    ) -> Result<(), Problem> {
        for (instance, sub) in message::receivers(self.tx, "signal", name, None, CASCADE)? {
            if Some(instance.as_str()) == but {
                continue;
            }
            let arrived = Command::Arrived {
                sub,
                variables: variables.clone(),
            };
            match self.apply(&instance, arrived) {
                // It went on by what the signal did elsewhere.
                Err(problem) if problem.code == codes::TRANSITION_REFUSED => {}
                done => done?,
            }
        }
        for (process, node) in message::started(self.tx, "signal", name)? {
            self.begin(Start {
                process,
                variables: variables.clone(),
                at: Some(node),
                ..Start::default()
            })?;
        }
        Ok(())
    }

    /// A signal from outside.
    ///
    /// # Errors
    /// As [`Session::command`].
    pub(crate) fn broadcast(&mut self, name: &str, variables: &Map<String, Json>) -> Result<(), Problem> {
        self.signal(name, variables, None)?;
        self.settle()
    }

    /// Notes something in an instance's history.
    pub(crate) fn remark(&mut self, id: &str, kind: &str, data: Json) -> Result<(), Problem> {
        self.load(id)?;
        if let Some(loaded) = self.loaded.get_mut(id) {
            loaded.history.push(Entry {
                node: None,
                token: None,
                kind: kind.into(),
                data,
            });
            loaded.dirty = true;
        }
        Ok(())
    }

    /// Changes the version of an instance, and its state with it: for migrations.
    pub(crate) fn replace(&mut self, id: &str, definition: Arc<Definition>, inst: Instance, entry: Entry) {
        if let Some(loaded) = self.loaded.get_mut(id) {
            loaded.record.version = definition.version;
            loaded.definition = definition;
            loaded.inst = inst;
            loaded.history.push(entry);
            loaded.dirty = true;
        }
    }

    /// Open tasks of an instance say which element of its present version they are.
    pub(crate) fn retitle(&mut self, id: &str) -> Result<(), Problem> {
        let Some(loaded) = self.loaded.get(id) else {
            return Ok(());
        };
        for (key, token) in &loaded.inst.tokens {
            if token.wait == Wait::Task {
                let definition = &loaded.definition;
                self.tx.execute(
                    "UPDATE process_task SET version = ?3, element = ?4, form = ?5
                     WHERE instance = ?1 AND token = ?2 AND state IN ('open', 'claimed')",
                    &[
                        id.into(),
                        (*key).into(),
                        definition.version.into(),
                        definition.element(token.node).into(),
                        task::form(definition, token.node).into(),
                    ],
                )?;
            }
        }
        Ok(())
    }
}

/// What is begun and ended within one command is as if it never was.
fn netted(effects: Vec<Effect>) -> Vec<Effect> {
    let mut gone: BTreeSet<usize> = BTreeSet::new();
    let mut open: BTreeMap<(u8, Key), usize> = BTreeMap::new();
    for (place, effect) in effects.iter().enumerate() {
        let (begins, key) = match effect {
            Effect::OpenTask(task) => (true, (0, task.token)),
            Effect::CloseTask(token) => (false, (0, *token)),
            Effect::Offer { token, .. } => (true, (1, *token)),
            Effect::Withdraw(token) => (false, (1, *token)),
            Effect::Subscribe(sub, _) => (true, (2, *sub)),
            Effect::Unsubscribe(sub) => (false, (2, *sub)),
            Effect::Call { token, .. } => (true, (3, *token)),
            Effect::EndCall(token) => (false, (3, *token)),
            _ => continue,
        };
        if begins {
            open.insert(key, place);
        } else if let Some(begun) = open.remove(&key) {
            gone.insert(begun);
            gone.insert(place);
        }
    }
    effects
        .into_iter()
        .enumerate()
        .filter(|(place, _)| !gone.contains(place))
        .map(|(_, effect)| effect)
        .collect()
}
