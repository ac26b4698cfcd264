//! PostgreSQL: connections of the synchronous client, with their prepared statements.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use fallible_iterator::FallibleIterator;
use postgres::types::private::BytesMut;
use postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use postgres::{Client, Config, NoTls, Statement};

use crate::{Error, Row, Value};

/// Statements a connection keeps prepared before it starts anew.
const STATEMENTS: usize = 400;

/// Writers hold this lock shared, whoever changes the catalogue holds it alone.
const CATALOGUE_LOCK: i64 = 0x6261_6e79;

pub(crate) const BEGIN_WRITE: &str = "BEGIN; SELECT pg_advisory_xact_lock_shared(1650552441)";
pub(crate) const BEGIN_BESIDE: &str = "BEGIN";
pub(crate) const BEGIN_ALONE: &str = "BEGIN; SELECT pg_advisory_xact_lock(1650552441)";
pub(crate) const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";

const _: () = assert!(CATALOGUE_LOCK == 1_650_552_441);

pub(crate) struct PgConnection {
    client: Client,
    statements: HashMap<Arc<str>, (Statement, Arc<[String]>)>,
}

pub(crate) fn config(url: &str) -> Result<Config, Error> {
    // Taken as no encryption, it would send in the clear what was to be protected.
    let secure = ["require", "verify-ca", "verify-full"];
    if let Some(mode) = secure
        .iter()
        .find(|mode| url.contains(&format!("sslmode={mode}")))
    {
        return Err(Error::database(
            "reading the database URL",
            format!(
                "sslmode={mode} can't be kept: Banyan has no TLS client for PostgreSQL yet. Use a local socket, a private \
                 network or a tunnel (ssh -L, stunnel), with sslmode=disable"
            ),
        ));
    }
    let mut config: Config = url
        .parse()
        .map_err(|e| Error::database("reading the database URL", e))?;
    config.application_name("banyan");
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(std::time::Duration::from_secs(10));
    }
    Ok(config)
}

/// What the server merely remarks on (tables that are there already …) is no news; the client would log each. And of a refused row the
/// server's own log shall hold the error, not the values (`DETAIL: Key (…)=(…) already exists.`): this is a right that a role
/// need not have, and whoever asks inside a block leaves no error behind.
const SETUP: &str = "SET client_min_messages = warning;
    DO $$ BEGIN
        SET log_error_verbosity = terse;
    EXCEPTION WHEN insufficient_privilege THEN
        NULL;
    END $$";

impl PgConnection {
    pub(crate) fn connect(config: &Config) -> Result<PgConnection, Error> {
        let mut client = config.connect(NoTls).map_err(|e| Error::Unavailable {
            doing: "connecting to PostgreSQL".into(),
            cause: chain(&e),
        })?;
        client
            .batch_execute(SETUP)
            .map_err(|e| error("setting up a connection", &e))?;
        Ok(PgConnection {
            client,
            statements: HashMap::new(),
        })
    }

    /// Whether the server's log holds values of rows that it refused.
    pub(crate) fn logs_values(&mut self) -> Result<bool, Error> {
        let sql = "SELECT current_setting('log_error_verbosity') <> 'terse'";
        let row = self.client.query_one(sql, &[]).map_err(|e| error(sql, &e))?;
        row.try_get(0).map_err(|e| error(sql, &e))
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    pub(crate) fn batch(&mut self, sql: &str) -> Result<(), Error> {
        self.client.batch_execute(sql).map_err(|e| error(sql, &e))
    }

    pub(crate) fn forget_statements(&mut self) {
        self.statements.clear();
    }

    fn prepare(&mut self, sql: &Arc<str>) -> Result<(Statement, Arc<[String]>), Error> {
        if let Some(found) = self.statements.get(sql) {
            return Ok(found.clone());
        }
        if self.statements.len() >= STATEMENTS {
            self.statements.clear();
        }
        let statement = self.client.prepare(sql).map_err(|e| error(sql, &e))?;
        let names: Arc<[String]> = statement
            .columns()
            .iter()
            .map(|column| column.name().to_owned())
            .collect();
        self.statements
            .insert(Arc::clone(sql), (statement.clone(), Arc::clone(&names)));
        Ok((statement, names))
    }

    pub(crate) fn execute(&mut self, sql: &Arc<str>, params: &[Value]) -> Result<u64, Error> {
        let (statement, _) = self.prepare(sql)?;
        let params: Vec<&(dyn ToSql + Sync)> =
            params.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        self.client
            .execute(&statement, &params)
            .map_err(|e| self.failed(sql, &e))
    }

    pub(crate) fn query(&mut self, sql: &Arc<str>, params: &[Value]) -> Result<Vec<Row>, Error> {
        let (statement, names) = self.prepare(sql)?;
        let params: Vec<&(dyn ToSql + Sync)> =
            params.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        let rows = self
            .client
            .query(&statement, &params)
            .map_err(|e| self.failed(sql, &e))?;
        rows.iter()
            .map(|row| read_row(&names, row).map_err(|e| error(sql, &e)))
            .collect()
    }

    pub(crate) fn stream(
        &mut self,
        sql: &Arc<str>,
        params: &[Value],
        each: &mut dyn FnMut(Row) -> Result<ControlFlow<()>, Error>,
    ) -> Result<(), Error> {
        let (statement, names) = self.prepare(sql)?;
        let mut rows = self
            .client
            .query_raw(&statement, params)
            .map_err(|e| error(sql, &e))?;
        while let Some(row) = rows.next().map_err(|e| error(sql, &e))? {
            let row = read_row(&names, &row).map_err(|e| error(sql, &e))?;
            if each(row)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// A statement prepared before a table changed fails once; forgetting it lets the caller's retry succeed.
    fn failed(&mut self, sql: &Arc<str>, cause: &postgres::Error) -> Error {
        if cause
            .as_db_error()
            .is_some_and(|e| e.message().contains("cached plan"))
        {
            self.statements.remove(sql);
            return Error::Busy {
                doing: "a table was just changed".into(),
            };
        }
        error(sql, cause)
    }
}

/// An error with all its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

impl ToSql for Value {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Value::Null => Ok(IsNull::Yes),
            Value::Int(value) => match *kind {
                Type::INT4 => i32::try_from(*value)?.to_sql(kind, out),
                Type::INT2 => i16::try_from(*value)?.to_sql(kind, out),
                Type::FLOAT8 => (*value as f64).to_sql(kind, out),
                Type::BOOL => (*value != 0).to_sql(kind, out),
                Type::TEXT | Type::VARCHAR => value.to_string().to_sql(kind, out),
                _ => value.to_sql(&Type::INT8, out),
            },
            Value::Real(value) => match *kind {
                // An integer column compared with a fraction: the comparison is written for both as FLOAT8.
                Type::FLOAT4 => (*value as f32).to_sql(kind, out),
                _ => value.to_sql(&Type::FLOAT8, out),
            },
            // PostgreSQL has no NUL in text; SQLite keeps it. It is refused before it comes here.
            Value::Text(text) => text.replace('\0', "").to_sql(&Type::TEXT, out),
            Value::Blob(bytes) => bytes.to_sql(&Type::BYTEA, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// Any column we use, as a value of ours.
struct Column(Value);

impl<'a> FromSql<'a> for Column {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Column, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Column(match *kind {
            Type::INT8 => Value::Int(i64::from_sql(kind, raw)?),
            Type::INT4 => Value::Int(i32::from_sql(kind, raw)?.into()),
            Type::INT2 => Value::Int(i16::from_sql(kind, raw)?.into()),
            Type::OID => Value::Int(u32::from_sql(kind, raw)?.into()),
            Type::BOOL => Value::Int(bool::from_sql(kind, raw)?.into()),
            Type::FLOAT8 => Value::Real(f64::from_sql(kind, raw)?),
            Type::FLOAT4 => Value::Real(f32::from_sql(kind, raw)?.into()),
            Type::BYTEA => Value::Blob(raw.to_vec()),
            Type::TEXT | Type::VARCHAR | Type::NAME | Type::BPCHAR | Type::UNKNOWN => {
                Value::Text(std::str::from_utf8(raw)?.to_owned())
            }
            _ => return Err(format!("a column of type {kind} can't be read; cast it in the query").into()),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Column, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Column(Value::Null))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

fn read_row(names: &Arc<[String]>, row: &postgres::Row) -> Result<Row, postgres::Error> {
    let values = (0..row.len()).map(|index| row.try_get::<_, Column>(index).map(|column| column.0));
    Ok(Row {
        names: Arc::clone(names),
        values: values.collect::<Result<_, _>>()?,
    })
}

/// Our error for one of PostgreSQL's.
pub(crate) fn error(doing: &str, cause: &postgres::Error) -> Error {
    let Some(db) = cause.as_db_error() else {
        if cause.is_closed() {
            return Error::Unavailable {
                doing: doing.to_owned(),
                cause: chain(cause),
            };
        }
        return Error::database(doing, chain(cause));
    };
    match db.code().code() {
        "23505" => {
            // Key (a, b)=(1, 2) already exists.
            let detail = db.detail().unwrap_or("");
            let inner = detail
                .split_once("Key (")
                .and_then(|(_, rest)| rest.split_once(")="))
                .map_or("", |(names, _)| names);
            let columns = inner
                .split(", ")
                .map(|name| name.trim_matches('"').to_owned())
                .collect();
            Error::Unique {
                constraint: db.constraint().unwrap_or("").to_owned(),
                columns,
            }
        }
        "23503" => Error::ForeignKey(db.message().to_owned()),
        "40001" | "40P01" | "55P03" | "53300" => Error::Busy {
            doing: db.message().to_owned(),
        },
        "57P01" | "57P02" | "57P03" => Error::Unavailable {
            doing: doing.to_owned(),
            cause: db.message().to_owned(),
        },
        _ => Error::database(doing, format!("{} ({})", db.message(), db.code().code())),
    }
}
