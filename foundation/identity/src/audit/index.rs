//! Who saw what of a person, as one query: an index over the `touch` entries of the logs, beside the salts.
//!
//! It is made from the sealed logs alone, each entry and the place in the log in one transaction, so it is whole after every
//! crash and can be thrown away and made anew. It holds what entries hold: tokens, no names.

use std::path::PathBuf;

use banyan_base::Problem;
use banyan_store::{Db, Error, Options, Tx, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::{Map, Value as Json};

use super::entry::{AuditSettings, key_of};
use super::note::Checkpoint;
use super::salts::{CHUNK, MIGRATIONS, Token, padded, places};
use super::tiles::{Column, Reader, TILE, Tile, tiles_of};

/// Bundles (of 256 entries) that one transaction takes at the most.
const BUNDLES: usize = 8;

/// Something that showed a person's data.
#[derive(Clone, Debug, PartialEq)]
pub struct Access {
    pub place: Place,
    /// Number of the log's key and of the entry in it: stays the same when the index is made anew.
    pub id: String,
    /// The entry as it stands in the log, without the subjects.
    pub entry: Map<String, Json>,
    /// Persons of the same type whose data the act showed, this one among them.
    pub count: u64,
}

/// A place in somebody's accesses, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Milliseconds since 1970.
    pub moment: i64,
    log: i64,
    position: i64,
}

impl Place {
    pub fn parse(text: &str) -> Option<Place> {
        let mut parts = text.split('-').map(str::parse);
        let place = Place {
            moment: parts.next()?.ok()?,
            log: parts.next()?.ok()?,
            position: parts.next()?.ok()?,
        };
        parts.next().is_none().then_some(place)
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}-{}", self.moment, self.log, self.position)
    }
}

/// Which accesses are wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Milliseconds since 1970: not before, and before.
    pub from: Option<i64>,
    pub until: Option<i64>,
    pub unit: Option<String>,
    pub purpose: Option<String>,
    /// Only older ones.
    pub after: Option<Place>,
    pub limit: u32,
}

/// The database of the index, opened for a command.
///
/// # Errors
/// Where it can't be opened or its tables made.
pub fn open(settings: &AuditSettings) -> Result<Db, Error> {
    let db = Db::open(
        &settings.salts,
        &Options {
            connections: 2,
            overwrite_deleted: true,
            beside: true,
        },
    )?;
    db.migrate(&[&MIGRATIONS])?;
    Ok(db)
}

/// Brings the index up to what is sealed in every log of the folder. Gives how many entries it read.
///
/// # Errors
/// Where a log or the index can't be read, or a log holds less than the index knows of it.
pub fn catch_up(db: &Db, settings: &AuditSettings) -> Result<u64, Problem> {
    let mut read = 0;
    for folder in folders(settings)? {
        let verifier = key_of(settings, &folder).map_err(Problem::internal)?;
        let note = match std::fs::read_to_string(folder.join("checkpoint")) {
            Ok(note) => note,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Problem::internal(error)),
        };
        let checkpoint = verifier.open(&note).ok_or_else(|| {
            Problem::internal(format!(
                "the checkpoint at {} is not signed by this platform",
                folder.display()
            ))
        })?;
        let name = verifier.id();
        let reader = Reader {
            folder,
            suite: settings.suite,
        };
        loop {
            let piece = piece(db, &reader, &name, &checkpoint)?;
            read += piece;
            if piece == 0 {
                break;
            }
        }
    }
    Ok(read)
}

/// Throws the index of the folder's logs away and makes it anew. Gives how many entries it read.
///
/// # Errors
/// As [`catch_up`].
pub fn rebuild(db: &Db, settings: &AuditSettings) -> Result<u64, Problem> {
    let mut names = Vec::new();
    for folder in folders(settings)? {
        names.push(key_of(settings, &folder).map_err(Problem::internal)?.id());
    }
    db.write::<_, Error>(move |tx| {
        for name in &names {
            let log = "SELECT id FROM audit_log WHERE name = ?1";
            for table in ["subject_access", "audit_act"] {
                tx.execute(
                    &format!("DELETE FROM {table} WHERE log IN ({log})"),
                    &[name.into()],
                )?;
            }
            tx.execute("UPDATE audit_log SET next = 0 WHERE name = ?1", &[name.into()])?;
        }
        Ok(())
    })?;
    catch_up(db, settings)
}

fn folders(settings: &AuditSettings) -> Result<Vec<PathBuf>, Problem> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&settings.folder).map_err(Problem::internal)? {
        let path = entry.map_err(Problem::internal)?.path();
        if path.join("checkpoint").exists() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// What an entry says of the persons it shows.
struct Touched {
    position: i64,
    moment: i64,
    entry: Map<String, Json>,
    tokens: Vec<Token>,
}

fn touched(position: u64, entry: &[u8]) -> Option<Touched> {
    // Entries of other kinds are most: those are not parsed.
    let head = br#""kind":"touch""#;
    entry.windows(head.len()).find(|window| window == head)?;
    let Json::Object(mut entry) = serde_json::from_slice(entry).ok()? else {
        return None;
    };
    if entry.get("kind")?.as_str()? != "touch" {
        return None;
    }
    let at: jiff::Timestamp = entry.get("at")?.as_str()?.parse().ok()?;
    let Json::String(subjects) = entry.remove("subjects")? else {
        return None;
    };
    let tokens = STANDARD_NO_PAD.decode(subjects).ok()?;
    Some(Touched {
        position: i64::try_from(position).ok()?,
        moment: at.as_millisecond(),
        entry,
        tokens: tokens.as_chunks::<16>().0.to_vec(),
    })
}

fn next(tx: &mut Tx<'_>, name: &str, lock: &str) -> Result<Option<(i64, u64)>, Error> {
    let sql = format!("SELECT id, next FROM audit_log WHERE name = ?1{lock}");
    tx.query_opt(&sql, &[name.into()])?
        .map(|row| Ok((row.get(0)?, u64::try_from(row.get::<i64>(1)?).unwrap_or(0))))
        .transpose()
}

/// Takes some bundles of a log into the index. Gives how many entries; 0 at the end.
fn piece(db: &Db, reader: &Reader, name: &str, checkpoint: &Checkpoint) -> Result<u64, Problem> {
    let known = db.read(|tx| next(tx, name, ""))?.map_or(0, |(_, next)| next);
    if known == checkpoint.size {
        return Ok(0);
    }
    if known > checkpoint.size {
        return Err(Problem::internal(format!(
            "the audit log {name} has {} entries, and its index knows {known}: it was rolled back, or another one stands in its \
             place. Check it by `banyan audit verify --known`; `banyan audit index` makes the index anew",
            checkpoint.size
        )));
    }
    let tiles: Vec<Tile> = tiles_of(Column::Entries, checkpoint.size, known / TILE)
        .take(BUNDLES)
        .collect();
    let mut found = Vec::new();
    let mut end = known;
    for tile in &tiles {
        let first = tile.number * TILE;
        let entries = reader.entries(tile).map_err(Problem::internal)?;
        for (position, entry) in (first..).zip(&entries).filter(|(position, _)| *position >= known) {
            found.extend(touched(position, entry));
            end = position + 1;
        }
    }
    let name = name.to_owned();
    db.write::<_, Error>(move |tx| {
        tx.execute(
            "INSERT INTO audit_log (name, next) VALUES (?1, 0) ON CONFLICT (name) DO NOTHING",
            &[name.as_str().into()],
        )?;
        let lock = tx.dialect().for_update();
        let Some((log, now)) = next(tx, &name, lock)? else {
            return Ok(0);
        };
        if now != known {
            // Another server took them meanwhile: look again.
            return Ok(end - known);
        }
        for touched in &found {
            insert(tx, log, touched)?;
        }
        tx.execute(
            "UPDATE audit_log SET next = ?2 WHERE id = ?1",
            &[log.into(), i64::try_from(end).unwrap_or(i64::MAX).into()],
        )?;
        Ok(end - known)
    })
    .map_err(Problem::from)
}

fn insert(tx: &mut Tx<'_>, log: i64, touched: &Touched) -> Result<(), Error> {
    let text = |name: &str| touched.entry.get(name).and_then(Json::as_str);
    tx.execute(
        "INSERT INTO audit_act (log, position, trace, resource, unit, purpose, count, entry)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        &[
            log.into(),
            touched.position.into(),
            text("trace").unwrap_or("").into(),
            text("type").unwrap_or("").into(),
            text("unit").into(),
            text("purpose").into(),
            i64::try_from(touched.tokens.len()).unwrap_or(i64::MAX).into(),
            Json::Object(touched.entry.clone()).to_string().into(),
        ],
    )?;
    for chunk in touched.tokens.chunks(CHUNK) {
        let values: Vec<Value> = padded(chunk)
            .flat_map(|token| {
                [
                    Value::Blob(token.to_vec()),
                    touched.moment.into(),
                    log.into(),
                    touched.position.into(),
                ]
            })
            .collect();
        let sql = format!(
            "INSERT INTO subject_access (token, moment, log, position) VALUES {} ON CONFLICT DO NOTHING",
            places(values.len() / 4, 4)
        );
        tx.execute(&sql, &values)?;
    }
    Ok(())
}

const COLUMNS: &str = "s.moment, s.log, s.position, l.name, a.entry,
    (SELECT CAST(SUM(b.count) AS BIGINT) FROM audit_act b WHERE b.trace = a.trace AND b.resource = a.resource)";
const TABLES: &str = "subject_access s JOIN audit_act a ON a.log = s.log AND a.position = s.position
    JOIN audit_log l ON l.id = s.log";

fn decode(row: &banyan_store::Row) -> Result<Access, Error> {
    let (name, entry): (String, String) = (row.get(3)?, row.get(4)?);
    let position: i64 = row.get(2)?;
    let number = name.rsplit('+').next().unwrap_or("");
    let id = format!("{number}-{position}");
    let Ok(Json::Object(entry)) = serde_json::from_str(&entry) else {
        return Err(Error::Inconsistent {
            table: "audit_act".into(),
            column: "entry".into(),
            row: id,
        });
    };
    Ok(Access {
        place: Place {
            moment: row.get(0)?,
            log: row.get(1)?,
            position,
        },
        id,
        entry,
        count: u64::try_from(row.get::<i64>(5)?).unwrap_or(0),
    })
}

/// What showed the data of whoever `token` stands for, newest first.
///
/// # Errors
/// Where the index can't be read.
pub fn accesses(tx: &mut Tx<'_>, token: &Token, wanted: &Wanted) -> Result<Vec<Access>, Error> {
    let mut values: Vec<Value> = vec![Value::Blob(token.to_vec())];
    let mut conditions = String::new();
    let mut also = |condition: &str, value: Value| {
        values.push(value);
        conditions.push_str(&format!(" AND {condition} ?{}", values.len()));
    };
    for (condition, moment) in [("s.moment >=", wanted.from), ("s.moment <", wanted.until)] {
        if let Some(moment) = moment {
            also(condition, moment.into());
        }
    }
    for (condition, text) in [("a.unit =", &wanted.unit), ("a.purpose =", &wanted.purpose)] {
        if let Some(text) = text {
            also(condition, text.into());
        }
    }
    if let Some(place) = wanted.after {
        let at = values.len();
        values.extend([place.moment.into(), place.log.into(), place.position.into()]);
        conditions.push_str(&format!(
            " AND (s.moment, s.log, s.position) < (?{}, ?{}, ?{})",
            at + 1,
            at + 2,
            at + 3
        ));
    }
    values.push(wanted.limit.into());
    let sql = format!(
        "SELECT {COLUMNS} FROM {TABLES} WHERE s.token = ?1{conditions}
         ORDER BY s.moment DESC, s.log DESC, s.position DESC LIMIT ?{}",
        values.len()
    );
    tx.query(&sql, &values)?.iter().map(decode).collect()
}

/// One access by its id, if it showed whoever `token` stands for.
///
/// # Errors
/// Where the index can't be read.
pub fn access(tx: &mut Tx<'_>, token: &Token, id: &str) -> Result<Option<Access>, Error> {
    let Some((number, position)) = id.split_once('-') else {
        return Ok(None);
    };
    let Ok(position) = position.parse::<i64>() else {
        return Ok(None);
    };
    if number.len() != 8 || !number.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(None);
    }
    let sql =
        format!("SELECT {COLUMNS} FROM {TABLES} WHERE s.token = ?1 AND s.position = ?3 AND l.name LIKE ?2");
    let values = [
        Value::Blob(token.to_vec()),
        format!("%+{number}").into(),
        position.into(),
    ];
    tx.query_opt(&sql, &values)?.map(|row| decode(&row)).transpose()
}

/// Units and purposes that occur in somebody's accesses, to choose from.
///
/// # Errors
/// Where the index can't be read.
pub fn choices(tx: &mut Tx<'_>, token: &Token) -> Result<[Vec<String>; 2], Error> {
    let mut of = |column: &str| -> Result<Vec<String>, Error> {
        let sql = format!(
            "SELECT DISTINCT a.{column} FROM {TABLES} WHERE s.token = ?1 AND a.{column} IS NOT NULL ORDER BY 1"
        );
        tx.query(&sql, &[Value::Blob(token.to_vec())])?
            .iter()
            .map(|row| row.get(0))
            .collect()
    };
    Ok([of("unit")?, of("purpose")?])
}
