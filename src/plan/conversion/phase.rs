//! Phase of a conversion, from the spec and the observed state.

use super::key::{key_of_copy, row_key};
use super::loss::{FoundLoss, losses};
use super::preflight::{first_bound_refusal, misses_writes, prevents_cutover};
use super::refusal::Refusal;
use super::subject::Subject;
use crate::desired::{ConversionMethod, CopyOptions, DesiredConversion, DesiredTable};
use crate::observed::{
    Attachment, CopyFacts, CopyOf, ObservedTable, PlainTable, Relation, RelationKind,
};
use crate::partition::{
    CopiedTable, Identifier, QualifiedName, Side, SyncLevel, copy_name, source_name,
};
use crate::plan::{Blocker, ConversionBlocker, PlanTime};

/// Desired state of a table and, during its conversion, of its copy.
pub(in crate::plan) struct PlanTarget<'a> {
    /// Desired state as declared in the spec.
    pub(in crate::plan) declared: &'a DesiredTable,
    /// Desired state of the copy, or `None` if the table is not being converted.
    copy: Option<DesiredTable>,
}

impl<'a> PlanTarget<'a> {
    pub(in crate::plan) fn new(declared: &'a DesiredTable, observed: &ObservedTable) -> Self {
        let is_plain =
            || observed.relation.as_ref().is_some_and(|relation| relation.key().is_none());
        let is_attached = declared.attaches() && observed.attached_source().is_some();
        let is_converted =
            observed.copy.is_some() || declared.conversion.is_some() && is_plain() || is_attached;
        let copy = is_converted.then(|| desired_copy(declared, observed));
        Self { declared, copy }
    }

    /// Returns whether the spec converts a plain table.
    pub(in crate::plan) fn is_plain(&self, relation: &Relation) -> bool {
        self.copy.is_some() && relation.key().is_none()
    }

    /// Returns the desired state of the partitioned table.
    pub(in crate::plan) fn table(&self) -> &DesiredTable {
        self.copy.as_ref().unwrap_or(self.declared)
    }
}

/// Returns the desired state of a copy. The indexes of the spec are built after all rows are copied.
fn desired_copy(declared: &DesiredTable, observed: &ObservedTable) -> DesiredTable {
    let is_copied = observed.copy.as_ref().is_some_and(|facts| facts.is_complete())
        || observed.attached_source().is_some();
    let during = declared
        .while_converting(observed.oldest_row.as_ref().and_then(|oldest| oldest.position()));
    DesiredTable { indexes: if is_copied { during.indexes } else { Vec::new() }, ..during }
}

/// The phase of a conversion, which selects the rules of planning. The stage in the status is about progress: a phase can
/// have several stages.
#[derive(Debug)]
pub(in crate::plan) enum Phase<'a> {
    /// The table is partitioned and has no copy.
    Partitioned,
    /// The table is plain, and nothing blocks its conversion.
    Begin {
        /// The plain table and its future copy.
        table: CopiedTable,
        /// Whether its rows are copied; otherwise, the plain table is attached.
        is_copied: bool,
    },
    /// The copy exists.
    Copied(Copied<'a>),
    /// The plain table will become the oldest partition of the copy.
    Attaching(Attaching<'a>),
    /// The plain table is the oldest partition.
    Attached(Attached),
    /// The copy serves under the name of the table, and blockers prevent the sync with the source.
    Served {
        /// Name of the plain table.
        source: QualifiedName,
        /// Blockers of the sync.
        cause: Vec<Blocker>,
    },
    /// The copy exists, and the spec has no conversion any more.
    Ended(CopiedTable),
}

impl Phase<'_> {
    /// Returns whether partitions must be provided in this phase.
    pub(in crate::plan) fn keeps_partitions(&self) -> bool {
        match self {
            Self::Partitioned
            | Self::Copied(_)
            | Self::Attaching(_)
            | Self::Attached(_)
            | Self::Served { .. } => true,
            Self::Begin { .. } => false,
            Self::Ended(table) => table.serving() == Side::Partitioned,
        }
    }
}

/// A conversion by copy.
#[derive(Debug)]
pub(in crate::plan) struct Copied<'a> {
    /// The plain table and its copy.
    pub(in crate::plan) table: CopiedTable,
    /// Observed state of both tables.
    pub(in crate::plan) facts: &'a CopyFacts,
    /// Settings of the copy in the spec.
    pub(in crate::plan) options: &'a CopyOptions,
    /// Table that must serve the name, according to the spec.
    pub(in crate::plan) serve_from: Side,
    /// Losses of the conversion, acknowledged or not.
    pub(in crate::plan) losses: Vec<FoundLoss>,
    /// Objects added to the source since the conversion began that prevent the cutover.
    pub(in crate::plan) refused: Vec<Refusal>,
}

/// A conversion by attach, before the cutover.
#[derive(Debug)]
pub(in crate::plan) struct Attaching<'a> {
    /// The plain table and its copy.
    pub(in crate::plan) table: CopiedTable,
    /// Observed state of both tables.
    pub(in crate::plan) facts: &'a CopyFacts,
    /// Further observed state for the attach, or `None` if it was not read.
    pub(in crate::plan) attachment: Option<&'a Attachment>,
    /// Table that must serve the name, according to the spec.
    pub(in crate::plan) serve_from: Side,
    /// Losses of the conversion, acknowledged or not.
    pub(in crate::plan) losses: Vec<FoundLoss>,
    /// Objects added to the plain table since the conversion began that prevent the cutover.
    pub(in crate::plan) refused: Vec<Refusal>,
}

/// A conversion by attach, after the cutover.
#[derive(Debug)]
pub(in crate::plan) struct Attached {
    /// The plain table and the partitioned table.
    pub(in crate::plan) table: CopiedTable,
    /// Table that must serve the name, according to the spec.
    pub(in crate::plan) serve_from: Side,
}

/// Returns the phase.
///
/// # Errors
/// Returns all blockers of the conversion.
pub(in crate::plan) fn phase<'a>(
    declared: &'a DesiredTable,
    observed: &'a ObservedTable,
    relation: &'a Relation,
    time: &PlanTime,
) -> Result<Phase<'a>, Vec<Blocker>> {
    if relation.copy_of == CopyOf::Other {
        let table = observed.name.clone();
        return Err(vec![ConversionBlocker::CopyOfOther { table }.into()]);
    }
    match (&declared.conversion, &observed.copy) {
        (None, None) => Ok(Phase::Partitioned),
        (None, Some(facts)) => {
            let table = ended_table(declared, observed, relation, facts);
            Ok(Phase::Ended(table))
        }
        (Some(conversion), Some(facts)) => {
            let of = (conversion, relation, &**facts);
            let ConversionMethod::Copy(options) = &conversion.method else {
                return attaching(declared, observed, of, time).map(Phase::Attaching);
            };
            let copied = copied(declared, observed, options, of, time);
            match (copied, facts.serving) {
                (Ok(copied), _) => Ok(Phase::Copied(copied)),
                (Err(blockers), Side::Source) => Err(blockers),
                (Err(cause), Side::Partitioned) => {
                    let source = observed.managed.sibling(source_name(&observed.managed));
                    Ok(Phase::Served { source, cause })
                }
            }
        }
        (Some(conversion), None) if matches!(relation.kind, RelationKind::Partitioned(_)) => {
            if let Some(table) = attached_table(declared, observed, relation) {
                let serve_from = conversion.serve_from;
                return Ok(Phase::Attached(Attached { table, serve_from }));
            }
            match conversion.serve_from {
                Side::Partitioned => Ok(Phase::Partitioned),
                Side::Source => Err(vec![
                    ConversionBlocker::NoSource { table: observed.managed.name().clone() }.into(),
                ]),
            }
        }
        (Some(conversion), None) => begin(declared, observed, (conversion, relation), time),
    }
}

/// Returns the state of a conversion by copy, or its blockers.
fn copied<'a>(
    declared: &'a DesiredTable,
    observed: &'a ObservedTable,
    options: &'a CopyOptions,
    (conversion, relation, facts): (&'a DesiredConversion, &'a Relation, &'a CopyFacts),
    time: &PlanTime,
) -> Result<Copied<'a>, Vec<Blocker>> {
    let table = copied_table(declared, observed, (conversion, relation, &facts.plain), time)?;
    let subject = Subject::new(declared, conversion, (observed, relation), &facts.plain, time);
    // Without partitions for the past, old rows would be copied to the default partition.
    let first_bound_refusal = first_bound_refusal(&subject).filter(|_| !facts.was_synced());
    let refusals: Vec<_> = first_bound_refusal.into_iter().chain(misses_writes(&subject)).collect();
    if !refusals.is_empty() {
        let blocker = |refusal| Blocker::Preflight { refusal };
        return Err(refusals.into_iter().map(blocker).collect());
    }
    let (losses, refused) = (losses(&subject), prevents_cutover(&subject));
    Ok(Copied { table, facts, options, serve_from: conversion.serve_from, losses, refused })
}

/// Returns the state of a conversion by attach, or its blockers.
fn attaching<'a>(
    declared: &'a DesiredTable,
    observed: &'a ObservedTable,
    (conversion, relation, facts): (&'a DesiredConversion, &'a Relation, &'a CopyFacts),
    time: &PlanTime,
) -> Result<Attaching<'a>, Vec<Blocker>> {
    let table = copied_table(declared, observed, (conversion, relation, &facts.plain), time)?;
    let subject = Subject::new(declared, conversion, (observed, relation), &facts.plain, time);
    let digest = table.sync_digest(SyncLevel::Row);
    let attachment = observed.attachment.as_deref().filter(|found| found.of == digest);
    let serve_from = conversion.serve_from;
    let (losses, refused) = (losses(&subject), prevents_cutover(&subject));
    Ok(Attaching { table, facts, attachment, serve_from, losses, refused })
}

/// Returns the attached plain table and the partitioned table, or `None` if the spec does not attach or the plain table is
/// not a partition.
fn attached_table(
    declared: &DesiredTable,
    observed: &ObservedTable,
    relation: &Relation,
) -> Option<CopiedTable> {
    let managed = &observed.managed;
    let source = observed.attached_source().filter(|_| declared.attaches())?;
    Some(CopiedTable {
        managed: managed.clone(),
        source: source.name.clone(),
        copy: managed.name().clone(),
        key: Vec::new(),
        partition_columns: declared.partitioning.columns().to_vec(),
        columns: Vec::new(),
        always_identity: Vec::new(),
        owner: relation.owner.clone(),
    })
}

/// Returns the beginning of a conversion, or its blockers.
fn begin<'a>(
    declared: &'a DesiredTable,
    observed: &'a ObservedTable,
    (conversion, relation): (&'a DesiredConversion, &'a Relation),
    time: &PlanTime,
) -> Result<Phase<'a>, Vec<Blocker>> {
    let problems = super::blockers(declared, observed, time);
    if !problems.is_empty() {
        return Err(problems);
    }
    let Some(plain) = &observed.plain else {
        let (table, kind) = (observed.name.clone(), "table");
        return Err(vec![Blocker::NotPartitioned { table, kind }]);
    };
    let table = copied_table(declared, observed, (conversion, relation, plain), time);
    let is_copied = conversion.method != ConversionMethod::Attach;
    table.map(|table| Phase::Begin { table, is_copied })
}

fn copied_table(
    declared: &DesiredTable,
    observed: &ObservedTable,
    (conversion, relation, plain): (&DesiredConversion, &Relation, &PlainTable),
    time: &PlanTime,
) -> Result<CopiedTable, Vec<Blocker>> {
    let subject = Subject::new(declared, conversion, (observed, relation), plain, time);
    let key = match &observed.copy {
        Some(copy) => key_of_copy(&subject, copy),
        None => row_key(&subject),
    };
    let key = key.map_err(|refusal| vec![Blocker::Preflight { refusal }])?;
    Ok(with_key(declared, observed, (relation, plain), key.columns.clone()))
}

/// Returns both tables, without a key, which the end of a conversion does not need.
fn ended_table(
    declared: &DesiredTable,
    observed: &ObservedTable,
    relation: &Relation,
    facts: &CopyFacts,
) -> CopiedTable {
    with_key(declared, observed, (relation, &facts.plain), Vec::new())
}

/// Returns both tables with the columns that they share; before the copy exists, with all columns.
fn with_key(
    declared: &DesiredTable,
    observed: &ObservedTable,
    (relation, plain): (&Relation, &PlainTable),
    key: Vec<Identifier>,
) -> CopiedTable {
    let managed = &observed.managed;
    let columns = plain.columns.iter().filter(|column| !column.generated);
    let columns = columns.filter(|column| relation.columns.contains(&column.name));
    let serving = observed.copy.as_ref().map_or(Side::Source, |facts| facts.serving);
    let (source, copy) = match serving {
        Side::Source => (managed.name().clone(), managed.sibling(copy_name(managed))),
        Side::Partitioned => (managed.sibling(source_name(managed)), managed.name().clone()),
    };
    CopiedTable {
        managed: managed.clone(),
        source,
        copy,
        key,
        partition_columns: declared.partitioning.columns().to_vec(),
        columns: columns.clone().map(|column| column.name.clone()).collect(),
        always_identity: columns
            .filter(|column| column.always_identity)
            .map(|column| column.name.clone())
            .collect(),
        owner: relation.owner.clone(),
    }
}
