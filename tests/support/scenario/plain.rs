//! The plain table of a conversion.

use pg_partition_operator::observed::{OldestRow, PlainTable};
use pg_partition_operator::partition::{Edge, RangeKey};
use serde_json::{Value, json};

/// `plain {rules: [protect]}`: fields of [`PlainTable`] as YAML, which replace those of a table that has a primary key, a
/// few columns, and nothing unusual.
pub(super) fn table(text: &str) -> PlainTable {
    let fields = text.trim_start().trim_start_matches("plain").trim();
    let fields: Value = serde_yaml::from_str(fields).expect("the fields are YAML");
    let mut table = json!({
        "estimatedRows": 300_000_000,
        "bytes": 40_800_000_000_u64,
        "columns": [
            column("id", "bigint", "int8"),
            column("org_id", "integer", "int4"),
            column("placed_at", "timestamp with time zone", "timestamptz"),
        ],
        "uniqueIndexes": [{"name": "orders_pkey", "primary": true, "columns": ["id"]}],
    });
    let table_fields = table.as_object_mut().expect("an object");
    table_fields.extend(fields.as_object().cloned().unwrap_or_default());
    serde_json::from_value(table).expect("the fields are those of a plain table")
}

/// `oldest-row 2025-01-31 10:00:00+00`, or why no value is known.
pub(super) fn oldest_row(text: &str, key: Option<&RangeKey>) -> Option<OldestRow> {
    match text.trim_start_matches("oldest-row").trim() {
        "not-asked" => None,
        "absent" => Some(OldestRow::Absent),
        "too-slow" => Some(OldestRow::TooSlow),
        "refused" => {
            Some(OldestRow::Failed { error: "permission denied for table orders".to_owned() })
        }
        value => match key.expect("a range").key_type.parse(value) {
            Some(Edge::At(at)) => Some(OldestRow::At(at)),
            _ => panic!("no finite value as Postgres writes it: {value}"),
        },
    }
}

fn column(name: &str, type_name: &str, base_type: &str) -> Value {
    json!({"name": name, "type": type_name, "baseType": base_type, "btree": "pg_catalog", "hash": "pg_catalog"})
}
