//! What an apply will do, in the order in which it does it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::{Field, FieldKind, Package, RecordType};

/// Packages that are already there, by id, overlays merged in.
#[derive(Clone, Debug, Default)]
pub struct Installed {
    pub packages: BTreeMap<String, Package>,
}

impl Installed {
    /// The installed packages and these.
    pub fn new(packages: impl IntoIterator<Item = Package>) -> Installed {
        Installed { packages: packages.into_iter().map(|package| (package.id.clone(), package)).collect() }
    }

    /// A type by its whole name, `<package>.<type>`.
    pub fn record_type(&self, whole: &str) -> Option<&RecordType> {
        let (package, name) = whole.split_once('.')?;
        self.packages.get(package)?.record_type(name)
    }
}

/// An ordered list of changes, and what is lost by them. Made by [`crate::diff`]; prints like a difference.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Package id.
    pub package: String,
    /// Version installed now; `None`: not installed.
    pub from_version: Option<String>,
    pub to_version: String,
    /// To be made in this order, all in one transaction.
    pub changes: Vec<Change>,
    /// Sentences (zh) saying what data goes for ever. Not empty: the apply needs `--allow-loss`.
    pub losses: Vec<String>,
    /// The number to record as the installed step afterwards.
    pub step: u32,
}

impl Plan {
    /// Nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

/// One change. Types are named without their package: all are of the plan's package. FEEL texts are expressions over
/// the record as it is at that moment of the plan, each field by its bare name, plus `state`.
///
/// A type or field is named as it is called at that place of the order: after a `RenameField` the new name holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// A new table with all fields, unique keys and indexes of the new declaration. Later changes do not repeat them.
    CreateType { of: String, title: String },
    /// The table, its history and its search index go. A loss unless it never existed.
    DropType { of: String, title: String },
    RenameType { from: String, to: String },
    /// A new, empty column. `declaration` is the field as finally declared.
    AddField { of: String, field: String, declaration: Field },
    /// The column goes, in the history too.
    DropField { of: String, field: String },
    RenameField { of: String, from: String, to: String },
    /// The stored form changes: each value becomes what `feel` gives (the old value stands under the field's name).
    /// `feel` is `None` where every old value is a valid new one as it stands (integer → decimal, code → text …).
    ConvertField { of: String, field: String, from: FieldKind, to: FieldKind, feel: Option<String> },
    /// Several fields are filled from one; all exist at this point.
    Split { of: String, from: String, into: Vec<(String, String)> },
    /// Fills a field of every record, or only where it is empty.
    Backfill { of: String, field: String, feel: String, all: bool },
    /// The value of a computed field is to be computed anew for every record.
    Recompute { of: String, field: String },
    /// Records get the state where they have none: the type has a life cycle now.
    AddLifecycle { of: String, initial: String },
    DropLifecycle { of: String },
    /// Existing values are to be checked against the new declaration; any that fails refuses the apply.
    /// `field` is `None` where the whole record is (a new rule), and `state` where a state is gone.
    Recheck { of: String, field: Option<String>, why: String },
    AddUnique { of: String, fields: Vec<String> },
    DropUnique { of: String, fields: Vec<String> },
    AddIndex { of: String, fields: Vec<String> },
    DropIndex { of: String, fields: Vec<String> },
    /// The full-text index is to be built anew.
    SearchChanged { of: String },
    /// Titles, help, limits that only widened, masks, states, transitions: nothing stored changes.
    /// `what` says in words what differs.
    TypeChanged { of: String, what: Vec<String> },
    ListAdded { list: String },
    ListRemoved { list: String },
    ListChanged { list: String, added: Vec<String>, removed: Vec<String> },
    ViewAdded { view: String },
    ViewRemoved { view: String },
    ViewChanged { view: String },
    TriggerAdded { trigger: String },
    TriggerRemoved { trigger: String },
    TriggerChanged { trigger: String },
    RoleAdded { role: String },
    RoleRemoved { role: String },
    RoleChanged { role: String },
    PurposeAdded { purpose: String },
    PurposeRemoved { purpose: String },
    PurposeChanged { purpose: String },
    PolicyChanged,
    MessagesChanged,
    SeedsChanged { path: String, of: String },
    /// Id, titles, owner, needs.
    HeadChanged { what: Vec<String> },
}

impl Change {
    /// How the change touches what is there: `+` adds, `-` takes away, `~` changes.
    pub fn sign(&self) -> char {
        match self {
            Change::CreateType { .. }
            | Change::AddField { .. }
            | Change::AddLifecycle { .. }
            | Change::AddUnique { .. }
            | Change::AddIndex { .. }
            | Change::ListAdded { .. }
            | Change::ViewAdded { .. }
            | Change::TriggerAdded { .. }
            | Change::RoleAdded { .. }
            | Change::PurposeAdded { .. } => '+',
            Change::DropType { .. }
            | Change::DropField { .. }
            | Change::DropLifecycle { .. }
            | Change::DropUnique { .. }
            | Change::DropIndex { .. }
            | Change::ListRemoved { .. }
            | Change::ViewRemoved { .. }
            | Change::TriggerRemoved { .. }
            | Change::RoleRemoved { .. }
            | Change::PurposeRemoved { .. } => '-',
            _ => '~',
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.from_version {
            None => writeln!(f, "包 {} {}(新装)", self.package, self.to_version)?,
            Some(from) if *from == self.to_version => writeln!(f, "包 {} {from}", self.package)?,
            Some(from) => writeln!(f, "包 {} {from} → {}", self.package, self.to_version)?,
        }
        if self.changes.is_empty() {
            return writeln!(f, "  没有变化。");
        }
        for change in &self.changes {
            writeln!(f, "  {} {change}", change.sign())?;
        }
        for loss in &self.losses {
            writeln!(f, "  ! {loss}")?;
        }
        if self.losses.is_empty() {
            writeln!(f, "共 {} 项变化,不丢失数据。", self.changes.len())
        } else {
            writeln!(f, "共 {} 项变化,其中 {} 项会丢失数据,需要 --allow-loss。", self.changes.len(), self.losses.len())
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::CreateType { of, title } => write!(f, "类型 {of}({title})"),
            Change::DropType { of, title } => write!(f, "类型 {of}({title})及其全部记录和历史"),
            Change::RenameType { from, to } => write!(f, "类型 {from} 改名为 {to}"),
            Change::AddField { of, field, declaration } => {
                write!(f, "字段 {of}.{field}({},{})", declaration.title.zh, declaration.kind.word())
            }
            Change::DropField { of, field } => write!(f, "字段 {of}.{field} 及其全部数据"),
            Change::RenameField { of, from, to } => write!(f, "字段 {of}.{from} 改名为 {of}.{to}"),
            Change::ConvertField { of, field, from, to, feel } => {
                write!(f, "字段 {of}.{field} 类型 {} → {}", from.word(), to.word())?;
                match feel {
                    Some(feel) => write!(f, ",逐条按 {feel} 换算"),
                    None => write!(f, ",原值不变"),
                }
            }
            Change::Split { of, from, into } => {
                write!(f, "字段 {of}.{from} 拆分为")?;
                for (position, (name, feel)) in into.iter().enumerate() {
                    write!(f, "{} {name} = {feel}", if position == 0 { "" } else { "," })?;
                }
                Ok(())
            }
            Change::Backfill { of, field, feel, all } => {
                let which = if *all { "全部记录" } else { "空缺的记录" };
                write!(f, "字段 {of}.{field}:{which}填入 {feel}")
            }
            Change::Recompute { of, field } => write!(f, "字段 {of}.{field}:重新计算"),
            Change::AddLifecycle { of, initial } => write!(f, "类型 {of} 的生命周期,现有记录置为 {initial}"),
            Change::DropLifecycle { of } => write!(f, "类型 {of} 的生命周期及各记录的状态"),
            Change::Recheck { of, field: Some(field), why } => write!(f, "字段 {of}.{field}:核对现有数据({why})"),
            Change::Recheck { of, field: None, why } => write!(f, "类型 {of}:核对现有数据({why})"),
            Change::AddUnique { of, fields } => write!(f, "类型 {of} 唯一键({})", fields.join(", ")),
            Change::DropUnique { of, fields } => write!(f, "类型 {of} 唯一键({})", fields.join(", ")),
            Change::AddIndex { of, fields } | Change::DropIndex { of, fields } => {
                write!(f, "类型 {of} 索引({})", fields.join(", "))
            }
            Change::SearchChanged { of } => write!(f, "类型 {of} 全文索引:重建"),
            Change::TypeChanged { of, what } => write!(f, "类型 {of}:{}", what.join(";")),
            Change::ListAdded { list } | Change::ListRemoved { list } => write!(f, "代码表 {list}"),
            Change::ListChanged { list, added, removed } => {
                write!(f, "代码表 {list}")?;
                if !added.is_empty() {
                    write!(f, ",新增 {}", added.join(", "))?;
                }
                if !removed.is_empty() {
                    write!(f, ",去掉 {}", removed.join(", "))?;
                }
                Ok(())
            }
            Change::ViewAdded { view } | Change::ViewRemoved { view } | Change::ViewChanged { view } => {
                write!(f, "视图 {view}")
            }
            Change::TriggerAdded { trigger }
            | Change::TriggerRemoved { trigger }
            | Change::TriggerChanged { trigger } => write!(f, "触发器 {trigger}"),
            Change::RoleAdded { role } | Change::RoleRemoved { role } | Change::RoleChanged { role } => {
                write!(f, "角色 {role}")
            }
            Change::PurposeAdded { purpose }
            | Change::PurposeRemoved { purpose }
            | Change::PurposeChanged { purpose } => write!(f, "用途 {purpose}"),
            Change::PolicyChanged => write!(f, "访问策略"),
            Change::MessagesChanged => write!(f, "界面文字"),
            Change::SeedsChanged { path, of } => write!(f, "种子数据 {path}({of})"),
            Change::HeadChanged { what } => write!(f, "包说明:{}", what.join(";")),
        }
    }
}
