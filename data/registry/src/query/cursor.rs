//! Cursors: the last row's sort values as hexadecimal JSON, bound to the query they belong to.

use banyan_base::{Cursor, Problem, codes};
use banyan_store::Value;
use serde_json::{Value as Json, json};

/// What a value of a cursor must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub text: bool,
    pub nullable: bool,
}

/// FNV-1a: a cursor of another query is a mistake, not an attack; what it could reach, its holder may list anyway.
pub fn fingerprint(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

pub fn encode(query: &str, values: &[Value]) -> Cursor {
    let values: Vec<Json> = values
        .iter()
        .map(|value| match value {
            Value::Int(number) => json!(number),
            Value::Text(text) => json!(text),
            _ => Json::Null,
        })
        .collect();
    let text = json!({ "h": query, "v": values }).to_string();
    Cursor(text.bytes().map(|byte| format!("{byte:02x}")).collect())
}

/// The values of a cursor; what was not made by [`encode`] for this query and these keys is refused.
pub fn decode(query: &str, text: &str, keys: &[Shape]) -> Result<Vec<Value>, Problem> {
    let read = || -> Option<Vec<Value>> {
        if text.len() > 20_000 || !text.is_ascii() {
            return None;
        }
        let bytes = (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok());
        let json: Json = serde_json::from_slice(&bytes.collect::<Option<Vec<u8>>>()?).ok()?;
        if json.get("h")?.as_str()? != query {
            return None;
        }
        let values = json.get("v")?.as_array()?;
        if values.len() != keys.len() {
            return None;
        }
        let fitting = values.iter().zip(keys).map(|(value, key)| match value {
            Json::Null if key.nullable => Some(Value::Null),
            Json::String(text) if key.text && !text.contains('\0') => Some(Value::Text(text.clone())),
            Json::Number(number) if !key.text => number.as_i64().map(Value::Int),
            _ => None,
        });
        fitting.collect()
    };
    read().ok_or_else(|| {
        Problem::new(
            codes::BAD_CURSOR,
            "翻页标记无效,或与筛选、排序不符。请从第一页重新开始。",
        )
    })
}
