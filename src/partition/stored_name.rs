//! Names of tables as the operator stores them: in markers, and in digests of names.
//!
//! Version 1 quotes as SQL does, on one line: a name that needs no quotes is bare, `U&"…"` has one with a control
//! character or a backslash, and `"…"` has any other. Version 0 was what messages show, in which a newline and a
//! backslash before an `n` have the same form. The versions differ only in what is now `U&"…"`, so the text of version 0 for
//! such a name is never that of another name in version 1.

use super::{Identifier, QualifiedName};

/// Returns the text for a name that is stored from now on.
pub(super) fn stored_name(name: &QualifiedName) -> String {
    format!("{}.{}", version_1(&name.schema), version_1(&name.name))
}

/// Returns the texts that mean a name, the one that is stored from now on first.
pub(super) fn stored_names(name: &QualifiedName) -> impl Iterator<Item = String> + use<> {
    let old = format!("{}.{}", version_0(&name.schema), version_0(&name.name));
    let new = stored_name(name);
    let old = (old != new).then_some(old);
    std::iter::once(new).chain(old)
}

fn is_bare(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && !text.starts_with(|c: char| c.is_ascii_digit())
}

/// <https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS>
fn version_1(name: &Identifier) -> String {
    let name = name.as_str();
    if is_bare(name) {
        return name.to_owned();
    }
    if !name.contains(|c: char| c.is_control() || c == '\\') {
        return format!("\"{}\"", name.replace('"', "\"\""));
    }
    let mut text = "U&\"".to_owned();
    for c in name.chars() {
        match c {
            '"' => text.push_str("\"\""),
            '\\' => text.push_str("\\\\"),
            c if c.is_control() => text.push_str(&format!("\\{:04X}", u32::from(c))),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

pub(super) fn version_0(name: &Identifier) -> String {
    let name = name.as_str();
    if is_bare(name) {
        return name.to_owned();
    }
    let mut text = "\"".to_owned();
    for c in name.chars() {
        match c {
            '"' => text.push_str("\"\""),
            c if c.is_control() => text.extend(c.escape_default()),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::{stored_name, stored_names};
    use crate::partition::{Identifier, QualifiedName};

    const ODD: [&str; 12] =
        ["a", "A", "1", "a b", "a\"b", "a\nb", "a\\nb", "a\\000Ab", "\u{85}", "ß", "U&", "a.b"];

    fn named(schema: &str, name: &str) -> QualifiedName {
        let [schema, name] = [schema, name].map(|text| Identifier::new(text).expect("a name"));
        QualifiedName { schema, name }
    }

    #[test]
    fn stored_names_are_golden() {
        for (name, version_1, version_0) in [
            ("orders", "s.orders", None),
            ("Größe", "s.\"Größe\"", None),
            ("a \"b\"", "s.\"a \"\"b\"\"\"", None),
            ("a\nb", "s.U&\"a\\000Ab\"", Some("s.\"a\\nb\"")),
            ("a\\nb", "s.U&\"a\\\\nb\"", Some("s.\"a\\nb\"")),
            ("\u{7f}\"", "s.U&\"\\007F\"\"\"", Some("s.\"\\u{7f}\"\"\"")),
        ] {
            let texts: Vec<_> = stored_names(&named("s", name)).collect();
            let expected: Vec<_> = std::iter::once(version_1).chain(version_0).collect();
            assert_eq!(texts, expected);
        }
    }

    #[test]
    fn no_two_names_share_a_stored_name_and_none_has_a_line_break() {
        let mut names = Vec::new();
        for schema in ODD {
            names.extend(ODD.map(|name| named(schema, name)));
        }
        for (at, one) in names.iter().enumerate() {
            assert!(!stored_name(one).contains('\n'), "{one:?}");
            for other in names.iter().skip(at + 1) {
                assert_ne!(stored_name(one), stored_name(other));
                // What version 0 stored for one is never what is stored for another.
                let old: Vec<_> = stored_names(one).skip(1).collect();
                assert!(!old.contains(&stored_name(other)), "{one:?} {other:?}");
            }
        }
    }
}
