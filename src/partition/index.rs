//! Indexes, as far as they can be named in a resource and compared with the catalog.

use super::predicate::means_the_same;
use super::{Identifier, digest};

/// What an index is, apart from its name and the table it is on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IndexShape {
    /// The access method: `btree`, `gin` …
    pub method: String,
    /// Whether no two rows may have equal keys.
    pub unique: bool,
    /// The key columns, in order.
    pub columns: Vec<IndexColumn>,
    /// The columns stored beside the key: `INCLUDE`.
    pub include: Vec<Identifier>,
    /// The rows it covers: `WHERE`, as it was written or as the catalog deparses it.
    pub predicate: Option<String>,
}

/// A key column of an index.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IndexColumn {
    /// The column.
    pub column: Identifier,
    /// `DESC`
    pub descending: bool,
    /// `NULLS FIRST`, which is what `DESC` alone means too.
    pub nulls_first: bool,
}

impl IndexShape {
    /// Whether an index of shape `found` does what this one asks for.
    ///
    /// Where two predicates cannot be proved to mean the same, they are taken to differ.
    #[must_use]
    pub fn is_met_by(&self, found: &Self) -> bool {
        let Self { method, unique, columns, include, predicate } = self;
        let is_alike = *method == found.method
            && *unique == found.unique
            && *columns == found.columns
            && *include == found.include;
        is_alike
            && match (predicate, &found.predicate) {
                (None, None) => true,
                (Some(wanted), Some(found)) => means_the_same(wanted, found),
                (Some(_), None) | (None, Some(_)) => false,
            }
    }

    /// The columns it names, keys first.
    pub fn named_columns(&self) -> impl Iterator<Item = &Identifier> {
        self.columns.iter().map(|key| &key.column).chain(&self.include)
    }

    /// A digest that tells this shape from others, kept in the comment of an index we made.
    #[must_use]
    pub fn digest(&self) -> String {
        digest(&format!("{self:?}"), 12)
    }
}
