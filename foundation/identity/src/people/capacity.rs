//! The post that a caller acts in: the one his request names, else the one his session has chosen, else his main post, else
//! none, and then his account's own unit and roles count. Looked up at every call, so that what ends, ends at once.

use std::collections::BTreeSet;

use banyan_base::{Actor, Grant, Problem, Standing, codes};
use banyan_store::{Row, Tx};

use super::list_of;
use crate::account::Account;

/// What a request or a session says where the account's own unit and roles are meant.
pub(crate) const OWN: &str = "own";

/// A post that somebody acts in.
#[derive(Clone, Debug)]
pub(crate) struct Acting {
    pub(crate) post: String,
    /// Its holder, where that is somebody else.
    pub(crate) holder: Option<String>,
    pub(crate) unit: String,
    pub(crate) title: String,
    pub(crate) roles: BTreeSet<String>,
    pub(crate) regions: BTreeSet<String>,
    pub(crate) lines: BTreeSet<String>,
}

/// What stands of a post `p`, for a query that has [`stands`] in it.
pub(crate) const COLUMNS: &str = "p.id, p.account, p.unit, p.title, p.roles, p.regions, p.lines";

/// That the post `p` stands on the day of this parameter.
fn stands(table: &str, day: &str) -> String {
    format!(
        "{table}.ended_at IS NULL AND {table}.starts_on <= {day} AND ({table}.ends_on IS NULL OR {table}.ends_on >= {day})"
    )
}

/// Joins the main post as `p`, if there is one, to a query over the account `a`; of several the one that began last.
pub(crate) fn join_main(day: &str) -> String {
    format!(
        "LEFT JOIN post p ON p.id = (SELECT m.id FROM post m WHERE m.account = a.id AND m.main = 1 AND {}
         ORDER BY m.starts_on DESC, m.id DESC LIMIT 1)",
        stands("m", day)
    )
}

/// A post out of a row that has [`COLUMNS`] from `at` on; `None` where the row has none.
pub(crate) fn decode(row: &Row, at: usize, account: &str) -> Result<Option<Acting>, Problem> {
    let Some(post) = row.get::<Option<String>>(at)? else {
        return Ok(None);
    };
    let holder: String = row.get(at + 1)?;
    Ok(Some(Acting {
        post,
        holder: Some(holder).filter(|holder| holder != account),
        unit: row.get(at + 2)?,
        title: row.get(at + 3)?,
        roles: list_of(&row.get::<String>(at + 4)?)?,
        regions: list_of(&row.get::<String>(at + 5)?)?,
        lines: list_of(&row.get::<String>(at + 6)?)?,
    }))
}

/// The query for the posts that the account `?1` may act in on the day `?2`; all, or the one of id `?3`.
fn reach_sql() -> String {
    format!(
        "SELECT {COLUMNS}, d.roles FROM post p JOIN account h ON h.id = p.account
         LEFT JOIN delegation d ON d.post = p.id AND d.account = ?1 AND d.revoked_at IS NULL
          AND d.starts_on <= ?2 AND d.ends_on >= ?2
         WHERE (p.account = ?1 OR d.id IS NOT NULL) AND (?3 = '' OR p.id = ?3) AND h.disabled = 0 AND {}
         ORDER BY p.id, d.id LIMIT 1000",
        stands("p", "?2")
    )
}

/// One that may be acted in; what is lent is never more than the post has now, and never `admin`.
fn reachable(row: &Row, account: &str) -> Result<Option<Acting>, Problem> {
    let acting = decode(row, 0, account)?;
    let lent: Option<String> = row.get(7)?;
    let lent = lent.as_deref().map(list_of).transpose()?;
    Ok(acting.map(|mut acting| {
        if acting.holder.is_some() {
            acting
                .roles
                .retain(|role| role != "admin" && lent.as_ref().is_none_or(|lent| lent.contains(role)));
        }
        acting
    }))
}

/// The main post of an account today.
pub(crate) fn main(tx: &mut Tx<'_>, account: &str, today: &str) -> Result<Option<Acting>, Problem> {
    let sql = format!(
        "SELECT {COLUMNS} FROM account a {} WHERE a.id = ?1",
        join_main("?2")
    );
    let row = tx.query_opt(&sql, &[account.into(), today.into()])?;
    row.map_or(Ok(None), |row| decode(&row, 0, account))
}

/// All posts that an account may act in today.
pub(crate) fn reach(tx: &mut Tx<'_>, account: &str, today: &str) -> Result<Vec<Acting>, Problem> {
    let rows = tx.query(&reach_sql(), &[account.into(), today.into(), "".into()])?;
    rows.iter()
        .filter_map(|row| reachable(row, account).transpose())
        .collect()
}

/// The post of this id, if the account may act in it today.
pub(crate) fn one(tx: &mut Tx<'_>, account: &str, today: &str, id: &str) -> Result<Option<Acting>, Problem> {
    if id.is_empty() {
        return Ok(None);
    }
    let rows = tx.query(&reach_sql(), &[account.into(), today.into(), id.into()])?;
    rows.first().map_or(Ok(None), |row| reachable(row, account))
}

/// Said to whoever names a post that is not his to act in, whatever the cause: it tells nothing about others' posts.
pub(crate) fn refused() -> Problem {
    Problem::new(
        codes::FORBIDDEN,
        "您现在不能以这个岗位办事:它不是您的,或不在任期内,或代办已到期、已撤销。请到“我的岗位与代办”另选岗位。",
    )
}

/// Who acts: the account in this post.
pub(crate) fn actor(account: &Account, acting: Option<Acting>, grant: Grant) -> Actor {
    let plain = Actor {
        grant,
        ..account.actor()
    };
    match acting {
        None => plain,
        Some(acting) => Actor {
            unit: Some(acting.unit),
            roles: acting.roles,
            standing: Standing {
                post: Some(acting.post),
                on_behalf_of: acting.holder,
                regions: acting.regions,
                lines: acting.lines,
                ..plain.standing
            },
            ..plain
        },
    }
}

/// Who acts whose session has chosen a post that no longer counts: nobody in particular, who may only choose anew.
pub(crate) fn stranded(account: &Account, session: String) -> Actor {
    let names = [
        "session.view",
        "session.delete",
        "session.list",
        "session.end",
        "session.end_all",
        "post.mine",
        "post.choose",
    ];
    Actor {
        unit: None,
        roles: BTreeSet::new(),
        grant: Grant {
            session: Some(session),
            token: None,
            scopes: Some(names.iter().map(|name| format!("operation:{name}")).collect()),
            reason: refused().detail,
        },
        ..account.actor()
    }
}
