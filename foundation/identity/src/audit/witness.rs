//! Being another log's witness (C2SP tlog-witness): a checkpoint is cosigned if it extends the last one that was, which is durable
//! before the cosignature leaves. So whoever sees a log only as its witness does, sees no other log than all others see.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::cosignature::{Cosigner, CosignerKey};
use super::hash::Hash;
use super::note::{Checkpoint, Verifier, secret};
use super::proof::extends;
use super::tiles::write_whole;

/// Longest proof that is read.
const LONGEST_PROOF: usize = 63;

/// Which logs this platform witnesses, and under what name.
#[derive(Clone, Debug)]
pub struct WitnessSettings {
    pub name: String,
    /// Each log's key; its name is the log's origin.
    pub logs: Vec<Verifier>,
}

/// Why a checkpoint is not cosigned.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("{0}")]
    Malformed(&'static str),
    #[error("this witness does not know the log")]
    Unknown,
    #[error("no signature is by the log's key")]
    Unsigned,
    /// The last cosigned tree has this size: another than the old size of the request, or the same with another root.
    #[error("the last cosigned tree has {0} entries")]
    Conflict(u64),
    #[error("the proof does not show that the tree extends the one cosigned last")]
    Inconsistent,
    #[error("the witness's records: {0}")]
    Io(#[from] io::Error),
}

/// A witness with its records.
pub struct Witness {
    folder: PathBuf,
    cosigner: Cosigner,
    logs: BTreeMap<String, Verifier>,
    /// One request at a time: what was looked at is what is replaced.
    turn: Mutex<()>,
}

/// A request taken apart.
struct Request<'r> {
    old: u64,
    proof: Vec<Hash>,
    note: &'r str,
}

impl<'r> Request<'r> {
    fn parse(body: &'r str) -> Result<Request<'r>, Refused> {
        let (head, note) = body
            .split_once("\n\n")
            .ok_or(Refused::Malformed("no empty line stands before the checkpoint"))?;
        let mut lines = head.split('\n');
        let old = lines
            .next()
            .and_then(|line| line.strip_prefix("old "))
            .and_then(|digits| Some((digits, digits.parse::<u64>().ok()?)))
            .filter(|(digits, old)| *digits == old.to_string())
            .ok_or(Refused::Malformed("the first line is not `old` and a size"))?
            .1;
        let proof = lines
            .map(|line| STANDARD.decode(line).ok()?.try_into().ok())
            .collect::<Option<Vec<Hash>>>()
            .filter(|proof| proof.len() <= LONGEST_PROOF)
            .ok_or(Refused::Malformed(
                "the proof is not of at most 63 hashes in base64",
            ))?;
        Ok(Request { old, proof, note })
    }
}

impl Witness {
    /// Opens the witness whose key and records lie in the audit folder, or makes its key.
    ///
    /// # Errors
    /// Where they can't be read or made.
    pub fn open(
        folder: &std::path::Path,
        settings: &WitnessSettings,
        fresh: [u8; 32],
    ) -> io::Result<Witness> {
        let key = secret(&folder.join("witness-key"), fresh)?;
        let folder = folder.join("witnessed");
        fs::create_dir_all(&folder)?;
        let known = |log: &Verifier| (log.name.clone(), log.clone());
        Ok(Witness {
            folder,
            cosigner: Cosigner::new(&settings.name, &key),
            logs: settings.logs.iter().map(known).collect(),
            turn: Mutex::new(()),
        })
    }

    /// The key that checks this witness's cosignatures.
    pub fn key(&self) -> CosignerKey {
        self.cosigner.key()
    }

    fn path(&self, origin: &str) -> PathBuf {
        let name: String = Sha256::digest(origin.as_bytes())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        self.folder.join(name)
    }

    /// The last cosigned checkpoint of a log.
    fn last(&self, log: &Verifier) -> io::Result<Option<Checkpoint>> {
        let path = self.path(&log.name);
        match fs::read_to_string(&path) {
            // Of a record that can't be read nothing can be told: the log could be rolled back behind it.
            Ok(note) => log.open(&note).map(Some).ok_or_else(|| {
                let text = format!("{}: not a checkpoint of {}", path.display(), log.name);
                io::Error::new(io::ErrorKind::InvalidData, text)
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Answers `add-checkpoint`: the cosignature line. `time` is the present moment in POSIX seconds.
    ///
    /// # Errors
    /// Why it is not cosigned.
    pub fn add(&self, body: &str, time: u64) -> Result<String, Refused> {
        let request = Request::parse(body)?;
        let (stated, _) =
            Checkpoint::parse(request.note).ok_or(Refused::Malformed("this is no checkpoint"))?;
        let log = self.logs.get(&stated.origin).ok_or(Refused::Unknown)?;
        let checkpoint = log.open(request.note).ok_or(Refused::Unsigned)?;
        if request.old > checkpoint.size {
            return Err(Refused::Malformed("the old size is above the checkpoint's"));
        }
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        // Servers beside each other share the records.
        let lock = fs::File::create(self.folder.join("lock"))?;
        lock.lock()?;
        let suite = log.suite();
        let (size, root) = self
            .last(log)?
            .map_or((0, suite.empty()), |last| (last.size, last.root));
        if request.old != size || (checkpoint.size == size && checkpoint.root != root) {
            return Err(Refused::Conflict(size));
        }
        if !extends(
            suite,
            (size, &root),
            (checkpoint.size, &checkpoint.root),
            &request.proof,
        ) {
            return Err(Refused::Inconsistent);
        }
        write_whole(&self.path(&log.name), request.note.as_bytes())?;
        fs::File::open(&self.folder)?.sync_all()?;
        Ok(self.cosigner.cosign(&checkpoint, time))
    }
}
