//! The only way from names and values to SQL text.

use crate::partition::{Bounds, Edge, Identifier, KeyRange, KeyType, QualifiedName};

/// A name, always in quotes.
/// <https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS>
pub(super) fn name(identifier: &Identifier) -> String {
    format!("\"{}\"", identifier.as_str().replace('"', "\"\""))
}

/// A name with its schema.
pub(super) fn qualified(relation: &QualifiedName) -> String {
    format!("{}.{}", name(&relation.schema), name(&relation.name))
}

/// Names in parentheses.
pub(super) fn list<'a>(names: impl IntoIterator<Item = &'a Identifier>) -> String {
    format!("({})", names.into_iter().map(name).collect::<Vec<_>>().join(", "))
}

/// A text constant, which means the same whatever `standard_conforming_strings` is.
pub(super) fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') {
        format!("E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

/// Placeholder for bounds that the operator reads but never creates: a syntax error in Postgres, so that no text
/// of a server gets into a statement.
const NO_BOUNDS: &str = "FOR VALUES IN ()";

/// `FOR VALUES …`, in the words in which the catalog says it: a marker is read like the catalog.
pub(super) fn bounds(bounds: &Bounds) -> String {
    match bounds {
        Bounds::Range(KeyRange { key, range }) => {
            let [from, to] = [range.from(), range.to()].map(|at| edge(at, key.key_type));
            format!("FOR VALUES FROM ({from}) TO ({to})")
        }
        Bounds::Hash { modulus, remainder } => {
            format!("FOR VALUES WITH (modulus {modulus}, remainder {remainder})")
        }
        Bounds::Default => "DEFAULT".to_owned(),
        Bounds::Other(_) => NO_BOUNDS.to_owned(),
    }
}

fn edge(edge: Edge, key: KeyType) -> String {
    match edge {
        Edge::MinValue => "MINVALUE".to_owned(),
        Edge::MaxValue => "MAXVALUE".to_owned(),
        Edge::NegativeInfinity | Edge::At(_) | Edge::Infinity => literal(&key.literal(edge)),
    }
}

/// The condition that a row lies in a range, in the words in which Postgres thinks of it, so that it
/// sees the one to imply the other.
pub(super) fn in_range(KeyRange { key, range }: &KeyRange) -> String {
    let column = name(&key.column);
    let mut conditions = vec![format!("{column} IS NOT NULL")];
    for (operator, edge) in [(">=", range.from()), ("<", range.to())] {
        if !matches!(edge, Edge::MinValue | Edge::MaxValue) {
            let value = literal(&key.key_type.literal(edge));
            conditions.push(format!("{column} {operator} {value}::{}", key.key_type.type_name()));
        }
    }
    conditions.join(" AND ")
}

/// Storage parameters as the catalog has them, `fillfactor=70`, for between the parentheses of `WITH` or `SET`.
pub(super) fn parameters(parameters: &[String]) -> String {
    let parameters: Vec<_> = parameters
        .iter()
        .filter_map(|parameter| parameter.split_once('='))
        .filter_map(|(key, value)| Some((Identifier::new(key).ok()?, value)))
        .map(|(key, value)| format!("{} = {}", name(&key), literal(value)))
        .collect();
    parameters.join(", ")
}

/// An operator with its schema. Its name cannot be quoted, so only one of the characters that operators have is
/// one.
/// <https://www.postgresql.org/docs/current/sql-expressions.html#SQL-EXPRESSIONS-OPERATOR-CALLS>
pub(super) fn operator(schema: &Identifier, operator: &str) -> String {
    let is_operator =
        !operator.is_empty() && operator.chars().all(|c| "+-*/<>=~!@#%^&|`?".contains(c));
    let operator = if is_operator { operator } else { "=" };
    format!("OPERATOR({}.{operator})", name(schema))
}
