//! `spec.conversion`: how a plain table that is in use becomes the partitioned table of the spec.

use kube::KubeSchema;
use kube::core::Rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema::{acknowledgements, drop_after, forbidden, parity_interval, roles};

/// A field that only a conversion by copy has.
fn only_with_copy(field: &str) -> Rule {
    forbidden(
        &format!(".{field}"),
        &format!("!has(self.{field}) || self.method == 'Copy'"),
        &format!("goes with method: Copy, since Attach copies no rows; remove {field}"),
    )
}

/// Conversion of a plain table to the partitioned table that `partitionBy` describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = forbidden(
        ".method",
        "self.method == oldSelf.method",
        "is immutable while conversion is set: remove conversion, which ends the conversion, and \
         add it again with the other method"
    ),
    validation = only_with_copy("sync"),
    validation = only_with_copy("backfill"),
    validation = only_with_copy("parity"),
    validation = only_with_copy("routing"),
    validation = only_with_copy("source"),
)]
pub struct Conversion {
    /// Copy creates a partitioned copy, keeps it in sync with the plain table, and swaps the names of
    /// the two at the cutover. Attach (range only) makes the plain table the oldest partition and
    /// copies no rows. Immutable while `conversion` is set.
    pub method: ConversionMethod,
    /// Table that has the name applications use. A change from Source to Partitioned is the cutover,
    /// a change from Partitioned to Source is the rollback; neither loses a row.
    #[serde(default)]
    pub serve_from: Side,
    /// Copy only: triggers that write each change to the other table. Default: `level: Row`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync: Option<SyncOptions>,
    /// Copy only: copying of the rows that exist when the conversion begins. Default: no limit on the
    /// rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backfill: Option<BackfillOptions>,
    /// Copy only: comparison of the two tables. Default: `check: Content` and `every: 1h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parity: Option<ParityOptions>,
    /// Copy only: roles that read the partitioned table before the cutover. Default: no role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routing: Option<RoutingOptions>,
    /// Copy only: fate of the plain table after the cutover. Default: `afterCutover: Keep`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceOptions>,
    /// Losses that you accept, each as the preflight spells it: `<Loss>:<object>`, with names quoted as
    /// in SQL if needed. The operator reports an entry that matches nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "acknowledgements")]
    pub acknowledge: Vec<String>,
}

/// Method of a conversion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConversionMethod {
    /// Copy the rows to a partitioned table, and swap the names of the two.
    Copy,
    /// Attach the plain table to a new partitioned table as its oldest partition.
    Attach,
}

/// One of the two tables of a conversion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Side {
    /// The plain table.
    #[default]
    Source,
    /// The partitioned table.
    Partitioned,
}

/// Triggers that write each change to the other table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SyncOptions {
    /// Row runs the trigger for each row, Statement once for each statement, which suits tables that are
    /// written in bulk.
    #[serde(default)]
    pub level: SyncLevel,
}

/// Level of the sync triggers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SyncLevel {
    /// Once for each row.
    #[default]
    Row,
    /// Once for each statement.
    Statement,
}

/// Copying of the rows that exist when the conversion begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackfillOptions {
    /// Maximum rate in rows per second, 0 to 1000000000; 0 is no limit.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub max_rows_per_second: i32,
}

/// Comparison of the two tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParityOptions {
    /// Content compares every row, Count only the numbers of rows.
    #[serde(default)]
    pub check: ParityLevel,
    /// Time between two comparisons: 1s to 8784h.
    #[serde(default = "one_hour")]
    #[schemars(schema_with = "parity_interval")]
    pub every: String,
}

impl Default for ParityOptions {
    fn default() -> Self {
        Self { check: ParityLevel::default(), every: one_hour() }
    }
}

fn one_hour() -> String {
    "1h".to_owned()
}

/// Content of a comparison of the two tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ParityLevel {
    /// The number of rows.
    Count,
    /// Every row with all its columns.
    #[default]
    Content,
}

/// Reads of the partitioned table before the cutover.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoutingOptions {
    /// Database roles that read the partitioned table while it is in parity, spelled as Postgres stores
    /// them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "roles")]
    pub roles: Vec<String>,
}

/// Fate of the plain table after the cutover.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceOptions {
    /// With Keep, the operator keeps the plain table in sync until you change this field. With Drop, it drops the plain
    /// table when `dropAfter` has passed since the cutover. After that, no rollback is possible.
    #[serde(default)]
    pub after_cutover: AfterCutover,
    /// With `afterCutover: Drop`: time from the cutover to the drop, by the database clock; 0s to 8784h.
    #[serde(default = "one_week")]
    #[schemars(schema_with = "drop_after")]
    pub drop_after: String,
}

impl Default for SourceOptions {
    fn default() -> Self {
        Self { after_cutover: AfterCutover::default(), drop_after: one_week() }
    }
}

fn one_week() -> String {
    "168h".to_owned()
}

/// Fate of the plain table after the cutover.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AfterCutover {
    /// It stays and is kept in sync.
    #[default]
    Keep,
    /// It is kept in sync for a time, then dropped.
    Drop,
}
