//! [`Keys`]: sealing and opening, by keys that are made when first needed.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use banyan_base::{World, timestamp_text};
use banyan_store::{Db, Options, Tx};
use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

use super::cache::{Cache, DataKey, Domain, Newest};
use super::cipher::{OVERHEAD, Secret, bound, keyed_hash};
use super::form::{self, KeyId, Sealed, key_id};
use super::master::{FileMaster, Master, secret, unwrap, wrap};
use super::rows::{self, CHUNK, DomainRow, KeyRow};
use super::{KEY_MIGRATIONS, KeyError, destroy};
use crate::audit::Suite;

/// Where and how keys are kept.
#[derive(Clone, Debug)]
pub struct KeySettings {
    /// The file of the master key; made, with a fresh key, when the store is new.
    pub master: PathBuf,
    /// The key store: `sqlite:PATH` or `postgres://…`, never the database of records.
    pub database: String,
    /// How is sealed from now on; what the other suite sealed stays readable.
    pub suite: Suite,
    /// Unwrapped keys held in memory, at the most.
    pub cached: NonZeroUsize,
}

/// Where a text belongs. It is bound to the sealed text, which opens nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At<'a> {
    /// `<package>.<purpose>`.
    pub domain: &'a str,
    /// Id of the party whose data it is, or of the record.
    pub subject: &'a str,
    /// Which of the subject's texts: `<type>.<field>`, with the record's id where a subject has many records.
    pub place: &'a str,
}

impl At<'_> {
    fn bound(&self) -> Vec<u8> {
        bound(&[self.domain, self.subject, self.place])
    }
}

/// What the store holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Data keys.
    pub keys: u64,
    pub domains: u64,
    /// Keys destroyed so far.
    pub destroyed: u64,
    /// Unwrapped keys in this process's memory.
    pub cached: usize,
}

/// The keys of a platform.
pub struct Keys {
    pub(crate) db: Db,
    pub(crate) world: World,
    pub(crate) suite: Suite,
    pub(crate) master: Box<dyn Master>,
    /// Hashes subjects, per domain.
    pub(super) index: (Suite, Secret),
    cache: Mutex<Cache>,
    /// Whether something was deleted that may still stand in the store's files.
    pub(crate) unscrubbed: AtomicBool,
}

/// How long an opened text may come from a key that another process has just destroyed.
const STALE: Duration = Duration::from_secs(1);

impl Keys {
    /// Opens the store with its master key in a file; both are made where there is neither.
    ///
    /// # Errors
    /// Where the store can't be opened, or the master key is not there or not the store's.
    pub fn open(settings: &KeySettings, world: &World) -> Result<Keys, KeyError> {
        let db = store(settings)?;
        if db.read(rows::index)?.is_none() {
            FileMaster::make(world, &settings.master)?;
        } else if !settings.master.exists() {
            return Err(KeyError::Master(format!(
                "{} is not there, and the key store opens with nothing else; bring it back from where its copy is kept",
                settings.master.display()
            )));
        }
        let master = FileMaster::read(world, &settings.master, settings.suite)?;
        Keys::over(db, settings, world, Box::new(master))
    }

    /// Opens the store that belongs to a database of records, as [`Keys::open`] does.
    ///
    /// # Errors
    /// Besides, where the records were sealed with the keys of another store: of one that was not restored with them, say.
    pub fn open_for(settings: &KeySettings, world: &World, records: &Db) -> Result<Keys, KeyError> {
        let row = records.query("SELECT id FROM key_store", &[])?;
        let known: Option<String> = row.first().map(|row| row.get(0)).transpose()?;
        let other = || {
            KeyError::Inconsistent(
                "the records were sealed with the keys of another store; bring that back (banyan keys restore), or what was sealed \
                 can't be read"
                    .into(),
            )
        };
        // Before a new one is made in its place.
        if known.is_some() && store(settings)?.read(rows::index)?.is_none() {
            return Err(other());
        }
        let keys = Keys::open(settings, world)?;
        match known {
            Some(id) if id != keys.id() => Err(other()),
            Some(_) => Ok(keys),
            None => {
                keys.belong(records)?;
                Ok(keys)
            }
        }
    }

    /// Lets the records say which store they need, once there are keys in it.
    pub(crate) fn belong(&self, records: &Db) -> Result<(), KeyError> {
        let (keys, _, destroyed) = self.db.read(rows::counts)?;
        if keys + destroyed > 0 {
            let id = self.id();
            records.write(move |tx| {
                let sql = "INSERT INTO key_store (id) VALUES (?1) ON CONFLICT DO NOTHING";
                tx.execute(sql, &[id.into()])
            })?;
        }
        Ok(())
    }

    /// What tells this store from every other.
    fn id(&self) -> String {
        self.hash("", "store")
    }

    /// Opens the store with a master key that lies elsewhere.
    ///
    /// # Errors
    /// Where the store can't be opened, or the master key is not the store's.
    pub fn open_with(
        settings: &KeySettings,
        world: &World,
        master: Box<dyn Master>,
    ) -> Result<Keys, KeyError> {
        Keys::over(store(settings)?, settings, world, master)
    }

    fn over(
        db: Db,
        settings: &KeySettings,
        world: &World,
        master: Box<dyn Master>,
    ) -> Result<Keys, KeyError> {
        let bound = bound(&["index"]);
        let stored = match db.read(rows::index)? {
            Some(stored) => stored,
            None => {
                let fresh = master.wrap(&bound, Zeroizing::new(world.secret::<32>()).as_slice())?;
                let suite = settings.suite;
                db.write(move |tx| rows::set_index(tx, suite, &fresh))?;
                db.read(rows::index)?
                    .ok_or_else(|| KeyError::Inconsistent("it did not keep its first key".into()))?
            }
        };
        let index = master.unwrap(&bound, &stored.1)?.and_then(|key| secret(&key));
        let index = index.ok_or_else(|| {
            KeyError::Master(format!(
                "{} is not the one this key store was made with",
                master.place()
            ))
        })?;
        let keys = Keys {
            db,
            world: world.clone(),
            suite: settings.suite,
            master,
            index: (stored.0, index),
            cache: Mutex::new(Cache::new(settings.cached)),
            unscrubbed: AtomicBool::new(true),
        };
        // What a process deleted before it was killed.
        keys.scrub_or_warn();
        Ok(keys)
    }

    /// Seals one text. Its key is made, and durable, where the subject has none.
    ///
    /// # Errors
    /// `Destroyed` where the subject was erased or the domain closed; where the store does not answer.
    pub fn seal(&self, at: &At<'_>, text: &str) -> Result<String, KeyError> {
        let sealed = self.seal_many(&[(*at, text)])?;
        sealed.into_iter().next().ok_or(KeyError::TooLong)
    }

    /// Seals many texts, in their order; new keys are made in one write.
    ///
    /// # Errors
    /// As [`Keys::seal`]; then none is sealed.
    pub fn seal_many(&self, texts: &[(At<'_>, &str)]) -> Result<Vec<String>, KeyError> {
        let subjects: BTreeSet<(&str, &str)> = texts.iter().map(|(at, _)| (at.domain, at.subject)).collect();
        let keys = self.keys_for(&subjects)?;
        let seal = |(at, text): &(At<'_>, &str)| {
            let key = keys.get(&(at.domain, at.subject)).ok_or(KeyError::TooLong)?;
            let mark = at.bound();
            let data = key
                .cipher(self.suite)?
                .seal(self.world.secret(), &mark, text.as_bytes())?;
            Ok(form::write(self.suite, &key.id, &data))
        };
        texts.iter().map(seal).collect()
    }

    /// Opens one text; `None` where its key was destroyed.
    ///
    /// # Errors
    /// `Foreign` where it is no sealed text, was changed or belongs elsewhere; where the store does not answer.
    pub fn unseal(&self, at: &At<'_>, sealed: &str) -> Result<Option<String>, KeyError> {
        let mut all = self.unseal_many(&[(*at, sealed)])?;
        Ok(all.pop().flatten())
    }

    /// Opens many texts, in their order; their keys are fetched by few statements.
    ///
    /// # Errors
    /// As [`Keys::unseal`].
    pub fn unseal_many(&self, texts: &[(At<'_>, &str)]) -> Result<Vec<Option<String>>, KeyError> {
        let foreign = |at: &At<'_>| KeyError::Foreign {
            what: format!("{} in {}", at.place, at.domain),
        };
        let read = |(at, text): &(At<'_>, &str)| form::read(text).ok_or_else(|| foreign(at));
        let parts: Vec<Sealed> = texts.iter().map(read).collect::<Result<_, _>>()?;
        let keys = self.by_id(&parts.iter().map(|sealed| sealed.key.as_str()).collect())?;
        let open = |((at, _), sealed): (&(At<'_>, &str), &Sealed)| {
            let Some(key) = keys.get(sealed.key.as_str()) else {
                return Ok(None);
            };
            let text = key.cipher(sealed.suite)?.open(&at.bound(), &sealed.data);
            let text = text.ok_or_else(|| foreign(at))?;
            let text = std::str::from_utf8(&text).map_err(|_| foreign(at))?;
            Ok(Some(text.to_owned()))
        };
        texts.iter().zip(&parts).map(open).collect()
    }

    /// What stands for `text` where it must be found again without being opened: 128 bits of a keyed hash, the same for equal
    /// texts at one place of a domain, and of use nowhere else.
    ///
    /// # Errors
    /// `Destroyed` where the domain was closed; where the store does not answer.
    pub fn blind(&self, domain: &str, place: &str, text: &str) -> Result<String, KeyError> {
        self.look(STALE)?;
        let domain = self.domain(domain)?;
        let hash = keyed_hash(domain.suite, domain.blind.as_slice(), &[&bound(&[place, text])]);
        Ok(BASE64URL_NOPAD.encode(hash.get(..16).unwrap_or_default()))
    }

    /// Whether a text has the form of a sealed one. Only opening tells whether it is one.
    pub fn is_sealed(text: &str) -> bool {
        form::read(text).is_some_and(|sealed| sealed.data.len() >= OVERHEAD)
    }

    /// Domains in which a subject has a key.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub fn domains_of(&self, subject: &str) -> Result<Vec<String>, KeyError> {
        let domains: BTreeSet<String> = self
            .db
            .read(rows::domains)?
            .into_iter()
            .map(|row| row.domain)
            .collect();
        let mut held = Vec::new();
        for domain in domains {
            let hash = self.hash(&domain, subject);
            if !self
                .db
                .read(|tx| rows::keys_of(tx, &domain, &[&hash]))?
                .is_empty()
            {
                held.push(domain);
            }
        }
        Ok(held)
    }

    /// # Errors
    /// Where the store does not answer.
    pub fn status(&self) -> Result<Status, KeyError> {
        let (keys, domains, destroyed) = self.db.read(rows::counts)?;
        let cached = self.cache().len();
        Ok(Status {
            keys,
            domains,
            destroyed,
            cached,
        })
    }

    /// Writes what waits and closes the store.
    pub fn close(&self) {
        self.db.close();
    }

    pub(crate) fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops what is held if another process destroyed or rotated keys; looks no more often than every `patience`.
    pub(crate) fn look(&self, patience: Duration) -> Result<i64, KeyError> {
        {
            let cache = self.cache();
            if cache.looked.is_some_and(|looked| looked.elapsed() < patience) {
                return Ok(cache.generation);
            }
        }
        let began = Instant::now();
        let rows = self.db.query(rows::GENERATION, &[])?;
        let found: i64 = rows.first().map_or(Ok(0), |row| row.get(0))?;
        let mut cache = self.cache();
        // It only ever rises: a slower look knows less than what is there already.
        if found > cache.generation {
            cache.restart(found);
        }
        cache.looked = cache.looked.max(Some(began));
        Ok(cache.generation)
    }

    /// A subject as the store knows it: a keyed hash, another in every domain.
    pub(crate) fn hash(&self, domain: &str, subject: &str) -> String {
        let (suite, key) = &self.index;
        let hash = keyed_hash(*suite, key.as_slice(), &[&bound(&[domain, subject])]);
        BASE64URL_NOPAD.encode(hash.get(..16).unwrap_or_default())
    }

    /// Keys by id; those destroyed are left out.
    fn by_id<'a>(&self, ids: &HashSet<&'a str>) -> Result<HashMap<&'a str, Arc<DataKey>>, KeyError> {
        let generation = self.look(STALE)?;
        let mut found = HashMap::with_capacity(ids.len());
        let mut missing = Vec::new();
        {
            let mut cache = self.cache();
            for id in ids {
                match cache.key(id) {
                    Some(key) => drop(found.insert(*id, key)),
                    None => missing.push(*id),
                }
            }
        }
        for ids in missing.chunks(CHUNK) {
            let (rows, mut gone) = self.db.read(|tx| {
                let rows = rows::keys(tx, ids)?;
                let there: HashSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
                let not: Vec<&str> = ids.iter().copied().filter(|id| !there.contains(id)).collect();
                let gone = if not.is_empty() {
                    Vec::new()
                } else {
                    rows::destroyed(tx, &not)?
                };
                Ok::<_, KeyError>((rows, gone))
            })?;
            let mut read: HashMap<KeyId, Arc<DataKey>> = HashMap::with_capacity(rows.len());
            for row in rows {
                match self.opened(&row) {
                    Ok(key) => drop(read.insert(row.id.clone(), Arc::new(key))),
                    Err(KeyError::Destroyed { .. }) => gone.push(row.id),
                    Err(error) => return Err(error),
                }
            }
            let mut cache = self.cache();
            for id in ids {
                if let Some(key) = read.get(*id) {
                    cache.keep(generation, None, key);
                    found.insert(*id, Arc::clone(key));
                } else if !gone.iter().any(|gone| gone == id) {
                    return Err(KeyError::Inconsistent(format!(
                        "it has no key {id}, and none was destroyed; is it the store that belongs to this database?"
                    )));
                }
            }
        }
        Ok(found)
    }

    /// Keys to seal with, by domain and subject; made where they are not there.
    fn keys_for<'a>(
        &self,
        subjects: &BTreeSet<(&'a str, &'a str)>,
    ) -> Result<HashMap<(&'a str, &'a str), Arc<DataKey>>, KeyError> {
        let generation = self.look(Duration::ZERO)?;
        let mut found = HashMap::with_capacity(subjects.len());
        let mut missing: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        {
            let mut cache = self.cache();
            for (domain, subject) in subjects {
                match cache.of_subject(&((*domain).to_owned(), (*subject).to_owned())) {
                    Some(key) => drop(found.insert((*domain, *subject), key)),
                    None => missing.entry(domain).or_default().push(subject),
                }
            }
        }
        for (domain, subjects) in missing {
            let hashes: Vec<(String, &str)> = subjects
                .iter()
                .map(|subject| (self.hash(domain, subject), *subject))
                .collect();
            for part in hashes.chunks(CHUNK) {
                let rows = self.rows_for(domain, part)?;
                let by_hash: HashMap<&str, &KeyRow> =
                    rows.iter().map(|row| (row.subject.as_str(), row)).collect();
                for (hash, subject) in part {
                    let row = by_hash.get(hash.as_str());
                    let row = row.ok_or_else(|| KeyError::Inconsistent("it did not keep a key".into()))?;
                    let key = Arc::new(self.opened(row)?);
                    let of = (domain.to_owned(), (*subject).to_owned());
                    self.cache().keep(generation, Some(of), &key);
                    found.insert((domain, *subject), key);
                }
            }
        }
        Ok(found)
    }

    /// Rows of a domain's subjects, at most [`CHUNK`]; made where they are not there.
    fn rows_for(&self, domain: &str, subjects: &[(String, &str)]) -> Result<Vec<KeyRow>, KeyError> {
        let hashes: Vec<&str> = subjects.iter().map(|(hash, _)| hash.as_str()).collect();
        let mut there = self.db.read(|tx| rows::keys_of(tx, domain, &hashes))?;
        while there.len() < hashes.len() {
            let parent = self.domain(domain)?;
            let mut fresh = Vec::new();
            for hash in &hashes {
                if there.iter().any(|row| row.subject == *hash) {
                    continue;
                }
                let id = key_id(self.world.secret());
                let mark = data_bound(domain, hash, &id);
                let key = Zeroizing::new(self.world.secret::<32>());
                fresh.push(KeyRow {
                    wrapped: wrap(
                        &self.world,
                        self.suite,
                        &parent.key,
                        DOMAIN_LABEL,
                        &mark,
                        key.as_slice(),
                    )?,
                    id,
                    domain: domain.to_owned(),
                    subject: (*hash).to_owned(),
                    version: parent.version,
                    created_at: timestamp_text(self.world.now()),
                });
            }
            let asked: Vec<String> = hashes.iter().map(|hash| (*hash).to_owned()).collect();
            let (name, version) = (domain.to_owned(), parent.version);
            match self
                .db
                .write(move |tx| make(tx, &name, version, &fresh, &asked))?
            {
                // One that was destroyed since it was read is made anew.
                Some(rows) => there = rows,
                // The domain's key was rotated away meanwhile.
                None => drop(self.look(Duration::ZERO)?),
            }
        }
        Ok(there)
    }

    /// The newest key of a domain; made where there is none.
    pub(super) fn domain(&self, name: &str) -> Result<Arc<Domain>, KeyError> {
        if let Some(domain) = self.cache().domain(name) {
            return Ok(domain);
        }
        let generation = self.cache().generation;
        let row = match self.stored_domain(name)? {
            Some(row) => row,
            None => {
                let blind = Zeroizing::new(self.world.secret::<32>());
                let fresh = self.wrapped_domain(name, 1, self.suite, &blind)?;
                self.db.write(move |tx| {
                    if destroy::closed(tx, &fresh.domain)? {
                        return Err(KeyError::Destroyed {
                            domain: fresh.domain.clone(),
                        });
                    }
                    Ok(rows::add_domain(tx, &fresh)?)
                })?;
                let stored = self.stored_domain(name)?;
                stored.ok_or_else(|| KeyError::Destroyed {
                    domain: name.to_owned(),
                })?
            }
        };
        let domain = Arc::new(self.opened_domain(&row)?);
        self.cache().keep_domain(generation, name, &domain, Newest::Yes);
        Ok(domain)
    }

    pub(super) fn stored_domain(&self, name: &str) -> Result<Option<DomainRow>, KeyError> {
        Ok(self.db.read(|tx| rows::domain(tx, name))?)
    }

    /// The version of the domain's key that wraps a key.
    pub(super) fn wrapping(&self, row: &KeyRow) -> Result<Arc<Domain>, KeyError> {
        let known = self.cache().version(&row.domain, row.version);
        if let Some(domain) = known {
            return Ok(domain);
        }
        let generation = self.cache().generation;
        let stored = self
            .db
            .read(|tx| rows::domain_version(tx, &row.domain, row.version))?;
        let Some(stored) = stored else {
            // Closing a domain takes its own key first, those of its subjects after.
            return Err(match self.db.read(|tx| destroy::closed(tx, &row.domain))? {
                true => KeyError::Destroyed {
                    domain: row.domain.clone(),
                },
                false => torn(&row.id),
            });
        };
        let domain = Arc::new(self.opened_domain(&stored)?);
        self.cache()
            .keep_domain(generation, &row.domain, &domain, Newest::Unknown);
        Ok(domain)
    }

    fn opened(&self, row: &KeyRow) -> Result<DataKey, KeyError> {
        let mark = data_bound(&row.domain, &row.subject, &row.id);
        let key = unwrap(&self.wrapping(row)?.key, DOMAIN_LABEL, &mark, &row.wrapped)?;
        let key = key.and_then(|key| secret(&key)).ok_or_else(|| torn(&row.id))?;
        Ok(DataKey::new(row.id.clone(), &key))
    }

    pub(super) fn opened_domain(&self, row: &DomainRow) -> Result<Domain, KeyError> {
        let torn = || KeyError::Inconsistent(format!("the key of {} does not open", row.domain));
        let opened = |bound: &[u8], wrapped: &[u8]| {
            let key = self.master.unwrap(bound, wrapped)?;
            key.and_then(|key| secret(&key)).ok_or_else(torn)
        };
        Ok(Domain {
            version: row.version,
            key: opened(&domain_bound(&row.domain, row.version), &row.wrapped)?,
            blind: opened(&blind_bound(&row.domain), &row.blind)?,
            suite: row.suite,
        })
    }

    /// A fresh key for a domain, wrapped.
    pub(super) fn wrapped_domain(
        &self,
        name: &str,
        version: i64,
        suite: Suite,
        blind: &Secret,
    ) -> Result<DomainRow, KeyError> {
        let key = Zeroizing::new(self.world.secret::<32>());
        Ok(DomainRow {
            domain: name.to_owned(),
            version,
            suite,
            wrapped: self.master.wrap(&domain_bound(name, version), key.as_slice())?,
            blind: self.master.wrap(&blind_bound(name), blind.as_slice())?,
            created_at: timestamp_text(self.world.now()),
        })
    }
}

pub(super) const DOMAIN_LABEL: &str = "domain";

/// The key store itself, brought up to date, without a master key: for restoring into it.
///
/// # Errors
/// Where it can't be opened.
pub fn store(settings: &KeySettings) -> Result<Db, KeyError> {
    let options = Options {
        connections: 4,
        overwrite_deleted: true,
        beside: true,
    };
    let db = Db::open(&settings.database, &options)?;
    db.migrate(&[&KEY_MIGRATIONS])?;
    Ok(db)
}

pub(super) fn torn(id: &str) -> KeyError {
    KeyError::Inconsistent(format!("the key {id} does not open under its domain's"))
}

/// What is bound to a domain's key when it is wrapped.
pub(super) fn domain_bound(name: &str, version: i64) -> Vec<u8> {
    bound(&["domain", name, &version.to_string()])
}

pub(super) fn blind_bound(name: &str) -> Vec<u8> {
    bound(&["blind", name])
}

/// What is bound to a data key when it is wrapped.
pub(super) fn data_bound(domain: &str, subject: &str, id: &str) -> Vec<u8> {
    bound(&["data", domain, subject, id])
}

/// Adds keys, and gives those of all subjects (hashes) asked for; `None` where the version that wraps them is gone.
fn make(
    tx: &mut Tx<'_>,
    domain: &str,
    version: i64,
    fresh: &[KeyRow],
    subjects: &[String],
) -> Result<Option<Vec<KeyRow>>, KeyError> {
    if rows::domain_version(tx, domain, version)?.is_none() {
        return Ok(None);
    }
    for row in fresh {
        if destroy::refused(tx, domain, &row.subject)? {
            return Err(KeyError::Destroyed {
                domain: domain.to_owned(),
            });
        }
        rows::add_key(tx, row)?;
    }
    let subjects: Vec<&str> = subjects.iter().map(String::as_str).collect();
    Ok(Some(rows::keys_of(tx, domain, &subjects)?))
}
