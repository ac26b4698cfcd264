//! Values of timers as they are written: ISO 8601, cron, or FEEL.

use banyan_feel::{Scope, Type, compile_open};

/// Whether a text can be the value of that element (`timeDate`, `timeDuration`, `timeCycle`). FEEL that is but a name has to
/// be marked by a leading `=`: a word that is no duration is a mistake more often than a variable.
pub fn plausible(element: &str, value: &str) -> bool {
    let value = value.trim();
    value.starts_with('=') || literal(element, value) || is_feel(value)
}

/// Whether it is written out, in ISO 8601 or cron.
pub fn literal(element: &str, value: &str) -> bool {
    match element {
        "timeDate" => is_moment(value),
        "timeDuration" => is_duration(value),
        _ => is_cycle(value) || is_cron(value),
    }
}

fn is_feel(value: &str) -> bool {
    let word = value
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | ':' | ' '));
    !word && compile_open(value, &Scope::default(), &Type::Any).is_ok()
}

/// A date, or a date with a time, with or without a zone.
pub fn is_moment(value: &str) -> bool {
    value.parse::<jiff::Timestamp>().is_ok()
        || value.parse::<jiff::civil::DateTime>().is_ok()
        || value.parse::<jiff::civil::Date>().is_ok()
}

/// `P1Y2M3W4DT5H6M7.8S`, one of the parts at least.
pub fn is_duration(value: &str) -> bool {
    let Some(rest) = value.strip_prefix('P') else {
        return false;
    };
    let (date, time) = match rest.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (rest, None),
    };
    let date_parts = parts(date, "YMWD");
    match time {
        Some(time) => date_parts.is_some() && parts(time, "HMS").is_some_and(|count| count > 0),
        None => date_parts.is_some_and(|count| count > 0),
    }
}

/// How many parts there are, each a number and one of the letters, in their order.
fn parts(text: &str, letters: &str) -> Option<usize> {
    let (mut rest, mut count) = (text, 0);
    let mut letters = letters.chars();
    while !rest.is_empty() {
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ','))?;
        let (number, tail) = rest.split_at(end);
        let letter = tail.chars().next()?;
        let fraction = number.contains(['.', ',']);
        if number.is_empty() || number.starts_with(['.', ',']) || (fraction && letter != 'S') {
            return None;
        }
        letters.by_ref().find(|known| *known == letter)?;
        rest = tail.get(1..)?;
        count += 1;
    }
    Some(count)
}

/// `R3/PT1H`, `R/2026-01-01T00:00:00Z/P1D`, `R2/P1D/2026-01-01`.
pub fn is_cycle(value: &str) -> bool {
    let mut parts = value.split('/');
    let times = parts.next().and_then(|head| head.strip_prefix('R'));
    let rest: Vec<&str> = parts.collect();
    let good = match rest.as_slice() {
        [duration] => is_duration(duration),
        [first, second] => {
            (is_moment(first) && is_duration(second)) || (is_duration(first) && is_moment(second))
        }
        _ => false,
    };
    good && times.is_some_and(|times| times.chars().all(|c| c.is_ascii_digit()))
}

/// Five fields of cron, or six with seconds first; or `@daily` and its like.
pub fn is_cron(value: &str) -> bool {
    if matches!(
        value,
        "@yearly" | "@annually" | "@monthly" | "@weekly" | "@daily" | "@midnight" | "@hourly"
    ) {
        return true;
    }
    let fields: Vec<&str> = value.split_whitespace().collect();
    let good = |field: &&str| {
        field
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "*/,-?#".contains(c))
            && field
                .chars()
                .any(|c| c.is_ascii_digit() || "*?".contains(c) || field.len() >= 3)
    };
    matches!(fields.len(), 5 | 6)
        && fields.iter().all(good)
        && fields
            .iter()
            .any(|field| field.contains(|c: char| c.is_ascii_digit() || c == '*'))
}
