//! Changes of the serving table that the passive table lacks.

use super::copy::installation_of;
use super::note::ConversionNote;
use super::{Attaching, Copied, Phase};
use crate::observed::{
    ColumnChange, ColumnDifference, CopyDifferences, CopyProperty, PlainColumn, PlainTable,
    PropertyDifference, Sweep,
};
use crate::partition::{CopiedTable, Identifier, Side};
use crate::plan::draft::Draft;
use crate::plan::preconditions::{Context, Method};
use crate::plan::step::{FollowSource, InstallSync, ValidateCopy};
use crate::plan::{Cause, ConversionBlocker, Note, Step};

/// Applies changes of the serving table to the passive table, and reports changes that cannot be applied.
pub(in crate::plan) fn follow_source(context: &Context<'_>, draft: &mut Draft) {
    if let Phase::Attaching(attaching) = &context.phase {
        return follow_attached(context, attaching, draft);
    }
    let Phase::Copied(copied) = &context.phase else { return };
    let Some(differences) = copied.facts.differences() else { return };
    let (table, serving) = (copied.table.clone(), copied.facts.serving);
    if differences.can_follow() {
        let follow = FollowSource {
            table,
            method: method(context),
            known: match serving {
                Side::Source => copied.facts.synced_columns(),
                Side::Partitioned => Vec::new(),
            },
            sync: differences.changes_columns().then(|| installation(copied, differences)),
            changes: changes(differences),
        };
        draft.step(Step::FollowSource(Box::new(follow)), Cause::SourceChanged);
    } else if !differences.not_valid.is_empty() && is_in_parity(copied) {
        let validate = ValidateCopy { table };
        draft.step(Step::ValidateCopy(Box::new(validate)), Cause::NotValidated);
    }
    match serving {
        Side::Source => {
            report_unfollowed(&copied.table, (differences, &copied.facts.plain), draft);
        }
        Side::Partitioned => report_source(context, copied, differences, draft),
    }
}

/// Applies changes to the copy of a conversion by attach, which has no rows and no triggers.
fn follow_attached(context: &Context<'_>, attaching: &Attaching<'_>, draft: &mut Draft) {
    let Some(differences) = attaching.facts.differences() else { return };
    let table = attaching.table.clone();
    if differences.can_follow() {
        let follow = FollowSource {
            table,
            method: method(context),
            known: Vec::new(),
            sync: None,
            changes: changes(differences),
        };
        draft.step(Step::FollowSource(Box::new(follow)), Cause::SourceChanged);
    } else if !differences.not_valid.is_empty() {
        draft.step(Step::ValidateCopy(Box::new(ValidateCopy { table })), Cause::NotValidated);
    }
    report_unfollowed(&attaching.table, (differences, &attaching.facts.plain), draft);
}

fn method(context: &Context<'_>) -> crate::partition::Method {
    match &context.method {
        Method::Range(_) => crate::partition::Method::Range,
        Method::Hash(_) => crate::partition::Method::Hash,
    }
}

fn report_unfollowed(
    table: &CopiedTable,
    (differences, plain): (&CopyDifferences, &PlainTable),
    draft: &mut Draft,
) {
    let changes = unfollowed(differences);
    if !changes.is_empty() {
        let (table, not_valid) = (table.source.clone(), not_valid(differences, plain));
        let blocker = ConversionBlocker::ColumnsDiffer { table, changes, not_valid };
        draft.defer(None, blocker.into());
    }
}

/// Returns the check constraints that the copy does not get because they are not validated on the source.
fn not_valid(differences: &CopyDifferences, plain: &PlainTable) -> Vec<Identifier> {
    let is_unfollowed = |name: &Identifier| {
        let properties = &mut differences.properties.iter();
        properties.any(|found| {
            found.property == CopyProperty::Check
                && !found.followed
                && found.object == name.as_str()
        })
    };
    let not_valid = plain.checks.iter().filter(|check| check.not_valid);
    let not_valid = not_valid.filter(|check| is_unfollowed(&check.name));
    not_valid.map(|check| check.name.clone()).collect()
}

/// Reports differences of the source after the cutover. A user must apply column changes to the source and create the
/// indexes that applications need after a rollback.
fn report_source(
    context: &Context<'_>,
    copied: &Copied<'_>,
    differences: &CopyDifferences,
    draft: &mut Draft,
) {
    let source = copied.table.source.clone();
    let changes = unfollowed_changes(differences);
    if !changes.is_empty() && copied.serve_from == Side::Partitioned {
        let source = source.clone();
        draft.defer(None, ConversionBlocker::SourceDiffers { source, changes }.into());
    }
    let is_declared =
        |name: &Identifier| context.desired.indexes.iter().any(|index| index.name == *name);
    let indexes = differences.indexes.iter().filter(|index| !is_declared(&index.name));
    let indexes: Vec<_> = indexes.map(|index| index.name.clone()).collect();
    if !indexes.is_empty() {
        draft.note(Note::Conversion(ConversionNote::SourceLacksIndexes { source, indexes }));
    }
}

/// Returns the differences of the source from the serving table that the operator does not resolve.
pub(super) fn unfollowed_changes(differences: &CopyDifferences) -> Vec<String> {
    let column = |found: &ColumnDifference| {
        let state = match found.change {
            ColumnChange::Renamed => "has another name",
            ColumnChange::Dropped => "is still there",
            ColumnChange::Added => "is missing",
            ColumnChange::Retyped => "has another type",
        };
        format!("column {} {state}", found.name.display())
    };
    let columns = differences.columns.iter().map(column);
    let properties = differences.properties.iter().filter(|property| !property.followed);
    columns.chain(properties.map(PropertyDifference::display)).collect()
}

/// Returns whether the copy has the values of added columns: before that, its rows can violate constraints on these columns.
fn is_in_parity(copied: &Copied<'_>) -> bool {
    copied.facts.parity().is_some_and(Sweep::is_clean)
}

/// Returns the step that installs triggers for the columns that both tables have after the changes.
fn installation(copied: &Copied<'_>, differences: &CopyDifferences) -> InstallSync {
    let stays_behind = |name: &Identifier| {
        differences.columns.iter().any(|column| column.name == *name && column.obstacle.is_some())
    };
    let columns = copied.facts.plain.columns.iter().filter(|column| !column.generated);
    let columns = columns.filter(|column| !stays_behind(&column.name));
    let names = |columns: &mut dyn Iterator<Item = &PlainColumn>| {
        columns.map(|column| column.name.clone()).collect::<Vec<_>>()
    };
    let table = CopiedTable {
        always_identity: names(&mut columns.clone().filter(|column| column.always_identity)),
        columns: names(&mut columns.clone()),
        ..copied.table.clone()
    };
    installation_of(copied, table)
}

fn changes(differences: &CopyDifferences) -> Vec<String> {
    let columns = differences.columns.iter().filter(|column| column.obstacle.is_none());
    let columns = columns.map(format_column);
    let properties = differences.properties.iter().filter(|property| property.followed);
    columns.chain(properties.map(PropertyDifference::display)).collect()
}

fn unfollowed(differences: &CopyDifferences) -> Vec<String> {
    let columns = differences.columns.iter().filter(|column| column.obstacle.is_some());
    let columns = columns.map(format_column);
    let properties = differences.properties.iter().filter(|property| !property.followed);
    columns.chain(properties.map(PropertyDifference::display)).collect()
}

fn format_column(column: &ColumnDifference) -> String {
    let change = match column.change {
        ColumnChange::Renamed => "renamed",
        ColumnChange::Dropped => "dropped",
        ColumnChange::Added => "added",
        ColumnChange::Retyped => "of another type",
    };
    format!("column {} {change}", column.name.display())
}
