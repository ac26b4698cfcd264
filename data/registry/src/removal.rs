//! The end of a record, and what becomes of those that point to it.

use banyan_base::{Ctx, Problem};
use banyan_package::model::OnDelete;
use banyan_store::Tx;
use serde_json::{Map, Value as Json};

use crate::catalog::{Catalog, TypeInfo};
use crate::query::search;
use crate::record::{Change, Record, count, decode, select_list, update};
use crate::{Error, clock, event, history, reference};

/// Deletes a record that was read with [`crate::record::get_for_change`]; its versions stay.
///
/// # Errors
/// `IN_USE` where others point to it that forbid it.
pub fn delete(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    catalog: &Catalog,
    info: &TypeInfo,
    before: &Record,
) -> Result<(), Problem> {
    let in_use = |title: &str| {
        let text = format!("这条记录仍被“{title}”引用,不能删除;请先处理那些记录。");
        Error::InUse(text)
    };
    if let Some(title) = reference::named_by(tx, catalog, info, &before.fields)? {
        return Err(in_use(&title).into());
    }
    for (other, field, on_delete) in reference::pointing_to(catalog, &info.name) {
        let sql = format!(
            "SELECT {} FROM {} WHERE {} = ?1",
            select_list(other),
            other.table,
            crate::catalog::column_name(field)
        );
        let limit = if on_delete == OnDelete::Refuse {
            " LIMIT 1"
        } else {
            ""
        };
        for row in tx.query(&format!("{sql}{limit}"), &[before.id.as_str().into()])? {
            let record = decode(other, &row)?;
            match on_delete {
                OnDelete::Refuse => return Err(in_use(&other.declared.title.zh).into()),
                OnDelete::Clear => {
                    let fields: Map<String, Json> = [(field.to_owned(), Json::Null)].into_iter().collect();
                    let change = Change {
                        fields: &fields,
                        state: None,
                        verb: "updated",
                        note: None,
                        unrestricted: true,
                        eyes: None,
                    };
                    update(cx, tx, catalog, other, &record, &change)?;
                }
                OnDelete::Cascade => delete(cx, tx, catalog, other, &record)?,
            }
        }
    }
    history::supersede(cx, tx, info, before.seq, true)?;
    search::remove(tx, info, before.seq)?;
    tx.execute(
        &format!("DELETE FROM {} WHERE _seq = ?1", info.table),
        &[before.seq.into()],
    )?;
    count(tx, info, -1)?;
    clock::stop(tx, info, &before.id)?;
    let gone = Record {
        verb: "deleted".into(),
        ..before.clone()
    };
    event::emit(cx, tx, info, &gone, Some(before))
}
