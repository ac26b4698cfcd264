use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What policy leaves to this platform's operators.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Whether colleagues may open emergency access (break-glass) to a package's personal data. Since v0.2.
    pub emergency: bool,
    /// Roles whose holders may open it for every package, e.g. `["health.duty"]`; each package's own role `emergency` may
    /// for that package in any case. Since v0.2.
    pub emergency_roles: Vec<String>,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            emergency: true,
            emergency_roles: Vec::new(),
        }
    }
}
