//! The one expression language of the platform: FEEL, parsed and evaluated by dsntk behind guards.
//!
//! Invariants
//! - Whatever the text, nothing panics, recurses without end or calls outside (docs/feel.md names the guards).
//! - `today()` and `now()` come from `Ctx`.
//! - Must not know: what an expression is for.
//!
//! Map: `types`: [`Type`], [`Scope`]; `guard`: limits before and after parsing; `check`: the type checker;
//! `expression`: [`compile`], [`compile_open`], [`Expression`]; `free`: the names a text reads; `convert`: JSON ↔ FEEL by type.

mod check;
mod convert;
mod expression;
mod free;
mod guard;
#[cfg(test)]
mod tests;
mod types;

pub use expression::{EvalError, Expression, FeelError, compile, compile_open};
pub use types::{Scope, Type};
