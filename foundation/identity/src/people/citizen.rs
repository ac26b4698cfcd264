//! Citizens: accounts of members of the public, each of which is a party, more or less surely, and may act for others by link.

use std::collections::BTreeSet;
use std::sync::Arc;

use banyan_base::{Actor, ActorKind, Ctx, Problem, codes};
use banyan_store::{Row, Tx};
use serde::Deserialize;
use serde_json::json;

use super::link;
use super::party::{self, Kind, Named, PROVED};
use crate::account::{self, Account, NewAccount};
use crate::sign::Accounts;
use crate::sign::secret_box::SecretBox;

/// Which party an account is, and how surely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tie {
    pub(crate) party: String,
    /// 1: so he says; 2: an upstream provider has proved it; 3: proved in person.
    pub(crate) level: u8,
}

/// Somebody who signs up. What he is let do is not his to say.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Newcomer {
    pub(crate) login: String,
    pub(crate) password: String,
    pub(crate) name: String,
    pub(crate) number: String,
}

/// A tie out of a row with party and level at `at`; `None` where the row has none.
pub(crate) fn decode(row: &Row, at: usize) -> Result<Option<Tie>, Problem> {
    let Some(party) = row.get::<Option<String>>(at)? else {
        return Ok(None);
    };
    let level = party::level(row.get(at + 1)?)?;
    Ok(Some(Tie { party, level }))
}

pub(crate) fn tie(tx: &mut Tx<'_>, account: &str) -> Result<Option<Tie>, Problem> {
    let sql = "SELECT party, level FROM citizen WHERE account = ?1";
    tx.query_opt(sql, &[account.into()])?
        .map_or(Ok(None), |row| decode(&row, 0))
}

/// Ties an account to the party that it was proved to be.
///
/// # Errors
/// `CONFLICT` where it was proved to be another.
pub(crate) fn set_tie(
    tx: &mut Tx<'_>,
    account: &str,
    before: Option<&Tie>,
    party: &str,
    level: u8,
) -> Result<(), Problem> {
    let kept = match before {
        Some(tie) if tie.level >= PROVED && tie.party != party => return Err(party::another()),
        Some(tie) if tie.level >= PROVED => tie.level,
        _ => 0,
    };
    tx.execute(
        "INSERT INTO citizen (account, party, level) VALUES (?1, ?2, ?3)
         ON CONFLICT (account) DO UPDATE SET party = ?2, level = ?3",
        &[account.into(), party.into(), i64::from(kept.max(level)).into()],
    )?;
    Ok(())
}

/// The accounts that are proved to be a party.
pub(crate) fn accounts_of(tx: &mut Tx<'_>, party: &str) -> Result<Vec<Account>, Problem> {
    let sql = format!(
        "SELECT {} FROM account a JOIN citizen c ON c.account = a.id WHERE c.party = ?1 AND c.level >= 2 ORDER BY a.id LIMIT 100",
        account::columns("a")
    );
    tx.query(&sql, &[party.into()])?
        .iter()
        .map(account::decode)
        .collect()
}

/// Tells the account that it is proved to be somebody, and his other accounts that there is one more.
pub(crate) fn tell_proved(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    account: &Account,
    party: &str,
    level: u8,
) -> Result<(), Problem> {
    for one in accounts_of(tx, party)? {
        let about = json!({ "proved": { "account": account.id, "party": party, "level": level } });
        crate::admin::tell_more(cx, tx, &one, "identity_proved", about)?;
    }
    Ok(())
}

/// Makes a citizen's account and the party that he says he is.
pub(crate) fn create(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    secrets: &SecretBox,
    new: &NewAccount,
    password_hash: Option<&str>,
    number: Option<&str>,
) -> Result<Account, Problem> {
    // The name in full stands in the party register only, sealed.
    let shown = NewAccount {
        name: party::masked_name(new.name.trim()),
        ..new.clone()
    };
    let made = account::create_citizen(cx, tx, &shown, password_hash)?;
    let party = party::claim(cx, tx, secrets, new.name.trim(), number)?;
    set_tie(tx, &made.id, None, &party, 1)?;
    Ok(made)
}

impl Accounts {
    /// Lets somebody sign up. Nothing is looked up by the number, so nothing shows whether anybody has it.
    pub(crate) fn sign_up(&self, cx: &Ctx, newcomer: Newcomer) -> Result<Account, Problem> {
        let today = cx.today();
        let named = Named::read(Kind::Person, &newcomer.name, &newcomer.number, today)?;
        let login = newcomer.login.trim().to_ascii_uppercase();
        let wrong = |pointer: &str, message: &str| {
            let problem = Problem::new(codes::INVALID, "注册信息不符合要求。");
            Err(problem.with_error(pointer, "weak", message))
        };
        if login.contains(&named.number) || banyan_base::cn::check_person_number(&login, today).is_ok() {
            return wrong(
                "/login",
                "登录名不能是身份证号:登录名别人看得到,身份证号不用来登录",
            );
        }
        if newcomer.password.to_ascii_uppercase().contains(&named.number) {
            return wrong("/password", "密码不能包含身份证号");
        }
        let new = NewAccount {
            login: newcomer.login,
            name: named.name,
            unit: None,
            roles: BTreeSet::new(),
            password: newcomer.password,
            must_change: Some(false),
        };
        // Nobody's password is hashed in vain.
        if let Some(message) = crate::sign::weak(new.login.trim(), &new.password) {
            return wrong("/password", message);
        }
        let hash = self.hash(&new.password)?;
        let (cx, secrets) = (cx.clone(), Arc::clone(&self.secrets));
        self.db
            .write(move |tx| create(&cx, tx, &secrets, &new, Some(&hash), Some(&named.number)))
    }

    /// The actor with what he is as a citizen, and the party that he says he acts for.
    ///
    /// # Errors
    /// `FORBIDDEN` where no link lets him.
    pub(crate) fn as_citizen(
        &self,
        mut actor: Actor,
        tie: Option<Tie>,
        said: Option<&str>,
    ) -> Result<Actor, Problem> {
        let tie = tie.filter(|_| actor.kind == ActorKind::Citizen);
        if let Some(tie) = &tie {
            actor.standing.party = Some(tie.party.clone());
            actor.standing.level = tie.level;
        }
        let Some(said) = said else { return Ok(actor) };
        let tie = tie.ok_or_else(link::refused)?;
        if tie.party == said {
            return Ok(actor);
        }
        let today = self.today();
        let packages = match tie.level {
            PROVED.. => self.db.read(|tx| link::standing(tx, said, &tie.party, &today))?,
            _ => None,
        };
        let packages = packages.ok_or_else(link::refused)?;
        actor.standing.represents = Some(said.to_owned());
        link::narrow(&mut actor.grant, packages)?;
        Ok(actor)
    }
}
