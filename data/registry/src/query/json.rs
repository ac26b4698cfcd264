//! CQL2 JSON (OGC 21-065r2) to the same filters as CQL2 text.

use banyan_base::Problem;
use geo::Geometry;
use serde_json::Value as Json;

use super::ast::{
    self, Expr, Given, Instant, Literal, MAX_DEPTH, MAX_LENGTH, MAX_LIST, MAX_NODES, Name, Op, Place, Side,
    Span, SpatialOp, TemporalOp, compare, date, instant, moment,
};
use super::shape;

/// Parses a filter.
///
/// # Errors
/// `BAD_FILTER` naming the place.
pub fn parse(text: &str) -> Result<Expr, Problem> {
    let root = Place::Json(String::new());
    if text.len() > MAX_LENGTH {
        return root.refuse(format!("长度超过 {MAX_LENGTH} 字节"));
    }
    // The parser itself stops at 128 levels.
    let json: Json = serde_json::from_str(text)
        .map_err(|error| root.problem(format!("不是有效的 JSON(第 {} 列)", error.column())))?;
    let mut nodes = 0;
    expression(
        &At {
            json: &json,
            pointer: String::new(),
        },
        0,
        &mut nodes,
    )
}

/// A value and where it stands.
struct At<'a> {
    json: &'a Json,
    pointer: String,
}

impl<'a> At<'a> {
    fn place(&self) -> Place {
        Place::Json(self.pointer.clone())
    }

    fn refuse<T>(&self, message: impl std::fmt::Display) -> Result<T, Problem> {
        self.place().refuse(message)
    }

    fn member(&self, name: &str) -> Option<At<'a>> {
        Some(At {
            json: self.json.get(name)?,
            pointer: format!("{}/{name}", self.pointer),
        })
    }

    fn items(&self) -> Option<Vec<At<'a>>> {
        let items = self.json.as_array()?.iter().enumerate();
        Some(
            items
                .map(|(index, json)| At {
                    json,
                    pointer: format!("{}/{index}", self.pointer),
                })
                .collect(),
        )
    }

    /// Operator and arguments, where it is an operation.
    fn operation(&self) -> Result<Option<(String, Vec<At<'a>>)>, Problem> {
        let Some(op) = self.member("op") else {
            return Ok(None);
        };
        let Some(name) = op.json.as_str() else {
            return op.refuse("op 应是文本");
        };
        let Some(args) = self.member("args").and_then(|args| args.items()) else {
            return self.refuse("应有 args,是一个列表");
        };
        Ok(Some((name.to_owned(), args)))
    }
}

fn count<'a, 'b, const N: usize>(
    at: &At<'_>,
    op: &str,
    args: &'b [At<'a>],
) -> Result<&'b [At<'a>; N], Problem> {
    args.try_into()
        .map_err(|_| at.place().problem(format!("{op} 应有 {N} 个参数")))
}

fn expression(at: &At<'_>, depth: usize, nodes: &mut usize) -> Result<Expr, Problem> {
    *nodes += 1;
    if depth > MAX_DEPTH {
        return at.refuse(format!("嵌套超过 {MAX_DEPTH} 层"));
    }
    if *nodes > MAX_NODES {
        return at.refuse(format!("条件超过 {MAX_NODES} 个"));
    }
    if let Json::Bool(value) = at.json {
        return Ok(Expr::Constant(*value));
    }
    let Some((op, args)) = at.operation()? else {
        return at.refuse("这里应是条件:{\"op\": …, \"args\": […]},或 true、false");
    };
    if let Some((_, op)) = Op::ALL.into_iter().find(|(sign, _)| *sign == op) {
        let [left, right] = count(at, op.sign(), &args)?;
        return compare(side(left, 0)?, op, side(right, 0)?);
    }
    if let Some(spatial) = SpatialOp::parse(&op) {
        let [left, right] = count(at, &op, &args)?;
        return ast::spatial(spatial, geometry(left)?, geometry(right)?, &at.place());
    }
    if let Some(temporal) = TemporalOp::parse(&op) {
        let [left, right] = count(at, &op, &args)?;
        return Ok(Expr::Temporal {
            op: temporal,
            left: span(left)?,
            right: span(right)?,
        });
    }
    let mut all = || {
        if args.is_empty() {
            return at.refuse(format!("{op} 应有参数"));
        }
        args.iter()
            .map(|arg| expression(arg, depth + 1, nodes))
            .collect::<Result<Vec<_>, _>>()
    };
    match op.as_str() {
        "and" => Ok(Expr::And(all()?)),
        "or" => Ok(Expr::Or(all()?)),
        "not" => {
            let [inner] = count(at, &op, &args)?;
            Ok(Expr::Not(Box::new(expression(inner, depth + 1, nodes)?)))
        }
        "isNull" => {
            let [inner] = count(at, &op, &args)?;
            Ok(Expr::IsNull {
                property: name(inner)?.0,
            })
        }
        "like" => {
            let [property, pattern] = count(at, &op, &args)?;
            let (property, fold_case) = name(property)?;
            match side(pattern, 0)? {
                Side::Given(
                    Given {
                        value: Literal::Text(pattern),
                        place,
                    },
                    _,
                ) => Ok(Expr::Like {
                    property,
                    pattern,
                    fold_case,
                    place,
                }),
                other => other.place().refuse("like 的模式应是文本"),
            }
        }
        "between" => {
            let [property, low, high] = count(at, &op, &args)?;
            Ok(Expr::Between {
                property: name(property)?.0,
                low: given(low)?,
                high: given(high)?,
            })
        }
        "in" => {
            let [property, list] = count(at, &op, &args)?;
            let (property, fold_case) = name(property)?;
            let Some(items) = list.items() else {
                return list.refuse("in 的第二个参数应是列表");
            };
            if items.is_empty() || items.len() > MAX_LIST {
                return list.refuse(format!("列表应有 1 到 {MAX_LIST} 个值"));
            }
            Ok(Expr::In {
                property,
                values: items.iter().map(given).collect::<Result<_, _>>()?,
                fold_case,
            })
        }
        other => at.refuse(format!("没有运算 {}", other.escape_debug())),
    }
}

/// A property, alone or in casei.
fn name(at: &At<'_>) -> Result<(Name, bool), Problem> {
    match side(at, 0)? {
        Side::Property(name, fold_case) => Ok((name, fold_case)),
        Side::Given(..) => at.refuse("这里应是字段:{\"property\": …}"),
    }
}

fn given(at: &At<'_>) -> Result<Given, Problem> {
    match side(at, 0)? {
        Side::Given(given, _) => Ok(given),
        Side::Property(..) => at.refuse("这里应是一个值"),
    }
}

fn side(at: &At<'_>, depth: usize) -> Result<Side, Problem> {
    let value = match at.json {
        Json::String(text) => Literal::Text(text.clone()),
        Json::Number(number) => match number.as_f64() {
            Some(number) => Literal::Number(number),
            None => return at.refuse("数字超出范围"),
        },
        Json::Bool(value) => Literal::Boolean(*value),
        Json::Object(_) => return object(at, depth),
        Json::Array(_) | Json::Null => return at.refuse("这里应是字段或一个值"),
    };
    Ok(Side::Given(
        Given {
            value,
            place: at.place(),
        },
        false,
    ))
}

fn object(at: &At<'_>, depth: usize) -> Result<Side, Problem> {
    if let Some(property) = at.member("property") {
        return match property.json.as_str() {
            Some(name) => Ok(Side::Property(
                Name {
                    name: name.to_owned(),
                    place: at.place(),
                },
                false,
            )),
            None => property.refuse("property 应是文本"),
        };
    }
    for (member, read) in [("date", date as fn(&str, &Place) -> _), ("timestamp", moment)] {
        if let Some(found) = at.member(member) {
            let Some(text) = found.json.as_str() else {
                return found.refuse(format!("{member} 应是文本"));
            };
            let place = found.place();
            return Ok(Side::Given(
                Given {
                    value: read(text, &place)?,
                    place,
                },
                false,
            ));
        }
    }
    match at.operation()? {
        Some((op, args)) if op.eq_ignore_ascii_case("casei") => {
            let [inner] = count(at, &op, &args)?;
            if depth > 3 {
                return at.refuse("casei 嵌套过深");
            }
            Ok(match side(inner, depth + 1)? {
                Side::Property(name, _) => Side::Property(name, true),
                Side::Given(
                    given @ Given {
                        value: Literal::Text(_),
                        ..
                    },
                    _,
                ) => Side::Given(given, true),
                Side::Given(..) => return at.refuse("casei 里应是字段或文本"),
            })
        }
        Some((op, _)) => at.refuse(format!("没有函数 {}", op.escape_debug())),
        None => at.refuse("这里应是字段或一个值"),
    }
}

fn span(at: &At<'_>) -> Result<Span, Problem> {
    if let Some(interval) = at.member("interval") {
        let Some(items) = interval.items() else {
            return interval.refuse("interval 应是两个值的列表");
        };
        let [start, end] = count(&interval, "interval", &items)?;
        return Ok(Span {
            start: end_of(start)?,
            end: end_of(end)?,
            place: at.place(),
        });
    }
    Ok(Span::instant(end_of(at)?, at.place()))
}

fn end_of(at: &At<'_>) -> Result<Instant, Problem> {
    match side(at, 0)? {
        Side::Property(name, false) => Ok(Instant::Property(name)),
        Side::Given(
            Given {
                value: Literal::Text(text),
                place,
            },
            false,
        ) => instant(&text, &place),
        Side::Given(given, false) if matches!(given.value, Literal::Date(_) | Literal::Moment(_)) => {
            Ok(Instant::Given(given))
        }
        _ => at.refuse("这里应是日期、时间或字段"),
    }
}

fn geometry(at: &At<'_>) -> Result<Result<Geometry<f64>, Name>, Problem> {
    if let Some(name) = at.json.get("property").and_then(Json::as_str) {
        return Ok(Err(Name {
            name: name.to_owned(),
            place: at.place(),
        }));
    }
    let made = match at.json.get("bbox").and_then(Json::as_array) {
        Some(numbers) if at.json.get("type").is_none() => {
            let numbers: Option<Vec<f64>> = numbers.iter().map(Json::as_f64).collect();
            shape::bbox(&numbers.unwrap_or_default())
        }
        _ => shape::from_json(at.json),
    };
    made.map(Ok).map_err(|message| at.place().problem(message))
}
