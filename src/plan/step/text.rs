//! Details of steps in a few words.

use super::MarkedPartition;
use crate::partition::{Identifier, IndexShape, QualifiedName, escape_control};
use crate::plan::note::{format_names, some_of};

/// The first few names; with the schemas if a user has moved one to another schema than the table's.
pub(super) fn format_marked(table: &QualifiedName, partitions: &[MarkedPartition]) -> String {
    let names: Vec<_> = partitions.iter().map(|marked| marked.name.clone()).collect();
    let is_moved = names.iter().any(|name| name.schema != table.schema);
    if is_moved { format_names(&names) } else { some_of(&names) }
}

pub(super) fn rows(rows: u64) -> String {
    if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") }
}

/// Returns the estimated rows and the size of a table.
pub(super) fn size(estimated: Option<u64>, bytes: u64) -> String {
    match estimated {
        Some(n) => format!("~{}, {}", rows(n), format_bytes(bytes)),
        // Neither is known before the first VACUUM or ANALYZE.
        None => {
            if bytes == 0 {
                "size unknown".to_owned()
            } else {
                format!("rows unknown, {}", format_bytes(bytes))
            }
        }
    }
}

/// `16 kB`, as `pg_size_pretty` says it.
fn format_bytes(bytes: u64) -> String {
    let (mut value, mut unit) = (bytes, "bytes");
    for larger in ["kB", "MB", "GB", "TB"] {
        if value < 10 * 1024 {
            break;
        }
        (value, unit) = (value.saturating_add(512) / 1024, larger);
    }
    format!("{value} {unit}")
}

pub(super) fn format_shape(shape: &IndexShape) -> String {
    let columns: Vec<_> = shape
        .columns
        .iter()
        .map(|c| c.column.display() + if c.descending { " desc" } else { "" })
        .collect();
    let mut text = format!("{} ({})", shape.method, columns.join(", "));
    if shape.unique {
        text.insert_str(0, "unique ");
    }
    if !shape.include.is_empty() {
        let include: Vec<_> = shape.include.iter().map(Identifier::display).collect();
        text.extend([" include (", &include.join(", "), ")"]);
    }
    if let Some(predicate) = &shape.predicate {
        text.push_str(" where ");
        text.push_str(&escape_control(predicate));
    }
    text
}
