//! Statements that create the partitioned copy, apply changes of its source, and drop it.
//!
//! All run in a block of the owner: Postgres parses texts of the catalog there, which can run code of the owner, such as
//! conditions of domains.

use super::copy::{BEGIN_WORK, END_WORK};
use super::guard::remove_guard;
use super::text::LABEL;
use super::work::run_as_owner;
use crate::partition::{
    CopiedTable, Identifier, MARKER_PREFIX, Method, QualifiedName, SyncTrigger, copy_marker,
    detached_checks, table_in_marker,
};
use crate::sql::Sql;
use crate::sql::quote::{list, literal, qualified};

/// Variables for the parameters of the query in `sides.sql`, in order. `copy` is NULL if `is_new`.
/// `triggers` are the names of the sync triggers, `known` the columns they were created for, `checks` the names that the
/// check of the bounds of the plain table can have.
const VARIABLES: [(&str, &str); 6] = [
    ("source", "oid"),
    ("copy", "oid"),
    ("is_new", "boolean"),
    ("triggers", "text[]"),
    ("known", "text[]"),
    ("checks", "text[]"),
];

/// Common table expressions that find the differences, up to `commands`.
pub(super) const DIFFERENCES: &str =
    concat!(include_str!("sides.sql"), include_str!("differences.sql"));

/// Creates the copy, empty and without partitions. The owner of the source runs it in a transaction.
///
/// The copy has the key of the source followed by the partition columns, and the properties that
/// `docs/reference/inheritance.md` lists. It has only the indexes of constraints, no triggers, and no foreign key to the source
/// itself, which the source enforces while it exists.
#[must_use]
pub fn create_copy(table: &CopiedTable, method: Method) -> Vec<Sql> {
    let source = oid(&qualified(&table.source));
    run(table, &body(table, method), [&source, "NULL", "true"], &[])
}

/// Applies changes of columns and properties of the serving table to the passive one. The owner runs it in the transaction
/// that then installs the sync again. `known` are the columns for which the triggers were created, in order, to find renamed
/// columns; it is empty after the cutover.
///
/// Differences that would require reading all rows stay: `observed::CopyDifferences` reports them as obstacles.
#[must_use]
pub fn follow(table: &CopiedTable, method: Method, known: &[Identifier]) -> Vec<Sql> {
    let [serving, passive] = oids(table);
    run(table, &body(table, method), [&serving, &passive, "false"], known)
}

/// Validates the constraints that [`follow`] added as `NOT VALID`. The owner runs it in a transaction. It reads all rows while
/// the application reads and writes.
///
/// It fails with `check_violation` (23514) or `foreign_key_violation` (23503) if a row violates one: a column added as NOT
/// NULL has no values in the copy until a sweep repairs its rows. So it requires a clean sweep since then.
#[must_use]
pub fn validate_copy(table: &CopiedTable) -> Vec<Sql> {
    let body = format!(
        "  object record;\nBEGIN\n{BEGIN_WORK}  FOR object IN SELECT c.conrelid::regclass AS relation, c.conname FROM \
         pg_constraint AS c WHERE (c.conrelid = {LABEL}.copy AND c.contype IN ('c', 'n', 'f') OR c.contype = 'f' AND \
         c.conrelid IN (SELECT i.inhrelid FROM pg_inherits AS i WHERE i.inhparent = {LABEL}.copy)) AND NOT c.convalidated \
         AND pg_get_constraintdef(c.oid) LIKE '% NOT VALID' ORDER BY c.conrelid, c.conname LOOP\n    EXECUTE format('ALTER \
         TABLE %s VALIDATE CONSTRAINT %I', object.relation, object.conname);\n  END LOOP;\n{END_WORK}END\n"
    );
    let [serving, passive] = oids(table);
    run(table, &body, [&serving, &passive, "false"], &[])
}

/// Drops the copy with all its partitions. The owner runs it in a transaction, after [`remove_sync`](super::remove_sync).
///
/// It fails if the table has another OID than `copy`, if it lacks the mark of a copy, or if it has a partition without a
/// marker of the operator, which a user attached.
#[must_use]
pub fn drop_copy(table: &CopiedTable, copy: u32) -> Vec<Sql> {
    let name = qualified(&table.copy);
    vec![
        Sql(format!("LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE")),
        Sql(format!("DO {}", literal(&reject_other_copies(table, copy)))),
        remove_guard(table),
        Sql(format!("DROP TABLE {name}")),
    ]
}

fn reject_other_copies(table: &CopiedTable, copy: u32) -> String {
    let shown = table.copy.display();
    let replaced = format!("table {shown} is not the planned copy: plan again");
    let not_marked = format!("table {shown} is not marked as a copy, and is not dropped");
    let attached = format!(
        "partition %s of {} was not created for this table by the operator, and is not dropped: detach it, or drop it",
        shown.replace('%', "%%")
    );
    format!(
        "DECLARE other regclass; BEGIN IF {}::oid <> {copy} THEN RAISE object_not_in_prerequisite_state USING \
         MESSAGE = {}; END IF; IF split_part(obj_description({copy}, 'pg_class'), E'\\n', 1) IS DISTINCT FROM {} \
         THEN RAISE object_not_in_prerequisite_state USING MESSAGE = {}; END IF; SELECT i.inhrelid INTO other FROM \
         pg_inherits AS i WHERE i.inhparent = {copy} AND NOT EXISTS (SELECT FROM \
         split_part(obj_description(i.inhrelid, 'pg_class'), E'\\n', 1) AS marker WHERE starts_with(marker, {}) AND \
         strpos(marker, {}) > 0) LIMIT 1; IF FOUND THEN RAISE object_not_in_prerequisite_state USING MESSAGE = \
         format({}, other); END IF; END",
        oid(&qualified(&table.copy)),
        literal(&replaced),
        literal(&copy_marker(&table.managed)),
        literal(&not_marked),
        literal(MARKER_PREFIX),
        literal(&table_in_marker(&table.managed)),
        literal(&attached)
    )
}

/// Gathers statistics on a copy and its partitions.
pub(in crate::sql) fn analyze(copy: &QualifiedName) -> Sql {
    Sql(format!("ANALYZE {}", qualified(copy)))
}

/// Variables with the OIDs of the serving and the passive table.
fn oids(table: &CopiedTable) -> [String; 2] {
    let serving = table.serving();
    [serving, serving.other()].map(|side| oid(&qualified(table.name_of(side))))
}

/// Returns a block. `body` follows the declarations of the variables, the first of which have these values.
pub(super) fn run(
    table: &CopiedTable,
    body: &str,
    values: [&str; 3],
    known: &[Identifier],
) -> Vec<Sql> {
    let triggers = SyncTrigger::ALL.map(|trigger| trigger.name(&table.managed, table.serving()));
    let checks = detached_checks(&table.managed);
    let own = [names(&triggers, "text"), names(known, "text"), names(&checks, "text")];
    let values = values.into_iter().chain(own.iter().map(String::as_str));
    let declared: String = VARIABLES
        .into_iter()
        .zip(values)
        .map(|((name, data_type), value)| format!("  {name} {data_type} := {value};\n"))
        .collect();
    let block = format!("\n#variable_conflict use_column\n<<{LABEL}>>\nDECLARE\n{declared}{body}");
    run_as_owner(&table.owner, &block).into()
}

fn body(table: &CopiedTable, method: Method) -> String {
    let full_key: Vec<_> = table.full_key().cloned().collect();
    let serving = table.serving();
    let by = format!("{} {}", method.as_str().to_uppercase(), list(&table.partition_columns));
    let parts = [
        ("@differences", with_variables(DIFFERENCES)),
        ("@begin", BEGIN_WORK.to_owned()),
        ("@end", format!("{END_WORK}END\n")),
        ("@source", qualified(table.name_of(serving))),
        ("@copy", literal(&qualified(table.name_of(serving.other())))),
        ("@mark", literal(&copy_marker(&table.managed))),
        // The text becomes part of an argument of format().
        ("@by", literal(&by)),
        ("@full_key_names", names(&full_key, "name")),
        ("@full_key", literal(&list(&full_key))),
        ("@key", names(&table.key, "name")),
        ("@partition_columns", names(&table.partition_columns, "name")),
    ];
    fill(include_str!("follow.sql"), &parts)
}

/// Replaces the parameters of a query by variables.
pub(super) fn with_variables(query: &str) -> String {
    let numbered = VARIABLES.iter().zip(1..);
    numbered.fold(query.to_owned(), |query, ((name, _), number)| {
        query.replace(&format!("${number}"), &format!("{LABEL}.{name}"))
    })
}

/// Replaces each `@word` of a template by its part. Words within parts are not replaced.
pub(super) fn fill(template: &str, parts: &[(&str, String)]) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('@') {
        filled.push_str(before);
        let end =
            after.find(|c: char| !(c.is_ascii_lowercase() || c == '_')).unwrap_or(after.len());
        let (word, after) = after.split_at(end);
        let part = parts.iter().find(|(name, _)| name.strip_prefix('@') == Some(word));
        match part {
            Some((_, part)) => filled.push_str(part),
            None => filled.extend(["@", word]),
        }
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// An array of names as values of a type.
pub(super) fn names(names: &[Identifier], type_name: &str) -> String {
    let names: Vec<_> = names.iter().map(|name| literal(name.as_str())).collect();
    format!("ARRAY[{}]::{type_name}[]", names.join(", "))
}

/// The object identifier of a relation.
pub(super) fn oid(relation: &str) -> String {
    format!("{}::regclass", literal(relation))
}
