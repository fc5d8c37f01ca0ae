//! Statements of an application, as `pg_stat_statements` has them, and how they are planned for a partitioned table.
//!
//! Their text is code of other users. [`prepare_statement`] alone sends it, as a message of its own, and it is never executed.

use super::quote::{literal, name, qualified};
use super::{Script, Sql};
use crate::partition::{Identifier, QualifiedName};

/// The statements that are judged at most, those with the most calls first.
const MAX_STATEMENTS: u32 = 500;

/// The longest text that is judged, in characters.
const MAX_TEXT: u32 = 100_000;

/// Time limit for planning one statement, in milliseconds.
const PLAN_TIMEOUT: u32 = 2_000;

/// The beginning of what creates the view. `pg_stat_statements` remembers that, too.
const CREATE_VIEW: &str = "CREATE TEMPORARY VIEW pg_temp.";

/// The savepoint before each statement. `ROLLBACK TO` takes back settings and locks, and ends a failed transaction.
const SAVEPOINT: &str = "pgpartition_statement";

/// Text of `pg_stat_statements` for a role that cannot see the statement.
const HIDDEN: &str = "<insufficient privilege>";

/// Roles whose statements are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementScope {
    /// Statements that the login role has executed.
    Own,
    /// Statements of all roles, as far as the login role can see them.
    All,
}

/// Returns the schema of `pg_stat_statements`, or no row if the extension is not there. Another relation of that name does not count.
pub const STATEMENTS_SCHEMA: &str = "SELECT n.nspname::text FROM pg_catalog.pg_extension e \
    JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.refobjid = e.oid \
        AND d.classid = 'pg_catalog.pg_class'::regclass AND d.deptype = 'e' \
    JOIN pg_catalog.pg_class c ON c.oid = d.objid AND c.relname = 'pg_stat_statements' \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE e.extname = 'pg_stat_statements'";

/// Returns the schemas and names of the leaf partitions of a table.
pub const LEAVES: &str = "SELECT n.nspname::text, c.relname::text FROM pg_catalog.pg_partition_tree($1::oid) t \
    JOIN pg_catalog.pg_class c ON c.oid = t.relid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE t.isleaf";

/// Returns, as one JSON document, the statements in this database whose text has the name of the table, each with the
/// search path of the role that executed it.
#[must_use]
pub fn read_statements(
    schema: &Identifier,
    table: &QualifiedName,
    scope: StatementScope,
) -> Script {
    let plain = literal(&table.name.as_str().to_lowercase());
    let quoted = literal(&table.name.as_str().replace('"', "\"\"").to_lowercase());
    let is_judged = match scope {
        StatementScope::Own => "f.userid = o.oid",
        StatementScope::All => "true",
    };
    let last = literal(&name(&table.schema));
    Script::as_operator([Sql(format!(
        "WITH me AS (SELECT u.oid FROM pg_catalog.pg_roles u WHERE u.rolname = current_user),
        found AS (SELECT s.userid, coalesce(r.rolname::text, s.userid::text) AS role, s.queryid, min(s.query) AS query,
                sum(s.calls)::bigint AS calls
            FROM {schema}.pg_stat_statements s LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.userid
            WHERE s.dbid = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database())
            GROUP BY s.userid, r.rolname, s.queryid),
        named AS (SELECT f.* FROM found f, me o WHERE {is_judged} AND NOT starts_with(f.query, {create})
            AND (strpos(lower(f.query), {plain}) > 0 OR strpos(lower(f.query), {quoted}) > 0)),
        judged AS (SELECT n.* FROM named n WHERE length(n.query) <= {MAX_TEXT}
            ORDER BY n.calls DESC, n.queryid LIMIT {MAX_STATEMENTS}),
        listed AS (SELECT j.*, concat_ws(', ', 'pg_temp', nullif(replace(coalesce(p.path, '\"$user\", public'), '\"$user\"',
                quote_ident(j.role)), ''), {last}) AS path
            FROM judged j LEFT JOIN LATERAL (SELECT substr(c, length('search_path=') + 1) AS path
                FROM pg_catalog.pg_db_role_setting d, unnest(d.setconfig) AS c
                WHERE starts_with(c, 'search_path=') AND d.setrole IN (0, j.userid)
                    AND d.setdatabase IN (0, (SELECT b.oid FROM pg_catalog.pg_database b WHERE b.datname = current_database()))
                ORDER BY d.setrole = 0, d.setdatabase = 0 LIMIT 1) AS p ON true)
        SELECT jsonb_build_object(
            'statements', (SELECT coalesce(jsonb_agg(jsonb_build_object('queryId', coalesce(l.queryid::text, ''), 'role', l.role,
                'calls', l.calls, 'text', l.query, 'searchPath', l.path) ORDER BY l.calls DESC, l.queryid), '[]') FROM listed l),
            'omitted', (SELECT count(*) FROM named) - (SELECT count(*) FROM judged),
            'hidden', (SELECT count(*) FROM found f, me o WHERE {is_judged} AND f.query = {hidden}),
            'otherRoles', (SELECT coalesce(jsonb_agg(DISTINCT f.role), '[]') FROM found f, me o WHERE NOT ({is_judged})))::text",
        schema = name(schema),
        create = literal(CREATE_VIEW),
        hidden = literal(HIDDEN),
    ))])
}

/// Begins the transaction in which statements are judged. It changes nothing that outlives it, and must be rolled back. If
/// the table is still a plain one, its name means its partitioned copy in that transaction.
///
/// It takes ACCESS SHARE on the copy. A session that waits for it waits until the end.
#[must_use]
pub fn begin_judging(table: &QualifiedName, relation: &QualifiedName) -> Sql {
    let view = (table != relation).then(|| {
        let view = format!("{CREATE_VIEW}{}", name(&table.name));
        format!("{view} AS SELECT * FROM {}; ", qualified(relation))
    });
    Sql(format!(
        "BEGIN; {}SET TRANSACTION READ ONLY; SET LOCAL statement_timeout = {PLAN_TIMEOUT}; \
         SET LOCAL plan_cache_mode = force_generic_plan; SAVEPOINT {SAVEPOINT}",
        view.unwrap_or_default()
    ))
}

/// Goes back to the state before the last statement, and sets the search path for the next one.
#[must_use]
pub fn before_statement(search_path: &str) -> Sql {
    let path = literal(search_path);
    Sql(format!(
        "ROLLBACK TO SAVEPOINT {SAVEPOINT}; SELECT set_config('search_path', {path}, true)"
    ))
}

/// Has Postgres parse a statement, under a name with this number.
///
/// The text may end the statement in one session and go on in another, if a setting of the parser differs. So this must be a
/// message of its own, of the kind that Postgres rejects if it has more than one statement (42601).
#[must_use]
pub fn prepare_statement(number: usize, text: &str) -> Sql {
    Sql(format!("PREPARE {} AS {text}", prepared(number)))
}

/// Returns how many parameters a prepared statement has.
#[must_use]
pub fn count_parameters(number: usize) -> Sql {
    let name = literal(&prepared(number));
    Sql(format!(
        "SELECT cardinality(p.parameter_types) FROM pg_catalog.pg_prepared_statements p WHERE p.name = {name}"
    ))
}

/// Has Postgres plan a prepared statement for parameters that are NULL, so that each condition on the partition key removes all
/// partitions. Nothing is executed.
#[must_use]
pub fn plan_statement(number: usize, parameters: usize) -> Sql {
    let nulls = vec!["NULL"; parameters].join(", ");
    let nulls = if parameters == 0 { nulls } else { format!("({nulls})") };
    Sql(format!("EXPLAIN (FORMAT JSON, VERBOSE) EXECUTE {}{nulls}", prepared(number)))
}

fn prepared(number: usize) -> String {
    format!("pgpartition_{number}")
}
