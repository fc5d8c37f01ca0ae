//! Messages about indexes.

use super::kind_of;
use crate::observed::PartitionKind;
use crate::partition::{Identifier, QualifiedName};
use crate::plan::IndexBlocker;

impl IndexBlocker {
    /// Returns what blocks the step and how to resolve it.
    pub(super) fn explain(&self) -> String {
        match self {
            Self::ColumnNotFound { table, index, column } => column_not_found(table, index, column),
            Self::ConditionUnclear { index, column } => condition_unclear(index, column),
            Self::IndexNameTaken { index } => index_name_taken(index),
            Self::IndexSupportsConstraint { index } => index_supports_constraint(index),
            Self::IndexBuilding { index } => index_building(index),
            Self::CannotBuildConcurrently { partition, kind } => {
                cannot_build_concurrently(partition, *kind)
            }
        }
    }
}

fn column_not_found(table: &QualifiedName, index: &Identifier, column: &Identifier) -> String {
    format!(
        "table {} has no column {}: correct index {} in spec.indexes",
        table.display(),
        column.display(),
        index.display()
    )
}

fn condition_unclear(index: &Identifier, column: &Identifier) -> String {
    format!(
        "the condition of index {} uses column {}, whose type has operators outside of pg_catalog, in an expression or a \
         function call: write each comparison as the column, an operator, and a constant",
        index.display(),
        column.display()
    )
}

fn index_name_taken(index: &QualifiedName) -> String {
    format!(
        "another relation is named {}: choose another index name in spec.indexes",
        index.display()
    )
}

fn index_supports_constraint(index: &QualifiedName) -> String {
    format!(
        "index {} supports a constraint or the replica identity, and differs from the spec: change the \
         constraint, or remove the index from spec.indexes",
        index.display()
    )
}

fn index_building(index: &QualifiedName) -> String {
    format!(
        "another session is building index {}: the next run continues when the build is finished",
        index.display()
    )
}

fn cannot_build_concurrently(partition: &QualifiedName, kind: PartitionKind) -> String {
    let (partition, kind_name) = (partition.display(), kind_of(kind));
    match kind {
        PartitionKind::ForeignTable => format!(
            "partition {partition} is {kind_name}, and Postgres does not allow a unique index on a table with one: detach \
             it, or remove unique from the index in spec.indexes"
        ),
        PartitionKind::Table | PartitionKind::Partitioned => {
            format!("partition {partition} is {kind_name}: build the index on it manually")
        }
    }
}
