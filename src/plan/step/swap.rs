//! Steps of a conversion by copy that change which of the two tables serves, and the one that drops the source afterwards.

use super::facts::{Effort, Facts, Family, Locks, Object, StepFacts, TransactionMode};
use crate::partition::{CopiedTable, Identifier, LockMode, QualifiedName, Side, SyncLevel};

/// The exchange of the names of both tables: the cutover, or the rollback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swap {
    /// The two tables, under the names that they have before it.
    pub table: CopiedTable,
    /// Object identifier of the plain table.
    pub source: u32,
    /// Object identifier of the partitioned table.
    pub copy: u32,
    /// Level of the triggers of the plain table, which a cutover drops and a rollback creates.
    pub level: SyncLevel,
    /// Views of the serving table that get the same definition again, so that they read the other table.
    pub views: Vec<QualifiedName>,
}

impl Swap {
    /// Returns the table that serves afterwards.
    #[must_use]
    pub fn to(&self) -> Side {
        self.table.serving().other()
    }
}

impl StepFacts for Swap {
    fn facts(&self) -> Facts<'_> {
        let undo = match self.to() {
            Side::Partitioned => "set spec.conversion.serveFrom to Source",
            Side::Source => "set spec.conversion.serveFrom to Partitioned",
        };
        Facts {
            verb: "swap",
            family: Family::Conversion,
            mode: TransactionMode::InTransaction,
            effort: Effort::UnderLock,
            waiting_statements: 1,
            needs_long_run: false,
            needs_confirmation: true,
            aside: None,
            unseen: None,
            undo,
            if_interrupted: "all or nothing; the next run swaps if the other table still serves",
        }
    }

    fn subject(&self) -> Object {
        Object::Relation(self.table.managed.name().clone())
    }

    fn needs(&self) -> Vec<Object> {
        let serving = self.table.serving();
        let passive = self.table.name_of(serving.other()).clone();
        vec![Object::Relation(passive), Object::Sync(self.table.name_of(serving).clone())]
    }

    fn locks(&self) -> Locks<'_> {
        let serving = self.table.serving();
        let tables = [serving, serving.other()].map(|side| self.table.name_of(side));
        self.views
            .iter()
            .chain(tables)
            .map(|relation| (relation, LockMode::AccessExclusive))
            .collect()
    }

    fn detail(&self) -> String {
        match self.to() {
            Side::Partitioned => "to the partitioned table",
            Side::Source => "back to the source",
        }
        .to_owned()
    }

    fn if_slow(&self) -> String {
        "raise spec.limits.lockTimeout in a quiet hour: the swap takes longer with more partitions and row triggers"
            .to_owned()
    }
}

/// The plain table to drop after the cutover, with all its rows: the partitioned table has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropSource {
    /// The two tables. The partitioned one serves.
    pub table: CopiedTable,
    /// Object identifier of the plain table.
    pub oid: u32,
    /// Other tables that the foreign keys of the plain table reference.
    pub references: Vec<QualifiedName>,
    /// Foreign keys of other tables that are dropped with it, as a user acknowledged: each with its table.
    pub foreign_keys: Vec<(QualifiedName, Identifier)>,
}

impl StepFacts for DropSource {
    fn facts(&self) -> Facts<'_> {
        let others = self.references.len().saturating_add(self.foreign_keys.len());
        Facts {
            verb: "drop-source",
            family: Family::Conversion,
            mode: TransactionMode::InTransaction,
            effort: Effort::UnderLock,
            waiting_statements: u32::try_from(others).unwrap_or(u32::MAX).saturating_add(2),
            needs_long_run: false,
            needs_confirmation: true,
            aside: None,
            unseen: None,
            undo: "not possible; the partitioned table has all rows",
            if_interrupted: "all or nothing; the next run drops a source that is still there",
        }
    }

    fn subject(&self) -> Object {
        Object::Relation(self.table.source.clone())
    }

    fn needs(&self) -> Vec<Object> {
        Vec::new()
    }

    fn locks(&self) -> Locks<'_> {
        let referencing = self.foreign_keys.iter().map(|(table, _)| table);
        let tables = [&self.table.copy, &self.table.source].into_iter();
        let all = tables.chain(referencing).chain(&self.references);
        all.map(|relation| (relation, LockMode::AccessExclusive)).collect()
    }

    fn detail(&self) -> String {
        format!("of {}, with all its rows", self.table.copy.name.display())
    }
}
