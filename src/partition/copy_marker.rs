//! The mark of the passive table of a conversion: the first line of its comment. Before the cutover it is that of a
//! partitioned copy, after it that of a source. Comments of the serving table follow it.

use super::stored_name::stored_name;
use super::{MARKER_PREFIX, ManagedTable};

/// Returns the first line of the comment on the partitioned copy of a table.
#[must_use]
pub fn copy_marker(table: &ManagedTable) -> String {
    format!("{MARKER_PREFIX}copy of {}", stored_name(table.name()))
}

/// Returns whether a comment marks the partitioned copy of a table.
#[must_use]
pub fn is_copy_marker(comment: &str, table: &ManagedTable) -> bool {
    comment.split('\n').next() == Some(&*copy_marker(table))
}

/// Returns the first line of the comment on the plain table after the cutover.
#[must_use]
pub fn source_marker(table: &ManagedTable) -> String {
    format!("{MARKER_PREFIX}source of {}", stored_name(table.name()))
}

/// Returns whether a comment marks the plain table of a conversion after its cutover.
#[must_use]
pub fn is_source_marker(comment: &str, table: &ManagedTable) -> bool {
    comment.split('\n').next() == Some(&*source_marker(table))
}

/// Returns whether a comment without the marker of a partition marks the plain table that was attached as the oldest one.
#[must_use]
pub fn is_attached_source(comment: &str, table: &ManagedTable) -> bool {
    let marker = source_marker(table);
    comment.split('\n').any(|line| line == marker)
}

#[cfg(test)]
mod tests {
    use super::{copy_marker, is_attached_source, is_copy_marker, is_source_marker, source_marker};
    use crate::partition::{Identifier, ManagedTable, QualifiedName, marker_in};

    fn table(name: &str) -> ManagedTable {
        let [schema, name] =
            ["My \"own\" schema", name].map(|text| Identifier::new(text).expect("a name"));
        ManagedTable::new(QualifiedName { schema, name })
    }

    #[test]
    fn mark_names_its_table_only_and_is_not_that_of_a_partition() {
        let marker = copy_marker(&table("orders"));
        assert_eq!(marker, r#"pgpartition.dev copy of "My ""own"" schema".orders"#);
        for comment in [marker.clone(), format!("{marker}\nown words")] {
            assert!(is_copy_marker(&comment, &table("orders")));
            assert!(!is_copy_marker(&comment, &table("order")));
            assert_eq!(marker_in(&comment, &table("orders")), None);
        }
        assert!(!is_copy_marker(&format!("own words\n{marker}"), &table("orders")));
        let source = format!("{}\nown words", source_marker(&table("orders")));
        assert!(is_source_marker(&source, &table("orders")));
        assert!(!is_copy_marker(&source, &table("orders")));
        assert!(!is_source_marker(&marker, &table("orders")));
        assert!(is_attached_source(&format!("own words\n{source}"), &table("orders")));
        assert!(!is_attached_source(&source, &table("order")));
    }
}
