//! Steps of a conversion by copy: the copy, and what keeps it equal to its source.

use std::collections::BTreeSet;

use super::facts::{Effort, Facts, Family, Locks, Object, StepFacts, TransactionMode};
use super::routing::routing_object;
use crate::partition::{CopiedTable, Identifier, LockMode, Method, QualifiedName, SyncLevel};

/// The copy to create, without partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateCopy {
    /// The plain table and its copy.
    pub table: CopiedTable,
    /// Object identifier of the plain table.
    pub source: u32,
    /// Partition key of the copy.
    pub method: Method,
    /// Other tables that the foreign keys of the table reference.
    pub references: Vec<QualifiedName>,
}

impl StepFacts for CreateCopy {
    fn facts(&self) -> Facts<'_> {
        Facts {
            verb: "create-copy",
            family: Family::Conversion,
            mode: TransactionMode::InTransaction,
            effort: Effort::Brief,
            waiting_statements: statements_that_wait(&self.references),
            needs_long_run: false,
            needs_confirmation: false,
            aside: None,
            unseen: Some(&self.table.copy),
            undo: "remove spec.conversion, and approve the drop of the copy",
            if_interrupted: "all or nothing; the next run continues with a copy that was created",
        }
    }

    fn subject(&self) -> Object {
        Object::Relation(self.table.copy.clone())
    }

    fn needs(&self) -> Vec<Object> {
        Vec::new()
    }

    fn locks(&self) -> Locks<'_> {
        let referenced = self.references.iter().map(|table| (table, LockMode::ShareRowExclusive));
        let own = [
            (&self.table.source, LockMode::AccessShare),
            (&self.table.copy, LockMode::AccessExclusive),
        ];
        own.into_iter().chain(referenced).collect()
    }

    fn detail(&self) -> String {
        let columns = &self.table.partition_columns;
        let columns: Vec<_> = columns.iter().map(Identifier::display).collect();
        let (method, columns) = (self.method.as_str(), columns.join(", "));
        format!("of {}, {method} ({columns})", self.table.source.name.display())
    }
}

/// The triggers and functions that keep the passive table equal to the serving one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstallSync {
    /// The plain table and its copy.
    pub table: CopiedTable,
    /// Object identifier of the plain table.
    pub source: u32,
    /// Level of the triggers.
    pub level: SyncLevel,
    /// The sync triggers that the source has.
    pub present: BTreeSet<Identifier>,
    /// Whether only the level changes: if no trigger was altered until this step locks the table, no write was missed,
    /// and what sweeps found stays.
    pub keeps_parity: bool,
}

impl InstallSync {
    /// Returns whether triggers of another level are dropped.
    fn drops_triggers(&self) -> bool {
        self.table.other_levels(self.level).any(|name| self.present.contains(&name))
    }
}

impl StepFacts for InstallSync {
    fn facts(&self) -> Facts<'_> {
        Facts {
            verb: "install-sync",
            family: Family::Conversion,
            mode: TransactionMode::InTransaction,
            effort: Effort::Brief,
            waiting_statements: 2,
            needs_long_run: false,
            needs_confirmation: false,
            aside: None,
            unseen: Some(passive(&self.table)),
            undo: "remove spec.conversion",
            if_interrupted: "all or nothing; the next run installs what is still missing",
        }
    }

    fn subject(&self) -> Object {
        Object::Sync(serving(&self.table).clone())
    }

    fn needs(&self) -> Vec<Object> {
        vec![Object::Relation(passive(&self.table).clone())]
    }

    fn locks(&self) -> Locks<'_> {
        let of_serving = if self.drops_triggers() {
            LockMode::AccessExclusive
        } else {
            LockMode::ShareRowExclusive
        };
        vec![
            (serving(&self.table), of_serving),
            (passive(&self.table), LockMode::ShareRowExclusive),
        ]
    }

    fn detail(&self) -> String {
        let level = match self.level {
            SyncLevel::Row => "for each row",
            SyncLevel::Statement => "for each statement",
        };
        format!("to {}, {level}", passive(&self.table).name.display())
    }
}

/// The copy whose statistics are gathered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnalyzeCopy {
    /// Name of the copy.
    pub copy: QualifiedName,
}

impl StepFacts for AnalyzeCopy {
    fn facts(&self) -> Facts<'_> {
        Facts {
            verb: "analyze",
            family: Family::Conversion,
            mode: TransactionMode::Autocommit,
            effort: Effort::Long,
            waiting_statements: 1,
            needs_long_run: true,
            needs_confirmation: false,
            aside: None,
            unseen: None,
            undo: "nothing to undo",
            if_interrupted: "nothing is left; the next run analyzes again",
        }
    }

    fn subject(&self) -> Object {
        Object::Statistics(self.copy.clone())
    }

    fn needs(&self) -> Vec<Object> {
        Vec::new()
    }

    fn locks(&self) -> Locks<'_> {
        vec![(&self.copy, LockMode::ShareUpdateExclusive)]
    }

    fn detail(&self) -> String {
        "for the query planner".to_owned()
    }
}

/// The triggers and functions to drop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndSync {
    /// The plain table and its copy.
    pub table: CopiedTable,
}

impl StepFacts for EndSync {
    fn facts(&self) -> Facts<'_> {
        Facts {
            verb: "end-sync",
            family: Family::Conversion,
            mode: TransactionMode::InTransaction,
            effort: Effort::Brief,
            waiting_statements: 2,
            needs_long_run: false,
            needs_confirmation: true,
            aside: None,
            unseen: Some(passive(&self.table)),
            undo: "set spec.conversion again",
            if_interrupted: "all or nothing; the next run drops what is still there",
        }
    }

    fn subject(&self) -> Object {
        Object::Sync(serving(&self.table).clone())
    }

    fn needs(&self) -> Vec<Object> {
        Vec::new()
    }

    fn locks(&self) -> Locks<'_> {
        let tables = [serving(&self.table), passive(&self.table)];
        tables.map(|table| (table, LockMode::AccessExclusive)).to_vec()
    }

    fn detail(&self) -> String {
        format!("to {}", passive(&self.table).name.display())
    }
}

/// The copy to drop, with its partitions and all its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropCopy {
    /// The plain table and its copy.
    pub table: CopiedTable,
    /// Object identifier of the copy.
    pub oid: u32,
    /// Other tables that the foreign keys of the table reference.
    pub references: Vec<QualifiedName>,
}

impl StepFacts for DropCopy {
    fn facts(&self) -> Facts<'_> {
        Facts {
            verb: "drop-copy",
            family: Family::Conversion,
            mode: TransactionMode::InTransaction,
            effort: Effort::UnderLock,
            waiting_statements: statements_that_wait(&self.references),
            needs_long_run: false,
            needs_confirmation: true,
            aside: None,
            unseen: Some(&self.table.copy),
            undo: "not possible; the source has all rows",
            if_interrupted: "all or nothing; the next run drops a copy that is still there",
        }
    }

    fn subject(&self) -> Object {
        Object::Relation(self.table.copy.clone())
    }

    fn needs(&self) -> Vec<Object> {
        vec![Object::Sync(self.table.source.clone()), routing_object(&self.table)]
    }

    fn locks(&self) -> Locks<'_> {
        let referenced = self.references.iter().map(|table| (table, LockMode::AccessExclusive));
        [(&self.table.copy, LockMode::AccessExclusive)].into_iter().chain(referenced).collect()
    }

    fn detail(&self) -> String {
        format!("of {}, with all its rows", self.table.source.name.display())
    }
}

fn serving(table: &CopiedTable) -> &QualifiedName {
    table.name_of(table.serving())
}

fn passive(table: &CopiedTable) -> &QualifiedName {
    table.name_of(table.serving().other())
}

fn statements_that_wait(references: &[QualifiedName]) -> u32 {
    u32::try_from(references.len()).unwrap_or(u32::MAX).saturating_add(1)
}
