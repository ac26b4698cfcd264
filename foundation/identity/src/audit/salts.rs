//! What stands for a person in the log: a hash under a salt of his own, which can be destroyed.
//!
//! The salts lie in a database of their own, so that no copy of the records holds them. Who has the log, the salts and the
//! key finds somebody's entries by his id; once his salt is gone nobody does, and every proof over the entries holds.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use banyan_base::World;
use banyan_store::{Db, Error, Migration, MigrationSet, Options, Value};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// 128 bits that stand for a person in entries.
pub type Token = [u8; 16];

/// Under which a salt is found: a hash of the person's id under the platform's key.
type Blind = [u8; 16];

pub(super) static MIGRATIONS: MigrationSet = MigrationSet {
    name: "audit",
    migrations: &[
        Migration {
            number: 1,
            name: "salt",
            sqlite: include_str!("../../migrations/sqlite/audit/0001_salt.sql"),
            postgres: include_str!("../../migrations/postgres/audit/0001_salt.sql"),
        },
        Migration {
            number: 2,
            name: "log",
            sqlite: include_str!("../../migrations/sqlite/audit/0002_log.sql"),
            postgres: include_str!("../../migrations/postgres/audit/0002_log.sql"),
        },
        Migration {
            number: 3,
            name: "act",
            sqlite: include_str!("../../migrations/sqlite/audit/0003_act.sql"),
            postgres: include_str!("../../migrations/postgres/audit/0003_act.sql"),
        },
        Migration {
            number: 4,
            name: "act_by_trace",
            sqlite: include_str!("../../migrations/sqlite/audit/0004_act_by_trace.sql"),
            postgres: include_str!("../../migrations/postgres/audit/0004_act_by_trace.sql"),
        },
        Migration {
            number: 5,
            name: "subject_access",
            sqlite: include_str!("../../migrations/sqlite/audit/0005_subject_access.sql"),
            postgres: include_str!("../../migrations/postgres/audit/0005_subject_access.sql"),
        },
    ],
};

/// Tokens that are remembered at the most; then all are forgotten and looked up anew.
const KEPT: usize = 65_536;
/// How long one is remembered: another server may have destroyed its salt.
const KEPT_TIME: Duration = Duration::from_secs(600);
/// Salts that one statement asks for or makes: a power of two.
pub(super) const CHUNK: usize = 512;

struct Cache {
    tokens: HashMap<Blind, Token>,
    since: Instant,
    /// Rises with each destruction.
    generation: u64,
}

/// The salts of all persons, opened when first needed.
pub struct Salts {
    url: String,
    key: Hmac<Sha256>,
    world: World,
    db: Mutex<Option<Db>>,
    cache: Mutex<Cache>,
}

fn cut(mac: Hmac<Sha256>) -> [u8; 16] {
    let bytes = mac.finalize().into_bytes();
    bytes.first_chunk().copied().unwrap_or_default()
}

fn token(salt: &[u8], subject: &str) -> Option<Token> {
    let mut mac = Hmac::<Sha256>::new_from_slice(salt).ok()?;
    mac.update(subject.as_bytes());
    Some(cut(mac))
}

/// `?1, ?2, …` or `(?1, ?2), (?3, ?4), …`.
pub(super) fn places(count: usize, width: usize) -> String {
    let row = |row: usize| {
        let texts: Vec<String> = (1..=width)
            .map(|place| format!("?{}", row * width + place))
            .collect();
        let text = texts.join(", ");
        if width == 1 { text } else { format!("({text})") }
    };
    (0..count).map(row).collect::<Vec<_>>().join(", ")
}

impl Salts {
    /// Salts in the database at `url`, found under hashes by `key`. It is opened, and its table made, when first needed.
    pub fn new(url: &str, key: &[u8; 32], world: &World) -> Salts {
        // HMAC fills a short key up with zeroes to a block.
        let mut block = [0; 64];
        for (to, from) in block.iter_mut().zip(key) {
            *to = *from;
        }
        Salts {
            url: url.to_owned(),
            key: Hmac::<Sha256>::new(&block.into()),
            world: world.clone(),
            db: Mutex::default(),
            cache: Mutex::new(Cache {
                tokens: HashMap::new(),
                since: Instant::now(),
                generation: 0,
            }),
        }
    }

    /// The database, opened if it is not yet.
    ///
    /// # Errors
    /// Where it can't be opened or its table made.
    pub fn open(&self) -> Result<Db, Error> {
        let mut db = self.db.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(db) = &*db {
            return Ok(db.clone());
        }
        // Never the pool of the records: salts are looked up and made while a transaction there is open.
        let opened = Db::open(
            &self.url,
            &Options {
                connections: 2,
                overwrite_deleted: true,
                beside: true,
            },
        )?;
        opened.migrate(&[&MIGRATIONS])?;
        *db = Some(opened.clone());
        Ok(opened)
    }

    /// Closes the database, if it was opened.
    pub fn close(&self) {
        if let Some(db) = self.db.lock().unwrap_or_else(PoisonError::into_inner).take() {
            db.close();
        }
    }

    fn blind(&self, subject: &str) -> Blind {
        let mut mac = self.key.clone();
        mac.update(b"salt/");
        mac.update(subject.as_bytes());
        cut(mac)
    }

    /// What stands for each of these persons, in their order; those who have no salt yet are given one.
    ///
    /// # Errors
    /// Where salts can't be read or made.
    pub fn tokens(&self, subjects: &[String]) -> Result<Vec<Token>, Error> {
        let blinds: Vec<Blind> = subjects.iter().map(|subject| self.blind(subject)).collect();
        let mut tokens: Vec<Option<Token>> = Vec::with_capacity(blinds.len());
        let generation = {
            let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
            if cache.tokens.len() >= KEPT || cache.since.elapsed() >= KEPT_TIME {
                cache.tokens.clear();
                cache.since = Instant::now();
            }
            tokens.extend(blinds.iter().map(|blind| cache.tokens.get(blind).copied()));
            cache.generation
        };
        let missing: BTreeSet<Blind> = tokens
            .iter()
            .zip(&blinds)
            .filter(|(token, _)| token.is_none())
            .map(|(_, blind)| *blind)
            .collect();
        if !missing.is_empty() {
            let salts: HashMap<Blind, Vec<u8>> = self.salts(&missing)?.into_iter().collect();
            for (place, (blind, subject)) in tokens.iter_mut().zip(blinds.iter().zip(subjects)) {
                if place.is_none() {
                    *place = salts.get(blind).and_then(|salt| token(salt, subject));
                }
            }
            let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
            // What was destroyed meanwhile must not come back.
            if cache.generation == generation {
                let known = blinds.iter().zip(&tokens);
                cache
                    .tokens
                    .extend(known.filter_map(|(blind, token)| token.map(|token| (*blind, token))));
            }
        }
        tokens
            .into_iter()
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| Error::Inconsistent {
                table: "audit_salt".into(),
                column: "salt".into(),
                row: "one that was just made".into(),
            })
    }

    fn salts(&self, blinds: &BTreeSet<Blind>) -> Result<Vec<(Blind, Vec<u8>)>, Error> {
        let db = self.open()?;
        // In order, so that two servers never wait for each other; whoever came first wins.
        let blinds: Vec<Blind> = blinds.iter().copied().collect();
        let known = db.read(|tx| find(tx, &blinds))?;
        if known.len() == blinds.len() {
            return Ok(known);
        }
        let there: BTreeSet<Blind> = known.into_iter().map(|(blind, _)| blind).collect();
        let new: Vec<(Blind, [u8; 32])> = blinds
            .iter()
            .filter(|blind| !there.contains(*blind))
            .map(|blind| (*blind, self.world.secret()))
            .collect();
        db.write(move |tx| {
            for chunk in new.chunks(CHUNK) {
                let values: Vec<Value> = padded(chunk)
                    .flat_map(|(blind, salt)| [Value::Blob(blind.to_vec()), Value::Blob(salt.to_vec())])
                    .collect();
                let sql = format!(
                    "INSERT INTO audit_salt (blind, salt) VALUES {} ON CONFLICT (blind) DO NOTHING",
                    places(values.len() / 2, 2)
                );
                tx.execute(&sql, &values)?;
            }
            find(tx, &blinds)
        })
    }

    /// What stands for a person, if he was ever in the log and is not forgotten: makes no salt.
    ///
    /// # Errors
    /// Where salts can't be read.
    pub fn known(&self, subject: &str) -> Result<Option<Token>, Error> {
        let blind = self.blind(subject);
        let found = self.open()?.read(|tx| find(tx, &[blind]))?;
        Ok(found.first().and_then(|(_, salt)| token(salt, subject)))
    }

    /// Destroys a person's salt: nobody can find his entries any more, and each proof over them still holds. False where
    /// there is none.
    ///
    /// # Errors
    /// Where it can't be destroyed.
    pub fn forget(&self, subject: &str) -> Result<bool, Error> {
        let blind = self.blind(subject);
        let destroyed = self.open()?.write(move |tx| {
            if tx.dialect() == banyan_store::Dialect::Sqlite {
                // What is deleted is overwritten.
                tx.batch("PRAGMA secure_delete = ON")?;
            }
            tx.execute(
                "DELETE FROM audit_salt WHERE blind = ?1",
                &[Value::Blob(blind.to_vec())],
            )
        })?;
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.generation += 1;
        cache.tokens.clear();
        Ok(destroyed > 0)
    }
}

/// The items, the last repeated up to a power of two: few different statements, each prepared once.
pub(super) fn padded<T: Copy>(items: &[T]) -> impl Iterator<Item = T> {
    let last = items.last().copied();
    let missing = items.len().next_power_of_two() - items.len();
    items
        .iter()
        .copied()
        .chain(last.into_iter().cycle().take(missing))
}

fn find(tx: &mut banyan_store::Tx<'_>, blinds: &[Blind]) -> Result<Vec<(Blind, Vec<u8>)>, Error> {
    let mut found = Vec::new();
    for chunk in blinds.chunks(CHUNK) {
        let values: Vec<Value> = padded(chunk).map(|blind| Value::Blob(blind.to_vec())).collect();
        let sql = format!(
            "SELECT blind, salt FROM audit_salt WHERE blind IN ({})",
            places(values.len(), 1)
        );
        for row in tx.query(&sql, &values)? {
            let blind: Vec<u8> = row.get(0)?;
            let blind = Blind::try_from(blind).map_err(|_| Error::Inconsistent {
                table: "audit_salt".into(),
                column: "blind".into(),
                row: String::new(),
            })?;
            found.push((blind, row.get(1)?));
        }
    }
    Ok(found)
}
