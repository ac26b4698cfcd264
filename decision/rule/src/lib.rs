//! Decisions: DMN 1.5 models are read, checked, versioned and evaluated, with the rules that fired (plan clause 1.2).
//!
//! Invariants
//! - Whatever the model and the input, an evaluation ends, and never takes the server down (docs/decision-models.md names the guards).
//! - `today()` and `now()` come from `Ctx`, so that an evaluation can be recomputed.
//! - Must not know: who asks, what a decision is about.
//!
//! Map
//! - `xml`: what the XML says that the engine below does not keep. `guard`, `size`: what is refused on the syntax tree.
//!   `limits`.
//! - `explain`: [`decide`], with reasons. `cases`: cases beside a model.
//! - `check`: what is looked at before publishing. `engine`: [`Rules`], versions and evaluations; `store`: their tables.
//! - `operations`: the rows in the door.
//! - `bulk`: tables over columns. `sfeel`: unary tests as data.
//! - `kind`, `convert`: declared types; JSON ↔ FEEL. `model`: [`Model`], ready to be asked. `worker`: guarded threads.

pub mod bulk;
pub mod cases;
pub mod check;
mod convert;
mod engine;
mod error;
mod explain;
mod guard;
mod kind;
mod limits;
mod model;
mod operations;
mod sfeel;
mod size;
mod store;
#[cfg(test)]
mod tests;
mod worker;
mod xml;

pub use engine::{Decided, Question, Rules, evaluation_json, replayed};
pub use error::Error;
pub use explain::{Column, Fired, Outcome, Reason, Reasons, Undecided, decide};
pub use guard::Refusal;
pub use model::{Invocable, InvocableKind, Model, load};
pub use operations::operations;
pub use store::Evaluation;
pub use worker::{Stopped, runaways};

use banyan_store::{Migration, MigrationSet};

macro_rules! migration {
    ($number:literal, $name:literal) => {
        Migration {
            number: $number,
            name: $name,
            sqlite: include_str!(concat!("../migrations/sqlite/000", $number, "_", $name, ".sql")),
            postgres: include_str!(concat!("../migrations/postgres/000", $number, "_", $name, ".sql")),
        }
    };
}

/// The tables of this crate.
pub static MIGRATIONS: MigrationSet = MigrationSet {
    name: "rule",
    migrations: &[
        migration!(1, "decision_model"),
        migration!(2, "decision_evaluation"),
        migration!(3, "decision_evaluation_model"),
    ],
};
