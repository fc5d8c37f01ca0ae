//! The periods that a range is about at a moment. They follow from the spec, the key, and the clock alone,
//! whatever partitions there are.

use jiff::{Timestamp, ToSpan as _};

use super::PlanTime;
use crate::desired::{DesiredIndex, DesiredRange, OnPartitions, StartAt, Zone};
use crate::partition::{Axis, Edge, Grid, KeyType, RangeBounds};

/// Time before the begin of a period until which its partition can be attached with a default-partition check.
const MINUTES_TO_ATTACH: i64 = 10;

/// The periods that a range provides and keeps at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// Periods of the range.
    pub grid: Grid,
    /// The instant, on the key's axis.
    pub now: i128,
    /// The current period.
    pub(super) current: RangeBounds,
    /// From the oldest period provided to the last one ahead.
    pub span: RangeBounds,
    /// Lower bound of the oldest period to keep, or `None` if everything is kept.
    pub retained_from: Option<Edge>,
    /// `retained_from` at the current time, ignoring the schedule: older periods are not created or attached again.
    pub created_from: Option<Edge>,
    /// Lower bounds of the periods ahead of the current one, as many as the spec asks for.
    pub(super) upcoming: Vec<Edge>,
}

/// The starts of the newest periods, the current one first.
pub(super) struct Newest(Vec<i128>);

impl Newest {
    /// Returns whether a range belongs to the newest periods, this many up to and including the current
    /// one, or is later.
    pub(super) fn contains(&self, range: RangeBounds, periods: u32) -> bool {
        let oldest = self.0.get((periods as usize).saturating_sub(1));
        oldest.is_none_or(|oldest| range.to() > Edge::At(*oldest))
    }
}

impl Calendar {
    /// Returns the periods of a range at a moment, or `None` if the zone is unknown or the calendar library does
    /// not reach one of them.
    #[must_use]
    pub fn new(desired: &DesiredRange, key: KeyType, time: &PlanTime) -> Option<Self> {
        let grid = grid(desired, key)?;
        let now = grid.axis.at(time.now);
        let kept_as_of = |as_of| match &desired.retention {
            Some(retention) => retained_from(&grid, retention.keep, as_of).map(Some),
            None => Some(None),
        };
        let retained_from = kept_as_of(time.expire)?;
        let is_as_of_now = time.now <= time.expire;
        Some(Self {
            now,
            current: grid.period(now)?,
            span: span(desired, &grid, grid.period(grid.axis.at(time.provision))?)?,
            retained_from,
            created_from: if is_as_of_now { retained_from } else { kept_as_of(time.now)? },
            upcoming: upcoming(&grid, now, desired.ahead)?,
            grid,
        })
    }

    /// Whether a whole range lies before the oldest period to keep.
    #[must_use]
    pub fn is_expired(&self, range: RangeBounds) -> bool {
        self.retained_from.is_some_and(|retained_from| range.to() <= retained_from)
    }

    /// Returns whether a whole range lies before the oldest period to keep.
    #[must_use]
    pub fn is_past(&self, range: RangeBounds) -> bool {
        self.created_from.is_some_and(|created_from| range.to() <= created_from)
    }

    /// Returns whether a range has expired. A range without a lower bound never expires.
    #[must_use]
    pub fn can_expire(&self, range: RangeBounds) -> bool {
        self.is_expired(range) && matches!(range.from(), Edge::At(_))
    }

    /// The newest periods that the indexes of a spec ask for, walked through once.
    pub(super) fn newest(&self, indexes: &[DesiredIndex]) -> Newest {
        let periods = indexes.iter().map(|index| match index.on {
            OnPartitions::Newest(periods) => periods as usize,
            OnPartitions::All => 0,
        });
        let current = self.grid.floor(self.now);
        let starts = std::iter::successors(current, |start| self.grid.previous(*start));
        Newest(starts.take(periods.max().unwrap_or(0)).collect())
    }

    /// Returns whether applications write rows of a range while the plan is executed: rows of the current time, or
    /// of the time of the database clock, which an application uses.
    #[must_use]
    pub fn is_written_soon(&self, range: RangeBounds, clock: Timestamp) -> bool {
        let is_soon_after =
            |now| range.from() <= self.soon_after(now) && range.to() > Edge::At(now);
        is_soon_after(self.now) || is_soon_after(self.grid.axis.at(clock))
    }

    /// The end of the time in which what is planned now is surely done: a few minutes from now.
    #[must_use]
    pub fn write_horizon(&self) -> Edge {
        self.soon_after(self.now)
    }

    fn soon_after(&self, now: i128) -> Edge {
        let instant = self.grid.axis.instant(now);
        let soon = instant.and_then(|now| now.checked_add(MINUTES_TO_ATTACH.minutes()).ok());
        Edge::At(soon.map_or(now, |soon| self.grid.axis.at(soon)))
    }
}

/// Returns the beginning of the oldest period to keep.
fn retained_from(grid: &Grid, keep: u32, as_of: Timestamp) -> Option<Edge> {
    let mut oldest = grid.floor(grid.axis.at(as_of))?;
    for _ in 0..keep {
        match grid.previous(oldest) {
            Some(previous) => oldest = previous,
            // Further back than the calendar reaches nothing expires.
            None => return Some(Edge::NegativeInfinity),
        }
    }
    Some(Edge::At(oldest))
}

/// Returns the periods of a range, or `None` if the time zone is unknown.
pub(super) fn grid(desired: &DesiredRange, key: KeyType) -> Option<Grid> {
    let Zone::Known(zone) = &desired.zone else { return None };
    Some(Grid { interval: desired.interval, axis: Axis { key, zone: zone.clone() } })
}

/// From the oldest period provided to the last one ahead.
fn span(desired: &DesiredRange, grid: &Grid, current: RangeBounds) -> Option<RangeBounds> {
    let start_at = match desired.start_at {
        None => None,
        Some(StartAt::Date(date)) => {
            Some(grid.axis.at_wall(date.to_datetime(jiff::civil::Time::midnight()))?)
        }
        Some(StartAt::Instant(instant)) => Some(grid.axis.at(instant)),
        // The calendar may not reach a row that lies ahead.
        Some(StartAt::Value(at)) => Some(at).filter(|at| Edge::At(*at) < current.from()),
    };
    let from = match start_at {
        Some(at) => Edge::At(grid.floor(at)?).min(current.from()),
        None => current.from(),
    };
    let mut to = current.to();
    for _ in 0..desired.ahead {
        let Edge::At(at) = to else { return None };
        to = Edge::At(grid.next(at)?);
    }
    RangeBounds::new(from, to)
}

/// Returns the beginning of each future period.
fn upcoming(grid: &Grid, now: i128, ahead: u32) -> Option<Vec<Edge>> {
    let mut start = grid.floor(now)?;
    let mut upcoming = Vec::new();
    for _ in 0..ahead {
        start = grid.next(start)?;
        upcoming.push(Edge::At(start));
    }
    Some(upcoming)
}
