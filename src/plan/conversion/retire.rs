//! Drop of the source after the cutover.

use super::loss::{LossAt, unacknowledged};
use super::{Copied, Phase};
use crate::desired::AfterCutover;
use crate::observed::InboundForeignKey;
use crate::partition::Side;
use crate::plan::draft::Draft;
use crate::plan::preconditions::Context;
use crate::plan::step::DropSource;
use crate::plan::{Blocker, Cause, ConversionBlocker, Step};

/// Drops the source when its grace period is over, if nothing depends on it and every loss is acknowledged.
pub(in crate::plan) fn retire_source(context: &Context<'_>, draft: &mut Draft) {
    let Phase::Copied(copied) = &context.phase else { return };
    let AfterCutover::Drop { after } = copied.options.source else { return };
    let is_served = [copied.facts.serving, copied.serve_from] == [Side::Partitioned; 2];
    // Without a record, the drop waits until the triggers are installed again, which writes one.
    let Some(since) = copied.facts.serving_since().filter(|_| is_served) else { return };
    let step = Step::DropSource(Box::new(new_drop(copied)));
    let until = since.saturating_add(after).unwrap_or(since);
    if draft.state.server.clock < until {
        draft.defer(Some(step), ConversionBlocker::SourceInGracePeriod { until }.into());
        return;
    }
    let blockers = blockers(copied);
    if blockers.is_empty() {
        draft.work = None;
        return draft.step(step, Cause::SourceDropRequested);
    }
    for blocker in blockers {
        draft.defer(Some(step.clone()), blocker);
    }
}

fn blockers(copied: &Copied<'_>) -> Vec<Blocker> {
    let plain = &copied.facts.plain;
    let of_others = plain.referenced_by.iter().filter(|key| key.other_owner).map(format_key);
    let by: Vec<_> = plain.bound.iter().cloned().chain(of_others).collect();
    let source = copied.table.source.clone();
    let in_use = (!by.is_empty()).then(|| ConversionBlocker::SourceInUse { source, by }.into());
    let lost = unacknowledged(&copied.losses, LossAt::Drop);
    let lost = lost.map(|refusal| Blocker::Preflight { refusal });
    in_use.into_iter().chain(lost).collect()
}

/// Returns the statement with which the owner of another table drops its foreign key.
fn format_key(key: &InboundForeignKey) -> String {
    let (table, name) = (key.table.display(), key.name.display());
    format!(
        "foreign key {name} of {table}, whose owner must run ALTER TABLE {table} DROP CONSTRAINT {name}"
    )
}

fn new_drop(copied: &Copied<'_>) -> DropSource {
    let plain = &copied.facts.plain;
    let references = plain.foreign_keys.iter().filter(|key| !key.to_itself);
    let mut references: Vec<_> = references.map(|key| key.references.clone()).collect();
    references.sort();
    references.dedup();
    let referencing = plain.referenced_by.iter();
    DropSource {
        table: copied.table.clone(),
        oid: copied.facts.source,
        references,
        foreign_keys: referencing.map(|key| (key.table.clone(), key.name.clone())).collect(),
    }
}
