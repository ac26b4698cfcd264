//! Background work: claimed with leases, tried again with growing pauses, put aside when it keeps failing.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use banyan_base::{Ctx, Id, World, timestamp_text};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value as Json;

use crate::{Db, Error, Row, Tx, Value};

/// A job to be added.
#[derive(Clone, Debug)]
pub struct NewJob {
    pub kind: String,
    pub payload: Json,
    pub run_at: Timestamp,
    /// While a job of this kind and key waits or runs, no second one is added.
    pub dedupe_key: Option<String>,
    pub max_attempts: u32,
}

impl NewJob {
    /// A job to be run at once, tried eight times (about an hour and a half in all).
    pub fn now(cx: &Ctx, kind: &str, payload: Json) -> NewJob {
        NewJob {
            kind: kind.into(),
            payload,
            run_at: cx.now,
            dedupe_key: None,
            max_attempts: 8,
        }
    }
}

/// A job as it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Job {
    pub id: String,
    pub kind: String,
    pub payload: Json,
    /// `waiting running done dead cancelled`.
    pub state: String,
    pub run_at: String,
    /// Tries so far, the running one included.
    pub attempts: u32,
    pub max_attempts: u32,
    pub progress: Json,
    pub error: Option<String>,
    pub created_at: String,
    pub created_by: String,
    pub ended_at: Option<String>,
    /// The worker that took it last. With `attempts` it tells one lease from every other: see [`Job::lease`].
    pub leased_by: Option<String>,
    #[serde(skip)]
    pub stop: Stop,
}

/// Whether the process that runs a job is about to end. Long work looks between its steps, each of which is kept, and
/// then returns [`JobError::Stopped`].
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    pub fn asked(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// It says nothing of the job itself.
impl PartialEq for Stop {
    fn eq(&self, _: &Stop) -> bool {
        true
    }
}

impl Job {
    /// What the database must still say for this worker to report on the job or to end it. A worker whose lease ran
    /// out while another took the job finds something else there, and changes nothing.
    fn lease(&self) -> [Value; 3] {
        [
            self.id.as_str().into(),
            self.leased_by.as_deref().unwrap_or("").into(),
            self.attempts.into(),
        ]
    }
}

/// The condition for [`Job::lease`].
const OURS: &str = "id = ?1 AND leased_by = ?2 AND attempts = ?3 AND state = 'running'";

/// How a job failed.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// Something passing: try again later.
    #[error("{0}")]
    Retry(String),
    /// Trying again can't help.
    #[error("{0}")]
    Fail(String),
    /// Not failed: put down because the process ends ([`Stop`]). It is due at once for whoever comes, and the try does
    /// not count.
    #[error("stopped with its process")]
    Stopped,
}

impl From<Error> for JobError {
    fn from(error: Error) -> JobError {
        JobError::Retry(error.to_string())
    }
}

impl From<banyan_base::Problem> for JobError {
    fn from(problem: banyan_base::Problem) -> JobError {
        let text = problem.internal.clone().unwrap_or_else(|| problem.detail.clone());
        if problem.code.status >= 500 {
            JobError::Retry(text)
        } else {
            JobError::Fail(text)
        }
    }
}

/// Does the work of one kind. It must bear being run again after it was cut off anywhere.
pub type JobHandler = Arc<dyn Fn(&Ctx, &Db, &Job) -> Result<(), JobError> + Send + Sync>;

const COLUMNS: &str = "id, kind, payload, state, run_at, attempts, max_attempts, progress, error, created_at, created_by, ended_at, leased_by";

/// How long a claimed job is ours before others may take it.
pub const LEASE: SignedDuration = SignedDuration::from_secs(120);

fn decode(row: &Row) -> Result<Job, Error> {
    let json = |text: Option<String>| {
        text.and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default()
    };
    Ok(Job {
        id: row.get(0)?,
        kind: row.get(1)?,
        payload: json(row.get(2)?),
        state: row.get(3)?,
        run_at: row.get(4)?,
        attempts: row.get(5)?,
        max_attempts: row.get(6)?,
        progress: json(row.get(7)?),
        error: row.get(8)?,
        created_at: row.get(9)?,
        created_by: row.get(10)?,
        ended_at: row.get(11)?,
        leased_by: row.get(12)?,
        stop: Stop::default(),
    })
}

pub(crate) fn add(tx: &mut Tx<'_>, cx: &Ctx, job: &NewJob) -> Result<Id, Error> {
    let id = cx.id();
    let added = tx.execute(
        "INSERT INTO job (id, kind, payload, state, run_at, attempts, max_attempts, dedupe_key, created_at, created_by)
         VALUES (?1, ?2, ?3, 'waiting', ?4, 0, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
        &[
            (&id).into(),
            job.kind.as_str().into(),
            job.payload.to_string().into(),
            timestamp_text(job.run_at).into(),
            job.max_attempts.into(),
            job.dedupe_key.as_deref().into(),
            cx.now_text().into(),
            cx.actor.id.as_str().into(),
        ],
    )?;
    if added == 1 {
        return Ok(id);
    }
    let row = tx.query_opt(
        "SELECT id FROM job WHERE kind = ?1 AND dedupe_key = ?2 AND state IN ('waiting', 'running')",
        &[job.kind.as_str().into(), job.dedupe_key.as_deref().into()],
    )?;
    let known: Option<String> = row.map(|row| row.get(0)).transpose()?;
    Ok(known.and_then(|text| Id::parse(&text)).unwrap_or(id))
}

/// A job by its id.
///
/// # Errors
/// Where the database can't be read.
pub fn find(tx: &mut Tx<'_>, id: &str) -> Result<Option<Job>, Error> {
    tx.query_opt(&format!("SELECT {COLUMNS} FROM job WHERE id = ?1"), &[id.into()])?
        .map(|row| decode(&row))
        .transpose()
}

/// Jobs, newest first; of one state and kind where given. `before` is the id to go on from.
///
/// # Errors
/// Where the database can't be read.
pub fn list(
    tx: &mut Tx<'_>,
    state: Option<&str>,
    kind: Option<&str>,
    before: Option<&str>,
    limit: u32,
) -> Result<Vec<Job>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM job
         WHERE (?1 = '' OR state = ?1) AND (?2 = '' OR kind = ?2) AND (?3 = '' OR id < ?3) ORDER BY id DESC LIMIT ?4"
    );
    let text = |value: Option<&str>| Value::Text(value.unwrap_or("").to_owned());
    tx.query(&sql, &[text(state), text(kind), text(before), limit.into()])?
        .iter()
        .map(decode)
        .collect()
}

/// How many jobs are in each state.
///
/// # Errors
/// Where the database can't be read.
pub fn counts(tx: &mut Tx<'_>) -> Result<Vec<(String, u64)>, Error> {
    let rows = tx.query(
        "SELECT state, COUNT(*) FROM job GROUP BY state ORDER BY state",
        &[],
    )?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// Takes the next due job of these kinds, if there is one. A job whose lease ran out is due again.
///
/// # Errors
/// Where the database refuses.
pub fn claim(db: &Db, cx: &Ctx, worker: &str, kinds: &[&str]) -> Result<Option<Job>, Error> {
    let list: Vec<String> = kinds
        .iter()
        .map(|kind| format!("'{}'", kind.replace('\'', "''")))
        .collect();
    let due = format!(
        "SELECT id FROM job WHERE kind IN ({}) AND ((state = 'waiting' AND run_at <= ?1)
         OR (state = 'running' AND lease_until < ?1)) ORDER BY run_at LIMIT 1",
        if list.is_empty() {
            "''".to_owned()
        } else {
            list.join(", ")
        }
    );
    let now = Value::Text(cx.now_text());
    // Most looks find nothing; they need not trouble the writer.
    let first = now.clone();
    let any = db.read(|tx| tx.query_opt(&due, &[first]).map(|row| row.is_some()))?;
    if !any {
        return Ok(None);
    }
    let (worker, until) = (worker.to_owned(), timestamp_text(cx.now + LEASE));
    db.write(move |tx| {
        let lock = if tx.dialect().is_postgres() {
            " FOR UPDATE SKIP LOCKED"
        } else {
            ""
        };
        let Some(row) = tx.query_opt(&format!("{due}{lock}"), std::slice::from_ref(&now))? else {
            return Ok(None);
        };
        let id: String = row.get(0)?;
        // A lease that ran out on the last try: the job killed its worker too often.
        tx.execute(
            "UPDATE job SET state = CASE WHEN attempts >= max_attempts THEN 'dead' ELSE 'running' END,
             error = CASE WHEN attempts >= max_attempts THEN 'the worker died on the last try' ELSE error END,
             ended_at = CASE WHEN attempts >= max_attempts THEN ?4 ELSE NULL END,
             attempts = attempts + 1, leased_by = ?2, lease_until = ?3 WHERE id = ?1",
            &[id.as_str().into(), worker.into(), until.into(), now],
        )?;
        Ok(find(tx, &id)?.filter(|job| job.state == "running"))
    })
}

/// Tells how far a running job is, and keeps its lease. False where the job is no longer this worker's, or was
/// cancelled: then the worker must leave off. Called in the transaction of an effect it fences that effect too, as the
/// job's row is then this transaction's until it ends.
///
/// # Errors
/// Where the database refuses.
pub fn report(tx: &mut Tx<'_>, cx: &Ctx, job: &Job, progress: &Json) -> Result<bool, Error> {
    let until = timestamp_text(cx.world.now() + LEASE);
    let [id, worker, attempts] = job.lease();
    let changed = tx.execute(
        &format!("UPDATE job SET progress = ?4, lease_until = ?5 WHERE {OURS}"),
        &[id, worker, attempts, progress.to_string().into(), until.into()],
    )?;
    Ok(changed == 1)
}

/// Ends a job well. False where it is no longer this worker's: then nothing changes.
///
/// # Errors
/// Where the database refuses.
pub fn complete(tx: &mut Tx<'_>, cx: &Ctx, job: &Job) -> Result<bool, Error> {
    let [id, worker, attempts] = job.lease();
    let changed = tx.execute(
        &format!(
            "UPDATE job SET state = 'done', ended_at = ?4, lease_until = NULL, error = NULL WHERE {OURS}"
        ),
        &[id, worker, attempts, timestamp_text(cx.world.now()).into()],
    )?;
    Ok(changed == 1)
}

/// Pause before try `attempts` + 1: 5 s doubling to an hour, and up to half as much again by chance, so that jobs that
/// failed together do not come back together.
fn backoff(cx: &Ctx, attempts: u32) -> SignedDuration {
    let base = 5_000_i64
        .saturating_mul(1 << attempts.saturating_sub(1).min(10))
        .min(3_600_000);
    let chance = i64::from(u16::from_le_bytes(cx.world.secret::<2>()));
    SignedDuration::from_millis(base + base * chance / 131_072)
}

/// Ends a try badly: the job waits for its next one, or is put aside as dead. False where it is no longer this
/// worker's: then nothing changes.
///
/// # Errors
/// Where the database refuses.
pub fn fail(tx: &mut Tx<'_>, cx: &Ctx, job: &Job, error: &JobError) -> Result<bool, Error> {
    let now = cx.world.now();
    if matches!(error, JobError::Stopped) {
        let sql = format!(
            "UPDATE job SET state = 'waiting', run_at = ?4, attempts = attempts - 1, lease_until = NULL WHERE {OURS}"
        );
        let [id, worker, attempts] = job.lease();
        return Ok(tx.execute(&sql, &[id, worker, attempts, timestamp_text(now).into()])? == 1);
    }
    let dead = matches!(error, JobError::Fail(_)) || job.attempts >= job.max_attempts;
    let (state, ended) = if dead {
        ("dead", Some(timestamp_text(now)))
    } else {
        ("waiting", None)
    };
    let [id, worker, attempts] = job.lease();
    let changed = tx.execute(
        &format!(
            "UPDATE job SET state = ?4, run_at = ?5, error = ?6, ended_at = ?7, lease_until = NULL WHERE {OURS}"
        ),
        &[
            id,
            worker,
            attempts,
            state.into(),
            timestamp_text(now + backoff(cx, job.attempts)).into(),
            error.to_string().into(),
            ended.into(),
        ],
    )?;
    Ok(changed == 1)
}

/// Gives a dead job its tries again. False where it is not dead.
///
/// # Errors
/// Where the database refuses.
pub fn requeue(tx: &mut Tx<'_>, cx: &Ctx, id: &str) -> Result<bool, Error> {
    tx.enqueued = true;
    let changed = tx.execute(
        "UPDATE job SET state = 'waiting', attempts = 0, run_at = ?2, ended_at = NULL, leased_by = NULL
         WHERE id = ?1 AND state = 'dead'",
        &[id.into(), cx.now_text().into()],
    )?;
    Ok(changed == 1)
}

/// Cancels a job that waits or runs; a running one notices at its next report. False where it had ended.
///
/// # Errors
/// Where the database refuses.
pub fn cancel(tx: &mut Tx<'_>, cx: &Ctx, id: &str) -> Result<bool, Error> {
    let changed = tx.execute(
        "UPDATE job SET state = 'cancelled', ended_at = ?2 WHERE id = ?1 AND state IN ('waiting', 'running')",
        &[id.into(), cx.now_text().into()],
    )?;
    Ok(changed == 1)
}

/// Drops jobs that ended before `before`; dead ones stay until someone decides. Returns how many.
///
/// # Errors
/// Where the database refuses.
pub fn prune(tx: &mut Tx<'_>, before: &str) -> Result<u64, Error> {
    tx.execute(
        "DELETE FROM job WHERE state IN ('done', 'cancelled') AND ended_at < ?1",
        &[before.into()],
    )
}

/// Runs jobs on threads of its own until it is stopped.
pub struct Worker {
    stop: Arc<AtomicBool>,
    db: Db,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Worker {
    /// Starts `threads` threads that do the work of `handlers`.
    ///
    /// # Errors
    /// Where a thread can't be started.
    pub fn start(
        db: &Db,
        world: &World,
        threads: usize,
        handlers: BTreeMap<String, JobHandler>,
    ) -> Result<Worker, Error> {
        let stop = Arc::new(AtomicBool::new(false));
        let handlers = Arc::new(handlers);
        let mut running = Vec::new();
        for number in 0..threads {
            let (db, world, stop, handlers) = (
                db.clone(),
                world.clone(),
                Arc::clone(&stop),
                Arc::clone(&handlers),
            );
            let name = format!("{}-{number}", world.id());
            let thread = std::thread::Builder::new().name(format!("jobs-{number}"));
            running.push(thread.spawn(move || work(&db, &world, &name, &handlers, &Stop(stop)))?);
        }
        Ok(Worker {
            stop,
            db: db.clone(),
            threads: running,
        })
    }

    /// Lets running jobs end, or reach a place where they can go on another time ([`Stop`]); starts no more.
    pub fn stop(self) {
        self.stop.store(true, Ordering::SeqCst);
        self.db.wake();
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}

fn work(db: &Db, world: &World, name: &str, handlers: &BTreeMap<String, JobHandler>, stop: &Stop) {
    let kinds: Vec<&str> = handlers.keys().map(String::as_str).collect();
    let mut seen = 0;
    while !stop.asked() {
        match run(db, &world.system_ctx(), name, &kinds, handlers, stop) {
            Ok(true) => {}
            // Jobs of other processes and those whose time comes are found by looking again.
            Ok(false) => seen = db.wait_jobs(seen, Duration::from_millis(500)),
            Err(Error::Closed) => return,
            Err(error) => {
                tracing::error!(%error, "taking a job failed");
                std::thread::sleep(Duration::from_secs(1));
            }
        }
    }
}

/// Takes and runs one due job. False where there was none. Also for tests and a clock that is moved by hand.
///
/// # Errors
/// Where the database refuses.
pub fn run_one(
    db: &Db,
    cx: &Ctx,
    worker: &str,
    kinds: &[&str],
    handlers: &BTreeMap<String, JobHandler>,
) -> Result<bool, Error> {
    run(db, cx, worker, kinds, handlers, &Stop::default())
}

fn run(
    db: &Db,
    cx: &Ctx,
    worker: &str,
    kinds: &[&str],
    handlers: &BTreeMap<String, JobHandler>,
    stop: &Stop,
) -> Result<bool, Error> {
    let Some(mut job) = claim(db, cx, worker, kinds)? else {
        return Ok(false);
    };
    job.stop = stop.clone();
    let Some(handler) = handlers.get(&job.kind) else {
        return Ok(false);
    };
    let result = catch_unwind(AssertUnwindSafe(|| handler(cx, db, &job)))
        .unwrap_or_else(|_| Err(JobError::Retry("the job panicked".into())));
    if let Err(JobError::Stopped) = &result {
        tracing::info!(kind = %job.kind, id = %job.id, "a job is put down until the next start");
    } else if let Err(error) = &result {
        tracing::warn!(kind = %job.kind, id = %job.id, attempt = job.attempts, %error, "a job failed");
    }
    let (cx, kind, id) = (cx.clone(), job.kind.clone(), job.id.clone());
    let ours = db.write(move |tx| match &result {
        Ok(()) => complete(tx, &cx, &job),
        Err(error) => fail(tx, &cx, &job, error),
    })?;
    if !ours {
        tracing::warn!(%kind, %id, "a job was cancelled, or taken over by another worker, while it ran");
    }
    Ok(true)
}
