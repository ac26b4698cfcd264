//! How people and machines are let in.
//!
//! Map: `settings`: what the configuration says. `password`: hashing and weak passwords. `guard`: delays and limits.
//! `session`: sessions and known devices; `rows`: their operations. `secret_box`: secrets sealed at rest. `step`: tries that
//! wait for their next step. `totp`, `second_rows`: one-time and recovery codes. `passkey`: WebAuthn.
//! `token`, `token_rows`: API tokens and access tokens. `service`: machines' accounts, secrets and keys. `oauth`: the token
//! endpoint. `oidc`, `oidc_rows`: upstream OpenID Connect providers.

mod guard;
mod oauth;
mod oidc;
mod oidc_rows;
pub(crate) mod passkey;
pub(crate) mod password;
pub(crate) mod rows;
mod second_rows;
pub(crate) mod secret_box;
mod service;
pub(crate) mod session;
mod settings;
pub(crate) mod step;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub(crate) mod token;
mod token_rows;
#[cfg(test)]
mod token_tests;
pub(crate) mod totp;

use std::collections::BTreeSet;
use std::sync::Arc;

use banyan_base::{Actor, Ctx, Grant, Problem, World, codes, timestamp_text};
use banyan_door::{Authenticator, Caller, Capacity, Credential, Operation};
use banyan_store::{Db, Tx};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

pub use password::{hash_password, weak};
pub use settings::{FirstLogin, Provider, Settings};

use crate::account::{self, Account};
use crate::people::capacity::{self, Acting};
use crate::people::citizen;
use guard::{Crowd, Gate};
use password::verify;
use secret_box::SecretBox;
use session::{Entry, Opened};

/// Name of the cookie that holds a session's token.
pub const SESSION_COOKIE: &str = "banyan_session";
/// Name of the cookie by which a device is known that has signed in before.
pub(crate) const DEVICE_COOKIE: &str = "banyan_device";

/// A fresh secret of 256 bits, as text that fits into a cookie and a header.
pub(crate) fn fresh(world: &World) -> String {
    BASE64URL_NOPAD.encode(&world.secret::<32>())
}

/// What is kept of a secret of 256 bits.
pub(crate) fn digest(secret: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(secret.as_bytes()))
}

/// Accounts over one database, and how they are let in.
pub struct Accounts {
    pub(crate) db: Db,
    pub(crate) world: World,
    pub(crate) settings: Settings,
    pub(crate) secrets: Arc<SecretBox>,
    /// Verified against where there is no account, so that the answer takes as long.
    decoy: String,
    crowd: Crowd,
    pub(crate) newcomers: Crowd,
    gate: Gate,
    providers: oidc::Providers,
}

/// Where somebody stands who has shown that he is who he says.
pub(crate) enum SignedIn {
    Session {
        account: Account,
        opened: Opened,
        /// What must be done before anything else.
        due: Option<&'static str>,
    },
    /// Another step is asked; `challenge` names this try.
    Next { step: &'static str, challenge: String },
}

/// Who keeps the count of tries in a row.
#[derive(Clone, Debug)]
pub(crate) enum Counted {
    /// A device that the account knows, by its token's hash.
    Device(String),
    /// The account, for all devices it does not know.
    Account(String),
    /// A login that nobody has, by its hash, so that it answers as one that somebody has.
    Nobody(String),
}

impl Counted {
    fn row(&self) -> (&'static str, &'static str, &str) {
        match self {
            Counted::Device(hash) => ("device", "token_hash", hash),
            Counted::Account(id) => ("account", "id", id),
            Counted::Nobody(hash) => ("stranger", "login_hash", hash),
        }
    }
}

impl Accounts {
    /// # Errors
    /// Where the key file can't be read or made.
    pub fn new(db: Db, world: World, settings: Settings) -> Result<Accounts, Problem> {
        let decoy = hash_password(&world, "no account has this")?;
        let secrets = Arc::new(SecretBox::open(&world, &settings.key_file)?);
        Ok(Accounts {
            db,
            world,
            settings,
            secrets,
            decoy,
            crowd: Crowd::of_failures(),
            newcomers: Crowd::of_newcomers(),
            gate: Gate::default(),
            providers: oidc::Providers::default(),
        })
    }

    /// Checks a password; opens a session or asks for the next step.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`, with one text for all causes; `TOO_MANY` where it failed too often.
    pub(crate) fn sign_in(
        &self,
        cx: &Ctx,
        caller: &Caller,
        login: &str,
        password: &str,
    ) -> Result<SignedIn, Problem> {
        self.crowd.admit(caller.address, cx.now)?;
        let sql = format!("SELECT {} FROM account WHERE login = ?1", account::COLUMNS);
        let row = self
            .db
            .read::<_, Problem>(|tx| Ok(tx.query_opt(&sql, &[login.into()])?))?;
        let account = row.as_ref().map(account::decode).transpose()?;
        let device = match &account {
            Some(account) => self.known_device(caller, &account.id)?,
            None => None,
        };
        let counted = match (&account, &device) {
            (_, Some(device)) => Counted::Device(device.clone()),
            (Some(account), None) => Counted::Account(account.id.clone()),
            (None, None) => Counted::Nobody(digest(login)),
        };
        self.attempt(cx, &counted)?;
        // Without a password of its own an account has the decoy's, which nobody's is.
        let own: String = row.map_or(Ok(String::new()), |row| row.get(6))?;
        let hash = if own.is_empty() { &self.decoy } else { &own };
        let good = self.gate.through(|| verify(password, hash)) && !own.is_empty();
        let account = account.filter(|account| good && !account.disabled && account.signs_in());
        let Some(account) = account else {
            self.crowd.failed(caller.address, cx.now);
            return Err(refused());
        };
        let (id, settings) = (account.id.as_str(), &self.settings);
        let today = cx.today().to_string();
        let (codes, keys, duty) = self.db.read::<_, Problem>(|tx| {
            let duty = settings.needs_second(&account.roles) || duty_in_reach(tx, settings, id, &today)?;
            Ok((totp::enrolled(tx, id)?, passkey::enrolled(tx, id)?, duty))
        })?;
        if codes {
            self.release(&counted)?;
            return self.ask_second(cx, &account, device);
        }
        // Where a second factor is a duty, the password alone must not do for somebody who has one.
        if keys && duty {
            return Ok(SignedIn::Next {
                step: "passkey",
                challenge: String::new(),
            });
        }
        self.enter(cx, caller, account, "password", device)
    }

    /// Hashes a password, not too many at once.
    pub(crate) fn hash(&self, password: &str) -> Result<String, Problem> {
        self.gate.through(|| hash_password(&self.world, password))
    }

    /// The password was right: what is asked next.
    fn ask_second(&self, cx: &Ctx, account: &Account, device: Option<String>) -> Result<SignedIn, Problem> {
        let (cx, secrets, id) = (cx.clone(), Arc::clone(&self.secrets), account.id.clone());
        let passed = second_rows::Passed { device };
        let challenge = self
            .db
            .write(move |tx| step::keep(&cx, tx, &secrets, "second", Some(&id), &passed))?;
        Ok(SignedIn::Next {
            step: "totp",
            challenge,
        })
    }

    /// Opens the session of somebody who has shown all that is asked.
    pub(crate) fn enter(
        &self,
        cx: &Ctx,
        caller: &Caller,
        account: Account,
        method: &str,
        device: Option<String>,
    ) -> Result<SignedIn, Problem> {
        let (cx, settings, agent, method) = (
            cx.clone(),
            self.settings.clone(),
            caller.agent.clone(),
            method.to_owned(),
        );
        let entering = account.clone();
        let (opened, due) = self.db.write::<_, Problem>(move |tx| {
            let entry = Entry {
                method: &method,
                agent: &agent,
                device: device.as_deref(),
            };
            let opened = session::open(&cx, tx, &settings, &entering, &entry)?;
            let acting = capacity::main(tx, &entering.id, &cx.today().to_string())?;
            let roles = acting.map_or_else(|| entering.roles.clone(), |acting| acting.roles);
            Ok((opened, due(tx, &settings, &entering, &roles)?))
        })?;
        Ok(SignedIn::Session { account, opened, due })
    }

    /// What this account must do before anything else, acting in these roles.
    pub(crate) fn due(
        &self,
        tx: &mut Tx<'_>,
        account: &Account,
        roles: &BTreeSet<String>,
    ) -> Result<Option<&'static str>, Problem> {
        due(tx, &self.settings, account, roles)
    }

    /// The same outside of a transaction, which is opened only where the tables must be asked.
    pub(crate) fn owes(
        &self,
        account: &Account,
        acting: Option<&Acting>,
    ) -> Result<Option<&'static str>, Problem> {
        let roles = acting.map_or(&account.roles, |acting| &acting.roles);
        if account.must_change || self.settings.needs_second(roles) {
            return self.db.read(|tx| self.due(tx, account, roles));
        }
        Ok(None)
    }

    /// The day that posts are looked at for.
    pub(crate) fn today(&self) -> String {
        banyan_base::ZONE.to_datetime(self.world.now()).date().to_string()
    }

    /// The post that is acted in: the one that was said, else `main`.
    ///
    /// # Errors
    /// `FORBIDDEN` where it is not the account's to act in.
    pub(crate) fn acting(
        &self,
        account: &Account,
        said: Option<&str>,
        main: Option<Acting>,
    ) -> Result<Option<Acting>, Problem> {
        match said {
            None => Ok(main),
            Some(capacity::OWN) => Ok(None),
            Some(id) => self
                .db
                .read(|tx| capacity::one(tx, &account.id, &self.today(), id))?
                .map(Some)
                .ok_or_else(capacity::refused),
        }
    }

    /// The hash of the caller's device token, if this account knows it.
    pub(crate) fn known_device(&self, caller: &Caller, account: &str) -> Result<Option<String>, Problem> {
        let Some(hash) = rows::device(caller) else {
            return Ok(None);
        };
        let year = timestamp_text(self.world.now() - SignedDuration::from_hours(24 * session::DEVICE_DAYS));
        let known = self.db.read::<_, Problem>(|tx| {
            Ok(tx.query_opt(
                "SELECT token_hash FROM device WHERE token_hash = ?1 AND account = ?2 AND seen_at > ?3",
                &[hash.as_str().into(), account.into(), year.into()],
            )?)
        })?;
        Ok(known.map(|_| hash))
    }

    /// Takes a try before it is looked at, so that many at once get no more than one after the other would.
    ///
    /// # Errors
    /// `TOO_MANY` for whoever must still wait.
    pub(crate) fn attempt(&self, cx: &Ctx, counted: &Counted) -> Result<(), Problem> {
        let (now, counted) = (cx.now, counted.clone());
        self.db.write::<_, Problem>(move |tx| {
            let (table, column, key) = counted.row();
            if let Counted::Nobody(_) = counted {
                let day = timestamp_text(now - SignedDuration::from_hours(24));
                tx.execute("DELETE FROM stranger WHERE tried_at <= ?1", &[day.into()])?;
                tx.execute(
                    "INSERT INTO stranger (login_hash, failures, tried_at) VALUES (?1, 0, ?2)
                     ON CONFLICT (login_hash) DO UPDATE SET tried_at = ?2",
                    &[key.into(), timestamp_text(now).into()],
                )?;
            }
            let sql = format!("SELECT failures, locked_until FROM {table} WHERE {column} = ?1");
            let row = tx.query_opt(&sql, &[key.into()])?;
            let (failures, until): (i64, Option<String>) = match row {
                Some(row) => (row.get(0)?, row.get(1)?),
                None => (0, None),
            };
            match until.and_then(|text| text.parse::<Timestamp>().ok()) {
                Some(until) if until > now => return Err(guard::wait(until, now)),
                _ => {}
            }
            let until = guard::delay(failures + 1).map(|delay| timestamp_text(now + delay));
            let sql = format!(
                "UPDATE {table} SET failures = ?2, locked_until = ?3 WHERE {column} = ?1 AND failures = ?4"
            );
            let taken = tx.execute(
                &sql,
                &[key.into(), (failures + 1).into(), until.into(), failures.into()],
            )?;
            match taken {
                1 => Ok(()),
                _ => Err(Problem::new(codes::BUSY, "同时有别的登录在进行,请重试。")),
            }
        })
    }

    /// Gives a try back that was good, though more is asked.
    pub(crate) fn release(&self, counted: &Counted) -> Result<(), Problem> {
        let counted = counted.clone();
        self.db.write::<_, Problem>(move |tx| {
            let (table, column, key) = counted.row();
            let sql = format!(
                "UPDATE {table} SET failures = failures - 1, locked_until = NULL WHERE {column} = ?1 AND failures > 0"
            );
            tx.execute(&sql, &[key.into()])?;
            Ok(())
        })
    }

    /// Notes a failure from an address.
    pub(crate) fn failed_from(&self, cx: &Ctx, caller: &Caller) {
        self.crowd.failed(caller.address, cx.now);
    }

    /// # Errors
    /// `TOO_MANY` where too many tries failed from the caller's address.
    pub(crate) fn admit(&self, cx: &Ctx, caller: &Caller) -> Result<(), Problem> {
        self.crowd.admit(caller.address, cx.now)
    }

    fn of_session(&self, token: &str, said: &Capacity) -> Result<Actor, Problem> {
        let now = self.world.now();
        let (idle, whole) = session::bounds(now, &self.settings);
        let hash = digest(token);
        let sql = format!(
            "SELECT {}, s.id, s.seen_at, s.post, {}, c.party, c.level FROM session s JOIN account a ON a.id = s.account
             LEFT JOIN citizen c ON c.account = a.id {}
             WHERE s.token_hash = ?1 AND s.seen_at > ?2 AND s.created_at > ?3 AND a.disabled = 0",
            account::columns("a"),
            capacity::COLUMNS,
            capacity::join_main("?4")
        );
        // Asked at every call, so that signing out counts at once, on every server.
        let values = [
            hash.as_str().into(),
            idle.into(),
            whole.into(),
            self.today().into(),
        ];
        let rows = self.db.query(&sql, &values)?;
        let Some(row) = rows.first() else {
            return Err(Problem::new(codes::UNAUTHENTICATED, "登录已失效,请重新登录。"));
        };
        let account = account::decode(row)?;
        let (id, seen, chosen): (String, String, Option<String>) = (row.get(12)?, row.get(13)?, row.get(14)?);
        let main = capacity::decode(row, 15, &account.id)?;
        let citizen = citizen::decode(row, 22)?;
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
        let acting = match &said.post {
            Some(post) => self.acting(&account, Some(post), main)?,
            None => match self.acting(&account, chosen.as_deref(), main) {
                Err(refusal) if refusal.code == codes::FORBIDDEN => {
                    return Ok(capacity::stranded(&account, id));
                }
                other => other?,
            },
        };
        let due = self.owes(&account, acting.as_ref())?;
        let actor = capacity::actor(&account, acting, granted(id, due));
        let mut actor = self.as_citizen(actor, citizen, said.party.as_deref())?;
        if said.emergency {
            actor.standing.emergencies = crate::emergency::open(self, &actor)?;
        }
        Ok(actor)
    }
}

/// One text for a wrong login, a wrong password, a disabled account.
pub(crate) fn refused() -> Problem {
    Problem::new(codes::UNAUTHENTICATED, "登录名或密码不对。")
}

/// What an account must do before anything else.
fn due(
    tx: &mut Tx<'_>,
    settings: &Settings,
    account: &Account,
    roles: &BTreeSet<String>,
) -> Result<Option<&'static str>, Problem> {
    if account.signs_in() && account.must_change {
        return Ok(Some("password"));
    }
    let lacks = settings.needs_second(roles)
        && !totp::enrolled(tx, &account.id)?
        && !passkey::enrolled(tx, &account.id)?;
    Ok(lacks.then_some("second_factor"))
}

/// Whether a post that the account may act in makes a second factor a duty.
fn duty_in_reach(tx: &mut Tx<'_>, settings: &Settings, account: &str, today: &str) -> Result<bool, Problem> {
    if settings.second_factor_roles.is_empty() {
        return Ok(false);
    }
    let posts = capacity::reach(tx, account, today)?;
    Ok(posts.iter().any(|post| settings.needs_second(&post.roles)))
}

/// What a session grants: everything, or only the way to what is due.
fn granted(session: String, due: Option<&str>) -> Grant {
    let own = [
        "session.view",
        "session.delete",
        "session.list",
        "session.end",
        "session.end_all",
    ];
    let (more, reason): (&[&str], &str) = match due {
        Some("password") => (&["password.change"], "密码是管理员设置的,请先改成自己的密码。"),
        Some(_) => (
            &[
                "password.change",
                "totp.view",
                "totp.start",
                "totp.confirm",
                "passkey.list",
                "passkey.start",
                "passkey.create",
                "post.mine",
                "post.choose",
            ],
            "您的角色要求第二重验证,请先登记动态口令或通行密钥。",
        ),
        None => (&[], ""),
    };
    let scopes = due.map(|_| {
        let names = own.iter().chain(more);
        names.map(|name| format!("operation:{name}")).collect()
    });
    Grant {
        session: Some(session),
        token: None,
        scopes,
        reason: reason.to_owned(),
    }
}

impl Authenticator for Accounts {
    fn actor(&self, credential: &Credential, capacity: &Capacity) -> Result<Actor, Problem> {
        match credential {
            Credential::None => Ok(Actor::anonymous()),
            Credential::Bearer(token) if token.starts_with(token::START) => self.of_token(token, capacity),
            Credential::Session(token) | Credential::Bearer(token) => self.of_session(token, capacity),
            Credential::Basic => Err(Problem::new(
                codes::UNAUTHENTICATED,
                "名称和密码只能用在令牌端点 /oauth/token;其他地方请用 Authorization: Bearer。",
            )),
        }
    }
}

/// All rows of signing in.
pub(crate) fn operations(accounts: &Arc<Accounts>) -> Vec<Operation> {
    let mut all = rows::rows(accounts);
    all.extend(second_rows::rows(accounts));
    all.extend(passkey::operations(accounts));
    all.extend(token_rows::rows());
    all.extend(service::rows());
    all.extend(oauth::rows(accounts));
    all.extend(oidc_rows::operations(accounts));
    all
}
