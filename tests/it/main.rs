//! The one integration binary. Add a module here, never a second binary.

mod audit;
mod client;
mod clocks;
mod erasure;
mod examples;
mod features;
mod hostile;
mod keys;
mod kill;
mod ogc;
mod openapi;
mod oracle;
mod overlay_life;
mod package_life;
mod package_refused;
mod people;
mod person_log;
mod person_pages;
mod restore;
mod rules;
mod sign_in;
mod sm;
mod stopping;
mod support;
mod tidy;
mod upkeep;
