//! Preflight of a conversion: refusals, losses, and notes.

use std::time::Duration;

use super::key;
use super::leaves::FirstBound;
use super::loss::{FoundLoss, LossAt, is_replaced, losses};
use super::note::{ConversionNote, notes};
use super::refusal::{OldestRowFault, PublicationFault, Refusal, kind_of};
use super::subject::Subject;
use crate::desired::DesiredTable;
use crate::observed::{ObservedTable, OldestRow, RelationKind};
use crate::partition::Identifier;
use crate::plan::{Blocker, PlanTime};

/// A finding of the preflight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The conversion cannot begin.
    Refused(Refusal),
    /// The conversion loses something; a user can acknowledge it.
    Loss(FoundLoss),
    /// Information for the user.
    Note(ConversionNote),
}

impl Finding {
    /// Returns the blocker of the conversion, or `None` if the finding does not block it.
    pub(super) fn into_blocker(self) -> Option<Blocker> {
        match self {
            Self::Refused(refusal) => Some(Blocker::Preflight { refusal }),
            Self::Loss(FoundLoss { loss, at: LossAt::Cutover, acknowledged: false, cause }) => {
                let refusal = Refusal::NotAcknowledged { loss, cause };
                Some(Blocker::Preflight { refusal })
            }
            Self::Loss(_) | Self::Note(_) => None,
        }
    }

    /// Returns the note for the user, or `None` if the finding blocks the conversion or is acknowledged.
    pub(super) fn into_note(self) -> Option<ConversionNote> {
        match self {
            Self::Note(note) => Some(note),
            Self::Loss(FoundLoss { loss, at: LossAt::Drop, acknowledged: false, cause }) => {
                Some(ConversionNote::LostAtDrop { loss, cause })
            }
            Self::Loss(_) | Self::Refused(_) => None,
        }
    }
}

/// Returns all findings. Without `spec.conversion`, or for a partitioned table that is not a copy, there are no findings. A conversion that has begun has no refusals.
#[must_use]
pub fn preflight(
    desired: &DesiredTable,
    observed: &ObservedTable,
    time: &PlanTime,
) -> Vec<Finding> {
    let (Some(conversion), Some(relation)) = (&desired.conversion, &observed.relation) else {
        return Vec::new();
    };
    let plain = match (&relation.kind, observed.plain_table()) {
        (RelationKind::Partitioned(_) | RelationKind::Other("table"), Some(plain)) => plain,
        (RelationKind::Partitioned(_) | RelationKind::Other("table"), None) => return Vec::new(),
        (RelationKind::Other(kind), _) => {
            let table = observed.name.clone();
            return vec![Finding::Refused(Refusal::NotConvertible { table, kind })];
        }
    };
    let has_begun = observed.copy.is_some();
    let subject = Subject::new(desired, conversion, (observed, relation), plain, time);
    let losses = losses(&subject);
    let mut notes = notes(&subject, &losses);
    notes.retain(|note| !has_begun || note.applies_after_begin());
    let refusals = if has_begun { Vec::new() } else { refusals(&subject) };
    let refusals = refusals.into_iter().map(Finding::Refused);
    refusals
        .chain(losses.into_iter().map(Finding::Loss))
        .chain(notes.into_iter().map(Finding::Note))
        .collect()
}

fn refusals(subject: &Subject<'_>) -> Vec<Refusal> {
    [
        not_ordinary(subject),
        key::refusals(subject),
        first_bound_refusal(subject).into_iter().collect(),
        temporary(subject).into_iter().collect(),
        constraints(subject),
        triggers(subject),
        replication(subject),
        names(subject),
        swap_too_long(subject).into_iter().collect(),
    ]
    .concat()
}

/// Returns the refusals of a cutover, for objects that were added to the source after the conversion began.
pub(super) fn prevents_cutover(subject: &Subject<'_>) -> Vec<Refusal> {
    [
        constraints(subject),
        triggers(subject),
        replication(subject),
        swap_too_long(subject).into_iter().collect(),
    ]
    .concat()
}

fn not_ordinary(subject: &Subject<'_>) -> Vec<Refusal> {
    let kinds = subject.plain.unusual.iter().map(|unusual| Refusal::NotConvertible {
        table: subject.table.clone(),
        kind: kind_of(*unusual),
    });
    kinds.collect()
}

/// Returns the refusals of tables whose writes the sync triggers cannot see.
pub(super) fn misses_writes(subject: &Subject<'_>) -> Vec<Refusal> {
    not_ordinary(subject).into_iter().chain(hidden_rows(subject)).collect()
}

/// Returns a refusal if row security hides rows from the functions of the owner, which read the table and its partitions.
fn hidden_rows(subject: &Subject<'_>) -> Option<Refusal> {
    subject.plain.hides_rows_from_owner.then(|| Refusal::ForcedRowSecurity {
        table: subject.table.clone(),
        owner: subject.owner.cloned(),
    })
}

/// Returns a refusal if the first partition of a range is unknown or too far in the past.
pub(super) fn first_bound_refusal(subject: &Subject<'_>) -> Option<Refusal> {
    match &subject.leaves.as_ref()?.first_bound {
        FirstBound::Unbounded | FirstBound::StartAt | FirstBound::OldestRow(_) => None,
        FirstBound::TooEarly { range, is_declared } => {
            Some(Refusal::RangeTooLong { range: range.clone(), is_declared: *is_declared })
        }
        FirstBound::Unknown(oldest) => {
            let column = subject.partitioning.columns().first()?.clone();
            let fault = match oldest {
                Some(OldestRow::TooSlow) => OldestRowFault::NoIndex,
                Some(OldestRow::Failed { error }) => {
                    OldestRowFault::Refused { error: error.clone() }
                }
                Some(OldestRow::Absent | OldestRow::At(_)) | None => OldestRowFault::NotAsked,
            };
            Some(Refusal::OldestRowUnknown { table: subject.table.clone(), column, fault })
        }
    }
}

/// Returns a refusal if the owner cannot create temporary objects: the operator runs its blocks in a procedure of the
/// temporary schema of the session.
fn temporary(subject: &Subject<'_>) -> Option<Refusal> {
    let database = subject.plain.no_temporary.clone()?;
    Some(Refusal::TemporaryNotGranted { database, owner: subject.owner.cloned() })
}

fn constraints(subject: &Subject<'_>) -> Vec<Refusal> {
    let (plain, table) = (subject.plain, subject.table);
    let not_inherited = plain.checks.iter().filter(|check| check.no_inherit);
    let not_inherited = not_inherited.map(|check| Refusal::CheckNotInherited {
        table: table.clone(),
        constraint: check.name.clone(),
    });
    let not_valid = plain.checks.iter().filter(|check| check.not_valid);
    let not_valid = not_valid.map(|check| Refusal::CheckNotValid {
        table: table.clone(),
        constraint: check.name.clone(),
    });
    let whole_rows = plain.whole_rows.iter().map(|found| {
        let (kind, object) = found.parts();
        Refusal::WholeRow { table: table.clone(), kind, object: object.clone() }
    });
    let foreign_keys = plain.foreign_keys.iter();
    let not_validated = foreign_keys.clone().filter(|key| key.not_valid);
    let not_validated = not_validated.map(|key| Refusal::ForeignKeyNotValid {
        table: table.clone(),
        constraint: key.name.clone(),
    });
    let not_granted = foreign_keys.filter(|key| key.not_granted);
    let not_granted = not_granted.map(|key| Refusal::ReferencesNotGranted {
        references: key.references.clone(),
        constraint: key.name.clone(),
        owner: subject.owner.cloned(),
    });
    let checks = not_inherited.chain(not_valid).chain(whole_rows);
    let refused = checks.chain(not_validated).chain(not_granted);
    refused.chain(inbound_foreign_keys(subject)).chain(keys_in_use(subject)).collect()
}

/// Returns refusals of foreign keys that reference the plain table: after the attach, they would reference one of several
/// partitions.
fn inbound_foreign_keys(subject: &Subject<'_>) -> Vec<Refusal> {
    if !subject.is_attached() {
        return Vec::new();
    }
    let (plain, table) = (subject.plain, subject.table);
    let inbound = plain.referenced_by.iter().map(|key| (&key.table, &key.name));
    let to_itself = plain.foreign_keys.iter().filter(|key| key.to_itself);
    let to_itself = to_itself.map(|key| (table, &key.name));
    let refused = inbound.chain(to_itself).map(|(table, name)| Refusal::InboundForeignKey {
        table: table.clone(),
        constraint: name.clone(),
    });
    refused.collect()
}

/// Returns refusals of keys on which queries rely. Postgres does not drop such a key, which `Attach` must do. With `Copy`, the
/// plain table keeps its key, and only functions that the cutover recreates fail.
fn keys_in_use<'a>(subject: &'a Subject<'a>) -> impl Iterator<Item = Refusal> + 'a {
    let grouped = subject.plain.grouped.iter();
    let refused = grouped.filter(|grouped| subject.is_attached() || grouped.recreated);
    let refused = refused.filter(|grouped| is_replaced(subject, &grouped.key));
    refused.map(|grouped| Refusal::KeyInUse {
        key: grouped.key.clone(),
        object: grouped.object.clone(),
    })
}

fn triggers(subject: &Subject<'_>) -> Vec<Refusal> {
    let (plain, table) = (subject.plain, subject.table);
    let impossible = plain.triggers.iter().filter(|t| t.for_each_row && t.transition_tables);
    let impossible = impossible.map(|trigger| Refusal::TriggerNotPossible {
        table: table.clone(),
        trigger: trigger.name.clone(),
    });
    let rules = (!plain.rules.is_empty())
        .then(|| Refusal::HasRules { table: table.clone(), rules: plain.rules.clone() });
    impossible.chain(rules).chain(hidden_rows(subject)).collect()
}

fn replication(subject: &Subject<'_>) -> Vec<Refusal> {
    let (plain, table) = (subject.plain, subject.table);
    let refused = |publication: &Identifier, fault| Refusal::PublishedByPartition {
        table: table.clone(),
        publication: publication.clone(),
        fault,
    };
    let named = || plain.publications.iter().filter(|publication| !publication.implied);
    let by_partition = named().filter(|publication| publication.by_partition);
    let by_partition = by_partition
        .map(|publication| refused(&publication.name, PublicationFault::NotThroughRoot));
    let of_others = named().filter(|publication| publication.other_owner);
    let of_others = of_others.map(|publication| {
        let owner = subject.owner.cloned();
        refused(&publication.name, PublicationFault::OtherOwner { owner })
    });
    let subscriptions = plain.subscriptions.iter().map(|subscription| {
        Refusal::SubscriptionTarget { table: table.clone(), subscription: subscription.clone() }
    });
    by_partition.chain(of_others).chain(subscriptions).collect()
}

fn names(subject: &Subject<'_>) -> Vec<Refusal> {
    let taken = subject.plain.taken.iter().map(|taken| {
        let (kind, name) = taken.parts();
        let name = subject.table.sibling(name.clone());
        Refusal::NameTaken { kind, name, used_by: taken.used_by().cloned() }
    });
    taken.collect()
}

/// Estimated time of a swap without triggers, and for each row trigger on each partition, in microseconds.
const SWAP_MICROS: u64 = 20_000;
const SWAP_MICROS_PER_TRIGGER: u64 = 250;

/// Returns a refusal if the swap is too slow: it creates every row trigger and the sync trigger on every partition.
fn swap_too_long(subject: &Subject<'_>) -> Option<Refusal> {
    let leaves = u64::try_from(subject.leaves.as_ref()?.count?).ok()?;
    let triggers = subject.plain.triggers.iter().filter(|trigger| trigger.for_each_row).count();
    let triggers = u64::try_from(triggers).ok()?;
    let created = leaves.saturating_mul(triggers.saturating_add(1));
    let micros = created.saturating_mul(SWAP_MICROS_PER_TRIGGER).saturating_add(SWAP_MICROS);
    let is_too_long = Duration::from_micros(micros) > subject.lock_timeout / 2;
    is_too_long.then(|| Refusal::SwapTooLong { leaves, triggers, millis: micros.div_ceil(1000) })
}
