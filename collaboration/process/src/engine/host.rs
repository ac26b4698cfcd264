//! What the interpreter asks of its surroundings, and what it tells them.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::bpmn::model::NodeIx;
use crate::engine::state::{Key, On};

/// How something that was asked for went.
#[derive(Clone, Debug, PartialEq)]
pub enum Performed {
    Done(Json),
    /// It failed. `again`: a later try may go better.
    Failed {
        code: String,
        message: String,
        again: bool,
    },
    /// It will be told later.
    Later,
}

/// An operation that a service task calls.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationCall<'a> {
    pub operation: &'a str,
    pub purpose: Option<&'a str>,
    pub inputs: &'a Map<String, Json>,
}

/// What answers at once. Whatever it does belongs to the same transaction as the step.
pub trait Host {
    fn operation(&mut self, call: &OperationCall<'_>) -> Performed;

    /// Evaluates a decision, `<package>.<model>#<decision>`.
    fn decision(&mut self, decision: &str, input: &Map<String, Json>) -> Performed;

    /// Runs a script in a format other than FEEL. What it gives, an object, is merged into the variables.
    fn script(&mut self, format: &str, script: &str, variables: &Map<String, Json>) -> Performed;

    /// Evaluates an expression in another language than FEEL; none: it is FEEL.
    fn expression(&mut self, _text: &str, _variables: &Map<String, Json>) -> Option<Result<Json, String>> {
        None
    }

    /// The last of so many working days after `from`.
    ///
    /// # Errors
    /// Where the calendar can't be read.
    fn working_day(&mut self, from: Date, days: i64) -> Result<Date, String>;
}

/// A person's task as it is opened: expressions evaluated, roles as the model has them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewTask {
    pub token: Key,
    pub node: NodeIx,
    pub title: String,
    pub assignee: Option<String>,
    pub unit: Option<String>,
    pub region: Option<String>,
    pub line: Option<String>,
    pub excluded: Vec<String>,
    pub due: Option<jiff::Timestamp>,
    pub warn: Option<jiff::Timestamp>,
    pub priority: i64,
    pub about: Option<String>,
    /// What the activity's inputs gave, or what it sees.
    pub data: Map<String, Json>,
}

/// What must happen outside, in this order, in the same transaction.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    OpenTask(Box<NewTask>),
    CloseTask(Key),
    /// Work for a worker outside.
    Offer {
        token: Key,
        topic: String,
        inputs: Map<String, Json>,
    },
    Withdraw(Key),
    Subscribe(Key, On),
    Unsubscribe(Key),
    Call {
        token: Key,
        process: String,
        variables: Map<String, Json>,
    },
    /// Another instance is no longer wanted.
    EndCall(Key),
    Send {
        name: String,
        key: Option<String>,
        time_to_live: Option<String>,
        variables: Map<String, Json>,
    },
    Broadcast {
        name: String,
        variables: Map<String, Json>,
    },
    /// An escalation that nothing in the instance caught, for the instance that called it.
    Escalate {
        code: Option<String>,
    },
}

/// One line of an instance's history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Index of the element; none: the instance itself.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeIx>,
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Key>,
    /// `entered`, `completed`, `cancelled`, `flow`, `caught`, `thrown`, `variables`, `incident`, `undone`, `ended`.
    #[serde(rename = "k")]
    pub kind: String,
    #[serde(rename = "d", default, skip_serializing_if = "Json::is_null")]
    pub data: Json,
}

/// What is asked of an instance.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Begin. `at`: the start event, or the event of an instantiating gateway or receive task; none: the none start event.
    Start {
        variables: Map<String, Json>,
        at: Option<NodeIx>,
    },
    /// A person did his task.
    TaskDone {
        token: Key,
        values: Map<String, Json>,
        doer: String,
    },
    /// A worker outside, or another instance, is done.
    Worked {
        token: Key,
        result: Json,
    },
    /// The same, having failed. `error`: a BPMN error with this code.
    Failed {
        token: Key,
        code: String,
        message: String,
        again: bool,
    },
    /// An escalation of another instance that this one called.
    Escalated {
        token: Key,
        code: Option<String>,
    },
    /// What a subscription waits for has come: a message or a signal.
    Arrived {
        sub: Key,
        variables: Map<String, Json>,
    },
    /// Clocks are looked at: those that are due ring.
    Clock,
    /// Try again what is stuck, with variables set before.
    Retry {
        token: Key,
        variables: Map<String, Json>,
    },
    Cancel,
    Modify(Modification),
    /// After a migration: see [`crate::engine::migrate()`].
    Rewire,
}

/// A change of a running instance by hand.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Modification {
    /// Tokens that are taken away.
    pub terminate: Vec<Key>,
    /// Elements, directly in the process or in a running sub-process, at which a token is put.
    pub start: Vec<StartAt>,
    pub variables: Map<String, Json>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StartAt {
    pub element: String,
}

/// What came of a command.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    pub effects: Vec<Effect>,
    pub history: Vec<Entry>,
}

/// Why a command can't be carried out; nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the instance has ended")]
    Ended,
    #[error("there is no token {0}, or it does not wait for this")]
    NoToken(Key),
    #[error("there is no element {0} that could be started")]
    NoElement(String),
    #[error("the process can't be started so: {0}")]
    NoStart(String),
}
