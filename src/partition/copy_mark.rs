//! The mark of a partitioned copy: the first line of its comment, as long as the plain table has the name of the table.
//! Comments of the plain table follow it.

use super::stored_name::stored_name;
use super::{MARKER_PREFIX, ManagedTable};

/// Returns the first line of the comment on the partitioned copy of a table.
#[must_use]
pub fn copy_mark(table: &ManagedTable) -> String {
    format!("{MARKER_PREFIX}copy of {}", stored_name(table.name()))
}

/// Returns whether a comment marks the partitioned copy of a table.
#[must_use]
pub fn is_copy_mark(comment: &str, table: &ManagedTable) -> bool {
    comment.split('\n').next() == Some(&*copy_mark(table))
}

#[cfg(test)]
mod tests {
    use super::{copy_mark, is_copy_mark};
    use crate::partition::{Identifier, ManagedTable, QualifiedName, marker_in};

    fn table(name: &str) -> ManagedTable {
        let [schema, name] =
            ["My \"own\" schema", name].map(|text| Identifier::new(text).expect("a name"));
        ManagedTable::new(QualifiedName { schema, name })
    }

    #[test]
    fn mark_names_its_table_only_and_is_not_that_of_a_partition() {
        let mark = copy_mark(&table("orders"));
        assert_eq!(mark, r#"pgpartition.dev copy of "My ""own"" schema".orders"#);
        for comment in [mark.clone(), format!("{mark}\nown words")] {
            assert!(is_copy_mark(&comment, &table("orders")));
            assert!(!is_copy_mark(&comment, &table("order")));
            assert_eq!(marker_in(&comment, &table("orders")), None);
        }
        assert!(!is_copy_mark(&format!("own words\n{mark}"), &table("orders")));
    }
}
