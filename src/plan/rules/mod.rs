//! The rules, in the order in which they are asked. Each sees the world as the rules before it will
//! leave it, and knows none of them.

mod adopt;
mod default_partition;
mod detach;
mod drop;
mod expire;
mod index;
mod login;
mod provision;
mod publications;
mod recover;

pub(super) use drop::grace_over;

use super::draft::Draft;
use super::ground::Ground;
use super::{Blocker, Cause, Note, Step};

/// Declares the rules: a function that is not listed here is never used, and does not pass `cargo clippy`.
macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident $name:literal = $run:path,)*) => {
        /// A rule of planning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Rule {
            $($(#[$doc])* $rule,)*
        }

        impl Rule {
            /// All rules, in the order in which they are asked.
            pub const ALL: &[Self] = &[$(Self::$rule),*];

            /// Returns the name of the rule, as `plan -o json` prints it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$rule => $name,)*
                }
            }

            pub(super) fn run(self, ground: &Ground<'_>, draft: &mut Draft) {
                match self {
                    $(Self::$rule => $run(ground, draft),)*
                }
            }
        }
    };
}

rules! {
    /// Finalizes pending detaches, and records those that are not recorded.
    FinishDetach "finish-detach" = detach::finish,
    /// Marks the partitions that the annotation names as managed.
    Adopt "adopt" = adopt::adopt,
    /// Drops unattached tables that cannot be attached as they are.
    DiscardUnusable "discard-unusable" = recover::discard_unusable,
    /// Creates and attaches the partitions that are missing.
    Provision "provision" = provision::provision,
    /// Creates and attaches a default partition, if the spec wants one.
    AddDefault "add-default" = default_partition::provide,
    /// Drops unattached tables that no rule before has used.
    DiscardUnwanted "discard-unwanted" = recover::discard_unwanted,
    /// Detaches expired partitions.
    Expire "expire" = expire::expire,
    /// Drops detached tables after their grace period.
    Drop "drop" = drop::drop_detached,
    /// Removes the default partition, if the spec wants none.
    // After `Expire`, whose steps depend on whether there is a default partition.
    RemoveDefault "remove-default" = default_partition::remove,
    /// Builds, replaces, and drops indexes.
    Index "index" = index::ensure,
    /// Reports partitions that a publication leaves out.
    Publications "publications" = publications::report,
    /// Reports a login that can do more than it must.
    Login "login" = login::report,
}
