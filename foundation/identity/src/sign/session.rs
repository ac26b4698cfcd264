//! Sessions, one a browser: opened, listed, ended; and the devices that have signed in before.

use banyan_base::{Ctx, Problem, codes, timestamp_text};
use banyan_store::Tx;
use serde_json::{Value, json};

use crate::account::Account;
use crate::sign::{Settings, digest, fresh};

/// Longest agent that is kept.
const AGENT: usize = 160;
/// Sessions and devices that one account may have; the oldest end first.
const MOST: i64 = 50;
/// Days that a device is known without signing in.
pub(crate) const DEVICE_DAYS: i64 = 365;

/// What was opened; the tokens are shown this once.
pub(crate) struct Opened {
    pub(crate) token: String,
    /// The device's token, where the device was not known.
    pub(crate) device: Option<String>,
}

/// How somebody signed in, and from what.
pub(crate) struct Entry<'a> {
    /// `password`, `password+totp`, `password+recovery`, `passkey`, `oidc:<provider>`.
    pub(crate) method: &'a str,
    pub(crate) agent: &'a str,
    /// Hash of the token of a device that this account knows.
    pub(crate) device: Option<&'a str>,
}

/// Opens a session: failures are forgotten, and the device is known from now on.
pub(crate) fn open(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    settings: &Settings,
    account: &Account,
    entry: &Entry<'_>,
) -> Result<Opened, Problem> {
    let (token, now, id) = (fresh(&cx.world), cx.now_text(), account.id.as_str());
    end_stale(cx, tx, settings, id)?;
    // Failures of strangers are forgotten only where a stranger has shown that he is none.
    if entry.device.is_none() {
        tx.execute(
            "UPDATE account SET failures = 0, locked_until = NULL WHERE id = ?1",
            &[id.into()],
        )?;
    }
    let agent: String = entry
        .agent
        .chars()
        .filter(|c| !c.is_control())
        .take(AGENT)
        .collect();
    let session = cx.id().into_string();
    tx.execute(
        "INSERT INTO session (token_hash, id, account, agent, method, created_at, seen_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
        &[
            digest(&token).into(),
            session.as_str().into(),
            id.into(),
            agent.into(),
            entry.method.into(),
            now.as_str().into(),
        ],
    )?;
    let device = match entry.device {
        Some(hash) => {
            tx.execute(
                "UPDATE device SET failures = 0, locked_until = NULL, seen_at = ?2 WHERE token_hash = ?1",
                &[hash.into(), now.as_str().into()],
            )?;
            None
        }
        None => {
            let device = fresh(&cx.world);
            tx.execute(
                "INSERT INTO device (token_hash, account, failures, created_at, seen_at) VALUES (?1, ?2, 0, ?3, ?3)",
                &[digest(&device).into(), id.into(), now.as_str().into()],
            )?;
            Some(device)
        }
    };
    // He who signs in acts, whoever carried it out.
    let own = Ctx {
        actor: account.actor(),
        ..cx.clone()
    };
    let about = json!({ "session": session, "method": entry.method });
    crate::admin::tell_more(&own, tx, account, "signed_in", about)?;
    Ok(Opened { token, device })
}

/// Ends what has lived too long, and the oldest beyond the most that one account may have.
fn end_stale(cx: &Ctx, tx: &mut Tx<'_>, settings: &Settings, account: &str) -> Result<(), Problem> {
    let (idle, whole) = bounds(cx.now, settings);
    tx.execute(
        "DELETE FROM session WHERE account = ?1 AND (seen_at <= ?2 OR created_at <= ?3)",
        &[account.into(), idle.into(), whole.into()],
    )?;
    let year = timestamp_text(cx.now - jiff::SignedDuration::from_hours(24 * DEVICE_DAYS));
    tx.execute(
        "DELETE FROM device WHERE account = ?1 AND seen_at <= ?2",
        &[account.into(), year.into()],
    )?;
    for table in ["session", "device"] {
        let sql = format!(
            "DELETE FROM {table} WHERE account = ?1 AND token_hash NOT IN
             (SELECT token_hash FROM {table} WHERE account = ?1 ORDER BY seen_at DESC LIMIT {})",
            MOST - 1
        );
        tx.execute(&sql, &[account.into()])?;
    }
    Ok(())
}

/// Sessions are good that were seen after the first moment and made after the second.
pub(crate) fn bounds(now: jiff::Timestamp, settings: &Settings) -> (String, String) {
    (
        timestamp_text(now - settings.idle),
        timestamp_text(now - settings.whole),
    )
}

/// An account's sessions that are good, the newest first; `current` is the asker's own.
pub(crate) fn list(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    settings: &Settings,
    account: &str,
    current: Option<&str>,
) -> Result<Vec<Value>, Problem> {
    let (idle, whole) = bounds(cx.now, settings);
    let rows = tx.query(
        "SELECT id, agent, method, created_at, seen_at FROM session
         WHERE account = ?1 AND seen_at > ?2 AND created_at > ?3 ORDER BY created_at DESC, id",
        &[account.into(), idle.into(), whole.into()],
    )?;
    rows.iter()
        .map(|row| {
            let id: String = row.get(0)?;
            Ok(json!({
                "current": current == Some(id.as_str()), "id": id, "agent": row.get::<String>(1)?,
                "method": row.get::<String>(2)?, "created_at": row.get::<String>(3)?, "seen_at": row.get::<String>(4)?,
            }))
        })
        .collect()
}

/// Which sessions of an account to end.
pub(crate) enum Which<'a> {
    One(&'a str),
    Others(&'a str),
    All,
}

/// Ends sessions; gives how many.
pub(crate) fn end(tx: &mut Tx<'_>, account: &str, which: &Which<'_>) -> Result<u64, Problem> {
    let (clause, id) = match which {
        Which::One(id) => (" AND id = ?2", *id),
        Which::Others(id) => (" AND id <> ?2", *id),
        Which::All => (" AND ?2 = ''", ""),
    };
    let sql = format!("DELETE FROM session WHERE account = ?1{clause}");
    Ok(tx.execute(&sql, &[account.into(), id.into()])?)
}

/// Ends what a sign-in left behind: sessions, known devices, half-done steps. Tokens of programs go on.
pub(crate) fn end_everywhere(tx: &mut Tx<'_>, account: &str) -> Result<u64, Problem> {
    tx.execute("DELETE FROM device WHERE account = ?1", &[account.into()])?;
    tx.execute("DELETE FROM sign_in_step WHERE account = ?1", &[account.into()])?;
    end(tx, account, &Which::All)
}

/// The asker's own session; acts that change how one signs in need one.
///
/// # Errors
/// `FORBIDDEN` for tokens and for the platform itself.
pub(crate) fn own(cx: &Ctx) -> Result<&str, Problem> {
    cx.actor.grant.session.as_deref().ok_or_else(|| {
        Problem::new(
            codes::FORBIDDEN,
            "修改登录方式须本人在页面上登录后办理,不能用令牌。",
        )
    })
}
