//! `banyan audit …`: checking the audit log where it lies, without the server.

use std::path::{Path, PathBuf};

use banyan_identity::audit::{
    AuditSettings, Checkpoint, CosignerKey, Reader, Verifier, Witness, cosigned, grown, index, key_of, verify,
};
use clap::Subcommand;

use crate::config::Config;

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Check every log of the folder: entries, tiles, root, signature.
    Verify {
        /// The folder of one log or of all (`node-1` …); by default the configured one.
        #[arg(long)]
        folder: Option<PathBuf>,
        /// The key to check with, as `/audit/key` gave it; by default that of the signing key beside the log.
        #[arg(long)]
        key: Option<String>,
        /// A checkpoint kept from before: the log must have grown from it.
        #[arg(long, value_name = "FILE")]
        known: Option<PathBuf>,
        /// How many of its witnesses must have cosigned each log as it was, and as it grew.
        #[arg(long, value_name = "N", default_value_t = 0)]
        require_witnesses: usize,
        /// The key of a witness, as its `/audit/witness/key` gave it; by default those of the configuration.
        #[arg(long, value_name = "KEY")]
        witness: Vec<String>,
    },
    /// Make the index of who saw what of whom anew, from the log.
    Index,
    /// Print the keys that check the logs of the folder.
    Key,
    /// Print the key that checks the cosignatures of this platform as a witness; it is made where there is none.
    WitnessKey,
}

/// Runs a command; gives what to print.
pub fn run(config: &Config, command: AuditCommand) -> Result<String, String> {
    let settings = config.audit_settings();
    match command {
        AuditCommand::Index => {
            let told = |problem: banyan_base::Problem| problem.internal.unwrap_or(problem.detail);
            let db = index::open(&settings).map_err(|error| error.to_string())?;
            let read = index::rebuild(&db, &settings).map_err(told)?;
            db.close();
            Ok(format!("the index holds what {read} entries tell\n"))
        }
        AuditCommand::Key => {
            let mut text = String::new();
            for folder in logs(&settings.folder)? {
                text.push_str(&format!("{}\n", own_key(&settings, &folder)?.vkey()));
            }
            Ok(text)
        }
        AuditCommand::WitnessKey => {
            let of = settings
                .witness
                .as_ref()
                .ok_or("[audit.witness] is not configured: this platform is no witness")?;
            let fresh = banyan_base::World::system().secret();
            let witness = Witness::open(&settings.folder, of, fresh)
                .map_err(|error| format!("{}: {error}", settings.folder.display()))?;
            Ok(format!("{}\n", witness.key().vkey()))
        }
        AuditCommand::Verify {
            folder,
            key,
            known,
            require_witnesses,
            witness,
        } => {
            let known = known.map(|path| checkpoint(&path)).transpose()?;
            let key = match &key {
                Some(text) => {
                    Some(Verifier::parse(text).ok_or("the key is not of the form name+number+key")?)
                }
                None => None,
            };
            let folders = logs(folder.as_deref().unwrap_or(&settings.folder))?;
            let mut text = check(&settings, &folders, key.as_ref(), known.as_ref())?;
            let read = |key: &String| {
                CosignerKey::parse(key)
                    .ok_or_else(|| format!("`{key}` is no witness's key of the form name+number+key"))
            };
            let mut witnesses = witness.iter().map(read).collect::<Result<Vec<_>, _>>()?;
            if witnesses.is_empty() {
                witnesses.extend(settings.witnesses.iter().map(|witness| witness.key.clone()));
            }
            let cosigned = cosignatures(&settings, &folders, key.as_ref(), &witnesses, require_witnesses)?;
            text.push_str(&cosigned);
            Ok(text)
        }
    }
}

/// The folder itself where it is a log, or the logs in it.
fn logs(folder: &Path) -> Result<Vec<PathBuf>, String> {
    if folder.join("checkpoint").exists() {
        return Ok(vec![folder.to_owned()]);
    }
    let told = |error| format!("{}: {error}", folder.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(told)? {
        let path = entry.map_err(told)?.path();
        if path.join("checkpoint").exists() {
            found.push(path);
        }
    }
    found.sort();
    if found.is_empty() {
        return Err(format!(
            "{}: no audit log with a checkpoint is here",
            folder.display()
        ));
    }
    Ok(found)
}

fn own_key(settings: &AuditSettings, folder: &Path) -> Result<Verifier, String> {
    key_of(settings, folder).map_err(|error| format!("{error}; name the key with --key"))
}

fn checkpoint(path: &Path) -> Result<Checkpoint, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Checkpoint::parse(&text)
        .map(|(checkpoint, _)| checkpoint)
        .ok_or_else(|| format!("{}: this is not a checkpoint", path.display()))
}

fn check(
    settings: &AuditSettings,
    folders: &[PathBuf],
    key: Option<&Verifier>,
    known: Option<&Checkpoint>,
) -> Result<String, String> {
    let (mut text, mut faults) = (String::new(), 0);
    let mut known_met = known.is_none();
    for folder in folders {
        let verifier = match key {
            Some(key) => key.clone(),
            None => own_key(settings, folder)?,
        };
        let earlier = known.filter(|known| folders.len() == 1 || known.origin == verifier.name);
        known_met |= earlier.is_some();
        let reader = Reader {
            folder: folder.clone(),
            suite: verifier.suite(),
        };
        let verified =
            verify(&reader, &verifier, earlier).map_err(|error| format!("{}: {error}", folder.display()))?;
        text.push_str(&format!("{}: {} entries", verifier.name, verified.size));
        if verified.faults.is_empty() {
            text.push_str(", all as signed\n");
        } else {
            text.push('\n');
        }
        for fault in &verified.faults {
            text.push_str(&format!("  ! {fault}\n"));
        }
        faults += verified.faults.len();
    }
    if !known_met {
        faults += 1;
        text.push_str("  ! no log here is the one of the known checkpoint\n");
    }
    if faults > 0 {
        return Err(format!("{text}the audit log has {faults} faults"));
    }
    Ok(text)
}

/// What witnesses cosigned of each log; an error where they are fewer than wanted, or the log is not what one of them saw.
fn cosignatures(
    settings: &AuditSettings,
    folders: &[PathBuf],
    key: Option<&Verifier>,
    witnesses: &[CosignerKey],
    wanted: usize,
) -> Result<String, String> {
    let (mut text, mut faults) = (String::new(), 0);
    for folder in folders {
        let told = |error| format!("{}: {error}", folder.display());
        let verifier = match key {
            Some(key) => key.clone(),
            None => own_key(settings, folder)?,
        };
        let reader = Reader {
            folder: folder.clone(),
            suite: verifier.suite(),
        };
        let note = std::fs::read_to_string(folder.join("checkpoint")).map_err(told)?;
        let now = verifier
            .open(&note)
            .ok_or("the checkpoint is not signed by the given key")?;
        let mut count = 0;
        for witness in witnesses {
            let Some(seen) = cosigned(folder, &verifier, witness).map_err(told)? else {
                continue;
            };
            if let Some(fault) = grown(&reader, &seen.checkpoint, &now) {
                faults += 1;
                text.push_str(&format!("  ! {}: {fault}\n", witness.name));
                continue;
            }
            count += 1;
            let at = i64::try_from(seen.time)
                .ok()
                .and_then(|time| jiff::Timestamp::from_second(time).ok())
                .map_or_else(String::new, |at| format!(" at {at}"));
            let size = seen.checkpoint.size;
            text.push_str(&format!(
                "{}: {size} entries cosigned by {}{at}\n",
                verifier.name, witness.name
            ));
        }
        if count < wanted {
            faults += 1;
            let name = &verifier.name;
            text.push_str(&format!(
                "  ! {name}: cosigned by {count} of the {wanted} witnesses wanted\n"
            ));
        }
    }
    if faults > 0 {
        return Err(format!("{text}the audit log's cosignatures have {faults} faults"));
    }
    Ok(text)
}
