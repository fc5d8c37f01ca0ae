//! Indexes, as far as they can be named in a resource and compared with the catalog.

use super::predicate::means_the_same;
use super::stored_name::version_0;
use super::{Canonical, Identifier, digest, encode_fields};

/// The version of the digest that is written into comments from now on.
const DIGEST_VERSION: u32 = 1;

/// Hexadecimal digits of a digest.
const DIGITS: usize = 12;

/// Definition of an index without its name and table.
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
    /// Name of the column.
    pub column: Identifier,
    /// `DESC`
    pub descending: bool,
    /// `NULLS FIRST`, which is what `DESC` alone means too.
    pub nulls_first: bool,
}

impl IndexShape {
    /// Whether an index of shape `found` does what this one asks for.
    ///
    /// Two predicates that cannot be proved to be equivalent count as different.
    #[must_use]
    pub fn is_met_by(&self, found: &Self) -> bool {
        let Self { method, unique, columns, include, predicate } = self;
        let is_equal = *method == found.method
            && *unique == found.unique
            && *columns == found.columns
            && *include == found.include;
        is_equal
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

    /// Returns the digest that the comment of a new index gets, which tells this shape from others. Before a colon
    /// it has the version of its encoding.
    #[must_use]
    pub fn digest(&self) -> String {
        let digest = Canonical::new("index", DIGEST_VERSION).with(self).digest(DIGITS);
        format!("{DIGEST_VERSION}:{digest}")
    }

    /// Returns every digest by which a comment can mean this shape, the one of a new index first.
    #[must_use]
    pub fn digests(&self) -> [String; 2] {
        [self.digest(), digest(&self.version_0(), DIGITS)]
    }

    /// Returns the text of version 0, whose digest had no version before it: what `Debug` made of the shape.
    fn version_0(&self) -> String {
        let Self { method, unique, columns, include, predicate } = self;
        let column = |of: &IndexColumn| {
            let IndexColumn { column, descending, nulls_first } = of;
            format!(
                "IndexColumn {{ column: {}, descending: {descending}, nulls_first: {nulls_first} }}",
                version_0(column)
            )
        };
        let columns: Vec<_> = columns.iter().map(column).collect();
        let include: Vec<_> = include.iter().map(version_0).collect();
        let predicate = predicate.as_deref().map(escaped);
        format!(
            "IndexShape {{ method: {}, unique: {unique}, columns: [{}], include: [{}], predicate: {} }}",
            escaped(method),
            columns.join(", "),
            include.join(", "),
            predicate.map_or("None".to_owned(), |predicate| format!("Some({predicate})")),
        )
    }
}

/// Returns a text in quotes, with escapes as version 0 wrote them.
fn escaped(text: &str) -> String {
    let mut escaped = "\"".to_owned();
    for c in text.chars() {
        match c {
            '\'' => escaped.push(c),
            c => escaped.extend(c.escape_debug()),
        }
    }
    escaped.push('"');
    escaped
}

encode_fields! {
    IndexShape { method, unique, columns, include, predicate }
    IndexColumn { column, descending, nulls_first }
}

#[cfg(test)]
mod tests {
    use super::{IndexColumn, IndexShape, escaped};
    use crate::partition::{Identifier, digest};

    fn shape() -> IndexShape {
        let column = |name: &str, descending| IndexColumn {
            column: Identifier::new(name).expect("a name"),
            descending,
            nulls_first: descending,
        };
        IndexShape {
            method: "btree".to_owned(),
            unique: false,
            columns: vec![column("customer", false), column("total", true)],
            include: Vec::new(),
            predicate: Some("state IN ('open', 'due') AND total BETWEEN 1 AND 1000".to_owned()),
        }
    }

    #[test]
    fn digests_of_an_index_are_golden() {
        assert_eq!(shape().digests(), ["1:004013183048", "9baa4ba22038"]);
        let text = "index;1;5:btreeno;2;8:customerno;no;5:totalyes;yes;0;some;53:state IN ('open', 'due') AND \
                    total BETWEEN 1 AND 1000";
        assert_eq!(format!("1:{}", digest(text, 12)), shape().digest());
    }

    #[test]
    fn every_property_of_an_index_changes_its_digest() {
        let named = |name: &str| Identifier::new(name).expect("a name");
        let mut others = vec![shape(); 8];
        for (number, other) in others.iter_mut().enumerate() {
            match number {
                0 => other.method = "gist".to_owned(),
                1 => other.unique = true,
                2 => other.columns.reverse(),
                3 => other.include = vec![named("a\nb")],
                4 => other.include = vec![named("a\\nb")],
                5 => other.predicate = None,
                6 => other.predicate = Some(String::new()),
                _ => {}
            }
        }
        for (at, one) in others.iter().enumerate() {
            for other in others.iter().skip(at + 1) {
                assert_ne!(one.digest(), other.digest(), "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn version_0_escapes_as_it_did() {
        let all: String = ('\0'..=char::MAX).collect();
        assert_eq!(escaped(&all), format!("{all:?}"));
        assert_eq!(shape().version_0(), format!("{:?}", shape()));
    }
}
