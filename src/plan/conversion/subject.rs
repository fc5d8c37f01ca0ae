//! What the preflight judges.

use std::time::Duration;

use super::super::PlanTime;
use super::leaves::Leaves;
use crate::desired::{ConversionMethod, DesiredConversion, DesiredTable, Partitioning};
use crate::observed::{ObservedTable, PlainTable, Relation};
use crate::partition::{Identifier, QualifiedName, ServerVersion, Side, source_name};

/// A plain table, and what the spec makes of it.
pub(super) struct Subject<'a> {
    /// The plain table.
    pub(super) table: &'a QualifiedName,
    /// Owner of the table, or `None` if it is the login role and its name must not be shown.
    pub(super) owner: Option<&'a Identifier>,
    /// Whether the partitioned table has taken its name.
    pub(super) is_served: bool,
    /// The name that the plain table has then.
    pub(super) source_name: Identifier,
    /// What the catalog says of the table.
    pub(super) plain: &'a PlainTable,
    /// Version of the server.
    pub(super) version: ServerVersion,
    /// What the spec asks for.
    pub(super) conversion: &'a DesiredConversion,
    /// How the copy is partitioned.
    pub(super) partitioning: &'a Partitioning,
    /// The maximum time that applications wait.
    pub(super) lock_timeout: Duration,
    /// The partitions that the table gets, or `None` if the spec and the table contradict each other.
    pub(super) leaves: Option<Leaves<'a>>,
}

impl<'a> Subject<'a> {
    pub(super) fn new(
        desired: &'a DesiredTable,
        conversion: &'a DesiredConversion,
        (observed, relation): (&'a ObservedTable, &'a Relation),
        plain: &'a PlainTable,
        moment: &PlanTime,
    ) -> Self {
        Self {
            table: observed.managed.name(),
            owner: Some(&relation.owner).filter(|_| !observed.server.hides_owner),
            is_served: observed.copy.as_ref().is_some_and(|f| f.serving == Side::Partitioned),
            source_name: source_name(&observed.managed),
            plain,
            version: observed.server.version,
            conversion,
            partitioning: &desired.partitioning,
            lock_timeout: desired.limits.lock_timeout,
            leaves: Leaves::new(desired, conversion, (observed, plain), moment),
        }
    }

    /// Returns whether every partition column is among these columns.
    pub(super) fn has_partition_columns(&self, columns: &[Identifier]) -> bool {
        self.partitioning.columns().iter().all(|column| columns.contains(column))
    }

    /// Returns whether the plain table itself becomes a partition.
    pub(super) fn is_attached(&self) -> bool {
        match self.conversion.method {
            ConversionMethod::Attach => true,
            ConversionMethod::Copy(_) => false,
        }
    }
}
