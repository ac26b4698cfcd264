//! Unwrapped keys in memory: bounded, wiped when they leave, emptied when a key was destroyed or rotated anywhere.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Instant;

use lru::LruCache;

use super::KeyError;
use super::cipher::{Cipher, Secret, drawn, key_length};
use super::form::KeyId;
use crate::audit::Suite;

/// The key of one subject in one domain, unwrapped.
pub(crate) struct DataKey {
    pub(crate) id: KeyId,
    international: Secret,
    sm: Secret,
}

impl DataKey {
    pub(crate) fn new(id: KeyId, secret: &Secret) -> DataKey {
        DataKey {
            id,
            international: drawn(Suite::International, secret, "data"),
            sm: drawn(Suite::Sm, secret, "data"),
        }
    }

    pub(crate) fn cipher(&self, suite: Suite) -> Result<Cipher, KeyError> {
        let key = match suite {
            Suite::International => &self.international,
            Suite::Sm => &self.sm,
        };
        key.get(..key_length(suite))
            .and_then(|key| Cipher::new(suite, key))
            .ok_or(KeyError::TooLong)
    }
}

/// A domain's key, unwrapped.
pub(crate) struct Domain {
    pub(crate) version: i64,
    pub(crate) key: Secret,
    /// For blind indexes; never changes, and its suite with it.
    pub(crate) blind: Secret,
    pub(crate) suite: Suite,
}

/// All of it is of one generation of the key store.
pub(crate) struct Cache {
    pub(crate) generation: i64,
    /// When the generation was last looked up.
    pub(crate) looked: Option<Instant>,
    keys: LruCache<KeyId, Arc<DataKey>>,
    /// By domain and subject.
    subjects: LruCache<(String, String), Arc<DataKey>>,
    /// The newest version of each domain, and those that still wrap keys.
    current: HashMap<String, Arc<Domain>>,
    older: HashMap<(String, i64), Arc<Domain>>,
}

impl Cache {
    pub(crate) fn new(bound: NonZeroUsize) -> Cache {
        Cache {
            generation: 0,
            looked: None,
            keys: LruCache::new(bound),
            subjects: LruCache::new(bound),
            current: HashMap::new(),
            older: HashMap::new(),
        }
    }

    /// Goes on in another generation, with nothing in it.
    pub(crate) fn restart(&mut self, generation: i64) {
        self.generation = generation;
        self.keys.clear();
        self.subjects.clear();
        self.current.clear();
        self.older.clear();
    }

    /// How many keys are held.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(crate) fn key(&mut self, id: &str) -> Option<Arc<DataKey>> {
        self.keys.get(id).cloned()
    }

    pub(crate) fn of_subject(&mut self, of: &(String, String)) -> Option<Arc<DataKey>> {
        self.subjects.get(of).cloned()
    }

    pub(crate) fn domain(&self, name: &str) -> Option<Arc<Domain>> {
        self.current.get(name).cloned()
    }

    pub(crate) fn version(&self, name: &str, version: i64) -> Option<Arc<Domain>> {
        let current = self.current.get(name).filter(|domain| domain.version == version);
        current
            .or_else(|| self.older.get(&(name.to_owned(), version)))
            .cloned()
    }

    /// Keeps a key that was read in `generation`; one that was destroyed since is not taken in.
    pub(crate) fn keep(&mut self, generation: i64, of: Option<(String, String)>, key: &Arc<DataKey>) {
        if generation == self.generation {
            self.keys.put(key.id.clone(), Arc::clone(key));
            if let Some(of) = of {
                self.subjects.put(of, Arc::clone(key));
            }
        }
    }

    pub(crate) fn keep_domain(&mut self, generation: i64, name: &str, domain: &Arc<Domain>, newest: Newest) {
        if generation != self.generation {
            return;
        }
        match newest {
            Newest::Yes => drop(self.current.insert(name.to_owned(), Arc::clone(domain))),
            Newest::Unknown => drop(
                self.older
                    .insert((name.to_owned(), domain.version), Arc::clone(domain)),
            ),
        }
    }
}

/// Whether a version of a domain's key is known to be its newest.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Newest {
    Yes,
    Unknown,
}
