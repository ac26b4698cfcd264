//! Who acts, and what policy says of it: accounts, sessions, decisions by Cedar.
//!
//! Invariants
//! - No secret is kept: passwords as argon2id, session tokens as SHA-256.
//! - A wrong login, a wrong password and a locked account cost the same time and give the same answer, but for the lock
//!   that the owner's own attempts have earned.
//! - Must not know: engines.
//!
//! Map: `account`: accounts and sessions. `audit`: the log that can be proved. `admin`: what administrators do with accounts. `policy`: Cedar. `operations`: the
//! rows in the door.

mod account;
mod admin;
pub mod audit;
mod operations;
mod policy;
#[cfg(test)]
mod tests;

use banyan_store::{Migration, MigrationSet};

pub use account::{Accounts, NewAccount, SESSION_COOKIE, SESSION_HOURS, names as account_names};
pub use operations::operations;
pub use policy::CedarPolicy;

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
    ],
};
