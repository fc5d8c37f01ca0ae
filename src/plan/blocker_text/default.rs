//! Messages about the default partition.

use super::{format_role, kind_of, names, raise_lock_timeout};
use crate::observed::PartitionKind;
use crate::partition::{Identifier, KeyRange, QualifiedName, escape_control};
use crate::plan::DefaultBlocker;

impl DefaultBlocker {
    /// Returns what blocks the step and how to resolve it.
    pub(super) fn explain(&self) -> String {
        match self {
            Self::DefaultHoldsRows { default, range, rows } => holds_rows(default, *rows, range),
            Self::DefaultRowsUnknown { default } => default_rows_unknown(default),
            Self::DefaultInUse { default } => default_in_use(default),
            Self::DefaultNotTable { default, kind } => default_not_table(default, *kind),
            Self::DefaultReferenced { default, by } => default_referenced(default, by),
            Self::DefaultRunsCode { default, code, role, powers } => {
                default_runs_code(default, code, role.as_ref(), powers)
            }
            Self::DefaultWithoutIdentity { default } => default_without_identity(default),
            Self::DrainTooLong { default, range, rows, millis } => {
                drain_too_long(default, *rows, *millis, &range.display())
            }
        }
    }
}

fn holds_rows(default: &QualifiedName, rows: u64, range: &KeyRange) -> String {
    format!(
        "the default partition {} holds {rows} rows of {}: set spec.defaultPartition to Present to \
         have the operator move them, or move them manually",
        default.display(),
        range.display()
    )
}

fn default_rows_unknown(default: &QualifiedName) -> String {
    format!(
        "the operator could not count the rows of the default partition {0} (the count took longer than 10 s, or the table \
         owner cannot read {0}), and attaching a partition beside uncounted rows can make writes fail: create an index on \
         the partition key of {0}, grant SELECT on {0} to the table owner, or move the rows manually",
        default.display()
    )
}

fn default_in_use(default: &QualifiedName) -> String {
    format!(
        "the default partition {} takes rows of the current period and is not empty, so attaching a partition would \
         scan it under an ACCESS EXCLUSIVE lock, or make inserts fail: set spec.defaultPartition to \
         Present to have the operator move the rows in one short transaction",
        default.display()
    )
}

fn default_not_table(default: &QualifiedName, kind: PartitionKind) -> String {
    format!(
        "the default partition {} is {}: move its rows manually",
        default.display(),
        kind_of(kind)
    )
}

fn default_referenced(default: &QualifiedName, by: &[QualifiedName]) -> String {
    format!(
        "foreign keys of {} reference this table, and moving rows out of the default partition {} would violate them or \
         trigger their actions: move the rows manually",
        names(by),
        default.display()
    )
}

fn default_runs_code(
    default: &QualifiedName,
    code: &[String],
    role: Option<&Identifier>,
    powers: &[String],
) -> String {
    let listed = |texts: &[String]| {
        let mut shown: Vec<_> = texts.iter().take(3).map(|text| escape_control(text)).collect();
        if texts.len() > 3 {
            shown.push("…".to_owned());
        }
        shown.join(", ")
    };
    format!(
        "moving rows out of the default partition {} runs code of the table owner ({}), and {} can do more than that owner ({}): log in \
         as a role that is a member of this owner only, or move the rows manually",
        default.display(),
        listed(code),
        format_role(role),
        listed(powers)
    )
}

fn drain_too_long(default: &QualifiedName, rows: u64, millis: u64, range: &str) -> String {
    let remedy = raise_lock_timeout(millis, " at a quiet time", "move the rows manually");
    format!(
        "moving {rows} rows of {range} out of the default partition {} would block all sessions for about {millis} ms: {remedy}",
        default.display()
    )
}

fn default_without_identity(default: &QualifiedName) -> String {
    format!(
        "rows cannot be moved out of the default partition {0}, because its deletes are published and it has no replica \
         identity: add a primary key, or run ALTER TABLE {0} REPLICA IDENTITY FULL",
        default.display()
    )
}
