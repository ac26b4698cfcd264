//! Clocks: dates, durations, repetitions and cron lines, counted in the platform's zone, in working days where asked for.

use banyan_base::{Ctx, ZONE};
use jiff::civil::{Date, DateTime};
use jiff::{Span, Timestamp, ToSpan};

use crate::bpmn::model::TimerKind;
use crate::engine::host::Host;
use crate::engine::state::{Again, Clock};

/// The text, where it is a date, duration, repetition or cron line itself and no FEEL.
pub fn literal(text: &str) -> Option<&str> {
    let text = text.trim();
    let is = !text.starts_with('=')
        && (span(text).is_some()
            || date(text).is_some()
            || repetition(text).is_some()
            || Cron::parse(text).is_some());
    is.then_some(text)
}

fn span(text: &str) -> Option<Span> {
    text.starts_with('P').then(|| text.parse().ok()).flatten()
}

/// A moment: with an offset, or of the platform's zone; a day is its beginning.
fn date(text: &str) -> Option<Timestamp> {
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment);
    }
    let civil = text
        .parse::<DateTime>()
        .ok()
        .or_else(|| text.parse::<Date>().ok().map(|day| day.at(0, 0, 0, 0)))?;
    ZONE.to_timestamp(civil).ok()
}

/// `R[n]/[start/]duration`: how often, none: without end; from when; how long between.
fn repetition(text: &str) -> Option<(Option<u32>, Option<Timestamp>, &str)> {
    let mut parts = text.strip_prefix('R')?.split('/');
    let count = parts.next()?;
    let times = if count.is_empty() {
        None
    } else {
        Some(count.parse().ok()?)
    };
    let (first, second) = (parts.next()?, parts.next());
    if parts.next().is_some() {
        return None;
    }
    match second {
        None => span(first).map(|_| (times, None, first)),
        Some(every) => {
            span(every)?;
            Some((times, Some(date(first)?), every))
        }
    }
}

/// So long after a moment. Of a duration in working days, days end with the last of them.
fn after(from: Timestamp, length: Span, working: bool, host: &mut dyn Host) -> Result<Timestamp, String> {
    let start = ZONE.to_datetime(from);
    let late = |error: jiff::Error| format!("时长超出日历的范围:{error}");
    let days = i64::from(length.get_days()) + 7 * i64::from(length.get_weeks());
    if working && days > 0 {
        let last = host.working_day(start.date(), days)?;
        let rest = Span::new()
            .hours(length.get_hours())
            .minutes(length.get_minutes())
            .seconds(length.get_seconds());
        let end = last
            .tomorrow()
            .and_then(|next| next.at(0, 0, 0, 0).checked_add(rest))
            .map_err(late)?;
        return ZONE.to_timestamp(end).map_err(late);
    }
    let end = start.checked_add(length).map_err(late)?;
    ZONE.to_timestamp(end).map_err(late)
}

/// A moment given as such, or as a duration from now.
///
/// # Errors
/// Where it is neither.
pub fn moment(cx: &Ctx, text: &str, working: bool, host: &mut dyn Host) -> Result<Timestamp, String> {
    let text = text.trim();
    if let Some(length) = span(text) {
        return after(cx.now, length, working, host);
    }
    date(text).ok_or_else(|| format!("“{text}”不是时刻,也不是 ISO 8601 时长"))
}

/// The clock that a timer's text means, wound now.
///
/// # Errors
/// Where the text is none.
pub fn clock(
    cx: &Ctx,
    kind: TimerKind,
    text: &str,
    working: bool,
    host: &mut dyn Host,
) -> Result<Clock, String> {
    let text = text.trim();
    if kind != TimerKind::Cycle {
        return Ok(Clock {
            due: Some(moment(cx, text, working, host)?),
            left: None,
            again: None,
        });
    }
    if let Some((times, start, every)) = repetition(text) {
        let length = span(every).ok_or_else(|| format!("“{every}”不是时长"))?;
        if length.is_zero() || length.is_negative() {
            return Err(format!("周期“{text}”的间隔应大于 0"));
        }
        let due = match start {
            Some(start) => start,
            None => after(cx.now, length, working, host)?,
        };
        return Ok(Clock {
            due: Some(due),
            left: None,
            again: (times != Some(1) && times != Some(0)).then(|| Again {
                times: times.map(|times| times - 1),
                every: every.to_owned(),
            }),
        });
    }
    if let Some(length) = span(text) {
        return Ok(Clock {
            due: Some(after(cx.now, length, working, host)?),
            left: None,
            again: None,
        });
    }
    let cron = Cron::parse(text).ok_or_else(|| format!("“{text}”不是周期,也不是 cron 表达式"))?;
    let due = cron
        .next(cx.now)
        .ok_or_else(|| format!("cron 表达式“{text}”永远不会到时"))?;
    Ok(Clock {
        due: Some(due),
        left: None,
        again: Some(Again {
            times: None,
            every: text.to_owned(),
        }),
    })
}

/// The clock wound on after it rang; none: it rang for the last time.
pub fn next(clock: &Clock, now: Timestamp) -> Option<Clock> {
    let again = clock.again.as_ref()?;
    let due = clock.due.unwrap_or(now);
    let next = match span(&again.every) {
        // From the moment it was due, so that it does not drift.
        Some(length) => {
            let after = ZONE.to_datetime(due).checked_add(length).ok()?;
            ZONE.to_timestamp(after).ok()?
        }
        None => Cron::parse(&again.every)?.next(now.max(due))?,
    };
    let times = again.times;
    Some(Clock {
        due: Some(next),
        left: None,
        again: (times != Some(1)).then(|| Again {
            times: times.map(|times| times - 1),
            every: again.every.clone(),
        }),
    })
}

/// A cron line: minute, hour, day of the month, month, day of the week; with six fields the first is the second. Minutes
/// matter; where both days are given, one of them is enough.
pub struct Cron {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether days of the month, and of the week, are given.
    given: (bool, bool),
}

impl Cron {
    pub fn parse(text: &str) -> Option<Cron> {
        let mut fields: Vec<&str> = text.split_whitespace().collect();
        if fields.len() == 6 {
            fields.remove(0);
        }
        let [minutes, hours, days, months, weekdays] = fields.as_slice() else {
            return None;
        };
        let sundays = set(weekdays, 0, 7)?;
        Some(Cron {
            minutes: set(minutes, 0, 59)?,
            hours: set(hours, 0, 23)?,
            days: set(days, 1, 31)?,
            months: set(months, 1, 12)?,
            // Sunday is 0 and 7.
            weekdays: (sundays | (sundays >> 7)) & 0x7f,
            given: (!matches!(*days, "*" | "?"), !matches!(*weekdays, "*" | "?")),
        })
    }

    fn day_fits(&self, day: Date) -> bool {
        let of_month = self.days & (1 << day.day()) != 0;
        let of_week = self.weekdays & (1 << day.weekday().to_sunday_zero_offset()) != 0;
        let fits = match self.given {
            (true, true) => of_month || of_week,
            (true, false) => of_month,
            (false, true) => of_week,
            (false, false) => true,
        };
        fits && self.months & (1 << day.month()) != 0
    }

    /// The next moment after `from`; none within eight years (a 29 February may be so far).
    pub fn next(&self, from: Timestamp) -> Option<Timestamp> {
        let start = ZONE.to_datetime(from).checked_add(1.minute()).ok()?;
        let mut day = start.date();
        let mut floor = i64::from(start.hour()) * 60 + i64::from(start.minute());
        for _ in 0..366 * 8 {
            if self.day_fits(day) {
                for minute in floor..24 * 60 {
                    let (hour, minute) = (minute / 60, minute % 60);
                    if self.hours & (1 << hour) != 0 && self.minutes & (1 << minute) != 0 {
                        let time = day.at(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0);
                        return ZONE.to_timestamp(time).ok();
                    }
                }
            }
            day = day.tomorrow().ok()?;
            floor = 0;
        }
        None
    }
}

/// A field's numbers as bits: `*`, `?`, `a`, `a-b`, `*/n`, `a/n`, `a-b/n`, and lists of them.
fn set(field: &str, low: u32, high: u32) -> Option<u64> {
    let mut bits = 0_u64;
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse().ok().filter(|step| *step > 0)?),
            None => (part, 1),
        };
        let (from, to) = match range {
            "*" | "?" => (low, high),
            _ => match range.split_once('-') {
                Some((from, to)) => (from.parse().ok()?, to.parse().ok()?),
                None => {
                    let one: u32 = range.parse().ok()?;
                    (one, if part.contains('/') { high } else { one })
                }
            },
        };
        if from < low || to > high || from > to {
            return None;
        }
        let mut at = from;
        while at <= to {
            bits |= 1 << at;
            at += step;
        }
    }
    Some(bits)
}
