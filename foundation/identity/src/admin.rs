//! What administrators do with accounts: find, change, disable, give a new password. Every change is told on the feed.

use std::collections::BTreeSet;

use banyan_base::{Ctx, Event, Limit, Problem, codes};
use banyan_store::{Tx, Value};
use serde::Deserialize;
use serde_json::json;

use crate::account::{self, Account};
use crate::entrances::DESIGNER;
use crate::sign::session;

/// Changes to an account; what is absent stays as it is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountChange {
    pub name: Option<String>,
    /// Code of a unit; empty: none.
    pub unit: Option<String>,
    pub roles: Option<BTreeSet<String>>,
    pub disabled: Option<bool>,
}

/// Appends a change of an account to the feed; never with a secret.
pub(crate) fn tell(cx: &Ctx, tx: &mut Tx<'_>, account: &Account, verb: &str) -> Result<(), Problem> {
    tell_more(cx, tx, account, verb, json!({}))
}

/// The same, with what else there is to say of it.
pub(crate) fn tell_more(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    account: &Account,
    verb: &str,
    more: serde_json::Value,
) -> Result<(), Problem> {
    let mut about = json!({
        "id": account.id, "login": account.login, "unit": account.unit, "roles": account.roles,
        "disabled": account.disabled, "version": account.version,
    });
    if let (Some(all), serde_json::Value::Object(more)) = (about.as_object_mut(), more) {
        all.extend(more);
    }
    tx.emit(&Event::new(
        cx,
        "/banyan/platform",
        &format!("banyan.platform.account.{verb}"),
        Some(format!("platform.account/{}", account.id)),
        about,
    ))?;
    Ok(())
}

/// What is wrong with roles, if anything: `admin`, `designer`, or `<package>.<role>`.
pub(crate) fn wrong_role(roles: &BTreeSet<String>) -> Option<&String> {
    let part = |text: &str| {
        (1..=31).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
    };
    roles.iter().find(|role| {
        *role != "admin"
            && *role != DESIGNER
            && !role
                .split_once('.')
                .is_some_and(|(package, name)| part(package) && part(name))
    })
}

/// A page of accounts by login, of those whose login, name or unit holds `words`; with the login to go on after.
pub(crate) fn page(
    tx: &mut Tx<'_>,
    words: &str,
    after: &str,
    limit: Limit,
) -> Result<(Vec<Account>, Option<String>), Problem> {
    let pattern: String = words
        .trim()
        .chars()
        .flat_map(|c| match c {
            '%' | '_' | '\\' => vec!['\\', c],
            other => vec![other],
        })
        .collect();
    let sql = format!(
        "SELECT {} FROM account WHERE login > ?1
         AND (?2 = '%%' OR login LIKE ?2 ESCAPE '\\' OR name LIKE ?2 ESCAPE '\\' OR unit LIKE ?2 ESCAPE '\\')
         ORDER BY login LIMIT ?3",
        account::COLUMNS
    );
    let wanted = limit.get();
    let rows = tx.query(
        &sql,
        &[
            after.into(),
            Value::Text(format!("%{pattern}%")),
            (wanted + 1).into(),
        ],
    )?;
    let mut accounts = rows.iter().map(account::decode).collect::<Result<Vec<_>, _>>()?;
    let more = accounts.len() > wanted as usize;
    accounts.truncate(wanted as usize);
    let next = accounts
        .last()
        .filter(|_| more)
        .map(|account| account.login.clone());
    Ok((accounts, next))
}

fn found(tx: &mut Tx<'_>, id: &str) -> Result<Account, Problem> {
    account::find(tx, id)?.ok_or_else(|| Problem::new(codes::NOT_FOUND, "没有这个账号。"))
}

pub(crate) fn view(tx: &mut Tx<'_>, id: &str) -> Result<Account, Problem> {
    found(tx, id)
}

/// Changes an account at the version that `if_match` names. A disabled account's sessions end.
pub(crate) fn update(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    id: &str,
    if_match: Option<&str>,
    change: AccountChange,
) -> Result<Account, Problem> {
    let before = found(tx, id)?;
    match if_match {
        None => {
            return Err(Problem::new(
                codes::PRECONDITION_REQUIRED,
                "修改账号须带 If-Match,值为读取时得到的 ETag。",
            ));
        }
        Some(tag) if tag.trim_start_matches("W/") != before.etag() => {
            return Err(Problem::new(
                codes::PRECONDITION_FAILED,
                "账号已被他人修改,请重新读取后再改。",
            ));
        }
        Some(_) => {}
    }
    let before_name = before.name.clone();
    let after = Account {
        name: change.name.unwrap_or(before.name),
        unit: match change.unit {
            Some(unit) if unit.is_empty() => None,
            Some(unit) => Some(unit),
            None => before.unit,
        },
        roles: change.roles.unwrap_or(before.roles),
        disabled: change.disabled.unwrap_or(before.disabled),
        version: before.version + 1,
        ..before
    };
    let mut wrong = Problem::new(codes::INVALID, "账号不符合要求。");
    if let Some(message) = account::wrong_name(&after.name) {
        wrong = wrong.with_error("/name", "length", message);
    }
    if let Some(role) = wrong_role(&after.roles) {
        wrong = wrong.with_error(
            "/roles",
            "pattern",
            format!("“{role}”不是角色:应为 admin 或“包.角色”"),
        );
    }
    if after.kind == "service" && after.roles.contains("admin") {
        wrong = wrong.with_error("/roles", "pattern", "服务账号不能是管理员");
    }
    // Who a citizen is stands in the party register, and he works for nobody.
    let same = before_name == after.name && after.unit.is_none() && after.roles.is_empty();
    if after.kind == "citizen" && !same {
        wrong = wrong.with_error(
            "/roles",
            "kind",
            "公众账号只能停用、启用,不能有单位和角色,也不能改姓名",
        );
    }
    // Nobody locks himself out; another administrator can do it.
    if cx.actor.id == after.id && (after.disabled || !after.roles.contains("admin")) {
        let text = "不能停用自己的账号或取消自己的管理员角色,请由另一位管理员办理";
        let pointer = if after.disabled { "/disabled" } else { "/roles" };
        wrong = wrong.with_error(pointer, "self", text);
    }
    if !wrong.errors.is_empty() {
        return Err(wrong);
    }
    let changed = tx.execute(
        "UPDATE account SET name = ?2, unit = ?3, roles = ?4, disabled = ?5, version = ?6 WHERE id = ?1 AND version = ?7",
        &[
            id.into(),
            after.name.trim().into(),
            after.unit.as_deref().into(),
            serde_json::to_string(&after.roles)
                .map_err(Problem::internal)?
                .into(),
            i64::from(after.disabled).into(),
            after.version.into(),
            before.version.into(),
        ],
    )?;
    if changed != 1 {
        return Err(Problem::new(
            codes::PRECONDITION_FAILED,
            "账号刚被他人修改,请重新读取后再改。",
        ));
    }
    if after.disabled {
        session::end_everywhere(tx, id)?;
    }
    tell(cx, tx, &after, "updated")?;
    Ok(after)
}

/// Gives an account a new password; its sessions and tokens end and a lock is lifted.
pub(crate) fn reset_password(cx: &Ctx, tx: &mut Tx<'_>, id: &str, hash: &str) -> Result<(), Problem> {
    let account = found(tx, id)?;
    if !account.signs_in() {
        let text = "服务账号没有密码;请换发它的密钥。";
        return Err(Problem::new(codes::CONFLICT, text));
    }
    crate::sign::token::revoke_all(tx, id)?;
    tx.execute(
        "UPDATE account SET password = ?2, must_change = 1, failures = 0, locked_until = NULL WHERE id = ?1",
        &[id.into(), hash.into()],
    )?;
    session::end_everywhere(tx, id)?;
    tell(cx, tx, &account, "password_reset")
}
