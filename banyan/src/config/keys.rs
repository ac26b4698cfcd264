use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use banyan_identity::audit::Suite;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Ciphers of sealed fields and of the keys themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeySuite {
    /// AES-256-GCM and HMAC-SHA256.
    #[default]
    International,
    /// SM4-GCM and HMAC-SM3 (商用密码).
    Sm,
}

impl From<KeySuite> for Suite {
    fn from(suite: KeySuite) -> Suite {
        match suite {
            KeySuite::International => Suite::International,
            KeySuite::Sm => Suite::Sm,
        }
    }
}

/// Keys of personal data.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    /// `international` (AES-256-GCM) or `sm` (SM4-GCM), for what is sealed from now on; what was sealed before stays readable. Since v0.2.
    pub suite: KeySuite,
    /// The key store: absent, SQLite in `keys/keys.db` of the data folder; or `sqlite:PATH`, or for several servers `postgres://user:password@host/database`. Never the database of records: a backup of that one must not hold the keys. Since v0.2.
    pub database: Option<String>,
    /// The file with the master key; absent, `keys/master.key` in the data folder, made at the first start. Without it nothing sealed can be read: keep a copy elsewhere. Since v0.2.
    pub master_file: Option<std::path::PathBuf>,
    /// Unwrapped keys held in memory at the most, some 200 bytes each. Since v0.2.
    pub cached: NonZeroUsize,
    /// Roles whose holders decide about requests for erasure and legal holds; always two persons do. Since v0.2.
    pub officer_roles: BTreeSet<String>,
}

impl Default for Keys {
    fn default() -> Keys {
        Keys {
            suite: KeySuite::default(),
            database: None,
            master_file: None,
            cached: NonZeroUsize::MIN.saturating_add(49_999),
            officer_roles: ["admin".to_owned()].into(),
        }
    }
}

impl Keys {
    /// What is wrong with it, if anything.
    pub(crate) fn check(&self, records: &str) -> Result<(), String> {
        let Some(database) = &self.database else {
            return Ok(());
        };
        if database.split('?').next() == records.split('?').next() {
            return Err(
                "keys.database must not be the database of records: its backups would hold the keys".into(),
            );
        }
        if !["sqlite:", "postgres://", "postgresql://"]
            .iter()
            .any(|scheme| database.starts_with(scheme))
        {
            return Err("keys.database must begin with sqlite: or postgres://".into());
        }
        Ok(())
    }
}
