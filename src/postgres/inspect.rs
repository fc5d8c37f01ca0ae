//! Looks at the catalog.

use super::{DatabaseError, Session, rows};
use crate::observed::{InvalidSnapshot, ObservedTable, Snapshot};
use crate::partition::{Identifier, QualifiedName, RangeBounds};
use crate::sql;

/// One read-only statement, so one snapshot; and one round trip on a session that has used it before.
const INSPECT: &str = include_str!("inspect.sql");

/// How many leading bytes of a table's name all names of its partitions keep, however much they had
/// to be shortened.
const KEPT_BYTES: usize = 20;

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The database said no.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The database said something that is not understood: a fault of ours.
    #[error("the answer of the catalog query is not understood")]
    Json(#[from] serde_json::Error),
    /// The snapshot has no meaning: a fault of ours.
    #[error(transparent)]
    Meaning(#[from] InvalidSnapshot),
}

/// Takes a snapshot of a table. It waits for no lock longer than a second: somebody's exclusive lock
/// makes it fail, not hang.
///
/// # Errors
/// When the database refuses, or does not answer in time.
pub async fn inspect(session: &Session, table: &QualifiedName) -> Result<Snapshot, InspectError> {
    let (from, to) = names_of_partitions(&table.name);
    let (schema, name) = (table.schema.as_str(), table.name.as_str());
    let found = session.query(INSPECT, &[&schema, &name, &from, &to]).await?;
    rows::snapshot(table, &found)
}

/// Where the rows of the default partition lie, by quarters of an hour: the value each begins with,
/// and how many rows. With a range only those in it are looked at. None where there is no default
/// partition on a key that has quarters of an hour, where there are too many to tell, and where the
/// database does not let us look or takes too long.
///
/// The scan takes ACCESS SHARE only, and is done as the table's owner.
///
/// # Errors
/// When the session is lost.
pub async fn default_rows(
    session: &Session,
    observed: &ObservedTable,
    range: Option<RangeBounds>,
) -> Result<Option<Vec<(String, u64)>>, InspectError> {
    let owner = observed.relation.as_ref().filter(|r| r.owned).map(|r| &r.owner);
    let key = observed.range_key();
    let (Some(owner), Some((column, key)), Some(default)) =
        (owner, key, observed.default_partition())
    else {
        return Ok(None);
    };
    let script = sql::count_default_rows(owner, &default.name, column, key, range);
    let answer = match session.query_script_text(&script).await {
        Err(error) if error.is_of_statement() => return Ok(None),
        answer => answer?,
    };
    let rows: Vec<_> = serde_json::from_str(answer.as_deref().unwrap_or("[]"))?;
    Ok(Some(rows).filter(|rows| rows.len() <= sql::MOST_STRETCHES))
}

/// The first name that a partition of the table can have, and the first that none can have any more.
fn names_of_partitions(table: &Identifier) -> (String, String) {
    let table = table.as_str();
    let prefix = if table.len() <= KEPT_BYTES {
        format!("{table}_")
    } else {
        // The end is the prefix with its last byte raised; so it must be one that can be.
        let kept = &table[..table.floor_char_boundary(KEPT_BYTES)];
        kept.trim_end_matches(|c: char| !c.is_ascii() || c == '\x7f').to_owned()
    };
    let mut end = prefix.clone();
    match end.pop() {
        Some(last) => end.push(char::from(last as u8 + 1)),
        None => end.push('\x7f'),
    }
    (prefix, end)
}
