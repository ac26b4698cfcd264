//! In what capacity people act: the posts they hold, and the posts of others that they act in by delegation (代办); and, for
//! members of the public, who they are and whom they act for.
//!
//! Invariants
//! - An account acts in exactly one post at a time, or in none: then its own unit and roles count.
//! - A post counts within its dates, until it is ended, while its holder's account is good.
//! - Delegation gives at most the post's roles, never `admin`, for at most [`delegation::MOST_DAYS`] days; whoever acts by
//!   it can't pass it on. What is done by it names both accounts.
//! - A number is proved for one party at most, is kept sealed, and comes out nowhere: not in a reply, an address, a log, an
//!   error. What somebody only claims gives him nothing of whoever has proved it, and asking tells nothing.
//! - A citizen acts for a party only by a link that stands at that moment.
//!
//! Map: `post`: posts. `delegation`: posts lent to others. `capacity`: the post that a caller acts in. `party`: the register of
//! persons and organisations. `citizen`: accounts of the public. `link`, `link_making`: who may act for whom. `post_rows`,
//! `delegation_rows`, `party_rows`, `link_rows`: their operations.

pub(crate) mod capacity;
pub(crate) mod citizen;
pub(crate) mod delegation;
mod delegation_rows;
pub(crate) mod link;
mod link_making;
mod link_rows;
#[cfg(test)]
mod link_tests;
pub(crate) mod party;
mod party_rows;
#[cfg(test)]
mod party_tests;
pub(crate) mod post;
mod post_rows;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use banyan_base::{Ctx, Problem, codes};
use banyan_door::{Input, Operation};
use banyan_store::Tx;
use jiff::civil::Date;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::person::Parties;
use crate::sign::Accounts;

/// All rows of posts and delegation.
pub(crate) fn operations(accounts: &Arc<Accounts>) -> Vec<Operation> {
    let mut all = post_rows::rows(accounts);
    all.extend(delegation_rows::rows());
    all.extend(party_rows::rows(accounts));
    all.extend(link_rows::rows(accounts));
    all
}

/// What consent needs to know of persons, from the register of parties.
pub struct PartyRegister(pub Arc<Accounts>);

impl Parties for PartyRegister {
    fn born(&self, tx: &mut Tx<'_>, party: &str) -> Result<Option<Date>, Problem> {
        party::born(tx, &self.0.secrets, party)
    }

    fn is_guardian(&self, tx: &mut Tx<'_>, person: &str, party: &str, on: Date) -> Result<bool, Problem> {
        link::guards(tx, person, party, &on.to_string())
    }
}

/// A body that holds a number or a password: what does not fit is said without what was sent.
fn quiet_body<T: DeserializeOwned>(input: &Input, shape: &str) -> Result<T, Problem> {
    let whole = input.json_body()?;
    serde_json::from_value(whole.clone())
        .map_err(|_| Problem::new(codes::INVALID, format!("请求体不符合要求:应只有 {shape}。")))
}

/// Whether the caller is a clerk who confirms who somebody is, or an administrator.
fn is_clerk(accounts: &Accounts, cx: &Ctx) -> bool {
    let roles = &accounts.settings.clerk_roles;
    cx.actor.is_admin() || !roles.is_disjoint(&cx.actor.roles)
}

/// # Errors
/// `FORBIDDEN` for everybody else, and for tokens.
fn clerk(accounts: &Accounts, cx: &Ctx) -> Result<(), Problem> {
    if is_clerk(accounts, cx) && cx.actor.grant.token.is_none() {
        return Ok(());
    }
    let text = "核实身份、登记授权由窗口经办人员登录后办理。";
    Err(Problem::new(codes::FORBIDDEN, text))
}

/// Titles of posts by id, as far as they are known.
pub(crate) fn post_titles(
    tx: &mut Tx<'_>,
    ids: &BTreeSet<String>,
) -> Result<BTreeMap<String, String>, Problem> {
    let mut titles = BTreeMap::new();
    for id in ids {
        if let Some(post) = post::find(tx, id)? {
            titles.insert(id.clone(), post.title);
        }
    }
    Ok(titles)
}

/// A list that is kept as JSON text.
pub(crate) fn list_text(list: &BTreeSet<String>) -> Result<String, Problem> {
    serde_json::to_string(list).map_err(Problem::internal)
}

pub(crate) fn list_of(text: &str) -> Result<BTreeSet<String>, Problem> {
    serde_json::from_str(text).map_err(Problem::internal)
}

/// A day as it is sent.
fn day(pointer: &str, text: &str) -> Result<Date, Problem> {
    text.parse().map_err(|_| {
        let message = "日期应写作 2022-03-01";
        Problem::new(codes::INVALID, message).with_error(pointer, "date", message)
    })
}

/// What is wrong with a line of text, if anything: its length in characters, and nothing that can't be shown.
pub(crate) fn wrong_text(text: &str, most: usize) -> Option<String> {
    let count = text.trim().chars().count();
    (count == 0 || count > most || text.chars().any(char::is_control))
        .then(|| format!("应为 1 到 {most} 个字"))
}

/// The schema of a list of texts.
pub(crate) fn texts(about: &str) -> Value {
    json!({ "type": "array", "items": { "type": "string" }, "uniqueItems": true, "description": about })
}

/// The schema of an object with these properties, of which the first `required` must be there.
pub(crate) fn object(required: &[&str], properties: Value) -> Value {
    json!({ "type": "object", "required": required, "additionalProperties": false, "properties": properties })
}

/// The schema of a page that holds all there is.
pub(crate) fn items(item: Value) -> Value {
    json!({ "type": "object", "required": ["items"], "properties": { "items": { "type": "array", "items": item } } })
}
