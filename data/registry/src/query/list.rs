//! Lists: one page after another by a cursor that names the last row's sort values, in constant memory for exports.

use std::ops::ControlFlow;

use banyan_base::{Cursor, Limit, Page, Problem, codes};
use banyan_store::{Tx, Value};
use serde_json::{Value as Json, json};

use super::cql2::{Expr, parse};
use super::search;
use super::sql::{Builder, property};
use crate::catalog::{Stored, TypeInfo};
use crate::record::{Record, decode, select_list};

/// Counting stops here: a list says "at least" beyond.
pub const COUNT_BOUND: i64 = 100_000;

/// What a reader asks for.
#[derive(Clone, Debug)]
pub struct Query {
    pub filter: Option<Expr>,
    /// Property and whether descending.
    pub sort: Vec<(String, bool)>,
    pub limit: Limit,
    pub cursor: Option<String>,
    pub words: Option<String>,
    /// A stored moment: the list as it stood then.
    pub as_of: Option<String>,
    pub count: bool,
}

impl Default for Query {
    fn default() -> Query {
        Query {
            filter: None,
            sort: Vec::new(),
            limit: Limit::DEFAULT,
            cursor: None,
            words: None,
            as_of: None,
            count: false,
        }
    }
}

/// A page, and where counting stopped at the bound, that bound.
pub struct Listing {
    pub page: Page<Record>,
    pub at_least: Option<u64>,
}

impl Query {
    /// From the texts of an address.
    ///
    /// # Errors
    /// Where a filter or sort can't be read.
    pub fn read(filter: Option<&str>, sort: Option<&str>) -> Result<Query, Problem> {
        let filter = filter
            .filter(|text| !text.trim().is_empty())
            .map(parse)
            .transpose()?;
        let sort = sort
            .unwrap_or("")
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty());
        let sort = sort.map(|part| match part.strip_prefix('-') {
            Some(name) => (name.to_owned(), true),
            None => (part.trim_start_matches('+').to_owned(), false),
        });
        Ok(Query {
            filter,
            sort: sort.take(5).collect(),
            ..Query::default()
        })
    }
}

struct SortKey {
    sql: String,
    descending: bool,
}

/// Sort expressions: where a column may be null, whether it is comes first, so that nulls stand last in both databases.
fn sort_keys(info: &TypeInfo, query: &Query) -> Result<Vec<SortKey>, Problem> {
    let mut keys = Vec::new();
    for (name, descending) in &query.sort {
        let column = property(info, name)?;
        if column.stored == Stored::Json {
            return Err(Problem::new(codes::BAD_FILTER, format!("不能按 {name} 排序")));
        }
        if !column.required {
            keys.push(SortKey {
                sql: format!("CASE WHEN {} IS NULL THEN 1 ELSE 0 END", column.sql),
                descending: false,
            });
        }
        keys.push(SortKey {
            sql: column.sql,
            descending: *descending,
        });
    }
    keys.push(SortKey {
        sql: "_seq".into(),
        descending: false,
    });
    Ok(keys)
}

/// The rows a query is over, and its condition.
fn source(
    tx: &Tx<'_>,
    info: &TypeInfo,
    query: &Query,
    builder: &mut Builder,
) -> Result<(String, String), Problem> {
    let mut conditions = Vec::new();
    let table = match &query.as_of {
        None => info.table.clone(),
        Some(at) => {
            let list = select_list(info);
            let (a, b) = (
                builder.mark(Value::Text(at.clone())),
                builder.mark(Value::Text(at.clone())),
            );
            // Superseded versions have sequence numbers of their own table; negative, they never meet those of the live one.
            format!(
                "(SELECT {list} FROM {} WHERE _updated_at <= {a} UNION ALL
                  SELECT -_seq AS {list} FROM {} WHERE _updated_at <= {b} AND _superseded_at > {b}) AS t",
                info.table, info.history
            )
        }
    };
    if let Some(filter) = &query.filter {
        conditions.push(builder.condition(info, filter)?);
    }
    if let Some(words) = query.words.as_deref().filter(|words| !words.trim().is_empty()) {
        if query.as_of.is_some() {
            return Err(Problem::new(
                codes::BAD_FILTER,
                "全文检索只能用于当前数据,不能与 as_of 同用",
            ));
        }
        conditions.extend(search::condition(builder, tx.dialect(), info, words));
    }
    let condition = if conditions.is_empty() {
        "1 = 1".to_owned()
    } else {
        conditions.join(" AND ")
    };
    Ok((table, condition))
}

/// Cursors hold the last row's sort values as hexadecimal JSON, with the sort they belong to.
fn encode(query: &Query, values: &[Value]) -> Cursor {
    let values: Vec<Json> = values
        .iter()
        .map(|value| match value {
            Value::Int(number) => json!(number),
            Value::Real(number) => json!(number),
            Value::Text(text) => json!(text),
            _ => Json::Null,
        })
        .collect();
    let text = json!({ "s": query.sort, "v": values }).to_string();
    Cursor(text.bytes().map(|byte| format!("{byte:02x}")).collect())
}

fn decode_cursor(query: &Query, text: &str, keys: usize) -> Result<Vec<Value>, Problem> {
    let read = || -> Option<Vec<Value>> {
        if text.len() > 20_000 || !text.is_ascii() {
            return None;
        }
        let bytes = (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok());
        let json: Json = serde_json::from_slice(&bytes.collect::<Option<Vec<u8>>>()?).ok()?;
        if json.get("s")? != &json!(query.sort) {
            return None;
        }
        let values = json.get("v")?.as_array()?.iter().map(|value| match value {
            Json::Number(number) => number
                .as_i64()
                .map_or_else(|| Value::Real(number.as_f64().unwrap_or(0.0)), Value::Int),
            Json::String(text) => Value::Text(text.clone()),
            _ => Value::Null,
        });
        let values: Vec<Value> = values.collect();
        (values.len() == keys).then_some(values)
    };
    read().ok_or_else(|| {
        Problem::new(
            codes::BAD_CURSOR,
            "翻页标记无效,或与排序不符。请从第一页重新开始。",
        )
    })
}

/// Rows after those values: equal up to some key, beyond in the next. Null values stand only behind their own flag.
fn after(builder: &mut Builder, keys: &[SortKey], values: &[Value]) -> String {
    let mut choices = Vec::new();
    for depth in 0..keys.len() {
        // Nothing stands behind a null in its own group; and a value that is bound must be used.
        if values.get(depth).is_none_or(|value| *value == Value::Null) {
            continue;
        }
        let mut parts = Vec::new();
        for (index, (key, value)) in keys.iter().zip(values).enumerate().take(depth + 1) {
            if index < depth {
                parts.push(match value {
                    Value::Null => format!("{} IS NULL", key.sql),
                    other => format!("{} = {}", key.sql, builder.mark(other.clone())),
                });
            } else {
                let sign = if key.descending { "<" } else { ">" };
                parts.push(format!("{} {sign} {}", key.sql, builder.mark(value.clone())));
            }
        }
        choices.push(format!("({})", parts.join(" AND ")));
    }
    // The first key bounds the index range for all choices.
    let bound = match (keys.first(), values.first()) {
        (Some(key), Some(value)) if *value != Value::Null => {
            let sign = if key.descending { "<=" } else { ">=" };
            format!("{} {sign} {} AND ", key.sql, builder.mark(value.clone()))
        }
        _ => String::new(),
    };
    format!("{bound}({})", choices.join(" OR "))
}

fn order(keys: &[SortKey]) -> String {
    keys.iter()
        .map(|key| format!("{}{}", key.sql, if key.descending { " DESC" } else { "" }))
        .collect::<Vec<_>>()
        .join(", ")
}

/// One page.
///
/// # Errors
/// Where the query can't be understood or the database can't be read.
pub fn list(tx: &mut Tx<'_>, info: &TypeInfo, query: &Query) -> Result<Listing, Problem> {
    let keys = sort_keys(info, query)?;
    let mut builder = Builder::default();
    let (table, mut condition) = source(tx, info, query, &mut builder)?;
    if let Some(cursor) = &query.cursor {
        let values = decode_cursor(query, cursor, keys.len())?;
        condition = format!("{condition} AND {}", after(&mut builder, &keys, &values));
    }
    let extra: Vec<&str> = keys.iter().map(|key| key.sql.as_str()).collect();
    let sql = format!(
        "SELECT {}, {} FROM {table} WHERE {condition} ORDER BY {} LIMIT {}",
        select_list(info),
        extra.join(", "),
        order(&keys),
        query.limit.get() + 1
    );
    let mut rows = tx.query(&sql, &builder.params)?;
    let more = rows.len() > query.limit.get() as usize;
    rows.truncate(query.limit.get() as usize);
    let next = rows.last().filter(|_| more).map(|row| {
        let start = row.len() - keys.len();
        let values: Vec<Value> = (start..row.len()).map(|index| row.value(index).clone()).collect();
        encode(query, &values)
    });
    let items = rows
        .iter()
        .map(|row| decode(info, row))
        .collect::<Result<Vec<_>, _>>()?;
    let (matched, at_least) = if query.count {
        count(tx, info, query)?
    } else {
        (None, None)
    };
    Ok(Listing {
        page: Page { items, next, matched },
        at_least,
    })
}

/// How many match: exact from the counters where nothing is asked, else counted up to the bound.
fn count(tx: &mut Tx<'_>, info: &TypeInfo, query: &Query) -> Result<(Option<u64>, Option<u64>), Problem> {
    let unsigned = |number: i64| u64::try_from(number).unwrap_or(0);
    if query.filter.is_none() && query.words.is_none() && query.as_of.is_none() {
        let sql = "SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM record_count WHERE type = ?1";
        let row = tx.query_opt(sql, &[info.name.as_str().into()])?;
        return Ok((
            Some(unsigned(row.map(|row| row.get(0)).transpose()?.unwrap_or(0))),
            None,
        ));
    }
    let mut builder = Builder::default();
    let (table, condition) = source(tx, info, query, &mut builder)?;
    let sql = format!(
        "SELECT COUNT(*) FROM (SELECT 1 FROM {table} WHERE {condition} LIMIT {}) AS c",
        COUNT_BOUND + 1
    );
    let found: i64 = tx
        .query_opt(&sql, &builder.params)?
        .map(|row| row.get(0))
        .transpose()?
        .unwrap_or(0);
    Ok(if found > COUNT_BOUND {
        (None, Some(unsigned(COUNT_BOUND)))
    } else {
        (Some(unsigned(found)), None)
    })
}

/// Every matching record, one by one.
///
/// # Errors
/// As [`list`], and whatever `each` gives.
pub fn stream(
    tx: &mut Tx<'_>,
    info: &TypeInfo,
    query: &Query,
    each: &mut dyn FnMut(Record) -> Result<ControlFlow<()>, Problem>,
) -> Result<(), Problem> {
    let keys = sort_keys(info, query)?;
    let mut builder = Builder::default();
    let (table, condition) = source(tx, info, query, &mut builder)?;
    let sql = format!(
        "SELECT {} FROM {table} WHERE {condition} ORDER BY {}",
        select_list(info),
        order(&keys)
    );
    let mut failed = None;
    tx.stream(&sql, &builder.params, &mut |row| {
        Ok(decode(info, &row).and_then(&mut *each).unwrap_or_else(|problem| {
            failed = Some(problem);
            ControlFlow::Break(())
        }))
    })?;
    failed.map_or(Ok(()), Err)
}
