//! Letting partitions go, and remembering what was let go.

use super::Sql;
use super::partitions::{comment, drop_constraint_if_there, marker};
use super::quote::{in_range, literal, name, qualified};
use crate::partition::{Bounds, Mark, QualifiedName, detached_constraint};
use crate::plan::{Detach, DropDetached, MarkedPartition, Marking, RangeKey, Remember};

pub(super) fn mark(
    table: &QualifiedName,
    key: Option<&RangeKey>,
    partitions: &[MarkedPartition],
    marking: Marking,
) -> Vec<Sql> {
    let marked = |marked: &MarkedPartition| {
        let marker = marker(marking.mark(), table, &marked.bounds, key);
        comment(&marked.name, &marker, marked.comment.as_deref())
    };
    let by_constraint = partitions.iter().filter(|marked| marked.by_constraint);
    // Last, since an application may wait for these.
    let constraints = by_constraint
        .flat_map(|marked| remembered_by_constraint(table, &marked.name, key, &marked.bounds));
    partitions.iter().map(marked).chain(constraints).collect()
}

pub(super) fn detach(detach: &Detach) -> Sql {
    let how = if detach.concurrently { " CONCURRENTLY" } else { "" };
    Sql(format!(
        "ALTER TABLE {} DETACH PARTITION {}{how}",
        qualified(&detach.table),
        qualified(&detach.partition)
    ))
}

pub(super) fn finalize(table: &QualifiedName, partition: &QualifiedName) -> Sql {
    Sql(format!(
        "ALTER TABLE {} DETACH PARTITION {} FINALIZE",
        qualified(table),
        qualified(partition)
    ))
}

/// The constraint says which rows a table held that is no partition any more. By its name, which is that
/// of no other table's, the detached tables of a table are found whatever they are called.
fn remembered_by_constraint(
    table: &QualifiedName,
    partition: &QualifiedName,
    key: Option<&RangeKey>,
    bounds: &Bounds,
) -> Vec<Sql> {
    let constraint = detached_constraint(table);
    let mut statements = vec![drop_constraint_if_there(partition, &constraint)];
    if let (Some(key), Some(range)) = (key, bounds.as_range()) {
        statements.push(Sql(format!(
            "ALTER TABLE {} ADD CONSTRAINT {} CHECK ({}) NOT VALID",
            qualified(partition),
            name(&constraint),
            in_range(key, range)
        )));
    }
    statements
}

pub(super) fn remember(remember: &Remember) -> Vec<Sql> {
    let table = qualified(&remember.partition);
    let mut statements = remembered_by_constraint(
        &remember.table,
        &remember.partition,
        remember.key.as_ref(),
        &remember.bounds,
    );
    for publication in &remember.publications {
        statements.push(Sql(format!("ALTER PUBLICATION {} DROP TABLE {table}", name(publication))));
    }
    let Remember { table, bounds, key, .. } = remember;
    let marker = marker(Mark::Detached(remember.at), table, bounds, key.as_ref());
    statements.push(comment(&remember.partition, &marker, remember.comment.as_deref()));
    statements
}

/// Drops a table only if it is, under the lock, still what was looked at: the same table, detached, and
/// with our mark.
pub(super) fn drop_detached(drop: &DropDetached) -> Sql {
    let table = qualified(&drop.partition);
    let DropDetached { oid, since, bounds, key, .. } = drop;
    let marker = marker(Mark::Detached(*since), &drop.table, bounds, key.as_ref());
    let body = format!(
        "BEGIN LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; \
         IF NOT EXISTS (SELECT FROM pg_class WHERE oid = {oid} AND oid = {}::regclass \
         AND relkind = 'r' AND NOT relispartition \
         AND split_part(obj_description(oid, 'pg_class'), chr(10), 1) = {}) \
         THEN RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', \
         MESSAGE = 'the table is not what it was, and is not dropped'; END IF; \
         DROP TABLE {table}; END",
        literal(&table),
        literal(&marker)
    );
    Sql(format!("DO {}", literal(&body)))
}
