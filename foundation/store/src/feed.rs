//! The change feed: CloudEvents appended in the transaction of the change, read in an order that no late commit breaks.
//!
//! On PostgreSQL the order is (transaction id, sequence), and only events of transactions below the oldest running one
//! are shown (docs/decisions/0003-feed-order.md). On SQLite there is one writer and the transaction id is 0.

use std::fmt;

use banyan_base::{Ctx, Event};

pub use crate::renumber::{ahead, renumber};
use crate::{Db, Dialect, Error, Row, Tx, Value};

/// A place in the feed: everything up to and including it has been seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub xid: i64,
    pub seq: i64,
}

impl Position {
    pub const START: Position = Position { xid: 0, seq: 0 };

    pub fn parse(text: &str) -> Option<Position> {
        let (xid, seq) = text.split_once('-')?;
        Some(Position {
            xid: xid.parse().ok()?,
            seq: seq.parse().ok()?,
        })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.xid, self.seq)
    }
}

pub(crate) fn append(tx: &mut Tx<'_>, event: &Event) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO feed (id, source, kind, subject, at, data, actor, trace) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        &[
            event.id.as_str().into(),
            event.source.as_str().into(),
            event.kind.as_str().into(),
            event.subject.as_deref().into(),
            event.time.as_str().into(),
            event.data.to_string().into(),
            event.actor.as_str().into(),
            event.trace.as_str().into(),
        ],
    )?;
    Ok(())
}

const COLUMNS: &str = "xid, seq, id, source, kind, subject, at, data, actor, trace";

pub(crate) fn visible(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "seq > ?2 AND xid >= ?1",
        Dialect::Postgres => {
            "(xid, seq) > (?1, ?2) AND xid < (pg_snapshot_xmin(pg_current_snapshot())::text::bigint)"
        }
    }
}

fn decode(row: &Row) -> Result<(Position, Event), Error> {
    let position = Position {
        xid: row.get(0)?,
        seq: row.get(1)?,
    };
    let data: String = row.get(7)?;
    let event = Event {
        specversion: "1.0".into(),
        id: row.get(2)?,
        source: row.get(3)?,
        kind: row.get(4)?,
        subject: row.get(5)?,
        time: row.get(6)?,
        datacontenttype: "application/json".into(),
        data: serde_json::from_str(&data).map_err(|_| Error::Inconsistent {
            table: "feed".into(),
            column: "data".into(),
            row: position.to_string(),
        })?,
        actor: row.get(8)?,
        trace: row.get(9)?,
        cursor: position.to_string(),
    };
    Ok((position, event))
}

/// Events after `after`, oldest first. `prefix` keeps those whose type begins so.
///
/// # Errors
/// Where the database can't be read.
pub fn read(tx: &mut Tx<'_>, after: Position, prefix: &str, limit: u32) -> Result<Vec<Event>, Error> {
    let filter = if prefix.is_empty() {
        ""
    } else {
        " AND kind >= ?4 AND kind < ?5"
    };
    let order = if tx.dialect().is_postgres() {
        "xid, seq"
    } else {
        "seq"
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM feed WHERE {}{filter} ORDER BY {order} LIMIT ?3",
        visible(tx.dialect())
    );
    let mut params: Vec<Value> = vec![after.xid.into(), after.seq.into(), limit.into()];
    if !prefix.is_empty() {
        params.push(prefix.into());
        params.push(format!("{prefix}\u{10ffff}").into());
    }
    tx.query(&sql, &params)?
        .iter()
        .map(|row| decode(row).map(|(_, event)| event))
        .collect()
}

/// The newest place that readers may be at.
///
/// # Errors
/// Where the database can't be read.
pub fn end(tx: &mut Tx<'_>) -> Result<Position, Error> {
    let order = if tx.dialect().is_postgres() {
        "xid DESC, seq DESC"
    } else {
        "seq DESC"
    };
    let sql = format!(
        "SELECT xid, seq FROM feed WHERE {} ORDER BY {order} LIMIT 1",
        visible(tx.dialect())
    );
    match tx.query_opt(&sql, &[0i64.into(), 0i64.into()])? {
        Some(row) => Ok(Position {
            xid: row.get(0)?,
            seq: row.get(1)?,
        }),
        None => Ok(Position::START),
    }
}

/// Gives `consumer` its next events, at most `limit`, each with the transaction that also moves the cursor: an effect
/// happens exactly once. A consumer seen for the first time starts at the beginning. Returns how many there were.
///
/// # Errors
/// What `effect` gives: then neither effects nor cursor of this batch stay.
pub fn consume<E: From<Error> + Send + 'static>(
    db: &Db,
    cx: &Ctx,
    consumer: &str,
    limit: u32,
    mut effect: impl FnMut(&mut Tx<'_>, &Event) -> Result<(), E> + Send + 'static,
) -> Result<usize, E> {
    let consumer = consumer.to_owned();
    // Most looks find nothing; they need not trouble the writer.
    let name = consumer.clone();
    let waiting = db.read(move |tx| {
        let at = cursor(tx, &name, "")?.unwrap_or(Position::START);
        read(tx, at, "", 1).map(|events| !events.is_empty())
    })?;
    if !waiting {
        return Ok(0);
    }
    let cx = cx.clone();
    db.write(move |tx| {
        tx.execute(
            "INSERT INTO feed_cursor (consumer, xid, seq, moved_at) VALUES (?1, 0, 0, ?2) ON CONFLICT (consumer) DO NOTHING",
            &[consumer.as_str().into(), cx.now_text().into()],
        )?;
        let lock = tx.dialect().for_update();
        let at = cursor(tx, &consumer, lock)?.unwrap_or(Position::START);
        let events = read(tx, at, "", limit)?;
        for event in &events {
            effect(tx, event)?;
        }
        if let Some(position) = events.last().and_then(|event| Position::parse(&event.cursor)) {
            set_cursor(tx, &cx, &consumer, position)?;
        }
        Ok(events.len())
    })
}

fn cursor(tx: &mut Tx<'_>, consumer: &str, lock: &str) -> Result<Option<Position>, Error> {
    let sql = format!("SELECT xid, seq FROM feed_cursor WHERE consumer = ?1{lock}");
    let row = tx.query_opt(&sql, &[consumer.into()])?;
    row.map(|row| {
        Ok(Position {
            xid: row.get(0)?,
            seq: row.get(1)?,
        })
    })
    .transpose()
}

/// Where a consumer is.
///
/// # Errors
/// Where the database can't be read.
pub fn position(tx: &mut Tx<'_>, consumer: &str) -> Result<Option<Position>, Error> {
    cursor(tx, consumer, "")
}

/// Moves a consumer to any place: to the start to replay everything, or past what it can't digest.
///
/// # Errors
/// Where the database refuses.
pub fn set_cursor(tx: &mut Tx<'_>, cx: &Ctx, consumer: &str, to: Position) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO feed_cursor (consumer, xid, seq, moved_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (consumer) DO UPDATE SET xid = excluded.xid, seq = excluded.seq, moved_at = excluded.moved_at",
        &[consumer.into(), to.xid.into(), to.seq.into(), cx.now_text().into()],
    )?;
    Ok(())
}

/// Every consumer with its place and how many events it has yet to see.
///
/// # Errors
/// Where the database can't be read.
pub fn lags(tx: &mut Tx<'_>) -> Result<Vec<(String, Position, u64)>, Error> {
    let rows = tx.query(
        "SELECT consumer, xid, seq FROM feed_cursor ORDER BY consumer",
        &[],
    )?;
    let count = format!("SELECT COUNT(*) FROM feed WHERE {}", visible(tx.dialect()));
    let mut lags = Vec::new();
    for row in rows {
        let at = Position {
            xid: row.get(1)?,
            seq: row.get(2)?,
        };
        let behind = tx.query_opt(&count, &[at.xid.into(), at.seq.into()])?;
        lags.push((row.get(0)?, at, behind.map_or(Ok(0), |row| row.get(0))?));
    }
    Ok(lags)
}

/// Events that one call of [`prune`] looks at, so that writers never wait long for it.
const PRUNED: u32 = 5_000;

/// Drops the oldest events: those made before `before` (a stored moment) that every consumer has seen, some thousands at
/// a time. Returns how many; 0 where nothing is left to drop.
///
/// # Errors
/// Where the database refuses.
pub fn prune(tx: &mut Tx<'_>, before: &str) -> Result<u64, Error> {
    let (order, seen) = match tx.dialect() {
        Dialect::Sqlite => (
            "seq",
            "NOT EXISTS (SELECT 1 FROM feed_cursor c WHERE c.seq < feed.seq)",
        ),
        Dialect::Postgres => (
            "xid, seq",
            "NOT EXISTS (SELECT 1 FROM feed_cursor c WHERE (c.xid, c.seq) < (feed.xid, feed.seq))",
        ),
    };
    // Moments rise with places but for the small disorder of concurrent writers: the first young one ends the search.
    let oldest = tx.query(
        &format!("SELECT xid, seq, at FROM feed ORDER BY {order} LIMIT ?1"),
        &[PRUNED.into()],
    )?;
    let mut last = None;
    for row in &oldest {
        if row.get::<String>(2)?.as_str() >= before {
            break;
        }
        last = Some((row.get::<i64>(0)?, row.get::<i64>(1)?));
    }
    let Some((xid, seq)) = last else {
        return Ok(0);
    };
    tx.execute(
        &format!("DELETE FROM feed WHERE (xid, seq) <= (?1, ?2) AND at < ?3 AND {seen}"),
        &[xid.into(), seq.into(), before.into()],
    )
}
