use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Code;

/// One wrong field of an input. `pointer` is an RFC 6901 pointer into the body the caller sent, e.g. `/fields/due`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    pub pointer: String,
    /// A short name for machines: `required`, `type`, `pattern`, `length`, `range`, `code`, `check_digit`, `ref`, `unique`, `unknown`, …
    pub code: String,
    /// For people, in Chinese: what is wrong and what would be right.
    pub message: String,
}

/// A refusal, as RFC 9457 describes it. Every engine error becomes one before it leaves the door.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}: {detail}", code.name)]
pub struct Problem {
    pub code: Code,
    /// For people: what was being done to what, and the way out.
    pub detail: String,
    pub errors: Vec<FieldError>,
    /// Extra members of the problem document.
    pub extra: Map<String, Value>,
    /// What went wrong inside; goes to the log only, never to the caller.
    pub internal: Option<String>,
}

impl Problem {
    pub fn new(code: Code, detail: impl Into<String>) -> Problem {
        Problem {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            extra: Map::new(),
            internal: None,
        }
    }

    /// An inner failure: the caller sees only that it happened, `cause` goes to the log.
    pub fn internal(cause: impl std::fmt::Display) -> Problem {
        let mut problem = Problem::new(
            crate::codes::INTERNAL,
            "系统内部错误,已记录。请稍后再试,仍不行请把 trace 告诉管理员。",
        );
        problem.internal = Some(cause.to_string());
        problem
    }

    pub fn with_error(
        mut self,
        pointer: impl Into<String>,
        code: &str,
        message: impl Into<String>,
    ) -> Problem {
        self.errors.push(FieldError {
            pointer: pointer.into(),
            code: code.into(),
            message: message.into(),
        });
        self
    }

    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Problem {
        self.extra.insert(key.into(), value.into());
        self
    }

    /// The problem document (`application/problem+json`).
    pub fn to_json(&self, trace: &str) -> Value {
        let mut body = Map::new();
        body.insert(
            "type".into(),
            format!("urn:banyan:problem:{}", self.code.name).into(),
        );
        body.insert("title".into(), self.code.title.into());
        body.insert("status".into(), self.code.status.into());
        body.insert("detail".into(), self.detail.clone().into());
        if !self.errors.is_empty() {
            body.insert(
                "errors".into(),
                serde_json::to_value(&self.errors).unwrap_or_default(),
            );
        }
        for (key, value) in &self.extra {
            body.insert(key.clone(), value.clone());
        }
        body.insert("trace".into(), trace.into());
        Value::Object(body)
    }
}
