//! What to do about a step that takes longer than it may.

use std::time::Duration;

use super::Step;
use super::remedy::names;
use super::step::RemoveDefault;

impl Step {
    /// Says that the step ran out of time by its own work, and what to do about it.
    #[must_use]
    pub fn too_slow(&self, given: Duration) -> String {
        let remedy = match self {
            Self::DetachPartition(detach) if !detach.referenced_by.is_empty() => format!(
                "Postgres looks for rows of {} that refer to the partition, under locks on all these tables: give \
                 the foreign keys an index, or raise spec.limits.lockTimeout for a quiet hour",
                names(&detach.referenced_by)
            ),
            Self::DrainDefault(_) => {
                "raise spec.limits.lockTimeout for a quiet hour, or move the rows manually"
                    .to_owned()
            }
            Self::RemoveDefault(RemoveDefault { default, .. }) => format!(
                "vacuum {}, or raise spec.limits.lockTimeout for a quiet hour",
                default.shown()
            ),
            Self::AttachPartition(_) => {
                "add and validate the table's foreign keys on it before, or raise \
                                         spec.limits.lockTimeout for a quiet hour"
                    .to_owned()
            }
            Self::DetachPartition(_)
            | Self::CreatePartition(_)
            | Self::ExcludeFromDefault(_)
            | Self::ValidateExclusion(_)
            | Self::DiscardPartition(_)
            | Self::DropExclusion(_)
            | Self::MarkPartitions(_)
            | Self::FinalizeDetach(_)
            | Self::RememberDetached(_)
            | Self::StateBounds(_)
            | Self::ValidateBounds(_)
            | Self::DropDetached(_)
            | Self::CreateTableIndex(_)
            | Self::BuildIndex(_)
            | Self::AttachIndex(_)
            | Self::DropIndex(_)
            | Self::DropTableIndex(_)
            | Self::ReplaceTableIndex(_) => {
                "raise spec.limits.lockTimeout for a quiet hour".to_owned()
            }
        };
        format!(
            "its own work took longer than the {} ms that spec.limits.lockTimeout leaves it, and was canceled: {remedy}",
            given.as_millis()
        )
    }
}
