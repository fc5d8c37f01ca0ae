//! The facts about every step: each struct of the families states them beside its data.

use std::time::Duration;

use super::Step;
use crate::partition::{Identifier, LockMode, QualifiedName};

/// Transaction mode of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionMode {
    /// All in one transaction: all or nothing.
    InTransaction,
    /// One by one, since Postgres refuses them inside a transaction block.
    Autocommit,
    /// One transaction with one snapshot, in which blocked statements are retried: sessions that block the first
    /// attempt end, and later sessions do not block the next attempts.
    OneSnapshot,
}

/// Risk of a step for the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Risk {
    /// Nothing: no lock that an application's statement waits for.
    None,
    /// Writes may wait, at most `lockTimeout`.
    DelaysWrites,
    /// Reads and writes may wait, at most `lockTimeout`.
    DelaysReadsAndWrites,
}

/// Part of a table that a step belongs to: there is a file of each beside this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Partitions that are created and attached.
    Partition,
    /// The default partition.
    Default,
    /// Records of partitions: markers and bounds checks.
    Record,
    /// Partitions that are detached and dropped.
    Retention,
    /// Indexes.
    Index,
    /// The copy of a plain table, and what keeps it equal.
    Conversion,
    /// Roles that read the copy of a plain table before the cutover.
    Routing,
}

/// Duration of the work of a step, without its waits for other sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// No longer than a change of the catalog.
    Brief,
    /// Possibly longer than `lockTimeout`, under its locks: a scan for rows that foreign keys lead to, rows
    /// to move, or many indexes to drop. So it is bounded, and can fail.
    UnderLock,
    /// Hours, possibly. It then holds no lock that an application waits for, and only its waits are bounded.
    Long,
}

/// Object that a step creates, changes, or removes, and that a later step can need.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Object {
    /// A table, a partition, or an index.
    Relation(QualifiedName),
    /// A check of a table.
    Check {
        /// Name of the table.
        of: QualifiedName,
        /// Name of the constraint.
        name: Identifier,
    },
    /// The markers in the comments of a table's partitions.
    Markers(QualifiedName),
    /// The triggers on a plain table that write to its copy.
    Sync(QualifiedName),
    /// The statistics of a table.
    Statistics(QualifiedName),
}

impl Object {
    /// Returns the name under which a plan shows the object.
    #[must_use]
    pub fn name(&self) -> QualifiedName {
        match self {
            Self::Relation(name)
            | Self::Markers(name)
            | Self::Sync(name)
            | Self::Statistics(name) => name.clone(),
            Self::Check { of, name } => of.sibling(name.clone()),
        }
    }
}

/// Facts about one step. None has a default that a new step could get by oversight.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Value of the label `step`, and first word of the step's line in a plan.
    pub verb: &'static str,
    /// Part of the table that the step belongs to.
    pub family: Family,
    /// Transaction mode.
    pub mode: TransactionMode,
    /// Duration of its work.
    pub effort: Effort,
    /// Number of statements of its transaction that can wait for other sessions while they hold the locks
    /// of the statements before them.
    pub waiting_statements: u32,
    /// Whether the step may begin only if the run may take long: it scans a whole table, or makes sense
    /// only if such a scan follows.
    pub needs_long_run: bool,
    /// Whether the request must be confirmed immediately before the step: the step detaches or drops something, marks tables
    /// to be detached or dropped, or changes which table has the name. A user who suspends, edits, or deletes the resource
    /// wants to prevent these. Recording a detach needs no confirmation, nor does dropping a check that the operator added.
    pub needs_confirmation: bool,
    /// The partition of a step that can be executed aside; `None` if the step belongs into the run.
    pub aside: Option<&'a QualifiedName>,
    /// The relation whose lock delays no statement on the partitioned table: a new table, or a partition that is being
    /// detached. Only statements that name it wait. `None` if there is none.
    pub unseen: Option<&'a QualifiedName>,
    /// Way to reverse the step.
    pub undo: &'static str,
    /// State after an interruption, and what the next run does about it.
    pub if_interrupted: &'static str,
}

/// Relations that a step locks, each with the strongest mode.
pub(super) type Locks<'a> = Vec<(&'a QualifiedName, LockMode)>;

/// Facts that the struct of a step states about the step.
pub(super) trait StepFacts {
    fn facts(&self) -> Facts<'_>;

    fn subject(&self) -> Object;

    fn needs(&self) -> Vec<Object>;

    fn locks(&self) -> Locks<'_>;

    fn detail(&self) -> String;

    fn risk(&self) -> Risk {
        let unseen = self.facts().unseen;
        let seen = self.locks().into_iter().filter(|(relation, _)| Some(*relation) != unseen);
        match seen.map(|(_, mode)| mode).max() {
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

    /// Says what to do if the step's own work exceeds the time that it has.
    fn if_slow(&self) -> String {
        "raise spec.limits.lockTimeout in a quiet hour".to_owned()
    }
}

impl Step {
    fn known(&self) -> &dyn StepFacts {
        match self {
            Self::CreatePartition(step) => &**step,
            Self::AddDefaultCheck(step) => step,
            Self::ValidateDefaultCheck(step) => step,
            Self::AttachPartition(step) => &**step,
            Self::DrainDefault(step) => &**step,
            Self::DropDefault(step) => step,
            Self::MarkPartitions(step) => step,
            Self::DetachPartition(step) => &**step,
            Self::FinalizeDetach(step) => step,
            Self::RecordDetach(step) => &**step,
            Self::AddBoundsCheck(step) => step,
            Self::ValidateBoundsCheck(step) => step,
            Self::DropBoundsCheck(step) => step,
            Self::DropDetached(step) => &**step,
            Self::DiscardPartition(step) => step,
            Self::DropDefaultCheck(step) => step,
            Self::CreateParentIndex(step) => step,
            Self::BuildIndex(step) => step,
            Self::AttachIndex(step) => step,
            Self::DropIndex(step) => step,
            Self::DropParentIndex(step) => step,
            Self::ReplaceParentIndex(step) => step,
            Self::CreateCopy(step) => &**step,
            Self::InstallSync(step) => &**step,
            Self::FollowSource(step) => &**step,
            Self::ValidateCopy(step) => &**step,
            Self::AnalyzeCopy(step) => step,
            Self::EndSync(step) => &**step,
            Self::DropCopy(step) => &**step,
            Self::Swap(step) => &**step,
            Self::DropSource(step) => &**step,
            Self::AttachSource(step) => &**step,
            Self::DetachSource(step) => &**step,
            Self::Route(step) => &**step,
            Self::Unroute(step) => &**step,
        }
    }

    /// Returns the facts about the step that are the same for most steps of its kind.
    #[must_use]
    pub fn facts(&self) -> Facts<'_> {
        self.known().facts()
    }

    /// Returns the step's verb: the value of the label `step`.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        self.facts().verb
    }

    /// Returns what the step creates, changes, or removes. If that is not done, a later step that needs it,
    /// or has the same object, cannot be done either.
    #[must_use]
    pub fn object(&self) -> Object {
        self.known().subject()
    }

    /// Returns the name of what the step creates, changes, or removes, as a plan shows it.
    #[must_use]
    pub fn subject(&self) -> QualifiedName {
        self.object().name()
    }

    /// Returns the objects that the step needs in addition to its own: the step is skipped if an earlier step of
    /// the plan failed to create or change one of them.
    #[must_use]
    pub fn needs(&self) -> Vec<Object> {
        self.known().needs()
    }

    /// Returns what the step is about, in a few words: bounds, or an index.
    #[must_use]
    pub fn detail(&self) -> String {
        self.known().detail()
    }

    /// Returns the tables locked by the step, with the strongest mode on each, new tables included. What is
    /// said of a partition goes for all that lies below it, where it is partitioned itself.
    ///
    /// A test takes them from `pg_locks` on every version of Postgres. Where versions differ it is
    /// the strongest of them: 14 takes only ACCESS SHARE on the tables that refer to a partition that
    /// is attached.
    #[must_use]
    pub fn locks(&self) -> Vec<(&QualifiedName, LockMode)> {
        self.known().locks()
    }

    /// Returns how the step's statements are sent.
    #[must_use]
    pub fn mode(&self) -> TransactionMode {
        self.facts().mode
    }

    /// Returns what the step can cost the application: what its locks on tables in use make wait.
    #[must_use]
    pub fn risk(&self) -> Risk {
        self.known().risk()
    }

    /// Says that the step ran out of time by its own work, and what to do about it.
    #[must_use]
    pub fn too_slow(&self, given: Duration) -> String {
        format!(
            "Postgres canceled the statement, whose own work exceeded the {} ms that spec.limits.lockTimeout leaves it: {}",
            given.as_millis(),
            self.known().if_slow()
        )
    }
}
