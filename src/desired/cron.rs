//! Schedules.

use croner::parser::{CronParser, Seconds, Year};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A cron expression in a time zone.
///
/// If the clock is set forward over the only time of a day, that time comes right after; if the clock is set back
/// over it, it comes once. With several times a day, skipped times are omitted and repeated times come twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron(Box<croner::Cron>);

impl Cron {
    /// Parses five fields: minute, hour, day of the month, month, day of the week. As in crontab(5), one of the
    /// two days is enough, but if one has a star both must match.
    ///
    /// # Errors
    /// Returns an error if the fields are invalid, or never match.
    pub fn parse(text: &str) -> Result<Self, String> {
        let has_star = |field: usize| {
            text.split_whitespace().nth(field).is_some_and(|field| field.contains('*'))
        };
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .dom_and_dow(has_star(2) || has_star(4))
            .build();
        let cron = parser.parse(text).map_err(|_| {
            "is not five fields of cron, or has a range that ends before it begins; \
             '0 2 1 * *' is at 2:00 on the first of each month"
        })?;
        let cron = Self(Box::new(cron));
        match cron.next(&TimeZone::UTC, Timestamp::UNIX_EPOCH) {
            Some(_) => Ok(cron),
            None => Err("never comes: no month that it names has such a day; name another".into()),
        }
    }

    /// The last scheduled instant that is not after `at`.
    #[must_use]
    pub fn last(&self, zone: &TimeZone, at: Timestamp) -> Option<Timestamp> {
        // croner counts the whole second of a time as past.
        let at = Timestamp::from_second(at.as_second()).ok()?;
        let last = self.0.find_previous_occurrence(&at.to_zoned(zone.clone()), true);
        last.ok().map(|last| last.timestamp())
    }

    /// The first scheduled instant after `at`.
    #[must_use]
    pub fn next(&self, zone: &TimeZone, at: Timestamp) -> Option<Timestamp> {
        let next = self.0.find_next_occurrence(&at.to_zoned(zone.clone()), false);
        next.ok().map(|next| next.timestamp())
    }
}
