//! About a conversion, besides what its preflight finds.

use super::swap::{
    not_proven, rollback_impossible, some, source_differs, source_in_use, swap_blocked,
};
use crate::partition::{Identifier, QualifiedName};
use crate::plan::ConversionBlocker;

/// The oldest and the newest row are the bounds of the partition.
fn extent_unknown(table: &QualifiedName, column: &Identifier, error: Option<&str>) -> String {
    let (table, name) = (table.display(), column.display());
    match error {
        None => format!(
            "finding the oldest and the newest row of {table} by {name} takes longer than 10 s: create an index on {name}"
        ),
        Some(error) => format!(
            "Postgres did not find the oldest or the newest row of {table} by {name} ({error}): correct that, and reconcile again"
        ),
    }
}

fn columns_differ(table: &QualifiedName, changes: &[String], not_valid: &[Identifier]) -> String {
    let table = table.display();
    let validate: Vec<_> =
        not_valid.iter().map(|check| format!("VALIDATE CONSTRAINT {}", check.display())).collect();
    let validate = match validate.as_slice() {
        [] => String::new(),
        validate => format!("run ALTER TABLE {table} {}, ", validate.join(", ")),
    };
    format!(
        "the copy of {table} cannot follow a change of the table ({}): {validate}change the table back, or remove \
         spec.conversion, approve the drop of the copy, and begin again",
        some(changes)
    )
}

impl ConversionBlocker {
    /// Says what blocks the conversion, and what to do about it.
    pub(super) fn explain(&self) -> String {
        match self {
            Self::CopyOfOther { table } => format!(
                "table {} is the copy or the source of a table that another resource converts: delete one of the two \
                 resources, or remove the first line of the comment on the table if the conversion is over",
                table.display()
            ),
            Self::NoSource { table } => format!(
                "table {} is partitioned and has no source to serve from: set \
                 spec.conversion.serveFrom to Partitioned, or remove spec.conversion",
                table.display()
            ),
            Self::ColumnsDiffer { table, changes, not_valid } => {
                columns_differ(table, changes, not_valid)
            }
            Self::ParityFailed { table, sweeps, began: _ } => format!(
                "{sweeps} sweeps in a row found rows of the copy of {} that differ, and repaired them: \
                 find what writes to the copy or disables its triggers, then approve another sweep by the fingerprint \
                 of this plan, with the annotation pgpartition.dev/approve or apply --approve",
                table.display()
            ),
            Self::TooManyDiffer { table, rows, began: _ } => format!(
                "one sweep repaired {rows} rows of the copy of {} and found no end: find out why the tables \
                 differ so much, then approve another sweep by the fingerprint of this plan, with the annotation \
                 pgpartition.dev/approve or apply --approve, or remove spec.conversion to end the conversion",
                table.display()
            ),
            Self::CannotRoute { table, fault } => fault.explain(table),
            Self::RoleNotRoutable { role, login, fault } => fault.explain(role, login.as_ref()),
            Self::DropCopyNeedsApproval { copy } => format!(
                "spec.conversion is absent, and {} would be dropped with its rows: approve this plan by \
                 its fingerprint, with the annotation pgpartition.dev/approve or apply --approve, or set \
                 spec.conversion again",
                copy.display()
            ),
            Self::SwapBlocked { by } => swap_blocked(by),
            Self::SourceDiffers { source, changes } => source_differs(source, changes),
            Self::RollbackImpossible { source, cause } => rollback_impossible(source, cause),
            Self::ExtentUnknown { table, column, error } => {
                extent_unknown(table, column, error.as_deref())
            }
            Self::PartitionOverlaps { partition } => format!(
                "partition {} begins before the newest rows of the plain table, or before tomorrow, and the plain table \
                 cannot take its place: drop this partition, which has no rows",
                partition.display()
            ),
            Self::RollbackNeedsApproval { source, rows } => not_proven(source, *rows),
            Self::SourceInGracePeriod { until } => {
                format!("waits until {until}: spec.conversion.source.dropAfter")
            }
            Self::SourceInUse { source, by } => source_in_use(source, by),
        }
    }
}
