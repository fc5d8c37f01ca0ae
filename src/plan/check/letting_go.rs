//! What may be let go.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::{attached, ensure, find, prepared};
use crate::desired::{AdoptedName, DesiredTable, OnExpiry, Partitioning};
use crate::observed::{
    Attachment, BoundsCheck, ObservedPartition, ObservedTable, Origin, PartitionKind,
};
use crate::partition::{
    Bounds, Detached, Edge, Mark, Marker, QualifiedName, RangeBounds, adoption_digest,
    adoption_digests,
};
use crate::plan::step::{
    Detach, DropDetached, MarkPartitions, MarkedPartition, Marking, Remember, ValidateBounds,
};
use crate::plan::{Calendar, Moment, Plan, PlannedStep, Step};

/// How far the clock of the database and ours may differ.
const MOST_APART: SignedDuration = SignedDuration::from_mins(1);

/// What the spec and a person allow to go.
pub(super) struct Leave<'a> {
    /// What ends here or before may go; none where nothing may.
    expired_until: Option<Edge>,
    /// What waits to be dropped since this instant or before may be dropped; none where nothing may.
    dropped_since: Option<Timestamp>,
    /// Whether the spec says that what is detached is dropped.
    drops: bool,
    /// Object identifier of the table.
    table: Option<u32>,
    /// The most partitions that may be let go at once.
    most: usize,
    /// What of others may become ours.
    adopted: &'a [AdoptedName],
    /// Where rows of now lie.
    now: Option<Edge>,
}

impl<'a> Leave<'a> {
    pub(super) fn new(
        plan: &Plan,
        desired: &'a DesiredTable,
        observed: &ObservedTable,
        moment: &Moment,
    ) -> Self {
        let mut leave = Self {
            expired_until: None,
            dropped_since: None,
            drops: false,
            table: observed.relation.as_ref().map(|relation| relation.oid),
            most: 0,
            adopted: &desired.adopt,
            now: None,
        };
        let (Partitioning::Range(range), Some((_, key))) =
            (&desired.partitioning, observed.range_key())
        else {
            return leave;
        };
        let Some(calendar) = Calendar::new(range, key, moment) else { return leave };
        leave.now = Some(Edge::At(calendar.now));
        let clocks_agree = observed.server.ahead.is_none_or(|ahead| ahead.abs() <= MOST_APART);
        let Some(retention) = range.retention.filter(|_| clocks_agree) else { return leave };
        leave.drops = matches!(retention.on_expiry, OnExpiry::Drop { .. });
        let is_approved = desired.approved.contains(&plan.fingerprint);
        leave.expired_until = calendar.kept_from;
        leave.dropped_since = match retention.on_expiry {
            OnExpiry::Detach => None,
            // Nor what this very run detaches.
            OnExpiry::Drop { after } => {
                let before_now = moment.now.saturating_sub(SignedDuration::from_nanos(1)).ok();
                moment.expire.checked_sub(after).ok().min(before_now)
            }
        };
        leave.most = if is_approved { usize::MAX } else { desired.limits.most_expired as usize };
        leave
    }

    /// Whether rows of now have a partition of their own.
    pub(super) fn has_place_for_now(&self, world: &ObservedTable) -> bool {
        let takes = |p: &ObservedPartition| {
            p.bounds.as_range().zip(self.now).is_some_and(|(range, now)| range.contains(now))
        };
        world.attached().any(takes)
    }

    /// Whether no more is let go with the last of these steps, all of them together, than may go.
    pub(super) fn is_enough_for(&self, steps: &[PlannedStep]) -> Result<(), &'static str> {
        let enough = |is_counted: fn(Marking) -> bool| {
            let counted = |planned: &PlannedStep| marked_as(&planned.step, is_counted);
            steps.last().is_none_or(|last| counted(last) == 0)
                || steps.iter().map(counted).sum::<usize>() <= self.most
        };
        ensure(
            enough(|marking| matches!(marking, Marking::Expired { .. })),
            "no more is let go at once than may go, or a person has approved",
        )?;
        ensure(
            enough(|marking| marking == Marking::ForDrop),
            "no more of what was detached to be kept is dropped than may go, or a user has approved",
        )
    }

    fn may_adopt(&self, partition: &QualifiedName, world: &ObservedTable) -> bool {
        self.adopted.iter().any(|adopted| {
            let schema = adopted.schema.as_ref().unwrap_or(&world.managed.name().schema);
            adopted.name == partition.name && *schema == partition.schema
        })
    }

    fn is_expired(&self, bounds: &Bounds) -> Result<(), &'static str> {
        let range = bounds.as_range().ok_or("only ranges expire")?;
        ensure(matches!(range.from(), Edge::At(_)), "what has no lower end never expires")?;
        let is_past = self.expired_until.is_some_and(|until| range.to() <= until);
        ensure(is_past, "nothing is let go before its whole range has expired")
    }
}

/// How many partitions a step marks in such a way.
fn marked_as(step: &Step, is_counted: fn(Marking) -> bool) -> usize {
    if let Step::MarkPartitions(MarkPartitions { partitions, marking, .. }) = step
        && is_counted(*marking)
    {
        return partitions.len();
    }
    0
}

pub(super) fn check_mark(
    partitions: &[MarkedPartition],
    marking: Marking,
    world: &ObservedTable,
    leave: &Leave<'_>,
) -> Result<(), &'static str> {
    for marked in partitions {
        let found = find(&marked.name, world)?;
        let is_there = match marking {
            Marking::Kept => found.hangs_on(),
            Marking::Adopted | Marking::Expired { .. } => found.attachment == Attachment::Attached,
            Marking::Forgotten => false,
            Marking::ForDrop | Marking::NotForDrop => found.attachment == Attachment::Detached,
        };
        ensure(is_there, "it is a partition, or was one where it is marked as detached")?;
        ensure(found.owned, "its owner is one we may act as")?;
        ensure(found.bounds == marked.bounds, "it is marked with its bounds")?;
        ensure(marked.oid == found.oid, "it is the table that was looked at")?;
        match marking {
            Marking::Adopted => {
                ensure(found.origin == Origin::Foreign, "it is not ours yet")?;
                ensure(found.bounds != Bounds::Default, "no default partition is adopted")?;
                ensure(leave.may_adopt(&marked.name, world), "a person has named it")?;
            }
            Marking::Kept => ensure(found.origin == Origin::Ours, "it is ours")?,
            Marking::Expired { .. } => {
                ensure(found.origin == Origin::Ours, "only what is ours is let go")?;
                leave.is_expired(&found.bounds)?;
            }
            Marking::ForDrop => {
                ensure(found.kind == PartitionKind::Table, "nothing else goes with it")?;
                leave.is_expired(&found.bounds)?;
            }
            Marking::NotForDrop | Marking::Forgotten => {}
        }
        check_marker(&marked.marker, marking, found, leave)?;
    }
    Ok(())
}

/// An adoption is recorded with it, is not repeated, and is forgotten only together with nothing else.
pub(super) fn check_adoptions(
    partitions: &[MarkedPartition],
    marking: Marking,
    recorded: Option<&BTreeSet<String>>,
    world: &ObservedTable,
) -> Result<(), &'static str> {
    let before = &world.adopted;
    match (marking, recorded) {
        (Marking::Adopted, Some(recorded)) => {
            let is_new = |marked: &MarkedPartition| {
                recorded.contains(&adoption_digest(&marked.name))
                    && !adoption_digests(&marked.name).any(|digest| before.contains(&digest))
            };
            ensure(
                partitions.iter().all(is_new),
                "no adoption is repeated for another table of the same name",
            )
        }
        (Marking::Forgotten, Some(recorded)) => {
            ensure(partitions.is_empty() && recorded.is_subset(before), "nothing is only forgotten")
        }
        (Marking::Adopted | Marking::Forgotten, None) | (_, Some(_)) => {
            Err("an adoption is recorded, and nothing else is")
        }
        (_, None) => Ok(()),
    }
}

/// What is written is what the marking says, is bound to the table, and begins a new cycle if it takes back an
/// expiry.
fn check_marker(
    marker: &Marker,
    marking: Marking,
    found: &ObservedPartition,
    leave: &Leave<'_>,
) -> Result<(), &'static str> {
    let is_bound = marker.oid == found.oid && marker.parent == leave.table;
    ensure(is_bound, "a marker names the table that it is on, and the one it belongs to")?;
    let (is_meant, is_taken_back) = match (marking, marker.mark, found.mark) {
        (Marking::Adopted, Mark::Attached, _) => (true, false),
        (Marking::Kept, Mark::Attached, _) => (true, true),
        (Marking::Expired { drops }, Mark::Expired { drops: written }, was) => {
            (drops == written && drops == leave.drops, matches!(was, Some(Mark::Detached(_))))
        }
        (Marking::ForDrop, Mark::Detached(to), Some(Mark::Detached(from))) => {
            let starts = from.drops_since.is_none() && to.drops_since.is_some();
            (starts && leave.drops && to.at == from.at, false)
        }
        (Marking::NotForDrop, Mark::Detached(to), Some(Mark::Detached(from))) => {
            (to.drops_since.is_none() && to.at == from.at, true)
        }
        _ => (false, false),
    };
    ensure(is_meant, "what is written into a comment is what was decided")?;
    ensure(
        !is_taken_back || marker.cycle > found.cycle,
        "an approval is used up by what it approved",
    )
}

pub(super) fn check_detach(
    detach: &Detach,
    world: &ObservedTable,
    leave: &Leave<'_>,
) -> Result<(), &'static str> {
    let found = attached(&detach.partition, world)?;
    ensure(found.owned && found.origin == Origin::Ours, "only what is ours is let go")?;
    let is_marked = matches!(found.mark, Some(Mark::Expired { .. }));
    ensure(is_marked, "what is let go is marked before")?;
    ensure(found.bounds == detach.bounds, "it is what was looked at")?;
    leave.is_expired(&found.bounds)?;
    let is_found = world.finds_by_name(&found.name) || found.bounds_check != BoundsCheck::Absent;
    ensure(is_found, "what is detached is found again")?;
    ensure(found.referenced_by.is_empty(), "nothing is detached that others refer to")?;
    let is_referenced = world.relation.as_ref().is_none_or(|r| !r.referenced_by.is_empty());
    let is_clear = found.rows_referenced_by.as_ref().is_some_and(Vec::is_empty);
    ensure(!is_referenced || is_clear, "nothing is detached to whose rows foreign keys may lead")?;
    let others = |p: &&ObservedPartition| p.name != found.name && p.bounds.as_range().is_some();
    ensure(world.attached().any(|p| others(&p)), "a table is not left without a partition")?;
    let pending = world.partitions.iter().any(|p| p.attachment == Attachment::DetachPending);
    ensure(!pending, "one partition is detached at a time")?;
    let default = world.default_partition().map(|p| &p.name);
    ensure(detach.default.as_ref() == default, "the default partition is known")?;
    ensure(
        !(detach.concurrently && default.is_some()),
        "beside a default partition nothing is detached concurrently",
    )
}

/// What is detached is written down next.
pub(super) fn remembered_next(step: &Step, next: Option<&PlannedStep>) -> Result<(), &'static str> {
    let Step::DetachPartition(detach) = step else { return Ok(()) };
    let is_remembered = next.is_some_and(
        |next| matches!(&next.step, Step::RememberDetached(r) if r.partition == detach.partition),
    );
    ensure(is_remembered, "what is detached is written down before anything else is done")
}

pub(super) fn check_finalize(
    partition: &QualifiedName,
    world: &ObservedTable,
) -> Result<(), &'static str> {
    let found = find(partition, world)?;
    let is_pending = found.attachment == Attachment::DetachPending;
    ensure(is_pending, "only a detach that was cut off is finalised")?;
    let is_dated = matches!(found.mark, Some(Mark::Detached(_)));
    ensure(!is_dated, "a new detach has no old date")
}

pub(super) fn check_remember(
    remember: &Remember,
    world: &ObservedTable,
    leave: &Leave<'_>,
) -> Result<(), &'static str> {
    let table = prepared(&remember.partition, world)?;
    ensure(table.attachment == Attachment::Detached, "it is detached")?;
    ensure(remember.managed == world.managed, "it was a partition of this table")?;
    ensure(table.bounds == remember.bounds, "what it held is written down")?;
    ensure(table.oid == remember.oid, "it is the table that was looked at")?;
    ensure(remember.cycle >= table.cycle, "an approval is used up by what it approved")?;
    let was_to_be_dropped = table.mark == Some(Mark::Expired { drops: true }) && leave.drops;
    ensure(!remember.drops || was_to_be_dropped, "only what was to be dropped waits to be dropped")
}

pub(super) fn check_validate(
    check: &ValidateBounds,
    world: &ObservedTable,
) -> Result<(), &'static str> {
    let found = prepared(&check.partition, world)?;
    ensure(check.managed == world.managed, "the constraint is that of this table")?;
    ensure(found.bounds_check != BoundsCheck::Absent, "it has the constraint")
}

pub(super) fn check_state(
    partition: &QualifiedName,
    range: RangeBounds,
    world: &ObservedTable,
) -> Result<(), &'static str> {
    let found = find(partition, world)?;
    ensure(found.owned && found.origin == Origin::Ours, "it is ours")?;
    let is_expired = matches!(found.mark, Some(Mark::Expired { .. }));
    let is_let_go = is_expired || found.attachment == Attachment::Detached;
    ensure(is_let_go, "it is let go, or was")?;
    ensure(found.bounds == Bounds::Range(range), "what it holds is what is said")
}

pub(super) fn check_drop(
    drop: &DropDetached,
    world: &ObservedTable,
    leave: &Leave<'_>,
) -> Result<(), &'static str> {
    let found = find(&drop.partition, world)?;
    ensure(found.attachment == Attachment::Detached, "no partition is dropped")?;
    ensure(found.owned && found.origin == Origin::Ours, "only what is ours is dropped")?;
    ensure(drop.managed == world.managed, "it was a partition of this table")?;
    ensure(found.oid == Some(drop.oid), "it is the table that was looked at")?;
    ensure(found.bounds == drop.bounds, "it held what was written down")?;
    ensure(found.kind == PartitionKind::Table, "nothing else goes with it")?;
    ensure(found.referenced_by.is_empty(), "nothing is dropped that others refer to")?;
    ensure(found.dependents.is_empty(), "nothing is dropped that other objects depend on")?;
    ensure(!found.is_restored, "nothing is dropped on the word of another table's comment")?;
    let is_bound = drop.marker.oid == Some(drop.oid) && drop.marker.parent == leave.table;
    ensure(is_bound, "its comment names it, and the table it was detached from")?;
    let is_marked = found.mark == Some(drop.marker.mark) && found.cycle == drop.marker.cycle;
    ensure(is_marked, "it was found detached before")?;
    leave.is_expired(&found.bounds)?;
    let Mark::Detached(Detached { drops_since: Some(since), .. }) = drop.marker.mark else {
        return Err("only what waits to be dropped is dropped");
    };
    let grace_over = leave.dropped_since.is_some_and(|until| since <= until);
    ensure(grace_over, "nothing is dropped before its grace is over")
}
