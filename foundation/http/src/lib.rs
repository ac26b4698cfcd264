//! The door's face over HTTP: routes from the operation table, problems, OpenAPI, static files, the portal's pages.
//!
//! Invariants
//! - Every failure is problem+json with a trace; a 5xx shows nothing of the inside.
//! - A call that could change something and comes with a cookie must show that it comes from our own pages.
//! - Must not know: any engine.
//!
//! Map: `router`: routes. `call`: a request into the door and back. `origin`: where callers reach us. `openapi`. `files`:
//! the desk. `portal`: the first page. `own`: the portal's pages of one's own.

mod call;
mod files;
mod openapi;
mod origin;
mod own;
mod portal;
mod router;
#[cfg(test)]
mod tests;

pub use portal::{System, Systems};
pub use router::{Settings, router};
