//! `spec.indexes`: the indexes of the partitions.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema::{forbidden, identifier, included_columns, invalid, required};

/// An index that each selected partition has, valid and as described here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = required(
        ".newest",
        "!has(self.partitions) || self.partitions != 'Newest' || has(self.newest)",
        "partitions: Newest needs the number of periods in newest"
    ),
    validation = forbidden(
        ".newest",
        "!has(self.newest) || (has(self.partitions) && self.partitions == 'Newest')",
        "newest goes with partitions: Newest; set that too, or remove newest"
    ),
    validation = invalid(
        ".columns",
        "self.columns.all(a, self.columns.exists_one(b, b.column == a.column))",
        "names a column twice; leave one of them out"
    ),
    validation = invalid(
        ".columns",
        "size(self.columns) == 1 || !has(self.method) || !(self.method in ['hash', 'spgist'])",
        "an index of method hash or spgist has exactly one column"
    ),
    validation = forbidden(
        ".columns",
        "!has(self.method) || self.method == 'btree' \
         || self.columns.all(c, !has(c.order) && !has(c.nulls))",
        "only a btree index is ordered: remove order and nulls, or use method btree"
    ),
    validation = forbidden(
        ".unique",
        "!has(self.unique) || !self.unique || !has(self.method) || self.method == 'btree'",
        "only a btree index can be unique: remove unique, or use method btree"
    ),
    validation = forbidden(
        ".include",
        "!has(self.include) || !has(self.method) || self.method in ['btree', 'gist', 'spgist']",
        "only a btree, gist or spgist index can include columns: remove include, or change method"
    ),
    validation = invalid(
        ".include",
        "!has(self.include) || size(self.columns) + size(self.include) <= 32",
        "an index has at most 32 columns, those included among them; remove some"
    ),
    validation = invalid(
        ".include",
        "!has(self.include) || self.include.all(i, !self.columns.exists(c, c.column == i))",
        "includes a column that is already part of the key; leave it out here"
    ),
)]
pub struct Index {
    /// Name of the index on the partitioned table. The names of the partition indexes derive from it.
    #[schemars(schema_with = "identifier")]
    pub name: String,
    /// Indexed columns, in order.
    #[schemars(length(min = 1, max = 32))]
    pub columns: Vec<IndexColumn>,
    /// Columns that the index includes without being part of its key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "included_columns")]
    pub include: Vec<String>,
    /// Whether the index is unique. Default: false. With `partitions: All` and without `where`, `columns` must contain all
    /// partition columns. With `where` or `partitions: Newest`, the index is unique only within each partition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unique: Option<bool>,
    /// Access method. Default: btree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "IndexMethod")]
    pub method: Option<IndexMethod>,
    /// Condition of a partial index, in SQL: comparisons of columns with constants.
    #[serde(rename = "where", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub predicate: Option<String>,
    /// Partitions that have the index. All: every partition. Newest: the partitions of the last `newest` periods and of all
    /// periods ahead. Default: All.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "IndexedPartitions")]
    pub partitions: Option<IndexedPartitions>,
    /// With `partitions: Newest`: number of periods, counted back from the current one inclusive. Periods ahead
    /// have the index too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10000))]
    pub newest: Option<i32>,
}

impl Index {
    /// Returns whether the index is unique; false by default.
    #[must_use]
    pub fn is_unique(&self) -> bool {
        self.unique.unwrap_or(false)
    }

    /// Returns the access method; btree by default.
    #[must_use]
    pub fn method(&self) -> IndexMethod {
        self.method.unwrap_or(IndexMethod::Btree)
    }

    /// Returns the partitions that have the index; all by default.
    #[must_use]
    pub fn partitions(&self) -> IndexedPartitions {
        self.partitions.unwrap_or(IndexedPartitions::All)
    }
}

/// One column of an index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct IndexColumn {
    /// Name of the column.
    #[schemars(schema_with = "identifier")]
    pub column: String,
    /// Sort order. Default: Asc.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SortOrder")]
    pub order: Option<SortOrder>,
    /// Position of nulls. Default, as in Postgres: Last in ascending order, First in descending order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "NullsOrder")]
    pub nulls: Option<NullsOrder>,
}

impl IndexColumn {
    /// Returns the sort order; ascending by default.
    #[must_use]
    pub fn order(&self) -> SortOrder {
        self.order.unwrap_or(SortOrder::Asc)
    }

    /// Returns the position of nulls; the default is that of Postgres.
    #[must_use]
    pub fn nulls(&self) -> NullsOrder {
        self.nulls.unwrap_or(match self.order() {
            SortOrder::Asc => NullsOrder::Last,
            SortOrder::Desc => NullsOrder::First,
        })
    }
}

/// Sort order of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SortOrder {
    /// Ascending.
    Asc,
    /// Descending.
    Desc,
}

/// Position of nulls in the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum NullsOrder {
    /// Before everything else.
    First,
    /// After everything else.
    Last,
}

/// An index access method of Postgres.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IndexMethod {
    /// B-tree: ordered, and the only method that can be unique.
    Btree,
    /// Equality only.
    Hash,
    /// Values with parts: arrays, jsonb, full text.
    Gin,
    /// Geometry, ranges, nearest neighbors.
    Gist,
    /// Block ranges: small, for columns that follow the physical order.
    Brin,
    /// Space-partitioned trees.
    Spgist,
}

/// Partitions that have an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum IndexedPartitions {
    /// Every partition, managed or not.
    All,
    /// The `newest` periods up to and including the current one, and all ahead. Range only.
    Newest,
}
