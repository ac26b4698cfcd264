//! What persons see of how their data are used: who read what of theirs, and what they object to.
//!
//! Invariants
//! - A person is whoever acts, by `Actor.standing`: no request names one, so none can name another.
//! - An objection is answered by the unit that owns the system, and never by whoever it is about.
//!
//! Map: `declared`: what packages call things. `log`: who read what. `objection`: objections and their answers.
//! `rows`: the operations.

mod declared;
mod log;
mod objection;
mod rows;

use std::sync::Arc;

use banyan_base::{Ctx, Problem, codes};
use banyan_store::{Migration, MigrationSet};

use crate::audit::AuditTrail;

pub use declared::{Declared, Named, Owner, PurposeTold, TypeTold};
pub use objection::{erase, overdue};
pub use rows::operations;

/// The tables of what persons see and say.
pub static MIGRATIONS: MigrationSet = MigrationSet {
    name: "person",
    migrations: &[
        Migration {
            number: 1,
            name: "objection",
            sqlite: include_str!("../../migrations/sqlite/person/0001_objection.sql"),
            postgres: include_str!("../../migrations/postgres/person/0001_objection.sql"),
        },
        Migration {
            number: 2,
            name: "objection_by_due",
            sqlite: include_str!("../../migrations/sqlite/person/0002_objection_by_due.sql"),
            postgres: include_str!("../../migrations/postgres/person/0002_objection_by_due.sql"),
        },
    ],
};

/// What the operations stand on.
pub struct PersonLog {
    pub trail: Arc<AuditTrail>,
    pub declared: Box<dyn Declared>,
    /// Whether the names of civil servants are shown, or only their units.
    pub names_shown: bool,
}

/// Whose data an act is about: the party acted for, or one's own.
fn whose(cx: &Ctx) -> Result<&str, Problem> {
    let standing = &cx.actor.standing;
    let party = standing.represents.as_deref().or(standing.party.as_deref());
    party.ok_or_else(|| {
        let text = "这里只给出您本人(或您代理的人)的信息,而您的账号还没有实名认证;请先完成实名认证。";
        Problem::new(codes::FORBIDDEN, text)
    })
}
