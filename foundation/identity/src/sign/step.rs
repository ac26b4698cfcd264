//! A try at signing in, enrolling or linking that waits for its next step: kept sealed, good once and for five minutes.

use banyan_base::{Ctx, Problem, codes, timestamp_text};
use banyan_store::Tx;
use jiff::SignedDuration;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::sign::secret_box::SecretBox;
use crate::sign::{digest, fresh};

const MINUTES: i64 = 5;

/// Keeps a step; gives the token that names it.
pub(crate) fn keep(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    secrets: &SecretBox,
    kind: &str,
    account: Option<&str>,
    content: &impl Serialize,
) -> Result<String, Problem> {
    let token = fresh(&cx.world);
    let text = serde_json::to_vec(content).map_err(Problem::internal)?;
    tx.execute(
        "DELETE FROM sign_in_step WHERE expires_at <= ?1",
        &[cx.now_text().into()],
    )?;
    tx.execute(
        "INSERT INTO sign_in_step (token_hash, kind, account, content, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        &[
            digest(&token).into(),
            kind.into(),
            account.into(),
            secrets.seal(&format!("step/{kind}"), &text)?.into(),
            timestamp_text(cx.now + SignedDuration::from_mins(MINUTES)).into(),
        ],
    )?;
    Ok(token)
}

/// A step as it was kept.
pub(crate) struct Step<T> {
    pub(crate) account: Option<String>,
    pub(crate) content: T,
}

/// Takes a step out: nobody can take it again.
///
/// # Errors
/// `CONFLICT` where there is none, it was taken, or its time is over.
pub(crate) fn take<T: DeserializeOwned>(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    secrets: &SecretBox,
    kind: &str,
    token: &str,
) -> Result<Step<T>, Problem> {
    let over = || Problem::new(codes::CONFLICT, "这一步已经过期或已用过,请重新开始。");
    let hash = digest(token);
    let row = tx.query_opt(
        "SELECT account, content FROM sign_in_step WHERE token_hash = ?1 AND kind = ?2 AND expires_at > ?3",
        &[hash.as_str().into(), kind.into(), cx.now_text().into()],
    )?;
    let row = row.ok_or_else(over)?;
    let taken = tx.execute("DELETE FROM sign_in_step WHERE token_hash = ?1", &[hash.into()])?;
    if taken != 1 {
        return Err(over());
    }
    let text = secrets.unseal(&format!("step/{kind}"), &row.get::<String>(1)?)?;
    Ok(Step {
        account: row.get(0)?,
        content: serde_json::from_slice(&text).map_err(Problem::internal)?,
    })
}
