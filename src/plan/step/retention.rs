//! Steps that detach and drop partitions.

use super::facts::{Effort, Facts, Family, Locks, Object, StepFacts, TransactionMode};
use super::text::size;
use crate::partition::{Bounds, LockMode, ManagedTable, Marker, QualifiedName};
use crate::plan::blocker_text::names;

/// Detach of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detach {
    /// The partitioned table.
    pub table: QualifiedName,
    /// Name of the partition.
    pub partition: QualifiedName,
    /// Bounds of the partition.
    pub bounds: Bounds,
    /// Whether the detach is concurrent, which Postgres rejects if there is a default partition (55000).
    /// <https://www.postgresql.org/docs/current/sql-altertable.html>
    pub concurrently: bool,
    /// The default partition.
    pub default: Option<QualifiedName>,
    /// The tables the foreign keys lead to.
    pub references: Vec<QualifiedName>,
    /// The tables whose foreign keys lead here.
    pub referenced_by: Vec<QualifiedName>,
    /// Partition that is detached before: Postgres rejects a second detach at the same time (55000).
    pub after: Option<QualifiedName>,
    /// Estimated number of rows.
    pub rows: Option<u64>,
    /// Size of its heap in bytes.
    pub bytes: u64,
}

impl Detach {
    fn effort(&self) -> Effort {
        let has_foreign_keys = !self.referenced_by.is_empty() || !self.references.is_empty();
        if self.concurrently {
            Effort::Long
        } else if has_foreign_keys {
            Effort::UnderLock
        } else {
            Effort::Brief
        }
    }
}

impl StepFacts for Detach {
    fn facts(&self) -> Facts<'_> {
        Facts {
            verb: "detach",
            family: Family::Retention,
            mode: if self.concurrently {
                TransactionMode::Autocommit
            } else {
                TransactionMode::InTransaction
            },
            effort: self.effort(),
            waiting_statements: 1,
            needs_long_run: false,
            needs_confirmation: true,
            aside: None,
            unseen: self.concurrently.then_some(&self.partition),
            undo: "ALTER TABLE … ATTACH PARTITION of the same table",
            if_interrupted: if self.concurrently {
                "the detach can be pending, and the rows are no longer visible in the table; the next run finalizes and records the detach"
            } else {
                "all or nothing; the next run detaches a partition that is still attached, and records the detach of one that is not"
            },
        }
    }

    fn subject(&self) -> Object {
        Object::Relation(self.partition.clone())
    }

    fn needs(&self) -> Vec<Object> {
        // It is marked as expired before, so the next run knows from its marker that the detach was intended.
        // Postgres rejects a second detach at the same time.
        let after = self.after.iter().cloned().map(Object::Relation);
        after.chain([Object::Markers(self.table.clone())]).collect()
    }

    fn locks(&self) -> Locks<'_> {
        let of_table = if self.concurrently {
            LockMode::ShareUpdateExclusive
        } else {
            LockMode::AccessExclusive
        };
        let mut locks = vec![(&self.table, of_table), (&self.partition, LockMode::AccessExclusive)];
        locks.extend(self.default.iter().map(|d| (d, LockMode::AccessExclusive)));
        locks.extend(self.references.iter().map(|r| (r, LockMode::ShareRowExclusive)));
        locks.extend(self.referenced_by.iter().map(|r| (r, LockMode::AccessExclusive)));
        locks
    }

    fn detail(&self) -> String {
        let way = if self.concurrently { ", concurrently" } else { "" };
        let size = size(self.rows, self.bytes);
        format!("{}, {size}{way}", self.bounds.display())
    }

    fn if_slow(&self) -> String {
        if self.referenced_by.is_empty() {
            return "raise spec.limits.lockTimeout in a quiet hour".to_owned();
        }
        format!(
            "Postgres searches {} for rows that reference the partition, under locks on all these tables: create an \
             index on each foreign key, or raise spec.limits.lockTimeout in a quiet hour",
            names(&self.referenced_by)
        )
    }
}

/// The pending detach to finalize.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinalizeDetach {
    /// The partitioned table.
    pub table: QualifiedName,
    /// Name of the partition.
    pub partition: QualifiedName,
    /// The tables the foreign keys lead to.
    pub references: Vec<QualifiedName>,
}

impl StepFacts for FinalizeDetach {
    fn facts(&self) -> Facts<'_> {
        Facts {
            verb: "finalize",
            family: Family::Retention,
            mode: TransactionMode::OneSnapshot,
            effort: Effort::Brief,
            waiting_statements: 1,
            needs_long_run: false,
            needs_confirmation: true,
            aside: None,
            unseen: Some(&self.partition),
            undo: "ALTER TABLE … ATTACH PARTITION of the same table",
            if_interrupted: "all or nothing; the next run finalizes a detach that is still pending, and records the detach",
        }
    }

    fn subject(&self) -> Object {
        Object::Relation(self.partition.clone())
    }

    fn needs(&self) -> Vec<Object> {
        // The marker of an earlier detach is cleared before.
        vec![Object::Markers(self.table.clone())]
    }

    fn locks(&self) -> Locks<'_> {
        let mut locks = vec![
            (&self.table, LockMode::ShareUpdateExclusive),
            (&self.partition, LockMode::AccessExclusive),
        ];
        locks.extend(self.references.iter().map(|r| (r, LockMode::ShareRowExclusive)));
        locks
    }

    fn detail(&self) -> String {
        "pending detach".to_owned()
    }
}

/// A detached table to drop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropDetached {
    /// The table it was a partition of.
    pub managed: ManagedTable,
    /// The detached table.
    pub partition: QualifiedName,
    /// Its object identifier: another table of the same name is another table.
    pub oid: u32,
    /// Bounds of the partition before the detach.
    pub bounds: Bounds,
    /// Marker that its comment must still have.
    pub marker: Marker,
    /// The tables its foreign keys lead to.
    pub references: Vec<QualifiedName>,
    /// Estimated number of rows.
    pub rows: Option<u64>,
    /// Size of its heap in bytes.
    pub bytes: u64,
}

impl StepFacts for DropDetached {
    fn facts(&self) -> Facts<'_> {
        Facts {
            verb: "drop",
            family: Family::Retention,
            mode: TransactionMode::InTransaction,
            effort: Effort::Brief,
            waiting_statements: 1,
            needs_long_run: false,
            needs_confirmation: true,
            aside: None,
            unseen: Some(&self.partition),
            undo: "not possible: the rows are deleted",
            if_interrupted: "all or nothing; the next run drops a table that is still there",
        }
    }

    fn subject(&self) -> Object {
        Object::Relation(self.partition.clone())
    }

    fn needs(&self) -> Vec<Object> {
        Vec::new()
    }

    fn locks(&self) -> Locks<'_> {
        let mut locks = vec![(&self.partition, LockMode::AccessExclusive)];
        locks.extend(self.references.iter().map(|r| (r, LockMode::AccessExclusive)));
        locks
    }

    fn detail(&self) -> String {
        format!("{}, {}", self.bounds.display(), size(self.rows, self.bytes))
    }
}
