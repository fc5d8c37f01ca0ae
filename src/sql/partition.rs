//! Creating and attaching partitions, and dropping tables that were created and never attached.

use super::comment::{comment, marker};
use super::quote::{in_range, literal, name, qualified};
use super::{Sql, constraint, index, quote};
use crate::observed::ReplicaIdentity;
use crate::partition::{
    Bounds, Marker, MarkerState, QualifiedName, bounds_check, detached_checks, marker_beginning,
};
use crate::plan::{Attach, IndexBody, NewPartition};

/// Options of `LIKE`. Without `IDENTITY`: since Postgres 17 a partition has the identity of its table, and
/// Postgres rejects one of its own (55000). Without `INDEXES`: the operator chooses their names. [`properties`]
/// has what `LIKE` never copies. <https://www.postgresql.org/docs/current/sql-createtable.html>
const LIKE: &str = "INCLUDING COMMENTS INCLUDING COMPRESSION INCLUDING CONSTRAINTS INCLUDING \
                    DEFAULTS INCLUDING GENERATED INCLUDING STATISTICS INCLUDING STORAGE";

pub(super) fn create(new: &NewPartition) -> Vec<Sql> {
    let mut statements = vec![create_table(new)];
    for added in &new.indexes {
        match &added.body {
            IndexBody::Equivalent { unique, definition, .. } => {
                statements.push(index::create_as(&new.partition, &added.name, *unique, definition));
            }
            IndexBody::Constraint { definition, .. } => statements.push(Sql(format!(
                "ALTER TABLE {} ADD CONSTRAINT {} {definition}",
                qualified(&new.partition),
                name(&added.name)
            ))),
            IndexBody::Named { stands_for, shape } => {
                let stands_for = stands_for.as_ref();
                statements.extend(index::create(
                    &new.partition,
                    &added.name,
                    shape,
                    stands_for,
                    &added.settings,
                ));
            }
        }
        let is_constraint = matches!(added.body, IndexBody::Constraint { .. });
        let index_name = new.partition.sibling(added.name.clone());
        statements.extend(index::set(&index_name, &added.settings, !is_constraint));
    }
    statements.extend(properties(new));
    let made = Marker::new(MarkerState::ToBeAttached);
    let marker = marker(&made, &new.managed, &new.bounds);
    statements.push(comment(&new.partition, &marker, None));
    statements
}

fn create_table(new: &NewPartition) -> Sql {
    let mut text = format!(
        "CREATE TABLE {} (LIKE {} {LIKE}",
        qualified(&new.partition),
        qualified(&new.table)
    );
    if let Bounds::Range(range) = &new.bounds {
        text.push_str(&format!(
            ", CONSTRAINT {} CHECK ({})",
            name(&bounds_check()),
            in_range(range)
        ));
    }
    text.push(')');
    if let Some(method) = &new.template.access_method {
        text.push_str(&format!(" USING {}", name(method)));
    }
    let storage = quote::parameters(&new.storage);
    if !storage.is_empty() {
        text.push_str(&format!(" WITH ({storage})"));
    }
    if let Some(tablespace) = &new.template.tablespace {
        text.push_str(&format!(" TABLESPACE {}", name(tablespace)));
    }
    Sql(text)
}

/// Returns statements for the properties that neither `LIKE` nor `ATTACH PARTITION` copies.
fn properties(new: &NewPartition) -> Vec<Sql> {
    let table = qualified(&new.partition);
    let mut changes = Vec::new();
    for (column, target) in &new.template.statistics {
        changes.push(format!("ALTER COLUMN {} SET STATISTICS {target}", name(column)));
    }
    if new.template.row_security {
        changes.push("ENABLE ROW LEVEL SECURITY".to_owned());
    }
    if new.template.force_row_security {
        changes.push("FORCE ROW LEVEL SECURITY".to_owned());
    }
    match (&new.template.replica_identity, &new.replica_identity_index) {
        (ReplicaIdentity::Full, _) => changes.push("REPLICA IDENTITY FULL".to_owned()),
        (ReplicaIdentity::Nothing, _) => changes.push("REPLICA IDENTITY NOTHING".to_owned()),
        (ReplicaIdentity::Index(_), Some(index)) => {
            changes.push(format!("REPLICA IDENTITY USING INDEX {}", name(index)));
        }
        (ReplicaIdentity::Default, _) | (ReplicaIdentity::Index(_), None) => {}
    }
    changes.into_iter().map(|change| Sql(format!("ALTER TABLE {table} {change}"))).collect()
}

pub(super) fn attach(attach: &Attach) -> Vec<Sql> {
    let replaced = attach.replaced.iter();
    let mut statements: Vec<_> =
        replaced.map(|replaced| constraint::drop(&attach.partition, replaced)).collect();
    statements.push(Sql(format!(
        "ALTER TABLE {} ATTACH PARTITION {} {}",
        qualified(&attach.table),
        qualified(&attach.partition),
        quote::bounds(&attach.bounds)
    )));
    if !matches!(attach.bounds, Bounds::Hash { .. }) {
        let of_detached = detached_checks(&attach.managed);
        let checks = std::iter::once(bounds_check()).chain(of_detached);
        let drops: Vec<_> =
            checks.map(|check| format!("DROP CONSTRAINT IF EXISTS {}", name(&check))).collect();
        let partition = qualified(&attach.partition);
        statements.push(Sql(format!("ALTER TABLE {partition} {}", drops.join(", "))));
    }
    if let (Some(default), Some(default_check)) = (&attach.default, &attach.default_check) {
        statements.push(constraint::drop(default, default_check));
    }
    let marker = marker(&attach.marker, &attach.managed, &attach.bounds);
    statements.push(comment(&attach.partition, &marker, attach.comment.as_deref()));
    statements
}

/// Drops a table only if it is empty and still says that it was made to become a partition. It looks with
/// row security off, which would hide rows.
pub(super) fn discard(partition: &QualifiedName) -> Vec<Sql> {
    let table = qualified(partition);
    let guard = format!(
        "BEGIN IF EXISTS (SELECT FROM ONLY {table}) OR starts_with(obj_description({}::regclass, \
         'pg_class'), {}) IS NOT TRUE THEN RAISE EXCEPTION USING ERRCODE = 'object_in_use', \
         MESSAGE = 'the table is unmanaged or has rows, so it is not dropped'; END IF; END",
        literal(&table),
        literal(&marker_beginning(&Marker::new(MarkerState::ToBeAttached)))
    );
    vec![
        Sql("SET LOCAL row_security = off".to_owned()),
        Sql(format!("ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")),
        Sql(format!("DO {}", literal(&guard))),
        Sql(format!("DROP TABLE {table}")),
    ]
}
