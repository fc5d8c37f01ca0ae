//! Values of partition keys as Postgres writes them under `TimeZone=UTC` and `DateStyle=ISO`.
//!
//! Postgres' dates reach from 4713 BC to the year 5874897, beyond any calendar library, and a bound
//! may hold any of them; so the proleptic Gregorian calendar is computed here.
//! <https://www.postgresql.org/docs/current/datatype-datetime.html>

use std::ops::RangeInclusive;

use super::{Edge, KeyType};

/// Microseconds in a day.
pub(super) const DAY: i128 = 86_400_000_000;

impl KeyType {
    /// Reads a value as Postgres writes it.
    #[must_use]
    pub fn parse(self, text: &str) -> Option<Edge> {
        match (self, text) {
            (Self::UuidV7, _) => parse_uuid(text).map(Edge::At),
            (_, "infinity") => Some(Edge::Infinity),
            (_, "-infinity") => Some(Edge::NegativeInfinity),
            (Self::Date | Self::Timestamp | Self::TimestampTz, _) => {
                parse_time(text, self == Self::TimestampTz).map(Edge::At)
            }
        }
    }

    /// Writes a value as Postgres reads it back unchanged, whatever the session's time zone: an
    /// instant carries its offset. `MINVALUE` and `MAXVALUE` are keywords, not values: as a value Postgres
    /// rejects them.
    #[must_use]
    pub fn literal(self, edge: Edge) -> String {
        let at = match edge {
            Edge::NegativeInfinity => return "-infinity".to_owned(),
            Edge::Infinity => return "infinity".to_owned(),
            Edge::At(at) => at,
            Edge::MinValue => return "MINVALUE".to_owned(),
            Edge::MaxValue => return "MAXVALUE".to_owned(),
        };
        match self {
            Self::Date => format_date(at.div_euclid(DAY)).concat(),
            Self::Timestamp => format_time(at, ""),
            Self::TimestampTz => format_time(at, "+00"),
            Self::UuidV7 => format_uuid(at),
        }
    }
}

/// Uuids compare as unsigned numbers; an edge is signed. Flipping the highest bit keeps the order.
const UUID_SIGN: u128 = 1 << 127;

pub(super) fn uuid_to_axis(uuid: u128) -> i128 {
    (uuid ^ UUID_SIGN).cast_signed()
}

pub(super) fn uuid_from_axis(at: i128) -> u128 {
    at.cast_unsigned() ^ UUID_SIGN
}

/// The last year of a Postgres date.
const LAST_YEAR: i128 = 5_874_897;

fn parse_uuid(text: &str) -> Option<i128> {
    let digits: String = text.split('-').collect();
    if digits.len() != 32 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(&digits, 16).ok().map(uuid_to_axis)
}

fn format_uuid(at: i128) -> String {
    let uuid = uuid_from_axis(at);
    let [second, third, fourth] = [80, 64, 48].map(|low| (uuid >> low) & 0xffff);
    let (first, last) = (uuid >> 96, uuid & 0xffff_ffff_ffff);
    format!("{first:08x}-{second:04x}-{third:04x}-{fourth:04x}-{last:012x}")
}

/// Reads `2024-01-31`, `2024-01-31 10:20:30.5`, `2024-01-31 10:20:30.5+00`, each also with ` BC`.
fn parse_time(text: &str, zoned: bool) -> Option<i128> {
    let (text, before_christ) = match text.strip_suffix(" BC") {
        Some(text) => (text, true),
        None => (text, false),
    };
    let text = if zoned { text.strip_suffix("+00")? } else { text };
    let (date, clock) = text.split_once(' ').unwrap_or((text, "00:00:00"));
    let mut parts = date.splitn(3, '-');
    let year = number(parts.next()?, 1..=LAST_YEAR)?;
    let month = number(parts.next()?, 1..=12)?;
    let day = number(parts.next()?, 1..=31)?;
    let year = if before_christ { 1 - year } else { year };
    Some(days_from_civil(year, month, day) * DAY + parse_clock(clock)?)
}

fn parse_clock(text: &str) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = whole.splitn(3, ':');
    let hour = number(parts.next()?, 0..=24)?;
    let minute = number(parts.next()?, 0..=59)?;
    let second = number(parts.next()?, 0..=60)?;
    let micros = number(&format!("{fraction:0<6}"), 0..=999_999)?;
    Some(((hour * 60 + minute) * 60 + second) * 1_000_000 + micros)
}

/// Reads a number within bounds: a server can write anything into a bound.
fn number(text: &str, bounds: RangeInclusive<i128>) -> Option<i128> {
    let number = u32::try_from(text.parse::<i64>().ok()?).ok()?;
    Some(i128::from(number)).filter(|number| bounds.contains(number))
}

/// A day as Postgres writes it, and the ` BC` that comes last where it is one.
fn format_date(days: i128) -> [String; 2] {
    let (year, month, day) = civil_from_days(days);
    if year > 0 {
        [format!("{year:04}-{month:02}-{day:02}"), String::new()]
    } else {
        [format!("{:04}-{month:02}-{day:02}", 1 - year), " BC".to_owned()]
    }
}

fn format_time(at: i128, offset: &str) -> String {
    let (days, micros) = (at.div_euclid(DAY), at.rem_euclid(DAY));
    let [date, era] = format_date(days);
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let fraction = match format!(".{fraction:06}").trim_end_matches('0') {
        "." => String::new(),
        digits => digits.to_owned(),
    };
    format!("{date} {hour:02}:{minute:02}:{second:02}{fraction}{offset}{era}")
}

/// Days since 1970-01-01 of a day of the proleptic Gregorian calendar; the year 0 is 1 BC.
pub(super) fn days_from_civil(year: i128, month: i128, day: i128) -> i128 {
    // Counting years from March puts the leap day last.
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The reverse of [`days_from_civil`].
pub(super) fn civil_from_days(days: i128) -> (i128, i128, i128) {
    let days = days.saturating_add(719_468);
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let years = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * years + years / 4 - years / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12 + 1;
    (era * 400 + years + i128::from(month <= 2), month, day)
}
