//! Clocks that are due, of instances and of start events. Any number of servers may look: each does what no other does.

use std::sync::Arc;

use banyan_base::{Ctx, Problem, codes, timestamp_text};
use banyan_door::Door;
use banyan_store::{Db, Tx};

use crate::engine::state::Clock;
use crate::engine::{Command, timer};
use crate::session::Start;
use crate::{Engine, Session, message};

/// Instances that one look takes.
const AT_ONCE: u32 = 100;

/// Lets all clocks ring that are due, each instance in a transaction of its own. Returns how many did.
///
/// # Errors
/// Where the database refuses. What is wrong with one instance never holds back the others.
pub fn run_due(engine: &Arc<Engine>, door: &Door, db: &Db, cx: &Ctx) -> Result<usize, Problem> {
    let now = cx.now_text();
    let sql = format!(
        "SELECT id FROM process_instance WHERE due_at IS NOT NULL AND due_at <= ?1 ORDER BY due_at LIMIT {AT_ONCE}"
    );
    let rows = db.query(&sql, &[now.as_str().into()])?;
    let mut rang = 0;
    for row in rows {
        let id: String = row.get(0)?;
        let (engine, door, cx) = (Arc::clone(engine), door.clone(), cx.clone());
        let of = id.clone();
        match db.write(move |tx| ring(&engine, &door, &cx, tx, &of)) {
            Ok(done) => rang += usize::from(done),
            Err(problem) => {
                let cause = problem.internal.as_deref().unwrap_or(&problem.detail);
                tracing::error!(instance = %id, cause, "the clocks of a process instance could not ring; they are tried again");
            }
        }
    }
    let rows = db.query(
        "SELECT process, node, definition FROM process_start WHERE due_at IS NOT NULL AND due_at <= ?1 ORDER BY due_at LIMIT 100",
        &[now.as_str().into()],
    )?;
    for row in rows {
        let (process, node, place): (String, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (engine, door, cx) = (Arc::clone(engine), door.clone(), cx.clone());
        let of = process.clone();
        match db.write(move |tx| start(&engine, &door, &cx, tx, &process, node, place)) {
            Ok(done) => rang += usize::from(done),
            Err(problem) => {
                let cause = problem.internal.as_deref().unwrap_or(&problem.detail);
                tracing::error!(process = %of, cause, "a process could not be started by its clock");
            }
        }
    }
    Ok(rang)
}

fn ring(engine: &Engine, door: &Door, cx: &Ctx, tx: &mut Tx<'_>, id: &str) -> Result<bool, Problem> {
    let lock = if tx.dialect().is_postgres() {
        " FOR UPDATE SKIP LOCKED"
    } else {
        ""
    };
    let row = tx.query_opt(
        &format!(
            "SELECT id FROM process_instance WHERE id = ?1 AND due_at IS NOT NULL AND due_at <= ?2{lock}"
        ),
        &[id.into(), cx.now_text().into()],
    )?;
    if row.is_none() {
        return Ok(false);
    }
    let mut session = Session::new(engine, cx, door, tx);
    session.command(id, Command::Clock)?;
    session.finish()?;
    Ok(true)
}

fn start(
    engine: &Engine,
    door: &Door,
    cx: &Ctx,
    tx: &mut Tx<'_>,
    process: &str,
    node: i64,
    place: i64,
) -> Result<bool, Problem> {
    let key = [process.into(), node.into(), place.into()];
    let lock = if tx.dialect().is_postgres() {
        " FOR UPDATE SKIP LOCKED"
    } else {
        ""
    };
    let row = tx.query_opt(
        &format!("SELECT due_at, clock FROM process_start WHERE process = ?1 AND node = ?2 AND definition = ?3{lock}"),
        &key,
    )?;
    let Some(row) = row else { return Ok(false) };
    let due: Option<String> = row.get(0)?;
    if due.is_none_or(|due| due > cx.now_text()) {
        return Ok(false);
    }
    let text: Option<String> = row.get(1)?;
    let clock: Option<Clock> = text.and_then(|text| serde_json::from_str(&text).ok());
    // What was missed while nothing ran is made up for once, not as often as it was missed.
    let mut next = clock.as_ref().and_then(|clock| timer::next(clock, cx.now));
    while let Some(clock) = &next {
        if clock.due.is_none_or(|due| due > cx.now) {
            break;
        }
        next = timer::next(clock, cx.now);
    }
    tx.execute(
        "UPDATE process_start SET due_at = ?4, clock = ?5 WHERE process = ?1 AND node = ?2 AND definition = ?3",
        &[
            process.into(),
            node.into(),
            place.into(),
            next.as_ref().and_then(|clock| clock.due).map(timestamp_text).into(),
            next.as_ref().and_then(|clock| serde_json::to_string(clock).ok()).into(),
        ],
    )?;
    let begun = tx.savepoint(|tx| {
        let mut session = Session::new(engine, cx, door, tx);
        session.start(Start {
            process: process.to_owned(),
            at: usize::try_from(node).ok(),
            ..Start::default()
        })?;
        session.finish()
    });
    match begun {
        Ok(()) => Ok(true),
        Err(problem) if problem.code == codes::BUSY => Err(problem),
        Err(problem) => {
            tracing::error!(process, cause = %problem.detail, "a process could not be started by its clock");
            Ok(false)
        }
    }
}

/// Forgets messages beyond their time: once a day is enough, they are not delivered meanwhile.
///
/// # Errors
/// Where the database refuses.
pub fn tidy(db: &Db, cx: &Ctx) -> Result<u64, Problem> {
    let cx = cx.clone();
    db.write(move |tx| message::prune(&cx, tx))
}
