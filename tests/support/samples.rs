//! One of each step and one of each blocker.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use pg_partition_operator::observed::{
    BlockingTransaction, Fires, IndexSettings, PartitionKind, Template, Trigger,
};
use pg_partition_operator::partition::{
    Bounds, CopiedTable, Detached, Edge, Identifier, IndexColumn, IndexShape, KeyRange, KeyType,
    ManagedTable, Marker, MarkerState, Method, QualifiedName, RangeBounds, RangeKey, SearchPath,
    ServerVersion, Side, SyncLevel, adoption_digest, copy_name, route_view,
};
use pg_partition_operator::plan::{
    AddBoundsCheck, AddDefaultCheck, AnalyzeCopy, Attach, AttachIndex, AttachSource, Blocker,
    BuildIndex, ConversionBlocker, CreateCopy, CreateParentIndex, DefaultBlocker, Detach,
    DetachSource, DiscardPartition, Drain, DropBoundsCheck, DropCopy, DropDefault,
    DropDefaultCheck, DropDetached, DropIndex, DropParentIndex, DropSource, EndSync,
    FinalizeDetach, FollowSource, IndexBlocker, IndexBody, IndexDefinition, InstallSync, MarkAs,
    MarkPartitions, MarkedPartition, NewIndex, NewPartition, PathChange, RecordDetach,
    ReplaceParentIndex, Route, RouteFault, RoutedRole, RoutingFault, RoutingView, Step, Swap,
    Unroute, ValidateBoundsCheck, ValidateCopy, ValidateDefaultCheck,
};

mod refusals;

use crate::catalog::identifier;
pub(crate) use refusals::refusals;

/// A step of each kind, in the order of their declaration; one for each of its verbs.
pub(crate) fn steps() -> Vec<Step> {
    steps_owned_by("keeper")
}

/// The sample steps, with another owner of the tables of the conversion.
pub(crate) fn steps_owned_by(owner: &str) -> Vec<Step> {
    let names = Names { owner: identifier(owner), ..shop() };
    [
        names.attaching(),
        names.emptying_default(),
        names.retention(),
        names.clearing(),
        names.indexing(),
        names.converting(),
    ]
    .concat()
}

/// Objects of the sample steps.
pub(crate) struct Names {
    pub(crate) table: QualifiedName,
    /// Owner of the tables of the conversion.
    pub(crate) owner: Identifier,
    pub(crate) partition: QualifiedName,
    pub(crate) default: QualifiedName,
    /// The partition that has the index.
    pub(crate) indexed: QualifiedName,
    pub(crate) default_check: Identifier,
    pub(crate) parent_index: Identifier,
    pub(crate) index: Identifier,
    pub(crate) replacement: Identifier,
    pub(crate) shape: IndexShape,
    pub(crate) range: KeyRange,
    /// Cycle that the partition's marker states.
    pub(crate) cycle: u32,
    /// Instant of the detach.
    pub(crate) at: Timestamp,
}

/// Ordinary names.
fn shop() -> Names {
    Names {
        table: orders("orders"),
        owner: identifier("keeper"),
        partition: orders("orders_2026_12"),
        default: orders("orders_default"),
        indexed: orders("orders_2026_11"),
        default_check: identifier("pgpartition_not_36d15326b4f3935d"),
        parent_index: identifier("orders_placed"),
        index: identifier("orders_2026_11_placed"),
        replacement: identifier("orders_placed_pgpartition_next"),
        shape: shape(),
        range: december(),
        cycle: 0,
        at: instant("2028-01-15T03:00:00Z"),
    }
}

impl Names {
    fn managed(&self) -> ManagedTable {
        ManagedTable::new(self.table.clone())
    }

    fn bounds(&self) -> Bounds {
        Bounds::Range(self.range.clone())
    }

    /// Returns the marker of the partition.
    pub(crate) fn marker(&self, mark: MarkerState) -> Marker {
        Marker { state: mark, oid: Some(20_001), parent: Some(20_000), cycle: self.cycle }
    }

    pub(crate) fn attach(&self) -> Attach {
        Attach {
            managed: self.managed(),
            table: self.table.clone(),
            partition: self.partition.clone(),
            bounds: self.bounds(),
            comment: None,
            again: false,
            replaced: Vec::new(),
            is_recorded: false,
            marker: self.marker(MarkerState::Attached),
            default: Some(self.default.clone()),
            default_check: None,
            references: Vec::new(),
            referenced_by: Vec::new(),
        }
    }

    /// Creates a partition and attaches it.
    pub(crate) fn attaching(&self) -> Vec<Step> {
        let (default, default_check) = (self.default.clone(), self.default_check.clone());
        vec![
            Step::CreatePartition(Box::new(self.new_partition())),
            Step::AddDefaultCheck(AddDefaultCheck {
                default: default.clone(),
                default_check: default_check.clone(),
                range: self.range.clone(),
            }),
            Step::ValidateDefaultCheck(ValidateDefaultCheck {
                default,
                default_check: default_check.clone(),
            }),
            Step::AttachPartition(Box::new(Attach {
                default_check: Some(default_check),
                references: vec![self.table.sibling(identifier("customers"))],
                ..self.attach()
            })),
        ]
    }

    /// Moves rows out of the default partition, and removes it.
    pub(crate) fn emptying_default(&self) -> Vec<Step> {
        vec![
            Step::DrainDefault(Box::new(Drain {
                attach: self.attach(),
                default: self.default.clone(),
                columns: vec![identifier("placed_at"), identifier("amount")],
                triggers: vec![Trigger { name: identifier("audit"), fires: Fires::Origin }],
                rows: 17,
            })),
            Step::DropDefault(DropDefault {
                table: self.table.clone(),
                default: self.default.clone(),
                references: Vec::new(),
            }),
        ]
    }

    /// Removes what an earlier run left.
    pub(crate) fn clearing(&self) -> Vec<Step> {
        let (default, default_check) = (self.default.clone(), self.default_check.clone());
        vec![
            Step::DiscardPartition(DiscardPartition { partition: self.partition.clone() }),
            Step::DropDefaultCheck(DropDefaultCheck { default, default_check }),
        ]
    }

    /// Marks a partition, detaches it, and drops it.
    pub(crate) fn retention(&self) -> Vec<Step> {
        let detached = Detached { at: self.at, drops_since: Some(self.at) };
        let kept = Detached { drops_since: None, ..detached };
        let marks = [
            (MarkAs::Adopted, MarkerState::Attached),
            (MarkAs::Expired { drops: true }, MarkerState::Expired { drops: true }),
            (MarkAs::Attached, MarkerState::Attached),
            (MarkAs::ForDrop, MarkerState::Detached(detached)),
            (MarkAs::NotForDrop, MarkerState::Detached(kept)),
        ];
        let mut steps: Vec<_> =
            marks.into_iter().map(|(mark_as, mark)| self.mark(mark_as, mark)).collect();
        steps.push(Step::MarkPartitions(MarkPartitions {
            managed: self.managed(),
            table: self.table.clone(),
            partitions: Vec::new(),
            mark_as: MarkAs::AdoptionCleared,
            adopted: Some(BTreeSet::new()),
        }));
        steps.extend(self.detaching());
        steps.extend(self.dropping(self.marker(MarkerState::Detached(detached))));
        steps
    }

    fn mark(&self, mark_as: MarkAs, mark: MarkerState) -> Step {
        Step::MarkPartitions(MarkPartitions {
            managed: self.managed(),
            table: self.table.clone(),
            partitions: vec![MarkedPartition {
                name: self.partition.clone(),
                oid: Some(20_001),
                bounds: self.bounds(),
                comment: None,
                marker: self.marker(mark),
            }],
            adopted: (mark_as == MarkAs::Adopted)
                .then(|| BTreeSet::from([adoption_digest(&self.partition)])),
            mark_as,
        })
    }

    fn detaching(&self) -> Vec<Step> {
        vec![
            Step::DetachPartition(Box::new(Detach {
                table: self.table.clone(),
                partition: self.partition.clone(),
                bounds: self.bounds(),
                concurrently: true,
                default: None,
                references: Vec::new(),
                referenced_by: Vec::new(),
                after: None,
                rows: Some(17),
                bytes: 8192,
            })),
            Step::FinalizeDetach(FinalizeDetach {
                table: self.table.clone(),
                partition: self.partition.clone(),
                references: Vec::new(),
            }),
            Step::RecordDetach(Box::new(RecordDetach {
                managed: self.managed(),
                partition: self.partition.clone(),
                oid: Some(20_001),
                bounds: self.bounds(),
                inherited: None,
                comment: Some("ask accounting first".to_owned()),
                at: self.at,
                drops: true,
                parent: Some(20_000),
                cycle: self.cycle,
                publications: vec![identifier("orders_feed")],
            })),
        ]
    }

    fn dropping(&self, marker: Marker) -> Vec<Step> {
        vec![
            Step::AddBoundsCheck(AddBoundsCheck {
                managed: self.managed(),
                partition: self.partition.clone(),
                oid: Some(20_001),
                range: self.range.clone(),
                inherited: None,
            }),
            Step::ValidateBoundsCheck(ValidateBoundsCheck {
                managed: self.managed(),
                partition: self.partition.clone(),
            }),
            Step::DropBoundsCheck(DropBoundsCheck {
                managed: self.managed(),
                table: self.table.clone(),
            }),
            Step::DropDetached(Box::new(DropDetached {
                managed: self.managed(),
                partition: self.partition.clone(),
                oid: 20_001,
                bounds: self.bounds(),
                marker,
                references: Vec::new(),
                rows: Some(17),
                bytes: 8192,
            })),
        ]
    }

    /// Builds, replaces, and drops indexes.
    pub(crate) fn indexing(&self) -> Vec<Step> {
        let (table, partition) = (self.table.clone(), self.indexed.clone());
        let (index, replacement) = (self.index.clone(), self.replacement.clone());
        let partitions = vec![partition.clone()];
        vec![
            Step::CreateParentIndex(CreateParentIndex {
                table: table.clone(),
                index: self.parent_index.clone(),
                definition: IndexDefinition::Shape(self.shape.clone()),
                settings: IndexSettings::default(),
                partitions: Vec::new(),
            }),
            Step::BuildIndex(BuildIndex {
                partition: partition.clone(),
                index: index.clone(),
                definition: IndexDefinition::Shape(self.shape.clone()),
                stands_for: None,
                settings: IndexSettings::default(),
            }),
            Step::AttachIndex(AttachIndex {
                table: table.clone(),
                parent_index: self.parent_index.clone(),
                partition: partition.clone(),
                index: index.clone(),
            }),
            Step::DropIndex(DropIndex { partition, index, successor: None }),
            Step::DropParentIndex(DropParentIndex {
                table: table.clone(),
                index: replacement.clone(),
                partitions: partitions.clone(),
            }),
            Step::ReplaceParentIndex(ReplaceParentIndex {
                table,
                index: self.parent_index.clone(),
                replacement,
                partitions,
            }),
        ]
    }

    pub(crate) fn converting(&self) -> Vec<Step> {
        let table = self.copied();
        let references = vec![orders("orgs")];
        vec![
            Step::CreateCopy(Box::new(CreateCopy {
                table: table.clone(),
                source: 16_384,
                method: Method::Hash,
                references: references.clone(),
            })),
            Step::InstallSync(Box::new(InstallSync {
                table: table.clone(),
                source: 16_384,
                level: SyncLevel::Row,
                present: BTreeSet::new(),
                keeps_parity: false,
            })),
            Step::FollowSource(Box::new(FollowSource {
                table: table.clone(),
                method: Method::Hash,
                known: table.columns.clone(),
                sync: None,
                changes: vec!["column status added".to_owned()],
            })),
            Step::ValidateCopy(Box::new(ValidateCopy { table: table.clone() })),
            Step::AnalyzeCopy(AnalyzeCopy { copy: table.copy.clone() }),
            Step::EndSync(Box::new(EndSync { table: table.clone() })),
            Step::DropCopy(Box::new(DropCopy {
                table: table.clone(),
                oid: 16_400,
                references: references.clone(),
            })),
            Step::Swap(Box::new(Swap {
                table: table.clone(),
                source: 16_384,
                copy: 16_400,
                level: SyncLevel::Row,
                views: vec![orders("open_orders")],
            })),
            Step::DropSource(Box::new(DropSource {
                table: table.swapped(),
                oid: 16_384,
                references,
                foreign_keys: vec![(orders("lines"), identifier("lines_order_fk"))],
            })),
            Step::AttachSource(Box::new(AttachSource {
                table: table.clone(),
                source: 16_384,
                copy: 16_400,
                range: self.range.clone(),
                partitions: vec![self.partition.clone()],
                views: vec![orders("open_orders")],
                references: vec![orders("orgs")],
            })),
            Step::DetachSource(Box::new(DetachSource {
                table: table.swapped(),
                source: 16_384,
                copy: 16_400,
                partitions: vec![self.partition.clone()],
                views: vec![orders("open_orders")],
                references: vec![orders("orgs")],
            })),
            Step::Route(Box::new(Route {
                table: table.clone(),
                view: route_view(&table.managed),
                creates_schema: true,
                creates: Some(RoutingView {
                    reads: Side::Partitioned,
                    columns: table.columns.clone(),
                    drops_other: true,
                    invoker: true,
                }),
                users: vec![identifier("reporting")],
                paths: vec![path_change(
                    Some("shop, public"),
                    Some("pgpartition_shop, shop, public"),
                )],
                listed: vec![
                    RoutedRole { role: identifier("audit"), since: Some(Timestamp::UNIX_EPOCH) },
                    RoutedRole { role: identifier("reporting"), since: None },
                ],
            })),
            Step::Unroute(Box::new(Unroute {
                table: table.clone(),
                view: route_view(&table.managed),
                drops_schema: true,
                paths: vec![path_change(Some("pgpartition_shop, shop"), None)],
            })),
        ]
    }

    fn copied(&self) -> CopiedTable {
        let managed = ManagedTable::new(self.table.clone());
        CopiedTable {
            source: self.table.clone(),
            copy: self.table.sibling(copy_name(&managed)),
            managed,
            key: vec![identifier("id")],
            partition_columns: vec![identifier("org_id")],
            columns: ["id", "org_id", "placed_at"].map(identifier).to_vec(),
            always_identity: vec![identifier("id")],
            owner: self.owner.clone(),
        }
    }

    fn new_partition(&self) -> NewPartition {
        let body = IndexBody::Equivalent {
            of: self.parent_index.clone(),
            unique: false,
            definition: "btree (placed_at DESC)".to_owned(),
        };
        NewPartition {
            managed: self.managed(),
            table: self.table.clone(),
            partition: self.partition.clone(),
            bounds: self.bounds(),
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
}

fn instant(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

/// Blockers of a copy before its cutover.
fn blockers_of_copy() -> Vec<Blocker> {
    vec![
        ConversionBlocker::CopyOfOther { table: orders("orders_partitioned") }.into(),
        ConversionBlocker::NoSource { table: orders("orders") }.into(),
        ConversionBlocker::ColumnsDiffer {
            table: orders("orders"),
            changes: vec![
                "column placed_at of another type".to_owned(),
                "check positive".to_owned(),
            ],
            not_valid: vec![identifier("positive")],
        }
        .into(),
        ConversionBlocker::ParityFailed {
            table: orders("orders"),
            sweeps: 3,
            began: Timestamp::UNIX_EPOCH,
        }
        .into(),
        ConversionBlocker::TooManyDiffer {
            table: orders("orders"),
            rows: 100_000,
            began: Timestamp::UNIX_EPOCH,
        }
        .into(),
        ConversionBlocker::CannotRoute {
            table: orders("orders"),
            fault: RoutingFault::SchemaMissing {
                schema: identifier("pgpartition_shop"),
                owner: Some(identifier("alice")),
                database: identifier("shop"),
            },
        }
        .into(),
        ConversionBlocker::RoleNotRoutable {
            role: identifier("reporting"),
            login: Some(identifier("partition_operator")),
            fault: RouteFault::NotMember {
                database: identifier("shop"),
                path: "pgpartition_shop, shop, public".to_owned(),
            },
        }
        .into(),
        ConversionBlocker::DropCopyNeedsApproval { copy: orders("orders_partitioned") }.into(),
    ]
}

/// Blockers of a swap, and of the drop of the source after it.
fn swap_blockers() -> Vec<Blocker> {
    let source = orders("orders_source");
    let by = vec![BlockingTransaction::Session { pid: 4711, who: "nightly.py".to_owned() }];
    let blockers = [
        ConversionBlocker::SwapBlocked { by },
        ConversionBlocker::SourceDiffers {
            source: source.clone(),
            changes: vec!["column note is missing".to_owned()],
        },
        ConversionBlocker::RollbackImpossible {
            source: source.clone(),
            cause: vec!["column note is missing".to_owned()],
        },
        ConversionBlocker::ExtentUnknown {
            table: orders("orders"),
            column: identifier("placed_at"),
            error: None,
        },
        ConversionBlocker::PartitionOverlaps { partition: orders("orders_2026_12") },
        ConversionBlocker::RollbackNeedsApproval { source: source.clone(), rows: Some(2) },
        ConversionBlocker::SourceInGracePeriod { until: instant("2026-12-01T12:00:00Z") },
        ConversionBlocker::SourceInUse { source, by: vec!["materialized view totals".to_owned()] },
    ];
    blockers.map(Blocker::from).into()
}

/// A blocker of each kind, in the order of their declaration.
pub(crate) fn blockers() -> Vec<Blocker> {
    let partition = orders("orders_2026_12");
    let of_conversion = refusals().into_iter().map(|refusal| Blocker::Preflight { refusal });
    [
        blockers_of_table(),
        blockers_of_server(),
        vec![
            Blocker::CannotReattach { partition: partition.clone() },
            Blocker::UnattachedTable { table: partition },
        ],
        blockers_of_default(),
        blockers_of_retention(),
        blockers_of_indexes(),
        of_conversion.collect(),
        blockers_of_copy(),
        swap_blockers(),
    ]
    .concat()
}

fn blockers_of_table() -> Vec<Blocker> {
    let key = KeyType::Date;
    vec![
        Blocker::TableNotFound { table: orders("orders") },
        Blocker::NotPartitioned { table: orders("orders"), kind: "table" },
        Blocker::PartitionKeyMismatch {
            table: orders("orders"),
            found: "hash (org_id)".to_owned(),
            wanted: "range (placed_at)".to_owned(),
        },
        Blocker::HashPartitionsMismatch { table: orders("orders"), found: 4, wanted: 8 },
        Blocker::UnsupportedKeyType {
            table: orders("orders"),
            column: identifier("placed_at"),
            type_name: "int8".to_owned(),
        },
        Blocker::IntervalTooFine { table: orders("orders"), column: identifier("placed_at"), key },
        Blocker::UnknownTimeZone { name: "Mars/Olympus_Mons".to_owned() },
        Blocker::PeriodOutOfRange,
        Blocker::TooManyPeriods { range: range_of("2026-12-01", "2476-12-01") },
    ]
}

fn blockers_of_server() -> Vec<Blocker> {
    let (role, owner) = (Some(identifier("partition_operator")), identifier("alice"));
    vec![
        Blocker::NotOwner { table: orders("orders"), owner: owner.clone(), role },
        Blocker::MissingCreatePrivilege { schema: identifier("shop"), owner: Some(owner) },
        Blocker::NotOwnerOfPartition { partition: orders("orders_2026_12") },
        Blocker::ReadOnlyReplica,
        Blocker::ReadOnly,
        Blocker::UnsupportedServer { version: ServerVersion(130_014) },
    ]
}

fn blockers_of_default() -> Vec<Blocker> {
    let (default, range) = (orders("orders_default"), december());
    let blockers = [
        DefaultBlocker::DefaultHoldsRows {
            default: default.clone(),
            range: range.clone(),
            rows: 17,
        },
        DefaultBlocker::DefaultRowsUnknown { default: default.clone() },
        DefaultBlocker::DefaultInUse { default: default.clone() },
        DefaultBlocker::DefaultNotTable {
            default: default.clone(),
            kind: PartitionKind::ForeignTable,
        },
        DefaultBlocker::DefaultReferenced {
            default: default.clone(),
            by: vec![orders("invoices")],
        },
        DefaultBlocker::DefaultRunsCode {
            default: default.clone(),
            code: vec!["shop.is_valid(numeric)".to_owned()],
            role: Some(identifier("partition_operator")),
            powers: vec!["membership in payroll".to_owned()],
        },
        DefaultBlocker::DefaultWithoutIdentity { default: default.clone() },
        DefaultBlocker::DrainTooLong { default, range, rows: 170_000, millis: 4_250 },
    ];
    blockers.map(Blocker::Default).into()
}

fn blockers_of_indexes() -> Vec<Blocker> {
    let (index, partition) = (identifier("orders_placed"), orders("orders_2026_12"));
    let blockers = [
        IndexBlocker::ColumnNotFound {
            table: orders("orders"),
            index: index.clone(),
            column: identifier("amount"),
        },
        IndexBlocker::ConditionUnclear { index: index.clone(), column: identifier("email") },
        IndexBlocker::IndexNameTaken { index: orders("orders_placed") },
        IndexBlocker::IndexSupportsConstraint { index: orders("orders_placed") },
        IndexBlocker::IndexBuilding { index: partition.sibling(index) },
        IndexBlocker::CannotBuildConcurrently { partition, kind: PartitionKind::Partitioned },
    ];
    blockers.map(Blocker::Index).into()
}

fn blockers_of_retention() -> Vec<Blocker> {
    let partition = orders("orders_2026_12");
    let by = vec![orders("invoices")];
    vec![
        Blocker::DetachBlocked {
            partition: partition.clone(),
            by: vec![
                BlockingTransaction::Session { pid: 4711, who: "reporting, nightly.py".to_owned() },
                BlockingTransaction::PreparedTransaction {
                    gid: "billing-77".to_owned(),
                    owner: "billing".to_owned(),
                },
            ],
        },
        Blocker::AnotherDetachPending { partition: partition.clone() },
        Blocker::AwaitingApproval {
            count: 22,
            limit: 3,
            dropped_after: Some(Duration::from_hours(720)),
        },
        Blocker::DropNeedsApproval { count: 67, limit: 3, after: Duration::from_hours(168) },
        Blocker::ClockSkew { seconds: 86_400 },
        Blocker::PartitionReferenced { partition: partition.clone(), by: by.clone() },
        Blocker::ReferencesUnknown { partition: partition.clone(), by, error: None },
        Blocker::LastPartition { partition: partition.clone() },
        Blocker::InGracePeriod { until: instant("2028-01-22T03:00:00Z") },
        Blocker::DetachedHasPartitions { partition: partition.clone() },
        Blocker::HasDependents {
            of: partition,
            by: vec!["view shop.december".to_owned(), "function shop.total()".to_owned()],
        },
    ]
}

fn orders(name: &str) -> QualifiedName {
    QualifiedName { schema: identifier("shop"), name: identifier(name) }
}

fn key() -> RangeKey {
    RangeKey { column: identifier("placed_at"), key_type: KeyType::Date }
}

fn december() -> KeyRange {
    range_of("2026-12-01", "2027-01-01")
}

fn range_of(from: &str, to: &str) -> KeyRange {
    let edge = |text| KeyType::Date.parse(text).unwrap_or(Edge::MinValue);
    let range = RangeBounds::new(edge(from), edge(to));
    KeyRange { key: key(), range: range.expect("the range is not empty") }
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

fn path_change(from: Option<&str>, to: Option<&str>) -> PathChange {
    PathChange {
        role: identifier("reporting"),
        database: identifier("shop"),
        from: from.map(str::to_owned),
        to: to.and_then(SearchPath::parse),
    }
}
