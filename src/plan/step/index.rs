//! Steps on indexes of the table and of its partitions.

use crate::observed::IndexSettings;
use crate::partition::{Identifier, IndexShape, QualifiedName};

/// The parent index to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateTableIndex {
    /// The partitioned table.
    pub table: QualifiedName,
    /// The index.
    pub index: Identifier,
    /// What it is.
    pub shape: IndexShape,
    /// All partitions, if it takes their equivalent indexes in the same statement: beside a foreign partition an
    /// index that is created on the table alone never becomes valid. Empty if it is created on the table alone.
    pub partitions: Vec<QualifiedName>,
}

/// The partition index to build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildIndex {
    /// The partition.
    pub partition: QualifiedName,
    /// The index.
    pub index: Identifier,
    /// What it is.
    pub shape: IndexShape,
    /// The name the resource gives it, where it stands by itself.
    pub stands_for: Option<Identifier>,
    /// The properties it takes from the table's index.
    pub settings: IndexSettings,
}

/// The partition index that becomes part of the parent index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachIndex {
    /// The partitioned table.
    pub table: QualifiedName,
    /// The table's index.
    pub table_index: Identifier,
    /// The partition.
    pub partition: QualifiedName,
    /// The partition's index.
    pub index: Identifier,
}

/// The partition index to drop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropIndex {
    /// The partition.
    pub partition: QualifiedName,
    /// The index.
    pub index: Identifier,
}

/// The parent index to drop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropTableIndex {
    /// The partitioned table.
    pub table: QualifiedName,
    /// The index.
    pub index: Identifier,
    /// The partitions whose indexes go with it.
    pub partitions: Vec<QualifiedName>,
}

/// The parent index that takes the place of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplaceTableIndex {
    /// The partitioned table.
    pub table: QualifiedName,
    /// The name both have in turn.
    pub index: Identifier,
    /// The name the new one has until then.
    pub replacement: Identifier,
    /// The partitions whose old indexes go.
    pub partitions: Vec<QualifiedName>,
}
