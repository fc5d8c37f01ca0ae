//! Metrics of the conversion of each table.

use super::exposition::{Family, Series, number};
use super::last_seen::CopyState;
use super::row::Row;
use crate::api::v1alpha1::{
    ConversionStage, ConversionStatus, ParityStatus, PartitionedTableStatus, Side,
};
use crate::status::SyncTriggers;

/// Values of a table that is being converted.
#[derive(Default)]
pub(super) struct ConversionValues {
    progress: Option<ConversionStatus>,
    parity: Option<ParityStatus>,
    triggers: Option<SyncTriggers>,
    source_drop: Option<i64>,
}

/// Metrics of conversions, in the order of their reference page. A table that is not being converted has no series.
pub(super) static CONVERSION_FAMILIES: [Family; 10] = [
    Family {
        name: "pgpartition_conversion_stage",
        help: "Whether the conversion of the table is at a stage",
        labels: &["stage"],
        add: |row, series| {
            let stages = ConversionStage::ALL.map(|stage| (stage.as_str(), stage));
            series.add_one_of("stage", stages, progress(row).and_then(|p| p.stage.as_ref()));
        },
    },
    Family {
        name: "pgpartition_serving",
        help: "Whether applications use this table of the conversion: source or partitioned",
        labels: &["from"],
        add: |row, series| {
            let sides = [("partitioned", Side::Partitioned), ("source", Side::Source)];
            series.add_one_of("from", sides, progress(row).and_then(|p| p.serving.as_ref()));
        },
    },
    Family {
        name: "pgpartition_backfill_rows",
        help: "Rows copied so far, and estimated total; absent when no rows are being copied",
        labels: &["kind"],
        add: |row, series| {
            let Some(progress) = progress(row) else { return };
            series.add_labeled([("kind", "copied")], progress.copied_rows.map(number));
            series.add_labeled([("kind", "estimated")], progress.estimated_rows.map(number));
        },
    },
    Family {
        name: "pgpartition_sync_trigger",
        help: "Whether the triggers that keep both tables equal are in a state: enabled, altered, or missing",
        labels: &["state"],
        add: |row, series| {
            let possible = SyncTriggers::ALL.map(|triggers| (triggers.as_str(), triggers));
            series.add_one_of("state", possible, values(row).and_then(|v| v.triggers.as_ref()));
        },
    },
    Family {
        name: "pgpartition_parity_rows",
        help: "Rows of each table at the last complete comparison",
        labels: &["side"],
        add: |row, series| {
            let Some(parity) = parity(row) else { return };
            series.add_labeled([("side", "partitioned")], parity.rows_partitioned.map(number));
            series.add_labeled([("side", "source")], parity.rows_source.map(number));
        },
    },
    Family {
        name: "pgpartition_parity_difference_rows",
        help: "Rows that differed at the last complete comparison, including repaired ones",
        labels: &[],
        add: |row, series| add_parity(row, series, |parity| parity.difference_rows),
    },
    Family {
        name: "pgpartition_parity_mismatched_ranges",
        help: "Ranges of keys with rows that differed at the last complete comparison",
        labels: &[],
        add: |row, series| add_parity(row, series, |parity| parity.mismatched_ranges),
    },
    Family {
        name: "pgpartition_parity_repaired_rows",
        help: "Rows repaired since the conversion began, in the table that does not serve",
        labels: &[],
        add: |row, series| add_parity(row, series, |parity| parity.repaired_rows),
    },
    Family {
        name: "pgpartition_parity_checked_timestamp_seconds",
        help: "End of the last complete comparison, in Unix time",
        labels: &[],
        add: |row, series| {
            add_parity(row, series, |parity| parity.checked_at.as_ref().map(|at| at.0.as_second()));
        },
    },
    Family {
        name: "pgpartition_source_drop_timestamp_seconds",
        help: "Time at which the drop of the source is due, in Unix time, while the source exists",
        labels: &[],
        add: |row, series| {
            series.add(values(row).and_then(|values| values.source_drop).map(number));
        },
    },
];

impl ConversionValues {
    /// Returns the values of a table, or `None` if it is not being converted.
    pub(super) fn new(
        status: &PartitionedTableStatus,
        copy: Option<&CopyState>,
    ) -> Option<Box<Self>> {
        let (progress, parity) = (status.conversion.clone(), status.parity.clone());
        let source_drop = copy.and_then(|copy| copy.source_drop).map(jiff::Timestamp::as_second);
        let triggers = copy.and_then(|copy| copy.triggers);
        let is_converted = progress.is_some() || parity.is_some() || copy.is_some();
        is_converted.then(|| Box::new(Self { progress, parity, triggers, source_drop }))
    }
}

fn values(row: &Row) -> Option<&ConversionValues> {
    row.seen.as_ref()?.conversion.as_deref()
}

fn progress(row: &Row) -> Option<&ConversionStatus> {
    values(row)?.progress.as_ref()
}

fn parity(row: &Row) -> Option<&ParityStatus> {
    values(row)?.parity.as_ref()
}

fn add_parity(row: &Row, series: &mut Series<'_>, value: fn(&ParityStatus) -> Option<i64>) {
    series.add(parity(row).and_then(value).map(number));
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::{CONVERSION_FAMILIES, ConversionValues};
    use crate::api::v1alpha1::PartitionedTableStatus;
    use crate::desired::{DesiredConversion, DesiredTable};
    use crate::kubernetes::exposition::labels_of;
    use crate::kubernetes::last_seen::CopyState;
    use crate::kubernetes::row::{Row, Seen};
    use crate::observed::CopyFacts;

    fn lines(status: Value) -> Vec<String> {
        lines_of(status, None, None)
    }

    fn lines_of(
        status: Value,
        wanted: Option<&DesiredConversion>,
        facts: Option<&CopyFacts>,
    ) -> Vec<String> {
        let status: PartitionedTableStatus = serde_json::from_value(status).expect("a status");
        let copy = facts.map(|facts| CopyState::new(wanted, facts));
        let conversion = ConversionValues::new(&status, copy.as_ref());
        let seen = Seen { plan_steps: 0, deferred: Box::default(), counts: None, conversion };
        let of = labels_of("finance", "balances").into();
        let rows: Arc<[Row]> = [Row { of, seen: Some(seen), ..Row::default() }].into();
        let mut families: Vec<_> = CONVERSION_FAMILIES.iter().collect();
        families.sort_unstable_by_key(|family| family.name);
        let text: String =
            families.into_iter().flat_map(|family| family.parts(Arc::clone(&rows))).collect();
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
