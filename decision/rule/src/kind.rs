//! The declared types of a model: what an input must be, and what JSON becomes.

use dsntk_feel::context::FeelContext;
use dsntk_feel::values::Value;
use dsntk_feel::{FeelType, Name};
use dsntk_model::{Definitions, DmnElement, ItemDefinition, NamedElement};

/// A type, with the values it allows where it says so.
#[derive(Clone, Debug, PartialEq)]
pub struct Kind {
    pub base: Base,
    /// Unary tests that every value must pass.
    pub allowed: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Base {
    Any,
    Number,
    Text,
    Boolean,
    Date,
    Time,
    DateTime,
    DayTime,
    YearMonth,
    List(Box<Kind>),
    Context(Vec<(Name, Kind)>),
    /// Functions, ranges, and what can't be sent as JSON.
    Other,
}

impl Kind {
    pub const ANY: Kind = Kind {
        base: Base::Any,
        allowed: None,
    };

    pub fn of(base: Base) -> Kind {
        Kind { base, allowed: None }
    }

    /// For people.
    pub fn name(&self) -> String {
        match &self.base {
            Base::Any => "Any".into(),
            Base::Number => "number".into(),
            Base::Text => "string".into(),
            Base::Boolean => "boolean".into(),
            Base::Date => "date".into(),
            Base::Time => "time".into(),
            Base::DateTime => "date and time".into(),
            Base::DayTime => "days and time duration".into(),
            Base::YearMonth => "years and months duration".into(),
            Base::List(item) => format!("list<{}>", item.name()),
            Base::Context(_) => "context".into(),
            Base::Other => "function".into(),
        }
    }

    /// As the parser needs it to know names.
    pub fn feel(&self) -> FeelType {
        match &self.base {
            Base::Any | Base::Other => FeelType::Any,
            Base::Number => FeelType::Number,
            Base::Text => FeelType::String,
            Base::Boolean => FeelType::Boolean,
            Base::Date => FeelType::Date,
            Base::Time => FeelType::Time,
            Base::DateTime => FeelType::DateTime,
            Base::DayTime => FeelType::DaysAndTimeDuration,
            Base::YearMonth => FeelType::YearsAndMonthsDuration,
            Base::List(item) => FeelType::List(Box::new(item.feel())),
            Base::Context(entries) => FeelType::Context(
                entries
                    .iter()
                    .map(|(name, kind)| (name.clone(), kind.feel()))
                    .collect(),
            ),
        }
    }

    /// An example by which the parser knows the names inside.
    pub fn sample(&self) -> Value {
        match &self.base {
            Base::Context(entries) => {
                let mut context = FeelContext::new();
                for (name, kind) in entries {
                    context.set_entry(name, kind.sample());
                }
                Value::Context(context)
            }
            _ => Value::FeelType(self.feel()),
        }
    }
}

/// A built-in type by any of its names.
pub fn built_in(name: &str) -> Option<Base> {
    Some(match name.trim() {
        "Any" | "" => Base::Any,
        "number" => Base::Number,
        "string" => Base::Text,
        "boolean" => Base::Boolean,
        "date" => Base::Date,
        "time" => Base::Time,
        "dateTime" | "date and time" => Base::DateTime,
        "dayTimeDuration" | "days and time duration" => Base::DayTime,
        "yearMonthDuration" | "years and months duration" => Base::YearMonth,
        _ => return None,
    })
}

/// Looks types up over all models of a set.
pub struct Kinds<'a> {
    pub models: &'a [Definitions],
}

impl Kinds<'_> {
    /// The type of that name as written in a model; `None` where nothing has it.
    pub fn find(&self, namespace: &str, name: &str) -> Option<Kind> {
        self.look(namespace, name, 0)
    }

    fn look(&self, namespace: &str, name: &str, depth: usize) -> Option<Kind> {
        if let Some(base) = built_in(name) {
            return Some(Kind::of(base));
        }
        if depth > 30 {
            return None;
        }
        let model = self.models.iter().find(|model| model.namespace() == namespace)?;
        if let Some(item) = model.item_definitions().iter().find(|item| item.name() == name) {
            return Some(self.item(namespace, item, depth + 1));
        }
        let (import, inner) = name.split_once('.')?;
        let import = model.imports().iter().find(|one| one.name() == import)?;
        self.look(import.namespace(), inner, depth + 1)
    }

    fn item(&self, namespace: &str, item: &ItemDefinition, depth: usize) -> Kind {
        let allowed = item
            .allowed_values()
            .as_ref()
            .and_then(|tests| tests.text().clone());
        let base = if item.function_item().is_some() {
            Base::Other
        } else if !item.item_components().is_empty() {
            let parts = item.item_components().iter();
            Base::Context(
                parts
                    .map(|part| (part.feel_name().clone(), self.item(namespace, part, depth + 1)))
                    .collect(),
            )
        } else {
            let name = item_type(item);
            let found = self.look(namespace, name, depth).unwrap_or(Kind::ANY);
            if !item.is_collection() {
                return Kind {
                    base: found.base,
                    allowed: allowed.or(found.allowed),
                };
            }
            return Kind::of(Base::List(Box::new(Kind {
                base: found.base,
                allowed: allowed.or(found.allowed),
            })));
        };
        let kind = Kind { base, allowed };
        if item.is_collection() {
            Kind::of(Base::List(Box::new(kind)))
        } else {
            kind
        }
    }
}

fn item_type(item: &ItemDefinition) -> &str {
    dsntk_model::Expression::type_ref(item)
        .as_deref()
        .unwrap_or("Any")
}
