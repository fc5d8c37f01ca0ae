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
    /// The condition of an index uses a column whose type belongs to an extension, in an expression or a function call.
    /// The operator understands such a column only in a comparison: the column, an SQL operator, and a constant.
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
    /// A partition is itself partitioned, so the operator cannot build an index on it concurrently. Or the index is unique,
    /// and a partition is a foreign table, beside which Postgres allows no unique index: detach the foreign
    /// table, or remove `unique` from the index.
    CannotBuildConcurrently {
        /// Name of the partition.
        partition: QualifiedName,
        /// Kind of the relation.
        kind: PartitionKind,
    },
}
