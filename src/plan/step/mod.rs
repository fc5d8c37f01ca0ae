//! Steps: what can be done to a table. A step is data; it holds all that is needed to say it in SQL.

mod attach;
mod conversion;
mod default;
mod facts;
mod follow;
mod index;
mod index_definition;
mod partition;
mod record;
mod retention;
mod routing;
mod swap;
mod text;

pub use attach::{AttachSource, DetachSource};
pub use conversion::{AnalyzeCopy, CreateCopy, DropCopy, EndSync, InstallSync};
pub use default::{AddDefaultCheck, Drain, DropDefault, DropDefaultCheck, ValidateDefaultCheck};
pub use facts::{Effort, Facts, Family, Object, Risk, TransactionMode};
pub use follow::{FollowSource, ValidateCopy};
pub use index::{
    AttachIndex, BuildIndex, CreateParentIndex, DropIndex, DropParentIndex, ReplaceParentIndex,
};
pub use index_definition::IndexDefinition;
pub use partition::{Attach, DiscardPartition, IndexBody, NewIndex, NewPartition};
pub use record::{
    AddBoundsCheck, DropBoundsCheck, MarkAs, MarkPartitions, MarkedPartition, RecordDetach,
    ValidateBoundsCheck,
};
pub use retention::{Detach, DropDetached, FinalizeDetach};
pub use routing::{PathChange, Route, RoutedRole, RoutingView, Unroute};
pub use swap::{DropSource, Swap};

/// Suffix of the name of an index that replaces the parent index.
pub(in crate::plan) const REPLACEMENT_SUFFIX: &str = "_pgpartition_next";

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, strum::EnumDiscriminants)]
#[strum_discriminants(
    name(StepKind),
    derive(PartialOrd, Ord, strum::IntoStaticStr, strum::VariantArray),
    doc = "Kind of a step."
)]
pub enum Step {
    /// Make a table that can become a partition, beside the partitioned table.
    CreatePartition(Box<NewPartition>),
    /// Add a check that excludes a range from the default partition: until the partition of that range is
    /// attached, an insert of such a row fails.
    AddDefaultCheck(AddDefaultCheck),
    /// Validate that check for the existing rows of the default partition.
    ValidateDefaultCheck(ValidateDefaultCheck),
    /// Make a prepared table a partition.
    AttachPartition(Box<Attach>),
    /// Move the rows of a range out of the default partition into an unattached table, and attach it, in one
    /// transaction.
    DrainDefault(Box<Drain>),
    /// Detach and drop the default partition, which must be empty.
    DropDefault(DropDefault),
    /// Say in the comments of partitions what they are to us from now on.
    MarkPartitions(MarkPartitions),
    /// Make of a partition a table that stands by itself.
    DetachPartition(Box<Detach>),
    /// Finalize an interrupted detach.
    FinalizeDetach(FinalizeDetach),
    /// Write down of a detached table when it was found detached, and what it held.
    RecordDetach(Box<RecordDetach>),
    /// Say in a constraint of a table which rows it holds, without looking at them: by it a table is found,
    /// whatever its name, once it is detached.
    AddBoundsCheck(AddBoundsCheck),
    /// Validate that a detached table has only rows within its bounds, so that a reattach scans nothing.
    ValidateBoundsCheck(ValidateBoundsCheck),
    /// Drop the check of a plain table that says what it holds: it was not attached.
    DropBoundsCheck(DropBoundsCheck),
    /// Drop a detached, managed table with its rows.
    DropDetached(Box<DropDetached>),
    /// Drop a table that was made to become a partition and is not wanted as one. It has never been
    /// attached, and must be empty.
    DiscardPartition(DiscardPartition),
    /// Drop a check of the default partition that no attach needs.
    DropDefaultCheck(DropDefaultCheck),
    /// Make the table's own index, to which those of the partitions will belong.
    CreateParentIndex(CreateParentIndex),
    /// Build an index on one partition while it is in use.
    BuildIndex(BuildIndex),
    /// Make a partition's index belong to the table's.
    AttachIndex(AttachIndex),
    /// Drop one index of a partition while it is in use.
    DropIndex(DropIndex),
    /// Drop an index of the table with those of the partitions that belong to it.
    DropParentIndex(DropParentIndex),
    /// Put a complete new index of the table in the place of an old one.
    ReplaceParentIndex(ReplaceParentIndex),
    /// Create the partitioned copy of a plain table, without partitions.
    CreateCopy(Box<CreateCopy>),
    /// Create the triggers and functions that keep a copy equal to its source, or replace them.
    InstallSync(Box<InstallSync>),
    /// Make a copy like its source again, after columns or properties of the source were changed.
    FollowSource(Box<FollowSource>),
    /// Validate constraints of a copy that were added for new rows only.
    ValidateCopy(Box<ValidateCopy>),
    /// Gather statistics on a copy.
    AnalyzeCopy(AnalyzeCopy),
    /// Drop the triggers and functions that keep a copy equal to its source.
    EndSync(Box<EndSync>),
    /// Drop a copy that has not been cut over to.
    DropCopy(Box<DropCopy>),
    /// Exchange the names of a plain table and its copy, so that the other one serves.
    Swap(Box<Swap>),
    /// Drop the plain table after the cutover.
    DropSource(Box<DropSource>),
    /// Make a plain table the oldest partition of the partitioned table, which takes its name.
    AttachSource(Box<AttachSource>),
    /// Make the oldest partition a plain table again, which takes its name back.
    DetachSource(Box<DetachSource>),
    /// Let roles read the copy in place of the table, through a view that stands before it in their search path.
    Route(Box<Route>),
    /// Drop that view, and restore the search paths of the roles.
    Unroute(Box<Unroute>),
}

impl StepKind {
    /// All kinds of steps. The tests of locks, of the model, of SQL, and of interruption go over these.
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    /// Returns the name of the kind.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}
