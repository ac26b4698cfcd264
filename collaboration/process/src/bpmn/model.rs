//! A BPMN file as it is executed: flat tables that refer to each other by index. Documentation, lanes and diagrams stay in
//! the file.
//!
//! Expressions are FEEL; a leading `=` is allowed and means nothing. Names of elements are those of the file.

use serde::{Deserialize, Serialize};

/// Index into [`Process::nodes`].
pub type NodeIx = usize;
/// Index into [`Process::flows`].
pub type FlowIx = usize;

/// All processes of a file with what they share.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Definitions {
    pub id: String,
    pub target_namespace: String,
    /// Those of the file in its order; and each global task as a process of one activity, not executable on its own.
    pub processes: Vec<Process>,
}

/// One process, flattened: sub-processes are nodes, and what is in them names them as `parent`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Process {
    pub id: String,
    pub name: Option<String>,
    pub executable: bool,
    pub nodes: Vec<Node>,
    pub flows: Vec<Flow>,
    /// Variables that the process declares by data objects or properties, with their types.
    pub variables: Vec<Variable>,
    /// FEEL over the variables at the start: the business key; empty: whoever starts gives it.
    pub business_key: Option<String>,
    /// Roles whose holders may start it, as those of a user task; `citizen`: any member of the public who has signed in.
    #[serde(default)]
    pub starters: Vec<String>,
    /// The form that is filled in to start it, `<package>.<form>` or of the own package: `banyan:form` of its plain start.
    pub start_form: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Variable {
    pub id: String,
    pub name: String,
    /// Sub-process in whose scope it lives; none: the whole process.
    pub scope: Option<NodeIx>,
    pub kind: VariableKind,
    pub is_collection: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VariableKind {
    #[default]
    Any,
    Text,
    Number,
    Boolean,
    Date,
    DateTime,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flow {
    pub id: String,
    pub name: Option<String>,
    pub source: NodeIx,
    pub target: NodeIx,
    /// FEEL; none: always taken.
    pub condition: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    pub id: String,
    pub name: Option<String>,
    /// The sub-process that holds it; none: the process itself.
    pub parent: Option<NodeIx>,
    pub incoming: Vec<FlowIx>,
    pub outgoing: Vec<FlowIx>,
    pub kind: NodeKind,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum NodeKind {
    Activity(Box<Activity>),
    Gateway(Gateway),
    Event(Event),
}

/// Tasks, sub-processes and call activities: what can repeat, be bounded by events, and be compensated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Activity {
    pub work: Work,
    pub repeat: Option<Repeat>,
    /// Boundary events attached to it.
    pub boundary: Vec<NodeIx>,
    /// Only started to undo something.
    pub for_compensation: bool,
    /// The flow taken where no condition of the others holds.
    pub default: Option<FlowIx>,
    /// Tokens that must arrive before it starts, and tokens it gives each outgoing flow. 1 by default.
    pub start_quantity: u32,
    pub completion_quantity: u32,
    /// `name = FEEL` evaluated when it starts, visible in it alone.
    pub inputs: Vec<Mapping>,
    /// `name = FEEL` evaluated when it ends, over its own names and its result; none: a task's whole result is merged
    /// into the variables.
    pub outputs: Vec<Mapping>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mapping {
    pub name: String,
    pub feel: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "work", rename_all = "snake_case")]
pub enum Work {
    /// Passed at once: an abstract or manual task without work for the engine.
    Pass,
    /// FEEL whose value goes to `result`; or, in another script format, whatever the host knows by that name.
    Script {
        format: String,
        script: String,
        result: Option<String>,
    },
    /// An operation called through the door, or, without one, work that a worker outside fetches by its topic.
    Service {
        operation: Option<String>,
        topic: Option<String>,
        purpose: Option<String>,
        retries: u32,
    },
    /// Publishes a message and goes on.
    Send {
        message: Option<MessageRef>,
    },
    /// Waits for a message. `instantiate`: its arrival starts an instance.
    Receive {
        message: Option<MessageRef>,
        instantiate: bool,
    },
    User(Box<UserTask>),
    /// Evaluates a decision, `<package>.<model>#<decision>`; its answer goes to `result`.
    Rule {
        decision: String,
        result: Option<String>,
    },
    SubProcess {
        triggered_by_event: bool,
        transaction: bool,
        ad_hoc: Option<AdHoc>,
    },
    /// Another process, `<package>.<process>` or a process or global task of the same file. `pass_all`: it sees all
    /// variables of the caller; else those of `inputs` alone.
    Call {
        process: String,
        pass_all: bool,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UserTask {
    /// Roles whose holders may claim it, `<package>.<role>`; a name without a point is of the own package.
    pub roles: Vec<String>,
    /// FEEL: the account it is given to at once.
    pub assignee: Option<String>,
    /// FEEL: code of the unit whose people may claim it, of the region (GB/T 2260) it lies in, of the line of work.
    pub unit: Option<String>,
    pub region: Option<String>,
    pub line: Option<String>,
    /// FEEL: list of accounts who must not do it (conflict exclusion, separation of duties).
    pub excluded: Option<String>,
    /// Elements whose doers must not do this one (four eyes).
    pub not_doers_of: Vec<String>,
    /// `<package>.<form>` or the name of a form of the own package.
    pub form: Option<String>,
    /// When it should be done: an ISO 8601 duration, counted in working days where `due_working`, or FEEL giving a moment.
    pub due: Option<String>,
    pub due_working: bool,
    /// When the light turns yellow: as `due`, counted from the start.
    pub warn: Option<String>,
    /// FEEL: 0 to 100, 50 where absent.
    pub priority: Option<String>,
    /// Whether several may be done together from the inbox with the same values.
    pub batch: bool,
    /// FEEL giving the title of this one task; none: the element's name.
    pub title: Option<String>,
    /// The record it is about, FEEL giving `<package>.<type>/<id>`.
    pub about: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdHoc {
    pub sequential: bool,
    /// FEEL; none: done when every element ran once.
    pub completion: Option<String>,
    pub cancel_remaining: bool,
    /// FEEL giving the list of ids of the elements to start; none: all that have no incoming flow.
    pub active: Option<String>,
}

/// How an activity repeats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "repeat", rename_all = "snake_case")]
pub enum Repeat {
    /// A standard loop: while `condition` holds, `maximum` times at most.
    Loop {
        condition: Option<String>,
        maximum: Option<u32>,
        test_before: bool,
    },
    Multi(Box<MultiInstance>),
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MultiInstance {
    pub sequential: bool,
    /// FEEL giving how many; or `collection` FEEL giving the list.
    pub cardinality: Option<String>,
    pub collection: Option<String>,
    /// Name of the element within the instance; 1-based `loopCounter` is always there.
    pub element: Option<String>,
    /// FEEL within each instance; gathered in the order of the instances into `output_collection`.
    pub output_element: Option<String>,
    pub output_collection: Option<String>,
    /// FEEL over `numberOfInstances`, `numberOfActiveInstances`, `numberOfCompletedInstances`,
    /// `numberOfTerminatedInstances`, and the gathered outputs.
    pub completion: Option<String>,
    /// When the boundary events of the activity are told of completed instances: see [`Behavior`].
    pub behavior: Behavior,
    /// Thrown for [`Behavior::One`] at the first, for [`Behavior::None`] at each.
    pub event: Option<EventDefinition>,
    /// Thrown where their conditions hold, for [`Behavior::Complex`].
    pub complex: Vec<(String, EventDefinition)>,
    /// 会签: counted instead of `completion`.
    pub vote: Option<Vote>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Behavior {
    #[default]
    All,
    One,
    None,
    Complex,
}

/// How a countersigning (会签) is decided. Each voter's answer is the boolean `variable` of its instance; what came out
/// goes to `result` (true: carried).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Vote {
    pub rule: VoteRule,
    pub variable: String,
    pub result: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoteRule {
    /// Everybody must agree; the first no ends it (veto).
    All,
    /// The first yes ends it.
    Any,
    /// At least this share of all, 0 to 1, must agree; ends when that is sure either way.
    Ratio(f64),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gateway {
    pub kind: GatewayKind,
    pub default: Option<FlowIx>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "gateway", rename_all = "snake_case")]
pub enum GatewayKind {
    Exclusive,
    Parallel,
    Inclusive,
    /// `instantiate`: the first of its events to happen starts an instance; `parallel`: all must happen.
    EventBased {
        instantiate: bool,
        parallel: bool,
    },
    /// FEEL over `activationCount` (tokens arrived) and the variables.
    Complex {
        activation: Option<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub position: Position,
    /// Empty: a none event. Several: one of them is enough to catch (all, where `parallel_multiple`); all are thrown.
    pub definitions: Vec<EventDefinition>,
    pub parallel_multiple: bool,
    /// `name = FEEL` over what came with the event; none: it is merged into the variables.
    pub outputs: Vec<Mapping>,
    /// `name = FEEL`: what is thrown with the event.
    pub inputs: Vec<Mapping>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "position", rename_all = "snake_case")]
pub enum Position {
    /// `interrupting` matters in event sub-processes.
    Start {
        interrupting: bool,
    },
    Catch,
    Throw,
    Boundary {
        attached_to: NodeIx,
        interrupting: bool,
    },
    End,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventDefinition {
    Timer(Timer),
    Message(MessageRef),
    Signal {
        name: String,
    },
    /// Caught without `code`: every error.
    Error {
        code: Option<String>,
    },
    Escalation {
        code: Option<String>,
    },
    Conditional {
        condition: String,
    },
    Link {
        name: String,
    },
    /// Thrown: the activity to undo; none: all of the scope that ended. `wait`: until that is done. On a boundary: the
    /// activity that undoes, linked to it by an association.
    Compensation {
        activity: Option<NodeIx>,
        wait: bool,
    },
    Cancel,
    Terminate,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageRef {
    pub name: String,
    /// FEEL over the variables of the waiting instance; none: any message of the name.
    pub correlation: Option<String>,
    /// For messages sent: how long they wait for a receiver, an ISO 8601 duration; none: the engine's default.
    pub time_to_live: Option<String>,
    /// For messages sent: FEEL giving the key.
    pub key: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timer {
    pub kind: TimerKind,
    /// An ISO 8601 date, duration or repetition, a cron line (`cycle` only), or FEEL giving one of them.
    pub value: String,
    /// Days of a duration are working days.
    pub working: bool,
    /// FEEL: while it holds, the clock stands still.
    pub paused_while: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimerKind {
    Date,
    Duration,
    Cycle,
}

impl Process {
    /// The node of that id.
    pub fn find(&self, id: &str) -> Option<NodeIx> {
        self.nodes.iter().position(|node| node.id == id)
    }

    /// The nodes directly in a scope; none: the process itself.
    pub fn children(&self, scope: Option<NodeIx>) -> impl Iterator<Item = (NodeIx, &Node)> {
        self.nodes
            .iter()
            .enumerate()
            .filter(move |(_, node)| node.parent == scope)
    }
}
