//! State that all clients share, and the errors that they can get.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio_postgres::Error;

use super::tables::Role;

/// The pages that name the errors of an application.
const PAGE: &str = include_str!("../../../docs/concepts/conversion.md");

const OF_ATTACH: &str = include_str!("../../../docs/concepts/attach.md");

/// Errors that a transaction may meet at any time.
const ALWAYS: &[&str] = &["40001"];
/// Errors of the triggers, from a change of the table until the copy has followed.
const AWAITED: &[&str] = &["42703", "23502"];
/// Errors of an upsert: the application learns late which table serves, or a row was moved to another partition.
const UPSERTED: &[&str] = &["42P10", "23505"];
/// Errors of TRUNCATE after the cutover, if another table references the table.
const TRUNCATED: &[&str] = &["0A000"];
/// Errors of a function with the table in its body that has begun when the tables are swapped.
const BEGUN: &[&str] = &["55000"];
/// Errors of a statement that takes a number by the name of a sequence, while the table is attached.
const NUMBERED: &[&str] = &["XX000"];
/// Errors of a transaction after the cutover that meets the cascade of a foreign key, in one of the two.
const CASCADED: &[&str] = &["40P01"];
/// Errors of a TRUNCATE that waits for the build of an index, while the build waits for its transaction.
const BUILT: &[&str] = &["40P01"];
/// Errors of a TRUNCATE of a table that was attached, or of a function with the table in its body that has begun before.
const ATTACHED: &[&str] = &["40P01"];
/// Errors of a session, if the server crashes.
const CRASHED: &[&str] = &["57P01", "57P02", "57P03"];

/// The longest transactions.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Longest {
    /// For clients that write one row, or a few.
    pub(super) one: Duration,
    /// For clients that write many rows.
    pub(super) many: Duration,
}

#[derive(Debug, Default)]
pub(super) struct Application {
    turns: AtomicU64,
    /// An odd number while the server is down.
    crashes: AtomicU64,
    is_awaited: AtomicBool,
    has_swapped: AtomicBool,
    has_stopped: AtomicBool,
    longest: Mutex<Longest>,
    /// Errors that it may meet, with how often it did.
    seen: Mutex<BTreeMap<String, u64>>,
    /// Errors that it may not meet: the first of each kind.
    faults: Mutex<BTreeMap<String, String>>,
}

impl Application {
    pub(super) fn turns(&self) -> u64 {
        self.turns.load(Ordering::SeqCst)
    }

    pub(super) fn count_turn(&self) {
        self.turns.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn crashes(&self) -> u64 {
        self.crashes.load(Ordering::SeqCst)
    }

    /// Counts the beginning or the end of a crash.
    pub(super) fn count_crash(&self) {
        self.crashes.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn is_awaited(&self) -> bool {
        self.is_awaited.load(Ordering::SeqCst)
    }

    /// Sets whether the copy has yet to follow a change without which writes fail.
    pub(super) fn set_awaited(&self, is_awaited: bool) {
        self.is_awaited.store(is_awaited, Ordering::SeqCst);
    }

    /// Records that the tables have changed names.
    pub(super) fn set_swapped(&self) {
        self.has_swapped.store(true, Ordering::SeqCst);
    }

    /// Records how long a transaction took.
    pub(super) fn took(&self, role: Role, time: Duration) {
        let mut longest = self.longest.lock().unwrap();
        let longest = match role {
            Role::Many => &mut longest.many,
            Role::One | Role::Replica | Role::Lines => &mut longest.one,
        };
        *longest = time.max(*longest);
    }

    /// Returns the longest that a transaction took since it was asked before.
    pub(super) fn take_longest(&self) -> Longest {
        std::mem::take(&mut self.longest.lock().unwrap())
    }

    pub(super) fn has_stopped(&self) -> bool {
        self.has_stopped.load(Ordering::SeqCst)
    }

    pub(super) fn stop(&self) {
        self.has_stopped.store(true, Ordering::SeqCst);
    }

    /// Records an error. Returns whether the transaction can have been committed nevertheless.
    pub(super) fn judge(
        &self,
        write: &str,
        error: &Error,
        (crashes, was_awaited): (u64, bool),
    ) -> bool {
        let database_error = error.as_db_error();
        let code = error.code().map_or("no answer", |code| code.code());
        let of_sync = database_error
            .and_then(|error| error.where_())
            .is_some_and(|context| context.contains("sync_to_"));
        let waits_for_build = database_error
            .and_then(|error| error.detail())
            .is_some_and(|detail| detail.contains("on virtual transaction"));
        // The function, which writes to the partition, waits for the partitioned table.
        let meets_function = database_error
            .and_then(|error| error.detail())
            .is_some_and(|detail| detail.contains("waits for AccessShareLock on relation"));
        let is_lost = database_error.is_none() || CRASHED.contains(&code);
        let is_awaited = was_awaited || self.is_awaited();
        let is_expected = ALWAYS.contains(&code)
            || is_lost && (self.crashes() != crashes || crashes % 2 == 1)
            || is_awaited && of_sync && AWAITED.contains(&code)
            || waits_for_build && write.contains("truncate") && BUILT.contains(&code)
            || self.has_swapped.load(Ordering::SeqCst)
                && (is_upsert(write) && UPSERTED.contains(&code)
                    || !write.contains("truncate") && CASCADED.contains(&code)
                    || meets_function && write.contains("truncate") && ATTACHED.contains(&code)
                    || of_sync && write.contains("truncate") && TRUNCATED.contains(&code)
                    || write.contains("SQL-body") && BEGUN.contains(&code)
                    || write.contains("number") && NUMBERED.contains(&code));
        if is_expected {
            *self.seen.lock().unwrap().entry(format!("{code} {write}")).or_default() += 1;
        } else {
            let mut faults = self.faults.lock().unwrap();
            faults.entry(format!("{code} {write}")).or_insert_with(|| format!("{error:?}"));
        }
        is_lost
    }

    /// Returns the errors that it may meet, with how often it did.
    pub(super) fn seen(&self) -> BTreeMap<String, u64> {
        self.seen.lock().unwrap().clone()
    }

    pub(super) fn assert_no_fault(&self) {
        let faults = self.faults.lock().unwrap();
        assert!(faults.is_empty(), "errors that the docs do not name: {faults:#?}");
    }
}

/// Before 15 a MERGE is an upsert.
fn is_upsert(write: &str) -> bool {
    ["upsert", "merge"].iter().any(|kind| write.contains(kind))
}

/// Fails if the docs do not name an error that a client may meet.
pub(super) fn assert_documented() {
    let (_, section) = PAGE.split_once("\n## Errors in the application\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    for code in [ALWAYS, AWAITED, UPSERTED, CASCADED, TRUNCATED, BEGUN, CRASHED].concat() {
        assert!(section.contains(code), "the docs do not name {code}");
    }
    for code in [NUMBERED, BUILT, ATTACHED].concat() {
        assert!(OF_ATTACH.contains(code), "the docs do not name {code}");
    }
}
