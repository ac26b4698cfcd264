//! Temporal predicates of CQL2 as comparisons of ends. Days are compared as days and moments as moments: among moments a
//! day is the interval from its first to its last millisecond, among days a moment is its day.

use banyan_base::{Problem, timestamp_text};
use banyan_store::Value;
use jiff::ToSpan;

use super::ast::{Given, Instant, Literal, Span, TemporalOp};
use super::sql::{Builder, Kind, day, day_of, named};
use crate::catalog::TypeInfo;

enum End {
    Column(String),
    Value(String),
    Past,
    Future,
}

/// Which of the two kinds the predicate is about; all properties in it must agree.
fn kind(info: &TypeInfo, spans: [&Span; 2]) -> Result<Kind, Problem> {
    let mut found = None;
    for span in spans {
        for end in [&span.start, &span.end] {
            let Instant::Property(name) = end else { continue };
            let property = named(info, name)?;
            property.open(name)?;
            let kind = property.kind;
            if !matches!(kind, Kind::Date | Kind::Moment) {
                return name.place.refuse(format!("字段 {} 不是日期或时间", name.name));
            }
            if found.is_some_and(|other| other != kind) {
                return name.place.refuse("日期字段与时间字段不能一起比较");
            }
            found = Some(kind);
        }
    }
    let [left, _] = spans;
    found.map_or_else(|| left.place.refuse("两边至少一边应是字段"), Ok)
}

fn literal(given: &Given, kind: Kind, last: bool) -> Result<String, Problem> {
    let wrong = |message: String| given.place.problem(message);
    Ok(match (&given.value, kind) {
        (Literal::Date(date), Kind::Date) => date.to_string(),
        (Literal::Moment(moment), Kind::Date) => day_of(*moment).to_string(),
        (Literal::Moment(moment), _) => timestamp_text(*moment),
        (Literal::Date(date), _) => {
            let (from, before) = day(*date).map_err(wrong)?;
            timestamp_text(if last { before - 1.millisecond() } else { from })
        }
        _ => return given.place.refuse("应是日期或时间"),
    })
}

/// One end of a span. Every mark that is made must stand in the text, so it is made where it is used.
fn end(builder: &mut Builder, info: &TypeInfo, kind: Kind, span: &Span, first: bool) -> Result<End, Problem> {
    Ok(match if first { &span.start } else { &span.end } {
        Instant::Property(name) => End::Column(named(info, name)?.sql),
        Instant::Given(given) => End::Value(builder.mark(Value::Text(literal(given, kind, !first)?))),
        Instant::Open if first => End::Past,
        Instant::Open => End::Future,
    })
}

/// One comparison; what is compared with the ends of time is known, unless there is no value.
fn compare(left: &End, sign: &str, right: &End) -> String {
    let rank = |end: &End| match end {
        End::Past => 0,
        End::Column(_) | End::Value(_) => 1,
        End::Future => 2,
    };
    match (left, right) {
        (End::Column(a) | End::Value(a), End::Column(b) | End::Value(b)) => format!("{a} {sign} {b}"),
        _ => {
            let order = rank(left).cmp(&rank(right));
            let holds = match sign {
                "<" => order.is_lt(),
                "<=" => order.is_le(),
                ">" => order.is_gt(),
                ">=" => order.is_ge(),
                _ => order.is_eq(),
            };
            match (left, right) {
                (End::Column(a), _) | (_, End::Column(a)) => {
                    format!("{a} {} {a}", if holds { "=" } else { "<>" })
                }
                _ => format!("1 = {}", u8::from(holds)),
            }
        }
    }
}

/// The condition of a temporal predicate.
pub fn condition(
    builder: &mut Builder,
    info: &TypeInfo,
    op: TemporalOp,
    left: &Span,
    right: &Span,
) -> Result<String, Problem> {
    let kind = kind(info, [left, right])?;
    for span in [left, right] {
        if let (Instant::Given(start), Instant::Given(end)) = (&span.start, &span.end)
            && literal(start, kind, false)? > literal(end, kind, true)?
        {
            return span.place.refuse("时间段的开始晚于结束");
        }
    }
    let parts: &[(bool, &str, bool)] = match op {
        TemporalOp::After => &[(true, ">", false)],
        TemporalOp::Before => &[(false, "<", true)],
        TemporalOp::Contains => &[(true, "<", true), (false, ">", false)],
        TemporalOp::During => &[(true, ">", true), (false, "<", false)],
        TemporalOp::Equals => &[(true, "=", true), (false, "=", false)],
        TemporalOp::Finishes => &[(true, ">", true), (false, "=", false)],
        TemporalOp::FinishedBy => &[(true, "<", true), (false, "=", false)],
        TemporalOp::Starts => &[(true, "=", true), (false, "<", false)],
        TemporalOp::StartedBy => &[(true, "=", true), (false, ">", false)],
        TemporalOp::Meets => &[(false, "=", true)],
        TemporalOp::MetBy => &[(true, "=", false)],
        TemporalOp::Overlaps => &[(true, "<", true), (false, ">", true), (false, "<", false)],
        TemporalOp::OverlappedBy => &[(true, ">", true), (true, "<", false), (false, ">", false)],
        TemporalOp::Intersects | TemporalOp::Disjoint => &[(true, "<=", false), (false, ">=", true)],
    };
    let mut conditions = Vec::new();
    for (left_start, sign, right_start) in parts {
        let a = end(builder, info, kind, left, *left_start)?;
        let b = end(builder, info, kind, right, *right_start)?;
        conditions.push(compare(&a, sign, &b));
    }
    let whole = format!("({})", conditions.join(" AND "));
    Ok(if op == TemporalOp::Disjoint {
        format!("NOT {whole}")
    } else {
        whole
    })
}
