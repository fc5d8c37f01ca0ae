//! Objects of a plain table, or beside it, that the preflight knows by kind and name.

use serde::{Deserialize, Serialize};

use crate::partition::{Identifier, QualifiedName};

/// An object that uses a whole row of the table as one value: a partition has another row type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WholeRow {
    /// A check.
    Check(Identifier),
    /// An index, in an expression or in its condition.
    Index(Identifier),
}

impl WholeRow {
    /// Returns the kind of the object in Postgres' word, and its name.
    #[must_use]
    pub fn parts(&self) -> (&'static str, &Identifier) {
        match self {
            Self::Check(name) => ("check", name),
            Self::Index(name) => ("index", name),
        }
    }
}

/// A name that the conversion needs and another object has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TakenName {
    /// A relation of the schema.
    Relation(Identifier),
    /// A type of the schema, except row types of relations.
    Type(Identifier),
    /// A function of the schema.
    Function(Identifier),
    /// A function of the schema that triggers of another table use.
    TriggerFunction {
        /// Name.
        name: Identifier,
        /// The other table.
        table: QualifiedName,
    },
    /// A trigger on the table.
    Trigger(Identifier),
}

impl TakenName {
    /// Returns the kind of the object in Postgres' word, and its name.
    #[must_use]
    pub fn parts(&self) -> (&'static str, &Identifier) {
        match self {
            Self::Relation(name) => ("relation", name),
            Self::Type(name) => ("type", name),
            Self::Function(name) | Self::TriggerFunction { name, .. } => ("function", name),
            Self::Trigger(name) => ("trigger", name),
        }
    }

    /// Returns the other table whose triggers use the object, or `None` if none does.
    #[must_use]
    pub fn used_by(&self) -> Option<&QualifiedName> {
        match self {
            Self::TriggerFunction { table, .. } => Some(table),
            Self::Relation(_) | Self::Type(_) | Self::Function(_) | Self::Trigger(_) => None,
        }
    }
}
