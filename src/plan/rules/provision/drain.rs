//! Rows that wait in the default partition move to the partition they belong to.

use std::time::Duration;

use super::{Context, DesiredPartition, Draft, Step};
use crate::observed::{DefaultFacts, ObservedPartition, PartitionKind};
use crate::partition::{Identifier, KeyRange, QualifiedName};
use crate::plan::DefaultBlocker;
use crate::plan::step::Drain;

/// Time to move a row with a few indexes, in microseconds, as a high estimate. `cargo bench --bench drain`
/// measures it.
const MICROS_PER_ROW: u64 = 50;

/// Bytes of the default partition that are read in a millisecond, as a low estimate.
const BYTES_PER_MILLI: u64 = 500_000;

/// Bytes that are moved in a millisecond, with TOAST and indexes, as a low estimate. It does not matter for a row
/// of 100 bytes; a row of 100 kB takes 2 ms.
const BYTES_MOVED_PER_MILLI: u64 = 50_000;

/// Number of times that it is read: to check for rows, to find them, and by Postgres, to check that none is left.
const SCANS_PER_DRAIN: u64 = 3;

/// Minimum time of a drain, estimated.
const MIN_MILLIS: u64 = 5;

/// The default partition, which rows move out of, and what only it has.
type Source<'a> = (&'a ObservedPartition, &'a DefaultFacts);

/// Returns the time to move rows out of a default partition with `count` rows, in milliseconds, as a high
/// estimate.
pub(super) fn millis(default: Source<'_>, rows: u64, count: Option<u64>) -> u64 {
    let (partition, facts) = default;
    let scans = SCANS_PER_DRAIN.saturating_mul(partition.bytes) / BYTES_PER_MILLI;
    let by_rows = rows.saturating_mul(MICROS_PER_ROW) / 1000;
    let by_bytes = moved_bytes(facts.total_bytes, rows, count) / BYTES_MOVED_PER_MILLI;
    scans.saturating_add(by_rows.max(by_bytes)).max(MIN_MILLIS)
}

/// Returns the bytes that are moved with some rows of a default partition: twice their share, because rows differ.
fn moved_bytes(total_bytes: u64, rows: u64, count: Option<u64>) -> u64 {
    let count = count.unwrap_or(rows).max(rows).max(1);
    let share = u128::from(total_bytes) * u128::from(rows) * 2 / u128::from(count);
    u64::try_from(share).unwrap_or(u64::MAX).min(total_bytes)
}

/// Whether it takes so long that the application would wait for too long: half of the time is for the locks.
pub(super) fn is_too_long(millis: u64, lock_timeout: Duration) -> bool {
    u128::from(millis) > lock_timeout.as_millis() / 2
}

/// Returns the blocker of a drain.
pub(super) fn blocker(
    (default, facts): Source<'_>,
    range: KeyRange,
    rows: u64,
    context: &Context<'_>,
    draft: &Draft,
) -> Option<DefaultBlocker> {
    let name = default.name.clone();
    if default.kind != PartitionKind::Table {
        return Some(DefaultBlocker::DefaultNotTable { default: name, kind: default.kind });
    }
    let mut by = context.referenced_by();
    by.extend(default.referenced_by.iter().cloned());
    if !by.is_empty() {
        return Some(DefaultBlocker::DefaultReferenced { default: name, by });
    }
    let relation = context.relation;
    if relation.runs_code_with_more_rights() {
        return Some(DefaultBlocker::DefaultRunsCode {
            default: name,
            code: relation.owner_code.clone(),
            role: draft.state.server.role.clone(),
            powers: relation.powers.clone(),
        });
    }
    if rows > 0 && facts.lacks_identity {
        return Some(DefaultBlocker::DefaultWithoutIdentity { default: name });
    }
    let millis = millis((default, facts), rows, draft.state.default_count);
    is_too_long(millis, context.desired.limits.lock_timeout)
        .then_some(DefaultBlocker::DrainTooLong { default: name, range, rows, millis })
}

/// Makes a partition of a table that gets its rows in the same transaction.
pub(super) fn create_with_drain(
    context: &Context<'_>,
    wanted: &DesiredPartition<'_>,
    (default, facts): &(QualifiedName, DefaultFacts),
    rows: u64,
    draft: &mut Draft,
) {
    let partition = wanted.create(context, draft);
    let is_stored = |column: &&Identifier| !context.relation.generated.contains(column);
    let stored = context.relation.columns.iter().filter(is_stored).cloned().collect();
    let step = Step::DrainDefault(Box::new(Drain {
        columns: stored,
        attach: draft.attachment(context, partition, wanted.bounds(), None),
        default: default.clone(),
        triggers: facts.triggers.clone(),
        rows,
    }));
    draft.step(step, wanted.missing.cause);
}
