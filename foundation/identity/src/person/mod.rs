//! What persons see of how their data are used: who read what of theirs, what they object to, and what they agree to.
//!
//! Invariants
//! - A person is whoever acts, by `Actor.standing`: no request names one, so none can name another.
//! - Consent is given and withdrawn by the person, or by a guardian, and by nobody else; history is never written over.
//! - An objection is answered by the unit that owns the system, and never by whoever it is about.
//!
//! Map: `declared`: what packages call things. `log`: who read what. `objection`: objections and their answers.
//! `consent`: what they agree to. `rows`, `consent_rows`: the operations.

mod consent;
mod consent_rows;
#[cfg(test)]
mod consent_tests;
mod declared;
mod log;
mod objection;
mod rows;

use std::sync::Arc;

use banyan_base::{Ctx, Problem, codes};
use banyan_door::Operation;
use banyan_store::{Migration, MigrationSet, Tx};

use crate::audit::AuditTrail;

pub use consent::holds;
pub use declared::{ConsentAsked, Declared, Named, Owner, Parties, PurposeTold, TypeTold};
pub use objection::overdue;

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
        Migration {
            number: 3,
            name: "consent",
            sqlite: include_str!("../../migrations/sqlite/person/0003_consent.sql"),
            postgres: include_str!("../../migrations/postgres/person/0003_consent.sql"),
        },
        Migration {
            number: 4,
            name: "consent_held",
            sqlite: include_str!("../../migrations/sqlite/person/0004_consent_held.sql"),
            postgres: include_str!("../../migrations/postgres/person/0004_consent_held.sql"),
        },
        Migration {
            number: 5,
            name: "consent_of_party",
            sqlite: include_str!("../../migrations/sqlite/person/0005_consent_of_party.sql"),
            postgres: include_str!("../../migrations/postgres/person/0005_consent_of_party.sql"),
        },
        Migration {
            number: 6,
            name: "consent_text",
            sqlite: include_str!("../../migrations/sqlite/person/0006_consent_text.sql"),
            postgres: include_str!("../../migrations/postgres/person/0006_consent_text.sql"),
        },
    ],
};

/// What the operations stand on.
pub struct PersonLog {
    pub trail: Arc<AuditTrail>,
    pub declared: Box<dyn Declared>,
    pub parties: Box<dyn Parties>,
    /// Whether the names of civil servants are shown, or only their units.
    pub names_shown: bool,
}

/// All rows.
pub fn operations(person: &Arc<PersonLog>) -> Vec<Operation> {
    let mut all = rows::operations(person);
    all.extend(consent_rows::operations(person));
    all
}

/// Deletes what a person objected and agreed to, where he is erased. Gives how many.
///
/// # Errors
/// Where the database refuses.
pub fn erase(tx: &mut Tx<'_>, party: &str) -> Result<u64, Problem> {
    Ok(objection::erase(tx, party)?.saturating_add(consent::erase(tx, party)?))
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
