//! How far a conversion is: what the database has, held against the spec.

use super::key::{key_of_copy, row_key};
use super::loss::{FoundLoss, losses};
use super::preflight::{misses_writes, past, prevents_cutover};
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

/// What a plan makes of a table: what the spec says, or what it says of the copy while the table is converted.
pub(in crate::plan) struct Aim<'a> {
    /// The spec.
    pub(in crate::plan) declared: &'a DesiredTable,
    /// What it says of the copy, or `None` if there is none.
    copy: Option<DesiredTable>,
}

impl<'a> Aim<'a> {
    pub(in crate::plan) fn new(declared: &'a DesiredTable, observed: &ObservedTable) -> Self {
        let is_plain =
            || observed.relation.as_ref().is_some_and(|relation| relation.key().is_none());
        let is_attached = declared.attaches() && observed.attached_source().is_some();
        let is_converted =
            observed.copy.is_some() || declared.conversion.is_some() && is_plain() || is_attached;
        let copy = is_converted.then(|| of_copy(declared, observed));
        Self { declared, copy }
    }

    /// Returns whether a plain table is to become a partitioned one.
    pub(in crate::plan) fn is_plain(&self, relation: &Relation) -> bool {
        self.copy.is_some() && relation.key().is_none()
    }

    /// Returns the desired state of the partitioned table.
    pub(in crate::plan) fn table(&self) -> &DesiredTable {
        self.copy.as_ref().unwrap_or(self.declared)
    }
}

/// The indexes of the spec are built when all rows are copied.
fn of_copy(declared: &DesiredTable, observed: &ObservedTable) -> DesiredTable {
    let is_copied = observed.copy.as_ref().is_some_and(|facts| facts.is_complete())
        || observed.attached_source().is_some();
    let during =
        declared.while_converting(observed.oldest_row.as_ref().and_then(|oldest| oldest.place()));
    DesiredTable { indexes: if is_copied { during.indexes } else { Vec::new() }, ..during }
}

/// The phase of a conversion.
#[derive(Debug)]
pub(in crate::plan) enum Phase<'a> {
    /// The table is partitioned, and no copy is there.
    Partitioned,
    /// The table is plain, and nothing prevents its conversion.
    Begin {
        /// The plain table, and the copy that it gets.
        table: CopiedTable,
        /// Whether its rows are copied, or it is attached to the copy.
        is_copied: bool,
    },
    /// The copy is there.
    Copied(Copied<'a>),
    /// The plain table is to become the oldest partition of the copy.
    Attaching(Attaching<'a>),
    /// The plain table is the oldest partition.
    Attached(Attached),
    /// The copy has the name of the table, and this prevents that its source is kept.
    Served {
        /// The source.
        source: QualifiedName,
        /// What prevents it.
        cause: Vec<Blocker>,
    },
    /// The copy is there, and the spec has no conversion any more.
    Ended(CopiedTable),
}

impl Phase<'_> {
    /// Returns whether there is a partitioned table that must not lack a partition.
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

/// A copy that the spec asks for.
#[derive(Debug)]
pub(in crate::plan) struct Copied<'a> {
    /// The plain table and its copy.
    pub(in crate::plan) table: CopiedTable,
    /// What the database says of them.
    pub(in crate::plan) facts: &'a CopyFacts,
    /// How the spec copies.
    pub(in crate::plan) options: &'a CopyOptions,
    /// The table that the spec wants to have the name.
    pub(in crate::plan) serve_from: Side,
    /// What the conversion loses.
    pub(in crate::plan) losses: Vec<FoundLoss>,
    /// What was added to the source since the conversion began, and the cutover cannot take over.
    pub(in crate::plan) refused: Vec<Refusal>,
}

/// A plain table that is to become the oldest partition.
#[derive(Debug)]
pub(in crate::plan) struct Attaching<'a> {
    /// The plain table and its copy.
    pub(in crate::plan) table: CopiedTable,
    /// What the database says of them.
    pub(in crate::plan) facts: &'a CopyFacts,
    /// What it says besides, or `None` if there was no question.
    pub(in crate::plan) attachment: Option<&'a Attachment>,
    /// The table that the spec wants to have the name.
    pub(in crate::plan) serve_from: Side,
    /// What the conversion loses.
    pub(in crate::plan) losses: Vec<FoundLoss>,
    /// What was added to the plain table since the conversion began, and the cutover cannot take over.
    pub(in crate::plan) refused: Vec<Refusal>,
}

/// A plain table that is the oldest partition.
#[derive(Debug)]
pub(in crate::plan) struct Attached {
    /// The plain table and the partitioned table.
    pub(in crate::plan) table: CopiedTable,
    /// The table that the spec wants to have the name.
    pub(in crate::plan) serve_from: Side,
}

/// Returns the phase, or everything that prevents the conversion.
pub(in crate::plan) fn phase<'a>(
    declared: &'a DesiredTable,
    observed: &'a ObservedTable,
    relation: &'a Relation,
    moment: &PlanTime,
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
                return attaching(declared, observed, of, moment).map(Phase::Attaching);
            };
            let copied = copied(declared, observed, options, of, moment);
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
        (Some(conversion), None) => begin(declared, observed, (conversion, relation), moment),
    }
}

/// Judges a copy and its source.
fn copied<'a>(
    declared: &'a DesiredTable,
    observed: &'a ObservedTable,
    options: &'a CopyOptions,
    (conversion, relation, facts): (&'a DesiredConversion, &'a Relation, &'a CopyFacts),
    moment: &PlanTime,
) -> Result<Copied<'a>, Vec<Blocker>> {
    let table = copied_table(declared, observed, (conversion, relation, &facts.plain), moment)?;
    let subject = Subject::new(declared, conversion, (observed, relation), &facts.plain, moment);
    // Without partitions of the past, their rows would be copied to the default partition.
    let past = past(&subject).filter(|_| !facts.was_synced());
    let refusals: Vec<_> = past.into_iter().chain(misses_writes(&subject)).collect();
    if !refusals.is_empty() {
        let blocker = |refusal| Blocker::Preflight { refusal };
        return Err(refusals.into_iter().map(blocker).collect());
    }
    let (losses, refused) = (losses(&subject), prevents_cutover(&subject));
    Ok(Copied { table, facts, options, serve_from: conversion.serve_from, losses, refused })
}

/// Judges a plain table that is to become a partition of its copy.
fn attaching<'a>(
    declared: &'a DesiredTable,
    observed: &'a ObservedTable,
    (conversion, relation, facts): (&'a DesiredConversion, &'a Relation, &'a CopyFacts),
    moment: &PlanTime,
) -> Result<Attaching<'a>, Vec<Blocker>> {
    let table = copied_table(declared, observed, (conversion, relation, &facts.plain), moment)?;
    let subject = Subject::new(declared, conversion, (observed, relation), &facts.plain, moment);
    let digest = table.sync_digest(SyncLevel::Row);
    let attachment = observed.attachment.as_deref().filter(|found| found.of == digest);
    let serve_from = conversion.serve_from;
    let (losses, refused) = (losses(&subject), prevents_cutover(&subject));
    Ok(Attaching { table, facts, attachment, serve_from, losses, refused })
}

/// Returns the plain table that was attached, and the partitioned table, or `None` if the spec does not attach, or no
/// partition is the plain table.
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

/// Judges a plain table.
fn begin<'a>(
    declared: &'a DesiredTable,
    observed: &'a ObservedTable,
    (conversion, relation): (&'a DesiredConversion, &'a Relation),
    moment: &PlanTime,
) -> Result<Phase<'a>, Vec<Blocker>> {
    let problems = super::blockers(declared, observed, moment);
    if !problems.is_empty() {
        return Err(problems);
    }
    let Some(plain) = &observed.plain else {
        let (table, kind) = (observed.name.clone(), "table");
        return Err(vec![Blocker::NotPartitioned { table, kind }]);
    };
    let table = copied_table(declared, observed, (conversion, relation, plain), moment);
    let is_copied = conversion.method != ConversionMethod::Attach;
    table.map(|table| Phase::Begin { table, is_copied })
}

fn copied_table(
    declared: &DesiredTable,
    observed: &ObservedTable,
    (conversion, relation, plain): (&DesiredConversion, &Relation, &PlainTable),
    moment: &PlanTime,
) -> Result<CopiedTable, Vec<Blocker>> {
    let subject = Subject::new(declared, conversion, (observed, relation), plain, moment);
    let key = match &observed.copy {
        Some(copy) => key_of_copy(&subject, copy),
        None => row_key(&subject),
    };
    let key = key.map_err(|refusal| vec![Blocker::Preflight { refusal }])?;
    Ok(with_key(declared, observed, (relation, plain), key.columns.clone()))
}

/// The end of a conversion needs no key.
fn ended_table(
    declared: &DesiredTable,
    observed: &ObservedTable,
    relation: &Relation,
    facts: &CopyFacts,
) -> CopiedTable {
    with_key(declared, observed, (relation, &facts.plain), Vec::new())
}

/// The columns are those that both tables have. Before there is a copy, all are.
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
