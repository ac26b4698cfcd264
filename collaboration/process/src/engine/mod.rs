//! The interpreter of BPMN: pure. A command goes in; a new state, effects and history come out.
//!
//! Map: `state`: [`Instance`] and what it is made of; `compiled`: a process made ready; `host`: commands, effects, and what
//! the interpreter asks; `command`: [`apply`]; `run`: tokens and scopes; `activity`, `repeat`, `gateway`, `event`, `failure`:
//! the elements; `timer`: clocks; `migrate`: another version; `space`: many instances in memory.

mod activity;
mod command;
pub mod compiled;
mod event;
mod failure;
mod gateway;
pub mod host;
mod migrate;
mod repeat;
mod run;
pub mod space;
pub mod state;
#[cfg(test)]
pub(crate) mod tests;
pub mod timer;

pub use activity::is_feel;
pub use command::apply;
pub use compiled::Compiled;
pub use host::{
    Command, Effect, Entry, Host, Modification, NewTask, OperationCall, Outcome, Performed, Refused,
};
pub use migrate::{Obstacle, migrate};
pub use run::{STEP_LIMIT, VARIABLE_LIMIT};
pub use state::{Instance, Key, Standing};
