//! Rows of instances and incidents.

use banyan_base::{Problem, codes, timestamp_text};
use banyan_store::{Row, Tx, Value};
use jiff::Timestamp;
use serde_json::Value as Json;

use crate::Error;
use crate::engine::{Instance, Standing};

/// What is stored of an instance beside its state.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub id: String,
    pub process: String,
    pub version: i64,
    pub state: String,
    pub incidents: i64,
    pub business_key: Option<String>,
    pub revision: i64,
    pub started_at: String,
    pub started_by: String,
    pub ended_at: Option<String>,
    pub parent: Option<String>,
    pub parent_token: Option<u32>,
}

pub(crate) const COLUMNS: &str = "id, process, version, state, incidents, business_key, revision, started_at, started_by, ended_at, parent, parent_token";

pub(crate) fn decode(row: &Row) -> Result<Record, banyan_store::Error> {
    Ok(Record {
        id: row.get(0)?,
        process: row.get(1)?,
        version: row.get(2)?,
        state: row.get(3)?,
        incidents: row.get(4)?,
        business_key: row.get(5)?,
        revision: row.get(6)?,
        started_at: row.get(7)?,
        started_by: row.get(8)?,
        ended_at: row.get(9)?,
        parent: row.get(10)?,
        parent_token: row.get(11)?,
    })
}

pub(crate) fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Running => "running",
        Standing::Completed => "completed",
        Standing::Cancelled => "cancelled",
        Standing::Failed => "failed",
    }
}

fn state(id: &str, text: &str) -> Result<Instance, Error> {
    serde_json::from_str(text).map_err(|error| Error::Inconsistent {
        table: "process_instance",
        row: id.to_owned(),
        cause: error.to_string(),
    })
}

/// An instance, to be looked at.
pub(crate) fn find(tx: &mut Tx<'_>, id: &str) -> Result<Option<(Record, Instance)>, Problem> {
    get(tx, id, "")
}

/// An instance, to be changed: nobody else changes it meanwhile.
pub(crate) fn take(tx: &mut Tx<'_>, id: &str) -> Result<Option<(Record, Instance)>, Problem> {
    let lock = if tx.dialect().is_postgres() {
        " FOR UPDATE"
    } else {
        ""
    };
    get(tx, id, lock)
}

fn get(tx: &mut Tx<'_>, id: &str, lock: &str) -> Result<Option<(Record, Instance)>, Problem> {
    let sql = format!("SELECT {COLUMNS}, data FROM process_instance WHERE id = ?1{lock}");
    let Some(row) = tx.query_opt(&sql, &[id.into()])? else {
        return Ok(None);
    };
    let record = decode(&row)?;
    let text: String = row.get(12)?;
    let state = state(&record.id, &text)?;
    Ok(Some((record, state)))
}

fn due(inst: &Instance) -> Option<String> {
    inst.next_due()
        .filter(|due| *due < Timestamp::MAX)
        .map(timestamp_text)
}

/// Largest state of one instance.
const STATE_LIMIT: usize = 8 << 20;

fn data(inst: &Instance) -> Result<String, Problem> {
    let text = serde_json::to_string(inst).map_err(Problem::internal)?;
    if text.len() > STATE_LIMIT {
        return Err(Problem::new(
            codes::TOO_LARGE,
            format!(
                "流程实例的变量和令牌合计大于 {} MiB,这一步没有做。请把大的内容存为记录或文件。",
                STATE_LIMIT >> 20
            ),
        ));
    }
    Ok(text)
}

pub(crate) fn insert(tx: &mut Tx<'_>, record: &Record, inst: &Instance) -> Result<(), Problem> {
    tx.execute(
        "INSERT INTO process_instance (id, process, version, state, incidents, business_key, revision, started_at, started_by,
         ended_at, parent, parent_token, due_at, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        &[
            record.id.as_str().into(),
            record.process.as_str().into(),
            record.version.into(),
            record.state.as_str().into(),
            record.incidents.into(),
            record.business_key.as_deref().into(),
            record.revision.into(),
            record.started_at.as_str().into(),
            record.started_by.as_str().into(),
            record.ended_at.as_deref().into(),
            record.parent.as_deref().into(),
            record.parent_token.into(),
            due(inst).into(),
            data(inst)?.into(),
        ],
    )?;
    Ok(())
}

/// Stores a changed instance; false where somebody else changed it meanwhile.
pub(crate) fn update(
    tx: &mut Tx<'_>,
    record: &Record,
    inst: &Instance,
    from_revision: i64,
) -> Result<bool, Problem> {
    let changed = tx.execute(
        "UPDATE process_instance SET version = ?3, state = ?4, incidents = ?5, revision = ?6, ended_at = ?7, due_at = ?8, data = ?9
         WHERE id = ?1 AND revision = ?2",
        &[
            record.id.as_str().into(),
            from_revision.into(),
            record.version.into(),
            record.state.as_str().into(),
            record.incidents.into(),
            record.revision.into(),
            record.ended_at.as_deref().into(),
            due(inst).into(),
            data(inst)?.into(),
        ],
    )?;
    Ok(changed == 1)
}

/// The instance that a token of another called.
pub(crate) fn called(tx: &mut Tx<'_>, parent: &str, token: u32) -> Result<Option<String>, Problem> {
    let row = tx.query_opt(
        "SELECT id FROM process_instance WHERE parent = ?1 AND parent_token = ?2 AND state = 'running'",
        &[parent.into(), token.into()],
    )?;
    Ok(row.map(|row| row.get(0)).transpose()?)
}

/// Instances that another one called.
pub(crate) fn calls(tx: &mut Tx<'_>, parent: &str) -> Result<Vec<Record>, Problem> {
    let sql = format!("SELECT {COLUMNS} FROM process_instance WHERE parent = ?1 ORDER BY id");
    let rows = tx.query(&sql, &[parent.into()])?;
    Ok(rows.iter().map(decode).collect::<Result<_, _>>()?)
}

/// Appends what a step did. `entries`: JSON.
pub(crate) fn remember(
    tx: &mut Tx<'_>,
    record: &Record,
    at: &str,
    actor: &str,
    entries: &Json,
) -> Result<(), Problem> {
    tx.execute(
        "INSERT INTO process_history (instance, revision, version, at, actor, entries) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        &[
            record.id.as_str().into(),
            record.revision.into(),
            record.version.into(),
            at.into(),
            actor.into(),
            Value::Text(entries.to_string()),
        ],
    )?;
    Ok(())
}

/// Notes that somebody has to do with an instance, and may see it.
pub(crate) fn party(tx: &mut Tx<'_>, account: &str, instance: &str) -> Result<(), Problem> {
    tx.execute(
        "INSERT INTO process_party (account, instance) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        &[account.into(), instance.into()],
    )?;
    Ok(())
}

pub(crate) fn is_party(tx: &mut Tx<'_>, account: &str, instance: &str) -> Result<bool, Problem> {
    let row = tx.query_opt(
        "SELECT 1 FROM process_party WHERE account = ?1 AND instance = ?2",
        &[account.into(), instance.into()],
    )?;
    Ok(row.is_some())
}
