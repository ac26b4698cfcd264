//! Messages and signals between instances, and with the outside.

use banyan_base::{Ctx, Problem, timestamp_text};
use banyan_store::{Tx, Value};
use jiff::{SignedDuration, Span};
use serde_json::{Map, Value as Json};

use crate::Error;
use crate::engine::Key;

/// How long a message waits for a receiver where it does not say.
const TIME_TO_LIVE: SignedDuration = SignedDuration::from_hours(1);
/// The longest that is kept.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 400);

/// A message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Letter {
    pub name: String,
    pub key: Option<String>,
    /// The sender's own id: a message is taken once.
    pub id: Option<String>,
    /// ISO 8601 duration.
    pub time_to_live: Option<String>,
    pub variables: Map<String, Json>,
}

fn expires(cx: &Ctx, letter: &Letter) -> String {
    let wanted = letter
        .time_to_live
        .as_deref()
        .and_then(|text| text.parse::<Span>().ok())
        .and_then(|span| banyan_base::ZONE.to_datetime(cx.now).checked_add(span).ok())
        .and_then(|end| banyan_base::ZONE.to_timestamp(end).ok());
    let longest = cx.now.checked_add(LONGEST).unwrap_or(cx.now);
    let end = wanted.unwrap_or_else(|| cx.now.checked_add(TIME_TO_LIVE).unwrap_or(cx.now));
    timestamp_text(end.min(longest))
}

/// Keeps a sender and a receiver of one message apart (PostgreSQL): else the one would not see the other who has not
/// committed, and the message would lie beside him who waits for it. Receivers of any key keep all senders of the name away.
fn alone(tx: &mut Tx<'_>, name: &str, key: Option<&str>, sends: bool) -> Result<(), Problem> {
    if !tx.dialect().is_postgres() {
        return Ok(());
    }
    let hold = |function: &str| format!("SELECT 1 FROM (SELECT {function}(hashtextextended(?1, 7))) AS held");
    let any = format!("{name}\n");
    if sends {
        tx.query(&hold("pg_advisory_xact_lock_shared"), &[any.into()])?;
    } else if key.is_none() {
        tx.query(&hold("pg_advisory_xact_lock"), &[any.into()])?;
    }
    if let Some(key) = key {
        tx.query(&hold("pg_advisory_xact_lock"), &[format!("{name}\n{key}").into()])?;
    }
    Ok(())
}

/// Comes to a message as its sender.
pub(crate) fn as_sender(tx: &mut Tx<'_>, letter: &Letter) -> Result<(), Problem> {
    alone(tx, &letter.name, letter.key.as_deref(), true)
}

/// Comes to a message as one who waits for it.
pub(crate) fn as_receiver(tx: &mut Tx<'_>, name: &str, key: Option<&str>) -> Result<(), Problem> {
    alone(tx, name, key, false)
}

pub(crate) fn subscribe(
    tx: &mut Tx<'_>,
    instance: &str,
    sub: Key,
    kind: &str,
    name: &str,
    key: Option<&str>,
) -> Result<(), Problem> {
    tx.execute(
        "INSERT INTO process_subscription (instance, sub, kind, name, key) VALUES (?1, ?2, ?3, ?4, ?5)",
        &[instance.into(), sub.into(), kind.into(), name.into(), key.into()],
    )?;
    Ok(())
}

pub(crate) fn unsubscribe(tx: &mut Tx<'_>, instance: &str, sub: Key) -> Result<(), Problem> {
    tx.execute(
        "DELETE FROM process_subscription WHERE instance = ?1 AND sub = ?2",
        &[instance.into(), sub.into()],
    )?;
    Ok(())
}

/// Who waits for a message of that key, or for any of the name; the longest first.
pub(crate) fn receivers(
    tx: &mut Tx<'_>,
    kind: &str,
    name: &str,
    key: Option<&str>,
    most: usize,
) -> Result<Vec<(String, Key)>, Problem> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let rows = if kind == "signal" {
        tx.query(
            "SELECT instance, sub FROM process_subscription WHERE kind = ?1 AND name = ?2 ORDER BY instance, sub LIMIT ?3",
            &[kind.into(), name.into(), most.into()],
        )?
    } else {
        tx.query(
            "SELECT instance, sub FROM process_subscription WHERE kind = ?1 AND name = ?2 AND (key = ?3 OR key IS NULL)
             ORDER BY instance, sub LIMIT ?4",
            &[kind.into(), name.into(), key.into(), most.into()],
        )?
    };
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// The processes that a message or signal starts, and at which node.
pub(crate) fn started(tx: &mut Tx<'_>, kind: &str, name: &str) -> Result<Vec<(String, usize)>, Problem> {
    let rows = tx.query(
        "SELECT process, node FROM process_start WHERE kind = ?1 AND name = ?2 ORDER BY process, node",
        &[kind.into(), name.into()],
    )?;
    rows.iter()
        .map(|row| {
            let node: u32 = row.get(1)?;
            Ok((row.get(0)?, usize::try_from(node).unwrap_or(usize::MAX)))
        })
        .collect()
}

/// Whether a message with an id of its own is sent for the first time; if so, that is noted.
pub(crate) fn first(cx: &Ctx, tx: &mut Tx<'_>, letter: &Letter) -> Result<bool, Problem> {
    let made = insert(cx, tx, letter, true)?;
    Ok(made == 1)
}

fn insert(cx: &Ctx, tx: &mut Tx<'_>, letter: &Letter, taken: bool) -> Result<u64, Problem> {
    let variables = if taken {
        "{}".to_owned()
    } else {
        Json::Object(letter.variables.clone()).to_string()
    };
    Ok(tx.execute(
        "INSERT INTO process_letter (id, name, key, sent_id, variables, expires_at, taken) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT DO NOTHING",
        &[
            cx.id().into(),
            letter.name.as_str().into(),
            letter.key.as_deref().into(),
            letter.id.as_deref().into(),
            Value::Text(variables),
            expires(cx, letter).into(),
            taken.into(),
        ],
    )?)
}

/// Keeps a message that nobody waits for yet.
pub(crate) fn keep(cx: &Ctx, tx: &mut Tx<'_>, letter: &Letter) -> Result<(), Problem> {
    if let Some(id) = &letter.id {
        tx.execute(
            "UPDATE process_letter SET taken = 0, variables = ?3 WHERE name = ?1 AND sent_id = ?2",
            &[
                letter.name.as_str().into(),
                id.as_str().into(),
                Json::Object(letter.variables.clone()).to_string().into(),
            ],
        )?;
    } else {
        insert(cx, tx, letter, false)?;
    }
    Ok(())
}

/// Takes the oldest message that waits for such a receiver.
pub(crate) fn take_letter(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    name: &str,
    key: Option<&str>,
) -> Result<Option<Map<String, Json>>, Problem> {
    let lock = if tx.dialect().is_postgres() {
        " FOR UPDATE SKIP LOCKED"
    } else {
        ""
    };
    let sql = format!(
        "SELECT id, variables, sent_id FROM process_letter WHERE name = ?1 AND taken = 0 AND expires_at > ?2{}
         ORDER BY id LIMIT 1{lock}",
        if key.is_some() { " AND key = ?3" } else { "" }
    );
    let mut params: Vec<Value> = vec![name.into(), cx.now_text().into()];
    params.extend(key.map(Value::from));
    let Some(row) = tx.query_opt(&sql, &params)? else {
        return Ok(None);
    };
    let (id, text): (String, String) = (row.get(0)?, row.get(1)?);
    let had_id: Option<String> = row.get(2)?;
    // What had an id of its own is remembered, so that it is not taken again.
    let sql = if had_id.is_some() {
        "UPDATE process_letter SET taken = 1, variables = '{}' WHERE id = ?1"
    } else {
        "DELETE FROM process_letter WHERE id = ?1"
    };
    tx.execute(sql, &[id.as_str().into()])?;
    let variables = serde_json::from_str(&text).map_err(|error| Error::Inconsistent {
        table: "process_letter",
        row: id,
        cause: error.to_string(),
    })?;
    Ok(Some(variables))
}

/// Forgets messages beyond their time.
pub(crate) fn prune(cx: &Ctx, tx: &mut Tx<'_>) -> Result<u64, Problem> {
    Ok(tx.execute(
        "DELETE FROM process_letter WHERE expires_at <= ?1",
        &[cx.now_text().into()],
    )?)
}
