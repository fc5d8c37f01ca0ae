//! What in the database refutes the spec as a whole, so that nothing is to be changed.

use super::{Blocker, Moment, Window};
use crate::desired::{DesiredTable, Partitioning, Zone};
use crate::observed::{ObservedTable, Relation, RelationKind};
use crate::partition::{Interval, KeyType, PartitionKey, ServerVersion};

/// The first thing that refutes the spec.
pub(super) fn refute(
    desired: &DesiredTable,
    observed: &ObservedTable,
    moment: &Moment,
) -> Option<Blocker> {
    let server = &observed.server;
    if server.version < ServerVersion::OLDEST_SUPPORTED {
        return Some(Blocker::ServerTooOld { version: server.version });
    }
    if server.in_recovery {
        return Some(Blocker::InRecovery);
    }
    if server.read_only {
        return Some(Blocker::ReadOnly);
    }
    let table = || observed.name.clone();
    let Some(relation) = &observed.relation else {
        return Some(Blocker::NoSuchTable { table: table() });
    };
    let key = match &relation.kind {
        RelationKind::Partitioned(key) => key,
        RelationKind::Other(kind) => return Some(Blocker::NotPartitioned { table: table(), kind }),
    };
    refute_key(desired, observed, key)
        .or_else(|| refute_periods(desired, observed, moment))
        .or_else(|| refute_role(observed, relation))
}

/// The type of the key, where the table is partitioned by range on one we manage.
pub(super) fn range_key(observed: &ObservedTable) -> Option<KeyType> {
    observed.range_key().map(|(_, key)| key)
}

fn refute_key(
    desired: &DesiredTable,
    observed: &ObservedTable,
    found: &PartitionKey,
) -> Option<Blocker> {
    let table = observed.name.clone();
    let wanted = desired.partitioning.columns();
    let same_columns = found.columns.len() == wanted.len()
        && found
            .columns
            .iter()
            .zip(wanted)
            .all(|(found, wanted)| found.name.as_ref() == Some(wanted));
    if found.method != desired.partitioning.method() || !same_columns {
        let names: Vec<_> = wanted.iter().map(crate::partition::Identifier::shown).collect();
        let method = desired.partitioning.method().as_str();
        return Some(Blocker::OtherKey {
            table,
            found: found.shown(),
            wanted: format!("{method} ({})", names.join(", ")),
        });
    }
    let Partitioning::Range(range) = &desired.partitioning else { return None };
    let type_name = &found.columns.first()?.type_name;
    let Some(key) = KeyType::from_type_name(type_name) else {
        let (column, type_name) = (range.column.clone(), type_name.clone());
        return Some(Blocker::UnsupportedKeyType { table, column, type_name });
    };
    let column = range.column.clone();
    (key == KeyType::Date && range.interval == Interval::Hour).then_some(Blocker::IntervalTooFine {
        table,
        column,
        key,
    })
}

fn refute_periods(
    desired: &DesiredTable,
    observed: &ObservedTable,
    moment: &Moment,
) -> Option<Blocker> {
    let Partitioning::Range(range) = &desired.partitioning else { return None };
    if let Zone::Unknown(name) = &range.zone {
        return Some(Blocker::UnknownTimeZone { name: name.clone() });
    }
    let reached = Window::new(range, range_key(observed)?, observed, moment).is_some();
    (!reached).then_some(Blocker::BeyondCalendar)
}

fn refute_role(observed: &ObservedTable, relation: &Relation) -> Option<Blocker> {
    let owner = relation.owner.clone();
    if !relation.owned {
        let (table, role) = (observed.name.clone(), observed.server.role.clone());
        return Some(Blocker::NotOwner { table, owner, role });
    }
    let schema = observed.name.schema.clone();
    let owner = Some(owner).filter(|_| !observed.server.hides_owner);
    (!relation.may_create).then_some(Blocker::MayNotCreate { schema, owner })
}
