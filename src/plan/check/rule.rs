//! The rules of safety by name.

use std::fmt;

/// Declares the rules in one place: name and sentence. The comments between the rules are the headings of
/// `docs/reference/safety-rules.md`.
macro_rules! rules {
    ($($name:ident: $sentence:literal,)*) => {
        /// A rule of safety, which every step of every plan keeps.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum SafetyRule {
            $(#[doc = $sentence] $name,)*
        }

        impl SafetyRule {
            /// All rules.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name of the rule, which is the heading of its page.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            /// Returns the rule as a sentence.
            #[must_use]
            pub fn sentence(self) -> &'static str {
                match self {
                    $(Self::$name => $sentence,)*
                }
            }
        }
    };
}

rules! {
    // # Objects of a step

    PartitionExists: "A step names a partition or a table that exists.",
    IndexExists: "A step about an index names an index that exists.",
    OfTable: "A step changes only this partitioned table, its partitions, and tables in its schema.",
    SameTable: "A step names the object identifier of the table that was inspected.",
    SameBounds: "A step names the bounds that the table has, or had as a partition.",
    Managed: "Only managed tables are attached, detached, or dropped, and only their markers change. Only `adopt` marks an unmanaged partition. The tables of a conversion have rules of their own.",
    Owned: "The owner of the partitioned table can act as the owner of the table that a step changes.",
    UnusedName: "A new table, index, or check has a name that is not in use.",
    Attached: "A step about a partition names an attached partition.",
    NotAttached: "A step about an unattached or detached table names a table that is not a partition.",
    NeverAttached: "Only a table that was never attached is discarded.",

    // # New partitions

    NoOverlap: "No two partitions accept the same row.",
    KnownBounds: "A partition is created or attached only with bounds that the operator understands: a range of the partition column, a remainder of a hash, or the default partition.",
    NoScanOnAttach: "A table is attached only if Postgres does not have to scan it under a lock.",
    SameConstraint: "A constraint of a table is dropped only if the attach creates the same constraint again.",

    // # The default partition

    DefaultKnown: "If the table has a default partition, each step that locks it, such as an attach or a detach, contains its name.",
    IsDefault: "The partition that a step names as the default partition is the default partition of the table.",
    NoDefaultScan: "A default partition with rows is not scanned under an exclusive lock.",
    DefaultCheckExists: "A step about a default-partition check names a check that exists.",
    EmptyDefault: "A default partition with rows is not removed.",
    CurrentPeriodCovered: "A default partition is removed only if the current period has a partition.",
    NoMovedReference: "No row is moved that a foreign key may reference.",
    NoOwnerCode: "A drain runs no code of the owner if the login can do more than the owner.",
    NoTrigger: "A drain lists all triggers of the default partition, so that none fires for rows that it moves.",

    // # Expiry and limits

    OnlyRangesExpire: "Only a partition with a range expires.",
    HasLowerBound: "A partition without a lower bound never expires.",
    Expired: "Nothing is detached or dropped before its whole range has expired.",
    ExpireLimit: "Without approval, one plan marks at most `limits.maxExpirePerRun` partitions as expired, to detach them.",
    DropLimit: "Some detached tables are kept, because `onExpiry` was `Detach`. Without approval, one plan marks at most `limits.maxExpirePerRun` of them to be dropped.",

    // # Markers and adoption

    MarkedState: "A marker fits the state of the table: only an attached partition is adopted or marked as expired, only a partition is marked as attached, and only a detached table is marked to be dropped or to be kept.",
    MarkerBound: "A marker names the table that it is on and the partitioned table that it belongs to.",
    MarkerDecision: "Each step writes only its own state into the marker: `adopt` and `mark-attached` write attached, `mark-expired` writes expired, `mark-for-drop` and `unmark-for-drop` change only whether a detached table is dropped. A marker says that the table is dropped only if `onExpiry` is `Drop`.",
    NewCycle: "Reversing an expiry begins a new cycle, so that an approval applies once.",
    NotManagedYet: "Only an unmanaged partition is adopted.",
    DefaultNotAdopted: "No default partition is adopted.",
    AdoptionRequested: "A partition is adopted only if a user named it.",
    AdoptedOnce: "An adoption is not repeated for another table of the same name.",
    AdoptionRecorded: "`adopt` records its adoptions in the comment of the partitioned table. `clear-adoption` only removes adoptions from that comment. No other step changes them.",

    // # Detaches

    MarkedBeforeDetach: "A partition is marked as expired before it is detached.",
    FoundAgain: "A detached table can be found again, by its name or by its bounds check.",
    NotReferenced: "If a foreign key references a partition or a detached table itself, this table is neither detached nor dropped.",
    RowsNotReferenced: "If a foreign key references the partitioned table, and might reference rows of a partition, this partition is not detached.",
    LastPartitionStays: "The last partition of a table is not detached.",
    OneDetachAtATime: "One partition of a table is detached at a time.",
    NotConcurrentBesideDefault: "Beside a default partition, no partition is detached concurrently.",
    DetachRecordedNext: "The next step after a `detach` is the `record-detach` of the same partition.",
    DetachPending: "Only an interrupted detach is finalized.",
    NoOldDate: "A detach is finalized only if the marker of the partition has no date of an earlier detach.",

    // # Detached tables and drops

    Detached: "Only a detached table is recorded as detached, or dropped.",
    DropDecided: "`record-detach` records that a table waits for its drop only if `mark-expired` marked the partition to be dropped, and `onExpiry` is still `Drop`.",
    ExpiredOrDetached: "A bounds check is added only to a partition that has expired, to a detached table, or to the plain table of a conversion by `Attach`.",
    BoundsCheckExists: "A bounds check is validated or dropped only if it exists.",
    PlainTable: "A detached table is dropped, or marked to be dropped, only if it is an ordinary table: not a foreign table, and not partitioned itself.",
    NoDependents: "No table and no index is dropped that other objects depend on.",
    NotRestored: "No table is dropped because of a comment that was written for another table.",
    MarkerUnchanged: "A table is dropped only with the marker that was inspected.",
    WaitsForDrop: "Only a table that waits for its drop is dropped.",
    GracePeriodOver: "No table is dropped before its grace period is over.",

    // # Indexes

    ValidFreeIndex: "Only a valid index that is not attached to a parent index is attached.",
    NoBuildUnderLock: "If a step creates or replaces a parent index and attaches partition indexes to it, each partition, except foreign tables, has a valid equivalent index before, so that Postgres builds none under the lock.",
    NotOfParent: "A partition index that is attached to a parent index is not dropped alone.",
    NoConstraintIndex: "An index that supports a constraint is not dropped.",
    NoRunningBuild: "An index that is being built is not dropped.",
    OwnIndexOnly: "A valid index of a partition is dropped only if the operator built it.",
    SuccessorFirst: "A valid index is dropped only after its successor was built.",
    SpareIndexOnly: "`drop-parent-index` drops only an index that the operator built as a replacement; `replace-parent-index` drops the replaced one.",
    CompleteReplacement: "A parent index is replaced only by a valid one.",

    // # Conversion

    ConversionRequested: "A partitioned table is created beside a plain one only if the spec has a conversion. Sync triggers are installed, and rows are copied, only if the method of the conversion is `Copy`.",
    ConversionRemoved: "A sync is ended, and a copy dropped, only if the spec has no conversion.",
    NoCopyYet: "A copy is created only if the table is plain and has none.",
    CopyExists: "A step about a copy names a copy that exists.",
    CopyAcceptsRows: "A sync is installed only if the copy has a partition for every row.",
    CopyKeepsRows: "No partition of a copy is detached or dropped.",
    SyncEndedFirst: "A copy is dropped only after its sync ended, so that no write fails.",
    DropOfCopyApproved: "A copy is dropped only if a user approved the plan.",
    SyncIntact: "Rows are copied and compared, and tables swapped, only while the sync triggers are unaltered.",
    CopiedOnce: "Rows are copied only until the copy is complete.",
    RoutedAsRequested: "Only roles of the spec are routed.",
    RoutedInParity: "A view that routed roles read is created on the copy only while the copy is in parity.",
    ManagedView: "Only a view that the operator created for this table is replaced or dropped.",
    ComparedWhenComplete: "Tables are compared only when the copy is complete.",
    SwapRequested: "The serving table changes only to the one that `serveFrom` names. This also applies to the bounds check that prepares the cutover of `Attach`.",
    NoOldSnapshot: "Tables are swapped only if no session and no replica has a transaction snapshot from before the operator last wrote rows.",
    CutoverInParity: "A cutover needs a complete comparison that found no difference, and no later event that could have bypassed the triggers.",
    CopyLacksNothing: "A cutover needs a copy with all columns, properties, valid indexes, and statistics.",
    LossAcknowledged: "A cutover or the drop of a source loses nothing that a user has not acknowledged.",
    RollbackLosesNothing: "With `Copy`, the tables are swapped back only if the last comparison found no difference, or if a user approved the plan. With `Attach`, the plain table is detached only if no other partition has rows, and if every object that depends on the partitioned table, which is then empty, can be recreated on the plain table.",
    SourceHasColumns: "A rollback needs a source with all columns and properties of the partitioned table.",
    SourceDropRequested: "A source is dropped only if the spec says so.",
    ServingTableStays: "The table that applications use is not dropped.",
}

impl fmt::Display for SafetyRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name(), self.sentence())
    }
}
