//! Messages about blockers of a conversion, except those of its preflight.

use super::swap::{
    not_proven, rollback_impossible, some, source_differs, source_in_use, swap_blocked,
};
use crate::partition::{Identifier, QualifiedName};
use crate::plan::ConversionBlocker;

/// The oldest and the newest row determine the bounds of the partition.
fn extent_unknown(table: &QualifiedName, column: &Identifier, error: Option<&str>) -> String {
    let (table, name) = (table.display(), column.display());
    match error {
        None => format!(
            "finding the oldest and newest rows of table {table} by {name} takes longer than 10 s: create an index on {name}"
        ),
        Some(error) => format!(
            "Postgres could not find the oldest or newest row of table {table} by {name} ({error}): fix the cause, then request a reconcile"
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
        "the copy cannot follow a change of table {table} ({}): {validate}change the table back, or remove \
         spec.conversion, approve the drop of the copy, and start the conversion again",
        some(changes)
    )
}

impl ConversionBlocker {
    /// Returns what blocks the conversion and how to resolve it.
    pub(super) fn explain(&self) -> String {
        match self {
            Self::CopyOfOther { table } => format!(
                "table {} is the copy or the source of a table that another resource converts: delete one of the two \
                 resources, or, if that conversion is over, remove the first line of the comment on the table",
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
                "{sweeps} sweeps in a row found and repaired differing rows in the copy of {}: \
                 find out what writes to the copy or disables its triggers, then approve another sweep: approve the fingerprint \
                 of this plan with the annotation pgpartition.dev/approve or apply --approve",
                table.display()
            ),
            Self::TooManyDiffer { table, rows, began: _ } => format!(
                "one sweep repaired {rows} rows of the copy of {} and stopped at this limit: find out why the tables \
                 differ, then approve another sweep: approve the fingerprint of this plan with the annotation \
                 pgpartition.dev/approve or apply --approve, or remove spec.conversion to end the conversion",
                table.display()
            ),
            Self::CannotRoute { table, fault } => fault.explain(table),
            Self::RoleNotRoutable { role, login, fault } => fault.explain(role, login.as_ref()),
            Self::DropCopyNeedsApproval { copy } => format!(
                "spec.conversion is absent, so the copy {} would be dropped with its rows: review the plan, then approve \
                 its fingerprint with the annotation pgpartition.dev/approve or apply --approve, or set \
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
                "partition {} overlaps the bounds of the plain table, which include its newest row and tomorrow: \
                 drop this partition, which has no rows",
                partition.display()
            ),
            Self::RollbackNeedsApproval { source, rows } => not_proven(source, *rows),
            Self::SourceInGracePeriod { until } => {
                format!("the source is dropped after {until} (spec.conversion.source.dropAfter)")
            }
            Self::SourceInUse { source, by } => source_in_use(source, by),
        }
    }
}
