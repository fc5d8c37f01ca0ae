//! Routing: the view that some roles read in place of a table, and their search paths.
//!
//! The owner of the table creates the view. Each path is set by the role itself, which needs no privilege on any version of
//! Postgres. No statement runs code of any of them.

use jiff::Timestamp;

use super::quote::{literal, name, qualified};
use super::{Role, Script, Sql, Statement};
use crate::partition::{CopiedTable, Identifier, SearchPath, route_marker, route_schema_marker};
use crate::plan::{PathChange, Route, RoutedRole, RoutingView, Unroute};

/// Revokes what other roles have on a view, by default privileges of its owner or from an earlier time, and grants them
/// what they have to read on the plain table, columns as well. The placeholders are the names of both, as literals.
const COPY_GRANTS: &str = "DECLARE entry record; BEGIN
  FOR entry IN
    SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee
    FROM pg_class AS v, LATERAL (SELECT v.relacl AS acl UNION ALL
      SELECT t.attacl FROM pg_attribute AS t WHERE t.attrelid = v.oid AND t.attnum > 0) AS g, aclexplode(g.acl) AS a
    WHERE v.oid = @view::regclass AND a.grantee <> v.relowner
  LOOP
    EXECUTE format('REVOKE ALL ON %s FROM %s', @view::regclass, entry.grantee);
  END LOOP;
  FOR entry IN
    SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee,
      CASE WHEN g.attname IS NULL THEN '' ELSE format(' (%I)', g.attname) END AS of
    FROM pg_class AS s, LATERAL (SELECT NULL::name AS attname, s.relacl AS acl UNION ALL
      SELECT t.attname, t.attacl FROM pg_attribute AS t WHERE t.attrelid = s.oid AND t.attnum > 0 AND NOT t.attisdropped) AS g,
      aclexplode(g.acl) AS a
    WHERE s.oid = @source::regclass AND a.privilege_type = 'SELECT' AND a.grantee <> s.relowner
  LOOP
    EXECUTE format('GRANT SELECT%s ON %s TO %s', entry.of, @view::regclass, entry.grantee);
  END LOOP;
END";

/// Fails if the setting of a role is not what it was when it was observed (55000). The placeholders are literals.
const SAME_PATH: &str = "BEGIN
  IF (SELECT substr(c, length('search_path=') + 1) FROM pg_db_role_setting AS d, unnest(d.setconfig) AS c
      WHERE d.setrole = (SELECT r.oid FROM pg_roles AS r WHERE r.rolname = @role)
        AND d.setdatabase = (SELECT b.oid FROM pg_database AS b WHERE b.datname = current_database())
        AND starts_with(c, 'search_path=')) IS DISTINCT FROM @from THEN
    RAISE object_not_in_prerequisite_state USING MESSAGE = 'the search path of the role was changed meanwhile';
  END IF;
END";

/// Drops a schema unless something is in it. The placeholder is its name.
const DROP_IF_EMPTY: &str = "BEGIN
  DROP SCHEMA @schema;
EXCEPTION WHEN dependent_objects_still_exist THEN
  NULL;
END";

/// Returns the statements that route roles.
pub(super) fn route(step: &Route) -> Vec<Statement> {
    let owner = |sql: String| statement(&step.table.owner, sql);
    let (view, schema) = (qualified(&step.view), name(&step.view.schema));
    let mut statements = Vec::new();
    if step.creates_schema {
        statements.push(owner(format!("CREATE SCHEMA {schema}")));
        let marker = literal(&route_schema_marker());
        statements.push(owner(format!("COMMENT ON SCHEMA {schema} IS {marker}")));
    }
    if let Some(creates) = &step.creates {
        statements.extend(create_view(&step.table, &view, creates).into_iter().map(owner));
    }
    let grants = COPY_GRANTS
        .replace("@view", &literal(&view))
        .replace("@source", &literal(&qualified(&step.table.source)));
    statements.push(owner(block(&grants)));
    let users = step.users.iter();
    statements.extend(
        users.map(|role| owner(format!("GRANT USAGE ON SCHEMA {schema} TO {}", name(role)))),
    );
    statements.extend(step.paths.iter().flat_map(set_path));
    statements.push(owner(record(step, &view)));
    statements
}

/// Returns the statements that take the routing back.
pub(super) fn unroute(step: &Unroute) -> Vec<Statement> {
    let owner = |sql: String| statement(&step.table.owner, sql);
    let schema = name(&step.view.schema);
    let mut statements: Vec<_> = step.paths.iter().flat_map(set_path).collect();
    statements.push(owner(format!("DROP VIEW {}", qualified(&step.view))));
    if step.drops_schema {
        statements.push(owner(block(&DROP_IF_EMPTY.replace("@schema", &schema))));
    }
    statements
}

/// Returns a transaction that counts the sessions of a role in this database that began before some time. Only the role
/// itself, its members, and members of `pg_read_all_stats` see when they began.
#[must_use]
pub fn count_older_sessions(role: &Identifier, since: Timestamp) -> Script {
    let count = format!(
        "SELECT count(*)::text FROM pg_stat_activity AS a WHERE a.usename = {} AND a.datname = current_database() \
         AND a.backend_type = 'client backend' AND a.backend_start < {}::timestamptz",
        literal(role.as_str()),
        literal(&since.to_string())
    );
    Script::as_owner(role, [Sql(count)])
}

fn create_view(table: &CopiedTable, view: &str, creates: &RoutingView) -> Vec<String> {
    let columns: Vec<_> = creates.columns.iter().map(name).collect();
    let reads = qualified(table.name_of(creates.reads));
    let options = if creates.invoker { " WITH (security_invoker = true)" } else { "" };
    let drop = creates.drops_other.then(|| format!("DROP VIEW {view}"));
    let create = format!(
        "CREATE OR REPLACE VIEW {view}{options} AS SELECT {} FROM {reads}",
        columns.join(", ")
    );
    drop.into_iter().chain([create]).collect()
}

/// The role itself sets its path: the other statements are run by the owner.
fn set_path(change: &PathChange) -> [Statement; 2] {
    let PathChange { role, database, from, to } = change;
    let from = from.as_ref().map_or("NULL".to_owned(), |from| literal(from));
    let check = SAME_PATH.replace("@role", &literal(role.as_str())).replace("@from", &from);
    let of = format!("ALTER ROLE {} IN DATABASE {}", name(role), name(database));
    let set = match to {
        Some(path) => format!("{of} SET search_path = {}", elements(path)),
        None => format!("{of} RESET search_path"),
    };
    [block(&check), set].map(|sql| statement(role, sql))
}

fn elements(path: &SearchPath) -> String {
    let elements: Vec<_> = path.elements().map(literal).collect();
    if elements.is_empty() { literal("") } else { elements.join(", ") }
}

/// The comment lists the routed roles, each with the time since when.
fn record(step: &Route, view: &str) -> String {
    let since = |at: &Option<Timestamp>| {
        at.map_or("to_json(clock_timestamp())".to_owned(), |at| {
            format!("to_json({}::text)", literal(&at.to_string()))
        })
    };
    let roles = step.listed.iter().map(|RoutedRole { role, since: at }| {
        format!("jsonb_build_object({}, {})", literal(role.as_str()), since(at))
    });
    let roles: Vec<_> = std::iter::once("'{}'::jsonb".to_owned()).chain(roles).collect();
    let marker = literal(&route_marker(&step.table.managed));
    let comment = format!("concat({marker}, chr(10), ({})::text)", roles.join(" || "));
    block(&format!(
        "BEGIN EXECUTE format('COMMENT ON VIEW %s IS %L', {}::regclass, {comment}); END",
        literal(view)
    ))
}

fn block(body: &str) -> String {
    format!("DO {}", literal(body))
}

fn statement(role: &Identifier, sql: String) -> Statement {
    Statement { role: Role::Owner(role.clone()), sql: Sql(sql) }
}

#[cfg(test)]
mod tests {
    use super::elements;
    use crate::partition::SearchPath;

    #[test]
    fn path_is_a_list_of_literals() {
        for (path, text) in [("a, \"$user\", \"b'c\"", "'a', '$user', 'b''c'"), ("", "''")] {
            let path = SearchPath::parse(path).expect("a path");
            assert_eq!(elements(&path), text);
        }
    }
}
