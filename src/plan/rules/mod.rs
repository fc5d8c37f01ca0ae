//! The rules, in the order in which they are asked. Each sees the world as the rules before it will
//! leave it, and knows none of them.
//!
//! A function that [`Rule::run`] does not call is dead code, and dead code does not compile here.

#![deny(dead_code)]

mod adopt;
mod default;
mod discard;
mod drop;
mod expire;
mod finish_detach;
mod indexes;
mod login;
mod provision;
mod publications;

pub(super) use drop::grace_period_end;

use super::conversion;
use super::draft::Draft;
use super::preconditions::Context;
use super::{Blocker, Cause, Note, Step};

/// A rule of planning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Rule {
    /// Checks the server, the table, the login, and the preflight of a conversion. If a check fails, no other rule is asked.
    // `plan()` asks this rule and the next one itself: the others need what it proves.
    Preconditions,
    /// Reports the size of a conversion and its effects.
    Preflight,
    /// Finalizes pending detaches, and records those that are not recorded.
    FinishDetach,
    /// Marks the partitions that the annotation names as managed.
    Adopt,
    /// Drops unattached tables that cannot be attached as they are.
    DiscardUnusable,
    /// Creates and attaches the partitions that are missing.
    Provision,
    /// Creates and attaches a default partition, if the spec says `Present`.
    CreateDefault,
    /// Drops unattached tables that no earlier rule uses.
    DiscardUnused,
    /// Detaches expired partitions.
    Expire,
    /// Drops detached tables after their grace period.
    Drop,
    /// Drops an empty managed default partition, if the spec says `Absent`.
    // After `Expire`, whose steps depend on whether there is a default partition.
    DropDefault,
    /// Builds, replaces, and drops indexes.
    Index,
    /// Creates the copy of a plain table.
    CreateCopy,
    /// Routes roles to the copy while it is in parity.
    // Before the steps that end the parity, so that the view reads the plain table by then.
    Route,
    /// Applies changes of the source to the copy.
    FollowSource,
    /// Installs the triggers that keep a copy equal to its source.
    InstallSync,
    /// Copies rows.
    CopyRows,
    /// Builds the indexes of a plain table on its copy.
    CopyIndexes,
    /// Gathers statistics on a copy.
    AnalyzeCopy,
    /// Compares a copy with its source.
    CompareRows,
    /// Swaps the two tables of a conversion: the cutover, and the rollback.
    Swap,
    /// Attaches the plain table of a conversion as the oldest partition, and detaches it again.
    AttachSource,
    /// Drops the plain table after the cutover.
    DropSource,
    /// Ends a conversion that the spec no longer has.
    EndConversion,
    /// Reports partitions that a publication leaves out.
    Publications,
    /// Reports a login that has more privileges than it needs.
    Login,
}

impl Rule {
    /// All rules, in the order in which they are asked.
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    /// Returns the name of the rule, as `plan -o json` prints it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Returns whether the rule keeps a partitioned table, and so is not asked before there is one, nor about a copy
    /// that is no longer wanted.
    fn is_of_partitioned_table(self) -> bool {
        match self {
            Self::FinishDetach
            | Self::Adopt
            | Self::DiscardUnusable
            | Self::Provision
            | Self::CreateDefault
            | Self::DiscardUnused
            | Self::Expire
            | Self::Drop
            | Self::DropDefault
            | Self::Index
            | Self::Publications => true,
            Self::CreateCopy
            | Self::Route
            | Self::InstallSync
            | Self::CopyRows
            | Self::CopyIndexes
            | Self::FollowSource
            | Self::AnalyzeCopy
            | Self::CompareRows
            | Self::Swap
            | Self::DropSource
            | Self::AttachSource
            | Self::EndConversion
            | Self::Login
            | Self::Preconditions
            | Self::Preflight => false,
        }
    }

    pub(super) fn run(self, context: &Context<'_>, draft: &mut Draft) {
        if self.is_of_partitioned_table() && !context.phase.keeps_partitions() {
            return;
        }
        match self {
            Self::Preconditions | Self::Preflight => {}
            Self::FinishDetach => finish_detach::finish(context, draft),
            Self::Adopt => adopt::adopt(context, draft),
            Self::DiscardUnusable => discard::discard_unusable(context, draft),
            Self::Provision => provision::provision(context, draft),
            Self::CreateDefault => default::provide(context, draft),
            Self::DiscardUnused => discard::discard_unwanted(context, draft),
            Self::Expire => expire::expire(context, draft),
            Self::Drop => drop::drop_detached(context, draft),
            Self::DropDefault => default::remove(context, draft),
            Self::Index => indexes::ensure(context, draft),
            Self::CreateCopy => conversion::create_copy(context, draft),
            Self::InstallSync => conversion::install_sync(context, draft),
            Self::Route => conversion::route(context, draft),
            Self::CopyRows => conversion::copy_rows(context, draft),
            Self::CopyIndexes => indexes::ensure_equivalents(context, draft),
            Self::FollowSource => conversion::follow_source(context, draft),
            Self::AnalyzeCopy => conversion::analyze(context, draft),
            Self::CompareRows => conversion::compare_rows(context, draft),
            Self::Swap => conversion::swap(context, draft),
            Self::DropSource => conversion::retire_source(context, draft),
            Self::AttachSource => conversion::attach(context, draft),
            Self::EndConversion => conversion::end(context, draft),
            Self::Publications => publications::report(context, draft),
            Self::Login => login::report(context, draft),
        }
    }
}
