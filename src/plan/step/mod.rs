//! Steps: what can be done to a table. A step is data; it holds all that is needed to say it in SQL.

mod cost;
mod letting_go;

use std::collections::BTreeSet;

use crate::observed::{IndexSettings, Template, Trigger};
use crate::partition::{
    Bounds, Identifier, IndexShape, KeyType, Marker, QualifiedName, RangeBounds,
};

pub use cost::{Risk, TransactionMode};
pub use letting_go::{Detach, DropDetached, MarkedPartition, Marking, Remember};

/// What the name of an index ends in that is to take the place of the table's.
pub(in crate::plan) const REPLACEMENT_SUFFIX: &str = "_pgpartition_next";

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Make a table that can become a partition, beside the partitioned table.
    CreatePartition(Box<NewPartition>),
    /// Promise that the default partition takes no new row of a range: until its partition is attached, an
    /// insert of one fails.
    ExcludeFromDefault {
        /// The default partition.
        default: QualifiedName,
        /// The `CHECK` constraint that says so.
        exclusion: Identifier,
        /// The key.
        key: RangeKey,
        /// What it must not hold.
        range: RangeBounds,
    },
    /// Look whether the default partition keeps the promise for the rows it has.
    ValidateExclusion {
        /// The default partition.
        default: QualifiedName,
        /// The `CHECK` constraint.
        exclusion: Identifier,
    },
    /// Make a prepared table a partition.
    AttachPartition(Box<Attach>),
    /// Move the rows of a range out of the default partition into a prepared table, and make that a
    /// partition, all at once.
    DrainDefault(Box<Drain>),
    /// Detach and drop the default partition, which must be empty.
    RemoveDefault {
        /// The partitioned table.
        table: QualifiedName,
        /// The default partition.
        default: QualifiedName,
        /// The tables the foreign keys lead to.
        references: Vec<QualifiedName>,
    },
    /// Say in the comments of partitions what they are to us from now on.
    MarkPartitions {
        /// The partitioned table.
        table: QualifiedName,
        /// The key, where the bounds are a range.
        key: Option<RangeKey>,
        /// The partitions.
        partitions: Vec<MarkedPartition>,
        /// What they are from now on.
        marking: Marking,
        /// Digests of the names that have been adopted, as the table's comment records them from then on;
        /// `None` if that does not change.
        adopted: Option<BTreeSet<String>>,
    },
    /// Make of a partition a table that stands by itself.
    DetachPartition(Box<Detach>),
    /// Bring a detach to its end that was cut off.
    FinalizeDetach {
        /// The partitioned table.
        table: QualifiedName,
        /// The partition.
        partition: QualifiedName,
        /// The tables the foreign keys lead to.
        references: Vec<QualifiedName>,
    },
    /// Write down of a detached table when it was found detached, and what it held.
    RememberDetached(Box<Remember>),
    /// Say in a constraint of a table which rows it holds, without looking at them: by it a table is found,
    /// whatever its name, once it is detached.
    StateBounds {
        /// The partitioned table.
        table: QualifiedName,
        /// The partition, or detached table.
        partition: QualifiedName,
        /// Its object identifier: another table of the same name is another table.
        oid: Option<u32>,
        /// The key.
        key: RangeKey,
        /// What it takes, or took.
        range: RangeBounds,
        /// The condition that every row of the partitioned table meets, if that is a partition itself.
        inherited: Option<String>,
    },
    /// Look whether a detached table still holds nothing but rows of its bounds, so that attaching it
    /// again scans nothing.
    ValidateBounds {
        /// The partitioned table it was detached from.
        table: QualifiedName,
        /// The detached table.
        partition: QualifiedName,
    },
    /// Drop a detached table of ours, with its rows.
    DropDetached(Box<DropDetached>),
    /// Drop a table that was made to become a partition and is not wanted as one. It has never been
    /// attached, and must be empty.
    DiscardPartition {
        /// The table.
        partition: QualifiedName,
    },
    /// Take back a promise about the default partition that nothing needs any more.
    DropExclusion {
        /// The default partition.
        default: QualifiedName,
        /// The `CHECK` constraint.
        exclusion: Identifier,
    },
    /// Make the table's own index, to which those of the partitions will belong.
    CreateTableIndex {
        /// The partitioned table.
        table: QualifiedName,
        /// The index.
        index: Identifier,
        /// What it is.
        shape: IndexShape,
        /// All partitions, if it takes their equivalent indexes in the same statement: beside a foreign partition an
        /// index that is created on the table alone never becomes valid. Empty if it is created on the table alone.
        partitions: Vec<QualifiedName>,
    },
    /// Build an index on one partition while it is in use.
    BuildIndex {
        /// The partition.
        partition: QualifiedName,
        /// The index.
        index: Identifier,
        /// What it is.
        shape: IndexShape,
        /// The name the resource gives it, where it stands by itself.
        stands_for: Option<Identifier>,
        /// The properties it takes from the table's index.
        settings: IndexSettings,
    },
    /// Make a partition's index belong to the table's.
    AttachIndex {
        /// The partitioned table.
        table: QualifiedName,
        /// The table's index.
        table_index: Identifier,
        /// The partition.
        partition: QualifiedName,
        /// The partition's index.
        index: Identifier,
    },
    /// Drop one index of a partition while it is in use.
    DropIndex {
        /// The partition.
        partition: QualifiedName,
        /// The index.
        index: Identifier,
    },
    /// Drop an index of the table with those of the partitions that belong to it.
    DropTableIndex {
        /// The partitioned table.
        table: QualifiedName,
        /// The index.
        index: Identifier,
        /// The partitions whose indexes go with it.
        partitions: Vec<QualifiedName>,
    },
    /// Put a complete new index of the table in the place of an old one.
    ReplaceTableIndex {
        /// The partitioned table.
        table: QualifiedName,
        /// The name both have in turn.
        index: Identifier,
        /// The name the new one has until then.
        replacement: Identifier,
        /// The partitions whose old indexes go.
        partitions: Vec<QualifiedName>,
    },
}

/// A table to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPartition {
    /// The table it is for.
    pub table: QualifiedName,
    /// The table to make.
    pub partition: QualifiedName,
    /// What it will take.
    pub bounds: Bounds,
    /// The key, where the bounds are a range.
    pub key: Option<RangeKey>,
    /// What it takes from the table besides its columns.
    pub template: Template,
    /// Storage parameters: `fillfactor=90` …
    pub storage: Vec<String>,
    /// The indexes it has before anyone can see it.
    pub indexes: Vec<NewIndex>,
    /// Which of them identifies a row to logical replication, where the table names an index.
    pub replica_identity_index: Option<Identifier>,
}

/// An index of a table to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewIndex {
    /// Its name.
    pub name: Identifier,
    /// What it is.
    pub body: IndexBody,
    /// The properties it takes from the table's index.
    pub settings: IndexSettings,
}

/// What an index of a table to make is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexBody {
    /// The twin of an index of the table: it will belong to it.
    Twin {
        /// The table's index.
        of: Identifier,
        /// Whether it is unique.
        unique: bool,
        /// What follows `USING` in the definition, as the catalog deparses it.
        definition: String,
    },
    /// The twin of an index of the table that serves a constraint.
    Constraint {
        /// The table's index.
        of: Identifier,
        /// The constraint's definition, as the catalog deparses it.
        definition: String,
    },
    /// An index the resource names and the table itself does not have, or not yet.
    Named {
        /// The name the resource gives it, where it stands by itself.
        stands_for: Option<Identifier>,
        /// What it is.
        shape: IndexShape,
    },
}

/// The one column of a range key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RangeKey {
    /// The column.
    pub column: Identifier,
    /// Its type.
    pub key: KeyType,
}

/// What becomes a partition of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attach {
    /// The partitioned table.
    pub table: QualifiedName,
    /// The table that becomes its partition.
    pub partition: QualifiedName,
    /// What it will take.
    pub bounds: Bounds,
    /// The key, where the bounds are a range.
    pub key: Option<RangeKey>,
    /// The default partition, where there is one.
    pub default: Option<QualifiedName>,
    /// The promise about the default partition that this needs, and that goes with it.
    pub exclusion: Option<Identifier>,
    /// The tables the foreign keys lead to.
    pub references: Vec<QualifiedName>,
    /// The tables whose foreign keys lead here.
    pub referenced_by: Vec<QualifiedName>,
    /// What a person wrote into its comment, and what stays.
    pub comment: Option<String>,
    /// Whether it was a partition before, and so has foreign keys that become the table's again.
    pub again: bool,
    /// Constraints of the table to attach that `ATTACH PARTITION` would not recognize and would create again:
    /// they are dropped first, in the same transaction.
    pub replaced: Vec<Identifier>,
    /// What its comment will say.
    pub marker: Marker,
}

/// Whose rows are moved where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drain {
    /// What becomes a partition once it has the rows. Its default partition is the one they come from.
    pub attach: Attach,
    /// The default partition.
    pub default: QualifiedName,
    /// The columns that are moved: all but those that are generated.
    pub columns: Vec<Identifier>,
    /// The triggers on the default partition that must not fire.
    pub triggers: Vec<Trigger>,
    /// How many rows there were when somebody looked.
    pub rows: u64,
}
