//! The log as it is written: entries are durable in groups, and every second what came is put into tiles and signed.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::hash::Suite;
use super::journal::{self, Journal};
use super::note::{Checkpoint, Signer, Verifier};
use super::tiles::{Column, MAX_ENTRY, Reader, TILE, Tile, bundle, tiles_of, write_whole};
use super::tree::{Edge, perfect};

/// Entries that may wait to become durable; those above are refused, and with them their acts.
const WAITING: usize = 65_536;
/// A checkpoint is signed when this many entries came since the last, or this long after the first of them.
const SEAL_COUNT: usize = 32_768;
const SEAL_TIME: Duration = Duration::from_secs(1);

/// Why the log can't be opened or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("the audit log at {path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("the audit log at {path} is not what it was: {what}")]
    Broken { path: PathBuf, what: String },
    #[error("another process writes the audit log at {0}")]
    Taken(PathBuf),
    #[error("an audit entry of {0} bytes is longer than {MAX_ENTRY}")]
    TooLong(usize),
    #[error("more audit entries wait than the log can take")]
    Full,
    #[error("the audit log can't be written: {0}")]
    Failed(String),
}

#[derive(Default)]
struct Queue {
    /// Entries that are not durable yet, the first with index `next - waiting.len()`.
    waiting: Vec<Vec<u8>>,
    /// The index the next entry gets.
    next: u64,
    /// Entries below this index are durable.
    durable: u64,
    /// Entries below this index are under a signed checkpoint.
    sealed: u64,
    failed: Option<String>,
    closing: bool,
}

struct Shared {
    queue: Mutex<Queue>,
    /// Something came to be written, or the end.
    came: Condvar,
    /// Something became durable or sealed, or failed.
    done: Condvar,
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, what: &str) {
        tracing::error!(cause = %what, "the audit log can't be written: every act is refused");
        self.lock().failed = Some(what.to_owned());
        self.done.notify_all();
    }
}

/// An append-only log in a folder. Cheap to clone; the last clone seals what waits when it goes.
#[derive(Clone)]
pub struct Log {
    shared: Arc<Shared>,
    reader: Reader,
    verifier: Verifier,
    threads: Arc<Threads>,
}

/// The threads that write and seal. One process at a time: the lock on the folder is theirs.
struct Threads {
    shared: Arc<Shared>,
    running: Mutex<Vec<std::thread::JoinHandle<()>>>,
    _lock: fs::File,
}

impl Threads {
    fn end(&self) {
        self.shared.lock().closing = true;
        self.shared.came.notify_all();
        let threads = std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            let _ = thread.join();
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.end();
    }
}

/// The promise that an entry becomes durable.
#[derive(Clone)]
pub struct Ticket {
    shared: Arc<Shared>,
    pub index: u64,
}

impl Ticket {
    fn wait_for(&self, reached: impl Fn(&Queue) -> bool) -> Result<(), LogError> {
        let mut queue = self.shared.lock();
        loop {
            if reached(&queue) {
                return Ok(());
            }
            if let Some(what) = &queue.failed {
                return Err(LogError::Failed(what.clone()));
            }
            queue = self
                .shared
                .done
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Returns when the entry is durable.
    ///
    /// # Errors
    /// Where the log can't be written.
    pub fn wait(&self) -> Result<(), LogError> {
        self.wait_for(|queue| queue.durable > self.index)
    }

    /// Returns when the entry is in a tree whose checkpoint is signed.
    ///
    /// # Errors
    /// Where the log can't be written.
    pub fn wait_sealed(&self) -> Result<(), LogError> {
        self.wait_for(|queue| queue.sealed > self.index)
    }
}

/// What goes to the thread that seals: entries, their first index, and the journal file that holds them.
struct Batch {
    first: u64,
    entries: Vec<Vec<u8>>,
    journal: PathBuf,
}

struct Sealer {
    reader: Reader,
    signer: Signer,
    origin: String,
    edge: Edge,
    /// Hashes of each level's last, unfinished tile.
    partial: Vec<Vec<super::Hash>>,
    /// Entries of the last, unfinished bundle.
    bundle: Vec<Vec<u8>>,
}

impl Log {
    /// Opens the log in `folder`, or begins it. What was durable and not sealed is sealed first.
    ///
    /// # Errors
    /// Where files can't be read or written, or do not agree with the last signed checkpoint.
    pub fn open(folder: &Path, origin: &str, suite: Suite, signer: Signer) -> Result<Log, LogError> {
        let io = |source| LogError::Io {
            path: folder.to_owned(),
            source,
        };
        let broken = |what: &str| LogError::Broken {
            path: folder.to_owned(),
            what: what.to_owned(),
        };
        fs::create_dir_all(folder).map_err(io)?;
        let lock = fs::File::create(folder.join("lock")).map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(LogError::Taken(folder.to_owned())),
            Err(fs::TryLockError::Error(error)) => return Err(io(error)),
        }
        let (reader, verifier) = (
            Reader {
                folder: folder.to_owned(),
                suite,
            },
            signer.verifier(),
        );
        let size = match fs::read_to_string(folder.join("checkpoint")) {
            Ok(note) => {
                let checkpoint = verifier
                    .open(&note)
                    .filter(|checkpoint| checkpoint.origin == origin)
                    .ok_or_else(|| broken("the checkpoint is not signed by this log's key"))?;
                let roots = reader.edge(checkpoint.size).map_err(io)?;
                let edge = Edge::from_roots(suite, checkpoint.size, roots);
                if edge.map(|edge| edge.root()) != Some(checkpoint.root) {
                    return Err(broken("the tiles do not give the root of the checkpoint"));
                }
                checkpoint.size
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(io(error)),
        };
        let mut sealer = Sealer::at(&reader, signer, origin, size).map_err(io)?;
        let old = journal::files(folder).map_err(io)?;
        let mut next = size;
        let mut left = Vec::new();
        for file in &old {
            for (index, entry) in journal::read(file).map_err(io)? {
                if index == next {
                    left.push(entry);
                    next += 1;
                } else if index > next {
                    return Err(broken("the journal has a gap"));
                }
            }
        }
        if next > 0 && (!left.is_empty() || size == 0) {
            sealer.seal(size, &left).map_err(io)?;
        }
        let journal = Journal::begin(folder, next).map_err(io)?;
        for file in old.iter().filter(|file| **file != journal.path) {
            fs::remove_file(file).map_err(io)?;
        }
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue {
                next,
                durable: next,
                sealed: next,
                ..Queue::default()
            }),
            came: Condvar::new(),
            done: Condvar::new(),
        });
        let (sender, receiver) = sync_channel(2);
        let (writing, sealing) = (Arc::clone(&shared), Arc::clone(&shared));
        let place = folder.to_owned();
        let writer = std::thread::Builder::new()
            .name("audit-write".into())
            .spawn(move || write(&writing, &place, journal, &sender))
            .map_err(io)?;
        let sealer = std::thread::Builder::new()
            .name("audit-seal".into())
            .spawn(move || seal(&sealing, sealer, &receiver))
            .map_err(io)?;
        Ok(Log {
            shared: Arc::clone(&shared),
            reader,
            verifier,
            threads: Arc::new(Threads {
                shared,
                running: Mutex::new(vec![writer, sealer]),
                _lock: lock,
            }),
        })
    }

    /// Takes an entry; it is not durable before the ticket says so.
    ///
    /// # Errors
    /// Where the log has failed, too many entries wait, or the entry is too long.
    pub fn append(&self, entry: Vec<u8>) -> Result<Ticket, LogError> {
        if entry.len() > MAX_ENTRY {
            return Err(LogError::TooLong(entry.len()));
        }
        let mut queue = self.shared.lock();
        if let Some(what) = &queue.failed {
            return Err(LogError::Failed(what.clone()));
        }
        if queue.closing || queue.waiting.len() >= WAITING {
            return Err(LogError::Full);
        }
        let index = queue.next;
        queue.next += 1;
        queue.waiting.push(entry);
        drop(queue);
        self.shared.came.notify_one();
        Ok(Ticket {
            shared: Arc::clone(&self.shared),
            index,
        })
    }

    /// The public files.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// The key that checks the log's checkpoints.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The last signed checkpoint as a note; `None` before the first entry is sealed.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn checkpoint(&self) -> io::Result<Option<String>> {
        match fs::read_to_string(self.reader.folder.join("checkpoint")) {
            Ok(note) => Ok(Some(note)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes and seals what waits, and ends.
    pub fn close(&self) {
        self.threads.end();
    }
}

/// Makes entries durable in groups, and hands them on to be sealed.
fn write(shared: &Shared, folder: &Path, mut journal: Journal, sealer: &SyncSender<Batch>) {
    let mut unsealed: Vec<Vec<u8>> = Vec::new();
    let mut since: Option<Instant> = None;
    loop {
        let mut queue = shared.lock();
        while queue.waiting.is_empty() && !queue.closing {
            let patience = since.map_or(Duration::from_secs(3600), |since| {
                SEAL_TIME.saturating_sub(since.elapsed())
            });
            if patience.is_zero() {
                break;
            }
            queue = shared
                .came
                .wait_timeout(queue, patience)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        let group = std::mem::take(&mut queue.waiting);
        let (closing, first) = (queue.closing, queue.durable);
        drop(queue);
        if !group.is_empty() {
            if let Err(error) = journal.append(first, &group) {
                shared.fail(&error.to_string());
                return;
            }
            shared.lock().durable = first + group.len() as u64;
            shared.done.notify_all();
            unsealed.extend(group);
            since.get_or_insert_with(Instant::now);
        }
        let due = since.is_some_and(|since| since.elapsed() >= SEAL_TIME);
        if !unsealed.is_empty() && (due || closing || unsealed.len() >= SEAL_COUNT) {
            let end = shared.lock().durable;
            let entries = std::mem::take(&mut unsealed);
            since = None;
            let batch = Batch {
                first: end - entries.len() as u64,
                entries,
                journal: journal.path.clone(),
            };
            journal = match Journal::begin(folder, end) {
                Ok(fresh) => fresh,
                Err(error) => return shared.fail(&error.to_string()),
            };
            if sealer.send(batch).is_err() {
                return;
            }
        }
        if closing && shared.lock().waiting.is_empty() {
            return;
        }
    }
}

fn seal(shared: &Shared, mut sealer: Sealer, batches: &Receiver<Batch>) {
    for batch in batches {
        let sealed = sealer
            .seal(batch.first, &batch.entries)
            .and_then(|()| journal::release(&batch.journal));
        if let Err(error) = sealed {
            return shared.fail(&error.to_string());
        }
        shared.lock().sealed = batch.first + batch.entries.len() as u64;
        shared.done.notify_all();
    }
}

/// What one sealing touched.
#[derive(Default)]
struct Changed {
    /// Folders with new files: synced before the checkpoint is written.
    folders: BTreeSet<PathBuf>,
    /// Folders of partial tiles that a full one has replaced.
    outdated: Vec<PathBuf>,
}

impl Sealer {
    /// A sealer that goes on at `size` entries.
    fn at(reader: &Reader, signer: Signer, origin: &str, size: u64) -> io::Result<Sealer> {
        let suite = reader.suite;
        let edge = Edge::from_roots(suite, size, reader.edge(size)?)
            .ok_or_else(|| io::Error::other("the tree's edge is incomplete"))?;
        let last = |column| tiles_of(column, size, 0).last().filter(|tile| tile.width < TILE);
        let mut partial = Vec::new();
        for level in 0..8 {
            let tile = last(Column::Level(level));
            partial.push(tile.map_or(Ok(Vec::new()), |tile| reader.hashes(&tile))?);
        }
        let tile = last(Column::Entries);
        Ok(Sealer {
            reader: reader.clone(),
            signer,
            origin: origin.to_owned(),
            edge,
            partial,
            bundle: tile.map_or(Ok(Vec::new()), |tile| reader.entries(&tile))?,
        })
    }

    /// Puts entries from index `first` on into tiles, and signs the tree with them.
    fn seal(&mut self, first: u64, entries: &[Vec<u8>]) -> io::Result<()> {
        let before = self.edge.size();
        if first != before {
            return Err(io::Error::other("entries came out of order"));
        }
        let mut changed = Changed::default();
        // Entries and hashes are written as tiles fill; what is left over makes the partial tiles.
        for entry in entries {
            let leaf = self.reader.suite.leaf(entry);
            self.edge.append(leaf);
            self.bundle.push(entry.clone());
            if self.bundle.len() as u64 == TILE {
                let number = (self.edge.size() - 1) / TILE;
                self.put(Column::Entries, number, &mut changed)?;
                self.bundle.clear();
            }
            self.push_hash(0, leaf, &mut changed)?;
        }
        let size = self.edge.size();
        for level in 0..8u8 {
            if !self.partial_of(level).is_empty() {
                let number = (size >> (8 * u32::from(level))) / TILE;
                self.put(Column::Level(level), number, &mut changed)?;
            }
        }
        if !self.bundle.is_empty() {
            self.put(Column::Entries, size / TILE, &mut changed)?;
        }
        for folder in &changed.folders {
            fs::File::open(folder)?.sync_all()?;
        }
        let checkpoint = Checkpoint {
            origin: self.origin.clone(),
            size,
            root: self.edge.root(),
        };
        write_whole(
            &self.reader.folder.join("checkpoint"),
            self.signer.sign(&checkpoint).as_bytes(),
        )?;
        fs::File::open(&self.reader.folder)?.sync_all()?;
        // Until the new checkpoint stood, the old one needed them.
        for folder in changed.outdated {
            match fs::remove_dir_all(folder) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn partial_of(&self, level: u8) -> &[super::Hash] {
        self.partial.get(usize::from(level)).map_or(&[], Vec::as_slice)
    }

    /// Adds a hash to the last tile of a level; a full tile is written and its root goes one level up.
    fn push_hash(&mut self, level: u8, hash: super::Hash, changed: &mut Changed) -> io::Result<()> {
        let (mut level, mut hash) = (level, hash);
        loop {
            let Some(tile) = self.partial.get_mut(usize::from(level)) else {
                return Err(io::Error::other("the tree is higher than eight tiles"));
            };
            tile.push(hash);
            if (tile.len() as u64) < TILE {
                return Ok(());
            }
            let number = (self.edge.size() - 1) >> (8 * (u32::from(level) + 1));
            hash = perfect(self.reader.suite, tile);
            self.put(Column::Level(level), number, changed)?;
            if let Some(tile) = self.partial.get_mut(usize::from(level)) {
                tile.clear();
            }
            level += 1;
        }
    }

    /// Writes the last tile of a column as it stands; the partial ones before a full one go.
    fn put(&self, column: Column, number: u64, changed: &mut Changed) -> io::Result<()> {
        let (data, width) = match column {
            Column::Level(level) => {
                let hashes = self.partial_of(level);
                (hashes.concat(), hashes.len())
            }
            Column::Entries => (bundle(self.bundle.iter().map(Vec::as_slice)), self.bundle.len()),
        };
        let tile = Tile {
            column,
            number,
            width: width as u64,
        };
        let path = self.reader.folder.join(tile.path());
        if let Some(folder) = path.parent()
            && changed.folders.insert(folder.to_owned())
        {
            fs::create_dir_all(folder)?;
        }
        write_whole(&path, &data)?;
        if tile.width == TILE {
            let mut partial = path.into_os_string();
            partial.push(".p");
            changed.outdated.push(PathBuf::from(partial));
        }
        Ok(())
    }
}
