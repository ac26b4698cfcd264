//! Rankings and bulletins: the figures of a declared view, computed by the database.

use std::collections::BTreeMap;
use std::sync::Arc;

use banyan_base::{Problem, codes};
use banyan_door::{Decision, Target};
use banyan_package::model::{Measure, MeasureKind, Ordered, View, ViewKind};
use banyan_store::{Row, Tx, Value};
use jiff::civil::Date;
use serde_json::{Map, Value as Json, json};

use crate::catalog::{TypeInfo, qualified};
use crate::query::{Kind, Query, list, parse, property};
use crate::record::Record;
use crate::reference;
use crate::sight::{Eyes, secure};

/// Rows a bulletin's table shows.
const MAX_TABLE: u32 = 500;

/// What stands for the reader and the month in a view's filters.
pub struct Given<'a> {
    /// Code of the reader's unit.
    pub unit: Option<&'a str>,
    /// First day of the month asked for.
    pub month: Date,
}

impl Given<'_> {
    pub fn fill(&self, filter: &str) -> String {
        let end = self.month.last_of_month();
        filter
            .replace("{month_start}", &format!("DATE('{}')", self.month))
            .replace("{month_end}", &format!("DATE('{end}')"))
            .replace(
                "{me_unit}",
                &format!("'{}'", self.unit.unwrap_or("").replace('\'', "''")),
            )
    }
}

/// `2022-05` as its first day.
///
/// # Errors
/// Where it is no month.
pub fn month(text: &str) -> Result<Date, Problem> {
    format!("{text}-01").parse().map_err(|_| {
        Problem::new(codes::BAD_REQUEST, format!("月份“{text}”应如 2022-05。")).with_error(
            "?month",
            "type",
            "应如 2022-05",
        )
    })
}

/// The answer for a view, with the single records that it shows.
pub struct Answer {
    pub body: Json,
    pub shown: Vec<(Arc<TypeInfo>, Vec<Record>)>,
}

/// The whole answer for a view over a type as its reader sees it.
///
/// # Errors
/// Where the package has no such view of these kinds, or a filter of it can't be compiled.
pub fn view(
    tx: &mut Tx<'_>,
    eyes: &Eyes<'_>,
    info: &TypeInfo,
    name: &str,
    given: &Given<'_>,
) -> Result<Answer, Problem> {
    let catalog = eyes.catalog;
    let package = catalog.packages.get(&info.package);
    let declared = package
        .and_then(|package| package.views.iter().find(|(own, _)| own == name))
        .map(|(_, view)| view)
        .filter(|view| qualified(&info.package, &view.of) == info.name)
        .ok_or_else(|| Problem::new(codes::NOT_FOUND, format!("没有名为 {name} 的视图。")))?;
    match &declared.kind {
        ViewKind::Ranking {
            group,
            measures,
            order_by,
        } => Ok(Answer {
            body: ranking(tx, eyes, info, declared, (group, measures, order_by), given)?,
            shown: Vec::new(),
        }),
        ViewKind::Bulletin { figures, tables, .. } => {
            let mut values = BTreeMap::new();
            for (name, measure) in figures {
                let found = grouped(tx, eyes, info, declared, None, measure, given)?;
                values.insert(
                    name.clone(),
                    found.into_iter().next().and_then(|(_, value)| value),
                );
            }
            ratios(figures, &mut |a, b, own| {
                let of = |name: &str| values.get(name).copied().flatten();
                let ratio = percent(of(a).or(unfound(info)), of(b));
                values.insert(own.to_owned(), ratio);
            });
            let (mut shown, mut seen) = (Vec::new(), Vec::new());
            for (name, table) in tables {
                let of = qualified(&info.package, &table.of);
                // A table of what the reader may not list is empty.
                let Some(of) = eyes.seen(&of, "record.list", "list")? else {
                    shown.push(json!({ "name": name, "items": [], "more": false }));
                    continue;
                };
                let mut query = Query::read(
                    table
                        .filter
                        .as_deref()
                        .map(|filter| given.fill(filter))
                        .as_deref(),
                    Some(&table.sort.join(",")),
                )?;
                query.limit = banyan_base::Limit::new(MAX_TABLE).unwrap_or(banyan_base::Limit::DEFAULT);
                let found = list(tx, &of, &query)?;
                seen.push((Arc::clone(&of), found.page.items.clone()));
                let items = labelled(tx, eyes, &of, found.page.items)?;
                shown.push(json!({ "name": name, "items": items, "more": found.page.next.is_some() }));
            }
            Ok(Answer {
                body: json!({ "figures": values, "tables": shown, "k_anonymous": k_anonymous(info) }),
                shown: seen,
            })
        }
        _ => Err(Problem::new(
            codes::BAD_REQUEST,
            format!("视图 {name} 不是排名或通报。"),
        )),
    }
}

/// Records with the names of what they point to.
///
/// # Errors
/// Where the database can't be read.
pub fn labelled(
    tx: &mut Tx<'_>,
    eyes: &Eyes<'_>,
    info: &TypeInfo,
    records: Vec<Record>,
) -> Result<Vec<Json>, Problem> {
    let standing = |record: &Record| reference::standing(info, &record.fields, record.state.as_deref());
    let names: Vec<Map<String, Json>> = records.iter().map(standing).collect();
    let labels = reference::labels(tx, eyes, info, &names)?;
    Ok(records
        .into_iter()
        .zip(labels)
        .map(|(record, labels)| record.into_json(info, labels))
        .collect())
}

fn ranking(
    tx: &mut Tx<'_>,
    eyes: &Eyes<'_>,
    info: &TypeInfo,
    declared: &View,
    (group, measures, order_by): (&str, &Ordered<Measure>, &str),
    given: &Given<'_>,
) -> Result<Json, Problem> {
    let mut groups: BTreeMap<Option<String>, BTreeMap<String, Option<f64>>> = BTreeMap::new();
    let mut filters = Map::new();
    for (name, measure) in measures {
        if let Some(filter) = &measure.filter {
            filters.insert(name.clone(), Json::String(given.fill(filter)));
        }
        for (key, value) in grouped(tx, eyes, info, declared, Some(group), measure, given)? {
            groups.entry(key).or_default().insert(name.clone(), value);
        }
    }
    ratios(measures, &mut |a, b, own| {
        for values in groups.values_mut() {
            let of = |name: &str| values.get(name).copied().flatten();
            let ratio = percent(of(a).or(unfound(info)), of(b));
            values.insert(own.to_owned(), ratio);
        }
    });
    let keys: Vec<Map<String, Json>> = groups
        .keys()
        .map(|key| Map::from_iter([(group.to_owned(), json!(key))]))
        .collect();
    let labels = reference::labels(tx, eyes, info, &keys)?;
    let (by, descending) = order_by
        .strip_prefix('-')
        .map_or((order_by, false), |name| (name, true));
    let mut rows: Vec<(Option<f64>, Json)> = groups
        .into_iter()
        .zip(labels)
        .map(|((key, mut values), labels)| {
            let none = unfound(info);
            for (name, measure) in measures {
                if measure.what == MeasureKind::Count {
                    values.entry(name.clone()).or_insert(none);
                }
            }
            let label = labels.get(group).cloned().unwrap_or_else(|| json!(key));
            let order = values.get(by).copied().flatten();
            (order, json!({ "key": key, "label": label, "values": values }))
        })
        .collect();
    // Groups without a figure stand last; equal ones stay in the order of their keys.
    rows.sort_by(|(a, _), (b, _)| match (a, b) {
        (Some(a), Some(b)) if descending => b.total_cmp(a),
        (Some(a), Some(b)) => a.total_cmp(b),
        (a, b) => b.is_some().cmp(&a.is_some()),
    });
    let rows: Vec<Json> = rows.into_iter().map(|(_, row)| row).collect();
    Ok(json!({ "groups": rows, "filters": filters, "k_anonymous": k_anonymous(info) }))
}

/// What it means that nothing was counted: zero, or, where small groups are withheld, that it is unknown.
fn unfound(info: &TypeInfo) -> Option<f64> {
    k_anonymous(info).is_none().then_some(0.0)
}

fn percent(part: Option<f64>, whole: Option<f64>) -> Option<f64> {
    match (part, whole) {
        (Some(part), Some(whole)) if whole != 0.0 => Some(part * 100.0 / whole),
        _ => None,
    }
}

/// Gives each ratio's two measures and its own name.
fn ratios(measures: &Ordered<Measure>, each: &mut dyn FnMut(&str, &str, &str)) {
    for (name, measure) in measures {
        if let MeasureKind::Ratio(part, whole) = &measure.what {
            each(part, whole, name);
        }
    }
}

type Group = (Option<String>, Option<f64>);

/// Below how many records a group is withheld.
fn k_anonymous(info: &TypeInfo) -> Option<u32> {
    info.secured.as_ref().and_then(|secured| secured.k_anonymous)
}

/// One measure, by group where there is one. Ratios give nothing here, nor does what the reader may not list.
fn grouped(
    tx: &mut Tx<'_>,
    eyes: &Eyes<'_>,
    info: &TypeInfo,
    declared: &View,
    group: Option<&str>,
    measure: &Measure,
    given: &Given<'_>,
) -> Result<Vec<Group>, Problem> {
    let of;
    let (info, filter) = match &measure.of {
        Some(name) => {
            let name = qualified(&info.package, name);
            let target = Target::records(&name, "list");
            let Decision::Permit(obligations) = eyes.door.decide(eyes.cx, "record.list", &target)? else {
                return Ok(Vec::new());
            };
            if obligations.two_person.is_some() {
                return Ok(Vec::new());
            }
            of = secure(
                &eyes.catalog.find(&name)?,
                &obligations,
                eyes.catalog,
                eyes.dialect,
            );
            (&*of, None)
        }
        None => (info, declared.filter.as_deref()),
    };
    let bad = |message: String| Problem::new(codes::BAD_FILTER, message);
    let column = |name: &str| match property(info, name).map_err(bad)? {
        column if column.sealed.is_some() => Err(bad(format!("{name} 加密保存,不能用来分组或汇总"))),
        column => Ok(column),
    };
    let aggregate = |word: &str, name: &str| -> Result<(String, String), Problem> {
        let column = column(name)?;
        let scale = match column.kind {
            Kind::Scaled(scale) => 10f64.powi(i32::from(scale)),
            _ => 1.0,
        };
        let what = format!("CAST({word}({}) AS DOUBLE PRECISION) / {scale:.1}", column.sql);
        Ok((what, column.sql))
    };
    let (what, counted) = match &measure.what {
        MeasureKind::Count => ("CAST(COUNT(*) AS DOUBLE PRECISION)".to_owned(), "*".to_owned()),
        MeasureKind::Sum(name) => aggregate("SUM", name)?,
        MeasureKind::Average(name) => aggregate("AVG", name)?,
        // Of a group whose members are not to be known, these would be one member's own.
        MeasureKind::Min(_) | MeasureKind::Max(_) if k_anonymous(info).is_some() => {
            return Ok(Vec::new());
        }
        MeasureKind::Min(name) => aggregate("MIN", name)?,
        MeasureKind::Max(name) => aggregate("MAX", name)?,
        MeasureKind::Ratio(..) => return Ok(Vec::new()),
    };
    let mut builder = crate::query::Builder::default();
    let mut conditions = vec!["1 = 1".to_owned()];
    for filter in [filter, measure.filter.as_deref()].into_iter().flatten() {
        conditions.push(format!(
            "({})",
            builder.condition(info, &parse(&given.fill(filter))?)?
        ));
    }
    let (key, end) = match group {
        Some(group) => {
            let sql = column(group)?.sql;
            (sql.clone(), format!(" GROUP BY {sql}"))
        }
        None => ("NULL".to_owned(), String::new()),
    };
    let end = match k_anonymous(info) {
        // Those who have a value count: the sum over many of whom one has one would be his.
        Some(k) => format!("{end} HAVING COUNT({counted}) >= {k}"),
        None => end,
    };
    let sql = format!(
        "SELECT {key}, {what} FROM {} WHERE {}{end}",
        info.table,
        conditions.join(" AND ")
    );
    let read = |row: &Row| -> Result<Group, Problem> {
        let key = match row.value(0) {
            Value::Null => None,
            Value::Text(text) => Some(text.clone()),
            Value::Int(number) => Some(number.to_string()),
            other => Some(format!("{other:?}")),
        };
        Ok((key, row.get(1)?))
    };
    tx.query(&sql, &builder.params)?.iter().map(read).collect()
}
