use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the server listens and how it stops.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Address and port. Port 0 takes any free one. Since v0.1.
    pub listen: String,
    /// Scheme and authority under which users reach the server, where a proxy stands before it,
    /// e.g. `https://banyan.example.gov.cn`. Absolute links (OGC API Features) begin with it; cookies are marked Secure
    /// when it begins with https. Since v0.1.
    pub public_url: Option<String>,
    /// Seconds that running calls are given to end when the server is told to stop. Since v0.1.
    pub stop_seconds: u64,
    /// Threads that run jobs (imports, triggers, clocks) in this process; 0 leaves them to other servers. Since v0.1.
    pub job_threads: usize,
}

impl Default for Server {
    fn default() -> Server {
        Server {
            listen: "127.0.0.1:8080".into(),
            public_url: None,
            stop_seconds: 20,
            job_threads: 2,
        }
    }
}
