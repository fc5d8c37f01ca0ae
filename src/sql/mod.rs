//! Statements of each step.
//!
//! The statements of a step are in the file of its family, which has the same name as in
//! [`crate::plan`]. Every `DROP` of a relation is in one of these files:
//!
//! | file | statement | drops |
//! |---|---|---|
//! | `retention.rs` | `DROP TABLE` | a partition that has expired and was detached, after its grace period |
//! | `default.rs` | `DROP TABLE` | an empty default partition that the spec no longer wants |
//! | `partition.rs` | `DROP TABLE` | an empty table that was created for a partition and never attached |
//! | `conversion/create.rs` | `DROP TABLE` | the copy of a table whose conversion ended before the cutover |
//! | `conversion/source.rs` | `DROP TABLE` | the plain table some time after the cutover |
//! | `index.rs` | `DROP INDEX` | an index that was replaced, is invalid, or is no longer wanted |
//! | `routing.rs` | `DROP VIEW` | the view that routed roles read, which has no rows of its own |
//!
//! No other relation is dropped: `DROP TABLE` in `record.rs` takes a detached table out of a publication, and that in
//! `record_tables.rs` is text of a hint. `constraint.rs` drops constraints of tables by name. `conversion/` also drops
//! the triggers and functions that keep the two tables equal, foreign keys that a user gives up with the source, and its trigger for `TRUNCATE` empties the passive one.
//!
//! Names and values reach SQL text through `quote.rs` and by no other way; the condition of a partial
//! index alone is text of the resource, and [`crate::desired`] has held it to a small language. `statements.rs` has Postgres
//! plan statements of an application as `pg_stat_statements` has them, for a user who asks for it.

mod claims;
mod comment;
mod constraint;
mod conversion;
mod default;
mod index;
mod oldest_row;
mod partition;
mod quote;
mod record;
mod record_tables;
mod references;
mod retention;
mod routing;
mod script;
mod settings;
mod statements;

use std::time::Duration;

pub use claims::{
    CLAIM_RENEW_INTERVAL, CLAIM_TTL, CLAIMS, Claimant, HeldClaim, claim_table, release_claim,
    renew_claims,
};
pub use conversion::{
    CONVERSIONS, Comparison, Function, Page, attach_source, begin_swap, begin_verify, compare_page,
    copy_page, create_copy, delete_record, detach_source, drop_copy, drop_source, end_sync,
    expected_sync, follow, install_sync, note_sync, record_partition, record_serving, record_swap,
    record_sync, remove_sync, swap, sync_functions, validate_copy, verify_page,
};
pub use default::{MAX_COUNTED, count_default_rows};
pub use index::deparse_conditions;
pub use oldest_row::{find_extent, find_oldest_row, has_rows};
pub use record_tables::{Column, LoginRole, RecordTable, prepare_records};
pub use references::rows_referenced_by;
pub use routing::count_older_sessions;
pub use script::{Role, Script, Sql, Statement};
pub use settings::{pin_settings, pinned_options};
pub use statements::{
    LEAVES, STATEMENTS_SCHEMA, StatementScope, before_statement, begin_judging, count_parameters,
    plan_statement, prepare_statement, read_statements,
};

use crate::partition::{CopiedTable, Identifier};
use crate::plan::{Effort, InstallSync, Step, TransactionMode};
use quote::qualified;

/// Time limits of a step.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// The longest anyone may queue behind us: bounds a whole statement that holds, or waits for, a
    /// lock that an application waits for too.
    pub lock_timeout: Duration,
    /// Time for each wait of a step that no application waits behind.
    pub retry_timeout: Duration,
}

/// Share of `lock_timeout` for a statement: the server needs a moment to notice the timeout, and waiting sessions
/// need one to continue.
const TIMEOUT_SHARE: f64 = 0.95;

/// Factor of the retry timeout for an index build: it waits for every older transaction, its work is lost if it
/// gives up, and no session waits behind it.
const BUILD_TIMEOUT_FACTOR: u32 = 20;

/// The longest time limit that Postgres takes: a setting of milliseconds is a 32-bit number.
const MAX_TIMEOUT: Duration = Duration::from_millis(i32::MAX.unsigned_abs() as u64);

/// Minimum statement timeout for the creation of a table.
const MIN_CREATE_TIMEOUT: Duration = Duration::from_secs(1);

/// Returns the statements of a step on a table of this owner. The owner runs them all, but those that record how far a
/// conversion is.
#[must_use]
pub fn render(step: &Step, owner: &Identifier, timeouts: Timeouts) -> Script {
    let mode = step.mode();
    let mut statements = statements_of(step);
    let mut before = records_before(step);
    let limits = set_timeouts(step, timeouts);
    let locked = limits.len() + 1;
    if before.is_empty() { &mut statements } else { &mut before }.splice(..0, limits);
    if mode == TransactionMode::Autocommit {
        statements.push(Sql("RESET lock_timeout".to_owned()));
        statements.push(Sql("RESET statement_timeout".to_owned()));
    }
    let mut script = Script::new(mode, &Role::Owner(owner.clone()), statements);
    let by_operator = |sql| Statement { role: Role::Operator, sql };
    script.statements.splice(..0, before.into_iter().map(by_operator));
    let locked = locked.min(script.statements.len());
    script.statements.splice(locked..locked, checks_of(step).into_iter().map(by_operator));
    script.statements.extend(routing_of(step));
    script.statements.extend(records_of(step).into_iter().map(by_operator));
    script
}

/// Returns the statements of the operator's role after the first statement of a step, which locks the table.
fn checks_of(step: &Step) -> Vec<Sql> {
    if let Step::InstallSync(install) = step
        && install.keeps_parity
    {
        return note_sync(&install.table, LoginRole::Hidden);
    }
    Vec::new()
}

/// The owner creates the view, and each routed role sets its path.
fn routing_of(step: &Step) -> Vec<Statement> {
    if let Step::Route(route) = step {
        routing::route(route)
    } else if let Step::Unroute(unroute) = step {
        routing::unroute(unroute)
    } else {
        Vec::new()
    }
}

fn statements_of(step: &Step) -> Vec<Sql> {
    match step {
        Step::CreatePartition(new) => partition::create(new),
        Step::AttachPartition(attach) => partition::attach(attach),
        Step::DiscardPartition(discard) => partition::discard(&discard.partition),
        Step::AddDefaultCheck(add) => vec![default::add_default_check(add)],
        Step::ValidateDefaultCheck(check) => {
            vec![constraint::validate(&check.default, &check.default_check)]
        }
        Step::DropDefaultCheck(drop) => vec![constraint::drop(&drop.default, &drop.default_check)],
        Step::DrainDefault(drain) => default::drain(drain),
        Step::DropDefault(remove) => default::remove(&remove.table, &remove.default),
        Step::MarkPartitions(mark) => record::mark(mark),
        Step::RecordDetach(record) => record::record_detach(record),
        Step::AddBoundsCheck(state) => record::state_bounds(state),
        Step::ValidateBoundsCheck(check) => vec![record::validate_bounds(check)],
        Step::DropBoundsCheck(drop) => record::drop_bounds(drop),
        Step::DetachPartition(detach) => vec![retention::detach(detach)],
        Step::FinalizeDetach(finalize) => vec![retention::finalize(finalize)],
        Step::DropDetached(drop) => vec![retention::drop_detached(drop)],
        Step::CreateParentIndex(create) => index::create_on_table(create),
        Step::BuildIndex(build) => index::build(build),
        Step::AttachIndex(attach) => vec![index::attach(attach)],
        Step::DropIndex(drop) => vec![index::drop_concurrently(drop)],
        Step::DropParentIndex(drop) => vec![index::drop(&drop.table, &drop.index)],
        Step::ReplaceParentIndex(replace) => index::replace(replace),
        Step::CreateCopy(create) => create_copy(&create.table, create.method),
        Step::InstallSync(install) => locked(step, install_triggers(install)),
        Step::FollowSource(change) => {
            let mut statements = follow(&change.table, change.method, &change.known);
            statements.extend(change.sync.iter().flat_map(install_triggers));
            locked(step, statements)
        }
        Step::ValidateCopy(step) => validate_copy(&step.table),
        Step::AnalyzeCopy(analyze) => vec![conversion::analyze(&analyze.copy)],
        Step::EndSync(end) => locked(step, end_sync(&end.table)),
        Step::DropCopy(drop) => drop_copy(&drop.table, drop.oid),
        // Several roles run them.
        Step::Route(_) | Step::Unroute(_) => Vec::new(),
        Step::Swap(step) => swap(step),
        Step::DropSource(drop) => {
            locked(step, drop_source(&drop.table, drop.oid, &drop.foreign_keys))
        }
        Step::AttachSource(attach) => attach_source(attach),
        Step::DetachSource(detach) => detach_source(detach),
    }
}

fn install_triggers(step: &InstallSync) -> Vec<Sql> {
    install_sync(&step.table, step.level, &step.present)
}

/// Takes the first lock of a step before all others. Writers lock the source, and their triggers the copy: a step that
/// locked the copy first could deadlock with them.
fn locked(step: &Step, statements: Vec<Sql>) -> Vec<Sql> {
    let first = step.locks().first().map(|(relation, mode)| {
        Sql(format!("LOCK TABLE ONLY {} IN {} MODE", qualified(relation), mode.as_str()))
    });
    first.into_iter().chain(statements).collect()
}

/// Returns the statements of the operator's role before those of the owner, in the same transaction: they read the
/// record of a conversion.
fn records_before(step: &Step) -> Vec<Sql> {
    if let Step::Swap(swap) = step {
        begin_swap(&swap.table, LoginRole::Hidden)
    } else if attached_or_detached(step).is_some() {
        prepare_records(&CONVERSIONS, LoginRole::Hidden)
    } else {
        Vec::new()
    }
}

/// Returns the plain table that a step attaches to the partitioned one, or detaches from it.
fn attached_or_detached(step: &Step) -> Option<&CopiedTable> {
    if let Step::AttachSource(attach) = step {
        Some(&attach.table)
    } else if let Step::DetachSource(detach) = step {
        Some(&detach.table)
    } else {
        None
    }
}

/// Returns the statements of the operator's role after those of the owner, in the same transaction: they update
/// the record of a conversion.
fn records_of(step: &Step) -> Vec<Sql> {
    let installs = if let Step::InstallSync(install) = step {
        Some(install.as_ref())
    } else if let Step::FollowSource(follow) = step {
        follow.sync.as_ref()
    } else {
        None
    };
    if let Some(install) = installs {
        let keeps = install.keeps_parity;
        return record_sync(&install.table, install.level, keeps, LoginRole::Hidden);
    }
    if let Step::Swap(swap) = step {
        return record_swap(&swap.table.swapped(), swap.level);
    }
    if let Some(table) = attached_or_detached(step) {
        return record_serving(&table.managed);
    }
    let attached = if let Step::AttachPartition(attach) = step {
        Some(attach.as_ref())
    } else if let Step::DrainDefault(drain) = step {
        Some(&drain.attach)
    } else {
        None
    };
    if let Some(attach) = attached.filter(|attach| attach.is_recorded) {
        return record_partition(&attach.managed, &attach.partition, LoginRole::Hidden).into();
    }
    let begins_or_ends = if let Step::CreateCopy(create) = step {
        Some(&create.table)
    } else if let Step::EndSync(end) = step {
        Some(&end.table)
    } else if let Step::DropCopy(drop) = step {
        Some(&drop.table)
    } else if let Step::DropSource(drop) = step {
        Some(&drop.table)
    } else {
        None
    };
    let records = begins_or_ends.map(|table| delete_record(&table.managed, LoginRole::Hidden));
    records.unwrap_or_default()
}

/// Share of the time of a statement for lock waits, if it works under its locks. So a statement that waits too
/// long fails with `lock_not_available` (55P03), and one that works too long with `query_canceled` (57014). More
/// than half of `lockTimeout` is left, which is the maximum estimate of a drain.
const WAITING_SHARE: f64 = 0.47;

/// Maximum lock wait of a swap, and of the attach or detach of a plain table, before a retry: sessions that come
/// meanwhile wait behind it, and also for the work under the locks.
const MAX_SWAP_LOCK_TIMEOUT: Duration = Duration::from_millis(100);

/// The time that one statement of a step has, work and waits together; `None` if it may take long.
#[must_use]
pub fn statement_time(step: &Step, timeouts: Timeouts) -> Option<Duration> {
    let time = timeouts.lock_timeout.mul_f64(TIMEOUT_SHARE) / step.facts().waiting_statements;
    if step.facts().effort == Effort::Long {
        None
    } else if matches!(step, Step::CreatePartition(_)) {
        // No application waits for a new table, and this is much work for one statement.
        Some(time.max(MIN_CREATE_TIMEOUT))
    } else {
        Some(time)
    }
}

/// A step that holds nothing an application waits for may take its time; every other ends, waiting
/// included, before anyone has queued behind it for longer than `lock_timeout`.
///
/// `lock_timeout` alone bounds each lock of a statement, not their sum.
/// <https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-LOCK-TIMEOUT>
fn set_timeouts(step: &Step, timeouts: Timeouts) -> Vec<Sql> {
    let lock_timeout =
        timeouts.lock_timeout.mul_f64(TIMEOUT_SHARE) / step.facts().waiting_statements;
    let millis = |duration: Duration| format!("'{}ms'", duration.as_millis());
    let (set, lock) = match step.mode() {
        // The block waits for many locks, and for all of them no longer than for one.
        TransactionMode::InTransaction
            if matches!(step, Step::Swap(_)) || attached_or_detached(step).is_some() =>
        {
            ("SET LOCAL", MAX_SWAP_LOCK_TIMEOUT.min(timeouts.lock_timeout / 4))
        }
        TransactionMode::InTransaction if step.facts().effort == Effort::UnderLock => {
            ("SET LOCAL", lock_timeout.mul_f64(WAITING_SHARE))
        }
        TransactionMode::InTransaction | TransactionMode::OneSnapshot => {
            ("SET LOCAL", lock_timeout)
        }
        // In its second half others may queue behind it, if only those that name the partition.
        TransactionMode::Autocommit if matches!(step, Step::DetachPartition(_)) => {
            ("SET", lock_timeout)
        }
        TransactionMode::Autocommit => {
            let retry_timeout =
                timeouts.retry_timeout.max(lock_timeout).saturating_mul(BUILD_TIMEOUT_FACTOR);
            ("SET", retry_timeout.min(MAX_TIMEOUT))
        }
    };
    let statement = statement_time(step, timeouts).map_or_else(|| "0".to_owned(), millis);
    vec![
        Sql(format!("{set} lock_timeout = {}", millis(lock))),
        Sql(format!("{set} statement_timeout = {statement}")),
    ]
}
