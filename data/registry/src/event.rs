//! What the feed is told of a record.

use std::collections::BTreeMap;
use std::sync::Arc;

use banyan_base::{Ctx, Event, Problem};
use banyan_door::Call;
use banyan_store::Tx;
use serde_json::{Map, Value as Json, json};

use crate::Registry;
use crate::catalog::{Column, TypeInfo};
use crate::history;
use crate::owed::touch;
use crate::record::{self, Record};
use crate::sight::Eyes;

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

/// Personal and masked fields are named, not shown: the feed is read by many.
fn send(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    info: &TypeInfo,
    record: &Record,
    before: Option<&Record>,
) -> Result<(), Problem> {
    let open = |column: &&Column| !column.field.personal && column.field.mask.is_none();
    let shown = |fields: &Map<String, Json>| -> Map<String, Json> {
        let open = info.columns.iter().filter(open);
        open.filter_map(|column| Some((column.name.clone(), fields.get(&column.name)?.clone())))
            .collect()
    };
    let withheld: Vec<&str> = info
        .columns
        .iter()
        .filter(|column| !open(column))
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

/// The events of a page that the caller may see: those of records he may view, as they are or last were, without what is
/// masked for him; those of the platform for its administrators.
pub(crate) fn visible(
    registry: &Registry,
    call: &mut Call<'_, '_>,
    events: Vec<Event>,
) -> Result<Vec<Event>, Problem> {
    let catalog = registry.catalog(call.tx)?;
    let eyes = Eyes::of(call, &catalog);
    let mut by_type: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let about = |event: &Event| {
        let (of, id) = event.subject.as_deref()?.split_once('/')?;
        Some((of.to_owned(), id.to_owned()))
    };
    for event in &events {
        if let Some((of, id)) = about(event) {
            by_type.entry(of).or_default().push(id);
        }
    }
    let mut seen: BTreeMap<String, (Arc<TypeInfo>, BTreeMap<String, Record>)> = BTreeMap::new();
    for (of, mut ids) in by_type {
        if !catalog.types.contains_key(&of) {
            continue;
        }
        let Some(info) = eyes.viewed(&of)? else { continue };
        ids.sort_unstable();
        ids.dedup();
        let found = record::among(call.tx, &info, &ids)?;
        touch(call.touches, &info, found.values())?;
        seen.insert(of, (info, found));
    }
    let admin = call.cx.actor.is_admin();
    let mut shown = Vec::new();
    for mut event in events {
        let Some((of, id)) = about(&event).filter(|(of, _)| catalog.types.contains_key(of)) else {
            if admin {
                shown.push(event);
            }
            continue;
        };
        let Some((info, record)) = seen
            .get(&of)
            .and_then(|(info, found)| Some((info, found.get(&id)?)))
        else {
            continue;
        };
        for part in ["record", "before"] {
            if let Some(fields) = event.data.get_mut(part).and_then(Json::as_object_mut) {
                fields.retain(|name, _| info.shows(name) && !record.masked.contains(name));
            }
        }
        shown.push(event);
    }
    Ok(shown)
}
