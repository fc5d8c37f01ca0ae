//! Blockers of the default partition.

use crate::observed::PartitionKind;
use crate::partition::{Identifier, KeyRange, QualifiedName};

/// A problem of the default partition that blocks a step.
#[derive(Debug, Clone, PartialEq, Eq, strum::IntoStaticStr)]
pub enum DefaultBlocker {
    /// The default partition holds rows that belong to the new partition.
    DefaultHoldsRows {
        /// The default partition.
        default: QualifiedName,
        /// The range of the new partition.
        range: KeyRange,
        /// Number of rows.
        rows: u64,
    },
    /// The operator could not count the rows of the default partition in time, or the owner of the table cannot read it.
    DefaultRowsUnknown {
        /// The default partition.
        default: QualifiedName,
    },
    /// The new partition is that of the current period. The default partition takes the rows of this period now and is not
    /// empty, so applications might be writing to it.
    DefaultInUse {
        /// The default partition.
        default: QualifiedName,
    },
    /// The default partition is not a table, so its rows cannot be moved.
    DefaultNotTable {
        /// The default partition.
        default: QualifiedName,
        /// Kind of the relation.
        kind: PartitionKind,
    },
    /// Foreign keys reference the table, so moving rows of the default partition would violate them or trigger their
    /// actions. The same applies to a manual move: drop the foreign keys before it, and add them again afterwards.
    DefaultReferenced {
        /// The default partition.
        default: QualifiedName,
        /// The tables whose foreign keys lead there.
        by: Vec<QualifiedName>,
    },
    /// Moving rows out of the default partition runs code of the owner, and the login can do more than the owner.
    DefaultRunsCode {
        /// The default partition.
        default: QualifiedName,
        /// The functions, types, and rules.
        code: Vec<String>,
        /// The login role, or `None` if its name must not be shown.
        role: Option<Identifier>,
        /// Privileges of the login that the owner lacks.
        powers: Vec<String>,
    },
    /// Rows cannot be deleted from the default partition: its deletes are published, and it has no replica identity.
    DefaultWithoutIdentity {
        /// The default partition.
        default: QualifiedName,
    },
    /// Moving the rows out of the default partition would take longer than half of `lockTimeout`.
    DrainTooLong {
        /// The default partition.
        default: QualifiedName,
        /// The range of the new partition.
        range: KeyRange,
        /// Number of rows to move.
        rows: u64,
        /// Estimated time in milliseconds.
        millis: u64,
    },
}
