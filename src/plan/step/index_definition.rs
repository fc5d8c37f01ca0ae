//! What an index to create is.

use super::text::shown_shape;
use crate::partition::{IndexShape, shown_text};

/// What an index to create is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexDefinition {
    /// What the spec says.
    Shape(IndexShape),
    /// The twin of an index of the plain table of which the table is a copy.
    Twin {
        /// Whether it is unique.
        unique: bool,
        /// What follows `USING` in the definition, as the catalog deparses it.
        definition: String,
    },
}

impl IndexDefinition {
    /// Returns what the spec says, or `None` if it is the twin of another index.
    #[must_use]
    pub fn shape(&self) -> Option<&IndexShape> {
        match self {
            Self::Shape(shape) => Some(shape),
            Self::Twin { .. } => None,
        }
    }

    /// Returns whether no two rows may have equal keys.
    #[must_use]
    pub fn is_unique(&self) -> bool {
        match self {
            Self::Shape(shape) => shape.unique,
            Self::Twin { unique, .. } => *unique,
        }
    }

    /// Returns whether the index has a condition, as far as that can be told: a twin is taken to have one.
    #[must_use]
    pub fn may_be_partial(&self) -> bool {
        self.shape().is_none_or(|shape| shape.predicate.is_some())
    }

    /// Returns the definition as the catalog deparses it, or nothing if the shape says all.
    pub(in crate::plan) fn catalog_text(&self) -> String {
        match self {
            Self::Shape(_) => String::new(),
            Self::Twin { definition, .. } => definition.clone(),
        }
    }

    pub(super) fn shown(&self) -> String {
        match self {
            Self::Shape(shape) => shown_shape(shape),
            Self::Twin { unique: true, definition } => format!("unique {}", shown_text(definition)),
            Self::Twin { unique: false, definition } => shown_text(definition),
        }
    }
}
