//! What keeps rows in a default partition, in a person's words, and what to do about it.

use super::{format_role, kind_of, names};
use crate::observed::PartitionKind;
use crate::partition::{Identifier, KeyRange, QualifiedName, escape_control};
use crate::plan::DefaultBlocker;

impl DefaultBlocker {
    /// Says what blocks the step, and what to do about it.
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
        "the default partition {} holds {rows} rows of {}: move them out of it, or set \
         spec.defaultPartition to Present to have it done",
        default.display(),
        range.display()
    )
}

fn default_rows_unknown(default: &QualifiedName) -> String {
    format!(
        "the rows of the default partition {} could not be counted, within 10 s or at all: attaching \
         beside rows that nobody has looked at would make writes fail; give it an index on the key, \
         move its rows out, or let its owner read it",
        default.display()
    )
}

fn default_in_use(default: &QualifiedName) -> String {
    format!(
        "rows of now go to the default partition {}, which is not empty: attaching would \
         scan it under an exclusive lock, or make inserts fail; set spec.defaultPartition to \
         Present to have it done in one short transaction",
        default.display()
    )
}

fn default_not_table(default: &QualifiedName, kind: PartitionKind) -> String {
    format!(
        "the default partition {} is {}: its rows can be moved out by hand only",
        default.display(),
        kind_of(kind)
    )
}

fn default_referenced(default: &QualifiedName, by: &[QualifiedName]) -> String {
    format!(
        "foreign keys of {} lead to this table: moving rows out of {} would break or follow them; \
         move them by hand",
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
        "moving rows out of {} runs code of the table owner ({}), and {} can do more than that owner ({}): log in \
         as a role that is a member of this owner only, or move the rows manually",
        default.display(),
        listed(code),
        format_role(role),
        listed(powers)
    )
}

fn drain_too_long(default: &QualifiedName, rows: u64, millis: u64, range: &str) -> String {
    format!(
        "moving {rows} rows of {range} out of {} would take about {millis} ms, and everybody would wait: \
         raise spec.limits.lockTimeout to more than twice that for a quiet moment, or move them by hand",
        default.display()
    )
}

fn default_without_identity(default: &QualifiedName) -> String {
    format!(
        "rows cannot be moved out of the default partition {0}: its deletes are published, and it has no replica \
         identity: give it a primary key, or run ALTER TABLE {0} REPLICA IDENTITY FULL",
        default.display()
    )
}
