use std::sync::Arc;

use banyan_base::Id;

use crate::Error;

/// A value as both databases store it. Booleans are 0 and 1, dates and moments are text.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    #[default]
    Null,
    Int(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

impl Value {
    pub fn is_null(&self) -> bool {
        *self == Value::Null
    }

    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(value) => Some(*value),
            _ => None,
        }
    }
}

macro_rules! from {
    ($($source:ty => |$value:ident| $result:expr;)*) => {
        $(impl From<$source> for Value {
            fn from($value: $source) -> Value {
                $result
            }
        })*
    };
}

from! {
    &str => |value| Value::Text(value.to_owned());
    &String => |value| Value::Text(value.clone());
    String => |value| Value::Text(value);
    i64 => |value| Value::Int(value);
    i32 => |value| Value::Int(i64::from(value));
    u32 => |value| Value::Int(i64::from(value));
    u16 => |value| Value::Int(i64::from(value));
    bool => |value| Value::Int(i64::from(value));
    f64 => |value| Value::Real(value);
    Vec<u8> => |value| Value::Blob(value);
    &Id => |value| Value::Text(value.as_str().to_owned());
    Id => |value| Value::Text(value.into_string());
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}

/// A row that was read.
#[derive(Clone, Debug)]
pub struct Row {
    pub(crate) names: Arc<[String]>,
    pub(crate) values: Vec<Value>,
}

impl Row {
    /// The value of a column as `T`.
    ///
    /// # Errors
    /// `Inconsistent` where the column is not there or holds something else.
    pub fn get<T: FromValue>(&self, index: usize) -> Result<T, Error> {
        self.values
            .get(index)
            .and_then(T::from_value)
            .ok_or_else(|| Error::Inconsistent {
                table: "query".into(),
                column: self
                    .names
                    .get(index)
                    .cloned()
                    .unwrap_or_else(|| index.to_string()),
                row: self
                    .values
                    .first()
                    .map(|value| format!("{value:?}"))
                    .unwrap_or_default(),
            })
    }

    /// The raw value; `Null` beyond the last column.
    pub fn value(&self, index: usize) -> &Value {
        self.values.get(index).unwrap_or(&Value::Null)
    }

    pub fn values(&self) -> &[Value] {
        &self.values
    }

    pub fn into_values(self) -> Vec<Value> {
        self.values
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|other| other == name)
    }
}

/// What a column can be read as.
pub trait FromValue: Sized {
    fn from_value(value: &Value) -> Option<Self>;
}

impl FromValue for i64 {
    fn from_value(value: &Value) -> Option<i64> {
        value.as_int()
    }
}

impl FromValue for u32 {
    fn from_value(value: &Value) -> Option<u32> {
        value.as_int().and_then(|value| u32::try_from(value).ok())
    }
}

impl FromValue for u64 {
    fn from_value(value: &Value) -> Option<u64> {
        value.as_int().and_then(|value| u64::try_from(value).ok())
    }
}

impl FromValue for bool {
    fn from_value(value: &Value) -> Option<bool> {
        value.as_int().map(|value| value != 0)
    }
}

impl FromValue for f64 {
    fn from_value(value: &Value) -> Option<f64> {
        match value {
            Value::Real(value) => Some(*value),
            Value::Int(value) => Some(*value as f64),
            _ => None,
        }
    }
}

impl FromValue for String {
    fn from_value(value: &Value) -> Option<String> {
        value.as_text().map(str::to_owned)
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: &Value) -> Option<Vec<u8>> {
        match value {
            Value::Blob(bytes) => Some(bytes.clone()),
            _ => None,
        }
    }
}

impl FromValue for Value {
    fn from_value(value: &Value) -> Option<Value> {
        Some(value.clone())
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Option<Option<T>> {
        match value {
            Value::Null => Some(None),
            other => T::from_value(other).map(Some),
        }
    }
}
