//! The partitions that a table gets by its conversion: how many, and where those of a range begin.

use super::super::{Calendar, Gaps, PlanTime};
use crate::desired::{
    ConversionMethod, DesiredConversion, DesiredRange, DesiredTable, Partitioning,
};
use crate::observed::{ObservedTable, OldestRow, PlainTable};
use crate::partition::{Edge, KeyRange, RangeBounds, RangeKey};

/// The partitions that a table gets.
pub(super) struct Leaves<'a> {
    /// How many there are, with the default partition; or `None` if that is unknown or more than can be created.
    pub(super) count: Option<usize>,
    /// What decides where they begin.
    pub(super) begin: Begin<'a>,
}

/// What decides where the partitions of a table begin.
pub(super) enum Begin<'a> {
    /// Nothing: they are of a hash, or there is no row before the current period, or the plain table takes all of them.
    Nowhere,
    /// `startAt`. What is older goes to the default partition.
    StartAt,
    /// The oldest row: the table begins with its period.
    OldestRow(KeyRange),
    /// The oldest row, which was not found; `None` if Postgres was not asked.
    Unknown(Option<&'a OldestRow>),
    /// `startAt` or the oldest row, from where to now there are more periods than a table is given.
    TooEarly {
        /// The periods.
        range: KeyRange,
        /// Whether `startAt` decides.
        is_declared: bool,
    },
}

impl<'a> Leaves<'a> {
    /// Returns the partitions, or `None` if the spec and the table contradict each other.
    pub(super) fn new(
        desired: &DesiredTable,
        conversion: &DesiredConversion,
        (observed, plain): (&'a ObservedTable, &PlainTable),
        moment: &PlanTime,
    ) -> Option<Self> {
        let oldest = observed.oldest_row.as_deref();
        let is_declared = match &desired.partitioning {
            Partitioning::Range(range) => range.start_at.is_some(),
            Partitioning::Hash(_) => false,
        };
        let converting = desired.while_converting(oldest.and_then(OldestRow::place));
        match (&converting.partitioning, &conversion.method) {
            (Partitioning::Hash(hash), _) => {
                let count = usize::try_from(hash.partitions).ok();
                Some(Self { count, begin: Begin::Nowhere })
            }
            (Partitioning::Range(range), ConversionMethod::Copy(_)) => {
                Self::of_range(range, oldest, is_declared, (observed, plain), moment)
            }
            (Partitioning::Range(range), ConversionMethod::Attach) => {
                // The plain table takes everything up to the end of the current period.
                let range = DesiredRange { start_at: None, ..range.clone() };
                let of_range =
                    Self::of_range(&range, oldest, is_declared, (observed, plain), moment)?;
                Some(Self { begin: Begin::Nowhere, ..of_range })
            }
        }
    }

    fn of_range(
        range: &DesiredRange,
        oldest: Option<&'a OldestRow>,
        is_declared: bool,
        (observed, plain): (&'a ObservedTable, &PlainTable),
        moment: &PlanTime,
    ) -> Option<Self> {
        let key =
            RangeKey { column: range.column.clone(), key_type: plain.key_type(&range.column)? };
        // No schedule holds up a conversion.
        let calendar = Calendar::new(range, key.key_type, &PlanTime::at(moment.now))?;
        let of = |range: RangeBounds| KeyRange { key: key.clone(), range };
        let gaps = Gaps::new(&calendar, observed);
        if let Some(range) = gaps.too_wide.first() {
            let begin = Begin::TooEarly { range: of(*range), is_declared };
            return Some(Self { count: None, begin });
        }
        let begin = match oldest {
            _ if is_declared => Begin::StartAt,
            Some(OldestRow::At(at)) if Edge::At(*at) < calendar.current.from() => {
                Begin::OldestRow(of(calendar.grid.period(*at)?))
            }
            Some(OldestRow::Absent | OldestRow::At(_)) => Begin::Nowhere,
            Some(OldestRow::TooSlow | OldestRow::Failed { .. }) | None => Begin::Unknown(oldest),
        };
        let is_known = observed.copy.is_some() || !matches!(begin, Begin::Unknown(_));
        let of_ranges = observed.attached().filter(|p| p.bounds.as_range().is_some()).count();
        // While a table is converted it has a default partition.
        Some(Self { count: is_known.then_some(of_ranges + gaps.missing.len() + 1), begin })
    }

    /// Returns how there would be fewer partitions, as the rest of a sentence.
    pub(super) fn how_to_have_fewer(&self) -> String {
        match &self.begin {
            Begin::OldestRow(period) => format!(
                "; the oldest row lies in {}, and with spec.partitionBy.range.startAt the partitions begin later (rows \
                 before it go to the default partition)",
                period.display()
            ),
            Begin::StartAt => {
                "; with a later spec.partitionBy.range.startAt or a longer interval there are fewer"
                    .to_owned()
            }
            Begin::Nowhere | Begin::Unknown(_) | Begin::TooEarly { .. } => {
                "; with a longer interval or fewer hash partitions there are fewer".to_owned()
            }
        }
    }
}
