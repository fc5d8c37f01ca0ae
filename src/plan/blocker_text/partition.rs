//! About one partition.

use super::{format_role, names};
use crate::observed::BlockingTransaction;
use crate::partition::{Identifier, QualifiedName, escape_control};

pub(super) fn another_detach_pending(partition: &QualifiedName) -> String {
    let partition = partition.display();
    format!("{partition} is half detached, and Postgres detaches one partition at a time")
}

pub(super) fn detached_has_partitions(partition: &QualifiedName) -> String {
    let partition = partition.display();
    format!("{partition} has partitions of its own, which may not be ours to drop: drop it by hand")
}

pub(super) fn detach_blocked(partition: &QualifiedName, by: &[BlockingTransaction]) -> String {
    format!(
        "the detach of {} was cut off, and waits for what was open before: {}",
        partition.display(),
        blocking_transactions(by)
    )
}

pub(super) fn blocking_transactions(by: &[BlockingTransaction]) -> String {
    let holders: Vec<_> = by
        .iter()
        .map(|holder| match holder {
            BlockingTransaction::Session { pid, who } if who.is_empty() => format!("process {pid}"),
            BlockingTransaction::Session { pid, who } => format!("process {pid} ({})", escape_control(who)),
            BlockingTransaction::PreparedTransaction { gid, owner } => format!(
                "the transaction that {} prepared as '{}' (end it with COMMIT PREPARED or ROLLBACK PREPARED)",
                escape_control(owner),
                escape_control(gid)
            ),
        })
        .collect();
    holders.join(", ")
}

pub(super) fn last_partition(partition: &QualifiedName) -> String {
    format!("{} is the last partition, and a table is never left without one", partition.display())
}

pub(super) fn referenced(partition: &QualifiedName, by: &[QualifiedName]) -> String {
    format!(
        "foreign keys of {} lead to {}: delete the rows that refer to it, or drop the foreign key",
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
            "could not check whether {} reference rows of {}: {error}",
            names(by),
            partition.display()
        );
    }
    format!(
        "whether foreign keys of {} lead to rows of {} could not be found out, within 10 s or at all: \
         let the table's owner read them, and give them an index on the foreign key",
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
        "{} is wanted again, and its columns or indexes are no longer those of the table: make them match, or \
         remove the operator's marker to leave it detached: COMMENT ON TABLE {} IS NULL",
        partition.display(),
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

pub(super) fn not_owner_of(partition: &QualifiedName, role: Option<&Identifier>) -> String {
    format!(
        "{} may not act as the owner of {}: give the partition the table's owner",
        format_role(role),
        partition.display()
    )
}
