//! The life of one record: made, read, changed, deleted; each with its history, index, counter and event.

use std::collections::BTreeMap;

use banyan_base::{Ctx, Problem};
use banyan_package::model::{ComputedType, FieldKind};
use banyan_store::{Row, Tx, Value};
use serde_json::{Map, Value as Json, json};

use crate::catalog::{Catalog, Column, TypeInfo};
use crate::query::search;
use crate::reference;
use crate::sight::Eyes;
use crate::value::{self, Faults};
pub use crate::version::etag;
use crate::version::matches;
use crate::{Error, clock, event, history, seal};

/// A record as it stands, or stood.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub seq: i64,
    pub id: String,
    pub version: i64,
    pub created_at: String,
    pub created_by: String,
    pub updated_at: String,
    pub updated_by: String,
    pub verb: String,
    pub note: Option<String>,
    pub state: Option<String>,
    pub fields: Map<String, Json>,
    /// Fields whose value is not the whole one, or is withheld.
    pub masked: Vec<String>,
    /// Sealed fields whose key was destroyed: they hold nothing, and never will again.
    pub erased: Vec<String>,
}

/// Columns that [`decode`] reads, in its order.
pub fn select_list(info: &TypeInfo) -> String {
    format!("_seq, {}", info.shown_columns().join(", "))
}

/// Where the columns of fields begin in a row of [`select_list`].
pub fn fields_at(info: &TypeInfo) -> usize {
    if info.has_state() { 10 } else { 9 }
}

/// The record in a row of [`select_list`].
///
/// # Errors
/// Where the row does not hold one, or what is sealed in it can't be opened.
pub fn decode(info: &TypeInfo, row: &Row) -> Result<Record, Problem> {
    let mut record = bare(info, row)?;
    seal::open(info, &[row], std::slice::from_mut(&mut record))?;
    Ok(record)
}

/// The records in many rows: keys are fetched for all of them at once.
///
/// # Errors
/// As [`decode`].
pub fn decode_all<'r>(
    info: &TypeInfo,
    rows: impl IntoIterator<Item = &'r Row>,
) -> Result<Vec<Record>, Problem> {
    let rows: Vec<&Row> = rows.into_iter().collect();
    let mut records = rows
        .iter()
        .map(|row| bare(info, row))
        .collect::<Result<Vec<_>, _>>()?;
    seal::open(info, &rows, &mut records)?;
    Ok(records)
}

/// A record with its sealed fields as they stand.
fn bare(info: &TypeInfo, row: &Row) -> Result<Record, Problem> {
    let has_state = info.has_state();
    let start = fields_at(info);
    let values = row.values().get(start..).unwrap_or_default();
    Ok(Record {
        seq: row.get(0)?,
        id: row.get(1)?,
        version: row.get(2)?,
        created_at: row.get(3)?,
        created_by: row.get(4)?,
        updated_at: row.get(5)?,
        updated_by: row.get(6)?,
        verb: row.get(7)?,
        note: row.get(8)?,
        state: if has_state { row.get(9)? } else { None },
        fields: value::object(&info.columns, values),
        masked: masked(info, values),
        erased: Vec::new(),
    })
}

/// Which fields the flags of a row say are masked.
fn masked(info: &TypeInfo, values: &[Value]) -> Vec<String> {
    let Some(secured) = &info.secured else {
        return Vec::new();
    };
    let flags = values
        .get(info.columns.len())
        .and_then(Value::as_text)
        .unwrap_or("");
    secured
        .masked
        .iter()
        .zip(flags.chars())
        .filter(|(_, flag)| *flag == '1')
        .map(|(name, _)| name.clone())
        .collect()
}

impl Record {
    /// The names FEEL sees: fields, `state`, `id`, `version`.
    pub fn names(&self) -> Map<String, Json> {
        let mut names = self.fields.clone();
        if let Some(state) = &self.state {
            names.insert("state".into(), json!(state));
        }
        names.insert("id".into(), json!(self.id));
        names.insert("version".into(), json!(self.version));
        names
    }

    /// The JSON that goes out.
    pub fn into_json(self, info: &TypeInfo, labels: Map<String, Json>) -> Json {
        let mut body = Map::with_capacity(12);
        let mut put = |name: &str, value: Json| body.insert(name.to_owned(), value);
        put("id", Json::String(self.id));
        put("type", Json::String(info.name.clone()));
        put("version", json!(self.version));
        put("etag", Json::String(etag(self.version)));
        put("created_at", Json::String(self.created_at));
        put("created_by", Json::String(self.created_by));
        put("updated_at", Json::String(self.updated_at));
        put("updated_by", Json::String(self.updated_by));
        put("fields", Json::Object(self.fields));
        put("labels", Json::Object(labels));
        if let Some(state) = self.state {
            put("state", Json::String(state));
        }
        if !self.masked.is_empty() {
            put("masked", json!(self.masked));
        }
        if !self.erased.is_empty() {
            put("erased", json!(self.erased));
        }
        Json::Object(body)
    }
}

pub fn find(tx: &mut Tx<'_>, info: &TypeInfo, id: &str) -> Result<Option<Record>, Problem> {
    let sql = format!("SELECT {} FROM {} WHERE _id = ?1", select_list(info), info.table);
    tx.query_opt(&sql, &[id.into()])?
        .map(|row| decode(info, &row))
        .transpose()
}

/// Those of the records with these ids that are there, as they are or, deleted, last were; by id.
pub fn among(tx: &mut Tx<'_>, info: &TypeInfo, ids: &[String]) -> Result<BTreeMap<String, Record>, Problem> {
    let mut found = BTreeMap::new();
    let list = select_list(info);
    for chunk in ids.chunks(200) {
        let marks: Vec<String> = (1..=chunk.len()).map(|index| format!("?{index}")).collect();
        let marks = marks.join(", ");
        let values: Vec<Value> = chunk.iter().map(|id| id.as_str().into()).collect();
        for (table, more) in [(&info.history, " AND _gone = 1"), (&info.table, "")] {
            let sql = format!("SELECT {list} FROM {table} WHERE _id IN ({marks}){more}");
            for record in decode_all(info, &tx.query(&sql, &values)?)? {
                found.insert(record.id.clone(), record);
            }
        }
    }
    Ok(found)
}

/// The record, or the refusal that it is not there.
pub fn get(tx: &mut Tx<'_>, info: &TypeInfo, id: &str) -> Result<Record, Problem> {
    let missing = || Error::NoRecord {
        kind: info.declared.title.zh.clone(),
        id: id.to_owned(),
    };
    find(tx, info, id)?.ok_or_else(|| missing().into())
}

/// The record, locked where the database has many writers, at the version that `if_match` names.
pub fn get_for_change(
    tx: &mut Tx<'_>,
    info: &TypeInfo,
    id: &str,
    if_match: Option<&str>,
) -> Result<Record, Problem> {
    let lock = tx.dialect().for_update();
    let sql = format!(
        "SELECT {} FROM {} WHERE _id = ?1{lock}",
        select_list(info),
        info.table
    );
    let missing = || Error::NoRecord {
        kind: info.declared.title.zh.clone(),
        id: id.to_owned(),
    };
    let row = tx.query_opt(&sql, &[id.into()])?.ok_or_else(missing)?;
    let record = decode(info, &row)?;
    match if_match {
        None => Err(Error::NoVersion.into()),
        Some(tags) if matches(tags, record.version)? => Ok(record),
        Some(tag) => Err(Error::Version {
            current: record.version,
            given: tag.to_owned(),
        }
        .into()),
    }
}

/// What a write brings.
pub struct Change<'a> {
    pub fields: &'a Map<String, Json>,
    pub state: Option<String>,
    pub verb: &'a str,
    pub note: Option<String>,
    /// True where the platform sets fields that people may not (transitions, steps).
    pub unrestricted: bool,
    /// Whose eyes find what fields point to; `None`: the platform's, which see all.
    pub eyes: Option<Eyes<'a>>,
}

/// Brings `fields` over `before` into a whole, checked record. All that is wrong is in the error.
fn checked(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    catalog: &Catalog,
    info: &TypeInfo,
    before: Option<&Record>,
    change: &Change<'_>,
) -> Result<Map<String, Json>, Problem> {
    let mut faults = Faults::default();
    let mut whole = before.map(|record| record.fields.clone()).unwrap_or_default();
    let frozen = before
        .and_then(|record| record.state.as_deref())
        .and_then(|state| {
            info.declared
                .lifecycle
                .as_ref()
                .and_then(|lifecycle| lifecycle.state(state))
        });
    // Seeds and steps bring what was: codes that are out of use today were in use then.
    let by_package =
        change.unrestricted && (before.is_none() || matches!(change.verb, "seeded" | "migrated"));
    for (name, sent) in change.fields {
        let Some(column) = info.column(name) else {
            faults.add(name, "unknown", "没有这个字段");
            continue;
        };
        let kept = value::normalise(cx, catalog, &info.package, name, &column.field, sent, &mut faults);
        let old = whole.get(name).cloned().unwrap_or_default();
        if kept != old && !by_package {
            value::in_force(
                cx,
                catalog,
                &info.package,
                name,
                &column.field,
                (&kept, &old),
                &mut faults,
            );
        }
        if kept != old && !change.unrestricted {
            if before.is_some() && column.field.immutable {
                faults.add(name, "immutable", "登记后不能修改");
            }
            if let Some(state) = frozen
                && (state.is_final
                    || state
                        .editable
                        .as_ref()
                        .is_some_and(|fields| !fields.contains(name)))
            {
                faults.add(name, "state", format!("“{}”状态下不能修改", state.title.zh));
            }
        }
        whole.insert(name.clone(), kept);
    }
    let mut names = whole.clone();
    let state = change
        .state
        .clone()
        .or_else(|| before.and_then(|record| record.state.clone()));
    names.insert("state".into(), state.map(Json::String).unwrap_or_default());
    if before.is_none() {
        for (name, default) in &info.defaults {
            if whole.get(name).is_none_or(Json::is_null) && !change.fields.contains_key(name) {
                let given = default.evaluate(cx, &names).map_err(Problem::internal)?;
                names.insert(name.clone(), given.clone());
                whole.insert(name.clone(), given);
            }
        }
    }
    let given = |name: &str| change.fields.contains_key(name) || before.is_none();
    let old = before.map(|record| &record.fields);
    let finder = (catalog, change.eyes);
    reference::check(cx, tx, finder, info, &mut whole, (&given, old), &mut faults)?;
    names.extend(whole.clone());
    for (name, expression) in &info.computed {
        let result = expression.evaluate(cx, &names).map_err(Problem::internal)?;
        // As it is kept, so that the same result is no change: a third of scale 2 is 0.33.
        let result = info.column(name).map_or(result.clone(), |column| {
            value::from_column(column, &value::to_column(column, &result))
        });
        names.insert(name.clone(), result.clone());
        whole.insert(name.clone(), result);
    }
    let erased = |name: &String| before.is_some_and(|record| record.erased.contains(name));
    for column in &info.columns {
        let name = &column.name;
        let empty = whole.get(name).is_none_or(Json::is_null);
        let asked = match info.conditions.iter().find(|(of, _)| of == name) {
            Some((_, when)) => when.holds(cx, &names).map_err(Problem::internal)?,
            None => true,
        };
        let reported = faults
            .0
            .iter()
            .any(|fault| fault.pointer == format!("/fields/{name}"));
        // What was erased is not asked for again.
        if column.field.required && asked && empty && !reported && !erased(name) {
            faults.add(name, "required", format!("请填写“{}”", column.field.title.zh));
        }
    }
    if faults.0.is_empty() {
        for (name, rule) in &info.rules {
            // A rule about what was erased says nothing any more.
            if rule.uses().iter().any(&erased) {
                continue;
            }
            if !rule.holds(cx, &names).map_err(Problem::internal)? {
                let declared = info
                    .declared
                    .rules
                    .iter()
                    .find(|(of, _)| of == name)
                    .map(|(_, rule)| rule);
                let field = declared.and_then(|rule| rule.field.clone()).unwrap_or_default();
                faults.add(
                    &field,
                    "rule",
                    declared.map(|rule| rule.message.zh.clone()).unwrap_or_default(),
                );
            }
        }
    }
    if faults.0.is_empty() {
        Ok(whole)
    } else {
        Err(Error::Invalid(faults.0.len(), faults.0).into())
    }
}

/// A broken unique key, told at its fields.
fn unique_fault(info: &TypeInfo, error: banyan_store::Error) -> Problem {
    let banyan_store::Error::Unique { columns, .. } = &error else {
        return error.into();
    };
    let mut faults = Faults::default();
    for column in info
        .columns
        .iter()
        .filter(|column| columns.contains(&seal::compared(column)))
    {
        faults.add(
            &column.name,
            "unique",
            format!("“{}”与已有记录重复", column.field.title.zh),
        );
    }
    if faults.0.is_empty() {
        error.into()
    } else {
        Error::Invalid(faults.0.len(), faults.0).into()
    }
}

/// What full-text search looks through.
pub fn search_text(info: &TypeInfo, fields: &Map<String, Json>) -> String {
    let text = |name: &str| match fields.get(name) {
        Some(Json::String(text)) => text.clone(),
        Some(Json::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    info.searched()
        .map(|column| text(&column.name))
        .collect::<Vec<_>>()
        .join("\n")
}

pub fn create(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    catalog: &Catalog,
    info: &TypeInfo,
    change: &Change<'_>,
) -> Result<Record, Problem> {
    let fields = checked(cx, tx, catalog, info, None, change)?;
    let initial = info
        .declared
        .lifecycle
        .as_ref()
        .map(|lifecycle| lifecycle.initial.clone());
    let mut record = Record {
        seq: 0,
        id: cx.id().into_string(),
        version: 1,
        created_at: cx.now_text(),
        created_by: cx.actor.id.clone(),
        updated_at: cx.now_text(),
        updated_by: cx.actor.id.clone(),
        verb: change.verb.to_owned(),
        note: change.note.clone(),
        state: initial.map(|initial| change.state.clone().unwrap_or(initial)),
        fields,
        masked: Vec::new(),
        erased: Vec::new(),
    };
    let (mut names, mut values): (Vec<String>, Vec<Value>) = row_values(info, &record)?.into_iter().unzip();
    let mut marks: Vec<String> = (1..=names.len()).map(|index| format!("?{index}")).collect();
    let words = search_text(info, &record.fields);
    // Where the row holds its own search index, it is written with it, not after it.
    let within = search::vector(tx.dialect(), info, &words);
    if let Some(vector) = within.clone() {
        values.push(vector.into());
        marks.push(format!("CAST(CAST(?{} AS TEXT) AS tsvector)", values.len()));
        names.push(search::VECTOR.into());
    }
    let sql = format!(
        "INSERT INTO {} ({}) VALUES ({}) RETURNING _seq",
        info.table,
        names.join(", "),
        marks.join(", ")
    );
    let row = tx
        .query_opt(&sql, &values)
        .map_err(|error| unique_fault(info, error))?;
    record.seq = row.map(|row| row.get(0)).transpose()?.unwrap_or(0);
    if within.is_none() {
        search::add(tx, info, record.seq, &words)?;
    }
    count(tx, info, 1)?;
    clock::wind(cx, tx, catalog, info, &record)?;
    event::emit(cx, tx, info, &record, None)?;
    Ok(record)
}

/// The columns of a record with what they hold; those of erased fields are left as they are.
fn row_values(info: &TypeInfo, record: &Record) -> Result<Vec<(String, Value)>, Problem> {
    let mut own: Vec<Value> = vec![
        record.id.as_str().into(),
        record.version.into(),
        record.created_at.as_str().into(),
        record.created_by.as_str().into(),
        record.updated_at.as_str().into(),
        record.updated_by.as_str().into(),
        record.verb.as_str().into(),
        record.note.as_deref().into(),
    ];
    if info.has_state() {
        own.push(record.state.as_deref().into());
    }
    let names = info.own_columns().into_iter().map(str::to_owned);
    let mut all: Vec<(String, Value)> = names.zip(own).collect();
    let columns = info
        .columns
        .iter()
        .filter(|column| !record.erased.contains(&column.name));
    let whose = (
        seal::subject_of(info, &record.fields, &record.id),
        record.id.as_str(),
    );
    all.extend(seal::cells(&info.vault, whose, columns, &record.fields)?);
    Ok(all)
}

/// Writes `change` over a record that was read with [`get_for_change`].
pub fn update(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    catalog: &Catalog,
    info: &TypeInfo,
    before: &Record,
    change: &Change<'_>,
) -> Result<Record, Problem> {
    let fields = checked(cx, tx, catalog, info, Some(before), change)?;
    // What changes nothing is no version and no event, whatever its note says; a transition is one in any case.
    if change.state.is_none() && fields == before.fields {
        return Ok(before.clone());
    }
    let state = change.state.clone().or_else(|| before.state.clone());
    let still = |name: &&String| fields.get(*name).is_none_or(Json::is_null);
    let erased = before.erased.iter().filter(still).cloned().collect();
    let record = Record {
        erased,
        version: before.version + 1,
        updated_at: cx.now_text(),
        updated_by: cx.actor.id.clone(),
        verb: change.verb.to_owned(),
        note: change.note.clone(),
        state,
        fields,
        ..before.clone()
    };
    history::supersede(cx, tx, info, before.seq, false)?;
    let (names, mut values): (Vec<String>, Vec<Value>) = row_values(info, &record)?.into_iter().unzip();
    let sets: Vec<String> = names
        .iter()
        .enumerate()
        .map(|(index, name)| format!("{name} = ?{}", index + 1))
        .collect();
    values.push(record.seq.into());
    let sql = format!(
        "UPDATE {} SET {} WHERE _seq = ?{}",
        info.table,
        sets.join(", "),
        values.len()
    );
    tx.execute(&sql, &values)
        .map_err(|error| unique_fault(info, error))?;
    let (old, new) = (
        search_text(info, &before.fields),
        search_text(info, &record.fields),
    );
    if old != new {
        search::put(tx, info, record.seq, &new)?;
    }
    count(tx, info, 0)?;
    if record.state != before.state {
        clock::wind(cx, tx, catalog, info, &record)?;
    }
    event::emit(cx, tx, info, &record, Some(before))?;
    Ok(record)
}

/// Makes the computed fields anew for the day; true if anything changed. Numbers and dates that only follow the calendar
/// are written in place: a version a day for every record would drown its history. A light that turns is a version.
pub fn recount(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    catalog: &Catalog,
    info: &TypeInfo,
    before: &Record,
) -> Result<bool, Problem> {
    let fields = Map::new();
    let change = Change {
        fields: &fields,
        state: None,
        verb: "updated",
        note: None,
        unrestricted: true,
        eyes: None,
    };
    let after = checked(cx, tx, catalog, info, Some(before), &change)?;
    let changed: Vec<&Column> = info
        .columns
        .iter()
        .filter(|column| after.get(&column.name) != before.fields.get(&column.name))
        .collect();
    if changed.is_empty() {
        return Ok(false);
    }
    let counts = |column: &&Column| {
        if column.seal.is_some() {
            return false;
        }
        let FieldKind::Computed { result, .. } = &column.field.kind else {
            return false;
        };
        !matches!(
            result,
            ComputedType::Text | ComputedType::Boolean | ComputedType::Code { .. }
        )
    };
    if !changed.iter().all(counts) {
        update(cx, tx, catalog, info, before, &change)?;
        return Ok(true);
    }
    let sets: Vec<String> = changed
        .iter()
        .enumerate()
        .map(|(index, column)| format!("{} = ?{}", column.column, index + 1))
        .collect();
    let null = Json::Null;
    let mut values: Vec<Value> = changed
        .iter()
        .map(|column| value::to_column(column, after.get(&column.name).unwrap_or(&null)))
        .collect();
    values.push(before.seq.into());
    let sql = format!(
        "UPDATE {} SET {} WHERE _seq = ?{}",
        info.table,
        sets.join(", "),
        values.len()
    );
    tx.execute(&sql, &values)
        .map_err(|error| unique_fault(info, error))?;
    Ok(true)
}

/// Counters of records and of their changes, in shards, so that writers on PostgreSQL do not wait for each other's row.
pub(crate) fn count(tx: &mut Tx<'_>, info: &TypeInfo, by: i64) -> Result<(), Problem> {
    // A transaction moves one row of a type: with two, it could wait for another that waits for it.
    let shard = if tx.dialect().is_postgres() {
        "pg_backend_pid() % 16"
    } else {
        "0"
    };
    tx.execute(
        &format!(
            "INSERT INTO record_count (type, shard, n, changes) VALUES (?1, {shard}, ?2, 1)
             ON CONFLICT (type, shard) DO UPDATE SET n = record_count.n + excluded.n, changes = record_count.changes + 1"
        ),
        &[info.name.as_str().into(), by.into()],
    )?;
    Ok(())
}
