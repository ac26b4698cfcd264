//! The studio: changes of a package's processes, decisions and forms, drafted by one, reviewed and published by another.
//!
//! Files stay the truth: a draft holds whole files, and publishing applies them as an overlay of the package that can be
//! downloaded. One overlay a package gathers what the studio has published of it; what others wrote is never touched.
//!
//! Map: `draft`: what is kept; `publish`: drafts as overlays; `rows`: the door.

mod draft;
mod publish;
mod rows;

pub use rows::operations;
