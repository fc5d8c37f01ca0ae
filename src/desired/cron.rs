//! Schedules.

use croner::parser::{CronParser, Seconds, Year};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A schedule in the words of cron, read on the wall clock of a zone.
///
/// Where the clock is set forward past the one time of a day, that comes right after; where it is set
/// back over it, it comes once. With several times a day, those that the clock skips are left out
/// and those that it shows twice come twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron(Box<croner::Cron>);

impl Cron {
    /// Reads five fields: minute, hour, day of the month, month, day of the week. As in crontab(5), of
    /// the two days either is enough, but where one has a star both must agree.
    ///
    /// # Errors
    /// Why they are no schedule, or one that never comes.
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
        // Of an instant within a second croner takes the whole second for past.
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
