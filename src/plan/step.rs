//! Steps: what can be done to a table. A step is data; it holds all that is needed to say it in SQL.

use crate::observed::Template;
use crate::partition::{
    Bounds, Identifier, IndexShape, KeyType, LockMode, QualifiedName, RangeBounds,
};

/// What the name of an index ends in that is to take the place of the table's.
pub(super) const REPLACEMENT_SUFFIX: &str = "_pgpartition_next";

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Make a table that can become a partition, beside the partitioned table.
    CreatePartition(Box<NewPartition>),
    /// Promise that the default partition takes no new row of a range.
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
}

/// How a step's statements are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionMode {
    /// All in one transaction: all or nothing.
    InTransaction,
    /// One by one, since Postgres refuses them inside a transaction block.
    Autocommit,
}

/// What a step can cost the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Risk {
    /// Nothing: no lock that an application's statement waits for.
    None,
    /// Writes may wait, at most `lockTimeout`.
    DelaysWrites,
    /// Reads and writes may wait, at most `lockTimeout`.
    DelaysReadsAndWrites,
}

impl Step {
    /// The tables locked by the step, with the strongest mode on each, new tables included. What is
    /// said of a partition goes for all that lies below it, where it is partitioned itself.
    ///
    /// A test takes them from `pg_locks` on every version of Postgres. Where versions differ it is
    /// the strongest of them: 14 takes only ACCESS SHARE on the tables that refer to a partition that
    /// is attached.
    #[must_use]
    pub fn locks(&self) -> Vec<(&QualifiedName, LockMode)> {
        use LockMode::{
            AccessExclusive, AccessShare, Share, ShareRowExclusive, ShareUpdateExclusive,
        };
        match self {
            Self::CreatePartition(new) => {
                vec![(&new.table, AccessShare), (&new.partition, AccessExclusive)]
            }
            Self::ExcludeFromDefault { default, .. } | Self::DropExclusion { default, .. } => {
                vec![(default, AccessExclusive)]
            }
            Self::ValidateExclusion { default, .. } => vec![(default, ShareUpdateExclusive)],
            Self::AttachPartition(attach) => {
                let mut locks = vec![
                    (&attach.table, ShareUpdateExclusive),
                    (&attach.partition, AccessExclusive),
                ];
                locks.extend(attach.default.iter().map(|d| (d, AccessExclusive)));
                locks.extend(attach.references.iter().map(|r| (r, ShareRowExclusive)));
                locks.extend(attach.referenced_by.iter().map(|r| (r, ShareRowExclusive)));
                locks
            }
            Self::DiscardPartition { partition } => vec![(partition, AccessExclusive)],
            Self::CreateTableIndex { table, .. } => vec![(table, Share)],
            Self::BuildIndex { partition, .. } | Self::DropIndex { partition, .. } => {
                vec![(partition, ShareUpdateExclusive)]
            }
            Self::AttachIndex { table, partition, .. } => {
                vec![(table, AccessShare), (partition, AccessShare)]
            }
            Self::DropTableIndex { table, partitions, .. }
            | Self::ReplaceTableIndex { table, partitions, .. } => std::iter::once(table)
                .chain(partitions)
                .map(|relation| (relation, AccessExclusive))
                .collect(),
        }
    }

    /// How the step's statements are sent.
    #[must_use]
    pub fn mode(&self) -> TransactionMode {
        match self {
            Self::BuildIndex { .. } | Self::DropIndex { .. } => TransactionMode::Autocommit,
            Self::CreatePartition(_)
            | Self::ExcludeFromDefault { .. }
            | Self::ValidateExclusion { .. }
            | Self::AttachPartition(_)
            | Self::DiscardPartition { .. }
            | Self::DropExclusion { .. }
            | Self::CreateTableIndex { .. }
            | Self::AttachIndex { .. }
            | Self::DropTableIndex { .. }
            | Self::ReplaceTableIndex { .. } => TransactionMode::InTransaction,
        }
    }

    /// Whether the step may take long. It then holds no lock that an application waits for, and only
    /// its waits are bounded.
    #[must_use]
    pub fn is_long(&self) -> bool {
        match self {
            Self::ValidateExclusion { .. } | Self::BuildIndex { .. } | Self::DropIndex { .. } => {
                true
            }
            Self::CreatePartition(_)
            | Self::ExcludeFromDefault { .. }
            | Self::AttachPartition(_)
            | Self::DiscardPartition { .. }
            | Self::DropExclusion { .. }
            | Self::CreateTableIndex { .. }
            | Self::AttachIndex { .. }
            | Self::DropTableIndex { .. }
            | Self::ReplaceTableIndex { .. } => false,
        }
    }

    /// What the step can cost the application: what its locks on tables in use make wait.
    #[must_use]
    pub fn risk(&self) -> Risk {
        // The partition's index is locked exclusively, and every query of it looks at its indexes.
        if matches!(self, Self::AttachIndex { .. }) {
            return Risk::DelaysReadsAndWrites;
        }
        let strongest = self
            .locks()
            .into_iter()
            .filter(|(relation, _)| !self.is_unseen(relation))
            .map(|(_, mode)| mode)
            .max();
        match strongest {
            Some(LockMode::AccessExclusive) => Risk::DelaysReadsAndWrites,
            Some(LockMode::Share | LockMode::ShareRowExclusive | LockMode::Exclusive) => {
                Risk::DelaysWrites
            }
            Some(
                LockMode::AccessShare
                | LockMode::RowShare
                | LockMode::RowExclusive
                | LockMode::ShareUpdateExclusive,
            )
            | None => Risk::None,
        }
    }

    /// Whether a relation the step locks is one that no application can know.
    fn is_unseen(&self, relation: &QualifiedName) -> bool {
        match self {
            Self::CreatePartition(new) => new.partition == *relation,
            Self::AttachPartition(attach) => attach.partition == *relation,
            Self::DiscardPartition { .. } => true,
            Self::ExcludeFromDefault { .. }
            | Self::ValidateExclusion { .. }
            | Self::DropExclusion { .. }
            | Self::CreateTableIndex { .. }
            | Self::BuildIndex { .. }
            | Self::AttachIndex { .. }
            | Self::DropIndex { .. }
            | Self::DropTableIndex { .. }
            | Self::ReplaceTableIndex { .. } => false,
        }
    }
}
