//! The partitions that a sweep found: what is in one that a user truncated, detached, or attached is not known.
//!
//! The record has each by its object identifier, with the file that holds its rows and the transaction that attached it.
//! `TRUNCATE` gives a table another file, `ATTACH PARTITION` writes a row of `pg_inherits`. So does `VACUUM FULL` a
//! file, which loses nothing: the tables are compared once more.

use super::record::{CONVERSIONS, is_record_of};
use crate::partition::{CopiedTable, Identifier, ManagedTable, QualifiedName};
use crate::sql::Sql;
use crate::sql::quote::literal;
use crate::sql::record_tables::{LoginRole, check_records};

/// Voids what sweeps found if other partitions are there than the record has, and records those that are there. The
/// operator's role runs it before the page of a comparison.
pub(super) fn record_partitions(table: &CopiedTable) -> Sql {
    let copy = &table.copy;
    let found = partitions("parent", &copy.schema, &copy.name);
    Sql(format!(
        "UPDATE pgpartition.conversions AS c SET partitions = l.found, sweep = NULL, parity = NULL FROM ({found}) AS l \
         (found) WHERE {} AND c.partitions IS DISTINCT FROM l.found",
        is_record_of(&table.managed)
    ))
}

/// Adds a partition to the record of a conversion. The operator's role runs it in the transaction that attaches the
/// partition, which has no rows but those that were moved out of the default partition.
#[must_use]
pub fn record_partition(
    table: &ManagedTable,
    partition: &QualifiedName,
    login: LoginRole,
) -> [Sql; 2] {
    let found = partitions("child", &partition.schema, &partition.name);
    // What a sweep found of a partition stays.
    let record = format!(
        "UPDATE pgpartition.conversions AS c SET partitions = l.found || c.partitions FROM ({found}) AS l (found) WHERE {}",
        is_record_of(table)
    );
    [check_records(&CONVERSIONS, login), Sql(record)]
}

/// The partitions of a table, or one that is a partition.
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
