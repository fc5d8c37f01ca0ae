//! Number of partitions that a conversion creates, and the lower bound of the first one.

use super::super::{Calendar, Gaps, PlanTime};
use crate::desired::{
    ConversionMethod, DesiredConversion, DesiredRange, DesiredTable, Partitioning,
};
use crate::observed::{ObservedTable, OldestRow, PlainTable};
use crate::partition::{Edge, KeyRange, RangeBounds, RangeKey};

/// Partitions that a conversion creates.
pub(super) struct LeafPartitions<'a> {
    /// Number of partitions including the default partition, or `None` if it is unknown or exceeds the limit.
    pub(super) count: Option<usize>,
    /// Origin of the lower bound of the first partition.
    pub(super) first_bound: FirstBound<'a>,
}

/// Origin of the lower bound of the first partition.
pub(super) enum FirstBound<'a> {
    /// No lower bound: the table is hash-partitioned, no row is before the current period, or the plain table holds all older
    /// rows.
    Unbounded,
    /// `startAt`. Older rows go to the default partition.
    StartAt,
    /// The oldest row, with its period.
    OldestRow(KeyRange),
    /// The oldest row, which was not found; `None` if Postgres was not asked.
    Unknown(Option<&'a OldestRow>),
    /// `startAt` or the oldest row; from there to the current period there are more periods than the limit.
    TooEarly {
        /// Range from there to the current period.
        range: KeyRange,
        /// Whether the range begins with `startAt`.
        is_declared: bool,
    },
}

impl<'a> LeafPartitions<'a> {
    /// Returns the partitions, or `None` if the spec and the table contradict each other.
    pub(super) fn new(
        desired: &DesiredTable,
        conversion: &DesiredConversion,
        (observed, plain): (&'a ObservedTable, &PlainTable),
        time: &PlanTime,
    ) -> Option<Self> {
        let oldest = observed.oldest_row.as_deref();
        let is_declared = match &desired.partitioning {
            Partitioning::Range(range) => range.start_at.is_some(),
            Partitioning::Hash(_) => false,
        };
        let converting = desired.while_converting(oldest.and_then(OldestRow::position));
        match (&converting.partitioning, &conversion.method) {
            (Partitioning::Hash(hash), _) => {
                let count = usize::try_from(hash.partitions).ok();
                Some(Self { count, first_bound: FirstBound::Unbounded })
            }
            (Partitioning::Range(range), ConversionMethod::Copy(_)) => {
                Self::from_range(range, oldest, is_declared, (observed, plain), time)
            }
            (Partitioning::Range(range), ConversionMethod::Attach) => {
                // The plain table takes all rows up to the end of the current period.
                let range = DesiredRange { start_at: None, ..range.clone() };
                let from_range =
                    Self::from_range(&range, oldest, is_declared, (observed, plain), time)?;
                Some(Self { first_bound: FirstBound::Unbounded, ..from_range })
            }
        }
    }

    fn from_range(
        range: &DesiredRange,
        oldest: Option<&'a OldestRow>,
        is_declared: bool,
        (observed, plain): (&'a ObservedTable, &PlainTable),
        time: &PlanTime,
    ) -> Option<Self> {
        let key =
            RangeKey { column: range.column.clone(), key_type: plain.key_type(&range.column)? };
        // A conversion ignores the schedule.
        let calendar = Calendar::new(range, key.key_type, &PlanTime::at(time.now))?;
        let of = |range: RangeBounds| KeyRange { key: key.clone(), range };
        let gaps = Gaps::new(&calendar, observed);
        if let Some(range) = gaps.too_wide.first() {
            let first_bound = FirstBound::TooEarly { range: of(*range), is_declared };
            return Some(Self { count: None, first_bound });
        }
        let first_bound = match oldest {
            _ if is_declared => FirstBound::StartAt,
            Some(OldestRow::At(at)) if Edge::At(*at) < calendar.current.from() => {
                FirstBound::OldestRow(of(calendar.grid.period(*at)?))
            }
            Some(OldestRow::Absent | OldestRow::At(_)) => FirstBound::Unbounded,
            Some(OldestRow::TooSlow | OldestRow::Failed { .. }) | None => {
                FirstBound::Unknown(oldest)
            }
        };
        let is_known = observed.copy.is_some() || !matches!(first_bound, FirstBound::Unknown(_));
        let of_ranges = observed.attached().filter(|p| p.bounds.as_range().is_some()).count();
        // A table has a default partition during its conversion.
        Some(Self { count: is_known.then_some(of_ranges + gaps.missing.len() + 1), first_bound })
    }

    /// Returns how to get fewer partitions, as the end of a sentence.
    pub(super) fn advise_fewer(&self) -> String {
        match &self.first_bound {
            FirstBound::OldestRow(period) => format!(
                "; the oldest row is in {}: set spec.partitionBy.range.startAt to begin later (rows before it go to \
                 the default partition)",
                period.display()
            ),
            FirstBound::StartAt => {
                "; set a later spec.partitionBy.range.startAt or a longer interval to have fewer"
                    .to_owned()
            }
            FirstBound::Unbounded | FirstBound::Unknown(_) | FirstBound::TooEarly { .. } => {
                "; set a longer interval or fewer hash partitions to have fewer".to_owned()
            }
        }
    }
}
