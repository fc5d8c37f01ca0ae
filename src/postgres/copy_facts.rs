//! Reads what belongs to the copy of a plain table.

use super::inspect_conversion::inspect_conversion;
use super::inspect_plain::inspect_plain;
use super::{InspectError, Session};
use crate::observed::{CopyFacts, ObservedTable};

/// The plain table of the name, as text.
const SOURCE: &str = "SELECT c.oid::text FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n \
    ON n.oid OPERATOR(pg_catalog.=) c.relnamespace WHERE n.nspname = $1::text AND c.relname = $2::text AND \
    c.relkind = 'r'";

/// The columns of each unique index on which `ON CONFLICT` can rest, as JSON.
const KEYS: &str = "SELECT coalesce(json_agg(k.columns), '[]')::text FROM pg_catalog.pg_index AS x CROSS JOIN LATERAL ( \
    SELECT json_agg(a.attname ORDER BY i.at) FROM unnest(x.indkey[0:x.indnkeyatts - 1]) WITH ORDINALITY AS i (attnum, at) \
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = x.indrelid AND a.attnum = i.attnum) AS k (columns) \
    WHERE x.indrelid = $1 AND x.indisunique AND x.indimmediate AND x.indisvalid AND x.indpred IS NULL AND \
    x.indexprs IS NULL";

/// Returns a row if every column has statistics that `ANALYZE` of the partitioned table gathered.
const ANALYZED: &str = "SELECT 'yes' FROM pg_catalog.pg_class WHERE oid = $1 AND reltuples >= 0";

/// Reads what belongs to the copy of a table, of which the catalog is known. Returns `None` if the plain table was dropped
/// since.
///
/// # Errors
/// Returns an error if the database refuses, or does not answer in time.
pub(super) async fn copy_facts(
    session: &Session,
    observed: &ObservedTable,
) -> Result<Option<CopyFacts>, InspectError> {
    let (table, copy) = (&observed.managed, &observed.name.name);
    let (schema, name) = (table.name().schema.as_str(), &table.name().name);
    let source = session.query_one_text(SOURCE, &[&schema, &name.as_str()]).await?;
    let source: Option<u32> = source.and_then(|oid| oid.parse().ok());
    let plain = inspect_plain(session, table, source).await?;
    let (Some(source), Some(plain), Some(relation)) = (source, plain, &observed.relation) else {
        return Ok(None);
    };
    let analyzed = session.query_one_text(ANALYZED, &[&relation.oid]).await?.is_some();
    let keys = session.query_one_text(KEYS, &[&relation.oid]).await?;
    let state = inspect_conversion(session, table, name, copy).await?;
    let mut facts = CopyFacts::new(source, plain);
    (facts.analyzed, facts.state) = (analyzed, state);
    facts.keys = serde_json::from_str(keys.as_deref().unwrap_or("[]"))?;
    Ok(Some(facts))
}
