//! Metrics of the conversion of each table.

use jiff::Timestamp;
use prometheus::core::Collector;
use prometheus::{GaugeVec, Opts, Registry};

use crate::api::v1alpha1::{
    ConversionStage, ConversionStatus, ParityStatus, PartitionedTableStatus, Side,
};
use crate::desired::{AfterCutover, ConversionMethod, DesiredConversion};
use crate::observed::CopyFacts;
use crate::partition;
use crate::status::{SyncTriggers, sync_triggers};

/// Metrics of conversions. A table that is not being converted has no series.
pub(super) struct ConversionGauges {
    stage: GaugeVec,
    serving: GaugeVec,
    backfill_rows: GaugeVec,
    sync_trigger: GaugeVec,
    parity_rows: GaugeVec,
    difference_rows: GaugeVec,
    mismatched_ranges: GaugeVec,
    repaired_rows: GaugeVec,
    checked: GaugeVec,
    source_drop: GaugeVec,
}

impl ConversionGauges {
    pub(super) fn new(registry: &Registry) -> prometheus::Result<Self> {
        let gauge = |name: &str, help: &str, labels: &[&str]| {
            let labels = [&["namespace", "name"], labels].concat();
            let gauge = GaugeVec::new(Opts::new(name, help), &labels)?;
            registry.register(Box::new(gauge.clone()))?;
            prometheus::Result::Ok(gauge)
        };
        Ok(Self {
            stage: gauge(
                "pgpartition_conversion_stage",
                "Whether the conversion of the table is at a stage",
                &["stage"],
            )?,
            serving: gauge(
                "pgpartition_serving",
                "Whether the table has the name that applications use: source or partitioned",
                &["from"],
            )?,
            backfill_rows: gauge(
                "pgpartition_backfill_rows",
                "Rows copied so far, and estimated total, while rows are copied",
                &["kind"],
            )?,
            sync_trigger: gauge(
                "pgpartition_sync_trigger",
                "Whether the triggers that keep the copy equal are in a state: enabled, altered, or missing",
                &["state"],
            )?,
            parity_rows: gauge(
                "pgpartition_parity_rows",
                "Rows of each table at the last complete comparison",
                &["side"],
            )?,
            difference_rows: gauge(
                "pgpartition_parity_difference_rows",
                "Rows that differed at the last complete comparison, including repaired ones",
                &[],
            )?,
            mismatched_ranges: gauge(
                "pgpartition_parity_mismatched_ranges",
                "Ranges of keys with rows that differed at the last complete comparison",
                &[],
            )?,
            repaired_rows: gauge(
                "pgpartition_parity_repaired_rows",
                "Rows of the copy repaired since the conversion began",
                &[],
            )?,
            checked: gauge(
                "pgpartition_parity_checked_timestamp_seconds",
                "End of the last complete comparison, in Unix time",
                &[],
            )?,
            source_drop: gauge(
                "pgpartition_source_drop_timestamp_seconds",
                "Time at which the drop of the source is due, in Unix time, while the source exists",
                &[],
            )?,
        })
    }

    pub(super) fn collectors(&self) -> [&dyn Collector; 10] {
        [
            &self.stage,
            &self.serving,
            &self.backfill_rows,
            &self.sync_trigger,
            &self.parity_rows,
            &self.difference_rows,
            &self.mismatched_ranges,
            &self.repaired_rows,
            &self.checked,
            &self.source_drop,
        ]
    }

    /// Sets the metrics of the conversion of one table.
    pub(super) fn set(
        &self,
        of: [&str; 2],
        status: &PartitionedTableStatus,
        (wanted, facts): (Option<&DesiredConversion>, Option<&CopyFacts>),
    ) {
        if let Some(conversion) = &status.conversion {
            self.set_progress(of, conversion);
        }
        if let Some(parity) = &status.parity {
            self.set_parity(of, parity);
        }
        let drop = wanted.zip(facts).and_then(|(wanted, facts)| source_drop(wanted, facts));
        set(&self.source_drop, &of, drop.map(Timestamp::as_second));
        let triggers = facts.and_then(sync_triggers);
        let possible = SyncTriggers::ALL.map(|triggers| (triggers.as_str(), triggers));
        set_one(&self.sync_trigger, of, possible, triggers.as_ref());
    }

    fn set_progress(&self, of: [&str; 2], conversion: &ConversionStatus) {
        let stages = ConversionStage::ALL.map(|stage| (stage.as_str(), stage));
        set_one(&self.stage, of, stages, conversion.stage.as_ref());
        let sides = [("source", Side::Source), ("partitioned", Side::Partitioned)];
        set_one(&self.serving, of, sides, conversion.serving.as_ref());
        for (kind, rows) in
            [("copied", conversion.copied_rows), ("estimated", conversion.estimated_rows)]
        {
            set(&self.backfill_rows, &[of[0], of[1], kind], rows);
        }
    }

    fn set_parity(&self, of: [&str; 2], parity: &ParityStatus) {
        for (side, rows) in
            [("source", parity.rows_source), ("partitioned", parity.rows_partitioned)]
        {
            set(&self.parity_rows, &[of[0], of[1], side], rows);
        }
        set(&self.difference_rows, &of, parity.difference_rows);
        set(&self.mismatched_ranges, &of, parity.mismatched_ranges);
        set(&self.repaired_rows, &of, parity.repaired_rows);
        set(&self.checked, &of, parity.checked_at.as_ref().map(|at| at.0.as_second()));
    }
}

/// Returns when the source is due to be dropped, whether or not something prevents it. Returns `None` if the spec keeps it.
fn source_drop(wanted: &DesiredConversion, facts: &CopyFacts) -> Option<Timestamp> {
    let ConversionMethod::Copy(options) = &wanted.method else { return None };
    let AfterCutover::Drop { after } = options.source else { return None };
    let is_served = [facts.serving, wanted.serve_from] == [partition::Side::Partitioned; 2];
    facts.serving_since().filter(|_| is_served)?.checked_add(after).ok()
}

/// Sets 1 for what holds and 0 for the rest, or nothing if it is not known what holds.
fn set_one<T: PartialEq, const N: usize>(
    gauge: &GaugeVec,
    of: [&str; 2],
    possible: [(&str, T); N],
    holds: Option<&T>,
) {
    let Some(holds) = holds else { return };
    for (label, value) in possible {
        let labels = [of[0], of[1], label];
        gauge.with_label_values(&labels).set(f64::from(u8::from(value == *holds)));
    }
}

#[allow(clippy::cast_precision_loss, reason = "Prometheus has no other numbers")]
fn set(gauge: &GaugeVec, labels: &[&str], value: Option<i64>) {
    if let Some(value) = value {
        gauge.with_label_values(labels).set(value as f64);
    }
}

#[cfg(test)]
mod tests {
    use prometheus::{Registry, TextEncoder};
    use serde_json::{Value, json};

    use super::ConversionGauges;
    use crate::api::v1alpha1::PartitionedTableStatus;
    use crate::desired::{DesiredConversion, DesiredTable};
    use crate::observed::CopyFacts;

    fn lines(status: Value) -> Vec<String> {
        lines_of(status, None, None)
    }

    fn lines_of(
        status: Value,
        wanted: Option<&DesiredConversion>,
        facts: Option<&CopyFacts>,
    ) -> Vec<String> {
        let registry = Registry::new();
        let gauges = ConversionGauges::new(&registry).expect("each has its own name");
        let status: PartitionedTableStatus = serde_json::from_value(status).expect("a status");
        gauges.set(["finance", "balances"], &status, (wanted, facts));
        let text = TextEncoder::new().encode_to_string(&registry.gather()).expect("text");
        let of = "name=\"balances\",namespace=\"finance\"";
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let lines = lines.map(|line| {
            let label = line.replace(&format!("{of},"), "").replace(&format!(",{of}"), "");
            label.replace(&format!("{{{of}}}"), "")
        });
        lines.filter(|line| !line.ends_with("} 0")).collect()
    }

    /// A table whose source is dropped a day after it lost its name, at noon of November 25.
    fn served(after_cutover: &str) -> (DesiredTable, CopyFacts) {
        let table = json!({
            "apiVersion": "pgpartition.dev/v1alpha1", "kind": "PartitionedTable",
            "metadata": {"name": "balances"},
            "spec": {
                "table": "balances", "partitionBy": {"hash": {"columns": ["org"], "partitions": 2}},
                "conversion": {
                    "method": "Copy", "serveFrom": "Partitioned",
                    "source": {"afterCutover": after_cutover, "dropAfter": "24h"},
                },
            },
        });
        let table = serde_json::from_value(table).expect("a resource");
        let facts = json!({
            "serving": "partitioned", "source": 7, "plain": {"bytes": 0}, "keys": [],
            "state": {"record": {"servingSince": "2026-11-25T12:00:00Z"}},
        });
        let facts = serde_json::from_value(facts).expect("facts of a copy");
        (DesiredTable::from_resource(&table).expect("a valid spec"), facts)
    }

    #[test]
    fn drop_of_a_source_is_due_if_the_spec_drops_it() {
        let due = |after_cutover| {
            let (table, facts) = served(after_cutover);
            let lines = lines_of(json!({}), table.conversion.as_ref(), Some(&facts));
            lines.into_iter().find(|line| line.starts_with("pgpartition_source_drop"))
        };
        let expected = "pgpartition_source_drop_timestamp_seconds 1795694400".to_owned();
        assert_eq!(due("Drop"), Some(expected));
        assert_eq!(due("Keep"), None);
    }

    #[test]
    fn unknown_value_has_no_series() {
        assert_eq!(lines(json!({})), [""; 0]);
        let copying = json!({"conversion": {"stage": "Copying", "serving": "Source", "copiedRows": 7},
                             "parity": {"state": "Unknown"}});
        assert_eq!(
            lines(copying),
            [
                "pgpartition_backfill_rows{kind=\"copied\"} 7",
                "pgpartition_conversion_stage{stage=\"Copying\"} 1",
                "pgpartition_serving{from=\"source\"} 1",
            ]
        );
    }

    #[test]
    fn comparison_reports_both_sides() {
        let parity = json!({"parity": {
            "state": "Differs", "level": "Content", "checkedAt": "2026-11-25T11:30:00Z",
            "rowsSource": 990, "rowsPartitioned": 988, "differenceRows": 2, "mismatchedRanges": 1,
            "repairedRows": 3,
        }});
        assert_eq!(
            lines(parity),
            [
                "pgpartition_parity_checked_timestamp_seconds 1795606200",
                "pgpartition_parity_difference_rows 2",
                "pgpartition_parity_mismatched_ranges 1",
                "pgpartition_parity_repaired_rows 3",
                "pgpartition_parity_rows{side=\"partitioned\"} 988",
                "pgpartition_parity_rows{side=\"source\"} 990",
            ]
        );
    }
}
