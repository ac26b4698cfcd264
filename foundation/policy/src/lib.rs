//! Policy in Cedar: what a package's types look like to it, whether its text is sound, and what it says of an act, as
//! predicates that any engine can make part of its query.
//!
//! Invariants
//! - A package's policies speak of its own types only.
//! - What can't be compiled permits nothing: a permit then counts as never, a forbid as always.
//! - Pure: no I/O, no clock; must not know SQL, HTTP, or what a type means.
//!
//! Map: `shape`: types as policies see them, and the Cedar schema made of them. `compile`: what is left of a policy when all
//! but the row is known, as a predicate. `policies`: parsed, checked and asked. `rules`: all that a package lays down.
//! `text`: where policies begin.

mod compile;
mod policies;
mod rules;
mod shape;
#[cfg(test)]
mod tests;
mod text;

pub use policies::{Answer, CITIZEN, Fault, PUBLIC, Policies, Question, Reason, principal_entity};
pub use rules::{PackageRules, PurposeRules, TypeRules};
pub use shape::{
    Attribute, AttributeKind, DECISION_VERBS, PROCESS_VERBS, TypeShape, VERBS, entity_type, schema,
    schema_text,
};
