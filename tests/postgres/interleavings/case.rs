//! The cases: what the application writes, what the operator does, and in which order.

use pg_partition_operator::partition::{Side, SyncLevel};

use crate::copy_fixture::LEVELS;

/// Write of the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Write {
    Insert,
    Update,
    Delete,
    KeyWithinPage,
    KeyBeyondPages,
    PartitionMove,
    Upsert,
    DeleteAndInsert,
    Truncate,
}

const WRITES: [Write; 9] = [
    Write::Insert,
    Write::Update,
    Write::Delete,
    Write::KeyWithinPage,
    Write::KeyBeyondPages,
    Write::PartitionMove,
    Write::Upsert,
    Write::DeleteAndInsert,
    Write::Truncate,
];

impl Write {
    /// The statements, for the table `t`. A partitioned table has another key.
    pub(super) fn sql(self, serving: Side) -> &'static str {
        match self {
            Self::Upsert if serving == Side::Partitioned => {
                "INSERT INTO t VALUES (15, 1, 'new') ON CONFLICT (id, part) DO UPDATE SET v = EXCLUDED.v;
                 UPDATE t SET part = 9, v = 'old' WHERE id = 20"
            }
            Self::Insert => "INSERT INTO t VALUES (15, 1, 'inserted')",
            Self::Update => "UPDATE t SET v = 'updated' WHERE id = 20",
            Self::Delete => "DELETE FROM t WHERE id = 20",
            Self::KeyWithinPage => "UPDATE t SET id = 15 WHERE id = 20",
            Self::KeyBeyondPages => "UPDATE t SET id = 500 WHERE id = 20",
            Self::PartitionMove => "UPDATE t SET part = 9 WHERE id = 20",
            Self::Upsert => {
                "INSERT INTO t VALUES (15, 1, 'new'), (20, 9, 'old') ON CONFLICT (id)
                 DO UPDATE SET part = EXCLUDED.part, v = EXCLUDED.v"
            }
            Self::DeleteAndInsert => {
                "DELETE FROM t WHERE id = 20; INSERT INTO t VALUES (20, 9, 'again')"
            }
            Self::Truncate => "TRUNCATE t",
        }
    }

    /// The rows of the source once it is committed.
    pub(super) fn result(self) -> &'static str {
        match self {
            Self::Insert => "10/1/a 15/1/inserted 20/2/b 30/3/c 40/4/d",
            Self::Update => "10/1/a 20/2/updated 30/3/c 40/4/d",
            Self::Delete => "10/1/a 30/3/c 40/4/d",
            Self::KeyWithinPage => "10/1/a 15/2/b 30/3/c 40/4/d",
            Self::KeyBeyondPages => "10/1/a 30/3/c 40/4/d 500/2/b",
            Self::PartitionMove => "10/1/a 20/9/b 30/3/c 40/4/d",
            Self::Upsert => "10/1/a 15/1/new 20/9/old 30/3/c 40/4/d",
            Self::DeleteAndInsert => "10/1/a 20/9/again 30/3/c 40/4/d",
            Self::Truncate => "",
        }
    }
}

/// The rows of the source before.
pub(super) const ROWS: &str = "10/1/a 20/2/b 30/3/c 40/4/d";

/// Work of the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    Copy,
    /// Repairs a copy in which a row differs, a row is missing, and rows are too many.
    Repair,
    /// Repairs a copy in which the row is missing that the application writes.
    RepairMissing,
}

impl Work {
    /// Statements that damage the passive table, which is `@`. The source has one row of an `id` at most.
    pub(super) fn damage(self, serving: Side) -> &'static str {
        match self {
            Self::Repair if serving == Side::Partitioned => {
                "DELETE FROM @ WHERE id = 10; UPDATE @ SET v = 'stale', part = 9 WHERE id = 20;
                 INSERT INTO @ VALUES (15, 1, 'ghost')"
            }
            Self::Copy => "DELETE FROM @",
            Self::Repair => {
                "DELETE FROM @ WHERE id = 10; UPDATE @ SET v = 'stale' WHERE id = 20;
                 INSERT INTO @ VALUES (15, 1, 'ghost'), (20, 9, 'orphan')"
            }
            Self::RepairMissing => "DELETE FROM @ WHERE id = 20",
        }
    }

    /// The orders that are played. Only a page that was copied can roll back what later writes rest on.
    fn orders(self) -> &'static [(&'static str, &'static [Act])] {
        match self {
            Self::Copy => &ORDERS,
            Self::Repair | Self::RepairMissing => ORDERS.split_at(5).0,
        }
    }
}

/// A statement, or several, of one of the sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// The application's transaction begins and reads.
    Read,
    /// The application writes; its transaction begins if it has not.
    Write,
    Commit,
    Rollback,
    /// The operator copies or repairs a page.
    Page,
    CommitPage,
    RollbackPage,
}

#[rustfmt::skip]
const ORDERS: [(&str, &[Act]); 7] = [
    ("write, page, commit", &[Act::Write, Act::Page, Act::Commit, Act::CommitPage]),
    ("write, page, rollback", &[Act::Write, Act::Page, Act::Rollback, Act::CommitPage]),
    ("page, write", &[Act::Page, Act::Write, Act::CommitPage, Act::Commit]),
    ("read, page committed, write", &[Act::Read, Act::Page, Act::CommitPage, Act::Write, Act::Commit]),
    ("read, page, write", &[Act::Read, Act::Page, Act::Write, Act::CommitPage, Act::Commit]),
    ("page rolls back, write", &[Act::Page, Act::Write, Act::RollbackPage, Act::Commit]),
    ("read, page, write, rollback", &[Act::Read, Act::Page, Act::Write, Act::CommitPage, Act::Rollback]),
];

const ISOLATION: [&str; 3] = ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"];

/// A case.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case {
    pub(super) serving: Side,
    pub(super) work: Work,
    pub(super) level: SyncLevel,
    pub(super) isolation: &'static str,
    pub(super) write: Write,
    order: &'static str,
    pub(super) acts: &'static [Act],
}

impl Case {
    pub(super) fn name(&self) -> String {
        let Self { serving, work, level, isolation, write, order, .. } = self;
        format!("serving {serving:?}, {work:?}, level {level:?}, {isolation}, {write:?}, {order}")
    }
}

pub(super) fn cases() -> Vec<Case> {
    let mut kinds = Vec::new();
    for work in [Work::Copy, Work::Repair, Work::RepairMissing] {
        kinds.extend(LEVELS.map(|level| (Side::Source, work, level)));
    }
    // After the cutover nothing is copied, and the triggers run for each row.
    let repairs = [Work::Repair, Work::RepairMissing];
    kinds.extend(repairs.map(|work| (Side::Partitioned, work, SyncLevel::Row)));
    let mut cases = Vec::new();
    for (serving, work, level) in kinds {
        for isolation in ISOLATION {
            for write in WRITES {
                let of_order =
                    |&(order, acts)| Case { serving, work, level, isolation, write, order, acts };
                cases.extend(work.orders().iter().map(of_order));
            }
        }
    }
    cases
}
