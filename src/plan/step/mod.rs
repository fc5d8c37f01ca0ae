//! Steps: what can be done to a table. A step is data. It holds everything that its SQL needs.

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
    /// Create a table that can become a partition, separate from the partitioned table.
    CreatePartition(Box<NewPartition>),
    /// Add a check that excludes a range from the default partition. Inserts into that range fail until its partition
    /// is attached.
    AddDefaultCheck(AddDefaultCheck),
    /// Validate a default-partition check, for which Postgres reads all rows of the default partition.
    ValidateDefaultCheck(ValidateDefaultCheck),
    /// Attach an unattached or detached table as a partition.
    AttachPartition(Box<Attach>),
    /// Move the rows of a range out of the default partition into an unattached table, and attach it, in one
    /// transaction.
    DrainDefault(Box<Drain>),
    /// Detach and drop the default partition, which must be empty.
    DropDefault(DropDefault),
    /// Write a marker into the comments of partitions or detached tables.
    MarkPartitions(MarkPartitions),
    /// Detach a partition, which becomes a standalone table.
    DetachPartition(Box<Detach>),
    /// Finalize an interrupted detach.
    FinalizeDetach(FinalizeDetach),
    /// Record a detach: write the bounds, and the time at which the operator found the table detached, into its comment, add
    /// its bounds check, and remove the table from its publications.
    RecordDetach(Box<RecordDetach>),
    /// Add a bounds check to a table without scanning its rows. After a detach, the operator finds the table by this
    /// check, whatever its name is.
    AddBoundsCheck(AddBoundsCheck),
    /// Validate the bounds check of a table, so that an attach does not scan it.
    ValidateBoundsCheck(ValidateBoundsCheck),
    /// Drop the bounds check of a plain table that a conversion by `Attach` has not attached.
    DropBoundsCheck(DropBoundsCheck),
    /// Drop a detached, managed table with its rows.
    DropDetached(Box<DropDetached>),
    /// Drop an empty table that was created as a partition, was never attached, and is not needed.
    DiscardPartition(DiscardPartition),
    /// Drop a default-partition check that no attach needs.
    DropDefaultCheck(DropDefaultCheck),
    /// Create a parent index, to which the partition indexes will be attached.
    CreateParentIndex(CreateParentIndex),
    /// Build an index on one partition while it is in use. If a declared index has no parent index (as with
    /// `partitions: Newest`), the step also writes the marker of the partition index with COMMENT ON INDEX.
    BuildIndex(BuildIndex),
    /// Attach a partition index to the parent index.
    AttachIndex(AttachIndex),
    /// Drop one index of a partition while it is in use.
    DropIndex(DropIndex),
    /// Drop a parent index with its partition indexes.
    DropParentIndex(DropParentIndex),
    /// Replace a parent index with a complete new one.
    ReplaceParentIndex(ReplaceParentIndex),
    /// Create the partitioned copy of a plain table, without partitions.
    CreateCopy(Box<CreateCopy>),
    /// Create the triggers and functions that keep a copy equal to its source, or replace them.
    InstallSync(Box<InstallSync>),
    /// Apply changes of the columns or properties of the source to the copy. For a new foreign key, the referenced table is
    /// locked too: first in SHARE ROW EXCLUSIVE mode, then for an instant in ACCESS EXCLUSIVE mode.
    FollowSource(Box<FollowSource>),
    /// Validate constraints of a copy that were added for new rows only.
    ValidateCopy(Box<ValidateCopy>),
    /// Gather statistics on a copy.
    AnalyzeCopy(AnalyzeCopy),
    /// Drop the triggers and functions that keep a copy equal to its source.
    EndSync(Box<EndSync>),
    /// Drop a copy that does not serve.
    DropCopy(Box<DropCopy>),
    /// Swap the names of a plain table and its copy, so that the other one serves.
    Swap(Box<Swap>),
    /// Drop the plain table after the cutover.
    DropSource(Box<DropSource>),
    /// Attach the plain table as the oldest partition, and give its name to the partitioned table.
    AttachSource(Box<AttachSource>),
    /// Detach the oldest partition, which becomes the plain table again and gets its name back.
    DetachSource(Box<DetachSource>),
    /// Route roles to the copy, through a view that comes before the table in their search path.
    Route(Box<Route>),
    /// Drop the view of routed roles, and restore their search paths.
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
