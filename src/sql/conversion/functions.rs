//! Statements about all functions of a conversion: revoke EXECUTE, and reject functions that other tables use.

use super::function::Function;
use crate::partition::{ConversionFunction, CopiedTable, SyncTrigger};
use crate::sql::Sql;
use crate::sql::quote::{literal, qualified};

/// Drops the functions, except those that a trigger of another table uses: the function for inserts into `orders_update` has
/// the same name as the function for updates of `orders`.
pub(super) fn drop_functions(table: &CopiedTable) -> Sql {
    let body = format!(
        "DECLARE command text; BEGIN FOR command IN SELECT format('DROP FUNCTION %s', p.oid::regprocedure) \
         FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = {} AND p.proname IN \
         ({}) AND p.pronargs = 0 AND p.prokind = 'f' AND NOT EXISTS (SELECT FROM pg_trigger AS g WHERE g.tgfoid = \
         p.oid AND g.tgrelid NOT IN ({})) LOOP EXECUTE command; END LOOP; END",
        literal(table.managed.name().schema.as_str()),
        all_names(table),
        both(table)
    );
    Sql(format!("DO {}", literal(&body)))
}

/// Returns the names of the functions of every level.
fn all_names(table: &CopiedTable) -> String {
    let functions = SyncTrigger::ALL.into_iter().map(ConversionFunction::Sync);
    let functions = functions.chain([ConversionFunction::Guard]);
    let names: Vec<_> =
        functions.map(|function| literal(table.function(function).name.as_str())).collect();
    names.join(", ")
}

/// Returns the names of functions.
fn names(functions: &[Function]) -> String {
    let names: Vec<_> = functions.iter().map(|f| literal(f.name.name.as_str())).collect();
    names.join(", ")
}

/// OIDs of the two tables.
fn both(table: &CopiedTable) -> String {
    let tables =
        [&table.source, &table.copy].map(|t| format!("{}::regclass", literal(&qualified(t))));
    tables.join(", ")
}

/// Fails if a trigger of another table uses a function of one of the names: `orders_truncate` has a function that
/// `orders` has as well.
pub(super) fn reject_others(table: &CopiedTable, functions: &[Function]) -> Sql {
    let body = format!(
        "DECLARE other text; BEGIN SELECT format('%s: trigger %I on %s uses it', p.oid::regprocedure, \
         g.tgname, g.tgrelid::regclass) INTO other FROM pg_trigger AS g JOIN pg_proc AS p ON p.oid = \
         g.tgfoid JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = {} AND p.proname IN \
         ({}) AND g.tgparentid = 0 AND g.tgrelid NOT IN ({}) LIMIT 1; IF FOUND THEN RAISE duplicate_function USING MESSAGE = \
         concat('cannot replace function ', other); END IF; END",
        literal(table.managed.name().schema.as_str()),
        names(functions),
        both(table)
    );
    Sql(format!("DO {}", literal(&body)))
}

/// Revokes EXECUTE from every role except the owner, including default privileges. Triggers do not need it to fire.
pub(super) fn revoke(functions: &[Function]) -> Sql {
    let signatures: Vec<_> =
        functions.iter().map(|f| format!("{}::regprocedure", literal(&f.signature()))).collect();
    let body = format!(
        "DECLARE command text; BEGIN FOR command IN SELECT format('REVOKE ALL ON FUNCTION %s FROM %s', \
         p.oid::regprocedure, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE \
         quote_ident(pg_get_userbyid(a.grantee)) END) FROM pg_proc AS p, \
         aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a WHERE p.oid IN ({}) AND \
         a.grantee <> p.proowner LOOP EXECUTE command; END LOOP; END",
        signatures.join(", ")
    );
    Sql(format!("DO {}", literal(&body)))
}
