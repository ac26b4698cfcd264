//! Delegation (代办): the holder of a post lets another account act in it for a while.

use std::collections::BTreeSet;

use banyan_base::{Ctx, Problem, codes};
use banyan_store::{Row, Tx};
use jiff::ToSpan;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::post::{self, Post};
use super::{day, list_of, list_text, wrong_text};
use crate::account::{self, Account};
use crate::sign::session;

/// The longest delegation, both days included.
pub(crate) const MOST_DAYS: i32 = 90;

/// A delegation to be made.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewDelegation {
    /// Id of the asker's own post.
    post: String,
    /// Login of whoever is to act.
    to: String,
    from: String,
    until: String,
    reason: String,
    /// Some of the post's roles; absent: all, except `admin`.
    #[serde(default)]
    roles: Option<BTreeSet<String>>,
}

/// A delegation as it stands.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Delegation {
    pub(crate) id: String,
    pub(crate) post: String,
    /// The post's title and unit.
    pub(crate) title: String,
    pub(crate) unit: String,
    /// Account of the post's holder, and his name.
    pub(crate) holder: String,
    pub(crate) holder_name: String,
    /// Account that may act, and its owner's name.
    pub(crate) account: String,
    pub(crate) account_name: String,
    /// `None`: all the post's roles, except `admin`.
    pub(crate) roles: Option<BTreeSet<String>>,
    pub(crate) reason: String,
    pub(crate) from: String,
    pub(crate) until: String,
    pub(crate) created_at: String,
    pub(crate) revoked_at: Option<String>,
    pub(crate) revoked_by: Option<String>,
}

const SELECT: &str = "SELECT d.id, d.post, p.title, p.unit, p.account, h.name, d.account, a.name, d.roles, d.reason,
     d.starts_on, d.ends_on, d.created_at, d.revoked_at, d.revoked_by
     FROM delegation d JOIN post p ON p.id = d.post JOIN account h ON h.id = p.account JOIN account a ON a.id = d.account";

fn decode(row: &Row) -> Result<Delegation, Problem> {
    let roles: Option<String> = row.get(8)?;
    Ok(Delegation {
        id: row.get(0)?,
        post: row.get(1)?,
        title: row.get(2)?,
        unit: row.get(3)?,
        holder: row.get(4)?,
        holder_name: row.get(5)?,
        account: row.get(6)?,
        account_name: row.get(7)?,
        roles: roles.as_deref().map(list_of).transpose()?,
        reason: row.get(9)?,
        from: row.get(10)?,
        until: row.get(11)?,
        created_at: row.get(12)?,
        revoked_at: row.get(13)?,
        revoked_by: row.get(14)?,
    })
}

/// What an account has given and been given, the newest first, at most a thousand.
pub(crate) fn list(tx: &mut Tx<'_>, account: &str) -> Result<Vec<Delegation>, Problem> {
    let sql = format!("{SELECT} WHERE p.account = ?1 OR d.account = ?1 ORDER BY d.id DESC LIMIT 1000");
    tx.query(&sql, &[account.into()])?.iter().map(decode).collect()
}

fn find(tx: &mut Tx<'_>, id: &str) -> Result<Option<Delegation>, Problem> {
    let sql = format!("{SELECT} WHERE d.id = ?1");
    tx.query_opt(&sql, &[id.into()])?
        .map(|row| decode(&row))
        .transpose()
}

/// The post to lend: the asker's own, and not lent to him.
fn own_post(cx: &Ctx, tx: &mut Tx<'_>, id: &str) -> Result<Post, Problem> {
    // Lending lets others act in one's name: never by a token that may have been lost.
    session::own(cx)?;
    let post = post::find(tx, id)?.filter(|post| post.account == cx.actor.id);
    let post = post.ok_or_else(|| {
        let text = "只能把自己的岗位交人代办;代办来的岗位不能再转交,请由岗位本人办理。";
        Problem::new(codes::FORBIDDEN, text)
    })?;
    let today = cx.today().to_string();
    let over = post.ended_at.is_some() || post.until.as_ref().is_some_and(|last| *last < today);
    if over {
        return Err(Problem::new(codes::CONFLICT, "这个岗位已经结束,不能再交人代办。"));
    }
    Ok(post)
}

/// Everything that is wrong with it, besides who is to act.
fn check(cx: &Ctx, new: &NewDelegation, post: &Post) -> Result<(), Problem> {
    let mut wrong = Problem::new(codes::INVALID, "代办不符合要求。");
    match (day("/from", &new.from), day("/until", &new.until)) {
        (Ok(first), Ok(last)) => {
            if last < first || last < cx.today() {
                wrong = wrong.with_error("/until", "range", "止期不能早于起期和今天");
            }
            let longest = first.max(cx.today()).checked_add((MOST_DAYS - 1).days());
            if longest.is_ok_and(|longest| last > longest) {
                wrong = wrong.with_error("/until", "range", format!("最长 {MOST_DAYS} 天"));
            }
            if post.until.as_ref().is_some_and(|end| new.until > *end) {
                wrong = wrong.with_error("/until", "range", "不能超过岗位本身的止期");
            }
        }
        (first, last) => {
            for problem in [first.err(), last.err()].into_iter().flatten() {
                wrong.errors.extend(problem.errors);
            }
        }
    }
    if let Some(message) = wrong_text(&new.reason, 200) {
        wrong = wrong.with_error("/reason", "length", message);
    }
    let given = new.roles.as_ref().unwrap_or(&post.roles);
    if let Some(role) = given.iter().find(|role| !post.roles.contains(*role)) {
        wrong = wrong.with_error("/roles", "range", format!("岗位没有“{role}”角色"));
    }
    if new.roles.is_some() && given.contains("admin") {
        wrong = wrong.with_error("/roles", "range", "管理员角色不能交人代办");
    }
    if given.iter().all(|role| role == "admin") {
        wrong = wrong.with_error("/roles", "required", "没有可以交人代办的角色");
    }
    if wrong.errors.is_empty() {
        Ok(())
    } else {
        Err(wrong)
    }
}

pub(crate) fn create(cx: &Ctx, tx: &mut Tx<'_>, new: &NewDelegation) -> Result<Delegation, Problem> {
    let post = own_post(cx, tx, &new.post)?;
    check(cx, new, &post)?;
    let wrong = |message: &str| {
        Problem::new(codes::INVALID, "代办不符合要求。").with_error("/to", "reference", message.to_owned())
    };
    let to = account::find_by_login(tx, new.to.trim())?
        .filter(|account| account.kind == "person" && !account.disabled)
        .ok_or_else(|| wrong("没有可以代办的这个账号"))?;
    if to.id == cx.actor.id {
        return Err(wrong("不能交给自己"));
    }
    // Which of two would count must never be a question. The post's row keeps two that come at once apart.
    let lock = format!("SELECT id FROM post WHERE id = ?1{}", tx.dialect().for_update());
    tx.query(&lock, &[post.id.as_str().into()])?;
    let same = tx.query_opt(
        "SELECT id FROM delegation WHERE post = ?1 AND account = ?2 AND revoked_at IS NULL AND starts_on <= ?4 AND ends_on >= ?3",
        &[
            post.id.as_str().into(),
            to.id.as_str().into(),
            new.from.as_str().into(),
            new.until.as_str().into(),
        ],
    )?;
    if same.is_some() {
        let text = "这些天已经交给同一个人代办;要改的话请先撤销原来的。";
        return Err(Problem::new(codes::CONFLICT, text));
    }
    let id = cx.id().into_string();
    let roles = new.roles.as_ref().map(list_text).transpose()?;
    tx.execute(
        "INSERT INTO delegation (id, post, account, roles, reason, starts_on, ends_on, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        &[
            id.as_str().into(),
            post.id.as_str().into(),
            to.id.as_str().into(),
            roles.into(),
            new.reason.trim().into(),
            new.from.as_str().into(),
            new.until.as_str().into(),
            cx.now_text().into(),
        ],
    )?;
    let made = find(tx, &id)?.ok_or_else(|| Problem::internal("a delegation is gone that was just made"))?;
    tell(cx, tx, &made, "delegation_given", "delegation_received")?;
    Ok(made)
}

/// Ends a delegation at once. The holder may, whoever acts by it may, an administrator may; others are told there is none.
pub(crate) fn revoke(cx: &Ctx, tx: &mut Tx<'_>, id: &str) -> Result<(), Problem> {
    let me = cx.actor.id.as_str();
    let found = find(tx, id)?.filter(|one| one.holder == me || one.account == me || cx.actor.is_admin());
    let found = found.ok_or_else(|| Problem::new(codes::NOT_FOUND, "没有这项代办。"))?;
    let revoked = tx.execute(
        "UPDATE delegation SET revoked_at = ?2, revoked_by = ?3 WHERE id = ?1 AND revoked_at IS NULL",
        &[id.into(), cx.now_text().into(), me.into()],
    )?;
    if revoked == 1 {
        tell(cx, tx, &found, "delegation_revoked", "delegation_revoked")?;
    }
    Ok(())
}

/// Tells both on the feed.
fn tell(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    one: &Delegation,
    to_holder: &str,
    to_account: &str,
) -> Result<(), Problem> {
    let about = json!({ "delegation": {
        "id": one.id, "post": one.post, "holder": one.holder, "account": one.account, "roles": one.roles,
        "from": one.from, "until": one.until,
    } });
    let mut notice = |id: &str, verb: &str| {
        let account: Account = crate::admin::view(tx, id)?;
        crate::admin::tell_more(cx, tx, &account, verb, about.clone())
    };
    notice(&one.holder, to_holder)?;
    notice(&one.account, to_account)
}
