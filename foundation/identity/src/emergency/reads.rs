//! What was read by emergency access, from the audit log's own files: entries stand in order of time, so that the few hours
//! it was open are found by halving, however long the log is.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use banyan_base::{Problem, timestamp_text};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::grant::Grant;
use crate::audit::{AuditTrail, Checkpoint, Column, Reader, Tile, tiles_of};

/// What an export that began in time may still show after the end; and how far clocks of servers may differ.
const AFTER: SignedDuration = SignedDuration::from_hours(1);
const BEFORE: SignedDuration = SignedDuration::from_mins(5);

#[derive(Default)]
struct Read {
    acts: BTreeSet<String>,
    persons: BTreeSet<Vec<u8>>,
}

type Entries = Vec<Map<String, Value>>;

fn entries(reader: &Reader, tile: &Tile) -> io::Result<Entries> {
    let all = reader.entries(tile)?;
    Ok(all
        .iter()
        .filter_map(|entry| serde_json::from_slice(entry).ok())
        .collect())
}

fn text<'e>(entry: &'e Map<String, Value>, name: &str) -> &'e str {
    entry.get(name).and_then(Value::as_str).unwrap_or("")
}

/// The first bundle that may hold something of this moment or later.
fn first(reader: &Reader, tiles: &[Tile], from: &str) -> io::Result<usize> {
    let (mut low, mut high) = (0, tiles.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let Some(tile) = tiles.get(middle) else { break };
        let found = entries(reader, tile)?;
        let last = found
            .iter()
            .rev()
            .map(|entry| text(entry, "at"))
            .find(|at| !at.is_empty());
        // One without a moment says nothing: as if it were late, so that nothing is passed over.
        if last.is_some_and(|at| at < from) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

fn gather(
    reader: &Reader,
    size: u64,
    grant: &Grant,
    found: &mut BTreeMap<String, Read>,
) -> Result<(), Problem> {
    let moment = |text: &str| text.parse::<Timestamp>().map_err(Problem::internal);
    let from = timestamp_text(moment(&grant.opened_at)? - BEFORE);
    let until = timestamp_text(moment(grant.end())? + AFTER);
    let tiles: Vec<Tile> = tiles_of(Column::Entries, size, 0).collect();
    let start = first(reader, &tiles, &from).map_err(Problem::internal)?;
    for tile in tiles.iter().skip(start) {
        let entries = entries(reader, tile).map_err(Problem::internal)?;
        for entry in &entries {
            if text(entry, "emergency") != grant.id || text(entry, "kind") != "touch" {
                continue;
            }
            let read = found.entry(text(entry, "type").to_owned()).or_default();
            read.acts.insert(text(entry, "trace").to_owned());
            let subjects = STANDARD_NO_PAD
                .decode(text(entry, "subjects"))
                .unwrap_or_default();
            read.persons.extend(subjects.chunks(16).map(<[u8]>::to_vec));
        }
        if entries
            .first()
            .is_some_and(|entry| text(entry, "at") > until.as_str())
        {
            break;
        }
    }
    Ok(())
}

/// By type: in how many acts, of how many persons. Every log beside the platform's own counts too: servers that share a
/// folder each write one.
///
/// # Errors
/// Where a log can't be read.
pub(super) fn of(trail: &AuditTrail, grant: &Grant) -> Result<Vec<Value>, Problem> {
    let own = trail.log().reader();
    let beside = own.folder.parent().map(std::fs::read_dir).transpose();
    let mut found = BTreeMap::new();
    for folder in beside.map_err(Problem::internal)?.into_iter().flatten() {
        let folder = folder.map_err(Problem::internal)?.path();
        let note = match std::fs::read_to_string(folder.join("checkpoint")) {
            Ok(note) => note,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                continue;
            }
            Err(error) => return Err(Problem::internal(error)),
        };
        let Some((checkpoint, _)) = Checkpoint::parse(&note) else {
            continue;
        };
        let reader = Reader {
            folder,
            suite: own.suite,
        };
        gather(&reader, checkpoint.size, grant, &mut found)?;
    }
    Ok(found
        .iter()
        .map(|(name, read)| json!({ "type": name, "acts": read.acts.len(), "persons": read.persons.len() }))
        .collect())
}
