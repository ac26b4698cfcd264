//! Finding records: filters in CQL2 text and JSON, sorts, pages by cursor, full text, counts. Values are always bound,
//! never spliced; names come from the type's columns only.

mod ast;
pub mod count;
mod cursor;
mod json;
mod lexer;
mod list;
pub mod search;
pub mod shape;
mod spatial;
mod sql;
mod temporal;
#[cfg(test)]
mod tests;
mod text;
pub mod walk;
#[cfg(test)]
mod walk_tests;

pub use ast::{Expr, Given, Instant, Literal, Name, Op, Place, Side, Span, SpatialOp, TemporalOp, instant};
pub use json::parse as parse_json;
pub use list::{Language, Listing, Query, check, list, rows_of, stream};
pub use sql::{Builder, Kind, balanced, kind_of, property};
pub use text::parse;
