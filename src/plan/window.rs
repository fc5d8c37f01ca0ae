//! Which periods should have a partition at an instant, and which of them have none.

use jiff::{Timestamp, ToSpan as _};

use super::ranges::{Taken, cut, free_within};
use super::{Cause, Moment};
use crate::desired::{DesiredIndex, DesiredRange, OnPartitions, StartAt, Zone};
use crate::observed::{ObservedPartition, ObservedTable};
use crate::partition::{Axis, Edge, Grid, KeyType, RangeBounds};

/// More partitions than this a table is not given at once: planning a query that does not name the
/// key takes 183 ms at 5,000.
const MOST_PERIODS: usize = 5_000;

/// How long before a period begins its partition can still be attached behind a promise.
const MINUTES_TO_ATTACH: i64 = 10;

/// What a range should provide at an instant, held against what there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The periods.
    pub grid: Grid,
    /// The instant, on the key's axis.
    pub now: i128,
    /// From the oldest period provided to the last one ahead.
    pub span: RangeBounds,
    /// Where the oldest period to keep begins; none where everything is kept.
    pub kept_from: Option<Edge>,
    /// The same as of now, whatever the schedule: what was let go before here is not made or attached again
    /// because its scheduled night is still to come.
    pub made_from: Option<Edge>,
    /// The partitions that are missing, most urgent first.
    pub missing: Vec<Missing>,
    /// Stretches with more periods than a table is given at once.
    pub too_wide: Vec<RangeBounds>,
    /// The gap-free stretch of partitions that `now` lies in.
    pub coverage: Option<Coverage>,
}

/// A partition that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// What it should take.
    pub range: RangeBounds,
    /// Why it is wanted.
    pub cause: Cause,
}

/// The starts of the newest periods, the current one first.
pub(super) struct Newest(Vec<i128>);

impl Newest {
    /// Returns whether a range belongs to the newest periods, this many up to and including the current
    /// one, or is later.
    pub(super) fn holds(&self, range: RangeBounds, periods: u32) -> bool {
        let oldest = self.0.get((periods as usize).saturating_sub(1));
        oldest.is_none_or(|oldest| range.to() > Edge::At(*oldest))
    }
}

/// A gap-free stretch of partitions; the default partition does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coverage {
    /// Where it begins.
    pub from: Edge,
    /// Where it ends.
    pub until: Edge,
}

impl Window {
    /// Holds what a range should provide at a moment against what is there. None where the calendar does
    /// not reach, or the zone is unknown.
    #[must_use]
    pub fn new(
        desired: &DesiredRange,
        key: KeyType,
        observed: &ObservedTable,
        moment: &Moment,
    ) -> Option<Self> {
        let grid = grid(desired, key)?;
        let now = grid.axis.at(moment.now);
        let current = grid.period(now)?;
        let kept_as_of = |as_of| match &desired.retention {
            Some(retention) => kept_from(&grid, retention.keep, as_of).map(Some),
            None => Some(None),
        };
        let kept_from = kept_as_of(moment.expire)?;
        let mut window = Self {
            now,
            span: span(desired, &grid, grid.period(grid.axis.at(moment.provision))?)?,
            kept_from,
            made_from: if moment.now <= moment.expire {
                kept_from
            } else {
                kept_as_of(moment.now)?
            },
            missing: Vec::new(),
            too_wide: Vec::new(),
            coverage: coverage(observed, Edge::At(now)),
            grid,
        };
        window.find_missing(observed, current, desired.ahead)?;
        Some(window)
    }

    /// Whether every instant from now to the last period ahead has a partition.
    #[must_use]
    pub fn is_covered(&self) -> bool {
        self.coverage.is_some_and(|coverage| coverage.until >= self.span.to())
    }

    /// Whether a whole range lies before the oldest period to keep.
    #[must_use]
    pub fn is_expired(&self, range: RangeBounds) -> bool {
        self.kept_from.is_some_and(|kept_from| range.to() <= kept_from)
    }

    /// Whether a whole range lies before the oldest period that is kept as of now.
    #[must_use]
    pub fn is_past(&self, range: RangeBounds) -> bool {
        self.made_from.is_some_and(|made_from| range.to() <= made_from)
    }

    /// Whether a range may be let go: a whole range has expired only where it has a beginning.
    #[must_use]
    pub fn may_go(&self, range: RangeBounds) -> bool {
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

    /// Whether rows of a range are written within the time in which what is planned now is surely done:
    /// rows of now, or of the database's clock, which an application goes by whatever we plan for.
    #[must_use]
    pub fn is_written_soon(&self, range: RangeBounds, clock: Timestamp) -> bool {
        let is_soon_after =
            |now| range.from() <= self.soon_after(now) && range.to() > Edge::At(now);
        is_soon_after(self.now) || is_soon_after(self.grid.axis.at(clock))
    }

    /// The end of the time in which what is planned now is surely done: a few minutes from now.
    #[must_use]
    pub fn soon(&self) -> Edge {
        self.soon_after(self.now)
    }

    fn soon_after(&self, now: i128) -> Edge {
        let instant = self.grid.axis.instant(now);
        let soon = instant.and_then(|now| now.checked_add(MINUTES_TO_ATTACH.minutes()).ok());
        Edge::At(soon.map_or(now, |soon| self.grid.axis.at(soon)))
    }

    fn find_missing(
        &mut self,
        observed: &ObservedTable,
        current: RangeBounds,
        ahead: u32,
    ) -> Option<()> {
        let mut occupied = occupied(observed);
        let again = self.kept_again(observed, &occupied);
        self.missing
            .extend(again.iter().map(|range| Missing { range: *range, cause: Cause::KeptAgain }));
        occupied.extend(again);
        occupied.sort_unstable();
        let mut gaps = gaps(&occupied, self.span);
        if current.from() >= self.span.to() {
            // What rows of now need waits for no schedule.
            gaps.extend(free_within(&occupied, current));
        }
        let current = current.from();
        // Cut where the current period begins, so that no past is too wide for what rows need now.
        let coming = self.coming(ahead)?;
        for gap in gaps.into_iter().flat_map(|gap| cut(gap, current)) {
            let Some(gap) = self.kept_of(gap) else { continue };
            let Some(pieces) = pieces(&self.grid, gap) else {
                self.too_wide.push(gap);
                continue;
            };
            for range in pieces {
                let cause = self.cause(range, &occupied, &coming);
                self.missing.push(Missing { range, cause });
            }
        }
        if self.missing.len() > MOST_PERIODS {
            let oldest = self.missing.iter().map(|missing| missing.range.from()).min()?;
            self.missing.retain(|missing| missing.range.to() > current);
            self.too_wide.extend(RangeBounds::new(oldest, current));
        }
        // What rows need now comes first, then what they will need soonest.
        self.missing
            .sort_by_key(|missing| (missing.range.to() <= Edge::At(self.now), missing.range));
        Some(())
    }

    /// The part of a gap that is kept, if there were partitions.
    fn kept_of(&self, gap: RangeBounds) -> Option<RangeBounds> {
        let from = self.made_from.map_or(gap.from(), |made_from| made_from.max(gap.from()));
        RangeBounds::new(from, gap.to())
    }

    /// The ranges of partitions that we let go and that are kept now.
    fn kept_again(&self, observed: &ObservedTable, occupied: &[RangeBounds]) -> Vec<RangeBounds> {
        let mut again = Vec::new();
        let mut taken = Taken::new(occupied);
        let let_go = observed.partitions.iter().filter(|p| p.is_let_go());
        // Of what is not ours to attach, none is waited for where rows are still to come.
        let is_meant = |p: &ObservedPartition, range: &RangeBounds| {
            p.owned || range.to() <= Edge::At(self.now)
        };
        let ranges = let_go.filter_map(|p| p.bounds.as_range().filter(|range| is_meant(p, range)));
        for range in ranges {
            if !self.is_past(range) && taken.is_free(range) {
                again.push(range);
                taken.add(range);
            }
        }
        again
    }

    /// Where each of the coming periods begins.
    fn coming(&self, ahead: u32) -> Option<Vec<Edge>> {
        let mut start = self.grid.floor(self.now)?;
        let mut coming = Vec::new();
        for _ in 0..ahead {
            start = self.grid.next(start)?;
            coming.push(Edge::At(start));
        }
        Some(coming)
    }

    fn cause(&self, range: RangeBounds, occupied: &[RangeBounds], coming: &[Edge]) -> Cause {
        let now = Edge::At(self.now);
        if range.contains(now) {
            return Cause::CurrentPeriod;
        }
        if range.from() > now {
            let before = coming.partition_point(|start| *start < range.from());
            let periods = (before + 1).min(coming.len());
            return Cause::Ahead(u32::try_from(periods).unwrap_or(u32::MAX));
        }
        let older = occupied.first().is_some_and(|first| first.to() <= range.from());
        if older { Cause::Hole } else { Cause::SinceStart }
    }
}

/// Where the oldest period to keep begins.
fn kept_from(grid: &Grid, keep: u32, as_of: Timestamp) -> Option<Edge> {
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

/// The periods of a range; none where the zone is unknown.
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

/// The ranges no new partition may overlap, in order. One whose detach was cut off still counts:
/// Postgres refuses to overlap it (42P17).
fn occupied(observed: &ObservedTable) -> Vec<RangeBounds> {
    let mut occupied: Vec<_> = observed
        .partitions
        .iter()
        .filter(|p| p.hangs_on())
        .filter_map(|p| p.bounds.as_range())
        .collect();
    occupied.sort_unstable();
    occupied
}

/// What is free within the span, and between partitions before it.
fn gaps(occupied: &[RangeBounds], span: RangeBounds) -> Vec<RangeBounds> {
    let from = occupied.first().map_or(span.from(), |first| first.from().min(span.from()));
    RangeBounds::new(from, span.to()).map_or_else(Vec::new, |all| free_within(occupied, all))
}

/// A gap cut at the boundaries of periods. `None` if there are too many, or if the calendar library does
/// not reach the gap: Postgres has partitions of years that it does not have.
fn pieces(grid: &Grid, gap: RangeBounds) -> Option<Vec<RangeBounds>> {
    let mut pieces = Vec::new();
    let mut from = gap.from();
    while from < gap.to() {
        if pieces.len() == MOST_PERIODS {
            return None;
        }
        let to = match from {
            Edge::At(at) => Edge::At(grid.next(at)?).min(gap.to()),
            Edge::MinValue | Edge::NegativeInfinity | Edge::Infinity | Edge::MaxValue => gap.to(),
        };
        pieces.extend(RangeBounds::new(from, to));
        from = to;
    }
    Some(pieces)
}

/// The gap-free stretch of attached partitions that `now` lies in.
fn coverage(observed: &ObservedTable, now: Edge) -> Option<Coverage> {
    let mut ranges: Vec<_> = observed.attached().filter_map(|p| p.bounds.as_range()).collect();
    ranges.sort_unstable();
    let mut stretches: Vec<Coverage> = Vec::new();
    for range in ranges {
        match stretches.last_mut() {
            Some(last) if last.until >= range.from() => last.until = last.until.max(range.to()),
            _ => stretches.push(Coverage { from: range.from(), until: range.to() }),
        }
    }
    stretches.into_iter().find(|stretch| stretch.from <= now && now < stretch.until)
}
