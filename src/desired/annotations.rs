//! Requests in the annotations of a resource.

use std::collections::BTreeSet;

use super::{AdoptedName, DesiredTable, SpecError};
use crate::api::v1alpha1::{ADOPT_ANNOTATION, APPROVE_ANNOTATION, PartitionedTable};
use crate::partition::sql_name;

/// Maximum length of an invalid name that is reported: enough to recognize it, not enough to flood a status.
const MAX_CHARACTERS: usize = 80;

impl DesiredTable {
    /// Returns the desired state of a resource with its annotations. An invalid annotation does not prevent the
    /// rest.
    ///
    /// # Errors
    /// As [`DesiredTable::parse`].
    pub fn from_resource(resource: &PartitionedTable) -> Result<Self, Vec<SpecError>> {
        let mut desired = Self::parse(&resource.spec)?;
        let annotations = resource.metadata.annotations.as_ref();
        let text = |name: &str| annotations.and_then(|all| all.get(name));
        if let Some(names) = text(ADOPT_ANNOTATION) {
            (desired.adopt, desired.invalid_adoptions) = adoptions(names);
        }
        if let Some(fingerprints) = text(APPROVE_ANNOTATION) {
            desired.approved = items(fingerprints).map(str::to_owned).collect();
        }
        Ok(desired)
    }
}

/// Returns the names in a list, each once, and the entries that are not names.
fn adoptions(text: &str) -> (Vec<AdoptedName>, Vec<String>) {
    let (mut names, mut invalid) = (BTreeSet::new(), BTreeSet::new());
    for item in items(text) {
        match sql_name(item) {
            Ok((schema, name)) => {
                names.insert(AdoptedName { schema, name });
            }
            Err(_) => {
                invalid.insert(item.chars().take(MAX_CHARACTERS).collect::<String>());
            }
        }
    }
    (names.into_iter().collect(), invalid.into_iter().collect())
}

/// Returns the entries of a list, separated by commas outside of quotes.
fn items(text: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let items = text.split(move |c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    });
    items.map(str::trim).filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{adoptions, items};

    /// The names that are read, as a person is shown them, and what is not.
    fn read(text: &str) -> (Vec<String>, Vec<String>) {
        let (names, invalid) = adoptions(text);
        let shown = names.iter().map(|adopted| {
            let schema = adopted.schema.as_ref().map(|schema| format!("{}.", schema.display()));
            format!("{}{}", schema.unwrap_or_default(), adopted.name.display())
        });
        (shown.collect(), invalid)
    }

    #[test]
    fn names_are_read_as_sql_quotes_them() {
        for (text, names) in [
            ("rev_2024", &["rev_2024"][..]),
            ("Rev_2024", &["rev_2024"]),
            ("\u{dc}BER", &["\"\u{dc}ber\""]),
            (r#""My Part",archive.rev_2024"#, &["\"My Part\"", "archive.rev_2024"]),
            (r#""a,b","c""d".e"#, &["\"a,b\"", "\"c\"\"d\".e"]),
            (" b ,\n\ta,, b,", &["a", "b"]),
            ("\u{a0}\"\u{fc}ber\".x", &["\"\u{fc}ber\".x"]),
            ("", &[]),
            (",,", &[]),
        ] {
            assert_eq!(read(text), (names.iter().map(ToString::to_string).collect(), vec![]));
        }
    }

    #[test]
    fn invalid_name_does_not_affect_other_names() {
        let long = "x".repeat(64);
        for bad in ["a.b.c", "a b", "a;b", ".", "a.", ".b", "\"\"", "\"a\"b", "a\0b", "*", &long] {
            let (names, invalid) = read(&format!("first,{bad}, last"));
            assert_eq!(names, ["first", "last"], "{bad}");
            assert_eq!(invalid, [bad], "{bad}");
        }
    }

    #[test]
    fn unclosed_quote_ends_with_the_text() {
        assert_eq!(read("a,\"b,c"), (vec!["a".to_owned()], vec!["\"b,c".to_owned()]));
    }

    #[test]
    fn long_text_is_shortened() {
        let (names, invalid) = read(&"\u{1f600}".repeat(50_000));
        assert_eq!((names.len(), invalid[0].chars().count()), (0, 80));
    }

    #[test]
    fn fingerprints_are_separated_by_commas() {
        assert_eq!(items(" 7c1e,\n,0a ").collect::<Vec<_>>(), ["7c1e", "0a"]);
    }
}
