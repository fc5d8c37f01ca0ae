//! What may be let go.

use jiff::{SignedDuration, Timestamp};

use super::{attached, ensure, find, prepared};
use crate::desired::{AdoptedName, DesiredTable, OnExpiry, Partitioning};
use crate::observed::{
    Attachment, BoundsCheck, ObservedPartition, ObservedTable, Origin, PartitionKind,
};
use crate::partition::{Bounds, Edge, Mark, QualifiedName, RangeBounds};
use crate::plan::step::{Detach, DropDetached, MarkedPartition, Marking, Remember};
use crate::plan::{Moment, Plan, PlannedStep, Step, Window};

/// How far the clock of the database and ours may differ.
const MOST_APART: SignedDuration = SignedDuration::from_mins(1);

/// What the spec and a person allow to go.
pub(super) struct Leave<'a> {
    /// What ends here or before may go; none where nothing may.
    expired_until: Option<Edge>,
    /// What was found detached at this instant or before may be dropped; none where nothing may.
    dropped_since: Option<Timestamp>,
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
            most: 0,
            adopted: &desired.adopt,
            now: None,
        };
        let (Partitioning::Range(range), Some((_, key))) =
            (&desired.partitioning, observed.range_key())
        else {
            return leave;
        };
        let Some(window) = Window::new(range, key, observed, moment) else { return leave };
        leave.now = Some(Edge::At(window.now));
        let clocks_agree = observed.server.ahead.is_none_or(|ahead| ahead.abs() <= MOST_APART);
        let Some(retention) = range.retention.filter(|_| clocks_agree) else { return leave };
        let is_approved = desired.approved.contains(&plan.fingerprint);
        leave.expired_until = window.kept_from;
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
        if steps.last().is_none_or(|last| lets_go(&last.step) == 0) {
            return Ok(());
        }
        let enough = steps.iter().map(|planned| lets_go(&planned.step)).sum::<usize>() <= self.most;
        ensure(enough, "no more is let go at once than may go, or a person has approved")
    }

    fn may_adopt(&self, partition: &QualifiedName, world: &ObservedTable) -> bool {
        self.adopted.iter().any(|adopted| {
            let schema = adopted.schema.as_ref().unwrap_or(&world.name.schema);
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

/// How many partitions a step marks to be let go.
fn lets_go(step: &Step) -> usize {
    if let Step::MarkPartitions { partitions, marking: Marking::Expired, .. } = step {
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
        let is_partition = match marking {
            Marking::Kept => found.hangs_on(),
            Marking::Adopted | Marking::Expired => found.attachment == Attachment::Attached,
        };
        ensure(is_partition, "it is a partition")?;
        ensure(found.owned, "its owner is one we may act as")?;
        ensure(found.bounds == marked.bounds, "it is marked with its bounds")?;
        match marking {
            Marking::Adopted => {
                ensure(found.origin == Origin::Foreign, "it is not ours yet")?;
                ensure(found.bounds != Bounds::Default, "no default partition is adopted")?;
                ensure(leave.may_adopt(&marked.name, world), "a person has named it")?;
            }
            Marking::Kept => ensure(found.origin == Origin::Ours, "it is ours")?,
            Marking::Expired => {
                ensure(found.origin == Origin::Ours, "only what is ours is let go")?;
                leave.is_expired(&found.bounds)?;
            }
        }
    }
    Ok(())
}

pub(super) fn check_detach(
    detach: &Detach,
    world: &ObservedTable,
    leave: &Leave<'_>,
) -> Result<(), &'static str> {
    let found = attached(&detach.partition, world)?;
    ensure(found.owned && found.origin == Origin::Ours, "only what is ours is let go")?;
    ensure(found.mark == Some(Mark::Expired), "what is let go is marked before")?;
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
) -> Result<(), &'static str> {
    let table = prepared(&remember.partition, world)?;
    ensure(table.attachment == Attachment::Detached, "it is detached")?;
    ensure(table.bounds == remember.bounds, "what it held is written down")
}

pub(super) fn check_validate(
    partition: &QualifiedName,
    world: &ObservedTable,
) -> Result<(), &'static str> {
    let found = prepared(partition, world)?;
    ensure(found.bounds_check != BoundsCheck::Absent, "it has the constraint")
}

pub(super) fn check_state(
    partition: &QualifiedName,
    range: RangeBounds,
    world: &ObservedTable,
) -> Result<(), &'static str> {
    let found = find(partition, world)?;
    ensure(found.owned && found.origin == Origin::Ours, "it is ours")?;
    let is_let_go = found.mark == Some(Mark::Expired) || found.attachment == Attachment::Detached;
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
    ensure(found.oid == Some(drop.oid), "it is the table that was looked at")?;
    ensure(found.bounds == drop.bounds, "it held what was written down")?;
    ensure(found.kind == PartitionKind::Table, "nothing else goes with it")?;
    ensure(found.referenced_by.is_empty(), "nothing is dropped that others refer to")?;
    ensure(found.mark == Some(Mark::Detached(drop.since)), "it was found detached before")?;
    leave.is_expired(&found.bounds)?;
    let grace_over = leave.dropped_since.is_some_and(|since| drop.since <= since);
    ensure(grace_over, "nothing is dropped before its grace is over")
}
