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
    /// The condition of an index compares a column of an extension's type in a way that names no operator.
    ConditionUnclear {
        /// Name of the index.
        index: Identifier,
        /// Name of the column.
        column: Identifier,
    },
    /// Something else has the name the spec gives an index.
    IndexNameTaken {
        /// Name that is taken.
        index: QualifiedName,
    },
    /// The index serves a constraint, and cannot be replaced under it.
    IndexSupportsConstraint {
        /// Name of the index.
        index: QualifiedName,
    },
    /// Another session is building the index.
    IndexBuilding {
        /// Name of the index.
        index: QualifiedName,
    },
    /// An index cannot be built on such a partition while it is in use.
    CannotBuildConcurrently {
        /// Name of the partition.
        partition: QualifiedName,
        /// Kind of the relation.
        kind: PartitionKind,
    },
}
