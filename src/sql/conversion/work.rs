//! Runs a block of PL/pgSQL as the owner of a table, so that no code that runs inside it can change the role.
//!
//! Postgres forbids that inside a function with `SECURITY DEFINER`. The owner can replace each of their functions at any
//! time, also between a check of it and its call, and the owner of a schema can put another schema in its place. So the
//! function is one of the session's temporary schema, which no other session can name an object of. It takes the block as
//! its argument. Only code of the owner that ran in the session before can have replaced it: each message checks that,
//! and creates it if it is missing.

use super::function::Setting;
use crate::partition::{Identifier, digest};
use crate::sql::Sql;
use crate::sql::quote::literal;

const BODY: &str = "BEGIN EXECUTE $1; END";

const NO_TEMPORARY: &str = "'the owner of the table cannot create temporary objects in the database: grant TEMPORARY on \
    the database to it'";

/// Settings that the block runs under. Row security may hide no row, and statements are planned for the keys they are
/// given. The others decide how a key is written as text, so that the next page reads the same key.
const SETTINGS: [Setting; 9] = [
    super::function::SEARCH_PATH,
    Setting { name: "row_security", value: "off" },
    Setting { name: "plan_cache_mode", value: "force_custom_plan" },
    Setting { name: "extra_float_digits", value: "3" },
    Setting { name: "bytea_output", value: "hex" },
    Setting { name: "lc_monetary", value: "C" },
    Setting { name: "TimeZone", value: "UTC" },
    Setting { name: "DateStyle", value: "ISO, YMD" },
    Setting { name: "IntervalStyle", value: "postgres" },
];

/// Runs a block. The owner's role sends both statements.
pub(super) fn run_as_owner(owner: &Identifier, block: &str) -> [Sql; 2] {
    let (create, name) = prepare(owner);
    let block = literal(&format!("DO {}", literal(block)));
    // A procedure of the exact type is called, whatever others are named like it.
    [create, Sql(format!("CALL pg_temp.{name}({block}::pg_catalog.text)"))]
}

/// Returns the statement that creates the procedure unless it is there, and the name of the procedure.
pub(super) fn prepare(owner: &Identifier) -> (Sql, String) {
    // Tables of several owners can share a session.
    let name = format!("pgpartition_work_{}", digest(owner.as_str(), 8));
    let settings: String = SETTINGS.iter().map(|setting| setting.clause()).collect();
    let catalog: Vec<_> = SETTINGS.iter().map(|setting| literal(&setting.in_catalog())).collect();
    let body = literal(BODY);
    let create = format!(
        "BEGIN IF NOT has_database_privilege(current_database(), 'TEMPORARY') THEN RAISE insufficient_privilege USING \
         MESSAGE = {NO_TEMPORARY}; END IF; IF NOT EXISTS (SELECT FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang WHERE \
         p.pronamespace = pg_my_temp_schema() AND p.proname = {} AND p.prokind = 'p' AND \
         oidvectortypes(p.proargtypes) = 'text' AND p.prosecdef AND pg_get_userbyid(p.proowner) = current_user AND \
         l.lanname = 'plpgsql' AND p.prosrc = {body} AND p.proconfig = ARRAY[{}]) THEN CREATE OR REPLACE PROCEDURE \
         pg_temp.{name}(text) LANGUAGE plpgsql SECURITY DEFINER{settings} AS {body}; END IF; END",
        literal(&name),
        catalog.join(", "),
    );
    (Sql(format!("DO {}", literal(&create))), name)
}
