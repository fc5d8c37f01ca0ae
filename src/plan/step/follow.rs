//! Steps of a conversion that make the passive table follow changes of the one that applications use.

use super::InstallSync;
use super::facts::{Effort, Facts, Family, Locks, Object, StepFacts, TransactionMode};
use crate::partition::{CopiedTable, Identifier, LockMode, Method, QualifiedName};

/// The passive table that follows changes of the one that applications use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowSource {
    /// The plain table and its copy.
    pub table: CopiedTable,
    /// Partition key of the copy.
    pub method: Method,
    /// The columns for which the triggers were created, in that order.
    pub known: Vec<Identifier>,
    /// The installation for the new columns, or `None` if no column changes.
    pub sync: Option<InstallSync>,
    /// Changed columns and properties, in a few words each.
    pub changes: Vec<String>,
}

impl StepFacts for FollowSource {
    fn facts(&self) -> Facts<'_> {
        Facts {
            verb: "follow",
            family: Family::Conversion,
            mode: TransactionMode::InTransaction,
            effort: Effort::UnderLock,
            waiting_statements: 2,
            needs_long_run: false,
            needs_confirmation: false,
            aside: None,
            unseen: Some(passive(&self.table)),
            undo: "reverse the change of the table that serves",
            if_interrupted: "all or nothing; the next run follows what still differs",
        }
    }

    fn subject(&self) -> Object {
        Object::Relation(passive(&self.table).clone())
    }

    fn needs(&self) -> Vec<Object> {
        Vec::new()
    }

    fn locks(&self) -> Locks<'_> {
        let installs = self.sync.as_ref().and_then(|sync| sync.locks().first().map(|lock| lock.1));
        let first = installs.unwrap_or(LockMode::ShareRowExclusive);
        let serving = self.table.name_of(self.table.serving());
        vec![(serving, first), (passive(&self.table), LockMode::AccessExclusive)]
    }

    fn detail(&self) -> String {
        let shown = self.changes.iter().take(MAX_LISTED_CHANGES);
        let mut text = shown.cloned().collect::<Vec<_>>().join(", ");
        if self.changes.len() > MAX_LISTED_CHANGES {
            text.push_str(&format!(" and {} more", self.changes.len() - MAX_LISTED_CHANGES));
        }
        text
    }

    fn if_slow(&self) -> String {
        "raise spec.limits.lockTimeout in a quiet hour, or end the conversion and start it again"
            .to_owned()
    }
}

/// The table that applications do not use.
fn passive(table: &CopiedTable) -> &QualifiedName {
    table.name_of(table.serving().other())
}

/// Maximum number of changes that a plan shows.
const MAX_LISTED_CHANGES: usize = 3;

/// The passive table whose constraints are validated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidateCopy {
    /// The plain table and its copy.
    pub table: CopiedTable,
}

impl StepFacts for ValidateCopy {
    fn facts(&self) -> Facts<'_> {
        Facts {
            verb: "validate-copy",
            family: Family::Conversion,
            mode: TransactionMode::InTransaction,
            effort: Effort::Long,
            waiting_statements: 1,
            needs_long_run: true,
            needs_confirmation: false,
            aside: None,
            unseen: None,
            undo: "nothing to undo",
            if_interrupted: "the constraints stay not valid; the next run validates them",
        }
    }

    fn subject(&self) -> Object {
        Object::Relation(passive(&self.table).clone())
    }

    fn needs(&self) -> Vec<Object> {
        Vec::new()
    }

    fn locks(&self) -> Locks<'_> {
        vec![(passive(&self.table), LockMode::ShareUpdateExclusive)]
    }

    fn detail(&self) -> String {
        "constraints that are enforced for new rows only".to_owned()
    }
}
