//! The instants a plan is for.

use jiff::Timestamp;

use crate::desired::{Cron, DesiredTable, Partitioning, Zone};

/// The instants a plan is for. On a schedule, what is due is what was due at the last scheduled instant:
/// so nothing needs remembering, and a night that was missed is caught up at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Now. What rows need at this instant waits for no schedule.
    pub now: Timestamp,
    /// The instant that partitions are made for.
    pub provision: Timestamp,
    /// The instant that partitions are let go for.
    pub expire: Timestamp,
}

impl Moment {
    /// All at once, whatever the schedule: what a person means who asks.
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
