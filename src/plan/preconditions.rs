//! Preconditions: facts about a table that the rules depend on, or everything in the database that contradicts the
//! spec as a whole, so that nothing is changed.

use super::conversion::{Phase, PlanTarget, phase};
use super::{Blocker, Calendar, PlanTime};
use crate::desired::{DesiredHash, DesiredRange, DesiredTable, Partitioning, Zone};
use crate::observed::{ObservedTable, Relation, RelationKind, Server};
use crate::partition::{
    Identifier, Interval, KeyColumn, KeyRange, KeyType, PartitionKey, QualifiedName, RangeBounds,
    RangeKey, ServerVersion,
};

/// Preconditions of the rules: the table exists, it is partitioned as the spec says or is being converted, and the
/// login can act as its owner. No step of a plan changes any of it.
pub(super) struct Context<'a> {
    /// The desired state of the partitioned table: while a table is converted, that of its copy.
    pub(super) desired: &'a DesiredTable,
    /// The instants the plan is for.
    pub(super) time: &'a PlanTime,
    /// The partitioned table, or the plain table if a conversion begins.
    pub(super) relation: &'a Relation,
    /// Partition key and method.
    pub(super) method: Method<'a>,
    /// Phase of its conversion.
    pub(super) phase: Phase<'a>,
}

/// Partition key and method on which spec and table agree.
#[allow(clippy::large_enum_variant, reason = "there is one for each plan")]
pub(super) enum Method<'a> {
    /// By calendar period.
    Range(Range<'a>),
    /// By hash.
    Hash(&'a DesiredHash),
}

/// Facts about a range-partitioned table.
pub(super) struct Range<'a> {
    /// The periods that the spec asks for.
    pub(super) spec: &'a DesiredRange,
    /// Partition column.
    pub(super) key: RangeKey,
    /// The periods at the moment of the plan.
    pub(super) calendar: Calendar,
}

impl Range<'_> {
    /// Returns a range of the key.
    pub(super) fn of(&self, range: RangeBounds) -> KeyRange {
        KeyRange { key: self.key.clone(), range }
    }
}

impl Context<'_> {
    /// Returns what is known of the range, or `None` on a hash.
    pub(super) fn range(&self) -> Option<&Range<'_>> {
        match &self.method {
            Method::Range(range) => Some(range),
            Method::Hash(_) => None,
        }
    }

    /// The tables that the foreign keys of the table reference.
    pub(super) fn references(&self) -> Vec<QualifiedName> {
        self.relation.references.clone()
    }

    /// The tables whose foreign keys reference the table.
    pub(super) fn referenced_by(&self) -> Vec<QualifiedName> {
        self.relation.referencing()
    }
}

/// Holds the spec against what the database is and has.
///
/// # Errors
/// Returns every problem that can be judged without another one being solved first; the first is the one that a
/// user has to solve first.
pub(super) fn check_preconditions<'a>(
    target: &'a PlanTarget<'_>,
    observed: &'a ObservedTable,
    time: &'a PlanTime,
) -> Result<Context<'a>, Vec<Blocker>> {
    let version = observed.server.version;
    if version < ServerVersion::OLDEST_SUPPORTED {
        // The query of the catalog is not made for it: what else it returned proves nothing.
        return Err(vec![Blocker::UnsupportedServer { version }]);
    }
    let mut problems = server_problems(&observed.server);
    let Some(relation) = &observed.relation else {
        problems.push(Blocker::TableNotFound { table: observed.name.clone() });
        return Err(problems);
    };
    let role_problems = role_problems(observed, relation);
    let desired = target.table();
    let method = if target.is_plain(relation) {
        plain_method(desired, observed, time)
    } else {
        method(desired, observed, relation, time)
    };
    match (method, phase(target.declared, observed, relation, time)) {
        (Ok(method), Ok(phase)) if problems.is_empty() && role_problems.is_empty() => {
            Ok(Context { desired, time, relation, method, phase })
        }
        (method, phase) => {
            problems.extend(method.err().into_iter().flatten());
            problems.extend(role_problems);
            problems.extend(phase.err().into_iter().flatten());
            Err(problems)
        }
    }
}

fn server_problems(server: &Server) -> Vec<Blocker> {
    let in_recovery = server.in_recovery.then_some(Blocker::ReadOnlyReplica);
    let read_only = server.read_only.then_some(Blocker::ReadOnly);
    in_recovery.into_iter().chain(read_only).collect()
}

fn role_problems(observed: &ObservedTable, relation: &Relation) -> Vec<Blocker> {
    let not_owner = (!relation.owned).then(|| Blocker::NotOwner {
        table: observed.name.clone(),
        owner: relation.owner.clone(),
        role: observed.server.role.clone(),
    });
    let missing_create_privilege =
        (!relation.may_create).then(|| Blocker::MissingCreatePrivilege {
            schema: observed.name.schema.clone(),
            owner: Some(relation.owner.clone()).filter(|_| !observed.server.hides_owner),
        });
    not_owner.into_iter().chain(missing_create_privilege).collect()
}

/// Returns how the copy of a plain table will be partitioned. What is wrong with the column otherwise, the preflight
/// says.
fn plain_method<'a>(
    desired: &'a DesiredTable,
    observed: &ObservedTable,
    time: &PlanTime,
) -> Result<Method<'a>, Vec<Blocker>> {
    let spec = match &desired.partitioning {
        Partitioning::Hash(hash) => return Ok(Method::Hash(hash)),
        Partitioning::Range(spec) => spec,
    };
    let column = observed.plain.as_ref().and_then(|plain| plain.column(&spec.column));
    let Some(column) = column else { return Err(Vec::new()) };
    let columns =
        vec![KeyColumn { name: Some(column.name.clone()), type_name: column.base_type.clone() }];
    let key = PartitionKey { method: desired.partitioning.method(), columns };
    range(spec, range_key(spec, &observed.name, &key), time).map(Method::Range)
}

fn method<'a>(
    desired: &'a DesiredTable,
    observed: &ObservedTable,
    relation: &Relation,
    time: &PlanTime,
) -> Result<Method<'a>, Vec<Blocker>> {
    let key = same_key(desired, observed, relation);
    match &desired.partitioning {
        Partitioning::Hash(hash) => key.map(|_| Method::Hash(hash)),
        Partitioning::Range(spec) => {
            let key = key.and_then(|found| range_key(spec, &observed.name, found));
            range(spec, key, time).map(Method::Range)
        }
    }
}

fn range<'a>(
    spec: &'a DesiredRange,
    key: Result<RangeKey, Vec<Blocker>>,
    time: &PlanTime,
) -> Result<Range<'a>, Vec<Blocker>> {
    match (key, unknown_zone(spec)) {
        (Ok(key), None) => match Calendar::new(spec, key.key_type, time) {
            Some(calendar) => Ok(Range { spec, key, calendar }),
            None => Err(vec![Blocker::PeriodOutOfRange]),
        },
        (key, unknown_zone) => Err(key.err().into_iter().flatten().chain(unknown_zone).collect()),
    }
}

/// Returns the key of the table if it is partitioned by the method and the columns of the spec.
fn same_key<'a>(
    desired: &DesiredTable,
    observed: &ObservedTable,
    relation: &'a Relation,
) -> Result<&'a PartitionKey, Vec<Blocker>> {
    let table = observed.name.clone();
    let found = match &relation.kind {
        RelationKind::Partitioned(key) => key,
        RelationKind::Other(kind) => return Err(vec![Blocker::NotPartitioned { table, kind }]),
    };
    let (method, wanted) = (desired.partitioning.method(), desired.partitioning.columns());
    let columns = found.columns.iter().map(|column| column.name.as_ref());
    if found.method == method && columns.eq(wanted.iter().map(Some)) {
        return Ok(found);
    }
    let names: Vec<_> = wanted.iter().map(Identifier::display).collect();
    let wanted = format!("{} ({})", method.as_str(), names.join(", "));
    Err(vec![Blocker::PartitionKeyMismatch { table, found: found.display(), wanted }])
}

/// Returns the key of a range if calendar periods of the spec can be told on its type.
fn range_key(
    spec: &DesiredRange,
    table: &QualifiedName,
    found: &PartitionKey,
) -> Result<RangeKey, Vec<Blocker>> {
    let (table, column) = (table.clone(), spec.column.clone());
    let type_name = found.columns.first().map(|column| column.type_name.clone());
    let type_name = type_name.unwrap_or_default();
    match KeyType::from_type_name(&type_name) {
        None => Err(vec![Blocker::UnsupportedKeyType { table, column, type_name }]),
        Some(key @ KeyType::Date) if spec.interval == Interval::Hour => {
            Err(vec![Blocker::IntervalTooFine { table, column, key }])
        }
        Some(key_type) => Ok(RangeKey { column, key_type }),
    }
}

fn unknown_zone(spec: &DesiredRange) -> Option<Blocker> {
    match &spec.zone {
        Zone::Known(_) => None,
        Zone::Unknown(name) => Some(Blocker::UnknownTimeZone { name: name.clone() }),
    }
}
