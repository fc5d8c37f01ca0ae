//! Cutover and rollback of a conversion by `Attach`. The cutover attaches the plain table as the oldest partition of the
//! partitioned table, which takes its name; the rollback detaches it. No row is copied.
//!
//! Each is one block of the owner, which reads the catalog under its locks and makes all changes.

use super::bound::{GO_ON_AFTER, LIMIT, fill_bound};
use super::copy::{BEGIN_WORK, END_WORK};
use super::create::{DIFFERENCES, fill, names, oid, run, with_variables};
use super::guard::{install_guard, remove_guard};
use super::swap::execute;
use super::text::LABEL;
use crate::partition::{
    Bounds, CopiedTable, Identifier, Marker, MarkerState, attached_key_name, copy_marker,
    copy_name, detached_checks, own_key_name, source_marker, source_name,
};
use crate::plan::{AttachSource, DetachSource};
use crate::sql::Sql;
use crate::sql::comment::marker;
use crate::sql::quote::{self, literal, name, qualified};

/// Query for the objects that depend on the partitioned table and cannot follow a rollback. `$1` is the plain table, `$2` the partitioned one,
/// `$3` the name of the key that the first has for the second.
const STRANDED: &str = include_str!("stranded.sql");

/// Attaches the plain table as the oldest partition. The owner of the tables runs it in a transaction.
///
/// It fails with `object_not_in_prerequisite_state` (55000) if an object has changed since the inspection. The plain table
/// must have a validated check of the bounds: otherwise Postgres scans all rows under the lock.
#[must_use]
pub fn attach_source(attach: &AttachSource) -> Vec<Sql> {
    let AttachSource { table, source, copy, range, .. } = attach;
    let bounds = Bounds::Range(range.clone());
    let text =
        Marker { oid: Some(*source), parent: Some(*copy), ..Marker::new(MarkerState::Attached) };
    let text =
        format!("{}\n{}", marker(&text, &table.managed, &bounds), source_marker(&table.managed));
    let checks: Vec<_> = detached_checks(&table.managed)
        .iter()
        .map(|check| format!("DROP CONSTRAINT IF EXISTS {}", name(check)))
        .collect();
    let own = [
        ("@differences", with_variables(DIFFERENCES)),
        ("@bounds", literal(&quote::bounds(&bounds))),
        ("@marker", literal(&text)),
        ("@drop_checks", literal(&checks.join(", "))),
        ("@remove_guard", execute(&[remove_guard(table)])),
    ];
    let body = body(include_str!("attach.sql"), table, (*source, *copy), own.into());
    run_on(table, &body)
}

/// Detaches the oldest partition and gives it the name of the table. The owner of the tables runs it in a transaction.
///
/// It fails with `object_not_in_prerequisite_state` (55000) if another partition has a row.
#[must_use]
pub fn detach_source(detach: &DetachSource) -> Vec<Sql> {
    let DetachSource { table, source, copy, .. } = detach;
    let full_key = literal(attached_key_name(&table.managed).as_str());
    let stranded = STRANDED
        .replace("$1", &format!("{LABEL}.source"))
        .replace("$2", &format!("{LABEL}.copy"))
        .replace("$3", &full_key);
    let own = vec![
        ("@source_mark", literal(&source_marker(&table.managed))),
        ("@stranded", stranded),
        ("@install_guard", execute(&install_guard(&table.swapped()))),
    ];
    let body = body(include_str!("detach.sql"), table, (*source, *copy), own);
    run_on(table, &body)
}

fn run_on(table: &CopiedTable, body: &str) -> Vec<Sql> {
    let [source, copy] = [&table.source, &table.copy].map(|relation| oid(&qualified(relation)));
    run(table, body, [&source, &copy, "false"], &[])
}

/// Fills a template. `own` are the parts that only this template has.
fn body(
    template: &str,
    table: &CopiedTable,
    (source, copy): (u32, u32),
    own: Vec<(&'static str, String)>,
) -> String {
    let managed = &table.managed;
    let text = |name: &Identifier| literal(name.as_str());
    let [partition, passive] =
        [source_name(managed), copy_name(managed)].map(|name| managed.sibling(name));
    let mut parts = vec![
        ("@begin", BEGIN_WORK.to_owned()),
        ("@end", format!("{END_WORK}END\n")),
        ("@limit", LIMIT.to_owned()),
        ("@go_on_after", GO_ON_AFTER.to_owned()),
        ("@serving", qualified(managed.name())),
        ("@serving_text", literal(&qualified(managed.name()))),
        ("@passive", qualified(&passive)),
        ("@passive_text", literal(&qualified(&passive))),
        ("@partition", literal(&qualified(&partition))),
        ("@source_oid", source.to_string()),
        ("@copy_oid", copy.to_string()),
        ("@mark", literal(&copy_marker(managed))),
        ("@schema", text(&managed.name().schema)),
        ("@name", text(&managed.name().name)),
        ("@partition_name", text(&partition.name)),
        ("@copy_name", text(&passive.name)),
        ("@full_key", text(&attached_key_name(managed))),
        ("@own_key", text(&own_key_name(managed))),
        ("@key", names(&table.key, "name")),
    ];
    parts.extend(own);
    let triggers = fill(include_str!("triggers.sql"), &parts);
    parts.push(("@triggers", triggers));
    fill_bound(template, parts)
}
