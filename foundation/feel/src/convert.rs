//! JSON to FEEL by declared type, and back. The evaluator does not read dates out of texts: that is done here.

use dsntk_feel::context::FeelContext;
use dsntk_feel::values::{Value, Values};
use dsntk_feel::{FeelNumber, Name};
use dsntk_feel_temporal::{FeelDate, FeelDateTime};
use serde_json::{Map, Value as Json};

use crate::types::Type;

/// A JSON value as FEEL sees it. What does not fit its type becomes null, as FEEL has it.
pub(crate) fn to_feel(json: &Json, kind: &Type) -> Value {
    match (json, kind) {
        (Json::Null, _) => Value::Null(None),
        (Json::Bool(value), _) => Value::Boolean(*value),
        (Json::Number(number), _) => number
            .to_string()
            .parse::<FeelNumber>()
            .map_or(Value::Null(None), Value::Number),
        (Json::String(text), Type::Date) => text.parse::<FeelDate>().map_or(Value::Null(None), Value::Date),
        (Json::String(text), Type::DateTime) => {
            FeelDateTime::try_from(text.as_str()).map_or(Value::Null(None), Value::DateTime)
        }
        (Json::String(text), _) => Value::String(text.clone()),
        (Json::Array(items), kind) => {
            let item = match kind {
                Type::List(item) => (**item).clone(),
                _ => Type::Any,
            };
            let items: Vec<Value> = items.iter().map(|value| to_feel(value, &item)).collect();
            Value::List(Values::from(items))
        }
        (Json::Object(entries), kind) => Value::Context(context(entries, kind)),
    }
}

/// An object as a FEEL context. Declared names that are missing are there as null, so that they can be asked for.
pub(crate) fn context(entries: &Map<String, Json>, kind: &Type) -> FeelContext {
    let mut context = FeelContext::new();
    if let Type::Context(declared) = kind {
        for (name, kind) in declared {
            let value = entries.get(name).unwrap_or(&Json::Null);
            context.set_entry(&Name::from(name.as_str()), to_feel(value, kind));
        }
    } else {
        for (name, value) in entries {
            context.set_entry(&Name::from(name.as_str()), to_feel(value, &Type::Any));
        }
    }
    context
}

/// A FEEL value as JSON; dates as ISO texts. What JSON has no form for is null.
pub(crate) fn to_json(value: &Value) -> Json {
    match value {
        Value::Boolean(value) => Json::Bool(*value),
        Value::Number(number) => number_to_json(&number.to_string()),
        Value::String(text) => Json::String(text.clone()),
        Value::Date(date) => Json::String(date.to_string()),
        Value::DateTime(moment) => Json::String(moment.to_string()),
        Value::Time(time) => Json::String(time.to_string()),
        Value::DaysAndTimeDuration(duration) => Json::String(duration.to_string()),
        Value::YearsAndMonthsDuration(duration) => Json::String(duration.to_string()),
        Value::List(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Context(context) => {
            let entries = context.get_entries();
            Json::Object(
                entries
                    .into_iter()
                    .map(|(name, value)| (name.to_string(), to_json(value)))
                    .collect(),
            )
        }
        _ => Json::Null,
    }
}

/// Decimal digits as a JSON number: the nearest double where it is no whole one. (`serde_json` reads the last digit of long
/// fractions wrongly unless told otherwise: a third came out as 0.33333333333333337.)
fn number_to_json(digits: &str) -> Json {
    match digits.parse::<i64>() {
        Ok(whole) => Json::from(whole),
        Err(_) => digits
            .parse::<f64>()
            .ok()
            .and_then(serde_json::Number::from_f64)
            .map_or(Json::Null, Json::Number),
    }
}
