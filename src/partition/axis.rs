//! The axis on which the bounds of a range lie.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::KeyType;
use super::literal::{DAY, civil_from_days, days_from_civil, uuid_from_axis, uuid_to_axis};

/// The line on which a range key's values are ordered, and how instants lie on it.
///
/// Instants (`timestamptz`) lie at their microseconds since 1970 in UTC; wall clocks (`date`,
/// `timestamp`) at what the clock shows, read as if it were UTC, so that the axis has no gap and no
/// fold; uuids at their number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    /// The type of the key.
    pub key: KeyType,
    /// Time zone in which a calendar period begins, and of the local time of `date` and `timestamp`.
    pub zone: TimeZone,
}

/// `<48-bit milliseconds>-7000-8000-000000000000`: the least `UUIDv7` of a millisecond.
const UUID_LOW_BITS: u128 = 0x7000_8000_0000_0000_0000;

impl Axis {
    /// Returns the position of an instant.
    #[must_use]
    pub fn at(&self, instant: Timestamp) -> i128 {
        match self.key {
            KeyType::Date | KeyType::Timestamp => wall_micros(self.zone.to_datetime(instant)),
            KeyType::TimestampTz => i128::from(instant.as_microsecond()),
            KeyType::UuidV7 => {
                let millis = u128::try_from(instant.as_millisecond()).unwrap_or(0);
                uuid_to_axis((millis << 80) | UUID_LOW_BITS)
            }
        }
    }

    /// Returns the position that stands for `at` in the calendar: the same one, except for uuids, which are finer
    /// than the milliseconds of a period boundary.
    #[must_use]
    pub fn snap(&self, at: i128) -> i128 {
        match self.key {
            KeyType::Date | KeyType::Timestamp | KeyType::TimestampTz => at,
            KeyType::UuidV7 => uuid_to_axis((uuid_from_axis(at) >> 80 << 80) | UUID_LOW_BITS),
        }
    }

    /// Returns the resolution of the calendar: one microsecond, or one millisecond for a uuid.
    #[must_use]
    pub fn resolution(&self) -> i128 {
        match self.key {
            KeyType::Date | KeyType::Timestamp | KeyType::TimestampTz => 1,
            KeyType::UuidV7 => 1 << 80,
        }
    }

    /// Returns the instant at a position, or `None` if it is outside the calendar.
    #[must_use]
    pub fn instant(&self, at: i128) -> Option<Timestamp> {
        match self.key {
            KeyType::Date | KeyType::Timestamp => {
                let wall = datetime(at)?;
                self.zone.to_ambiguous_timestamp(wall).compatible().ok()
            }
            KeyType::TimestampTz => Timestamp::from_microsecond(i64::try_from(at).ok()?).ok(),
            KeyType::UuidV7 => {
                let millis = i64::try_from(uuid_from_axis(at) >> 80).ok()?;
                Timestamp::from_millisecond(millis).ok()
            }
        }
    }

    /// The instant at a place on the axis that comes after another: the second one, where a clock on the
    /// wall shows it twice and the first is past.
    #[must_use]
    pub fn instant_after(&self, at: i128, after: Timestamp) -> Option<Timestamp> {
        let instants = match self.key {
            KeyType::Date | KeyType::Timestamp => {
                let ambiguous = self.zone.to_ambiguous_timestamp(datetime(at)?);
                [ambiguous.compatible().ok(), ambiguous.later().ok()]
            }
            KeyType::TimestampTz | KeyType::UuidV7 => [self.instant(at), None],
        };
        instants.into_iter().flatten().find(|instant| *instant > after)
    }

    /// Returns the local time at a position.
    #[must_use]
    pub fn wall(&self, at: i128) -> Option<DateTime> {
        match self.key {
            KeyType::Date | KeyType::Timestamp => datetime(at),
            KeyType::TimestampTz | KeyType::UuidV7 => self.zoned(at).map(|z| z.datetime()),
        }
    }

    /// The instant at a place on the axis, with the zone's offset at that instant.
    #[must_use]
    pub fn zoned(&self, at: i128) -> Option<Zoned> {
        self.instant(at).map(|instant| instant.to_zoned(self.zone.clone()))
    }

    /// Returns the position of a local time: itself on a local-time axis, else its first instant.
    #[must_use]
    pub fn at_wall(&self, wall: DateTime) -> Option<i128> {
        if self.key.is_wall_clock() {
            return Some(wall_micros(wall));
        }
        let instant = self.zone.to_ambiguous_timestamp(wall).compatible().ok()?;
        Some(self.at(instant))
    }
}

/// Microseconds since 1970 of a wall-clock time read as UTC. Computed here, because the last civil day
/// of the calendar library is later than its last instant.
fn wall_micros(wall: DateTime) -> i128 {
    let [year, month, day] = [wall.year().into(), wall.month().into(), wall.day().into()];
    let [hour, minute, second] = [wall.hour(), wall.minute(), wall.second()].map(i128::from);
    let seconds = (hour * 60 + minute) * 60 + second;
    let micros = i128::from(wall.subsec_nanosecond() / 1_000);
    days_from_civil(year, month, day) * DAY + seconds * 1_000_000 + micros
}

/// The reverse of [`wall_micros`]; `None` if the calendar library has no such day.
fn datetime(at: i128) -> Option<DateTime> {
    let (year, month, day) = civil_from_days(at.div_euclid(DAY));
    let micros = at.rem_euclid(DAY);
    let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
    let nanos = i32::try_from(micros * 1_000).ok()?;
    let [hour, minute, second] = [seconds / 3_600, seconds / 60 % 60, seconds % 60];
    let small = |number: i128| i8::try_from(number).ok();
    let date = Date::new(i16::try_from(year).ok()?, small(month)?, small(day)?).ok()?;
    let time = Time::new(small(hour)?, small(minute)?, small(second)?, nanos).ok()?;
    Some(date.to_datetime(time))
}
