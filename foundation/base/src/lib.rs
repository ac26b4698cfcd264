//! What everything stands on: ids, the context of an act, errors, events, findings, Chinese codes, and the ports
//! through which engines meet.
//!
//! Invariants
//! - Nothing here does I/O, knows SQL, HTTP, tokio or axum.
//! - Time, randomness and ids are handed out by [`World`] and travel in [`Ctx`] (invariant 4 of the architecture).
//!
//! Map
//! - `ctx`: [`World`], [`Ctx`], [`Actor`]; clocks and id generators.
//! - `codes`: the table of error codes; `problem`: [`Problem`], what every refusal becomes (RFC 9457).
//! - `event`: CloudEvents 1.0. `finding`: what checkers return. `page`: cursors and pages.
//! - `cn`: GB/T 2260 regions, GB 11643 person numbers, GB 32100 credit codes, phones. `money`: integer 分.
//! - `predicate`: what policy asks of rows, for any engine to compile.
//! - `text`: titles in two languages, tokens for full-text search.

pub mod cn;
pub mod codes;
mod ctx;
mod event;
mod finding;
mod money;
mod page;
pub mod predicate;
mod problem;
#[cfg(test)]
mod tests;
pub mod text;

pub use codes::Code;
pub use ctx::{
    Actor, ActorKind, Clock, Ctx, EMERGENCY, Emergency, Grant, Id, ManualClock, Standing, SystemClock, World,
    YearClock, timestamp_text,
};
pub use event::Event;
pub use finding::{Finding, Severity, SourceFile, has_errors};
pub use money::Money;
pub use page::{Cursor, Limit, Page};
pub use predicate::Predicate;
pub use problem::{FieldError, Problem};
pub use text::Title;

/// The zone in which days begin and end for everyone here. China has had one zone without summer time since 1991.
pub const ZONE: jiff::tz::Offset = jiff::tz::offset(8);
