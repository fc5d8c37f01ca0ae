//! State of a table with respect to its partitioned table.

use super::{BlockingTransaction, BoundsCheck};
use crate::partition::{Detached, MarkerState};

/// State of a partition, or of a table that was or will be one, with its proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartitionState {
    /// It is a partition.
    Attached {
        /// Facts in its marker; `None` for an unmanaged partition.
        marker: Option<MarkerState>,
        /// Whether it has its bounds check already, which remains when it is detached.
        check: BoundsCheck,
    },
    /// A `DETACH … CONCURRENTLY` was interrupted, and must be finalized.
    PendingDetach {
        /// Facts in its marker; `None` for an unmanaged partition.
        marker: Option<MarkerState>,
        /// Whether it has its bounds check already.
        check: BoundsCheck,
        /// Sessions that block the finalize.
        blocked_by: Vec<BlockingTransaction>,
    },
    /// The operator created it to be attached, and it has never been a partition.
    NeverAttached,
    /// It was a partition, as its marker proves.
    Detached {
        /// Origin of the detach.
        by: DetachedBy,
        /// Whether a constraint repeats its bounds.
        check: BoundsCheck,
    },
}

/// Origin of the detach of a managed partition, from its marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DetachedBy {
    /// A user: the marker records no expiry.
    User,
    /// Not known: the marker was written for another table, and came with a dump or from a user who copied it.
    Restore,
    /// The operator, in a run that was interrupted before it recorded the detach.
    Unrecorded {
        /// Whether the spec said `onExpiry: Drop` when the partition expired.
        drops: bool,
    },
    /// The operator, which recorded the detach.
    Recorded(Detached),
}

impl PartitionState {
    /// Returns what the marker records; `None` for an unmanaged partition. What the marker of a restored table says
    /// of another table does not count.
    #[must_use]
    pub fn marker_state(&self) -> Option<MarkerState> {
        match self {
            Self::Attached { marker, .. } | Self::PendingDetach { marker, .. } => *marker,
            Self::NeverAttached => Some(MarkerState::ToBeAttached),
            Self::Detached { by, .. } => Some(match by {
                DetachedBy::User | DetachedBy::Restore => MarkerState::Attached,
                DetachedBy::Unrecorded { drops } => MarkerState::Expired { drops: *drops },
                DetachedBy::Recorded(detached) => MarkerState::Detached(*detached),
            }),
        }
    }

    /// Returns whether the operator created or adopted it, as its marker proves.
    #[must_use]
    pub fn is_managed(&self) -> bool {
        self.marker_state().is_some()
    }

    /// Returns whether rows go to it.
    #[must_use]
    pub fn is_attached(&self) -> bool {
        matches!(self, Self::Attached { .. })
    }

    /// Returns whether its detach was interrupted.
    #[must_use]
    pub fn is_pending_detach(&self) -> bool {
        matches!(self, Self::PendingDetach { .. })
    }

    /// Returns whether it is a partition, if only until a pending detach is finalized: no other partition can have
    /// its bounds.
    #[must_use]
    pub fn is_partition(&self) -> bool {
        match self {
            Self::Attached { .. } | Self::PendingDetach { .. } => true,
            Self::NeverAttached | Self::Detached { .. } => false,
        }
    }

    /// Returns whether it was a partition and no longer is.
    #[must_use]
    pub fn is_detached(&self) -> bool {
        matches!(self, Self::Detached { .. })
    }

    /// Returns whether it is detached, and its marker was written for another table.
    #[must_use]
    pub fn is_restored(&self) -> bool {
        matches!(self, Self::Detached { by: DetachedBy::Restore, .. })
    }

    /// Returns whether the operator detached it.
    #[must_use]
    pub fn is_detached_by_operator(&self) -> bool {
        match self {
            Self::Detached { by, .. } => match by {
                DetachedBy::Unrecorded { .. } | DetachedBy::Recorded(_) => true,
                DetachedBy::User | DetachedBy::Restore => false,
            },
            Self::Attached { .. } | Self::PendingDetach { .. } | Self::NeverAttached => false,
        }
    }

    /// Returns since when it is detached, if the operator recorded that.
    #[must_use]
    pub fn recorded_detach(&self) -> Option<Detached> {
        match self {
            Self::Detached { by: DetachedBy::Recorded(detached), .. } => Some(*detached),
            Self::Attached { .. }
            | Self::PendingDetach { .. }
            | Self::NeverAttached
            | Self::Detached { .. } => None,
        }
    }

    /// Returns what blocks the finalize of its detach.
    #[must_use]
    pub fn blocked_by(&self) -> &[BlockingTransaction] {
        match self {
            Self::PendingDetach { blocked_by, .. } => blocked_by,
            Self::Attached { .. } | Self::NeverAttached | Self::Detached { .. } => &[],
        }
    }

    /// Returns what its bounds check proves of its rows.
    #[must_use]
    pub fn bounds_check(&self) -> BoundsCheck {
        match self {
            Self::Attached { check, .. }
            | Self::PendingDetach { check, .. }
            | Self::Detached { check, .. } => *check,
            Self::NeverAttached => BoundsCheck::Absent,
        }
    }
}

/// The changes that steps make.
impl PartitionState {
    /// Attaches it: the operator marks it, and drops its bounds check.
    pub(crate) fn attach(&mut self) {
        *self = Self::Attached { marker: Some(MarkerState::Attached), check: BoundsCheck::Absent };
    }

    /// Detaches a partition. Returns whether its marker proves that it was one: otherwise the operator does not find
    /// the table any more.
    pub(crate) fn detach(&mut self) -> bool {
        if let Self::Attached { marker, check } | Self::PendingDetach { marker, check, .. } = self {
            let Some(marker) = *marker else { return false };
            *self = Self::Detached { by: DetachedBy::from_marker_state(marker), check: *check };
        }
        true
    }

    /// Marks it. A bounds check remains only on what is detached.
    pub(crate) fn set_marker_state(&mut self, new: MarkerState) {
        match self {
            Self::Attached { marker, check } | Self::PendingDetach { marker, check, .. } => {
                (*marker, *check) = (Some(new), BoundsCheck::Absent);
            }
            Self::Detached { by, .. } => by.set(DetachedBy::from_marker_state(new)),
            Self::NeverAttached => {}
        }
    }

    /// Records the detach, together with a bounds check that is not validated.
    pub(crate) fn record_detach(&mut self, detached: Detached) {
        if let Self::Detached { by, check } = self {
            by.set(DetachedBy::Recorded(detached));
            *check = BoundsCheck::NotValid;
        }
    }

    /// Adds or validates the bounds check.
    pub(crate) fn set_bounds_check(&mut self, new: BoundsCheck) {
        match self {
            Self::Attached { check, .. }
            | Self::PendingDetach { check, .. }
            | Self::Detached { check, .. } => *check = new,
            Self::NeverAttached => {}
        }
    }
}

impl DetachedBy {
    /// Returns who detached a table that was a partition with this mark.
    #[must_use]
    pub fn from_marker_state(marker: MarkerState) -> Self {
        match marker {
            MarkerState::ToBeAttached | MarkerState::Attached => Self::User,
            MarkerState::Expired { drops } => Self::Unrecorded { drops },
            MarkerState::Detached(detached) => Self::Recorded(detached),
        }
    }

    /// A restored table stays one for the rest of a plan: nothing that the plan writes makes its drop safe.
    fn set(&mut self, new: Self) {
        if *self != Self::Restore {
            *self = new;
        }
    }
}
