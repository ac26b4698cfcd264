//! Processes: BPMN 2.0 models are read, checked, and executed over the store (plan clauses 1.2 and 1.3).
//!
//! Invariants
//! - What is deployed is executed as the standard says; anything else is refused at deployment with a rule.
//! - A step, what it did outside by the door, its history and its events are one transaction.
//! - An instance keeps the version by which it began until it is migrated.
//! - Must not know: what a process is about, what an operation that it calls does, the registry.
//!
//! Map
//! - `bpmn`: the standard's models: `model` (what is executed), reading, writing, deployment rules.
//! - `engine`: the interpreter, pure. `definition`: what is deployed. `session`: instances in a transaction: commands, and
//!   what follows from them. `desk`: what a running instance asks of the platform. `due`: clocks.
//! - `instance`, `task`, `inbox`, `message`, `work`, `history`, `view`: rows and their readers.
//! - `operations`: the rows in the door. `ports`: what the platform gives.

pub mod bpmn;
mod definition;
mod desk;
mod due;
pub mod engine;
mod error;
mod history;
mod inbox;
mod instance;
mod message;
mod operations;
mod ports;
mod session;
mod simulate;
mod task;
#[cfg(test)]
mod tests;
mod view;
mod work;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, RwLock};

use banyan_store::{Migration, MigrationSet};

pub use definition::{Definition, Deployed, Source};
pub use due::{run_due, tidy};
pub use error::Error;
pub use operations::operations;
pub use ports::{Forms, Language, Ports, Prefilled};
pub use session::{Session, Start};

macro_rules! migrations {
    ($($number:literal $file:literal $name:literal;)*) => {
        &[$(Migration {
            number: $number,
            name: $name,
            sqlite: include_str!(concat!("../migrations/sqlite/", $file, "_", $name, ".sql")),
            postgres: include_str!(concat!("../migrations/postgres/", $file, "_", $name, ".sql")),
        }),*]
    };
}

/// The tables of this crate.
pub static MIGRATIONS: MigrationSet = MigrationSet {
    name: "process",
    migrations: migrations! {
        1 "0001" "process_definition";
        2 "0002" "process_start";
        3 "0003" "process_instance";
        4 "0004" "process_history";
        5 "0005" "process_task";
        6 "0006" "process_candidate";
        7 "0007" "process_word";
        8 "0008" "process_subscription";
        9 "0009" "process_letter";
        10 "0010" "process_work";
        11 "0011" "process_incident";
        12 "0012" "process_draft";
        13 "0013" "process_view";
        14 "0014" "process_party";
    },
};

/// The engine. Shared by reference counting.
pub struct Engine {
    ports: OnceLock<Ports>,
    definitions: RwLock<HashMap<(String, i64), Arc<Definition>>>,
}

impl Engine {
    pub fn new() -> Arc<Engine> {
        Arc::new(Engine {
            ports: OnceLock::new(),
            definitions: RwLock::default(),
        })
    }

    /// Gives the engine what it needs of others; only what is given first counts. What is missing is refused where a
    /// process asks for it.
    pub fn connect(&self, ports: Ports) {
        let _ = self.ports.set(ports);
    }

    pub(crate) fn ports(&self) -> Option<&Ports> {
        self.ports.get()
    }
}
