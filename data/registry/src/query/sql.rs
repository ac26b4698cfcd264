//! Filters as SQL. The one place where a reader's words become part of a statement: values are bound.

use banyan_base::{Problem, ZONE, timestamp_text};
use banyan_package::model::{ComputedType, FieldKind};
use banyan_store::{Dialect, Value};
use jiff::{Timestamp, ToSpan, civil::Date};

use super::ast::{Expr, Given, Literal, Name, Op, Place, Settled, Side};
use super::temporal;
use crate::catalog::{Stored, TypeInfo, bounds_columns};
use crate::index;
use crate::seal::{self, Seal, Vault};

/// What a property can be compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Date,
    Moment,
    Integer,
    Scaled(u8),
    Boolean,
    /// A list of texts.
    Many,
    Geometry,
    Json,
}

impl Kind {
    /// What to compare it with, for refusals.
    fn wanted(self) -> &'static str {
        match self {
            Kind::Text | Kind::Many => "文本",
            Kind::Date => "日期",
            Kind::Moment => "时间或日期",
            Kind::Integer | Kind::Scaled(_) => "数字",
            Kind::Boolean => "TRUE 或 FALSE",
            Kind::Geometry => "几何",
            Kind::Json => "NULL",
        }
    }

    pub fn is_text(self) -> bool {
        matches!(self, Kind::Text | Kind::Many | Kind::Json)
    }

    pub fn sortable(self) -> bool {
        !matches!(self, Kind::Many | Kind::Geometry | Kind::Json)
    }
}

/// A property as a filter or sort may name it.
pub struct Property {
    pub sql: String,
    pub kind: Kind,
    pub required: bool,
    /// Where only the blind index can be asked.
    pub sealed: Option<Sealed>,
}

/// By what a sealed property is found.
pub struct Sealed {
    seal: Seal,
    vault: Vault,
}

impl Property {
    /// Whether it can be put in an order, grouped or summed up.
    pub fn sortable(&self) -> bool {
        self.kind.sortable() && self.sealed.is_none()
    }

    /// A value as it is bound: for a sealed property, what stands for it.
    fn bound(&self, value: Value) -> Result<Value, Problem> {
        match (&self.sealed, value) {
            (Some(sealed), Value::Text(text)) => {
                Ok(Value::Text(seal::blind(&sealed.vault, &sealed.seal, &text)?))
            }
            (_, value) => Ok(value),
        }
    }

    /// Refuses what a sealed property can't be asked.
    pub fn open(&self, name: &Name) -> Result<(), Problem> {
        match self.sealed {
            Some(_) => name.place.refuse(format!(
                "字段 {} 加密保存,只能按相等(=、<>、IN)或是否为空筛选",
                name.name
            )),
            None => Ok(()),
        }
    }
}

/// What a field can be compared with.
pub fn kind_of(field: &FieldKind) -> Kind {
    match field {
        FieldKind::Date { .. } => Kind::Date,
        FieldKind::DateTime => Kind::Moment,
        FieldKind::Geometry { .. } => Kind::Geometry,
        FieldKind::Code { many: true, .. } | FieldKind::Unit { many: true } => Kind::Many,
        FieldKind::Computed { result, .. } if *result == ComputedType::Date => Kind::Date,
        FieldKind::Computed { result, .. } if *result == ComputedType::DateTime => Kind::Moment,
        other => match crate::catalog::stored(other) {
            Stored::Text => Kind::Text,
            Stored::Integer => Kind::Integer,
            Stored::Scaled(scale) => Kind::Scaled(scale),
            Stored::Boolean => Kind::Boolean,
            Stored::Json => Kind::Json,
        },
    }
}

/// Finds a property; the refusal lists what there is.
pub fn property(info: &TypeInfo, name: &str) -> Result<Property, String> {
    let own = |sql: &str, kind| {
        Ok(Property {
            sql: sql.into(),
            kind,
            required: true,
            sealed: None,
        })
    };
    match name {
        "id" => return own("_id", Kind::Text),
        "state" if info.has_state() => return own("state", Kind::Text),
        "created_at" => return own("_created_at", Kind::Moment),
        "updated_at" => return own("_updated_at", Kind::Moment),
        "created_by" => return own("_created_by", Kind::Text),
        "updated_by" => return own("_updated_by", Kind::Text),
        "version" => return own("_version", Kind::Integer),
        _ => {}
    }
    if let Some(column) = info.column(name) {
        let required = column.field.required
            && !info.is_masked(name)
            && !info.conditions.iter().any(|(of, _)| of == name);
        return Ok(Property {
            sql: seal::compared(column),
            kind: kind_of(&column.field.kind),
            required,
            sealed: column.seal.clone().map(|seal| Sealed {
                seal,
                vault: info.vault.clone(),
            }),
        });
    }
    let known: Vec<&str> = info.columns.iter().map(|column| column.name.as_str()).collect();
    let state = if info.has_state() { "state、" } else { "" };
    Err(format!(
        "没有字段 {}。可用的有:id、{state}created_at、updated_at、created_by、updated_by、version、{}",
        name.escape_debug(),
        known.join("、")
    ))
}

pub fn named(info: &TypeInfo, name: &Name) -> Result<Property, Problem> {
    property(info, &name.name).map_err(|message| name.place.problem(message))
}

/// A literal as one property is compared with it.
pub enum Bound {
    Value(Value),
    /// Moments of one day: from, and before.
    Day(Value, Value),
}

fn moment_value(moment: Timestamp) -> Value {
    Value::Text(timestamp_text(moment))
}

/// The first moment of a day and of the next, in the platform's zone.
pub fn day(date: Date) -> Result<(Timestamp, Timestamp), String> {
    let start = |date: Date| ZONE.to_timestamp(date.at(0, 0, 0, 0)).ok();
    let next = date.checked_add(1.day()).ok();
    start(date)
        .zip(next.and_then(start))
        .ok_or_else(|| format!("日期 {date} 超出范围"))
}

/// The day a moment falls on, in the platform's zone.
pub fn day_of(moment: Timestamp) -> Date {
    ZONE.to_datetime(moment).date()
}

fn bind(property: &Property, name: &Name, given: &Given) -> Result<Bound, Problem> {
    let refuse = || {
        given
            .place
            .refuse(format!("字段 {} 应与{}比较", name.name, property.kind.wanted()))
    };
    let of_day = |date: Date| {
        let (from, before) = day(date).map_err(|message| given.place.problem(message))?;
        Ok(Bound::Day(moment_value(from), moment_value(before)))
    };
    let of_date = |date: Date| Ok(Bound::Value(Value::Text(date.to_string())));
    match (property.kind, &given.value) {
        (Kind::Text | Kind::Many, Literal::Text(text)) => {
            if text.contains('\0') {
                return given.place.refuse("不能含有空字符");
            }
            Ok(Bound::Value(Value::Text(text.clone())))
        }
        (Kind::Date, Literal::Date(date)) => of_date(*date),
        (Kind::Date, Literal::Moment(moment)) => of_date(day_of(*moment)),
        (Kind::Moment, Literal::Date(date)) => of_day(*date),
        (Kind::Moment, Literal::Moment(moment)) => Ok(Bound::Value(moment_value(*moment))),
        // Bare texts are read as what the property holds.
        (Kind::Date | Kind::Moment, Literal::Text(text)) => {
            if let Ok(Literal::Date(date)) = super::ast::date(text, &given.place) {
                return if property.kind == Kind::Date {
                    of_date(date)
                } else {
                    of_day(date)
                };
            }
            match text.parse::<Timestamp>() {
                Ok(moment) if property.kind == Kind::Date => of_date(day_of(moment)),
                Ok(moment) => Ok(Bound::Value(moment_value(moment))),
                Err(_) => refuse(),
            }
        }
        (Kind::Integer, Literal::Number(number)) if number.fract() == 0.0 && number.abs() < 9e15 => {
            Ok(Bound::Value(Value::Int(*number as i64)))
        }
        (Kind::Integer, Literal::Number(number)) => Ok(Bound::Value(Value::Real(*number))),
        (Kind::Scaled(scale), Literal::Number(number)) => {
            let scaled = number * 10f64.powi(i32::from(scale));
            let whole = scaled.round();
            Ok(Bound::Value(
                if (scaled - whole).abs() < 1e-6 && whole.abs() < 9e15 {
                    Value::Int(whole as i64)
                } else {
                    Value::Real(scaled)
                },
            ))
        }
        (Kind::Boolean, Literal::Boolean(value)) => Ok(Bound::Value(Value::from(*value))),
        _ => refuse(),
    }
}

/// A filter being written.
#[derive(Default)]
pub struct Builder {
    pub params: Vec<Value>,
}

impl Builder {
    /// Binds a value; returns its mark.
    pub fn mark(&mut self, value: Value) -> String {
        self.params.push(value);
        format!("?{}", self.params.len())
    }

    /// The condition of a filter over the columns of a type.
    ///
    /// # Errors
    /// `BAD_FILTER` where it names what is not there or compares what can't be compared.
    pub fn condition(&mut self, info: &TypeInfo, expr: &Expr) -> Result<String, Problem> {
        Ok(match expr {
            Expr::Constant(true) => "1 = 1".into(),
            Expr::Constant(false) => "1 = 0".into(),
            Expr::And(all) => self.joined(info, all, " AND ")?,
            Expr::Or(all) => match all.as_slice() {
                [
                    Expr::Spatial {
                        property,
                        settled:
                            Some(
                                settled @ Settled {
                                    indexed: Some(table),
                                    negated: false,
                                    ..
                                },
                            ),
                        ..
                    },
                    Expr::IsNull { property: missing },
                ] if missing.name == property.name => {
                    self.spatial_or_missing(&named(info, property)?.sql, settled, table)
                }
                _ => self.joined(info, all, " OR ")?,
            },
            Expr::Not(inner) => format!("NOT ({})", self.condition(info, inner)?),
            Expr::IsNull { property } => format!("{} IS NULL", named(info, property)?.sql),
            Expr::Compare { left, op, right } => self.compare(info, left, *op, right)?,
            Expr::Like {
                property: name,
                pattern,
                fold_case,
                place,
            } => {
                let column = named(info, name)?;
                column.open(name)?;
                if !column.kind.is_text() {
                    return name.place.refuse(format!("LIKE 只用于文本,{} 不是", name.name));
                }
                check_pattern(pattern, place)?;
                self.like(&column.sql, pattern, *fold_case)
            }
            Expr::Between {
                property: name,
                low,
                high,
            } => {
                let column = named(info, name)?;
                column.open(name)?;
                let low = self.ordered(&column, name, Op::Ge, low)?;
                let high = self.ordered(&column, name, Op::Le, high)?;
                format!("({low} AND {high})")
            }
            Expr::In {
                property,
                values,
                fold_case,
            } => self.among(info, property, values, *fold_case)?,
            Expr::Temporal { op, left, right } => temporal::condition(self, info, *op, left, right)?,
            Expr::Spatial {
                property,
                settled: Some(settled),
                ..
            } => self.spatial(&named(info, property)?.sql, settled),
            Expr::Spatial { property, .. } => return property.place.refuse("空间条件不能用在这里"),
        })
    }

    fn joined(&mut self, info: &TypeInfo, all: &[Expr], word: &str) -> Result<String, Problem> {
        let parts = all
            .iter()
            .map(|expr| self.condition(info, expr))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(balanced(&parts, word))
    }

    fn compare(&mut self, info: &TypeInfo, left: &Side, op: Op, right: &Side) -> Result<String, Problem> {
        let Side::Property(name, folded) = left else {
            return left.place().refuse("这里应是字段名");
        };
        let column = named(info, name)?;
        if *folded
            || matches!(right, Side::Property(..) | Side::Given(_, true))
            || !matches!(op, Op::Eq | Op::Ne)
        {
            column.open(name)?;
        }
        if *folded || matches!(right, Side::Property(_, true) | Side::Given(_, true)) {
            can_fold(&column, name)?;
        }
        match right {
            Side::Given(given, with) if *folded || *with => {
                let Bound::Value(Value::Text(text)) = bind(&column, name, given)? else {
                    return given.place.refuse("CASEI 只用于文本");
                };
                // Only ASCII is folded, here as in both databases.
                let mark = self.mark(Value::Text(text.to_ascii_lowercase()));
                Ok(format!("lower({}) {} {mark}", column.sql, op.sign()))
            }
            Side::Given(given, _) => self.ordered(&column, name, op, given),
            Side::Property(other, with) => {
                let right = named(info, other)?;
                right.open(other)?;
                if column.kind != right.kind || !column.kind.sortable() {
                    return other.place.refuse(format!(
                        "字段 {} 与 {} 的类型不同,不能比较",
                        name.name, other.name
                    ));
                }
                let fold = |sql: &str| {
                    if *folded || *with {
                        format!("lower({sql})")
                    } else {
                        sql.to_owned()
                    }
                };
                Ok(format!(
                    "{} {} {}",
                    fold(&column.sql),
                    op.sign(),
                    fold(&right.sql)
                ))
            }
        }
    }

    /// A property against a literal.
    fn ordered(&mut self, column: &Property, name: &Name, op: Op, given: &Given) -> Result<String, Problem> {
        let sql = &column.sql;
        let bound = bind(column, name, given)?;
        if column.kind == Kind::Many {
            let holds = self.holds(sql, &bound);
            return match op {
                Op::Eq => Ok(holds),
                Op::Ne => Ok(format!("NOT {holds}")),
                _ => name.place.refuse(format!("{} 有多个值,不能比较大小", name.name)),
            };
        }
        Ok(match bound {
            // A fraction against whole numbers is compared as a fraction, in both databases.
            Bound::Value(value @ Value::Real(_)) => {
                let mark = self.mark(value);
                format!(
                    "CAST({sql} AS DOUBLE PRECISION) {} CAST({mark} AS DOUBLE PRECISION)",
                    op.sign()
                )
            }
            Bound::Value(value) => {
                let mark = self.mark(column.bound(value)?);
                format!("{sql} {} {mark}", op.sign())
            }
            // A day of moments is a range.
            Bound::Day(..) if column.sealed.is_some() => {
                column.open(name)?;
                String::new()
            }
            Bound::Day(from, before) => match op {
                Op::Eq => format!("({sql} >= {} AND {sql} < {})", self.mark(from), self.mark(before)),
                Op::Ne => format!("({sql} < {} OR {sql} >= {})", self.mark(from), self.mark(before)),
                Op::Lt => format!("{sql} < {}", self.mark(from)),
                Op::Ge => format!("{sql} >= {}", self.mark(from)),
                Op::Le => format!("{sql} < {}", self.mark(before)),
                Op::Gt => format!("{sql} >= {}", self.mark(before)),
            },
        })
    }

    /// That a list of texts holds one. The list is JSON as serde writes it; between commas each element is found whole.
    fn holds(&mut self, sql: &str, bound: &Bound) -> String {
        let text = match bound {
            Bound::Value(Value::Text(text)) => text.as_str(),
            _ => "",
        };
        let element = serde_json::Value::String(text.to_owned()).to_string();
        let inner = format!("',' || substr({sql}, 2, length({sql}) - 2) || ','");
        self.like(&format!("({inner})"), &format!("%,{},%", escape(&element)), false)
    }

    fn among(
        &mut self,
        info: &TypeInfo,
        name: &Name,
        values: &[Given],
        fold_case: bool,
    ) -> Result<String, Problem> {
        let column = named(info, name)?;
        if fold_case {
            column.open(name)?;
            can_fold(&column, name)?;
        }
        let (mut marks, mut others) = (Vec::new(), Vec::new());
        for given in values {
            match bind(&column, name, given)? {
                bound if column.kind == Kind::Many => others.push(self.holds(&column.sql, &bound)),
                // A whole number is never a fraction.
                Bound::Value(Value::Real(_)) => {}
                Bound::Value(Value::Text(text)) if fold_case => {
                    marks.push(self.mark(Value::Text(text.to_ascii_lowercase())));
                }
                Bound::Value(value) => marks.push(self.mark(column.bound(value)?)),
                Bound::Day(..) if column.sealed.is_some() => column.open(name)?,
                Bound::Day(from, before) => others.push(format!(
                    "({0} >= {1} AND {0} < {2})",
                    column.sql,
                    self.mark(from),
                    self.mark(before)
                )),
            }
        }
        if !marks.is_empty() {
            let left = if fold_case {
                format!("lower({})", column.sql)
            } else {
                column.sql.clone()
            };
            others.push(format!("{left} IN ({})", marks.join(", ")));
        }
        Ok(if others.is_empty() {
            // Nothing to be equal to: false, or unknown where there is no value.
            format!("{0} <> {0}", column.sql)
        } else {
            balanced(&others, " OR ")
        })
    }

    /// LIKE that minds case in both databases, unless asked to fold it.
    fn like(&mut self, sql: &str, pattern: &str, fold_case: bool) -> String {
        if fold_case {
            let mark = self.mark(Value::Text(pattern.to_ascii_lowercase()));
            format!("lower({sql}) LIKE {mark} ESCAPE '\\'")
        } else {
            let mark = self.mark(Value::Text(pattern.to_owned()));
            format!("{sql} LIKE {mark} ESCAPE '\\'")
        }
    }

    /// A settled predicate: what overlaps and is surely or by the list one of those. Unknown where there is no geometry.
    fn spatial(&mut self, sql: &str, settled: &Settled) -> String {
        let [minx, ..] = bounds_columns(sql);
        let mut near = self.near(sql, settled.bounds);
        if let Some(table) = &settled.indexed {
            near = format!(
                "{} AND {near}",
                self.indexed(sql, settled.dialect, table, settled.bounds)
            );
        }
        let mut choices: Vec<String> = settled.sure.iter().map(|sure| self.inside(sql, *sure)).collect();
        if settled.others != "[]" {
            let mark = self.mark(Value::Text(settled.others.clone()));
            choices.push(if settled.dialect.is_postgres() {
                format!(
                    "_seq IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST({mark} AS json)))"
                )
            } else {
                format!("_seq IN (SELECT value FROM json_each({mark}))")
            });
        }
        choices.push(format!("{minx} <> {minx}"));
        let whole = format!("({near} AND ({}))", choices.join(" OR "));
        if settled.negated {
            format!("NOT {whole}")
        } else {
            whole
        }
    }

    pub fn inside(&mut self, sql: &str, [west, south, east, north]: [f64; 4]) -> String {
        let [minx, miny, maxx, maxy] = bounds_columns(sql);
        format!(
            "({minx} >= {} AND {maxx} <= {} AND {miny} >= {} AND {maxy} <= {})",
            self.mark(Value::Real(west)),
            self.mark(Value::Real(east)),
            self.mark(Value::Real(south)),
            self.mark(Value::Real(north))
        )
    }

    /// The same by the spatial index: all of them, and perhaps some that lie beside.
    pub fn indexed(&mut self, sql: &str, dialect: Dialect, table: &str, bounds: [f64; 4]) -> String {
        if !dialect.is_postgres() {
            return format!("_seq IN (SELECT id {})", self.in_tree(table, sql, bounds));
        }
        let [w, s, e, n] = bounds.map(|end| self.mark(Value::Real(end)));
        let corner =
            |x: &str, y: &str| format!("point(CAST({x} AS DOUBLE PRECISION), CAST({y} AS DOUBLE PRECISION))");
        format!(
            "{} && box({}, {})",
            index::box_of(sql),
            corner(&w, &s),
            corner(&e, &n)
        )
    }

    /// How the R-tree finds what meets the bounds, and perhaps a little more: it knows them in single precision.
    pub fn in_tree(&mut self, table: &str, column: &str, bounds: [f64; 4]) -> String {
        let [west, south, east, north] = bounds.map(|end| self.mark(Value::Real(end)));
        format!(
            "FROM {} WHERE maxx >= {west} AND minx <= {east} AND maxy >= {south} AND miny <= {north}",
            index::spatial(table, column)
        )
    }

    /// A settled predicate or no geometry at all, by the indexes of both.
    fn spatial_or_missing(&mut self, sql: &str, settled: &Settled, table: &str) -> String {
        let [minx, ..] = bounds_columns(sql);
        // Left to itself, PostgreSQL reads such a page in order and looks at each record: it takes either half for frequent.
        let there = match settled.dialect {
            Dialect::Sqlite => format!("SELECT id {}", self.in_tree(table, sql, settled.bounds)),
            Dialect::Postgres => {
                let found = self.indexed(sql, settled.dialect, table, settled.bounds);
                format!("SELECT _seq FROM {table} WHERE {found}")
            }
        };
        let holds = self.spatial(
            sql,
            &Settled {
                indexed: None,
                ..settled.clone()
            },
        );
        format!(
            "(_seq IN ({there} UNION ALL SELECT _seq FROM {table} WHERE {minx} IS NULL) AND ({holds} OR {sql} IS NULL))"
        )
    }

    /// That the bounds of a geometry meet those.
    pub fn near(&mut self, sql: &str, [west, south, east, north]: [f64; 4]) -> String {
        let [minx, miny, maxx, maxy] = bounds_columns(sql);
        format!(
            "({minx} <= {} AND {maxx} >= {} AND {miny} <= {} AND {maxy} >= {})",
            self.mark(Value::Real(east)),
            self.mark(Value::Real(west)),
            self.mark(Value::Real(north)),
            self.mark(Value::Real(south))
        )
    }
}

/// Conditions joined as a tree of little depth: SQLite bounds the depth of an expression.
pub fn balanced(parts: &[String], word: &str) -> String {
    if parts.len() <= 8 {
        return format!("({})", parts.join(word));
    }
    let (left, right) = parts.split_at(parts.len() / 2);
    format!("({}{word}{})", balanced(left, word), balanced(right, word))
}

fn can_fold(column: &Property, name: &Name) -> Result<(), Problem> {
    if column.kind == Kind::Text {
        Ok(())
    } else {
        name.place.refuse(format!("CASEI 只用于文本,{} 不是", name.name))
    }
}

fn check_pattern(pattern: &str, place: &Place) -> Result<(), Problem> {
    if pattern.contains('\0') {
        return place.refuse("不能含有空字符");
    }
    if pattern.matches('%').count() > 6 {
        return place.refuse("LIKE 的模式里最多六个 %");
    }
    let trailing = pattern.chars().rev().take_while(|c| *c == '\\').count();
    if trailing % 2 == 1 {
        return place.refuse("LIKE 的模式不能以单个 \\ 结尾;\\ 本身要写成 \\\\");
    }
    Ok(())
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}
