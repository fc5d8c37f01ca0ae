//! Differences between the two tables of a conversion.
//!
//! `postgres/inspect_copy.sql` reads them with the queries that [`follow`](crate::sql::follow) also executes, so both agree
//! on the differences that can be resolved.

use serde::{Deserialize, Serialize};

use super::IndexSettings;
use crate::partition::{Identifier, escape_control};

/// Differences of the passive table of a conversion from the serving table. Here, the serving table is called the source and
/// the passive one the copy: after the cutover, the copy is the plain table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CopyDifferences {
    /// Columns, by kind of change and name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<ColumnDifference>,
    /// Differing properties of the tables and of the columns that both have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<PropertyDifference>,
    /// Constraints that [`follow`](crate::sql::follow) added to the copy as `NOT VALID`;
    /// [`validate_copy`](crate::sql::validate_copy) validates them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_valid: Vec<Identifier>,
    /// Indexes of the source that the copy lacks, or that some of its partitions lack.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<MissingIndex>,
    /// Storage parameters of the plain table, which partitions of the copy get: a partitioned table has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub storage: Vec<String>,
    /// Access method of the plain table, which partitions of the copy get, or `None` for the default. Before Postgres 17, a
    /// partitioned table has no access method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_method: Option<Identifier>,
}

/// A column that one of the tables lacks, or that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ColumnDifference {
    /// Name in the source or, if the source lacks it, in the copy.
    pub name: Identifier,
    /// Change of the column on the source.
    pub change: ColumnChange,
    /// Why the operator cannot apply the change to the copy, or `None` if it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obstacle: Option<ColumnObstacle>,
}

/// Change of a column of the source since the copy was last equal.
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

/// Why the operator cannot apply a change of a column to the copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ColumnObstacle {
    /// A key of the copy or its partition key has the column.
    InKey,
    /// It is a stored generated column: Postgres would rewrite the table under a lock.
    Stored,
    /// Its type is a domain with a condition: Postgres would rewrite the table under a lock.
    Domain,
    /// Its type changed: Postgres would rewrite the table under a lock.
    Retyped,
    /// The plain table is passive: only a user changes its columns.
    AfterCutover,
}

/// A property that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PropertyDifference {
    /// Kind of the property.
    pub property: CopyProperty,
    /// Column, constraint, policy, grantee, or other object; empty for the table itself.
    pub object: String,
    /// Whether the operator applies the change to the copy.
    pub followed: bool,
}

impl PropertyDifference {
    /// Returns the kind and the object of the property, such as `check positive`.
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

/// Kind of a property of a table.
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

/// An index of the source that the copy lacks, or that some of its partitions lack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MissingIndex {
    /// Name on the source.
    pub name: Identifier,
    /// Name of the invalid equivalent index on the copy, or `None` if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "twin")]
    pub equivalent: Option<Identifier>,
    /// `UNIQUE`
    pub unique: bool,
    /// Definition from the access method on, as `pg_get_indexdef` prints it after `USING`.
    pub definition: String,
    /// Definition of the constraint that it supports, or `None` if it supports none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constraint: Option<String>,
    /// Properties that the definition does not include.
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

    /// Returns whether there is a difference that [`follow`](crate::sql::follow) cannot resolve.
    #[must_use]
    pub fn has_obstacle(&self) -> bool {
        self.columns.iter().any(|column| column.obstacle.is_some())
            || self.properties.iter().any(|property| !property.followed)
    }

    /// Returns whether there is a difference that [`follow`](crate::sql::follow) resolves.
    #[must_use]
    pub fn can_follow(&self) -> bool {
        self.columns.iter().any(|column| column.obstacle.is_none())
            || self.properties.iter().any(|property| property.followed)
    }

    /// Removes the differences that [`follow`](crate::sql::follow) resolves.
    pub(crate) fn follow(&mut self) {
        self.columns.retain(|column| column.obstacle.is_some());
        self.properties.retain(|property| !property.followed);
    }

    /// Returns whether [`follow`](crate::sql::follow) changes columns of the copy, which voids parity.
    #[must_use]
    pub fn changes_columns(&self) -> bool {
        self.columns.iter().any(|column| column.obstacle.is_none())
    }
}
