//! `banyan keys …`: the copy of the key store and its way back, and new keys in the place of old.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use banyan_base::World;
use banyan_identity::keys::{self, Destruction, FileMaster, Keys};
use clap::{Args, Subcommand};

use crate::commands::database;
use crate::config::Config;

#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// How many keys there are, and how many were destroyed.
    Status,
    /// Write the key store into one file, sealed under a passphrase. The master key is not in it.
    Backup {
        /// A file that is not there yet.
        file: PathBuf,
        #[command(flatten)]
        passphrase: Passphrase,
    },
    /// Bring the keys of a copy back. Keys that were destroyed since stay destroyed. Stop the servers first.
    Restore {
        file: PathBuf,
        #[command(flatten)]
        passphrase: Passphrase,
        /// A list that `banyan keys destroyed` printed after the copy was made, where neither the database of records nor the key
        /// store that is there is as new.
        #[arg(long, value_name = "FILE")]
        destroyed: Option<PathBuf>,
    },
    /// Print the list of destroyed keys, one a line. It holds no secret; kept outside, it sees to it that no restore brings a
    /// destroyed key back.
    Destroyed,
    /// Give domains new keys and wrap those of their subjects anew, by the suite that is configured; servers may run.
    Rotate {
        /// Domains, as package.purpose.
        #[arg(required_unless_present = "master")]
        domains: Vec<String>,
        /// Wrap the keys of all domains by a new master key in this file, made here. Stop the servers first; afterwards name
        /// the file as keys.master_file.
        #[arg(long, value_name = "FILE", conflicts_with = "domains")]
        master: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub struct Passphrase {
    /// The file with the passphrase: its first line, 16 bytes at least.
    #[arg(long, value_name = "FILE")]
    passphrase_file: PathBuf,
}

impl Passphrase {
    fn read(&self) -> Result<String, String> {
        let path = &self.passphrase_file;
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(text.lines().next().unwrap_or_default().to_owned())
    }
}

/// Runs a command; gives what to print.
pub fn run(config: &Config, command: KeysCommand) -> Result<String, String> {
    let world = World::system();
    match command {
        KeysCommand::Status => {
            let status = opened(config, &world)?
                .status()
                .map_err(|error| error.to_string())?;
            Ok(format!(
                "{} keys in {} domains; {} keys destroyed so far\n",
                status.keys, status.domains, status.destroyed
            ))
        }
        KeysCommand::Backup { file, passphrase } => {
            let copy = keys::backup(&opened(config, &world)?, &passphrase.read()?)
                .map_err(|error| error.to_string())?;
            write(&file, &copy)?;
            Ok(format!(
                "{}: the key store, sealed under the passphrase. It opens only together with {}, whose copy belongs elsewhere.\n",
                file.display(),
                config.key_settings().master.display()
            ))
        }
        KeysCommand::Restore {
            file,
            passphrase,
            destroyed,
        } => {
            let listed = destroyed.as_deref().map(list).transpose()?.unwrap_or_default();
            restore(config, &world, &file, &passphrase.read()?, listed)
        }
        KeysCommand::Destroyed => {
            let keys = opened(config, &world)?;
            let mut text = String::new();
            for entry in keys.destroyed().map_err(|error| error.to_string())? {
                let line = serde_json::to_string(&entry).map_err(|error| error.to_string())?;
                text.push_str(&format!("{line}\n"));
            }
            Ok(text)
        }
        KeysCommand::Rotate { domains, master } => {
            let keys = opened(config, &world)?;
            match master {
                Some(file) => rotate_master(config, &world, &keys, &file),
                None => rotate(&keys, &domains),
            }
        }
    }
}

/// The store that is there; a command that looks after keys makes none.
fn opened(config: &Config, world: &World) -> Result<Keys, String> {
    let settings = config.key_settings();
    if let Some(path) = settings.database.strip_prefix("sqlite:")
        && !Path::new(path).is_file()
    {
        return Err(format!("{path}: there is no key store"));
    }
    Keys::open(&settings, world).map_err(|error| error.to_string())
}

fn list(file: &Path) -> Result<Vec<Destruction>, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let read = |(number, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| format!("{}:{}: {error}", file.display(), number + 1))
    };
    text.lines().enumerate().map(read).collect()
}

fn restore(
    config: &Config,
    world: &World,
    file: &Path,
    passphrase: &str,
    listed: Vec<Destruction>,
) -> Result<String, String> {
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let copy = std::fs::read_to_string(file).map_err(|error| told(&error))?;
    let settings = config.key_settings();
    let master =
        FileMaster::read(world, &settings.master, settings.suite).map_err(|error| error.to_string())?;
    // Without the list of what was destroyed since, an erased person would come back.
    let records = database(config)?;
    let mut known = keys::destructions(&records).map_err(|error| error.to_string())?;
    known.extend(listed);
    let store = keys::store(&settings).map_err(|error| error.to_string())?;
    let restored = keys::restore(&store, &master, &copy, passphrase, known).map_err(|error| told(&error))?;
    store.close();
    Ok(format!(
        "{} keys restored; {} of the copy stay destroyed\n",
        restored.keys, restored.destroyed
    ))
}

fn rotate(keys: &Keys, domains: &[String]) -> Result<String, String> {
    let mut text = String::new();
    for domain in domains {
        let count = keys
            .rotate(domain)
            .map_err(|error| format!("{domain}: {error}"))?;
        text.push_str(&format!("{domain}: a new key, and {count} keys wrapped anew\n"));
    }
    Ok(text)
}

fn rotate_master(config: &Config, world: &World, keys: &Keys, file: &Path) -> Result<String, String> {
    if file.exists() {
        return Err(format!("{}: is there already", file.display()));
    }
    FileMaster::make(world, file).map_err(|error| error.to_string())?;
    let master =
        FileMaster::read(world, file, config.key_settings().suite).map_err(|error| error.to_string())?;
    keys.rotate_master(&master).map_err(|error| error.to_string())?;
    Ok(format!(
        "{}: the new master key. Name it as keys.master_file and start the servers; then destroy {}, which opens only old copies.\n",
        file.display(),
        config.key_settings().master.display()
    ))
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    let run = || {
        let mut made = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(file)?;
        made.write_all(text.as_bytes())?;
        made.sync_all()
    };
    run().map_err(|error: std::io::Error| format!("{}: {error}", file.display()))
}
