//! New keys in the place of old: a domain's, and the master's.

use std::time::Duration;

use super::cipher::bound;
use super::master::{Master, unwrap, wrap};
use super::rows::{self, CHUNK, KeyRow};
use super::vault::{DOMAIN_LABEL, blind_bound, data_bound, domain_bound, torn};
use super::{KeyError, Keys};

impl Keys {
    /// Gives a domain a new key, and wraps the keys of its subjects by it, by the suite that is configured now. What is sealed
    /// stays as it is. Gives how many keys were wrapped anew.
    ///
    /// # Errors
    /// Where the domain has no key, or the store does not answer; then what was done is kept, and rotating again goes on.
    pub fn rotate(&self, domain: &str) -> Result<u64, KeyError> {
        let old = self.stored_domain(domain)?;
        let old = old.ok_or_else(|| KeyError::Inconsistent(format!("there is no domain named {domain}")))?;
        let version = old.version + 1;
        let blind = self.opened_domain(&old)?;
        let row = self.wrapped_domain(domain, version, blind.suite, &blind.blind)?;
        self.db.write(move |tx| {
            rows::add_domain(tx, &row)?;
            rows::raise_generation(tx)
        })?;
        self.look(Duration::ZERO)?;
        let mut count = 0;
        loop {
            let fresh = self.domain(domain)?;
            let name = domain.to_owned();
            let rows = self
                .db
                .write(move |tx| rows::keys_not_of(tx, &name, version, CHUNK as u32))?;
            if rows.is_empty() {
                break;
            }
            count += rows.len() as u64;
            let mut wrapped = Vec::new();
            for row in rows {
                let mark = data_bound(&row.domain, &row.subject, &row.id);
                let key = unwrap(&self.wrapping(&row)?.key, DOMAIN_LABEL, &mark, &row.wrapped)?;
                let key = key.ok_or_else(|| torn(&row.id))?;
                let again = wrap(&self.world, self.suite, &fresh.key, DOMAIN_LABEL, &mark, &key)?;
                wrapped.push(KeyRow {
                    version: fresh.version,
                    wrapped: again,
                    ..row
                });
            }
            self.db
                .write(move |tx| wrapped.iter().try_for_each(|row| rows::rewrap_key(tx, row)))?;
        }
        let name = domain.to_owned();
        self.db.write(move |tx| {
            rows::drop_older(tx, &name, version)?;
            rows::raise_generation(tx)
        })?;
        self.look(Duration::ZERO)?;
        self.mark_unscrubbed();
        self.scrub()?;
        Ok(count)
    }

    /// Wraps the keys of all domains by another master key. The old one opens nothing any more, but copies of the store made
    /// before. Running servers must be started again with the new one.
    ///
    /// # Errors
    /// Where a master key or the store does not answer; then nothing is changed.
    pub fn rotate_master(&self, master: &dyn Master) -> Result<(), KeyError> {
        let mut domains = self.db.read(rows::domains)?;
        for row in &mut domains {
            let opened = self.opened_domain(row)?;
            let bound = domain_bound(&row.domain, row.version);
            row.wrapped = master.wrap(&bound, opened.key.as_slice())?;
            row.blind = master.wrap(&blind_bound(&row.domain), opened.blind.as_slice())?;
        }
        let index = master.wrap(&bound(&["index"]), self.index.1.as_slice())?;
        self.db.write_exclusive(move |tx| {
            if rows::domains(tx)?.len() != domains.len() {
                return Err(KeyError::Inconsistent(
                    "a domain was added meanwhile; try again".into(),
                ));
            }
            rows::rewrap_index(tx, index)?;
            domains.iter().try_for_each(|row| rows::rewrap_domain(tx, row))?;
            rows::raise_generation(tx)?;
            Ok::<_, KeyError>(())
        })?;
        self.mark_unscrubbed();
        self.scrub()
    }
}
