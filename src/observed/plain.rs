//! A plain table as the preflight of its conversion needs it.
//!
//! The query in `postgres/inspect_plain/` reads it, and a snapshot has it as the answer to
//! [`Question::PlainTable`](super::Question::PlainTable). A field has the name of its rows in the query; a flag is false
//! for what is ordinary, and then left out of the snapshot.

#![allow(clippy::struct_excessive_bools, reason = "the catalog answers yes or no")]

use serde::{Deserialize, Serialize};

use super::{DependentView, GroupedByKey, TakenName, WholeRow};
use crate::partition::{Identifier, KeyType, QualifiedName};

/// Observed state of a plain table and of the objects that depend on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlainTable {
    /// Why the table is more than an ordinary table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unusual: Vec<Unusual>,
    /// Whether row security hides rows from the owner of the table.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hides_rows_from_owner: bool,
    /// The database, if the owner of the table cannot create temporary objects in it; `None` if they can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_temporary: Option<Identifier>,
    /// Estimated number of rows, or `None` if the table was never analyzed.
    #[serde(default)]
    pub estimated_rows: Option<u64>,
    /// Size with its indexes and TOAST, in bytes.
    pub bytes: u64,
    /// Columns.
    #[serde(default)]
    pub columns: Vec<PlainColumn>,
    /// Unique indexes, the primary key among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unique_indexes: Vec<UniqueIndex>,
    /// Exclusion constraints, and keys `WITHOUT OVERLAPS`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclusions: Vec<ExclusionConstraint>,
    /// Checks and NOT NULL constraints that are not inherited, or not valid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<UnusualCheck>,
    /// Checks and indexes that use a whole row of the table as one value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub whole_rows: Vec<WholeRow>,
    /// Foreign keys of the table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub foreign_keys: Vec<OutboundForeignKey>,
    /// Foreign keys of other tables that reference the table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub referenced_by: Vec<InboundForeignKey>,
    /// Triggers that users created.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub triggers: Vec<PlainTrigger>,
    /// Rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Identifier>,
    /// Views whose queries name the table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub views: Vec<DependentView>,
    /// Objects whose queries name columns that are not in their `GROUP BY`, and rely on the primary key for that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grouped: Vec<GroupedByKey>,
    /// Other objects that depend on the table or its row type, as Postgres describes them; 100 at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bound: Vec<String>,
    /// Publications of the table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub publications: Vec<TablePublication>,
    /// Subscriptions that write to the table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subscriptions: Vec<Identifier>,
    /// Providers of security labels on the table or its columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub label_providers: Vec<Identifier>,
    /// Names that the conversion needs and other objects have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken: Vec<TakenName>,
}

/// Why a table is more than an ordinary table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Unusual {
    /// `UNLOGGED`
    Unlogged,
    /// `TEMPORARY`
    Temporary,
    /// `CREATE TABLE … OF type`
    Typed,
    /// A partition of another table.
    Partition,
    /// `INHERITS`
    Child,
    /// Another table inherits from it.
    Parent,
    /// An extension owns it.
    ExtensionMember,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlainColumn {
    /// Name.
    pub name: Identifier,
    /// Type in SQL.
    #[serde(rename = "type")]
    pub type_name: String,
    /// `pg_type.typname` of the type, of the base type if it is a domain.
    pub base_type: String,
    /// Whether rows can have NULL there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub nullable: bool,
    /// `GENERATED ALWAYS AS`
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub generated: bool,
    /// `GENERATED ALWAYS AS IDENTITY`
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub always_identity: bool,
    /// Whether a condition of its domain can run code of a user.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub runs_code: bool,
    /// Schema of the default btree operator class of the type, or `None` if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub btree: Option<Identifier>,
    /// Schema of the default hash operator class of the type, or `None` if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<Identifier>,
    /// The collation, if it sorts otherwise than when indexes were built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collation: Option<ChangedCollation>,
}

/// A collation whose version differs from the recorded one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangedCollation {
    /// Name.
    pub name: Identifier,
    /// The version that Postgres recorded.
    pub recorded: String,
    /// The version that the operating system provides.
    pub actual: String,
}

/// A unique index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UniqueIndex {
    /// Name of the constraint, or of the index if it supports none.
    pub name: Identifier,
    /// Whether it is the primary key.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub primary: bool,
    /// Whether rows can be missing in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub invalid: bool,
    /// `DEFERRABLE`
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deferrable: bool,
    /// Whether it has a condition.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// Columns of the index in order, without expressions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<Identifier>,
    /// Whether it has expressions.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub expressions: bool,
    /// Whether its order differs from that of its columns: by another collation or operator class, with NULLs at the other end,
    /// or one column up and another one down.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub other_order: bool,
    /// Columns that it sorts by another collation than theirs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_collation: Vec<Identifier>,
    /// Operator classes outside of `pg_catalog`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_operators: Vec<String>,
}

/// An exclusion constraint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExclusionConstraint {
    /// Name.
    pub name: Identifier,
    /// Columns that it compares by `=`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub equal: Vec<Identifier>,
}

/// A check or NOT NULL constraint that a partitioned copy cannot have as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UnusualCheck {
    /// Name.
    pub name: Identifier,
    /// Whether it is a check with `NO INHERIT`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_inherit: bool,
    /// Whether rows may violate it, and new rows may not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_valid: bool,
}

/// A foreign key of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OutboundForeignKey {
    /// Name.
    pub name: Identifier,
    /// The referenced table.
    pub references: QualifiedName,
    /// Whether the table references itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub to_itself: bool,
    /// Whether rows may violate it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_valid: bool,
    /// Whether the owner of the table lacks REFERENCES on the referenced columns.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_granted: bool,
}

/// A foreign key of another table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InboundForeignKey {
    /// The other table.
    pub table: QualifiedName,
    /// Name of the foreign key.
    pub name: Identifier,
    /// Whether the owner of the referenced table cannot drop it: another role owns the other table.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub other_owner: bool,
}

/// A trigger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlainTrigger {
    /// Name.
    pub name: Identifier,
    /// `FOR EACH ROW`
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub for_each_row: bool,
    /// Whether it can change a row before it is written.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub changes_rows: bool,
    /// `REFERENCING`
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub transition_tables: bool,
    /// Language of its function.
    pub language: String,
    /// Whether the source of its function names `TG_TABLE_NAME`, `TG_RELNAME`, or `TG_RELID`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub names_table: bool,
    /// Columns that the source of its function or its arguments name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<Identifier>,
}

/// A publication of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TablePublication {
    /// Name.
    pub name: Identifier,
    /// Whether it publishes all tables, or those of the schema, and does not name the table.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub implied: bool,
    /// Whether it publishes partitions under their own names: not `publish_via_partition_root`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_partition: bool,
    /// Whether the owner of the table cannot change it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub other_owner: bool,
}

impl PlainTable {
    /// Returns the column of this name.
    #[must_use]
    pub fn column(&self, name: &Identifier) -> Option<&PlainColumn> {
        self.columns.iter().find(|column| column.name == *name)
    }

    /// Returns the type of a column if a range can be managed on it.
    #[must_use]
    pub fn key_type(&self, column: &Identifier) -> Option<KeyType> {
        KeyType::from_type_name(&self.column(column)?.base_type)
    }
}
