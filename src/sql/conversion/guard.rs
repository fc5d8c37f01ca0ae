//! Trigger that rejects writes to the passive table.

use super::create::oid;
use super::function::Function;
use super::functions::{reject_others, revoke};
use super::text::Text;
use crate::partition::{ConversionFunction, CopiedTable, guard_name};
use crate::sql::Sql;
use crate::sql::quote::{literal, name, qualified};

/// Returns the function that rejects writes to the passive table.
pub(super) fn guard(table: &CopiedTable) -> Function {
    let serving = table.serving();
    let [passive, serving] = [serving.other(), serving].map(|side| table.name_of(side).display());
    rejecting(
        table,
        &format!(
            "cannot write to table {passive}, which only the triggers of {serving} write to: write to {serving}"
        ),
    )
}

fn rejecting(table: &CopiedTable, message: &str) -> Function {
    let body = format!(
        "\nBEGIN\n  IF current_setting('pgpartition.sync', true) IS NOT DISTINCT FROM 'on' THEN RETURN NULL; END IF;\n  \
         RAISE object_not_in_prerequisite_state USING MESSAGE = {};\nEND\n",
        literal(message)
    );
    Function::new(table, ConversionFunction::Guard, body)
}

/// Writes at a trigger depth above 0 come from the sync or from the cascade of a foreign key. Postgres evaluates the condition
/// for each of them, so it is short.
pub(super) fn create_guard(table: &CopiedTable) -> [Sql; 2] {
    let function = qualified(&table.function(ConversionFunction::Guard));
    let (trigger, on) = (name(&guard_name(table.serving())), Text(table).passive());
    [
        Sql(format!(
            "CREATE OR REPLACE TRIGGER {trigger} BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {on} FOR \
             EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION {function}()"
        )),
        Sql(format!("ALTER TABLE ONLY {on} ENABLE ALWAYS TRIGGER {trigger}")),
    ]
}

/// Rejects all writes to the passive table of a conversion by `Attach`: a session that looked up the table before a rollback
/// would lose its rows there. The owner runs it in a transaction.
pub(super) fn install_guard(table: &CopiedTable) -> Vec<Sql> {
    let serving = table.serving();
    let [passive, serving] = [serving.other(), serving].map(|side| table.name_of(side).display());
    let message = format!("cannot write to table {passive}, which is empty: write to {serving}");
    let functions = [rejecting(table, &message)];
    let mut statements = vec![reject_others(table, &functions)];
    statements.extend(functions.iter().map(Function::create));
    statements.push(revoke(&functions));
    statements.extend(create_guard(table));
    statements
}

/// Drops what [`install_guard`] created, if it is there. The owner runs it in a transaction.
pub(super) fn remove_guard(table: &CopiedTable) -> Sql {
    let (trigger, passive) = (guard_name(table.serving()), Text(table).passive());
    let function = qualified(&table.function(ConversionFunction::Guard));
    let body = format!(
        "BEGIN IF EXISTS (SELECT FROM pg_trigger AS g WHERE g.tgrelid = {} AND g.tgname = {}) THEN DROP TRIGGER {} ON \
         {passive}; DROP FUNCTION IF EXISTS {function}(); END IF; END",
        oid(&passive),
        literal(trigger.as_str()),
        name(&trigger),
    );
    Sql(format!("DO {}", literal(&body)))
}
