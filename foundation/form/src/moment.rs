//! Dates and times as form-js writes them: `2024-03-01`, `09:30`, `09:30+08:00`, `09:30Z`, `2024-03-01T09:30+08:00`.

use banyan_base::ZONE;
use jiff::civil;
use jiff::tz::Offset;

/// What a date-time component asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Date,
    Time,
    DateTime,
}

/// How a time says its zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// `+08:00` (`utc_offset`).
    Offset,
    /// `Z` (`utc_normalized`).
    Utc,
    /// Not at all (`no_timezone`).
    None,
    /// The form does not tell.
    Any,
}

/// A value that was read. Times without a zone are of here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Moment {
    Date(civil::Date),
    Time(civil::Time),
    DateTime(civil::DateTime),
}

impl Moment {
    /// The day that it is on, here.
    pub(crate) fn day(self) -> Option<civil::Date> {
        match self {
            Moment::Date(date) => Some(date),
            Moment::DateTime(moment) => Some(moment.date()),
            Moment::Time(_) => None,
        }
    }
}

/// Whether the text has this shape; `0` stands for any digit.
fn shaped(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text
            .bytes()
            .zip(shape.bytes())
            .all(|(byte, wanted)| match wanted {
                b'0' => byte.is_ascii_digit(),
                _ => byte == wanted,
            })
}

fn date(text: &str) -> Option<civil::Date> {
    shaped(text, "0000-00-00").then(|| text.parse().ok()).flatten()
}

struct Clock {
    time: civil::Time,
    /// None where no zone stands; `Z` is nil.
    offset: Option<Offset>,
    z: bool,
}

fn clock(text: &str) -> Option<Clock> {
    let (bare, offset, z) = if let Some(bare) = text.strip_suffix('Z') {
        (bare, Some(Offset::UTC), true)
    } else if let Some(at) = text.rfind(['+', '-']) {
        let (bare, zone) = text.split_at_checked(at)?;
        if !shaped(zone.get(1..)?, "00:00") {
            return None;
        }
        let hours: i32 = zone.get(1..3)?.parse().ok()?;
        let minutes: i32 = zone.get(4..6)?.parse().ok()?;
        if minutes > 59 {
            return None;
        }
        let sign = if zone.starts_with('-') { -1 } else { 1 };
        let offset = Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()?;
        (bare, Some(offset), false)
    } else {
        (text, None, false)
    };
    // FEEL writes seconds, and fractions of them; form-js does not.
    let whole = bare.split_once('.').map_or(bare, |(whole, _)| whole);
    if !shaped(whole, "00:00") && !shaped(whole, "00:00:00") {
        return None;
    }
    let number = |from: usize| {
        whole
            .get(from..from + 2)
            .map_or(Some(0), |text| text.parse::<i8>().ok())
    };
    // `civil::Time` would take 60 seconds for 59.
    let time = civil::Time::new(number(0)?, number(3)?, number(6)?, 0).ok()?;
    Some(Clock { time, offset, z })
}

/// A moment in the zone of here.
fn here(moment: civil::DateTime, offset: Option<Offset>) -> Option<civil::DateTime> {
    match offset {
        None => Some(moment),
        Some(offset) => {
            let stamp = offset.to_timestamp(moment).ok()?;
            Some(ZONE.to_datetime(stamp))
        }
    }
}

/// Reads a value of this part, whatever its zone says.
pub(crate) fn read(text: &str, part: Part) -> Option<(Moment, Zone)> {
    let zone = |clock: &Clock| match clock.offset {
        None => Zone::None,
        Some(_) if clock.z => Zone::Utc,
        Some(_) => Zone::Offset,
    };
    match part {
        Part::Date => Some((Moment::Date(date(text)?), Zone::None)),
        Part::Time => {
            let clock = clock(text)?;
            // Any day does: the zone of here has no summer time.
            let day = civil::date(2000, 1, 2);
            let time = here(day.to_datetime(clock.time), clock.offset)?.time();
            Some((Moment::Time(time), zone(&clock)))
        }
        Part::DateTime => {
            let (day, rest) = text.split_once('T')?;
            let clock = clock(rest)?;
            let moment = here(date(day)?.to_datetime(clock.time), clock.offset)?;
            Some((Moment::DateTime(moment), zone(&clock)))
        }
    }
}

/// Whether a time that says its zone so may stand where the form wants that.
pub(crate) fn agrees(found: Zone, wanted: Zone) -> bool {
    match wanted {
        Zone::Any => true,
        Zone::None => found == Zone::None,
        // The same moment may be written either way; without a zone it is another one elsewhere.
        Zone::Offset | Zone::Utc => found != Zone::None,
    }
}

/// How a value of this part looks, for people.
pub(crate) fn example(part: Part, zone: Zone) -> String {
    let tail = match zone {
        Zone::Offset => "+08:00",
        Zone::Utc => "Z",
        Zone::None | Zone::Any => "",
    };
    match part {
        Part::Date => "2024-03-01".into(),
        Part::Time => format!("09:30{tail}"),
        Part::DateTime => format!("2024-03-01T09:30{tail}"),
    }
}
