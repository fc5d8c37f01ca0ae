//! Expiry, computed by the checker itself: the planner's calendar could be wrong, and is not used here.
//!
//! The spec says how many periods to keep before the current one. So the checker numbers the periods of the
//! calendar, and counts back from the one that began last. `Axis` only gives the position of an instant among the
//! values of a key.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan as _};

use crate::desired::{DesiredRange, Zone};
use crate::partition::{Axis, Interval, KeyType};

/// Microseconds of an hour.
const HOUR: i64 = 3_600_000_000;

/// Returns the position of the current time on the axis of the key, or `None` if the time zone is unknown.
pub(super) fn position(spec: &DesiredRange, key: KeyType, instant: Timestamp) -> Option<i128> {
    Some(axis(spec, key)?.at(instant))
}

/// Returns the lower bound of the oldest period that is kept, or `None` if the calendar does not reach back so far:
/// then nothing has expired.
pub(super) fn retained_from(
    spec: &DesiredRange,
    key: KeyType,
    keep: u32,
    as_of: Timestamp,
) -> Option<i128> {
    let axis = axis(spec, key)?;
    match (spec.interval, key) {
        (Interval::Hour, KeyType::Date | KeyType::Timestamp) => {
            let hour = axis.at(as_of).div_euclid(HOUR.into());
            Some((hour - i128::from(keep)) * i128::from(HOUR))
        }
        (Interval::Hour, KeyType::TimestampTz | KeyType::UuidV7) => {
            let mut start = hour_start(&axis.zone, as_of)?;
            for _ in 0..keep {
                // A UUID distinguishes milliseconds.
                start = hour_start(&axis.zone, start.checked_sub(1.millisecond()).ok()?)?;
            }
            Some(axis.at(start))
        }
        (interval, _) => {
            let now = axis.at(as_of);
            let start_of =
                |number| axis.at_wall(first_day(interval, number)?.to_datetime(Time::midnight()));
            let mut number = number_of(interval, axis.wall(now)?.date());
            // If a clock goes back over midnight, it shows a day again whose successor has begun.
            while start_of(number + 1).is_some_and(|start| start <= now) {
                number += 1;
            }
            let (mut oldest, mut kept) = (start_of(number)?, 0);
            while kept < keep {
                number -= 1;
                let start = start_of(number)?;
                // A day that a time zone skipped is not a period.
                kept += u32::from(start < oldest);
                oldest = start;
            }
            Some(oldest)
        }
    }
}

fn axis(spec: &DesiredRange, key: KeyType) -> Option<Axis> {
    match &spec.zone {
        Zone::Known(zone) => Some(Axis { key, zone: zone.clone() }),
        Zone::Unknown(_) => None,
    }
}

/// The number of the period that a day lies in, counted from any fixed one.
fn number_of(interval: Interval, day: Date) -> i64 {
    let (year, month) = (i64::from(day.year()), i64::from(day.month()));
    // 1970-01-05 was a Monday.
    let days = day.duration_since(jiff::civil::date(1970, 1, 5)).as_hours() / 24;
    match interval {
        Interval::Hour | Interval::Day => days,
        Interval::Week => days.div_euclid(7),
        Interval::Month => year * 12 + month - 1,
        Interval::Quarter => year * 4 + (month - 1) / 3,
        Interval::Year => year,
    }
}

/// The first day of a period, or `None` if the calendar library does not have it.
fn first_day(interval: Interval, number: i64) -> Option<Date> {
    let of_months = |months: i64| {
        let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
        Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, 1).ok()
    };
    let of_days = |days: i64| {
        let since = Span::new().try_days(days).ok()?;
        jiff::civil::date(1970, 1, 5).checked_add(since).ok()
    };
    match interval {
        Interval::Hour | Interval::Day => of_days(number),
        Interval::Week => of_days(number.checked_mul(7)?),
        Interval::Month => of_months(number),
        Interval::Quarter => of_months(number.checked_mul(3)?),
        Interval::Year => of_months(number.checked_mul(12)?),
    }
}

/// The last instant at or before `at` at which the clock shows a full hour.
fn hour_start(zone: &TimeZone, at: Timestamp) -> Option<Timestamp> {
    let mut at = at;
    loop {
        let offset = zone.to_offset(at);
        let shown = at.as_microsecond().checked_add(i64::from(offset.seconds()) * 1_000_000)?;
        let into = shown.rem_euclid(HOUR);
        let start = Timestamp::from_microsecond(at.as_microsecond().checked_sub(into)?).ok()?;
        if zone.to_offset(start) == offset {
            return Some(start);
        }
        // The clock was set since then: what counts is what it showed just before that.
        let later = at.checked_add(1.nanosecond()).ok()?;
        let set = zone.preceding(later).next()?.timestamp();
        at = set.checked_sub(1.microsecond()).ok()?;
    }
}
