use std::sync::Arc;

use banyan_base::{Actor, Ctx, Problem};

use crate::{Operation, Target, Touch};

/// How an operation is audited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audit {
    /// Touches nothing worth an entry (health, own session).
    None,
    Read,
    Write,
}

/// What policy asks of whoever carries out a permitted act.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Obligations {
    /// CQL2 text that every row must meet, per policy that asked; all hold together.
    pub filters: Vec<String>,
    /// Fields that are shown masked.
    pub masks: Vec<String>,
}

impl Obligations {
    pub fn is_empty(&self) -> bool {
        self.filters.is_empty() && self.masks.is_empty()
    }
}

/// Policy's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Permit(Obligations),
    /// `reason` is for the caller, in Chinese, and names who could.
    Deny {
        reason: String,
    },
}

/// Decides every act.
pub trait Policy: Send + Sync {
    /// # Errors
    /// Where no decision can be reached; the act is then refused.
    fn decide(&self, cx: &Ctx, target: &Target, operation: &Operation) -> Result<Decision, Problem>;
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

/// Turns a credential into the one who acts.
pub trait Authenticator: Send + Sync {
    /// # Errors
    /// `UNAUTHENTICATED` where a credential was shown that is not, or no longer, good.
    fn actor(&self, credential: &Credential) -> Result<Actor, Problem>;
}
