//! Plans in a person's words: what each step and cause says.

use super::note::{shown_qualified, some_of};
use super::step::{
    Attach, AttachIndex, BuildIndex, CreateTableIndex, DiscardPartition, DropExclusion, DropIndex,
    DropTableIndex, ExcludeFromDefault, FinalizeDetach, MarkPartitions, MarkedPartition, Marking,
    RemoveDefault, ReplaceTableIndex, StateBounds, ValidateBounds, ValidateExclusion,
};
use super::{Cause, Step};
use crate::partition::{
    Bounds, Identifier, IndexShape, KeyType, QualifiedName, RangeBounds, shown_text,
};

impl Step {
    /// The step's verb: the value of the label `step`, and the first word of its line in a plan.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::CreatePartition(_) => "create",
            Self::AttachPartition(_) => "attach",
            Self::DiscardPartition(_) => "discard",
            Self::ExcludeFromDefault(_) => "exclude",
            Self::ValidateExclusion(_) => "validate",
            Self::DropExclusion(_) => "readmit",
            Self::DrainDefault(_) => "drain",
            Self::RemoveDefault(_) => "remove-default",
            Self::MarkPartitions(MarkPartitions { marking, .. }) => match marking {
                Marking::Adopted => "adopt",
                Marking::Expired { .. } => "expire",
                Marking::Kept => "keep",
                Marking::ForDrop => "mark-for-drop",
                Marking::NotForDrop => "unmark-for-drop",
                Marking::Forgotten => "forget-adoption",
            },
            Self::DetachPartition(_) => "detach",
            Self::FinalizeDetach(_) => "finalize",
            Self::RememberDetached(_) => "remember",
            Self::StateBounds(_) => "state-bounds",
            Self::ValidateBounds(_) => "check-bounds",
            Self::DropDetached(_) => "drop",
            Self::CreateTableIndex(_) => "create-index",
            Self::BuildIndex(_) => "build-index",
            Self::AttachIndex(_) => "attach-index",
            Self::DropIndex(_) => "drop-index",
            Self::DropTableIndex(_) => "drop-table-index",
            Self::ReplaceTableIndex(_) => "replace-index",
        }
    }

    /// What the step makes or changes; a step that rests on it cannot be done without it.
    #[must_use]
    pub fn subject(&self) -> QualifiedName {
        match self {
            Self::CreatePartition(new) => new.partition.clone(),
            Self::AttachPartition(attach) => attach.partition.clone(),
            Self::DrainDefault(drain) => drain.attach.partition.clone(),
            Self::MarkPartitions(MarkPartitions { table, .. }) => table.clone(),
            Self::DetachPartition(detach) => detach.partition.clone(),
            Self::RememberDetached(remember) => remember.partition.clone(),
            Self::DropDetached(drop) => drop.partition.clone(),
            Self::RemoveDefault(RemoveDefault { default: partition, .. })
            | Self::FinalizeDetach(FinalizeDetach { partition, .. })
            | Self::StateBounds(StateBounds { partition, .. })
            | Self::ValidateBounds(ValidateBounds { partition, .. })
            | Self::DiscardPartition(DiscardPartition { partition }) => partition.clone(),
            Self::ExcludeFromDefault(ExcludeFromDefault { default, exclusion, .. })
            | Self::ValidateExclusion(ValidateExclusion { default, exclusion })
            | Self::DropExclusion(DropExclusion { default, exclusion }) => {
                default.sibling(exclusion.clone())
            }
            Self::CreateTableIndex(CreateTableIndex { table, index, .. })
            | Self::DropTableIndex(DropTableIndex { table, index, .. })
            | Self::ReplaceTableIndex(ReplaceTableIndex { table, index, .. }) => {
                table.sibling(index.clone())
            }
            Self::BuildIndex(BuildIndex { partition, index, .. })
            | Self::AttachIndex(AttachIndex { partition, index, .. })
            | Self::DropIndex(DropIndex { partition, index }) => partition.sibling(index.clone()),
        }
    }

    /// What the step rests on besides its subject.
    #[must_use]
    pub fn rests_on(&self) -> Vec<QualifiedName> {
        match self {
            Self::AttachPartition(attach) => {
                let promise = attach.default.as_ref().zip(attach.exclusion.as_ref());
                promise.map(|(default, name)| default.sibling(name.clone())).into_iter().collect()
            }
            Self::BuildIndex(BuildIndex { partition, .. }) => vec![partition.clone()],
            Self::AttachIndex(AttachIndex { table, table_index, partition, .. }) => {
                vec![table.sibling(table_index.clone()), partition.clone()]
            }
            Self::ReplaceTableIndex(ReplaceTableIndex { table, replacement, .. }) => {
                vec![table.sibling(replacement.clone())]
            }
            Self::DetachPartition(detach) => {
                detach.after.iter().chain([&detach.table]).cloned().collect()
            }
            // What its comment said of an earlier detach was taken back.
            Self::FinalizeDetach(FinalizeDetach { table, .. }) => vec![table.clone()],
            Self::CreatePartition(_)
            | Self::DiscardPartition(_)
            | Self::ExcludeFromDefault(_)
            | Self::ValidateExclusion(_)
            | Self::DropExclusion(_)
            | Self::DrainDefault(_)
            | Self::RemoveDefault(_)
            | Self::MarkPartitions(_)
            | Self::RememberDetached(_)
            | Self::StateBounds(_)
            | Self::ValidateBounds(_)
            | Self::DropDetached(_)
            | Self::CreateTableIndex(_)
            | Self::DropIndex(_)
            | Self::DropTableIndex(_) => Vec::new(),
        }
    }

    /// What the step is about, in a few words: bounds, or an index.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::CreatePartition(new) => {
                shown_bounds(&new.bounds, new.key.as_ref().map(|k| k.key))
            }
            Self::AttachPartition(attach) => {
                shown_bounds(&attach.bounds, attach.key.as_ref().map(|k| k.key))
            }
            Self::ExcludeFromDefault(ExcludeFromDefault { default, key, range, .. }) => {
                format!("no {} in {}", shown_range(*range, key.key), default.name.shown())
            }
            Self::ValidateExclusion(ValidateExclusion { default, .. })
            | Self::DropExclusion(DropExclusion { default, .. }) => {
                format!("of {}", default.name.shown())
            }
            Self::CreateTableIndex(create) => shown_shape(&create.shape),
            Self::BuildIndex(build) => {
                let (on, shape) = (build.partition.name.shown(), shown_shape(&build.shape));
                format!("on {on}, concurrently: {shape}")
            }
            Self::AttachIndex(attach) => format!("to {}", attach.table_index.shown()),
            Self::DropIndex(drop) => format!("from {}, concurrently", drop.partition.name.shown()),
            Self::DropTableIndex(drop) => {
                let plural = if drop.partitions.len() == 1 { "" } else { "s" };
                format!("with those of {} partition{plural}", drop.partitions.len())
            }
            Self::ReplaceTableIndex(replace) => format!("by {}", replace.replacement.shown()),
            Self::DiscardPartition(_) => "never attached, empty".to_owned(),
            Self::DrainDefault(drain) => {
                let Attach { bounds, key, .. } = &drain.attach;
                let range = shown_bounds(bounds, key.as_ref().map(|k| k.key));
                format!("{range} with {} from {}", rows(drain.rows), drain.default.name.shown())
            }
            Self::RemoveDefault(_) => "default, empty".to_owned(),
            Self::MarkPartitions(MarkPartitions { marking: Marking::Forgotten, .. }) => {
                "so that the names can be adopted again".to_owned()
            }
            Self::MarkPartitions(MarkPartitions { table, partitions, .. }) => {
                shown_marked(table, partitions)
            }
            Self::DetachPartition(detach) => {
                let key = detach.key.as_ref().map(|k| k.key);
                let way = if detach.concurrently { ", concurrently" } else { "" };
                let size = size(detach.rows, detach.bytes);
                format!("{}, {size}{way}", shown_bounds(&detach.bounds, key))
            }
            Self::FinalizeDetach(_) => "half detached".to_owned(),
            Self::RememberDetached(remember) => {
                let key = remember.key.as_ref().map(|k| k.key);
                format!("{} as detached", shown_bounds(&remember.bounds, key))
            }
            Self::StateBounds(StateBounds { key, range, .. }) => shown_range(*range, key.key),
            Self::ValidateBounds(_) => "that it holds nothing else".to_owned(),
            Self::DropDetached(drop) => {
                let key = drop.key.as_ref().map(|k| k.key);
                let size = size(drop.rows, drop.bytes);
                format!("{}, {size}", shown_bounds(&drop.bounds, key))
            }
        }
    }

    /// How the step can be taken back.
    #[must_use]
    pub fn undo(&self) -> &'static str {
        match self {
            Self::CreatePartition(_) => "DROP TABLE of the new, empty table",
            Self::AttachPartition(_) => "ALTER TABLE … DETACH PARTITION … CONCURRENTLY",
            Self::DiscardPartition(_) => "the table was empty and is made again when wanted",
            Self::ExcludeFromDefault(_) | Self::ValidateExclusion(_) => {
                "ALTER TABLE … DROP CONSTRAINT on the default partition"
            }
            Self::DropExclusion(_) => "the constraint is added again when needed",
            Self::CreateTableIndex(_) | Self::BuildIndex(_) => "DROP INDEX of the new index",
            Self::AttachIndex(_) => "DROP INDEX of the table's index, which drops it too",
            Self::DropIndex(_) | Self::DropTableIndex(_) => "the index is built again",
            Self::ReplaceTableIndex(_) => "the old index is built again",
            Self::DrainDefault(_) => "the rows stay in the new partition, which can be detached",
            Self::RemoveDefault(_) => "an empty default partition is made again",
            Self::MarkPartitions(_) => "COMMENT ON TABLE",
            Self::DetachPartition(_) | Self::FinalizeDetach(_) => {
                "ALTER TABLE … ATTACH PARTITION of the same table"
            }
            Self::RememberDetached(_) | Self::StateBounds(_) | Self::ValidateBounds(_) => {
                "ALTER TABLE … DROP CONSTRAINT on the table"
            }
            Self::DropDetached(_) => "none: the rows are gone",
        }
    }
}

impl Cause {
    /// Why a step is taken, in a few words.
    #[must_use]
    pub fn explain(&self) -> String {
        match self {
            Self::CurrentPeriod => "rows of now belong there".to_owned(),
            Self::Ahead(1) => "1 period ahead".to_owned(),
            Self::Ahead(periods) => format!("{periods} periods ahead"),
            Self::SinceStart => "a period the spec provides".to_owned(),
            Self::Hole => "hole between partitions".to_owned(),
            Self::MissingRemainder => "remainder without a partition".to_owned(),
            Self::Leftover => "nothing wants it any more".to_owned(),
            Self::MissingIndex => "named in the spec".to_owned(),
            Self::InvalidIndex => "left invalid by a failed build".to_owned(),
            Self::OtherDefinition => "its definition in the spec is another".to_owned(),
            Self::NoLongerNewest => "no longer among the newest".to_owned(),
            Self::Expired => "past its retention".to_owned(),
            Self::KeptAgain => "kept by the retention again".to_owned(),
            Self::CutOff => "its detach was cut off".to_owned(),
            Self::GraceOver => "detached for longer than dropAfter".to_owned(),
            Self::Reattached => "attached again by a user".to_owned(),
            Self::Dropped => {
                "spec.retention.onExpiry is Drop now: the grace period starts".to_owned()
            }
            Self::NotDropped => "no longer to be dropped".to_owned(),
            Self::Asked => "named in the annotation".to_owned(),
            Self::NotAsked => "no longer named in the annotation".to_owned(),
            Self::DefaultWanted => "spec.defaultPartition is Present".to_owned(),
            Self::DefaultUnwanted => "spec.defaultPartition is Absent".to_owned(),
        }
    }
}

/// The first few names; with the schemas if a user has moved one to another schema than the table's.
fn shown_marked(table: &QualifiedName, partitions: &[MarkedPartition]) -> String {
    let names: Vec<_> = partitions.iter().map(|marked| marked.name.clone()).collect();
    let is_moved = names.iter().any(|name| name.schema != table.schema);
    if is_moved { shown_qualified(&names) } else { some_of(&names) }
}

fn rows(rows: u64) -> String {
    if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") }
}

/// How much a table holds, as the planner estimates.
fn size(estimated: Option<u64>, bytes: u64) -> String {
    match estimated {
        Some(n) => format!("~{}, {}", rows(n), shown_bytes(bytes)),
        // Neither is known before the first VACUUM or ANALYZE.
        None if bytes == 0 => "size unknown".to_owned(),
        None => format!("rows unknown, {}", shown_bytes(bytes)),
    }
}

/// `16 kB`, as `pg_size_pretty` says it.
fn shown_bytes(bytes: u64) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB"];
    let mut at = 0;
    let mut value = bytes;
    while value >= 10 * 1024 && at + 1 < units.len() {
        value = value.saturating_add(512) / 1024;
        at += 1;
    }
    format!("{value} {}", units[at])
}

pub(super) fn shown_range(range: RangeBounds, key: KeyType) -> String {
    shown_bounds(&Bounds::Range(range), Some(key))
}

fn shown_bounds(bounds: &Bounds, key: Option<KeyType>) -> String {
    bounds.shown(key)
}

fn shown_shape(shape: &IndexShape) -> String {
    let columns: Vec<_> = shape
        .columns
        .iter()
        .map(|c| c.column.shown() + if c.descending { " desc" } else { "" })
        .collect();
    let mut text = format!("{} ({})", shape.method, columns.join(", "));
    if shape.unique {
        text.insert_str(0, "unique ");
    }
    if !shape.include.is_empty() {
        let include: Vec<_> = shape.include.iter().map(Identifier::shown).collect();
        text.extend([" include (", &include.join(", "), ")"]);
    }
    if let Some(predicate) = &shape.predicate {
        text.push_str(" where ");
        text.push_str(&shown_text(predicate));
    }
    text
}
