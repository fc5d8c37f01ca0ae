//! Blockers of indexes.

use crate::observed::PartitionKind;
use crate::partition::{Identifier, QualifiedName};

/// A problem of an index that blocks a step.
#[derive(Debug, Clone, PartialEq, Eq, strum::IntoStaticStr)]
pub enum IndexBlocker {
    /// The spec names a column that the table does not have.
    ColumnNotFound {
        /// Name of the table.
        table: QualifiedName,
        /// The index that names it.
        index: Identifier,
        /// Name of the column.
        column: Identifier,
    },
    /// The condition of an index uses a column whose type belongs to an extension, but not as a bare column beside an operator.
    /// Then pg-partition-operator cannot determine which operator of SQL is meant.
    ConditionUnclear {
        /// Name of the index.
        index: Identifier,
        /// Name of the column.
        column: Identifier,
    },
    /// Another relation has the name of an index of the spec.
    IndexNameTaken {
        /// Name that is taken.
        index: QualifiedName,
    },
    /// The index supports a constraint, so the operator cannot replace it.
    IndexSupportsConstraint {
        /// Name of the index.
        index: QualifiedName,
    },
    /// Another session is building the index.
    IndexBuilding {
        /// Name of the index.
        index: QualifiedName,
    },
    /// The partition is not a table, so the operator cannot build an index on it concurrently.
    CannotBuildConcurrently {
        /// Name of the partition.
        partition: QualifiedName,
        /// Kind of the relation.
        kind: PartitionKind,
    },
}
