//! The audit log that can be proved: an append-only Merkle tree (RFC 6962) in files anybody can check (C2SP tlog-tiles),
//! with signed checkpoints.
//!
//! Invariants
//! - An entry is durable before the act that it announces is committed or its answer leaves.
//! - What a checkpoint covers never changes: tiles are written once, and an open log must give its checkpoint's root.
//! - A witness's record of what it cosigned is durable before its cosignature leaves.
//! - No entry holds personal data in the clear: what was acted on stands as a keyed hash, whose data were shown as hashes
//!   under salts that can be destroyed.
//!
//! Map: `hash`: leaves and nodes in both suites. `tree`: the right edge. `tiles`: the files. `note`: signed checkpoints.
//! `journal`: durable but not in tiles yet. `log`: the writer. `proof`: inclusion and consistency. `verify`: the whole log
//! checked. `entry`: what the door writes. `salts`: what stands for a person. `index`: who saw what of him.
//! `cosignature`, `witness`: cosigning others' checkpoints. `witnesses`: having one's own cosigned. `operations`: the log over HTTP.

mod cosignature;
mod entry;
mod hash;
pub mod index;
#[cfg(test)]
mod index_tests;
mod journal;
mod log;
mod note;
mod operations;
mod proof;
mod salts;
#[cfg(test)]
mod tests;
mod tiles;
#[cfg(test)]
mod touch_tests;
mod tree;
mod verify;
mod witness;
#[cfg(test)]
mod witness_tests;
mod witnesses;

pub use cosignature::{Cosigner, CosignerKey};
pub use entry::{AuditSettings, AuditTrail, key_of, subject_key};
pub use hash::{Hash, Suite};
pub use log::{Log, LogError, Ticket};
pub use note::{Checkpoint, Signer, Verifier, secret};
pub use operations::operations;
pub use proof::{extends, includes};
pub use salts::{Salts, Token};
pub use tiles::{Column, Reader, TILE, Tile, tiles_of};
pub use tree::root_of;
pub use verify::{Verified, grown, verify};
pub use witness::{Refused, Witness, WitnessSettings};
pub use witnesses::{Cosigned, Uncosigned, WitnessAt, cosigned, have_cosigned, most_cosigned};
