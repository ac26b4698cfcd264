use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::pool::Pool;
use crate::postgres::{BEGIN_ALONE, BEGIN_BESIDE, BEGIN_READ, BEGIN_WRITE, PgConnection};
use crate::sql::{Dialect, RewriteCache};
use crate::sqlite::{Sqlite, Step, Task};
use crate::tx::{Conn, Tx};
use crate::{Error, MigrationSet, Row, Value, migrate, postgres};

/// How a database is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// Connections for reading on SQLite, connections in all on PostgreSQL.
    pub connections: usize,
    /// What is deleted is overwritten, as far as the database can: for keys. Dearer for every deletion. See [`Db::scrub`].
    pub overwrite_deleted: bool,
    /// For pools whose users hold a transaction of another pool over the same database, perhaps: ordinary writes take no
    /// lock that changes of the catalogue wait for, or the one could wait for the other for ever (PostgreSQL).
    pub beside: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            connections: 8,
            overwrite_deleted: false,
            beside: false,
        }
    }
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

struct Inner {
    url: String,
    backend: Backend,
    signals: Arc<Signals>,
    rewrites: RewriteCache,
    beside: bool,
}

enum Backend {
    Sqlite(Sqlite),
    Postgres(Pool<PgConnection>),
}

/// Counters that rise when events or jobs were committed in this process, for those who wait for them.
#[derive(Default)]
pub(crate) struct Signals {
    counts: Mutex<(u64, u64)>,
    changed: Condvar,
}

impl Signals {
    pub(crate) fn raise(&self, emitted: bool, enqueued: bool) {
        if !emitted && !enqueued {
            return;
        }
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.0 += u64::from(emitted);
        counts.1 += u64::from(enqueued);
        drop(counts);
        self.changed.notify_all();
    }
}

/// Figures for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    pub connections: usize,
    pub idle: usize,
}

impl Db {
    /// Opens `sqlite:PATH` or `postgres://…`.
    ///
    /// # Errors
    /// Where the URL is neither, or the database can't be reached.
    pub fn open(url: &str, options: &Options) -> Result<Db, Error> {
        let signals = Arc::new(Signals::default());
        let backend = if let Some(path) = url.strip_prefix("sqlite:") {
            Backend::Sqlite(Sqlite::open(Path::new(path), options, Arc::clone(&signals))?)
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let config = postgres::config(url)?;
            let pool = Pool::new(options.connections, move || PgConnection::connect(&config));
            // A wrong address or password is said at the start, not at the first request.
            if pool.take()?.logs_values()? {
                tracing::warn!(
                    "the PostgreSQL server writes values of rows that it refuses into its own log; as its superuser: \
                     ALTER ROLE <the role of store.url> SET log_error_verbosity = terse"
                );
            }
            Backend::Postgres(pool)
        } else {
            return Err(Error::database(
                "opening the database",
                "the URL must begin with sqlite: or postgres://",
            ));
        };
        Ok(Db {
            inner: Arc::new(Inner {
                url: url.to_owned(),
                backend,
                signals,
                rewrites: RewriteCache::default(),
                beside: options.beside,
            }),
        })
    }

    pub fn dialect(&self) -> Dialect {
        match self.inner.backend {
            Backend::Sqlite(_) => Dialect::Sqlite,
            Backend::Postgres(_) => Dialect::Postgres,
        }
    }

    /// The URL it was opened with. It may hold a password: not for logs.
    pub fn url(&self) -> &str {
        &self.inner.url
    }

    /// The file of an SQLite database.
    pub fn file(&self) -> Option<PathBuf> {
        match &self.inner.backend {
            Backend::Sqlite(sqlite) => Some(sqlite.path.clone()),
            Backend::Postgres(_) => None,
        }
    }

    /// Brings the tables of each set to its newest migration.
    ///
    /// # Errors
    /// Where a migration fails, was changed after it ran, or the database is newer than the program.
    pub fn migrate(&self, sets: &[&MigrationSet]) -> Result<(), Error> {
        migrate::run(self, sets)
    }

    /// Runs `f` in a transaction that is durable when this returns `Ok`; on `Err` nothing of it stays.
    ///
    /// # Errors
    /// What `f` gives, or where the database refuses.
    pub fn write<T, E>(&self, f: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.write_as(
            if self.inner.beside {
                BEGIN_BESIDE
            } else {
                BEGIN_WRITE
            },
            f,
        )
    }

    /// Like [`Db::write`], while nothing else is written: for changes of the catalogue.
    ///
    /// # Errors
    /// As [`Db::write`].
    pub fn write_exclusive<T, E>(
        &self,
        f: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.write_as(BEGIN_ALONE, f)
    }

    fn write_as<T, E>(
        &self,
        begin: &str,
        f: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        match &self.inner.backend {
            Backend::Sqlite(sqlite) => {
                let (sender, receiver) = sync_channel::<Result<T, E>>(1);
                let work = Box::new(move |tx: Result<&mut Tx<'_>, Error>| {
                    // A caller that is gone needs no answer.
                    match guarded(|| f(tx?)) {
                        Ok(value) => Step::Keep(Box::new(move |commit: Result<(), Error>| {
                            let _ = sender.send(commit.map(|()| value).map_err(E::from));
                        })),
                        Err(error) => Step::Undo(Box::new(move || {
                            let _ = sender.send(Err(error));
                        })),
                    }
                });
                sqlite.submit(Task {
                    work,
                    alone: begin == BEGIN_ALONE,
                })?;
                receiver.recv().unwrap_or_else(|_| Err(Error::Closed.into()))
            }
            Backend::Postgres(pool) => {
                let (value, emitted, enqueued) = self.in_postgres(pool, begin, |tx| {
                    let value = f(tx)?;
                    Ok::<_, E>((value, tx.emitted, tx.enqueued))
                })?;
                self.inner.signals.raise(emitted, enqueued);
                Ok(value)
            }
        }
    }

    /// Runs `f` over a consistent snapshot. On SQLite it must not write; on PostgreSQL it can't.
    ///
    /// # Errors
    /// What `f` gives, or where the database refuses.
    pub fn read<T, E: From<Error>>(&self, f: impl FnOnce(&mut Tx<'_>) -> Result<T, E>) -> Result<T, E> {
        match &self.inner.backend {
            Backend::Sqlite(sqlite) => {
                let conn = sqlite.readers.take()?;
                let begun = crate::sqlite::turn(&conn, "BEGIN DEFERRED");
                begun.map_err(|e| crate::sqlite::error("beginning a read", &e))?;
                let result = guarded(|| f(&mut Tx::for_reading(Conn::Sqlite(&conn))));
                if crate::sqlite::turn(&conn, "ROLLBACK").is_err() {
                    conn.discard();
                }
                result
            }
            Backend::Postgres(pool) => self.in_postgres(pool, BEGIN_READ, f),
        }
    }

    /// The rows of one statement that reads, by itself: it costs no transaction around it.
    ///
    /// # Errors
    /// Where the database refuses.
    pub fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
        let pool = match &self.inner.backend {
            Backend::Sqlite(sqlite) => {
                let conn = sqlite.readers.take()?;
                return crate::sqlite::query(&conn, sql, params);
            }
            Backend::Postgres(pool) => pool,
        };
        let sql = self.inner.rewrites.get(sql);
        let mut conn = pool.take()?;
        let mut found = conn.query(&sql, params);
        if conn.is_closed() {
            // As in a transaction: idle connections may have died with the server.
            conn.discard();
            pool.clear();
            conn = pool.take()?;
            found = conn.query(&sql, params);
            if conn.is_closed() {
                conn.discard();
            }
        }
        found
    }

    fn in_postgres<T, E: From<Error>>(
        &self,
        pool: &Pool<PgConnection>,
        begin: &str,
        f: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut conn = pool.take()?;
        if let Err(first) = conn.batch(begin) {
            // An idle connection may have died with the server; others in the pool likely too.
            conn.discard();
            pool.clear();
            conn = pool.take()?;
            if let Err(error) = conn.batch(begin) {
                tracing::warn!(%first, %error, "PostgreSQL does not answer");
                conn.discard();
                return Err(error.into());
            }
        }
        let result = guarded(|| {
            let conn = Conn::Postgres(&mut conn, &self.inner.rewrites);
            f(&mut if begin == BEGIN_READ {
                Tx::for_reading(conn)
            } else {
                Tx::new(conn)
            })
        });
        let end = if result.is_ok() { "COMMIT" } else { "ROLLBACK" };
        let ended = conn.batch(end);
        if conn.is_closed() || ended.is_err() {
            conn.discard();
        }
        match (result, ended) {
            (Ok(value), Ok(())) => Ok(value),
            (Ok(_), Err(error)) => Err(error.into()),
            (Err(error), _) => Err(error),
        }
    }

    /// Waits until events were committed in this process since `seen`, or `patience` is over; returns the new count.
    pub fn wait_events(&self, seen: u64, patience: Duration) -> u64 {
        self.wait(patience, |counts| counts.0, seen)
    }

    /// The same for jobs.
    pub fn wait_jobs(&self, seen: u64, patience: Duration) -> u64 {
        self.wait(patience, |counts| counts.1, seen)
    }

    fn wait(&self, patience: Duration, which: fn(&(u64, u64)) -> u64, seen: u64) -> u64 {
        let signals = &self.inner.signals;
        let guard = signals.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = signals
            .changed
            .wait_timeout_while(guard, patience, |counts| which(counts) == seen);
        let guard = waited.unwrap_or_else(PoisonError::into_inner).0;
        which(&guard)
    }

    /// Wakes everyone who waits: at shutdown.
    pub fn wake(&self) {
        self.inner.signals.raise(true, true);
    }

    /// How large the database is, in bytes.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn size(&self) -> Result<u64, Error> {
        let sql = if self.dialect().is_postgres() {
            "SELECT pg_database_size(current_database())"
        } else {
            "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
        };
        let row = self.read::<_, Error>(|tx| tx.query_opt(sql, &[]))?;
        row.map_or(Ok(0), |row| row.get(0))
    }

    pub fn stats(&self) -> Stats {
        let (connections, idle) = match &self.inner.backend {
            Backend::Sqlite(sqlite) => sqlite.readers.counts(),
            Backend::Postgres(pool) => pool.counts(),
        };
        Stats { connections, idle }
    }

    /// Copies an SQLite database, consistent while it is written to.
    ///
    /// # Errors
    /// On PostgreSQL (use its own tools), where the target exists, or where it can't be written.
    pub fn backup(&self, target: &Path) -> Result<(), Error> {
        match &self.inner.backend {
            Backend::Sqlite(sqlite) => sqlite.backup(target),
            Backend::Postgres(_) => Err(Error::database(
                "backing up",
                "use pg_dump or pg_basebackup for PostgreSQL",
            )),
        }
    }

    /// After deletions that nothing may bring back: on SQLite the write-ahead log is emptied, so that no old page stands in
    /// it; on PostgreSQL dead rows of `tables` are removed from them. What was copied away before (archives of the log,
    /// backups) is out of reach.
    ///
    /// # Errors
    /// Where readers or writers hold on to the old state for long ([`Error::Busy`]), or the database refuses.
    pub fn scrub(&self, tables: &[&str]) -> Result<(), Error> {
        match &self.inner.backend {
            Backend::Sqlite(sqlite) => sqlite.empty_log(),
            Backend::Postgres(pool) => pool.take()?.batch(&format!("VACUUM {}", tables.join(", "))),
        }
    }

    /// Writes what waits and closes; later calls fail with [`Error::Closed`] (SQLite) or reconnect (PostgreSQL).
    pub fn close(&self) {
        match &self.inner.backend {
            Backend::Sqlite(sqlite) => sqlite.close(),
            Backend::Postgres(pool) => pool.clear(),
        }
    }
}

/// A panic inside a closure becomes an error: the transaction is undone and the server lives on.
fn guarded<T, E: From<Error>>(f: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(Error::Panicked(text.unwrap_or_default()).into())
    })
}
