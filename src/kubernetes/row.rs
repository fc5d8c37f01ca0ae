//! Values of the metrics of one table.

use jiff::Timestamp;
use kube::ResourceExt;

use super::conversion_gauges::ConversionValues;
use super::exposition::{labels_of, number};
use super::last_seen::LastSeen;
use super::tables::Tables;
use super::watched::Watched;
use crate::api::v1alpha1::{
    CoverageBound, Interval, Mode, PartitionCounts, PartitionedTable, PartitionedTableSpec,
    PartitionedTableStatus,
};
use crate::api::{ConditionType, Reason};

/// Values of the metrics of one table. A value that is not known is absent.
#[derive(Default)]
pub(super) struct Row {
    /// Labels of the resource.
    pub(super) of: Box<str>,
    pub(super) last_success: Option<f64>,
    /// Values of the resource, or `None` if it cannot be parsed.
    pub(super) resource: Option<Resource>,
    /// Values of the last observed state.
    pub(super) seen: Option<Seen>,
}

/// Values of a resource.
pub(super) struct Resource {
    pub(super) suspended: bool,
    pub(super) plan_only: bool,
    pub(super) period_seconds: Option<u32>,
    /// Schema, strategy, and table; `None` before the first status.
    pub(super) info: Option<[Box<str>; 3]>,
    /// Type and status of each condition, sorted by type.
    pub(super) conditions: Box<[(Box<str>, Truth)]>,
    pub(super) covered: Option<f64>,
    pub(super) next_action: Option<f64>,
}

/// Values of a table that was inspected.
pub(super) struct Seen {
    pub(super) plan_steps: usize,
    /// Number of deferred steps of each blocker, sorted by name.
    pub(super) deferred: Box<[(&'static str, u32)]>,
    /// Number of partitions in each state.
    pub(super) counts: Option<PartitionCounts>,
    pub(super) conversion: Option<Box<ConversionValues>>,
}

/// Status of a condition.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth {
    False,
    True,
    Unknown,
}

impl Truth {
    /// All of them and their names, sorted by name.
    pub(super) const ALL: [(&'static str, Self); 3] =
        [("False", Self::False), ("True", Self::True), ("Unknown", Self::Unknown)];

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, truth)| truth)
    }
}

impl Row {
    pub(super) fn new(watched: &Watched, tables: &Tables, now: Timestamp) -> Self {
        let uid = watched.uid().unwrap_or_default();
        let namespace = watched.namespace().unwrap_or_default();
        let last_success = tables.last_success(&uid).map(seconds);
        let of = labels_of(&namespace, &watched.name_any()).into();
        let Ok(table) = watched.table() else {
            return Self { of, last_success, ..Self::default() };
        };
        let seen = tables.last_seen(&uid);
        let seen = seen.map(|last_seen| Seen::new(&last_seen, table.status.as_ref()));
        Self { of, last_success, resource: Some(Resource::new(&table, now)), seen }
    }
}

impl Resource {
    fn new(table: &PartitionedTable, now: Timestamp) -> Self {
        let (spec, status) = (&table.spec, table.status.as_ref());
        let condition = |condition: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition| {
            let truth = Truth::from_name(&condition.status)?;
            Some((condition.type_.as_str().into(), truth))
        };
        let mut conditions: Vec<(Box<str>, _)> =
            status.iter().flat_map(|status| &status.conditions).filter_map(condition).collect();
        conditions.sort_by(|(a, _), (b, _)| a.cmp(b));
        let info = |status: &PartitionedTableStatus| {
            let strategy = status.strategy.as_deref().unwrap_or_default();
            [spec.schema.as_str(), strategy, &spec.table].map(Box::from)
        };
        let range = spec.partition_by.range.as_ref();
        Self {
            suspended: spec.suspend,
            plan_only: spec.mode == Mode::Plan,
            period_seconds: range.map(|range| shortest_period(range.interval)),
            info: status.map(info),
            conditions: conditions.into(),
            covered: status.and_then(|status| covered(spec, status, now)),
            next_action: status
                .and_then(|status| status.next_action_at.as_ref())
                .map(|due| seconds(due.0)),
        }
    }
}

impl Seen {
    fn new(last_seen: &LastSeen, status: Option<&PartitionedTableStatus>) -> Self {
        let mut deferred = Vec::<(&'static str, u32)>::new();
        for step in &last_seen.deferred {
            match deferred.iter_mut().find(|(blocker, _)| *blocker == step.blocker) {
                Some((_, count)) => *count += 1,
                None => deferred.push((step.blocker, 1)),
            }
        }
        let blocked = Reason::SwapBlocked.as_str();
        let converted = status.and_then(|status| status.condition(ConditionType::Converted));
        if converted.is_some_and(|converted| converted.reason == blocked) {
            // A swap that met a lock is planned again, and still counts as deferred.
            deferred.retain(|(blocker, _)| *blocker != blocked);
            deferred.push((blocked, 1));
        }
        deferred.sort_unstable();
        let copy = last_seen.copy.as_deref();
        Self {
            plan_steps: last_seen.steps,
            deferred: deferred.into(),
            counts: status.and_then(|status| status.partitions.clone()),
            conversion: status.and_then(|status| ConversionValues::new(status, copy)),
        }
    }
}

/// Returns the coverage from the last observed partitions, which end even if the table cannot be inspected.
fn covered(
    spec: &PartitionedTableSpec,
    status: &PartitionedTableStatus,
    now: Timestamp,
) -> Option<f64> {
    match status.covered_until {
        Some(CoverageBound::Infinity) => Some(f64::INFINITY),
        Some(CoverageBound::NegativeInfinity) => Some(0.0),
        Some(CoverageBound::At(until)) => Some(until.duration_since(now).as_secs_f64().max(0.0)),
        None => lacks_current_period(spec, status).then_some(0.0),
    }
}

/// Returns whether a range was inspected, and has no partition for the current period.
fn lacks_current_period(spec: &PartitionedTableSpec, status: &PartitionedTableStatus) -> bool {
    let covered = status.condition(ConditionType::Covered);
    spec.partition_by.range.is_some() && covered.is_some_and(|covered| covered.status == "False")
}

fn seconds(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}

/// Returns the shortest that a period can be, in seconds: a day that loses an hour, a February.
pub(super) const fn shortest_period(interval: Interval) -> u32 {
    const HOUR: u32 = 3_600;
    const DAY: u32 = 24 * HOUR;
    match interval {
        Interval::Hour => HOUR,
        Interval::Day => DAY - HOUR,
        Interval::Week => 7 * DAY - HOUR,
        Interval::Month => 28 * DAY,
        Interval::Quarter => 90 * DAY,
        Interval::Year => 365 * DAY,
    }
}

/// Returns the number of partitions in each state that is known.
pub(super) fn partition_counts(counts: &PartitionCounts) -> [(&'static str, Option<f64>); 5] {
    [
        ("attached", counts.attached),
        ("detached", counts.detached),
        ("missing", counts.missing),
        ("pending_detach", counts.pending_detach),
        ("unmanaged", counts.unmanaged),
    ]
    .map(|(state, count)| (state, count.map(|count| number(count.into()))))
}
