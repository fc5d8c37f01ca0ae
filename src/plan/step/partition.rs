//! Steps that create partitions, attach them, and discard what was never attached.

use super::facts::{Effort, Facts, Family, Locks, Object, StepFacts, TransactionMode};
use crate::observed::{IndexSettings, Template};
use crate::partition::{
    Bounds, Identifier, IndexShape, LockMode, ManagedTable, Marker, QualifiedName,
};

/// A table to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPartition {
    /// The table it is for, which its marker names.
    pub managed: ManagedTable,
    /// The partitioned table it is made like.
    pub table: QualifiedName,
    /// The table to make.
    pub partition: QualifiedName,
    /// Bounds of the partition.
    pub bounds: Bounds,
    /// Properties that it inherits in addition to its columns.
    pub template: Template,
    /// Storage parameters: `fillfactor=90` …
    pub storage: Vec<String>,
    /// The indexes it has before anyone can see it.
    pub indexes: Vec<NewIndex>,
    /// Which of them identifies a row to logical replication, where the table names an index.
    pub replica_identity_index: Option<Identifier>,
}

impl StepFacts for NewPartition {
    fn facts(&self) -> Facts<'_> {
        Facts {
            verb: "create",
            family: Family::Partition,
            mode: TransactionMode::InTransaction,
            effort: Effort::Brief,
            waiting_statements: 1,
            needs_long_run: false,
            needs_confirmation: false,
            aside: None,
            unseen: Some(&self.partition),
            undo: "DROP TABLE of the new, empty table",
            if_interrupted: "all or nothing; the next run attaches a table that was created, or drops it if it no longer fits",
        }
    }

    fn subject(&self) -> Object {
        Object::Relation(self.partition.clone())
    }

    fn needs(&self) -> Vec<Object> {
        Vec::new()
    }

    fn locks(&self) -> Locks<'_> {
        vec![(&self.table, LockMode::AccessShare), (&self.partition, LockMode::AccessExclusive)]
    }

    fn detail(&self) -> String {
        self.bounds.display()
    }
}

/// An index of a table to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewIndex {
    /// Name of the index.
    pub name: Identifier,
    /// Definition of the index.
    pub body: IndexBody,
    /// The properties it takes from the table's index.
    pub settings: IndexSettings,
}

/// Definition of an index of a new table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexBody {
    /// Equivalent of a parent index, which it will be attached to.
    Equivalent {
        /// The table's index.
        of: Identifier,
        /// Whether it is unique.
        unique: bool,
        /// Part after `USING` of the definition, as the catalog deparses it.
        definition: String,
    },
    /// Equivalent of a parent index that supports a constraint.
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
        /// Definition of the index.
        shape: IndexShape,
    },
}

/// Table and partitioned table of an attach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attach {
    /// The table that its marker names.
    pub managed: ManagedTable,
    /// The partitioned table.
    pub table: QualifiedName,
    /// The table that becomes its partition.
    pub partition: QualifiedName,
    /// Bounds of the partition.
    pub bounds: Bounds,
    /// The default partition, where there is one.
    pub default: Option<QualifiedName>,
    /// Default-partition check that the attach needs, and that it drops.
    pub default_check: Option<Identifier>,
    /// The tables the foreign keys lead to.
    pub references: Vec<QualifiedName>,
    /// The tables whose foreign keys lead here.
    pub referenced_by: Vec<QualifiedName>,
    /// Part of its comment that a user wrote, which stays.
    pub comment: Option<String>,
    /// Whether it was a partition before, and so has foreign keys that become the table's again.
    pub again: bool,
    /// Constraints of the table to attach that `ATTACH PARTITION` would not recognize and would create again:
    /// they are dropped first, in the same transaction.
    pub replaced: Vec<Identifier>,
    /// New comment.
    pub marker: Marker,
    /// Whether the record of a conversion lists the partitions, and gets the new one: it has no rows that a sweep
    /// would have to compare.
    pub is_recorded: bool,
}

impl Attach {
    /// Returns the locks except that on a default partition.
    pub(super) fn locks_beside_default(&self, of_table: LockMode) -> Locks<'_> {
        let mut locks = vec![(&self.table, of_table), (&self.partition, LockMode::AccessExclusive)];
        // Where the table has foreign keys of its own already, their triggers on what they lead to go.
        let of_references =
            if self.again { LockMode::AccessExclusive } else { LockMode::ShareRowExclusive };
        locks.extend(self.references.iter().map(|other| (other, of_references)));
        locks.extend(self.referenced_by.iter().map(|other| (other, LockMode::ShareRowExclusive)));
        locks
    }
}

impl StepFacts for Attach {
    fn facts(&self) -> Facts<'_> {
        Facts {
            verb: "attach",
            family: Family::Partition,
            mode: TransactionMode::InTransaction,
            effort: if self.again { Effort::UnderLock } else { Effort::Brief },
            waiting_statements: 1
                + u32::from(self.default_check.is_some())
                + u32::from(self.is_recorded),
            needs_long_run: false,
            needs_confirmation: false,
            aside: None,
            unseen: Some(&self.partition),
            undo: "ALTER TABLE … DETACH PARTITION … CONCURRENTLY",
            if_interrupted: "all or nothing; the next run attaches a table that is still unattached",
        }
    }

    fn subject(&self) -> Object {
        Object::Relation(self.partition.clone())
    }

    fn needs(&self) -> Vec<Object> {
        let check = self.default.as_ref().zip(self.default_check.as_ref());
        let check = check.map(|(of, name)| Object::Check { of: of.clone(), name: name.clone() });
        check.into_iter().collect()
    }

    fn locks(&self) -> Locks<'_> {
        let mut locks = self.locks_beside_default(LockMode::ShareUpdateExclusive);
        locks.extend(self.default.iter().map(|d| (d, LockMode::AccessExclusive)));
        locks
    }

    fn detail(&self) -> String {
        self.bounds.display()
    }

    fn if_slow(&self) -> String {
        "add and validate the table's foreign keys on it before, or raise spec.limits.lockTimeout in a quiet hour"
            .to_owned()
    }
}

/// The unattached table to drop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscardPartition {
    /// Name of the table.
    pub partition: QualifiedName,
}

impl StepFacts for DiscardPartition {
    fn facts(&self) -> Facts<'_> {
        Facts {
            verb: "discard",
            family: Family::Partition,
            mode: TransactionMode::InTransaction,
            effort: Effort::Brief,
            waiting_statements: 1,
            needs_long_run: false,
            needs_confirmation: true,
            aside: None,
            unseen: Some(&self.partition),
            undo: "the table was empty; it is created again when needed",
            if_interrupted: "all or nothing; the next run drops a table that is still there and not needed",
        }
    }

    fn subject(&self) -> Object {
        Object::Relation(self.partition.clone())
    }

    fn needs(&self) -> Vec<Object> {
        Vec::new()
    }

    fn locks(&self) -> Locks<'_> {
        vec![(&self.partition, LockMode::AccessExclusive)]
    }

    fn detail(&self) -> String {
        "never attached, empty".to_owned()
    }
}
