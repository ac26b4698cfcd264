//! Full-text search over pairs of characters: an FTS5 table on SQLite, a `tsvector` column on PostgreSQL.

use banyan_base::Problem;
use banyan_base::text::{Term, index_tokens, query_tokens};
use banyan_store::{Dialect, Tx, Value};

use super::sql::Builder;
use crate::catalog::TypeInfo;

/// Positions of a PostgreSQL `tsvector` end here; text beyond is not found.
const MAX_TOKENS: usize = 16_000;

/// Indexes the text of a record.
pub fn put(tx: &mut Tx<'_>, info: &TypeInfo, seq: i64, text: &str) -> Result<(), Problem> {
    if info.searched().next().is_none() {
        return Ok(());
    }
    let mut tokens = index_tokens(text);
    tokens.truncate(MAX_TOKENS);
    match tx.dialect() {
        Dialect::Sqlite => {
            tx.execute(
                &format!("DELETE FROM {} WHERE rowid = ?1", info.search_table),
                &[seq.into()],
            )?;
            let sql = format!(
                "INSERT INTO {} (rowid, tokens) VALUES (?1, ?2)",
                info.search_table
            );
            tx.execute(&sql, &[seq.into(), tokens.join(" ").into()])?;
        }
        Dialect::Postgres => {
            let lexemes = tokens
                .iter()
                .enumerate()
                .map(|(at, token)| format!("{}:{}", quote(token), at + 1));
            let vector: Vec<String> = lexemes.collect();
            let sql = format!(
                "UPDATE {} SET _fts = CAST(CAST(?2 AS TEXT) AS tsvector) WHERE _seq = ?1",
                info.table
            );
            tx.execute(&sql, &[seq.into(), vector.join(" ").into()])?;
        }
    }
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

/// The condition that a record's text holds all of the words; `None` where there is nothing to look for.
pub fn condition(builder: &mut Builder, dialect: Dialect, info: &TypeInfo, words: &str) -> Option<String> {
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
            format!(
                "_seq IN (SELECT rowid FROM {0} WHERE {0} MATCH {mark})",
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
            format!("_fts @@ CAST(CAST({mark} AS TEXT) AS tsquery)")
        }
    })
}
