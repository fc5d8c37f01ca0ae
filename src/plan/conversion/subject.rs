//! Input of the preflight.

use std::time::Duration;

use super::super::PlanTime;
use super::leaves::LeafPartitions;
use crate::desired::{ConversionMethod, DesiredConversion, DesiredTable, Partitioning};
use crate::observed::{ObservedTable, PlainTable, Relation};
use crate::partition::{Identifier, QualifiedName, ServerVersion, Side, source_name};

/// A plain table and its desired conversion.
pub(super) struct Subject<'a> {
    /// Name of the table in the spec.
    pub(super) table: &'a QualifiedName,
    /// Owner of the table, or `None` if it is the login role and its name must not be shown.
    pub(super) owner: Option<&'a Identifier>,
    /// Whether the partitioned table serves the name.
    pub(super) is_served: bool,
    /// Name of the plain table after the cutover.
    pub(super) source_name: Identifier,
    /// Observed state of the plain table.
    pub(super) plain: &'a PlainTable,
    /// Version of the server.
    pub(super) version: ServerVersion,
    /// Desired conversion.
    pub(super) conversion: &'a DesiredConversion,
    /// Partition key, method, and interval of the copy.
    pub(super) partitioning: &'a Partitioning,
    /// `spec.limits.lockTimeout`.
    pub(super) lock_timeout: Duration,
    /// Partitions that the conversion creates, or `None` if the spec and the table contradict each other.
    pub(super) leaves: Option<LeafPartitions<'a>>,
}

impl<'a> Subject<'a> {
    pub(super) fn new(
        desired: &'a DesiredTable,
        conversion: &'a DesiredConversion,
        (observed, relation): (&'a ObservedTable, &'a Relation),
        plain: &'a PlainTable,
        time: &PlanTime,
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
            leaves: LeafPartitions::new(desired, conversion, (observed, plain), time),
        }
    }

    /// Returns whether the columns include every partition column.
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
