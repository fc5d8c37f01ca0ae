//! The swap: it exchanges the names of both tables.

use crate::partition::CopiedTable;
use crate::plan::Swap;
use crate::sql::Sql;

/// Makes the passive table the one that serves. The owner of the tables runs it in a transaction, and
/// [`record_swap`](super::record_swap) records it.
#[must_use]
pub fn swap(_: &Swap) -> Vec<Sql> {
    vec![not_yet()]
}

/// Drops the source with its rows. The owner runs it in a transaction, after [`remove_sync`](super::remove_sync).
#[must_use]
pub fn drop_source(_: &CopiedTable, _: u32) -> Vec<Sql> {
    vec![not_yet()]
}

fn not_yet() -> Sql {
    Sql("DO 'BEGIN RAISE feature_not_supported; END'".to_owned())
}
