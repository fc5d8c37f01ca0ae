//! Reads what a conversion by `Attach` depends on.

use tokio_postgres::types::ToSql;

use super::answer::search;
use super::{InspectError, Session};
use crate::observed::{Attachment, ObservedTable, RawOldestRow};
use crate::partition::{
    CopiedTable, Identifier, RangeKey, Side, SyncLevel, attached_key_name, detached_checks,
    own_key_name,
};
use crate::sql;

const INSPECT_ATTACH: &str = include_str!("inspect_attach.sql");

/// Reads what the catalog says of a plain table that is to be attached, or is, and finds its oldest and newest row, or a
/// row in another partition.
///
/// # Errors
/// Returns an error if the database refuses, or does not answer in time.
pub(super) async fn inspect_attach(
    session: &Session,
    observed: &ObservedTable,
    table: &CopiedTable,
) -> Result<Attachment, InspectError> {
    let mut found = read_catalog(session, observed, table).await?;
    match table.serving() {
        Side::Source => {
            let [oldest, newest] = extent(session, observed, table).await?;
            (found.oldest, found.newest) = (Some(oldest), Some(newest));
        }
        Side::Partitioned => {
            let others = observed.attached().map(|partition| &partition.name);
            let others: Vec<_> = others.filter(|name| **name != table.source).collect();
            let script = sql::has_rows(&table.owner, &others);
            found.has_other_rows = match search(session, &script).await? {
                RawOldestRow::Value(text) => Some(text == "true"),
                RawOldestRow::Absent | RawOldestRow::TooSlow | RawOldestRow::Failed(_) => None,
            };
        }
    }
    Ok(found)
}

async fn read_catalog(
    session: &Session,
    observed: &ObservedTable,
    table: &CopiedTable,
) -> Result<Attachment, InspectError> {
    let of_copy = observed.copy.as_ref().map(|facts| facts.source);
    let of_partition = || observed.attached_source().and_then(|partition| partition.oid);
    let source = of_copy.or_else(of_partition).unwrap_or_default();
    let copy = observed.relation.as_ref().map_or(0, |relation| relation.oid);
    let [full, own] = [attached_key_name(&table.managed), own_key_name(&table.managed)];
    let (full, own) = (full.as_str(), own.as_str());
    let checks = detached_checks(&table.managed);
    let checks: Vec<_> = checks.iter().map(Identifier::as_str).collect();
    let parameters: [&(dyn ToSql + Sync); 5] = [&source, &copy, &full, &own, &checks];
    let text = session.query_one_text(INSPECT_ATTACH, &parameters).await?;
    let mut found: Attachment = serde_json::from_str(text.as_deref().unwrap_or_default())?;
    found.of = table.sync_digest(SyncLevel::Row);
    Ok(found)
}

/// Finds the least and the greatest value in the partition column of the plain table.
async fn extent(
    session: &Session,
    observed: &ObservedTable,
    table: &CopiedTable,
) -> Result<[RawOldestRow; 2], InspectError> {
    let column = table.partition_columns.first();
    let key = column.and_then(|column| {
        let key_type = observed.plain_table()?.key_type(column)?;
        Some(RangeKey { column: column.clone(), key_type })
    });
    let Some(key) = key else {
        let failed = || RawOldestRow::Failed("the partition column has no periods".to_owned());
        return Ok([failed(), failed()]);
    };
    let oldest = sql::find_oldest_row(&table.owner, &table.source, &key);
    let newest = sql::find_newest_row(&table.owner, &table.source, &key);
    Ok([search(session, &oldest).await?, search(session, &newest).await?])
}
