use std::ops::ControlFlow;

use banyan_base::{Event, Id};

use crate::postgres::PgConnection;
use crate::sql::{Dialect, RewriteCache};
use crate::{Error, Row, Value, feed, jobs, sqlite};

/// One transaction. Everything a request does to the database goes through the one it was given.
pub struct Tx<'a> {
    conn: Conn<'a>,
    depth: u32,
    read_only: bool,
    /// Whether events were appended, so that consumers are woken after the commit.
    pub(crate) emitted: bool,
    /// Whether jobs were added.
    pub(crate) enqueued: bool,
    /// A slot for the engine that keeps a catalogue: the generation it has checked in this transaction.
    pub generation_checked: Option<i64>,
}

pub(crate) enum Conn<'a> {
    Sqlite(&'a rusqlite::Connection),
    Postgres(&'a mut PgConnection, &'a RewriteCache),
}

impl<'a> Tx<'a> {
    pub(crate) fn new(conn: Conn<'a>) -> Tx<'a> {
        Tx {
            conn,
            depth: 0,
            read_only: false,
            emitted: false,
            enqueued: false,
            generation_checked: None,
        }
    }

    /// The same, for reading one consistent state that was committed.
    pub(crate) fn for_reading(conn: Conn<'a>) -> Tx<'a> {
        Tx {
            read_only: true,
            ..Tx::new(conn)
        }
    }

    /// Whether it sees only what was committed: it is over a snapshot and writes nothing.
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }

    pub fn dialect(&self) -> Dialect {
        match self.conn {
            Conn::Sqlite(_) => Dialect::Sqlite,
            Conn::Postgres(..) => Dialect::Postgres,
        }
    }

    /// Runs a statement; returns how many rows it touched. Values stand as `?1 ?2 …` in both dialects.
    ///
    /// # Errors
    /// Where the database refuses it.
    pub fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, Error> {
        match &mut self.conn {
            Conn::Sqlite(conn) => sqlite::execute(conn, sql, params),
            Conn::Postgres(conn, cache) => conn.execute(&cache.get(sql), params),
        }
    }

    /// All rows. For results without a bound use [`Tx::stream`].
    ///
    /// # Errors
    /// Where the database refuses it.
    pub fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
        match &mut self.conn {
            Conn::Sqlite(conn) => sqlite::query(conn, sql, params),
            Conn::Postgres(conn, cache) => conn.query(&cache.get(sql), params),
        }
    }

    /// The first row, if there is one.
    ///
    /// # Errors
    /// Where the database refuses it.
    pub fn query_opt(&mut self, sql: &str, params: &[Value]) -> Result<Option<Row>, Error> {
        Ok(self.query(sql, params)?.into_iter().next())
    }

    /// Gives each row to `each` as it comes, in constant memory.
    ///
    /// # Errors
    /// Where the database refuses it, or `each` does.
    pub fn stream(
        &mut self,
        sql: &str,
        params: &[Value],
        each: &mut dyn FnMut(Row) -> Result<ControlFlow<()>, Error>,
    ) -> Result<(), Error> {
        match &mut self.conn {
            Conn::Sqlite(conn) => sqlite::stream(conn, sql, params, each),
            Conn::Postgres(conn, cache) => conn.stream(&cache.get(sql), params, each),
        }
    }

    /// Runs statements without values, several at once: DDL.
    ///
    /// # Errors
    /// Where the database refuses one.
    pub fn batch(&mut self, sql: &str) -> Result<(), Error> {
        match &mut self.conn {
            Conn::Sqlite(conn) => conn
                .execute_batch(sql)
                .map_err(|error| sqlite::error("running a batch", &error)),
            Conn::Postgres(conn, _) => conn.batch(sql),
        }
    }

    /// Runs `f` so that, if it fails, nothing of it stays while the transaction goes on.
    ///
    /// # Errors
    /// What `f` gives, or where the database refuses.
    pub fn savepoint<T, E: From<Error>>(
        &mut self,
        f: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.depth += 1;
        let name = format!("s{}", self.depth);
        let result = self
            .batch(&format!("SAVEPOINT {name}"))
            .map_err(E::from)
            .and_then(|()| {
                let result = f(self);
                let end = match result {
                    Ok(_) => format!("RELEASE SAVEPOINT {name}"),
                    Err(_) => format!("ROLLBACK TO SAVEPOINT {name}; RELEASE SAVEPOINT {name}"),
                };
                let ended = self.batch(&end).map_err(E::from);
                result.and_then(|value| ended.map(|()| value))
            });
        self.depth -= 1;
        result
    }

    /// Appends an event to the feed.
    ///
    /// # Errors
    /// Where the database refuses it.
    pub fn emit(&mut self, event: &Event) -> Result<(), Error> {
        self.emitted = true;
        feed::append(self, event)
    }

    /// Adds a job; one that waits or runs already under the same kind and key is returned instead.
    ///
    /// # Errors
    /// Where the database refuses it.
    pub fn enqueue(&mut self, cx: &banyan_base::Ctx, job: &jobs::NewJob) -> Result<Id, Error> {
        self.enqueued = true;
        jobs::add(self, cx, job)
    }

    /// Forgets prepared statements: after another process changed tables.
    pub fn forget_statements(&mut self) {
        match &mut self.conn {
            Conn::Sqlite(conn) => conn.flush_prepared_statement_cache(),
            Conn::Postgres(conn, _) => conn.forget_statements(),
        }
    }
}
