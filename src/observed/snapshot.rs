//! A snapshot as the catalog query returns it and as `inspect -o json` prints it.

#![allow(clippy::struct_excessive_bools, reason = "the catalog answers yes or no")]

use serde::{Deserialize, Serialize};

use crate::partition::QualifiedName;

/// What one look at the catalog saw of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Snapshot {
    /// The schema that was looked in.
    pub schema: String,
    /// The table that was looked for.
    pub table: String,
    pub(super) server: RawServer,
    pub(super) relation: Option<RawRelation>,
    pub(super) partitions: Vec<RawPartition>,
    pub(super) taken: Vec<String>,
    /// The rows of the default partition. Absent where nobody has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_rows: Option<CountedRows>,
}

impl Snapshot {
    /// Adds which tables have rows whose foreign keys lead to rows of a partition; none where that could
    /// not be found out.
    pub fn set_rows_referenced_by(
        &mut self,
        partition: &QualifiedName,
        by: Option<Vec<QualifiedName>>,
    ) {
        let is_it = |p: &&mut RawPartition| {
            p.name == partition.name.as_str() && p.schema == partition.schema.as_str()
        };
        let words =
            |name: QualifiedName| (name.schema.as_str().to_owned(), name.name.as_str().to_owned());
        if let Some(found) = self.partitions.iter_mut().find(is_it) {
            found.rows_referenced_by = by.map(|by| by.into_iter().map(words).collect());
        }
    }
}

/// The rows of a default partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountedRows {
    /// How many there are; where there are more than can be counted in passing, as many as were counted.
    pub count: u64,
    /// Where they lie, by quarters of an hour: the value each begins with, and how many rows.
    pub stretches: Vec<(String, u64)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawServer {
    pub(super) version: u32,
    pub(super) in_recovery: bool,
    pub(super) role: String,
    pub(super) clock: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawRelation {
    pub(super) oid: u32,
    pub(super) kind: String,
    pub(super) owner: String,
    pub(super) owned: bool,
    pub(super) may_create: bool,
    pub(super) key: RawKey,
    pub(super) columns: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) generated: Vec<String>,
    pub(super) row_security: bool,
    pub(super) force_row_security: bool,
    pub(super) replica_identity: String,
    pub(super) replica_identity_index: Option<String>,
    pub(super) statistics: Vec<(String, i32)>,
    pub(super) tablespace: Option<String>,
    pub(super) access_method: Option<String>,
    pub(super) indexes: Vec<RawIndex>,
    pub(super) references: Vec<(String, String)>,
    pub(super) referenced_by: Vec<RawForeignKey>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RawForeignKey {
    pub(super) schema: String,
    pub(super) table: String,
    pub(super) columns: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RawKey {
    pub(super) method: Option<String>,
    pub(super) columns: Option<Vec<RawKeyColumn>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RawKeyColumn {
    pub(super) name: Option<String>,
    #[serde(rename = "type")]
    pub(super) type_name: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawPartition {
    pub(super) oid: u32,
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) bounds: Option<String>,
    pub(super) attached: bool,
    pub(super) detach_pending: bool,
    pub(super) comment: Option<String>,
    pub(super) owned: bool,
    pub(super) rows: Option<u64>,
    pub(super) bytes: u64,
    pub(super) storage: Vec<String>,
    pub(super) indexes: Vec<RawIndex>,
    pub(super) exclusions: Option<Vec<RawExclusion>>,
    pub(super) fits: bool,
    #[serde(default)]
    pub(super) proven: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) referenced_by: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rows_referenced_by: Option<Vec<(String, String)>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) publications: Vec<RawPublication>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) held_by: Vec<RawHolder>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) triggers: Vec<RawTrigger>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RawPublication {
    pub(super) name: String,
    pub(super) owned: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RawHolder {
    pub(super) pid: i32,
    pub(super) role: Option<String>,
    pub(super) application: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RawTrigger {
    pub(super) name: String,
    pub(super) enabled: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RawIndex {
    pub(super) name: String,
    pub(super) of: Option<String>,
    pub(super) valid: bool,
    #[serde(default)]
    pub(super) building: bool,
    #[serde(default)]
    pub(super) unique: bool,
    pub(super) constraint: Option<String>,
    pub(super) comment: Option<String>,
    pub(super) shape: Option<RawShape>,
    pub(super) definition: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RawShape {
    pub(super) method: String,
    pub(super) unique: bool,
    pub(super) columns: Vec<RawIndexColumn>,
    pub(super) include: Vec<String>,
    pub(super) predicate: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawIndexColumn {
    pub(super) column: String,
    pub(super) descending: bool,
    pub(super) nulls_first: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RawExclusion {
    pub(super) name: String,
    pub(super) validated: bool,
}
