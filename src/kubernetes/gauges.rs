//! Metrics of each table, collected when Prometheus scrapes.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use prometheus::core::Collector;
use prometheus::{GaugeVec, Opts, Registry};

use super::conversion_gauges::ConversionGauges;
use super::tables::{Tables, Watched};
use crate::api::v1alpha1::{
    CoverageBound, Interval, Mode, PartitionedTable, PartitionedTableSpec, PartitionedTableStatus,
};
use crate::api::{ConditionType, Reason};

/// Metrics of each table. A value that is not known is absent.
pub(super) struct TableGauges {
    pub(super) registry: Registry,
    partitions: GaugeVec,
    covered_seconds: GaugeVec,
    period_seconds: GaugeVec,
    default_rows: GaugeVec,
    condition: GaugeVec,
    last_success: GaugeVec,
    plan_steps: GaugeVec,
    plan_deferred: GaugeVec,
    next_action: GaugeVec,
    suspended: GaugeVec,
    plan_only: GaugeVec,
    info: GaugeVec,
    conversion: ConversionGauges,
}

impl TableGauges {
    pub(super) fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let gauge = |name: &str, help: &str, labels: &[&str]| {
            let labels = [&["namespace", "name"], labels].concat();
            let gauge = GaugeVec::new(Opts::new(name, help), &labels)?;
            registry.register(Box::new(gauge.clone()))?;
            prometheus::Result::Ok(gauge)
        };
        Ok(Self {
            partitions: gauge("pgpartition_partitions", "Partitions, by state", &["state"])?,
            covered_seconds: gauge(
                "pgpartition_covered_seconds",
                "Time from now to the end of coverage without gaps, as last inspected, in seconds",
                &[],
            )?,
            period_seconds: gauge(
                "pgpartition_period_seconds",
                "Shortest length of a period of spec.partitionBy.range, in seconds",
                &[],
            )?,
            default_rows: gauge("pgpartition_default_rows", "Rows in the default partition", &[])?,
            condition: gauge(
                "pgpartition_condition",
                "Whether a condition has a status",
                &["type", "status"],
            )?,
            last_success: gauge(
                "pgpartition_last_success_timestamp_seconds",
                "Last time at which the table matched its spec, in Unix time",
                &[],
            )?,
            plan_steps: gauge(
                "pgpartition_plan_steps",
                "Steps of the plan that are not executed yet",
                &[],
            )?,
            plan_deferred: gauge(
                "pgpartition_plan_deferred",
                "Deferred steps, by blocker",
                &["blocker"],
            )?,
            next_action: gauge(
                "pgpartition_next_action_timestamp_seconds",
                "Time of the next step that is due because of time alone, in Unix time",
                &[],
            )?,
            suspended: gauge("pgpartition_suspended", "Whether spec.suspend is true", &[])?,
            plan_only: gauge("pgpartition_plan_only", "Whether spec.mode is Plan", &[])?,
            info: gauge(
                "pgpartition_info",
                "Table and how it is partitioned",
                &["schema", "table", "strategy"],
            )?,
            conversion: ConversionGauges::new(&registry)?,
            registry,
        })
    }

    pub(super) fn collectors(&self) -> Vec<&dyn Collector> {
        let of_table: [&dyn Collector; 12] = [
            &self.info,
            &self.condition,
            &self.covered_seconds,
            &self.period_seconds,
            &self.partitions,
            &self.default_rows,
            &self.plan_steps,
            &self.plan_deferred,
            &self.next_action,
            &self.last_success,
            &self.suspended,
            &self.plan_only,
        ];
        of_table.into_iter().chain(self.conversion.collectors()).collect()
    }

    /// Sets what is known of one table.
    pub(super) fn set(&self, watched: &Watched, tables: &Tables, now: Timestamp) {
        let (namespace, name) = (watched.namespace().unwrap_or_default(), watched.name_any());
        let uid = watched.uid().unwrap_or_default();
        let of = [namespace.as_str(), name.as_str()];
        if let Some(at) = tables.last_success(&uid) {
            self.last_success.with_label_values(&of).set(at.as_duration().as_secs_f64());
        }
        let Ok(table) = &watched.0 else { return };
        self.set_resource(of, table);
        if let Some(status) = &table.status {
            self.set_times(of, table, status, now);
        }
        let Some(last_seen) = tables.last_seen(&uid) else { return };
        self.plan_steps.with_label_values(&of).set(count(last_seen.remaining.steps.len()));
        for deferral in &last_seen.remaining.deferred {
            let labels = [of[0], of[1], deferral.blocker.name()];
            self.plan_deferred.with_label_values(&labels).inc();
        }
        if let Some(status) = &table.status {
            if status.condition(ConditionType::Converted).is_some_and(is_blocked) {
                // A swap that met a lock is planned again, and still counts as deferred.
                let labels = [of[0], of[1], Reason::SwapBlocked.as_str()];
                self.plan_deferred.with_label_values(&labels).set(1.0);
            }
            self.set_counts(of, status);
            let wanted = last_seen.desired.conversion.as_ref();
            self.conversion.set(of, status, (wanted, last_seen.observed.copy.as_deref()));
        }
    }

    fn set_resource(&self, of: [&str; 2], table: &PartitionedTable) {
        let spec = &table.spec;
        self.suspended.with_label_values(&of).set(f64::from(u8::from(spec.suspend)));
        let plan_only = spec.mode == Mode::Plan;
        self.plan_only.with_label_values(&of).set(f64::from(u8::from(plan_only)));
        if let Some(range) = &spec.partition_by.range {
            let seconds = shortest_period(range.interval);
            self.period_seconds.with_label_values(&of).set(f64::from(seconds));
        }
        let Some(status) = &table.status else { return };
        let strategy = status.strategy.as_deref().unwrap_or_default();
        let labels = [of[0], of[1], &spec.schema, &spec.table, strategy];
        self.info.with_label_values(&labels).set(1.0);
        for condition in &status.conditions {
            for possible in ["True", "False", "Unknown"] {
                let holds = condition.status == possible;
                let labels = [of[0], of[1], &condition.type_, possible];
                self.condition.with_label_values(&labels).set(f64::from(u8::from(holds)));
            }
        }
    }

    fn set_counts(&self, of: [&str; 2], status: &PartitionedTableStatus) {
        if let Some(partitions) = &status.partitions {
            for (state, count) in [
                ("attached", partitions.attached),
                ("missing", partitions.missing),
                ("unmanaged", partitions.unmanaged),
                ("detached", partitions.detached),
                ("pending_detach", partitions.pending_detach),
            ] {
                if let Some(count) = count {
                    let labels = [of[0], of[1], state];
                    self.partitions.with_label_values(&labels).set(f64::from(count));
                }
            }
            if let Some(rows) = partitions.default_rows.and_then(|rows| usize::try_from(rows).ok())
            {
                self.default_rows.with_label_values(&of).set(count(rows));
            }
        }
    }

    /// Returns the coverage from the last observed partitions, which end even if the table cannot be inspected.
    fn set_times(
        &self,
        of: [&str; 2],
        table: &PartitionedTable,
        status: &PartitionedTableStatus,
        now: Timestamp,
    ) {
        if let Some(due) = &status.next_action_at {
            self.next_action.with_label_values(&of).set(due.0.as_duration().as_secs_f64());
        }
        let covered = match status.covered_until {
            Some(CoverageBound::Infinity) => Some(f64::INFINITY),
            Some(CoverageBound::NegativeInfinity) => Some(0.0),
            Some(CoverageBound::At(until)) => {
                Some(until.duration_since(now).as_secs_f64().max(0.0))
            }
            None => lacks_current_period(&table.spec, status).then_some(0.0),
        };
        if let Some(covered) = covered {
            self.covered_seconds.with_label_values(&of).set(covered);
        }
    }
}

fn is_blocked(converted: &Condition) -> bool {
    converted.reason == Reason::SwapBlocked.as_str()
}

/// Returns whether a range was inspected, and has no partition for the current period.
fn lacks_current_period(spec: &PartitionedTableSpec, status: &PartitionedTableStatus) -> bool {
    let covered = status.condition(ConditionType::Covered);
    spec.partition_by.range.is_some() && covered.is_some_and(|covered| covered.status == "False")
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

#[allow(clippy::cast_precision_loss, reason = "Prometheus has no other numbers")]
fn count(count: usize) -> f64 {
    count as f64
}
