//! Whether foreign keys lead to rows of a partition.

use super::quote::{name, operator, qualified};
use super::{Script, Sql};
use crate::observed::ForeignKey;
use crate::partition::{Identifier, QualifiedName};

/// A transaction that returns, as JSON, the numbers of those foreign keys by which some row refers to a
/// row of the partition.
#[must_use]
pub fn rows_referenced_by(
    owner: &Identifier,
    partition: &QualifiedName,
    keys: &[ForeignKey],
) -> Script {
    let exists = keys.iter().enumerate().map(|(number, key)| {
        let joined = key.columns.iter().enumerate().map(|(at, (from, to))| {
            // As Postgres compares them: by the operators of the constraint, wherever they are.
            let compared = key.operators.get(at).map(|(schema, name)| operator(schema, name));
            format!("p.{} {} r.{}", name(to), compared.as_deref().unwrap_or("="), name(from))
        });
        format!(
            "(SELECT {number} WHERE EXISTS (SELECT FROM {} AS r JOIN {} AS p ON {}))",
            qualified(&key.from),
            qualified(partition),
            joined.collect::<Vec<_>>().join(" AND ")
        )
    });
    let numbers = exists.collect::<Vec<_>>().join(", ");
    let statements = [
        Sql("SET LOCAL row_security = off".to_owned()),
        Sql(format!("SELECT to_json(array_remove(ARRAY[{numbers}]::int[], NULL))::text")),
    ];
    Script::as_owner(owner, statements)
}
