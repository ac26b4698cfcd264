//! One door: the operation. Everything anyone can do enters here, from HTTP, triggers, jobs and the command line alike.
//!
//! Invariants
//! - The steps have one order: context → audit begins (and may refuse) → what the actor's grant leaves → policy → somebody else's
//!   approval where policy asks for it → idempotency → transaction → audit ends.
//! - A handler knows no transport and no policy; it can't be reached but through [`Door`].
//! - Nothing that a handler said it touched leaves before the audit log has it: replies and every piece of a stream.
//! - Must not know: HTTP, any engine, any type of record.
//!
//! Map
//! - `operation`: [`Operation`], one row a thing anyone can do. `input`, `reply`: what goes in and comes out.
//! - `door`: [`Door`], the order of steps. `idempotency`: replies kept by key. `hooks`: policy and audit. `metrics`.
//! - `approval`: the two-person rule.
//! - `touch`: whose data an act showed, in the audit log before they leave.
//! - `describe`: what engines tell of what is installed.
//! - `jobs`: the rows with which administrators see and mend background work.

mod approval;
mod describe;
mod door;
mod hooks;
mod idempotency;
mod input;
mod jobs;
mod metrics;
mod operation;
mod reply;
#[cfg(test)]
mod tests;
mod touch;

pub use approval::{Approvals, Asked, NoApprovals, required};
pub use describe::{Describe, Description, Face};
pub use door::Door;
pub use hooks::{
    Audit, AuditLog, AuditStart, AuditTicket, Authenticator, Capacity, Credential, Decision, FieldRule,
    LogAudit, Obligations, Outcome, Policy, PurposeChoice,
};
pub use idempotency::{KEPT_HOURS, MIGRATIONS, prune};
pub use input::{Body, Caller, Input, TemporaryFile, Upload, UploadContent};
pub use jobs::job_operations;
pub use metrics::Metrics;
pub use operation::{Access, BODY_LIMIT, Call, Handler, Method, Operation, Outside, Target};
pub use reply::{Reply, ReplyBody, StreamWriter};
pub use touch::{Touch, Touches};
