//! Observed state of a table: one snapshot of the catalog.
//! [`Snapshot`] is the result of the query in `postgres/inspect/`, which `inspect -o json` prints; [`ObservedTable`] is its
//! parsed form. Neither contains a row of a user's table.

mod answers;
mod attachment;
mod conversion;
mod copy;
mod copy_facts;
mod default_rows;
mod dependents;
mod management;
mod oldest_row;
mod parse;
mod parse_index;
mod partition;
mod plain;
mod plain_names;
mod routing;
mod search_hint;
pub(crate) mod snapshot;
mod state;
mod sync_change;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use answers::{
    Answer, CountedRows, DefaultRows, DeparsedCondition, MAX_BINS, Question, RawWithin, Within,
};
pub use attachment::{Attachment, KeyState, NeededKey};
pub use conversion::{
    ConversionRecord, ConversionState, ExpectedSync, InstalledFunction, InstalledTrigger,
    PartitionTrigger, Recorded, RecordedSync, Sweep, SyncState,
};
pub use copy::{
    ColumnChange, ColumnDifference, ColumnObstacle, CopyDifferences, CopyProperty, MissingIndex,
    PropertyDifference,
};
pub use copy_facts::CopyFacts;
pub use dependents::{DependentView, GroupedByKey};
pub use oldest_row::{OldestRow, RawOldestRow};
pub use parse::InvalidSnapshot;
pub use partition::{
    BlockingTransaction, BoundsCheck, DefaultCheck, DefaultFacts, Fires, IndexMarker,
    ObservedPartition, PartitionIndex, PartitionKind, Publication, Trigger,
};
pub use plain::{
    ChangedCollation, ExclusionConstraint, InboundForeignKey, OutboundForeignKey, PlainColumn,
    PlainTable, PlainTrigger, TablePublication, UniqueIndex, Unusual, UnusualCheck,
};
pub use plain_names::{TakenName, WholeRow};
pub use routing::{RouteRole, RouteSchema, RouteView, RoutingFacts};
pub use search_hint::SearchHint;
pub use snapshot::Snapshot;
pub use state::{DetachedBy, PartitionState};
pub use sync_change::{Change, SyncChange, SyncObject};

use crate::partition::{
    ColumnOperators, Edge, Identifier, IndexShape, ManagedTable, PartitionKey, QualifiedName,
    RangeKey, ServerVersion,
};

/// A table, its partitions, and the server they are on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedTable {
    /// The table that the spec names.
    pub managed: ManagedTable,
    /// The relation that was looked for, which SQL addresses: the table, or its copy before the cutover.
    pub name: QualifiedName,
    /// The server that was asked.
    pub server: Server,
    /// Relation of that name, or `None`.
    pub relation: Option<Relation>,
    /// The indexes of the table itself.
    pub indexes: Vec<ParentIndex>,
    /// Digests of adopted names, as a line of the table's comment has them: no adoption is repeated for another table.
    pub adopted: BTreeSet<String>,
    /// Its partitions, and the tables made to become one.
    pub partitions: Vec<ObservedPartition>,
    /// Tables that have the constraint by which a detached table is found, and no marker: the comments were
    /// lost, or a user removed them.
    pub unmarked: Vec<QualifiedName>,
    /// Names in the table's schema that a partition or an index of it cannot have any more.
    pub taken: BTreeSet<Identifier>,
    /// Names of unmarked tables of its schema with its columns, never attached: a restore or a user may attach them.
    pub unattached: BTreeSet<Identifier>,
    /// Conditions of desired indexes as Postgres deparses them, by their text in the spec; `None` if it did not.
    pub conditions: BTreeMap<String, Option<String>>,
    /// Bins with rows of the default partition; `None` if they were not counted.
    pub default_rows: Option<Vec<DefaultRows>>,
    /// Beginning of the first counted bin if there were too many bins: earlier rows are unknown.
    pub default_rows_from: Option<Edge>,
    /// Number of rows in the default partition, or `None` if they were not counted.
    pub default_count: Option<u64>,
    /// The relation as the preflight of a conversion needs it, or `None` if it was not asked for.
    pub plain: Option<Box<PlainTable>>,
    /// The oldest row of the plain table by the partition column of the spec, or `None` if it was not asked for.
    pub oldest_row: Option<Box<OldestRow>>,
    /// Facts about the relation as the copy of a plain table, or `None` if it is not a copy.
    pub copy: Option<Box<CopyFacts>>,
    /// Facts for a conversion by `Attach`, or `None` if they were not requested.
    pub attachment: Option<Box<Attachment>>,
    /// The questions that the snapshot answers.
    pub answered: BTreeSet<Question>,
    /// Hint for finding a partition by its name.
    pub near: SearchHint,
}

/// The server, and who we are there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of the catalog by itself")]
pub struct Server {
    /// Version of the server.
    pub version: ServerVersion,
    /// Whether it only replays another server's changes: `pg_is_in_recovery()`.
    pub in_recovery: bool,
    /// Whether `default_transaction_read_only` of the server, the database, or the login role is on.
    pub read_only: bool,
    /// The login role, or `None` if its name came from a Secret and must not be shown.
    pub role: Option<Identifier>,
    /// Whether the table's owner is the login role, and its name must not be shown.
    pub hides_owner: bool,
    /// Whether that role is a superuser.
    pub superuser: bool,
    /// Its clock when the snapshot was taken.
    pub clock: Timestamp,
    /// Time by which its clock was ahead of the operator's clock, or `None` if the snapshot does not have it.
    pub clock_offset: Option<SignedDuration>,
}

/// Relation of the table: the facts that no step changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// Its object identifier.
    pub oid: u32,
    /// Kind of the relation.
    pub kind: RelationKind,
    /// Owner of the relation.
    pub owner: Identifier,
    /// Whether the operator can `SET ROLE` to its owner.
    pub owned: bool,
    /// Whether its owner may create tables in its schema.
    pub may_create: bool,
    /// Its columns, in order.
    pub columns: Vec<Identifier>,
    /// Generated columns among them.
    pub generated: Vec<Identifier>,
    /// Columns whose equality operator is not in `pg_catalog`.
    pub column_operators: Vec<ColumnOperators>,
    /// Properties that a new partition inherits.
    pub template: Template,
    /// The condition that the rows of this table meet because it is a partition itself, in SQL as the catalog
    /// deparses it; `None` if it is not a partition.
    pub inherited_bounds: Option<String>,
    /// Code of the owner that a drain of the default partition runs: functions, types with conditions, and rules,
    /// as the catalog shows them.
    pub owner_code: Vec<String>,
    /// Privileges of the login that the owner lacks, such as `SUPERUSER` or `membership in payroll`.
    pub powers: Vec<String>,
    /// The table of a conversion that it is a copy of.
    pub copy_of: CopyOf,
    /// The publications that name it.
    pub publications: Vec<Identifier>,
    /// The tables its foreign keys reference.
    pub references: Vec<QualifiedName>,
    /// The foreign keys that reference it.
    pub referenced_by: Vec<ForeignKey>,
}

/// The table of which a relation is the copy, as comments say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CopyOf {
    /// No replica identity (`NOTHING`).
    #[default]
    None,
    /// The table that the spec names.
    Table,
    /// The plain table that had its name before the cutover, and is kept beside it.
    Replaced,
    /// Another table, of which it can be the source as well.
    Other,
}

/// A foreign key of another table that leads here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// The other table.
    pub from: QualifiedName,
    /// Its columns, each with the one it refers to.
    pub columns: Vec<(Identifier, Identifier)>,
    /// The operator that compares each of these pairs, the other column first: its schema and its name.
    pub operators: Vec<(Identifier, String)>,
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
    /// Replica identity of a table.
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
pub struct ParentIndex {
    /// Name of the index.
    pub name: Identifier,
    /// Whether every partition has one that belongs to it: `indisvalid`.
    pub valid: bool,
    /// Definition; `None` if a resource cannot express it, such as an expression or an operator class.
    pub shape: Option<IndexShape>,
    /// Part after `USING` of its definition, as the catalog deparses it.
    pub definition: String,
    /// Whether its definition says `UNIQUE`.
    pub unique: bool,
    /// The definition of the constraint it serves, where it serves one.
    pub constraint: Option<String>,
    /// The objects that depend on it, so that Postgres refuses to drop it.
    pub dependents: Vec<String>,
    /// Whether it has exclusion operators: `EXCLUDE` or `WITHOUT OVERLAPS`. `ATTACH PARTITION` never takes an
    /// index of the partition for equivalent to such an index, and always creates one.
    pub exclusion: bool,
    /// The properties that its definition does not show.
    pub settings: IndexSettings,
}

/// The properties of an index that its definition in the catalog does not show.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IndexSettings {
    /// Tablespace, or `None` for the default.
    pub tablespace: Option<Identifier>,
    /// Storage parameters: `fillfactor=70` …
    pub parameters: Vec<String>,
    /// Columns with a statistics target of their own, by number.
    pub statistics: Vec<(u16, i32)>,
    /// The columns in the condition of a partial index whose operators have to be named with their schema.
    #[serde(skip)]
    pub operators: Vec<ColumnOperators>,
}

impl Relation {
    /// Returns the key if the relation is a partitioned table.
    #[must_use]
    pub fn key(&self) -> Option<&PartitionKey> {
        match &self.kind {
            RelationKind::Partitioned(key) => Some(key),
            RelationKind::Other(_) => None,
        }
    }

    /// Returns the key if it is a range on one column of a type that periods can be told on.
    #[must_use]
    pub fn range_key(&self) -> Option<RangeKey> {
        self.key()?.as_range()
    }

    /// Returns whether a drain of the default partition would run code of the owner that can gain rights of the
    /// login: `SET ROLE` does not confine it.
    #[must_use]
    pub fn runs_code_with_more_rights(&self) -> bool {
        !(self.owner_code.is_empty() || self.powers.is_empty())
    }

    /// The tables whose foreign keys lead here.
    #[must_use]
    pub fn referencing(&self) -> Vec<QualifiedName> {
        let tables: BTreeSet<_> = self.referenced_by.iter().map(|key| key.from.clone()).collect();
        tables.into_iter().collect()
    }
}

impl ObservedTable {
    /// The key, where the relation is a partitioned table.
    #[must_use]
    pub fn key(&self) -> Option<&PartitionKey> {
        self.relation.as_ref()?.key()
    }

    /// Returns the key if the table is partitioned by range on one column of a type that periods can be told on.
    #[must_use]
    pub fn range_key(&self) -> Option<RangeKey> {
        self.relation.as_ref()?.range_key()
    }

    /// The partitions that rows go to.
    pub fn attached(&self) -> impl Iterator<Item = &ObservedPartition> {
        self.partitions.iter().filter(|p| p.state.is_attached())
    }

    /// Returns the default partition, and what only it has.
    #[must_use]
    pub fn default_partition(&self) -> Option<(&ObservedPartition, &DefaultFacts)> {
        self.attached().find_map(|p| Some((p, p.default.as_ref()?)))
    }

    /// The partition of that name.
    #[must_use]
    pub fn partition(&self, name: &QualifiedName) -> Option<&ObservedPartition> {
        self.partitions.get(self.position(name)?)
    }

    /// The partition of that name, to change it.
    pub fn partition_mut(&mut self, name: &QualifiedName) -> Option<&mut ObservedPartition> {
        let at = self.position(name)?;
        self.partitions.get_mut(at)
    }

    fn position(&self, name: &QualifiedName) -> Option<usize> {
        self.near.find(&self.partitions, |p| p.name.name == name.name && p.name == *name)
    }
}
