//! About a conversion, besides what its preflight finds.

use crate::plan::ConversionBlocker;

/// How many changes a message shows.
const SHOWN: usize = 5;

impl ConversionBlocker {
    /// Says what blocks the conversion, and what to do about it.
    pub(super) fn explain(&self) -> String {
        match self {
            Self::AttachNotSupported => "this version of the operator converts by method Copy only: \
                 use another resource with spec.conversion.method: Copy, or a version that attaches tables"
                .to_owned(),
            Self::CutoverNotSupported => "the tables are in parity, and this version of the operator does \
                 not swap their names yet: set spec.conversion.serveFrom to Source, or install a version \
                 that does"
                .to_owned(),
            Self::CopyOfOther { table } => format!(
                "table {} is the copy of a table that another resource converts: delete one of the two \
                 resources, or remove the first line of the comment on the table if the conversion is over",
                table.shown()
            ),
            Self::NoSource { table } => format!(
                "table {} is partitioned and has no source to serve from: set \
                 spec.conversion.serveFrom to Partitioned, or remove spec.conversion",
                table.shown()
            ),
            Self::ColumnsDiffer { table, changes } => {
                let mut shown = changes.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
                if changes.len() > SHOWN {
                    shown.push_str(", …");
                }
                format!(
                    "the copy of {} cannot follow a change of the table ({shown}): change the table back, or \
                     remove spec.conversion, approve the drop of the copy, and begin again",
                    table.shown()
                )
            }
            Self::ParityFailed { table, sweeps } => format!(
                "{sweeps} sweeps in a row found rows of the copy of {} that differ, and repaired them: \
                 find what writes to the copy or disables its triggers, then remove spec.conversion and \
                 begin again",
                table.shown()
            ),
            Self::TooManyDiffer { table, rows } => format!(
                "one sweep repaired {rows} rows of the copy of {} and found no end: find out why the tables \
                 differ so much, then remove spec.conversion, approve the drop of the copy, and begin again",
                table.shown()
            ),
            Self::DropCopyNeedsApproval { copy } => format!(
                "spec.conversion is absent, and {} would be dropped with its rows: approve this plan by \
                 its fingerprint, with the annotation pgpartition.dev/approve or apply --approve, or set \
                 spec.conversion again",
                copy.shown()
            ),
        }
    }
}
