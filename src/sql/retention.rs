//! Detaching and dropping partitions.

use super::Sql;
use super::comment::bounds_in_marker;
use super::quote::{literal, qualified};
use crate::partition::marker_beginning;
use crate::plan::{Detach, DropDetached, FinalizeDetach};

pub(super) fn detach(detach: &Detach) -> Sql {
    let how = if detach.concurrently { " CONCURRENTLY" } else { "" };
    Sql(format!(
        "ALTER TABLE {} DETACH PARTITION {}{how}",
        qualified(&detach.table),
        qualified(&detach.partition)
    ))
}

pub(super) fn finalize(finalize: &FinalizeDetach) -> Sql {
    let (table, partition) = (qualified(&finalize.table), qualified(&finalize.partition));
    Sql(format!("ALTER TABLE {table} DETACH PARTITION {partition} FINALIZE"))
}

/// Drops a table only if it is, under the lock, still the inspected one: the same table, detached, with its
/// marker, and not attached to any table since the marker was written, which would have updated each of its
/// columns in the catalog.
pub(super) fn drop_detached(drop: &DropDetached) -> Sql {
    let table = qualified(&drop.partition);
    let DropDetached { oid, bounds, .. } = drop;
    // Whether the partitioned table was renamed does not matter: the marker names it by its OID too.
    let beginning = literal(&marker_beginning(&drop.marker));
    let end = literal(&format!(" {}", bounds_in_marker(bounds)));
    let body = format!(
        "BEGIN LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; \
         IF NOT EXISTS (SELECT FROM pg_class, \
         LATERAL split_part(obj_description(oid, 'pg_class'), chr(10), 1) AS marker \
         WHERE oid = {oid} AND oid = {}::regclass AND relkind = 'r' AND NOT relispartition \
         AND starts_with(marker, {beginning}) AND right(marker, length({end})) = {end} \
         AND NOT (SELECT bool_and(age(a.xmin) < age(d.xmin)) FROM pg_description d JOIN \
         pg_attribute a ON a.attrelid = d.objoid AND a.attnum > 0 AND NOT a.attisdropped WHERE \
         d.objoid = {oid} AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0)) \
         THEN RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', \
         MESSAGE = 'the table has changed since the inspection, and is not dropped'; END IF; \
         DROP TABLE {table}; END",
        literal(&table)
    );
    Sql(format!("DO {}", literal(&body)))
}
