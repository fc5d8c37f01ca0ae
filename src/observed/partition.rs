//! Observed state of a partition, or of a table that was or will be one.

use serde::{Deserialize, Serialize};

use super::{ObservedTable, PartitionState};
use crate::partition::{
    Bounds, Identifier, IndexShape, MarkerState, QualifiedName, partition_prefix,
};

/// A partition, or a table made to become one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedPartition {
    /// Object identifier; `None` for a partition that is only planned.
    pub oid: Option<u32>,
    /// Its name, and its schema, which need not be the table's.
    pub name: QualifiedName,
    /// Kind of the relation.
    pub kind: PartitionKind,
    /// Bounds of the partition.
    pub bounds: Bounds,
    /// State of the partition.
    pub state: PartitionState,
    /// Number of times that its expiry was reversed, from its marker.
    pub cycle: u32,
    /// Part of its comment that a user wrote.
    pub comment: Option<String>,
    /// Whether the table owner can `SET ROLE` to its owner.
    pub owned: bool,
    /// Estimated number of rows; `None` before the first VACUUM or ANALYZE.
    pub rows: Option<u64>,
    /// Size of its heap in bytes.
    pub bytes: u64,
    /// Its storage parameters: `fillfactor=90` …
    pub storage: Vec<String>,
    /// Indexes of the partition.
    pub indexes: Vec<PartitionIndex>,
    /// Whether its columns are still those of the table, so that it can be attached.
    pub columns_match: bool,
    /// The tables whose foreign keys lead to it alone, not to the table as a whole.
    pub referenced_by: Vec<QualifiedName>,
    /// Tables with rows that reference its rows; `None` if this was not checked.
    pub rows_referenced_by: Option<Vec<QualifiedName>>,
    /// Error of that check, unless a privilege is missing or the time was too short.
    pub references_error: Option<String>,
    /// The publications that name it.
    pub publications: Vec<Publication>,
    /// On what may be dropped: the objects outside of it that depend on it, so that Postgres refuses to drop it;
    /// as the catalog describes them.
    pub dependents: Vec<String>,
    /// Facts of a default partition; `None` exactly if the bounds are not those of one.
    pub default: Option<DefaultFacts>,
}

impl ObservedTable {
    /// Returns whether a table of that name is inspected when it is no longer a partition.
    #[must_use]
    pub fn finds_by_name(&self, partition: &QualifiedName) -> bool {
        partition.schema == self.managed.name().schema
            && partition.name.as_str().starts_with(&partition_prefix(&self.managed))
    }
}

/// Facts of a default partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DefaultFacts {
    /// Its bytes, with TOAST and indexes.
    pub total_bytes: u64,
    /// Whether its deletes are published, and it has no replica identity by which a subscriber finds the rows.
    /// Postgres rejects deletes from such a table.
    pub lacks_identity: bool,
    /// The default-partition checks that the operator added.
    pub checks: Vec<DefaultCheck>,
    /// Its enabled triggers.
    pub triggers: Vec<Trigger>,
}

/// State of the bounds check of a table that is detached or expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BoundsCheck {
    /// There is none, or the table is a partition and stays one.
    #[default]
    Absent,
    /// New rows are within the bounds; earlier rows were not checked.
    #[serde(alias = "stated")]
    NotValid,
    /// It holds nothing but rows of its bounds.
    #[serde(alias = "proven")]
    Validated,
}

/// A publication that names a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// Name of the publication.
    pub name: Identifier,
    /// Whether the table owner can `SET ROLE` to its owner.
    pub owned: bool,
}

/// A transaction that blocks a detach or a swap because it is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BlockingTransaction {
    /// A session.
    Session {
        /// PID of its server process.
        pid: i32,
        /// Role and application, as far as the operator's role can see them.
        who: String,
    },
    /// A prepared transaction, which belongs to no session: it stays until it is committed or rolled back by name.
    PreparedTransaction {
        /// Identifier given to `PREPARE TRANSACTION`.
        gid: String,
        /// Role that prepared the transaction.
        owner: String,
    },
}

/// A trigger of the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// Name of the trigger.
    pub name: Identifier,
    /// Firing mode of the trigger.
    pub fires: Fires,
}

/// Firing mode of a trigger: `pg_trigger.tgenabled`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fires {
    /// For what applications do.
    Origin,
    /// For what replication does.
    Replica,
    /// For both.
    Always,
}

/// The kind of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartitionKind {
    /// A table with rows.
    Table,
    /// A partitioned table.
    Partitioned,
    /// A foreign table.
    ForeignTable,
}

impl ObservedPartition {
    /// Returns how often an expiry of it has been taken back, by the operator or by a user who attached the
    /// detached table again.
    #[must_use]
    pub fn expiry_cycle(&self) -> u32 {
        let is_reattached = self.state.is_partition()
            && matches!(self.state.marker_state(), Some(MarkerState::Detached(_)));
        self.cycle.saturating_add(u32::from(is_reattached))
    }
}

/// An index of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionIndex {
    /// Name of the index.
    pub name: Identifier,
    /// The index of the table it belongs to.
    pub of: Option<Identifier>,
    /// Whether queries can use it: `indisvalid`.
    pub valid: bool,
    /// Whether another session is building it.
    pub building: bool,
    /// Whether it serves a constraint; not said where it belongs to the table's.
    pub constraint: bool,
    /// The definition of its constraint if it has exclusion operators and does not belong to the table's.
    pub exclusion: Option<String>,
    /// Definition; `None` if it is attached to a parent index or a resource cannot express it.
    pub shape: Option<IndexShape>,
    /// Part after `USING` of its definition; empty if it is attached to a parent index.
    pub definition: String,
    /// Marker in its comment, if the operator built it.
    pub marker: Option<IndexMarker>,
    /// The objects that depend on it, so that Postgres refuses to drop it.
    pub dependents: Vec<String>,
}

/// Marker in the comment of an index that the operator built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexMarker {
    /// The name the resource gives the index.
    pub index: Identifier,
    /// The digest of its shape.
    pub digest: String,
}

/// Default-partition check: a `CHECK` constraint of the operator that excludes a range, so that a partition for it
/// can be attached without a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultCheck {
    /// Name of the constraint.
    pub name: Identifier,
    /// Whether the rows already there were looked at.
    pub validated: bool,
}
