//! Fresh databases for tests, here and in the crates that stand on this one.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{Db, Error, Options, feed};

/// The URL of a PostgreSQL server whose user may create databases.
pub const POSTGRES_VARIABLE: &str = "BANYAN_TEST_POSTGRES";

static COUNTER: AtomicU32 = AtomicU32::new(0);

/// A database of its own, gone when dropped.
pub struct TestDb {
    /// `sqlite` or `postgres`.
    pub name: &'static str,
    pub db: Db,
    pub url: String,
    /// A folder for files that belong to it.
    pub folder: PathBuf,
    admin: Option<(String, String)>,
}

fn unique() -> String {
    format!(
        "banyan_{}_{}",
        std::process::id(),
        COUNTER.fetch_add(1, Ordering::SeqCst)
    )
}

/// A fresh SQLite database.
///
/// # Errors
/// Where it can't be made.
pub fn sqlite() -> Result<TestDb, Error> {
    let folder = std::env::temp_dir().join(unique());
    std::fs::create_dir_all(&folder)?;
    let url = format!("sqlite:{}", folder.join("test.db").display());
    let db = Db::open(&url, &Options::default())?;
    Ok(TestDb {
        name: "sqlite",
        db,
        url,
        folder,
        admin: None,
    })
}

/// A fresh PostgreSQL database; `None`, said aloud, where the environment names no server.
///
/// # Errors
/// Where the server can't be reached.
pub fn postgres() -> Result<Option<TestDb>, Error> {
    let Ok(admin) = std::env::var(POSTGRES_VARIABLE) else {
        // Tests run where output is captured; this is for those who look.
        tracing::warn!("skipped: no PostgreSQL ({POSTGRES_VARIABLE} is not set)");
        return Ok(None);
    };
    made(admin, "template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'").map(Some)
}

fn made(admin: String, template: &str) -> Result<TestDb, Error> {
    let name = unique();
    let mut conn = crate::postgres::PgConnection::connect(&crate::postgres::config(&admin)?)?;
    conn.batch(&format!("CREATE DATABASE {name} TEMPLATE {template}"))?;
    let base = admin.rsplit_once('/').map_or(admin.as_str(), |(base, _)| base);
    let url = format!("{base}/{name}");
    let folder = std::env::temp_dir().join(&name);
    std::fs::create_dir_all(&folder)?;
    let db = Db::open(
        &url,
        &Options {
            connections: 24,
            ..Options::default()
        },
    )?;
    Ok(TestDb {
        name: "postgres",
        db,
        url,
        folder,
        admin: Some((admin, name)),
    })
}

impl TestDb {
    /// A PostgreSQL database with this one's content. This one is closed for good: the server copies only what nobody uses.
    ///
    /// # Errors
    /// Where this is no PostgreSQL database, or the copy can't be made.
    pub fn copy(&self) -> Result<TestDb, Error> {
        let Some((admin, name)) = &self.admin else {
            return Err(Error::database(
                "copying a test database",
                "only PostgreSQL copies one by itself",
            ));
        };
        self.db.close();
        made(admin.clone(), name)
    }
}

/// One of each that can be had.
///
/// # Errors
/// Where one can't be made.
pub fn databases() -> Result<Vec<TestDb>, Error> {
    let mut all = vec![sqlite()?];
    all.extend(postgres()?);
    Ok(all)
}

impl Drop for TestDb {
    fn drop(&mut self) {
        self.db.close();
        if let Some((admin, name)) = &self.admin
            && let Ok(config) = crate::postgres::config(admin)
            && let Ok(mut conn) = crate::postgres::PgConnection::connect(&config)
        {
            // A database left behind by a failing test does no harm.
            let _ = conn.batch(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Waits until all committed events show. On PostgreSQL they do when no older transaction of the whole server runs, those of
/// other tests' databases among them; what shows once shows for good.
///
/// # Errors
/// Where the database can't be read.
pub fn events_show(db: &Db) -> Result<(), Error> {
    loop {
        let hidden = format!(
            "SELECT COUNT(*) FROM feed WHERE NOT ({})",
            feed::visible(db.dialect())
        );
        // The bounds of a reader that has seen nothing.
        let rows = db.read(|tx| tx.query(&hidden, &[0_i64.into(), 0_i64.into()]))?;
        match rows.first() {
            Some(row) if row.get::<i64>(0)? > 0 => std::thread::sleep(std::time::Duration::from_millis(20)),
            _ => return Ok(()),
        }
    }
}

/// Tables with their columns, and indexes with theirs, as sorted lines: the same text for both dialects where the schemas
/// are the same.
///
/// # Errors
/// Where the database can't be read.
pub fn schema_lines(db: &Db) -> Result<Vec<String>, Error> {
    let sql = if db.dialect().is_postgres() {
        "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public'
         UNION ALL SELECT 'index ' || indexname FROM pg_indexes WHERE schemaname = 'public'
           AND indexname NOT LIKE '%_pkey' AND indexname NOT LIKE '%_key' AND indexname NOT IN ('feed_order')"
    } else {
        "SELECT m.name || '.' || c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
         WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'
         UNION ALL SELECT 'index ' || name FROM sqlite_master WHERE type = 'index' AND name NOT LIKE 'sqlite_%'"
    };
    let rows = db.read(|tx| tx.query(sql, &[]))?;
    let mut lines = rows
        .iter()
        .map(|row| row.get::<String>(0))
        .collect::<Result<Vec<_>, _>>()?;
    lines.sort();
    Ok(lines)
}
