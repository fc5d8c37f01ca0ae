//! Names of the `CHECK` constraints that the operator adds. A constraint has no comment of the operator: its name says
//! what it is.

use super::stored_name::{stored_name, stored_names};
use super::{Edge, Identifier, ManagedTable, RangeBounds, digest};

/// Prefix of the name of a default-partition check.
pub const DEFAULT_CHECK_PREFIX: &str = "pgpartition_not_";

/// Returns the name of the default-partition check for a range.
///
/// Its encoding is still that of version 0, in which no two ranges share a text.
#[must_use]
pub fn default_check(range: RangeBounds) -> Identifier {
    let edge = |edge| match edge {
        Edge::MinValue => "MinValue".to_owned(),
        Edge::NegativeInfinity => "NegativeInfinity".to_owned(),
        Edge::At(at) => format!("At({at})"),
        Edge::Infinity => "Infinity".to_owned(),
        Edge::MaxValue => "MaxValue".to_owned(),
    };
    let text = format!("RangeBounds {{ from: {}, to: {} }}", edge(range.from()), edge(range.to()));
    Identifier::composed(format!("{DEFAULT_CHECK_PREFIX}{}", digest(&text, 16)))
}

/// Returns the name of the check that a new table has until it is attached, so that `ATTACH PARTITION` scans nothing.
#[must_use]
pub fn bounds_check() -> Identifier {
    Identifier::composed("pgpartition_bounds".to_owned())
}

/// Returns the name of the check on tables that were detached from this one, by which they are found.
#[must_use]
pub fn detached_check(table: &ManagedTable) -> Identifier {
    detached_check_name(&stored_name(table.name()))
}

/// Returns the names that the check on detached tables can have, the one that is given from now on first.
#[must_use]
pub fn detached_checks(table: &ManagedTable) -> Vec<Identifier> {
    stored_names(table.name()).map(|name| detached_check_name(&name)).collect()
}

fn detached_check_name(stored_name: &str) -> Identifier {
    Identifier::composed(format!("pgpartition_of_{}", digest(stored_name, 16)))
}

#[cfg(test)]
mod tests {
    use super::{default_check, detached_checks};
    use crate::partition::{Edge, Identifier, ManagedTable, QualifiedName, RangeBounds};

    #[test]
    fn names_of_constraints_are_golden() {
        // 2027-01 of a timestamptz, as version 0 named it.
        let month = (Edge::At(1_798_761_600_000_000), Edge::At(1_801_440_000_000_000));
        for ((from, to), name) in [
            (month, "pgpartition_not_98b91eade4e9ef48"),
            ((Edge::MinValue, Edge::MaxValue), "pgpartition_not_7419c7430c680791"),
            ((Edge::NegativeInfinity, Edge::Infinity), "pgpartition_not_edb4f4acdf58ed24"),
        ] {
            let range = RangeBounds::new(from, to).expect("a range");
            assert_eq!(default_check(range).as_str(), name);
        }
        for (name, checks) in [
            ("invoices", &["pgpartition_of_1a2a94ded0bfd10b"][..]),
            (
                "back\\slash",
                &["pgpartition_of_9387c50121384101", "pgpartition_of_e899a49b97da5083"],
            ),
            (
                "Straße \"n\"\nzwei",
                &["pgpartition_of_af2d1633b9ecce6d", "pgpartition_of_b4ad7ab1fb679bd4"],
            ),
        ] {
            let [schema, name] =
                ["finance", name].map(|name| Identifier::new(name).expect("a name"));
            let table = ManagedTable::new(QualifiedName { schema, name });
            let found: Vec<_> =
                detached_checks(&table).iter().map(|n| n.as_str().to_owned()).collect();
            assert_eq!(found, checks);
        }
    }
}
