//! Inspects the catalog about one table.

use super::catalog_query::Asked;
use super::inspect_set::{Inspected, inspect_single};
use super::{DatabaseError, Session};
use crate::observed::{InvalidSnapshot, Snapshot};
use crate::partition::{Identifier, ManagedTable};

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The database said no.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The answer of the database cannot be parsed, which is a bug.
    #[error("cannot parse the result of the catalog query: report this bug")]
    Json(#[from] serde_json::Error),
    /// The rows of the catalog query are not those of the tables, which is a bug.
    #[error("the catalog query returned rows in an unexpected order: report this bug")]
    OutOfOrder,
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
    inspect_with_digest(session, table, relation).await.map(|inspected| inspected.snapshot)
}

/// Takes a snapshot like [`inspect`], and returns the digest of its rows, too.
///
/// # Errors
/// Returns an error if the database rejects a statement, or does not answer in time.
pub async fn inspect_with_digest(
    session: &Session,
    table: &ManagedTable,
    relation: &Identifier,
) -> Result<Inspected, InspectError> {
    inspect_single(session, Asked { table, relation }).await
}
