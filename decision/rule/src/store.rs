//! The tables of models and evaluations; each text of SQL beside what reads its rows.

use banyan_store::{Error, Row, Tx, Value};
use serde_json::Value as Json;

/// A version of a model as stored.
#[derive(Clone, Debug)]
pub struct Stored {
    pub package: String,
    pub name: String,
    pub version: i64,
    pub hash: String,
    pub title: String,
    pub xml: String,
    pub imports: Vec<String>,
    /// Text of its file of cases; empty where there is none.
    pub cases: String,
    pub decisions: Vec<String>,
    pub effective_from: String,
    pub effective_until: Option<String>,
    pub published_at: String,
    pub published_by: String,
    pub retired_at: Option<String>,
}

const COLUMNS: &str = "package, name, version, hash, title, xml, imports, cases, decisions, effective_from, effective_until, \
                       published_at, published_by, retired_at";

fn stored(row: &Row) -> Result<Stored, Error> {
    let list = |text: String| serde_json::from_str::<Vec<String>>(&text).unwrap_or_default();
    Ok(Stored {
        package: row.get(0)?,
        name: row.get(1)?,
        version: row.get(2)?,
        hash: row.get(3)?,
        title: row.get(4)?,
        xml: row.get(5)?,
        imports: list(row.get(6)?),
        cases: row.get(7)?,
        decisions: list(row.get(8)?),
        effective_from: row.get(9)?,
        effective_until: row.get(10)?,
        published_at: row.get(11)?,
        published_by: row.get(12)?,
        retired_at: row.get(13)?,
    })
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn maybe(value: Option<&String>) -> Value {
    value.map_or(Value::Null, |value| Value::Text(value.clone()))
}

/// All versions of a model, the newest first.
///
/// # Errors
/// Where the database refuses.
pub fn versions(tx: &mut Tx<'_>, package: &str, name: &str) -> Result<Vec<Stored>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM decision_model WHERE package = ?1 AND name = ?2 ORDER BY version DESC"
    );
    tx.query(&sql, &[text(package), text(name)])?
        .iter()
        .map(stored)
        .collect()
}

/// A version of a model.
///
/// # Errors
/// Where the database refuses.
pub fn version(tx: &mut Tx<'_>, package: &str, name: &str, version: i64) -> Result<Option<Stored>, Error> {
    let sql =
        format!("SELECT {COLUMNS} FROM decision_model WHERE package = ?1 AND name = ?2 AND version = ?3");
    let row = tx.query_opt(&sql, &[text(package), text(name), Value::Int(version)])?;
    row.as_ref().map(stored).transpose()
}

/// The newest version in force on a day, with no text of it: its number and hash.
///
/// # Errors
/// Where the database refuses.
pub fn in_force(
    tx: &mut Tx<'_>,
    package: &str,
    name: &str,
    day: &str,
) -> Result<Option<(i64, String)>, Error> {
    let sql = "SELECT version, hash FROM decision_model WHERE package = ?1 AND name = ?2 AND retired_at IS NULL \
               AND effective_from <= ?3 AND (effective_until IS NULL OR effective_until > ?4) ORDER BY version DESC LIMIT 1";
    let row = tx.query_opt(sql, &[text(package), text(name), text(day), text(day)])?;
    row.map(|row| Ok((row.get(0)?, row.get(1)?))).transpose()
}

/// The newest version of every model that is installed, by package and name.
///
/// # Errors
/// Where the database refuses.
pub fn newest(tx: &mut Tx<'_>) -> Result<Vec<Stored>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM decision_model m WHERE retired_at IS NULL AND version = (SELECT MAX(version) FROM decision_model n \
         WHERE n.package = m.package AND n.name = m.name) ORDER BY package, name"
    );
    tx.query(&sql, &[])?.iter().map(stored).collect()
}

/// Keeps a version.
///
/// # Errors
/// Where the database refuses.
pub fn publish(tx: &mut Tx<'_>, one: &Stored) -> Result<(), Error> {
    let list = |items: &[String]| Value::Text(Json::from(items.to_vec()).to_string());
    let sql = format!(
        "INSERT INTO decision_model ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"
    );
    let values = [
        text(&one.package),
        text(&one.name),
        Value::Int(one.version),
        text(&one.hash),
        text(&one.title),
        text(&one.xml),
        list(&one.imports),
        text(&one.cases),
        list(&one.decisions),
        text(&one.effective_from),
        maybe(one.effective_until.as_ref()),
        text(&one.published_at),
        text(&one.published_by),
        maybe(one.retired_at.as_ref()),
    ];
    tx.execute(&sql, &values).map(|_| ())
}

/// Replaces the cases of a version, which are no part of it.
///
/// # Errors
/// Where the database refuses.
pub fn keep_cases(tx: &mut Tx<'_>, one: &Stored, cases: &str) -> Result<(), Error> {
    let sql = "UPDATE decision_model SET cases = ?1 WHERE package = ?2 AND name = ?3 AND version = ?4";
    let key = [
        text(cases),
        text(&one.package),
        text(&one.name),
        Value::Int(one.version),
    ];
    tx.execute(sql, &key).map(|_| ())
}

/// Takes all versions of a package's model out of use, or back into it. They stay: evaluations refer to them.
///
/// # Errors
/// Where the database refuses.
pub fn retire(tx: &mut Tx<'_>, package: &str, name: &str, at: Option<&str>) -> Result<(), Error> {
    let at = at.map_or(Value::Null, text);
    let sql = "UPDATE decision_model SET retired_at = ?1 WHERE package = ?2 AND name = ?3";
    tx.execute(sql, &[at, text(package), text(name)]).map(|_| ())
}

/// Names of a package's models in use.
///
/// # Errors
/// Where the database refuses.
pub fn names(tx: &mut Tx<'_>, package: &str) -> Result<Vec<String>, Error> {
    let sql =
        "SELECT DISTINCT name FROM decision_model WHERE package = ?1 AND retired_at IS NULL ORDER BY name";
    tx.query(sql, &[text(package)])?
        .iter()
        .map(|row| row.get(0))
        .collect()
}

/// An evaluation as kept.
#[derive(Clone, Debug)]
pub struct Evaluation {
    pub id: String,
    pub package: String,
    pub name: String,
    pub version: i64,
    pub hash: String,
    pub decision: String,
    pub input: Json,
    pub result: Json,
    pub explanation: Json,
    /// The moment that `today()` and `now()` read.
    pub clock: String,
    pub evaluated_at: String,
    pub evaluated_by: String,
}

const EVALUATION: &str = "id, package, name, version, hash, decision, input, result, explanation, clock, evaluated_at, evaluated_by";

/// Keeps an evaluation.
///
/// # Errors
/// Where the database refuses.
pub fn keep(tx: &mut Tx<'_>, one: &Evaluation) -> Result<(), Error> {
    let sql = format!(
        "INSERT INTO decision_evaluation ({EVALUATION}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
    );
    let values = [
        text(&one.id),
        text(&one.package),
        text(&one.name),
        Value::Int(one.version),
        text(&one.hash),
        text(&one.decision),
        Value::Text(one.input.to_string()),
        Value::Text(one.result.to_string()),
        Value::Text(one.explanation.to_string()),
        text(&one.clock),
        text(&one.evaluated_at),
        text(&one.evaluated_by),
    ];
    tx.execute(&sql, &values).map(|_| ())
}

/// An evaluation by its id.
///
/// # Errors
/// Where the database refuses, or holds what is not JSON.
pub fn evaluation(tx: &mut Tx<'_>, id: &str) -> Result<Option<Evaluation>, Error> {
    let sql = format!("SELECT {EVALUATION} FROM decision_evaluation WHERE id = ?1");
    let Some(row) = tx.query_opt(&sql, &[text(id)])? else {
        return Ok(None);
    };
    let json = |text: String| serde_json::from_str::<Json>(&text).unwrap_or(Json::Null);
    Ok(Some(Evaluation {
        id: row.get(0)?,
        package: row.get(1)?,
        name: row.get(2)?,
        version: row.get(3)?,
        hash: row.get(4)?,
        decision: row.get(5)?,
        input: json(row.get(6)?),
        result: json(row.get(7)?),
        explanation: json(row.get(8)?),
        clock: row.get(9)?,
        evaluated_at: row.get(10)?,
        evaluated_by: row.get(11)?,
    }))
}
