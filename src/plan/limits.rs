//! The numeric limits of a plan, and the reason for each.
//!
//! Limits of what a question reads are declared beside the question: [`MAX_BINS`](crate::observed::MAX_BINS),
//! and `MAX_COUNTED` in `sql`. Estimates that decide whether rows are moved are in `rules/provision/drain.rs`.

use jiff::SignedDuration;

/// Maximum number of missing partitions that are planned: at 5,000 partitions, planning a query that does not name
/// the key takes 183 ms.
pub(super) const MAX_PERIODS: usize = 5_000;

/// Maximum number of partitions, and indexes of partitions, that one plan creates. Without it, a plan for thousands
/// of periods with many indexes takes hundreds of MiB. The next run plans the rest.
pub(super) const MAX_RELATIONS: usize = 10_000;

/// Number of steps from which on a plan gets no further step for indexes. Computing, checking, and reading a plan for
/// every index on every partition would take longer than any run lasts. The next run plans the rest.
pub(super) const MAX_STEPS: usize = 10_000;

/// Maximum number of remainders of a hash that are counted one by one, which takes a byte each.
pub(super) const MAX_REMAINDERS: u32 = 1 << 16;

/// Maximum difference between the clock of the database and the operator's clock. If they differ by more, one of them
/// is wrong, and nothing expires. The checker has the same limit.
pub(super) const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(1);

/// Returns whether the clock of the database differs too much from the operator's clock, so that nothing expires.
#[must_use]
pub fn clocks_differ(clock_offset: SignedDuration) -> bool {
    clock_offset.abs() > MAX_CLOCK_SKEW
}

/// Minimum grace period: a table is dropped by a later run than the one that detached it, which has inspected it as
/// detached.
pub(super) const MIN_GRACE_PERIOD: SignedDuration = SignedDuration::from_secs(1);

/// Number of sweeps in a row that may find differences. Each repairs what it finds; a difference that comes back has a
/// cause that a user has to find.
pub(super) const MAX_DIRTY_SWEEPS: u64 = 3;

/// Number of rows of the copy that one sweep repairs. If more differ, something else is wrong than a few missed writes.
pub(super) const MAX_REPAIRS: u64 = 100_000;

#[cfg(test)]
mod tests {
    use super::{MAX_PERIODS, MAX_RELATIONS, MAX_STEPS};

    const SIZING: &str = include_str!("../../docs/operate/sizing.md");
    const THREATS: &str = include_str!("../../docs/operate/threat-model.md");

    fn with_comma(number: usize) -> String {
        format!("{},{:03}", number / 1_000, number % 1_000)
    }

    #[test]
    fn pages_name_the_limits() {
        let words = |page: &str| page.split_whitespace().collect::<Vec<_>>().join(" ");
        let (sizing, threats) = (words(SIZING), words(THREATS));
        let periods = format!("does not create more than {} periods", with_comma(MAX_PERIODS));
        assert!(sizing.contains(&periods), "{periods}");
        let periods = format!("creates partitions of at most {} periods", with_comma(MAX_PERIODS));
        assert!(threats.contains(&periods), "{periods}");
        let relations = format!("in total at most {} partitions", with_comma(MAX_RELATIONS));
        assert!(threats.contains(&relations), "{relations}");
        let steps = format!("When a plan has {} steps", with_comma(MAX_STEPS));
        assert!(threats.contains(&steps), "{steps}");
    }
}
