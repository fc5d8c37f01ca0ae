//! The instants a plan is for.

use jiff::Timestamp;

use crate::desired::{Cron, DesiredTable, Partitioning, Zone};

/// Times that a plan is for. With a schedule, a step is due if it was due at the most recent scheduled time: so no
/// state is stored, and the next run catches up with a missed night.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanTime {
    /// Now. What rows need at this instant waits for no schedule.
    pub now: Timestamp,
    /// The instant that partitions are made for.
    pub provision: Timestamp,
    /// Time for which partitions expire.
    pub expire: Timestamp,
}

impl PlanTime {
    /// Returns the same time for everything, without the schedule, for a command of a user.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self { now, provision: now, expire: now }
    }

    /// As the schedule of the table says.
    #[must_use]
    pub fn scheduled(desired: &DesiredTable, now: Timestamp) -> Self {
        let Partitioning::Range(range) = &desired.partitioning else { return Self::at(now) };
        let Zone::Known(zone) = &range.zone else { return Self::at(now) };
        let last = |cron: &Option<Cron>, before_any: Timestamp| {
            cron.as_ref().map_or(now, |cron| cron.last(zone, now).unwrap_or(before_any))
        };
        Self {
            now,
            provision: last(&range.schedule.provision, now),
            // Before any scheduled night nothing has expired.
            expire: last(&range.schedule.expire, Timestamp::UNIX_EPOCH),
        }
    }
}
