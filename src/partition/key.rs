//! Partition keys.

use super::Identifier;

/// Partition keys: `PARTITION BY …`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `RANGE`
    Range,
    /// `LIST`
    List,
    /// `HASH`
    Hash,
}

impl Method {
    /// The word as SQL and people write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::List => "list",
            Self::Hash => "hash",
        }
    }
}

/// A partition key as the catalog has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionKey {
    /// Partition key and method of a table.
    pub method: Method,
    /// Columns and expressions of the key, in order.
    pub columns: Vec<KeyColumn>,
}

impl PartitionKey {
    /// The key as a person reads it: `range (occurred_at)`.
    #[must_use]
    pub fn display(&self) -> String {
        let columns: Vec<_> = self
            .columns
            .iter()
            .map(|c| c.name.as_ref().map_or_else(|| "(expression)".to_owned(), Identifier::display))
            .collect();
        format!("{} ({})", self.method.as_str(), columns.join(", "))
    }
}

/// One column of a partition key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyColumn {
    /// Name of the column; `None` for an expression.
    pub name: Option<Identifier>,
    /// The type's name in `pg_type`, that of the base type where it is a domain.
    pub type_name: String,
}

/// The types a range can be managed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// `date`: a day of the wall calendar.
    Date,
    /// `timestamp`: what a clock on the wall shows.
    Timestamp,
    /// `timestamptz`: an instant.
    TimestampTz,
    /// `uuid` holding `UUIDv7`, whose first 48 bits are milliseconds since 1970 (RFC 9562 §5.7).
    UuidV7,
}

/// The one column of a range key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RangeKey {
    /// Name of the column.
    pub column: Identifier,
    /// The type of the column.
    pub key_type: KeyType,
}

impl PartitionKey {
    /// Returns the column and its type if this is a range on one column of a type that periods can be told on.
    #[must_use]
    pub fn as_range(&self) -> Option<RangeKey> {
        match (self.method, self.columns.as_slice()) {
            (Method::Range, [KeyColumn { name: Some(column), type_name }]) => Some(RangeKey {
                column: column.clone(),
                key_type: KeyType::from_type_name(type_name)?,
            }),
            _ => None,
        }
    }
}

impl KeyType {
    /// The key type that `pg_type.typname` names, if it is one a range can be managed on.
    #[must_use]
    pub fn from_type_name(name: &str) -> Option<Self> {
        match name {
            "date" => Some(Self::Date),
            "timestamp" => Some(Self::Timestamp),
            "timestamptz" => Some(Self::TimestampTz),
            "uuid" => Some(Self::UuidV7),
            _ => None,
        }
    }

    /// The type's name in SQL.
    #[must_use]
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::TimestampTz => "timestamptz",
            Self::UuidV7 => "uuid",
        }
    }

    /// Whether the key holds what a clock on the wall shows rather than an instant.
    #[must_use]
    pub fn is_wall_clock(self) -> bool {
        match self {
            Self::Date | Self::Timestamp => true,
            Self::TimestampTz | Self::UuidV7 => false,
        }
    }
}
