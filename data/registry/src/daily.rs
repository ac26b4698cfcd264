//! What each day asks for: computed fields that read the clock are made anew, then daily triggers run for each record that
//! matches.
//!
//! The work goes in pieces, each a transaction of its own that moves a cursor, so that writers need not wait for a type of a
//! million records, a killed server's work is taken up where it stopped, and of several servers each piece is done by one. A
//! day that could not be finished before the next began is left: what counts is the day that is.

use std::sync::Arc;

use banyan_base::{Ctx, Limit, Problem, codes};
use banyan_door::Door;
use banyan_package::model::TriggerOn;
use banyan_store::{Db, Tx};

use crate::Registry;
use crate::catalog::{Catalog, ReadyTrigger, TypeInfo};
use crate::query::{Query, list};
use crate::record::{self, Record};
use crate::trigger::act;

/// Records of a piece: some tens of milliseconds of the writer's time.
const PIECE: u32 = 200;

/// One thing the day asks for.
enum Work {
    /// Fields of a type that read the clock.
    Compute(Arc<TypeInfo>),
    /// A trigger, by its place in the catalogue.
    Trigger(usize),
}

/// Where a work stands.
struct Standing {
    cursor: Option<String>,
    /// The last record there was when the work began: those that triggers make are for tomorrow.
    bound: Option<i64>,
    done: bool,
}

fn works(catalog: &Catalog) -> Vec<(String, Work)> {
    let mut works = Vec::new();
    for info in catalog.types.values() {
        if info.computed.iter().any(|(_, expression)| expression.is_daily()) {
            works.push((format!("compute {}", info.name), Work::Compute(Arc::clone(info))));
        }
    }
    for (place, trigger) in catalog.triggers.iter().enumerate() {
        if matches!(trigger.declared.on, TriggerOn::Daily { .. }) {
            works.push((format!("trigger {}", trigger.name), Work::Trigger(place)));
        }
    }
    works
}

/// Does what the day asks for, unless it was done: once a day, however many servers there are and however often one is
/// started. True if this call did any of it.
///
/// # Errors
/// Where the database refuses; what was done stays done.
pub fn run_day(registry: &Arc<Registry>, door: &Door, db: &Db, cx: &Ctx) -> Result<bool, Problem> {
    let names: Vec<String> = db.read(|tx| {
        let works = works(&*registry.catalog(tx)?);
        Ok::<_, Problem>(works.into_iter().map(|(name, _)| name).collect())
    })?;
    let mut any = false;
    for name in names {
        loop {
            let (registry, door, cx, name) = (Arc::clone(registry), door.clone(), cx.clone(), name.clone());
            match db.write(move |tx| piece(&registry, &door, &cx, tx, &name))? {
                Some(more) => {
                    any = true;
                    if !more {
                        break;
                    }
                }
                None => break,
            }
        }
    }
    Ok(any)
}

/// The same whether or not it was done before: for clocks that are moved by hand.
///
/// # Errors
/// Where the database refuses.
pub fn run_daily(registry: &Arc<Registry>, door: &Door, db: &Db, cx: &Ctx) -> Result<(), Problem> {
    db.write::<_, Problem>(|tx| Ok(tx.execute("DELETE FROM day_work", &[])?))?;
    run_day(registry, door, db, cx).map(|_| ())
}

/// Takes a work for the day: where it stands, or `None` where it is done, or of a later day.
fn take(cx: &Ctx, tx: &mut Tx<'_>, name: &str) -> Result<Option<Standing>, Problem> {
    let today = cx.today().to_string();
    tx.execute(
        "INSERT INTO day_work (work, day, page, bound, done) VALUES (?1, '', '', 0, 0) ON CONFLICT (work) DO NOTHING",
        &[name.into()],
    )?;
    // Another server waits here until this piece is done.
    let lock = tx.dialect().for_update();
    let sql = format!("SELECT day, page, done, bound FROM day_work WHERE work = ?1{lock}");
    let Some(row) = tx.query_opt(&sql, &[name.into()])? else {
        return Ok(None);
    };
    let (day, page): (String, String) = (row.get(0)?, row.get(1)?);
    let standing = if day < today {
        Standing {
            cursor: None,
            bound: None,
            done: false,
        }
    } else {
        Standing {
            cursor: Some(page).filter(|page| !page.is_empty()),
            bound: Some(row.get(3)?),
            done: day > today || row.get(2)?,
        }
    };
    Ok((!standing.done).then_some(standing))
}

/// Does the next piece of a work: whether more is left, or `None` where there was nothing to do.
fn piece(
    registry: &Registry,
    door: &Door,
    cx: &Ctx,
    tx: &mut Tx<'_>,
    name: &str,
) -> Result<Option<bool>, Problem> {
    let catalog = registry.catalog(tx)?;
    // A package may have gone since the works were listed.
    let Some((_, work)) = works(&catalog).into_iter().find(|(known, _)| known == name) else {
        return Ok(None);
    };
    let Some(standing) = take(cx, tx, name)? else {
        return Ok(None);
    };
    let (info, filter, trigger) = match &work {
        Work::Compute(info) => (Arc::clone(info), None, None),
        Work::Trigger(place) => {
            let Some(trigger) = catalog.triggers.get(*place) else {
                return Ok(None);
            };
            let filter = match &trigger.declared.on {
                TriggerOn::Daily { filter, .. } => filter.clone(),
                TriggerOn::Event(_) => None,
            };
            (catalog.find(&trigger.of)?, filter, Some(trigger))
        }
    };
    let mut query = Query {
        limit: Limit::new(PIECE).unwrap_or(Limit::DEFAULT),
        cursor: standing.cursor,
        ..Query::read(filter.as_deref(), None)?
    };
    let page = match list(tx, &info, &query) {
        // The package was changed in the middle of the work: from the beginning, then.
        Err(problem) if problem.code == codes::BAD_CURSOR => {
            query.cursor = None;
            list(tx, &info, &query)?
        }
        other => other?,
    }
    .page;
    let bound = match standing.bound {
        Some(bound) => bound,
        None => last(tx, &info)?,
    };
    let there = page.items.iter().take_while(|record| record.seq <= bound);
    let mut count = 0;
    for record in there {
        one(door, cx, tx, &catalog, &info, trigger, record);
        count += 1;
    }
    let next = page.next.filter(|_| count == page.items.len());
    let more = next.is_some();
    tx.execute(
        "UPDATE day_work SET day = ?2, page = ?3, bound = ?4, done = ?5 WHERE work = ?1",
        &[
            name.into(),
            cx.today().to_string().into(),
            next.map_or(String::new(), |cursor| cursor.0).into(),
            bound.into(),
            i64::from(!more).into(),
        ],
    )?;
    Ok(Some(more))
}

/// The number of the last record of a type.
fn last(tx: &mut Tx<'_>, info: &TypeInfo) -> Result<i64, Problem> {
    let row = tx.query_opt(&format!("SELECT COALESCE(MAX(_seq), 0) FROM {}", info.table), &[])?;
    Ok(row.map(|row| row.get(0)).transpose()?.unwrap_or(0))
}

/// One record of a work. One that fails is told in the log: it must not hold up the day of all others.
fn one(
    door: &Door,
    cx: &Ctx,
    tx: &mut Tx<'_>,
    catalog: &Catalog,
    info: &TypeInfo,
    trigger: Option<&ReadyTrigger>,
    record: &Record,
) {
    let done = tx.savepoint(|tx| match trigger {
        None => record::recount(cx, tx, catalog, info, record).map(|_| ()),
        Some(trigger) => act(door, cx, tx, trigger, record, &record.names()),
    });
    if let Err(problem) = done {
        let cause = problem.internal.as_deref().unwrap_or(&problem.detail);
        let trigger = trigger.map_or("", |trigger| &trigger.name);
        tracing::error!(of = %info.name, record = %record.id, trigger, cause, "the day's work on a record failed");
    }
}
