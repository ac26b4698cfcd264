//! Cases that stand beside a model: what is given, and what must come out.

use std::sync::Arc;

use banyan_base::Ctx;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::explain::{Reasons, decide};
use crate::model::Model;

/// One case of `decisions/<name>.cases.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    pub decision: String,
    #[serde(default)]
    pub input: Map<String, Json>,
    pub expected: Json,
    /// Rules that must fire, as `decision#rule`; none: not looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
}

/// How a case went.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Went {
    pub name: String,
    pub decision: String,
    pub passed: bool,
    pub expected: Json,
    pub got: Json,
    /// Rules that the result rests on, as `decision#rule`.
    pub rules: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Reads a file of cases.
///
/// # Errors
/// What is wrong with it, and where.
pub fn read(text: &str) -> Result<Vec<Case>, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// Runs a case.
pub fn run(cx: &Ctx, model: &Arc<Model>, case: &Case) -> Went {
    let (got, rules, why) = match decide(cx, model, &case.decision, &case.input, Reasons::Given) {
        Ok(outcome) => {
            let wrong = outcome
                .wrong
                .first()
                .map(|wrong| format!("{}: {}", wrong.pointer, wrong.message));
            let rules = outcome.rules();
            let unknown = outcome
                .unknown
                .first()
                .map(|name| format!("there is no input `{name}`"));
            (outcome.result, rules, wrong.or(unknown).or(outcome.note))
        }
        Err(error) => (Json::Null, Vec::new(), Some(error.to_string())),
    };
    let asked = model.find(&case.decision).is_some();
    let fired = case.rules.iter().all(|rule| rules.contains(rule));
    Went {
        name: case.name.clone(),
        decision: case.decision.clone(),
        passed: asked && fired && same(&case.expected, &got),
        expected: case.expected.clone(),
        got,
        rules,
        why,
    }
}

/// Equality of JSON where numbers are numbers: 1 is 1.0.
pub fn same(expected: &Json, got: &Json) -> bool {
    match (expected, got) {
        (Json::Number(a), Json::Number(b)) => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(1.0),
            _ => a == b,
        },
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}
