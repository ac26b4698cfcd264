//! Indexes beside the declared ones: where geometries lie (an R-tree on SQLite, GiST on PostgreSQL), and the declared ones
//! again over superseded versions, for lists as they stood.

use banyan_base::Problem;
use banyan_store::{Dialect, Tx};

use crate::catalog::{TypeInfo, bounds_columns};

/// A type has fewer declared indexes.
const MAX: usize = 100;

/// The spatial index of a geometry column.
pub fn spatial(table: &str, column: &str) -> String {
    format!("{table}__g_{column}")
}

/// The index of the records that have no geometry there: they lie in every box that OGC API Features asks for.
fn nowhere(table: &str, column: &str) -> String {
    format!("{table}__n_{column}")
}

/// The box of a record as PostgreSQL indexes it.
pub fn box_of(column: &str) -> String {
    let [minx, miny, maxx, maxy] = bounds_columns(column);
    format!("box(point({minx}, {miny}), point({maxx}, {maxy}))")
}

/// Makes the spatial index of a geometry column. On SQLite triggers keep it: whoever writes the table, it follows.
///
/// # Errors
/// Where the database refuses.
pub fn put(tx: &mut Tx<'_>, table: &str, column: &str) -> Result<(), Problem> {
    cut(tx, table, column)?;
    let name = spatial(table, column);
    let [minx, miny, maxx, maxy] = bounds_columns(column);
    let sql = match tx.dialect() {
        Dialect::Postgres => format!("CREATE INDEX {name} ON {table} USING gist ({})", box_of(column)),
        Dialect::Sqlite => {
            let insert = format!(
                "INSERT INTO {name} (id, minx, maxx, miny, maxy)
                 SELECT new._seq, new.{minx}, new.{maxx}, new.{miny}, new.{maxy} WHERE new.{minx} IS NOT NULL;"
            );
            format!(
                "CREATE VIRTUAL TABLE {name} USING rtree(id, minx, maxx, miny, maxy);
                 INSERT INTO {name} SELECT _seq, {minx}, {maxx}, {miny}, {maxy} FROM {table} WHERE {minx} IS NOT NULL;
                 CREATE TRIGGER {name}_put AFTER INSERT ON {table} WHEN new.{minx} IS NOT NULL BEGIN {insert} END;
                 CREATE TRIGGER {name}_set AFTER UPDATE OF {minx}, {maxx}, {miny}, {maxy} ON {table}
                 WHEN (old.{minx}, old.{maxx}, old.{miny}, old.{maxy})
                     IS NOT (new.{minx}, new.{maxx}, new.{miny}, new.{maxy})
                 BEGIN DELETE FROM {name} WHERE id = old._seq; {insert} END;
                 CREATE TRIGGER {name}_cut AFTER DELETE ON {table} BEGIN DELETE FROM {name} WHERE id = old._seq; END;"
            )
        }
    };
    tx.batch(&format!(
        "CREATE INDEX {} ON {table} (_seq) WHERE {minx} IS NULL",
        nowhere(table, column)
    ))?;
    Ok(tx.batch(&sql)?)
}

/// Removes the spatial index of a column: before the column goes or is named anew.
///
/// # Errors
/// Where the database refuses.
pub fn cut(tx: &mut Tx<'_>, table: &str, column: &str) -> Result<(), Problem> {
    let name = spatial(table, column);
    tx.batch(&format!("DROP INDEX IF EXISTS {}", nowhere(table, column)))?;
    Ok(tx.batch(&match tx.dialect() {
        Dialect::Postgres => format!("DROP INDEX IF EXISTS {name}"),
        Dialect::Sqlite => format!(
            "DROP TRIGGER IF EXISTS {name}_put; DROP TRIGGER IF EXISTS {name}_set; DROP TRIGGER IF EXISTS {name}_cut;
             DROP TABLE IF EXISTS {name};"
        ),
    })?)
}

/// The geometry columns of a table as the database knows it.
///
/// # Errors
/// Where the database can't be read.
pub fn geometries(tx: &mut Tx<'_>, table: &str) -> Result<Vec<String>, Problem> {
    let sql = match tx.dialect() {
        Dialect::Sqlite => "SELECT name FROM pragma_table_info(?1)",
        Dialect::Postgres => {
            "SELECT column_name::TEXT FROM information_schema.columns
             WHERE table_schema = current_schema() AND table_name = ?1"
        }
    };
    let rows = tx.query(sql, &[table.into()])?;
    let names = rows
        .iter()
        .map(|row| row.get(0))
        .collect::<Result<Vec<String>, _>>()?;
    let whole = |column: &&str| bounds_columns(column).iter().all(|end| names.contains(end));
    let stems = names.iter().filter_map(|name| name.strip_suffix("_minx"));
    Ok(stems.filter(whole).map(str::to_owned).collect())
}

/// Makes `declared` (the columns of each index) over the history of a type.
///
/// # Errors
/// Where the database refuses.
pub fn put_history(tx: &mut Tx<'_>, info: &TypeInfo, declared: &[Vec<String>]) -> Result<(), Problem> {
    cut_history(tx, &info.table)?;
    for (number, columns) in declared.iter().enumerate() {
        tx.batch(&format!(
            "CREATE INDEX {0}__i{number} ON {0} ({1}, _seq)",
            info.history,
            columns.join(", ")
        ))?;
    }
    Ok(())
}

/// Removes them.
///
/// # Errors
/// Where the database refuses.
pub fn cut_history(tx: &mut Tx<'_>, table: &str) -> Result<(), Problem> {
    let drops = (0..MAX).map(|number| format!("DROP INDEX IF EXISTS {table}__h__i{number};"));
    Ok(tx.batch(&drops.collect::<String>())?)
}
