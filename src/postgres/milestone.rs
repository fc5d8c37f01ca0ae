//! Milestones of long-running work, which events and logs report.

use super::{PageDone, WorkOutcome};

/// Milestone that a page reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Milestone {
    /// The first page.
    Begin,
    /// Number of quarters of the estimated rows that are copied: 1 to 3.
    Quarters(u64),
    /// The last page.
    End,
}

impl WorkOutcome {
    /// Returns the number of rows that all runs have processed, including this one.
    #[must_use]
    pub fn rows_in_all(&self) -> u64 {
        self.work.rows().0.saturating_add(self.rows)
    }

    /// Returns the milestone that the last page reached: the first row, a quarter of the estimated rows, or the end.
    #[must_use]
    pub fn milestone(&self, page: PageDone) -> Option<Milestone> {
        if page.done {
            return Some(Milestone::End);
        }
        let (after, estimated) = (self.rows_in_all(), self.work.rows().1.unwrap_or(0));
        let before = after.saturating_sub(page.rows);
        let quarters = |rows: u64| rows.saturating_mul(4).checked_div(estimated).unwrap_or(0);
        let passed = quarters(after).min(3);
        if passed > quarters(before) {
            Some(Milestone::Quarters(passed))
        } else {
            (before == 0 && after > 0).then_some(Milestone::Begin)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::partition::{CopiedTable, Identifier, ManagedTable, QualifiedName};
    use crate::plan::{CopyRows, Work};

    fn copying(copied: u64, estimated: Option<u64>) -> WorkOutcome {
        let identifier = |name: &str| Identifier::new(name).expect("a name");
        let name = |name| QualifiedName { schema: identifier("shop"), name: identifier(name) };
        let table = CopiedTable {
            managed: ManagedTable::new(name("orders")),
            source: name("orders"),
            copy: name("orders_partitioned"),
            key: vec![identifier("id")],
            partition_columns: Vec::new(),
            columns: Vec::new(),
            always_identity: Vec::new(),
            owner: identifier("alice"),
        };
        let work = Work::Copy(CopyRows { table, copied, estimated, max_rows_per_second: None });
        let took = Duration::ZERO;
        WorkOutcome { work, rows: 0, differing: 0, repaired: 0, took, result: Ok(false) }
    }

    /// The milestones of pages with so many rows, the last of which is the end.
    fn milestones(mut outcome: WorkOutcome, pages: &[u64]) -> Vec<Option<Milestone>> {
        let pages = pages.iter().enumerate().map(|(at, rows)| {
            outcome.rows += rows;
            let done = at + 1 == pages.len();
            outcome.milestone(PageDone { rows: *rows, differing: 0, repaired: 0, done })
        });
        pages.collect()
    }

    #[test]
    fn each_quarter_is_reported_once_across_runs() {
        let (begin, end) = (Some(Milestone::Begin), Some(Milestone::End));
        let quarter = |number| Some(Milestone::Quarters(number));
        let pages = [10, 10, 10, 30, 30, 30, 10];
        let expected = [begin, None, quarter(1), quarter(2), quarter(3), None, end];
        assert_eq!(milestones(copying(0, Some(100)), &pages), expected);
        assert_eq!(milestones(copying(74, Some(100)), &[2, 200, 1]), [quarter(3), None, end]);
        assert_eq!(milestones(copying(0, None), &[5, 5, 0]), [begin, None, end]);
        assert_eq!(milestones(copying(0, Some(0)), &[0]), [end]);
    }
}
