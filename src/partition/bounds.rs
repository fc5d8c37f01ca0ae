//! Bounds: what `FOR VALUES …` says.

use super::{KeyType, RangeKey, escape_control};

/// Lower or upper bound of a range, as a position on the key's axis: microseconds for a time, the number itself
/// for a uuid (see [`super::Axis`]).
///
/// The order is Postgres': `MINVALUE` lies below every value, `-infinity` among them, and
/// `MAXVALUE` above every value, `infinity` among them.
/// <https://www.postgresql.org/docs/current/sql-createtable.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Edge {
    /// `MINVALUE`
    MinValue,
    /// The value `-infinity`.
    NegativeInfinity,
    /// A finite value.
    At(i128),
    /// The value `infinity`.
    Infinity,
    /// `MAXVALUE`
    MaxValue,
}

/// A half-open range: `from <= key < to`, never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RangeBounds {
    from: Edge,
    to: Edge,
}

impl RangeBounds {
    /// Returns the range between two bounds, or `None` if it would be empty.
    #[must_use]
    pub fn new(from: Edge, to: Edge) -> Option<Self> {
        (from < to).then_some(Self { from, to })
    }

    /// The first value inside.
    #[must_use]
    pub fn from(&self) -> Edge {
        self.from
    }

    /// The first value after.
    #[must_use]
    pub fn to(&self) -> Edge {
        self.to
    }

    /// Whether some value lies in both.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.from < other.to && other.from < self.to
    }

    /// Whether the value lies inside.
    #[must_use]
    pub fn contains(&self, at: Edge) -> bool {
        self.from <= at && at < self.to
    }
}

/// A range of the values of a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyRange {
    /// Partition column.
    pub key: RangeKey,
    /// Lower and upper bound, on the axis of the key.
    pub range: RangeBounds,
}

impl KeyRange {
    /// Returns the range as a person reads it: `[2026-03-01 00:00:00+00, 2026-04-01 00:00:00+00)`.
    #[must_use]
    pub fn display(&self) -> String {
        let key_type = self.key.key_type;
        format!("[{}, {})", key_type.display(self.range.from), key_type.display(self.range.to))
    }
}

/// Bounds of a partition.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Bounds {
    /// `FROM (…) TO (…)` on one column of a type we manage.
    Range(KeyRange),
    /// `WITH (MODULUS m, REMAINDER r)`, the remainder less than the modulus.
    Hash {
        /// The number the hash is divided by.
        modulus: u32,
        /// The rest it must leave.
        remainder: u32,
    },
    /// Rows that no other partition takes.
    Default,
    /// Bounds we do not manage, as Postgres writes them: of a list, say.
    Other(String),
}

impl Bounds {
    /// Reads what `pg_get_expr(relpartbound, oid)` gave, written under `TimeZone=UTC` and
    /// `DateStyle=ISO`. `key` is the key of a range on one column of a type we manage.
    #[must_use]
    pub fn parse(text: &str, key: Option<&RangeKey>) -> Self {
        if text == "DEFAULT" {
            return Self::Default;
        }
        parse_hash(text)
            .or_else(|| parse_range(text, key?).map(Self::Range))
            .unwrap_or_else(|| Self::Other(text.to_owned()))
    }

    /// The range, where it is one.
    #[must_use]
    pub fn as_range(&self) -> Option<RangeBounds> {
        match self {
            Self::Range(of) => Some(of.range),
            Self::Hash { .. } | Self::Default | Self::Other(_) => None,
        }
    }

    /// Returns the bounds as a person reads them.
    #[must_use]
    pub fn display(&self) -> String {
        match self {
            Self::Range(range) => range.display(),
            Self::Hash { modulus, remainder } => format!("remainder {remainder} of {modulus}"),
            Self::Default => "default".to_owned(),
            Self::Other(text) => escape_control(text),
        }
    }
}

fn parse_hash(text: &str) -> Option<Bounds> {
    let (modulus, remainder) = text
        .strip_prefix("FOR VALUES WITH (modulus ")?
        .strip_suffix(')')?
        .split_once(", remainder ")?;
    let (modulus, remainder) = (modulus.parse().ok()?, remainder.parse().ok()?);
    (remainder < modulus).then_some(Bounds::Hash { modulus, remainder })
}

fn parse_range(text: &str, key: &RangeKey) -> Option<KeyRange> {
    let (from, to) =
        text.strip_prefix("FOR VALUES FROM (")?.strip_suffix(')')?.split_once(") TO (")?;
    let edge = |text| parse_edge(text, key.key_type);
    let range = RangeBounds::new(edge(from)?, edge(to)?)?;
    Some(KeyRange { key: key.clone(), range })
}

fn parse_edge(text: &str, key: KeyType) -> Option<Edge> {
    match text {
        "MINVALUE" => Some(Edge::MinValue),
        "MAXVALUE" => Some(Edge::MaxValue),
        quoted => key.parse(quoted.strip_prefix('\'')?.strip_suffix('\'')?),
    }
}

impl KeyType {
    /// The edge as a person reads it.
    #[must_use]
    pub fn display(self, edge: Edge) -> String {
        match edge {
            Edge::MinValue => "MINVALUE".to_owned(),
            Edge::MaxValue => "MAXVALUE".to_owned(),
            Edge::NegativeInfinity | Edge::At(_) | Edge::Infinity => {
                // Midnight, of an instant in UTC, goes without saying.
                without_midnight(&self.literal(edge))
            }
        }
    }
}

/// A value without its time of day, where that is midnight.
fn without_midnight(literal: &str) -> String {
    match literal.split_once(" 00:00:00") {
        Some((day, rest)) if !rest.starts_with('.') => {
            format!("{day}{}", rest.strip_prefix("+00").unwrap_or(rest))
        }
        Some(_) | None => literal.to_owned(),
    }
}
