//! Finding records: filters in CQL2 text, sorts, pages by cursor, full text, counts. Values are always bound, never
//! spliced; names come from the type's columns only.

mod cql2;
mod list;
pub mod search;
mod sql;

pub use cql2::{Expr, Literal, Op, parse};
pub use list::{Listing, Query, list, stream};
