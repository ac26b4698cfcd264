use std::io;

use banyan_base::Problem;
use serde::Serialize;
use serde_json::Value;

/// Writes a long reply piece by piece. Called once, outside the door's transaction, on a thread that may block.
pub type StreamWriter = Box<dyn FnOnce(&mut dyn io::Write) -> Result<(), Problem> + Send>;

/// What comes back.
pub struct Reply {
    pub status: u16,
    pub body: ReplyBody,
    /// Strong entity tag, quotes included.
    pub etag: Option<String>,
    pub location: Option<String>,
    pub headers: Vec<(String, String)>,
    /// What is kept of the body for whoever repeats the request, where that must be less than the body: it holds personal data.
    pub kept: Option<Value>,
}

pub enum ReplyBody {
    Empty,
    Json(Value),
    Bytes {
        content_type: String,
        data: Vec<u8>,
    },
    Stream {
        content_type: String,
        write: StreamWriter,
    },
}

impl Reply {
    pub fn empty() -> Reply {
        Reply {
            status: 204,
            body: ReplyBody::Empty,
            etag: None,
            location: None,
            headers: Vec::new(),
            kept: None,
        }
    }

    /// 200 with a JSON body.
    pub fn json(value: impl Serialize) -> Result<Reply, Problem> {
        Ok(Reply::value(
            serde_json::to_value(value).map_err(Problem::internal)?,
        ))
    }

    /// The same of what is JSON already, without a copy.
    pub fn value(value: Value) -> Reply {
        Reply {
            status: 200,
            body: ReplyBody::Json(value),
            etag: None,
            location: None,
            headers: Vec::new(),
            kept: None,
        }
    }

    /// 201 with the place of what was made.
    pub fn created(location: impl Into<String>, value: impl Serialize) -> Result<Reply, Problem> {
        let mut reply = Reply::json(value)?;
        reply.status = 201;
        reply.location = Some(location.into());
        Ok(reply)
    }

    /// 202: the work goes on as a job, to be followed at `location`.
    pub fn accepted(location: impl Into<String>, value: impl Serialize) -> Result<Reply, Problem> {
        let mut reply = Reply::created(location, value)?;
        reply.status = 202;
        Ok(reply)
    }

    pub fn bytes(content_type: &str, data: Vec<u8>) -> Reply {
        let body = ReplyBody::Bytes {
            content_type: content_type.into(),
            data,
        };
        Reply {
            status: 200,
            body,
            etag: None,
            location: None,
            headers: Vec::new(),
            kept: None,
        }
    }

    pub fn stream(content_type: &str, write: StreamWriter) -> Reply {
        let body = ReplyBody::Stream {
            content_type: content_type.into(),
            write,
        };
        Reply {
            status: 200,
            body,
            etag: None,
            location: None,
            headers: Vec::new(),
            kept: None,
        }
    }

    pub fn with_etag(mut self, etag: impl Into<String>) -> Reply {
        self.etag = Some(etag.into());
        self
    }

    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Reply {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The JSON body, if it is one.
    pub fn as_json(&self) -> Option<&Value> {
        match &self.body {
            ReplyBody::Json(value) => Some(value),
            _ => None,
        }
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Bodies may hold personal data; a debug line shows none of it.
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("etag", &self.etag)
            .finish_non_exhaustive()
    }
}
