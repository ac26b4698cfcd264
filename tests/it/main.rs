//! The one integration binary. Add a module here, never a second binary.

mod ogc;
mod support;
mod tidy;
