//! Objects whose queries name a plain table.

use serde::{Deserialize, Serialize};

use crate::partition::{Identifier, QualifiedName};

/// A view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DependentView {
    /// Name.
    pub name: QualifiedName,
    /// Whether another role than the owner of the table owns it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub other_owner: bool,
    /// Whether it uses a whole row of the table as one value.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub whole_row: bool,
    /// Keys of the table that its `GROUP BY` relies on to name other columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grouped_by: Vec<Identifier>,
}

/// An object whose queries name columns that are not in their `GROUP BY`: Postgres allows it because of a primary key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GroupedByKey {
    /// The object, as Postgres describes it.
    pub object: String,
    /// Name of the primary key.
    pub key: Identifier,
    /// Whether it is a function that the cutover creates again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recreated: bool,
}
