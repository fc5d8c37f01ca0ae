//! What the database has: one snapshot of the catalog.
//!
//! [`Snapshot`] is what the query of `postgres/inspect.sql` found and what `inspect -o json` prints;
//! [`ObservedTable`] is what it means. Both hold no row of any user's table.

mod meaning;
pub(crate) mod snapshot;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

pub use meaning::InvalidSnapshot;
pub use snapshot::{CountedRows, Snapshot};

use crate::partition::{
    Bounds, Identifier, IndexShape, KeyColumn, KeyType, Mark, Method, PartitionKey, QualifiedName,
    RangeBounds, ServerVersion,
};

/// A table, its partitions, and the server they are on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedTable {
    /// The table that was looked for.
    pub name: QualifiedName,
    /// The server that was asked.
    pub server: Server,
    /// What has that name; none where nothing has.
    pub relation: Option<Relation>,
    /// Its partitions, and the tables made to become one.
    pub partitions: Vec<ObservedPartition>,
    /// Names in the table's schema that a partition or an index of it cannot have any more.
    pub taken: BTreeSet<Identifier>,
    /// Where the rows of the default partition lie; none where nobody has looked.
    pub default_rows: Option<Vec<DefaultRows>>,
    /// How many rows the default partition has, where somebody has counted.
    pub default_count: Option<u64>,
}

/// The server, and who we are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its version.
    pub version: ServerVersion,
    /// Whether it only replays another server's changes: `pg_is_in_recovery()`.
    pub in_recovery: bool,
    /// The role we act as.
    pub role: Identifier,
    /// Its clock when the snapshot was taken.
    pub clock: Timestamp,
    /// How far its clock was ahead of ours; none where nobody has compared them.
    pub ahead: Option<SignedDuration>,
}

/// What has the table's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// Its object identifier.
    pub oid: u32,
    /// What kind it is.
    pub kind: RelationKind,
    /// Who owns it.
    pub owner: Identifier,
    /// Whether we may act as its owner: `SET ROLE`.
    pub owned: bool,
    /// Whether its owner may create tables in its schema.
    pub may_create: bool,
    /// Its columns, in order.
    pub columns: Vec<Identifier>,
    /// Those of them whose values are computed from others.
    pub generated: Vec<Identifier>,
    /// What a new partition takes from it.
    pub template: Template,
    /// Its indexes.
    pub indexes: Vec<TableIndex>,
    /// The tables its foreign keys reference.
    pub references: Vec<QualifiedName>,
    /// The foreign keys that reference it.
    pub referenced_by: Vec<ForeignKey>,
}

/// A foreign key of another table that leads here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// The other table.
    pub from: QualifiedName,
    /// Its columns, each with the one it refers to.
    pub columns: Vec<(Identifier, Identifier)>,
}

/// The kind of a relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RelationKind {
    /// A partitioned table.
    Partitioned(PartitionKey),
    /// Anything else, in Postgres' words: `table`, `view` …
    Other(&'static str),
}

/// The properties of a table that neither `LIKE` nor `ATTACH PARTITION` carries over to a partition.
/// `docs/reference/inheritance.md` has the decision on each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template {
    /// `ENABLE ROW LEVEL SECURITY`
    pub row_security: bool,
    /// `FORCE ROW LEVEL SECURITY`
    pub force_row_security: bool,
    /// What identifies a row to logical replication.
    pub replica_identity: ReplicaIdentity,
    /// Columns with a statistics target of their own.
    pub statistics: Vec<(Identifier, i32)>,
    /// The tablespace, where it is not the database's.
    pub tablespace: Option<Identifier>,
    /// The table access method, where the table names one.
    pub access_method: Option<Identifier>,
}

/// `REPLICA IDENTITY`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ReplicaIdentity {
    /// The primary key.
    #[default]
    Default,
    /// The whole row.
    Full,
    /// Nothing.
    Nothing,
    /// The index of this name on the table.
    Index(Identifier),
}

/// An index of the table itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableIndex {
    /// Its name.
    pub name: Identifier,
    /// Whether every partition has one that belongs to it: `indisvalid`.
    pub valid: bool,
    /// What it is; none where it is more than a resource can say: an expression, an operator class.
    pub shape: Option<IndexShape>,
    /// What follows `USING` in its definition, as the catalog deparses it.
    pub definition: String,
    /// Whether its definition says `UNIQUE`.
    pub unique: bool,
    /// The definition of the constraint it serves, where it serves one.
    pub constraint: Option<String>,
}

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
    /// How it hangs on the table.
    pub attachment: Attachment,
    /// Who made it.
    pub origin: Origin,
    /// What its comment says that it is to us, as a partition of this table.
    pub mark: Option<Mark>,
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
    /// On a default partition: what is promised not to be in it.
    pub exclusions: Vec<Exclusion>,
    /// Whether its columns are still those of the table, so that it can be attached.
    pub fits: bool,
    /// Whether a constraint of ours proves that a detached table holds nothing but rows of its bounds.
    pub proven: bool,
    /// The tables whose foreign keys lead to it alone, not to the table as a whole.
    pub referenced_by: Vec<QualifiedName>,
    /// The tables that have rows whose foreign keys lead to its rows; none where nobody has looked.
    pub rows_referenced_by: Option<Vec<QualifiedName>>,
    /// The publications that name it.
    pub publications: Vec<Publication>,
    /// On a partition whose detach was cut off: who stands in the way of its end.
    pub held_by: Vec<Holder>,
    /// On a default partition: its triggers that fire.
    pub triggers: Vec<Trigger>,
}

/// A publication that names a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// Its name.
    pub name: Identifier,
    /// Whether the table's owner may act as its owner.
    pub owned: bool,
}

/// A session that has something open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its server process.
    pub pid: i32,
    /// Who it is, as far as we may see: role and application.
    pub who: String,
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
    Foreign,
}

/// How a partition hangs on its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attachment {
    /// It is a partition.
    Attached,
    /// A `DETACH … CONCURRENTLY` was cut off, and must be finalised.
    DetachPending,
    /// It was made to be attached, and has never been.
    Prepared,
    /// It was attached by us, and is no longer.
    Detached,
}

impl ObservedPartition {
    /// Whether we detached it.
    #[must_use]
    pub fn is_let_go(&self) -> bool {
        self.attachment == Attachment::Detached
            && matches!(self.mark, Some(Mark::Expired | Mark::Detached(_)))
    }

    /// Whether the table has it for a partition, if only until a pending detach is finalised: no
    /// other partition can take its rows.
    #[must_use]
    pub fn hangs_on(&self) -> bool {
        match self.attachment {
            Attachment::Attached | Attachment::DetachPending => true,
            Attachment::Prepared | Attachment::Detached => false,
        }
    }
}

/// Who made a partition, as the marker in its comment proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// We did.
    Ours,
    /// Somebody else.
    Foreign,
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
    /// What it is; none where it belongs to the table's or is more than a resource can say.
    pub shape: Option<IndexShape>,
    /// What follows `USING` in its definition; empty where it belongs to the table's.
    pub definition: String,
    /// What we wrote into its comment when we made it.
    pub marker: Option<IndexMarker>,
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

/// Where in the default partition rows are counted by quarters of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    /// Nowhere: they are counted as a whole.
    Nowhere,
    /// In a stretch of the key's axis.
    Range(RangeBounds),
    /// Everywhere.
    Everywhere,
}

/// Rows in the default partition whose keys lie in a stretch of a quarter of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefaultRows {
    /// The stretch.
    pub range: RangeBounds,
    /// How many rows.
    pub rows: u64,
}

impl Relation {
    /// The tables whose foreign keys lead here.
    #[must_use]
    pub fn referencing(&self) -> Vec<QualifiedName> {
        let mut tables: Vec<_> = self.referenced_by.iter().map(|key| key.from.clone()).collect();
        tables.sort();
        tables.dedup();
        tables
    }
}

impl ObservedTable {
    /// The key, where the relation is a partitioned table.
    #[must_use]
    pub fn key(&self) -> Option<&PartitionKey> {
        match &self.relation.as_ref()?.kind {
            RelationKind::Partitioned(key) => Some(key),
            RelationKind::Other(_) => None,
        }
    }

    /// The column and its type, where the table is partitioned by range on one column of a type that
    /// periods can be told on.
    #[must_use]
    pub fn range_key(&self) -> Option<(&Identifier, KeyType)> {
        let key = self.key()?;
        match (key.method, key.columns.as_slice()) {
            (Method::Range, [KeyColumn { name: Some(column), type_name }]) => {
                Some((column, KeyType::from_type_name(type_name)?))
            }
            _ => None,
        }
    }

    /// The partitions that rows go to.
    pub fn attached(&self) -> impl Iterator<Item = &ObservedPartition> {
        self.partitions.iter().filter(|p| p.attachment == Attachment::Attached)
    }

    /// The default partition.
    #[must_use]
    pub fn default_partition(&self) -> Option<&ObservedPartition> {
        self.attached().find(|p| p.bounds == Bounds::Default)
    }

    /// The partition of that name.
    #[must_use]
    pub fn partition(&self, name: &QualifiedName) -> Option<&ObservedPartition> {
        self.partitions.iter().find(|p| p.name == *name)
    }
}
