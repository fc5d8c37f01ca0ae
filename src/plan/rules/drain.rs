//! Rows that wait in the default partition move to the partition they belong to.

use std::time::Duration;

use super::{Blocker, Draft, Step};
use crate::desired::DesiredTable;
use crate::observed::{ObservedPartition, PartitionKind};
use crate::partition::{Bounds, Identifier, RangeBounds};
use crate::plan::step::Drain;
use crate::plan::window::{Missing, Newest};

/// How long it takes to move a row, with a few indexes, in microseconds; about, and rather too long.
/// `cargo bench --bench drain` measures it.
const MICROS_A_ROW: u64 = 50;

/// How much of the default partition is read in a millisecond, in bytes; about, and rather too little.
const BYTES_A_MILLISECOND: u64 = 500_000;

/// How often it is read: to see whether there are rows, to find them, and by Postgres, to see that none is left.
const SCANS: u64 = 3;

/// How long everybody waits for the least of drains, about.
const LEAST_MILLIS: u64 = 5;

/// How long it takes to move rows out of a default partition, in milliseconds; about, and rather too long.
pub(super) fn millis(default: &ObservedPartition, rows: u64) -> u64 {
    let move_rows = rows.saturating_mul(MICROS_A_ROW) / 1000;
    let scan = SCANS.saturating_mul(default.bytes) / BYTES_A_MILLISECOND;
    move_rows.saturating_add(scan).max(LEAST_MILLIS)
}

/// Whether it takes so long that too many would wait: half of the time is for waiting.
pub(super) fn is_too_long(millis: u64, lock_timeout: Duration) -> bool {
    u128::from(millis) > lock_timeout.as_millis() / 2
}

/// What keeps rows from being moved out of a default partition.
pub(super) fn blocker(
    default: &ObservedPartition,
    range: RangeBounds,
    rows: u64,
    lock_timeout: Duration,
    draft: &Draft,
) -> Option<Blocker> {
    let name = default.name.clone();
    if default.kind != PartitionKind::Table {
        return Some(Blocker::DefaultNoTable { default: name, kind: default.kind });
    }
    let mut by = draft.referenced_by();
    by.extend(default.referenced_by.iter().cloned());
    if !by.is_empty() {
        return Some(Blocker::DefaultReferenced { default: name, by });
    }
    if let Some(relation) = draft.world.relation.as_ref().filter(|r| r.runs_code_with_more_rights())
    {
        return Some(Blocker::DefaultRunsCode {
            default: name,
            code: relation.owner_code.clone(),
            role: draft.world.server.role.clone(),
            powers: relation.powers.clone(),
        });
    }
    let millis = millis(default, rows);
    let key = draft.range_key()?.key;
    is_too_long(millis, lock_timeout).then_some(Blocker::DefaultTooLarge {
        default: name,
        range,
        rows,
        millis,
        key,
    })
}

/// Makes a partition of a table that gets its rows in the same transaction.
pub(super) fn make(
    desired: &DesiredTable,
    newest: &Newest,
    missing: Missing,
    name: &Identifier,
    draft: &mut Draft,
    (default, rows): (&ObservedPartition, u64),
) {
    let on_newest = |periods| newest.holds(missing.range, periods);
    let bounds = Bounds::Range(missing.range);
    let partition = draft.make(desired, bounds.clone(), name, on_newest, missing.cause);
    let Some(relation) = &draft.world.relation else { return };
    let is_stored = |column: &&Identifier| !relation.generated.contains(column);
    let stored = relation.columns.iter().filter(is_stored).cloned().collect();
    let step = Step::DrainDefault(Box::new(Drain {
        columns: stored,
        attach: draft.attachment(partition, bounds, None),
        default: default.name.clone(),
        triggers: default.triggers.clone(),
        rows,
    }));
    draft.step(step, missing.cause);
}
