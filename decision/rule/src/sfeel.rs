//! Unary tests of S-FEEL as data: what the checks sweep over and what is compiled to columns. Anything else is `Other`.
//!
//! Every ordered value is a whole number: numbers in trillionths, dates in days, moments and durations in nanoseconds or
//! months. What does not fit exactly is `Other` too.

use dsntk_feel::values::Value;
use dsntk_feel::{FeelScope, IntervalType};
use dsntk_feel_parser::AstNode;
use dsntk_feel_temporal::{FeelDate, FeelZone};
use serde_json::Value as Json;

/// Numbers count in this part of one.
pub const PART: i128 = 1_000_000_000_000;
/// The same as a number of decimals.
pub const DECIMALS: usize = 12;
/// Greatest number that is kept, in parts: well within the 34 digits of FEEL, so that comparisons are exact.
const MOST: i128 = 1_000_000_000_000_000_000_000_000_000_000;

/// What kind of value a test is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    Number,
    Text,
    Boolean,
    Date,
    DateTime,
    DayTime,
    YearMonth,
}

impl Class {
    pub fn name(self) -> &'static str {
        match self {
            Class::Number => "number",
            Class::Text => "string",
            Class::Boolean => "boolean",
            Class::Date => "date",
            Class::DateTime => "date and time",
            Class::DayTime => "days and time duration",
            Class::YearMonth => "years and months duration",
        }
    }
}

/// An end of a span, and whether it belongs to it; none: without end.
pub type End = Option<(i128, bool)>;

/// One alternative of a test.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    Span(Class, End, End),
    Text(String),
    Boolean(bool),
    Null,
}

impl Piece {
    pub fn class(&self) -> Option<Class> {
        match self {
            Piece::Span(class, ..) => Some(*class),
            Piece::Text(_) => Some(Class::Text),
            Piece::Boolean(_) => Some(Class::Boolean),
            Piece::Null => None,
        }
    }

    pub fn holds(&self, at: i128) -> bool {
        match self {
            Piece::Span(_, low, high) => {
                low.is_none_or(|(end, closed)| at > end || (closed && at == end))
                    && high.is_none_or(|(end, closed)| at < end || (closed && at == end))
            }
            _ => false,
        }
    }
}

/// A cell of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// `-`
    Any,
    In(Vec<Piece>),
    /// `not(…)`: true for everything else, null and other types too.
    Not(Vec<Piece>),
    /// `!= x`: true for others of the same type.
    Unequal(Piece),
    /// Not S-FEEL, or not exact here.
    Other,
}

/// A value as a number that orders as it does.
pub fn key(value: &Value) -> Option<(Class, i128)> {
    Some(match value {
        Value::Number(number) => (Class::Number, parts(&number.to_string())?),
        Value::Date(date) => (Class::Date, i128::from(days(date))),
        Value::DateTime(moment) => {
            if matches!(moment.time().zone(), FeelZone::Local) {
                return None;
            }
            let offset = i128::from(moment.feel_time_offset()?);
            let time = moment.time();
            let seconds = i128::from(days(&moment.date())) * 86_400
                + i128::from(time.hour()) * 3_600
                + i128::from(time.minute()) * 60
                + i128::from(time.second())
                - offset;
            (
                Class::DateTime,
                seconds * 1_000_000_000 + i128::from(time.nanos()),
            )
        }
        Value::DaysAndTimeDuration(duration) => (Class::DayTime, i128::from(duration.as_nanos())),
        Value::YearsAndMonthsDuration(duration) => (Class::YearMonth, i128::from(duration.as_months())),
        _ => return None,
    })
}

/// Decimal digits in trillionths, where that is exact.
pub fn parts(text: &str) -> Option<i128> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > DECIMALS || whole.len() > 20 {
        return None;
    }
    let whole: i128 = whole.parse().ok()?;
    let padded = format!("{fraction:0<DECIMALS$}");
    let rest: i128 = padded.parse().ok()?;
    let value = whole * PART + rest;
    (value < MOST).then_some(if negative { -value } else { value })
}

/// Days since 1970.
pub fn days(date: &FeelDate) -> i64 {
    let (year, month, day) = date.as_tuple();
    days_of(i64::from(year), i64::from(month), i64::from(day))
}

/// Days since 1970 of a day of the proleptic Gregorian calendar: years that begin in March, in eras of 400.
pub fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// A value whose expression names nothing but literals.
pub fn constant(node: &AstNode) -> Option<Value> {
    fn plain(node: &AstNode) -> bool {
        match node {
            AstNode::Numeric(..)
            | AstNode::String(_)
            | AstNode::Boolean(_)
            | AstNode::Null
            | AstNode::At(_) => true,
            AstNode::Neg(inner) => plain(inner),
            AstNode::FunctionInvocation(callee, arguments) => {
                let named = matches!(&**callee, AstNode::Name(name)
                    if matches!(name.to_string().as_str(), "date" | "date and time" | "duration"));
                named
                    && matches!(&**arguments, AstNode::PositionalParameters(items) if items.iter().all(plain))
            }
            _ => false,
        }
    }
    if !plain(node) {
        return None;
    }
    let value = crate::worker::inline(|| dsntk_feel_evaluator::evaluate(&FeelScope::default(), node)).ok()?;
    (!matches!(value, Value::Null(Some(_)))).then_some(value)
}

fn point(node: &AstNode) -> Option<Piece> {
    match constant(node)? {
        Value::String(text) => Some(Piece::Text(text)),
        Value::Boolean(value) => Some(Piece::Boolean(value)),
        Value::Null(_) => Some(Piece::Null),
        value => {
            let (class, at) = key(&value)?;
            Some(Piece::Span(class, Some((at, true)), Some((at, true))))
        }
    }
}

fn ordered(node: &AstNode) -> Option<(Class, i128)> {
    key(&constant(node)?)
}

fn piece(node: &AstNode) -> Option<Piece> {
    let span = |inner: &AstNode, low: Option<bool>, high: Option<bool>| {
        let (class, at) = ordered(inner)?;
        Some(Piece::Span(
            class,
            low.map(|closed| (at, closed)),
            high.map(|closed| (at, closed)),
        ))
    };
    match node {
        AstNode::UnaryLt(inner) => span(inner, None, Some(false)),
        AstNode::UnaryLe(inner) => span(inner, None, Some(true)),
        AstNode::UnaryGt(inner) => span(inner, Some(false), None),
        AstNode::UnaryGe(inner) => span(inner, Some(true), None),
        AstNode::UnaryEq(inner) => point(inner),
        AstNode::Range(start, end) => {
            let (AstNode::IntervalStart(start, left), AstNode::IntervalEnd(end, right)) = (&**start, &**end)
            else {
                return None;
            };
            let (class, low) = ordered(start)?;
            let (other, high) = ordered(end)?;
            let closed = |kind: &IntervalType| kind.closed();
            (class == other).then_some(Piece::Span(
                class,
                Some((low, closed(left))),
                Some((high, closed(right))),
            ))
        }
        node => point(node),
    }
}

/// Reads parsed unary tests.
pub fn test(node: &AstNode) -> Test {
    match node {
        AstNode::Irrelevant => Test::Any,
        AstNode::ExpressionList(items) => {
            if let [AstNode::UnaryNe(inner)] = items.as_slice() {
                return match point(inner) {
                    Some(Piece::Null) | None => Test::Other,
                    Some(piece) => Test::Unequal(piece),
                };
            }
            let pieces: Option<Vec<Piece>> = items.iter().map(piece).collect();
            pieces.map_or(Test::Other, Test::In)
        }
        // `= x` within `not` is not what it says to the engine.
        AstNode::NegatedList(items) if !items.iter().any(|item| matches!(item, AstNode::UnaryEq(_))) => {
            let pieces: Option<Vec<Piece>> = items.iter().map(piece).collect();
            pieces.map_or(Test::Other, Test::Not)
        }
        _ => Test::Other,
    }
}

/// Reads the text of a cell.
pub fn read(text: &str) -> Test {
    let scope = FeelScope::default();
    let parsed = crate::worker::inline(|| dsntk_feel_parser::parse_unary_tests(&scope, text.trim(), false));
    match parsed {
        Ok(Ok(node)) => test(&node),
        _ => Test::Other,
    }
}

impl Test {
    pub fn pieces(&self) -> &[Piece] {
        match self {
            Test::In(pieces) | Test::Not(pieces) => pieces,
            Test::Unequal(piece) => std::slice::from_ref(piece),
            Test::Any | Test::Other => &[],
        }
    }

    /// Whether a value at this place of its class passes.
    pub fn passes_ordered(&self, class: Class, at: i128) -> bool {
        let within = |pieces: &[Piece]| {
            pieces
                .iter()
                .any(|piece| piece.class() == Some(class) && piece.holds(at))
        };
        match self {
            Test::Any => true,
            Test::In(pieces) => within(pieces),
            Test::Not(pieces) => !within(pieces),
            Test::Unequal(piece) => piece.class() == Some(class) && !piece.holds(at),
            Test::Other => false,
        }
    }

    pub fn passes_text(&self, text: &str) -> bool {
        let within = |pieces: &[Piece]| {
            pieces
                .iter()
                .any(|piece| matches!(piece, Piece::Text(own) if own == text))
        };
        match self {
            Test::Any => true,
            Test::In(pieces) => within(pieces),
            Test::Not(pieces) => !within(pieces),
            Test::Unequal(Piece::Text(own)) => own != text,
            Test::Unequal(_) | Test::Other => false,
        }
    }

    pub fn passes_boolean(&self, value: bool) -> bool {
        let within = |pieces: &[Piece]| pieces.contains(&Piece::Boolean(value));
        match self {
            Test::Any => true,
            Test::In(pieces) => within(pieces),
            Test::Not(pieces) => !within(pieces),
            Test::Unequal(Piece::Boolean(own)) => *own != value,
            Test::Unequal(_) | Test::Other => false,
        }
    }

    pub fn passes_null(&self) -> bool {
        match self {
            Test::Any => true,
            Test::In(pieces) => pieces.contains(&Piece::Null),
            Test::Not(pieces) => !pieces.contains(&Piece::Null),
            Test::Unequal(_) | Test::Other => false,
        }
    }
}

/// A place of a class as JSON, for examples.
pub fn shown(class: Class, at: i128) -> Json {
    match class {
        Class::Number => {
            let (whole, rest) = (at.div_euclid(PART), at.rem_euclid(PART));
            match i64::try_from(whole) {
                Ok(whole) if rest == 0 => Json::from(whole),
                _ => number(at),
            }
        }
        Class::Date => {
            let day = i64::try_from(at).ok().and_then(|days| {
                let span = jiff::Span::new().try_days(days).ok()?;
                jiff::civil::date(1970, 1, 1).checked_add(span).ok()
            });
            day.map_or(Json::Null, |day| Json::String(day.to_string()))
        }
        Class::DateTime => {
            jiff::Timestamp::from_nanosecond(at).map_or(Json::Null, |moment| Json::String(moment.to_string()))
        }
        Class::DayTime => Json::String(format!("PT{}S", at / 1_000_000_000)),
        Class::YearMonth => Json::String(format!("P{at}M")),
        Class::Text | Class::Boolean => Json::Null,
    }
}

fn number(at: i128) -> Json {
    let sign = if at < 0 { "-" } else { "" };
    let (whole, rest) = (at.abs() / PART, at.abs() % PART);
    let text = format!("{sign}{whole}.{rest:012}");
    text.parse::<f64>()
        .ok()
        .and_then(serde_json::Number::from_f64)
        .map_or(Json::Null, Json::Number)
}
