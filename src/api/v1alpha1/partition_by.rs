//! `spec.partitionBy`: the key of the table, as it is in the database.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema::{columns, forbidden, identifier, immutable, invalid, start_at, time_zone};

/// Partition key and method: exactly one of `range` and `hash`. You cannot change from one to the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = invalid("", "has(self.range) != has(self.hash)", "give exactly one of range and hash"),
    validation = forbidden(
        "",
        "has(self.range) == has(oldSelf.range)",
        "cannot change from range to hash, or back: delete this resource, which leaves the database as it is, and create another"
    ),
)]
pub struct PartitionBy {
    /// One partition for each period of time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<RangeKey>,
    /// A fixed number of partitions, with the rows spread evenly over them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<HashKey>,
}

/// `PARTITION BY RANGE` on one column with the time of the row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = immutable(".column"), validation = immutable(".timeZone"))]
pub struct RangeKey {
    /// Partition column of type date, timestamp, timestamptz, or uuid with UUIDv7 values. Immutable.
    #[schemars(schema_with = "identifier")]
    pub column: String,
    /// Period that a new partition covers. A change applies to new partitions only.
    pub interval: Interval,
    /// IANA name of the time zone in which calendar periods begin. Immutable.
    #[serde(default = "utc")]
    #[schemars(schema_with = "time_zone")]
    pub time_zone: String,
    /// Time in the oldest period for which the operator creates a partition: a date in `timeZone`, or an RFC 3339 time. The
    /// operator also fills gaps after it. Default: the current period, and with `conversion` the period of the oldest row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "start_at")]
    pub start_at: Option<String>,
}

fn utc() -> String {
    "UTC".to_owned()
}

/// A calendar period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Interval {
    /// From one full hour to the next.
    Hour,
    /// From midnight to midnight.
    Day,
    /// An ISO week, from Monday to Monday.
    Week,
    /// A calendar month.
    Month,
    /// Three months, beginning in January, April, July or October.
    Quarter,
    /// A calendar year.
    Year,
}

/// `PARTITION BY HASH`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = immutable(".columns"), validation = immutable(".partitions"))]
pub struct HashKey {
    /// Partition columns, in the order of the key. Immutable.
    #[schemars(schema_with = "columns")]
    pub columns: Vec<String>,
    /// Number of partitions: the modulus. Immutable.
    #[schemars(range(min = 1, max = 1024))]
    pub partitions: i32,
}
