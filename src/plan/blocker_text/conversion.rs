//! Messages about blockers of a conversion, except those of its preflight.

use super::APPROVE;
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
    let undo = match validate.as_slice() {
        [] => "undo the change".to_owned(),
        validate => {
            let others =
                if changes.len() > validate.len() { ", and undo the other changes" } else { "" };
            format!("run ALTER TABLE {table} {}{others}", validate.join(", "))
        }
    };
    format!(
        "table {table} was changed ({}), and the operator cannot change its copy in the same way: {undo}; or convert the \
         table again: remove spec.conversion, approve the drop of the copy, and set spec.conversion again",
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
                "each of the last {sweeps} sweeps of the conversion of table {} found rows that differ, and repaired them: \
                 find the session that writes to the table that does not serve, or that disables the triggers; then, to \
                 compare the tables again, review the plan and {APPROVE}",
                table.display()
            ),
            Self::TooManyDiffer { table, rows, began: _ } => format!(
                "a sweep of the conversion of table {} found many rows that differ, and stopped after it had repaired \
                 {rows} of them: find out why the tables differ; then, to compare them again, review the plan and {APPROVE}; to end \
                 the conversion, remove spec.conversion",
                table.display()
            ),
            Self::CannotRoute { table, fault } => fault.explain(table),
            Self::RoleNotRoutable { role, login, fault } => fault.explain(role, login.as_ref()),
            Self::DropCopyNeedsApproval { copy } => format!(
                "spec.conversion is absent, so the copy {} would be dropped with its rows: review the plan; to drop the \
                 copy, {APPROVE}; to keep it, set spec.conversion again",
                copy.display()
            ),
            Self::SwapBlocked { by } => swap_blocked(by),
            Self::SourceDiffers { source, changes } => source_differs(source, changes),
            Self::RollbackImpossible { source, cause } => rollback_impossible(source, cause),
            Self::ExtentUnknown { table, column, error } => {
                extent_unknown(table, column, error.as_deref())
            }
            Self::PartitionOverlaps { partition } => format!(
                "partition {} overlaps the bounds that the plain table gets as a partition (from its oldest row to its newest \
                 row, and at least to the end of tomorrow): drop this partition, which has no rows",
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
