//! The one integration binary. Add a module here, never a second binary.

mod audit;
mod examples;
mod ogc;
mod support;
mod tidy;
