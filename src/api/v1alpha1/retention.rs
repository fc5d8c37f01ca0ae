//! `spec.retention`: which partitions expire, and what becomes of them.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema::{drop_after, forbidden};

/// How long a detached partition waits to be dropped where a retention does not say.
const DROP_AFTER: &str = "168h";

/// How much is kept. A partition expires once its whole range lies before the oldest period kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = forbidden(
    ".dropAfter",
    "!has(self.dropAfter) || self.onExpiry == 'Drop'",
    "goes with onExpiry: Drop, since Detach drops nothing; set that, or remove dropAfter"
))]
pub struct Retention {
    /// Whole periods kept besides the current one, 0 to 10000: 24 with `interval: Month` keeps two
    /// years and the month that is under way.
    #[schemars(range(min = 0, max = 10000))]
    pub keep: i32,
    /// What becomes of a partition that expires: Detach takes it out of the table and leaves it as a
    /// table of its own, Drop drops it besides, `dropAfter` later.
    #[serde(default)]
    pub on_expiry: OnExpiry,
    /// With `onExpiry: Drop`: how long a detached partition waits before it is dropped, in which it
    /// can be had back; 0s to 8784h. Default: 168h, a week.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "drop_after")]
    pub drop_after: Option<String>,
}

impl Retention {
    /// How long a detached partition waits before it is dropped, a week where the spec is silent.
    #[must_use]
    pub fn drop_after(&self) -> &str {
        self.drop_after.as_deref().unwrap_or(DROP_AFTER)
    }
}

/// What becomes of a partition that expires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnExpiry {
    /// It is detached, and stays as a table of its own.
    #[default]
    Detach,
    /// It is detached, and dropped later.
    Drop,
}
