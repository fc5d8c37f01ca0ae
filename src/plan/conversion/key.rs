//! Key for paging and comparing rows, and the partition columns that complete it.

use super::refusal::{KeyFault, Refusal};
use super::subject::Subject;
use crate::desired::Partitioning;
use crate::observed::{CopyFacts, PlainColumn, PlainTable, UniqueIndex};
use crate::partition::{Identifier, Method};

/// Schema in which the functions of a conversion look up operators.
const PG_CATALOG: &str = "pg_catalog";

/// Returns the key that identifies the rows of a table: the primary key or, without one, the first usable unique index by
/// name.
///
/// # Errors
/// Returns the refusal if no key can be used.
pub(super) fn row_key<'a>(subject: &Subject<'a>) -> Result<&'a UniqueIndex, Refusal> {
    first_key(subject, |_| true)
}

/// Returns the key with which the copy of a table was created. No other key can be used, because the copy has no unique
/// index for it.
///
/// # Errors
/// Returns the refusal if the table does not have the key any more.
pub(super) fn key_of_copy<'a>(
    subject: &Subject<'a>,
    copy: &CopyFacts,
) -> Result<&'a UniqueIndex, Refusal> {
    let partition_columns = subject.partitioning.columns();
    first_key(subject, |index| {
        let missing = partition_columns.iter().filter(|column| !index.columns.contains(column));
        let full_key: Vec<_> = index.columns.iter().chain(missing).collect();
        copy.keys.iter().any(|key| key.iter().eq(full_key.iter().copied()))
    })
}

fn first_key<'a>(
    subject: &Subject<'a>,
    is_possible: impl Fn(&UniqueIndex) -> bool,
) -> Result<&'a UniqueIndex, Refusal> {
    let plain = subject.plain;
    let keys = plain.unique_indexes.iter().filter(|i| is_key(i, plain) && is_possible(i));
    let mut keys: Vec<_> = keys.collect();
    keys.sort_by_key(|index| (!index.primary, &index.name));
    let fault = |index: &UniqueIndex| fault(index, plain);
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

/// Returns why a unique index cannot be used as the key, or `None` if it can.
fn fault(index: &UniqueIndex, plain: &PlainTable) -> Option<KeyFault> {
    let is_generated =
        |name: &&Identifier| plain.column(name).is_some_and(|column| column.generated);
    let generated = index.columns.iter().find(is_generated).cloned();
    let (deferrable, classes) = (index.deferrable, &index.other_operators);
    let by_index = [
        deferrable.then_some(KeyFault::Deferrable),
        (!classes.is_empty()).then(|| KeyFault::OtherOperators { classes: classes.clone() }),
        index.other_order.then_some(KeyFault::OtherOrder),
        generated.map(|column| KeyFault::Generated { column }),
    ];
    by_index.into_iter().flatten().next()
}

/// Returns whether an index identifies every row.
fn is_key(index: &UniqueIndex, plain: &PlainTable) -> bool {
    let is_not_null = |column| plain.column(column).is_some_and(|column| !column.nullable);
    let is_plain = !(index.invalid || index.partial || index.expressions);
    is_plain && index.columns.iter().all(is_not_null)
}

/// Returns the refusals of the key and the partition columns.
pub(super) fn refusals(subject: &Subject<'_>) -> Vec<Refusal> {
    // Only the method `Copy` reads and compares rows by the key.
    let of_key = (!subject.is_attached()).then(|| row_key(subject));
    let (collations, no_key) = match of_key {
        Some(Ok(index)) => (changed_collations(subject, index), None),
        Some(Err(refusal)) => (Vec::new(), Some(refusal)),
        None => (Vec::new(), None),
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

/// Returns a refusal if the type of a hash partition column lacks built-in hash or btree operators. For a range, it suffices
/// to check the type.
fn operators(subject: &Subject<'_>, found: &PlainColumn) -> Option<Refusal> {
    let classes: Vec<&Option<Identifier>> = match subject.partitioning {
        Partitioning::Hash(_) => vec![&found.hash, &found.btree],
        // The type of a range column is checked for every table.
        Partitioning::Range(_) => Vec::new(),
    };
    let (table, column) = (subject.table.clone(), found.name.clone());
    if found.runs_code && subject.partitioning.method() == Method::Range {
        let fault = KeyFault::DomainRunsCode { type_name: found.type_name.clone() };
        return Some(Refusal::KeyNotUsable { table, key: column, fault });
    }
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

/// Returns refusals of collations whose version has changed: paging by such an index misses rows.
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
