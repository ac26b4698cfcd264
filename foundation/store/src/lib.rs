//! One database behind one face: SQLite (a file, the default) or PostgreSQL (by URL).
//!
//! Invariants
//! - A write that returned `Ok` is durable. A failing write leaves nothing.
//! - Every change can append events to the feed in its own transaction; no consumer ever skips one that commits late.
//! - Must not know: what the tables of others mean.
//!
//! Map
//! - `db`: [`Db`]; `sqlite`: the writer thread with group commit and the readers; `postgres`: the pool.
//! - `tx`: [`Tx`], statements in both dialects; `sql`: placeholders; `value`: [`Value`] and [`Row`].
//! - `migrate`: forward-only migrations. `feed`: the change feed and its consumers; `renumber`: after a
//!   restore elsewhere. `jobs`: leased background work.
//! - `blobs`: content-addressed files. `testing`: fresh databases for tests.

pub mod blobs;
mod db;
mod error;
pub mod feed;
pub mod jobs;
mod migrate;
mod pool;
mod postgres;
mod renumber;
mod sql;
mod sqlite;
pub mod testing;
#[cfg(test)]
mod tests;
mod tx;
mod value;

pub use blobs::{BlobInfo, Blobs};
pub use db::{Db, Options, Stats};
pub use error::Error;
pub use migrate::{Migration, MigrationSet};
pub use sql::Dialect;
pub use tx::Tx;
pub use value::{FromValue, Row, Value};

/// The tables of this crate itself.
pub static MIGRATIONS: MigrationSet = MigrationSet {
    name: "store",
    migrations: &[
        Migration {
            number: 1,
            name: "feed",
            sqlite: include_str!("../migrations/sqlite/0001_feed.sql"),
            postgres: include_str!("../migrations/postgres/0001_feed.sql"),
        },
        Migration {
            number: 2,
            name: "feed_cursor",
            sqlite: include_str!("../migrations/sqlite/0002_feed_cursor.sql"),
            postgres: include_str!("../migrations/postgres/0002_feed_cursor.sql"),
        },
        Migration {
            number: 3,
            name: "job",
            sqlite: include_str!("../migrations/sqlite/0003_job.sql"),
            postgres: include_str!("../migrations/postgres/0003_job.sql"),
        },
        Migration {
            number: 4,
            name: "blob",
            sqlite: include_str!("../migrations/sqlite/0004_blob.sql"),
            postgres: include_str!("../migrations/postgres/0004_blob.sql"),
        },
        Migration {
            number: 5,
            name: "blob_holder",
            sqlite: include_str!("../migrations/sqlite/0005_blob_holder.sql"),
            postgres: include_str!("../migrations/postgres/0005_blob_holder.sql"),
        },
    ],
};
