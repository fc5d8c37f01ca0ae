//! Long-running work, which is executed page by page.
//!
//! A step is all or nothing. Work has a cursor instead, which each page records in its transaction, so the next run continues
//! after an interruption. A plan has at most one work, after its steps. This module only describes the work.

use jiff::Timestamp;

use super::{Cause, Rule};
use crate::partition::{CopiedTable, LockMode, QualifiedName};

/// Work on one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// Copies the rows that existed before the triggers.
    Copy(CopyRows),
    /// Compares the rows of both tables, and repairs the copy.
    Compare(CompareRows),
}

/// Rows to copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyRows {
    /// The plain table and its copy.
    pub table: CopiedTable,
    /// Number of rows that are copied already.
    pub copied: u64,
    /// Estimated number of rows of the source, or `None` if it was never analyzed.
    pub estimated: Option<u64>,
    /// Maximum number of rows in a second, or `None` for no limit.
    pub max_rows_per_second: Option<u32>,
}

/// Rows to compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompareRows {
    /// The plain table and its copy.
    pub table: CopiedTable,
    /// Whether rows are compared. Otherwise they are counted, and compared where the counts differ.
    pub content: bool,
    /// Number of rows of the source that the sweep has compared.
    pub compared: u64,
    /// Maximum number of rows that the sweep may still repair.
    pub repairs_left: u64,
    /// Estimated number of rows of the source, or `None` if it was never analyzed.
    pub estimated: Option<u64>,
    /// The sweep after which the operator stopped, by the time it began, if a user approved of another one.
    pub after: Option<Timestamp>,
}

/// Work and why it is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedWork {
    /// The rule that asks for it.
    pub rule: Rule,
    /// Kind of work.
    pub work: Work,
    /// Why.
    pub cause: Cause,
}

impl PlannedWork {
    /// Returns whether the table matches the spec without this work: a comparison that is due only because of `parity.every`.
    #[must_use]
    pub fn is_routine(&self) -> bool {
        self.cause == Cause::ComparisonDue
    }
}

impl Work {
    /// Returns the first word of its line in a plan.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Copy(_) => "copy",
            Self::Compare(_) => "compare",
        }
    }

    /// Returns the tables.
    #[must_use]
    pub fn table(&self) -> &CopiedTable {
        match self {
            Self::Copy(CopyRows { table, .. }) | Self::Compare(CompareRows { table, .. }) => table,
        }
    }

    /// Returns how many rows are done, and the estimated number in all.
    #[must_use]
    pub fn rows(&self) -> (u64, Option<u64>) {
        match self {
            Self::Copy(CopyRows { copied, estimated, .. }) => (*copied, *estimated),
            Self::Compare(CompareRows { compared, estimated, .. }) => (*compared, *estimated),
        }
    }

    /// Returns the tables that each page locks, with the strongest mode on each. No statement of an application waits
    /// for these modes; it can wait for a row of the page, no longer than the page takes.
    #[must_use]
    pub fn locks(&self) -> [(&QualifiedName, LockMode); 2] {
        let CopiedTable { source, copy, .. } = self.table();
        // A comparison that repairs locks rows of both tables.
        [(source, LockMode::RowShare), (copy, LockMode::RowExclusive)]
    }

    /// Returns the state after an interruption.
    #[must_use]
    pub fn if_interrupted(&self) -> &'static str {
        match self {
            Self::Copy(_) => {
                "the page is rolled back; the next run continues after the last committed page"
            }
            Self::Compare(_) => "the page is rolled back; the next run continues the sweep",
        }
    }

    /// Returns the progress, such as `41 % of ~300000000 rows`.
    #[must_use]
    pub fn progress(&self) -> String {
        let (done, estimated) = self.rows();
        match estimated {
            Some(estimated) if estimated > 0 => {
                let percent = done.saturating_mul(100) / estimated;
                format!("{} % of ~{estimated} rows", percent.min(100))
            }
            Some(_) | None => format!("{done} rows so far"),
        }
    }

    /// Returns the work in one line, without the reason.
    #[must_use]
    pub fn line(&self) -> String {
        let CopiedTable { source, copy, .. } = self.table();
        let (source, copy) = (source.name.display(), copy.name.display());
        let between = match self {
            Self::Copy(_) => format!("{source} → {copy}"),
            Self::Compare(_) => format!("{source} ↔ {copy}"),
        };
        format!("{}  {between}  {}", self.verb(), self.progress())
    }
}
