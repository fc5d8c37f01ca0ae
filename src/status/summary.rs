//! Counts and times of a status.

use jiff::Timestamp;

use super::Observation;
use crate::api::v1alpha1::{CoverageBound, PartitionCounts, PlanSummary};
use crate::desired::Partitioning;
use crate::observed::{ObservedTable, PartitionState};
use crate::partition::{Bounds, Edge, Identifier};
use crate::plan::{self, Calendar, Coverage, Deferral, Gaps, Plan, PlannedStep, PlannedWork, Step};

/// The lines that a status shows of a plan.
const PREVIEW_LINES: usize = 10;

/// Returns the partition key and method in one line: `Range(Month) on occurred_at`.
#[must_use]
pub fn strategy(partitioning: &Partitioning) -> String {
    let columns: Vec<_> = partitioning.columns().iter().map(Identifier::display).collect();
    let method = match partitioning {
        Partitioning::Range(range) => format!("Range({})", range.interval.as_str()),
        Partitioning::Hash(hash) => format!("Hash({})", hash.partitions),
    };
    format!("{method} on {}", columns.join(", "))
}

/// Returns the periods of a range, or `None` on a hash and if they are unknown.
pub(super) fn calendar(observation: &Observation<'_>) -> Option<Calendar> {
    let key_type = observation.observed.range_key()?.key_type;
    match &observation.desired.partitioning {
        Partitioning::Range(range) => Calendar::new(range, key_type, &observation.time),
        Partitioning::Hash(_) => None,
    }
}

/// Returns whether the hash partitions take every row; `None` if the table is not hash-partitioned.
pub(super) fn takes_every_remainder(observed: &ObservedTable) -> bool {
    let moduli: Vec<u64> = observed
        .attached()
        .filter_map(|partition| match partition.bounds {
            Bounds::Hash { modulus, .. } => Some(u64::from(modulus)),
            Bounds::Range(_) | Bounds::Default | Bounds::Other(_) => None,
        })
        .collect();
    // Each modulus is a factor of the largest, and no two partitions overlap.
    let largest = moduli.iter().max().copied().unwrap_or(0);
    let share = |modulus: &u64| largest.checked_div(*modulus).unwrap_or(0);
    largest > 0 && moduli.iter().map(share).fold(0, u64::saturating_add) == largest
}

pub(super) fn counts(observation: &Observation<'_>) -> Option<PartitionCounts> {
    let observed = observation.observed;
    observed.key()?;
    let count = |predicate: fn(&PartitionState) -> bool| {
        observed.partitions.iter().filter(|p| predicate(&p.state)).count()
    };
    Some(PartitionCounts {
        attached: number(observed.attached().count()),
        missing: missing(observation),
        unmanaged: number(observed.attached().filter(|p| !p.state.is_managed()).count()),
        detached: number(count(PartitionState::is_detached) + observed.unmarked.len()),
        pending_detach: number(count(PartitionState::is_pending_detach)),
        default_rows: default_rows(observed),
    })
}

fn missing(observation: &Observation<'_>) -> Option<i32> {
    match &observation.desired.partitioning {
        Partitioning::Range(_) => {
            let gaps = Gaps::new(&calendar(observation)?, observation.observed);
            if gaps.too_wide.is_empty() { number(gaps.missing.len()) } else { None }
        }
        Partitioning::Hash(_) if takes_every_remainder(observation.observed) => Some(0),
        Partitioning::Hash(_) => {
            let steps = observation.remaining.steps.iter();
            let attached = steps.filter(|p| matches!(p.step, Step::AttachPartition(_))).count();
            number(attached).filter(|attached| *attached > 0)
        }
    }
}

fn default_rows(observed: &ObservedTable) -> Option<i64> {
    match observed.default_partition() {
        None => Some(0),
        Some((default, _)) if default.bytes == 0 => Some(0),
        Some((default, _)) => {
            observed.default_count.or(default.rows).and_then(|rows| i64::try_from(rows).ok())
        }
    }
}

/// Returns the coverage without gaps that contains `now`.
pub(super) fn coverage(
    observation: &Observation<'_>,
) -> (Option<CoverageBound>, Option<CoverageBound>) {
    let Some(calendar) = calendar(observation) else { return (None, None) };
    let Some(coverage) = Coverage::new(&calendar, observation.observed) else {
        return (None, None);
    };
    let shown = |edge| match edge {
        Edge::MinValue | Edge::NegativeInfinity => Some(CoverageBound::NegativeInfinity),
        Edge::MaxValue | Edge::Infinity => Some(CoverageBound::Infinity),
        Edge::At(at) => calendar.grid.axis.instant(at).map(CoverageBound::At),
    };
    (shown(coverage.from), shown(coverage.until))
}

pub(super) fn next_action(observation: &Observation<'_>) -> Option<Timestamp> {
    plan::next_action(observation.desired, observation.observed, &observation.time)
}

pub(super) fn plan(plan: &Plan) -> Option<PlanSummary> {
    if plan.is_done() && plan.deferred.is_empty() {
        return None;
    }
    Some(PlanSummary {
        fingerprint: plan.fingerprint.clone(),
        steps: number(plan.steps.len())?,
        deferred: number(plan.deferred.len())?,
        preview: plan
            .steps
            .iter()
            .map(PlannedStep::line)
            .chain(plan.work.iter().map(PlannedWork::line))
            .chain(plan.deferred.iter().map(Deferral::line))
            .take(PREVIEW_LINES)
            .collect(),
    })
}

fn number(count: usize) -> Option<i32> {
    i32::try_from(count).ok()
}
