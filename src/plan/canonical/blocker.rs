//! The canonical text of blockers.

use std::time::Duration;

use crate::observed::PartitionKind;
use crate::partition::{Canonical, Encode, ServerVersion, encode_variants};
use crate::plan::{
    Blocker, ConversionBlocker, DefaultBlocker, IndexBlocker, RouteFault, RoutingFault,
};

// The name of a role is shown on a laptop, and not in a cluster where it came from a Secret: no fingerprint covers it.
encode_variants! {
    Blocker {
        TableNotFound = "no-such-table" { table }
        NotPartitioned = "not-partitioned" { table, kind }
        Preflight = "preflight" { refusal }
        PartitionKeyMismatch = "other-key" { table, found, wanted }
        UnsupportedKeyType = "unsupported-key-type" { table, column, type_name }
        IntervalTooFine = "interval-too-fine" { table, column, key }
        UnknownTimeZone = "unknown-time-zone" { name }
        PeriodOutOfRange = "beyond-calendar" {}
        TooManyPeriods = "too-many-periods" { range }
        NotOwner = "not-owner" { table, owner; except role }
        MissingCreatePrivilege = "may-not-create" { schema; except owner }
        ReadOnlyReplica = "in-recovery" {}
        ReadOnly = "read-only" {}
        UnsupportedServer = "server-too-old" { version }
        HashPartitionsMismatch = "other-modulus" { table, found, wanted }
        DetachBlocked = "detach-held" { partition; except by }
        AnotherDetachPending = "another-detach-pending" { partition }
        AwaitingApproval = "needs-approval" { count, limit, dropped_after }
        DropNeedsApproval = "drop-needs-approval" { count, limit, after }
        ClockSkew = "clocks-differ" {; except seconds }
        PartitionReferenced = "referenced" { partition, by }
        ReferencesUnknown = "references-not-checked" { partition, by; except error }
        LastPartition = "last-partition" { partition }
        InGracePeriod = "in-grace" {; except until }
        DetachedHasPartitions = "has-partitions" { partition }
        HasDependents = "has-dependents" { of, by }
        CannotReattach = "cannot-reattach" { partition }
        UnattachedTable = "unattached-table" { table }
        NotOwnerOfPartition = "not-owner-of-partition" { partition }
        ..Conversion, Default, Index
    }
    ConversionBlocker {
        CopyOfOther = "copy-of-other" { table }
        NoSource = "no-source" { table }
        ColumnsDiffer = "columns-differ" { table, changes; except not_valid }
        ParityFailed = "parity-failed" { table, began; except sweeps }
        TooManyDiffer = "too-many-differ" { table, began; except rows }
        CannotRoute = "cannot-route" { table, fault }
        RoleNotRoutable = "role-not-routable" { role, fault; except login }
        DropCopyNeedsApproval = "drop-copy-needs-approval" { copy }
        SwapBlocked = "swap-blocked" {; except by }
        SourceDiffers = "source-differs" { source, changes }
        RollbackImpossible = "rollback-impossible" { source, cause }
        ExtentUnknown = "extent-unknown" { table, column; except error }
        PartitionOverlaps = "partition-in-the-way" { partition }
        RollbackNeedsApproval = "rollback-needs-approval" { source; except rows }
        SourceInGracePeriod = "source-in-grace" {; except until }
        SourceInUse = "source-in-use" { source, by }
    }
    RoutingFault {
        RowSecurity = "row-security" {}
        NameTaken = "name-taken" { view }
        SchemaMissing = "schema-missing" { schema; except owner, database }
        SchemaNotTrusted = "schema-not-trusted" { schema; except owner }
        SchemaDenied = "schema-denied" { schema; except owner }
    }
    RouteFault {
        RoleNotFound = "no-such-role" {}
        NotMember = "not-member" { path; except database }
        NotInPath = "not-in-path" { schema }
        ColumnsOnly = "columns-only" { table }
        SchemaNotGranted = "schema-not-granted" { schema }
    }
    DefaultBlocker {
        DefaultHoldsRows = "default-holds-rows" { default, range; except rows }
        DefaultRowsUnknown = "default-not-counted" { default }
        DefaultInUse = "default-in-use" { default }
        DefaultNotTable = "default-no-table" { default, kind }
        DefaultReferenced = "default-referenced" { default, by }
        DefaultRunsCode = "default-runs-code" { default, code, powers; except role }
        DefaultWithoutIdentity = "default-without-identity" { default }
        DrainTooLong = "default-too-large" { default, range; except rows, millis }
    }
    IndexBlocker {
        ColumnNotFound = "no-such-column" { table, index, column }
        ConditionUnclear = "condition-unclear" { index, column }
        IndexNameTaken = "index-name-taken" { index }
        IndexSupportsConstraint = "index-serves-constraint" { index }
        IndexBuilding = "index-being-built" { index }
        CannotBuildConcurrently = "no-concurrent-build" { partition, kind }
    }
    PartitionKind {
        Table = "table" {}
        Partitioned = "partitioned" {}
        ForeignTable = "foreign" {}
    }
}

impl Encode for ServerVersion {
    fn encode(&self, to: &mut Canonical) {
        let Self(number) = self;
        to.with(number);
    }
}

impl Encode for Duration {
    fn encode(&self, to: &mut Canonical) {
        to.with(&self.as_secs()).with(&self.subsec_nanos());
    }
}
