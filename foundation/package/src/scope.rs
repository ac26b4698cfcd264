//! Record types as FEEL sees them.

use banyan_feel::{Scope, Type};

use crate::model::{ComputedType, Field, FieldKind, RecordType};

/// The FEEL type of a field.
pub fn field_type(field: &Field) -> Type {
    let many = |many: bool| {
        if many {
            Type::List(Box::new(Type::Text))
        } else {
            Type::Text
        }
    };
    match &field.kind {
        FieldKind::Integer { .. } | FieldKind::Decimal { .. } | FieldKind::Money { .. } => Type::Number,
        FieldKind::Boolean => Type::Boolean,
        FieldKind::Date { .. } => Type::Date,
        FieldKind::DateTime => Type::DateTime,
        FieldKind::Code { many: m, .. } | FieldKind::Unit { many: m } => many(*m),
        FieldKind::File { .. } | FieldKind::Geometry { .. } | FieldKind::Json => Type::Any,
        FieldKind::Computed { result, .. } => computed_type(result),
        _ => Type::Text,
    }
}

pub(crate) fn computed_type(result: &ComputedType) -> Type {
    match result {
        ComputedType::Text | ComputedType::Code { .. } => Type::Text,
        ComputedType::Integer | ComputedType::Decimal { .. } | ComputedType::Money => Type::Number,
        ComputedType::Boolean => Type::Boolean,
        ComputedType::Date => Type::Date,
        ComputedType::DateTime => Type::DateTime,
    }
}

/// The record's own names: its fields and, with a life cycle, `state`.
pub fn record_scope(record: &RecordType) -> Scope {
    let mut names: Vec<(String, Type)> = record
        .fields
        .iter()
        .map(|(name, field)| (name.clone(), field_type(field)))
        .collect();
    if record.lifecycle.is_some() {
        names.push(("state".into(), Type::Text));
    }
    Scope(names)
}

/// The names of guards, of what transitions set, and of triggers: `record`, `before`, `input`, `actor`.
pub fn trigger_scope(record: &RecordType) -> Scope {
    let mut names = record_scope(record).0;
    names.push(("id".into(), Type::Text));
    names.push(("version".into(), Type::Number));
    let whole = Type::Context(names);
    let actor = Type::Context(vec![
        ("id".into(), Type::Text),
        ("name".into(), Type::Text),
        ("unit".into(), Type::Text),
        ("roles".into(), Type::List(Box::new(Type::Text))),
    ]);
    Scope::default()
        .with("record", whole.clone())
        .with("before", whole.clone())
        .with("input", whole)
        .with("actor", actor)
}
