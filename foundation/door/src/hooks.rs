use std::collections::BTreeMap;
use std::sync::Arc;

use banyan_base::{Actor, ActorKind, Ctx, Predicate, Problem, codes};
use serde::{Deserialize, Serialize};

use crate::{Operation, Target, Touch};

/// How an operation is audited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audit {
    /// Touches nothing worth an entry (health, own session).
    None,
    Read,
    Write,
}

/// What of a field a permitted act may see. Fields that are not named are seen whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldRule {
    /// False: the field is as if it were empty.
    pub shown: bool,
    /// The rows on which it is shown whole; on others by its mask.
    pub whole: Predicate,
}

/// What policy asks of whoever carries out a permitted act. Engines make it part of their queries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obligations {
    /// Only these rows are there.
    pub rows: Predicate,
    pub fields: BTreeMap<String, FieldRule>,
    /// Groups of fewer records than this are not shown.
    pub k_anonymous: Option<u32>,
    /// Why somebody else must agree first.
    pub two_person: Option<String>,
    /// Generation of the catalogue whose policies decided; `None`: no catalogue's.
    pub generation: Option<i64>,
    /// Field with the party id of whom a row is about, where the rows hold personal data; empty: each row is its own.
    pub subject: Option<String>,
}

impl Default for Obligations {
    /// Asks nothing.
    fn default() -> Obligations {
        Obligations {
            rows: Predicate::Always,
            fields: BTreeMap::new(),
            k_anonymous: None,
            two_person: None,
            generation: None,
            subject: None,
        }
    }
}

impl Obligations {
    /// Whether all rows are there, with all fields whole.
    pub fn sees_all(&self) -> bool {
        self.rows.is_always() && self.fields.is_empty()
    }
}

/// A purpose that somebody may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurposeChoice {
    /// `<package>.<purpose>`.
    pub name: String,
    pub title: String,
}

/// Policy's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Permit(Arc<Obligations>),
    /// `reason` is for the caller, in Chinese, and names who could.
    Deny {
        reason: String,
    },
    /// Personal data are read for a purpose, and none, or no good one, was named.
    NoPurpose {
        reason: String,
        choices: Vec<PurposeChoice>,
    },
}

impl Decision {
    /// A permit that asks nothing.
    pub fn permit() -> Decision {
        Decision::Permit(Arc::default())
    }

    /// What the act must mind, or the refusal to its caller.
    ///
    /// # Errors
    /// `FORBIDDEN`, `UNAUTHENTICATED` where nobody has signed in, `PURPOSE_REQUIRED`.
    pub fn permitted(self, cx: &Ctx) -> Result<Arc<Obligations>, Problem> {
        match self {
            Decision::Permit(obligations) => Ok(obligations),
            Decision::Deny { reason } if cx.actor.kind == ActorKind::Anonymous => {
                Err(Problem::new(codes::UNAUTHENTICATED, reason))
            }
            Decision::Deny { reason } => Err(Problem::new(codes::FORBIDDEN, reason)),
            Decision::NoPurpose { reason, choices } => {
                let choices: Vec<_> = choices
                    .into_iter()
                    .map(|choice| serde_json::json!({ "name": choice.name, "title": choice.title }))
                    .collect();
                Err(Problem::new(codes::PURPOSE_REQUIRED, reason).with("purposes", choices))
            }
        }
    }
}

/// Decides every act.
pub trait Policy: Send + Sync {
    /// # Errors
    /// Where no decision can be reached; the act is then refused.
    fn decide(&self, cx: &Ctx, target: &Target, operation: &Operation) -> Result<Decision, Problem>;

    /// Makes sure that the policies are those of what is installed now.
    ///
    /// # Errors
    /// Where that can't be found out.
    fn refresh(&self) -> Result<(), Problem> {
        Ok(())
    }
}

/// The start of an audit entry.
#[derive(Clone, Debug)]
pub struct AuditStart<'a> {
    pub cx: &'a Ctx,
    pub operation: &'a Operation,
    pub target: &'a Target,
    /// Id in the path, if any: what was acted on.
    pub subject: Option<&'a str>,
}

/// How an act ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    Denied,
    Refused,
    Failed,
}

impl Outcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Denied => "denied",
            Outcome::Refused => "refused",
            Outcome::Failed => "failed",
        }
    }
}

/// The promise that an entry becomes durable. Cheap to clone; waiting again costs nothing.
#[derive(Clone)]
pub struct AuditTicket(Arc<dyn Fn() -> Result<(), Problem> + Send + Sync>);

impl AuditTicket {
    /// A ticket whose entry is durable when `wait` returns `Ok`.
    pub fn new(wait: impl Fn() -> Result<(), Problem> + Send + Sync + 'static) -> AuditTicket {
        AuditTicket(Arc::new(wait))
    }

    /// For logs that promise nothing.
    pub fn at_once() -> AuditTicket {
        AuditTicket::new(|| Ok(()))
    }

    /// Returns when the entry is durable. The door waits before anything is committed or answered.
    ///
    /// # Errors
    /// Where the entry can't be kept; the act is then undone.
    pub fn wait(&self) -> Result<(), Problem> {
        (self.0)()
    }
}

/// Keeps the audit log. An entry is begun before the act and closed after it.
pub trait AuditLog: Send + Sync {
    /// # Errors
    /// Where the entry can't be taken; the act is then refused.
    fn start(&self, entry: &AuditStart<'_>) -> Result<AuditTicket, Problem>;

    /// Takes whose data the act shows, before they are shown. `subjects` are data subjects by id, each once.
    ///
    /// # Errors
    /// Where that can't be taken; the data are then not shown.
    fn touch(
        &self,
        entry: &AuditStart<'_>,
        touch: &Touch,
        subjects: &[String],
    ) -> Result<AuditTicket, Problem>;

    fn finish(&self, entry: &AuditStart<'_>, outcome: Outcome);
}

/// Audit as structured log lines of target `audit`: for tests and tools that keep no log of their own.
#[derive(Debug, Default)]
pub struct LogAudit;

impl AuditLog for LogAudit {
    fn start(&self, _entry: &AuditStart<'_>) -> Result<AuditTicket, Problem> {
        Ok(AuditTicket::at_once())
    }

    fn touch(
        &self,
        entry: &AuditStart<'_>,
        touch: &Touch,
        subjects: &[String],
    ) -> Result<AuditTicket, Problem> {
        tracing::info!(
            target: "audit",
            actor = %entry.cx.actor.id,
            operation = entry.operation.name,
            resource = touch.resource,
            shown = subjects.len(),
            trace = %entry.cx.trace,
        );
        Ok(AuditTicket::at_once())
    }

    fn finish(&self, entry: &AuditStart<'_>, outcome: Outcome) {
        tracing::info!(
            target: "audit",
            actor = %entry.cx.actor.id,
            purpose = entry.cx.purpose.as_deref().unwrap_or(""),
            operation = entry.operation.name,
            action = %entry.target.action,
            subject = entry.subject.unwrap_or(""),
            trace = %entry.cx.trace,
            outcome = outcome.as_str(),
        );
    }
}

/// What a caller shows to say who he is.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// Nothing.
    None,
    /// The value of the session cookie.
    Session(String),
    /// A bearer token.
    Bearer(String),
    /// Name and password of a machine: good at the token endpoint only, which finds them in [`crate::Caller`].
    Basic,
}

/// In what capacity a caller says he acts, where he says so in the request itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capacity {
    /// Id of a post (`Banyan-Post`); `own`: the account's own unit and roles.
    pub post: Option<String>,
    /// Id of the party acted for (`Banyan-For`).
    pub party: Option<String>,
    /// Whether emergency access that is open is to be used (`Banyan-Purpose: emergency`).
    pub emergency: bool,
}

/// Turns a credential into the one who acts.
pub trait Authenticator: Send + Sync {
    /// # Errors
    /// `UNAUTHENTICATED` where a credential was shown that is not, or no longer, good; `FORBIDDEN` where the capacity is
    /// not the caller's.
    fn actor(&self, credential: &Credential, capacity: &Capacity) -> Result<Actor, Problem>;
}
