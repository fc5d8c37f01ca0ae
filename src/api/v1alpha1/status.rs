//! The status: what is true, as it was last seen.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use super::{ConversionStatus, ParityStatus};
use crate::api::ConditionType;

/// What is true of the table, as it was last seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartitionedTableStatus {
    /// The generation of the spec that this status speaks of; -1 before the first look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The value of the annotation `pgpartition.dev/reconcile` that was last acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile: Option<String>,
    /// Ready says it all; Reconciling and Stalled are there only while they hold. Reachable,
    /// Covered and Indexed say what Ready is made of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".to_owned()]))]
    pub conditions: Vec<Condition>,
    /// How the table is partitioned, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<String>,
    /// How many partitions there are, and in what state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitions: Option<PartitionCounts>,
    /// Range only: where the coverage without gaps that holds now begins. An RFC 3339 instant, or
    /// -infinity.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub covered_from: Option<CoverageBound>,
    /// Range only: where the coverage without gaps that holds now ends. An RFC 3339 instant, or
    /// infinity.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub covered_until: Option<CoverageBound>,
    /// When the passing of time alone next asks for a step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_action_at: Option<Time>,
    /// What would be done next. Absent where nothing is left to do.
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

/// How many partitions there are, and in what state. A number that is not known is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartitionCounts {
    /// Attached to the table, whoever made them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attached: Option<i32>,
    /// Wanted, and not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<i32>,
    /// Attached, and made by others: counted as coverage, never touched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmanaged: Option<i32>,
    /// Ours, and not attached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detached: Option<i32>,
    /// Half detached: a concurrent detach was interrupted and has to be ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_detach: Option<i32>,
    /// Rows in the default partition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_rows: Option<i64>,
}

/// What would be done next. The whole plan is one `kubectl pgpartition plan` away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanSummary {
    /// Identifies the plan: its steps, what is held back, and what they rest on.
    pub fingerprint: String,
    /// Steps that can be done.
    pub steps: i32,
    /// Steps that are held back.
    pub deferred: i32,
    /// The first steps in words, ten at most.
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
    fn bound_of_the_coverage_is_read_as_it_is_written() {
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
