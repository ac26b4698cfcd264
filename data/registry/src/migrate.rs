//! The tables follow a plan: columns come and go, values move by the declared steps, and what is there is checked against
//! the new declarations. Everything happens in the apply's transaction.

use std::collections::{BTreeMap, BTreeSet};

use banyan_base::{Ctx, Problem, codes};
use banyan_feel::{Scope, Type, compile};
use banyan_package::model::{FieldKind, Package};
use banyan_package::{Change, Plan, field_type};
use banyan_store::{Tx, Value};
use serde_json::{Map, Value as Json};

use crate::catalog::{self, Catalog, Column, Stored, TypeInfo, column_name, stored, table_name, type_info};
use crate::ddl;
use crate::query::search;
use crate::record::{self, decode, decode_all, search_text, select_list};
use crate::seal::{self, Seal, Vault};

/// Rows read at a time.
const BATCH: u32 = 500;
/// Records named where some do not fit.
const NAMED: usize = 10;

/// What must be looked at again in the records of a type.
#[derive(Debug, Default)]
pub(crate) struct Recheck {
    /// Fields whose values are checked as if they were sent.
    fields: BTreeSet<String>,
    /// Whether full-text search looks through other fields than before.
    reindex: bool,
}

/// Types whose records must be checked, by their short names.
pub(crate) type Rechecks = BTreeMap<String, Recheck>;

/// The tables while they change.
struct Move<'a> {
    cx: &'a Ctx,
    allow_loss: bool,
    /// The types as they are to be.
    wanted: BTreeMap<String, TypeInfo>,
    /// The types as their tables stand.
    standing: BTreeMap<String, TypeInfo>,
    rechecks: Rechecks,
    /// Types whose indexes are made anew at the end, when the values are in place.
    indexes: BTreeSet<String>,
}

/// Makes the changes of a plan to the tables. `old` is what is installed, under its new names
/// ([`banyan_package::renamed`]).
pub(crate) fn tables(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    old: Option<&Package>,
    package: &Package,
    (plan, vault): (&Plan, &Vault),
    allow_loss: bool,
) -> Result<Rechecks, Problem> {
    let mut wanted = BTreeMap::new();
    for (name, declared) in &package.types {
        wanted.insert(name.clone(), type_info(package, name, declared, vault)?);
    }
    let types = old.into_iter().flat_map(|package| &package.types);
    let standing: BTreeMap<String, TypeInfo> = types
        .map(|(name, declared)| {
            let sealed = |field: &str| sealed_before(old?, plan, name, field);
            let info = catalog::bare_info(&package.id, name, declared, vault, &sealed);
            (name.clone(), info)
        })
        .collect();
    let mut moving = Move {
        cx,
        allow_loss,
        wanted,
        standing: standing.clone(),
        rechecks: Rechecks::new(),
        indexes: BTreeSet::new(),
    };
    for change in &plan.changes {
        moving.change(tx, package, change)?;
    }
    moving.reseal(tx)?;
    for of in &moving.indexes {
        if let Some(info) = moving.wanted.get(of) {
            ddl::indexes(tx, info)?;
        }
    }
    let searched =
        |info: &TypeInfo| -> Vec<String> { info.searched().map(|column| column.name.clone()).collect() };
    for (name, before) in &standing {
        let Some(after) = moving.wanted.get(name) else {
            continue;
        };
        let fields = moving.rechecks.get(name).map(|recheck| &recheck.fields);
        let touched = after
            .searched()
            .any(|column| fields.is_some_and(|fields| fields.contains(&column.name)));
        if touched || searched(before) != searched(after) {
            moving.rechecks.entry(name.clone()).or_default().reindex = true;
        }
    }
    Ok(moving.rechecks)
}

/// How a field was sealed, by the names that it and its type had then. `old` has its new names, but for those in its purposes.
fn sealed_before(old: &Package, plan: &Plan, of: &str, field: &str) -> Option<Seal> {
    if !old.record_type(of)?.is_sealed(field) {
        return None;
    }
    let (mut was_of, mut was) = (of, field);
    for change in plan.changes.iter().rev() {
        match change {
            Change::RenameField { of, from, to } if of == was_of && to == was => was = from,
            Change::RenameType { from, to } if to == was_of => was_of = from,
            _ => {}
        }
    }
    let purpose = old.purpose_of(was_of, was)?;
    Some(Seal {
        domain: format!("{}.{purpose}", old.id),
        place: format!("{}.{was_of}.{was}", old.id),
    })
}

impl Move<'_> {
    /// Seals what is to be sealed and stands in the clear, opens what no longer is, and seals anew what has another place, domain or
    /// subject: in live records and in superseded versions.
    fn reseal(&mut self, tx: &mut Tx<'_>) -> Result<(), Problem> {
        let names: Vec<String> = self.standing.keys().cloned().collect();
        for name in names {
            let (Some(standing), Some(wanted)) = (self.standing.get(&name), self.wanted.get(&name)) else {
                continue;
            };
            let subject = |info: &TypeInfo| info.declared.subject.clone();
            let moved = subject(standing) != subject(wanted);
            let other = |column: &&Column| {
                let before = standing
                    .column(&column.name)
                    .and_then(|column| column.seal.as_ref());
                before != column.seal.as_ref() || (moved && before.is_some())
            };
            let changed: Vec<Column> = wanted.columns.iter().filter(other).cloned().collect();
            if changed.is_empty() {
                continue;
            }
            for column in &changed {
                let before = standing
                    .column(&column.name)
                    .and_then(|column| column.seal.as_ref());
                if before.is_none() {
                    ddl::add_blind(tx, standing, &column.column)?;
                }
            }
            for table in [&standing.table, &standing.history] {
                each(tx, standing, table, "", &mut |tx, record| {
                    let columns = changed
                        .iter()
                        .filter(|column| !record.erased.contains(&column.name));
                    let whose = (
                        seal::subject_of(wanted, &record.fields, &record.id),
                        record.id.as_str(),
                    );
                    let mut cells = seal::cells(&wanted.vault, whose, columns, &record.fields)?;
                    // What was erased stays so: nothing, where it is no longer sealed.
                    let erased = changed
                        .iter()
                        .filter(|column| record.erased.contains(&column.name));
                    cells.extend(
                        erased
                            .filter(|column| column.seal.is_none())
                            .map(|column| (column.column.clone(), Value::Null)),
                    );
                    set(tx, table, record.seq, cells)
                })?;
            }
            for column in changed.iter().filter(|column| column.seal.is_none()) {
                ddl::drop_blind(tx, standing, &column.column)?;
            }
            self.indexes.insert(name);
        }
        Ok(())
    }

    fn standing(&self, of: &str) -> Result<TypeInfo, Problem> {
        let missing = || Problem::internal(format!("the plan names a type {of} that has no table"));
        self.standing.get(of).cloned().ok_or_else(missing)
    }

    fn wanted(&self, of: &str, field: &str) -> Result<Column, Problem> {
        let column = self.wanted.get(of).and_then(|info| info.column(field));
        let missing = || {
            Problem::internal(format!(
                "the plan names a field {of}.{field} that is not declared"
            ))
        };
        column.cloned().ok_or_else(missing)
    }

    fn recheck(&mut self, of: &str, field: Option<&str>) {
        let recheck = self.rechecks.entry(of.to_owned()).or_default();
        recheck.fields.extend(field.map(str::to_owned));
    }

    fn change(&mut self, tx: &mut Tx<'_>, package: &Package, change: &Change) -> Result<(), Problem> {
        match change {
            Change::RenameType { from, to } => {
                ddl::rename_table(tx, &table_name(&package.id, from), &table_name(&package.id, to))?;
                let names = [from, to].map(|name| Value::Text(format!("{}.{name}", package.id)));
                for table in KEPT_BY_TYPE {
                    tx.execute(&format!("UPDATE {table} SET type = ?2 WHERE type = ?1"), &names)?;
                }
                self.indexes.insert(to.clone());
            }
            Change::RenameField { of, from, to } => {
                let table = table_name(&package.id, of);
                ddl::rename_column(tx, &table, &column_name(from), &column_name(to))?;
            }
            Change::CreateType { of, .. } => {
                if let Some(info) = self.wanted.get(of) {
                    ddl::create(tx, info)?;
                    self.standing.insert(of.clone(), info.clone());
                }
            }
            Change::AddField { of, field, .. } => {
                let column = self.wanted(of, field)?;
                ddl::add_column(tx, &self.standing(of)?, &column)?;
                if let Some(info) = self.standing.get_mut(of) {
                    info.columns.push(column);
                }
                self.recheck(of, Some(field));
            }
            Change::AddState { of, initial } => {
                ddl::add_state(tx, &self.standing(of)?, initial)?;
                let lifecycle = self
                    .wanted
                    .get(of)
                    .and_then(|info| info.declared.lifecycle.clone());
                if let Some(info) = self.standing.get_mut(of) {
                    info.declared.lifecycle = lifecycle;
                }
                self.indexes.insert(of.clone());
                self.recheck(of, None);
            }
            Change::Split { of, from, into } => {
                for (target, feel) in into {
                    fill(
                        self.cx,
                        tx,
                        &self.standing(of)?,
                        &self.wanted(of, target)?,
                        feel,
                        true,
                    )?;
                    self.recheck(of, Some(target));
                }
                let targets: Vec<String> = into.iter().map(|(target, _)| column_name(target)).collect();
                self.kept(tx, of, from, &targets)?;
            }
            Change::Backfill { of, field, feel, all } => {
                fill(
                    self.cx,
                    tx,
                    &self.standing(of)?,
                    &self.wanted(of, field)?,
                    feel,
                    *all,
                )?;
                self.recheck(of, Some(field));
            }
            Change::Convert { of, field, feel } => {
                self.convert(tx, of, field, feel)?;
                self.recheck(of, Some(field));
            }
            Change::Recheck { of, field, .. } => self.recheck(of, field.as_deref()),
            Change::DropField { of, field } => {
                ddl::drop_column(tx, &self.standing(of)?, &column_name(field))?;
                if let Some(info) = self.standing.get_mut(of) {
                    info.columns.retain(|column| column.name != *field);
                }
                self.indexes.insert(of.clone());
                self.recheck(of, None);
            }
            Change::DropState { of } => {
                ddl::drop_state(tx, &self.standing(of)?)?;
                if let Some(info) = self.standing.get_mut(of) {
                    info.declared.lifecycle = None;
                }
                self.indexes.insert(of.clone());
            }
            Change::DropType { of } => {
                drop_type(tx, &self.standing(of)?)?;
                self.standing.remove(of);
            }
            Change::Indexes { of } => {
                self.indexes.insert(of.clone());
            }
            Change::Declarations { .. } | Change::File { .. } => {}
        }
        Ok(())
    }

    /// Refuses a step by which filled values would become empty, without leave.
    fn kept(&self, tx: &mut Tx<'_>, of: &str, from: &str, targets: &[String]) -> Result<(), Problem> {
        let info = self.standing(of)?;
        if self.allow_loss || info.column(from).is_none() {
            return Ok(());
        }
        let empty: Vec<String> = targets.iter().map(|target| format!("{target} IS NULL")).collect();
        let (source, empty) = (column_name(from), empty.join(" AND "));
        let mut lost = Vec::new();
        for table in [&info.table, &info.history] {
            let sql =
                format!("SELECT _id, _version FROM {table} WHERE {source} IS NOT NULL AND {empty} LIMIT 3");
            for row in tx.query(&sql, &[])? {
                let (id, version): (String, i64) = (row.get(0)?, row.get(1)?);
                lost.push(format!("{id} 第 {version} 版"));
            }
        }
        if lost.is_empty() {
            return Ok(());
        }
        let title = info
            .column(from)
            .map_or("", |column| column.field.title.zh.as_str());
        let text = format!(
            "升级步骤会把 {of}.{from}({title})已填的值变成空,如 {}。确实要丢弃,请加 allow_loss。",
            lost.join("、")
        );
        Err(Problem::new(codes::LOSS_REFUSED, text))
    }

    /// A field of another type: a new column is filled from the old one and takes its name.
    fn convert(&mut self, tx: &mut Tx<'_>, of: &str, field: &str, feel: &str) -> Result<(), Problem> {
        let standing = self.standing(of)?;
        let column = self.wanted(of, field)?;
        let target = Column {
            column: format!("{}__new", column.column),
            ..column.clone()
        };
        ddl::add_column(tx, &standing, &target)?;
        fill(self.cx, tx, &standing, &target, feel, true)?;
        self.kept(tx, of, field, std::slice::from_ref(&target.column))?;
        ddl::drop_column(tx, &standing, &column.column)?;
        ddl::rename_column(tx, &standing.table, &target.column, &column.column)?;
        self.indexes.insert(of.to_owned());
        let columns = self
            .standing
            .get_mut(of)
            .into_iter()
            .flat_map(|info| &mut info.columns);
        for known in columns.filter(|known| known.name == field) {
            known.stored = stored(&column.field.kind);
            known.field = column.field.clone();
            known.seal.clone_from(&column.seal);
        }
        Ok(())
    }
}

/// Tables that keep something by the name of the type.
const KEPT_BY_TYPE: &[&str] = &["record_count", "saved_filter", "import_run", "state_clock"];

/// A type goes with its tables and what is kept about it.
pub(crate) fn drop_type(tx: &mut Tx<'_>, info: &TypeInfo) -> Result<(), Problem> {
    ddl::drop(tx, &info.table)?;
    for table in KEPT_BY_TYPE {
        let sql = format!("DELETE FROM {table} WHERE type = ?1");
        tx.execute(&sql, &[info.name.as_str().into()])?;
    }
    Ok(())
}

/// Fills a column of every record by FEEL over the record as it stands. Superseded versions are filled alike, so that
/// history keeps what the old fields said.
fn fill(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    info: &TypeInfo,
    target: &Column,
    feel: &str,
    all: bool,
) -> Result<(), Problem> {
    let columns = info.columns.iter();
    let mut names: Vec<(String, Type)> = columns
        .map(|column| (column.name.clone(), field_type(&column.field)))
        .collect();
    names.push(("id".into(), Type::Text));
    names.push(("version".into(), Type::Number));
    if info.has_state() {
        names.push(("state".into(), Type::Text));
    }
    let wrong = |what: String| {
        let text = format!("升级步骤 {}.{}:{what}。什么也没有改动。", info.short, target.name);
        Problem::new(codes::PACKAGE_REFUSED, text)
    };
    let expression = compile(feel, &Scope(names), &field_type(&target.field))
        .map_err(|errors| wrong(errors.first().map(ToString::to_string).unwrap_or_default()))?;
    // What is sealed is sealed for the subject: where that changes, it is sealed anew.
    let subject = info.declared.subject.as_deref() == Some(target.name.as_str());
    let empty = if all {
        String::new()
    } else {
        format!(" AND {} IS NULL", target.column)
    };
    for table in [&info.table, &info.history] {
        each(tx, info, table, &empty, &mut |tx, record| {
            let value = expression
                .evaluate(cx, &record.names())
                .map_err(Problem::internal)?;
            if !fits(target.stored, &value) {
                return Err(wrong(format!(
                    "记录 {} 的结果 {value} 不能作为这个字段的值",
                    record.id
                )));
            }
            let mut fields = record.fields.clone();
            fields.insert(target.name.clone(), value);
            let sealed = info.sealed().filter(|column| {
                subject && column.name != target.name && !record.erased.contains(&column.name)
            });
            let whose = (seal::subject_of(info, &fields, &record.id), record.id.as_str());
            let cells = seal::cells(&info.vault, whose, sealed.chain([target]), &fields)?;
            set(tx, table, record.seq, cells)
        })?;
    }
    Ok(())
}

/// Gives each record of a table in its order; what is done with it may change its row.
fn each(
    tx: &mut Tx<'_>,
    info: &TypeInfo,
    table: &str,
    condition: &str,
    act: &mut dyn FnMut(&mut Tx<'_>, &record::Record) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let mut last = 0i64;
    let list = select_list(info);
    loop {
        let sql =
            format!("SELECT {list} FROM {table} WHERE _seq > ?1{condition} ORDER BY _seq LIMIT {BATCH}");
        let rows = tx.query(&sql, &[last.into()])?;
        let Some(end) = rows.last() else { return Ok(()) };
        last = end.get(0)?;
        for record in &decode_all(info, &rows)? {
            act(tx, record)?;
        }
    }
}

/// Sets columns of one row.
fn set(tx: &mut Tx<'_>, table: &str, seq: i64, cells: Vec<(String, Value)>) -> Result<(), Problem> {
    if cells.is_empty() {
        return Ok(());
    }
    let (names, mut values): (Vec<String>, Vec<Value>) = cells.into_iter().unzip();
    let sets: Vec<String> = names
        .iter()
        .enumerate()
        .map(|(at, name)| format!("{name} = ?{}", at + 1))
        .collect();
    values.push(seq.into());
    let sql = format!(
        "UPDATE {table} SET {} WHERE _seq = ?{}",
        sets.join(", "),
        values.len()
    );
    tx.execute(&sql, &values)?;
    Ok(())
}

/// Whether a column of this kind keeps the value as it is.
fn fits(stored: Stored, value: &Json) -> bool {
    match (stored, value) {
        (_, Json::Null) | (Stored::Json, _) => true,
        (Stored::Text, value) => value.is_string(),
        (Stored::Integer, value) => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        (Stored::Scaled(_), value) => value.is_number(),
        (Stored::Boolean, value) => value.is_boolean(),
    }
}

/// Every record of a type against its declarations as they are now, computed fields made anew. The first that do not fit
/// are named.
pub(crate) fn recheck(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    catalog: &Catalog,
    of: &str,
    what: &Recheck,
) -> Result<(), Problem> {
    let info = catalog.find(of)?;
    let sent = |name: &String| {
        let column = info.column(name);
        // What a computed field holds is not sent, and a stored file is checked when it comes.
        column.is_some_and(|column| {
            !matches!(
                column.field.kind,
                FieldKind::Computed { .. } | FieldKind::File { .. }
            )
        })
    };
    let fields: Vec<&String> = what.fields.iter().filter(|name| sent(name)).collect();
    let mut last = 0i64;
    let mut wrong: Vec<String> = Vec::new();
    loop {
        let list = select_list(&info);
        let sql = format!(
            "SELECT {list} FROM {} WHERE _seq > ?1 ORDER BY _seq LIMIT {BATCH}",
            info.table
        );
        let rows = tx.query(&sql, &[last.into()])?;
        let Some(end) = rows.last() else { break };
        last = end.get(0)?;
        for row in &rows {
            let before = decode(&info, row)?;
            let held = fields.iter().filter_map(|name| {
                let value = before.fields.get(*name).filter(|value| !value.is_null())?;
                Some(((*name).clone(), value.clone()))
            });
            let fields: Map<String, Json> = held.collect();
            match checked(cx, tx, catalog, &info, &before, &fields) {
                Ok(after) if what.reindex => {
                    search::put(tx, &info, after.seq, &search_text(&info, &after.fields))?;
                }
                Ok(_) => {}
                Err(fault) => wrong.push(format!("{}({fault})", before.id)),
            }
            if wrong.len() >= NAMED {
                break;
            }
        }
        if wrong.len() >= NAMED {
            break;
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let text = format!(
        "“{}”已有的记录不符合新的声明,什么也没有改动:{}",
        info.declared.title.zh,
        wrong.join("、")
    );
    Err(Problem::new(codes::PACKAGE_REFUSED, text))
}

/// One record against the new declarations; it gets a new version only where something in it changes.
fn checked(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    catalog: &Catalog,
    info: &TypeInfo,
    before: &record::Record,
    fields: &Map<String, Json>,
) -> Result<record::Record, String> {
    if let (Some(lifecycle), Some(state)) = (&info.declared.lifecycle, &before.state)
        && lifecycle.state(state).is_none()
    {
        return Err(format!("它的状态 {state} 不再有"));
    }
    let change = record::Change {
        fields,
        state: None,
        verb: "migrated",
        note: None,
        unrestricted: true,
        eyes: None,
    };
    record::update(cx, tx, catalog, info, before, &change).map_err(|problem| {
        let what = problem.errors.iter().map(|error| error.message.as_str());
        let what: Vec<&str> = what.collect();
        if what.is_empty() {
            problem.internal.unwrap_or(problem.detail)
        } else {
            what.join(";")
        }
    })
}
