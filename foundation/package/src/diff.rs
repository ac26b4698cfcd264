//! What an apply would change: the difference between what is installed and what is declared, with the declared steps.

use std::collections::{BTreeMap, BTreeSet};
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
    /// A type gets a life cycle: its records begin in this state.
    AddState {
        of: String,
        initial: String,
    },
    /// Rules of the field or type changed: existing records are checked against them.
    Recheck {
        of: String,
        /// The field whose rules changed; `None`: what concerns the whole record.
        #[serde(skip_serializing_if = "Option::is_none")]
        field: Option<String>,
        what: String,
    },
    /// A type loses its life cycle.
    DropState {
        of: String,
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
    /// A file that an engine reads: a process, a decision, a form.
    File {
        path: String,
        /// `added`, `changed` or `removed`.
        what: String,
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
            Change::AddState { of, initial } => write!(f, "+ life cycle of {of}, from {initial}"),
            Change::DropState { of } => write!(f, "- life cycle of {of}"),
            Change::Recheck { of, what, .. } => write!(f, "? check the records of {of}: {what}"),
            Change::DropField { of, field } => write!(f, "- field {of}.{field}"),
            Change::DropType { of } => write!(f, "- type {of}"),
            Change::Indexes { of } => write!(f, "~ indexes of {of}"),
            Change::File { path, what } => write!(f, "~ {path} {what}"),
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

/// The numbers of the highest steps that have run, by the id of the package or overlay they belong to.
pub type StepsDone = BTreeMap<String, u32>;

/// The steps that have not run, in their order: those of the package itself first.
fn pending<'p>(new: &'p Package, done: &StepsDone) -> Vec<&'p StepAction> {
    let layer = |step: &Step| step.overlay.clone().unwrap_or_else(|| new.id.clone());
    let mut steps: Vec<&Step> = new
        .steps
        .iter()
        .filter(|step| step.number > done.get(&layer(step)).copied().unwrap_or(0))
        .collect();
    steps.sort_by_key(|step| (step.overlay.clone(), step.number));
    steps.iter().flat_map(|step| &step.actions).collect()
}

/// The installed package under the names that it gets by the steps that have not run, and those renames.
pub fn renamed(old: &Package, new: &Package, done: &StepsDone) -> (Package, Vec<Change>) {
    let mut from = old.clone();
    let mut changes = Vec::new();
    for action in pending(new, done) {
        match action {
            StepAction::RenameType { from: a, to: b } => {
                if let Some((name, _)) = from.types.iter_mut().find(|(name, _)| name == a) {
                    b.clone_into(name);
                    changes.push(Change::RenameType {
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
                    changes.push(Change::RenameField {
                        of: of.clone(),
                        from: a.clone(),
                        to: b.clone(),
                    });
                }
            }
            _ => {}
        }
    }
    (from, changes)
}

/// Compares what is installed with what is declared. The changes stand in the order in which they are made: renames, new
/// types and fields, steps as declared, checks, indexes, and at last what goes.
pub fn diff(old: Option<&Package>, new: &Package, done: &StepsDone) -> Plan {
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
    let actions = pending(new, done);
    let (from, renames) = renamed(old, new, done);
    plan.changes = renames;
    for (name, record) in &new.types {
        match from.record_type(name) {
            None => plan.changes.push(Change::CreateType {
                of: name.clone(),
                title: record.title.zh.clone(),
            }),
            Some(before) => added(&mut plan, name, before, record, &actions),
        }
    }
    for action in &actions {
        step(&mut plan, &from, new, action);
    }
    for (name, record) in &new.types {
        if let Some(before) = from.record_type(name) {
            compare(&mut plan, name, before, record, &actions);
        }
    }
    codes(&mut plan, &from, new);
    for (name, before) in &from.types {
        match new.record_type(name) {
            None => {
                plan.losses
                    .push(format!("类型 {name}({})及其全部记录", before.title.zh));
                plan.changes.push(Change::DropType { of: name.clone() });
            }
            Some(after) => gone(&mut plan, name, before, after, &actions),
        }
    }
    declarations(&mut plan, old, new);
    plan
}

/// Whether a step gives the field its values.
fn filled(actions: &[&StepAction], name: &str, field: &str) -> bool {
    actions.iter().any(|action| match action {
        StepAction::Backfill {
            of, field: target, ..
        } => of == name && target == field,
        StepAction::Split { of, into, .. } => of == name && into.iter().any(|(target, _)| target == field),
        _ => false,
    })
}

/// New fields and a new life cycle. Existing records get the default where no step gives them a value.
fn added(plan: &mut Plan, name: &str, before: &RecordType, after: &RecordType, actions: &[&StepAction]) {
    for (field, declared) in &after.fields {
        if before.field(field).is_some() {
            continue;
        }
        plan.changes.push(Change::AddField {
            of: name.into(),
            field: field.clone(),
            title: declared.title.zh.clone(),
        });
        match &declared.default {
            _ if filled(actions, name, field) => {}
            Some(feel) => plan.changes.push(Change::Backfill {
                of: name.into(),
                field: field.clone(),
                feel: feel.clone(),
                all: false,
            }),
            None if declared.required => plan.changes.push(Change::Recheck {
                of: name.into(),
                field: Some(field.clone()),
                what: format!("新的必填字段 {field} 没有默认值,也没有回填步骤"),
            }),
            None => {}
        }
    }
    if let (None, Some(lifecycle)) = (&before.lifecycle, &after.lifecycle) {
        plan.changes.push(Change::AddState {
            of: name.into(),
            initial: lifecycle.initial.clone(),
        });
    }
}

/// One step that moves values. Renames are done by then.
fn step(plan: &mut Plan, from: &Package, new: &Package, action: &StepAction) {
    let has = |of: &str, field: &str| {
        new.record_type(of)
            .is_some_and(|record| record.field(field).is_some())
    };
    let missing = |of: &str, field: &str| format!("升级步骤写到 {of}.{field},但新的声明里没有这个字段。");
    match action {
        StepAction::Split {
            of,
            from: source,
            into,
        } => {
            for (target, _) in into.iter().filter(|(target, _)| !has(of, target)) {
                plan.problems.push(missing(of, target));
            }
            // A step of an overlay's earlier life finds nothing where the overlay is new.
            if from
                .record_type(of)
                .is_some_and(|record| record.field(source).is_some())
            {
                plan.changes.push(Change::Split {
                    of: of.clone(),
                    from: source.clone(),
                    into: into.clone(),
                });
            }
        }
        StepAction::Backfill { of, field, feel, all } => {
            if !has(of, field) {
                plan.problems.push(missing(of, field));
            } else if from.record_type(of).is_some() {
                plan.changes.push(Change::Backfill {
                    of: of.clone(),
                    field: field.clone(),
                    feel: feel.clone(),
                    all: *all,
                });
            }
        }
        StepAction::Convert { of, field, feel } => {
            let before = from.record_type(of).and_then(|record| record.field(field));
            let after = new.record_type(of).and_then(|record| record.field(field));
            match (before, after) {
                (_, None) => plan.problems.push(missing(of, field)),
                (None, Some(_)) => {}
                (Some(before), Some(after)) if stored(&before.kind) == stored(&after.kind) => {
                    plan.changes.push(Change::Backfill {
                        of: of.clone(),
                        field: field.clone(),
                        feel: feel.clone(),
                        all: true,
                    });
                }
                (Some(_), Some(_)) => plan.changes.push(Change::Convert {
                    of: of.clone(),
                    field: field.clone(),
                    feel: feel.clone(),
                }),
            }
        }
        _ => {}
    }
}

/// What goes, and whether something is lost by it.
fn gone(plan: &mut Plan, name: &str, before: &RecordType, after: &RecordType, actions: &[&StepAction]) {
    for (field, declared) in &before.fields {
        if after.field(field).is_some() {
            continue;
        }
        // A split moves the value on; a computed one can be computed again.
        let moved = actions.iter().any(
            |action| matches!(action, StepAction::Split { of, from, .. } if of == name && from == field),
        );
        if !moved && !matches!(declared.kind, FieldKind::Computed { .. }) {
            plan.losses
                .push(format!("字段 {name}.{field}({})的全部值", declared.title.zh));
        }
        plan.changes.push(Change::DropField {
            of: name.into(),
            field: field.clone(),
        });
    }
    if before.lifecycle.is_some() && after.lifecycle.is_none() {
        plan.losses
            .push(format!("类型 {name}({})各记录的状态", before.title.zh));
        plan.changes.push(Change::DropState { of: name.into() });
    }
}

/// Fields of code lists that lose codes: records may hold those.
fn codes(plan: &mut Plan, from: &Package, new: &Package) {
    let items = |package: &Package, list: &str| -> BTreeSet<String> {
        let lists = package.lists.iter().filter(|(name, _)| name == list);
        lists
            .flat_map(|(_, list)| list.items.iter().map(|item| item.code.clone()))
            .collect()
    };
    for (name, _) in &from.lists {
        if items(from, name).is_subset(&items(new, name)) {
            continue;
        }
        let qualified = format!("{}.{name}", new.id);
        for (of, record) in new.types.iter().filter(|(of, _)| from.record_type(of).is_some()) {
            for (field, declared) in &record.fields {
                if let FieldKind::Code { list: Some(list), .. } = &declared.kind
                    && (list == name || *list == qualified)
                {
                    plan.changes.push(Change::Recheck {
                        of: of.clone(),
                        field: Some(field.clone()),
                        what: format!("代码表 {name} 少了代码"),
                    });
                }
            }
        }
    }
}

/// Fields that stay, and the rules and indexes over them.
fn compare(plan: &mut Plan, name: &str, before: &RecordType, after: &RecordType, actions: &[&StepAction]) {
    for (field, declared) in &after.fields {
        let Some(old) = before.field(field) else { continue };
        let converted = actions.iter().any(
            |action| matches!(action, StepAction::Convert { of, field: target, .. } if of == name && target == field),
        );
        if stored(&old.kind) != stored(&declared.kind) && !converted {
            plan.problems.push(format!(
                "字段 {name}.{field} 的类型变了:请在 steps/ 里写 convert 步骤说明旧值如何变成新值。"
            ));
        } else if old.kind != declared.kind
            || (declared.required && !old.required)
            || (declared.unique && !old.unique)
        {
            plan.changes.push(Change::Recheck {
                of: name.into(),
                field: Some(field.clone()),
                what: format!("{field} 的约束改变"),
            });
        }
    }
    let mut recheck = |what: &str| {
        plan.changes.push(Change::Recheck {
            of: name.into(),
            field: None,
            what: what.into(),
        });
    };
    if before.rules != after.rules && !after.rules.is_empty() {
        recheck("规则改变");
    }
    if let (Some(before), Some(after)) = (&before.lifecycle, &after.lifecycle)
        && before
            .states
            .iter()
            .any(|(state, _)| after.state(state).is_none())
    {
        recheck("有的状态不再有");
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

/// Persons agreed to a text: another one is another version.
fn consents(plan: &mut Plan, old: &Package, new: &Package) {
    for (name, purpose) in &new.purposes {
        let before = old.purposes.iter().find(|(known, _)| known == name);
        let Some((before, now)) = before
            .and_then(|(_, old)| old.consent.as_ref())
            .zip(purpose.consent.as_ref())
        else {
            continue;
        };
        let rewritten =
            (&before.text, before.sensitive, &before.effects) != (&now.text, now.sensitive, &now.effects);
        if now.version < before.version || (rewritten && now.version == before.version) {
            plan.problems.push(format!(
                "purpose `{name}`: persons agreed to version {} of its text; raise `consent.version` above it",
                before.version
            ));
        }
    }
}

/// Files that engines read.
fn sources(plan: &mut Plan, old: &Package, new: &Package) {
    let all = |package: &Package| -> BTreeMap<String, String> {
        let kinds = [
            &package.processes,
            &package.decisions,
            &package.decision_cases,
            &package.forms,
        ];
        let each = kinds.into_iter().flatten();
        each.map(|one| (one.path.clone(), one.text.clone())).collect()
    };
    let (before, after) = (all(old), all(new));
    for (path, text) in &after {
        let what = match before.get(path) {
            None => "added",
            Some(known) if known != text => "changed",
            Some(_) => continue,
        };
        plan.changes.push(Change::File {
            path: path.clone(),
            what: what.into(),
        });
    }
    for path in before.keys().filter(|path| !after.contains_key(*path)) {
        plan.changes.push(Change::File {
            path: path.clone(),
            what: "removed".into(),
        });
    }
}

fn declarations(plan: &mut Plan, old: &Package, new: &Package) {
    consents(plan, old, new);
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
        ("overlays", old.overlays != new.overlays),
    ];
    sources(plan, old, new);
    for (what, changed) in parts {
        if changed {
            plan.changes.push(Change::Declarations { what: what.into() });
        }
    }
}
