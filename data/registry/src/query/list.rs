//! Lists: one page after another by a cursor that names the last row's sort values, in constant memory for exports.

use std::borrow::Cow;
use std::ops::ControlFlow;

use banyan_base::{Limit, Page, Problem, codes};
use banyan_store::{Row, Tx, Value};

use super::ast::Expr;
use super::count::{self, COUNT_BOUND};
use super::cursor::{self, Shape};
use super::sql::{Builder, Kind, property};
use super::{json, search, spatial, text, walk};
use crate::catalog::TypeInfo;
use crate::record::{Record, decode, decode_all, select_list};
use crate::sight::FLAGS;

/// How a filter is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    #[default]
    Text,
    Json,
}

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
pub struct Listing<T> {
    pub page: Page<T>,
    pub at_least: Option<u64>,
}

impl Query {
    /// From the texts of an address.
    ///
    /// # Errors
    /// Where a filter or sort can't be read.
    pub fn read(filter: Option<&str>, sort: Option<&str>) -> Result<Query, Problem> {
        Query::read_in(Language::Text, filter, sort)
    }

    /// The same with a filter in one of the languages.
    ///
    /// # Errors
    /// Where a filter or sort can't be read.
    pub fn read_in(language: Language, filter: Option<&str>, sort: Option<&str>) -> Result<Query, Problem> {
        let filter = filter
            .filter(|text| !text.trim().is_empty())
            .map(match language {
                Language::Text => text::parse,
                Language::Json => json::parse,
            })
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
        let sort: Vec<_> = sort.take(MAX_SORTS + 1).collect();
        if sort.len() > MAX_SORTS {
            let text = format!("最多按 {MAX_SORTS} 个字段排序。");
            return Err(Problem::new(codes::BAD_FILTER, text));
        }
        Ok(Query {
            filter,
            sort,
            ..Query::default()
        })
    }
}

/// Fields that a list may be sorted by.
const MAX_SORTS: usize = 5;

struct SortKey {
    sql: String,
    descending: bool,
    shape: Shape,
}

fn sort_keys(info: &TypeInfo, query: &Query) -> Result<Vec<SortKey>, Problem> {
    let mut keys = Vec::new();
    for (name, descending) in &query.sort {
        let column = property(info, name)
            .map_err(|message| Problem::new(codes::BAD_FILTER, format!("排序:{message}")))?;
        if !column.sortable() {
            let why = if column.sealed.is_some() {
                ":它加密保存"
            } else {
                ""
            };
            return Err(Problem::new(
                codes::BAD_FILTER,
                format!("不能按 {name} 排序{why}"),
            ));
        }
        keys.push(SortKey {
            sql: column.sql,
            descending: *descending,
            shape: Shape {
                text: matches!(column.kind, Kind::Text | Kind::Date | Kind::Moment),
                nullable: !column.required,
            },
        });
    }
    // In the direction of the last key, so that one index serves both.
    keys.push(SortKey {
        sql: "_seq".into(),
        descending: keys.last().is_some_and(|key| key.descending),
        shape: Shape {
            text: false,
            nullable: false,
        },
    });
    Ok(keys)
}

/// Rows without a value in the first key stand last in either direction. They are a part of their own, read after the
/// others: so each part is ordered as an index is, in both databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Whole,
    Filled,
    Empty,
}

fn parts(keys: &[SortKey]) -> &'static [Part] {
    if keys.first().is_some_and(|key| key.shape.nullable) {
        &[Part::Filled, Part::Empty]
    } else {
        &[Part::Whole]
    }
}

/// The rows a query is over: the table, or what it was at a moment.
fn rows(info: &TypeInfo, query: &Query, builder: &mut Builder) -> String {
    let Some(at) = &query.as_of else {
        return info.table.clone();
    };
    let list = format!("_seq, {}", info.source_columns().join(", "));
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

/// The condition of a query on its rows; `first` where only the first rows by `_seq` are wanted.
fn conditions(
    tx: &Tx<'_>,
    info: &TypeInfo,
    query: &Query,
    builder: &mut Builder,
    first: Option<search::First>,
) -> Result<Vec<String>, Problem> {
    let mut conditions = Vec::new();
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
        conditions.extend(search::condition(builder, tx.dialect(), info, words, first));
        // The index knows the words of all fields: a row in which one of them is masked is not found by any.
        if let Some(secured) = &info.secured {
            let searched = secured
                .masked
                .iter()
                .enumerate()
                .filter(|(_, name)| info.column(name).is_some_and(|column| column.field.search));
            conditions.extend(searched.map(|(at, _)| format!("substr({FLAGS}, {}, 1) = '0'", at + 1)));
        }
    }
    Ok(conditions)
}

/// The query with its spatial predicates settled.
fn settled<'q>(tx: &mut Tx<'_>, info: &TypeInfo, query: &'q Query) -> Result<Cow<'q, Query>, Problem> {
    let Some(filter) = query.filter.as_ref().filter(|filter| spatial::is_spatial(filter)) else {
        return Ok(Cow::Borrowed(query));
    };
    let filter = spatial::settle(
        tx,
        info,
        &|builder| rows(info, query, builder),
        query.as_of.is_none(),
        filter,
    )?;
    Ok(Cow::Owned(Query {
        filter: Some(filter),
        ..query.clone()
    }))
}

fn joined(conditions: &[String]) -> String {
    if conditions.is_empty() {
        "1 = 1".to_owned()
    } else {
        conditions.join(" AND ")
    }
}

/// What a cursor belongs to.
fn fingerprint(info: &TypeInfo, query: &Query) -> String {
    cursor::fingerprint(&format!(
        "{}|{:?}|{:?}|{:?}|{:?}",
        info.name, query.sort, query.filter, query.words, query.as_of
    ))
}

/// Rows after those values: equal up to some key, beyond in the next.
fn after(builder: &mut Builder, keys: &[SortKey], part: Part, values: &[Value]) -> String {
    let mut choices = Vec::new();
    for (depth, (key, value)) in keys.iter().zip(values).enumerate() {
        // Nothing stands behind a missing value; and a value that is bound must be used.
        if *value == Value::Null {
            continue;
        }
        let mut terms = Vec::new();
        for (key, value) in keys.iter().zip(values).take(depth) {
            terms.push(match value {
                Value::Null => format!("{} IS NULL", key.sql),
                other => format!("{} = {}", key.sql, builder.mark(other.clone())),
            });
        }
        let sign = if key.descending { "<" } else { ">" };
        let beyond = format!("{} {sign} {}", key.sql, builder.mark(value.clone()));
        terms.push(if key.shape.nullable && !(depth == 0 && part == Part::Filled) {
            format!("({beyond} OR {} IS NULL)", key.sql)
        } else {
            beyond
        });
        choices.push(format!("({})", terms.join(" AND ")));
    }
    // The first key bounds the index range for all choices.
    let bound = match (keys.first(), values.first()) {
        (Some(key), Some(value))
            if keys.len() > 1 && *value != Value::Null && (part == Part::Filled || !key.shape.nullable) =>
        {
            let sign = if key.descending { "<=" } else { ">=" };
            format!("{} {sign} {} AND ", key.sql, builder.mark(value.clone()))
        }
        _ => String::new(),
    };
    format!("{bound}({})", choices.join(" OR "))
}

/// The part of a list, and what of it stands behind these values.
fn place(builder: &mut Builder, keys: &[SortKey], part: Part, values: Option<&[Value]>) -> Vec<String> {
    let mut conditions = Vec::new();
    if let Some(first) = keys.first() {
        match part {
            Part::Whole => {}
            Part::Filled => conditions.push(format!("{} IS NOT NULL", first.sql)),
            Part::Empty => conditions.push(format!("{} IS NULL", first.sql)),
        }
    }
    let skipped = usize::from(part == Part::Empty);
    if let Some(values) = values {
        conditions.push(after(
            builder,
            keys.get(skipped..).unwrap_or_default(),
            part,
            values.get(skipped..).unwrap_or_default(),
        ));
    }
    conditions
}

fn directions(ordering: &[SortKey], part: Part) -> Vec<String> {
    let direction = |(index, key): (usize, &SortKey)| {
        let direction = if key.descending { " DESC" } else { "" };
        let last = if key.shape.nullable && (index > 0 || part != Part::Filled) {
            " NULLS LAST"
        } else {
            ""
        };
        format!("{direction}{last}")
    };
    ordering.iter().enumerate().map(direction).collect()
}

fn in_order(keys: &[SortKey], part: Part) -> String {
    let ordering = keys.get(usize::from(part == Part::Empty)..).unwrap_or_default();
    let order: Vec<String> = ordering
        .iter()
        .zip(directions(ordering, part))
        .map(|(key, direction)| format!("{}{direction}", key.sql))
        .collect();
    order.join(", ")
}

/// The next rows of a part in its order, whoever may see them.
fn steps(info: &TypeInfo, keys: &[SortKey], part: Part, place: &[String], rows: u32) -> String {
    format!(
        "(SELECT * FROM {} WHERE {} ORDER BY {} LIMIT {rows})",
        info.base,
        joined(place),
        in_order(keys, part)
    )
}

/// A type's table as it is seen, of these rows alone.
fn over(info: &TypeInfo, rows: &str) -> String {
    match &info.secured {
        Some(secured) => format!("{}{rows}{}", secured.around.0, secured.around.1),
        None => format!("{rows} AS t"),
    }
}

/// The first rows of a part behind `values`: by a look at the next in order where that can do, else by the whole question.
fn first_rows(
    tx: &mut Tx<'_>,
    info: &TypeInfo,
    query: &Query,
    keys: &[SortKey],
    part: Part,
    values: Option<&[Value]>,
    wanted: u32,
) -> Result<Vec<Row>, Problem> {
    let narrowed = query.filter.is_some() || info.is_secured();
    let plain = query.as_of.is_none()
        && query.words.is_none()
        && !query.filter.as_ref().is_some_and(spatial::is_spatial)
        && keys.iter().skip(1).all(|key| !key.shape.nullable);
    if narrowed && plain && walk::suits(info, query.filter.as_ref(), &query.sort) {
        let key = walk::key(&format!("{:?}{:?}{part:?}", query.filter, query.sort));
        let all = u64::try_from(count::all(tx, info)?).unwrap_or(0);
        // Once by what is known, and once by what that look tells.
        for _ in 0..2 {
            let Some(walked) = info.walks.rows(key, wanted, all) else {
                break;
            };
            let (sql, params) = statement(tx, info, query, keys, part, values, Some(wanted), Some(walked))?;
            let rows = tx.query(&sql, &params)?;
            if rows.len() >= wanted as usize {
                return Ok(rows);
            }
            let mut builder = Builder::default();
            let place = place(&mut builder, keys, part, values);
            let steps = steps(info, keys, part, &place, walked);
            let seen = tx.query_opt(&format!("SELECT COUNT(*) FROM {steps} AS s"), &builder.params)?;
            let seen: i64 = seen.map(|row| row.get(0)).transpose()?.unwrap_or(0);
            if seen < i64::from(walked) {
                // All that is left was looked at.
                return Ok(rows);
            }
            info.walks
                .fell_short(key, walked, u32::try_from(rows.len()).unwrap_or(u32::MAX));
        }
    }
    let (sql, params) = statement(tx, info, query, keys, part, values, Some(wanted), None)?;
    Ok(tx.query(&sql, &params)?)
}

/// One part's statement: rows after `values`, in order, at most `limit`, of the next `walked` where that is given.
fn statement(
    tx: &Tx<'_>,
    info: &TypeInfo,
    query: &Query,
    keys: &[SortKey],
    part: Part,
    values: Option<&[Value]>,
    limit: Option<u32>,
    walked: Option<u32>,
) -> Result<(String, Vec<Value>), Problem> {
    let mut builder = Builder::default();
    // Words alone, in the order of the search index: it need not look further than the page.
    let first = limit
        .filter(|_| query.filter.is_none() && keys.len() == 1 && !info.is_secured())
        .map(|limit| search::First {
            after: values.and_then(|values| values.first()).and_then(Value::as_int),
            limit,
        });
    let mut conditions = conditions(tx, info, query, &mut builder, first)?;
    let place = place(&mut builder, keys, part, values);
    let table = match walked {
        None => {
            conditions.extend(place);
            Cow::Borrowed(&info.table)
        }
        Some(rows) => Cow::Owned(over(info, &steps(info, keys, part, &place, rows))),
    };
    let skipped = usize::from(part == Part::Empty);
    let ordering = keys.get(skipped..).unwrap_or_default();
    let directions = directions(ordering, part);
    let order = in_order(keys, part);
    let list = select_list(info);
    let extra: Vec<String> = keys
        .iter()
        .enumerate()
        .map(|(index, key)| format!("{} AS _k{index}", key.sql))
        .collect();
    let extra = extra.join(", ");
    let limit = limit.map(|limit| format!(" LIMIT {limit}")).unwrap_or_default();
    let condition = joined(&conditions);
    let Some(at) = &query.as_of else {
        let sql = format!("SELECT {list}, {extra} FROM {table} WHERE {condition} ORDER BY {order}{limit}");
        return Ok((sql, builder.params));
    };
    // Each of the two tables gives its first rows by its own indexes; of those the first are taken.
    let at = builder.mark(Value::Text(at.clone()));
    let live = format!(
        "SELECT {list}, {extra} FROM {} WHERE _updated_at <= {at} AND {condition} ORDER BY {order}{limit}",
        info.table
    );
    let source = format!("_seq, {}", info.source_columns().join(", "));
    let past = format!(
        "SELECT {list}, {extra} FROM (SELECT -_seq AS {source} FROM {} WHERE _updated_at <= {at} AND _superseded_at > {at})
         AS t WHERE {condition} ORDER BY {order}{limit}",
        info.history
    );
    let outer: Vec<String> = directions
        .iter()
        .enumerate()
        .map(|(index, direction)| format!("_k{}{direction}", index + skipped))
        .collect();
    let sql = format!(
        "SELECT * FROM (SELECT * FROM ({live}) AS a UNION ALL SELECT * FROM ({past}) AS b) AS u ORDER BY {}{limit}",
        outer.join(", ")
    );
    Ok((sql, builder.params))
}

/// One page.
///
/// # Errors
/// Where the query can't be understood or the database can't be read.
pub fn list(tx: &mut Tx<'_>, info: &TypeInfo, query: &Query) -> Result<Listing<Record>, Problem> {
    let Listing { page, at_least } = rows_of(tx, info, query)?;
    Ok(Listing {
        page: Page {
            items: decode_all(info, &page.items)?,
            next: page.next,
            matched: page.matched,
        },
        at_least,
    })
}

/// One page as rows of [`select_list`], with the values they are sorted by behind.
///
/// # Errors
/// As [`list`].
pub fn rows_of(tx: &mut Tx<'_>, info: &TypeInfo, query: &Query) -> Result<Listing<Row>, Problem> {
    let keys = sort_keys(info, query)?;
    let shapes: Vec<Shape> = keys.iter().map(|key| key.shape).collect();
    let fingerprint = fingerprint(info, query);
    let from = query
        .cursor
        .as_deref()
        .map(|cursor| cursor::decode(&fingerprint, cursor, &shapes))
        .transpose()?;
    let query = settled(tx, info, query)?;
    let wanted = query.limit.get();
    // A cursor behind a missing value stands in the last part.
    let behind = from
        .as_ref()
        .is_some_and(|values| values.first() == Some(&Value::Null));
    let mut rows: Vec<Row> = Vec::new();
    let mut started = from.is_none();
    for part in parts(&keys) {
        let here = !started && (*part != Part::Filled || !behind);
        if !started && !here {
            continue;
        }
        let values = if here { from.as_deref() } else { None };
        started = true;
        let left = (wanted + 1).saturating_sub(u32::try_from(rows.len()).unwrap_or(u32::MAX));
        if left == 0 {
            break;
        }
        rows.extend(first_rows(tx, info, &query, &keys, *part, values, left)?);
    }
    let more = rows.len() > wanted as usize;
    rows.truncate(wanted as usize);
    let next = rows.last().filter(|_| more).map(|row| {
        let start = row.len() - keys.len();
        let values: Vec<Value> = (start..row.len()).map(|index| row.value(index).clone()).collect();
        cursor::encode(&fingerprint, &values)
    });
    let (matched, at_least) = if query.count {
        matched(tx, info, &query)?
    } else {
        (None, None)
    };
    Ok(Listing {
        page: Page {
            items: rows,
            next,
            matched,
        },
        at_least,
    })
}

/// How many match: exact from the counters where nothing is asked, else counted up to the bound.
fn matched(tx: &mut Tx<'_>, info: &TypeInfo, query: &Query) -> Result<(Option<u64>, Option<u64>), Problem> {
    let unsigned = |number: i64| u64::try_from(number).unwrap_or(0);
    if query.filter.is_none() && query.words.is_none() && query.as_of.is_none() && !info.is_secured() {
        return Ok((Some(unsigned(count::all(tx, info)?)), None));
    }
    let mut builder = Builder::default();
    let table = rows(info, query, &mut builder);
    let conditions = conditions(tx, info, query, &mut builder, None)?;
    let found = count::matching(tx, info, &table, &joined(&conditions), &builder.params)?;
    Ok(if found > COUNT_BOUND {
        (None, Some(unsigned(COUNT_BOUND)))
    } else {
        (Some(unsigned(found)), None)
    })
}

/// Whether [`stream`] can begin: what is wrong with a query must be said before the first row is on its way.
///
/// # Errors
/// Where the query can't be understood.
pub fn check(tx: &mut Tx<'_>, info: &TypeInfo, query: &Query) -> Result<(), Problem> {
    let keys = sort_keys(info, query)?;
    let query = settled(tx, info, query)?;
    for part in parts(&keys) {
        statement(tx, info, &query, &keys, *part, None, None, None)?;
    }
    Ok(())
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
    let query = settled(tx, info, query)?;
    let mut failed = None;
    let mut stopped = false;
    for part in parts(&keys) {
        let (sql, params) = statement(tx, info, &query, &keys, *part, None, None, None)?;
        tx.stream(&sql, &params, &mut |row| {
            let flow = decode(info, &row).and_then(&mut *each).unwrap_or_else(|problem| {
                failed = Some(problem);
                ControlFlow::Break(())
            });
            stopped |= flow.is_break();
            Ok(flow)
        })?;
        if stopped {
            break;
        }
    }
    failed.map_or(Ok(()), Err)
}
