//! The plain table of a conversion.

use pg_partition_operator::observed::PlainTable;
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

fn column(name: &str, type_name: &str, base_type: &str) -> Value {
    json!({"name": name, "type": type_name, "baseType": base_type, "btree": "pg_catalog", "hash": "pg_catalog"})
}
