//! Forms: what a person fills in, said in the form-js schema, and checked again by the server.
//!
//! Invariants
//! - [`parse`] returns `(value, findings)` and never panics; what form-js would silently ignore is refused with a way out.
//! - [`Form::validate`] trusts nothing that is sent: hidden values are dropped, read-only ones are taken from what is
//!   stored, computed ones are computed here, by the same FEEL that the browser runs.
//! - Must not know: the database, HTTP, processes, which record types exist (asked by [`Known`]).
//!
//! Map
//! - `json`: a JSON text with the places of its values; `finding`: where findings gather.
//! - `model`: [`Form`], [`Component`], [`Kind`]; `words`: component types and the properties of each.
//! - `read`: text → model (`read/field`: inputs, `read/shown`: what is only shown); `claims`: which key is whose;
//!   `pattern`: regular expressions of JavaScript; `html`: what may stand in HTML.
//! - `run`: the form over data: rows, hidden, read-only, computed (`run/state`), and the check of each value (`run/value`).
//! - `number`, `moment`: decimals, dates and times; `schema`: JSON Schema and keys; `prefill`: values from records.

mod claims;
mod finding;
mod html;
mod json;
mod model;
mod moment;
mod number;
mod pattern;
mod prefill;
mod read;
mod run;
mod schema;
#[cfg(test)]
mod tests;
mod words;

pub use model::{
    Bound, Choices, Component, Form, Kind, NumberRules, Place, Rows, Rule, TextRules, Validation,
};
pub use moment::{Part, Zone};
pub use pattern::Pattern;
pub use prefill::{Known, Prefill};
pub use read::parse;
pub use run::FormError;
pub use schema::Key;
