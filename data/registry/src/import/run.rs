//! Runs of imports: rows go in by batches, each with its progress in one transaction, so that a run which is killed goes
//! on where it stopped and no row goes in twice.

use std::collections::HashMap;
use std::sync::Arc;

use banyan_base::{Actor, Ctx, Problem};
use banyan_door::Obligations;
use banyan_package::model::FieldKind;
use banyan_store::jobs::{self, Job, JobError, JobHandler};
use banyan_store::{Blobs, Db, Row, Tx, Value};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use super::sealed;
use super::table::{Next, TableRow, read_rows};
use crate::catalog::{Catalog, TypeInfo};
use crate::record::{self, Change};
use crate::seal::Vault;
use crate::sight::{secure, still_there, unseen_fields};
use crate::{Registry, cell, reference};

/// The kind of the job.
pub const JOB: &str = "registry.import";
const BATCH: usize = 200;
/// Errors shown with a run; all of them can be downloaded.
const SHOWN_ERRORS: i64 = 50;
/// Columns that our own files carry and an import passes over.
const PASSED_OVER: &[&str] = &["id", "state", "状态", "错误列", "错误原因", "行号"];

/// What a run does with a row whose key is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Refuses it.
    Create,
    /// Updates that record.
    Upsert,
}

/// A run as it is kept and shown.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub file_name: String,
    #[serde(skip)]
    pub blob: String,
    /// Whether what it keeps of the file is sealed.
    #[serde(skip)]
    pub sealed: bool,
    pub dry_run: bool,
    pub mode: Mode,
    /// `queued running done failed cancelled`.
    pub state: String,
    pub header: Vec<String>,
    pub total: i64,
    pub done: i64,
    pub created: i64,
    pub updated: i64,
    pub failed: i64,
    pub message: Option<String>,
    pub created_at: String,
    #[serde(skip)]
    pub created_by: String,
    pub ended_at: Option<String>,
}

const COLUMNS: &str = "id, type, file_name, blob, dry_run, mode, state, header, total, done, created, updated, failed, \
                       message, created_at, created_by, ended_at, sealed";

fn decode(row: &Row) -> Result<Run, Problem> {
    let header: String = row.get(7)?;
    Ok(Run {
        id: row.get(0)?,
        kind: row.get(1)?,
        file_name: row.get(2)?,
        blob: row.get(3)?,
        dry_run: row.get::<i64>(4)? != 0,
        mode: if row.get::<String>(5)? == "upsert" {
            Mode::Upsert
        } else {
            Mode::Create
        },
        state: row.get(6)?,
        header: serde_json::from_str(&header).map_err(Problem::internal)?,
        total: row.get(8)?,
        done: row.get(9)?,
        created: row.get(10)?,
        updated: row.get(11)?,
        failed: row.get(12)?,
        message: row.get(13)?,
        created_at: row.get(14)?,
        created_by: row.get(15)?,
        ended_at: row.get(16)?,
        sealed: row.get::<i64>(17)? != 0,
    })
}

/// A run by its id.
///
/// # Errors
/// Where the database can't be read.
pub fn find(tx: &mut Tx<'_>, id: &str) -> Result<Option<Run>, Problem> {
    let sql = format!("SELECT {COLUMNS} FROM import_run WHERE id = ?1");
    tx.query_opt(&sql, &[id.into()])?
        .map(|row| decode(&row))
        .transpose()
}

/// The runs someone started last.
///
/// # Errors
/// Where the database can't be read.
pub fn recent(tx: &mut Tx<'_>, by: &str) -> Result<Vec<Run>, Problem> {
    let sql = format!(
        "SELECT {COLUMNS} FROM import_run WHERE created_by = ?1 ORDER BY created_at DESC, id DESC LIMIT 50"
    );
    tx.query(&sql, &[by.into()])?.iter().map(decode).collect()
}

/// Notes a new run.
///
/// # Errors
/// Where the database refuses.
pub fn insert(tx: &mut Tx<'_>, run: &Run) -> Result<(), Problem> {
    let mode = if run.mode == Mode::Upsert {
        "upsert"
    } else {
        "create"
    };
    tx.execute(
        "INSERT INTO import_run (id, type, file_name, blob, dry_run, mode, state, header, total, done, created, updated,
         failed, created_at, created_by, sealed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'queued', '[]', 0, 0, 0, 0, 0, ?7, ?8, ?9)",
        &[
            run.id.as_str().into(),
            run.kind.as_str().into(),
            run.file_name.as_str().into(),
            run.blob.as_str().into(),
            i64::from(run.dry_run).into(),
            mode.into(),
            run.created_at.as_str().into(),
            run.created_by.as_str().into(),
            i64::from(run.sealed).into(),
        ],
    )?;
    Ok(())
}

/// One faulty row.
#[derive(Clone, Debug)]
pub struct FaultyRow {
    pub line: i64,
    pub cells: Vec<String>,
    /// Column title and what is wrong there.
    pub errors: Vec<(String, String)>,
}

/// Faulty rows of a run after a line, in order.
///
/// # Errors
/// Where the database can't be read.
pub(crate) fn faulty(
    tx: &mut Tx<'_>,
    vault: &Vault,
    run: &str,
    after: i64,
    limit: i64,
) -> Result<Vec<FaultyRow>, Problem> {
    let sql = format!(
        "SELECT line, cells, errors FROM import_error WHERE run = ?1 AND line > ?2 ORDER BY line LIMIT {limit}"
    );
    tx.query(&sql, &[run.into(), after.into()])?
        .iter()
        .map(|row| {
            let line: i64 = row.get(0)?;
            let read = |at: usize| -> Result<String, Problem> {
                let text = sealed::open(vault, run, &format!("{line}/{at}"), row.get(at)?)?;
                Ok(text.unwrap_or_else(|| "[]".into()))
            };
            Ok(FaultyRow {
                line,
                cells: serde_json::from_str(&read(1)?).map_err(Problem::internal)?,
                errors: serde_json::from_str(&read(2)?).map_err(Problem::internal)?,
            })
        })
        .collect()
}

/// A run with its first errors, as it is sent.
///
/// # Errors
/// Where the database can't be read.
pub(crate) fn shown(tx: &mut Tx<'_>, vault: &Vault, run: &Run) -> Result<Json, Problem> {
    let first: Vec<Json> = faulty(tx, vault, &run.id, -1, SHOWN_ERRORS)?
        .into_iter()
        .flat_map(|row| {
            let line = row.line;
            row.errors
                .into_iter()
                .map(move |(column, message)| json!({ "line": line, "column": column, "message": message }))
        })
        .collect();
    let mut sent = serde_json::to_value(run).map_err(Problem::internal)?;
    if let Some(object) = sent.as_object_mut() {
        object.insert("first_errors".into(), Json::Array(first));
    }
    Ok(sent)
}

/// The handler of import jobs.
pub fn job(registry: &Arc<Registry>, blobs: &Blobs) -> JobHandler {
    let (registry, blobs) = (Arc::clone(registry), blobs.clone());
    Arc::new(move |cx, db, job| {
        let ended = perform(&registry, &blobs, cx, db, job).map_err(|problem| {
            let cause = problem.internal.unwrap_or(problem.detail);
            JobError::Retry(cause)
        })?;
        // The next start goes on after the last batch.
        if ended { Ok(()) } else { Err(JobError::Stopped) }
    })
}

#[derive(Deserialize)]
struct Payload {
    run: String,
    actor: Actor,
    #[serde(default)]
    purpose: Option<String>,
    /// What policy asked of the import when it was asked for; runs from before there were any: nothing.
    #[serde(default)]
    obligations: Arc<Obligations>,
}

/// What a column of the table goes to.
fn mapping(info: &TypeInfo, header: &[String]) -> Result<Vec<Option<usize>>, String> {
    let mut unknown = Vec::new();
    let mapped = header
        .iter()
        .map(|name| {
            let found = info.columns.iter().position(|column| {
                let title = &column.field.title;
                *name == column.name || *name == title.zh || title.en.as_deref() == Some(name.as_str())
            });
            let computed = found
                .and_then(|index| info.columns.get(index))
                .is_some_and(|column| matches!(column.field.kind, FieldKind::Computed { .. }));
            if found.is_none() && !PASSED_OVER.contains(&name.as_str()) {
                unknown.push(name.clone());
            }
            found.filter(|_| !computed)
        })
        .collect();
    let mapped: Vec<Option<usize>> = mapped;
    for (index, to) in mapped.iter().enumerate() {
        // Of two cells for one field, either would be a guess.
        if let (Some(to), Some(name)) = (to, header.get(index))
            && mapped.iter().skip(index + 1).any(|other| *other == Some(*to))
        {
            return Err(format!("不止一列对应同一个字段:{name}"));
        }
    }
    if unknown.is_empty() {
        return Ok(mapped);
    }
    let known: Vec<String> = info
        .columns
        .iter()
        .filter(|column| !matches!(column.field.kind, FieldKind::Computed { .. }))
        .map(|column| format!("{}({})", column.field.title.zh, column.name))
        .collect();
    Err(format!(
        "不认识的列:{}。可用的列:{}",
        unknown.join("、"),
        known.join("、")
    ))
}

/// False where the process ends before the work is done.
fn perform(registry: &Arc<Registry>, blobs: &Blobs, cx: &Ctx, db: &Db, job: &Job) -> Result<bool, Problem> {
    let payload: Payload = serde_json::from_value(job.payload.clone()).map_err(Problem::internal)?;
    let cx = Ctx {
        purpose: payload.purpose,
        ..cx.world.ctx(payload.actor)
    };
    let obligations = payload.obligations;
    let id = payload.run;
    let run = db.read(|tx| find(tx, &id))?;
    let Some(run) = run.filter(|run| run.state == "queued" || run.state == "running") else {
        return Ok(true);
    };
    let info = match db.read(|tx| registry.catalog(tx)?.find(&run.kind)) {
        Ok(info) => info,
        Err(problem) => return failed(&cx, db, &id, problem.detail),
    };
    let Some(path) = blobs.path_of(&run.blob) else {
        return failed(&cx, db, &id, "上传的文件已不在。".into());
    };
    let opened = match run.sealed {
        true => sealed::open_file(&registry.vault(), &id, &path)?,
        false => None,
    };
    if run.sealed && opened.is_none() {
        return failed(&cx, db, &id, "上传的文件已按期销毁。".into());
    }
    let path = opened.as_ref().map_or(path, |opened| opened.path().to_owned());
    // First pass: can it be read to its end, are its columns known, how many rows are there?
    let table = match read_rows(&path, &mut |_, _| {
        if job.stop.asked() { Next::Stop } else { Next::Go }
    }) {
        Ok(table) => table,
        Err(error) => return failed(&cx, db, &id, error.to_string()),
    };
    if job.stop.asked() {
        return Ok(false);
    }
    let mapped = match mapping(&info, &table.header) {
        Ok(mapped) => mapped,
        Err(message) => return failed(&cx, db, &id, message),
    };
    let header = serde_json::to_string(&table.header).map_err(Problem::internal)?;
    let total = i64::try_from(table.rows).unwrap_or(i64::MAX);
    let of = id.clone();
    db.write::<_, Problem>(move |tx| {
        tx.execute(
            "UPDATE import_run SET state = 'running', header = ?2, total = ?3 WHERE id = ?1 AND state IN ('queued', 'running')",
            &[of.into(), header.into(), total.into()],
        )?;
        Ok(())
    })?;
    let mut work = Work {
        registry: Arc::clone(registry),
        job: job.clone(),
        run,
        mapped: Arc::new(mapped),
        seen: HashMap::new(),
        obligations,
    };
    let mut passed = 0;
    let mut stopped = false;
    let mut batch: Vec<TableRow> = Vec::new();
    let mut ended: Option<Result<bool, Problem>> = None;
    let already = work.run.done;
    let read = read_rows(&path, &mut |_, row| {
        passed += 1;
        if passed <= already {
            return Next::Go;
        }
        batch.push(row);
        if batch.len() < BATCH {
            return Next::Go;
        }
        if job.stop.asked() {
            stopped = true;
            return Next::Stop;
        }
        match work.batch(&cx, db, std::mem::take(&mut batch)) {
            Ok(true) => Next::Go,
            other => {
                ended = Some(other);
                Next::Stop
            }
        }
    });
    match ended {
        Some(Ok(_)) => return Ok(true),
        Some(Err(problem)) => return Err(problem),
        None if stopped => return Ok(false),
        None => {}
    }
    if let Err(error) = read {
        return failed(&cx, db, &id, error.to_string());
    }
    if batch.is_empty() || work.batch(&cx, db, batch)? {
        end(&cx, db, &id, "done", None)?;
    }
    Ok(true)
}

fn failed(cx: &Ctx, db: &Db, id: &str, message: String) -> Result<bool, Problem> {
    end(cx, db, id, "failed", Some(message)).map(|()| true)
}

fn end(cx: &Ctx, db: &Db, id: &str, state: &'static str, message: Option<String>) -> Result<(), Problem> {
    let (id, now) = (id.to_owned(), cx.now_text());
    db.write::<_, Problem>(move |tx| {
        tx.execute(
            "UPDATE import_run SET state = ?2, message = ?3, ended_at = ?4 WHERE id = ?1 AND state IN ('queued', 'running')",
            &[id.into(), state.into(), message.into(), now.into()],
        )?;
        Ok(())
    })
}

struct Work {
    registry: Arc<Registry>,
    job: Job,
    run: Run,
    mapped: Arc<Vec<Option<usize>>>,
    /// Dry runs write nothing, so rows of one key in one file are found here: key → line.
    seen: HashMap<String, u64>,
    obligations: Arc<Obligations>,
}

#[derive(Default)]
struct Tally {
    created: i64,
    updated: i64,
    faulty: Vec<FaultyRow>,
}

impl Work {
    /// Puts a batch in, with its progress. False where the run was cancelled meanwhile, or its job is another worker's:
    /// that one went on from the last batch, and the rows must not go in twice.
    fn batch(&mut self, cx: &Ctx, db: &Db, rows: Vec<TableRow>) -> Result<bool, Problem> {
        let (registry, job, run, mapped, cx) = (
            Arc::clone(&self.registry),
            self.job.clone(),
            self.run.clone(),
            Arc::clone(&self.mapped),
            Ctx {
                purpose: cx.purpose.clone(),
                ..cx.world.ctx(cx.actor.clone())
            },
        );
        let obligations = Arc::clone(&self.obligations);
        let mut seen = std::mem::take(&mut self.seen);
        let (seen, goes_on) = db.write::<_, Problem>(move |tx| {
            if !jobs::report(tx, &cx, &job, &json!({ "run": run.id }))? {
                return Ok((seen, false));
            }
            let state = tx.query_opt(
                "SELECT state FROM import_run WHERE id = ?1",
                &[run.id.as_str().into()],
            )?;
            if state.map(|row| row.get::<String>(0)).transpose()?.as_deref() != Some("running") {
                return Ok((seen, false));
            }
            let catalog = registry.catalog(tx)?;
            let info = catalog.find(&run.kind)?;
            let sight = secure(&info, &obligations, &catalog, tx.dialect());
            let mut tally = Tally::default();
            let mut put = |tx: &mut Tx<'_>| -> Result<(), Problem> {
                for row in &rows {
                    one(
                        &cx,
                        tx,
                        &catalog,
                        (&info, &sight),
                        &run,
                        &mapped,
                        row,
                        &mut seen,
                        &mut tally,
                    )?;
                }
                Ok(())
            };
            if run.dry_run {
                // Everything is done as it would be, then undone.
                let undone = tx.savepoint(|tx| {
                    put(tx)?;
                    Err::<(), Problem>(Problem::new(banyan_base::codes::BAD_REQUEST, DRY))
                });
                if let Err(problem) = undone
                    && problem.detail != DRY
                {
                    return Err(problem);
                }
            } else {
                put(tx)?;
            }
            note(
                tx,
                &registry.vault(),
                &run,
                i64::try_from(rows.len()).unwrap_or(0),
                &tally,
            )?;
            Ok((seen, true))
        })?;
        self.seen = seen;
        Ok(goes_on)
    }
}

const DRY: &str = "dry run";

fn note(tx: &mut Tx<'_>, vault: &Vault, run: &Run, rows: i64, tally: &Tally) -> Result<(), Problem> {
    let id = run.id.as_str();
    for row in &tally.faulty {
        let cells = serde_json::to_string(&row.cells).map_err(Problem::internal)?;
        let errors = serde_json::to_string(&row.errors).map_err(Problem::internal)?;
        let kept = |at: usize, text: String| match run.sealed {
            true => sealed::seal(vault, id, &format!("{}/{at}", row.line), &text),
            false => Ok(text),
        };
        let (cells, errors) = (kept(1, cells)?, kept(2, errors)?);
        tx.execute(
            "INSERT INTO import_error (run, line, cells, errors) VALUES (?1, ?2, ?3, ?4)",
            &[id.into(), row.line.into(), cells.into(), errors.into()],
        )?;
    }
    let failed = i64::try_from(tally.faulty.len()).unwrap_or(0);
    let values: [Value; 5] = [
        id.into(),
        rows.into(),
        tally.created.into(),
        tally.updated.into(),
        failed.into(),
    ];
    tx.execute(
        "UPDATE import_run SET done = done + ?2, created = created + ?3, updated = updated + ?4, failed = failed + ?5
         WHERE id = ?1",
        &values,
    )?;
    Ok(())
}

/// One row; what is wrong with it goes to the tally, what is wrong with the platform ends the batch.
#[expect(clippy::too_many_arguments, reason = "one act with all that belongs to it")]
fn one(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    catalog: &Catalog,
    (info, sight): (&TypeInfo, &TypeInfo),
    run: &Run,
    mapped: &[Option<usize>],
    row: &TableRow,
    seen: &mut HashMap<String, u64>,
    tally: &mut Tally,
) -> Result<(), Problem> {
    let mut fields = Map::new();
    for (cell, to) in row.cells.iter().zip(mapped) {
        if let Some(column) = to.and_then(|index| info.columns.get(index)) {
            fields.insert(column.name.clone(), cell::read(&column.field.kind, cell));
        }
    }
    let key = reference::key_of(info, &fields);
    let formulas: Vec<(String, String)> = row
        .wrong
        .iter()
        .filter_map(|at| {
            let column = info.columns.get((*mapped.get(*at)?)?)?;
            let cell = row.cells.get(*at)?;
            Some((column.field.title.zh.clone(), format!("公式的结果是错误 {cell}")))
        })
        .collect();
    let refuse = |errors: Vec<(String, String)>, tally: &mut Tally| {
        tally.faulty.push(FaultyRow {
            line: i64::try_from(row.number).unwrap_or(i64::MAX),
            cells: row.cells.clone(),
            errors,
        });
    };
    if !formulas.is_empty() {
        refuse(formulas, tally);
        return Ok(());
    }
    if let (Some(key), true) = (&key, run.dry_run && run.mode == Mode::Create)
        && let Some(line) = seen.insert(key.clone(), row.number)
    {
        refuse(vec![(String::new(), format!("与第 {line} 行的主键相同"))], tally);
        return Ok(());
    }
    let done = tx.savepoint(|tx| {
        let change = |fields| Change {
            fields,
            state: None,
            verb: "created",
            note: None,
            unrestricted: false,
            eyes: None,
        };
        let existing = match (&key, run.mode) {
            (Some(key), Mode::Upsert) => reference::resolve(tx, sight, key)?,
            _ => None,
        };
        match existing {
            None => {
                let made = record::create(cx, tx, catalog, info, &change(&fields))?;
                still_there(tx, sight, &made.id).map(|()| true)
            }
            Some(id) => {
                if sight.is_secured() {
                    let shown = record::get(tx, sight, &id)?;
                    unseen_fields(&shown, &[&shown], &mut fields)?;
                }
                let before = record::get_for_change(tx, info, &id, Some("*"))?;
                let change = Change {
                    verb: "updated",
                    ..change(&fields)
                };
                record::update(cx, tx, catalog, info, &before, &change)?;
                still_there(tx, sight, &id).map(|()| false)
            }
        }
    });
    match done {
        Ok(true) => tally.created += 1,
        Ok(false) => tally.updated += 1,
        Err(problem) if problem.code.status >= 500 => return Err(problem),
        Err(problem) => {
            let mut errors: Vec<(String, String)> = problem
                .errors
                .iter()
                .map(|error| {
                    let name = error.pointer.strip_prefix("/fields/").unwrap_or("");
                    let title = info
                        .column(name)
                        .map_or(name, |column| column.field.title.zh.as_str());
                    (title.to_owned(), error.message.clone())
                })
                .collect();
            if errors.is_empty() {
                errors.push((String::new(), problem.detail));
            }
            refuse(errors, tally);
        }
    }
    Ok(())
}
