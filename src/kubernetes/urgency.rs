//! Urgency of a reconcile, as far as the status of the resource shows it before the table is inspected.

use jiff::{SignedDuration, Timestamp};

use super::row::shortest_period;
use crate::api::v1alpha1::{CoverageBound, PartitionedTable};
use crate::postgres::Urgency;

/// Time before the end of the coverage from which a run is [`Urgency::Now`].
const MARGIN: SignedDuration = SignedDuration::from_mins(30);

/// Returns how urgent a reconcile is. Without a status, a partition may be missing.
///
/// The periods to provide end more than `ahead` periods after the current time. So a table whose coverage ends earlier lacks
/// one. A period can be up to an eighth longer than the shortest one, as a month is.
pub(super) fn urgency(table: &PartitionedTable, now: Timestamp) -> Urgency {
    let spec = &table.spec;
    let Some(range) = &spec.partition_by.range else { return Urgency::Later };
    let Some(status) = &table.status else { return Urgency::Soon };
    let ends = match status.covered_until {
        Some(CoverageBound::At(ends)) => ends,
        Some(CoverageBound::Infinity) => return Urgency::Later,
        // The current time has no partition.
        Some(CoverageBound::NegativeInfinity) | None => return Urgency::Now,
    };
    let left = ends.duration_since(now);
    let period = i64::from(shortest_period(range.interval));
    let ahead = SignedDuration::from_secs(period.saturating_mul(i64::from(spec.ahead())) / 8 * 9);
    if left <= MARGIN {
        Urgency::Now
    } else if left <= ahead {
        Urgency::Soon
    } else {
        Urgency::Later
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::urgency;
    use crate::api::v1alpha1::PartitionedTable;
    use crate::postgres::Urgency;

    fn at_the_turn_of_the_month(covered_until: &serde_json::Value) -> Option<Urgency> {
        let table: PartitionedTable = serde_json::from_value(json!({
            "metadata": {"name": "revenues"},
            "spec": {
                "database": {"secretRef": {"name": "finance-db"}}, "table": "revenues",
                "partitionBy": {"range": {"column": "occurred_at", "interval": "Month"}}, "ahead": 3,
            },
            "status": {"coveredUntil": covered_until},
        }))
        .ok()?;
        Some(urgency(&table, "2026-11-01T00:00:00Z".parse::<Timestamp>().ok()?))
    }

    #[test]
    fn end_of_coverage_is_most_urgent_and_a_period_ahead_is_next() {
        for (covered_until, expected) in [
            (json!(null), Urgency::Now),
            (json!("2026-10-01T00:00:00Z"), Urgency::Now),
            (json!("2026-11-01T00:00:00Z"), Urgency::Now),
            (json!("2026-12-01T00:00:00Z"), Urgency::Soon),
            (json!("2027-02-01T00:00:00Z"), Urgency::Soon),
            (json!("2027-03-01T00:00:00Z"), Urgency::Later),
            (json!("infinity"), Urgency::Later),
        ] {
            assert_eq!(at_the_turn_of_the_month(&covered_until), Some(expected), "{covered_until}");
        }
    }
}
