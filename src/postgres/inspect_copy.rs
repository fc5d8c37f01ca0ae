//! Reads what differs between the two tables of a conversion.

use tokio_postgres::types::ToSql;

use super::rows::column;
use super::{InspectError, Session};
use crate::observed::CopyDifferences;
use crate::partition::{Identifier, ManagedTable, Side, SyncTrigger, detached_checks};

const INSPECT_COPY: &str = concat!(
    include_str!("../sql/conversion/sides.sql"),
    include_str!("../sql/conversion/differences.sql"),
    include_str!("inspect_copy.sql")
);

/// The answer, in bytes. An index takes about 200 of them.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Compares the catalog's rows of the table that applications use and of the passive one, by their object identifiers.
/// `known` are the columns for which the sync triggers of the plain table were created, in that order: they show which
/// columns were renamed since. `key` are the columns of the key of the first table. Returns `None` if one of the tables was
/// dropped meanwhile.
///
/// # Errors
/// Returns an error if the database refuses, or does not answer in time.
pub async fn inspect_copy(
    session: &Session,
    table: &ManagedTable,
    (serving, passive): (u32, u32),
    known: &[Identifier],
    key: &[Identifier],
) -> Result<Option<CopyDifferences>, InspectError> {
    let triggers = SyncTrigger::ALL.map(|trigger| trigger.name(table, Side::Source));
    let triggers = triggers.each_ref().map(Identifier::as_str);
    let checks = detached_checks(table);
    let [known, checks, key] =
        [known, &checks, key].map(|names| names.iter().map(Identifier::as_str).collect::<Vec<_>>());
    let parameters: [&(dyn ToSql + Sync); 7] =
        [&serving, &passive, &false, &triggers.as_slice(), &known, &checks, &key];
    let rows = session.query_up_to(MAX_BYTES, INSPECT_COPY, &parameters).await?.ok_or_else(|| {
        let mib = MAX_BYTES / 1024 / 1024;
        let what = "the indexes and properties in which the copy differs from the table take more than";
        InspectError::TooLarge(format!("{what} {mib} MiB: make their definitions shorter"))
    })?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(serde_json::from_str(column(row, "differences")?)?))
}
