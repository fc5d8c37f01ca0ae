//! Blockers of conversions, besides what the preflight finds.

use super::Blocker;
use crate::partition::QualifiedName;

/// A problem that blocks a conversion after its preflight.
#[derive(Debug, Clone, PartialEq, Eq, strum::IntoStaticStr)]
pub enum ConversionBlocker {
    /// The spec asks for `method: Attach`, which this version of the operator does not do.
    AttachNotSupported,
    /// The spec asks for the cutover, which this version of the operator does not do.
    CutoverNotSupported,
    /// The relation is the copy of another table.
    CopyOfOther {
        /// The relation.
        table: QualifiedName,
    },
    /// The spec asks to serve from the source, and the table is partitioned already.
    NoSource {
        /// The table.
        table: QualifiedName,
    },
    /// The source was changed in a way that the copy cannot follow without reading all rows under a lock.
    ColumnsDiffer {
        /// The table.
        table: QualifiedName,
        /// Changed columns and properties, in a few words each.
        changes: Vec<String>,
    },
    /// Sweep after sweep found rows of the copy that differ.
    ParityFailed {
        /// The table.
        table: QualifiedName,
        /// How many sweeps in a row.
        sweeps: u64,
    },
    /// A sweep found more rows of the copy that differ than it repairs.
    TooManyDiffer {
        /// The table.
        table: QualifiedName,
        /// How many it repaired.
        rows: u64,
    },
    /// The spec has no conversion any more, and the copy is still there.
    DropCopyNeedsApproval {
        /// The copy.
        copy: QualifiedName,
    },
}

impl From<ConversionBlocker> for Blocker {
    fn from(blocker: ConversionBlocker) -> Self {
        Self::Conversion(blocker)
    }
}
