//! Search paths as Postgres stores them in settings of roles.

use super::{Identifier, escape_control};

/// Entry for the schema that has the name of the role.
const USER: &str = "$user";

/// The path of a role for which nothing else is set, if `postgresql.conf` does not set it either.
pub const DEFAULT_SEARCH_PATH: &str = "\"$user\", public";

/// A list of schemas in which Postgres looks for a name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchPath(Vec<String>);

impl SearchPath {
    /// Reads a path as Postgres does, or returns `None` if Postgres would reject the text.
    /// <https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-SEARCH-PATH>
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut elements = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (element, after) = match rest.strip_prefix('"') {
                Some(quoted) => quoted_element(quoted)?,
                None => bare_element(rest)?,
            };
            elements.push(element);
            rest = after.trim_start();
            if rest.is_empty() {
                break;
            }
            rest = rest.strip_prefix(',')?.trim_start();
            if rest.is_empty() {
                return None;
            }
        }
        Some(Self(elements))
    }

    /// Returns the elements, without quotes.
    pub fn elements(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Returns the path of a role with `schema` right before `table`, and nowhere else. Returns `None` if the role does not
    /// look for names in `table`.
    #[must_use]
    pub fn with(&self, schema: &Identifier, table: &Identifier, role: &Identifier) -> Option<Self> {
        let Self(mut elements) = self.without(schema);
        let is_table =
            |element: &String| *element == table.as_str() || element == USER && role == table;
        let at = elements.iter().position(is_table)?;
        elements.insert(at, schema.as_str().to_owned());
        Some(Self(elements))
    }

    /// Returns the path without a schema.
    #[must_use]
    pub fn without(&self, schema: &Identifier) -> Self {
        let others = self.0.iter().filter(|element| *element != schema.as_str());
        Self(others.cloned().collect())
    }

    /// Returns the text that Postgres stores for the path.
    #[must_use]
    pub fn stored(&self) -> String {
        let is_bare = |element: &str| {
            let is_first = |c: char| c.is_ascii_lowercase() || c == '_';
            element.starts_with(is_first)
                && element.chars().all(|c| is_first(c) || c.is_ascii_digit())
        };
        let stored = |element: &String| {
            if is_bare(element) {
                return element.clone();
            }
            format!("\"{}\"", element.replace('"', "\"\""))
        };
        self.0.iter().map(stored).collect::<Vec<_>>().join(", ")
    }

    /// Returns the path as a user is shown it, and could type it after `SET search_path =`.
    #[must_use]
    pub fn display(&self) -> String {
        let shown = |element: &String| match Identifier::new(element.clone()) {
            Ok(element) => element.display(),
            Err(_) => format!("\"{}\"", escape_control(element)),
        };
        self.0.iter().map(shown).collect::<Vec<_>>().join(", ")
    }
}

/// Returns the element up to the closing quote, and what follows it.
fn quoted_element(quoted: &str) -> Option<(String, &str)> {
    let mut element = String::new();
    let mut rest = quoted;
    loop {
        let (part, after) = rest.split_once('"')?;
        element.push_str(part);
        let Some(next) = after.strip_prefix('"') else { return Some((element, after)) };
        element.push('"');
        rest = next;
    }
}

/// Returns the element up to a blank or a comma, in lower case, and what follows it.
fn bare_element(text: &str) -> Option<(String, &str)> {
    let end = text.find(|c: char| c == ',' || c.is_ascii_whitespace()).unwrap_or(text.len());
    let (element, after) = text.split_at_checked(end)?;
    (!element.is_empty()).then(|| (element.to_ascii_lowercase(), after))
}

#[cfg(test)]
mod tests {
    use super::{DEFAULT_SEARCH_PATH, SearchPath};
    use crate::partition::Identifier;

    fn name(text: &str) -> Identifier {
        Identifier::new(text).expect("a name")
    }

    fn path(text: &str) -> SearchPath {
        SearchPath::parse(text).expect("a path")
    }

    #[test]
    fn path_is_read_as_postgres_reads_it() {
        for (text, elements) in [
            ("", vec![]),
            ("\"\"", vec![""]),
            (DEFAULT_SEARCH_PATH, vec!["$user", "public"]),
            (" Shop ,\"Shop, \"\"2\"\"\" , $user", vec!["shop", "Shop, \"2\"", "$user"]),
        ] {
            assert_eq!(path(text).elements().collect::<Vec<_>>(), elements, "{text}");
        }
        for wrong in ["a,", ",a", "a b", "\"a", "\"a\"b", "a,,b"] {
            assert_eq!(SearchPath::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn schema_is_inserted_before_that_of_the_table_and_removed_again() {
        let (schema, table, role) = (name("pgpartition_shop"), name("shop"), name("reporting"));
        for (before, after) in [
            ("public, shop", Some("public, pgpartition_shop, shop")),
            ("shop", Some("pgpartition_shop, shop")),
            ("pgpartition_shop, public, shop", Some("public, pgpartition_shop, shop")),
            (DEFAULT_SEARCH_PATH, None),
            ("\"Shop\"", None),
        ] {
            let routed = path(before).with(&schema, &table, &role);
            assert_eq!(routed.as_ref().map(SearchPath::display).as_deref(), after, "{before}");
            let Some(routed) = routed else { continue };
            assert_eq!(routed.with(&schema, &table, &role), Some(routed.clone()), "{before}");
            assert_eq!(routed.without(&schema), path(before).without(&schema), "{before}");
        }
        let own = path(DEFAULT_SEARCH_PATH).with(&schema, &table, &table).expect("its own schema");
        assert_eq!(own.display(), "pgpartition_shop, \"$user\", public");
    }
}
