//! Blockers of conversions, except those of the preflight.

use jiff::Timestamp;

use super::{Blocker, RouteFault, RoutingFault};
use crate::observed::BlockingTransaction;
use crate::partition::{Identifier, QualifiedName};

/// A problem that blocks a conversion after its preflight.
#[derive(Debug, Clone, PartialEq, Eq, strum::IntoStaticStr)]
pub enum ConversionBlocker {
    /// The relation is the copy or the source of a table that another resource converts.
    CopyOfOther {
        /// Name of the relation.
        table: QualifiedName,
    },
    /// The spec says to serve from the source, but the table is partitioned and has no source.
    NoSource {
        /// Name of the table.
        table: QualifiedName,
    },
    /// The source was changed, and the operator cannot change the copy in the same way without reading all rows under a lock.
    ColumnsDiffer {
        /// Name of the table.
        table: QualifiedName,
        /// Changed columns and properties, in a few words each.
        changes: Vec<String>,
        /// The checks among them that are not validated: the copy follows when they are.
        not_valid: Vec<Identifier>,
    },
    /// Several sweeps in a row found rows that differ.
    ParityFailed {
        /// Name of the table.
        table: QualifiedName,
        /// Number of sweeps in a row.
        sweeps: u64,
        /// Time at which the last one began.
        began: Timestamp,
    },
    /// A sweep found more rows that differ than one sweep may repair, and stopped at this limit.
    TooManyDiffer {
        /// Name of the table.
        table: QualifiedName,
        /// Number of repaired rows.
        rows: u64,
        /// Time at which it began.
        began: Timestamp,
    },
    /// No role can be routed to the copy.
    CannotRoute {
        /// Name of the table.
        table: QualifiedName,
        /// Why.
        fault: RoutingFault,
    },
    /// A role cannot be routed to the copy.
    RoleNotRoutable {
        /// Name of the role.
        role: Identifier,
        /// The login role, or `None` if its name must not be shown.
        login: Option<Identifier>,
        /// Why.
        fault: RouteFault,
    },
    /// The spec no longer has a conversion, and the drop of the copy waits for an approval.
    DropCopyNeedsApproval {
        /// Name of the copy.
        copy: QualifiedName,
    },
    /// Sessions or replicas have a transaction snapshot from before the operator last wrote rows. After a swap, they would not
    /// find these rows.
    SwapBlocked {
        /// Blocking sessions.
        by: Vec<BlockingTransaction>,
    },
    /// The partitioned table was changed after the cutover, but the source was not.
    SourceDiffers {
        /// Name of the plain table.
        source: QualifiedName,
        /// Changed columns and properties, in a few words each.
        changes: Vec<String>,
    },
    /// The source cannot become the serving table again.
    RollbackImpossible {
        /// Name of the plain table.
        source: QualifiedName,
        /// Why.
        cause: Vec<String>,
    },
    /// With `Attach`, the operator did not find the oldest or the newest row of the plain table. These rows determine the
    /// bounds of its partition.
    ExtentUnknown {
        /// Name of the table.
        table: QualifiedName,
        /// The partition column.
        column: Identifier,
        /// Error of Postgres, or `None` if the search took too long.
        error: Option<String>,
    },
    /// With `Attach`, another partition overlaps the bounds of the plain table.
    PartitionOverlaps {
        /// Name of the partition.
        partition: QualifiedName,
    },
    /// No comparison proves that the source has all rows.
    RollbackNeedsApproval {
        /// Name of the plain table.
        source: QualifiedName,
        /// Rows that differed at the last comparison, or `None` if there was none since the triggers were installed.
        rows: Option<u64>,
    },
    /// The source is in its grace period.
    SourceInGracePeriod {
        /// Until when.
        until: Timestamp,
    },
    /// Other objects depend on the source, so Postgres does not drop it.
    SourceInUse {
        /// Name of the plain table.
        source: QualifiedName,
        /// The objects, as the catalog describes them.
        by: Vec<String>,
    },
}

impl From<ConversionBlocker> for Blocker {
    fn from(blocker: ConversionBlocker) -> Self {
        Self::Conversion(blocker)
    }
}
