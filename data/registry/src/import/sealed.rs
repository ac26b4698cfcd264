//! What an import keeps of persons until it is dropped: the file that was sent and its faulty rows, sealed under a key of the run.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::path::Path;

use banyan_base::Problem;
use banyan_identity::keys::{At, Keys};
use banyan_store::Tx;
use data_encoding::BASE64;
use tempfile::NamedTempFile;

use crate::seal::Vault;

/// The domain of their keys; the subject is the run.
pub const DOMAIN: &str = "platform.imports";

/// Bytes of a file that are sealed as one line.
const CHUNK: u64 = 96 * 1024;

fn at<'a>(run: &'a str, place: &'a str) -> At<'a> {
    At {
        domain: DOMAIN,
        subject: run,
        place,
    }
}

/// A sent file, sealed line by line, as a file without a name.
///
/// # Errors
/// Where it can't be read, or the keys do not answer.
pub fn seal_file(vault: &Vault, run: &str, content: &mut dyn Read) -> Result<File, Problem> {
    let keys = vault.keys()?;
    let mut sealed = tempfile::tempfile().map_err(Problem::internal)?;
    for number in 0u64.. {
        let mut part = Vec::new();
        Read::take(&mut *content, CHUNK)
            .read_to_end(&mut part)
            .map_err(Problem::internal)?;
        // The last is empty: what was cut off is missed.
        let line = keys.seal(&at(run, &format!("file/{number}")), &BASE64.encode(&part))?;
        writeln!(sealed, "{line}").map_err(Problem::internal)?;
        if part.is_empty() {
            break;
        }
    }
    sealed.rewind().map_err(Problem::internal)?;
    Ok(sealed)
}

/// The file as it was sent, until the answer is dropped; `None` where its key was destroyed.
///
/// # Errors
/// Where it can't be read, or the keys do not answer.
pub fn open_file(vault: &Vault, run: &str, path: &Path) -> Result<Option<NamedTempFile>, Problem> {
    let keys = vault.keys()?;
    let lines = BufReader::new(File::open(path).map_err(Problem::internal)?).lines();
    let mut plain = NamedTempFile::new().map_err(Problem::internal)?;
    let mut whole = false;
    for (number, line) in lines.enumerate() {
        let line = line.map_err(Problem::internal)?;
        let Some(text) = keys.unseal(&at(run, &format!("file/{number}")), &line)? else {
            return Ok(None);
        };
        let part = BASE64.decode(text.as_bytes()).map_err(Problem::internal)?;
        whole = part.is_empty();
        plain.write_all(&part).map_err(Problem::internal)?;
    }
    if !whole {
        let cut = io::Error::new(io::ErrorKind::UnexpectedEof, "a sealed file was cut off");
        return Err(Problem::internal(cut));
    }
    plain.flush().map_err(Problem::internal)?;
    Ok(Some(plain))
}

/// A text of a run, sealed.
///
/// # Errors
/// Where the keys do not answer.
pub fn seal(vault: &Vault, run: &str, place: &str, text: &str) -> Result<String, Problem> {
    Ok(vault.keys()?.seal(&at(run, place), text)?)
}

/// The text again, and as it is where it was not sealed; `None` where its key was destroyed.
///
/// # Errors
/// Where the keys do not answer.
pub fn open(vault: &Vault, run: &str, place: &str, text: String) -> Result<Option<String>, Problem> {
    if !Keys::is_sealed(&text) {
        return Ok(Some(text));
    }
    Ok(vault.keys()?.unseal(&at(run, place), &text)?)
}

/// Drops what a run kept, when its key went.
///
/// # Errors
/// Where the database refuses.
pub fn forget(tx: &mut Tx<'_>, run: &str) -> Result<(), Problem> {
    tx.execute("DELETE FROM import_error WHERE run = ?1", &[run.into()])?;
    tx.execute("UPDATE import_run SET sealed = 0 WHERE id = ?1", &[run.into()])?;
    Ok(())
}
