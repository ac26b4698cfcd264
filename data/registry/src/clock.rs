//! Clocks of states: what happens when a record stays in a state too long.
//!
//! A clock is wound when a record enters its state and stopped when the record leaves it. Days of the calendar run from
//! the moment of entry; working days end with the last of them, by the holidays of `base.holiday` where they are
//! installed and by weekends alone where not.

use std::collections::BTreeMap;
use std::sync::Arc;

use banyan_base::{Ctx, Problem, ZONE, timestamp_text};
use banyan_door::{Door, Input};
use banyan_package::model::{Lifecycle, StateClock};
use banyan_store::{Db, Tx};
use jiff::civil::{Date, Weekday};
use jiff::{Span, Timestamp, ToSpan};
use serde_json::{Map, Value as Json, json};

use crate::Registry;
use crate::catalog::{Catalog, TypeInfo};
use crate::event;
use crate::record::{self, Record};

/// The registry of days that are not as their weekday says: `date`, and whether it is `off`.
const HOLIDAYS: &str = "base.holiday";
/// Clocks that one look takes.
const AT_ONCE: u32 = 100;

fn clocks(info: &TypeInfo) -> &[(String, StateClock)] {
    info.declared
        .lifecycle
        .as_ref()
        .map_or(&[], |lifecycle: &Lifecycle| lifecycle.clocks.as_slice())
}

/// Days off and on that differ from their weekday, from `from` to `to`.
fn exceptions(
    tx: &mut Tx<'_>,
    catalog: &Catalog,
    from: Date,
    to: Date,
) -> Result<BTreeMap<String, bool>, Problem> {
    let Some(info) = catalog.types.get(HOLIDAYS) else {
        return Ok(BTreeMap::new());
    };
    let sql = format!(
        "SELECT f_date, f_off FROM {} WHERE f_date > ?1 AND f_date <= ?2",
        info.table
    );
    let rows = tx.query(&sql, &[from.to_string().into(), to.to_string().into()])?;
    let mut days = BTreeMap::new();
    for row in rows {
        days.insert(row.get(0)?, row.get(1)?);
    }
    Ok(days)
}

/// The last of so many working days after `from`.
pub(crate) fn working_day(
    tx: &mut Tx<'_>,
    catalog: &Catalog,
    from: Date,
    count: i64,
) -> Result<Date, Problem> {
    // Of any fortnight at least four days are worked, the longest holidays of the year included.
    let span = count.saturating_mul(4).saturating_add(40).clamp(0, 20_000).days();
    let last = from.checked_add(span).map_err(Problem::internal)?;
    let exceptions = exceptions(tx, catalog, from, last)?;
    let (mut day, mut left) = (from, count);
    while left > 0 && day < last {
        day = day.tomorrow().map_err(Problem::internal)?;
        let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        let off = exceptions.get(&day.to_string()).copied().unwrap_or(weekend);
        left -= i64::from(!off);
    }
    Ok(day)
}

/// When a clock that was wound at `since` runs out.
fn due(
    tx: &mut Tx<'_>,
    catalog: &Catalog,
    clock: &StateClock,
    since: Timestamp,
) -> Result<Timestamp, Problem> {
    let after: Span = clock.after.parse().map_err(Problem::internal)?;
    let start = ZONE.to_datetime(since);
    let end = if clock.working_days {
        let day = working_day(tx, catalog, start.date(), i64::from(after.get_days()))?;
        day.tomorrow().map(|next| next.at(0, 0, 0, 0))
    } else {
        start.checked_add(after)
    };
    end.and_then(|end| ZONE.to_timestamp(end))
        .map_err(Problem::internal)
}

fn insert(
    tx: &mut Tx<'_>,
    catalog: &Catalog,
    info: &TypeInfo,
    (id, state, since): (&str, &str, Timestamp),
) -> Result<(), Problem> {
    for (name, clock) in clocks(info).iter().filter(|(_, clock)| clock.state == state) {
        let due = due(tx, catalog, clock, since)?;
        tx.execute(
            "INSERT INTO state_clock (type, record, name, due_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (type, record, name) DO UPDATE SET due_at = excluded.due_at",
            &[
                info.name.as_str().into(),
                id.into(),
                name.as_str().into(),
                timestamp_text(due).into(),
            ],
        )?;
    }
    Ok(())
}

/// Stops a record's clocks, and winds those of the state it is in.
pub(crate) fn wind(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    catalog: &Catalog,
    info: &TypeInfo,
    record: &Record,
) -> Result<(), Problem> {
    if clocks(info).is_empty() {
        return Ok(());
    }
    stop(tx, info, &record.id)?;
    match &record.state {
        Some(state) => insert(tx, catalog, info, (&record.id, state, cx.now)),
        None => Ok(()),
    }
}

/// Stops a record's clocks.
pub(crate) fn stop(tx: &mut Tx<'_>, info: &TypeInfo, id: &str) -> Result<(), Problem> {
    if !clocks(info).is_empty() {
        tx.execute(
            "DELETE FROM state_clock WHERE type = ?1 AND record = ?2",
            &[info.name.as_str().into(), id.into()],
        )?;
    }
    Ok(())
}

/// Forgets the clocks of a type that goes.
pub(crate) fn forget(tx: &mut Tx<'_>, of: &str) -> Result<(), Problem> {
    tx.execute("DELETE FROM state_clock WHERE type = ?1", &[of.into()])?;
    Ok(())
}

/// Winds all clocks of a type anew, after an apply that changed them: each from when its record entered its state.
pub(crate) fn rewind(tx: &mut Tx<'_>, catalog: &Catalog, info: &TypeInfo) -> Result<(), Problem> {
    forget(tx, &info.name)?;
    let mut states: Vec<&str> = clocks(info)
        .iter()
        .map(|(_, clock)| clock.state.as_str())
        .collect();
    states.sort_unstable();
    states.dedup();
    for state in states {
        // A record entered its state when its last version in another one was superseded, or when it was made.
        let sql = format!(
            "SELECT r._id, COALESCE((SELECT MAX(h._superseded_at) FROM {} h WHERE h._id = r._id AND h.state <> r.state),
             r._created_at) FROM {} r WHERE r.state = ?1",
            info.history, info.table
        );
        for row in tx.query(&sql, &[state.into()])? {
            let (id, since): (String, String) = (row.get(0)?, row.get(1)?);
            let since: Timestamp = since.parse().map_err(Problem::internal)?;
            insert(tx, catalog, info, (&id, state, since))?;
        }
    }
    Ok(())
}

/// The clocks that run for a record: name and moment.
pub(crate) fn running(tx: &mut Tx<'_>, info: &TypeInfo, id: &str) -> Result<Vec<Json>, Problem> {
    if clocks(info).is_empty() {
        return Ok(Vec::new());
    }
    let sql = "SELECT name, due_at FROM state_clock WHERE type = ?1 AND record = ?2 ORDER BY due_at, name";
    let rows = tx.query(sql, &[info.name.as_str().into(), id.into()])?;
    let mut all = Vec::new();
    for row in rows {
        let (name, due): (String, String) = (row.get(0)?, row.get(1)?);
        let transition = clocks(info)
            .iter()
            .find(|(known, _)| *known == name)
            .and_then(|(_, clock)| clock.transition.clone());
        all.push(json!({ "name": name, "due_at": due, "transition": transition }));
    }
    Ok(all)
}

/// Lets clocks that have run out act, each in a transaction of its own and once, however many servers look. Returns how
/// many acted.
///
/// # Errors
/// Where the database refuses.
pub fn run_clocks(registry: &Arc<Registry>, door: &Door, db: &Db, cx: &Ctx) -> Result<usize, Problem> {
    let now = cx.now_text();
    let sql = format!(
        "SELECT type, record, name, due_at FROM state_clock WHERE due_at <= ?1 ORDER BY due_at LIMIT {AT_ONCE}"
    );
    let rows = db.read::<_, Problem>(|tx| Ok(tx.query(&sql, &[now.as_str().into()])?))?;
    let mut acted = 0;
    for row in rows {
        let out = Out {
            of: row.get(0)?,
            id: row.get(1)?,
            name: row.get(2)?,
            due: row.get(3)?,
        };
        let (registry, door, cx) = (Arc::clone(registry), door.clone(), cx.clone());
        acted += usize::from(db.write(move |tx| run_out(&registry, &door, &cx, tx, &out))?);
    }
    Ok(acted)
}

/// A clock that has run out.
struct Out {
    of: String,
    id: String,
    name: String,
    due: String,
}

fn run_out(registry: &Registry, door: &Door, cx: &Ctx, tx: &mut Tx<'_>, out: &Out) -> Result<bool, Problem> {
    let taken = tx.execute(
        "DELETE FROM state_clock WHERE type = ?1 AND record = ?2 AND name = ?3 AND due_at = ?4",
        &[
            out.of.as_str().into(),
            out.id.as_str().into(),
            out.name.as_str().into(),
            out.due.as_str().into(),
        ],
    )?;
    let catalog = registry.catalog(tx)?;
    let Some(info) = catalog.types.get(&out.of).filter(|_| taken == 1) else {
        return Ok(false);
    };
    let clock = clocks(info).iter().find(|(name, _)| *name == out.name);
    let (Some((_, clock)), Some(record)) = (clock, record::find(tx, info, &out.id)?) else {
        return Ok(false);
    };
    if record.state.as_deref() != Some(clock.state.as_str()) {
        return Ok(false);
    }
    let Some(transition) = &clock.transition else {
        event::tell(cx, tx, info, &record, &format!("clock_{}", out.name))?;
        return Ok(true);
    };
    let mut input = Input::json(json!({ "fields": Map::new(), "note": "到时自动办理" }))
        .with_path("package", info.package.as_str())
        .with_path("type", info.short.as_str())
        .with_path("id", out.id.as_str())
        .with_path("name", transition.as_str());
    input.if_match = Some("*".into());
    let made = tx.savepoint(|tx| door.call_within(cx, tx, "record.transition", input));
    if let Err(problem) = made {
        let cause = problem.internal.as_deref().unwrap_or(&problem.detail);
        tracing::warn!(of = %out.of, record = %out.id, clock = %out.name, cause, "a clock's transition was refused; it is tried again in a day");
        let again = cx.now.checked_add(24.hours()).map_err(Problem::internal)?;
        tx.execute(
            "INSERT INTO state_clock (type, record, name, due_at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            &[
                out.of.as_str().into(),
                out.id.as_str().into(),
                out.name.as_str().into(),
                timestamp_text(again).into(),
            ],
        )?;
        return Ok(false);
    }
    Ok(true)
}
