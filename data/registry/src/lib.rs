//! The registry: records of the types that packages declare (plan clause 1.2, the common components).
//!
//! Invariants
//! - A record, its history, its counters, its search index and its event change in one transaction or not at all.
//! - What is served is what is installed: every transaction compares the catalogue's generation first.
//! - Must not know: any domain type.
//!
//! Map
//! - `catalog`: what is installed, ready for use. `check`: filters of packages. `parts`: the port of engines that read files of packages. `apply`, `layers`, `migrate`, `ddl`,
//!   `index`, `seed`: how it comes to be.
//! - `version`: entity tags. `value`: JSON ↔ columns with field-level errors. `record`: create, update; `removal`: delete; `event`: what the feed
//!   is told. `history`, `lifecycle`;
//!   `clock`: what happens when a state lasts too long.
//! - `seal`: fields kept as ciphertext under their subject's key; `expiry`: their end.
//! - `sight`: what of a type a caller may see, as queries. `owed`: what acts on it owe the audit log and the policy.
//! - `query`: filters (CQL2), lists, cursors, full text. `trigger`: reactions to events; `daily`: what each day asks for.
//! - `import`, `export`, `cell`: tables as people send and fetch them. `archive`: a package taken out whole. `files`: stored files. `forms`: those of packages. `saved`: kept filters.
//! - `aggregate`: rankings and bulletins. `operations`, `packages`: the rows in the door.
//! - `studio`: processes, decisions and forms changed by drafts that another publishes.
//! - `openapi`, `property`: what is installed, as the API's description has it.
//! - `ogc`: OGC API Features.

mod aggregate;
mod apply;
mod archive;
mod catalog;
mod cell;
mod check;
mod clock;
mod daily;
mod ddl;
mod error;
mod event;
mod expiry;
mod export;
mod files;
mod forms;
mod history;
pub mod import;
mod index;
mod layers;
mod lifecycle;
mod looks;
mod migrate;
mod ogc;
mod openapi;
mod operations;
mod owed;
mod packages;
mod parts;
mod property;
pub mod query;
mod record;
mod reference;
mod removal;
mod saved;
mod seal;
mod seed;
mod sight;
mod studio;
#[cfg(test)]
mod tests;
mod trigger;
mod value;
mod version;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arc_swap::ArcSwap;
use banyan_base::Problem;
use banyan_door::Obligations;
use banyan_identity::keys::Keys;
use banyan_policy::PackageRules;
use banyan_store::{Migration, MigrationSet, Tx};

pub use apply::{Applied, ApplyRequest};
pub use archive::{Archived, Format, Open};
pub use catalog::{Catalog, TypeInfo};
pub use check::check;
pub use clock::run_clocks;
pub use daily::{run_daily, run_day};
pub use error::Error;
pub use expiry::Retention;
pub use files::operations as file_operations;
pub use forms::{ReadyForm, operations as form_operations, prefilled};
pub use import::operations::operations as import_operations;
pub use import::run::{JOB as IMPORT_JOB, job as import_job};
pub use operations::operations;
pub use parts::Part;
pub use sight::Numbers;
pub use studio::operations as studio_operations;
pub use trigger::{CONSUMER, run_events};

use seal::Vault;

macro_rules! migration {
    ($number:literal, $name:literal) => {
        Migration {
            number: $number,
            name: $name,
            sqlite: include_str!(concat!("../migrations/sqlite/000", $number, "_", $name, ".sql")),
            postgres: include_str!(concat!("../migrations/postgres/000", $number, "_", $name, ".sql")),
        }
    };
}

/// The tables of this crate itself; those of types are made by apply.
pub static MIGRATIONS: MigrationSet = MigrationSet {
    name: "registry",
    migrations: &[
        migration!(1, "package"),
        migration!(2, "catalog_generation"),
        migration!(3, "package_history"),
        migration!(4, "record_count"),
        migration!(5, "trigger_done"),
        migration!(6, "import_run"),
        migration!(7, "import_error"),
        migration!(8, "saved_filter"),
        migration!(9, "package_source"),
        // The macro names the first nine.
        Migration {
            number: 10,
            name: "record_count_changes",
            sqlite: include_str!("../migrations/sqlite/0010_record_count_changes.sql"),
            postgres: include_str!("../migrations/postgres/0010_record_count_changes.sql"),
        },
        Migration {
            number: 11,
            name: "state_clock",
            sqlite: include_str!("../migrations/sqlite/0011_state_clock.sql"),
            postgres: include_str!("../migrations/postgres/0011_state_clock.sql"),
        },
        Migration {
            number: 12,
            name: "day_work",
            sqlite: include_str!("../migrations/sqlite/0012_day_work.sql"),
            postgres: include_str!("../migrations/postgres/0012_day_work.sql"),
        },
        Migration {
            number: 13,
            name: "acted_for",
            sqlite: include_str!("../migrations/sqlite/0013_acted_for.sql"),
            postgres: include_str!("../migrations/postgres/0013_acted_for.sql"),
        },
        Migration {
            number: 14,
            name: "import_sealed",
            sqlite: include_str!("../migrations/sqlite/0014_import_sealed.sql"),
            postgres: include_str!("../migrations/postgres/0014_import_sealed.sql"),
        },
        Migration {
            number: 15,
            name: "package_draft",
            sqlite: include_str!("../migrations/sqlite/0015_package_draft.sql"),
            postgres: include_str!("../migrations/postgres/0015_package_draft.sql"),
        },
        Migration {
            number: 16,
            name: "package_draft_state",
            sqlite: include_str!("../migrations/sqlite/0016_package_draft_state.sql"),
            postgres: include_str!("../migrations/postgres/0016_package_draft_state.sql"),
        },
    ],
};

/// Told what all installed packages lay down about who may see what, whenever that changes, with the generation of the
/// catalogue.
pub type PolicySink = Arc<dyn Fn(i64, &[PackageRules]) + Send + Sync>;

/// Gives the names of accounts by their ids, in the transaction: the port by which histories name people.
pub type People =
    Box<dyn Fn(&mut Tx<'_>, &BTreeSet<String>) -> Result<BTreeMap<String, String>, Problem> + Send + Sync>;

/// The engine. Shared by reference counting.
pub struct Registry {
    catalog: ArcSwap<Catalog>,
    adopting: Mutex<()>,
    policies: PolicySink,
    extents: ogc::Extents,
    people: OnceLock<People>,
    keys: OnceLock<Arc<Keys>>,
    parts: OnceLock<parts::Parts>,
}

impl Registry {
    pub fn new(policies: PolicySink) -> Arc<Registry> {
        Arc::new(Registry {
            catalog: ArcSwap::from_pointee(Catalog::default()),
            adopting: Mutex::default(),
            policies,
            extents: ogc::Extents::default(),
            people: OnceLock::new(),
            keys: OnceLock::new(),
            parts: OnceLock::new(),
        })
    }

    /// Tells the registry who knows the names of people; only the first that is told counts.
    pub fn name_people(&self, people: People) {
        let _ = self.people.set(people);
    }

    /// Gives the registry the keys by which it seals; before its catalogue is first looked at. Without them, types with sealed fields
    /// can't be read or written.
    pub fn seal_with(&self, keys: &Arc<Keys>) {
        let _ = self.keys.set(Arc::clone(keys));
    }

    /// Tells the registry of the engines that read files of packages; only the first that are told count.
    pub fn join(&self, engines: Vec<Arc<dyn Part>>) {
        let _ = self.parts.set(parts::Parts(engines));
    }

    pub(crate) fn parts(&self) -> &parts::Parts {
        static NONE: parts::Parts = parts::Parts(Vec::new());
        self.parts.get().unwrap_or(&NONE)
    }

    pub(crate) fn vault(&self) -> Vault {
        Vault(self.keys.get().cloned())
    }

    /// Names by account id, as far as they are known.
    pub(crate) fn people(
        &self,
        tx: &mut Tx<'_>,
        ids: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, String>, Problem> {
        self.people
            .get()
            .map_or_else(|| Ok(BTreeMap::new()), |people| people(tx, ids))
    }

    /// Whom a record of a type is about, if it is among those that the obligations leave: for whoever approves acts on it.
    ///
    /// # Errors
    /// Where the database can't be read.
    pub fn subject_within(
        &self,
        tx: &mut Tx<'_>,
        obligations: &Arc<Obligations>,
        of: &str,
        id: &str,
    ) -> Result<Option<String>, Problem> {
        let catalog = self.catalog(tx)?;
        sight::subject_within(tx, &catalog, obligations, of, id)
    }

    /// How many records of a type the obligations leave, by state where it has states: for simulations of policy.
    ///
    /// # Errors
    /// Where the database can't be read.
    pub fn count_within(
        &self,
        tx: &mut Tx<'_>,
        obligations: &Arc<Obligations>,
        of: &str,
    ) -> Result<Option<Numbers>, Problem> {
        let catalog = self.catalog(tx)?;
        sight::count_within(tx, &catalog, obligations, of)
    }

    /// The last of so many working days after `from`, by the holidays of `base.holiday` where they are installed.
    ///
    /// # Errors
    /// Where the database can't be read.
    pub fn working_day(
        &self,
        tx: &mut Tx<'_>,
        from: jiff::civil::Date,
        count: i64,
    ) -> Result<jiff::civil::Date, Problem> {
        let catalog = self.catalog(tx)?;
        clock::working_day(tx, &catalog, from, count)
    }

    /// The catalogue as of this transaction. Another process may have applied: then it is read anew.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn catalog(&self, tx: &mut Tx<'_>) -> Result<Arc<Catalog>, Problem> {
        let known = self.catalog.load_full();
        if tx.generation_checked == Some(known.generation) {
            return Ok(known);
        }
        let generation = catalog::generation(tx)?;
        tx.generation_checked = Some(generation);
        if generation == known.generation {
            return Ok(known);
        }
        tx.forget_statements();
        let fresh = Arc::new(catalog::load(tx, generation, &self.vault())?);
        self.adopt(&fresh);
        Ok(fresh)
    }

    /// Takes a catalogue over, unless a newer one is in force: a snapshot from before an apply must not bring back what
    /// policy permitted then.
    fn adopt(&self, fresh: &Arc<Catalog>) {
        let _one = self.adopting.lock().unwrap_or_else(PoisonError::into_inner);
        if fresh.generation > self.catalog.load().generation {
            (self.policies)(fresh.generation, &fresh.rules());
            self.catalog.store(Arc::clone(fresh));
        }
    }
}
