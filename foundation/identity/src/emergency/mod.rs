//! Emergency access (应急访问, break-glass): a colleague who may opens a package's personal data for a while, with a reason;
//! all of it is told, listed, and judged afterwards by somebody else.
//!
//! Invariants
//! - It is a person's own, who has signed in himself; never a machine's, a citizen's or a token's.
//! - It shows, and changes nothing; it ends after [`grant::HOURS`] hours at the latest, on every server.
//! - Whoever has one that was not judged in time opens no other; nobody judges his own.
//!
//! Map: `grant`: what was opened, and what became of it. `reads`: what was read by it, from the audit log. `rows`: the
//! operations.

pub(crate) mod grant;
mod reads;
mod rows;

use std::sync::Arc;

use banyan_base::{Actor, Problem};
use banyan_store::Tx;
use jiff::civil::Date;

pub(crate) use grant::open;
pub use rows::operations;

use crate::CedarPolicy;
use crate::audit::AuditTrail;
use crate::sign::{Accounts, Settings};

/// Asked of the engines: the last of so many working days after a day.
pub type Workdays = Box<dyn Fn(&mut Tx<'_>, Date, i64) -> Result<Date, Problem> + Send + Sync>;

/// What emergency access stands on.
pub struct Emergencies {
    pub accounts: Arc<Accounts>,
    pub policy: Arc<CedarPolicy>,
    /// Where what was read by it can be looked up; `None`: nowhere.
    pub trail: Option<Arc<AuditTrail>>,
    pub workdays: Workdays,
}

/// Whether somebody may open a package's data: by its role `emergency`, or one that the configuration names for all.
pub(crate) fn may_open(settings: &Settings, actor: &Actor, package: &str) -> bool {
    settings.emergency
        && (actor.has_role(&format!("{package}.emergency"))
            || !settings.emergency_roles.is_disjoint(&actor.roles))
}

/// Whether somebody looks after what is opened of a package: its `supervisor`s and the administrators.
pub(crate) fn oversees(actor: &Actor, package: &str) -> bool {
    actor.is_admin() || actor.has_role(&format!("{package}.supervisor"))
}
