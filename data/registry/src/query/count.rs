//! How many records match, kept until one changes: counting again what nobody changed is what lists would spend most of
//! their time on.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use banyan_base::Problem;
use banyan_store::{Tx, Value};

use crate::catalog::TypeInfo;

/// Counting stops here: a list says "at least" beyond.
pub const COUNT_BOUND: i64 = 100_000;
/// Counts kept of one type, and the longest question kept with its answer, in bytes.
const KEPT: usize = 2_000;
const LONGEST: usize = 2_000;

/// The changes so far of a type's records, and of those of other types that decide what is seen of it, by counter: equal marks,
/// equal records. Each counter is a row that one
/// transaction at a time moves, so two states of the records never share a mark.
type Mark = Vec<(i64, i64)>;

/// Counts of one type under one catalogue, all found at one mark.
#[derive(Debug, Default)]
pub struct Counts(Mutex<(Mark, HashMap<String, i64>)>);

/// All records of a type, and the mark.
fn whole(tx: &mut Tx<'_>, of: &str) -> Result<(i64, Mark), Problem> {
    let sql = "SELECT shard, changes, n FROM record_count WHERE type = ?1 ORDER BY shard";
    let (mut sum, mut mark) = (0, Mark::new());
    for row in tx.query(sql, &[of.into()])? {
        mark.push((row.get(0)?, row.get(1)?));
        sum += row.get::<i64>(2)?;
    }
    Ok((sum, mark))
}

/// All records of a type, from the counters.
pub fn all(tx: &mut Tx<'_>, info: &TypeInfo) -> Result<i64, Problem> {
    Ok(whole(tx, &info.name)?.0)
}

/// Records of `table` under `condition`, at most one more than the bound.
pub fn matching(
    tx: &mut Tx<'_>,
    info: &TypeInfo,
    table: &str,
    condition: &str,
    params: &[Value],
) -> Result<i64, Problem> {
    let rows = format!("SELECT 1 FROM {table} WHERE {condition}");
    bounded(tx, info, &rows, COUNT_BOUND + 1, params)
}

/// How many rows a statement over a type's tables gives, at most `most`.
pub fn bounded(
    tx: &mut Tx<'_>,
    info: &TypeInfo,
    rows: &str,
    most: i64,
    params: &[Value],
) -> Result<i64, Problem> {
    let sql = format!("SELECT COUNT(*) FROM ({rows} LIMIT {most}) AS c");
    let count = |tx: &mut Tx<'_>| -> Result<i64, Problem> {
        let row = tx.query_opt(&sql, params)?;
        Ok(row.map(|row| row.get(0)).transpose()?.unwrap_or(0))
    };
    // What a transaction that writes sees may be undone: its counts are its own.
    let key = format!("{sql} {params:?}");
    let looks = info.secured.as_ref().map(|secured| &secured.looks);
    if !tx.is_read_only() || key.len() > LONGEST || looks.is_some_and(|looks| looks.consents) {
        return count(tx);
    }
    let (_, mut mark) = whole(tx, info.name.as_str())?;
    for other in looks.into_iter().flat_map(|looks| &looks.types) {
        mark.extend(whole(tx, other)?.1);
    }
    let lock = || info.counts.0.lock().unwrap_or_else(PoisonError::into_inner);
    {
        let kept = lock();
        if kept.0 == mark
            && let Some(found) = kept.1.get(&key)
        {
            return Ok(*found);
        }
    }
    let found = count(tx)?;
    let mut kept = lock();
    if kept.0 != mark || kept.1.len() >= KEPT {
        *kept = (mark, HashMap::new());
    }
    kept.1.insert(key, found);
    Ok(found)
}
