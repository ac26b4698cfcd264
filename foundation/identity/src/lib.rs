//! Who acts, and what policy says of it: accounts, sessions, decisions by Cedar.
//!
//! Invariants
//! - No secret is kept in clear: passwords as argon2id, tokens as SHA-256, what must be read again (one-time code seeds)
//!   sealed under the key file.
//! - A wrong login, a wrong password and a disabled account cost the same time and give the same answer. Failures delay
//!   the next try, longer and longer up to a quarter of an hour, and never a device that has signed in before.
//! - Whoever acts in a post, acts in one, within its dates, and as nobody else; delegation is never passed on.
//! - A number of a person or an organisation is kept sealed, is proved for one party at most, and lets nobody in.
//! - Nobody agrees to what he asked for himself, in whatever post; an approval is for one call, and counts once.
//! - Must not know: engines.
//!
//! Map: `account`: accounts. `sign`: how people and machines are let in. `people`: in what capacity they act (posts,
//! delegation, citizens and whom they act for). `approval`: what needs two persons. `emergency`: emergency access
//! (break-glass). `audit`: the log that can be proved. `person`: what persons see of it, and say to it. `keys`: keys of data
//! and their end. `admin`: what administrators do with accounts. `policy`: Cedar. `entrances`: who is let in to what is no record. `simulate`: what it would say to somebody.
//! `operations`: the rows in the door.

mod account;
mod admin;
pub mod approval;
pub mod audit;
pub mod emergency;
mod entrances;
pub mod keys;
mod operations;
mod people;
pub mod person;
mod policy;
#[cfg(test)]
mod policy_tests;
mod sign;
pub mod simulate;
#[cfg(test)]
mod tests;

use banyan_store::{Migration, MigrationSet};

pub use account::{NewAccount, colleague, names as account_names};
pub use operations::operations;
pub use people::PartyRegister;
pub use policy::{CedarPolicy, SELF};
pub use sign::{Accounts, FirstLogin, Provider, SESSION_COOKIE, Settings};

/// The tables of this crate.
pub static MIGRATIONS: MigrationSet = MigrationSet {
    name: "identity",
    migrations: &[
        Migration {
            number: 1,
            name: "account",
            sqlite: include_str!("../migrations/sqlite/0001_account.sql"),
            postgres: include_str!("../migrations/postgres/0001_account.sql"),
        },
        Migration {
            number: 2,
            name: "session",
            sqlite: include_str!("../migrations/sqlite/0002_session.sql"),
            postgres: include_str!("../migrations/postgres/0002_session.sql"),
        },
        Migration {
            number: 3,
            name: "account_version",
            sqlite: include_str!("../migrations/sqlite/0003_account_version.sql"),
            postgres: include_str!("../migrations/postgres/0003_account_version.sql"),
        },
        Migration {
            number: 4,
            name: "sessions",
            sqlite: include_str!("../migrations/sqlite/0004_sessions.sql"),
            postgres: include_str!("../migrations/postgres/0004_sessions.sql"),
        },
        Migration {
            number: 5,
            name: "second_factor",
            sqlite: include_str!("../migrations/sqlite/0005_second_factor.sql"),
            postgres: include_str!("../migrations/postgres/0005_second_factor.sql"),
        },
        Migration {
            number: 6,
            name: "token",
            sqlite: include_str!("../migrations/sqlite/0006_token.sql"),
            postgres: include_str!("../migrations/postgres/0006_token.sql"),
        },
        Migration {
            number: 7,
            name: "external_identity",
            sqlite: include_str!("../migrations/sqlite/0007_external_identity.sql"),
            postgres: include_str!("../migrations/postgres/0007_external_identity.sql"),
        },
        Migration {
            number: 8,
            name: "post",
            sqlite: include_str!("../migrations/sqlite/0008_post.sql"),
            postgres: include_str!("../migrations/postgres/0008_post.sql"),
        },
        Migration {
            number: 9,
            name: "party",
            sqlite: include_str!("../migrations/sqlite/0009_party.sql"),
            postgres: include_str!("../migrations/postgres/0009_party.sql"),
        },
        Migration {
            number: 10,
            name: "approval",
            sqlite: include_str!("../migrations/sqlite/0010_approval.sql"),
            postgres: include_str!("../migrations/postgres/0010_approval.sql"),
        },
        Migration {
            number: 11,
            name: "emergency",
            sqlite: include_str!("../migrations/sqlite/0011_emergency.sql"),
            postgres: include_str!("../migrations/postgres/0011_emergency.sql"),
        },
    ],
};
