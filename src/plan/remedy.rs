//! What stands in the way, in a person's words, and what to do about it.

use std::time::Duration;

use super::Blocker;
use super::default_remedy::{
    default_holds_rows, default_in_use, default_no_table, default_not_counted, default_referenced,
    default_runs_code, default_too_large, default_without_identity,
};
use crate::desired::shown_duration;
use crate::observed::{Holder, PartitionKind};
use crate::partition::{Identifier, KeyRange, KeyType, QualifiedName, ServerVersion, shown_text};

impl Blocker {
    /// What stands in the way and what to do about it.
    #[must_use]
    pub fn explain(&self) -> String {
        match self {
            Self::NoSuchTable { table } => no_such_table(table),
            Self::NotPartitioned { table, kind } => not_partitioned(table, kind),
            Self::OtherKey { table, found, wanted } => other_key(table, found, wanted),
            Self::UnsupportedKeyType { table, column, type_name } => {
                unsupported_key_type(table, column, type_name)
            }
            Self::IntervalTooFine { table, column, key } => interval_too_fine(table, column, *key),
            Self::UnknownTimeZone { name } => unknown_time_zone(name),
            Self::BeyondCalendar => beyond_calendar(),
            Self::TooManyPeriods { range } => too_many_periods(range),
            Self::NotOwner { table, owner, role } => not_owner(table, owner, role.as_ref()),
            Self::MayNotCreate { schema, owner } => may_not_create(schema, owner.as_ref()),
            Self::InRecovery => "the server is a read replica: connect to the primary".to_owned(),
            Self::ReadOnly => read_only(),
            Self::ServerTooOld { version } => server_too_old(*version),
            Self::DefaultHoldsRows { default, range, rows } => {
                default_holds_rows(default, *rows, &range.shown())
            }
            Self::DefaultNotCounted { default } => default_not_counted(default),
            Self::DefaultInUse { default } => default_in_use(default),
            Self::OtherModulus { table, found, wanted } => other_modulus(table, *found, *wanted),
            Self::DefaultNoTable { default, kind } => default_no_table(default, *kind),
            Self::DefaultReferenced { default, by } => default_referenced(default, by),
            Self::DefaultRunsCode { default, code, role, powers } => {
                default_runs_code(default, code, role.as_ref(), powers)
            }
            Self::DefaultWithoutIdentity { default } => default_without_identity(default),
            Self::DefaultTooLarge { default, range, rows, millis } => {
                default_too_large(default, *rows, *millis, &range.shown())
            }
            Self::DetachHeld { partition, by } => detach_held(partition, by),
            Self::AnotherDetachPending { partition } => another_detach_pending(partition),
            Self::NeedsApproval { count, limit, dropped_after } => {
                needs_approval(*count, *limit, *dropped_after)
            }
            Self::DropNeedsApproval { count, limit, after } => {
                drop_needs_approval(*count, *limit, *after)
            }
            Self::ClocksDiffer { seconds } => clocks_differ(*seconds),
            Self::Referenced { partition, by } => referenced(partition, by),
            Self::ReferencesNotChecked { partition, by, error } => {
                references_not_checked(partition, by, error.as_deref())
            }
            Self::LastPartition { partition } => last_partition(partition),
            Self::InGrace { until } => format!("waits until {until}: spec.retention.dropAfter"),
            Self::HasPartitions { partition } => has_partitions(partition),
            Self::HasDependents { of, by } => has_dependents(of, by),
            Self::CannotReattach { partition } => cannot_reattach(partition),
            Self::UnattachedTable { table } => unattached_table(table),
            Self::NotOwnerOfPartition { partition, role } => not_owner_of(partition, role.as_ref()),
            Self::NoSuchColumn { table, index, column } => no_such_column(table, index, column),
            Self::ConditionUnclear { index, column } => condition_unclear(index, column),
            Self::IndexNameTaken { index } => index_name_taken(index),
            Self::IndexServesConstraint { index } => index_serves_constraint(index),
            Self::IndexBeingBuilt { index } => index_being_built(index),
            Self::NoConcurrentBuild { partition, kind } => no_concurrent_build(partition, *kind),
        }
    }
}

fn read_only() -> String {
    "transactions are read-only (default_transaction_read_only): an administrator set this for the \
         server, the database, or the login role; connect to the server that takes writes, or reset the \
         setting"
        .to_owned()
}

fn no_such_table(table: &QualifiedName) -> String {
    format!(
        "there is no table {}: create it with PARTITION BY, or create another resource with the right \
         spec.schema and spec.table instead of this one",
        table.shown()
    )
}

fn not_partitioned(table: &QualifiedName, kind: &str) -> String {
    format!(
        "{} is a {kind}, not a partitioned table: create a partitioned table, or create another resource \
         that names one in spec.table instead of this one",
        table.shown()
    )
}

fn other_key(table: &QualifiedName, found: &str, wanted: &str) -> String {
    format!(
        "table {} is partitioned by {found}, the spec says {wanted}: neither the key of a table nor \
         spec.partitionBy can be changed: delete the resource, which leaves the database as it is, and \
         create another",
        table.shown()
    )
}

fn unsupported_key_type(table: &QualifiedName, column: &Identifier, type_name: &str) -> String {
    format!(
        "column {} of table {} has the type {}: a range needs date, timestamp, timestamptz, or uuid \
         (UUIDv7)",
        column.shown(),
        table.shown(),
        shown_text(type_name)
    )
}

fn interval_too_fine(table: &QualifiedName, column: &Identifier, key: KeyType) -> String {
    format!(
        "column {} of table {} has the type {}, which does not tell hours apart: use a longer \
         spec.partitionBy.range.interval",
        column.shown(),
        table.shown(),
        key.type_name()
    )
}

fn unknown_time_zone(name: &str) -> String {
    format!(
        "there is no time zone {name:?}: use an IANA name such as Europe/Paris in \
         spec.partitionBy.range.timeZone"
    )
}

fn beyond_calendar() -> String {
    "the periods reach beyond the year 9998: lower spec.ahead, or give an earlier \
     spec.partitionBy.range.startAt"
        .to_owned()
}

fn too_many_periods(range: &KeyRange) -> String {
    format!(
        "{} holds more than 5000 periods: raise spec.partitionBy.range.startAt, choose a \
         longer interval, or detach the partition that lies so far away",
        range.shown()
    )
}

fn not_owner(table: &QualifiedName, owner: &Identifier, role: Option<&Identifier>) -> String {
    let (subject, role) = (shown_role(role), role.map_or(LOGIN_ROLE.to_owned(), Identifier::shown));
    let (table, owner) = (table.shown(), owner.shown());
    format!(
        "{subject} cannot SET ROLE to {owner}, the owner of table {table}: GRANT {owner} TO {role}"
    )
}

/// A role whose name came from a Secret.
const LOGIN_ROLE: &str = "the login role";

pub(super) fn shown_role(role: Option<&Identifier>) -> String {
    role.map_or(LOGIN_ROLE.to_owned(), |role| format!("the role {}", role.shown()))
}

fn may_not_create(schema: &Identifier, owner: Option<&Identifier>) -> String {
    let owner = owner.map_or(LOGIN_ROLE.to_owned(), Identifier::shown);
    format!(
        "the table's owner {owner} may not create tables in its schema: GRANT CREATE ON SCHEMA \
         {} TO {owner}",
        schema.shown()
    )
}

fn other_modulus(table: &QualifiedName, found: u32, wanted: u32) -> String {
    format!(
        "table {} has {found} hash partitions, the spec says {wanted}: another number means another table \
         and copying every row, so correct spec.partitionBy.hash.partitions",
        table.shown()
    )
}

fn another_detach_pending(partition: &QualifiedName) -> String {
    let partition = partition.shown();
    format!("{partition} is half detached, and Postgres detaches one partition at a time")
}

fn has_partitions(partition: &QualifiedName) -> String {
    let partition = partition.shown();
    format!("{partition} has partitions of its own, which may not be ours to drop: drop it by hand")
}

fn server_too_old(version: ServerVersion) -> String {
    format!("Postgres {version} is too old: 14 is the oldest supported")
}

fn condition_unclear(index: &Identifier, column: &Identifier) -> String {
    format!(
        "the condition of index {} does not compare column {} directly, and operators of its type are not in pg_catalog: \
         write each comparison as the bare column, an operator, and a constant",
        index.shown(),
        column.shown()
    )
}

fn detach_held(partition: &QualifiedName, by: &[Holder]) -> String {
    let holders: Vec<_> = by
        .iter()
        .map(|holder| match holder {
            Holder::Session { pid, who } if who.is_empty() => format!("process {pid}"),
            Holder::Session { pid, who } => format!("process {pid} ({})", shown_text(who)),
            Holder::PreparedTransaction { gid, owner } => format!(
                "the transaction that {} prepared as '{}' (end it with COMMIT PREPARED or ROLLBACK PREPARED)",
                shown_text(owner),
                shown_text(gid)
            ),
        })
        .collect();
    format!(
        "the detach of {} was cut off, and waits for what was open before: {}",
        partition.shown(),
        holders.join(", ")
    )
}

fn needs_approval(count: u32, limit: u32, dropped_after: Option<Duration>) -> String {
    let then = match dropped_after {
        None => String::new(),
        Some(after) => format!(" and dropped after {},", shown_duration(after)),
    };
    format!(
        "{count} partitions would be let go at once,{then} more than \
         spec.limits.maxExpirePerRun ({limit}): \
         approve this plan by its fingerprint, with the annotation pgpartition.dev/approve or apply --approve"
    )
}

fn drop_needs_approval(count: u32, limit: u32, after: Duration) -> String {
    format!(
        "{count} tables that are already detached would be dropped, {} after the approval, more than \
         spec.limits.maxExpirePerRun ({limit}): \
         approve this plan by its fingerprint, with the annotation pgpartition.dev/approve or apply \
         --approve, or set spec.retention.onExpiry to Detach to keep them",
        shown_duration(after)
    )
}

fn last_partition(partition: &QualifiedName) -> String {
    format!("{} is the last partition, and a table is never left without one", partition.shown())
}

fn clocks_differ(seconds: i64) -> String {
    let way = if seconds < 0 { "behind" } else { "ahead of" };
    format!(
        "the database's clock is {} s {way} ours: nothing expires until they agree to a minute",
        seconds.unsigned_abs()
    )
}

fn referenced(partition: &QualifiedName, by: &[QualifiedName]) -> String {
    format!(
        "foreign keys of {} lead to {}: delete the rows that refer to it, or drop the foreign key",
        names(by),
        partition.shown()
    )
}

fn references_not_checked(
    partition: &QualifiedName,
    by: &[QualifiedName],
    error: Option<&str>,
) -> String {
    if let Some(error) = error {
        return format!(
            "could not check whether {} reference rows of {}: {error}",
            names(by),
            partition.shown()
        );
    }
    format!(
        "whether foreign keys of {} lead to rows of {} could not be found out, within 10 s or at all: \
         let the table's owner read them, and give them an index on the foreign key",
        names(by),
        partition.shown()
    )
}

fn has_dependents(of: &QualifiedName, by: &[String]) -> String {
    let mut names: Vec<_> = by.iter().take(5).map(|object| shown_text(object)).collect();
    if by.len() > 5 {
        names.push("…".to_owned());
    }
    format!(
        "{} cannot be dropped because other objects depend on it ({}): drop them, or redefine them without it; the \
         operator never drops them",
        of.shown(),
        names.join(", ")
    )
}

fn cannot_reattach(partition: &QualifiedName) -> String {
    format!(
        "{} is wanted again, and its columns or indexes are no longer those of the table: make them match, or \
         remove the operator's marker to leave it detached: COMMENT ON TABLE {} IS NULL",
        partition.shown(),
        partition.shown()
    )
}

fn unattached_table(table: &QualifiedName) -> String {
    format!(
        "table {} has the name and the columns of this partition and is not attached: attach it, rename it, or \
         drop it",
        table.shown()
    )
}

pub(super) fn names(tables: &[QualifiedName]) -> String {
    tables.iter().map(QualifiedName::shown).collect::<Vec<_>>().join(", ")
}

fn not_owner_of(partition: &QualifiedName, role: Option<&Identifier>) -> String {
    format!(
        "{} may not act as the owner of {}: give the partition the table's owner",
        shown_role(role),
        partition.shown()
    )
}

fn no_such_column(table: &QualifiedName, index: &Identifier, column: &Identifier) -> String {
    format!(
        "table {} has no column {}: correct index {} in spec.indexes",
        table.shown(),
        column.shown(),
        index.shown()
    )
}

fn index_name_taken(index: &QualifiedName) -> String {
    format!(
        "another relation is named {}: choose another index name in spec.indexes",
        index.shown()
    )
}

fn index_serves_constraint(index: &QualifiedName) -> String {
    format!(
        "index {} supports a constraint or the replica identity, and differs from the spec: change the \
         constraint, or take the index out of spec.indexes",
        index.shown()
    )
}

fn index_being_built(index: &QualifiedName) -> String {
    format!("somebody is building {} at this moment", index.shown())
}

fn no_concurrent_build(partition: &QualifiedName, kind: PartitionKind) -> String {
    let (partition, kind_name) = (partition.shown(), kind_of(kind));
    match kind {
        PartitionKind::Foreign => format!(
            "{partition} is {kind_name}, and Postgres has no unique index on a table with a foreign partition: detach \
             it, or remove unique from the index in spec.indexes"
        ),
        PartitionKind::Table | PartitionKind::Partitioned => {
            format!("{partition} is {kind_name}: build the index there by hand")
        }
    }
}

pub(super) fn kind_of(kind: PartitionKind) -> &'static str {
    match kind {
        PartitionKind::Table => "a table",
        PartitionKind::Partitioned => "partitioned itself",
        PartitionKind::Foreign => "a foreign table",
    }
}
