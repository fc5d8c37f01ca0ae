//! `spec.retention`: which partitions expire, and what happens to them.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema::{drop_after, forbidden};

/// Default of `dropAfter`.
const DROP_AFTER: &str = "168h";

/// Number of periods to keep. A partition expires when its whole range lies before the oldest period to keep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = forbidden(
    ".dropAfter",
    "!has(self.dropAfter) || self.onExpiry == 'Drop'",
    "goes with onExpiry: Drop, since Detach drops nothing; set that, or remove dropAfter"
))]
pub struct Retention {
    /// Number of whole periods to keep in addition to the current one, 0 to 10000: 24 with `interval: Month` keeps
    /// two years and the current month.
    #[schemars(range(min = 0, max = 10000))]
    pub keep: i32,
    /// Fate of an expired partition: Detach makes it a standalone table, Drop also drops that table after
    /// `dropAfter`.
    #[serde(default)]
    pub on_expiry: OnExpiry,
    /// With `onExpiry: Drop`: grace period between the detach and the drop, in which the partition can be
    /// reattached; 0s to 8784h. Default: 168h, one week.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "drop_after")]
    pub drop_after: Option<String>,
}

impl Retention {
    /// Returns the grace period between the detach and the drop; one week by default.
    #[must_use]
    pub fn drop_after(&self) -> &str {
        self.drop_after.as_deref().unwrap_or(DROP_AFTER)
    }
}

/// Fate of an expired partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnExpiry {
    /// The operator detaches it, and it stays as a standalone table.
    #[default]
    Detach,
    /// The operator detaches it, and drops it after the grace period.
    Drop,
}
