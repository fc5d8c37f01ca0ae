//! `status.conversion` and `status.parity`: the progress of a conversion, as the operator last observed it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ParityLevel, Side};

/// Progress of the conversion. A value that is not known is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConversionStatus {
    /// Stage of the conversion. Copy has Preparing, Copying, Indexing, Comparing, InParity, Serving, and
    /// Ending; Attach has Preparing, Prepared, and Serving.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ConversionStage")]
    pub stage: Option<ConversionStage>,
    /// Table that has the name applications use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Side")]
    pub serving: Option<Side>,
    /// Time of the last cutover or rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serving_since: Option<Time>,
    /// Number of rows copied so far. Absent when no rows are being copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copied_rows: Option<i64>,
    /// Estimated number of rows to copy in all. Absent when no rows are being copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_rows: Option<i64>,
    /// Rows copied per second in the last run. Absent when no rows are being copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_per_second: Option<i64>,
    /// Estimated end of the copying at `rowsPerSecond`. Absent when no rows are being copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_at: Option<Time>,
    /// Whether a rollback is possible. Present only while the partitioned table serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Rollback")]
    pub rollback: Option<Rollback>,
    /// Losses of the conversion, at most ten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub losses: Vec<ReportedLoss>,
    /// Objects that still read the plain table after the cutover, and so prevent its drop; ten at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub bound: Vec<String>,
    /// Roles of `spec.conversion.routing`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub routing: Vec<RoutedRole>,
}

/// A stage of a conversion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConversionStage {
    /// The preflight has findings, or the partitioned table or the triggers are missing.
    Preparing,
    /// Rows are copied.
    Copying,
    /// Indexes are built on the copy.
    Indexing,
    /// The two tables are compared for the first time.
    Comparing,
    /// The two tables are equal, and the plain table has the name.
    InParity,
    /// Attach: everything is ready for the cutover.
    Prepared,
    /// The partitioned table has the name.
    Serving,
    /// The conversion is being ended.
    Ending,
}

impl ConversionStage {
    /// Every stage.
    pub const ALL: [Self; 8] = [
        Self::Preparing,
        Self::Copying,
        Self::Indexing,
        Self::Comparing,
        Self::InParity,
        Self::Prepared,
        Self::Serving,
        Self::Ending,
    ];

    /// Returns the word of the status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Preparing => "Preparing",
            Self::Copying => "Copying",
            Self::Indexing => "Indexing",
            Self::Comparing => "Comparing",
            Self::InParity => "InParity",
            Self::Prepared => "Prepared",
            Self::Serving => "Serving",
            Self::Ending => "Ending",
        }
    }
}

/// Whether a rollback is possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Rollback {
    /// The plain table can get its name back without a loss.
    Possible,
    /// The plain table lacks rows, or is gone.
    Impossible,
}

impl ParityState {
    /// Returns the word of the status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clean => "Clean",
            Self::Differs => "Differs",
            Self::Unknown => "Unknown",
        }
    }
}

/// A loss, as the preflight found it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportedLoss {
    /// The loss, spelled as in `spec.conversion.acknowledge`.
    pub loss: String,
    /// Event at which it is lost.
    pub at: LostAt,
    /// Whether `spec.conversion.acknowledge` names it.
    pub acknowledged: bool,
}

/// Event at which something is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LostAt {
    /// Lost at the cutover.
    Cutover,
    /// Lost at the drop of the plain table.
    Drop,
}

/// A role that reads the partitioned table before the cutover.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoutedRole {
    /// Name of the role.
    pub role: String,
    /// Whether new sessions of the role read the partitioned table.
    pub routed: bool,
    /// Sessions of the role that began before the routing and still read the plain table; absent if the operator may
    /// not see them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older_sessions: Option<i32>,
}

/// Result of the last complete comparison of the two tables.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParityStatus {
    /// Clean if the tables are equal, Differs if they are not, Unknown if they were never compared or were
    /// changed since in a way that the sync cannot see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ParityState")]
    pub state: Option<ParityState>,
    /// Content if the comparison compared every row, Count if it compared only the numbers of rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ParityLevel")]
    pub level: Option<ParityLevel>,
    /// Time at which the comparison began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// Time at which the comparison ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked_at: Option<Time>,
    /// Rows of the plain table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_source: Option<i64>,
    /// Rows of the partitioned table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_partitioned: Option<i64>,
    /// Rows that were missing, extra, or of other content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference_rows: Option<i64>,
    /// Number of key ranges with at least one row that was missing, extra, or of other content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mismatched_ranges: Option<i64>,
    /// Rows repaired since the conversion began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repaired_rows: Option<i64>,
}

/// Whether the two tables are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ParityState {
    /// The last comparison found no difference.
    Clean,
    /// The last comparison found differences.
    Differs,
    /// No comparison proves either.
    Unknown,
}
