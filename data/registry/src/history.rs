//! What a record was: superseded versions, who changed what, and how it stood at a moment.

use std::collections::{BTreeMap, BTreeSet};

use banyan_base::{Ctx, Problem};
use banyan_store::Tx;
use serde_json::{Value as Json, json};

use crate::Registry;
use crate::catalog::TypeInfo;
use crate::record::{Record, decode, decode_all, select_list};

/// Copies the current version to the history table, as superseded now.
pub fn supersede(cx: &Ctx, tx: &mut Tx<'_>, info: &TypeInfo, seq: i64, gone: bool) -> Result<(), Problem> {
    let columns = info.all_columns().join(", ");
    tx.execute(
        &format!(
            "INSERT INTO {} ({columns}, _superseded_at, _gone) SELECT {columns}, ?2, ?3 FROM {} WHERE _seq = ?1",
            info.history, info.table
        ),
        &[seq.into(), cx.now_text().into(), gone.into()],
    )?;
    Ok(())
}

/// A version, and of a superseded one: when, and whether it was deleted then.
pub type Version = (Record, Option<(String, bool)>);

/// All versions, newest first.
pub fn versions(tx: &mut Tx<'_>, info: &TypeInfo, id: &str) -> Result<Vec<Version>, Problem> {
    let list = select_list(info);
    let mut all = Vec::new();
    if let Some(row) = tx.query_opt(
        &format!("SELECT {list} FROM {} WHERE _id = ?1", info.table),
        &[id.into()],
    )? {
        all.push((decode(info, &row)?, None));
    }
    let sql = format!(
        "SELECT {list}, _superseded_at, _gone FROM {} WHERE _id = ?1 ORDER BY _version DESC LIMIT 500",
        info.history
    );
    let rows = tx.query(&sql, &[id.into()])?;
    for (record, row) in decode_all(info, &rows)?.into_iter().zip(&rows) {
        let at = row.len() - 2;
        let end = (row.get(at)?, row.get(at + 1)?);
        all.push((record, Some(end)));
    }
    Ok(all)
}

/// The last state of a record that was deleted; `None` where there is none of that id, or it is still there.
pub fn last(tx: &mut Tx<'_>, info: &TypeInfo, id: &str) -> Result<Option<Record>, Problem> {
    let sql = format!(
        "SELECT {} FROM {} WHERE _id = ?1 AND _gone = 1",
        select_list(info),
        info.history
    );
    tx.query_opt(&sql, &[id.into()])?
        .map(|row| decode(info, &row))
        .transpose()
}

/// Notes for whom a version was made, where that is not plain from who made it.
pub fn note_capacity(cx: &Ctx, tx: &mut Tx<'_>, record: &Record) -> Result<(), Problem> {
    let standing = &cx.actor.standing;
    if standing.on_behalf_of.is_none() && standing.represents.is_none() {
        return Ok(());
    }
    tx.execute(
        "INSERT INTO acted_for (record, version, gone, post, on_behalf_of, represents) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        &[
            record.id.as_str().into(),
            record.version.into(),
            i64::from(record.verb == "deleted").into(),
            standing.post.as_deref().into(),
            standing.on_behalf_of.as_deref().into(),
            standing.represents.as_deref().into(),
        ],
    )?;
    Ok(())
}

/// For whom versions of a record were made: by version and whether it is the record's end, account and party.
type ActedFor = BTreeMap<(i64, bool), (Option<String>, Option<String>)>;

fn acted_for(tx: &mut Tx<'_>, id: &str) -> Result<ActedFor, Problem> {
    let sql = "SELECT version, gone, on_behalf_of, represents FROM acted_for WHERE record = ?1";
    let mut all = ActedFor::new();
    for row in tx.query(sql, &[id.into()])? {
        all.insert((row.get(0)?, row.get(1)?), (row.get(2)?, row.get(3)?));
    }
    Ok(all)
}

/// Changes by version, newest first: who, for whom, when, from, to.
pub fn changes(
    registry: &Registry,
    tx: &mut Tx<'_>,
    info: &TypeInfo,
    versions: Vec<Version>,
) -> Result<Vec<Json>, Problem> {
    let id = versions.first().map_or("", |(record, _)| record.id.as_str());
    let acted_for = acted_for(tx, id)?;
    let holders = acted_for.values().filter_map(|(holder, _)| holder.clone());
    let people: BTreeSet<String> = versions
        .iter()
        .map(|(record, _)| record.updated_by.clone())
        .chain(holders)
        .collect();
    let people = registry.people(tx, &people)?;
    let capacity = |item: &mut Json, version: i64, gone: bool| {
        if let (Some((holder, party)), Some(item)) = (acted_for.get(&(version, gone)), item.as_object_mut()) {
            item.insert("on_behalf_of".into(), json!(holder));
            let name = holder.as_ref().and_then(|holder| people.get(holder));
            item.insert("on_behalf_of_name".into(), json!(name));
            item.insert("represents".into(), json!(party));
        }
    };
    let mut items = Vec::new();
    if let Some((record, Some((at, true)))) = versions.first() {
        let mut item = json!({ "version": record.version, "at": at, "verb": "deleted", "changes": [] });
        capacity(&mut item, record.version, true);
        items.push(item);
    }
    for (index, (record, _)) in versions.iter().enumerate() {
        let before = versions.get(index + 1).map(|(record, _)| record);
        let mut changes = Vec::new();
        if let Some(before) = before {
            for column in &info.columns {
                let (from, to) = (before.fields.get(&column.name), record.fields.get(&column.name));
                if from != to {
                    changes.push(json!({ "field": column.name, "title": column.field.title.zh, "from": from, "to": to }));
                }
            }
            if before.state != record.state {
                changes.push(
                    json!({ "field": "state", "title": "状态", "from": before.state, "to": record.state }),
                );
            }
        }
        let mut item = json!({
            "version": record.version,
            "at": record.updated_at,
            "by": record.updated_by,
            "by_name": people.get(&record.updated_by),
            "verb": record.verb,
            "note": record.note,
            "changes": changes,
        });
        capacity(&mut item, record.version, false);
        items.push(item);
    }
    Ok(items)
}

/// The record as it stood at a moment (stored form); `None` where it was not there. What is computed from the day is
/// computed for that day: recounts that follow the calendar alone leave no version.
pub fn as_of(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    info: &TypeInfo,
    id: &str,
    at: &str,
) -> Result<Option<Record>, Problem> {
    let list = select_list(info);
    let values = [id.into(), at.into()];
    let sql = format!(
        "SELECT {list} FROM {} WHERE _id = ?1 AND _updated_at <= ?2",
        info.table
    );
    let mut found = tx.query_opt(&sql, &values)?;
    if found.is_none() {
        let sql = format!(
            "SELECT {list}, _superseded_at FROM {} WHERE _id = ?1 AND _updated_at <= ?2 ORDER BY _version DESC LIMIT 1",
            info.history
        );
        found = tx.query_opt(&sql, &values)?;
        if let Some(row) = &found
            && row.get::<String>(row.len() - 1)?.as_str() <= at
        {
            return Ok(None);
        }
    }
    let Some(row) = found else { return Ok(None) };
    let mut record = decode(info, &row)?;
    let then = Ctx {
        now: at.parse().unwrap_or(cx.now),
        ..cx.clone()
    };
    let mut names = record.names();
    for (name, expression) in &info.computed {
        if expression.is_daily() {
            let value = expression.evaluate(&then, &names).map_err(Problem::internal)?;
            names.insert(name.clone(), value.clone());
            record.fields.insert(name.clone(), value);
        }
    }
    Ok(Some(record))
}
