//! Messages of blockers: what is wrong, on which object, and what to do.

mod consent;
mod conversion;
mod default;
mod index;
mod partition;
mod route;
mod swap;
mod table;

use super::Blocker;
use crate::observed::PartitionKind;
use crate::partition::{Identifier, QualifiedName};
use consent::{awaiting_approval, clock_skew, drop_needs_approval};
use partition::{
    another_detach_pending, cannot_reattach, detach_blocked, detached_has_partitions,
    has_dependents, last_partition, not_owner_of, referenced, references_unknown, unattached_table,
};
use table::{
    hash_partitions_mismatch, interval_too_fine, missing_create_privilege, not_owner,
    not_partitioned, partition_key_mismatch, period_out_of_range, read_only, table_not_found,
    too_many_periods, unknown_time_zone, unsupported_key_type, unsupported_server,
};

/// Stands for a role whose name came from a Secret and must not be shown.
pub(in crate::plan) const LOGIN_ROLE: &str = "the login role";

/// Instruction to approve a plan.
const APPROVE: &str =
    "approve its fingerprint with the annotation pgpartition.dev/approve or apply --approve";

/// Returns the remedy for work of this many milliseconds: to raise `limits.lockTimeout` to more than twice that, which the
/// schema allows up to 60 s, or something else.
pub(in crate::plan) fn raise_lock_timeout(millis: u64, when: &str, other: &str) -> String {
    if millis < 30_000 {
        format!("raise spec.limits.lockTimeout to more than twice that{when}, or {other}")
    } else {
        other.to_owned()
    }
}

impl Blocker {
    /// Returns what is wrong, on which object, and what to do.
    #[must_use]
    pub fn explain(&self) -> String {
        match self {
            Self::TableNotFound { table } => table_not_found(table),
            Self::NotPartitioned { table, kind } => not_partitioned(table, kind),
            Self::Preflight { refusal } => refusal.explain(),
            Self::Conversion(blocker) => blocker.explain(),
            Self::PartitionKeyMismatch { table, found, wanted } => {
                partition_key_mismatch(table, found, wanted)
            }
            Self::UnsupportedKeyType { table, column, type_name } => {
                unsupported_key_type(table, column, type_name)
            }
            Self::IntervalTooFine { table, column, key } => interval_too_fine(table, column, *key),
            Self::UnknownTimeZone { name } => unknown_time_zone(name),
            Self::PeriodOutOfRange => period_out_of_range(),
            Self::TooManyPeriods { range } => too_many_periods(range),
            Self::NotOwner { table, owner, role } => not_owner(table, owner, role.as_ref()),
            Self::MissingCreatePrivilege { schema, owner } => {
                missing_create_privilege(schema, owner.as_ref())
            }
            Self::ReadOnlyReplica => {
                "the server is a read replica: connect to the primary".to_owned()
            }
            Self::ReadOnly => read_only(),
            Self::UnsupportedServer { version } => unsupported_server(*version),
            Self::Default(blocker) => blocker.explain(),
            Self::HashPartitionsMismatch { table, found, wanted } => {
                hash_partitions_mismatch(table, *found, *wanted)
            }
            Self::DetachBlocked { partition, by } => detach_blocked(partition, by),
            Self::AnotherDetachPending { partition } => another_detach_pending(partition),
            Self::AwaitingApproval { count, limit, dropped_after } => {
                awaiting_approval(*count, *limit, *dropped_after)
            }
            Self::DropNeedsApproval { count, limit, after } => {
                drop_needs_approval(*count, *limit, *after)
            }
            Self::ClockSkew { seconds } => clock_skew(*seconds),
            Self::PartitionReferenced { partition, by } => referenced(partition, by),
            Self::ReferencesUnknown { partition, by, error } => {
                references_unknown(partition, by, error.as_deref())
            }
            Self::LastPartition { partition } => last_partition(partition),
            Self::InGracePeriod { until } => {
                format!("the table is dropped after {until} (spec.retention.dropAfter)")
            }
            Self::DetachedHasPartitions { partition } => detached_has_partitions(partition),
            Self::HasDependents { of, by } => has_dependents(of, by),
            Self::CannotReattach { partition } => cannot_reattach(partition),
            Self::UnattachedTable { table } => unattached_table(table),
            Self::NotOwnerOfPartition { partition } => not_owner_of(partition),
            Self::Index(blocker) => blocker.explain(),
        }
    }
}

pub(in crate::plan) fn format_role(role: Option<&Identifier>) -> String {
    role.map_or(LOGIN_ROLE.to_owned(), |role| format!("role {}", role.display()))
}

pub(in crate::plan) fn names(tables: &[QualifiedName]) -> String {
    tables.iter().map(QualifiedName::display).collect::<Vec<_>>().join(", ")
}

pub(in crate::plan) fn kind_of(kind: PartitionKind) -> &'static str {
    match kind {
        PartitionKind::Table => "a table",
        PartitionKind::Partitioned => "partitioned itself",
        PartitionKind::ForeignTable => "a foreign table",
    }
}
