//! The resource and its spec.

#![allow(clippy::duplicated_attributes, reason = "several columns have the same type")]

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema::{forbidden, identifier, immutable, invalid, lock_timeout};
use super::{
    Conversion, Database, Index, PartitionBy, PartitionedTableStatus, Retention, Schedule,
};

/// Default of `ahead` for a range, in periods.
const DEFAULT_AHEAD: i32 = 3;

/// Desired state of one partitioned table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "pgpartition.dev",
    version = "v1alpha1",
    kind = "PartitionedTable",
    plural = "partitionedtables",
    shortname = "pgpt",
    category = "pgpartition",
    namespaced,
    status = "PartitionedTableStatus",
    derive = "PartialEq",
    doc = "A partitioned table of a Postgres database. The operator makes its partitions and indexes match \
           the spec. Deleting the resource changes nothing in the database.",
    selectable = ".spec.table",
    selectable = ".spec.database.secretRef.name",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(name = "Strategy", type_ = "string", json_path = ".status.strategy"),
    printcolumn(
        name = "Partitions",
        type_ = "integer",
        json_path = ".status.partitions.attached",
        description = "Partitions attached to the table"
    ),
    printcolumn(
        name = "Covered-Until",
        type_ = "string",
        json_path = ".status.coveredUntil",
        description = "End of the coverage"
    ),
    printcolumn(
        name = "Serving",
        type_ = "string",
        json_path = ".status.conversion.serving",
        description = "Table of a conversion that has the name applications use"
    ),
    printcolumn(
        name = "Parity",
        type_ = "string",
        json_path = ".status.parity.state",
        description = "Whether the two tables of a conversion are equal"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        priority = 1,
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = immutable(".schema"),
    validation = immutable(".table"),
    validation = forbidden(
        ".ahead",
        "!has(self.ahead) || has(self.partitionBy.range)",
        "a hash has no periods to keep ahead; remove ahead"
    ),
    validation = forbidden(
        ".defaultPartition",
        "!has(self.defaultPartition) || has(self.partitionBy.range)",
        "a hash has no default partition; remove defaultPartition"
    ),
    validation = forbidden(
        ".retention",
        "!has(self.retention) || has(self.partitionBy.range)",
        "a hash has no periods that could expire; remove retention"
    ),
    validation = forbidden(
        ".schedule",
        "!has(self.schedule) || has(self.partitionBy.range)",
        "a hash has no periods that could become due; remove schedule"
    ),
    validation = forbidden(
        ".schedule.expire",
        "!has(self.schedule) || !has(self.schedule.expire) || has(self.retention)",
        "nothing expires without a retention; add retention, or remove expire"
    ),
    validation = forbidden(
        ".indexes",
        "has(self.partitionBy.range) || !has(self.indexes) \
         || self.indexes.all(i, !has(i.partitions) || i.partitions != 'Newest')",
        "a hash has no newest partitions; use partitions: All"
    ),
    validation = invalid(
        ".indexes",
        "!has(self.indexes) || self.indexes.all(i, i.name != self.table)",
        "an index cannot have the name of the table; give it another"
    ),
    validation = invalid(
        ".indexes",
        "!has(self.indexes) || self.indexes.all(i, !has(i.unique) || !i.unique || has(i.where) \
         || (has(i.partitions) && i.partitions == 'Newest') \
         || ((!has(self.partitionBy.range) \
              || i.columns.exists(c, c.column == self.partitionBy.range.column)) \
             && (!has(self.partitionBy.hash) \
                 || self.partitionBy.hash.columns.all(k, i.columns.exists(c, c.column == k)))))",
        "a unique index on all partitions must contain every partition column; add the missing column; or set a \
         condition (where) or partitions: Newest, and then the index is unique only within each partition"
    ),
    validation = forbidden(
        ".conversion.method",
        "!has(self.conversion) || self.conversion.method != 'Attach' || has(self.partitionBy.range)",
        "a plain table cannot become a partition of a hash; use method: Copy"
    ),
)]
pub struct PartitionedTableSpec {
    /// Database that contains the table. Required in a cluster; on the command line, `--database-url` replaces it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<Database>,
    /// Schema that contains the table. Immutable.
    #[serde(default = "public")]
    #[schemars(schema_with = "identifier")]
    pub schema: String,
    /// Name of the table, as applications use it. Immutable.
    #[schemars(schema_with = "identifier")]
    pub table: String,
    /// Partition key and method of the table.
    pub partition_by: PartitionBy,
    /// Range only: number of whole periods beyond the current one that have a partition. Default: 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub ahead: Option<i32>,
    /// Range only: whether the table has a default partition, for rows that no other partition takes. Present
    /// keeps one and moves its rows to their own partitions; Absent removes an empty managed one, and reports any
    /// other. Default: Absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DefaultPartition")]
    pub default_partition: Option<DefaultPartition>,
    /// Range only: number of periods to keep, and what happens to older partitions. Default: nothing expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
    /// Range only: cron expressions in `range.timeZone` for creating and expiring partitions. Default: as soon as
    /// a step is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// Indexes of the partitions. The operator does not change an index that is not named here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".to_owned()]))]
    pub indexes: Vec<Index>,
    /// Conversion of a plain table into the partitioned table of this spec, while applications use it. Default: the table
    /// is partitioned already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversion: Option<Conversion>,
    /// Enforce executes the plan; Plan reports the plan in the status and changes nothing.
    #[serde(default)]
    pub mode: Mode,
    /// Whether reconciliation is paused: the operator neither inspects nor changes the table.
    #[serde(default)]
    pub suspend: bool,
    /// Limits on lock waits and on detaching without approval.
    #[serde(default)]
    pub limits: Limits,
}

impl PartitionedTableSpec {
    /// Returns the number of whole periods ahead; 0 for a hash.
    #[must_use]
    pub fn ahead(&self) -> i32 {
        match self.partition_by.range {
            Some(_) => self.ahead.unwrap_or(DEFAULT_AHEAD),
            None => 0,
        }
    }

    /// Returns whether the table has a default partition; `Absent` by default.
    #[must_use]
    pub fn default_partition(&self) -> DefaultPartition {
        self.default_partition.unwrap_or(DefaultPartition::Absent)
    }
}

fn public() -> String {
    "public".to_owned()
}

/// Whether the table has a default partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DefaultPartition {
    /// The table has no default partition.
    Absent,
    /// The table has one, and the operator moves its rows to their own partitions.
    Present,
}

/// Whether the operator executes its plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Mode {
    /// Execute the plan.
    #[default]
    Enforce,
    /// Report the plan, and change nothing.
    Plan,
}

/// Limits on lock waits and on detaching without approval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Longest time that another session may wait behind a step, while the step waits for a lock or holds it: 10ms
    /// to 60s.
    #[serde(default = "one_second")]
    #[schemars(schema_with = "lock_timeout")]
    pub lock_timeout: String,
    /// Maximum number of partitions to detach in one run without approval, 0 to 1000. If there are more, the
    /// operator detaches none until the annotation `pgpartition.dev/approve` has the fingerprint of the plan; with
    /// 0, every detach needs approval.
    #[serde(default = "three")]
    #[schemars(range(min = 0, max = 1000))]
    pub max_expire_per_run: i32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { lock_timeout: one_second(), max_expire_per_run: three() }
    }
}

fn one_second() -> String {
    "1s".to_owned()
}

fn three() -> i32 {
    3
}
