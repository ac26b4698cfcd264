//! A copy of the key store in one file, sealed under a passphrase, and the way back. Keys in it stay wrapped by the master key as well,
//! whose copy is kept elsewhere: with one of the two alone nothing opens.
//!
//! Form: a line `banyan-keys-copy 1 <suite> <salt>`, then lines of base64, each a sealed part (JSON) bound to its number and to
//! whether it is the last.

use argon2::Argon2;
use banyan_store::{Db, Tx};
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::cipher::{Cipher, bound, cipher_of};
use super::destroy::{self, COLUMNS, Destruction, Told};
use super::form::{letter, suite_of};
use super::master::Master;
use super::rows::{self, DomainRow, KeyRow};
use super::{KeyError, Keys};
use crate::audit::Suite;

const MARK: &str = "banyan-keys-copy 1";
/// A passphrase must be at least so long, in bytes.
const PASSPHRASE: usize = 16;

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Part {
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<(String, String)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    destructions: Vec<Destruction>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    domains: Vec<(String, i64, String, String, String, String)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    keys: Vec<(String, String, String, i64, String, String)>,
}

/// What a restore did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Keys that were brought back.
    pub keys: u64,
    /// Keys of the copy that were destroyed since, and were left out.
    pub destroyed: u64,
}

fn wrong(what: &str) -> KeyError {
    KeyError::Copy(what.into())
}

fn cipher(suite: Suite, passphrase: &str, salt: &[u8]) -> Result<Cipher, KeyError> {
    if passphrase.len() < PASSPHRASE {
        return Err(wrong("the passphrase must be at least 16 bytes long"));
    }
    let mut key = Zeroizing::new([0; 32]);
    Argon2::default()
        .hash_password_into(passphrase.as_bytes(), salt, key.as_mut_slice())
        .map_err(|_| wrong("the passphrase can't be used"))?;
    cipher_of(suite, &key, "copy")
}

fn line_bound(number: usize, last: bool) -> Vec<u8> {
    bound(&["copy", &number.to_string(), if last { "last" } else { "more" }])
}

/// The whole store as a text. It can be taken while servers run.
///
/// # Errors
/// Where the store does not answer, or the passphrase is too short.
pub fn backup(keys: &Keys, passphrase: &str) -> Result<String, KeyError> {
    let salt = keys.world.secret::<16>();
    let cipher = cipher(keys.suite, passphrase, &salt)?;
    let parts = keys.db.read(parts)?;
    let mut text = format!("{MARK} {} {}\n", letter(keys.suite), BASE64.encode(&salt));
    let count = parts.len();
    for (number, part) in parts.iter().enumerate() {
        let json = serde_json::to_vec(part).map_err(|_| wrong("a part can't be written"))?;
        let sealed = cipher.seal(
            keys.world.secret(),
            &line_bound(number, number + 1 == count),
            &json,
        )?;
        text.push_str(&BASE64.encode(&sealed));
        text.push('\n');
    }
    Ok(text)
}

/// Destructions first: whoever reads the copy knows them before any key.
fn parts(tx: &mut Tx<'_>) -> Result<Vec<Part>, KeyError> {
    let index = rows::index(tx)?.ok_or_else(|| wrong("the key store is empty"))?;
    let sql = format!("SELECT {COLUMNS} FROM destruction ORDER BY id");
    let destructions = tx.query(&sql, &[])?;
    let domains = rows::domains(tx)?.into_iter().map(|row| {
        let (wrapped, blind) = (BASE64.encode(&row.wrapped), BASE64.encode(&row.blind));
        (
            row.domain,
            row.version,
            letter(row.suite).to_owned(),
            wrapped,
            blind,
            row.created_at,
        )
    });
    let mut parts = vec![Part {
        index: Some((letter(index.0).to_owned(), BASE64.encode(&index.1))),
        destructions: destructions.iter().map(destroy::read).collect::<Result<_, _>>()?,
        domains: domains.collect(),
        keys: Vec::new(),
    }];
    let mut after = String::new();
    loop {
        let rows = rows::keys_after(tx, &after)?;
        let Some(last) = rows.last() else { return Ok(parts) };
        after.clone_from(&last.id);
        let keys = rows.into_iter().map(|row| {
            let wrapped = BASE64.encode(&row.wrapped);
            (
                row.id,
                row.domain,
                row.subject,
                row.version,
                wrapped,
                row.created_at,
            )
        });
        parts.push(Part {
            keys: keys.collect(),
            ..Part::default()
        });
    }
}

fn read(text: &str, passphrase: &str) -> Result<Vec<Part>, KeyError> {
    let no_copy = || wrong("this is not a copy of a key store, or a newer program made it");
    let mut lines = text.lines();
    let head = lines
        .next()
        .and_then(|line| line.strip_prefix(MARK))
        .ok_or_else(no_copy)?;
    let (suite, salt) = head.trim().split_once(' ').ok_or_else(no_copy)?;
    let suite = suite_of(suite).ok_or_else(no_copy)?;
    let salt = BASE64.decode(salt.as_bytes()).map_err(|_| no_copy())?;
    let cipher = cipher(suite, passphrase, &salt)?;
    let lines: Vec<&str> = lines.collect();
    if lines.is_empty() {
        return Err(wrong("it is cut off"));
    }
    let open = |(number, line): (usize, &&str)| {
        let torn = || wrong("it does not open: the passphrase is another, or it was changed or cut off");
        let sealed = BASE64.decode(line.as_bytes()).map_err(|_| torn())?;
        let json = cipher
            .open(&line_bound(number, number + 1 == lines.len()), &sealed)
            .ok_or_else(torn)?;
        serde_json::from_slice(&json).map_err(|_| no_copy())
    };
    lines.iter().enumerate().map(open).collect()
}

fn bytes(text: &str) -> Result<Vec<u8>, KeyError> {
    BASE64
        .decode(text.as_bytes())
        .map_err(|_| wrong("a key in it can't be read"))
}

/// Brings the keys of a copy back into a store that is empty or the same. Keys that the store, the copy or `known` (the list in
/// the database of records) say were destroyed stay destroyed.
///
/// # Errors
/// Where the copy does not open, or the master key is not the one that it was made with; then nothing is changed.
pub fn restore(
    db: &Db,
    master: &dyn Master,
    copy: &str,
    passphrase: &str,
    known: Vec<Destruction>,
) -> Result<Restored, KeyError> {
    let parts = read(copy, passphrase)?;
    let index = parts.iter().find_map(|part| part.index.clone());
    let (suite, wrapped) = index.ok_or_else(|| wrong("it has no first key"))?;
    let suite = suite_of(&suite).ok_or_else(|| wrong("its suite is unknown"))?;
    let wrapped = bytes(&wrapped)?;
    let mark = bound(&["index"]);
    let opened = |wrapped: &[u8]| {
        master.unwrap(&mark, wrapped)?.ok_or_else(|| {
            KeyError::Master(format!(
                "{} is not the one this copy was made with",
                master.place()
            ))
        })
    };
    let own = opened(&wrapped)?;
    if let Some((_, there)) = db.read(rows::index)?
        && master.unwrap(&mark, &there)?.as_deref() != Some(&*own)
    {
        return Err(wrong(
            "the key store is in use and is another than the copy's; restore into an empty one",
        ));
    }
    let restored = db.write_exclusive(move |tx| {
        rows::set_index(tx, suite, &wrapped)?;
        let lists = parts.iter().flat_map(|part| &part.destructions).chain(&known);
        for entry in lists {
            destroy::add(tx, entry, Told::No)?;
            if let Some(id) = &entry.key_id {
                rows::drop_key(tx, id)?;
            }
        }
        let mut restored = Restored::default();
        for part in &parts {
            for (domain, version, suite, wrapped, blind, created_at) in &part.domains {
                if destroy::closed(tx, domain)? {
                    continue;
                }
                let suite = suite_of(suite).ok_or_else(|| wrong("a domain's suite is unknown"))?;
                let row = DomainRow {
                    domain: domain.clone(),
                    version: *version,
                    suite,
                    wrapped: bytes(wrapped)?,
                    blind: bytes(blind)?,
                    created_at: created_at.clone(),
                };
                rows::add_domain(tx, &row)?;
            }
            for (id, domain, subject, version, wrapped, created_at) in &part.keys {
                let gone = !rows::destroyed(tx, &[id])?.is_empty();
                if gone || destroy::refused(tx, domain, subject)? {
                    restored.destroyed += 1;
                    continue;
                }
                let row = KeyRow {
                    id: id.clone(),
                    domain: domain.clone(),
                    subject: subject.clone(),
                    version: *version,
                    wrapped: bytes(wrapped)?,
                    created_at: created_at.clone(),
                };
                restored.keys += rows::add_key(tx, &row)?;
            }
        }
        rows::raise_generation(tx)?;
        Ok::<_, KeyError>(restored)
    })?;
    tracing::info!(keys = restored.keys, "the key store was restored");
    db.scrub(rows::SCRUBBED)?;
    Ok(restored)
}
