//! Steps that record what a partition or a detached table is: markers and bounds checks.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::facts::{Effort, Facts, Family, Locks, Object, StepFacts, TransactionMode};
use super::text::format_marked;
use crate::partition::{
    Bounds, Identifier, KeyRange, LockMode, ManagedTable, Marker, QualifiedName,
};

/// The partitions whose markers are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkPartitions {
    /// The table that the markers name.
    pub managed: ManagedTable,
    /// The partitioned table, whose comment records adoptions.
    pub table: QualifiedName,
    /// Partitions to mark.
    pub partitions: Vec<MarkedPartition>,
    /// New state of the partitions.
    pub mark_as: MarkAs,
    /// Digests of the names that have been adopted, as the table's comment records them from then on;
    /// `None` if that does not change.
    pub adopted: Option<BTreeSet<String>>,
}

impl StepFacts for MarkPartitions {
    fn facts(&self) -> Facts<'_> {
        Facts {
            verb: self.mark_as.verb(),
            family: Family::Record,
            mode: TransactionMode::InTransaction,
            effort: Effort::Brief,
            waiting_statements: 1,
            needs_long_run: false,
            needs_confirmation: matches!(self.mark_as, MarkAs::Expired { .. } | MarkAs::ForDrop),
            aside: None,
            unseen: None,
            undo: "set the previous comment with COMMENT ON TABLE",
            if_interrupted: self.mark_as.if_interrupted(),
        }
    }

    fn subject(&self) -> Object {
        Object::Markers(self.table.clone())
    }

    fn needs(&self) -> Vec<Object> {
        Vec::new()
    }

    fn locks(&self) -> Locks<'_> {
        let marked = self.partitions.iter().map(|marked| &marked.name);
        let table = self.adopted.as_ref().map(|_| &self.table);
        marked.chain(table).map(|relation| (relation, LockMode::ShareUpdateExclusive)).collect()
    }

    fn detail(&self) -> String {
        if self.mark_as == MarkAs::AdoptionCleared {
            return "to allow another adoption of these names".to_owned();
        }
        format_marked(&self.table, &self.partitions)
    }
}

/// A partition and its marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkedPartition {
    /// Name of the partition.
    pub name: QualifiedName,
    /// Its object identifier: another table of the same name is another table.
    pub oid: Option<u32>,
    /// Bounds of the partition.
    pub bounds: Bounds,
    /// Part of its comment that a user wrote, which stays.
    pub comment: Option<String>,
    /// New comment.
    pub marker: Marker,
}

/// New state of marked partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkAs {
    /// Mark partitions as managed, because the annotation names them.
    Adopted,
    /// Mark partitions as expired: they are detached without another approval, even if this run is interrupted.
    Expired {
        /// And dropped later: the spec says `onExpiry: Drop`.
        drops: bool,
    },
    /// Mark expired partitions as attached, because the spec keeps them again.
    Attached,
    /// Mark detached tables to be dropped, because `onExpiry` has changed to `Drop`. Their grace period starts.
    ForDrop,
    /// Mark detached tables to be kept, because `onExpiry` is no longer `Drop`.
    NotForDrop,
    /// Remove from the table's comment the adoptions that the annotation no longer names, so that the names
    /// can be adopted again.
    AdoptionCleared,
}

impl MarkAs {
    fn verb(self) -> &'static str {
        match self {
            Self::Adopted => "adopt",
            Self::Expired { .. } => "mark-expired",
            Self::Attached => "mark-attached",
            Self::ForDrop => "mark-for-drop",
            Self::NotForDrop => "unmark-for-drop",
            Self::AdoptionCleared => "clear-adoption",
        }
    }

    fn if_interrupted(self) -> &'static str {
        match self {
            Self::Adopted => {
                "all or nothing; the next run adopts partitions that are still unmanaged"
            }
            Self::Expired { .. } => {
                "all or nothing; the next run detaches partitions that are marked, without another approval"
            }
            Self::Attached => {
                "all or nothing; the next run marks as attached the partitions that are still marked as expired"
            }
            Self::ForDrop => "all or nothing; the next run marks tables that are not marked",
            Self::NotForDrop => {
                "all or nothing; the next run unmarks tables that are still marked, and drops none of them"
            }
            Self::AdoptionCleared => {
                "all or nothing; the next run removes adoptions that are still recorded"
            }
        }
    }
}

/// Record of a detached table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordDetach {
    /// The table it was a partition of, which its marker and its bounds check name.
    pub managed: ManagedTable,
    /// The detached table.
    pub partition: QualifiedName,
    /// Its object identifier: another table of the same name is another table.
    pub oid: Option<u32>,
    /// Bounds of the partition before the detach.
    pub bounds: Bounds,
    /// The condition that every row of the partitioned table meets, if that is a partition itself.
    pub inherited: Option<String>,
    /// Part of its comment that a user wrote, which stays.
    pub comment: Option<String>,
    /// The earliest date to record. Postgres records the time of its own clock when the step runs, if that
    /// is later.
    pub at: Timestamp,
    /// Whether its grace period starts then: the spec says `onExpiry: Drop`, and did when the partition was
    /// marked as expired.
    pub drops: bool,
    /// Object identifier of the partitioned table.
    pub parent: Option<u32>,
    /// Number of times that the expiry of the partition was reversed.
    pub cycle: u32,
    /// The publications that name it, and that it leaves: they would go on publishing it.
    pub publications: Vec<Identifier>,
}

impl StepFacts for RecordDetach {
    fn facts(&self) -> Facts<'_> {
        Facts {
            verb: "record-detach",
            family: Family::Record,
            mode: TransactionMode::InTransaction,
            effort: Effort::Brief,
            waiting_statements: 1,
            needs_long_run: false,
            needs_confirmation: false,
            aside: None,
            unseen: Some(&self.partition),
            undo: "set the previous comment with COMMENT ON TABLE, add the table to its publications again, and drop its bounds check with ALTER TABLE … DROP CONSTRAINT",
            if_interrupted: "all or nothing; the next run records the detach, and a grace period starts then",
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
        format!("{} as detached", self.bounds.display())
    }
}

/// The bounds check to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddBoundsCheck {
    /// The table that the bounds check names.
    pub managed: ManagedTable,
    /// The partition, or detached table.
    pub partition: QualifiedName,
    /// Its object identifier: another table of the same name is another table.
    pub oid: Option<u32>,
    /// Bounds of the partition.
    pub range: KeyRange,
    /// The condition that every row of the partitioned table meets, if that is a partition itself.
    pub inherited: Option<String>,
}

impl StepFacts for AddBoundsCheck {
    fn facts(&self) -> Facts<'_> {
        Facts {
            verb: "add-bounds-check",
            family: Family::Record,
            mode: TransactionMode::InTransaction,
            effort: Effort::Brief,
            waiting_statements: 1,
            needs_long_run: false,
            needs_confirmation: false,
            aside: None,
            unseen: None,
            undo: "ALTER TABLE … DROP CONSTRAINT on the table",
            if_interrupted: "all or nothing; the next run adds a check that is still missing",
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
        self.range.display()
    }
}

/// The bounds check of a plain table to drop: it was added so that the table could be attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropBoundsCheck {
    /// The table that the bounds check names.
    pub managed: ManagedTable,
    /// The plain table.
    pub table: QualifiedName,
}

impl StepFacts for DropBoundsCheck {
    fn facts(&self) -> Facts<'_> {
        Facts {
            verb: "drop-bounds-check",
            family: Family::Record,
            mode: TransactionMode::InTransaction,
            effort: Effort::Brief,
            waiting_statements: 1,
            needs_long_run: false,
            needs_confirmation: false,
            aside: None,
            unseen: None,
            undo: "nothing to undo",
            if_interrupted: "all or nothing; the next run drops a check that is still there",
        }
    }

    fn subject(&self) -> Object {
        Object::Relation(self.table.clone())
    }

    fn needs(&self) -> Vec<Object> {
        Vec::new()
    }

    fn locks(&self) -> Locks<'_> {
        vec![(&self.table, LockMode::AccessExclusive)]
    }

    fn detail(&self) -> String {
        "to accept all rows again".to_owned()
    }
}

/// The bounds check to validate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidateBoundsCheck {
    /// The table that the bounds check names.
    pub managed: ManagedTable,
    /// The detached table.
    pub partition: QualifiedName,
}

impl StepFacts for ValidateBoundsCheck {
    fn facts(&self) -> Facts<'_> {
        Facts {
            verb: "validate-bounds-check",
            family: Family::Record,
            mode: TransactionMode::InTransaction,
            effort: Effort::Long,
            waiting_statements: 1,
            needs_long_run: true,
            needs_confirmation: false,
            aside: None,
            unseen: None,
            undo: "ALTER TABLE … DROP CONSTRAINT on the table",
            if_interrupted: "the check stays not valid; the next run validates it if the table is still to be attached",
        }
    }

    fn subject(&self) -> Object {
        Object::Relation(self.partition.clone())
    }

    fn needs(&self) -> Vec<Object> {
        Vec::new()
    }

    fn locks(&self) -> Locks<'_> {
        vec![(&self.partition, LockMode::ShareUpdateExclusive)]
    }

    fn detail(&self) -> String {
        "that all rows are within the bounds".to_owned()
    }
}
