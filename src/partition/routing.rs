//! Routing: the view that stands before a table for some roles, and what its comment records.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::naming::fit;
use super::stored_name::stored_name;
use super::{Identifier, MARKER_PREFIX, ManagedTable, QualifiedName};

/// The beginning of every mark of a view, before the name of its table.
const BEGINNING: &str = "routes ";

/// Returns the name of the view that routed roles read in place of a table. Its schema is before that of the table in
/// their search path.
#[must_use]
pub fn route_view(table: &ManagedTable) -> QualifiedName {
    let QualifiedName { schema, name } = table.name();
    let schema = fit(&format!("pgpartition_{}", schema.as_str()), "");
    QualifiedName { schema, name: name.clone() }
}

/// Returns the first line of the comment on the view. The second line is a JSON object of the routed roles, each with
/// the time at which it was routed.
#[must_use]
pub fn route_marker(table: &ManagedTable) -> String {
    format!("{MARKER_PREFIX}{BEGINNING}{}", stored_name(table.name()))
}

/// Returns the beginning of the comment on the view of any table.
#[must_use]
pub fn routing_beginning() -> String {
    format!("{MARKER_PREFIX}{BEGINNING}")
}

/// Returns the comment on a schema that the operator creates for such views.
#[must_use]
pub fn route_schema_marker() -> String {
    format!("{MARKER_PREFIX}schema of routing")
}

/// Returns the roles in the comment on the view of any table, or `None` if it is not one.
#[must_use]
pub fn routed_roles(comment: &str) -> Option<BTreeMap<Identifier, Timestamp>> {
    let mut lines = comment.split('\n');
    lines.next()?.strip_prefix(MARKER_PREFIX)?.strip_prefix(BEGINNING)?;
    Some(lines.next().and_then(|roles| serde_json::from_str(roles).ok()).unwrap_or_default())
}

/// Returns the roles in the comment on the view of this table, or `None` if the comment is not that of such a view.
#[must_use]
pub fn roles_routed_for(
    comment: &str,
    table: &ManagedTable,
) -> Option<BTreeMap<Identifier, Timestamp>> {
    let is_of_table = comment.split('\n').next() == Some(&*route_marker(table));
    is_of_table.then(|| routed_roles(comment)).flatten()
}

#[cfg(test)]
mod tests {
    use super::{roles_routed_for, route_marker, route_view, routed_roles};
    use crate::partition::{Identifier, ManagedTable, QualifiedName};

    fn table(schema: &str, name: &str) -> ManagedTable {
        let [schema, name] = [schema, name].map(|text| Identifier::new(text).expect("a name"));
        ManagedTable::new(QualifiedName { schema, name })
    }

    #[test]
    fn view_has_the_name_of_its_table_in_a_schema_that_fits() {
        let view = route_view(&table("shop", "or\"ders"));
        assert_eq!(view.display(), r#"pgpartition_shop."or""ders""#);
        let [one, two] = ["1", "2"]
            .map(|end| route_view(&table(&format!("{}{end}", "s".repeat(62)), "orders")).schema);
        assert_ne!(one, two);
    }

    #[test]
    fn comment_has_the_mark_of_one_table_and_its_roles() {
        let orders = table("My shop", "orders");
        let marker = route_marker(&orders);
        assert_eq!(marker, r#"pgpartition.dev routes "My shop".orders"#);
        let comment = format!("{marker}\n{{\"re\\\"porting\": \"2026-11-29T11:02:10.5+00:00\"}}");
        let roles = roles_routed_for(&comment, &orders).expect("a mark");
        assert_eq!(roles.keys().next().map(Identifier::as_str), Some("re\"porting"));
        assert_eq!(routed_roles(&comment), Some(roles));
        assert_eq!(roles_routed_for(&comment, &table("My shop", "order")), None);
        for (other, expected) in [(marker.as_str(), Some(0)), ("own words", None)] {
            assert_eq!(routed_roles(other).map(|roles| roles.len()), expected, "{other}");
        }
        let broken = format!("{marker}\nown words");
        assert_eq!(routed_roles(&broken).map(|roles| roles.len()), Some(0));
    }
}
