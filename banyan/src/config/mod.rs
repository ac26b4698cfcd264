//! The configuration file: one file a section, defaults for everything, errors for unknown keys.
//!
//! `banyan config default` prints a commented default file, `banyan config reference` the page docs/configuration.md;
//! both are made from the doc comments here.

mod audit;
mod http;
mod keys;
mod log;
mod policy;
mod reference;
mod server;
mod sign_in;
mod store;

use std::path::{Path, PathBuf};

use banyan_identity::audit::AuditSettings;
use banyan_identity::keys::KeySettings;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use audit::{Audit, AuditSuite, AuditWitness, AuditWitnessing};
pub use http::Http;
pub use keys::{KeySuite, Keys};
pub use log::{Format, Log};
pub use policy::Policy;
pub use reference::{default_file, reference_page};
pub use server::Server;
pub use sign_in::SignIn;
pub use store::Store;

/// The whole file, `banyan.toml`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the server listens and how it stops.
    pub server: Server,
    /// Where data is kept.
    pub store: Store,
    /// Limits of the HTTP interface.
    pub http: Http,
    /// How people and machines sign in.
    pub sign_in: SignIn,
    /// What policy leaves to operators.
    pub policy: Policy,
    /// Logs.
    pub log: Log,
    /// The audit log.
    pub audit: Audit,
    /// Keys of personal data.
    pub keys: Keys,
}

/// Why a configuration can't be used; the text names the file and, where it can, the line.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("reading the configuration {path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("the configuration {path} is not right:\n{source}")]
    Parse {
        path: PathBuf,
        source: Box<toml::de::Error>,
    },
    #[error("the configuration {path}: {what}")]
    Value { path: PathBuf, what: String },
}

impl Config {
    /// Reads `path`, or `banyan.toml` here if there is one, or gives the defaults.
    ///
    /// # Errors
    /// Where the file can't be read, has unknown keys or values out of range.
    pub fn load(path: Option<&Path>) -> Result<Config, ConfigError> {
        let default = Path::new("banyan.toml");
        let path = match path {
            Some(path) => path,
            None if default.exists() => default,
            None => return Ok(Config::default()),
        };
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.into(),
            source,
        })?;
        let config: Config = toml::from_str(&text).map_err(|source| ConfigError::Parse {
            path: path.into(),
            source: Box::new(source),
        })?;
        config.check().map_err(|what| ConfigError::Value {
            path: path.into(),
            what,
        })?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        if self.http.concurrent_calls == 0 {
            return Err("http.concurrent_calls must be at least 1".into());
        }
        self.audit.check()?;
        if self.store.read_connections == 0 {
            return Err("store.read_connections must be at least 1".into());
        }
        if let Some(url) = &self.server.public_url {
            let rest = url
                .strip_prefix("https://")
                .or_else(|| url.strip_prefix("http://"));
            let authority = rest.map(|rest| rest.strip_suffix('/').unwrap_or(rest));
            if authority.is_none_or(|rest| rest.is_empty() || rest.contains(['/', '?', '#', ' ', '@'])) {
                return Err(format!(
                    "server.public_url must be scheme and authority alone, like https://banyan.example.gov.cn, not `{url}`"
                ));
            }
        }
        self.keys.check(&self.database_url())?;
        self.sign_in.check()
    }

    /// Where and how the audit log is kept.
    pub fn audit_settings(&self) -> AuditSettings {
        let folder = match &self.audit.folder {
            Some(folder) => folder.clone(),
            None => self.store.folder.join("audit"),
        };
        AuditSettings {
            salts: match &self.audit.salts {
                Some(url) => url.clone(),
                None => AuditSettings::salts_beside(&folder, &self.database_url()),
            },
            folder,
            origin: self.audit.origin.clone(),
            suite: self.audit.suite.into(),
            names_shown: self.audit.names_shown,
            // What can't be read has been refused when the configuration was.
            witnesses: self.audit.witnesses().unwrap_or_default(),
            witness: self.audit.witness().unwrap_or_default(),
        }
    }

    /// Where and how keys are kept.
    pub fn key_settings(&self) -> KeySettings {
        let folder = self.store.folder.join("keys");
        let database = self.keys.database.clone();
        KeySettings {
            master: self
                .keys
                .master_file
                .clone()
                .unwrap_or_else(|| folder.join("master.key")),
            database: database.unwrap_or_else(|| format!("sqlite:{}", folder.join("keys.db").display())),
            suite: self.keys.suite.into(),
            cached: self.keys.cached,
        }
    }

    /// The database's URL: as configured, or SQLite in the data folder.
    pub fn database_url(&self) -> String {
        match &self.store.url {
            Some(url) => url.clone(),
            None => format!("sqlite:{}", self.store.folder.join("banyan.db").display()),
        }
    }
}
