//! Tables of types. Names come from checked declarations only (`[a-z0-9_]`), so they need no quoting.

use banyan_base::{Problem, codes};
use banyan_package::model::{FieldKind, RecordType};
use banyan_store::{Dialect, Tx};

use crate::catalog::{Column, TypeInfo, bounds_columns, sql_type};
use crate::index;
use crate::seal::{blind_column, compared};

/// A type has fewer indexes than this.
const MAX_INDEXES: usize = 100;

/// Makes both tables of a type, its search index and its other indexes.
pub fn create(tx: &mut Tx<'_>, info: &TypeInfo) -> Result<(), Problem> {
    let dialect = tx.dialect();
    let text = dialect.text();
    let mut columns = format!(
        "_id {text} NOT NULL, _version BIGINT NOT NULL, _created_at {text} NOT NULL, _created_by {text} NOT NULL,
         _updated_at {text} NOT NULL, _updated_by {text} NOT NULL, _verb {text} NOT NULL, _note {text}"
    );
    if info.has_state() {
        columns.push_str(&format!(", state {text} NOT NULL"));
    }
    for column in &info.columns {
        columns.push_str(&format!(
            ", {} {}",
            column.column,
            sql_type(column.stored, dialect)
        ));
    }
    for column in info.geometries() {
        for name in bounds_columns(&column.column) {
            columns.push_str(&format!(", {name} DOUBLE PRECISION"));
        }
    }
    for column in info.sealed() {
        columns.push_str(&format!(", {} {text}", blind_column(&column.column)));
    }
    let (table, history) = (&info.table, &info.history);
    tx.batch(&format!(
        "CREATE TABLE {table} (_seq {}, {columns})",
        dialect.serial_key()
    ))?;
    tx.batch(&format!("CREATE UNIQUE INDEX {table}__id ON {table} (_id)"))?;
    tx.batch(&format!(
        "CREATE INDEX {table}__at ON {table} (_updated_at, _seq)"
    ))?;
    tx.batch(&format!(
        "CREATE TABLE {history} (_seq {}, {columns}, _superseded_at {text} NOT NULL, _gone BIGINT NOT NULL)",
        dialect.serial_key()
    ))?;
    tx.batch(&format!(
        "CREATE INDEX {history}__id ON {history} (_id, _version)"
    ))?;
    match dialect {
        Dialect::Sqlite => tx.batch(&format!(
            "CREATE VIRTUAL TABLE {} USING fts5(tokens, content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 0')",
            info.search_table
        ))?,
        Dialect::Postgres => {
            tx.batch(&format!("ALTER TABLE {table} ADD COLUMN _fts tsvector"))?;
            tx.batch(&format!("CREATE INDEX {table}__fts ON {table} USING gin (_fts)"))?;
        }
    }
    for column in info.geometries() {
        index::put(tx, table, &column.column)?;
    }
    indexes(tx, info)
}

/// The wanted indexes of a type: name, columns, whether unique.
pub(crate) fn wanted(info: &TypeInfo) -> Vec<(String, Vec<String>, bool)> {
    let declared: &RecordType = &info.declared;
    let sql = |field: &String| {
        if field == "state" {
            return field.clone();
        }
        info.column(field)
            .map_or_else(|| crate::catalog::column_name(field), compared)
    };
    let mut wanted = Vec::new();
    if !declared.key.is_empty() {
        wanted.push((declared.key.iter().map(sql).collect::<Vec<_>>(), true));
    }
    wanted.extend(
        declared
            .unique
            .iter()
            .map(|group| (group.iter().map(sql).collect(), true)),
    );
    wanted.extend(
        declared
            .index
            .iter()
            .map(|group| (group.iter().map(sql).collect(), false)),
    );
    for column in &info.columns {
        if column.field.unique || column.field.index {
            wanted.push((vec![compared(column)], column.field.unique));
        }
    }
    if info.has_state() {
        wanted.push((vec!["state".into()], false));
    }
    let named = wanted.into_iter().enumerate();
    named
        .map(|(number, (columns, unique))| (format!("{}__i{number}", info.table), columns, unique))
        .collect()
}

/// Makes the declared indexes anew.
///
/// # Errors
/// Where records are alike in what must be unique; some of them are named.
pub fn indexes(tx: &mut Tx<'_>, info: &TypeInfo) -> Result<(), Problem> {
    drop_indexes(tx, info)?;
    let declared: Vec<Vec<String>> = wanted(info)
        .into_iter()
        .filter(|(_, columns, unique)| !unique && *columns != ["state"])
        .map(|(_, columns, _)| columns)
        .collect();
    index::put_history(tx, info, &declared)?;
    for (name, columns, unique) in wanted(info) {
        let list = columns.join(", ");
        if unique {
            alike(tx, info, &columns)?;
            tx.batch(&format!("CREATE UNIQUE INDEX {name} ON {} ({list})", info.table))?;
        } else {
            tx.batch(&format!("CREATE INDEX {name} ON {} ({list}, _seq)", info.table))?;
        }
    }
    Ok(())
}

fn drop_indexes(tx: &mut Tx<'_>, info: &TypeInfo) -> Result<(), Problem> {
    index::cut_history(tx, &info.table)?;
    // More than any type had before: those that are not wanted now go.
    for number in 0..MAX_INDEXES {
        tx.batch(&format!("DROP INDEX IF EXISTS {}__i{number}", info.table))?;
    }
    Ok(())
}

/// Refuses where records share what must be unique.
fn alike(tx: &mut Tx<'_>, info: &TypeInfo, columns: &[String]) -> Result<(), Problem> {
    let list = columns.join(", ");
    let filled: Vec<String> = columns
        .iter()
        .map(|column| format!("{column} IS NOT NULL"))
        .collect();
    let rows = tx.query(
        &format!(
            "SELECT MIN(_id), MAX(_id), COUNT(*) FROM {} WHERE {} GROUP BY {list} HAVING COUNT(*) > 1 LIMIT 3",
            info.table,
            filled.join(" AND ")
        ),
        &[],
    )?;
    let mut examples = Vec::new();
    for row in &rows {
        let (one, other, count): (String, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        examples.push(format!("{one} 与 {other} 等 {count} 条"));
    }
    if examples.is_empty() {
        return Ok(());
    }
    let named = info
        .columns
        .iter()
        .filter(|column| columns.contains(&compared(column)));
    let titles: Vec<&str> = named.map(|column| column.field.title.zh.as_str()).collect();
    let text = format!(
        "“{}”的“{}”应当互不相同,但已有的记录重复,什么也没有改动:{}。请先改好这些记录。",
        info.declared.title.zh,
        titles.join("、"),
        examples.join(";")
    );
    Err(Problem::new(codes::PACKAGE_REFUSED, text))
}

/// A life cycle for records that had none: all begin in `initial`.
pub fn add_state(tx: &mut Tx<'_>, info: &TypeInfo, initial: &str) -> Result<(), Problem> {
    let text = tx.dialect().text();
    for table in [&info.table, &info.history] {
        // State names are checked names: no quote can stand in them.
        tx.batch(&format!(
            "ALTER TABLE {table} ADD COLUMN state {text} NOT NULL DEFAULT '{initial}'"
        ))?;
    }
    Ok(())
}

pub fn drop_state(tx: &mut Tx<'_>, info: &TypeInfo) -> Result<(), Problem> {
    drop_indexes(tx, info)?;
    for table in [&info.table, &info.history] {
        tx.batch(&format!("ALTER TABLE {table} DROP COLUMN state"))?;
    }
    Ok(())
}

pub fn add_column(tx: &mut Tx<'_>, info: &TypeInfo, column: &Column) -> Result<(), Problem> {
    let kind = sql_type(column.stored, tx.dialect());
    for table in [&info.table, &info.history] {
        tx.batch(&format!(
            "ALTER TABLE {table} ADD COLUMN {} {kind}",
            column.column
        ))?;
        if column.seal.is_some() {
            blind(tx, table, &column.column)?;
        }
        if matches!(column.field.kind, FieldKind::Geometry { .. }) {
            for name in bounds_columns(&column.column) {
                tx.batch(&format!("ALTER TABLE {table} ADD COLUMN {name} DOUBLE PRECISION"))?;
            }
        }
    }
    if matches!(column.field.kind, FieldKind::Geometry { .. }) {
        index::put(tx, &info.table, &column.column)?;
    }
    Ok(())
}

/// A blind index for a column that is sealed.
fn blind(tx: &mut Tx<'_>, table: &str, column: &str) -> Result<(), Problem> {
    let text = tx.dialect().text();
    let name = blind_column(column);
    Ok(tx.batch(&format!("ALTER TABLE {table} ADD COLUMN {name} {text}"))?)
}

/// A blind index in both tables of a type for a column that becomes sealed.
pub fn add_blind(tx: &mut Tx<'_>, info: &TypeInfo, column: &str) -> Result<(), Problem> {
    blind(tx, &info.table, column)?;
    blind(tx, &info.history, column)
}

/// The blind indexes of a column that is no longer sealed go.
pub fn drop_blind(tx: &mut Tx<'_>, info: &TypeInfo, column: &str) -> Result<(), Problem> {
    drop_indexes(tx, info)?;
    for table in [&info.table, &info.history] {
        tx.batch(&format!(
            "ALTER TABLE {table} DROP COLUMN {}",
            blind_column(column)
        ))?;
    }
    Ok(())
}

/// The columns that go with one: the bounds of a geometry, the blind index of what is sealed.
fn beside(column: &str) -> Vec<String> {
    let bounds = bounds_columns(column).into_iter();
    bounds.chain([blind_column(column)]).collect()
}

/// Whether a table has a column: what a field that goes was is known to the database only.
fn has_column(tx: &mut Tx<'_>, table: &str, column: &str) -> Result<bool, Problem> {
    let sql = match tx.dialect() {
        Dialect::Sqlite => "SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2",
        Dialect::Postgres => {
            "SELECT 1 FROM information_schema.columns
             WHERE table_schema = current_schema() AND table_name = ?1 AND column_name = ?2"
        }
    };
    Ok(tx.query_opt(sql, &[table.into(), column.into()])?.is_some())
}

pub fn drop_column(tx: &mut Tx<'_>, info: &TypeInfo, column: &str) -> Result<(), Problem> {
    index::cut(tx, &info.table, column)?;
    drop_indexes(tx, info)?;
    for table in [&info.table, &info.history] {
        tx.batch(&format!("ALTER TABLE {table} DROP COLUMN {column}"))?;
        for bound in beside(column) {
            if has_column(tx, table, &bound)? {
                tx.batch(&format!("ALTER TABLE {table} DROP COLUMN {bound}"))?;
            }
        }
    }
    Ok(())
}

pub fn rename_column(tx: &mut Tx<'_>, table: &str, from: &str, to: &str) -> Result<(), Problem> {
    index::cut(tx, table, from)?;
    for name in [table.to_owned(), format!("{table}__h")] {
        tx.batch(&format!("ALTER TABLE {name} RENAME COLUMN {from} TO {to}"))?;
        for (from, to) in beside(from).iter().zip(beside(to)) {
            if has_column(tx, &name, from)? {
                tx.batch(&format!("ALTER TABLE {name} RENAME COLUMN {from} TO {to}"))?;
            }
        }
    }
    if has_column(tx, table, &format!("{to}_minx"))? {
        index::put(tx, table, to)?;
    }
    Ok(())
}

pub fn rename_table(tx: &mut Tx<'_>, from: &str, to: &str) -> Result<(), Problem> {
    index::cut_history(tx, from)?;
    let geometries = index::geometries(tx, from)?;
    for column in &geometries {
        index::cut(tx, from, column)?;
    }
    for number in 0..MAX_INDEXES {
        tx.batch(&format!("DROP INDEX IF EXISTS {from}__i{number}"))?;
    }
    tx.batch(&format!("DROP INDEX IF EXISTS {from}__id"))?;
    tx.batch(&format!("DROP INDEX IF EXISTS {from}__at"))?;
    tx.batch(&format!("DROP INDEX IF EXISTS {from}__h__id"))?;
    tx.batch(&format!("ALTER TABLE {from} RENAME TO {to}"))?;
    tx.batch(&format!("ALTER TABLE {from}__h RENAME TO {to}__h"))?;
    tx.batch(&format!("CREATE UNIQUE INDEX {to}__id ON {to} (_id)"))?;
    tx.batch(&format!("CREATE INDEX {to}__at ON {to} (_updated_at, _seq)"))?;
    tx.batch(&format!("CREATE INDEX {to}__h__id ON {to}__h (_id, _version)"))?;
    match tx.dialect() {
        Dialect::Sqlite => tx.batch(&format!("ALTER TABLE {from}__fts RENAME TO {to}__fts"))?,
        Dialect::Postgres => tx.batch(&format!("ALTER INDEX {from}__fts RENAME TO {to}__fts"))?,
    }
    for column in &geometries {
        index::put(tx, to, column)?;
    }
    Ok(())
}

pub fn drop(tx: &mut Tx<'_>, table: &str) -> Result<(), Problem> {
    for column in index::geometries(tx, table)? {
        index::cut(tx, table, &column)?;
    }
    if tx.dialect() == Dialect::Sqlite {
        tx.batch(&format!("DROP TABLE {table}__fts"))?;
    }
    tx.batch(&format!("DROP TABLE {table}"))?;
    tx.batch(&format!("DROP TABLE {table}__h"))?;
    Ok(())
}
