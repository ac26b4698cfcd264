//! JSON to FEEL by declared type, and back. The engine below does not read dates out of texts: that is done here, and what
//! does not fit its type is said, not silently null.

use banyan_base::FieldError;
use dsntk_feel::context::FeelContext;
use dsntk_feel::values::Value;
use dsntk_feel::{FeelNumber, Name};
use dsntk_feel_temporal::{
    FeelDate, FeelDateTime, FeelDaysAndTimeDuration, FeelTime, FeelYearsAndMonthsDuration,
};
use serde_json::{Map, Value as Json};

use crate::kind::{Base, Kind};
use crate::limits;

/// A JSON value as FEEL sees it. What does not fit is said at its pointer and left to the engine, which makes it null.
pub fn to_feel(json: &Json, kind: &Kind, pointer: &str, wrong: &mut Vec<FieldError>) -> Value {
    match (json, &kind.base) {
        (Json::Null, _) => Value::Null(None),
        (Json::Object(entries), _) if entries.len() == 1 && entries.contains_key("@") => {
            literal(entries.get("@").unwrap_or(&Json::Null), pointer, wrong)
        }
        (Json::Bool(value), Base::Any | Base::Boolean) => Value::Boolean(*value),
        (Json::Number(number), Base::Any | Base::Number) => number
            .to_string()
            .parse::<FeelNumber>()
            .map_or(Value::Null(None), Value::Number),
        (Json::String(text), Base::Any | Base::Text) => Value::String(text.clone()),
        (Json::String(text), base) => match read(text, base) {
            Some(value) => value,
            None => {
                misfit(pointer, kind, wrong);
                Value::String(text.clone())
            }
        },
        (Json::Array(items), base) => {
            let any = Kind::ANY;
            let item = match base {
                Base::List(item) => item,
                Base::Any => &any,
                // FEEL takes a list of one for its only item.
                _ if items.len() == 1 => kind,
                _ => {
                    misfit(pointer, kind, wrong);
                    &any
                }
            };
            let items = items.iter().enumerate();
            Value::List(
                items
                    .map(|(at, value)| to_feel(value, item, &format!("{pointer}/{at}"), wrong))
                    .collect(),
            )
        }
        // And a single value for the list of it.
        (json, Base::List(item)) => to_feel(json, item, pointer, wrong),
        (Json::Object(entries), Base::Context(declared)) => {
            Value::Context(context(entries, declared, pointer, wrong))
        }
        (Json::Object(entries), Base::Any) => Value::Context(context(entries, &[], pointer, wrong)),
        (json, _) => {
            misfit(pointer, kind, wrong);
            to_feel(json, &Kind::ANY, pointer, wrong)
        }
    }
}

fn misfit(pointer: &str, kind: &Kind, wrong: &mut Vec<FieldError>) {
    wrong.push(FieldError {
        pointer: pointer.into(),
        code: "type".into(),
        message: format!("此处应为 {}。", kind.name()),
    });
}

/// `{"@": "2022-03-01"}`: what FEEL writes as `@"2022-03-01"`, for inputs that declare no type.
fn literal(json: &Json, pointer: &str, wrong: &mut Vec<FieldError>) -> Value {
    let text = json.as_str().unwrap_or_default();
    let all = [
        Base::Date,
        Base::DateTime,
        Base::Time,
        Base::YearMonth,
        Base::DayTime,
    ];
    all.iter().find_map(|base| read(text, base)).unwrap_or_else(|| {
        misfit(pointer, &Kind::of(Base::DateTime), wrong);
        Value::Null(None)
    })
}

fn read(text: &str, base: &Base) -> Option<Value> {
    Some(match base {
        Base::Date => Value::Date(text.parse::<FeelDate>().ok()?),
        Base::Time => Value::Time(text.parse::<FeelTime>().ok()?),
        Base::DateTime => Value::DateTime(FeelDateTime::try_from(text).ok()?),
        Base::DayTime => Value::DaysAndTimeDuration(FeelDaysAndTimeDuration::try_from(text).ok()?),
        Base::YearMonth => Value::YearsAndMonthsDuration(FeelYearsAndMonthsDuration::try_from(text).ok()?),
        _ => return None,
    })
}

/// An object as a context: declared entries by their types, the others as they are.
pub fn context(
    entries: &Map<String, Json>,
    declared: &[(Name, Kind)],
    pointer: &str,
    wrong: &mut Vec<FieldError>,
) -> FeelContext {
    let mut context = FeelContext::new();
    for (key, value) in entries {
        let pointer = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
        let known = declared.iter().find(|(name, _)| same_name(name, key));
        let value = to_feel(value, known.map_or(&Kind::ANY, |(_, kind)| kind), &pointer, wrong);
        let name = known.map_or_else(|| Name::from(key.as_str()), |(name, _)| name.clone());
        context.set_entry(&name, value);
    }
    context
}

/// Names are the same whatever the space in them.
pub fn same_name(name: &Name, key: &str) -> bool {
    let name = name.to_string();
    name == key
        || name
            .chars()
            .filter(|c| !c.is_whitespace())
            .eq(key.chars().filter(|c| !c.is_whitespace()))
}

/// Refuses inputs that are too large to be worked on.
///
/// # Errors
/// What is too large, and where.
pub fn bounded(json: &Json, depth: usize) -> Result<(), String> {
    if depth > limits::INPUT_DEPTH {
        return Err(format!("输入嵌套超过 {} 层。", limits::INPUT_DEPTH));
    }
    let within = |length: usize| {
        if length > limits::LIST {
            return Err(format!("输入中有超过 {} 项的列表,请分批。", limits::LIST));
        }
        Ok(())
    };
    match json {
        Json::Array(items) => {
            within(items.len())?;
            items.iter().try_for_each(|item| bounded(item, depth + 1))
        }
        Json::Object(entries) => {
            within(entries.len())?;
            entries.values().try_for_each(|item| bounded(item, depth + 1))
        }
        _ => Ok(()),
    }
}

/// A FEEL value as JSON; dates and the like as ISO texts. What JSON has no form for is null.
pub fn to_json(value: &Value) -> Json {
    match value {
        Value::Boolean(value) => Json::Bool(*value),
        Value::Number(number) => number_to_json(number),
        Value::String(text) => Json::String(text.clone()),
        Value::Date(date) => Json::String(date.to_string()),
        Value::DateTime(moment) => Json::String(moment.to_string()),
        Value::Time(time) => Json::String(time.to_string()),
        Value::DaysAndTimeDuration(duration) => Json::String(duration.to_string()),
        Value::YearsAndMonthsDuration(duration) => Json::String(duration.to_string()),
        Value::List(items) | Value::ExpressionList(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Context(context) => {
            let entries = context.iter();
            Json::Object(
                entries
                    .map(|(name, value)| (name.to_string(), to_json(value)))
                    .collect(),
            )
        }
        Value::Range(..) => Json::String(value.to_string()),
        _ => Json::Null,
    }
}

/// A number: whole ones as they are, others as the nearest double.
pub fn number_to_json(number: &FeelNumber) -> Json {
    let digits = number.to_string();
    if let Ok(whole) = digits.parse::<i64>() {
        return Json::from(whole);
    }
    let double = digits.parse::<f64>().ok();
    double
        .and_then(serde_json::Number::from_f64)
        .map_or(Json::Null, Json::Number)
}

/// Why a value is null, where the engine says so.
pub fn trace(value: &Value) -> Option<String> {
    match value {
        Value::Null(Some(text)) => Some(text.chars().take(500).collect()),
        _ => None,
    }
}
