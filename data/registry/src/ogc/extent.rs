//! Where and when a collection's features lie. Finding the ends reads every record, so they are kept until one changes.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use banyan_base::{Problem, ZONE, timestamp_text};
use banyan_store::Tx;
use serde_json::{Map, Value as Json, json};

use super::describe::{geometry, temporal};
use super::request::CRS84;
use crate::catalog::{TypeInfo, bounds_columns};
use crate::query::{Kind, property};

/// What an extent was found for: the last change of a record, and how many there are.
type Mark = (Option<String>, i64);

/// Extents by table, each with its mark.
#[derive(Debug, Default)]
pub struct Extents(Mutex<BTreeMap<String, (Mark, Json)>>);

impl Extents {
    /// The extent of a collection.
    pub(super) fn of(&self, tx: &mut Tx<'_>, info: &TypeInfo) -> Result<Json, Problem> {
        // What other records or consents decide, is not told by these.
        if info
            .secured
            .as_ref()
            .is_some_and(|secured| !secured.looks.nowhere())
        {
            return find(tx, info);
        }
        let mark = mark(tx, info)?;
        // A field that a package takes or gives changes the key, not the records.
        let key = format!(
            "{} {} {}",
            info.table,
            geometry(info).map_or("", |column| column.column.as_str()),
            temporal(info).0
        );
        let kept = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            .cloned();
        if let Some((known, extent)) = kept
            && known == mark
        {
            return Ok(extent);
        }
        let extent = find(tx, info)?;
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, (mark, extent.clone()));
        Ok(extent)
    }
}

fn mark(tx: &mut Tx<'_>, info: &TypeInfo) -> Result<Mark, Problem> {
    let sql = format!(
        "SELECT (SELECT MAX(_updated_at) FROM {}), CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM record_count WHERE type = ?1",
        info.table
    );
    let row = tx.query_opt(&sql, &[info.name.as_str().into()])?;
    let row = row.ok_or_else(|| Problem::internal("a sum without a row"))?;
    Ok((row.get(0)?, row.get(1)?))
}

fn find(tx: &mut Tx<'_>, info: &TypeInfo) -> Result<Json, Problem> {
    let mut extent = Map::new();
    if let Some(column) = geometry(info) {
        let [minx, miny, maxx, maxy] = bounds_columns(&column.column);
        let sql = format!(
            "SELECT MIN({minx}), MIN({miny}), MAX({maxx}), MAX({maxy}) FROM {}",
            info.table
        );
        if let Some(row) = tx.query_opt(&sql, &[])? {
            let ends: [Option<f64>; 4] = [row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?];
            if ends.iter().all(Option::is_some) {
                extent.insert("spatial".into(), json!({ "bbox": [ends], "crs": CRS84 }));
            }
        }
    }
    let (name, kind) = temporal(info);
    let column = property(info, name).map_err(Problem::internal)?.sql;
    let sql = format!("SELECT MIN({column}), MAX({column}) FROM {}", info.table);
    if let Some(row) = tx.query_opt(&sql, &[])? {
        let moment = |text: Option<String>| {
            let text = text?;
            if kind == Kind::Moment {
                return Some(text);
            }
            let day: jiff::civil::Date = text.parse().ok()?;
            Some(timestamp_text(ZONE.to_timestamp(day.at(0, 0, 0, 0)).ok()?))
        };
        let interval = [moment(row.get(0)?), moment(row.get(1)?)];
        if interval.iter().all(Option::is_some) {
            extent.insert(
                "temporal".into(),
                json!({ "interval": [interval], "trs": "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian" }),
            );
        }
    }
    Ok(Json::Object(extent))
}
