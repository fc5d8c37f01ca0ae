//! The resource and its spec.

#![allow(clippy::duplicated_attributes, reason = "several columns have the same type")]

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema::{forbidden, identifier, immutable, invalid, lock_timeout};
use super::{
    Conversion, Database, Index, PartitionBy, PartitionedTableStatus, Retention, Schedule,
};

/// Periods kept ready beyond the current one where a range does not say.
const AHEAD: i32 = 3;

/// What shall be true of one partitioned table.
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
    doc = "A partitioned table of a Postgres database whose partitions and indexes are kept as the \
           spec says. Deleting the resource leaves the database as it is.",
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
        description = "Until when every row has a partition"
    ),
    printcolumn(
        name = "Serving",
        type_ = "string",
        json_path = ".status.conversion.serving",
        description = "Which table of a conversion has the name applications use"
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
        "a unique index on all partitions needs every partition column among its columns; add it, \
         or make the index unique within each partition by where or partitions: Newest"
    ),
    validation = forbidden(
        ".conversion.method",
        "!has(self.conversion) || self.conversion.method != 'Attach' || has(self.partitionBy.range)",
        "a plain table cannot become a partition of a hash; use method: Copy"
    ),
)]
pub struct PartitionedTableSpec {
    /// The database the table is in. Required in a cluster; on the command line, `--database-url`
    /// takes its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<Database>,
    /// The schema the table is in. Immutable.
    #[serde(default = "public")]
    #[schemars(schema_with = "identifier")]
    pub schema: String,
    /// The partitioned table, by the name applications use. Immutable.
    #[schemars(schema_with = "identifier")]
    pub table: String,
    /// How the table is partitioned.
    pub partition_by: PartitionBy,
    /// Range only: whole periods kept ready beyond the current one. Default: 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub ahead: Option<i32>,
    /// Range only: whether a default partition is kept, for rows that have no other. Present keeps
    /// one and moves its rows to the partitions they belong to; Absent removes an empty one that
    /// the operator made, and reports any other. Default: Absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DefaultPartition")]
    pub default_partition: Option<DefaultPartition>,
    /// Range only: how much is kept, and what becomes of the rest. Default: everything is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
    /// Range only: when the operator acts, as cron in `range.timeZone`. Default: as soon as something
    /// is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// The indexes that are ensured on the partitions. An index that is not named here is left
    /// alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".to_owned()]))]
    pub indexes: Vec<Index>,
    /// Conversion of a plain table, which is in use, to the partitioned table of this spec. Default: the
    /// table is partitioned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversion: Option<Conversion>,
    /// Enforce does what the spec asks for; Plan computes and reports, and changes nothing.
    #[serde(default)]
    pub mode: Mode,
    /// Whether this table is left alone for now: nothing is done, and nothing is looked at.
    #[serde(default)]
    pub suspend: bool,
    /// How long others may be made to wait, and how much may be let go unasked.
    #[serde(default)]
    pub limits: Limits,
}

impl PartitionedTableSpec {
    /// Whole periods kept ready beyond the current one; none on a hash.
    #[must_use]
    pub fn ahead(&self) -> i32 {
        match self.partition_by.range {
            Some(_) => self.ahead.unwrap_or(AHEAD),
            None => 0,
        }
    }

    /// Whether a default partition is kept; none is where the spec is silent.
    #[must_use]
    pub fn default_partition(&self) -> DefaultPartition {
        self.default_partition.unwrap_or(DefaultPartition::Absent)
    }
}

fn public() -> String {
    "public".to_owned()
}

/// Whether a default partition is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DefaultPartition {
    /// None is wanted.
    Absent,
    /// One is kept, and its rows are moved to the partitions they belong to.
    Present,
}

/// Whether steps are done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Mode {
    /// Do what the spec asks for.
    #[default]
    Enforce,
    /// Compute and report, and change nothing.
    Plan,
}

/// How long others may be made to wait, and how much may be let go unasked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// The longest anyone may queue behind a step, be it waiting for a lock or holding it: 10ms
    /// to 60s.
    #[serde(default = "one_second")]
    #[schemars(schema_with = "lock_timeout")]
    pub lock_timeout: String,
    /// The most partitions that expire in one run without asking, 0 to 1000. Where there are more,
    /// none goes until the annotation `pgpartition.dev/approve` has the plan's fingerprint; with 0,
    /// every expiry waits for that.
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
