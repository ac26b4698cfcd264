use std::collections::{BTreeMap, BTreeSet};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use banyan_base::{Actor, ActorKind, Ctx, Problem, World, codes, timestamp_text};
use banyan_door::{Authenticator, Credential};
use banyan_store::{Db, Row, Tx};
use jiff::SignedDuration;
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Name of the cookie that holds a session's token.
pub const SESSION_COOKIE: &str = "banyan_session";
/// A session ends after this many hours without use …
pub const SESSION_HOURS: i64 = 12;
/// … and after this many in all.
const SESSION_HOURS_IN_ALL: i64 = 7 * 24;
/// Wrong passwords in a row that lock an account, and for how long.
const FAILURES: i64 = 5;
const LOCK_MINUTES: i64 = 15;
const MIN_PASSWORD: usize = 10;

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
    /// Rises with every change by an administrator.
    pub version: i64,
}

impl Account {
    /// Strong entity tag, quotes included.
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.version)
    }

    pub fn actor(&self) -> Actor {
        Actor {
            id: self.id.clone(),
            name: self.name.clone(),
            kind: ActorKind::Person,
            unit: self.unit.clone(),
            roles: self.roles.clone(),
        }
    }

    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "id": self.id, "login": self.login, "name": self.name, "unit": self.unit, "roles": self.roles,
            "disabled": self.disabled, "version": self.version,
        })
    }
}

pub(crate) const COLUMNS: &str =
    "id, login, name, unit, roles, disabled, password, failures, locked_until, version";

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
    })
}

fn token_hash(token: &str) -> String {
    Sha256::digest(token.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Hashes a password with a fresh salt. Slow by design: outside of transactions where it can be.
pub fn hash_password(world: &World, password: &str) -> Result<String, Problem> {
    let hash: PasswordHash = Argon2::default()
        .hash_password_with_salt(password.as_bytes(), &world.secret::<16>())
        .map_err(Problem::internal)?;
    Ok(hash.to_string())
}

pub(crate) fn verify(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    })
}

/// What is wrong with a new password, if anything.
pub fn weak(login: &str, password: &str) -> Option<&'static str> {
    let lower = password.to_lowercase();
    let common = [
        "password",
        "12345678",
        "qwertyui",
        "admin123",
        "fujian2022",
        "88888888",
        "abcdefgh",
        "iloveyou",
    ];
    let first = password.chars().next();
    if password.chars().count() < MIN_PASSWORD {
        Some("密码至少十个字符")
    } else if password.chars().all(|c| Some(c) == first) || common.iter().any(|word| lower.contains(word)) {
        Some("密码太常见,请换一个")
    } else if lower.contains(&login.to_lowercase()) {
        Some("密码不能包含登录名")
    } else {
        None
    }
}

/// What is wrong with a person's name, if anything.
pub(crate) fn wrong_name(name: &str) -> Option<&'static str> {
    let count = name.trim().chars().count();
    (count == 0 || count > 60 || name.chars().any(char::is_control)).then_some("姓名为 1 到 60 个字")
}

/// Makes an account.
pub fn create(cx: &Ctx, tx: &mut Tx<'_>, new: &NewAccount, password_hash: &str) -> Result<Account, Problem> {
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
    if let Some(message) = weak(login, &new.password) {
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
        version: 1,
    };
    tx.execute(
        "INSERT INTO account (id, login, name, unit, roles, password, disabled, failures, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0, ?7)",
        &[
            account.id.as_str().into(),
            account.login.as_str().into(),
            account.name.as_str().into(),
            account.unit.as_deref().into(),
            serde_json::to_string(&account.roles)
                .map_err(Problem::internal)?
                .into(),
            password_hash.into(),
            cx.now_text().into(),
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

/// Accounts over one database, for signing in.
pub struct Accounts {
    db: Db,
    world: World,
    /// Verified against where there is no account, so that the answer takes as long.
    decoy: String,
}

impl Accounts {
    /// # Errors
    /// Where the decoy can't be hashed.
    pub fn new(db: Db, world: World) -> Result<Accounts, Problem> {
        let decoy = hash_password(&world, "no account has this")?;
        Ok(Accounts { db, world, decoy })
    }

    /// Checks a password and opens a session; gives its token, shown this once.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`, with one text for all causes; `TOO_MANY` where the account is locked.
    pub fn sign_in(&self, cx: &Ctx, login: &str, password: &str) -> Result<(Account, String), Problem> {
        let sql = format!("SELECT {COLUMNS} FROM account WHERE login = ?1");
        let row = self
            .db
            .read::<_, Problem>(|tx| Ok(tx.query_opt(&sql, &[login.into()])?))?;
        let hash = row.as_ref().map_or(Ok(self.decoy.clone()), |row| row.get(6))?;
        let good = verify(password, &hash) && row.is_some();
        let refused = || Problem::new(codes::UNAUTHENTICATED, "登录名或密码不对。");
        let Some(row) = row else { return Err(refused()) };
        let account = decode(&row)?;
        let locked = row
            .get::<Option<String>>(8)?
            .is_some_and(|until| until > cx.now_text());
        if locked {
            return Err(Problem::new(
                codes::TOO_MANY,
                format!("连续输错密码,账号已锁定,请 {LOCK_MINUTES} 分钟后再试。"),
            ));
        }
        let id = account.id.clone();
        if !good || account.disabled {
            let until = timestamp_text(cx.now + SignedDuration::from_mins(LOCK_MINUTES));
            self.db.write::<_, Problem>(move |tx| {
                tx.execute(
                    "UPDATE account SET locked_until = CASE WHEN failures + 1 >= ?2 THEN ?3 ELSE NULL END,
                     failures = CASE WHEN failures + 1 >= ?2 THEN 0 ELSE failures + 1 END WHERE id = ?1",
                    &[id.into(), FAILURES.into(), until.into()],
                )?;
                Ok(())
            })?;
            return Err(refused());
        }
        let token: String = self
            .world
            .secret::<32>()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let (hash, now) = (token_hash(&token), cx.now_text());
        self.db.write::<_, Problem>(move |tx| {
            tx.execute(
                "UPDATE account SET failures = 0, locked_until = NULL WHERE id = ?1",
                &[id.as_str().into()],
            )?;
            tx.execute(
                "INSERT INTO session (token_hash, account, created_at, seen_at) VALUES (?1, ?2, ?3, ?3)",
                &[hash.into(), id.into(), now.into()],
            )?;
            Ok(())
        })?;
        Ok((account, token))
    }
}

/// Ends all sessions of an account: signing out is signing out everywhere.
pub fn sign_out(tx: &mut Tx<'_>, account: &str) -> Result<(), Problem> {
    tx.execute("DELETE FROM session WHERE account = ?1", &[account.into()])?;
    Ok(())
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
        "UPDATE account SET password = ?2 WHERE id = ?1 AND password = ?3",
        &[id.into(), new_hash.into(), checked.into()],
    )?;
    let account = find(tx, id)?.filter(|_| changed == 1);
    let account = account.ok_or_else(|| Problem::new(codes::CONFLICT, "密码刚被修改过,请重新登录。"))?;
    sign_out(tx, id)?;
    crate::admin::tell(cx, tx, &account, "password_changed")
}

impl Authenticator for Accounts {
    fn actor(&self, credential: &Credential) -> Result<Actor, Problem> {
        let (Credential::Session(token) | Credential::Bearer(token)) = credential else {
            return Ok(Actor::anonymous());
        };
        let now = self.world.now();
        let idle = timestamp_text(now - SignedDuration::from_hours(SESSION_HOURS));
        let whole = timestamp_text(now - SignedDuration::from_hours(SESSION_HOURS_IN_ALL));
        let hash = token_hash(token);
        let columns: String = COLUMNS
            .split(", ")
            .map(|name| format!("a.{name}"))
            .collect::<Vec<_>>()
            .join(", ");
        let sql = format!(
            "SELECT {columns}, s.seen_at FROM session s JOIN account a ON a.id = s.account
             WHERE s.token_hash = ?1 AND s.seen_at > ?2 AND s.created_at > ?3 AND a.disabled = 0"
        );
        // Asked at every call, so that signing out counts at once, on every server.
        let rows = self
            .db
            .query(&sql, &[hash.as_str().into(), idle.into(), whole.into()])?;
        let found = rows
            .first()
            .map(|row| Ok::<_, Problem>((decode(row)?, row.get::<String>(10)?)))
            .transpose()?;
        let Some((account, seen)) = found else {
            return Err(Problem::new(codes::UNAUTHENTICATED, "登录已失效,请重新登录。"));
        };
        // Noted at most once a minute: reading must not become writing.
        if seen < timestamp_text(now - SignedDuration::from_mins(1)) {
            let at = timestamp_text(now);
            self.db.write::<_, Problem>(move |tx| {
                tx.execute(
                    "UPDATE session SET seen_at = ?2 WHERE token_hash = ?1",
                    &[hash.into(), at.into()],
                )?;
                Ok(())
            })?;
        }
        Ok(account.actor())
    }
}
