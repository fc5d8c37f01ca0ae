//! Simulated tables, as an inspection of the catalog returns them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use pg_partition_operator::api::v1alpha1::PartitionedTable;
use pg_partition_operator::desired::{DesiredTable, SpecError};
use pg_partition_operator::observed::{
    BoundsCheck, CopyOf, DefaultFacts, DetachedBy, ObservedPartition, ObservedTable,
    PartitionIndex, PartitionKind, PartitionState, Relation, RelationKind, SearchHint, Server,
    Template,
};
use pg_partition_operator::partition::{
    Bounds, Identifier, IndexShape, KeyColumn, KeyRange, ManagedTable, MarkerState, Method,
    PartitionKey, QualifiedName, RangeBounds, ServerVersion,
};
use serde_json::Value;

pub(crate) fn identifier(text: &str) -> Identifier {
    Identifier::new(text).expect("a test's name is one")
}

/// Parses a spec, or returns all its errors.
pub(crate) fn desired(spec: &Value) -> Result<DesiredTable, Vec<SpecError>> {
    annotated(spec, BTreeMap::new())
}

/// Parses a resource with these annotations, or returns all its errors.
pub(crate) fn annotated(
    spec: &Value,
    annotations: BTreeMap<String, String>,
) -> Result<DesiredTable, Vec<SpecError>> {
    let spec = serde_json::from_value(spec.clone()).expect("a test's spec has its shape");
    let mut resource = PartitionedTable::new("of-a-test", spec);
    resource.metadata.annotations = Some(annotations);
    DesiredTable::from_resource(&resource)
}

/// Returns a partitioned table without partitions, owned by the operator's role, on a supported server.
pub(crate) fn table(name: &QualifiedName, method: Method, key: &[(&str, &str)]) -> ObservedTable {
    let columns = key.iter().map(|(name, type_name)| KeyColumn {
        name: Some(identifier(name)),
        type_name: (*type_name).to_owned(),
    });
    ObservedTable {
        managed: ManagedTable::new(name.clone()),
        name: name.clone(),
        server: Server {
            version: ServerVersion(170_010),
            in_recovery: false,
            read_only: false,
            role: Some(identifier("keeper")),
            hides_owner: false,
            superuser: false,
            clock: Timestamp::UNIX_EPOCH,
            clock_offset: None,
        },
        relation: Some(Relation {
            oid: 16_384,
            kind: RelationKind::Partitioned(PartitionKey { method, columns: columns.collect() }),
            owner: identifier("keeper"),
            owned: true,
            may_create: true,
            columns: key.iter().map(|(name, _)| identifier(name)).collect(),
            generated: Vec::new(),
            column_operators: Vec::new(),
            template: Template::default(),
            inherited_bounds: None,
            copy_of: CopyOf::None,
            owner_code: Vec::new(),
            powers: Vec::new(),
            publications: Vec::new(),
            references: Vec::new(),
            referenced_by: Vec::new(),
        }),
        indexes: Vec::new(),
        adopted: BTreeSet::new(),
        partitions: Vec::new(),
        unmarked: Vec::new(),
        taken: BTreeSet::from([name.name.clone()]),
        unattached: BTreeSet::new(),
        conditions: BTreeMap::new(),
        default_rows: Some(Vec::new()),
        default_rows_from: None,
        default_count: None,
        plain: None,
        oldest_row: None,
        attachment: None,
        copy: None,
        answered: BTreeSet::new(),
        near: SearchHint::default(),
    }
}

/// The bounds of a range of the table's key.
pub(crate) fn bounds(table: &ObservedTable, range: RangeBounds) -> Bounds {
    Bounds::Range(KeyRange { key: table.range_key().expect("a key with ranges"), range })
}

/// Returns an unmanaged partition: attached, empty, without an index.
pub(crate) fn partition(name: QualifiedName, bounds: Bounds) -> ObservedPartition {
    ObservedPartition {
        oid: None,
        name,
        kind: PartitionKind::Table,
        default: (bounds == Bounds::Default).then(DefaultFacts::default),
        bounds,
        state: PartitionState::Attached { marker: None, check: BoundsCheck::Absent },
        cycle: 0,
        comment: None,
        owned: true,
        rows: None,
        bytes: 0,
        storage: Vec::new(),
        indexes: Vec::new(),
        columns_match: true,
        referenced_by: Vec::new(),
        rows_referenced_by: None,
        references_error: None,
        publications: Vec::new(),
        dependents: Vec::new(),
    }
}

/// Has the marker of a partition say this. A table that was never attached has a marker of its own.
pub(crate) fn set_marker_state(partition: &mut ObservedPartition, new: MarkerState) {
    match &mut partition.state {
        PartitionState::Attached { marker, .. } | PartitionState::PendingDetach { marker, .. } => {
            *marker = Some(new);
        }
        PartitionState::Detached { by, .. } => *by = DetachedBy::from_marker_state(new),
        PartitionState::NeverAttached => {}
    }
}

pub(crate) fn set_bounds_check(partition: &mut ObservedPartition, new: BoundsCheck) {
    match &mut partition.state {
        PartitionState::Attached { check, .. }
        | PartitionState::PendingDetach { check, .. }
        | PartitionState::Detached { check, .. } => *check = new,
        PartitionState::NeverAttached => {}
    }
}

/// Attaches it, and leaves its marker and its bounds check as they are.
pub(crate) fn set_attached(partition: &mut ObservedPartition) {
    let (marker, check) = (partition.state.marker_state(), partition.state.bounds_check());
    partition.state = PartitionState::Attached { marker, check };
}

/// Interrupts its detach, and leaves its marker and its bounds check as they are.
pub(crate) fn set_pending_detach(partition: &mut ObservedPartition) {
    let (marker, check) = (partition.state.marker_state(), partition.state.bounds_check());
    partition.state = PartitionState::PendingDetach { marker, check, blocked_by: Vec::new() };
}

/// Detaches it, and leaves its marker and its bounds check as they are. Without a marker it stays what it is: the
/// catalog shows a detached table no more.
pub(crate) fn set_detached(partition: &mut ObservedPartition) {
    let check = partition.state.bounds_check();
    if let Some(marker) = partition.state.marker_state() {
        partition.state =
            PartitionState::Detached { by: DetachedBy::from_marker_state(marker), check };
    }
}

/// Gives the table a partition, with an object identifier of its own.
pub(crate) fn add(state: &mut ObservedTable, mut partition: ObservedPartition) {
    partition.oid = Some(next_oid(state));
    if partition.name.schema == state.name.schema {
        state.taken.insert(partition.name.name.clone());
    }
    state.taken.extend(partition.indexes.iter().map(|index| index.name.clone()));
    state.partitions.push(partition);
    state.partitions.sort_by(|a, b| a.name.cmp(&b.name));
}

/// Gives object identifiers to objects that were created meanwhile, as another inspection does.
pub(crate) fn reinspect(state: &mut ObservedTable) {
    for at in 0..state.partitions.len() {
        if state.partitions[at].oid.is_none() {
            state.partitions[at].oid = Some(next_oid(state));
        }
    }
}

fn next_oid(state: &ObservedTable) -> u32 {
    state.partitions.iter().filter_map(|p| p.oid).max().map_or(20_000, |oid| oid + 1)
}

/// Returns a valid index of an unmanaged partition.
pub(crate) fn index(name: &str, shape: IndexShape) -> PartitionIndex {
    PartitionIndex {
        name: identifier(name),
        of: None,
        valid: true,
        building: false,
        constraint: false,
        exclusion: None,
        shape: Some(shape),
        definition: String::new(),
        dependents: Vec::new(),
        marker: None,
    }
}
