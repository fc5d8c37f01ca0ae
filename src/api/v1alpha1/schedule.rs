//! `spec.schedule`: when the operator acts.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::schema::cron;

/// Cron expressions with five fields, in `range.timeZone`: minute, hour, day of the month, month, day of the week.
/// The operator catches up immediately with steps that were due while it was down. A current period without a
/// partition does not wait for the schedule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    /// Times for creating partitions, such as `0 2 1 * *`. Default: as soon as one is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "cron")]
    pub provision: Option<String>,
    /// Times for detaching expired partitions, such as `0 3 15 * *`. Default: as soon as one has expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "cron")]
    pub expire: Option<String>,
}
