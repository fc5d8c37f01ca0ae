//! Calendar periods.

use jiff::civil::{Date, DateTime};
use jiff::{Span, Timestamp, ToSpan as _};

use super::{Axis, Edge, RangeBounds};

/// Length of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Interval {
    /// From one full hour of local time to the next: 3,600 seconds, except in hours in which a time zone shifts
    /// its clock by less than one hour.
    Hour,
    /// From midnight to midnight: 23 or 25 hours when the clock shifts.
    Day,
    /// From Monday to Monday, as ISO 8601 counts weeks.
    Week,
    /// A calendar month.
    Month,
    /// January, April, July and October begin one.
    Quarter,
    /// A calendar year.
    Year,
}

impl Interval {
    /// The word as the resource writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "Hour",
            Self::Day => "Day",
            Self::Week => "Week",
            Self::Month => "Month",
            Self::Quarter => "Quarter",
            Self::Year => "Year",
        }
    }
}

/// The axis of a key, cut into periods without gap or overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    /// Length of a period.
    pub interval: Interval,
    /// Axis of the periods.
    pub axis: Axis,
}

impl Grid {
    /// Returns the start of the period that contains `at`, or `None` if it is outside the calendar.
    #[must_use]
    pub fn floor(&self, at: i128) -> Option<i128> {
        let at = self.axis.snap(at);
        if self.interval == Interval::Hour {
            return self.floor_hour(at);
        }
        // The clock may show a day again whose successor has begun (St. John's, 7 November 2010), or
        // a day whose midnight it skipped and that begins later; so the latest start is looked for.
        let mut day =
            self.period_start(self.axis.wall(at)?.date())?.checked_add(self.step()).ok()?;
        loop {
            let start = self.axis.at_wall(day.to_datetime(jiff::civil::Time::midnight()))?;
            if start <= at {
                return Some(start);
            }
            day = self.period_start(day.yesterday().ok()?)?;
        }
    }

    /// Returns the first start of a period after `at`, or `None` if it is outside the calendar.
    #[must_use]
    pub fn next(&self, at: i128) -> Option<i128> {
        let at = self.axis.snap(at);
        if self.interval == Interval::Hour {
            return self.next_hour(at);
        }
        let mut day = self.period_start(self.axis.wall(at)?.date())?;
        // A day that a zone skipped (Samoa, 30 December 2011) begins when the next one does.
        loop {
            let start = self.axis.at_wall(day.to_datetime(jiff::civil::Time::midnight()))?;
            if start > at {
                return Some(start);
            }
            day = day.checked_add(self.step()).ok()?;
        }
    }

    /// The start of the period before the one that starts at `start`.
    #[must_use]
    pub fn previous(&self, start: i128) -> Option<i128> {
        self.floor(start.checked_sub(self.axis.resolution())?)
    }

    /// The period that contains `at`.
    #[must_use]
    pub fn period(&self, at: i128) -> Option<RangeBounds> {
        RangeBounds::new(Edge::At(self.floor(at)?), Edge::At(self.next(at)?))
    }

    /// Whether a range is exactly one period.
    #[must_use]
    pub fn is_period(&self, range: RangeBounds) -> bool {
        let (Edge::At(from), Edge::At(to)) = (range.from(), range.to()) else { return false };
        let from = self.axis.snap(from);
        self.floor(from) == Some(from) && self.next(from) == Some(self.axis.snap(to))
    }

    /// The period that contains an instant.
    #[must_use]
    pub fn period_of(&self, instant: Timestamp) -> Option<RangeBounds> {
        self.period(self.axis.at(instant))
    }

    /// The first day of the period a day lies in.
    fn period_start(&self, day: Date) -> Option<Date> {
        match self.interval {
            Interval::Hour | Interval::Day => Some(day),
            Interval::Week => {
                day.checked_sub(i64::from(day.weekday().to_monday_zero_offset()).days()).ok()
            }
            Interval::Month => Some(day.first_of_month()),
            Interval::Quarter => Date::new(day.year(), (day.month() - 1) / 3 * 3 + 1, 1).ok(),
            Interval::Year => Some(day.first_of_year()),
        }
    }

    fn step(&self) -> Span {
        match self.interval {
            Interval::Hour => 1.hour(),
            Interval::Day => 1.day(),
            Interval::Week => 1.week(),
            Interval::Month => 1.month(),
            Interval::Quarter => 3.months(),
            Interval::Year => 1.year(),
        }
    }

    fn floor_hour(&self, at: i128) -> Option<i128> {
        if self.axis.key.is_wall_clock() {
            return Some(at - into_hour(self.axis.wall(at)?));
        }
        // Going back by what the clock shows may cross a shift of the clock, and land off the hour.
        let mut instant = self.axis.instant(at)?;
        loop {
            let back = into_hour(self.axis.zone.to_datetime(instant));
            if back == 0 {
                return Some(self.axis.at(instant));
            }
            let back = Span::new().microseconds(i64::try_from(back).ok()?);
            instant = instant.checked_sub(back).ok()?;
        }
    }

    fn next_hour(&self, at: i128) -> Option<i128> {
        if self.axis.key.is_wall_clock() {
            return Some(self.floor_hour(at)? + 3_600_000_000);
        }
        let mut instant = self.axis.instant(at)?;
        loop {
            instant = instant.checked_add(15.minutes()).ok()?;
            let start = self.floor_hour(self.axis.at(instant))?;
            if start > at {
                return Some(start);
            }
        }
    }
}

/// Microseconds since the full hour the clock last showed.
fn into_hour(wall: DateTime) -> i128 {
    (i128::from(wall.minute()) * 60 + i128::from(wall.second())) * 1_000_000
        + i128::from(wall.subsec_nanosecond() / 1000)
}
