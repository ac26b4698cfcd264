//! Full-text search over pairs of characters: an FTS5 table on SQLite, a `tsvector` column on PostgreSQL.

use banyan_base::Problem;
use banyan_base::text::{Term, index_tokens, query_tokens};
use banyan_store::{Dialect, Tx, Value};

use super::sql::Builder;
use crate::catalog::TypeInfo;

/// Positions of a PostgreSQL `tsvector` end here; text beyond is not found.
const MAX_TOKENS: usize = 16_000;

/// The column of a row's search index on PostgreSQL.
pub const VECTOR: &str = "_fts";

fn tokens(text: &str) -> Vec<String> {
    let mut tokens = index_tokens(text);
    tokens.truncate(MAX_TOKENS);
    tokens
}

/// The search index of a row as text of a `tsvector`; `None` where it stands in a table of its own, or nothing is searched.
pub fn vector(dialect: Dialect, info: &TypeInfo, text: &str) -> Option<String> {
    if dialect != Dialect::Postgres || info.searched().next().is_none() {
        return None;
    }
    let tokens = tokens(text);
    let lexemes = tokens.iter().enumerate();
    let lexemes: Vec<String> = lexemes
        .map(|(at, token)| format!("{}:{}", quote(token), at + 1))
        .collect();
    Some(lexemes.join(" "))
}

/// Indexes the text of a record.
pub fn put(tx: &mut Tx<'_>, info: &TypeInfo, seq: i64, text: &str) -> Result<(), Problem> {
    if info.searched().next().is_none() {
        return Ok(());
    }
    if let Some(vector) = vector(tx.dialect(), info, text) {
        let sql = format!(
            "UPDATE {} SET {VECTOR} = CAST(CAST(?2 AS TEXT) AS tsvector) WHERE _seq = ?1",
            info.table
        );
        tx.execute(&sql, &[seq.into(), vector.into()])?;
        return Ok(());
    }
    remove(tx, info, seq)?;
    add(tx, info, seq, text)
}

/// Indexes the text of a new record whose index stands in a table of its own.
pub fn add(tx: &mut Tx<'_>, info: &TypeInfo, seq: i64, text: &str) -> Result<(), Problem> {
    if info.searched().next().is_none() {
        return Ok(());
    }
    let sql = format!(
        "INSERT INTO {} (rowid, tokens) VALUES (?1, ?2)",
        info.search_table
    );
    tx.execute(&sql, &[seq.into(), tokens(text).join(" ").into()])?;
    Ok(())
}

pub fn remove(tx: &mut Tx<'_>, info: &TypeInfo, seq: i64) -> Result<(), Problem> {
    if tx.dialect() == Dialect::Sqlite && info.searched().next().is_some() {
        tx.execute(
            &format!("DELETE FROM {} WHERE rowid = ?1", info.search_table),
            &[seq.into()],
        )?;
    }
    Ok(())
}

fn quote(token: &str) -> String {
    format!("'{}'", token.replace('\\', "\\\\").replace('\'', "''"))
}

/// Only the first so many are wanted, in the order of `_seq`, after one of them.
#[derive(Clone, Copy, Debug)]
pub struct First {
    pub after: Option<i64>,
    pub limit: u32,
}

/// The condition that a record's text holds all of the words; `None` where there is nothing to look for.
pub fn condition(
    builder: &mut Builder,
    dialect: Dialect,
    info: &TypeInfo,
    words: &str,
    first: Option<First>,
) -> Option<String> {
    let mut terms = query_tokens(words);
    terms.truncate(20);
    if terms.is_empty() || info.searched().next().is_none() {
        return (!terms.is_empty()).then(|| "1 = 0".to_owned());
    }
    Some(match dialect {
        Dialect::Sqlite => {
            let parts = terms.iter().map(|term| match term {
                Term::Phrase(tokens) => format!("\"{}\"", tokens.join(" ")),
                Term::Prefix(token) => format!("\"{token}\"*"),
            });
            let mark = builder.mark(Value::Text(parts.collect::<Vec<_>>().join(" AND ")));
            let most = first.map_or_else(String::new, |First { after, limit }| {
                let after = after.map_or_else(String::new, |seq| {
                    format!(" AND rowid > {}", builder.mark(Value::Int(seq)))
                });
                format!("{after} ORDER BY rowid LIMIT {limit}")
            });
            format!(
                "_seq IN (SELECT rowid FROM {0} WHERE {0} MATCH {mark}{most})",
                info.search_table
            )
        }
        Dialect::Postgres => {
            let parts = terms.iter().map(|term| match term {
                Term::Phrase(tokens) => format!(
                    "({})",
                    tokens
                        .iter()
                        .map(|token| quote(token))
                        .collect::<Vec<_>>()
                        .join(" <-> ")
                ),
                Term::Prefix(token) => format!("{}:*", quote(token)),
            });
            let mark = builder.mark(Value::Text(parts.collect::<Vec<_>>().join(" & ")));
            format!("{VECTOR} @@ CAST(CAST({mark} AS TEXT) AS tsquery)")
        }
    })
}
