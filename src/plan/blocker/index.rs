//! Blockers of indexes.

use crate::observed::PartitionKind;
use crate::partition::{Identifier, QualifiedName};

/// A problem of an index that blocks a step.
#[derive(Debug, Clone, PartialEq, Eq, strum::IntoStaticStr)]
pub enum IndexBlocker {
    /// The spec names a column that the table does not have.
    NoSuchColumn {
        /// The table.
        table: QualifiedName,
        /// The index that names it.
        index: Identifier,
        /// The column.
        column: Identifier,
    },
    /// The condition of an index compares a column of an extension's type in a way that names no operator.
    ConditionUnclear {
        /// The index.
        index: Identifier,
        /// The column.
        column: Identifier,
    },
    /// Something else has the name the spec gives an index.
    IndexNameTaken {
        /// The name.
        index: QualifiedName,
    },
    /// The index serves a constraint, and cannot be replaced under it.
    IndexServesConstraint {
        /// The index.
        index: QualifiedName,
    },
    /// Somebody is building the index at this moment.
    IndexBeingBuilt {
        /// The index.
        index: QualifiedName,
    },
    /// An index cannot be built on such a partition while it is in use.
    NoConcurrentBuild {
        /// The partition.
        partition: QualifiedName,
        /// What it is.
        kind: PartitionKind,
    },
}
