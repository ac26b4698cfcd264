//! Replies kept by `Idempotency-Key`, in the transaction of the act itself, so that a repeated request neither acts
//! twice nor is told something else.

use banyan_base::{Ctx, Problem, codes, timestamp_text};
use banyan_store::{Migration, MigrationSet, Tx, Value};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{Body, Input, Operation, Reply, ReplyBody};

pub static MIGRATIONS: MigrationSet = MigrationSet {
    name: "door",
    migrations: &[Migration {
        number: 1,
        name: "idempotency",
        sqlite: include_str!("../migrations/sqlite/0001_idempotency.sql"),
        postgres: include_str!("../migrations/postgres/0001_idempotency.sql"),
    }],
};

/// How long a reply is kept.
pub const KEPT_HOURS: i64 = 24;

const MAX_KEY: usize = 200;

/// What a claim of a key came to.
enum Claim {
    /// The key is new: act, then [`keep`].
    New,
    /// The same request was answered before.
    Answered(Box<Reply>),
}

fn request_hash(cx: &Ctx, operation: &Operation, input: &Input) -> Result<String, Problem> {
    let body = match &input.body {
        Body::None => String::new(),
        Body::Json(value) => value.to_string(),
        Body::Upload(upload) => format!("{} {}", upload.content_type, upload.digest()?),
    };
    // The same words in another capacity are another request.
    let standing = &cx.actor.standing;
    let text = format!(
        "{}\n{:?}\n{:?}\n{:?}\n{:?}\n{body}",
        operation.name,
        input.path,
        input.query,
        input.if_match,
        (&standing.post, &standing.represents)
    );
    Ok(hex(&Sha256::digest(text.as_bytes())))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Acts under the call's key, if it has one and the operation honours it: a repeated request gets the reply of the first.
pub(crate) fn once(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    operation: &Operation,
    input: &Input,
    act: impl FnOnce(&mut Tx<'_>) -> Result<Reply, Problem>,
) -> Result<Reply, Problem> {
    let Some(key) = input.idempotency_key.as_deref().filter(|_| operation.idempotent) else {
        return act(tx);
    };
    if let Claim::Answered(reply) = claim(cx, tx, operation, input, key)? {
        return Ok(*reply);
    }
    let reply = act(tx)?;
    keep(cx, tx, operation, key, &reply)?;
    Ok(reply)
}

/// Takes the key. Of two that come at once, the second waits for the first and then finds its reply.
fn claim(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    operation: &Operation,
    input: &Input,
    key: &str,
) -> Result<Claim, Problem> {
    if key.is_empty() || key.len() > MAX_KEY {
        return Err(Problem::new(
            codes::BAD_REQUEST,
            format!("Idempotency-Key 应为 1 到 {MAX_KEY} 个字节。"),
        ));
    }
    let hash = request_hash(cx, operation, input)?;
    let claimed = tx.execute(
        "INSERT INTO idempotency (actor, operation, request_key, request_hash, status, reply, at)
         VALUES (?1, ?2, ?3, ?4, 0, '', ?5) ON CONFLICT (actor, operation, request_key) DO NOTHING",
        &[
            cx.actor.id.as_str().into(),
            operation.name.into(),
            key.into(),
            hash.as_str().into(),
            cx.now_text().into(),
        ],
    )?;
    if claimed == 1 {
        return Ok(Claim::New);
    }
    let row = tx.query_opt(
        "SELECT request_hash, status, reply FROM idempotency WHERE actor = ?1 AND operation = ?2 AND request_key = ?3",
        &[cx.actor.id.as_str().into(), operation.name.into(), key.into()],
    )?;
    let Some(row) = row else {
        return Err(Problem::new(codes::BUSY, "同一个幂等键的请求刚刚结束,请重试。"));
    };
    if row.get::<String>(0)? != hash {
        return Err(Problem::new(
            codes::IDEMPOTENCY_MISMATCH,
            "这个 Idempotency-Key 已用于另一个内容不同的请求;新的请求请换一个键。",
        ));
    }
    let status = u16::try_from(row.get::<i64>(1)?).map_err(Problem::internal)?;
    let stored: serde_json::Value =
        serde_json::from_str(&row.get::<String>(2)?).map_err(Problem::internal)?;
    let text = |name: &str| {
        stored
            .get(name)
            .and_then(|value| value.as_str())
            .map(str::to_owned)
    };
    let body = match stored.get("body") {
        Some(value) if !value.is_null() => ReplyBody::Json(value.clone()),
        _ => ReplyBody::Empty,
    };
    let headers = vec![("Idempotency-Replayed".to_owned(), "true".to_owned())];
    Ok(Claim::Answered(Box::new(Reply {
        status,
        body,
        etag: text("etag"),
        location: text("location"),
        headers,
        kept: None,
    })))
}

/// Keeps the reply under the key claimed before.
fn keep(cx: &Ctx, tx: &mut Tx<'_>, operation: &Operation, key: &str, reply: &Reply) -> Result<(), Problem> {
    let body = reply
        .kept
        .as_ref()
        .or(reply.as_json())
        .cloned()
        .unwrap_or_default();
    let stored = json!({ "body": body, "etag": reply.etag, "location": reply.location });
    tx.execute(
        "UPDATE idempotency SET status = ?4, reply = ?5 WHERE actor = ?1 AND operation = ?2 AND request_key = ?3",
        &[
            cx.actor.id.as_str().into(),
            operation.name.into(),
            key.into(),
            i64::from(reply.status).into(),
            stored.to_string().into(),
        ],
    )?;
    Ok(())
}

/// Drops replies older than [`KEPT_HOURS`]; returns how many.
///
/// # Errors
/// Where the database can't be reached.
pub fn prune(cx: &Ctx, tx: &mut Tx<'_>) -> Result<u64, Problem> {
    let bound = cx.now - jiff::SignedDuration::from_hours(KEPT_HOURS);
    Ok(tx.execute(
        "DELETE FROM idempotency WHERE at < ?1",
        &[Value::Text(timestamp_text(bound))],
    )?)
}
