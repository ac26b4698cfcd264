//! The two-person rule: acts that a policy annotated `@two_person` lets through only when somebody else has agreed.
//!
//! Invariants
//! - What was agreed to is one call, by its digest: who, in what capacity, what, for what. It counts once, within its time.
//! - Whoever agrees is another person: not the asker, not whom he stood in for, nobody who stands in for him; and may do the
//!   same himself, on the same record.
//! - What was sent lies sealed, and is gone after [`request::KEPT_DAYS`] days.
//!
//! Map: `request`: what waits, and what becomes of it. `rows`: the operations.

pub(crate) mod request;
mod rows;

use std::collections::BTreeSet;
use std::sync::Arc;

use banyan_base::{Actor, Problem};
use banyan_door::{Asked, Obligations, required};
use banyan_store::Tx;

pub use request::tidy;
pub use rows::operations;

use crate::sign::Accounts;

/// Asked of the engines: whom the record of this type (`<package>.<type>`) and id is about, if it is among those that the
/// obligations leave.
pub type Reach =
    Box<dyn Fn(&mut Tx<'_>, &Arc<Obligations>, &str, &str) -> Result<Option<String>, Problem> + Send + Sync>;

/// Keeps what waits for somebody else.
pub struct Approvals {
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) reach: Reach,
}

impl Approvals {
    pub fn new(accounts: &Arc<Accounts>, reach: Reach) -> Approvals {
        Approvals {
            accounts: Arc::clone(accounts),
            reach,
        }
    }
}

impl banyan_door::Approvals for Approvals {
    fn ask(&self, asked: &Asked<'_>) -> Problem {
        match request::ask(self, asked) {
            Ok(id) => {
                let mut refusal = required(asked).with("approval", id);
                refusal
                    .detail
                    .push_str("申请已登记;经批准后 24 小时内,带上请求头 Banyan-Approval 原样重发即可。");
                refusal
            }
            Err(problem) => problem,
        }
    }

    fn take(&self, asked: &Asked<'_>, tx: &mut Tx<'_>, id: &str) -> Result<(), Problem> {
        request::take(asked, tx, id)
    }
}

/// The persons behind an act: the account, whom it stands in for, and the party it is. Two acts that share one are not of
/// two persons.
pub(crate) fn persons(actor: &Actor) -> BTreeSet<String> {
    let standing = &actor.standing;
    behind(
        &actor.id,
        [&standing.on_behalf_of].into_iter().flatten().map(String::as_str),
        [&standing.party, &standing.represents]
            .into_iter()
            .flatten()
            .map(String::as_str),
    )
}

pub(crate) fn behind<'a>(
    account: &str,
    holders: impl IntoIterator<Item = &'a str>,
    parties: impl IntoIterator<Item = &'a str>,
) -> BTreeSet<String> {
    let holders = holders.into_iter().map(|holder| format!("account/{holder}"));
    let parties = parties.into_iter().map(|party| format!("party/{party}"));
    std::iter::once(format!("account/{account}"))
        .chain(holders)
        .chain(parties)
        .collect()
}
