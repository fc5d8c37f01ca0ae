//! Schedules.

use std::str::FromStr as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A schedule in the words of cron, read on the wall clock of a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron(croner::Cron);

impl Cron {
    /// Reads five fields: minute, hour, day of the month, month, day of the week. None where they are no
    /// schedule, or one that never comes.
    #[must_use]
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.split_ascii_whitespace().count() != 5 {
            return Err("five".into());
        }
        let cron = Self(croner::Cron::from_str(text).map_err(|e| e.to_string())?);
        cron.next(&TimeZone::UTC, Timestamp::UNIX_EPOCH).map(|_| cron).ok_or_else(|| "never".into())
    }

    /// The last scheduled instant that is not after `at`.
    #[must_use]
    pub fn last(&self, zone: &TimeZone, at: Timestamp) -> Option<Timestamp> {
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
