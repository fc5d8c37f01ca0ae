//! Steps on the default partition: its checks, moving rows out of it, and removing it.

use super::Attach;
use super::facts::{Effort, Facts, Family, Locks, Object, StepFacts, TransactionMode};
use super::text::rows;
use crate::observed::Trigger;
use crate::partition::{Identifier, KeyRange, LockMode, QualifiedName};

/// The check to add to the default partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddDefaultCheck {
    /// The default partition.
    pub default: QualifiedName,
    /// The `CHECK` constraint that says so.
    pub default_check: Identifier,
    /// Range that the check excludes.
    pub range: KeyRange,
}

impl StepFacts for AddDefaultCheck {
    fn facts(&self) -> Facts<'_> {
        Facts {
            verb: "add-default-check",
            family: Family::Default,
            mode: TransactionMode::InTransaction,
            effort: Effort::Brief,
            waiting_statements: 1,
            needs_long_run: true,
            needs_confirmation: false,
            aside: None,
            unseen: None,
            undo: "ALTER TABLE … DROP CONSTRAINT on the default partition",
            if_interrupted: "all or nothing; the next run validates a check that was added and attaches the partition, or drops the check",
        }
    }

    fn subject(&self) -> Object {
        Object::Check { of: self.default.clone(), name: self.default_check.clone() }
    }

    fn needs(&self) -> Vec<Object> {
        Vec::new()
    }

    fn locks(&self) -> Locks<'_> {
        vec![(&self.default, LockMode::AccessExclusive)]
    }

    fn detail(&self) -> String {
        format!("no {} in {}", self.range.display(), self.default.name.display())
    }
}

/// The check of the default partition to validate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidateDefaultCheck {
    /// The default partition.
    pub default: QualifiedName,
    /// The `CHECK` constraint.
    pub default_check: Identifier,
}

impl StepFacts for ValidateDefaultCheck {
    fn facts(&self) -> Facts<'_> {
        Facts {
            verb: "validate-default-check",
            family: Family::Default,
            mode: TransactionMode::InTransaction,
            effort: Effort::Long,
            waiting_statements: 1,
            needs_long_run: true,
            needs_confirmation: false,
            aside: None,
            unseen: None,
            undo: "ALTER TABLE … DROP CONSTRAINT on the default partition",
            if_interrupted: "the check stays not valid; the next run validates it and attaches the partition, or drops the check",
        }
    }

    fn subject(&self) -> Object {
        Object::Check { of: self.default.clone(), name: self.default_check.clone() }
    }

    fn needs(&self) -> Vec<Object> {
        Vec::new()
    }

    fn locks(&self) -> Locks<'_> {
        vec![(&self.default, LockMode::ShareUpdateExclusive)]
    }

    fn detail(&self) -> String {
        format!("of {}", self.default.name.display())
    }
}

/// The check of the default partition to drop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropDefaultCheck {
    /// The default partition.
    pub default: QualifiedName,
    /// The `CHECK` constraint.
    pub default_check: Identifier,
}

impl StepFacts for DropDefaultCheck {
    fn facts(&self) -> Facts<'_> {
        Facts {
            verb: "drop-default-check",
            family: Family::Default,
            mode: TransactionMode::InTransaction,
            effort: Effort::Brief,
            waiting_statements: 1,
            needs_long_run: false,
            needs_confirmation: false,
            aside: None,
            unseen: None,
            undo: "the constraint is added again when needed",
            if_interrupted: "all or nothing; the next run drops a check that is still there and not needed",
        }
    }

    fn subject(&self) -> Object {
        Object::Check { of: self.default.clone(), name: self.default_check.clone() }
    }

    fn needs(&self) -> Vec<Object> {
        Vec::new()
    }

    fn locks(&self) -> Locks<'_> {
        vec![(&self.default, LockMode::AccessExclusive)]
    }

    fn detail(&self) -> String {
        format!("of {}", self.default.name.display())
    }
}

/// Tables of the move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drain {
    /// Attach of the partition with the rows. The rows come from its default partition.
    pub attach: Attach,
    /// The default partition.
    pub default: QualifiedName,
    /// The columns that are moved: all but those that are generated.
    pub columns: Vec<Identifier>,
    /// The triggers on the default partition that must not fire.
    pub triggers: Vec<Trigger>,
    /// Number of rows at the inspection.
    pub rows: u64,
}

impl StepFacts for Drain {
    fn facts(&self) -> Facts<'_> {
        Facts {
            verb: "drain",
            family: Family::Default,
            mode: TransactionMode::InTransaction,
            effort: Effort::UnderLock,
            waiting_statements: 1 + u32::from(self.attach.is_recorded),
            needs_long_run: false,
            needs_confirmation: false,
            aside: None,
            unseen: Some(&self.attach.partition),
            undo: "the rows stay in the new partition, which can be detached",
            if_interrupted: "all or nothing: no row is moved unless its partition is attached; the next run drains rows that are still there",
        }
    }

    fn subject(&self) -> Object {
        Object::Relation(self.attach.partition.clone())
    }

    fn needs(&self) -> Vec<Object> {
        Vec::new()
    }

    fn locks(&self) -> Locks<'_> {
        let mut locks = self.attach.locks_beside_default(LockMode::AccessExclusive);
        locks.push((&self.default, LockMode::AccessExclusive));
        locks
    }

    fn detail(&self) -> String {
        let range = self.attach.bounds.display();
        format!("{range} with {} from {}", rows(self.rows), self.default.name.display())
    }

    fn if_slow(&self) -> String {
        "raise spec.limits.lockTimeout in a quiet hour, or move the rows manually".to_owned()
    }
}

/// The default partition to detach and drop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropDefault {
    /// The partitioned table.
    pub table: QualifiedName,
    /// The default partition.
    pub default: QualifiedName,
    /// The tables the foreign keys lead to.
    pub references: Vec<QualifiedName>,
}

impl StepFacts for DropDefault {
    fn facts(&self) -> Facts<'_> {
        Facts {
            verb: "drop-default",
            family: Family::Default,
            mode: TransactionMode::InTransaction,
            effort: Effort::UnderLock,
            waiting_statements: 1,
            needs_long_run: false,
            needs_confirmation: true,
            aside: None,
            unseen: None,
            undo: "the empty default partition is created again when needed",
            if_interrupted: "all or nothing; the next run drops a default partition that is still there and empty",
        }
    }

    fn subject(&self) -> Object {
        Object::Relation(self.default.clone())
    }

    fn needs(&self) -> Vec<Object> {
        Vec::new()
    }

    fn locks(&self) -> Locks<'_> {
        let mut locks = vec![
            (&self.table, LockMode::AccessExclusive),
            (&self.default, LockMode::AccessExclusive),
        ];
        locks.extend(self.references.iter().map(|r| (r, LockMode::AccessExclusive)));
        locks
    }

    fn detail(&self) -> String {
        "default, empty".to_owned()
    }

    fn if_slow(&self) -> String {
        let default = self.default.display();
        format!("vacuum {default}, or raise spec.limits.lockTimeout in a quiet hour")
    }
}
