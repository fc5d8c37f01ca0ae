//! Ranges of a key: which are taken, and what is free between them.

use std::collections::BTreeMap;

use crate::partition::{Edge, RangeBounds};

/// Ranges that are taken. A question costs the logarithm of their number.
pub(super) struct OccupiedRanges(BTreeMap<Edge, Edge>);

impl OccupiedRanges {
    /// Takes ranges, which come in order and can overlap.
    pub(super) fn new(ranges: &[RangeBounds]) -> Self {
        let mut taken = BTreeMap::<Edge, Edge>::new();
        for range in ranges {
            match taken.last_entry() {
                Some(mut last) if *last.get() > range.from() => {
                    let end = range.to().max(*last.get());
                    last.insert(end);
                }
                Some(_) | None => {
                    taken.insert(range.from(), range.to());
                }
            }
        }
        Self(taken)
    }

    /// Returns whether no value of a range is taken.
    pub(super) fn is_free(&self, range: RangeBounds) -> bool {
        let nearest = self.0.range(..range.to()).next_back();
        nearest.is_none_or(|(_, end)| *end <= range.from())
    }

    /// Takes a range that is free.
    pub(super) fn add(&mut self, range: RangeBounds) {
        self.0.insert(range.from(), range.to());
    }
}

/// The parts of `all` that no range takes; the ranges come in order.
pub(super) fn free_within(occupied: &[RangeBounds], all: RangeBounds) -> Vec<RangeBounds> {
    let mut gaps = Vec::new();
    let mut free = all.from();
    for range in occupied {
        gaps.extend(RangeBounds::new(free, range.from().min(all.to())));
        free = free.max(range.to());
    }
    gaps.extend(RangeBounds::new(free, all.to()));
    gaps
}

/// The part of a gap before an edge, and the part after it.
pub(super) fn cut(gap: RangeBounds, at: Edge) -> impl Iterator<Item = RangeBounds> {
    let before = RangeBounds::new(gap.from(), gap.to().min(at));
    before.into_iter().chain(RangeBounds::new(gap.from().max(at), gap.to()))
}
