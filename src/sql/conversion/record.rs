//! The table of conversions. [`CONVERSIONS`] describes it.

use crate::sql::record_tables::{Column, RecordTable};

/// The table of conversions: how far rows were copied and compared. Tables are known by name, so that the records
/// survive dump and restore. A conversion whose record is lost copies and compares again.
pub const CONVERSIONS: RecordTable = RecordTable {
    name: "conversions",
    content: "how far tables are converted",
    key: &["schema_name", "table_name"],
    versions: &[&[
        Column { name: "schema_name", definition: "text" },
        Column { name: "table_name", definition: "text" },
        // Keys of the last row that was copied and of the last row to copy, as text.
        Column { name: "reached", definition: "text[]" },
        Column { name: "until", definition: "text[]" },
        Column { name: "copied", definition: "bigint NOT NULL DEFAULT 0" },
        Column { name: "backfilled_at", definition: "timestamptz" },
        // The last transaction of the operator that wrote rows.
        Column { name: "changed", definition: "xid8" },
        // What the triggers were when they were last installed.
        Column { name: "sync", definition: "jsonb" },
        // The sweep that is going on, and the last complete one.
        Column { name: "sweep", definition: "jsonb" },
        Column { name: "parity", definition: "jsonb" },
    ]],
};
