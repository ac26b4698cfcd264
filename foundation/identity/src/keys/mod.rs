//! Keys of data: one a subject and domain, so that destroying it destroys the data wherever copies of it lie (PIPL 47;
//! GB/T 39786).
//!
//! Hierarchy: a data key per (domain, subject), wrapped by the domain's key, wrapped by the master key, which lies in a file or
//! in a device ([`Master`]). A domain is `<package>.<purpose>`; a subject is a party's id, or a record's where a type has none.
//!
//! Invariants
//! - Wrapped data keys live in a store of their own and in no backup of the records; a backup of the store is restored together with
//!   the list of destructions, so that no destroyed key returns.
//! - A sealed text opens only at its domain, subject and place; moved elsewhere it does not.
//! - A destroyed key is nowhere in this process when [`Keys::destroy`] returns, and in none beside it a second later.
//! - Must not know: what is sealed, and for whom.
//!
//! Map: `cipher`: AES-256-GCM and SM4-GCM. `form`: sealed texts. `master`: the master key. `rows`: the key store's SQL. `cache`: unwrapped
//! keys in memory. `vault`: [`Keys`]. `rotate`: new keys in the place of old.
//! `destroy`: destruction and its list. `copy`: backup and restore. `retention`: the daily
//! job over [`Expiring`]. `erasure`, `hold`: requests and legal holds, by two persons each. `operations`: the rows in the door.

mod cache;
mod cipher;
mod copy;
mod destroy;
mod erasure;
mod form;
mod hold;
mod master;
#[cfg(test)]
mod office_tests;
mod operations;
mod retention;
mod rotate;
mod rows;
#[cfg(test)]
mod tests;
mod vault;

use banyan_base::{Problem, codes};
use banyan_store::{Migration, MigrationSet};

pub use cipher::Cipher;
pub use copy::{Restored, backup, restore};
pub use destroy::{Destruction, Reason, destructions};
pub use master::{FileMaster, Master};
pub use operations::operations;
pub use retention::{Ended, Erasures, Expiring, Retired};
pub use vault::{At, KeySettings, Keys, Status, store};

/// The tables of the key store.
pub static KEY_MIGRATIONS: MigrationSet = MigrationSet {
    name: "keys",
    migrations: &[Migration {
        number: 1,
        name: "keys",
        sqlite: include_str!("../../migrations/sqlite/keys_0001_keys.sql"),
        postgres: include_str!("../../migrations/postgres/keys_0001_keys.sql"),
    }],
};

/// The tables in the database of records: requests, holds, and a copy of the list of destructions.
pub static ERASURE_MIGRATIONS: MigrationSet = MigrationSet {
    name: "erasure",
    migrations: &[Migration {
        number: 1,
        name: "erasure",
        sqlite: include_str!("../../migrations/sqlite/erasure_0001_erasure.sql"),
        postgres: include_str!("../../migrations/postgres/erasure_0001_erasure.sql"),
    }],
};

/// What can go wrong with keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Nothing is sealed any more for a subject that was erased, or in a domain that was closed.
    #[error("the key of this subject in {domain} was destroyed for good")]
    Destroyed { domain: String },
    #[error("{what} is not a sealed text, or was changed, or belongs elsewhere")]
    Foreign { what: String },
    #[error("the master key: {0}")]
    Master(String),
    #[error("the key store: {0}")]
    Inconsistent(String),
    #[error("sealing failed: the text is too long")]
    TooLong,
    #[error("the copy of the key store: {0}")]
    Copy(String),
    #[error(transparent)]
    Store(#[from] banyan_store::Error),
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Problem {
        match error {
            KeyError::Destroyed { domain } => Problem::new(
                codes::GONE,
                format!("“{domain}”下该主体的密钥已按销毁请求或系统停用而销毁,不能再写入其个人信息。"),
            ),
            KeyError::Store(error) => error.into(),
            other => Problem::internal(other),
        }
    }
}
