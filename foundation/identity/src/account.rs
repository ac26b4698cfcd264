use std::collections::{BTreeMap, BTreeSet};

use banyan_base::{Actor, ActorKind, Ctx, Grant, Problem, Standing, codes};
use banyan_store::{Row, Tx};
use serde::Deserialize;

use crate::sign::{session, weak};

/// An account to be made.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    pub login: String,
    pub name: String,
    pub unit: Option<String>,
    #[serde(default)]
    pub roles: BTreeSet<String>,
    pub password: String,
    /// Whether its owner must change the password at the first sign-in; absent: where an administrator sets it.
    #[serde(default)]
    pub must_change: Option<bool>,
}

/// An account as it stands; never with its password.
#[derive(Clone, Debug)]
pub struct Account {
    pub id: String,
    pub login: String,
    pub name: String,
    pub unit: Option<String>,
    pub roles: BTreeSet<String>,
    pub disabled: bool,
    /// The password was set by somebody else and is good for changing it only.
    pub must_change: bool,
    /// `person`, `citizen` or `service`.
    pub kind: String,
    /// Rises with every change by an administrator.
    pub version: i64,
}

impl Account {
    /// Whether somebody signs in with it: a machine does not.
    pub fn signs_in(&self) -> bool {
        self.kind != "service"
    }

    /// Strong entity tag, quotes included.
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.version)
    }

    pub fn actor(&self) -> Actor {
        Actor {
            id: self.id.clone(),
            name: self.name.clone(),
            kind: match self.kind.as_str() {
                "service" => ActorKind::Service,
                "citizen" => ActorKind::Citizen,
                _ => ActorKind::Person,
            },
            unit: self.unit.clone(),
            roles: self.roles.clone(),
            standing: Standing::default(),
            grant: Grant::default(),
        }
    }

    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "id": self.id, "login": self.login, "name": self.name, "unit": self.unit, "roles": self.roles,
            "disabled": self.disabled, "must_change": self.must_change, "kind": self.kind, "version": self.version,
        })
    }
}

pub(crate) const COLUMNS: &str =
    "id, login, name, unit, roles, disabled, password, failures, locked_until, version, must_change, kind";

/// [`COLUMNS`] of the table that goes by this name in a query.
pub(crate) fn columns(table: &str) -> String {
    let named: Vec<String> = COLUMNS
        .split(", ")
        .map(|column| format!("{table}.{column}"))
        .collect();
    named.join(", ")
}

pub(crate) fn decode(row: &Row) -> Result<Account, Problem> {
    let roles: String = row.get(4)?;
    Ok(Account {
        id: row.get(0)?,
        login: row.get(1)?,
        name: row.get(2)?,
        unit: row.get(3)?,
        roles: serde_json::from_str(&roles).map_err(Problem::internal)?,
        disabled: row.get(5)?,
        version: row.get(9)?,
        must_change: row.get(10)?,
        kind: row.get(11)?,
    })
}

/// What is wrong with a person's name, if anything.
pub(crate) fn wrong_name(name: &str) -> Option<&'static str> {
    let count = name.trim().chars().count();
    (count == 0 || count > 60 || name.chars().any(char::is_control)).then_some("姓名为 1 到 60 个字")
}

/// Makes a person's account.
pub fn create(cx: &Ctx, tx: &mut Tx<'_>, new: &NewAccount, password_hash: &str) -> Result<Account, Problem> {
    make(cx, tx, new, "person", Some(password_hash))
}

/// Makes a machine's account; it has no password.
pub(crate) fn create_service(cx: &Ctx, tx: &mut Tx<'_>, new: &NewAccount) -> Result<Account, Problem> {
    make(cx, tx, new, "service", None)
}

/// Makes the account of a person who signs in elsewhere; it has no password until an administrator gives one.
pub(crate) fn create_external(cx: &Ctx, tx: &mut Tx<'_>, new: &NewAccount) -> Result<Account, Problem> {
    make(cx, tx, new, "person", None)
}

/// Makes a citizen's account, with a password or, where he signs in elsewhere, none.
pub(crate) fn create_citizen(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    new: &NewAccount,
    password_hash: Option<&str>,
) -> Result<Account, Problem> {
    make(cx, tx, new, "citizen", password_hash)
}

fn make(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    new: &NewAccount,
    kind: &str,
    password_hash: Option<&str>,
) -> Result<Account, Problem> {
    let login = new.login.trim();
    let fits = (2..=40).contains(&login.len())
        && login
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    let mut wrong = Problem::new(codes::INVALID, "账号不符合要求。");
    if !fits {
        wrong = wrong.with_error("/login", "pattern", "登录名为 2 到 40 个字母、数字或 -_.");
    }
    if let Some(message) = wrong_name(&new.name) {
        wrong = wrong.with_error("/name", "length", message);
    }
    if let Some(role) = crate::admin::wrong_role(&new.roles) {
        wrong = wrong.with_error(
            "/roles",
            "pattern",
            format!("“{role}”不是角色:应为 admin 或“包.角色”"),
        );
    }
    if let Some(message) = password_hash.and_then(|_| weak(login, &new.password)) {
        wrong = wrong.with_error("/password", "weak", message);
    }
    if find_by_login(tx, login)?.is_some() {
        wrong = wrong.with_error("/login", "unique", "登录名已被使用");
    }
    if !wrong.errors.is_empty() {
        return Err(wrong);
    }
    let account = Account {
        id: cx.id().into_string(),
        login: login.to_owned(),
        name: new.name.trim().to_owned(),
        unit: new.unit.clone(),
        roles: new.roles.clone(),
        disabled: false,
        must_change: new.must_change.unwrap_or(cx.actor.kind != ActorKind::System),
        kind: kind.into(),
        version: 1,
    };
    tx.execute(
        "INSERT INTO account (id, login, name, unit, roles, password, disabled, failures, created_at, must_change, kind)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0, ?7, ?8, ?9)",
        &[
            account.id.as_str().into(),
            account.login.as_str().into(),
            account.name.as_str().into(),
            account.unit.as_deref().into(),
            serde_json::to_string(&account.roles)
                .map_err(Problem::internal)?
                .into(),
            password_hash.unwrap_or("").into(),
            cx.now_text().into(),
            i64::from(account.must_change).into(),
            kind.into(),
        ],
    )?;
    crate::admin::tell(cx, tx, &account, "created")?;
    Ok(account)
}

/// Names by account id; ids that are nobody's are left out.
///
/// # Errors
/// Where the database refuses.
pub fn names(tx: &mut Tx<'_>, ids: &BTreeSet<String>) -> Result<BTreeMap<String, String>, Problem> {
    let mut found = BTreeMap::new();
    for id in ids {
        if let Some(row) = tx.query_opt("SELECT name FROM account WHERE id = ?1", &[id.as_str().into()])? {
            found.insert(id.clone(), row.get(0)?);
        }
    }
    Ok(found)
}

/// The colleague that an account id or a login means: a person's account that is in use. None: there is no such colleague.
///
/// # Errors
/// Where the database refuses.
pub fn colleague(tx: &mut Tx<'_>, named: &str) -> Result<Option<String>, Problem> {
    let found = match find(tx, named)? {
        Some(account) => Some(account),
        None => find_by_login(tx, named)?,
    };
    Ok(found
        .filter(|account| account.kind == "person" && !account.disabled)
        .map(|account| account.id))
}

pub fn find_by_login(tx: &mut Tx<'_>, login: &str) -> Result<Option<Account>, Problem> {
    let row = tx.query_opt(
        &format!("SELECT {COLUMNS} FROM account WHERE login = ?1"),
        &[login.into()],
    )?;
    row.map(|row| decode(&row)).transpose()
}

pub(crate) fn find(tx: &mut Tx<'_>, id: &str) -> Result<Option<Account>, Problem> {
    let row = tx.query_opt(
        &format!("SELECT {COLUMNS} FROM account WHERE id = ?1"),
        &[id.into()],
    )?;
    row.map(|row| decode(&row)).transpose()
}

/// The stored hash of an account's password; empty where there is none.
pub(crate) fn password_of(tx: &mut Tx<'_>, account: &str) -> Result<String, Problem> {
    let row = tx.query_opt("SELECT password FROM account WHERE id = ?1", &[account.into()])?;
    Ok(row.map(|row| row.get(0)).transpose()?.unwrap_or_default())
}

/// Puts a new password in the place of the one that was checked; all sessions end.
pub(crate) fn change_password(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    checked: &str,
    new_hash: &str,
) -> Result<(), Problem> {
    let id = cx.actor.id.as_str();
    let changed = tx.execute(
        "UPDATE account SET password = ?2, must_change = 0 WHERE id = ?1 AND password = ?3",
        &[id.into(), new_hash.into(), checked.into()],
    )?;
    let account = find(tx, id)?.filter(|_| changed == 1);
    let account = account.ok_or_else(|| Problem::new(codes::CONFLICT, "密码刚被修改过,请重新登录。"))?;
    session::end_everywhere(tx, id)?;
    crate::admin::tell(cx, tx, &account, "password_changed")
}
