//! Conditions of partial indexes: which operators they use, and whether an index in the catalog has the same one.

use super::draft::Draft;
use super::preconditions::Context;
use crate::desired::{DesiredIndex, DesiredTable};
use crate::observed::{IndexMarker, ObservedTable, PartitionIndex, Relation};
use crate::partition::{
    ColumnOperators, Identifier, IndexShape, columns_with_operators, condition_pieces,
    uses_operators,
};

/// Known forms of the condition of a desired index.
#[derive(Debug, Clone)]
pub(super) struct KnownCondition {
    /// The digests of the index that a comment can have.
    digests: [String; 2],
    /// The columns in it whose operators are not in `pg_catalog`.
    pub(super) operators: Vec<ColumnOperators>,
    /// The condition as Postgres deparses it, if it was asked.
    deparsed: Option<String>,
}

/// Returns the conditions that an index in the catalog may have in other words: only Postgres can say whether it has.
pub(super) fn unproven_conditions(desired: &DesiredTable, observed: &ObservedTable) -> Vec<String> {
    let Some(relation) = &observed.relation else { return Vec::new() };
    let is_unproven = |index: &&DesiredIndex| {
        if index.shape.predicate.is_none() {
            return false;
        }
        let known = known(index, relation, observed);
        observed.attached().any(|partition| {
            let is_found = partition.indexes.iter().any(|i| i.valid && i.is_like(index, &known));
            !is_found && partition.indexes.iter().any(|i| i.may_have_condition_of(index))
        })
    };
    let unproven = desired.indexes.iter().filter(is_unproven).filter_map(|index| {
        let condition = index.shape.predicate.clone()?;
        condition_pieces(&condition, &known(index, relation, observed).operators)?;
        Some(condition)
    });
    unproven.collect()
}

impl KnownCondition {
    /// Condition of a parent index, which has none.
    pub(super) fn from_index(index: &DesiredIndex) -> Self {
        Self { digests: index.shape.digests(), operators: Vec::new(), deparsed: None }
    }
}

fn known(index: &DesiredIndex, relation: &Relation, observed: &ObservedTable) -> KnownCondition {
    let known = KnownCondition::from_index(index);
    let Some(condition) = index.shape.predicate.as_deref() else { return known };
    KnownCondition {
        operators: columns_with_operators(condition, &relation.column_operators),
        deparsed: observed.conditions.get(condition).cloned().flatten(),
        ..known
    }
}

impl Draft {
    /// Returns the known forms of the condition of an index.
    pub(super) fn condition_of(
        &self,
        context: &Context<'_>,
        index: &DesiredIndex,
    ) -> KnownCondition {
        known(index, context.relation, &self.state)
    }

    /// Returns a column whose operators the condition of an index needs, if they cannot be named in it.
    pub(super) fn unclear_column(
        &self,
        context: &Context<'_>,
        index: &DesiredIndex,
    ) -> Option<Identifier> {
        let operators = self.condition_of(context, index).operators;
        let is_clear = condition_pieces(index.shape.predicate.as_deref()?, &operators).is_some();
        operators.into_iter().next().map(|of| of.column).filter(|_| !is_clear)
    }
}

impl PartitionIndex {
    /// Returns whether the index is what the spec says: by its shape, by what the operator wrote into its
    /// comment, or by what Postgres says of the condition.
    pub(super) fn is_like(&self, index: &DesiredIndex, known: &KnownCondition) -> bool {
        let found = self.shape.as_ref().and_then(|shape| shape.predicate.as_deref());
        // Earlier versions compared columns of extensions' types as text.
        let is_qualified = || {
            let condition = index.shape.predicate.as_deref().unwrap_or_default();
            !uses_operators(condition, &known.operators)
                // The model of a step has the condition as the resource says it.
                || found.is_none_or(|found| found.contains("OPERATOR(") || found == condition)
        };
        let by_marker = || {
            let is_it =
                |m: &IndexMarker| m.index == index.name && known.digests.contains(&m.digest);
            self.marker.as_ref().is_some_and(is_it)
        };
        let by_deparsed = || {
            known.deparsed.is_some()
                && found == known.deparsed.as_deref()
                && self.differs_only_in_condition(index)
        };
        self.shape.as_ref().is_some_and(|shape| index.shape.is_met_by(shape))
            || by_marker() && is_qualified()
            || by_deparsed()
    }

    /// Returns whether the index may have the condition of a desired one, in other words.
    fn may_have_condition_of(&self, index: &DesiredIndex) -> bool {
        let has_condition = self.shape.as_ref().is_some_and(|shape| shape.predicate.is_some());
        self.valid && self.of.is_none() && has_condition && self.differs_only_in_condition(index)
    }

    fn differs_only_in_condition(&self, index: &DesiredIndex) -> bool {
        let without = |shape: &IndexShape| IndexShape { predicate: None, ..shape.clone() };
        self.shape.as_ref().is_some_and(|shape| without(shape) == without(&index.shape))
    }
}
