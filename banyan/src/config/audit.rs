use banyan_identity::audit::{CosignerKey, Suite, Verifier, WitnessAt, WitnessSettings};
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
    /// Other platforms that cosign this one's checkpoints (C2SP tlog-witness), as `[[audit.witnesses]]`: `url` (the submission
    /// prefix, e.g. `https://banyan.other.gov.cn/audit/witness`) and `key` (what `/audit/witness/key` there gives). Since v0.2.
    pub witnesses: Vec<AuditWitness>,
    /// Whose checkpoints this platform cosigns, as `[audit.witness]`: `name` (its own, e.g. `banyan.example.gov.cn/witness`) and `logs`
    /// (the keys that `banyan audit key` prints there); absent, nobody's. Since v0.2.
    pub witness: Option<AuditWitnessing>,
}

/// A witness of another platform.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditWitness {
    pub url: String,
    pub key: String,
}

/// This platform as a witness.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditWitnessing {
    pub name: String,
    pub logs: Vec<String>,
}

impl Audit {
    pub(super) fn check(&self) -> Result<(), String> {
        let unfit = |name: &str| name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '+');
        if unfit(&self.origin) {
            return Err("audit.origin must be a name without blanks or +, e.g. banyan.example.gov.cn".into());
        }
        self.witnesses().map(|_| ())?;
        self.witness().map(|_| ())
    }

    /// The witnesses, with their keys read.
    pub(super) fn witnesses(&self) -> Result<Vec<WitnessAt>, String> {
        let read = |witness: &AuditWitness| {
            let key = CosignerKey::parse(&witness.key).ok_or_else(|| {
                format!(
                    "audit.witnesses: `{}` is no witness's key of the form name+number+key",
                    witness.key
                )
            })?;
            if !witness.url.starts_with("https://") && !witness.url.starts_with("http://") {
                return Err(format!(
                    "audit.witnesses: `{}` is no http or https address",
                    witness.url
                ));
            }
            Ok(WitnessAt {
                url: witness.url.clone(),
                key,
            })
        };
        self.witnesses.iter().map(read).collect()
    }

    /// What is witnessed, with the keys read.
    pub(super) fn witness(&self) -> Result<Option<WitnessSettings>, String> {
        let Some(witness) = &self.witness else {
            return Ok(None);
        };
        let name = witness.name.clone();
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '+') {
            return Err("audit.witness.name must be a name without blanks or +".into());
        }
        let read = |key: &String| {
            Verifier::parse(key).ok_or_else(|| {
                format!("audit.witness.logs: `{key}` is no log's key of the form name+number+key")
            })
        };
        let logs = witness.logs.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(Some(WitnessSettings { name, logs }))
    }
}

impl Default for Audit {
    fn default() -> Audit {
        Audit {
            folder: None,
            origin: "banyan.local".into(),
            suite: AuditSuite::default(),
            salts: None,
            names_shown: false,
            witnesses: Vec::new(),
            witness: None,
        }
    }
}
