//! Messages about the cutover, the rollback, and the drop of the source.

use super::APPROVE;
use super::partition::blocking_transactions;
use crate::observed::BlockingTransaction;
use crate::partition::{QualifiedName, escape_control};
use crate::plan::conversion::some_of;

pub(super) fn swap_blocked(by: &[BlockingTransaction]) -> String {
    format!(
        "the swap is blocked by transactions with a snapshot from before the operator last wrote rows, which would not find \
         these rows after the swap ({}): wait until they end, or end them",
        blocking_transactions(by)
    )
}

pub(super) fn source_differs(source: &QualifiedName, changes: &[String]) -> String {
    format!(
        "source table {} lacks changes of the partitioned table ({}), so no rollback is possible: make the same changes, \
         or set spec.conversion.source.afterCutover to Drop",
        source.display(),
        some(changes)
    )
}

pub(super) fn rollback_impossible(source: &QualifiedName, cause: &[String]) -> String {
    format!(
        "source table {} cannot serve again ({}): fix this, or set spec.conversion.serveFrom to Partitioned",
        source.display(),
        some(cause)
    )
}

pub(super) fn not_proven(source: &QualifiedName, rows: Option<u64>) -> String {
    let cause = match rows {
        Some(rows) => format!("the last sweep found {rows} differing rows"),
        None => "no sweep has completed since the triggers were installed".to_owned(),
    };
    format!(
        "source table {} possibly lacks rows, because {cause}: wait for a sweep without differences, or \
         review the plan and {APPROVE}",
        source.display()
    )
}

pub(super) fn source_in_use(source: &QualifiedName, by: &[String]) -> String {
    format!(
        "source table {} cannot be dropped because other objects depend on it ({}): drop them, or recreate them \
         on the partitioned table",
        source.display(),
        some(by)
    )
}

/// Returns the first few texts and the number of the others.
pub(super) fn some(texts: &[String]) -> String {
    some_of(texts.iter().map(|text| escape_control(text)))
}
