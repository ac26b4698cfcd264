//! What an apply would change: the difference between what is installed and what is declared, with the declared steps.

use std::fmt;

use serde::Serialize;

use crate::model::*;

/// One change, in the order in which it is made.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    RenameType {
        from: String,
        to: String,
    },
    RenameField {
        of: String,
        from: String,
        to: String,
    },
    CreateType {
        of: String,
        title: String,
    },
    AddField {
        of: String,
        field: String,
        title: String,
    },
    /// Fill new fields from an old one, by FEEL.
    Split {
        of: String,
        from: String,
        into: Ordered<String>,
    },
    Backfill {
        of: String,
        field: String,
        feel: String,
        all: bool,
    },
    Convert {
        of: String,
        field: String,
        feel: String,
    },
    /// Rules of the field or type changed: existing records are checked against them.
    Recheck {
        of: String,
        what: String,
    },
    DropField {
        of: String,
        field: String,
    },
    DropType {
        of: String,
    },
    Indexes {
        of: String,
    },
    Declarations {
        what: String,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::RenameType { from, to } => write!(f, "~ type {from} → {to}"),
            Change::RenameField { of, from, to } => write!(f, "~ field {of}.{from} → {to}"),
            Change::CreateType { of, title } => write!(f, "+ type {of} ({title})"),
            Change::AddField { of, field, title } => write!(f, "+ field {of}.{field} ({title})"),
            Change::Split { of, from, into } => {
                let names: Vec<&str> = into.iter().map(|(name, _)| name.as_str()).collect();
                write!(f, "~ split {of}.{from} into {}", names.join(", "))
            }
            Change::Backfill { of, field, .. } => write!(f, "~ fill {of}.{field}"),
            Change::Convert { of, field, .. } => write!(f, "~ convert {of}.{field}"),
            Change::Recheck { of, what } => write!(f, "? check the records of {of}: {what}"),
            Change::DropField { of, field } => write!(f, "- field {of}.{field}"),
            Change::DropType { of } => write!(f, "- type {of}"),
            Change::Indexes { of } => write!(f, "~ indexes of {of}"),
            Change::Declarations { what } => write!(f, "~ {what}"),
        }
    }
}

/// All changes of one apply.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Plan {
    pub changes: Vec<Change>,
    /// What would be lost; an apply refuses without leave.
    pub losses: Vec<String>,
    /// Why it can't be done as declared.
    pub problems: Vec<String>,
}

/// Compares. `installed_step` is the highest step that has run.
pub fn diff(old: Option<&Package>, new: &Package, installed_step: u32) -> Plan {
    let mut plan = Plan::default();
    let Some(old) = old else {
        for (name, record) in &new.types {
            plan.changes.push(Change::CreateType {
                of: name.clone(),
                title: record.title.zh.clone(),
            });
        }
        return plan;
    };
    let mut steps: Vec<&Step> = new
        .steps
        .iter()
        .filter(|step| step.number > installed_step)
        .collect();
    steps.sort_by_key(|step| step.number);
    let actions: Vec<&StepAction> = steps.iter().flat_map(|step| &step.actions).collect();
    // The old package with its declared renames, so that what was renamed is neither new nor gone.
    let mut from = old.clone();
    for action in &actions {
        match action {
            StepAction::RenameType { from: a, to: b } => {
                if let Some((name, _)) = from.types.iter_mut().find(|(name, _)| name == a) {
                    b.clone_into(name);
                    plan.changes.push(Change::RenameType {
                        from: a.clone(),
                        to: b.clone(),
                    });
                }
            }
            StepAction::RenameField { of, from: a, to: b } => {
                let record = from
                    .types
                    .iter_mut()
                    .find(|(name, _)| name == of)
                    .map(|(_, record)| record);
                if let Some((name, _)) =
                    record.and_then(|record| record.fields.iter_mut().find(|(name, _)| name == a))
                {
                    b.clone_into(name);
                    plan.changes.push(Change::RenameField {
                        of: of.clone(),
                        from: a.clone(),
                        to: b.clone(),
                    });
                }
            }
            _ => {}
        }
    }
    for (name, record) in &new.types {
        match from.record_type(name) {
            None => plan.changes.push(Change::CreateType {
                of: name.clone(),
                title: record.title.zh.clone(),
            }),
            Some(before) => types(&mut plan, name, before, record, &actions),
        }
    }
    for action in &actions {
        match action {
            StepAction::Split { of, from, into } => {
                plan.changes.push(Change::Split {
                    of: of.clone(),
                    from: from.clone(),
                    into: into.clone(),
                });
            }
            StepAction::Backfill { of, field, feel, all } => {
                let change = Change::Backfill {
                    of: of.clone(),
                    field: field.clone(),
                    feel: feel.clone(),
                    all: *all,
                };
                plan.changes.push(change);
            }
            _ => {}
        }
    }
    for (name, before) in &from.types {
        match new.record_type(name) {
            None => {
                plan.losses
                    .push(format!("类型 {name}({})及其全部记录", before.title.zh));
                plan.changes.push(Change::DropType { of: name.clone() });
            }
            Some(after) => {
                for (field, declared) in &before.fields {
                    if after.field(field).is_none() {
                        // A split moves the value on; a computed one can be computed again.
                        let moved = actions.iter().any(|action| matches!(action, StepAction::Split { of, from, .. } if of == name && from == field));
                        if !moved && !matches!(declared.kind, FieldKind::Computed { .. }) {
                            plan.losses
                                .push(format!("字段 {name}.{field}({})的全部值", declared.title.zh));
                        }
                        plan.changes.push(Change::DropField {
                            of: name.clone(),
                            field: field.clone(),
                        });
                    }
                }
            }
        }
    }
    declarations(&mut plan, old, new);
    plan
}

fn types(plan: &mut Plan, name: &str, before: &RecordType, after: &RecordType, actions: &[&StepAction]) {
    for (field, declared) in &after.fields {
        let Some(old) = before.field(field) else {
            plan.changes.push(Change::AddField {
                of: name.into(),
                field: field.clone(),
                title: declared.title.zh.clone(),
            });
            let filled = actions.iter().any(|action| match action {
                StepAction::Backfill {
                    of, field: filled, ..
                } => of == name && filled == field,
                StepAction::Split { of, into, .. } => {
                    of == name && into.iter().any(|(target, _)| target == field)
                }
                _ => false,
            });
            if declared.required && declared.default.is_none() && !filled {
                let what = format!("新的必填字段 {field} 需要默认值或回填步骤");
                plan.changes.push(Change::Recheck {
                    of: name.into(),
                    what,
                });
            }
            continue;
        };
        if stored(&old.kind) != stored(&declared.kind) {
            let convert = actions.iter().find_map(|action| match action {
                StepAction::Convert {
                    of,
                    field: converted,
                    feel,
                } if of == name && converted == field => Some(feel),
                _ => None,
            });
            match convert {
                Some(feel) => plan.changes.push(Change::Convert {
                    of: name.into(),
                    field: field.clone(),
                    feel: feel.clone(),
                }),
                None => plan.problems.push(format!(
                    "字段 {name}.{field} 的类型变了:请在 steps/ 里写 convert 步骤说明旧值如何变成新值。"
                )),
            }
        } else if old.kind != declared.kind
            || (declared.required && !old.required)
            || (declared.unique && !old.unique)
        {
            plan.changes.push(Change::Recheck {
                of: name.into(),
                what: format!("{field} 的约束改变"),
            });
        }
    }
    let indexed = |record: &RecordType| {
        let singles: Vec<(String, bool, bool)> = record
            .fields
            .iter()
            .map(|(name, field)| (name.clone(), field.index, field.unique))
            .collect();
        (
            record.index.clone(),
            record.unique.clone(),
            record.key.clone(),
            singles,
        )
    };
    if indexed(before) != indexed(after) {
        plan.changes.push(Change::Indexes { of: name.into() });
    }
}

/// Kinds that are stored alike can be exchanged without touching the values.
fn stored(kind: &FieldKind) -> (&'static str, bool, u8) {
    match kind {
        FieldKind::Integer { .. } => ("integer", false, 0),
        FieldKind::Money { .. } => ("money", false, 2),
        FieldKind::Decimal { scale, .. } => ("decimal", false, *scale),
        FieldKind::Boolean => ("boolean", false, 0),
        FieldKind::Date { .. } => ("date", false, 0),
        FieldKind::DateTime => ("date_time", false, 0),
        FieldKind::Geometry { .. } => ("geometry", false, 0),
        FieldKind::Json => ("json", false, 0),
        FieldKind::File { many, .. } => ("file", *many, 0),
        FieldKind::Ref { .. } => ("ref", false, 0),
        FieldKind::Code { many, .. } | FieldKind::Unit { many } => ("text", *many, 0),
        FieldKind::Computed { result, .. } => match result {
            ComputedType::Integer => ("computed-integer", false, 0),
            ComputedType::Money => ("computed-money", false, 2),
            ComputedType::Decimal { scale } => ("computed-decimal", false, *scale),
            ComputedType::Boolean => ("computed-boolean", false, 0),
            _ => ("computed-text", false, 0),
        },
        _ => ("text", false, 0),
    }
}

fn declarations(plan: &mut Plan, old: &Package, new: &Package) {
    let parts = [
        ("views", old.views != new.views),
        ("triggers", old.triggers != new.triggers),
        ("policy", old.policy != new.policy),
        ("code lists", old.lists != new.lists),
        (
            "roles and purposes",
            old.roles != new.roles || old.purposes != new.purposes,
        ),
        ("life cycles and forms", old.types != new.types),
        (
            "titles and messages",
            old.title != new.title || old.messages != new.messages || old.version != new.version,
        ),
        ("seeds", old.seeds != new.seeds),
    ];
    for (what, changed) in parts {
        if changed {
            plan.changes.push(Change::Declarations { what: what.into() });
        }
    }
}
