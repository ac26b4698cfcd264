//! Tokens: those that people make for their programs, with scopes and an end, and the short-lived ones of machines. Kept as
//! hashes; shown once; a prefix that secret scanners can look for.

use std::collections::BTreeSet;

use banyan_base::{Actor, Ctx, Grant, Problem, codes, timestamp_text};
use banyan_door::{Capacity, Door};
use banyan_store::{Tx, Value as Sql};
use data_encoding::BASE32_NOPAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::account::{self, Account};
use crate::people::{capacity, citizen};
use crate::sign::{Accounts, digest, fresh};

/// Every token begins with this; then come eight letters that its list shows, then the secret.
pub(crate) const START: &str = "byn_";
/// The longest life of a token that a person makes.
pub(crate) const MOST_DAYS: i64 = 366;

/// A token to be made.
pub(crate) struct New<'a> {
    /// `api` or `access`.
    pub(crate) kind: &'static str,
    pub(crate) name: &'a str,
    /// `None`: all that the account may.
    pub(crate) scopes: Option<&'a BTreeSet<String>>,
    pub(crate) until: Timestamp,
}

/// A token that was made; `secret` is shown this once.
pub(crate) struct Made {
    pub(crate) id: String,
    pub(crate) prefix: String,
    pub(crate) secret: String,
}

/// What is wrong with a scope, if anything.
pub(crate) fn wrong_scope(door: &Door, scope: &str) -> Option<String> {
    match scope.split_once(':') {
        None if scope == "read" => None,
        Some(("operation", name)) if door.operation(name).is_some() => None,
        Some(("operation", name)) => Some(format!("没有名为“{name}”的操作")),
        Some(("package", id))
            if !id.is_empty()
                && id.len() <= 24
                && id
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_') =>
        {
            None
        }
        _ => Some(format!(
            "“{scope}”不是范围:应为 read、package:包 或 operation:操作"
        )),
    }
}

/// Makes a token.
pub(crate) fn make(cx: &Ctx, tx: &mut Tx<'_>, account: &str, new: &New<'_>) -> Result<Made, Problem> {
    let prefix = format!(
        "{START}{}",
        BASE32_NOPAD.encode(&cx.world.secret::<5>()).to_lowercase()
    );
    let made = Made {
        id: cx.id().into_string(),
        secret: format!("{prefix}_{}", fresh(&cx.world)),
        prefix,
    };
    let scopes = new
        .scopes
        .map(serde_json::to_string)
        .transpose()
        .map_err(Problem::internal)?;
    tx.execute(
        "DELETE FROM token WHERE account = ?1 AND expires_at <= ?2",
        &[account.into(), cx.now_text().into()],
    )?;
    tx.execute(
        "INSERT INTO token (token_hash, id, account, kind, name, prefix, scopes, created_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        &[
            digest(&made.secret).into(),
            made.id.as_str().into(),
            account.into(),
            new.kind.into(),
            new.name.into(),
            made.prefix.as_str().into(),
            scopes.into(),
            cx.now_text().into(),
            timestamp_text(new.until).into(),
        ],
    )?;
    Ok(made)
}

/// Tokens of one account, or of everybody, whose prefix begins so; the newest first, at most a thousand.
pub(crate) fn list(
    tx: &mut Tx<'_>,
    account: Option<&str>,
    prefix: &str,
    now: &str,
) -> Result<Vec<Value>, Problem> {
    let rows = tx.query(
        "SELECT t.id, t.name, t.prefix, t.scopes, t.created_at, t.expires_at, t.used_at, a.login FROM token t
         JOIN account a ON a.id = t.account
         WHERE t.kind = 'api' AND (?1 = '' OR t.account = ?1) AND substr(t.prefix, 1, ?2) = ?3 AND t.expires_at > ?4
         ORDER BY t.created_at DESC, t.id LIMIT 1000",
        &[
            account.unwrap_or("").into(),
            i64::try_from(prefix.chars().count()).map_err(Problem::internal)?.into(),
            prefix.into(),
            now.into(),
        ],
    )?;
    rows.iter()
        .map(|row| {
            let scopes: Option<String> = row.get(3)?;
            let scopes: Value = serde_json::from_str(scopes.as_deref().unwrap_or("[]")).map_err(Problem::internal)?;
            Ok(json!({
                "id": row.get::<String>(0)?, "name": row.get::<String>(1)?, "prefix": row.get::<String>(2)?, "scopes": scopes,
                "created_at": row.get::<String>(4)?, "expires_at": row.get::<String>(5)?,
                "used_at": row.get::<Option<String>>(6)?, "login": row.get::<String>(7)?,
            }))
        })
        .collect()
}

/// Revokes a token of the account, or anybody's; gives whose it was.
pub(crate) fn revoke(tx: &mut Tx<'_>, id: &str, account: Option<&str>) -> Result<Option<Account>, Problem> {
    let params: [Sql; 2] = [id.into(), account.unwrap_or("").into()];
    let clause = "id = ?1 AND kind = 'api' AND (?2 = '' OR account = ?2)";
    let row = tx.query_opt(&format!("SELECT account FROM token WHERE {clause}"), &params)?;
    let Some(row) = row else { return Ok(None) };
    tx.execute(&format!("DELETE FROM token WHERE {clause}"), &params)?;
    account::find(tx, &row.get::<String>(0)?)
}

/// Ends all tokens of an account.
pub(crate) fn revoke_all(tx: &mut Tx<'_>, account: &str) -> Result<u64, Problem> {
    Ok(tx.execute("DELETE FROM token WHERE account = ?1", &[account.into()])?)
}

impl Accounts {
    /// Who comes with a token, narrowed to its scopes.
    pub(crate) fn of_token(&self, token: &str, said: &Capacity) -> Result<Actor, Problem> {
        let (now, hash) = (self.world.now(), digest(token));
        let at = timestamp_text(now);
        let sql = format!(
            "SELECT {}, t.id, t.scopes, t.used_at, {}, c.party, c.level FROM token t JOIN account a ON a.id = t.account
             LEFT JOIN citizen c ON c.account = a.id {}
             WHERE t.token_hash = ?1 AND t.expires_at > ?2 AND a.disabled = 0",
            account::columns("a"),
            capacity::COLUMNS,
            capacity::join_main("?3")
        );
        let values = [hash.as_str().into(), at.as_str().into(), self.today().into()];
        let rows = self.db.query(&sql, &values)?;
        let Some(row) = rows.first() else {
            return Err(Problem::new(codes::UNAUTHENTICATED, "令牌无效或已过期。"));
        };
        let account = account::decode(row)?;
        let (id, scopes, used): (String, Option<String>, Option<String>) =
            (row.get(12)?, row.get(13)?, row.get(14)?);
        let main = capacity::decode(row, 15, &account.id)?;
        let citizen = citizen::decode(row, 22)?;
        let acting = self.acting(&account, said.post.as_deref(), main)?;
        let due = self.owes(&account, acting.as_ref())?;
        if account.signs_in() && due.is_some() {
            let text = "令牌的主人要先登录办理:改密码,或登记第二重验证。";
            return Err(Problem::new(codes::UNAUTHENTICATED, text));
        }
        // Noted at most every ten minutes: reading must not become writing.
        let recent = timestamp_text(now - SignedDuration::from_mins(10));
        if used.is_none_or(|used| used < recent) {
            self.db.write::<_, Problem>(move |tx| {
                let sql = "UPDATE token SET used_at = ?2 WHERE token_hash = ?1";
                tx.execute(sql, &[hash.into(), at.into()])?;
                Ok(())
            })?;
        }
        let scopes = scopes
            .map(|text| serde_json::from_str(&text))
            .transpose()
            .map_err(Problem::internal)?;
        let grant = Grant {
            session: None,
            token: Some(id),
            scopes,
            reason: "这个令牌的范围不包括这项操作。".into(),
        };
        self.as_citizen(
            capacity::actor(&account, acting, grant),
            citizen,
            said.party.as_deref(),
        )
    }
}
