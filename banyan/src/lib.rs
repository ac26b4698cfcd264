//! The one binary: configuration, wiring of the engines, commands.
//!
//! Map: `config`: the configuration file. `platform`: the engines wired together over one database. `folder`: packages
//! as folders. `check`: what is wrong with them. `serve`: the server. `keep`: backups. `logs`: log lines. `features`:
//! acceptance features. `demo`: what a demonstration adds. `declared`: what a person's log needs to know
//! of packages. `commands`: what the command line offers; `audit_commands`:
//! checking the audit log; `policy_commands`: what policy would say.

pub mod audit_commands;
pub mod check;
pub mod commands;
pub mod config;
pub mod decide_commands;
mod decisions;
mod declared;
pub mod demo;
pub mod features;
pub mod folder;
pub mod keep;
pub mod keys_commands;
mod listen;
pub mod logs;
pub mod platform;
pub mod policy_commands;
mod processes;
pub mod serve;
pub mod upkeep;
