//! Looks at the catalog.

use tokio_postgres::types::ToSql;

use super::{DatabaseError, Session, rows};
use crate::observed::{InvalidSnapshot, Snapshot};
use crate::partition::{
    DEFAULT_CHECK_PREFIX, Identifier, MARKER_PREFIX, ManagedTable, adoption_patterns, copy_marker,
    detached_checks, end_of_prefix, expired_beginning, partition_prefix, source_marker,
    source_name,
};

/// One read-only statement, so one snapshot; and one round trip on a session that has used it before.
const INSPECT: &str = include_str!("inspect.sql");

/// Rows of one snapshot, in bytes. 10,000 partitions with 16 indexes each take about half of it.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The database said no.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The answer of the database cannot be parsed, which is a bug.
    #[error("cannot parse the result of the catalog query: report this bug")]
    Json(#[from] serde_json::Error),
    /// The catalog says more than the operator reads.
    #[error("{0}")]
    TooLarge(String),
    /// A question was asked again after its answer, which is a bug.
    #[error("a plan repeated a question that the snapshot answers: report this bug")]
    AskedAgain,
    /// The snapshot is invalid, which is a bug.
    #[error(transparent)]
    Meaning(#[from] InvalidSnapshot),
}

/// Takes a snapshot of a table, of which `relation` of the same schema is what SQL addresses. It waits for no lock
/// longer than a second: an exclusive lock of another session makes it fail, not hang.
///
/// # Errors
/// Returns an error if the database rejects a statement, or does not answer in time.
pub async fn inspect(
    session: &Session,
    table: &ManagedTable,
    relation: &Identifier,
) -> Result<Snapshot, InspectError> {
    let prefix = partition_prefix(table);
    let end = end_of_prefix(&prefix);
    let (schema, name) = (table.name().schema.as_str(), relation.as_str());
    let checks = detached_checks(table);
    let checks: Vec<_> = checks.iter().map(Identifier::as_str).collect();
    let expired = expired_beginning();
    let [beginning, digests] = adoption_patterns();
    let adoptions = format!("(?n)^{beginning}({digests})$");
    let (copy, source, replaced) = (copy_marker(table), source_name(table), source_marker(table));
    let source = source.as_str();
    let parameters: [&(dyn ToSql + Sync); 12] = [
        &schema,
        &name,
        &prefix,
        &end,
        &checks,
        &MARKER_PREFIX,
        &expired,
        &adoptions,
        &DEFAULT_CHECK_PREFIX,
        &copy,
        &source,
        &replaced,
    ];
    let found = session.query_up_to(MAX_BYTES, INSPECT, &parameters).await?;
    let found = found.ok_or_else(|| {
        let mib = MAX_BYTES / 1024 / 1024;
        let what = "the catalog describes the table's partitions and indexes with more than";
        InspectError::TooLarge(format!("{what} {mib} MiB: remove partitions or indexes"))
    })?;
    let mut snapshot = rows::snapshot(table, relation, &found)?;
    if !session.shows_user() {
        snapshot.hide_login_role(session.user());
    }
    Ok(snapshot)
}
