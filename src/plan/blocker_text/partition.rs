//! Messages about one partition.

use super::names;
use crate::observed::BlockingTransaction;
use crate::partition::{QualifiedName, escape_control};

pub(super) fn another_detach_pending(partition: &QualifiedName) -> String {
    let partition = partition.display();
    format!(
        "the detach of {partition} is pending, and Postgres detaches one partition of a table at a time: the operator continues after that detach"
    )
}

pub(super) fn detached_has_partitions(partition: &QualifiedName) -> String {
    let partition = partition.display();
    format!(
        "detached table {partition} has partitions of its own, which the operator does not drop: drop it manually"
    )
}

pub(super) fn detach_blocked(partition: &QualifiedName, by: &[BlockingTransaction]) -> String {
    format!(
        "the detach of partition {} was interrupted, and its completion is blocked by {}: wait until these transactions end, \
         or end them {}",
        partition.display(),
        blocking_transactions(by),
        end_commands(by)
    )
}

pub(super) fn blocking_transactions(by: &[BlockingTransaction]) -> String {
    let holders: Vec<_> = by
        .iter()
        .map(|holder| match holder {
            BlockingTransaction::Session { pid, who } if who.is_empty() => format!("pid {pid}"),
            BlockingTransaction::Session { pid, who } => {
                format!("pid {pid} ({})", escape_control(who))
            }
            BlockingTransaction::PreparedTransaction { gid, owner } => format!(
                "the transaction that role {} prepared as '{}'",
                escape_control(owner),
                escape_control(gid)
            ),
        })
        .collect();
    joined_with_and(&holders)
}

/// Returns the parts of a list, with "and" before the last one.
fn joined_with_and(parts: &[String]) -> String {
    match parts {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        parts => parts.concat(),
    }
}

/// Returns the commands that end these transactions.
fn end_commands(by: &[BlockingTransaction]) -> &'static str {
    let is_session = |of: &BlockingTransaction| matches!(of, BlockingTransaction::Session { .. });
    match (by.iter().any(is_session), by.iter().all(is_session)) {
        (true, true) => "with pg_terminate_backend(pid)",
        (true, false) => {
            "(a session with pg_terminate_backend(pid), a prepared transaction with COMMIT PREPARED or ROLLBACK PREPARED)"
        }
        (false, _) => "with COMMIT PREPARED or ROLLBACK PREPARED",
    }
}

pub(super) fn last_partition(partition: &QualifiedName) -> String {
    format!(
        "partition {} has expired and is the last one of the table, which the operator never detaches: extend \
         spec.retention, add another partition to the table, or detach this one manually",
        partition.display()
    )
}

pub(super) fn referenced(partition: &QualifiedName, by: &[QualifiedName]) -> String {
    format!(
        "foreign keys of {} reference {}: delete the rows that reference it, or drop the foreign keys",
        names(by),
        partition.display()
    )
}

pub(super) fn references_unknown(
    partition: &QualifiedName,
    by: &[QualifiedName],
    error: Option<&str>,
) -> String {
    if let Some(error) = error {
        return format!(
            "could not check whether rows of {} reference partition {} ({error}): fix the cause",
            names(by),
            partition.display()
        );
    }
    format!(
        "could not check whether rows of {} reference partition {}, because the check took longer than 10 s, or the table \
         owner cannot read these tables: create an index on the columns of each foreign key, or grant the table owner SELECT on these \
         tables",
        names(by),
        partition.display()
    )
}

pub(super) fn has_dependents(of: &QualifiedName, by: &[String]) -> String {
    let mut names: Vec<_> = by.iter().take(5).map(|object| escape_control(object)).collect();
    if by.len() > 5 {
        names.push("…".to_owned());
    }
    format!(
        "{} cannot be dropped because other objects depend on it ({}): drop them, or redefine them without it; the \
         operator never drops them",
        of.display(),
        names.join(", ")
    )
}

pub(super) fn cannot_reattach(partition: &QualifiedName) -> String {
    format!(
        "detached table {} is needed again, but its columns or indexes differ from those of the partitioned table: make them match, or \
         remove the first line of its comment to leave it detached",
        partition.display()
    )
}

pub(super) fn unattached_table(table: &QualifiedName) -> String {
    format!(
        "table {} has the name and the columns of this partition and is not attached: attach it, rename it, or \
         drop it",
        table.display()
    )
}

pub(super) fn not_owner_of(partition: &QualifiedName) -> String {
    format!(
        "{0} belongs to another role than the partitioned table, and the owner of the partitioned table is not a member of \
         that role: run ALTER TABLE {0} OWNER TO the owner of the partitioned table, or grant that role to it",
        partition.display()
    )
}
