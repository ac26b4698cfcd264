use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::{Db, Dialect, Error, Value};

/// The migrations of one crate, in the order of their numbers.
#[derive(Debug)]
pub struct MigrationSet {
    pub name: &'static str,
    pub migrations: &'static [Migration],
}

/// One step forward, in both dialects. Never changed once it has run anywhere.
#[derive(Debug)]
pub struct Migration {
    pub number: u32,
    pub name: &'static str,
    pub sqlite: &'static str,
    pub postgres: &'static str,
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migration (
    set_name TEXT NOT NULL,
    number BIGINT NOT NULL,
    name TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (set_name, number)
)";

/// All of a set in one transaction: a migration that fails leaves none of its set.
pub(crate) fn run(db: &Db, sets: &[&MigrationSet]) -> Result<(), Error> {
    let sets: Vec<(&'static str, &'static [Migration])> =
        sets.iter().map(|set| (set.name, set.migrations)).collect();
    db.write_exclusive(move |tx| {
        tx.batch(TABLE)?;
        for (set, migrations) in sets {
            let rows = tx.query("SELECT number, hash FROM schema_migration WHERE set_name = ?1", &[set.into()])?;
            let mut done: BTreeMap<u32, String> = BTreeMap::new();
            for row in rows {
                done.insert(row.get(0)?, row.get(1)?);
            }
            let newest = migrations.iter().map(|migration| migration.number).max().unwrap_or(0);
            if let Some((&number, _)) = done.iter().next_back()
                && number > newest
            {
                let what = "the database was made by a newer program; start that one, or restore a backup".into();
                return Err(Error::Migration { set: set.into(), number, what });
            }
            for migration in migrations {
                let sql = match tx.dialect() {
                    Dialect::Sqlite => migration.sqlite,
                    Dialect::Postgres => migration.postgres,
                };
                let hash: String = Sha256::digest(sql.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
                match done.get(&migration.number) {
                    Some(known) if *known == hash => {}
                    Some(_) => {
                        let what = "its text was changed after it ran; migrations are only ever added".into();
                        return Err(Error::Migration { set: set.into(), number: migration.number, what });
                    }
                    None => {
                        tx.batch(sql).map_err(|error| Error::Migration {
                            set: set.into(),
                            number: migration.number,
                            what: error.to_string(),
                        })?;
                        tx.execute(
                            "INSERT INTO schema_migration (set_name, number, name, hash) VALUES (?1, ?2, ?3, ?4)",
                            &[set.into(), migration.number.into(), migration.name.into(), Value::Text(hash)],
                        )?;
                    }
                }
            }
        }
        Ok(())
    })
}
