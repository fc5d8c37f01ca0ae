//! Reads a plain table for the preflight of its conversion.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::inspect_conversion::CAN_READ_RECORDS;
use super::rows::column;
use super::{InspectError, Session};
use crate::observed::PlainTable;
use crate::partition::{
    ConversionNames, Identifier, ManagedTable, copy_marker, detached_checks, source_marker,
};

/// One read-only statement, so one snapshot.
const INSPECT_PLAIN: &str = concat!(
    include_str!("relations.sql"),
    ",\n",
    include_str!("columns.sql"),
    include_str!("table.sql"),
    "UNION ALL\n",
    include_str!("constraints.sql"),
    "UNION ALL\n",
    include_str!("dependents.sql"),
    "UNION ALL\n",
    include_str!("replication.sql"),
    "UNION ALL\n",
    include_str!("names.sql"),
);

/// Recorded state of the triggers and functions of the table, which remain if a user drops the copy.
const RECORDED_SYNC: &str = "SELECT coalesce(c.sync, '{}')::text FROM pgpartition.conversions AS c WHERE c.schema_name = \
    $1::text AND c.table_name = $2::text";

/// Rows of one plain table, in bytes: with 1,600 columns and 1,000 views they take about a tenth of it.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Reads the plain table of this object identifier. Returns `None` if there is none.
///
/// # Errors
/// Returns an error if the database refuses, or does not answer in time.
pub(super) async fn inspect_plain(
    session: &Session,
    table: &ManagedTable,
    relation: Option<u32>,
) -> Result<Option<PlainTable>, InspectError> {
    let Some(oid) = relation else { return Ok(None) };
    let names = ConversionNames::new(table);
    let checks = detached_checks(table);
    let [relations, functions, triggers, checks] =
        [&names.relations, &names.functions, &names.triggers, &checks]
            .map(|names| names.iter().map(Identifier::as_str).collect::<Vec<_>>());
    let marks = [copy_marker(table), source_marker(table)];
    let marks = marks.as_slice();
    let sync = recorded_sync(session, table).await?;
    let parameters: [&(dyn ToSql + Sync); 7] =
        [&oid, &relations, &functions, &triggers, &marks, &sync, &checks];
    let found = session.query_up_to(MAX_BYTES, INSPECT_PLAIN, &parameters).await?;
    let found = found.ok_or_else(|| {
        let mib = MAX_BYTES / 1024 / 1024;
        let what = "the catalog describes the table and what depends on it with more than";
        InspectError::TooLarge(format!("{what} {mib} MiB: drop views, triggers, or foreign keys"))
    })?;
    plain_table(&found)
}

async fn recorded_sync(session: &Session, table: &ManagedTable) -> Result<String, InspectError> {
    let (schema, name) = (table.name().schema.as_str(), table.name().name.as_str());
    let recorded = match session.query_one_text(CAN_READ_RECORDS, &[]).await? {
        Some(_) => session.query_one_text(RECORDED_SYNC, &[&schema, &name]).await?,
        None => None,
    };
    Ok(recorded.unwrap_or_else(|| "{}".to_owned()))
}

/// Puts together what the query returned row by row.
fn plain_table(rows: &[Row]) -> Result<Option<PlainTable>, InspectError> {
    let mut facts = Vec::new();
    for row in rows {
        facts.push((column::<&str>(row, "what")?, column::<&str>(row, "fact")?));
    }
    // The rows come in any order, and a snapshot has one.
    facts.sort_unstable();
    let mut fields = Map::new();
    let mut lists: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for (what, fact) in facts {
        match (what, serde_json::from_str(fact)?) {
            ("table", Value::Object(single)) => fields.extend(single),
            (_, fact) => lists.entry(what).or_default().push(fact),
        }
    }
    fields.extend(lists.into_iter().map(|(what, facts)| (what.to_owned(), facts.into())));
    let found = (!fields.is_empty()).then(|| serde_json::from_value(fields.into()));
    Ok(found.transpose()?)
}
