//! What the door writes: the start of each act before it, and its end.

use std::path::{Path, PathBuf};

use banyan_base::{Problem, World, codes};
use banyan_door::{AuditLog, AuditStart, AuditTicket, Outcome, Touch};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha2::Sha256;

use super::hash::Suite;
use super::index;
use super::log::{Log, LogError};
use super::note::{Signer, Verifier, secret};
use super::salts::Salts;
use super::tiles::MAX_ENTRY;
use super::witness::{Witness, WitnessSettings};
use super::witnesses::{Uncosigned, WitnessAt, have_cosigned};

/// Where and how a platform keeps its audit log.
#[derive(Clone, Debug)]
pub struct AuditSettings {
    /// Holds the keys and, for each process that writes at a time, a log of its own.
    pub folder: PathBuf,
    /// First part of each log's name in its checkpoints.
    pub origin: String,
    pub suite: Suite,
    /// URL of the database with the salts of those whom entries are about. It may hold a password: not for logs.
    pub salts: String,
    /// Whether persons are told the names of civil servants who saw their data, or only their units.
    pub names_shown: bool,
    /// Others' witnesses that cosign the checkpoints of this platform's logs.
    pub witnesses: Vec<WitnessAt>,
    /// What this platform witnesses; `None`: nothing.
    pub witness: Option<WitnessSettings>,
}

impl AuditSettings {
    /// Where salts lie if nothing else is said: in a file beside the log, or in the PostgreSQL database that all servers
    /// share.
    pub fn salts_beside(folder: &Path, database: &str) -> String {
        if database.starts_with("sqlite:") {
            format!("sqlite:{}", folder.join("salts.db").display())
        } else {
            database.to_owned()
        }
    }
}

/// The key that checks the log in `folder`, one of those that the settings name, from the signing key itself.
///
/// # Errors
/// Where there is no signing key, or it is no key of the suite.
pub fn key_of(settings: &AuditSettings, folder: &Path) -> std::io::Result<Verifier> {
    let path = settings.folder.join("signing-key");
    if !path.exists() {
        let text = format!("{}: there is no signing key", path.display());
        return Err(std::io::Error::new(std::io::ErrorKind::NotFound, text));
    }
    let node = folder.file_name().unwrap_or_default().to_string_lossy();
    // The file is there: nothing is made in its place.
    let signing = secret(&path, [0; 32])?;
    Signer::new(&format!("{}/{node}", settings.origin), settings.suite, &signing)
        .map(|signer| signer.verifier())
        .ok_or_else(|| std::io::Error::other("the signing key is no key of this suite"))
}

/// Processes that may write logs beside each other over one folder: servers, and commands while a server runs.
const NODES: u32 = 16;

/// The door's audit log over a [`Log`].
pub struct AuditTrail {
    log: Log,
    /// Without it nobody can tell what record a keyed hash stands for.
    key: [u8; 32],
    salts: Salts,
    witness: Option<Witness>,
    settings: AuditSettings,
}

/// What stands in an entry for the thing acted on: 128 bits of a keyed hash, so that who knows the id and the key finds all
/// entries about it, and who has the log alone learns nothing.
pub fn subject_key(key: &[u8; 32], resource: &str, id: &str) -> String {
    // Any length will do for a key of HMAC; there is no other error.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return String::new();
    };
    mac.update(resource.as_bytes());
    mac.update(b"/");
    mac.update(id.as_bytes());
    mac.finalize()
        .into_bytes()
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn unsalted(error: &banyan_store::Error) -> Problem {
    let mut problem = Problem::new(
        codes::BUSY,
        "审计日志暂时记不下查看了谁的信息,信息没有给出;请稍后再试,仍不行请联系管理员。",
    );
    problem.internal = Some(format!("salts of the audit log: {error}"));
    problem
}

fn refused(error: &LogError) -> Problem {
    let mut problem = Problem::new(
        codes::BUSY,
        "审计日志暂时写不进去,操作没有进行;请稍后再试,仍不行请联系管理员。",
    );
    problem.internal = Some(error.to_string());
    problem
}

impl AuditTrail {
    /// Opens the first log of the folder that no other process writes: `node-1`, `node-2` …
    ///
    /// # Errors
    /// Where none can be opened, or one is not what its last checkpoint says.
    pub fn open(settings: &AuditSettings, world: &World) -> Result<AuditTrail, LogError> {
        let io = |source| LogError::Io {
            path: settings.folder.clone(),
            source,
        };
        std::fs::create_dir_all(&settings.folder).map_err(io)?;
        let signing = secret(&settings.folder.join("signing-key"), world.secret()).map_err(io)?;
        let key = secret(&settings.folder.join("subject-key"), world.secret()).map_err(io)?;
        let witness = match &settings.witness {
            Some(of) => Some(Witness::open(&settings.folder, of, world.secret()).map_err(io)?),
            None => None,
        };
        let mut last = LogError::Taken(settings.folder.clone());
        for node in 1..=NODES {
            let name = format!("node-{node}");
            let origin = format!("{}/{name}", settings.origin);
            let signer = Signer::new(&origin, settings.suite, &signing)
                .ok_or_else(|| io(std::io::Error::other("the signing key is no key of this suite")))?;
            match Log::open(&settings.folder.join(name), &origin, settings.suite, signer) {
                Ok(log) => {
                    let salts = Salts::new(&settings.salts, &key, world);
                    // Now: a table is made while nothing else is written, and the first touch may come within a write.
                    salts
                        .open()
                        .map_err(|error| io(std::io::Error::other(error.to_string())))?;
                    let settings = settings.clone();
                    return Ok(AuditTrail {
                        log,
                        key,
                        salts,
                        witness,
                        settings,
                    });
                }
                Err(LogError::Taken(path)) => last = LogError::Taken(path),
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The salts of those whom entries are about.
    pub fn salts(&self) -> &Salts {
        &self.salts
    }

    /// What this platform witnesses others' logs with; `None`: it witnesses none.
    pub fn witness(&self) -> Option<&Witness> {
        self.witness.as_ref()
    }

    /// Others' witnesses of this log.
    pub fn witnesses(&self) -> &[WitnessAt] {
        &self.settings.witnesses
    }

    /// Has the present checkpoint cosigned by all witnesses. Gives what went wrong with each.
    ///
    /// # Errors
    /// Where the log's files can't be read.
    pub fn have_cosigned(&self) -> Result<Vec<Uncosigned>, Problem> {
        have_cosigned(&self.log, &self.settings.witnesses).map_err(Problem::internal)
    }

    /// Brings the index of who saw what up to what is sealed: see [`index::catch_up`].
    ///
    /// # Errors
    /// Where the logs or the index can't be read.
    pub fn catch_up(&self) -> Result<u64, Problem> {
        index::catch_up(&self.salts.open()?, &self.settings)
    }

    /// Destroys what ties a person to his entries: see [`Salts::forget`].
    ///
    /// # Errors
    /// Where it can't be destroyed.
    pub fn forget(&self, subject: &str) -> Result<bool, Problem> {
        Ok(self.salts.forget(subject)?)
    }

    /// Seals what waits, and closes the log and the salts.
    pub fn close(&self) {
        self.log.close();
        self.salts.close();
    }

    fn append(&self, entry: &Map<String, Value>) -> Result<AuditTicket, Problem> {
        let entry = serde_json::to_vec(entry).map_err(Problem::internal)?;
        let ticket = self.log.append(entry).map_err(|error| refused(&error))?;
        Ok(AuditTicket::new(move || {
            ticket.wait().map_err(|error| refused(&error))
        }))
    }

    fn common(&self, kind: &str, at: String, entry: &AuditStart<'_>) -> Map<String, Value> {
        let mut fields = Map::new();
        fields.insert("kind".into(), json!(kind));
        fields.insert("at".into(), json!(at));
        fields.insert("trace".into(), json!(entry.cx.trace));
        fields.insert("operation".into(), json!(entry.operation.name));
        fields
    }
}

/// Who acts, in what capacity, and for what.
fn actor(fields: &mut Map<String, Value>, entry: &AuditStart<'_>, purpose: Option<&String>) {
    let who = &entry.cx.actor;
    fields.insert("action".into(), json!(entry.target.action));
    fields.insert("actor".into(), json!(who.id));
    fields.insert("actor_kind".into(), json!(who.kind));
    for (name, value) in [
        ("unit", who.unit.as_ref()),
        ("post", who.standing.post.as_ref()),
        ("on_behalf_of", who.standing.on_behalf_of.as_ref()),
        ("purpose", purpose),
    ] {
        if let Some(value) = value {
            fields.insert(name.into(), json!(value));
        }
    }
}

/// What an entry may need besides the persons it names: half of it.
const HEAD: usize = MAX_ENTRY / 2;

impl AuditLog for AuditTrail {
    fn start(&self, entry: &AuditStart<'_>) -> Result<AuditTicket, Problem> {
        let mut fields = self.common("start", entry.cx.now_text(), entry);
        actor(&mut fields, entry, entry.cx.purpose.as_ref());
        if let Some(id) = entry.subject {
            fields.insert(
                "subject".into(),
                json!(subject_key(&self.key, &entry.target.resource, id)),
            );
        }
        self.append(&fields)
    }

    fn touch(
        &self,
        entry: &AuditStart<'_>,
        touch: &Touch,
        subjects: &[String],
    ) -> Result<AuditTicket, Problem> {
        let at = banyan_base::timestamp_text(entry.cx.world.now());
        let mut fields = self.common("touch", at, entry);
        actor(
            &mut fields,
            entry,
            touch.purpose.as_ref().or(entry.cx.purpose.as_ref()),
        );
        fields.insert("type".into(), json!(touch.resource));
        if !touch.fields.is_empty() {
            fields.insert("fields".into(), json!(touch.fields));
        }
        if let Some(emergency) = &touch.emergency {
            fields.insert("emergency".into(), json!(emergency));
        }
        let head = serde_json::to_vec(&fields).map_err(Problem::internal)?.len();
        if head > HEAD {
            return Err(refused(&LogError::TooLong(head)));
        }
        let tokens = self.salts.tokens(subjects).map_err(|error| unsalted(&error))?;
        // Four letters for three bytes, and some for the count and the names.
        let room = (MAX_ENTRY - head - 64) / 4 * 3 / 16;
        let mut ticket = AuditTicket::at_once();
        for batch in tokens.chunks(room.max(1)) {
            fields.insert("count".into(), json!(batch.len()));
            fields.insert(
                "subjects".into(),
                json!(STANDARD_NO_PAD.encode(batch.as_flattened())),
            );
            // The log keeps the order: the last is durable after all others.
            ticket = self.append(&fields)?;
        }
        Ok(ticket)
    }

    fn finish(&self, entry: &AuditStart<'_>, outcome: Outcome) {
        let at = banyan_base::timestamp_text(entry.cx.world.now());
        let mut fields = self.common("end", at, entry);
        fields.insert("outcome".into(), json!(outcome.as_str()));
        // The start tells that it was done; an end that can't be kept shows as an act that did not end.
        if let Err(error) = self.log.append(Value::Object(fields).to_string().into_bytes()) {
            tracing::error!(trace = %entry.cx.trace, %error, "the end of an act is not in the audit log");
        }
    }
}
