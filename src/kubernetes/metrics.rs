//! All metrics: the counters of the operator, and the state of each table at the time of a scrape.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use prometheus::core::Collector;
use prometheus::{
    Gauge, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};

use super::exposition::Family;
use super::gauges::{families, table_metrics};
use super::tables::Tables;
use super::watched::Watched;

/// Buckets of durations, in seconds.
const BUCKETS: [f64; 10] = [0.005, 0.02, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0, 3_600.0];

/// A metric, as its page describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricDescription {
    /// Name of the metric, such as `pgpartition_leader`.
    pub name: String,
    /// `counter`, `gauge` or `histogram`.
    pub kind: String,
    /// The labels of its series.
    pub labels: Vec<String>,
    /// Meaning of the metric.
    pub help: String,
}

/// Every metric there is.
///
/// # Errors
/// Never, unless two have one name.
pub fn describe_metrics() -> prometheus::Result<Vec<MetricDescription>> {
    let metrics = Metrics::new()?;
    let of_operator = metrics.collectors().into_iter().flat_map(describe);
    Ok(families().map(describe_family).chain(of_operator).collect())
}

fn describe_family(family: &Family) -> MetricDescription {
    let labels = ["namespace", "name"].iter().chain(family.labels);
    MetricDescription {
        name: family.name.to_owned(),
        kind: "gauge".to_owned(),
        labels: labels.map(|label| (*label).to_owned()).collect(),
        help: family.help.to_owned(),
    }
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

/// Metrics of the operator itself.
pub(super) struct Metrics {
    registry: Registry,
    build: Gauge,
    reconciles: IntCounterVec,
    reconcile_duration: HistogramVec,
    round_tables: IntCounterVec,
    round_duration: HistogramVec,
    steps: IntCounterVec,
    step_duration: HistogramVec,
    lock_timeouts: IntCounterVec,
    leader: IntGauge,
}

impl Metrics {
    pub(super) fn new() -> prometheus::Result<Self> {
        let build = Opts::new("pgpartition_build_info", "Version and revision of the build")
            .const_label("version", env!("CARGO_PKG_VERSION"))
            .const_label("revision", option_env!("PGPARTITION_REVISION").unwrap_or("unknown"));
        let metrics = Self {
            registry: Registry::new(),
            build: Gauge::with_opts(build)?,
            reconciles: counter(
                "pgpartition_reconcile_total",
                "Reconciles, by result",
                &["result"],
            )?,
            reconcile_duration: histogram(
                "pgpartition_reconcile_duration_seconds",
                "Duration of reconciles, in seconds",
                &[],
            )?,
            round_tables: counter(
                "pgpartition_round_tables_total",
                "Tables inspected in rounds, by result",
                &["result"],
            )?,
            round_duration: histogram(
                "pgpartition_round_duration_seconds",
                "Duration of rounds, in seconds; a round inspects all quiet tables of one login",
                &[],
            )?,
            steps: counter(
                "pgpartition_steps_total",
                "Steps executed, by result",
                &["step", "result"],
            )?,
            step_duration: histogram(
                "pgpartition_step_duration_seconds",
                "Duration of steps including retries, in seconds",
                &["step"],
            )?,
            lock_timeouts: counter(
                "pgpartition_lock_timeouts_total",
                "Locks not acquired within lockTimeout",
                &["step"],
            )?,
            leader: IntGauge::new("pgpartition_leader", "Whether this replica leads")?,
        };
        metrics.build.set(1.0);
        metrics.registry.register(Box::new(metrics.build.clone()))?;
        metrics.registry.register(Box::new(metrics.reconciles.clone()))?;
        metrics.registry.register(Box::new(metrics.reconcile_duration.clone()))?;
        metrics.registry.register(Box::new(metrics.round_tables.clone()))?;
        metrics.registry.register(Box::new(metrics.round_duration.clone()))?;
        metrics.registry.register(Box::new(metrics.steps.clone()))?;
        metrics.registry.register(Box::new(metrics.step_duration.clone()))?;
        metrics.registry.register(Box::new(metrics.lock_timeouts.clone()))?;
        metrics.registry.register(Box::new(metrics.leader.clone()))?;
        Ok(metrics)
    }

    fn collectors(&self) -> [&dyn Collector; 9] {
        [
            &self.reconciles,
            &self.reconcile_duration,
            &self.round_tables,
            &self.round_duration,
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

    pub(super) fn round_ended(&self, unchanged: u64, changed: u64, took: Duration) {
        self.round_tables.with_label_values(&["unchanged"]).inc_by(unchanged);
        self.round_tables.with_label_values(&["changed"]).inc_by(changed);
        self.round_duration.with_label_values::<&str>(&[]).observe(took.as_secs_f64());
    }

    pub(super) fn step_ended(&self, step: &str, done: bool, took: Duration) {
        let result = if done { "done" } else { "failed" };
        self.steps.with_label_values(&[step, result]).inc();
        self.step_duration.with_label_values(&[step]).observe(took.as_secs_f64());
    }

    pub(super) fn lock_timed_out(&self, step: &str) {
        self.lock_timeouts.with_label_values(&[step]).inc();
    }

    pub(super) fn set_leader(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// Returns all metrics in the Prometheus text format, in parts.
    pub(super) fn scrape(
        &self,
        watched: &[Arc<Watched>],
        tables: &Tables,
        now: Timestamp,
    ) -> impl Iterator<Item = String> + use<> {
        // An encoder of text has no errors.
        let own = TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_default();
        std::iter::once(own).chain(table_metrics(watched, tables, now))
    }
}

fn counter(name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntCounterVec> {
    IntCounterVec::new(Opts::new(name, help), labels)
}

fn histogram(name: &str, help: &str, labels: &[&str]) -> prometheus::Result<HistogramVec> {
    HistogramVec::new(HistogramOpts::new(name, help).buckets(BUCKETS.to_vec()), labels)
}
