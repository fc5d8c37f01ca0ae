//! Every metric: what the operator counts, and what is known of each table when somebody asks.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use prometheus::core::Collector;
use prometheus::{
    Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry,
    TextEncoder,
};

use super::tables::{Tables, Watched};
use crate::api::ConditionType;
use crate::api::v1alpha1::{PartitionedTable, PartitionedTableStatus};

/// How long a step or a reconcile takes, in seconds.
const BUCKETS: [f64; 10] = [0.005, 0.02, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0, 3_600.0];

/// A metric, as its page describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricDescription {
    /// Its name.
    pub name: String,
    /// `counter`, `gauge` or `histogram`.
    pub kind: String,
    /// The labels of its series.
    pub labels: Vec<String>,
    /// What it says.
    pub help: String,
}

/// Every metric there is.
///
/// # Errors
/// Never, unless two have one name.
pub fn describe_metrics() -> prometheus::Result<Vec<MetricDescription>> {
    let (metrics, tables) = (Metrics::new()?, TableGauges::new()?);
    let described = tables.collectors().into_iter().chain(metrics.collectors());
    Ok(described.flat_map(describe).collect())
}

fn describe(collector: &dyn Collector) -> Vec<MetricDescription> {
    let families = collector.collect();
    let described = collector.desc().into_iter().zip(&families).map(|(desc, family)| {
        let fixed = desc.const_label_pairs.iter().map(|pair| pair.name().to_owned());
        MetricDescription {
            name: desc.fq_name.clone(),
            kind: format!("{:?}", family.get_field_type()).to_lowercase(),
            labels: desc.variable_labels.iter().cloned().chain(fixed).collect(),
            help: desc.help.clone(),
        }
    });
    described.collect()
}

/// What the operator counts.
pub(super) struct Metrics {
    registry: Registry,
    build: Gauge,
    reconciles: IntCounterVec,
    reconcile_duration: HistogramVec,
    steps: IntCounterVec,
    step_duration: HistogramVec,
    lock_timeouts: IntCounterVec,
    leader: IntGauge,
}

impl Metrics {
    pub(super) fn new() -> prometheus::Result<Self> {
        let build = Opts::new("pgpartition_build_info", "Which build this is")
            .const_label("version", env!("CARGO_PKG_VERSION"))
            .const_label("revision", option_env!("PGPARTITION_REVISION").unwrap_or("unknown"));
        let metrics = Self {
            registry: Registry::new(),
            build: Gauge::with_opts(build)?,
            reconciles: counter(
                "pgpartition_reconcile_total",
                "Reconciles, by what they came to",
                &["result"],
            )?,
            reconcile_duration: histogram(
                "pgpartition_reconcile_duration_seconds",
                "How long reconciles take",
                &[],
            )?,
            steps: counter(
                "pgpartition_steps_total",
                "Steps, by what became of them",
                &["step", "result"],
            )?,
            step_duration: histogram(
                "pgpartition_step_duration_seconds",
                "How long steps take, retries included",
                &["step"],
            )?,
            lock_timeouts: counter(
                "pgpartition_lock_timeouts_total",
                "Locks that could not be had within lockTimeout",
                &["step"],
            )?,
            leader: IntGauge::new("pgpartition_leader", "Whether this replica leads")?,
        };
        metrics.build.set(1.0);
        metrics.registry.register(Box::new(metrics.build.clone()))?;
        metrics.registry.register(Box::new(metrics.reconciles.clone()))?;
        metrics.registry.register(Box::new(metrics.reconcile_duration.clone()))?;
        metrics.registry.register(Box::new(metrics.steps.clone()))?;
        metrics.registry.register(Box::new(metrics.step_duration.clone()))?;
        metrics.registry.register(Box::new(metrics.lock_timeouts.clone()))?;
        metrics.registry.register(Box::new(metrics.leader.clone()))?;
        Ok(metrics)
    }

    fn collectors(&self) -> [&dyn Collector; 7] {
        [
            &self.reconciles,
            &self.reconcile_duration,
            &self.steps,
            &self.step_duration,
            &self.lock_timeouts,
            &self.leader,
            &self.build,
        ]
    }

    pub(super) fn reconciled(&self, ready: bool, took: Duration) {
        let result = if ready { "ready" } else { "not_ready" };
        self.reconciles.with_label_values(&[result]).inc();
        self.reconcile_duration.with_label_values::<&str>(&[]).observe(took.as_secs_f64());
    }

    pub(super) fn step_ended(&self, step: &str, done: bool, took: Duration) {
        let result = if done { "done" } else { "failed" };
        self.steps.with_label_values(&[step, result]).inc();
        self.step_duration.with_label_values(&[step]).observe(took.as_secs_f64());
    }

    pub(super) fn lock_timed_out(&self, step: &str) {
        self.lock_timeouts.with_label_values(&[step]).inc();
    }

    pub(super) fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// Everything in Prometheus' text format. What is told of a table is gathered anew each time, so
    /// that a deleted resource takes its series with it.
    pub(super) fn scrape(
        &self,
        watched: &[Arc<Watched>],
        tables: &Tables,
        now: Timestamp,
    ) -> prometheus::Result<String> {
        let gauges = TableGauges::new()?;
        for watched in watched {
            gauges.tell(watched, tables, now);
        }
        let mut families = self.registry.gather();
        families.extend(gauges.registry.gather());
        TextEncoder::new().encode_to_string(&families)
    }
}

/// What is known of each table. A value that is not known is absent.
struct TableGauges {
    registry: Registry,
    partitions: GaugeVec,
    covered_seconds: GaugeVec,
    default_rows: GaugeVec,
    condition: GaugeVec,
    last_success: GaugeVec,
    plan_steps: GaugeVec,
    plan_deferred: GaugeVec,
    next_action: GaugeVec,
    suspended: GaugeVec,
    info: GaugeVec,
}

impl TableGauges {
    fn new() -> prometheus::Result<Self> {
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
                "From now to the end of gap-free coverage, as it was last seen",
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
                "When the table was last seen to be as its spec says",
                &[],
            )?,
            plan_steps: gauge("pgpartition_plan_steps", "Steps left to do", &[])?,
            plan_deferred: gauge(
                "pgpartition_plan_deferred",
                "What is held back, by what stands in the way",
                &["blocker"],
            )?,
            next_action: gauge(
                "pgpartition_next_action_timestamp_seconds",
                "When something is due next, though nobody changes anything",
                &[],
            )?,
            suspended: gauge("pgpartition_suspended", "Whether the spec says suspend", &[])?,
            info: gauge(
                "pgpartition_info",
                "Which table it is and how it is partitioned",
                &["schema", "table", "strategy"],
            )?,
            registry,
        })
    }

    fn collectors(&self) -> [&dyn Collector; 10] {
        [
            &self.info,
            &self.condition,
            &self.covered_seconds,
            &self.partitions,
            &self.default_rows,
            &self.plan_steps,
            &self.plan_deferred,
            &self.next_action,
            &self.last_success,
            &self.suspended,
        ]
    }

    fn tell(&self, watched: &Watched, tables: &Tables, now: Timestamp) {
        let (namespace, name) = (watched.namespace().unwrap_or_default(), watched.name_any());
        let uid = watched.uid().unwrap_or_default();
        let of = [namespace.as_str(), name.as_str()];
        if let Some(at) = tables.last_success(&uid) {
            self.last_success.with_label_values(&of).set(at.as_duration().as_secs_f64());
        }
        let Ok(table) = &watched.0 else { return };
        self.tell_resource(of, table);
        if let Some(status) = &table.status {
            self.tell_times(of, status, now);
        }
        let Some(sight) = tables.sight(&uid) else { return };
        self.plan_steps.with_label_values(&of).set(count(sight.remaining.steps.len()));
        for deferral in &sight.remaining.deferred {
            let labels = [of[0], of[1], deferral.blocker.name()];
            self.plan_deferred.with_label_values(&labels).inc();
        }
        if let Some(status) = &table.status {
            self.tell_counts(of, status);
        }
    }

    fn tell_resource(&self, of: [&str; 2], table: &PartitionedTable) {
        let spec = &table.spec;
        self.suspended.with_label_values(&of).set(f64::from(u8::from(spec.suspend)));
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

    fn tell_counts(&self, of: [&str; 2], status: &PartitionedTableStatus) {
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

    /// Partitions that are there run out, whether or not anybody can look at them.
    fn tell_times(&self, of: [&str; 2], status: &PartitionedTableStatus, now: Timestamp) {
        if let Some(due) = &status.next_action_at {
            self.next_action.with_label_values(&of).set(due.0.as_duration().as_secs_f64());
        }
        let covered = match status.covered_until.as_deref() {
            Some("infinity") => Some(f64::INFINITY),
            Some(until) => until
                .parse()
                .ok()
                .map(|until: Timestamp| until.duration_since(now).as_secs_f64().max(0.0)),
            None => takes_no_row_of_now(status).then_some(0.0),
        };
        if let Some(covered) = covered {
            self.covered_seconds.with_label_values(&of).set(covered);
        }
    }
}

/// Whether a range was looked at, and has no partition for rows of now.
fn takes_no_row_of_now(status: &PartitionedTableStatus) -> bool {
    let covered = ConditionType::Covered.as_str();
    let says_so = |of: &Condition| of.type_ == covered && of.status == "False";
    let is_range = status.strategy.as_deref().is_some_and(|of| of.starts_with("Range"));
    is_range && status.covered_until.is_none() && status.conditions.iter().any(says_so)
}

fn counter(name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntCounterVec> {
    IntCounterVec::new(Opts::new(name, help), labels)
}

fn histogram(name: &str, help: &str, labels: &[&str]) -> prometheus::Result<HistogramVec> {
    HistogramVec::new(HistogramOpts::new(name, help).buckets(BUCKETS.to_vec()), labels)
}

#[allow(clippy::cast_precision_loss, reason = "Prometheus has no other numbers")]
fn count(count: usize) -> f64 {
    count as f64
}
