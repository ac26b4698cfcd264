use banyan_identity::audit::Suite;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Algorithms of the audit log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditSuite {
    /// SHA-256 and Ed25519.
    #[default]
    International,
    /// SM3 and SM2 (商用密码).
    Sm,
}

impl From<AuditSuite> for Suite {
    fn from(suite: AuditSuite) -> Suite {
        match suite {
            AuditSuite::International => Suite::International,
            AuditSuite::Sm => Suite::Sm,
        }
    }
}

/// The audit log.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Audit {
    /// Folder of the log and its keys; absent, `audit` in the store's folder. Never on a disk that may lose what was synced. Since v0.1.
    pub folder: Option<std::path::PathBuf>,
    /// Name of this installation in its checkpoints, e.g. `banyan.example.gov.cn`; not to be changed once a log has begun. Since v0.1.
    pub origin: String,
    /// `international` (SHA-256, Ed25519) or `sm` (SM3, SM2); not to be changed once a log has begun. Since v0.1.
    pub suite: AuditSuite,
    /// URL of the database with the salts that tie persons to entries, `sqlite:PATH` or `postgres://…`; absent, `salts.db` in
    /// the log's folder, or with PostgreSQL the records' database. Apart from the records, so that no copy of those outlives
    /// a salt that was destroyed. Since v0.1.
    pub salts: Option<String>,
    /// Whether persons who look up who saw their data are told the names of civil servants, or only their units: provinces
    /// differ in what they publish. Since v0.1.
    pub names_shown: bool,
}

impl Default for Audit {
    fn default() -> Audit {
        Audit {
            folder: None,
            origin: "banyan.local".into(),
            suite: AuditSuite::default(),
            salts: None,
            names_shown: false,
        }
    }
}
