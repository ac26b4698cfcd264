//! What engines add to the description of the API: the operation table is the same everywhere, what is installed is not.

use banyan_base::{Ctx, Problem};
use serde_json::{Map, Value};

use crate::Door;

/// An operation as it stands on one concrete path, with the schemas of what is installed there.
#[derive(Clone, Debug, Default)]
pub struct Face {
    /// Name of the operation in the door.
    pub operation: &'static str,
    /// Its path with what is fixed filled in, e.g. `/v1/records/base/region/{id}`.
    pub path: String,
    /// OpenAPI operation id, unique.
    pub id: String,
    pub title: String,
    /// More (CommonMark); may be empty.
    pub about: String,
    pub tag: String,
    /// JSON Schema of the body; `Null`: the operation's own.
    pub input: Value,
    /// JSON Schema of the reply; `Null`: the operation's own.
    pub output: Value,
    /// Schemas of query parameters by name; those not named are texts.
    pub query: Map<String, Value>,
    /// Media types of a reply that is not JSON.
    pub media: &'static [&'static str],
}

/// The description of what is installed, for one reader.
#[derive(Clone, Debug, Default)]
pub struct Description {
    pub faces: Vec<Face>,
    /// Schemas by name, which faces refer to as `#/components/schemas/<name>`.
    pub schemas: Map<String, Value>,
    /// Tags with what they are for, in order.
    pub tags: Vec<(String, String)>,
}

/// Filled by engines, read by the HTTP face.
pub trait Describe: Send + Sync {
    /// What the reader may use; nothing else is named.
    ///
    /// # Errors
    /// Where what is installed can't be read.
    fn describe(&self, cx: &Ctx, door: &Door) -> Result<Description, Problem>;
}
