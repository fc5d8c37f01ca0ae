//! Record of the partitions that a sweep compared. If a user truncates, detaches, or attaches one, its rows are unknown.
//!
//! The record has the OID of each partition, its relfilenode, and the transaction that attached it. `TRUNCATE` assigns another
//! relfilenode, and `ATTACH PARTITION` writes a row of `pg_inherits`. `VACUUM FULL` also assigns another relfilenode, which
//! costs one more comparison.

use super::record::{CONVERSIONS, is_record_of};
use crate::partition::{CopiedTable, Identifier, ManagedTable, QualifiedName};
use crate::sql::Sql;
use crate::sql::quote::literal;
use crate::sql::record_tables::{LoginRole, check_records};

/// Voids the result of sweeps if the partitions differ from the record, and records the current ones. The operator's role runs
/// it before the page of a comparison.
pub(super) fn record_partitions(table: &CopiedTable) -> Sql {
    let copy = &table.copy;
    let found = partitions("parent", &copy.schema, &copy.name);
    Sql(format!(
        "UPDATE pgpartition.conversions AS c SET partitions = l.found, sweep = NULL, parity = NULL FROM ({found}) AS l \
         (found) WHERE {} AND c.partitions IS DISTINCT FROM l.found",
        is_record_of(&table.managed)
    ))
}

/// Adds a partition to the record of a conversion. The operator's role runs it in the transaction that attaches the partition,
/// which has only rows from the default partition.
#[must_use]
pub fn record_partition(
    table: &ManagedTable,
    partition: &QualifiedName,
    login: LoginRole,
) -> [Sql; 2] {
    let found = partitions("child", &partition.schema, &partition.name);
    // The result of a sweep for a partition stays.
    let record = format!(
        "UPDATE pgpartition.conversions AS c SET partitions = l.found || c.partitions FROM ({found}) AS l (found) WHERE {}",
        is_record_of(table)
    );
    [check_records(&CONVERSIONS, login), Sql(record)]
}

/// Query for the partitions of a table, or for one partition.
fn partitions(side: &str, schema: &Identifier, name: &Identifier) -> String {
    format!(
        "SELECT coalesce(jsonb_object_agg(i.inhrelid::text, jsonb_build_array(child.relfilenode::bigint, \
         i.xmin::text::bigint)), '{{}}') FROM pg_inherits AS i JOIN pg_class AS child ON child.oid = i.inhrelid JOIN \
         pg_class AS parent ON parent.oid = i.inhparent JOIN pg_namespace AS n ON n.oid = {side}.relnamespace WHERE \
         n.nspname = {} AND {side}.relname = {}",
        literal(schema.as_str()),
        literal(name.as_str())
    )
}
