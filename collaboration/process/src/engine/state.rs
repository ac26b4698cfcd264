//! What an instance remembers between commands: tokens, scopes, subscriptions. Kept as one compact JSON document.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::bpmn::model::{FlowIx, NodeIx};

/// Number of a token, of a scope, of a subscription: unique within the instance, never used again.
pub type Key = u32;

/// The scope of the process itself.
pub const ROOT: Key = 0;

/// How an instance stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    #[default]
    Running,
    Completed,
    /// Stopped by somebody.
    Cancelled,
    /// Ended by an error that nothing caught.
    Failed,
}

/// The whole state of one instance. Nodes are named by their index: the definition's version is pinned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    pub standing: Standing,
    pub tokens: BTreeMap<Key, Token>,
    pub scopes: BTreeMap<Key, Scope>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub subs: BTreeMap<Key, Sub>,
    pub next: Key,
    /// Code and message of the error that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<(String, String)>,
    /// Who did which user task, for tasks that others must do.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub doers: BTreeMap<NodeIx, BTreeSet<String>>,
}

/// Where the flow stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Token {
    #[serde(rename = "n")]
    pub node: NodeIx,
    #[serde(rename = "s")]
    pub scope: Key,
    /// The flow by which it came.
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    pub via: Option<FlowIx>,
    #[serde(rename = "w")]
    pub wait: Wait,
    /// When it came here.
    #[serde(rename = "t")]
    pub since: Timestamp,
    /// The scope that belongs to it: variables of its own, the inside of a sub-process, or its repetitions.
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    pub inner: Option<Key>,
    /// Set where it is one of several instances of its node: it then runs the body only.
    #[serde(rename = "r", default, skip_serializing_if = "std::ops::Not::not")]
    pub repeated: bool,
    /// The token for which it undoes something.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    pub undoes_for: Option<Key>,
}

/// What a token waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// Nothing: it is about to do a step. Never between commands.
    Ready(Step),
    /// A person.
    Task,
    /// A worker outside. How often it failed.
    Work(u32),
    /// Another try at a due moment: how often it failed.
    Retry(u32),
    /// Somebody who mends it.
    Incident(Box<Trouble>),
    /// Its subscriptions.
    Event,
    /// The end of its inner scope.
    Inside,
    /// The end of its repetitions.
    Repeats,
    /// The end of another instance.
    Call,
    /// Tokens that join it.
    Join,
    /// That everything else has come to rest, so that whoever is to hear what it throws listens.
    Throw,
    /// What it undoes.
    Undo(Box<Undoing>),
}

/// What a token does next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Come to its node.
    Enter,
    /// Begin what repeats or is there once.
    Body,
    /// Leave with what the body gave.
    Leave(Json),
    /// Throw what the node throws.
    Throw,
}

/// Why a token is stuck.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trouble {
    /// A short name for machines: `expression`, `no_flow`, `operation`, `loop`, …
    pub kind: String,
    pub message: String,
    /// What is tried again.
    pub step: Step,
}

/// A compensation that runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Undoing {
    /// What is left, next first.
    pub queue: VecDeque<Done>,
    /// Nothing goes on after it: it was thrown without waiting.
    pub silent: bool,
    /// It is the cancelling of a transaction.
    pub cancels: bool,
}

/// An activity that was completed and can be undone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Done {
    pub node: NodeIx,
    /// The scope in which it was done.
    pub scope: Key,
    /// What is left of its own scope, for a sub-process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inside: Option<Key>,
}

/// A place for variables and tokens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scope {
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Key>,
    /// The token to which it belongs; none: the process itself.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Key>,
    pub kind: Kind,
    #[serde(rename = "v", default, skip_serializing_if = "Map::is_empty")]
    pub variables: Map<String, Json>,
    /// What can be undone, in the order in which it was done.
    #[serde(rename = "d", default, skip_serializing_if = "Vec::is_empty")]
    pub done: Vec<Done>,
    /// Complex gateways that have fired and wait for the rest: gateway and the flows whose tokens are in.
    #[serde(rename = "g", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fired: BTreeMap<NodeIx, BTreeSet<FlowIx>>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The process, or the inside of a sub-process.
    #[default]
    Flow,
    /// Variables of one activity; nothing flows in it.
    Local,
    /// All instances of a repeated activity.
    Repeat(Box<Counts>),
    /// An ad-hoc sub-process: what is still to be started, one after another.
    AdHoc { left: VecDeque<NodeIx>, ending: bool },
    /// A sub-process that has ended; kept for its undoing.
    Ended,
}

/// The counters of a repeated activity.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// How many there will be; none: a loop.
    pub total: Option<u32>,
    pub started: u32,
    pub completed: u32,
    pub terminated: u32,
    /// The collection's elements, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<Json>,
    /// What the instances gave, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<Json>,
    pub yes: u32,
    pub no: u32,
}

/// Something waited for. Belongs to a token, or to a scope whose event sub-process it would start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sub {
    pub holder: Holder,
    /// The event's node: a catching, boundary or start event, or a receive task.
    #[serde(rename = "n")]
    pub node: NodeIx,
    /// Which of its definitions.
    #[serde(rename = "d", default, skip_serializing_if = "is_zero")]
    pub definition: usize,
    pub on: On,
}

fn is_zero(value: &usize) -> bool {
    *value == 0
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    Token(Key),
    Scope(Key),
}

/// What is waited for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum On {
    Message {
        name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    },
    Signal(String),
    Timer(Clock),
    /// Whether it held when it was last looked at: it happens where it begins to hold.
    Condition(bool),
    /// Another try of what failed.
    Retry(Timestamp),
}

/// A clock that runs, or stands still.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Clock {
    /// None while it stands still.
    pub due: Option<Timestamp>,
    /// Milliseconds that were left when it was stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<i64>,
    /// How often it still repeats after the next time; none: without end. Absent for a clock that rings once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Again>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Again {
    pub times: Option<u32>,
    /// ISO 8601 duration, or a cron line.
    pub every: String,
}

impl Instance {
    pub(crate) fn key(&mut self) -> Key {
        self.next += 1;
        self.next
    }

    /// The variables that a scope sees, inner ones before outer ones.
    pub fn visible(&self, scope: Key) -> Map<String, Json> {
        let mut chain = Vec::new();
        let mut at = Some(scope);
        while let Some(scope) = at.and_then(|key| self.scopes.get(&key)) {
            chain.push(&scope.variables);
            at = scope.parent;
        }
        let mut all = Map::new();
        for variables in chain.into_iter().rev() {
            for (name, value) in variables {
                all.insert(name.clone(), value.clone());
            }
        }
        all
    }

    /// The variables of the process itself.
    pub fn variables(&self) -> Map<String, Json> {
        self.scopes
            .get(&ROOT)
            .map(|root| root.variables.clone())
            .unwrap_or_default()
    }

    pub fn is_running(&self) -> bool {
        self.standing == Standing::Running
    }

    /// The tokens that need somebody.
    pub fn troubles(&self) -> impl Iterator<Item = (Key, &Token, &Trouble)> {
        self.tokens.iter().filter_map(|(key, token)| match &token.wait {
            Wait::Incident(trouble) => Some((*key, token, &**trouble)),
            _ => None,
        })
    }

    /// The next moment at which a clock rings.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.subs.values().filter_map(|sub| sub.on.due()).min()
    }
}

impl On {
    pub(crate) fn due(&self) -> Option<Timestamp> {
        match self {
            On::Timer(clock) => clock.due,
            On::Retry(at) => Some(*at),
            _ => None,
        }
    }
}
