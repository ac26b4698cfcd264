//! The key store's SQL. It holds wrapped keys and hashes only.

use banyan_store::{Error, Tx, Value};

use super::form::{KeyId, StoredSuite, letter};
use crate::audit::Suite;

/// The tables that a destruction leaves traces in.
pub(crate) const SCRUBBED: &[&str] = &["data_key", "domain_key"];

pub(crate) struct DomainRow {
    pub(crate) domain: String,
    pub(crate) version: i64,
    /// Of the blind index.
    pub(crate) suite: Suite,
    pub(crate) wrapped: Vec<u8>,
    pub(crate) blind: Vec<u8>,
    pub(crate) created_at: String,
}

pub(crate) struct KeyRow {
    pub(crate) id: KeyId,
    pub(crate) domain: String,
    /// A keyed hash of the subject.
    pub(crate) subject: String,
    pub(crate) version: i64,
    pub(crate) wrapped: Vec<u8>,
    pub(crate) created_at: String,
}

pub(crate) fn generation(tx: &mut Tx<'_>) -> Result<i64, Error> {
    let row = tx.query_opt(GENERATION, &[])?;
    row.map_or(Ok(0), |row| row.get(0))
}

pub(crate) const GENERATION: &str = "SELECT number FROM key_meta WHERE name = 'generation'";

/// Every process that holds unwrapped keys will drop them.
pub(crate) fn raise_generation(tx: &mut Tx<'_>) -> Result<i64, Error> {
    tx.execute(
        "UPDATE key_meta SET number = number + 1 WHERE name = 'generation'",
        &[],
    )?;
    generation(tx)
}

/// The key that hashes subjects, wrapped by the master, and its suite.
pub(crate) fn index(tx: &mut Tx<'_>) -> Result<Option<(Suite, Vec<u8>)>, Error> {
    let row = tx.query_opt("SELECT suite, wrapped FROM key_meta WHERE name = 'index'", &[])?;
    row.map(|row| Ok((row.get::<StoredSuite>(0)?.0, row.get(1)?)))
        .transpose()
}

/// Puts it there unless another process did.
pub(crate) fn set_index(tx: &mut Tx<'_>, suite: Suite, wrapped: &[u8]) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO key_meta (name, suite, wrapped) VALUES ('index', ?1, ?2) ON CONFLICT (name) DO NOTHING",
        &[letter(suite).into(), wrapped.to_vec().into()],
    )?;
    Ok(())
}

pub(crate) fn rewrap_index(tx: &mut Tx<'_>, wrapped: Vec<u8>) -> Result<(), Error> {
    tx.execute(
        "UPDATE key_meta SET wrapped = ?1 WHERE name = 'index'",
        &[wrapped.into()],
    )?;
    Ok(())
}

const DOMAIN: &str = "SELECT domain, version, suite, wrapped, blind, created_at FROM domain_key";

fn domain_row(row: &banyan_store::Row) -> Result<DomainRow, Error> {
    Ok(DomainRow {
        domain: row.get(0)?,
        version: row.get(1)?,
        suite: row.get::<StoredSuite>(2)?.0,
        wrapped: row.get(3)?,
        blind: row.get(4)?,
        created_at: row.get(5)?,
    })
}

/// The newest version.
pub(crate) fn domain(tx: &mut Tx<'_>, name: &str) -> Result<Option<DomainRow>, Error> {
    let sql = format!("{DOMAIN} WHERE domain = ?1 ORDER BY version DESC LIMIT 1");
    tx.query_opt(&sql, &[name.into()])?
        .as_ref()
        .map(domain_row)
        .transpose()
}

/// One version; held until the transaction ends, so that it is not removed meanwhile.
pub(crate) fn domain_version(tx: &mut Tx<'_>, name: &str, version: i64) -> Result<Option<DomainRow>, Error> {
    let lock = if tx.is_read_only() {
        ""
    } else {
        tx.dialect().for_update()
    };
    let sql = format!("{DOMAIN} WHERE domain = ?1 AND version = ?2{lock}");
    let row = tx.query_opt(&sql, &[name.into(), version.into()])?;
    row.as_ref().map(domain_row).transpose()
}

/// Lets nobody else make or destroy keys of a domain until the transaction ends.
pub(crate) fn hold_domain(tx: &mut Tx<'_>, name: &str) -> Result<(), Error> {
    let lock = tx.dialect().for_update();
    tx.query(
        &format!("SELECT version FROM domain_key WHERE domain = ?1{lock}"),
        &[name.into()],
    )?;
    Ok(())
}

/// All versions of all domains.
pub(crate) fn domains(tx: &mut Tx<'_>) -> Result<Vec<DomainRow>, Error> {
    let rows = tx.query(&format!("{DOMAIN} ORDER BY domain, version"), &[])?;
    rows.iter().map(domain_row).collect()
}

pub(crate) fn add_domain(tx: &mut Tx<'_>, row: &DomainRow) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO domain_key (domain, version, suite, wrapped, blind, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (domain, version) DO NOTHING",
        &[
            row.domain.as_str().into(),
            row.version.into(),
            letter(row.suite).into(),
            row.wrapped.clone().into(),
            row.blind.clone().into(),
            row.created_at.as_str().into(),
        ],
    )?;
    Ok(())
}

pub(crate) fn rewrap_domain(tx: &mut Tx<'_>, row: &DomainRow) -> Result<(), Error> {
    tx.execute(
        "UPDATE domain_key SET wrapped = ?3, blind = ?4 WHERE domain = ?1 AND version = ?2",
        &[
            row.domain.as_str().into(),
            row.version.into(),
            row.wrapped.clone().into(),
            row.blind.clone().into(),
        ],
    )?;
    Ok(())
}

/// Removes versions before `version` that wrap nothing any more.
pub(crate) fn drop_older(tx: &mut Tx<'_>, name: &str, version: i64) -> Result<u64, Error> {
    tx.execute(
        "DELETE FROM domain_key WHERE domain = ?1 AND version < ?2 AND NOT EXISTS
            (SELECT 1 FROM data_key k WHERE k.domain = domain_key.domain AND k.domain_version = domain_key.version)",
        &[name.into(), version.into()],
    )
}

pub(crate) fn drop_domain(tx: &mut Tx<'_>, name: &str) -> Result<u64, Error> {
    tx.execute("DELETE FROM domain_key WHERE domain = ?1", &[name.into()])
}

const KEY: &str = "SELECT id, domain, subject, domain_version, wrapped, created_at FROM data_key";

fn key_row(row: &banyan_store::Row) -> Result<KeyRow, Error> {
    Ok(KeyRow {
        id: row.get(0)?,
        domain: row.get(1)?,
        subject: row.get(2)?,
        version: row.get(3)?,
        wrapped: row.get(4)?,
        created_at: row.get(5)?,
    })
}

/// Places `?n …` for values from number `first` on. Few lengths are used, so that few statements are prepared; what is too
/// many is the last value again.
fn places(first: usize, values: &mut Vec<Value>) -> String {
    let length = [1, 8, 64, CHUNK]
        .into_iter()
        .find(|length| *length >= values.len())
        .unwrap_or(values.len());
    if let Some(last) = values.last().cloned() {
        values.resize(length, last);
    }
    let list: Vec<String> = (first..first + length)
        .map(|number| format!("?{number}"))
        .collect();
    list.join(", ")
}

/// Keys asked for in one statement.
pub(crate) const CHUNK: usize = 500;

/// Keys by their ids, at most [`CHUNK`].
pub(crate) fn keys(tx: &mut Tx<'_>, ids: &[&str]) -> Result<Vec<KeyRow>, Error> {
    let mut values: Vec<Value> = ids.iter().map(|id| Value::from(*id)).collect();
    let sql = format!("{KEY} WHERE id IN ({})", places(1, &mut values));
    tx.query(&sql, &values)?.iter().map(key_row).collect()
}

/// Those of `ids`, at most [`CHUNK`], whose keys were destroyed.
pub(crate) fn destroyed(tx: &mut Tx<'_>, ids: &[&str]) -> Result<Vec<KeyId>, Error> {
    let mut values: Vec<Value> = ids.iter().map(|id| Value::from(*id)).collect();
    let sql = format!(
        "SELECT key_id FROM destruction WHERE key_id IN ({})",
        places(1, &mut values)
    );
    tx.query(&sql, &values)?.iter().map(|row| row.get(0)).collect()
}

/// Keys of subjects (hashes, at most [`CHUNK`]) of a domain.
pub(crate) fn keys_of(tx: &mut Tx<'_>, domain: &str, subjects: &[&str]) -> Result<Vec<KeyRow>, Error> {
    let mut values: Vec<Value> = subjects.iter().map(|subject| Value::from(*subject)).collect();
    let places = places(2, &mut values);
    values.insert(0, domain.into());
    let sql = format!("{KEY} WHERE domain = ?1 AND subject IN ({places})");
    tx.query(&sql, &values)?.iter().map(key_row).collect()
}

/// Keys of a domain that are not wrapped by `version`, a batch of them.
pub(crate) fn keys_not_of(
    tx: &mut Tx<'_>,
    domain: &str,
    version: i64,
    count: u32,
) -> Result<Vec<KeyRow>, Error> {
    let lock = tx.dialect().for_update();
    let sql = format!("{KEY} WHERE domain = ?1 AND domain_version <> ?2 LIMIT {count}{lock}");
    let rows = tx.query(&sql, &[domain.into(), version.into()])?;
    rows.iter().map(key_row).collect()
}

/// A page of all keys by id, for a copy.
pub(crate) fn keys_after(tx: &mut Tx<'_>, after: &str) -> Result<Vec<KeyRow>, Error> {
    let rows = tx.query(
        &format!("{KEY} WHERE id > ?1 ORDER BY id LIMIT 5000"),
        &[after.into()],
    )?;
    rows.iter().map(key_row).collect()
}

/// Adds a key unless the subject has one; gives how many were added.
pub(crate) fn add_key(tx: &mut Tx<'_>, row: &KeyRow) -> Result<u64, Error> {
    tx.execute(
        "INSERT INTO data_key (id, domain, subject, domain_version, wrapped, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO NOTHING",
        &[
            row.id.as_str().into(),
            row.domain.as_str().into(),
            row.subject.as_str().into(),
            row.version.into(),
            row.wrapped.clone().into(),
            row.created_at.as_str().into(),
        ],
    )
}

pub(crate) fn rewrap_key(tx: &mut Tx<'_>, row: &KeyRow) -> Result<(), Error> {
    tx.execute(
        "UPDATE data_key SET domain_version = ?2, wrapped = ?3 WHERE id = ?1",
        &[
            row.id.as_str().into(),
            row.version.into(),
            row.wrapped.clone().into(),
        ],
    )?;
    Ok(())
}

pub(crate) fn drop_key(tx: &mut Tx<'_>, id: &str) -> Result<u64, Error> {
    tx.execute("DELETE FROM data_key WHERE id = ?1", &[id.into()])
}

/// Keys, domains and destructions.
pub(crate) fn counts(tx: &mut Tx<'_>) -> Result<(u64, u64, u64), Error> {
    let row = tx.query_opt(
        "SELECT (SELECT COUNT(*) FROM data_key), (SELECT COUNT(DISTINCT domain) FROM domain_key),
                (SELECT COUNT(*) FROM destruction WHERE key_id IS NOT NULL)",
        &[],
    )?;
    row.map_or(Ok((0, 0, 0)), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
}
