//! The identity of a table that the operator manages.

use super::digest::digest_number;
use super::{Identifier, QualifiedName};

/// A table by the name that a spec gives it.
///
/// Partitions are named after it, and it is what markers, the constraint on detached tables, claims, and
/// advisory locks name. The relation that SQL addresses can have another name: a partitioned copy takes
/// the name of the table at its cutover only. A relation is a [`QualifiedName`], and neither type converts
/// into the other by itself, so that no marker names a relation and no statement addresses an identity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ManagedTable(QualifiedName);

impl ManagedTable {
    /// Creates the identity of the table with this name in its spec.
    #[must_use]
    pub fn new(name: QualifiedName) -> Self {
        Self(name)
    }

    /// Returns the name in the spec. The relation has this name too, unless the caller knows of another.
    #[must_use]
    pub fn name(&self) -> &QualifiedName {
        &self.0
    }

    /// Returns another relation of the table's schema: a partition, or a relation that stands in for the table.
    #[must_use]
    pub fn sibling(&self, name: Identifier) -> QualifiedName {
        self.0.sibling(name)
    }

    /// Returns the number of the table in advisory locks, the same in every version of this program. Two of many
    /// tables can have the same number, and then exclude each other.
    #[must_use]
    pub fn lock_number(&self) -> u32 {
        // No name contains NUL, so no two names give the same text.
        digest_number(&format!("{}\0{}", self.0.schema.as_str(), self.0.name.as_str()))
    }

    /// Returns the name for messages, see [`Identifier::display`]. It is not an identity: two names can have the
    /// same form.
    #[must_use]
    pub fn display(&self) -> String {
        self.0.display()
    }
}
