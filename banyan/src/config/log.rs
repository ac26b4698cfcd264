use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// One line for people.
    #[default]
    Text,
    /// One JSON object a line, for collectors.
    Json,
}

/// Logs.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `text` or `json`. Since v0.1.
    pub format: Format,
    /// Which lines: `info`, or by module, e.g. `info,banyan_registry=debug`. Since v0.1.
    pub filter: String,
}

impl Default for Log {
    fn default() -> Log {
        Log {
            format: Format::Text,
            filter: "info,audit=warn".into(),
        }
    }
}
