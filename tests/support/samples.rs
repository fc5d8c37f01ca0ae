//! One of each step and one of each blocker.

use pg_partition_operator::observed::{PartitionKind, Template};
use pg_partition_operator::partition::{
    Bounds, Edge, IndexColumn, IndexShape, KeyType, QualifiedName, RangeBounds, ServerVersion,
};
use pg_partition_operator::plan::{
    Attach, Blocker, IndexBody, NewIndex, NewPartition, RangeKey, Step,
};

use crate::world::identifier;

/// A step of each kind, in the order of their declaration.
pub(crate) fn steps() -> Vec<Step> {
    let (table, partition, default) =
        (orders("orders"), orders("orders_2026_12"), orders("orders_default"));
    let exclusion = identifier("pgpartition_not_36d15326b4f3935d");
    vec![
        Step::CreatePartition(Box::new(new_partition())),
        Step::ExcludeFromDefault {
            default: default.clone(),
            exclusion: exclusion.clone(),
            key: key(),
            range: december(),
        },
        Step::ValidateExclusion { default: default.clone(), exclusion: exclusion.clone() },
        Step::AttachPartition(Box::new(Attach {
            table,
            partition: partition.clone(),
            bounds: Bounds::Range(december()),
            key: Some(key()),
            default: Some(default.clone()),
            exclusion: Some(exclusion.clone()),
            references: vec![orders("customers")],
            referenced_by: Vec::new(),
            comment: None,
            again: false,
        })),
        Step::DiscardPartition { partition },
        Step::DropExclusion { default, exclusion },
    ]
    .into_iter()
    .chain(index_steps())
    .collect()
}

fn index_steps() -> Vec<Step> {
    let (table, partition) = (orders("orders"), orders("orders_2026_11"));
    let table_index = identifier("orders_placed");
    let index = identifier("orders_2026_11_placed");
    let replacement = identifier("orders_placed_pgpartition_next");
    let partitions = vec![partition.clone()];
    vec![
        Step::CreateTableIndex { table: table.clone(), index: table_index.clone(), shape: shape() },
        Step::BuildIndex {
            partition: partition.clone(),
            index: index.clone(),
            shape: shape(),
            stands_for: None,
        },
        Step::AttachIndex {
            table: table.clone(),
            table_index: table_index.clone(),
            partition: partition.clone(),
            index: index.clone(),
        },
        Step::DropIndex { partition, index },
        Step::DropTableIndex {
            table: table.clone(),
            index: replacement.clone(),
            partitions: partitions.clone(),
        },
        Step::ReplaceTableIndex { table, index: table_index, replacement, partitions },
    ]
}

fn new_partition() -> NewPartition {
    let body = IndexBody::Twin {
        of: identifier("orders_placed"),
        unique: false,
        definition: "btree (placed_at DESC)".to_owned(),
    };
    NewPartition {
        table: orders("orders"),
        partition: orders("orders_2026_12"),
        bounds: Bounds::Range(december()),
        key: Some(key()),
        template: Template::default(),
        storage: Vec::new(),
        indexes: vec![NewIndex { name: identifier("orders_2026_12_placed"), body }],
        replica_identity_index: None,
    }
}

/// A blocker of each kind, in the order of their declaration.
pub(crate) fn blockers() -> Vec<Blocker> {
    let (keeper, owner) = (identifier("keeper"), identifier("alice"));
    let (key, range) = (KeyType::Date, december());
    let index = identifier("orders_placed");
    let (partition, default) = (orders("orders_2026_12"), orders("orders_default"));
    vec![
        Blocker::NoSuchTable,
        Blocker::NotPartitioned { kind: "table" },
        Blocker::OtherKey {
            found: "hash (org_id)".to_owned(),
            wanted: "range (placed_at)".to_owned(),
        },
        Blocker::UnsupportedKeyType { type_name: "int8".to_owned() },
        Blocker::IntervalTooFine { key },
        Blocker::UnknownTimeZone { name: "Mars/Olympus_Mons".to_owned() },
        Blocker::BeyondCalendar,
        Blocker::TooManyPeriods { range, key },
        Blocker::NotOwner { owner: owner.clone(), role: keeper.clone() },
        Blocker::MayNotCreate { schema: identifier("shop"), owner },
        Blocker::InRecovery,
        Blocker::ServerTooOld { version: ServerVersion(130_014) },
        Blocker::DefaultHoldsRows { default: default.clone(), range, rows: 17, key },
        Blocker::DefaultNotCounted { default: default.clone() },
        Blocker::DefaultInUse { default },
        Blocker::OtherModulus { found: 4, wanted: 8 },
        Blocker::NoSuchColumn { index: index.clone(), column: identifier("amount") },
        Blocker::IndexNameTaken { index: index.clone() },
        Blocker::IndexServesConstraint { index: index.clone() },
        Blocker::IndexBeingBuilt { index: partition.sibling(index) },
        Blocker::NoConcurrentBuild {
            partition: partition.clone(),
            kind: PartitionKind::Partitioned,
        },
        Blocker::NotOwnerOfPartition { partition, role: keeper },
    ]
}

fn orders(name: &str) -> QualifiedName {
    QualifiedName { schema: identifier("shop"), name: identifier(name) }
}

fn key() -> RangeKey {
    RangeKey { column: identifier("placed_at"), key: KeyType::Date }
}

fn december() -> RangeBounds {
    let edge = |text| KeyType::Date.parse(text).unwrap_or(Edge::MinValue);
    RangeBounds::new(edge("2026-12-01"), edge("2027-01-01")).expect("a month is not empty")
}

fn shape() -> IndexShape {
    IndexShape {
        method: "btree".to_owned(),
        unique: false,
        columns: vec![IndexColumn {
            column: identifier("placed_at"),
            descending: true,
            nulls_first: true,
        }],
        include: vec![identifier("amount")],
        predicate: None,
    }
}
