//! Metrics of each table, collected when Prometheus scrapes.

use std::sync::Arc;

use jiff::Timestamp;

use super::conversion_gauges::CONVERSION_FAMILIES;
use super::exposition::{Family, flag, number};
use super::row::{Row, Truth, partition_counts};
use super::tables::Tables;
use super::watched::Watched;

/// Metrics of each table that is not converted, in the order of their reference page.
static TABLE_FAMILIES: [Family; 12] = [
    Family {
        name: "pgpartition_info",
        help: "Table and how it is partitioned",
        labels: &["schema", "table", "strategy"],
        add: |row, series| {
            if let Some([schema, strategy, table]) =
                row.resource.iter().find_map(|r| r.info.as_ref())
            {
                let labels = [("schema", &**schema), ("strategy", strategy), ("table", table)];
                series.add_labeled(labels, 1.0);
            }
        },
    },
    Family {
        name: "pgpartition_condition",
        help: "Whether a condition has a status",
        labels: &["type", "status"],
        add: |row, series| {
            let conditions = || row.resource.iter().flat_map(|resource| &resource.conditions);
            for (status, truth) in Truth::ALL {
                for (type_, holds) in conditions() {
                    series
                        .add_labeled([("status", status), ("type", type_)], flag(*holds == truth));
                }
            }
        },
    },
    Family {
        name: "pgpartition_covered_seconds",
        help: "Time from now to the end of coverage without gaps, as last inspected, in seconds",
        labels: &[],
        add: |row, series| series.add(row.resource.as_ref().and_then(|resource| resource.covered)),
    },
    Family {
        name: "pgpartition_period_seconds",
        help: "Shortest length of a period of spec.partitionBy.range, in seconds",
        labels: &[],
        add: |row, series| {
            let seconds = row.resource.as_ref().and_then(|resource| resource.period_seconds);
            series.add(seconds.map(f64::from));
        },
    },
    Family {
        name: "pgpartition_partitions",
        help: "Partitions, by state",
        labels: &["state"],
        add: |row, series| {
            let counts = row.seen.as_ref().and_then(|seen| seen.counts.as_ref());
            for (state, count) in counts.into_iter().flat_map(partition_counts) {
                series.add_labeled([("state", state)], count);
            }
        },
    },
    Family {
        name: "pgpartition_default_rows",
        help: "Rows in the default partition",
        labels: &[],
        add: |row, series| {
            let counts = row.seen.as_ref().and_then(|seen| seen.counts.as_ref());
            let rows = counts.and_then(|counts| counts.default_rows).filter(|rows| *rows >= 0);
            series.add(rows.map(number));
        },
    },
    Family {
        name: "pgpartition_plan_steps",
        help: "Steps of the plan that are not executed yet",
        labels: &[],
        add: |row, series| series.add(row.seen.as_ref().map(|seen| count(seen.plan_steps))),
    },
    Family {
        name: "pgpartition_plan_deferred",
        help: "Deferred steps, by blocker",
        labels: &["blocker"],
        add: |row, series| {
            for (blocker, count) in row.seen.iter().flat_map(|seen| &seen.deferred) {
                series.add_labeled([("blocker", blocker)], f64::from(*count));
            }
        },
    },
    Family {
        name: "pgpartition_next_action_timestamp_seconds",
        help: "Time at which the next step becomes due if nothing else changes, in Unix time",
        labels: &[],
        add: |row, series| {
            series.add(row.resource.as_ref().and_then(|resource| resource.next_action));
        },
    },
    Family {
        name: "pgpartition_last_success_timestamp_seconds",
        help: "Last time at which the table matched its spec, in Unix time",
        labels: &[],
        add: |row, series| series.add(row.last_success),
    },
    Family {
        name: "pgpartition_suspended",
        help: "Whether spec.suspend is true",
        labels: &[],
        add: |row, series| series.add(row.resource.as_ref().map(|r| flag(r.suspended))),
    },
    Family {
        name: "pgpartition_plan_only",
        help: "Whether spec.mode is Plan",
        labels: &[],
        add: |row, series| series.add(row.resource.as_ref().map(|r| flag(r.plan_only))),
    },
];

static FAMILIES: [&[Family]; 2] = [&TABLE_FAMILIES, &CONVERSION_FAMILIES];

/// Returns every metric of tables, in the order of their reference page.
pub(super) fn families() -> impl Iterator<Item = &'static Family> {
    FAMILIES.iter().copied().flatten()
}

/// Returns the metrics of tables in the Prometheus text format, in parts. They are collected now, so that a deleted
/// resource takes its series with it.
pub(super) fn table_metrics(
    watched: &[Arc<Watched>],
    tables: &Tables,
    now: Timestamp,
) -> impl Iterator<Item = String> + use<> {
    let mut rows: Vec<_> = watched.iter().map(|watched| Row::new(watched, tables, now)).collect();
    rows.sort_unstable_by(|a, b| a.of.cmp(&b.of));
    let rows: Arc<[Row]> = rows.into();
    let mut families: Vec<_> = families().collect();
    families.sort_unstable_by_key(|family| family.name);
    families.into_iter().flat_map(move |family| family.parts(Arc::clone(&rows)))
}

#[allow(clippy::cast_precision_loss, reason = "Prometheus has no other numbers")]
fn count(count: usize) -> f64 {
    count as f64
}
