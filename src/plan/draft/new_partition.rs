//! Properties of a new partition.

use super::Draft;
use crate::desired::{DesiredIndex, OnPartitions};
use crate::observed::{
    BoundsCheck, CopyFacts, IndexSettings, ObservedPartition, ParentIndex, PartitionIndex,
    PartitionKind, PartitionState, ReplicaIdentity,
};
use crate::partition::{
    Bounds, Identifier, Marker, MarkerState, QualifiedName, index_name, unused,
};
use crate::plan::preconditions::Context;
use crate::plan::step::{Attach, IndexBody, NewIndex, NewPartition, Step, ValidateBoundsCheck};
use crate::plan::{Blocker, Cause, Note};

impl Draft {
    /// The steps that make a partition and attach it. One that an earlier run made is used as it is.
    pub(in crate::plan) fn create_partition(
        &mut self,
        context: &Context<'_>,
        bounds: Bounds,
        wanted_name: &Identifier,
        on_newest: impl Fn(u32) -> bool,
        cause: Cause,
    ) -> QualifiedName {
        if let Some(unattached) = self.unattached_for(&bounds).cloned() {
            let is_range = unattached.bounds.as_range().is_some();
            let is_proven = unattached.state.bounds_check() == BoundsCheck::Validated;
            if unattached.state.is_detached() && is_range && !is_proven {
                self.validate_bounds(context, &unattached);
            }
            return unattached.name;
        }
        let name = unused(wanted_name, |name| self.is_taken(name));
        if name != *wanted_name {
            let wanted = wanted_name.clone();
            self.note(Note::NameTaken { wanted, used: name.clone() });
        }
        let partition = self.state.managed.sibling(name);
        let step = self.create(context, bounds, partition.clone(), on_newest);
        self.step(step, cause);
        partition
    }

    /// The table that was made for `bounds`, and can be attached as it is.
    pub(in crate::plan) fn unattached_for(&self, bounds: &Bounds) -> Option<&ObservedPartition> {
        self.state.partitions.iter().find(|p| p.is_created_for(bounds) && is_usable(p, self))
    }

    /// Returns the blocker of a new partition whose name a table has that was never attached; `None` if there is
    /// no such table. A second table for its range would prevent that it is attached.
    pub(in crate::plan) fn unattached_table(
        &self,
        bounds: &Bounds,
        name: &Identifier,
    ) -> Option<Blocker> {
        let is_blocked =
            self.state.unattached.contains(name) && self.unattached_for(bounds).is_none();
        is_blocked
            .then(|| Blocker::UnattachedTable { table: self.state.managed.sibling(name.clone()) })
    }

    /// The steps after which Postgres knows of a detached table, without a scan under an exclusive lock,
    /// that it holds nothing but rows of its bounds.
    fn validate_bounds(&mut self, context: &Context<'_>, detached: &ObservedPartition) {
        if detached.state.bounds_check() == BoundsCheck::Absent {
            self.state_bounds(context, detached, Cause::RetentionExtended);
        }
        let step = Step::ValidateBoundsCheck(ValidateBoundsCheck {
            managed: self.state.managed.clone(),
            partition: detached.name.clone(),
        });
        self.step(step, Cause::RetentionExtended);
    }

    /// The step that attaches a table for `bounds`.
    pub(in crate::plan) fn attach(
        &self,
        context: &Context<'_>,
        partition: QualifiedName,
        bounds: Bounds,
        default_check: Option<Identifier>,
    ) -> Step {
        Step::AttachPartition(Box::new(self.attachment(context, partition, bounds, default_check)))
    }

    /// Returns the attach of a table.
    pub(in crate::plan) fn attachment(
        &self,
        context: &Context<'_>,
        partition: QualifiedName,
        bounds: Bounds,
        default_check: Option<Identifier>,
    ) -> Attach {
        let found = self.state.partition(&partition);
        let again = found.is_some_and(|p| p.state.is_detached());
        Attach {
            managed: self.state.managed.clone(),
            table: self.state.name.clone(),
            comment: found.and_then(|p| p.comment.clone()),
            replaced: found.map(|p| self.constraints_to_replace(p)).unwrap_or_default(),
            again,
            is_recorded: !again && self.state.copy.as_deref().is_some_and(CopyFacts::is_recorded),
            marker: Marker {
                state: MarkerState::Attached,
                oid: found.and_then(|p| p.oid),
                parent: Some(context.relation.oid),
                cycle: found.filter(|_| again).map_or(0, |p| p.cycle.saturating_add(1)),
            },
            partition,
            bounds,
            default: self.state.default_partition().map(|(p, _)| p.name.clone()),
            default_check,
            references: context.references(),
            referenced_by: context.referenced_by(),
        }
    }

    /// Returns the constraints of an unattached table that are those of the table with exclusion operators.
    fn constraints_to_replace(&self, unattached: &ObservedPartition) -> Vec<Identifier> {
        let exclusions = self.state.indexes.iter().filter(|i| i.exclusion);
        let of_table: Vec<_> = exclusions.filter_map(|i| i.constraint.as_ref()).collect();
        let is_of_table = |index: &&PartitionIndex| {
            index.exclusion.as_ref().is_some_and(|own| of_table.contains(&own))
        };
        unattached.indexes.iter().filter(is_of_table).map(|index| index.name.clone()).collect()
    }

    /// Whether a name cannot be given to anything new in the table's schema.
    pub(in crate::plan) fn is_taken(&self, name: &Identifier) -> bool {
        self.state.taken.contains(name)
    }

    fn create(
        &self,
        context: &Context<'_>,
        bounds: Bounds,
        partition: QualifiedName,
        on_newest: impl Fn(u32) -> bool,
    ) -> Step {
        let template = context.relation.template.clone();
        let indexes = self.indexes(context, &partition.name, on_newest);
        let identity = match &template.replica_identity {
            ReplicaIdentity::Index(of) => indexes.iter().find(|index| index.body.is_of(of)),
            ReplicaIdentity::Default | ReplicaIdentity::Full | ReplicaIdentity::Nothing => None,
        };
        Step::CreatePartition(Box::new(NewPartition {
            managed: self.state.managed.clone(),
            table: self.state.name.clone(),
            storage: self
                .previous_partition(&bounds)
                .map(|p| p.storage.clone())
                .unwrap_or_default(),
            replica_identity_index: identity.map(|index| index.name.clone()),
            template,
            partition,
            bounds,
            indexes,
        }))
    }

    /// The partition whose storage parameters a new one takes, since a partitioned table has none of
    /// its own: the last one before it.
    fn previous_partition(&self, bounds: &Bounds) -> Option<&ObservedPartition> {
        let tables = self.state.attached().filter(|p| p.kind == PartitionKind::Table);
        match bounds {
            Bounds::Range(of) => tables
                .filter_map(|p| Some((p.bounds.as_range()?, p)))
                .filter(|(sibling, _)| sibling.to() <= of.range.from())
                .max_by_key(|(sibling, _)| *sibling)
                .map(|(_, p)| p),
            Bounds::Hash { .. } | Bounds::Default | Bounds::Other(_) => {
                tables.min_by(|a, b| a.name.cmp(&b.name))
            }
        }
    }

    /// Returns the indexes of a new partition before it is attached: equivalents of the parent indexes, and those
    /// of the spec.
    fn indexes(
        &self,
        context: &Context<'_>,
        partition: &Identifier,
        on_newest: impl Fn(u32) -> bool,
    ) -> Vec<NewIndex> {
        let parent_indexes = self.state.indexes.iter().filter(|index| !index.exclusion);
        let mut bodies: Vec<_> = parent_indexes
            .map(|index| (index.name.clone(), index.equivalent(), index.settings.clone()))
            .collect();
        let named = context.desired.indexes.iter().filter(|index| match index.on {
            OnPartitions::All => true,
            OnPartitions::Newest(newest) => on_newest(newest),
        });
        for index in named.filter(|index| self.lacks(context, index)) {
            let stands_for = (!index.is_of_table()).then(|| index.name.clone());
            let body = IndexBody::Named { stands_for, shape: index.shape.clone() };
            let settings = IndexSettings {
                operators: self.condition_of(context, index).operators,
                ..IndexSettings::default()
            };
            bodies.push((index.name.clone(), body, settings));
        }
        let mut indexes: Vec<NewIndex> = Vec::new();
        for (of, body, settings) in bodies {
            let stems = (&self.state.managed, &self.state.name.name);
            let name = unused(&index_name(stems, &of, partition), |name| {
                self.is_taken(name) || name == partition || indexes.iter().any(|i| i.name == *name)
            });
            indexes.push(NewIndex { name, body, settings });
        }
        indexes
    }

    /// Returns whether an index of the spec can be created, and the table has none that is equivalent.
    fn lacks(&self, context: &Context<'_>, index: &DesiredIndex) -> bool {
        let columns = &context.relation.columns;
        let has_columns = index.shape.named_columns().all(|column| columns.contains(column));
        let is_like = |i: &ParentIndex| i.shape.as_ref() == Some(&index.shape);
        let has_equivalent = index.is_of_table() && self.state.indexes.iter().any(is_like);
        has_columns && !has_equivalent && self.unclear_column(context, index).is_none()
    }
}

impl ObservedPartition {
    /// A former default partition can have rows that other partitions take now: only a scan could tell.
    fn is_created_for(&self, bounds: &Bounds) -> bool {
        let is_fresh = self.state == PartitionState::NeverAttached || *bounds != Bounds::Default;
        !self.state.is_partition() && self.owned && self.bounds == *bounds && is_fresh
    }
}

impl IndexBody {
    fn is_of(&self, parent_index: &Identifier) -> bool {
        match self {
            Self::Equivalent { of, .. } | Self::Constraint { of, .. } => of == parent_index,
            Self::Named { .. } => false,
        }
    }
}

impl ParentIndex {
    fn equivalent(&self) -> IndexBody {
        match &self.constraint {
            Some(definition) => {
                IndexBody::Constraint { of: self.name.clone(), definition: definition.clone() }
            }
            None => IndexBody::Equivalent {
                of: self.name.clone(),
                unique: self.unique,
                definition: self.definition.clone(),
            },
        }
    }
}

/// Returns whether a table can be attached unchanged: it is managed, its columns are those of the table, and it
/// has an equivalent of each parent index, which an attach would otherwise build under an exclusive lock. For an
/// index with exclusion operators Postgres recognizes no equivalent, and always creates one.
pub(in crate::plan) fn is_usable(partition: &ObservedPartition, draft: &Draft) -> bool {
    let mut parent_indexes = draft.state.indexes.iter().filter(|index| !index.exclusion);
    partition.owned
        && partition.columns_match
        && parent_indexes.all(|of| partition.indexes.iter().any(|index| index.is_equivalent_to(of)))
}
