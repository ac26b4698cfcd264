//! BPMN 2.0 models as files: `xml` reads the bare tree, `read` makes of it what is executed (`model`), `rules` check what is
//! to be deployed, `flaw` is what is wrong where, `time` knows how timers are written.

pub mod flaw;
pub mod model;
pub mod read;
pub mod rules;
pub mod time;
pub mod write;
pub mod xml;

#[cfg(test)]
mod tests;

pub use flaw::{Flaw, Place, Rule, refused};
pub use read::read;
pub use rules::{Anything, Kind, Known, Presence, check};
