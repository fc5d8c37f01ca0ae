//! `spec.schedule`: when the operator acts.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::schema::cron;

/// When the operator acts, as five fields of cron on the wall clock of `range.timeZone`: minute, hour,
/// day of the month, month, day of the week. What was due while the operator was away is caught up
/// at once, and what rows need within the current period waits for no schedule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    /// When partitions are made, such as `0 2 1 * *`. Default: as soon as one is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "cron")]
    pub provision: Option<String>,
    /// When partitions are let go, such as `0 3 15 * *`. Default: as soon as one has expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "cron")]
    pub expire: Option<String>,
}
