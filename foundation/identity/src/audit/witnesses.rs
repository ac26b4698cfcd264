//! Having one's own log witnessed (C2SP tlog-witness): checkpoints are sent to others' witnesses with the proof that the log only
//! grew, and what each cosigned last is kept beside the log.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ureq::http;

use super::cosignature::CosignerKey;
use super::log::Log;
use super::note::{Checkpoint, Verifier};
use super::tiles::write_whole;

/// Longest answer that is read: some signature lines.
const LONGEST: u64 = 64 << 10;

/// A witness of another platform.
#[derive(Clone, Debug)]
pub struct WitnessAt {
    /// Its submission prefix.
    pub url: String,
    pub key: CosignerKey,
}

/// Why a witness did not cosign.
#[derive(Debug, thiserror::Error)]
pub enum Uncosigned {
    #[error("the witness {0} can't be reached: {1}")]
    Unreached(String, String),
    #[error("the witness {0} answers {1}")]
    Refused(String, u16),
    /// Somebody put an older log in the place of this one, or changed what was written: to be looked into at once.
    #[error(
        "the witness {witness} has seen {seen} entries of this log that are not what the log says now ({size} entries): it was rolled back or forked"
    )]
    Betrayed { witness: String, seen: u64, size: u64 },
    #[error("cosignatures at {0}: {1}")]
    Io(PathBuf, io::Error),
}

/// A checkpoint that a witness cosigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigned {
    pub note: String,
    pub checkpoint: Checkpoint,
    /// POSIX seconds.
    pub time: u64,
}

fn place(folder: &Path, witness: &CosignerKey) -> PathBuf {
    let name: String = witness
        .id()
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "-.".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    folder.join("cosigned").join(name)
}

/// What a witness cosigned last of the log in `folder`, whose key is `log`; `None` where nothing good is kept.
///
/// # Errors
/// Where it can't be read.
pub fn cosigned(folder: &Path, log: &Verifier, witness: &CosignerKey) -> io::Result<Option<Cosigned>> {
    let note = match fs::read_to_string(place(folder, witness)) {
        Ok(note) => note,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let opened = witness.open(&note).filter(|_| log.open(&note).is_some());
    Ok(opened.map(|(checkpoint, time)| Cosigned {
        note,
        checkpoint,
        time,
    }))
}

/// The checkpoint that most witnesses cosigned (of several, the largest), with all their signature lines.
///
/// # Errors
/// Where it can't be read.
pub fn most_cosigned(folder: &Path, log: &Verifier, witnesses: &[WitnessAt]) -> io::Result<Option<String>> {
    let mut notes: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for witness in witnesses {
        if let Some(found) = cosigned(folder, log, &witness.key)? {
            notes.entry(found.checkpoint.size).or_default().push(found.note);
        }
    }
    let best = notes.into_iter().max_by_key(|(size, notes)| (notes.len(), *size));
    Ok(best.and_then(|(_, notes)| {
        let mut notes = notes.into_iter();
        let mut whole = notes.next()?;
        // Each is the log's own note with one line more.
        for line in notes.filter_map(|note| note.lines().last().map(str::to_owned)) {
            whole.push_str(&line);
            whole.push('\n');
        }
        Some(whole)
    }))
}

/// One exchange: no redirects, ten seconds, a bounded answer.
fn ask(url: &str, body: String) -> Result<(u16, String), ureq::Error> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(Duration::from_secs(10)))
        .tls_config(
            ureq::tls::TlsConfig::builder()
                .root_certs(ureq::tls::RootCerts::PlatformVerifier)
                .build(),
        )
        .build()
        .into();
    let request = http::Request::post(format!("{}/add-checkpoint", url.trim_end_matches('/')))
        .header("content-type", "text/plain; charset=utf-8")
        .body(body)?;
    let mut answer = agent.run(request)?;
    let text = answer.body_mut().with_config().limit(LONGEST).read_to_string()?;
    Ok((answer.status().as_u16(), text))
}

/// Asks one witness to cosign a note of the log.
fn ask_one(log: &Log, witness: &WitnessAt, note: &str, checkpoint: &Checkpoint) -> Result<(), Uncosigned> {
    let name = || witness.key.id();
    let folder = &log.reader().folder;
    let path = place(folder, &witness.key);
    let io = |error| Uncosigned::Io(path.clone(), error);
    let last = cosigned(folder, log.verifier(), &witness.key).map_err(io)?;
    let mut old = last.map_or(0, |last| last.checkpoint.size);
    let betrayed = |seen| Uncosigned::Betrayed {
        witness: name(),
        seen,
        size: checkpoint.size,
    };
    if old > checkpoint.size {
        return Err(betrayed(old));
    }
    for again in [true, false] {
        let proof = log
            .reader()
            .consistency(old, checkpoint.size, checkpoint.size)
            .map_err(io)?;
        let mut body = format!("old {old}\n");
        for hash in proof {
            body.push_str(&STANDARD.encode(hash));
            body.push('\n');
        }
        body.push('\n');
        body.push_str(note);
        let (status, text) =
            ask(&witness.url, body).map_err(|error| Uncosigned::Unreached(name(), error.to_string()))?;
        match status {
            200 => {
                // Lines of keys that are not this witness's are nothing to us.
                let found = text.lines().find_map(|line| {
                    let note = format!("{note}{line}\n");
                    witness.key.open(&note).map(|_| note)
                });
                let note = found.ok_or_else(|| Uncosigned::Refused(name(), status))?;
                if let Some(folder) = path.parent() {
                    fs::create_dir_all(folder).map_err(io)?;
                }
                return write_whole(&path, note.as_bytes()).map_err(io);
            }
            409 => {
                let seen = text.trim().parse::<u64>();
                match seen {
                    Ok(seen) if seen > checkpoint.size || seen == old => return Err(betrayed(seen)),
                    Ok(seen) if again => old = seen,
                    _ => return Err(Uncosigned::Refused(name(), status)),
                }
            }
            422 => return Err(betrayed(old)),
            status => return Err(Uncosigned::Refused(name(), status)),
        }
    }
    Err(Uncosigned::Refused(name(), 409))
}

/// Has the log's present checkpoint cosigned by all witnesses that have not done so. Gives what went wrong with each.
///
/// # Errors
/// Where the log's files can't be read.
pub fn have_cosigned(log: &Log, witnesses: &[WitnessAt]) -> io::Result<Vec<Uncosigned>> {
    let Some(note) = log.checkpoint()? else {
        return Ok(Vec::new());
    };
    let Some(checkpoint) = log.verifier().open(&note) else {
        return Err(io::Error::other("the checkpoint is not signed by this log's key"));
    };
    let mut wrong = Vec::new();
    for witness in witnesses {
        let known = cosigned(&log.reader().folder, log.verifier(), &witness.key)?;
        if known.is_some_and(|known| known.checkpoint == checkpoint) {
            continue;
        }
        if let Err(why) = ask_one(log, witness, &note, &checkpoint) {
            wrong.push(why);
        }
    }
    Ok(wrong)
}
