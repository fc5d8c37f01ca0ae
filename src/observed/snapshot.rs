//! A snapshot as `inspect -o json` prints it and `plan --observed` reads it.

#![allow(clippy::struct_excessive_bools, reason = "the catalog answers yes or no")]

use serde::{Deserialize, Serialize};

/// What one look at the catalog saw of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Snapshot {
    /// The schema that was looked in.
    pub schema: String,
    /// The table that was looked for.
    pub table: String,
    pub(crate) server: RawServer,
    pub(crate) relation: Option<RawRelation>,
    pub(crate) partitions: Vec<RawPartition>,
    pub(crate) taken: Vec<String>,
    /// Where the rows of the default partition lie, by quarters of an hour: the value each begins
    /// with, and how many rows. Absent where nobody has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_rows: Option<Vec<(String, u64)>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RawServer {
    pub(crate) version: u32,
    pub(crate) in_recovery: bool,
    pub(crate) role: String,
    pub(crate) clock: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RawRelation {
    pub(crate) oid: u32,
    pub(crate) kind: String,
    pub(crate) owner: String,
    pub(crate) owned: bool,
    pub(crate) may_create: bool,
    pub(crate) key: RawKey,
    pub(crate) columns: Option<Vec<String>>,
    pub(crate) row_security: bool,
    pub(crate) force_row_security: bool,
    pub(crate) replica_identity: String,
    pub(crate) replica_identity_index: Option<String>,
    pub(crate) statistics: Vec<(String, i32)>,
    pub(crate) tablespace: Option<String>,
    pub(crate) access_method: Option<String>,
    /// The catalog query tells these apart from the rest.
    #[serde(default)]
    pub(crate) indexes: Vec<RawIndex>,
    pub(crate) references: Vec<(String, String)>,
    pub(crate) referenced_by: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RawKey {
    pub(crate) method: Option<String>,
    pub(crate) columns: Option<Vec<RawKeyColumn>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RawKeyColumn {
    pub(crate) name: Option<String>,
    #[serde(rename = "type")]
    pub(crate) type_name: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RawPartition {
    pub(crate) oid: u32,
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) bounds: Option<String>,
    pub(crate) attached: bool,
    pub(crate) detach_pending: bool,
    pub(crate) comment: Option<String>,
    pub(crate) owned: bool,
    pub(crate) rows: Option<u64>,
    pub(crate) bytes: u64,
    pub(crate) storage: Vec<String>,
    pub(crate) indexes: Vec<RawIndex>,
    pub(crate) exclusions: Option<Vec<RawExclusion>>,
    pub(crate) fits: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RawIndex {
    pub(crate) name: String,
    pub(crate) of: Option<String>,
    pub(crate) valid: bool,
    #[serde(default)]
    pub(crate) building: bool,
    #[serde(default)]
    pub(crate) unique: bool,
    pub(crate) constraint: Option<String>,
    pub(crate) comment: Option<String>,
    pub(crate) shape: Option<RawShape>,
    pub(crate) definition: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RawShape {
    pub(crate) method: String,
    pub(crate) unique: bool,
    pub(crate) columns: Vec<RawIndexColumn>,
    pub(crate) include: Vec<String>,
    pub(crate) predicate: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RawIndexColumn {
    pub(crate) column: String,
    pub(crate) descending: bool,
    pub(crate) nulls_first: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RawExclusion {
    pub(crate) name: String,
    pub(crate) validated: bool,
}
