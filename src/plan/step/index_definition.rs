//! Definition of an index to create.

use super::text::format_shape;
use crate::partition::{IndexShape, escape_control};

/// Definition of an index to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexDefinition {
    /// Definition in the spec.
    Shape(IndexShape),
    /// Equivalent of an index of the plain table that the table is a copy of.
    Equivalent {
        /// Whether it is unique.
        unique: bool,
        /// Part after `USING` of the definition, as the catalog deparses it.
        definition: String,
    },
}

impl IndexDefinition {
    /// Returns the definition in the spec, or `None` if it is the equivalent of another index.
    #[must_use]
    pub fn shape(&self) -> Option<&IndexShape> {
        match self {
            Self::Shape(shape) => Some(shape),
            Self::Equivalent { .. } => None,
        }
    }

    /// Returns whether no two rows may have equal keys.
    #[must_use]
    pub fn is_unique(&self) -> bool {
        match self {
            Self::Shape(shape) => shape.unique,
            Self::Equivalent { unique, .. } => *unique,
        }
    }

    /// Returns whether the index has a condition; an equivalent of another index counts as having one.
    #[must_use]
    pub fn may_be_partial(&self) -> bool {
        self.shape().is_none_or(|shape| shape.predicate.is_some())
    }

    /// Returns the definition as the catalog deparses it, or nothing if the shape says all.
    pub(in crate::plan) fn catalog_text(&self) -> String {
        match self {
            Self::Shape(_) => String::new(),
            Self::Equivalent { definition, .. } => definition.clone(),
        }
    }

    pub(super) fn display(&self) -> String {
        match self {
            Self::Shape(shape) => format_shape(shape),
            Self::Equivalent { unique: true, definition } => {
                format!("unique {}", escape_control(definition))
            }
            Self::Equivalent { unique: false, definition } => escape_control(definition),
        }
    }
}
