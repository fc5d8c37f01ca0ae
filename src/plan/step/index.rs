//! Steps on indexes of the table and of its partitions.

use super::IndexDefinition;
use super::facts::{Effort, Facts, Family, Locks, Object, Risk, StepFacts, TransactionMode};
use crate::observed::IndexSettings;
use crate::partition::{Identifier, LockMode, QualifiedName};

/// The parent index to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateParentIndex {
    /// The partitioned table.
    pub table: QualifiedName,
    /// Name of the index.
    pub index: Identifier,
    /// Definition of the index.
    pub definition: IndexDefinition,
    /// Properties of an equivalent index that its definition does not show.
    pub settings: IndexSettings,
    /// All partitions, if it takes their equivalent indexes in the same statement: beside a foreign partition an
    /// index that is created on the table alone never becomes valid. Empty if it is created on the table alone.
    pub partitions: Vec<QualifiedName>,
}

impl StepFacts for CreateParentIndex {
    fn facts(&self) -> Facts<'_> {
        Facts {
            verb: "create-parent-index",
            family: Family::Index,
            mode: TransactionMode::InTransaction,
            effort: Effort::Brief,
            waiting_statements: 1,
            needs_long_run: false,
            needs_confirmation: false,
            aside: None,
            unseen: None,
            undo: "DROP INDEX of the new index",
            if_interrupted: "all or nothing; the next run continues with the indexes of the partitions",
        }
    }

    fn subject(&self) -> Object {
        Object::Relation(self.table.sibling(self.index.clone()))
    }

    fn needs(&self) -> Vec<Object> {
        Vec::new()
    }

    fn locks(&self) -> Locks<'_> {
        on_all(&self.table, &self.partitions, LockMode::Share)
    }

    fn detail(&self) -> String {
        self.definition.display()
    }
}

/// The partition index to build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildIndex {
    /// Name of the partition.
    pub partition: QualifiedName,
    /// Name of the index.
    pub index: Identifier,
    /// Definition of the index.
    pub definition: IndexDefinition,
    /// The name the resource gives it, where it stands by itself.
    pub stands_for: Option<Identifier>,
    /// The properties it takes from the table's index.
    pub settings: IndexSettings,
}

impl StepFacts for BuildIndex {
    fn facts(&self) -> Facts<'_> {
        Facts {
            verb: "build-index",
            family: Family::Index,
            mode: TransactionMode::Autocommit,
            effort: Effort::Long,
            waiting_statements: 1,
            needs_long_run: false,
            needs_confirmation: false,
            aside: Some(&self.partition),
            unseen: None,
            undo: "DROP INDEX of the new index",
            if_interrupted: "an invalid index can be left, which the next run drops and builds again; or a valid one without its marker, which the next run uses, and never drops",
        }
    }

    fn subject(&self) -> Object {
        Object::Relation(self.partition.sibling(self.index.clone()))
    }

    fn needs(&self) -> Vec<Object> {
        vec![Object::Relation(self.partition.clone())]
    }

    fn locks(&self) -> Locks<'_> {
        vec![(&self.partition, LockMode::ShareUpdateExclusive)]
    }

    fn detail(&self) -> String {
        let (on, definition) = (self.partition.name.display(), self.definition.display());
        format!("on {on}, concurrently: {definition}")
    }
}

/// The partition index that becomes part of the parent index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachIndex {
    /// The partitioned table.
    pub table: QualifiedName,
    /// The table's index.
    pub parent_index: Identifier,
    /// Name of the partition.
    pub partition: QualifiedName,
    /// The partition's index.
    pub index: Identifier,
}

impl StepFacts for AttachIndex {
    fn facts(&self) -> Facts<'_> {
        Facts {
            verb: "attach-index",
            family: Family::Index,
            mode: TransactionMode::InTransaction,
            effort: Effort::Brief,
            waiting_statements: 1,
            needs_long_run: false,
            needs_confirmation: false,
            aside: None,
            unseen: None,
            undo: "DROP INDEX of the parent index, which also drops the partition index",
            if_interrupted: "all or nothing; the next run attaches an index that is not attached",
        }
    }

    fn subject(&self) -> Object {
        Object::Relation(self.partition.sibling(self.index.clone()))
    }

    fn needs(&self) -> Vec<Object> {
        vec![
            Object::Relation(self.table.sibling(self.parent_index.clone())),
            Object::Relation(self.partition.clone()),
        ]
    }

    fn locks(&self) -> Locks<'_> {
        vec![(&self.table, LockMode::AccessShare), (&self.partition, LockMode::AccessShare)]
    }

    fn detail(&self) -> String {
        format!("to {}", self.parent_index.display())
    }

    // The partition's index is locked exclusively, and every query of it looks at its indexes.
    fn risk(&self) -> Risk {
        Risk::DelaysReadsAndWrites
    }
}

/// The partition index to drop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropIndex {
    /// Name of the partition.
    pub partition: QualifiedName,
    /// Name of the index.
    pub index: Identifier,
    /// The valid index that replaces it, or `None` if none does. If a step of the plan builds that one, it must have been
    /// built.
    pub successor: Option<Identifier>,
}

impl StepFacts for DropIndex {
    fn facts(&self) -> Facts<'_> {
        Facts {
            verb: "drop-index",
            family: Family::Index,
            mode: TransactionMode::Autocommit,
            effort: Effort::Long,
            waiting_statements: 1,
            needs_long_run: false,
            needs_confirmation: true,
            aside: Some(&self.partition),
            unseen: None,
            undo: "the index is built again",
            if_interrupted: "an invalid index can be left, which the next run drops",
        }
    }

    fn subject(&self) -> Object {
        Object::Relation(self.partition.sibling(self.index.clone()))
    }

    fn needs(&self) -> Vec<Object> {
        let successor = self.successor.iter();
        successor.map(|name| Object::Relation(self.partition.sibling(name.clone()))).collect()
    }

    fn locks(&self) -> Locks<'_> {
        vec![(&self.partition, LockMode::ShareUpdateExclusive)]
    }

    fn detail(&self) -> String {
        format!("from {}, concurrently", self.partition.name.display())
    }
}

/// The parent index to drop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropParentIndex {
    /// The partitioned table.
    pub table: QualifiedName,
    /// Name of the index.
    pub index: Identifier,
    /// The partitions whose indexes go with it.
    pub partitions: Vec<QualifiedName>,
}

impl StepFacts for DropParentIndex {
    fn facts(&self) -> Facts<'_> {
        Facts {
            verb: "drop-parent-index",
            family: Family::Index,
            mode: TransactionMode::InTransaction,
            effort: Effort::UnderLock,
            waiting_statements: 1,
            needs_long_run: false,
            needs_confirmation: true,
            aside: None,
            unseen: None,
            undo: "the index is built again",
            if_interrupted: "all or nothing; the next run drops an index that is still there",
        }
    }

    fn subject(&self) -> Object {
        Object::Relation(self.table.sibling(self.index.clone()))
    }

    fn needs(&self) -> Vec<Object> {
        Vec::new()
    }

    fn locks(&self) -> Locks<'_> {
        on_all(&self.table, &self.partitions, LockMode::AccessExclusive)
    }

    fn detail(&self) -> String {
        let plural = if self.partitions.len() == 1 { "" } else { "s" };
        format!("with those of {} partition{plural}", self.partitions.len())
    }
}

/// The parent index that takes the place of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplaceParentIndex {
    /// The partitioned table.
    pub table: QualifiedName,
    /// The name both have in turn.
    pub index: Identifier,
    /// The name the new one has until then.
    pub replacement: Identifier,
    /// The partitions whose old indexes go.
    pub partitions: Vec<QualifiedName>,
}

impl StepFacts for ReplaceParentIndex {
    fn facts(&self) -> Facts<'_> {
        Facts {
            verb: "replace-parent-index",
            family: Family::Index,
            mode: TransactionMode::InTransaction,
            effort: Effort::UnderLock,
            waiting_statements: 2,
            needs_long_run: false,
            needs_confirmation: true,
            aside: None,
            unseen: None,
            undo: "the old index is built again",
            if_interrupted: "all or nothing; the next run replaces an index that is still the old one",
        }
    }

    fn subject(&self) -> Object {
        Object::Relation(self.table.sibling(self.index.clone()))
    }

    fn needs(&self) -> Vec<Object> {
        vec![Object::Relation(self.table.sibling(self.replacement.clone()))]
    }

    fn locks(&self) -> Locks<'_> {
        on_all(&self.table, &self.partitions, LockMode::AccessExclusive)
    }

    fn detail(&self) -> String {
        format!("by {}", self.replacement.display())
    }
}

fn on_all<'a>(
    table: &'a QualifiedName,
    partitions: &'a [QualifiedName],
    mode: LockMode,
) -> Locks<'a> {
    std::iter::once(table).chain(partitions).map(|relation| (relation, mode)).collect()
}
