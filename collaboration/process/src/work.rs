//! Work that workers outside fetch by its topic, under a lease.

use banyan_base::{Ctx, Problem, timestamp_text};
use banyan_store::{Tx, Value};
use jiff::SignedDuration;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::engine::Key;

/// Work that was fetched.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Job {
    pub id: String,
    pub instance: String,
    pub topic: String,
    pub variables: Json,
    pub failures: i64,
    pub lease_until: String,
}

pub(crate) fn offer(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    instance: &str,
    token: Key,
    topic: &str,
    inputs: &Map<String, Json>,
) -> Result<(), Problem> {
    tx.execute(
        "INSERT INTO process_work (id, instance, token, topic, inputs, available_at, worker, failures)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL, 0)",
        &[
            cx.id().into(),
            instance.into(),
            token.into(),
            topic.into(),
            Value::Text(Json::Object(inputs.clone()).to_string()),
            cx.now_text().into(),
        ],
    )?;
    Ok(())
}

pub(crate) fn withdraw(tx: &mut Tx<'_>, instance: &str, token: Key) -> Result<(), Problem> {
    tx.execute(
        "DELETE FROM process_work WHERE instance = ?1 AND token = ?2",
        &[instance.into(), token.into()],
    )?;
    Ok(())
}

/// Takes work of a topic for so long; nobody else gets it meanwhile.
pub(crate) fn fetch(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    topic: &str,
    most: u32,
    lease: SignedDuration,
) -> Result<Vec<Job>, Problem> {
    let lock = if tx.dialect().is_postgres() {
        " FOR UPDATE SKIP LOCKED"
    } else {
        ""
    };
    let rows = tx.query(
        &format!(
            "SELECT id, instance, inputs, failures FROM process_work WHERE topic = ?1 AND available_at <= ?2
             ORDER BY available_at LIMIT ?3{lock}"
        ),
        &[topic.into(), cx.now_text().into(), most.into()],
    )?;
    let until = timestamp_text(cx.now.checked_add(lease).unwrap_or(cx.now));
    let mut jobs = Vec::new();
    for row in rows {
        let id: String = row.get(0)?;
        tx.execute(
            "UPDATE process_work SET available_at = ?2, worker = ?3 WHERE id = ?1",
            &[
                id.as_str().into(),
                until.as_str().into(),
                cx.actor.id.as_str().into(),
            ],
        )?;
        let text: String = row.get(2)?;
        jobs.push(Job {
            id,
            instance: row.get(1)?,
            topic: topic.to_owned(),
            variables: serde_json::from_str(&text).unwrap_or(Json::Null),
            failures: row.get(3)?,
            lease_until: until.clone(),
        });
    }
    Ok(jobs)
}

/// The instance and token of work that is this worker's; it is then no longer there.
pub(crate) fn take(cx: &Ctx, tx: &mut Tx<'_>, id: &str) -> Result<Option<(String, Key)>, Problem> {
    let row = tx.query_opt(
        "SELECT instance, token FROM process_work WHERE id = ?1 AND worker = ?2",
        &[id.into(), cx.actor.id.as_str().into()],
    )?;
    let Some(row) = row else { return Ok(None) };
    tx.execute("DELETE FROM process_work WHERE id = ?1", &[id.into()])?;
    Ok(Some((row.get(0)?, row.get(1)?)))
}

/// Puts work back, to be fetched again later; false where it is not this worker's.
pub(crate) fn later(cx: &Ctx, tx: &mut Tx<'_>, id: &str, after: SignedDuration) -> Result<bool, Problem> {
    let at = timestamp_text(cx.now.checked_add(after).unwrap_or(cx.now));
    let changed = tx.execute(
        "UPDATE process_work SET available_at = ?3, worker = NULL, failures = failures + 1 WHERE id = ?1 AND worker = ?2",
        &[id.into(), cx.actor.id.as_str().into(), at.into()],
    )?;
    Ok(changed == 1)
}
