//! What the feed is told of a record.

use banyan_base::{Ctx, Event, Problem};
use banyan_store::Tx;
use serde_json::{Map, Value as Json, json};

use crate::catalog::TypeInfo;
use crate::history;
use crate::record::Record;

/// Tells something of a record that is no change of it, under a verb of its own.
pub(crate) fn tell(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    info: &TypeInfo,
    record: &Record,
    verb: &str,
) -> Result<(), Problem> {
    let told = Record {
        verb: verb.to_owned(),
        ..record.clone()
    };
    send(cx, tx, info, &told, None)
}

/// The event of a change, which is noted with the capacity it was made in.
pub(crate) fn emit(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    info: &TypeInfo,
    record: &Record,
    before: Option<&Record>,
) -> Result<(), Problem> {
    history::note_capacity(cx, tx, record)?;
    send(cx, tx, info, record, before)
}

/// Personal fields are named, not shown: the feed is read by many.
fn send(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    info: &TypeInfo,
    record: &Record,
    before: Option<&Record>,
) -> Result<(), Problem> {
    let shown = |fields: &Map<String, Json>| -> Map<String, Json> {
        let open = info.columns.iter().filter(|column| !column.field.personal);
        open.filter_map(|column| Some((column.name.clone(), fields.get(&column.name)?.clone())))
            .collect()
    };
    let withheld: Vec<&str> = info
        .columns
        .iter()
        .filter(|column| column.field.personal)
        .map(|column| column.name.as_str())
        .collect();
    let mut data =
        json!({ "version": record.version, "record": shown(&record.fields), "state": record.state });
    if let Some(object) = data.as_object_mut() {
        if let Some(before) = before {
            let mut old = shown(&before.fields);
            old.retain(|name, value| record.fields.get(name) != Some(value));
            object.insert("before".into(), json!(old));
            object.insert("before_state".into(), json!(before.state));
        }
        if !withheld.is_empty() {
            object.insert("withheld".into(), json!(withheld));
        }
    }
    let kind = format!("banyan.{}.{}", info.name, record.verb);
    let subject = format!("{}/{}", info.name, record.id);
    tx.emit(&Event::new(
        cx,
        &format!("/banyan/{}", info.package),
        &kind,
        Some(subject),
        data,
    ))?;
    Ok(())
}
