//! The end of personal data: whose retention ended, which purposes are past their sunset, and what goes from the tables when
//! a key went.
//!
//! A purpose's data of a subject end together, for they share one key: when each record of each type has stood unchanged
//! for as long as the longest retention among its fields of that purpose.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use banyan_base::{Ctx, Problem, ZONE, timestamp_text};
use banyan_identity::keys::{Ended, Expiring};
use banyan_package::model::{FieldKind, Package};
use banyan_store::{Db, Tx};
use jiff::{Span, Timestamp};

use crate::Registry;
use crate::catalog::{Catalog, Column, TypeInfo, bounds_columns};
use crate::import::sealed::{DOMAIN as IMPORTS, forget as forget_import};
use crate::query::search;
use crate::record::{decode, search_text, select_list};
use crate::seal::{compared, subject_sql};

/// How long an import's file and faulty rows are kept, in days after its end.
const IMPORTS_KEPT: i64 = 7;

/// What the registry holds of persons, as the day's work on keys sees it.
pub struct Retention(pub Arc<Registry>);

/// The personal fields of a type that stand under one purpose.
struct Part<'c> {
    info: &'c TypeInfo,
    columns: Vec<&'c Column>,
    /// What was last changed before this (stored form) is beyond its retention.
    before: String,
}

/// The moment a span before now.
fn earlier(cx: &Ctx, span: &str) -> Option<String> {
    let span: Span = span.parse().ok()?;
    let then = ZONE.to_datetime(cx.now).checked_sub(span).ok()?;
    Some(timestamp_text(ZONE.to_timestamp(then).ok()?))
}

fn past(cx: &Ctx, sunset: Option<&String>) -> bool {
    let last = sunset.and_then(|day| day.parse::<jiff::civil::Date>().ok());
    last.is_some_and(|last| last < cx.today())
}

/// Personal fields by domain, with when they end.
fn parts<'c>(cx: &Ctx, catalog: &'c Catalog) -> BTreeMap<String, Vec<Part<'c>>> {
    let mut all: BTreeMap<String, Vec<Part<'c>>> = BTreeMap::new();
    for info in catalog.types.values() {
        let Some(package) = catalog.packages.get(&info.package) else {
            continue;
        };
        let mut by_purpose: BTreeMap<&str, Vec<&Column>> = BTreeMap::new();
        for column in personal(info) {
            if let Some(purpose) = package.purpose_of(&info.short, &column.name) {
                by_purpose.entry(purpose).or_default().push(column);
            }
        }
        for (purpose, columns) in by_purpose {
            let Some(before) = ends(cx, package, info, purpose, &columns) else {
                tracing::error!(of = %info.name, purpose, "a retention can't be read; nothing ends by it");
                continue;
            };
            let domain = format!("{}.{purpose}", info.package);
            all.entry(domain).or_default().push(Part {
                info,
                columns,
                before,
            });
        }
    }
    all
}

/// Personal fields, but for the subject: what the record is found by, and no more than an id.
fn personal(info: &TypeInfo) -> impl Iterator<Item = &Column> {
    let subject = info.declared.subject.as_deref();
    let mut columns = info.columns.iter();
    std::iter::from_fn(move || {
        columns.find(|column| column.field.personal && Some(column.name.as_str()) != subject)
    })
}

fn ends(cx: &Ctx, package: &Package, info: &TypeInfo, purpose: &str, columns: &[&Column]) -> Option<String> {
    let purpose = package.purposes.iter().find(|(name, _)| name == purpose);
    let (_, purpose) = purpose?;
    if past(cx, purpose.sunset.as_ref()) {
        return Some(timestamp_text(Timestamp::MAX));
    }
    let of_type = info.declared.retention.as_ref().unwrap_or(&purpose.retention);
    let each = columns.iter().map(|column| {
        let span = column.field.retention.as_ref().unwrap_or(of_type);
        earlier(cx, span)
    });
    // The longest: the earliest moment.
    each.collect::<Option<Vec<_>>>()?.into_iter().min()
}

/// Subjects of a domain, behind `after`, all of whose records are beyond their retention and still hold something.
fn subjects(
    tx: &mut Tx<'_>,
    domain: &str,
    parts: &[Part<'_>],
    after: &str,
    count: u32,
) -> Result<Vec<Ended>, Problem> {
    let mut values = vec![after.into()];
    let mut rows = Vec::new();
    for part in parts {
        values.push(part.before.as_str().into());
        let mark = values.len();
        let subject = subject_sql(part.info, "");
        let held: Vec<String> = part
            .columns
            .iter()
            .map(|column| format!("{} IS NOT NULL", compared(column)))
            .collect();
        let held = held.join(" OR ");
        for (table, at) in [
            (&part.info.base, "_updated_at"),
            (&part.info.history, "_superseded_at"),
        ] {
            rows.push(format!(
                "SELECT {subject} AS s, CASE WHEN {at} < ?{mark} THEN 0 ELSE 1 END AS fresh,
                 CASE WHEN {held} THEN 1 ELSE 0 END AS held FROM {table}"
            ));
        }
    }
    let sql = format!(
        "SELECT s FROM ({}) AS x WHERE s > ?1 GROUP BY s HAVING MAX(fresh) = 0 AND MAX(held) = 1 ORDER BY s LIMIT {count}",
        rows.join(" UNION ALL ")
    );
    ended(tx, domain, &sql, &values)
}

fn ended(
    tx: &mut Tx<'_>,
    domain: &str,
    sql: &str,
    values: &[banyan_store::Value],
) -> Result<Vec<Ended>, Problem> {
    let rows = tx.query(sql, values)?;
    let one = |row: &banyan_store::Row| -> Result<Ended, Problem> {
        Ok(Ended {
            domain: domain.to_owned(),
            subject: row.get(0)?,
        })
    };
    rows.iter().map(one).collect()
}

impl Expiring for Retention {
    fn ended(
        &self,
        cx: &Ctx,
        records: &Db,
        after: Option<&Ended>,
        count: u32,
    ) -> Result<Vec<Ended>, Problem> {
        records.read(|tx| {
            let catalog = self.0.catalog(tx)?;
            let parts = parts(cx, &catalog);
            let mut found: Vec<Ended> = Vec::new();
            let domains: BTreeSet<&str> = parts.keys().map(String::as_str).chain([IMPORTS]).collect();
            for domain in domains {
                let left = count.saturating_sub(u32::try_from(found.len()).unwrap_or(count));
                let after = match after {
                    Some(after) if domain < after.domain.as_str() => continue,
                    Some(after) if domain == after.domain => after.subject.as_str(),
                    _ => "",
                };
                if left == 0 {
                    break;
                }
                found.extend(match parts.get(domain) {
                    Some(parts) => subjects(tx, domain, parts, after, left)?,
                    None => {
                        let before = cx.now - jiff::SignedDuration::from_hours(24 * IMPORTS_KEPT);
                        let sql = format!(
                            "SELECT id FROM import_run WHERE id > ?1 AND ended_at < ?2 AND sealed = 1 ORDER BY id LIMIT {left}"
                        );
                        ended(tx, domain, &sql, &[after.into(), timestamp_text(before).into()])?
                    }
                });
            }
            Ok(found)
        })
    }

    fn past_sunset(&self, cx: &Ctx, records: &Db) -> Result<Vec<String>, Problem> {
        records.read(|tx| {
            let catalog = self.0.catalog(tx)?;
            let mut all = Vec::new();
            for package in catalog.packages.values() {
                let over = package
                    .purposes
                    .iter()
                    .filter(|(_, purpose)| past(cx, purpose.sunset.as_ref()) && !purpose.fields.is_empty());
                all.extend(over.map(|(name, _)| format!("{}.{name}", package.id)));
            }
            Ok(all)
        })
    }

    fn forget(&self, cx: &Ctx, records: &Db, gone: &Ended) -> Result<(), Problem> {
        let (registry, cx, gone) = (Arc::clone(&self.0), cx.clone(), gone.clone());
        records.write(move |tx| {
            if gone.domain == IMPORTS {
                return forget_import(tx, &gone.subject);
            }
            let catalog = registry.catalog(tx)?;
            let parts = parts(&cx, &catalog);
            for part in parts.get(&gone.domain).into_iter().flatten() {
                empty(tx, part, &gone.subject)?;
            }
            Ok(())
        })
    }
}

/// Drops the blind indexes of what is sealed and the values of what is not: in the records, their versions and the search index.
/// The ciphertext stays; by it a reader is told that something was erased.
fn empty(tx: &mut Tx<'_>, part: &Part<'_>, subject: &str) -> Result<(), Problem> {
    let info = part.info;
    let mut gone = Vec::new();
    for column in &part.columns {
        gone.push(compared(column));
        if matches!(column.field.kind, FieldKind::Geometry { .. }) {
            gone.extend(bounds_columns(&column.column));
        }
    }
    let sets: Vec<String> = gone.iter().map(|column| format!("{column} = NULL")).collect();
    let whose = format!("{} = ?1", subject_sql(info, ""));
    for table in [&info.base, &info.history] {
        let sql = format!("UPDATE {table} SET {} WHERE {whose}", sets.join(", "));
        tx.execute(&sql, &[subject.into()])?;
    }
    if part.columns.iter().any(|column| column.field.search) {
        let sql = format!("SELECT {} FROM {} WHERE {whose}", select_list(info), info.base);
        for row in tx.query(&sql, &[subject.into()])? {
            let record = decode(info, &row)?;
            search::put(tx, info, record.seq, &search_text(info, &record.fields))?;
        }
    }
    Ok(())
}
