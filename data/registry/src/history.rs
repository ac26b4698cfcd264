//! What a record was: superseded versions, who changed what, and how it stood at a moment.

use banyan_base::{Ctx, Problem};
use banyan_store::Tx;
use serde_json::{Value as Json, json};

use crate::catalog::TypeInfo;
use crate::record::{Record, decode, select_list};

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

/// All versions, newest first, as (record, moment it was deleted).
pub fn versions(
    tx: &mut Tx<'_>,
    info: &TypeInfo,
    id: &str,
) -> Result<Vec<(Record, Option<(String, bool)>)>, Problem> {
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
    for row in tx.query(&sql, &[id.into()])? {
        let at = row.len() - 2;
        let end = (row.get(at)?, row.get(at + 1)?);
        all.push((decode(info, &row)?, Some(end)));
    }
    Ok(all)
}

/// Changes by version, newest first: who, when, from, to.
pub fn changes(tx: &mut Tx<'_>, info: &TypeInfo, id: &str) -> Result<Vec<Json>, Problem> {
    let versions = versions(tx, info, id)?;
    let mut items = Vec::new();
    if let Some((record, Some((at, true)))) = versions.first() {
        items.push(json!({ "version": record.version, "at": at, "verb": "deleted", "changes": [] }));
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
        items.push(json!({
            "version": record.version,
            "at": record.updated_at,
            "by": record.updated_by,
            "verb": record.verb,
            "note": record.note,
            "changes": changes,
        }));
    }
    Ok(items)
}

/// The record as it stood at a moment (stored form); `None` where it was not there.
pub fn as_of(tx: &mut Tx<'_>, info: &TypeInfo, id: &str, at: &str) -> Result<Option<Record>, Problem> {
    for (record, end) in versions(tx, info, id)? {
        if record.updated_at.as_str() <= at {
            let over = end.is_some_and(|(superseded, _)| superseded.as_str() <= at);
            return Ok((!over).then_some(record));
        }
    }
    Ok(None)
}
