//! Messages about one partition.

use super::{format_role, names};
use crate::observed::BlockingTransaction;
use crate::partition::{Identifier, QualifiedName, escape_control};

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
        "the detach of {} was interrupted and is blocked by {}: wait until these transactions end, or end them",
        partition.display(),
        blocking_transactions(by)
    )
}

pub(super) fn blocking_transactions(by: &[BlockingTransaction]) -> String {
    let holders: Vec<_> = by
        .iter()
        .map(|holder| match holder {
            BlockingTransaction::Session { pid, who } if who.is_empty() => format!("pid {pid}"),
            BlockingTransaction::Session { pid, who } => format!("pid {pid} ({})", escape_control(who)),
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
    format!(
        "{} is the last partition, which the operator never detaches: add another partition to the table",
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
            "could not check whether rows of {} reference {}: {error}",
            names(by),
            partition.display()
        );
    }
    format!(
        "could not check within 10 s, or at all, whether rows of {} reference {}: \
         grant the table owner SELECT on these tables, and create an index on each foreign key",
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

pub(super) fn not_owner_of(partition: &QualifiedName, role: Option<&Identifier>) -> String {
    format!(
        "{} cannot SET ROLE to the owner of partition {}: change its owner to that of the partitioned table",
        format_role(role),
        partition.display()
    )
}
