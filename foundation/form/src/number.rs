//! Decimal numbers as they are written, without binary rounding.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::Value as Json;

/// Significant digits that are kept exactly.
pub(crate) const MOST_DIGITS: usize = 28;

/// A number as a person or a program writes it: `-12`, `12.50`, `.5`, `5.`, `1e3`. None where it is none, or too long.
pub(crate) fn parse(text: &str) -> Option<Decimal> {
    let (text, negative) = match text.strip_prefix('-') {
        Some(rest) => (rest, true),
        None => (text.strip_prefix('+').unwrap_or(text), false),
    };
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !plain(whole) || !plain(fraction) {
        return None;
    }
    let all = format!("{whole}{fraction}");
    let digits = all.trim_start_matches('0');
    // The digit after which the point stands, counted from the end.
    let mut scale = i64::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    let mut digits = digits.to_owned();
    while scale > 0 && digits.ends_with('0') && exponent != 0 {
        digits.pop();
        scale -= 1;
    }
    if digits.is_empty() {
        return Some(Decimal::ZERO);
    }
    if digits.len() > MOST_DIGITS || !(-28..=28).contains(&scale) {
        return None;
    }
    if scale < 0 {
        digits.extend(std::iter::repeat_n('0', usize::try_from(-scale).ok()?));
        scale = 0;
    }
    let value: i128 = digits.parse().ok()?;
    let value = if negative { -value } else { value };
    Decimal::try_from_i128_with_scale(value, u32::try_from(scale).ok()?).ok()
}

/// The number that a JSON value is: a number, or its digits as text.
pub(crate) fn of(json: &Json) -> Option<Decimal> {
    match json {
        Json::Number(number) => parse(&number.to_string()),
        Json::String(text) => parse(text),
        _ => None,
    }
}

/// Digits after the point that are needed.
pub(crate) fn decimals(value: Decimal) -> u32 {
    value.normalize().scale()
}

/// A whole number that counts something.
pub(crate) fn count(value: Decimal) -> Option<usize> {
    value.is_integer().then(|| value.to_usize()).flatten()
}

/// Equality of JSON values in which `1` and `1.0` are the same.
pub(crate) fn same(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(x), Json::Number(y)) => {
            x == y || matches!((parse(&x.to_string()), parse(&y.to_string())), (Some(x), Some(y)) if x == y)
        }
        (Json::Array(x), Json::Array(y)) => x.len() == y.len() && x.iter().zip(y).all(|(a, b)| same(a, b)),
        (Json::Object(x), Json::Object(y)) => {
            x.len() == y.len() && x.iter().all(|(name, a)| y.get(name).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}
