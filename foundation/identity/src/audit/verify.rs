//! The whole log checked: every entry against its hash, every tile against those below, the root against the signature.

use std::io;

use super::hash::{Hash, Suite};
use super::note::{Checkpoint, Verifier};
use super::proof::extends;
use super::tiles::{Column, Reader, TILE, tiles_of};
use super::tree::{Edge, perfect};

/// What a check came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Entries under the checkpoint.
    pub size: u64,
    /// What is wrong, each with its place; empty: the log is what its key signed.
    pub faults: Vec<String>,
}

/// Checks a log in a folder: `earlier` is a checkpoint known from before (of a witness, or noted by an auditor).
///
/// # Errors
/// Where the folder can't be read at all; a missing or false file is a fault.
pub fn verify(reader: &Reader, verifier: &Verifier, earlier: Option<&Checkpoint>) -> io::Result<Verified> {
    let note = std::fs::read_to_string(reader.folder.join("checkpoint"))?;
    let mut verified = Verified::default();
    let Some(checkpoint) = verifier.open(&note) else {
        verified
            .faults
            .push("checkpoint: the signature is not by the given key".into());
        return Ok(verified);
    };
    verified.size = checkpoint.size;
    let mut edge = Edge::new(reader.suite);
    let mut below = leaves(reader, checkpoint.size, &mut edge, &mut verified.faults);
    for level in 0..8 {
        below = column(reader, level, checkpoint.size, &below, &mut verified.faults);
    }
    if edge.root() != checkpoint.root || edge.size() != checkpoint.size {
        verified
            .faults
            .push("checkpoint: the entries do not give the signed root".into());
    }
    if let Some(earlier) = earlier {
        verified.faults.extend(grown(reader, earlier, &checkpoint));
    }
    Ok(verified)
}

/// What is wrong with a log that should have grown from an earlier checkpoint; `None`: it has. The tiles must be those of the
/// later one.
pub fn grown(reader: &Reader, earlier: &Checkpoint, now: &Checkpoint) -> Option<String> {
    if earlier.origin != now.origin {
        return Some("checkpoint: the earlier one is of another log".into());
    }
    if earlier.size > now.size {
        return Some(format!(
            "checkpoint: the log had {} entries and now has {}",
            earlier.size, now.size
        ));
    }
    let holds = reader
        .consistency(earlier.size, now.size, now.size)
        .is_ok_and(|proof| {
            let (old, new) = ((earlier.size, &earlier.root), (now.size, &now.root));
            extends(reader.suite, old, new, &proof)
        });
    (!holds).then(|| {
        format!(
            "checkpoint: the first {} entries are not those signed before",
            earlier.size
        )
    })
}

/// The leaf hashes that the bundles give.
fn leaves(reader: &Reader, size: u64, edge: &mut Edge, faults: &mut Vec<String>) -> Vec<Hash> {
    let mut hashes = Vec::new();
    for tile in tiles_of(Column::Entries, size, 0) {
        match reader.entries(&tile) {
            Ok(entries) => hashes.extend(entries.iter().map(|entry| reader.suite.leaf(entry))),
            Err(error) => {
                faults.push(format!("{}: {error}", tile.path()));
                return hashes;
            }
        }
    }
    for hash in &hashes {
        edge.append(*hash);
    }
    hashes
}

/// Compares the tiles of a level with the hashes that the level below gives; gives those for the level above.
fn column(reader: &Reader, level: u8, size: u64, expected: &[Hash], faults: &mut Vec<String>) -> Vec<Hash> {
    for tile in tiles_of(Column::Level(level), size, 0) {
        let from = usize::try_from(tile.number * TILE).unwrap_or(usize::MAX);
        let to = from.saturating_add(usize::try_from(tile.width).unwrap_or(0));
        match reader.hashes(&tile) {
            Ok(hashes) if expected.get(from..to) == Some(hashes.as_slice()) => {}
            Ok(_) => faults.push(format!("{}: not the hashes of what is below", tile.path())),
            Err(error) => faults.push(format!("{}: {error}", tile.path())),
        }
    }
    above(reader.suite, expected)
}

fn above(suite: Suite, hashes: &[Hash]) -> Vec<Hash> {
    let full = usize::try_from(TILE).unwrap_or(usize::MAX);
    hashes
        .chunks_exact(full)
        .map(|tile| perfect(suite, tile))
        .collect()
}
