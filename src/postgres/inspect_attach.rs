//! Reads what a conversion by `Attach` depends on.

use tokio_postgres::types::ToSql;

use super::answer::search;
use super::inspect_conversion::inspect_conversion;
use super::{InspectError, Session};
use crate::observed::{Attachment, ObservedTable, RawOldestRow};
use crate::partition::{
    CopiedTable, Identifier, RangeKey, Side, SyncLevel, attached_key_name, detached_checks,
    own_key_name,
};
use crate::sql;

const INSPECT_ATTACH: &str = concat!(
    "WITH stranded AS (\n",
    include_str!("../sql/conversion/stranded.sql"),
    "),\n",
    include_str!("inspect_attach.sql")
);

/// Reads the catalog about a plain table before or after its attach, and finds its oldest and newest row, or a
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
            let (source, copy) = (&table.source.name, &table.copy.name);
            let state = inspect_conversion(session, &table.managed, source, copy).await?;
            found.serving_since = state.record.and_then(|record| record.serving_since);
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
    let type_name = range_key(observed, table).map(|key| key.key_type.type_name());
    let parameters: [&(dyn ToSql + Sync); 6] = [&source, &copy, &full, &own, &checks, &type_name];
    let text = session.query_one_text(INSPECT_ATTACH, &parameters).await?;
    let mut found: Attachment = serde_json::from_str(text.as_deref().unwrap_or_default())?;
    found.of = table.sync_digest(SyncLevel::Row);
    Ok(found)
}

/// Returns the key of the partitioned table, as the plain table has it, or `None` if there is no plain table.
fn range_key(observed: &ObservedTable, table: &CopiedTable) -> Option<RangeKey> {
    let column = table.partition_columns.first()?;
    let key_type = observed.plain_table()?.key_type(column)?;
    Some(RangeKey { column: column.clone(), key_type })
}

/// Finds the least and the greatest value in the partition column of the plain table.
async fn extent(
    session: &Session,
    observed: &ObservedTable,
    table: &CopiedTable,
) -> Result<[RawOldestRow; 2], InspectError> {
    let Some(key) = range_key(observed, table) else {
        let failed = || RawOldestRow::Failed("the partition column has no periods".to_owned());
        return Ok([failed(), failed()]);
    };
    let [oldest, newest] = sql::find_extent(&table.owner, &table.source, &key);
    Ok([search(session, &oldest).await?, search(session, &newest).await?])
}
