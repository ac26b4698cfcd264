use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where data is kept.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// Folder for everything kept in files: the SQLite database, stored files, temporary files. Since v0.1.
    pub folder: PathBuf,
    /// Database: absent, SQLite in the folder; or `postgres://user:password@host/database`. Since v0.1.
    pub url: Option<String>,
    /// Connections for reading (SQLite), or in all (PostgreSQL). Since v0.1.
    pub read_connections: usize,
    /// Days that the change feed is kept, if every consumer has read it; 0 keeps it for ever. Since v0.1.
    pub feed_days: u32,
    /// Days that jobs which are done or were cancelled can still be looked up. Those put aside as dead stay; 0 keeps all. Since v0.1.
    pub job_days: u32,
}

impl Default for Store {
    fn default() -> Store {
        Store {
            folder: "data-dir".into(),
            url: None,
            read_connections: 8,
            feed_days: 90,
            job_days: 30,
        }
    }
}
