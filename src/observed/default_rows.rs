//! Rows of the default partition, parsed from an answer.

use super::{CountedRows, DefaultRows, MAX_BINS, ObservedTable};
use crate::partition::{Edge, KeyType, RangeBounds};

impl ObservedTable {
    /// Adds what was counted.
    pub(super) fn set_default_rows(&mut self, rows: Option<CountedRows>, key: Option<KeyType>) {
        (self.default_rows, self.default_rows_from, self.default_count) = (None, None, None);
        let Some(rows) = rows else { return };
        let counted = default_rows(&rows.bins, key);
        let oldest = counted.iter().map(|bin| bin.range.from()).min();
        // Some of what came may be no value that we can read.
        self.default_rows_from = oldest.filter(|_| rows.bins.len() > MAX_BINS);
        self.default_rows = Some(counted);
        self.default_count = Some(rows.count);
    }
}

fn default_rows(bins: &[(String, u64)], key: Option<KeyType>) -> Vec<DefaultRows> {
    let Some(key) = key else { return Vec::new() };
    let bins = bins.iter().filter_map(|(start, rows)| {
        let Edge::At(from) = key.parse(start)? else { return None };
        let to = Edge::At(from.saturating_add(quarter_hour(key)));
        let range = RangeBounds::new(Edge::At(from), to)?;
        Some(DefaultRows { range, rows: *rows })
    });
    bins.collect()
}

/// A quarter of an hour on each axis: in microseconds, and in what a uuid holds above its low bits.
fn quarter_hour(key: KeyType) -> i128 {
    match key {
        KeyType::Date | KeyType::Timestamp | KeyType::TimestampTz => 900_000_000,
        KeyType::UuidV7 => 900_000 << 80,
    }
}
