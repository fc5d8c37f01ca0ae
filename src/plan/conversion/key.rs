//! The key by which rows are paged and compared, and the partition columns that complete it.

use super::refusal::{KeyFault, Refusal};
use super::subject::Subject;
use crate::desired::Partitioning;
use crate::observed::{PlainColumn, PlainTable, UniqueIndex};
use crate::partition::Identifier;

/// The schema whose operators the functions of a conversion find.
const PG_CATALOG: &str = "pg_catalog";

/// Returns the key that tells the rows of a table apart, or why there is none: the primary key, or else the first unique
/// index by name that can take its place.
///
/// # Errors
/// Returns the refusal if no key can be used.
pub(super) fn row_key<'a>(subject: &Subject<'a>) -> Result<&'a UniqueIndex, Refusal> {
    let plain = subject.plain;
    let mut keys: Vec<_> = plain.unique_indexes.iter().filter(|i| is_key(i, plain)).collect();
    keys.sort_by_key(|index| (!index.primary, &index.name));
    let fault = |index: &UniqueIndex| {
        if index.deferrable {
            return Some(KeyFault::Deferrable);
        }
        let operators = &index.other_operators;
        (!operators.is_empty()).then(|| KeyFault::OtherOperators { classes: operators.clone() })
    };
    let Some(first) = keys.first() else {
        let nearly = plain.unique_indexes.iter().map(|index| index.name.clone()).collect();
        return Err(Refusal::NoRowKey { table: subject.table.clone(), unusable: nearly });
    };
    let usable = keys.iter().find(|index| fault(index).is_none());
    match (usable, fault(first)) {
        (Some(index), _) => Ok(index),
        (None, fault) => Err(Refusal::KeyNotUsable {
            table: subject.table.clone(),
            key: first.name.clone(),
            fault: fault.unwrap_or(KeyFault::Deferrable),
        }),
    }
}

/// Returns whether an index tells every two rows apart.
fn is_key(index: &UniqueIndex, plain: &PlainTable) -> bool {
    let is_not_null = |column| plain.column(column).is_some_and(|column| !column.nullable);
    let is_plain = !(index.invalid || index.partial || index.expressions);
    is_plain && index.columns.iter().all(is_not_null)
}

/// Returns what is wrong with the key and with the partition columns.
pub(super) fn refusals(subject: &Subject<'_>) -> Vec<Refusal> {
    let (collations, no_key) = match row_key(subject) {
        Ok(index) => (changed_collations(subject, index), None),
        Err(refusal) => (Vec::new(), Some(refusal)),
    };
    let columns = subject.partitioning.columns().iter();
    let columns = columns.flat_map(|name| {
        let (table, column) = (subject.table.clone(), name.clone());
        let missing = vec![Refusal::PartitionColumnMissing { table, column }];
        subject.plain.column(name).map_or(missing, |column| partition_column(subject, column))
    });
    no_key.into_iter().chain(columns).chain(collations).collect()
}

fn partition_column(subject: &Subject<'_>, found: &PlainColumn) -> Vec<Refusal> {
    let (table, column) = (subject.table, &found.name);
    let nullable = found
        .nullable
        .then(|| Refusal::KeyNullable { table: table.clone(), column: column.clone() });
    let generated = found
        .generated
        .then(|| Refusal::KeyGenerated { table: table.clone(), column: column.clone() });
    nullable.into_iter().chain(generated).chain(operators(subject, found)).collect()
}

/// A hash partitions by the hash of the type, and the key of the copy sorts by it.
fn operators(subject: &Subject<'_>, found: &PlainColumn) -> Option<Refusal> {
    let classes: Vec<&Option<Identifier>> = match subject.partitioning {
        Partitioning::Hash(_) => vec![&found.hash, &found.btree],
        // What the type of a range has to be is checked as for every table.
        Partitioning::Range(_) => return None,
    };
    let (table, column) = (subject.table.clone(), found.name.clone());
    if classes.iter().any(|class| class.is_none()) {
        let type_name = found.type_name.clone();
        return Some(Refusal::KeyTypeNotHashable { table, column, type_name });
    }
    let is_other = |schema: &Identifier| schema.as_str() != PG_CATALOG;
    classes.into_iter().flatten().any(is_other).then(|| {
        let classes = vec![format!("type {}", found.type_name)];
        Refusal::KeyNotUsable { table, key: column, fault: KeyFault::OtherOperators { classes } }
    })
}

/// An index in an old order loses rows of a page, and the comparison with it.
fn changed_collations(subject: &Subject<'_>, index: &UniqueIndex) -> Vec<Refusal> {
    let columns = index.columns.iter().filter_map(|name| subject.plain.column(name));
    let changed = columns.filter_map(|column| {
        Some(Refusal::CollationChanged {
            index: subject.table.sibling(index.name.clone()),
            collation: column.collation.clone()?,
        })
    });
    changed.collect()
}
