//! One of each step and one of each blocker.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use pg_partition_operator::observed::{
    Fires, Holder, IndexSettings, PartitionKind, Template, Trigger,
};
use pg_partition_operator::partition::{
    Bounds, Detached, Edge, IndexColumn, IndexShape, KeyRange, KeyType, ManagedTable, Mark, Marker,
    QualifiedName, RangeBounds, RangeKey, ServerVersion, adoption_digest,
};
use pg_partition_operator::plan::{
    Attach, AttachIndex, Blocker, BuildIndex, CreateTableIndex, Detach, DiscardPartition, Drain,
    DropDetached, DropExclusion, DropIndex, DropTableIndex, ExcludeFromDefault, FinalizeDetach,
    IndexBody, MarkPartitions, MarkedPartition, Marking, NewIndex, NewPartition, Remember,
    RemoveDefault, ReplaceTableIndex, StateBounds, Step, ValidateBounds, ValidateExclusion,
};

use crate::world::identifier;

/// A step of each kind, in the order of their declaration; one for each of its verbs.
pub(crate) fn steps() -> Vec<Step> {
    let (partition, default) = (orders("orders_2026_12"), orders("orders_default"));
    let exclusion = identifier("pgpartition_not_36d15326b4f3935d");
    let made = vec![
        Step::CreatePartition(Box::new(new_partition())),
        Step::ExcludeFromDefault(ExcludeFromDefault {
            default: default.clone(),
            exclusion: exclusion.clone(),
            range: december(),
        }),
        Step::ValidateExclusion(ValidateExclusion {
            default: default.clone(),
            exclusion: exclusion.clone(),
        }),
        Step::AttachPartition(Box::new(Attach {
            exclusion: Some(exclusion.clone()),
            references: vec![orders("customers")],
            ..attach()
        })),
        Step::DrainDefault(Box::new(Drain {
            attach: attach(),
            default: default.clone(),
            columns: vec![identifier("placed_at"), identifier("amount")],
            triggers: vec![Trigger { name: identifier("audit"), fires: Fires::Origin }],
            rows: 17,
        })),
        Step::RemoveDefault(RemoveDefault {
            table: orders("orders"),
            default: default.clone(),
            references: Vec::new(),
        }),
    ];
    let cleared = vec![
        Step::DiscardPartition(DiscardPartition { partition }),
        Step::DropExclusion(DropExclusion { default, exclusion }),
    ];
    [made, steps_of_letting_go(), cleared, index_steps()].concat()
}

fn attach() -> Attach {
    Attach {
        managed: ManagedTable::new(orders("orders")),
        table: orders("orders"),
        partition: orders("orders_2026_12"),
        bounds: Bounds::Range(december()),
        comment: None,
        again: false,
        replaced: Vec::new(),
        marker: marker(Mark::Attached),
        default: Some(orders("orders_default")),
        exclusion: None,
        references: Vec::new(),
        referenced_by: Vec::new(),
    }
}

/// What the comment on the December partition says.
fn marker(mark: Mark) -> Marker {
    Marker { mark, oid: Some(20_001), parent: Some(20_000), cycle: 0 }
}

fn steps_of_letting_go() -> Vec<Step> {
    let (table, partition) = (orders("orders"), orders("orders_2026_12"));
    let bounds = Bounds::Range(december());
    let at = instant("2028-01-15T03:00:00Z");
    let detached = Detached { at, drops_since: Some(at) };
    let mark = |marking, mark| {
        Step::MarkPartitions(MarkPartitions {
            managed: ManagedTable::new(orders("orders")),
            table: table.clone(),
            partitions: vec![MarkedPartition {
                name: partition.clone(),
                oid: Some(20_001),
                bounds: bounds.clone(),
                comment: None,
                marker: marker(mark),
            }],
            adopted: (marking == Marking::Adopted)
                .then(|| BTreeSet::from([adoption_digest(&partition)])),
            marking,
        })
    };
    vec![
        mark(Marking::Adopted, Mark::Attached),
        mark(Marking::Expired { drops: true }, Mark::Expired { drops: true }),
        mark(Marking::Kept, Mark::Attached),
        mark(Marking::ForDrop, Mark::Detached(detached)),
        mark(Marking::NotForDrop, Mark::Detached(Detached { drops_since: None, ..detached })),
        Step::MarkPartitions(MarkPartitions {
            managed: ManagedTable::new(orders("orders")),
            table: table.clone(),
            partitions: Vec::new(),
            marking: Marking::Forgotten,
            adopted: Some(BTreeSet::new()),
        }),
        Step::DetachPartition(Box::new(Detach {
            table: table.clone(),
            partition: partition.clone(),
            bounds: bounds.clone(),
            concurrently: true,
            default: None,
            references: Vec::new(),
            referenced_by: Vec::new(),
            after: None,
            rows: Some(17),
            bytes: 8192,
        })),
        Step::FinalizeDetach(FinalizeDetach {
            table: table.clone(),
            partition: partition.clone(),
            references: Vec::new(),
        }),
        Step::RememberDetached(Box::new(Remember {
            managed: ManagedTable::new(orders("orders")),
            partition: partition.clone(),
            oid: Some(20_001),
            bounds: bounds.clone(),
            inherited: None,
            comment: Some("ask accounting first".to_owned()),
            at,
            drops: true,
            parent: Some(20_000),
            cycle: 0,
            publications: vec![identifier("orders_feed")],
        })),
        Step::StateBounds(StateBounds {
            managed: ManagedTable::new(orders("orders")),
            partition: partition.clone(),
            oid: Some(20_001),
            range: december(),
            inherited: None,
        }),
        Step::ValidateBounds(ValidateBounds {
            managed: ManagedTable::new(orders("orders")),
            partition: partition.clone(),
        }),
        Step::DropDetached(Box::new(DropDetached {
            managed: ManagedTable::new(table),
            partition,
            oid: 20_001,
            bounds,
            marker: marker(Mark::Detached(detached)),
            references: Vec::new(),
            rows: Some(17),
            bytes: 8192,
        })),
    ]
}

fn instant(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn index_steps() -> Vec<Step> {
    let (table, partition) = (orders("orders"), orders("orders_2026_11"));
    let table_index = identifier("orders_placed");
    let index = identifier("orders_2026_11_placed");
    let replacement = identifier("orders_placed_pgpartition_next");
    let partitions = vec![partition.clone()];
    vec![
        Step::CreateTableIndex(CreateTableIndex {
            table: table.clone(),
            index: table_index.clone(),
            shape: shape(),
            partitions: Vec::new(),
        }),
        Step::BuildIndex(BuildIndex {
            partition: partition.clone(),
            index: index.clone(),
            shape: shape(),
            stands_for: None,
            settings: IndexSettings::default(),
        }),
        Step::AttachIndex(AttachIndex {
            table: table.clone(),
            table_index: table_index.clone(),
            partition: partition.clone(),
            index: index.clone(),
        }),
        Step::DropIndex(DropIndex { partition, index }),
        Step::DropTableIndex(DropTableIndex {
            table: table.clone(),
            index: replacement.clone(),
            partitions: partitions.clone(),
        }),
        Step::ReplaceTableIndex(ReplaceTableIndex {
            table,
            index: table_index,
            replacement,
            partitions,
        }),
    ]
}

fn new_partition() -> NewPartition {
    let body = IndexBody::Twin {
        of: identifier("orders_placed"),
        unique: false,
        definition: "btree (placed_at DESC)".to_owned(),
    };
    NewPartition {
        managed: ManagedTable::new(orders("orders")),
        table: orders("orders"),
        partition: orders("orders_2026_12"),
        bounds: Bounds::Range(december()),
        template: Template::default(),
        storage: Vec::new(),
        indexes: vec![NewIndex {
            name: identifier("orders_2026_12_placed"),
            body,
            settings: IndexSettings::default(),
        }],
        replica_identity_index: None,
    }
}

/// A blocker of each kind, in the order of their declaration.
pub(crate) fn blockers() -> Vec<Blocker> {
    let (keeper, owner) = (identifier("keeper"), identifier("alice"));
    let (key, range) = (KeyType::Date, december());
    let index = identifier("orders_placed");
    let (partition, default) = (orders("orders_2026_12"), orders("orders_default"));
    let of_table = vec![
        Blocker::NoSuchTable { table: orders("orders") },
        Blocker::NotPartitioned { table: orders("orders"), kind: "table" },
        Blocker::OtherKey {
            table: orders("orders"),
            found: "hash (org_id)".to_owned(),
            wanted: "range (placed_at)".to_owned(),
        },
        Blocker::UnsupportedKeyType {
            table: orders("orders"),
            column: identifier("placed_at"),
            type_name: "int8".to_owned(),
        },
        Blocker::IntervalTooFine { table: orders("orders"), column: identifier("placed_at"), key },
        Blocker::UnknownTimeZone { name: "Mars/Olympus_Mons".to_owned() },
        Blocker::BeyondCalendar,
        Blocker::TooManyPeriods { range: range.clone() },
        Blocker::NotOwner {
            table: orders("orders"),
            owner: owner.clone(),
            role: Some(keeper.clone()),
        },
        Blocker::MayNotCreate { schema: identifier("shop"), owner: Some(owner) },
        Blocker::InRecovery,
        Blocker::ReadOnly,
        Blocker::ServerTooOld { version: ServerVersion(130_014) },
        Blocker::DefaultHoldsRows { default: default.clone(), range: range.clone(), rows: 17 },
        Blocker::DefaultNotCounted { default: default.clone() },
        Blocker::DefaultInUse { default: default.clone() },
        Blocker::OtherModulus { table: orders("orders"), found: 4, wanted: 8 },
        Blocker::DefaultNoTable { default: default.clone(), kind: PartitionKind::Foreign },
        Blocker::DefaultReferenced { default: default.clone(), by: vec![orders("invoices")] },
        Blocker::DefaultRunsCode {
            default: default.clone(),
            code: vec!["shop.is_valid(numeric)".to_owned()],
            role: Some(identifier("keeper")),
            powers: vec!["membership in payroll".to_owned()],
        },
        Blocker::DefaultWithoutIdentity { default: default.clone() },
        Blocker::DefaultTooLarge { default, range, rows: 1_700_000, millis: 42_500 },
    ];
    let of_indexes = vec![
        Blocker::NoSuchColumn {
            table: orders("orders"),
            index: index.clone(),
            column: identifier("amount"),
        },
        Blocker::ConditionUnclear { index: index.clone(), column: identifier("email") },
        Blocker::IndexNameTaken { index: orders("orders_placed") },
        Blocker::IndexServesConstraint { index: orders("orders_placed") },
        Blocker::IndexBeingBuilt { index: partition.sibling(index) },
        Blocker::NoConcurrentBuild {
            partition: partition.clone(),
            kind: PartitionKind::Partitioned,
        },
        Blocker::NotOwnerOfPartition { partition, role: Some(keeper) },
    ];
    [of_table, blockers_of_letting_go(), of_indexes].concat()
}

fn blockers_of_letting_go() -> Vec<Blocker> {
    let partition = orders("orders_2026_12");
    let by = vec![orders("invoices")];
    vec![
        Blocker::DetachHeld {
            partition: partition.clone(),
            by: vec![
                Holder::Session { pid: 4711, who: "reporting, nightly.py".to_owned() },
                Holder::PreparedTransaction {
                    gid: "billing-4711".to_owned(),
                    owner: "billing".to_owned(),
                },
            ],
        },
        Blocker::AnotherDetachPending { partition: partition.clone() },
        Blocker::NeedsApproval {
            count: 22,
            limit: 3,
            dropped_after: Some(Duration::from_hours(720)),
        },
        Blocker::DropNeedsApproval { count: 67, limit: 3, after: Duration::from_hours(168) },
        Blocker::ClocksDiffer { seconds: 86_400 },
        Blocker::Referenced { partition: partition.clone(), by: by.clone() },
        Blocker::ReferencesNotChecked { partition: partition.clone(), by, error: None },
        Blocker::LastPartition { partition: partition.clone() },
        Blocker::InGrace { until: instant("2028-01-22T03:00:00Z") },
        Blocker::HasPartitions { partition: partition.clone() },
        Blocker::HasDependents {
            of: partition.clone(),
            by: vec!["view shop.december".to_owned(), "function shop.total()".to_owned()],
        },
        Blocker::CannotReattach { partition: partition.clone() },
        Blocker::UnattachedTable { table: partition },
    ]
}

fn orders(name: &str) -> QualifiedName {
    QualifiedName { schema: identifier("shop"), name: identifier(name) }
}

fn key() -> RangeKey {
    RangeKey { column: identifier("placed_at"), key_type: KeyType::Date }
}

fn december() -> KeyRange {
    let edge = |text| KeyType::Date.parse(text).unwrap_or(Edge::MinValue);
    let range = RangeBounds::new(edge("2026-12-01"), edge("2027-01-01"));
    KeyRange { key: key(), range: range.expect("a month is not empty") }
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
