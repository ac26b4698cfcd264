//! Destruction: the key goes from the store, from memory and from the store's files; a list keeps that it went.

use std::sync::atomic::Ordering;
use std::time::Duration;

use banyan_base::{Ctx, Event, Problem};
use banyan_store::{Db, Error, Row, Tx};
use serde_json::json;

use super::rows::{self, CHUNK, SCRUBBED};
use super::{KeyError, Keys};

/// Why a key was destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The retention of all that it seals ended. New data of the subject gets a new key.
    Expiry,
    /// The person asked for it. Nothing is sealed for the subject in the domain any more.
    Erasure,
    /// The domain was closed, as its purpose's sunset says.
    Sunset,
}

impl Reason {
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Expiry => "expiry",
            Reason::Erasure => "erasure",
            Reason::Sunset => "sunset",
        }
    }

    pub fn parse(text: &str) -> Option<Reason> {
        [Reason::Expiry, Reason::Erasure, Reason::Sunset]
            .into_iter()
            .find(|reason| reason.as_str() == text)
    }

    /// Whether sealing for the subject is refused from then on.
    fn is_final(self) -> bool {
        self != Reason::Expiry
    }
}

/// One entry of the list. It says of the subject nothing but a keyed hash.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Destruction {
    pub id: String,
    /// RFC 3339.
    pub at: String,
    pub domain: String,
    /// The subject's keyed hash; empty for the domain as a whole.
    pub subject: String,
    /// The key that went; `None` where only later sealing is refused.
    pub key_id: Option<String>,
    pub reason: String,
    /// Whether sealing for the subject is refused from then on.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// Account that asked for it or approved of it; `system` for what expired.
    pub by: String,
}

pub(crate) const COLUMNS: &str = "id, at, domain, subject, key_id, reason, final, by_whom";

pub(crate) fn read(row: &Row) -> Result<Destruction, Error> {
    Ok(Destruction {
        id: row.get(0)?,
        at: row.get(1)?,
        domain: row.get(2)?,
        subject: row.get(3)?,
        key_id: row.get(4)?,
        reason: row.get(5)?,
        is_final: row.get(6)?,
        by: row.get(7)?,
    })
}

fn values(entry: &Destruction) -> Vec<banyan_store::Value> {
    vec![
        entry.id.as_str().into(),
        entry.at.as_str().into(),
        entry.domain.as_str().into(),
        entry.subject.as_str().into(),
        entry.key_id.clone().into(),
        entry.reason.as_str().into(),
        entry.is_final.into(),
        entry.by.as_str().into(),
    ]
}

/// Adds to the key store's list; what stands there already stays.
pub(crate) fn add(tx: &mut Tx<'_>, entry: &Destruction, told: Told) -> Result<(), Error> {
    let mut values = values(entry);
    values.push((told == Told::Yes).into());
    tx.execute(
        &format!(
            "INSERT INTO destruction ({COLUMNS}, told) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING"
        ),
        &values,
    )?;
    Ok(())
}

/// Whether the feed has an entry already.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    Yes,
    No,
}

/// Whether sealing for a subject (hash) is refused.
pub(crate) fn refused(tx: &mut Tx<'_>, domain: &str, subject: &str) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM destruction WHERE domain = ?1 AND subject IN ('', ?2) AND final = 1 LIMIT 1";
    Ok(tx.query_opt(sql, &[domain.into(), subject.into()])?.is_some())
}

/// Whether a domain was closed.
pub(crate) fn closed(tx: &mut Tx<'_>, domain: &str) -> Result<bool, Error> {
    refused(tx, domain, "")
}

/// The list as the database of records keeps it; empty where it has none yet.
///
/// # Errors
/// Where the database does not answer.
pub fn destructions(records: &Db) -> Result<Vec<Destruction>, KeyError> {
    let sql = format!("SELECT {COLUMNS} FROM key_destruction ORDER BY id");
    records.migrate(&[&super::ERASURE_MIGRATIONS])?;
    let rows = records.read(|tx| tx.query(&sql, &[]))?;
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

impl Keys {
    /// Destroys the key of a subject in a domain, for good where a person asked for it. `None` where there was nothing to
    /// destroy. The caller says [`Keys::scrub`] after the last of several.
    ///
    /// # Errors
    /// Where the store does not answer; then the key is still there.
    pub fn destroy(
        &self,
        cx: &Ctx,
        domain: &str,
        subject: &str,
        reason: Reason,
        by: &str,
    ) -> Result<Option<Destruction>, KeyError> {
        let hash = self.hash(domain, subject);
        let mut entry = Destruction {
            id: cx.id().into_string(),
            at: cx.now_text(),
            domain: domain.to_owned(),
            subject: hash,
            key_id: None,
            reason: reason.as_str().into(),
            is_final: reason.is_final(),
            by: by.to_owned(),
        };
        let done = self.db.write(move |tx| {
            rows::hold_domain(tx, &entry.domain)?;
            let key = rows::keys_of(tx, &entry.domain, &[&entry.subject])?;
            let refuse_later = entry.is_final && !refused(tx, &entry.domain, &entry.subject)?;
            if let Some(key) = key.first() {
                rows::drop_key(tx, &key.id)?;
                entry.key_id = Some(key.id.clone());
            } else if !refuse_later {
                return Ok::<_, KeyError>(None);
            }
            add(tx, &entry, Told::No)?;
            rows::raise_generation(tx)?;
            Ok(Some(entry))
        })?;
        if done.is_some() {
            self.mark_unscrubbed();
            self.look(Duration::ZERO)?;
        }
        Ok(done)
    }

    /// Closes a domain: all its keys go, and nothing is sealed in it any more. Gives how many went.
    ///
    /// # Errors
    /// Where the store does not answer; closing again goes on.
    pub fn close_domain(&self, cx: &Ctx, domain: &str, by: &str) -> Result<u64, KeyError> {
        let entry = |id: String, subject: String, key_id: Option<String>| Destruction {
            id,
            at: cx.now_text(),
            domain: domain.to_owned(),
            subject,
            key_id,
            reason: Reason::Sunset.as_str().into(),
            is_final: true,
            by: by.to_owned(),
        };
        let whole = entry(cx.id().into_string(), String::new(), None);
        // The domain's own key first: with it every wrapped key is dead at once.
        self.db.write(move |tx| {
            if !closed(tx, &whole.domain)? {
                add(tx, &whole, Told::No)?;
            }
            rows::drop_domain(tx, &whole.domain)?;
            rows::raise_generation(tx)
        })?;
        self.look(Duration::ZERO)?;
        let mut count = 0;
        loop {
            let name = domain.to_owned();
            let rows = self
                .db
                .write(move |tx| rows::keys_not_of(tx, &name, -1, CHUNK as u32))?;
            if rows.is_empty() {
                break;
            }
            let entries: Vec<Destruction> = rows
                .into_iter()
                .map(|row| entry(cx.id().into_string(), row.subject, Some(row.id)))
                .collect();
            count += entries.len() as u64;
            self.db.write(move |tx| {
                for entry in &entries {
                    rows::drop_key(tx, entry.key_id.as_deref().unwrap_or_default())?;
                    add(tx, entry, Told::No)?;
                }
                rows::raise_generation(tx)
            })?;
        }
        self.look(Duration::ZERO)?;
        self.mark_unscrubbed();
        self.scrub()?;
        Ok(count)
    }

    /// The whole list, oldest first.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub fn destroyed(&self) -> Result<Vec<Destruction>, KeyError> {
        let rows = self
            .db
            .read(|tx| tx.query(&format!("SELECT {COLUMNS} FROM destruction ORDER BY id"), &[]))?;
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// Whether a domain was closed.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub fn is_closed(&self, domain: &str) -> Result<bool, KeyError> {
        Ok(self.db.read(|tx| closed(tx, domain))?)
    }

    pub(crate) fn mark_unscrubbed(&self) {
        self.unscrubbed.store(true, Ordering::SeqCst);
    }

    /// Takes what was deleted out of the store's files too. Cheap where nothing was.
    ///
    /// # Errors
    /// Where somebody holds on to the old state for long; the next scrub does it.
    pub fn scrub(&self) -> Result<(), KeyError> {
        if self.unscrubbed.swap(false, Ordering::SeqCst)
            && let Err(error) = self.db.scrub(SCRUBBED)
        {
            self.mark_unscrubbed();
            return Err(error.into());
        }
        Ok(())
    }

    pub(crate) fn scrub_or_warn(&self) {
        if let Err(error) = self.scrub() {
            tracing::warn!(%error, "deleted keys may still stand in the files of the key store; the next try comes with the day's work");
        }
    }

    /// Brings destructions that are not there yet into the database of records: an entry of its list, an event on the feed.
    ///
    /// # Errors
    /// Where a database does not answer; telling again goes on, and tells nothing twice.
    pub fn tell(&self, cx: &Ctx, records: &Db) -> Result<u64, Problem> {
        let mut count = 0;
        loop {
            let sql = format!("SELECT {COLUMNS} FROM destruction WHERE told = 0 ORDER BY id LIMIT {CHUNK}");
            let rows = self.db.read(|tx| tx.query(&sql, &[]))?;
            let entries: Vec<Destruction> = rows.iter().map(read).collect::<Result<_, _>>()?;
            if entries.is_empty() {
                return Ok(count);
            }
            count += entries.len() as u64;
            let (cx, telling) = (cx.clone(), entries.clone());
            records.write::<_, Problem>(move |tx| {
                telling.iter().try_for_each(|entry| tell_one(&cx, tx, entry))
            })?;
            self.db.write::<_, Error>(move |tx| {
                for entry in &entries {
                    tx.execute(
                        "UPDATE destruction SET told = 1 WHERE id = ?1",
                        &[entry.id.as_str().into()],
                    )?;
                }
                Ok(())
            })?;
        }
    }
}

fn tell_one(cx: &Ctx, tx: &mut Tx<'_>, entry: &Destruction) -> Result<(), Problem> {
    let sql = format!(
        "INSERT INTO key_destruction ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING"
    );
    if tx.execute(&sql, &values(entry))? == 0 {
        return Ok(());
    }
    let data = json!({
        "id": entry.id, "at": entry.at, "domain": entry.domain, "subject_hash": entry.subject, "reason": entry.reason,
        "by": entry.by,
    });
    tx.emit(&Event::new(
        cx,
        "/banyan/platform",
        "banyan.platform.key.destroyed",
        Some(format!("platform.destruction/{}", entry.id)),
        data,
    ))?;
    Ok(())
}
