//! Decisions: DMN 1.5 models are read, checked, versioned and evaluated, with the rules that fired (plan clause 1.2).
//!
//! Invariants
//! - Whatever the model and the input, an evaluation ends, and never takes the server down (docs/decisions.md names the guards).
//! - `today()` and `now()` come from `Ctx`, so that an evaluation can be recomputed.
//! - Must not know: who asks, what a decision is about.
//!
//! Map
//! - `xml`: what the XML says that the engine below does not keep. `guard`: what is refused on the syntax tree. `limits`.
//! - `explain`: [`decide`], with reasons. `cases`: cases beside a model.
//! - `kind`, `convert`: declared types; JSON ↔ FEEL. `model`: [`Model`], ready to be asked. `worker`: guarded threads.

pub mod cases;
mod convert;
mod explain;
mod guard;
mod kind;
mod limits;
mod model;
mod worker;
mod xml;

pub use explain::{Column, Fired, Outcome, Reason, Reasons, Undecided, decide};
pub use guard::Refusal;
pub use model::{Invocable, InvocableKind, Model, load};
pub use worker::Stopped;
