//! Reads what belongs to a conversion by copy: the plain table, and what both tables are to each other.

use super::inspect_conversion::inspect_conversion;
use super::inspect_plain::inspect_plain;
use super::inspect_routing::is_routed;
use super::{InspectError, Session};
use crate::observed::{BlockingTransaction, CopyFacts, CopyOf, ObservedTable};
use crate::partition::{Side, route_view, source_name};

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

/// The views of the same owner that read the partitioned table, as JSON.
const VIEWS: &str = "SELECT coalesce(json_agg(v.name), '[]')::text FROM (SELECT DISTINCT \
    jsonb_build_object('schema', n.nspname, 'name', v.relname) AS name \
    FROM pg_catalog.pg_depend AS d \
    JOIN pg_catalog.pg_rewrite AS w ON w.oid = d.objid AND w.rulename = '_RETURN' \
    JOIN pg_catalog.pg_class AS v ON v.oid = w.ev_class AND v.relkind = 'v' \
    JOIN pg_catalog.pg_namespace AS n ON n.oid = v.relnamespace \
    JOIN pg_catalog.pg_class AS t ON t.oid = d.refobjid AND t.relowner = v.relowner \
    WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = $1 \
    AND d.classid = 'pg_catalog.pg_rewrite'::regclass ORDER BY name) AS v";

/// Returns a row if every column has statistics that `ANALYZE` of the partitioned table gathered.
const ANALYZED: &str = "SELECT 'yes' FROM pg_catalog.pg_class WHERE oid = $1 AND reltuples >= 0";

/// The sessions and replicas whose snapshots are as old as the transaction `$1`, or older, as JSON. Every role may see
/// that. A transaction that has only just begun is soon over. No snapshot is older than half of all transaction numbers.
const OLDER: &str = "SELECT coalesce(json_agg(json_build_object('session', json_build_object('pid', o.pid, 'who', o.who)) \
    ORDER BY o.pid), '[]')::text \
    FROM (SELECT (($1::text::numeric % 4294967296)::text)::xid AS number WHERE \
        pg_snapshot_xmax(pg_current_snapshot())::text::numeric - $1::text::numeric < 2000000000) AS changed \
    CROSS JOIN LATERAL ( \
        SELECT a.pid, coalesce(a.application_name, '') AS who FROM pg_stat_activity AS a \
        WHERE (a.datname = current_database() OR a.datname IS NULL) AND a.usename IS NOT NULL \
        AND a.pid <> pg_backend_pid() AND age(a.backend_xmin) >= age(changed.number) \
        AND coalesce(a.xact_start < clock_timestamp() - interval '2 s', true) \
        UNION ALL \
        SELECT coalesce(s.active_pid, 0), 'replication slot ' || s.slot_name FROM pg_replication_slots AS s \
        WHERE s.slot_type = 'physical' AND age(s.xmin) >= age(changed.number) \
    ) AS o";

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
    let Some(relation) = &observed.relation else { return Ok(None) };
    let (serving, name) = match relation.copy_of {
        CopyOf::Replaced => (Side::Partitioned, source_name(table)),
        CopyOf::None | CopyOf::Table | CopyOf::Other => (Side::Source, table.name().name.clone()),
    };
    let schema = table.name().schema.as_str();
    let source = session.query_one_text(SOURCE, &[&schema, &name.as_str()]).await?;
    let source: Option<u32> = source.and_then(|oid| oid.parse().ok());
    let plain = inspect_plain(session, table, source).await?;
    let (Some(source), Some(plain)) = (source, plain) else { return Ok(None) };
    let analyzed = session.query_one_text(ANALYZED, &[&relation.oid]).await?.is_some();
    let keys = session.query_one_text(KEYS, &[&relation.oid]).await?;
    let mut facts = CopyFacts::new(source, plain);
    facts.state = inspect_conversion(session, table, &name, copy).await?;
    (facts.serving, facts.analyzed) = (serving, analyzed);
    facts.routed = is_routed(session, table).await?;
    facts.keys = serde_json::from_str(keys.as_deref().unwrap_or("[]"))?;
    let views = session.query_one_text(VIEWS, &[&relation.oid]).await?;
    facts.views = serde_json::from_str(views.as_deref().unwrap_or("[]"))?;
    if facts.routed {
        // The operator drops it before it is lost, and before anything else that it reads.
        let route = route_view(table);
        facts.views.retain(|view| *view != route);
        facts.plain.views.retain(|view| view.name != route);
    }
    facts.older = older(session, facts.changed()).await?;
    Ok(Some(facts))
}

/// Reads who still sees the tables as they were before a transaction of the operator changed rows.
async fn older(
    session: &Session,
    changed: Option<u64>,
) -> Result<Vec<BlockingTransaction>, InspectError> {
    let Some(changed) = changed else { return Ok(Vec::new()) };
    let found = session.query_one_text(OLDER, &[&changed.to_string()]).await?;
    Ok(serde_json::from_str(found.as_deref().unwrap_or("[]"))?)
}
