//! Steps of a conversion by `Attach`: the plain table becomes the oldest partition, and a table of its own again.

use super::facts::{Effort, Facts, Family, Locks, Object, StepFacts, TransactionMode};
use crate::partition::{
    CopiedTable, KeyRange, LockMode, QualifiedName, attached_key_name, own_key_name,
};

/// The plain table to attach to the partitioned table, which takes over its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachSource {
    /// The two tables, under the names that they have before it.
    pub table: CopiedTable,
    /// Object identifier of the plain table.
    pub source: u32,
    /// Object identifier of the partitioned table.
    pub copy: u32,
    /// Range of the rows of the plain table, as a check of it says.
    pub range: KeyRange,
    /// Partitions of the partitioned table, all of them empty.
    pub partitions: Vec<QualifiedName>,
    /// Views of the plain table that get the same definition again, so that they read the partitioned table.
    pub views: Vec<QualifiedName>,
    /// Other tables that the foreign keys of the table reference.
    pub references: Vec<QualifiedName>,
}

impl StepFacts for AttachSource {
    fn facts(&self) -> Facts<'_> {
        Facts {
            undo: "set spec.conversion.serveFrom to Source; this is possible only while all rows are in the partition that was the plain table",
            if_interrupted: "all or nothing; a run that does not attach the table drops its bounds check before it ends; if the operator was killed, the next run drops the check or attaches the table",
            ..facts("attach-source")
        }
    }

    fn subject(&self) -> Object {
        Object::Relation(self.table.source.clone())
    }

    fn needs(&self) -> Vec<Object> {
        let managed = &self.table.managed;
        let indexes = [attached_key_name(managed), own_key_name(managed)];
        let indexes = indexes.map(|name| self.table.source.sibling(name));
        let relations = [self.table.copy.clone()].into_iter().chain(indexes);
        relations.chain(self.partitions.iter().cloned()).map(Object::Relation).collect()
    }

    fn locks(&self) -> Locks<'_> {
        let own = self.views.iter().chain([&self.table.source, &self.table.copy]);
        let all = own.chain(&self.partitions).chain(&self.references);
        all.map(|of| (of, LockMode::AccessExclusive)).collect()
    }

    fn detail(&self) -> String {
        format!("as the oldest partition, {}", self.range.display())
    }
}

/// The oldest partition to make a plain table again, which takes its name back. All other partitions must be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetachSource {
    /// The two tables, under the names that they have before it.
    pub table: CopiedTable,
    /// Object identifier of the plain table.
    pub source: u32,
    /// Object identifier of the partitioned table.
    pub copy: u32,
    /// The other partitions.
    pub partitions: Vec<QualifiedName>,
    /// Views of the partitioned table that get the same definition again, so that they read the plain table.
    pub views: Vec<QualifiedName>,
    /// Other tables that the foreign keys of the table reference.
    pub references: Vec<QualifiedName>,
}

impl StepFacts for DetachSource {
    fn facts(&self) -> Facts<'_> {
        Facts {
            undo: "set spec.conversion.serveFrom to Partitioned",
            if_interrupted: "all or nothing; the next run detaches the table if it is still a partition",
            ..facts("detach-source")
        }
    }

    fn subject(&self) -> Object {
        Object::Relation(self.table.source.clone())
    }

    fn needs(&self) -> Vec<Object> {
        Vec::new()
    }

    fn locks(&self) -> Locks<'_> {
        let own = self.views.iter().chain([&self.table.copy, &self.table.source]);
        let exclusive = own.chain(&self.partitions).map(|of| (of, LockMode::AccessExclusive));
        let referenced = self.references.iter().map(|of| (of, LockMode::ShareRowExclusive));
        exclusive.chain(referenced).collect()
    }

    fn detail(&self) -> String {
        format!("back to {}", self.table.managed.name().name.display())
    }
}

fn facts(verb: &'static str) -> Facts<'static> {
    Facts {
        verb,
        family: Family::Conversion,
        mode: TransactionMode::InTransaction,
        effort: Effort::UnderLock,
        waiting_statements: 1,
        needs_long_run: false,
        needs_confirmation: true,
        aside: None,
        unseen: None,
        undo: "",
        if_interrupted: "",
    }
}
