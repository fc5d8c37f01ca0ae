//! Missing partitions of a calendar, and the coverage of the existing ones.

use super::limits::MAX_PERIODS;
use super::ranges::{OccupiedRanges, cut, free_within};
use super::{Calendar, Cause};
use crate::observed::{ObservedPartition, ObservedTable};
use crate::partition::{Edge, Grid, RangeBounds};

/// Missing partitions of a calendar.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gaps {
    /// The partitions that are missing, most urgent first.
    pub missing: Vec<MissingPartition>,
    /// Ranges with more periods than one run creates.
    pub too_wide: Vec<RangeBounds>,
}

/// A partition that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissingPartition {
    /// Bounds of the partition.
    pub range: RangeBounds,
    /// Why it is wanted.
    pub cause: Cause,
}

/// A gap-free stretch of partitions; the default partition does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coverage {
    /// Beginning of the period.
    pub from: Edge,
    /// End of the period.
    pub until: Edge,
}

impl Gaps {
    /// Returns what a table lacks of the partitions that a calendar asks for.
    #[must_use]
    pub fn new(calendar: &Calendar, observed: &ObservedTable) -> Self {
        let mut found = Self::default();
        let mut occupied = occupied(observed);
        let again = retained_again(calendar, observed, &occupied);
        found.missing.extend(
            again
                .iter()
                .map(|range| MissingPartition { range: *range, cause: Cause::RetentionExtended }),
        );
        occupied.extend(again);
        occupied.sort_unstable();
        found.find_new(calendar, &occupied);
        found.limit(calendar.current.from());
        // What rows need now comes first, then what they will need soonest.
        let now = Edge::At(calendar.now);
        found.missing.sort_by_key(|missing| (missing.range.to() <= now, missing.range));
        found
    }

    /// Adds what no table was made for yet.
    fn find_new(&mut self, calendar: &Calendar, occupied: &[RangeBounds]) {
        let mut gaps = gaps(occupied, calendar.span);
        if calendar.current.from() >= calendar.span.to() {
            // The current period does not wait for the schedule.
            gaps.extend(free_within(occupied, calendar.current));
        }
        // Cut where the current period begins, so that no past is too wide for what rows need now.
        let current = calendar.current.from();
        for gap in gaps.into_iter().flat_map(|gap| cut(gap, current)) {
            let Some(gap) = range_to_keep(calendar, gap) else { continue };
            let Some(pieces) = pieces(&calendar.grid, gap) else {
                self.too_wide.push(gap);
                continue;
            };
            for range in pieces {
                let cause = cause(calendar, range, occupied);
                self.missing.push(MissingPartition { range, cause });
            }
        }
    }

    /// Omits the past if one run would create too many partitions.
    fn limit(&mut self, current: Edge) {
        if self.missing.len() <= MAX_PERIODS {
            return;
        }
        let oldest = self.missing.iter().map(|missing| missing.range.from()).min();
        self.missing.retain(|missing| missing.range.to() > current);
        self.too_wide.extend(oldest.and_then(|oldest| RangeBounds::new(oldest, current)));
    }
}

impl Coverage {
    /// Returns the stretch of attached partitions that now lies in, or `None` if there is no partition for now.
    #[must_use]
    pub fn new(calendar: &Calendar, observed: &ObservedTable) -> Option<Self> {
        let now = Edge::At(calendar.now);
        let mut ranges: Vec<_> = observed.attached().filter_map(|p| p.bounds.as_range()).collect();
        ranges.sort_unstable();
        let mut bins: Vec<Self> = Vec::new();
        for range in ranges {
            match bins.last_mut() {
                Some(last) if last.until >= range.from() => last.until = last.until.max(range.to()),
                _ => bins.push(Self { from: range.from(), until: range.to() }),
            }
        }
        bins.into_iter().find(|bin| bin.from <= now && now < bin.until)
    }

    /// Returns whether every instant from now to the last period ahead has a partition.
    #[must_use]
    pub fn is_complete(&self, calendar: &Calendar) -> bool {
        self.until >= calendar.span.to()
    }
}

/// Returns the ranges of partitions that the operator detached and that are kept now.
fn retained_again(
    calendar: &Calendar,
    observed: &ObservedTable,
    occupied: &[RangeBounds],
) -> Vec<RangeBounds> {
    let mut again = Vec::new();
    let mut taken = OccupiedRanges::new(occupied);
    let detached = observed.partitions.iter().filter(|p| p.state.is_detached_by_operator());
    // Do not wait for a table that the operator cannot attach if rows for its range can still arrive.
    let is_meant = |p: &ObservedPartition, range: &RangeBounds| {
        p.owned || range.to() <= Edge::At(calendar.now)
    };
    let ranges = detached.filter_map(|p| p.bounds.as_range().filter(|range| is_meant(p, range)));
    for range in ranges {
        if !calendar.is_past(range) && taken.is_free(range) {
            again.push(range);
            taken.add(range);
        }
    }
    again
}

/// The part of a gap that is kept, if there were partitions.
fn range_to_keep(calendar: &Calendar, gap: RangeBounds) -> Option<RangeBounds> {
    let from =
        calendar.created_from.map_or(gap.from(), |created_from| created_from.max(gap.from()));
    RangeBounds::new(from, gap.to())
}

fn cause(calendar: &Calendar, range: RangeBounds, occupied: &[RangeBounds]) -> Cause {
    let (now, upcoming) = (Edge::At(calendar.now), &calendar.upcoming);
    if range.contains(now) {
        return Cause::CurrentPeriod;
    }
    if range.from() > now {
        let before = upcoming.partition_point(|start| *start < range.from());
        let periods = (before + 1).min(upcoming.len());
        return Cause::Ahead(u32::try_from(periods).unwrap_or(u32::MAX));
    }
    let older = occupied.first().is_some_and(|first| first.to() <= range.from());
    if older { Cause::Gap } else { Cause::ProvidedPeriod }
}

/// Returns the ranges that no new partition may overlap, in order. A partition with a pending detach still counts:
/// Postgres rejects an overlap (42P17).
fn occupied(observed: &ObservedTable) -> Vec<RangeBounds> {
    let mut occupied: Vec<_> = observed
        .partitions
        .iter()
        .filter(|p| p.state.is_partition())
        .filter_map(|p| p.bounds.as_range())
        .collect();
    occupied.sort_unstable();
    occupied
}

/// Returns the free ranges within the span, and between partitions before it.
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
        if pieces.len() == MAX_PERIODS {
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
