//! What differs between the two tables of a conversion.
//!
//! `postgres/inspect_copy.sql` reads it, by the queries that [`follow`](crate::sql::follow) executes: what is followed
//! here is what it makes equal.

use serde::{Deserialize, Serialize};

use super::IndexSettings;
use crate::partition::{Identifier, escape_control};

/// What the passive table of a conversion lacks to be like the one that applications use. Here, that one is the source, and
/// the other one the copy: after the cutover, the copy is the plain table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CopyDifferences {
    /// Columns, by kind of change and name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<ColumnDifference>,
    /// Properties of columns that both tables have, and of the tables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<PropertyDifference>,
    /// Constraints of the copy that [`follow`](crate::sql::follow) added for new rows only:
    /// [`validate_copy`](crate::sql::validate_copy) validates them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_valid: Vec<Identifier>,
    /// Indexes of the source that the copy has not, or not of all its partitions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<MissingIndex>,
    /// Storage parameters of the plain table. A partitioned table cannot have any: its partitions take them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub storage: Vec<String>,
    /// Access method of the plain table, or `None` if it is the default. 16 and older remember none for a partitioned table:
    /// its partitions take it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_method: Option<Identifier>,
}

/// A column that one of the tables has and the other has not, or has differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ColumnDifference {
    /// Name, in the source if the source has it.
    pub name: Identifier,
    /// What happened to it.
    pub change: ColumnChange,
    /// Why the copy does not follow, or `None` if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obstacle: Option<ColumnObstacle>,
}

/// What happened to a column of the source since the copy was made like it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ColumnChange {
    /// `RENAME COLUMN`
    Renamed,
    /// `DROP COLUMN`, or renamed while no trigger named it.
    Dropped,
    /// `ADD COLUMN`, or renamed while no trigger named it.
    Added,
    /// `ALTER COLUMN … TYPE`
    Retyped,
}

/// Why the copy does not follow a change of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ColumnObstacle {
    /// A key of the copy or its partition key has the column.
    InKey,
    /// It is a stored generated column: Postgres would write all rows under a lock.
    Stored,
    /// Its type is a domain with a condition: Postgres would write all rows under a lock.
    Domain,
    /// Its type changed: Postgres would write all rows under a lock.
    Retyped,
    /// The plain table is the passive one: a user changes its columns.
    AfterCutover,
}

/// A property that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PropertyDifference {
    /// Kind of the property.
    pub property: CopyProperty,
    /// Column, constraint, policy, grantee, or other object; empty if it is the table.
    pub object: String,
    /// Whether the copy follows.
    pub followed: bool,
}

impl PropertyDifference {
    /// Returns what differs, in a few words: `check positive`.
    #[must_use]
    pub fn display(&self) -> String {
        let kind = match self.property {
            CopyProperty::NotNull => "not null",
            CopyProperty::Default => "default",
            CopyProperty::Generated => "generated",
            CopyProperty::Identity => "identity",
            CopyProperty::Storage => "storage",
            CopyProperty::Statistics => "statistics",
            CopyProperty::Check => "check",
            CopyProperty::ForeignKey => "foreign key",
            CopyProperty::Exclusion => "exclusion",
            CopyProperty::RowSecurity => "row security",
            CopyProperty::Policy => "policy",
            CopyProperty::Grant => "grant",
            CopyProperty::ReplicaIdentity => "replica identity",
            CopyProperty::Tablespace => "tablespace",
            CopyProperty::AccessMethod => "access method",
            CopyProperty::Owner => "owner",
            CopyProperty::Comment => "comment",
        };
        format!("{kind} {}", escape_control(&self.object)).trim_end().to_owned()
    }
}

/// A kind of property of the copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CopyProperty {
    /// `NOT NULL`
    NotNull,
    /// `DEFAULT`
    Default,
    /// `GENERATED ALWAYS AS (expression)`
    Generated,
    /// `GENERATED … AS IDENTITY`, and the options of its sequence.
    Identity,
    /// `STORAGE` and `COMPRESSION` of a column.
    Storage,
    /// Statistics targets, `n_distinct`, and extended statistics.
    Statistics,
    /// `CHECK`
    Check,
    /// A foreign key of the source.
    ForeignKey,
    /// `EXCLUDE`, or a key `WITHOUT OVERLAPS`.
    Exclusion,
    /// `ENABLE ROW LEVEL SECURITY`
    RowSecurity,
    /// `CREATE POLICY`
    Policy,
    /// `GRANT`
    Grant,
    /// `REPLICA IDENTITY`
    ReplicaIdentity,
    /// `TABLESPACE`
    Tablespace,
    /// `USING` of a table.
    AccessMethod,
    /// `OWNER TO`
    Owner,
    /// `COMMENT ON`
    Comment,
}

/// An index of the source that the copy has not, or not of all its partitions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MissingIndex {
    /// Name on the source.
    pub name: Identifier,
    /// Name of the index on the copy that is not valid, or `None` if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "twin")]
    pub equivalent: Option<Identifier>,
    /// `UNIQUE`
    pub unique: bool,
    /// What follows `USING` in its definition, as the catalog deparses it.
    pub definition: String,
    /// Definition of the constraint that it supports, or `None` if it supports none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constraint: Option<String>,
    /// The properties that its definition does not show.
    #[serde(default)]
    pub settings: IndexSettings,
}

impl CopyDifferences {
    /// Returns whether the copy has everything that the source has.
    #[must_use]
    pub fn is_none(&self) -> bool {
        let Self { columns, properties, not_valid, indexes, storage: _, access_method: _ } = self;
        columns.is_empty() && properties.is_empty() && not_valid.is_empty() && indexes.is_empty()
    }

    /// Returns whether the copy has all columns and properties that the source has. Indexes can differ.
    #[must_use]
    pub fn has_all_properties(&self) -> bool {
        self.columns.is_empty() && self.properties.is_empty() && self.not_valid.is_empty()
    }

    /// Returns whether something differs that [`follow`](crate::sql::follow) does not make equal.
    #[must_use]
    pub fn has_obstacle(&self) -> bool {
        self.columns.iter().any(|column| column.obstacle.is_some())
            || self.properties.iter().any(|property| !property.followed)
    }

    /// Returns whether [`follow`](crate::sql::follow) makes something equal.
    #[must_use]
    pub fn can_follow(&self) -> bool {
        self.columns.iter().any(|column| column.obstacle.is_none())
            || self.properties.iter().any(|property| property.followed)
    }

    /// Removes what [`follow`](crate::sql::follow) makes equal.
    pub(crate) fn follow(&mut self) {
        self.columns.retain(|column| column.obstacle.is_some());
        self.properties.retain(|property| !property.followed);
    }

    /// Returns whether columns of the copy change when it follows, which voids parity.
    #[must_use]
    pub fn changes_columns(&self) -> bool {
        self.columns.iter().any(|column| column.obstacle.is_none())
    }
}
