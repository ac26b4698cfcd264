use std::collections::BTreeMap;
use std::io::Read as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use banyan_base::{Problem, codes};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What a caller sends, whatever the transport.
#[derive(Clone, Debug, Default)]
pub struct Input {
    /// Values of the `{names}` in the operation's path.
    pub path: BTreeMap<String, String>,
    /// Query parameters in the order sent.
    pub query: Vec<(String, String)>,
    pub body: Body,
    pub if_match: Option<String>,
    pub if_none_match: Option<String>,
    pub idempotency_key: Option<String>,
    /// Id of somebody else's approval of this very call (`Banyan-Approval`).
    pub approval: Option<String>,
    /// Why, for whoever is asked to approve (`Banyan-Reason`).
    pub reason: Option<String>,
    /// Media types the caller would have, as sent.
    pub accept: Option<String>,
    /// `zh-CN` or `en`.
    pub locale: String,
    /// Scheme and authority the caller used, for absolute links: `http://127.0.0.1:8080`.
    pub base_url: String,
    /// What the transport knows of whoever calls, for signing in.
    pub caller: Caller,
}

/// What the transport knows of whoever calls. A debug line shows none of the secrets in it.
#[derive(Clone, Default)]
pub struct Caller {
    /// Where the call comes from, if that is known.
    pub address: Option<IpAddr>,
    /// The `User-Agent`, as sent.
    pub agent: String,
    /// Cookies, except the session's.
    pub cookies: BTreeMap<String, String>,
    /// Name and password of HTTP Basic (RFC 7617): machines at the token endpoint.
    pub basic: Option<(String, String)>,
}

impl std::fmt::Debug for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Caller")
            .field("agent", &self.agent)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, Default)]
pub enum Body {
    #[default]
    None,
    Json(Value),
    Upload(Upload),
}

/// A body that is not JSON: in memory, or, when large, in a temporary file that goes when the last clone goes.
#[derive(Clone, Debug)]
pub struct Upload {
    pub content_type: String,
    pub file_name: Option<String>,
    pub size: u64,
    pub content: UploadContent,
}

#[derive(Clone, Debug)]
pub enum UploadContent {
    Memory(Arc<Vec<u8>>),
    File(Arc<TemporaryFile>),
}

/// A file removed on drop.
#[derive(Debug)]
pub struct TemporaryFile(pub PathBuf);

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // A file that is already gone is what we want.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Upload {
    pub fn memory(content_type: &str, file_name: Option<String>, data: Vec<u8>) -> Upload {
        let size = data.len() as u64;
        Upload {
            content_type: content_type.into(),
            file_name,
            size,
            content: UploadContent::Memory(Arc::new(data)),
        }
    }

    /// Opens the content for reading from its start.
    pub fn open(&self) -> std::io::Result<Box<dyn std::io::Read + Send>> {
        match &self.content {
            UploadContent::Memory(data) => Ok(Box::new(std::io::Cursor::new(SharedBytes(Arc::clone(data))))),
            UploadContent::File(file) => Ok(Box::new(std::fs::File::open(&file.0)?)),
        }
    }

    /// SHA-256 of the content, in hex.
    ///
    /// # Errors
    /// Where the content can't be read.
    pub fn digest(&self) -> Result<String, Problem> {
        let mut hasher = Sha256::new();
        let mut content = self.open().map_err(Problem::internal)?;
        let mut chunk = vec![0; 64 * 1024];
        loop {
            let count = content.read(&mut chunk).map_err(Problem::internal)?;
            let Some(part) = chunk.get(..count).filter(|part| !part.is_empty()) else {
                break;
            };
            hasher.update(part);
        }
        Ok(hasher
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect())
    }

    pub fn read_all(&self) -> std::io::Result<Vec<u8>> {
        match &self.content {
            UploadContent::Memory(data) => Ok(data.to_vec()),
            UploadContent::File(file) => std::fs::read(&file.0),
        }
    }
}

struct SharedBytes(Arc<Vec<u8>>);

impl AsRef<[u8]> for SharedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Input {
    /// An input with a JSON body, for callers inside the platform.
    pub fn json(body: Value) -> Input {
        Input {
            body: Body::Json(body),
            ..Input::default()
        }
    }

    pub fn with_path(mut self, name: &str, value: impl Into<String>) -> Input {
        self.path.insert(name.into(), value.into());
        self
    }

    /// A path value; its absence is a mistake of the platform, not of the caller.
    pub fn path_value(&self, name: &str) -> Result<&str, Problem> {
        self.path
            .get(name)
            .map(String::as_str)
            .ok_or_else(|| Problem::internal(format!("the path has no value named {name}")))
    }

    /// The first query parameter of that name.
    pub fn query_value(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// A query parameter read as `T`; a value that can't be read is the caller's mistake.
    pub fn query_parsed<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Problem> {
        self.query_value(name)
            .map(|text| {
                text.parse().map_err(|_| {
                    Problem::new(
                        codes::BAD_REQUEST,
                        format!("查询参数 {name} 的值“{text}”无法理解。"),
                    )
                    .with_error(format!("?{name}"), "type", "格式不对")
                })
            })
            .transpose()
    }

    /// True for `?name`, `?name=1` and `?name=true`.
    pub fn query_flag(&self, name: &str) -> bool {
        matches!(self.query_value(name), Some("" | "1" | "true"))
    }

    /// The JSON body; an absent one is refused.
    pub fn json_body(&self) -> Result<&Value, Problem> {
        match &self.body {
            Body::Json(value) => Ok(value),
            Body::None => Err(Problem::new(codes::BAD_REQUEST, "需要 JSON 请求体。")),
            Body::Upload(_) => Err(Problem::new(
                codes::UNSUPPORTED_MEDIA,
                "这个操作只接受 application/json 的请求体。",
            )),
        }
    }

    /// The JSON body as a typed value; what does not fit is said by name.
    pub fn typed_body<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        T::deserialize(self.json_body()?)
            .map_err(|error| Problem::new(codes::INVALID, format!("请求体不符合要求:{error}")))
    }
}
