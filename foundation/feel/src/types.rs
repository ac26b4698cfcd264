use std::fmt;

/// What a FEEL value can be, as far as declarations tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    Any,
    Boolean,
    Number,
    Text,
    Date,
    DateTime,
    /// Days and time, or years and months.
    Duration,
    List(Box<Type>),
    Context(Vec<(String, Type)>),
}

impl Type {
    /// Whether a value of this type may stand where `wanted` is wanted. Null may stand anywhere.
    pub fn fits(&self, wanted: &Type) -> bool {
        match (self, wanted) {
            (Type::Any, _) | (_, Type::Any) => true,
            (Type::List(a), Type::List(b)) => a.fits(b),
            (Type::Context(_), Type::Context(_)) => true,
            (a, b) => a == b,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Any => f.write_str("any"),
            Type::Boolean => f.write_str("boolean"),
            Type::Number => f.write_str("number"),
            Type::Text => f.write_str("string"),
            Type::Date => f.write_str("date"),
            Type::DateTime => f.write_str("date and time"),
            Type::Duration => f.write_str("duration"),
            Type::List(of) => write!(f, "list of {of}"),
            Type::Context(_) => f.write_str("context"),
        }
    }
}

/// The names an expression may use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope(pub Vec<(String, Type)>);

impl Scope {
    pub fn with(mut self, name: &str, kind: Type) -> Scope {
        self.0.push((name.into(), kind));
        self
    }
}
