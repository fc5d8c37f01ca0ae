//! Records of partitions in the database: markers and bounds checks.

use std::collections::BTreeSet;

use super::comment::{comment, comment_dated, marker};
use super::quote::{in_range, literal, name, qualified};
use super::{Sql, constraint};
use crate::partition::{
    Bounds, Detached, KeyRange, ManagedTable, Marker, MarkerState, QualifiedName, adoption_line,
    adoption_patterns, detached_check, detached_checks,
};
use crate::plan::{
    AddBoundsCheck, DropBoundsCheck, MarkPartitions, MarkedPartition, RecordDetach,
    ValidateBoundsCheck,
};

pub(super) fn mark(mark: &MarkPartitions) -> Vec<Sql> {
    let MarkPartitions { managed, table, partitions, adopted, .. } = mark;
    let marked = |marked: &MarkedPartition| {
        let (text, own) =
            (marker(&marked.marker, managed, &marked.bounds), marked.comment.as_deref());
        match marked.marker.state {
            // The grace period starts when this is written.
            MarkerState::Detached(Detached { drops_since: Some(since), .. }) => {
                comment_dated(&marked.name, &text, since, own)
            }
            MarkerState::Detached(_)
            | MarkerState::ToBeAttached
            | MarkerState::Attached
            | MarkerState::Expired { .. } => comment(&marked.name, &text, own),
        }
    };
    let looked_at = partitions.iter().filter_map(|marked| Some((&marked.name, marked.oid?)));
    let recorded = adopted.as_ref().map(|adopted| record_adoptions(table, adopted));
    partitions.iter().map(marked).chain(recorded).chain(same_oid_guard(looked_at)).collect()
}

/// Records in a line of the table's comment what has been adopted, and leaves what a user wrote there.
fn record_adoptions(table: &QualifiedName, adopted: &BTreeSet<String>) -> Sql {
    let table = qualified(table);
    let line = match adopted.len() {
        0 => "NULL".to_owned(),
        _ => literal(&adoption_line(adopted.iter().map(String::as_str))),
    };
    let [beginning, digests] = adoption_patterns();
    let body = format!(
        "BEGIN EXECUTE format('COMMENT ON TABLE %s IS %L', {}, nullif(concat_ws(chr(10), \
         nullif(regexp_replace(obj_description({}::regclass, 'pg_class'), \
         '(?n)(^|\\n){beginning}{digests}$', ''), ''), {line}), '')); END",
        literal(&table),
        literal(&table),
    );
    Sql(format!("DO {}", literal(&body)))
}

/// Fails unless tables are those that were looked at. Comes when they are locked: a name cannot be given
/// to another table any more.
fn same_oid_guard<'a>(tables: impl Iterator<Item = (&'a QualifiedName, u32)>) -> Option<Sql> {
    let pairs: Vec<_> = tables
        .map(|(table, oid)| format!("({}::regclass::oid, {oid}::oid)", literal(&qualified(table))))
        .collect();
    if pairs.is_empty() {
        return None;
    }
    let body = format!(
        "BEGIN IF EXISTS (SELECT FROM (VALUES {}) AS tables (there, looked_at) WHERE there <> \
         looked_at) THEN RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', \
         MESSAGE = 'another table has the name now, and is not changed'; END IF; END",
        pairs.join(", ")
    );
    Some(Sql(format!("DO {}", literal(&body))))
}

pub(super) fn state_bounds(state: &AddBoundsCheck) -> Vec<Sql> {
    let AddBoundsCheck { managed, partition, oid, range, inherited } = state;
    bounds_check(managed, (partition, *oid), range, inherited.as_deref())
}

/// Bounds check of a detached table. The operator finds the detached tables of a table by its name, which no other
/// table's constraint has, whatever they are called.
///
/// `inherited` is the condition that every row of the partitioned table meets, as the catalog deparses it. Without it
/// Postgres would scan a table that is attached again to a table that is a partition itself.
fn bounds_check(
    managed: &ManagedTable,
    (partition, oid): (&QualifiedName, Option<u32>),
    range: &KeyRange,
    inherited: Option<&str>,
) -> Vec<Sql> {
    let mut condition = in_range(range);
    if let Some(inherited) = inherited {
        condition.push_str(&format!(" AND ({inherited})"));
    }
    let add = Sql(format!(
        "ALTER TABLE {} ADD CONSTRAINT {} CHECK ({condition}) NOT VALID",
        qualified(partition),
        name(&detached_check(managed)),
    ));
    let earlier = detached_checks(managed);
    let earlier = earlier.iter().map(|check| constraint::drop_if_exists(partition, check));
    let mut statements: Vec<_> = earlier.chain([add]).collect();
    statements.extend(same_oid_guard(oid.iter().map(|oid| (partition, *oid))));
    statements
}

pub(super) fn drop_bounds(drop: &DropBoundsCheck) -> Vec<Sql> {
    let checks = detached_checks(&drop.managed);
    checks.iter().map(|check| constraint::drop_if_exists(&drop.table, check)).collect()
}

/// Validates the check on a detached table, under the name that it has: version 0 gave it another one if the name of
/// the partitioned table has a control character or a backslash.
pub(super) fn validate_bounds(check: &ValidateBoundsCheck) -> Sql {
    let ValidateBoundsCheck { managed, partition, .. } = check;
    let validate = constraint::validate(partition, &detached_check(managed));
    let checks = detached_checks(managed);
    let Some(old) = checks.get(1) else { return validate };
    let body = format!(
        "BEGIN IF EXISTS (SELECT FROM pg_constraint WHERE conrelid = {}::regclass AND conname = {}) THEN {}; \
         ELSE {}; END IF; END",
        literal(&qualified(partition)),
        literal(old.as_str()),
        constraint::validate(partition, old).as_str(),
        validate.as_str(),
    );
    Sql(format!("DO {}", literal(&body)))
}

pub(super) fn record_detach(record: &RecordDetach) -> Vec<Sql> {
    let RecordDetach { managed, partition, oid, bounds, inherited, .. } = record;
    let mut statements = match bounds {
        Bounds::Range(range) => {
            bounds_check(managed, (partition, *oid), range, inherited.as_deref())
        }
        Bounds::Hash { .. } | Bounds::Default | Bounds::Other(_) => Vec::new(),
    };
    for publication in &record.publications {
        let (publication, partition) = (name(publication), qualified(partition));
        statements.push(Sql(format!("ALTER PUBLICATION {publication} DROP TABLE {partition}")));
    }
    let drops_since = record.drops.then_some(record.at);
    let found = Marker {
        state: MarkerState::Detached(Detached { at: record.at, drops_since }),
        oid: *oid,
        parent: record.parent,
        cycle: record.cycle,
    };
    let marker = marker(&found, managed, bounds);
    let own = record.comment.as_deref();
    statements.push(comment_dated(partition, &marker, record.at, own));
    statements.extend(same_oid_guard(oid.iter().map(|oid| (partition, *oid))));
    statements
}
