use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A change of state as a CloudEvents 1.0 event (JSON format). `seq` is the feed's own cursor, not part of the standard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub specversion: String,
    pub id: String,
    /// `/banyan/<package>` of what changed.
    pub source: String,
    /// `banyan.<package>.<type>.<verb>`, verbs `created updated deleted` and the names of transitions.
    #[serde(rename = "type")]
    pub kind: String,
    /// `<package>.<type>/<record id>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// RFC 3339, UTC, milliseconds.
    pub time: String,
    pub datacontenttype: String,
    pub data: Value,
    /// Extension attribute: id of the account that acted.
    pub actor: String,
    /// Extension attribute: trace of the act.
    pub trace: String,
    /// Extension attribute: position in the feed, opaque to readers.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cursor: String,
}

impl Event {
    /// A new event of the act `cx`.
    pub fn new(cx: &crate::Ctx, source: &str, kind: &str, subject: Option<String>, data: Value) -> Event {
        Event {
            specversion: "1.0".into(),
            id: cx.id().into_string(),
            source: source.into(),
            kind: kind.into(),
            subject,
            time: cx.now_text(),
            datacontenttype: "application/json".into(),
            data,
            actor: cx.actor.id.clone(),
            trace: cx.trace.clone(),
            cursor: String::new(),
        }
    }
}
