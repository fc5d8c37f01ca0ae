//! What stands in the way, in a person's words, and what to do about it.

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
use consent::{clocks_differ, drop_needs_approval, needs_approval};
use partition::{
    another_detach_pending, cannot_reattach, detach_held, has_dependents, has_partitions,
    last_partition, not_owner_of, referenced, references_not_checked, unattached_table,
};
use table::{
    beyond_calendar, interval_too_fine, may_not_create, no_such_table, not_owner, not_partitioned,
    other_key, other_modulus, read_only, server_too_old, too_many_periods, unknown_time_zone,
    unsupported_key_type,
};

/// A role whose name came from a Secret.
pub(in crate::plan) const LOGIN_ROLE: &str = "the login role";

impl Blocker {
    /// What stands in the way and what to do about it.
    #[must_use]
    pub fn explain(&self) -> String {
        match self {
            Self::NoSuchTable { table } => no_such_table(table),
            Self::NotPartitioned { table, kind } => not_partitioned(table, kind),
            Self::Preflight { refusal } => refusal.explain(),
            Self::Conversion(blocker) => blocker.explain(),
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
            Self::Default(blocker) => blocker.explain(),
            Self::OtherModulus { table, found, wanted } => other_modulus(table, *found, *wanted),
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
            Self::Index(blocker) => blocker.explain(),
        }
    }
}

pub(in crate::plan) fn shown_role(role: Option<&Identifier>) -> String {
    role.map_or(LOGIN_ROLE.to_owned(), |role| format!("the role {}", role.shown()))
}

pub(in crate::plan) fn names(tables: &[QualifiedName]) -> String {
    tables.iter().map(QualifiedName::shown).collect::<Vec<_>>().join(", ")
}

pub(in crate::plan) fn kind_of(kind: PartitionKind) -> &'static str {
    match kind {
        PartitionKind::Table => "a table",
        PartitionKind::Partitioned => "partitioned itself",
        PartitionKind::ForeignTable => "a foreign table",
    }
}
