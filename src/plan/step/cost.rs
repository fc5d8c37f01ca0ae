//! What a step costs: its locks, how it is sent, and what can be made to wait.

use super::{
    Attach, DropExclusion, DropTableIndex, ExcludeFromDefault, FinalizeDetach, MarkPartitions,
    Marking, RemoveDefault, ReplaceTableIndex, Step, ValidateExclusion,
};
use crate::partition::{LockMode, QualifiedName};

/// How a step's statements are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionMode {
    /// All in one transaction: all or nothing.
    InTransaction,
    /// One by one, since Postgres refuses them inside a transaction block.
    Autocommit,
    /// All in one transaction that sees the database as it was when it began, and in which what others
    /// hold up is tried again: who is in the way at the first try is soon gone, whoever comes later.
    OneSnapshot,
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

impl Attach {
    /// What is locked besides a default partition.
    fn locks(&self, of_table: LockMode) -> Vec<(&QualifiedName, LockMode)> {
        let mut locks = vec![(&self.table, of_table), (&self.partition, LockMode::AccessExclusive)];
        // Where the table has foreign keys of its own already, their triggers on what they lead to go.
        let of_references =
            if self.again { LockMode::AccessExclusive } else { LockMode::ShareRowExclusive };
        locks.extend(self.references.iter().map(|other| (other, of_references)));
        locks.extend(self.referenced_by.iter().map(|other| (other, LockMode::ShareRowExclusive)));
        locks
    }
}

/// What is locked by comments.
fn marked_tables(marks: &MarkPartitions) -> Vec<(&QualifiedName, LockMode)> {
    let marked = marks.partitions.iter().map(|marked| &marked.name);
    let table = marks.adopted.as_ref().map(|_| &marks.table);
    marked.chain(table).map(|relation| (relation, LockMode::ShareUpdateExclusive)).collect()
}

fn on_all<'a>(
    table: &'a QualifiedName,
    partitions: &'a [QualifiedName],
    mode: LockMode,
) -> Vec<(&'a QualifiedName, LockMode)> {
    std::iter::once(table).chain(partitions).map(|relation| (relation, mode)).collect()
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
            Self::ExcludeFromDefault(ExcludeFromDefault { default, .. })
            | Self::DropExclusion(DropExclusion { default, .. }) => {
                vec![(default, AccessExclusive)]
            }
            Self::ValidateExclusion(ValidateExclusion { default, .. }) => {
                vec![(default, ShareUpdateExclusive)]
            }
            Self::AttachPartition(attach) => {
                let mut locks = attach.locks(ShareUpdateExclusive);
                locks.extend(attach.default.iter().map(|d| (d, AccessExclusive)));
                locks
            }
            Self::DrainDefault(drain) => {
                let mut locks = drain.attach.locks(AccessExclusive);
                locks.push((&drain.default, AccessExclusive));
                locks
            }
            Self::RemoveDefault(RemoveDefault { table, default, references }) => {
                let mut locks = vec![(table, AccessExclusive), (default, AccessExclusive)];
                locks.extend(references.iter().map(|r| (r, AccessExclusive)));
                locks
            }
            Self::MarkPartitions(marks) => marked_tables(marks),
            Self::DetachPartition(detach) => detach.locks(),
            Self::FinalizeDetach(FinalizeDetach { table, partition, references }) => {
                let mut locks = vec![(table, ShareUpdateExclusive), (partition, AccessExclusive)];
                locks.extend(references.iter().map(|r| (r, ShareRowExclusive)));
                locks
            }
            Self::RememberDetached(remember) => vec![(&remember.partition, AccessExclusive)],
            Self::ValidateBounds(check) => vec![(&check.partition, ShareUpdateExclusive)],
            Self::DropDetached(drop) => {
                let mut locks = vec![(&drop.partition, AccessExclusive)];
                locks.extend(drop.references.iter().map(|r| (r, AccessExclusive)));
                locks
            }
            Self::StateBounds(state) => vec![(&state.partition, AccessExclusive)],
            Self::DiscardPartition(discard) => vec![(&discard.partition, AccessExclusive)],
            Self::CreateTableIndex(create) => on_all(&create.table, &create.partitions, Share),
            Self::BuildIndex(build) => vec![(&build.partition, ShareUpdateExclusive)],
            Self::DropIndex(drop) => vec![(&drop.partition, ShareUpdateExclusive)],
            Self::AttachIndex(attach) => {
                vec![(&attach.table, AccessShare), (&attach.partition, AccessShare)]
            }
            Self::DropTableIndex(DropTableIndex { table, partitions, .. })
            | Self::ReplaceTableIndex(ReplaceTableIndex { table, partitions, .. }) => {
                on_all(table, partitions, AccessExclusive)
            }
        }
    }

    /// How the step's statements are sent.
    #[must_use]
    pub fn mode(&self) -> TransactionMode {
        match self {
            Self::BuildIndex(_) | Self::DropIndex(_) => TransactionMode::Autocommit,
            Self::DetachPartition(detach) if detach.concurrently => TransactionMode::Autocommit,
            Self::FinalizeDetach(_) => TransactionMode::OneSnapshot,
            Self::DetachPartition(_)
            | Self::DrainDefault(_)
            | Self::RemoveDefault(_)
            | Self::MarkPartitions(_)
            | Self::RememberDetached(_)
            | Self::StateBounds(_)
            | Self::ValidateBounds(_)
            | Self::DropDetached(_)
            | Self::CreatePartition(_)
            | Self::ExcludeFromDefault(_)
            | Self::ValidateExclusion(_)
            | Self::AttachPartition(_)
            | Self::DiscardPartition(_)
            | Self::DropExclusion(_)
            | Self::CreateTableIndex(_)
            | Self::AttachIndex(_)
            | Self::DropTableIndex(_)
            | Self::ReplaceTableIndex(_) => TransactionMode::InTransaction,
        }
    }

    /// Whether the step may take long. It then holds no lock that an application waits for, and only
    /// its waits are bounded.
    #[must_use]
    pub fn is_long(&self) -> bool {
        match self {
            Self::ValidateExclusion(_)
            | Self::ValidateBounds(_)
            | Self::BuildIndex(_)
            | Self::DropIndex(_) => true,
            Self::DetachPartition(detach) => detach.concurrently,
            Self::DrainDefault(_)
            | Self::RemoveDefault(_)
            | Self::MarkPartitions(_)
            | Self::FinalizeDetach(_)
            | Self::RememberDetached(_)
            | Self::StateBounds(_)
            | Self::DropDetached(_)
            | Self::CreatePartition(_)
            | Self::ExcludeFromDefault(_)
            | Self::AttachPartition(_)
            | Self::DiscardPartition(_)
            | Self::DropExclusion(_)
            | Self::CreateTableIndex(_)
            | Self::AttachIndex(_)
            | Self::DropTableIndex(_)
            | Self::ReplaceTableIndex(_) => false,
        }
    }

    /// Returns whether the step detaches or drops something, or marks tables to be detached or dropped: what
    /// a person who suspends, edits, or deletes the resource wants to prevent.
    ///
    /// Recording a detach is not destructive, nor is dropping a check that the operator added.
    #[must_use]
    pub fn is_destructive(&self) -> bool {
        match self {
            Self::MarkPartitions(MarkPartitions { marking, .. }) => {
                matches!(marking, Marking::Expired { .. } | Marking::ForDrop)
            }
            Self::DetachPartition(_)
            | Self::FinalizeDetach(_)
            | Self::DropDetached(_)
            | Self::DiscardPartition(_)
            | Self::RemoveDefault(_)
            | Self::DropIndex(_)
            | Self::DropTableIndex(_)
            | Self::ReplaceTableIndex(_) => true,
            Self::DrainDefault(_)
            | Self::RememberDetached(_)
            | Self::StateBounds(_)
            | Self::ValidateBounds(_)
            | Self::CreatePartition(_)
            | Self::ExcludeFromDefault(_)
            | Self::ValidateExclusion(_)
            | Self::AttachPartition(_)
            | Self::DropExclusion(_)
            | Self::CreateTableIndex(_)
            | Self::BuildIndex(_)
            | Self::AttachIndex(_) => false,
        }
    }

    /// Returns whether the step has work to do under its locks that can take longer than `lockTimeout`, though no
    /// other session holds any: a scan for rows that foreign keys lead to, rows to move, or many indexes to drop.
    #[must_use]
    pub fn works_under_lock(&self) -> bool {
        match self {
            Self::DetachPartition(detach) => {
                let has_foreign_keys =
                    !detach.referenced_by.is_empty() || !detach.references.is_empty();
                !detach.concurrently && has_foreign_keys
            }
            Self::AttachPartition(attach) => attach.again,
            Self::DrainDefault(_)
            | Self::RemoveDefault(_)
            | Self::DropTableIndex(_)
            | Self::ReplaceTableIndex(_) => true,
            Self::MarkPartitions(_)
            | Self::FinalizeDetach(_)
            | Self::RememberDetached(_)
            | Self::StateBounds(_)
            | Self::ValidateBounds(_)
            | Self::DropDetached(_)
            | Self::CreatePartition(_)
            | Self::ExcludeFromDefault(_)
            | Self::ValidateExclusion(_)
            | Self::DiscardPartition(_)
            | Self::DropExclusion(_)
            | Self::CreateTableIndex(_)
            | Self::BuildIndex(_)
            | Self::AttachIndex(_)
            | Self::DropIndex(_) => false,
        }
    }

    /// What the step can cost the application: what its locks on tables in use make wait.
    #[must_use]
    pub fn risk(&self) -> Risk {
        // The partition's index is locked exclusively, and every query of it looks at its indexes.
        if matches!(self, Self::AttachIndex(_)) {
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
            Self::DrainDefault(drain) => drain.attach.partition == *relation,
            // Its rows are not those of the table any more.
            Self::DetachPartition(detach) => detach.concurrently && detach.partition == *relation,
            Self::FinalizeDetach(FinalizeDetach { partition, .. }) => partition == relation,
            Self::RememberDetached(remember) => remember.partition == *relation,
            Self::DropDetached(drop) => drop.partition == *relation,
            Self::DiscardPartition(_) => true,
            Self::ExcludeFromDefault(_)
            | Self::ValidateExclusion(_)
            | Self::DropExclusion(_)
            | Self::RemoveDefault(_)
            | Self::MarkPartitions(_)
            | Self::StateBounds(_)
            | Self::ValidateBounds(_)
            | Self::CreateTableIndex(_)
            | Self::BuildIndex(_)
            | Self::AttachIndex(_)
            | Self::DropIndex(_)
            | Self::DropTableIndex(_)
            | Self::ReplaceTableIndex(_) => false,
        }
    }
}
