//! Fields that point elsewhere: checked against what is there, resolved from keys, and named for people.

use std::collections::BTreeMap;
use std::sync::Arc;

use banyan_base::{Ctx, Id, Problem};
use banyan_package::model::{FieldKind, OnDelete};
use banyan_store::Tx;
use serde_json::{Map, Value as Json};

use crate::catalog::{Catalog, TypeInfo, column_name, qualified};
use crate::files;
use crate::record;
use crate::seal;
use crate::sight::Eyes;
use crate::value::{Faults, code_list, codes_of};

pub const UNIT: &str = "base.unit";
const REGION: &str = "base.region";

/// Which fields were sent, and what the record held before.
pub type Sent<'a> = (&'a dyn Fn(&str) -> bool, Option<&'a Map<String, Json>>);

/// Checks and resolves every field of `fields` that points elsewhere.
pub fn check(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    (catalog, eyes): (&Catalog, Option<Eyes<'_>>),
    info: &TypeInfo,
    fields: &mut Map<String, Json>,
    (changed, before): Sent<'_>,
    faults: &mut Faults,
) -> Result<(), Problem> {
    for column in &info.columns {
        let name = column.name.as_str();
        let value = fields.get(name).cloned().unwrap_or_default();
        // A region stands or falls with the day it is meant for.
        let moved = matches!(&column.field.kind, FieldKind::Region { at: Some(at), .. } if changed(at));
        if value.is_null() || !(changed(name) || moved) {
            continue;
        }
        match &column.field.kind {
            FieldKind::File { .. } => {
                let before = before.and_then(|before| before.get(name));
                if let Some(kept) = files::checked(cx, tx, &column.field.kind, name, &value, before, faults)?
                {
                    fields.insert(name.into(), kept);
                }
            }
            FieldKind::Unit { .. } => {
                let resolved = by_code(tx, catalog, UNIT, &value, name, "单位", faults)?;
                fields.insert(name.into(), resolved);
            }
            FieldKind::Code {
                registry: Some(registry),
                ..
            } => {
                let of = qualified(&info.package, registry);
                let resolved = by_code(tx, catalog, &of, &value, name, "代码", faults)?;
                fields.insert(name.into(), resolved);
            }
            FieldKind::Region { at, .. } => {
                let day = at
                    .as_ref()
                    .and_then(|at| fields.get(at))
                    .and_then(Json::as_str)
                    .map(str::to_owned);
                let day = day.unwrap_or_else(|| cx.today().to_string());
                region(tx, catalog, name, value.as_str().unwrap_or(""), &day, faults)?;
            }
            FieldKind::Ref { to, .. } => {
                let target = catalog.find(&qualified(&info.package, to))?;
                let seen = match eyes {
                    Some(eyes) => pointable(&eyes, &target)?,
                    None => Some(Arc::clone(&target)),
                };
                let sent = value.as_str().unwrap_or("");
                // What was there before stays, whoever sees it.
                let stays = before.and_then(|before| before.get(name)) == Some(&value);
                let found = match &seen {
                    _ if stays => Some(sent.to_owned()),
                    Some(seen) => resolve(tx, seen, sent)?,
                    None => None,
                };
                match found {
                    Some(id) => {
                        fields.insert(name.into(), Json::String(id));
                    }
                    None => {
                        let shown = value.as_str().unwrap_or("").to_owned();
                        faults.add(
                            name,
                            "ref",
                            format!("“{}”里没有“{shown}”", target.declared.title.zh),
                        );
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// A type as somebody may point to its records: those he may see; where he may see none, those that are nobody's data.
fn pointable(eyes: &Eyes<'_>, target: &Arc<TypeInfo>) -> Result<Option<Arc<TypeInfo>>, Problem> {
    Ok(match eyes.viewed(&target.name)? {
        Some(seen) => Some(seen),
        None if target.columns.iter().any(|column| column.field.personal) => None,
        None => Some(Arc::clone(target)),
    })
}

/// The id of a record by its id or its key (parts joined with `/`).
pub fn resolve(tx: &mut Tx<'_>, target: &TypeInfo, sent: &str) -> Result<Option<String>, Problem> {
    if let Some(id) = Id::parse(sent) {
        let row = tx.query_opt(
            &format!("SELECT _id FROM {} WHERE _id = ?1", target.table),
            &[id.into()],
        )?;
        return Ok(row.map(|row| row.get(0)).transpose()?);
    }
    let parts: Vec<&str> = if target.declared.key.len() == 1 {
        vec![sent]
    } else {
        sent.split('/').collect()
    };
    if target.declared.key.is_empty() || parts.len() != target.declared.key.len() {
        return Ok(None);
    }
    let mut conditions = Vec::new();
    let mut values: Vec<banyan_store::Value> = Vec::new();
    for (field, part) in target.declared.key.iter().zip(parts) {
        let Some(column) = target.column(field) else {
            return Ok(None);
        };
        values.push(match (&column.seal, column.stored) {
            (Some(seal), _) => seal::blind(&target.vault, seal, part)?.into(),
            (None, crate::catalog::Stored::Text) => part.into(),
            (None, _) => part.parse::<i64>().ok().into(),
        });
        conditions.push(format!("{} = ?{}", seal::compared(column), values.len()));
    }
    let sql = format!(
        "SELECT _id FROM {} WHERE {}",
        target.table,
        conditions.join(" AND ")
    );
    Ok(tx.query_opt(&sql, &values)?.map(|row| row.get(0)).transpose()?)
}

/// The key that sent fields give, as text, parts joined with `/`; `None` where a part is missing.
pub fn key_of(info: &TypeInfo, fields: &Map<String, Json>) -> Option<String> {
    if info.declared.key.is_empty() {
        return None;
    }
    let parts = info.declared.key.iter().map(|field| match fields.get(field) {
        Some(Json::String(text)) if !text.is_empty() => Some(text.clone()),
        Some(Json::Number(number)) => Some(number.to_string()),
        _ => None,
    });
    parts.collect::<Option<Vec<_>>>().map(|parts| parts.join("/"))
}

/// Codes (or names, as people write them in tables) of a registry whose key is one field.
fn by_code(
    tx: &mut Tx<'_>,
    catalog: &Catalog,
    of: &str,
    value: &Json,
    name: &str,
    word: &str,
    faults: &mut Faults,
) -> Result<Json, Problem> {
    let Some(target) = catalog.types.get(of) else {
        faults.add(name, "ref", format!("{word}登记簿 {of} 尚未安装"));
        return Ok(value.clone());
    };
    let Some(key) = target.declared.key.first() else {
        return Ok(value.clone());
    };
    let (key, label) = (column_name(key), column_name(&target.declared.label));
    let sql = format!(
        "SELECT {key} FROM {} WHERE {key} = ?1 OR {label} = ?1 LIMIT 1",
        target.table
    );
    let mut one = |sent: &Json| -> Result<Json, Problem> {
        let text = sent.as_str().unwrap_or("");
        match tx.query_opt(&sql, &[text.into()])? {
            Some(row) => Ok(Json::String(row.get(0)?)),
            None => {
                faults.add(name, "ref", format!("没有{word}“{text}”"));
                Ok(sent.clone())
            }
        }
    };
    match value {
        Json::Array(items) => Ok(Json::Array(items.iter().map(&mut one).collect::<Result<_, _>>()?)),
        other => one(other),
    }
}

/// A region code must have been in force on the day; the message of an old one names its successor.
fn region(
    tx: &mut Tx<'_>,
    catalog: &Catalog,
    name: &str,
    code: &str,
    day: &str,
    faults: &mut Faults,
) -> Result<(), Problem> {
    let Some(target) = catalog.types.get(REGION) else {
        faults.add(name, "ref", "行政区划登记簿 base.region 尚未安装");
        return Ok(());
    };
    let sql = format!(
        "SELECT f_name, f_valid_from, f_valid_to, f_successor FROM {} WHERE f_code = ?1 ORDER BY f_valid_from",
        target.table
    );
    let rows = tx.query(&sql, &[code.into()])?;
    let mut past = None;
    for row in &rows {
        let from: Option<String> = row.get(1)?;
        let to: Option<String> = row.get(2)?;
        if from.as_deref().is_none_or(|from| from <= day) && to.as_deref().is_none_or(|to| day < to) {
            return Ok(());
        }
        past = Some((row.get::<String>(0)?, from, to, row.get::<Option<String>>(3)?));
    }
    match past {
        None => faults.add(name, "ref", format!("没有行政区划代码 {code}")),
        Some((title, from, to, successor)) => {
            let mut message = format!("{code} {title} 在 {day} 不是有效的行政区划");
            if let Some(from) = from.filter(|from| from.as_str() > day) {
                message.push_str(&format!("(自 {from} 起有效)"));
            } else if let Some(to) = to {
                message.push_str(&format!(",已于 {to} 停用"));
                if let Some((code, title)) = successor.map(|next| in_force(tx, target, next)).transpose()? {
                    message.push_str(&format!(",现为 {code} {title}"));
                }
            }
            faults.add(name, "region", message);
        }
    }
    Ok(())
}

/// What of a record stands for something else: all that [`labels`] looks at.
pub fn standing(info: &TypeInfo, fields: &Map<String, Json>, state: Option<&str>) -> Map<String, Json> {
    let mut found = Map::new();
    for column in &info.columns {
        let named = matches!(
            &column.field.kind,
            FieldKind::Unit { .. }
                | FieldKind::Region { .. }
                | FieldKind::Code { .. }
                | FieldKind::Ref { .. }
                | FieldKind::Computed { .. }
        );
        if let Some(value) = fields.get(&column.name).filter(|_| named) {
            found.insert(column.name.clone(), value.clone());
        }
    }
    if let Some(state) = state {
        found.insert("state".into(), Json::String(state.to_owned()));
    }
    found
}

/// The code and name that an old region came to be in the end: successors may have successors.
fn in_force(tx: &mut Tx<'_>, regions: &TypeInfo, first: String) -> Result<(String, String), Problem> {
    let sql = format!(
        "SELECT f_name, f_successor FROM {} WHERE f_code = ?1 ORDER BY f_valid_from DESC LIMIT 1",
        regions.table
    );
    let (mut code, mut title) = (first, String::new());
    // The bound: successors that go in a circle must not hang the check.
    for _ in 0..16 {
        let Some(row) = tx.query_opt(&sql, &[code.as_str().into()])? else {
            break;
        };
        title = row.get(0)?;
        match row.get::<Option<String>>(1)? {
            Some(next) => code = next,
            None => break,
        }
    }
    Ok((code, title))
}

/// The title of a type whose records name this one by its code (a unit, an item of a code registry); `None` if none does.
pub fn named_by(
    tx: &mut Tx<'_>,
    catalog: &Catalog,
    info: &TypeInfo,
    fields: &Map<String, Json>,
) -> Result<Option<String>, Problem> {
    let [key] = info.declared.key.as_slice() else {
        return Ok(None);
    };
    let Some(code) = fields.get(key).and_then(Json::as_str) else {
        return Ok(None);
    };
    for other in catalog.types.values() {
        for column in &other.columns {
            let many = match &column.field.kind {
                FieldKind::Unit { many } if info.name == UNIT => *many,
                FieldKind::Code {
                    registry: Some(registry),
                    many,
                    ..
                } if qualified(&other.package, registry) == info.name => *many,
                _ => continue,
            };
            // Lists are stored as JSON text.
            let (test, value) = match many {
                true => ("LIKE", format!("%{}%", Json::String(code.to_owned()))),
                false => ("=", code.to_owned()),
            };
            let sql = format!(
                "SELECT _id FROM {} WHERE {} {test} ?1 LIMIT 1",
                other.table, column.column
            );
            if tx.query_opt(&sql, &[value.into()])?.is_some() {
                return Ok(Some(other.declared.title.zh.clone()));
            }
        }
    }
    Ok(None)
}

/// Names for people of what the fields of several records point to: (type or list, code) → name.
pub fn labels(
    tx: &mut Tx<'_>,
    eyes: &Eyes<'_>,
    info: &TypeInfo,
    records: &[Map<String, Json>],
) -> Result<Vec<Map<String, Json>>, Problem> {
    let catalog = eyes.catalog;
    let mut all: Vec<Map<String, Json>> = vec![Map::new(); records.len()];
    for column in &info.columns {
        let name = column.name.as_str();
        let from = match &column.field.kind {
            FieldKind::Unit { .. } => Some((UNIT.to_owned(), false)),
            FieldKind::Region { .. } => Some((REGION.to_owned(), false)),
            FieldKind::Code {
                registry: Some(registry),
                ..
            } => Some((qualified(&info.package, registry), false)),
            FieldKind::Ref { to, .. } => Some((qualified(&info.package, to), true)),
            FieldKind::Code { list: Some(list), .. } => {
                if let Some(list) = code_list(catalog, &info.package, list) {
                    let title = |code: &str| {
                        list.items
                            .iter()
                            .find(|item| item.code == code)
                            .map(|item| item.title.zh.clone())
                    };
                    fill(&mut all, records, name, &title);
                }
                None
            }
            FieldKind::Computed {
                result: banyan_package::model::ComputedType::Code { list },
                ..
            } => {
                if let Some(list) = code_list(catalog, &info.package, list) {
                    let title = |code: &str| {
                        list.items
                            .iter()
                            .find(|item| item.code == code)
                            .map(|item| item.title.zh.clone())
                    };
                    fill(&mut all, records, name, &title);
                }
                None
            }
            _ => None,
        };
        let Some((of, by_id)) = from else { continue };
        if !catalog.types.contains_key(&of)
            || records.iter().all(|record| codes_of(record.get(name)).is_empty())
        {
            continue;
        }
        // A name is told to whoever may look at what it names.
        let Some(target) = eyes.viewed(&of)? else {
            continue;
        };
        let named = names(tx, &target, by_id, records, name)?;
        fill(&mut all, records, name, &|code| named.get(code).cloned());
    }
    if let Some(lifecycle) = &info.declared.lifecycle {
        let title = |state: &str| lifecycle.state(state).map(|state| state.title.zh.clone());
        fill(&mut all, records, "state", &title);
    }
    Ok(all)
}

fn fill(
    all: &mut [Map<String, Json>],
    records: &[Map<String, Json>],
    name: &str,
    title: &dyn Fn(&str) -> Option<String>,
) {
    for (labels, record) in all.iter_mut().zip(records) {
        let titles: Vec<String> = codes_of(record.get(name)).into_iter().filter_map(title).collect();
        if !titles.is_empty() {
            labels.insert(name.to_owned(), Json::String(titles.join("、")));
        }
    }
}

/// The names of all that a page of records points to in one field, in one query.
fn names(
    tx: &mut Tx<'_>,
    target: &TypeInfo,
    by_id: bool,
    records: &[Map<String, Json>],
    name: &str,
) -> Result<BTreeMap<String, String>, Problem> {
    let mut codes: Vec<&str> = records
        .iter()
        .flat_map(|record| codes_of(record.get(name)))
        .collect();
    codes.sort_unstable();
    codes.dedup();
    let mut named = BTreeMap::new();
    let key = match (by_id, target.declared.key.first()) {
        (true, _) => "_id".to_owned(),
        (false, Some(key)) => column_name(key),
        (false, None) => return Ok(named),
    };
    let label = target.column(&target.declared.label);
    // A name that is sealed is opened, as whoever looks may see it.
    let sealed = label.is_some_and(|label| label.seal.is_some());
    let label = label.map_or("_id", |column| column.shown.as_str());
    let list = if sealed {
        format!("{}, {key}", record::select_list(target))
    } else {
        format!("{key}, {label}")
    };
    for chunk in codes.chunks(200) {
        let marks: Vec<String> = (1..=chunk.len()).map(|index| format!("?{index}")).collect();
        let sql = format!(
            "SELECT {list} FROM {} WHERE {key} IN ({})",
            target.table,
            marks.join(", ")
        );
        let values: Vec<banyan_store::Value> = chunk.iter().map(|code| (*code).into()).collect();
        let rows = tx.query(&sql, &values)?;
        if sealed {
            for (record, row) in record::decode_all(target, &rows)?.iter().zip(&rows) {
                if let Some(label) = record.fields.get(&target.declared.label).and_then(Json::as_str) {
                    named.insert(row.get(row.len() - 1)?, label.to_owned());
                }
            }
            continue;
        }
        for row in rows {
            if let Some(label) = row.get::<Option<String>>(1)? {
                named.insert(row.get(0)?, label);
            }
        }
    }
    Ok(named)
}

/// Fields of all types that point to `target` by reference: (type, field, what happens on deletion).
pub fn pointing_to<'c>(catalog: &'c Catalog, target: &str) -> Vec<(&'c TypeInfo, &'c str, OnDelete)> {
    let mut found = Vec::new();
    for info in catalog.types.values() {
        for column in &info.columns {
            if let FieldKind::Ref { to, on_delete } = &column.field.kind
                && qualified(&info.package, to) == target
            {
                found.push((&**info, column.name.as_str(), *on_delete));
            }
        }
    }
    found
}
