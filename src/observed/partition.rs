//! What a partition of the table is, or a table that was or will be one.

use serde::{Deserialize, Serialize};

use super::{ObservedTable, PartitionState};
use crate::partition::{Bounds, Identifier, IndexShape, Mark, QualifiedName, partition_prefix};

/// A partition, or a table made to become one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedPartition {
    /// Its object identifier; none for one that so far is only planned.
    pub oid: Option<u32>,
    /// Its name, and its schema, which need not be the table's.
    pub name: QualifiedName,
    /// What kind of relation it is.
    pub kind: PartitionKind,
    /// What it takes.
    pub bounds: Bounds,
    /// What it is to the table.
    pub state: PartitionState,
    /// How often an expiry of it has been taken back, as its comment says.
    pub cycle: u32,
    /// What a person wrote into its comment.
    pub comment: Option<String>,
    /// Whether the table's owner may act as its owner.
    pub owned: bool,
    /// How many rows it has, as the planner estimates; none where nobody has counted.
    pub rows: Option<u64>,
    /// How many bytes its heap has.
    pub bytes: u64,
    /// Its storage parameters: `fillfactor=90` …
    pub storage: Vec<String>,
    /// Its indexes.
    pub indexes: Vec<PartitionIndex>,
    /// Whether its columns are still those of the table, so that it can be attached.
    pub fits: bool,
    /// The tables whose foreign keys lead to it alone, not to the table as a whole.
    pub referenced_by: Vec<QualifiedName>,
    /// The tables that have rows whose foreign keys lead to its rows; none where nobody has looked.
    pub rows_referenced_by: Option<Vec<QualifiedName>>,
    /// Why that could not be found out, if not for a missing privilege or for want of time.
    pub references_error: Option<String>,
    /// The publications that name it.
    pub publications: Vec<Publication>,
    /// On what may be dropped: the objects outside of it that depend on it, so that Postgres refuses to drop it;
    /// as the catalog describes them.
    pub dependents: Vec<String>,
    /// What only a default partition has; `None` exactly if the bounds are not those of one.
    pub default: Option<DefaultFacts>,
}

impl ObservedTable {
    /// Whether a table of that name is looked at when it is no partition any more.
    #[must_use]
    pub fn finds_by_name(&self, partition: &QualifiedName) -> bool {
        partition.schema == self.managed.name().schema
            && partition.name.as_str().starts_with(&partition_prefix(&self.managed))
    }
}

/// What only a default partition has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DefaultFacts {
    /// Its bytes, with TOAST and indexes.
    pub total_bytes: u64,
    /// Whether its deletes are published, and it has no replica identity by which a subscriber finds the rows.
    /// Postgres rejects deletes from such a table.
    pub lacks_identity: bool,
    /// The default-partition checks that the operator added.
    pub checks: Vec<Exclusion>,
    /// Its enabled triggers.
    pub triggers: Vec<Trigger>,
}

/// What a constraint of ours says of the rows of a table that is detached or let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BoundsCheck {
    /// There is none, or the table is a partition and stays one.
    #[default]
    Absent,
    /// No row comes that is not of its bounds; nobody has looked at those that were there.
    Stated,
    /// It holds nothing but rows of its bounds.
    Proven,
}

/// A publication that names a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// Its name.
    pub name: Identifier,
    /// Whether the table's owner may act as its owner.
    pub owned: bool,
}

/// A transaction that blocks a detach or a swap because it is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BlockingTransaction {
    /// A session.
    Session {
        /// Its server process.
        pid: i32,
        /// Who it is, as far as we may see: role and application.
        who: String,
    },
    /// A prepared transaction, which belongs to no session: it stays until it is committed or rolled back by name.
    PreparedTransaction {
        /// The name that `PREPARE TRANSACTION` gave it.
        gid: String,
        /// The role that prepared it.
        owner: String,
    },
}

/// A trigger of the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// Its name.
    pub name: Identifier,
    /// When it fires.
    pub fires: Fires,
}

/// When a trigger fires: `pg_trigger.tgenabled`.
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
        let is_reattached =
            self.state.is_partition() && matches!(self.state.mark(), Some(Mark::Detached(_)));
        self.cycle.saturating_add(u32::from(is_reattached))
    }
}

/// An index of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionIndex {
    /// Its name.
    pub name: Identifier,
    /// The index of the table it belongs to.
    pub of: Option<Identifier>,
    /// Whether queries can use it: `indisvalid`.
    pub valid: bool,
    /// Whether somebody is building it at this moment.
    pub building: bool,
    /// Whether it serves a constraint; not said where it belongs to the table's.
    pub constraint: bool,
    /// The definition of its constraint if it has exclusion operators and does not belong to the table's.
    pub exclusion: Option<String>,
    /// What it is; none where it belongs to the table's or is more than a resource can say.
    pub shape: Option<IndexShape>,
    /// What follows `USING` in its definition; empty where it belongs to the table's.
    pub definition: String,
    /// What we wrote into its comment when we made it.
    pub marker: Option<IndexMarker>,
    /// The objects that depend on it, so that Postgres refuses to drop it.
    pub dependents: Vec<String>,
}

/// What the comment on an index we made says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexMarker {
    /// The name the resource gives the index.
    pub index: Identifier,
    /// The digest of its shape.
    pub digest: String,
}

/// A promise that a default partition holds nothing of a range, so that a partition for it can be
/// attached without a scan: a `CHECK` constraint of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exclusion {
    /// The constraint.
    pub name: Identifier,
    /// Whether the rows already there were looked at.
    pub validated: bool,
}
