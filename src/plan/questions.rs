//! Questions of a plan beyond the catalog.

use std::collections::BTreeSet;

use super::condition::unproven_conditions;
use super::conversion::{Phase, phase};
use super::{Calendar, Gaps, PlanTime};
use crate::desired::{ConversionMethod, DesiredTable, Partitioning};
use crate::observed::{CopyOf, ObservedPartition, ObservedTable, Question, RelationKind, Within};
use crate::partition::{RangeBounds, Side, SyncLevel};

/// Returns what the plan for a moment depends on and the snapshot does not answer.
#[must_use]
pub fn questions(
    desired: &DesiredTable,
    observed: &ObservedTable,
    time: &PlanTime,
) -> Vec<Question> {
    let asked = clock_skew(desired)
        .into_iter()
        .chain(default_rows(desired, observed, time))
        .chain(references(desired, observed, time))
        .chain(conditions(desired, observed))
        .chain(plain_table(observed).filter(|_| desired.conversion.is_some()))
        .chain(oldest_row(desired, observed))
        .chain(copy(observed))
        .chain(sync(desired, observed, time))
        .chain(routing(desired, observed))
        .chain(attachment(desired, observed, time));
    asked.filter(|question| !observed.is_answered(question)).collect()
}

/// Returns what the plan for some spec and moment can depend on and the snapshot does not answer, as far as it can be
/// asked without the spec: not the conditions of its indexes, and not where its partition column begins.
#[must_use]
pub fn questions_without_spec(observed: &ObservedTable) -> Vec<Question> {
    let counted = has_default_rows(observed) && observed.range_key().is_some();
    let references = referenced(observed, |partition| partition.bounds.as_range().is_some());
    let asked = std::iter::once(Question::ClockSkew)
        .chain(counted.then_some(Question::DefaultRows(Within::Everywhere)))
        .chain(references)
        .chain(plain_table(observed))
        .chain(copy(observed));
    asked.filter(|question| !observed.is_answered(question)).collect()
}

/// Nothing expires while the clocks differ.
fn clock_skew(desired: &DesiredTable) -> Option<Question> {
    depends_on_clocks(desired).then_some(Question::ClockSkew)
}

/// Returns whether a plan depends on the difference between the clocks: it does if partitions expire.
#[must_use]
pub fn depends_on_clocks(desired: &DesiredTable) -> bool {
    match &desired.partitioning {
        Partitioning::Range(range) => range.retention.is_some(),
        Partitioning::Hash(_) => false,
    }
}

/// Asks about the rows where partitions are missing.
fn default_rows(
    desired: &DesiredTable,
    observed: &ObservedTable,
    time: &PlanTime,
) -> Option<Question> {
    let Partitioning::Range(range) = &desired.partitioning else { return None };
    if !has_default_rows(observed) {
        return None;
    }
    let key_type = observed.range_key()?.key_type;
    let missing = Gaps::new(&Calendar::new(range, key_type, time)?, observed).missing;
    let from = missing.iter().map(|missing| missing.range.from()).min();
    let to = missing.iter().map(|missing| missing.range.to()).max();
    let bin = from.zip(to).and_then(|(from, to)| RangeBounds::new(from, to));
    Some(Question::DefaultRows(bin.map_or(Within::Nowhere, Within::Range)))
}

fn has_default_rows(observed: &ObservedTable) -> bool {
    observed.default_partition().is_some_and(|(default, _)| default.bytes > 0)
}

/// Asks about the partitions that expire.
fn references(desired: &DesiredTable, observed: &ObservedTable, time: &PlanTime) -> Vec<Question> {
    let Partitioning::Range(range) = &desired.partitioning else { return Vec::new() };
    let calendar = observed.range_key().and_then(|key| Calendar::new(range, key.key_type, time));
    let Some(calendar) = calendar else { return Vec::new() };
    let is_expired =
        |p: &ObservedPartition| p.bounds.as_range().is_some_and(|r| calendar.is_expired(r));
    referenced(observed, is_expired).collect()
}

/// Asks about those managed partitions of a referenced table of which something is true.
fn referenced(
    observed: &ObservedTable,
    predicate: impl Fn(&ObservedPartition) -> bool,
) -> impl Iterator<Item = Question> {
    let is_referenced = observed.relation.as_ref().is_some_and(|r| !r.referenced_by.is_empty());
    let managed = observed.attached().filter(move |p| is_referenced && p.state.is_managed());
    managed.filter(move |p| predicate(p)).map(|p| Question::ReferencesTo(p.name.clone()))
}

/// Asks about a table that can be converted.
fn plain_table(observed: &ObservedTable) -> Option<Question> {
    let relation = observed.relation.as_ref()?;
    (relation.kind == RelationKind::Other("table")).then_some(Question::PlainTable)
}

/// Asks where the partitions of a copy begin if the spec does not say it, until there are partitions and the first rows.
fn oldest_row(desired: &DesiredTable, observed: &ObservedTable) -> Option<Question> {
    let (Partitioning::Range(range), Some(conversion)) =
        (&desired.partitioning, &desired.conversion)
    else {
        return None;
    };
    let is_copied = match conversion.method {
        ConversionMethod::Copy(_) => true,
        ConversionMethod::Attach => false,
    };
    let is_asked = is_copied && range.start_at.is_none();
    observed.plain_table()?.key_type(&range.column)?;
    // Once the triggers are there, older rows go to the default partition: an application that writes ever older rows would
    // have partitions created without end.
    let has_begun = observed.copy.as_ref().is_some_and(|copy| copy.was_synced());
    (is_asked && !has_begun).then(|| Question::OldestRow(range.column.clone()))
}

/// Asks about the conversion of which the table is the copy, before the cutover or after it.
fn copy(observed: &ObservedTable) -> Option<Question> {
    match observed.relation.as_ref()?.copy_of {
        CopyOf::Table | CopyOf::Replaced => Some(Question::Copy),
        CopyOf::None | CopyOf::Other => None,
    }
}

/// Asks about the triggers and functions that the spec asks for.
fn sync(desired: &DesiredTable, observed: &ObservedTable, time: &PlanTime) -> Option<Question> {
    let relation = observed.relation.as_ref()?;
    match phase(desired, observed, relation, time) {
        Ok(Phase::Copied(copied)) => {
            Some(Question::Sync(Box::new(copied.table), copied.options.sync))
        }
        // It has no triggers. The answer says too how the copy differs.
        Ok(Phase::Attaching(attaching)) => {
            Some(Question::Sync(Box::new(attaching.table), SyncLevel::Row))
        }
        Ok(
            Phase::Partitioned
            | Phase::Begin { .. }
            | Phase::Attached(_)
            | Phase::Served { .. }
            | Phase::Ended(_),
        )
        | Err(_) => None,
    }
}

/// Asks about the routing of a table that is routed, or will be.
fn routing(desired: &DesiredTable, observed: &ObservedTable) -> Option<Question> {
    let copy = observed.copy.as_ref()?;
    let method = desired.conversion.as_ref().map(|conversion| &conversion.method);
    let roles = match method {
        Some(ConversionMethod::Copy(options)) => options.routing.clone(),
        Some(ConversionMethod::Attach) | None => BTreeSet::new(),
    };
    (copy.routed || !roles.is_empty()).then_some(Question::Routing(roles))
}

/// Asks what a conversion by `Attach` depends on, and what it leaves if it ends before the cutover.
fn attachment(
    desired: &DesiredTable,
    observed: &ObservedTable,
    time: &PlanTime,
) -> Option<Question> {
    let table = match phase(desired, observed, observed.relation.as_ref()?, time).ok()? {
        Phase::Attaching(attaching) => attaching.table,
        Phase::Attached(attached) => attached.table,
        Phase::Ended(table) if table.serving() == Side::Source => table,
        Phase::Partitioned
        | Phase::Begin { .. }
        | Phase::Copied(_)
        | Phase::Served { .. }
        | Phase::Ended(_) => return None,
    };
    Some(Question::Attachment(Box::new(table)))
}

/// Asks about the conditions that an index in the catalog may have in other words.
fn conditions(desired: &DesiredTable, observed: &ObservedTable) -> Option<Question> {
    let conditions = unproven_conditions(desired, observed);
    (!conditions.is_empty()).then_some(Question::Conditions(conditions))
}
