//! Filters as SQL. The one place where a reader's words become part of a statement: values are bound.

use banyan_base::{Problem, codes, timestamp_text};
use banyan_store::Value;

use super::cql2::{Expr, Literal, Op};
use crate::catalog::{Stored, TypeInfo};

/// A property as a filter or sort may name it.
pub struct Property {
    pub sql: String,
    pub stored: Stored,
    pub required: bool,
    is_moment: bool,
}

/// Finds a property; the refusal lists what there is.
pub fn property(info: &TypeInfo, name: &str) -> Result<Property, Problem> {
    let own = |sql: &str, is_moment| Property {
        sql: sql.into(),
        stored: Stored::Text,
        required: true,
        is_moment,
    };
    match name {
        "id" => return Ok(own("_id", false)),
        "state" if info.has_state() => return Ok(own("state", false)),
        "created_at" => return Ok(own("_created_at", true)),
        "updated_at" => return Ok(own("_updated_at", true)),
        "created_by" => return Ok(own("_created_by", false)),
        "updated_by" => return Ok(own("_updated_by", false)),
        "version" => {
            return Ok(Property {
                stored: Stored::Integer,
                ..own("_version", false)
            });
        }
        _ => {}
    }
    if let Some(column) = info.column(name) {
        let is_moment = matches!(column.field.kind, banyan_package::model::FieldKind::DateTime);
        let required = column.field.required && !info.conditions.iter().any(|(of, _)| of == name);
        return Ok(Property {
            sql: column.column.clone(),
            stored: column.stored,
            required,
            is_moment,
        });
    }
    let known: Vec<&str> = info.columns.iter().map(|column| column.name.as_str()).collect();
    let text = format!(
        "没有字段 {name}。可用的有:id、state、created_at、updated_at、{}",
        known.join("、")
    );
    Err(Problem::new(codes::BAD_FILTER, text))
}

fn bind(property: &Property, name: &str, literal: &Literal) -> Result<Value, Problem> {
    let refuse = |wanted: &str| {
        Err(Problem::new(
            codes::BAD_FILTER,
            format!("字段 {name} 应与{wanted}比较"),
        ))
    };
    match (property.stored, literal) {
        (Stored::Text | Stored::Json, Literal::Text(text)) if property.is_moment => {
            match text.parse::<jiff::Timestamp>() {
                Ok(moment) => Ok(Value::Text(timestamp_text(moment))),
                // A day stands for its first moment; text order does the rest.
                Err(_) => Ok(Value::Text(text.clone())),
            }
        }
        (Stored::Text | Stored::Json, Literal::Text(text)) => Ok(Value::Text(text.clone())),
        (Stored::Text | Stored::Json, _) => refuse("文本"),
        (Stored::Integer, Literal::Number(number)) if number.fract() == 0.0 && number.abs() < 9e15 => {
            Ok(Value::Int(*number as i64))
        }
        (Stored::Integer, Literal::Number(number)) => Ok(Value::Real(*number)),
        (Stored::Scaled(scale), Literal::Number(number)) => {
            let scaled = number * 10f64.powi(i32::from(scale));
            let whole = scaled.round();
            Ok(if (scaled - whole).abs() < 1e-9 && whole.abs() < 9e15 {
                Value::Int(whole as i64)
            } else {
                Value::Real(scaled)
            })
        }
        (Stored::Boolean, Literal::Boolean(value)) => Ok(Value::from(*value)),
        (Stored::Boolean, _) => refuse("TRUE 或 FALSE"),
        _ => refuse("数字"),
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

    fn typed(&mut self, column: &Property, value: Value) -> (String, String) {
        match value {
            // A fraction against whole numbers is compared as a fraction, in both databases.
            Value::Real(_) => {
                let mark = self.mark(value);
                (
                    format!("CAST({} AS DOUBLE PRECISION)", column.sql),
                    format!("CAST({mark} AS DOUBLE PRECISION)"),
                )
            }
            other => {
                let mark = self.mark(other);
                (column.sql.clone(), mark)
            }
        }
    }

    pub fn condition(&mut self, info: &TypeInfo, expr: &Expr) -> Result<String, Problem> {
        Ok(match expr {
            Expr::Constant(true) => "1 = 1".into(),
            Expr::Constant(false) => "1 = 0".into(),
            Expr::And(all) => self.joined(info, all, " AND ")?,
            Expr::Or(all) => self.joined(info, all, " OR ")?,
            Expr::Not(inner) => format!("NOT ({})", self.condition(info, inner)?),
            Expr::IsNull { property: name } => format!("{} IS NULL", property(info, name)?.sql),
            Expr::CompareProperties { left, op, right } => {
                let (left, right) = (property(info, left)?, property(info, right)?);
                if left.stored != right.stored {
                    return Err(Problem::new(codes::BAD_FILTER, "两个字段的类型不同,不能比较"));
                }
                format!("{} {} {}", left.sql, sign(*op), right.sql)
            }
            Expr::Compare {
                property: name,
                op,
                value,
                fold_case,
            } => {
                let column = property(info, name)?;
                let value = bind(&column, name, value)?;
                if *fold_case {
                    let mark = self.mark(value);
                    format!("lower({}) {} lower({mark})", column.sql, sign(*op))
                } else if column.stored == Stored::Json && *op == Op::Eq {
                    // One of several: the JSON list holds the text.
                    let text = value.as_text().unwrap_or("").to_owned();
                    self.like(
                        &column,
                        &format!("%{}%", escape(&serde_json::Value::String(text).to_string())),
                        false,
                    )
                } else {
                    let (left, right) = self.typed(&column, value);
                    format!("{left} {} {right}", sign(*op))
                }
            }
            Expr::Like {
                property: name,
                pattern,
                fold_case,
            } => {
                let column = property(info, name)?;
                if !matches!(column.stored, Stored::Text | Stored::Json) {
                    return Err(Problem::new(
                        codes::BAD_FILTER,
                        format!("LIKE 只用于文本,{name} 不是"),
                    ));
                }
                if pattern.matches('%').count() > 6 {
                    return Err(Problem::new(codes::BAD_FILTER, "LIKE 的模式里最多六个 %"));
                }
                self.like(&column, pattern, *fold_case)
            }
            Expr::Between {
                property: name,
                low,
                high,
            } => {
                let column = property(info, name)?;
                let (low, high) = (bind(&column, name, low)?, bind(&column, name, high)?);
                let (left, low) = self.typed(&column, low);
                let (again, high) = self.typed(&column, high);
                format!("({left} >= {low} AND {again} <= {high})")
            }
            Expr::In {
                property: name,
                values,
                fold_case,
            } => {
                let column = property(info, name)?;
                let mut marks = Vec::new();
                for value in values {
                    let value = bind(&column, name, value)?;
                    let mark = self.mark(value);
                    marks.push(if *fold_case {
                        format!("lower({mark})")
                    } else {
                        mark
                    });
                }
                let left = if *fold_case {
                    format!("lower({})", column.sql)
                } else {
                    column.sql
                };
                format!("{left} IN ({})", marks.join(", "))
            }
        })
    }

    fn like(&mut self, column: &Property, pattern: &str, fold_case: bool) -> String {
        let mark = self.mark(Value::Text(pattern.to_owned()));
        // SQLite's LIKE folds ASCII case; GLOB does not. Both sides lowered gives the same in both; unfolded, a plain
        // comparison of positions keeps case exact on SQLite.
        if fold_case {
            format!("lower({}) LIKE lower({mark}) ESCAPE '\\'", column.sql)
        } else {
            format!("{} LIKE {mark} ESCAPE '\\'", column.sql)
        }
    }

    fn joined(&mut self, info: &TypeInfo, all: &[Expr], word: &str) -> Result<String, Problem> {
        let parts = all
            .iter()
            .map(|expr| self.condition(info, expr))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(format!("({})", parts.join(word)))
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

fn sign(op: Op) -> &'static str {
    match op {
        Op::Eq => "=",
        Op::Ne => "<>",
        Op::Lt => "<",
        Op::Le => "<=",
        Op::Gt => ">",
        Op::Ge => ">=",
    }
}
