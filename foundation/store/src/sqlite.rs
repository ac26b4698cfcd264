//! SQLite: one writer thread that commits in groups, and a pool of readers.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, ToSql};

use crate::db::Signals;
use crate::pool::Pool;
use crate::tx::{Conn, Tx};
use crate::{Error, Options, Row, Value};

/// Closures that one transaction carries at the most, and how long it stays open for more.
const GROUP_COUNT: usize = 256;
const GROUP_TIME: Duration = Duration::from_millis(20);
/// Writes that may wait for the writer before callers are told that it is busy.
const QUEUE: usize = 4_096;

/// What a closure came to; the caller learns of it only when it is true for good.
pub(crate) enum Step {
    /// Keep its changes; call back with how the commit ended.
    Keep(Box<dyn FnOnce(Result<(), Error>) + Send>),
    /// Undo its changes, then call back.
    Undo(Box<dyn FnOnce() + Send>),
}

pub(crate) struct Task {
    /// Given an error instead of a transaction where none could be begun.
    pub(crate) work: Box<dyn FnOnce(Result<&mut Tx<'_>, Error>) -> Step + Send>,
    /// Runs in a transaction of its own.
    pub(crate) alone: bool,
}

pub(crate) struct Sqlite {
    pub(crate) path: PathBuf,
    queue: std::sync::Mutex<Option<SyncSender<Task>>>,
    writer: std::sync::Mutex<Option<std::thread::JoinHandle<()>>>,
    pub(crate) readers: Pool<Connection>,
}

fn connect(path: &Path, read_only: bool) -> Result<Connection, Error> {
    let access = if read_only {
        OpenFlags::SQLITE_OPEN_READ_ONLY
    } else {
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
    };
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let doing = "opening the SQLite file";
    let conn = Connection::open_with_flags(path, flags).map_err(|e| error(doing, &e))?;
    conn.set_prepared_statement_cache_capacity(256);
    conn.busy_timeout(Duration::from_secs(10))
        .map_err(|e| error(doing, &e))?;
    // FULL: a commit is on the disk when it returns, in WAL mode too.
    let pragmas = if read_only {
        "PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA cache_size = -12000; PRAGMA temp_store = MEMORY;"
    } else {
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;
         PRAGMA cache_size = -32000; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 4000;
         PRAGMA journal_size_limit = 67108864;"
    };
    conn.execute_batch(pragmas).map_err(|e| error(doing, &e))?;
    // LIKE minds case, as it does in PostgreSQL. The file is not mapped: each connection would count its pages anew as
    // the process's memory.
    conn.execute_batch("PRAGMA mmap_size = 0; PRAGMA case_sensitive_like = ON;")
        .map_err(|e| error(doing, &e))?;
    Ok(conn)
}

impl Sqlite {
    pub(crate) fn open(path: &Path, options: &Options, signals: Arc<Signals>) -> Result<Sqlite, Error> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }
        let writer = connect(path, false)?;
        if options.overwrite_deleted {
            writer
                .execute_batch("PRAGMA secure_delete = ON")
                .map_err(|e| error("opening the SQLite file", &e))?;
        }
        let (sender, receiver) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("sqlite-writer".into())
            .spawn(move || write_loop(&writer, &receiver, &signals))?;
        let reader_path = path.to_path_buf();
        Ok(Sqlite {
            path: path.to_path_buf(),
            queue: std::sync::Mutex::new(Some(sender)),
            writer: std::sync::Mutex::new(Some(thread)),
            readers: Pool::new(options.connections, move || connect(&reader_path, true)),
        })
    }

    pub(crate) fn submit(&self, task: Task) -> Result<(), Error> {
        let sender = self
            .queue
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone();
        match sender.ok_or(Error::Closed)?.try_send(task) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => Err(Error::Busy {
                doing: "waiting for the writer".into(),
            }),
            Err(TrySendError::Disconnected(_)) => Err(Error::Closed),
        }
    }

    /// Ends the writer after what waits is written.
    pub(crate) fn close(&self) {
        self.queue
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take();
        let thread = self
            .writer
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take();
        if let Some(thread) = thread
            && thread.thread().id() != std::thread::current().id()
        {
            // The loop catches panics of closures; one of its own has been reported by the runtime.
            let _ = thread.join();
        }
        self.readers.clear();
    }

    /// Moves all of the write-ahead log into the file, and cuts the log to nothing.
    pub(crate) fn empty_log(&self) -> Result<(), Error> {
        let doing = "emptying the write-ahead log";
        let conn = connect(&self.path, false)?;
        let busy: i64 = conn
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
            .map_err(|e| error(doing, &e))?;
        match busy {
            0 => Ok(()),
            _ => Err(Error::Busy { doing: doing.into() }),
        }
    }

    pub(crate) fn backup(&self, target: &Path) -> Result<(), Error> {
        let source = connect(&self.path, true)?;
        // The source is opened for reading only; the pragma of readers would forbid writing the copy too.
        source
            .execute_batch("PRAGMA query_only = OFF")
            .and_then(|()| source.execute("VACUUM INTO ?1", [target.to_string_lossy()]))
            .map_err(|e| error("backing up the SQLite file", &e))?;
        std::fs::File::open(target)?.sync_all()?;
        Ok(())
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.close();
    }
}

fn write_loop(conn: &Connection, queue: &Receiver<Task>, signals: &Signals) {
    let mut held: Option<Task> = None;
    loop {
        let first = match held.take() {
            Some(task) => task,
            None => match queue.recv() {
                Ok(task) => task,
                Err(_) => break,
            },
        };
        held = write_group(conn, first, queue, signals);
    }
    // Leaves a small WAL behind; a failure only makes the next start read it.
    let _ = conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA optimize;");
}

/// Runs `first` and what else waits in one transaction. Returns a task that asked to run alone, if one came.
fn write_group(conn: &Connection, first: Task, queue: &Receiver<Task>, signals: &Signals) -> Option<Task> {
    let started = Instant::now();
    let mut begun = begin(conn);
    let mut keeps: Vec<Box<dyn FnOnce(Result<(), Error>) + Send>> = Vec::new();
    let mut next = Some(first);
    let mut held = None;
    let (mut emitted, mut enqueued) = (false, false);
    let mut count = 0;
    while let Some(task) = next.take() {
        let alone = task.alone;
        let mut tx = Tx::new(Conn::Sqlite(conn));
        match &begun {
            Ok(()) => match run(conn, &mut tx, task) {
                Step::Keep(ack) => {
                    emitted |= tx.emitted;
                    enqueued |= tx.enqueued;
                    keeps.push(ack);
                }
                Step::Undo(ack) => ack(),
            },
            Err(cause) => {
                let cause = Error::Unavailable {
                    doing: "beginning a write".into(),
                    cause: cause.to_string(),
                };
                if let Step::Undo(ack) = (task.work)(Err(cause)) {
                    ack();
                }
            }
        }
        count += 1;
        if alone || count >= GROUP_COUNT || started.elapsed() > GROUP_TIME {
            break;
        }
        match queue.try_recv() {
            Ok(task) if task.alone => held = Some(task),
            Ok(task) => next = Some(task),
            Err(_) => {}
        }
    }
    if begun.is_ok() {
        begun = conn.execute_batch("COMMIT").map_err(|e| error("committing", &e));
        if begun.is_err() {
            let _ = conn.execute_batch("ROLLBACK");
        }
    }
    let committed = begun.is_ok();
    for ack in keeps {
        ack(match &begun {
            Ok(()) => Ok(()),
            Err(cause) => Err(Error::Database {
                doing: "committing".into(),
                cause: cause.to_string(),
            }),
        });
    }
    if committed {
        signals.raise(emitted, enqueued);
    }
    held
}

fn begin(conn: &Connection) -> Result<(), Error> {
    conn.execute_batch("BEGIN IMMEDIATE")
        .map_err(|e| error("beginning a write", &e))
}

fn run(conn: &Connection, tx: &mut Tx<'_>, task: Task) -> Step {
    let work = task.work;
    if let Err(cause) = conn.execute_batch("SAVEPOINT w") {
        return work(Err(error("beginning a write", &cause)));
    }
    // `db` catches panics of closures and answers for them; this is the last line.
    let step =
        catch_unwind(AssertUnwindSafe(|| work(Ok(tx)))).unwrap_or_else(|_| Step::Undo(Box::new(|| {})));
    let end = match &step {
        Step::Keep(_) => "RELEASE SAVEPOINT w",
        Step::Undo(_) => "ROLLBACK TO SAVEPOINT w; RELEASE SAVEPOINT w",
    };
    if let Err(cause) = conn.execute_batch(end) {
        tracing::error!(%cause, "the writer could not end a savepoint");
    }
    step
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Int(value) => ValueRef::Integer(*value),
            Value::Real(value) => ValueRef::Real(*value),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn read_row(names: &Arc<[String]>, row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    let mut values = Vec::with_capacity(names.len());
    for index in 0..names.len() {
        values.push(match row.get_ref(index)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(value) => Value::Int(value),
            ValueRef::Real(value) => Value::Real(value),
            ValueRef::Text(bytes) => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
            ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
        });
    }
    Ok(Row {
        names: Arc::clone(names),
        values,
    })
}

/// Begins or ends a transaction, by a statement that is kept.
pub(crate) fn turn(conn: &Connection, sql: &str) -> rusqlite::Result<()> {
    conn.prepare_cached(sql)?.execute([]).map(|_| ())
}

pub(crate) fn execute(conn: &Connection, sql: &str, params: &[Value]) -> Result<u64, Error> {
    let run = || {
        let mut statement = conn.prepare_cached(sql)?;
        statement
            .execute(rusqlite::params_from_iter(params))
            .map(|count| count as u64)
    };
    run().map_err(|e| error(sql, &e))
}

pub(crate) fn stream(
    conn: &Connection,
    sql: &str,
    params: &[Value],
    each: &mut dyn FnMut(Row) -> Result<ControlFlow<()>, Error>,
) -> Result<(), Error> {
    let mut statement = conn.prepare_cached(sql).map_err(|e| error(sql, &e))?;
    let names: Arc<[String]> = statement.column_names().map(str::to_owned).collect();
    let mut rows = statement
        .query(rusqlite::params_from_iter(params))
        .map_err(|e| error(sql, &e))?;
    while let Some(row) = rows.next().map_err(|e| error(sql, &e))? {
        let row = read_row(&names, row).map_err(|e| error(sql, &e))?;
        if each(row)?.is_break() {
            break;
        }
    }
    Ok(())
}

pub(crate) fn query(conn: &Connection, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
    let mut all = Vec::new();
    stream(conn, sql, params, &mut |row| {
        all.push(row);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(all)
}

/// Our error for one of SQLite's. `doing` is a short text or the statement itself; statements hold no values.
pub(crate) fn error(doing: &str, cause: &rusqlite::Error) -> Error {
    use rusqlite::ErrorCode;
    use rusqlite::ffi;
    let rusqlite::Error::SqliteFailure(failure, message) = cause else {
        return Error::database(doing, cause);
    };
    let text = message.clone().unwrap_or_default();
    match failure.extended_code {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY => {
            let list = text.strip_prefix("UNIQUE constraint failed: ").unwrap_or("");
            let columns = list
                .split(", ")
                .map(|name| name.rsplit('.').next().unwrap_or(name).to_owned())
                .collect();
            Error::Unique {
                constraint: list.to_owned(),
                columns,
            }
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Error::ForeignKey(text),
        _ => match failure.code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Error::Busy {
                doing: doing.to_owned(),
            },
            ErrorCode::CannotOpen | ErrorCode::DiskFull | ErrorCode::SystemIoFailure => Error::Unavailable {
                doing: doing.to_owned(),
                cause: cause.to_string(),
            },
            _ => Error::database(doing, cause),
        },
    }
}
