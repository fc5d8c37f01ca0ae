//! Reads a conversion by copy: its record, and what keeps the two tables equal.

use serde::Deserialize;
use tokio_postgres::types::ToSql;

use super::rows::column;
use super::{InspectError, Session};
use crate::observed::{ConversionState, InstalledFunction};
use crate::partition::{
    ConversionNames, Identifier, ManagedTable, Side, SyncTrigger, function_digest, guard_name,
};

const RECORDED: &str = concat!(
    "WITH record AS MATERIALIZED (SELECT jsonb_build_object('begun', c.reached IS NOT NULL, 'copied', c.copied, \
     'backfilledAt', c.backfilled_at, 'changed', c.changed::text::numeric, 'repaired', c.repaired, 'sync', c.sync, \
     'sweep', c.sweep - 'reached', 'parity', c.parity, 'servingSince', to_jsonb(c) -> 'serving_since', \
     'partitionsChanged', coalesce(nullif(to_jsonb(c) -> 'partitions', 'null') <> ( \
     SELECT coalesce(jsonb_object_agg(i.inhrelid::text, jsonb_build_array(r.relfilenode::bigint, i.xmin::text::bigint)), '{}') \
     FROM pg_inherits AS i JOIN pg_class AS r ON r.oid = i.inhrelid JOIN pg_class AS p ON p.oid = i.inhparent JOIN \
     pg_namespace AS n ON n.oid = p.relnamespace WHERE n.nspname = $1::text AND p.relname = $4::text), \
     false)) AS fact FROM pgpartition.conversions AS c WHERE c.schema_name = $1::text AND \
     c.table_name = $2::text),\n",
    include_str!("inspect_conversion.sql")
);

const UNRECORDED: &str = concat!(
    "WITH record AS (SELECT to_jsonb($2::text) AS fact WHERE false),\n",
    include_str!("inspect_conversion.sql")
);

/// Returns a row if the operator can read the table of records, and only roles that can act as the operator could
/// have put code there: see `sql/record_tables.rs`.
pub(super) const CAN_READ_RECORDS: &str = "SELECT 'yes' FROM pg_namespace AS n JOIN pg_class AS c ON c.relnamespace = n.oid \
    WHERE n.nspname = 'pgpartition' AND c.relname = 'conversions' AND pg_has_role(n.nspowner, current_user, 'MEMBER') \
    AND pg_has_role(c.relowner, current_user, 'MEMBER') AND has_schema_privilege(n.oid, 'USAGE') AND \
    has_table_privilege(c.oid, 'SELECT')";

/// A function as the query returns it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawFunction {
    name: Identifier,
    oid: u32,
    xmin: u32,
    body_hash: Option<String>,
    settings: Vec<String>,
    is_definer: bool,
    used_elsewhere: bool,
}

/// Reads the conversion of a table, of which `source` and `copy` are the plain table and the partitioned one in the same
/// schema. Neither has to be there. One of them has the name of the table: it has the sync triggers, the other the guard.
///
/// # Errors
/// Returns an error if the database refuses, or does not answer in time.
pub async fn inspect_conversion(
    session: &Session,
    table: &ManagedTable,
    source: &Identifier,
    copy: &Identifier,
) -> Result<ConversionState, InspectError> {
    let can_read = session.query_one_text(CAN_READ_RECORDS, &[]).await?.is_some();
    let query = if can_read { RECORDED } else { UNRECORDED };
    let (schema, name) = (table.name().schema.as_str(), table.name().name.as_str());
    let serving = if *source == table.name().name { Side::Source } else { Side::Partitioned };
    let (source, copy, guard) = (source.as_str(), copy.as_str(), guard_name(serving));
    let guard = guard.as_str();
    let triggers = SyncTrigger::ALL.map(|trigger| trigger.name(table, serving));
    let triggers = triggers.each_ref().map(Identifier::as_str);
    let functions = ConversionNames::new(table).functions;
    let functions: Vec<_> = functions.iter().map(Identifier::as_str).collect();
    let parameters: [&(dyn ToSql + Sync); 7] =
        [&schema, &name, &source, &copy, &triggers.as_slice(), &guard, &functions];
    let mut state = ConversionState::default();
    for row in &session.query(query, &parameters).await? {
        let fact: &str = column(row, "fact")?;
        match column(row, "what")? {
            "record" => state.record = Some(serde_json::from_str(fact)?),
            "triggers" => state.triggers.push(serde_json::from_str(fact)?),
            _ => state.functions.push(serde_json::from_str::<RawFunction>(fact)?.into()),
        }
    }
    // The rows come in any order, and a snapshot has one.
    state.triggers.sort_unstable_by_key(|trigger| trigger.oid);
    state.functions.sort_unstable_by_key(|function| function.oid);
    Ok(state)
}

impl From<RawFunction> for InstalledFunction {
    fn from(raw: RawFunction) -> Self {
        let RawFunction { name, oid, xmin, body_hash, settings, is_definer, used_elsewhere } = raw;
        let digest = body_hash.map(|hash| function_digest(&hash, &settings, is_definer));
        Self { name, oid, xmin, digest, used_elsewhere }
    }
}
