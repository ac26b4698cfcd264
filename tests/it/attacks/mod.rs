//! The attacks that others' advisories wrote for us, over real HTTP on both databases. What of the list is tested elsewhere stands in
//! docs/testing.md, "Attacks".

mod doors;
mod injection;
mod leaks;
mod others;
mod stand;
mod wires;

pub use stand::good;
use stand::{Stand, each};

/// Nothing is open but what is meant to be, and what is open tells nothing that is not public.
#[test]
fn doors_without_a_key() {
    each(doors::without_sign_in);
}

/// No other site may read an answer; nothing between us and a reader keeps one.
#[test]
fn other_sites_and_caches() {
    each(doors::other_sites);
    each(doors::caches);
}

#[test]
fn injected_sql_and_error_texts() {
    each(injection::everywhere);
}

/// Ids of others' things, as somebody without a role.
#[test]
fn others_things() {
    each(others::by_id);
}

#[test]
fn more_than_may_be_set() {
    each(others::mass_assignment);
}

/// The same question by every wire.
#[test]
fn the_same_by_another_wire() {
    each(wires::forbidden_type);
}

/// What is not shown can't be asked for either.
#[test]
fn oracles() {
    each(wires::existence);
    each(wires::sign_in_timing);
}

#[test]
fn formulas_in_exports() {
    each(leaks::formulas);
}

#[test]
fn logs() {
    each(leaks::logs);
}

#[test]
fn files_and_backups() {
    each(leaks::paths);
    leaks::modes();
}
