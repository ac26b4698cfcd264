//! The package language: a folder of declarations is read, checked, and compared with what is installed. Pure.
//!
//! Invariants
//! - Reading and checking return what could be made out and every finding with file, line and column; they never panic.
//! - Must not know: the database, HTTP.
//!
//! Map: `model`: what the files mean. `raw`: their form. `read`: files → [`Package`]. `check`: what only shows when all
//! files are seen, FEEL included (`check_steps`: that of steps). `scope`: record types as FEEL types. `sealing`: fields kept as ciphertext. `diff`: what an apply
//! would change. `policy`: a package as policy sees it. `overlay`, `merge`: overlays merged into the package they change.

mod check;
mod check_steps;
mod diff;
mod form;
mod forms;
mod locate;
mod merge;
pub mod model;
mod node;
mod overlay;
#[cfg(test)]
mod overlay_tests;
mod policy;
mod raw;
mod read;
mod read_types;
mod read_views;
mod schema;
mod scope;
mod sealing;
mod seed;
#[cfg(test)]
mod tests;

pub use check::{Installed, check};
pub use diff::{Change, Plan, StepsDone, diff, renamed};
pub use locate::finding_in;
pub use model::Package;
pub use overlay::{Head, Layered, hash, head, layer};
pub use policy::{rules, shapes};
pub use read::read;
pub use schema::schemas;
pub use scope::{field_type, record_scope, trigger_scope};
pub use seed::{SeedRow, read_seed};
