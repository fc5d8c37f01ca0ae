//! Steps that create partitions, attach them, and discard what was never attached.

use super::RangeKey;
use crate::observed::{IndexSettings, Template};
use crate::partition::{Bounds, Identifier, IndexShape, ManagedTable, Marker, QualifiedName};

/// A table to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPartition {
    /// The table it is for, which its marker names.
    pub managed: ManagedTable,
    /// The partitioned table it is made like.
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

/// What becomes a partition of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attach {
    /// The table that its marker names.
    pub managed: ManagedTable,
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

/// The unattached table to drop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscardPartition {
    /// The table.
    pub partition: QualifiedName,
}
