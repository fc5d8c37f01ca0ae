//! Counting the rows of a default partition.

use super::Sql;
use super::quote::{in_range, name, qualified};
use crate::partition::{Identifier, KeyType, QualifiedName, RangeBounds};
use crate::plan::RangeKey;

/// More stretches than this are not told: then nothing is.
pub const MOST_STRETCHES: usize = 10_000;

/// A transaction that counts the rows of a default partition by quarters of an hour, and returns JSON:
/// the value each quarter begins with, and how many rows. Rows at infinity or without a key lie in
/// none.
#[must_use]
pub fn count_default_rows(
    owner: &Identifier,
    default: &QualifiedName,
    column: &Identifier,
    key: KeyType,
    range: Option<RangeBounds>,
) -> Vec<Sql> {
    let condition = match range {
        Some(range) => in_range(&RangeKey { column: column.clone(), key }, range),
        None => format!("{} IS NOT NULL", name(column)),
    };
    let column = name(column);
    let (stretch, finite) = match key {
        KeyType::Date | KeyType::Timestamp => (
            format!("date_bin('15 minutes', {column}::timestamp, '2000-01-01'::timestamp)::text"),
            format!("isfinite({column})"),
        ),
        KeyType::TimestampTz => (
            format!("date_bin('15 minutes', {column}, '2000-01-01 00:00:00+00')::text"),
            format!("isfinite({column})"),
        ),
        KeyType::UuidV7 => (uuid_stretch(&column), "true".to_owned()),
    };
    vec![
        Sql(format!("SET LOCAL ROLE {}", name(owner))),
        Sql("SET LOCAL row_security = off".to_owned()),
        Sql(format!(
            "SELECT coalesce(json_agg(json_build_array(stretch, rows)), '[]')::text FROM (SELECT \
             {stretch} AS stretch, count(*) AS rows FROM {} WHERE {condition} AND {finite} \
             GROUP BY 1 ORDER BY 1 LIMIT {}) AS stretches",
            qualified(default),
            MOST_STRETCHES + 1
        )),
    ]
}

/// The least uuid of the quarter of an hour that the first 48 bits, milliseconds, lie in.
fn uuid_stretch(column: &str) -> String {
    let millis = format!("('x' || left(replace({column}::text, '-', ''), 12))::bit(48)::bigint");
    format!("rpad(lpad(to_hex({millis} / 900000 * 900000), 12, '0'), 32, '0')::uuid::text")
}
