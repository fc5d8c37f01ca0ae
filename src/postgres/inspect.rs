//! Looks at the catalog.

use std::collections::BTreeMap;

use tokio_postgres::types::ToSql;

use super::{DatabaseError, ErrorKind, Session, rows};
use crate::observed::{CountedRows, InvalidSnapshot, ObservedTable, Snapshot, Within};
use crate::partition::{
    Identifier, ManagedTable, QualifiedName, detached_constraint, end_of_prefix, partition_prefix,
};
use crate::plan::UnprovenCondition;
use crate::sql;

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
    /// The database said something that is not understood: a fault of ours.
    #[error("the answer of the catalog query is not understood")]
    Json(#[from] serde_json::Error),
    /// The catalog says more than the operator reads.
    #[error("{0}")]
    TooLarge(String),
    /// The snapshot has no meaning: a fault of ours.
    #[error(transparent)]
    Meaning(#[from] InvalidSnapshot),
}

/// Takes a snapshot of a table, of which `relation` of the same schema is what SQL addresses. It waits for no lock
/// longer than a second: an exclusive lock of another session makes it fail, not hang.
///
/// # Errors
/// When the database refuses, or does not answer in time.
pub async fn inspect(
    session: &Session,
    table: &ManagedTable,
    relation: &Identifier,
) -> Result<Snapshot, InspectError> {
    let prefix = partition_prefix(table);
    let end = end_of_prefix(&prefix);
    let (schema, name) = (table.name().schema.as_str(), relation.as_str());
    let detached = detached_constraint(table);
    let parameters: [&(dyn ToSql + Sync); 5] = [&schema, &name, &prefix, &end, &detached.as_str()];
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

/// How many rows the default partition has, and where they lie. None where there is no default
/// partition on a key that has quarters of an hour, and where the database does not let us look or takes
/// too long.
///
/// The scan takes ACCESS SHARE only, and is done as the table's owner.
///
/// # Errors
/// When the session is lost.
pub async fn default_rows(
    session: &Session,
    observed: &ObservedTable,
    within: Within,
) -> Result<Option<CountedRows>, InspectError> {
    let owner = observed.relation.as_ref().filter(|r| r.owned).map(|r| &r.owner);
    let key = observed.range_key();
    let (Some(owner), Some((column, key)), Some(default)) =
        (owner, key, observed.default_partition())
    else {
        return Ok(None);
    };
    let script = sql::count_default_rows(owner, &default.name, column, key, within);
    let answer = match session.query_script_text(&script).await {
        Err(error) if error.is_of_statement() => return Ok(None),
        answer => answer?,
    };
    let mut rows: CountedRows = serde_json::from_str(answer.as_deref().unwrap_or_default())?;
    if rows.count > sql::MOST_COUNTED {
        rows.count = rows.count.max(default.rows.unwrap_or_default());
    }
    Ok(Some(rows))
}

/// Returns how Postgres deparses conditions of partial indexes of the table, by the words of the resource; nothing
/// if the database does not let the owner try.
///
/// # Errors
/// When the session is lost.
pub async fn deparsed_conditions(
    session: &Session,
    observed: &ObservedTable,
    conditions: &[UnprovenCondition],
) -> Result<BTreeMap<String, String>, InspectError> {
    let relation = observed.relation.as_ref().filter(|r| r.owned && !conditions.is_empty());
    let Some(relation) = relation else { return Ok(BTreeMap::new()) };
    let script = sql::deparse_conditions(&relation.owner, &observed.name, conditions);
    let answer = match session.commit_script_text(&script).await {
        Err(error) if error.is_of_statement() => return Ok(BTreeMap::new()),
        answer => answer?,
    };
    let deparsed: BTreeMap<usize, String> =
        serde_json::from_str(answer.as_deref().unwrap_or("{}"))?;
    let by_words = deparsed.into_iter().filter_map(|(number, deparsed)| {
        Some((conditions.get(number)?.condition.clone(), deparsed))
    });
    Ok(by_words.collect())
}

/// Returns the tables that have rows whose foreign keys lead to rows of a partition, or why that could not be
/// found out: `None` if the database does not let the owner look, or takes too long.
///
/// The scan takes ACCESS SHARE only, and is done as the table's owner.
///
/// # Errors
/// When the session is lost.
pub async fn rows_referenced_by(
    session: &Session,
    observed: &ObservedTable,
    partition: &QualifiedName,
) -> Result<Result<Vec<QualifiedName>, Option<String>>, InspectError> {
    let Some(relation) = observed.relation.as_ref().filter(|r| r.owned) else {
        return Ok(Err(None));
    };
    let keys = &relation.referenced_by;
    let script = sql::rows_referenced_by(&relation.owner, partition, keys);
    let answer = match session.query_script_text(&script).await {
        Err(error) if error.is_busy() || error.kind() == ErrorKind::Denied => return Ok(Err(None)),
        Err(error) if error.is_of_statement() => return Ok(Err(Some(error.to_string()))),
        answer => answer?,
    };
    let numbers: Vec<usize> = serde_json::from_str(answer.as_deref().unwrap_or("[]"))?;
    let mut by: Vec<_> =
        numbers.into_iter().filter_map(|number| Some(keys.get(number)?.from.clone())).collect();
    by.sort();
    by.dedup();
    Ok(Ok(by))
}
