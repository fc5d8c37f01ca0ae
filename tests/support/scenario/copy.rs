//! State of a conversion that has begun.

use jiff::Timestamp;
use pg_partition_operator::observed::{
    BlockingTransaction, ConversionRecord, CopyFacts, ObservedTable, Sweep,
};

use super::line::Line;

/// `rows-copied`, `compared 2` (a sweep that found two rows), `lost masks` (security labels), `older-session 4711`, `bound "view report"`, or
/// `serving-since 2026-11-22T00:00:00Z`.
pub(super) fn learn(state: &mut ObservedTable, command: &str, mut line: Line, now: Timestamp) {
    let facts = state.copy.as_mut().expect("there is a copy");
    match command {
        "rows-copied" => {
            record(facts).backfilled_at = Some(now);
            facts.analyzed = true;
        }
        "compared" => record(facts).parity = Some(swept(line.number(), now)),
        "lost" => facts.plain.label_providers.push(line.name().name),
        "older-session" => {
            let older =
                BlockingTransaction::Session { pid: line.number(), who: "report".to_owned() };
            facts.older = vec![older];
        }
        "bound" => {
            let objects = line.map(|object: String| object.trim_matches('"').to_owned());
            facts.plain.bound = objects.collect();
        }
        _ => record(facts).serving_since = line.word().parse().ok(),
    }
}

fn record(facts: &mut CopyFacts) -> &mut ConversionRecord {
    facts.state.record.get_or_insert_default()
}

fn swept(difference_rows: u64, now: Timestamp) -> Sweep {
    Sweep {
        started_at: now,
        checked_at: Some(now),
        content: true,
        rows_source: 1_000,
        rows_partitioned: 1_000,
        difference_rows,
        mismatched_ranges: difference_rows.min(1),
        repaired_rows: difference_rows,
        dirty_in_a_row: difference_rows.min(1),
    }
}
