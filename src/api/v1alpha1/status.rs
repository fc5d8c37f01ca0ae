//! The status: the state of a table at the last reconcile.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use super::{ConversionStatus, ParityStatus};
use crate::api::ConditionType;

/// State of the table at the last reconcile.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartitionedTableStatus {
    /// Generation of the spec that this status describes; -1 before the first reconcile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Value of the annotation `pgpartition.dev/reconcile` that the operator last handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile: Option<String>,
    /// Ready summarizes the state. Reconciling and Stalled are present only while they are true. Reachable,
    /// Covered, Retained, Indexed, InSync, and Converted describe parts of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".to_owned()]))]
    pub conditions: Vec<Condition>,
    /// Partition key and method, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<String>,
    /// Number of partitions in each state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitions: Option<PartitionCounts>,
    /// Range only: beginning of the coverage that contains the current time, without gaps. An RFC 3339 time, or
    /// -infinity.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub covered_from: Option<CoverageBound>,
    /// Range only: end of the coverage that contains the current time, without gaps. An RFC 3339 time, or
    /// infinity.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub covered_until: Option<CoverageBound>,
    /// Time at which the next step becomes due if nothing else changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_action_at: Option<Time>,
    /// Plan of the next run. Absent if there is nothing to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanSummary>,
    /// Progress of the conversion. Absent if the table is not being converted.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub conversion: Option<ConversionStatus>,
    /// Result of the last complete comparison of the two tables of a conversion. Absent if the table has no copy.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub parity: Option<ParityStatus>,
}

/// Lower or upper bound of the coverage, in the form in which the status stores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CoverageBound {
    /// No lower bound.
    #[serde(rename = "-infinity")]
    NegativeInfinity,
    /// No upper bound.
    #[serde(rename = "infinity")]
    Infinity,
    /// An instant.
    #[serde(untagged)]
    At(Timestamp),
}

impl std::fmt::Display for CoverageBound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NegativeInfinity => f.write_str("-infinity"),
            Self::Infinity => f.write_str("infinity"),
            Self::At(instant) => instant.fmt(f),
        }
    }
}

/// Reads a value that another owner or version may have written: a resource stays readable whatever it says.
fn lenient<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let value = Option::<serde_json::Value>::deserialize(deserializer)?;
    Ok(value.and_then(|value| serde_json::from_value(value).ok()))
}

impl PartitionedTableStatus {
    /// Returns the condition of a type, or `None` if the status has none.
    #[must_use]
    pub fn condition(&self, type_: ConditionType) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.type_ == type_.as_str())
    }

    /// Returns whether a condition is `True`.
    #[must_use]
    pub fn is_true(&self, type_: ConditionType) -> bool {
        self.condition(type_).is_some_and(|condition| condition.status == "True")
    }
}

/// Number of partitions in each state. A number that is not known is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartitionCounts {
    /// Attached partitions, managed and unmanaged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attached: Option<i32>,
    /// Partitions that the spec requires and that do not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<i32>,
    /// Attached partitions that the operator does not manage: they count as coverage and get the declared indexes;
    /// the operator does not detach or drop them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmanaged: Option<i32>,
    /// Managed tables that are detached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detached: Option<i32>,
    /// Partitions whose concurrent detach was interrupted and must be finalized.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_detach: Option<i32>,
    /// Rows in the default partition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_rows: Option<i64>,
}

/// Plan of the next run. `kubectl pgpartition plan` shows all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanSummary {
    /// Identifier of the plan. It changes if a step, a deferred step, or an object that they depend on changes.
    pub fingerprint: String,
    /// Number of steps that the operator executes.
    pub steps: i32,
    /// Number of deferred steps.
    pub deferred: i32,
    /// First steps in words, at most ten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub preview: Vec<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{CoverageBound, PartitionedTableStatus};

    #[test]
    fn conversion_of_another_version_does_not_make_the_status_unreadable() {
        for (conversion, is_read) in [
            (json!({"stage": "Copying", "serving": "Source", "copiedRows": 5}), true),
            (json!({"stage": "Teleporting"}), false),
        ] {
            let status = json!({"strategy": "Hash(4) on id", "conversion": conversion});
            let read: PartitionedTableStatus = serde_json::from_value(status).expect("a status");
            assert_eq!(read.conversion.is_some(), is_read, "{conversion}");
            assert_eq!(read.strategy.as_deref(), Some("Hash(4) on id"));
        }
    }

    #[test]
    fn bound_of_the_coverage_is_read_as_written() {
        let instant = "2027-03-01T00:00:00Z".parse().expect("an instant");
        for (text, bound) in [
            ("infinity", Some(CoverageBound::Infinity)),
            ("-infinity", Some(CoverageBound::NegativeInfinity)),
            ("2027-03-01T00:00:00Z", Some(CoverageBound::At(instant))),
            ("another owner's", None),
        ] {
            let read: PartitionedTableStatus =
                serde_json::from_value(json!({"coveredUntil": text})).expect("a status");
            assert_eq!(read.covered_until, bound, "{text}");
            if let Some(bound) = bound {
                assert_eq!(
                    serde_json::to_value(&read).expect("JSON"),
                    json!({"coveredUntil": text})
                );
                assert_eq!(bound.to_string(), text);
            }
        }
    }
}
