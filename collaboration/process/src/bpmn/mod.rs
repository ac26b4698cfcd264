//! BPMN 2.0 models as files: `xml` reads the bare tree, `read` makes of it what is executed (`model`), `flaw` is what is
//! wrong where.

pub mod flaw;
pub mod model;
pub mod read;
pub mod xml;

#[cfg(test)]
mod tests;

pub use flaw::{Flaw, Place, Rule, refused};
pub use read::read;
