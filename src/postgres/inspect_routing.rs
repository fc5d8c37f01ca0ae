//! Reads the routing of a table whose copy is there.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{InspectError, Session};
use crate::observed::{CopyFacts, ObservedTable, RouteSchema, RouteView, RoutingFacts};
use crate::partition::{
    Identifier, ManagedTable, Side, roles_routed_for, route_marker, route_schema_marker,
    route_view, routed_roles, routing_beginning,
};
use crate::sql;

const INSPECT: &str = include_str!("inspect_routing.sql");

/// The view of a table, if its comment is that of routing, as text.
const ROUTED: &str = "SELECT c.oid::text FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
    WHERE n.nspname = $1::text AND c.relname = $2::text AND split_part(obj_description(c.oid, 'pg_class'), E'\\n', 1) = $3::text";

/// Roles by name, each with the paths that are set for it. A setting for the role in the database comes first, then one for
/// the role, for the database, and for all.
/// <https://www.postgresql.org/docs/current/config-setting.html>
const ROLES: &str = "SELECT coalesce(jsonb_agg(jsonb_build_object('name', asked.name, 'exists', r.oid IS NOT NULL, \
        'isMember', coalesce(pg_has_role(current_user, r.oid, 'MEMBER'), false), \
        'setting', of_role.path, 'inherited', other.path, \
        'usesSchema', coalesce(has_schema_privilege(r.oid, n.oid, 'USAGE'), false), \
        'selects', coalesce(has_table_privilege(r.oid, $2::oid, 'SELECT'), false)) ORDER BY asked.name), '[]')::text \
    FROM unnest($1::text[]) AS asked (name) \
    LEFT JOIN pg_catalog.pg_roles AS r ON r.rolname = asked.name \
    LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname = $3::text \
    JOIN pg_catalog.pg_database AS b ON b.datname = current_database() \
    LEFT JOIN LATERAL (SELECT substr(c, length('search_path=') + 1) AS path FROM pg_catalog.pg_db_role_setting AS d, \
        unnest(d.setconfig) AS c WHERE starts_with(c, 'search_path=') AND d.setrole = r.oid AND d.setdatabase = b.oid) AS of_role ON true \
    LEFT JOIN LATERAL (SELECT substr(c, length('search_path=') + 1) AS path FROM pg_catalog.pg_db_role_setting AS d, \
        unnest(d.setconfig) AS c WHERE starts_with(c, 'search_path=') AND d.setrole IN (0, r.oid) AND d.setdatabase IN (0, b.oid) \
        AND NOT (d.setrole = r.oid AND d.setdatabase = b.oid) ORDER BY d.setrole = 0, d.setdatabase = 0 LIMIT 1) AS other ON true";

/// Result of the query.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    database: Identifier,
    can_create_schema: bool,
    row_security: bool,
    schema: Option<RawSchema>,
    view: Option<RawView>,
    other_comments: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawSchema {
    comment: Option<String>,
    owned: bool,
    trusted: bool,
    can_create: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawView {
    own_view: bool,
    comment: Option<String>,
    reads: Option<Side>,
    columns: Vec<Identifier>,
    grants_match: bool,
    invoker: bool,
}

/// Returns whether the view of a table is there.
pub(super) async fn is_routed(
    session: &Session,
    table: &ManagedTable,
) -> Result<bool, InspectError> {
    let (view, marker) = (route_view(table), route_marker(table));
    let (schema, name) = (view.schema.as_str(), view.name.as_str());
    Ok(session.query_one_text(ROUTED, &[&schema, &name, &marker]).await?.is_some())
}

/// Reads the routing of a table, with these roles. Returns `None` if the plain table was dropped since.
pub(super) async fn inspect_routing(
    session: &Session,
    observed: &ObservedTable,
    (copy, oid): (&CopyFacts, u32),
    roles: &BTreeSet<Identifier>,
) -> Result<Option<RoutingFacts>, InspectError> {
    let view = route_view(&observed.managed);
    let (schema, name) = (view.schema.as_str(), view.name.as_str());
    let beginning = routing_beginning();
    let found =
        session.query_one_text(INSPECT, &[&copy.source, &oid, &schema, &name, &beginning]).await?;
    let Some(found) = found else { return Ok(None) };
    let raw: Raw = serde_json::from_str(&found)?;
    let mut facts = meaning(raw, &observed.managed);
    let listed = facts.managed_view().into_iter().flat_map(|view| view.since.keys());
    let asked: BTreeSet<_> = roles.iter().chain(listed).map(Identifier::as_str).collect();
    let asked: Vec<_> = asked.into_iter().collect();
    let found = session.query_one_text(ROLES, &[&asked, &copy.source, &schema]).await?;
    facts.roles = serde_json::from_str(found.as_deref().unwrap_or("[]"))?;
    count_sessions(session, &mut facts).await?;
    Ok(Some(facts))
}

fn meaning(raw: Raw, table: &ManagedTable) -> RoutingFacts {
    let schema = raw.schema.map(|schema| RouteSchema {
        marked: schema.comment == Some(route_schema_marker()),
        owned: schema.owned,
        trusted: schema.trusted,
        can_create: schema.can_create,
    });
    let view = raw.view.map(|view| {
        let roles = view.comment.as_deref().and_then(|comment| roles_routed_for(comment, table));
        RouteView {
            managed: view.own_view && roles.is_some(),
            reads: view.reads,
            columns: view.columns,
            grants_match: view.grants_match,
            invoker: view.invoker,
            since: roles.unwrap_or_default(),
        }
    });
    let elsewhere = raw.other_comments.iter().filter_map(|comment| routed_roles(comment));
    RoutingFacts {
        database: raw.database,
        schema,
        can_create_schema: raw.can_create_schema,
        view,
        row_security: raw.row_security,
        listed_elsewhere: elsewhere.flat_map(BTreeMap::into_keys).collect(),
        roles: Vec::new(),
    }
}

/// Counts the sessions of each routed role that began before it was routed. Another role than this one must not see when
/// they began.
async fn count_sessions(session: &Session, facts: &mut RoutingFacts) -> Result<(), InspectError> {
    let since = facts.managed_view().map(|view| view.since.clone()).unwrap_or_default();
    for role in &mut facts.roles {
        let Some(since) = since.get(&role.name).filter(|_| role.is_member) else { continue };
        let script = sql::count_older_sessions(&role.name, *since);
        role.older_sessions = match session.query_script_text(&script).await {
            Err(error) if error.is_statement_error() => None,
            count => count?.and_then(|count| count.parse().ok()),
        };
    }
    Ok(())
}
