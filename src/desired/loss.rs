//! Losses of a conversion, one object each, and their spelling.

use std::fmt;
use std::str::FromStr;

use crate::api::v1alpha1::ACKNOWLEDGEMENTS;
use crate::partition::{Identifier, InvalidIdentifier, QualifiedName, sql_names};

/// Something that a conversion loses and that a user can accept by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// A constraint or an index that is unique without the partition columns.
    UniqueKey(Identifier),
    /// A foreign key that references the table.
    ForeignKey {
        /// The table that has the foreign key.
        table: QualifiedName,
        /// Name of the constraint.
        constraint: Identifier,
    },
    /// An exclusion constraint that a partitioned table cannot have.
    Exclusion(Identifier),
    /// A view that continues to read the plain table.
    View(QualifiedName),
    /// A publication that names the table only as one of all tables, or of all tables of its schema.
    Publication(Identifier),
    /// A trigger that changes a partition column before the row is written.
    RowMover(Identifier),
    /// A trigger that sees the name of a partition in place of the table's.
    TriggerSeesPartition(Identifier),
    /// The security labels of a provider.
    SecurityLabel(Identifier),
    /// Planning time, which grows with the number of partitions.
    ManyPartitions,
}

/// Why a text is not the name of a loss.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLoss {
    /// The word before the colon.
    #[error("is not a loss of a conversion: write {ACKNOWLEDGEMENTS}")]
    Unknown,
    /// The number of names after the colon.
    #[error(
        "does not name the lost object: write {ACKNOWLEDGEMENTS}; names are quoted as in SQL if needed"
    )]
    Object,
    /// A name after the colon.
    #[error(transparent)]
    Name(#[from] InvalidIdentifier),
}

impl Loss {
    /// The word before the colon.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::UniqueKey(_) => "UniqueKey",
            Self::ForeignKey { .. } => "ForeignKey",
            Self::Exclusion(_) => "Exclusion",
            Self::View(_) => "View",
            Self::Publication(_) => "Publication",
            Self::RowMover(_) => "RowMover",
            Self::TriggerSeesPartition(_) => "TriggerSeesPartition",
            Self::SecurityLabel(_) => "SecurityLabel",
            Self::ManyPartitions => "ManyPartitions",
        }
    }
}

/// Returns the entry for `spec.conversion.acknowledge`. Control characters in a name are escaped, as in every
/// message, and such a name cannot be parsed again.
impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let object = match self {
            Self::UniqueKey(name)
            | Self::Exclusion(name)
            | Self::Publication(name)
            | Self::RowMover(name)
            | Self::TriggerSeesPartition(name)
            | Self::SecurityLabel(name) => name.display(),
            Self::ForeignKey { table, constraint } => {
                format!("{}.{}", table.display(), constraint.display())
            }
            Self::View(view) => view.display(),
            Self::ManyPartitions => return f.write_str(self.word()),
        };
        write!(f, "{}:{object}", self.word())
    }
}

impl FromStr for Loss {
    type Err = InvalidLoss;

    fn from_str(text: &str) -> Result<Self, InvalidLoss> {
        let (word, object) =
            text.split_once(':').map_or((text, None), |(word, object)| (word, Some(object)));
        let construct: fn(Names) -> Option<Self> = match word {
            "UniqueKey" => |names| names.one().map(Self::UniqueKey),
            "ForeignKey" => |names| {
                let (table, constraint) = names.three()?;
                Some(Self::ForeignKey { table, constraint })
            },
            "Exclusion" => |names| names.one().map(Self::Exclusion),
            "View" => |names| names.two().map(Self::View),
            "Publication" => |names| names.one().map(Self::Publication),
            "RowMover" => |names| names.one().map(Self::RowMover),
            "TriggerSeesPartition" => |names| names.one().map(Self::TriggerSeesPartition),
            "SecurityLabel" => |names| names.one().map(Self::SecurityLabel),
            "ManyPartitions" => |names| names.0.is_empty().then_some(Self::ManyPartitions),
            _ => return Err(InvalidLoss::Unknown),
        };
        let names = object.map(sql_names).transpose()?.unwrap_or_default();
        construct(Names(names)).ok_or(InvalidLoss::Object)
    }
}

/// The names after the colon.
struct Names(Vec<Identifier>);

impl Names {
    fn one(self) -> Option<Identifier> {
        <[Identifier; 1]>::try_from(self.0).ok().map(|[name]| name)
    }

    fn two(self) -> Option<QualifiedName> {
        let [schema, name] = self.0.try_into().ok()?;
        Some(QualifiedName { schema, name })
    }

    fn three(self) -> Option<(QualifiedName, Identifier)> {
        let [schema, name, constraint] = self.0.try_into().ok()?;
        Some((QualifiedName { schema, name }, constraint))
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidLoss, Loss};

    const SPELLINGS: [&str; 11] = [
        "UniqueKey:orders_pkey",
        "UniqueKey:\"Orders: a.\"\"b\"\"\"",
        "ForeignKey:shop.lines.lines_order_fk",
        "ForeignKey:\"My Shop\".lines.\"x.y\"",
        "Exclusion:orders_no_overlap",
        "View:shop.open_orders",
        "Publication:cdc",
        "RowMover:set_org",
        "TriggerSeesPartition:audit",
        "SecurityLabel:anon",
        "ManyPartitions",
    ];

    #[test]
    fn spelling_is_read_and_written_alike() {
        for text in SPELLINGS {
            let loss: Loss = text.parse().expect(text);
            assert_eq!(loss.to_string(), text);
            assert!(text.starts_with(loss.word()));
        }
    }

    #[test]
    fn names_fold_as_in_sql() {
        for (text, folded) in [
            ("UniqueKey:Orders_PKey", "UniqueKey:orders_pkey"),
            ("View:\"shop\".Open", "View:shop.open"),
            ("Publication:\u{fc}ber", "Publication:\"\u{fc}ber\""),
        ] {
            assert_eq!(text.parse::<Loss>().expect(text).to_string(), folded);
        }
    }

    #[test]
    fn other_texts_are_rejected() {
        for text in ["", "orders_pkey", "uniquekey:a", "UniqueKeys:a", " UniqueKey:a", "Drop:a"] {
            assert_eq!(text.parse::<Loss>(), Err(InvalidLoss::Unknown), "{text}");
        }
        for text in [
            "UniqueKey:a.b",
            "UniqueKey",
            "ForeignKey:a.b",
            "View:a",
            "View:a.b.c",
            "ManyPartitions:a",
        ] {
            assert_eq!(text.parse::<Loss>(), Err(InvalidLoss::Object), "{text}");
        }
        let long = format!("UniqueKey:{}", "x".repeat(64));
        for text in
            ["UniqueKey:", "UniqueKey:a b", "View:a.", "RowMover:\"a", "RowMover:\"a\"b", &long]
        {
            assert!(matches!(text.parse::<Loss>(), Err(InvalidLoss::Name(_))), "{text}");
        }
    }
}
