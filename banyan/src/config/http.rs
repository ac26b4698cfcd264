use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Limits of the HTTP interface.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Calls that run at once; those above wait, and are told to come back later when the wait grows long. Since v0.1.
    pub concurrent_calls: usize,
    /// Seconds after which a call is given up. Streams are not bounded by it. Since v0.1.
    pub timeout_seconds: u64,
    /// Folder with the built desk; absent, `web/dist` here if it is there, else the copy inside the binary. Since v0.1.
    pub web_folder: Option<std::path::PathBuf>,
    /// Addresses of proxies before this server. What they say of the client's address (`X-Forwarded-For`) is believed, and, where
    /// `server.public_url` is absent, of how users reach the server (`Forwarded`, `X-Forwarded-Proto` and `-Host`): the proxy must
    /// set these itself, whatever the client sent. Since v0.1.
    pub trusted_proxies: Vec<std::net::IpAddr>,
}

impl Default for Http {
    fn default() -> Http {
        Http {
            concurrent_calls: 64,
            timeout_seconds: 60,
            web_folder: None,
            trusted_proxies: Vec::new(),
        }
    }
}
