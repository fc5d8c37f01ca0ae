//! About the cutover, the rollback, and the drop of the source.

use super::partition::blocking_transactions;
use crate::observed::BlockingTransaction;
use crate::partition::{QualifiedName, escape_control};
use crate::plan::conversion::some_of;

pub(super) fn swap_blocked(by: &[BlockingTransaction]) -> String {
    format!(
        "sessions still see rows as they were before the operator last changed some, and would miss those rows after the \
         swap: {}: wait until their transactions end, or end them",
        blocking_transactions(by)
    )
}

pub(super) fn source_differs(source: &QualifiedName, changes: &[String]) -> String {
    format!(
        "source table {} was not changed as the partitioned table was ({}), so that no rollback is possible: change it in \
         the same way, or have it dropped",
        source.display(),
        some(changes)
    )
}

pub(super) fn rollback_impossible(source: &QualifiedName, cause: &[String]) -> String {
    format!(
        "source table {} cannot take over ({}): correct that, or set spec.conversion.serveFrom to Partitioned",
        source.display(),
        some(cause)
    )
}

pub(super) fn not_proven(source: &QualifiedName, rows: Option<u64>) -> String {
    let cause = match rows {
        Some(rows) => format!("the last comparison found {rows} rows that differed"),
        None => "no comparison is complete since the triggers were installed".to_owned(),
    };
    format!(
        "nothing proves that source table {} has all rows, since {cause}: wait for a comparison that finds none, or \
         approve this plan by its fingerprint, with the annotation pgpartition.dev/approve or apply --approve",
        source.display()
    )
}

pub(super) fn source_in_use(source: &QualifiedName, by: &[String]) -> String {
    format!(
        "other objects depend on source table {}, so that Postgres refuses to drop it: {}: drop them, or create them again \
         on the partitioned table",
        source.display(),
        some(by)
    )
}

/// Shows the first of several texts.
pub(super) fn some(texts: &[String]) -> String {
    some_of(texts.iter().map(|text| escape_control(text)))
}
