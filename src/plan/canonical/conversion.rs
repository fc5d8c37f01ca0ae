//! The canonical text of what prevents a conversion.

use crate::desired::Loss;
use crate::observed::ChangedCollation;
use crate::partition::{
    Canonical, Encode, Method, SearchPath, Side, encode_fields, encode_variants,
};
use crate::plan::{
    AnalyzeCopy, AttachSource, CreateCopy, DetachSource, DropCopy, DropSource, EndSync,
    FollowSource, InstallSync, KeyFault, PathChange, PublicationFault, Refusal, Route, RoutedRole,
    RoutingView, Swap, Unroute, ValidateCopy, Work,
};

encode_variants! {
    Side {
        Source = "source" {}
        Partitioned = "partitioned" {}
    }
    Method {
        Range = "range" {}
        List = "list" {}
        Hash = "hash" {}
    }
    Refusal {
        NotAcknowledged = "not-acknowledged" { loss; except cause }
        NotConvertible = "not-convertible" { table, kind }
        NoRowKey = "no-row-key" { table, unusable }
        KeyNotUsable = "key-not-usable" { table, key, fault }
        PartitionColumnMissing = "partition-column-missing" { table, column }
        KeyNullable = "key-nullable" { table, column }
        KeyGenerated = "key-generated" { table, column }
        KeyTypeNotHashable = "key-type-not-hashable" { table, column, type_name }
        OldestRowUnknown = "past-unknown" { table, column; except fault }
        RangeTooLong = "past-too-long" { range, is_declared }
        CollationChanged = "collation-changed" { index, collation }
        CheckNotInherited = "check-not-inherited" { table, constraint }
        CheckNotValid = "check-not-valid" { table, constraint }
        WholeRow = "whole-row" { table, kind, object }
        ForeignKeyNotValid = "foreign-key-not-valid" { table, constraint }
        ReferencesNotGranted = "references-not-granted" { references, constraint; except owner }
        TemporaryNotGranted = "temporary-not-granted" { database; except owner }
        InboundForeignKey = "inbound-foreign-key" { table, constraint }
        KeyInUse = "key-in-use" { key, object }
        TriggerNotPossible = "trigger-not-possible" { table, trigger }
        HasRules = "has-rules" { table, rules }
        ForcedRowSecurity = "forced-row-security" { table; except owner }
        PublishedByPartition = "published-by-partition" { table, publication, fault }
        SubscriptionTarget = "subscription-target" { table, subscription }
        NameTaken = "name-taken" { kind, name; except used_by }
        SwapTooLong = "swap-too-long" { leaves, triggers; except millis }
    }
    KeyFault {
        Deferrable = "deferrable" {}
        OtherOperators = "other-operators" { classes }
        OtherOrder = "other-order" {}
        Generated = "generated" { column }
        DomainRunsCode = "domain-runs-code" { type_name }
    }
    PublicationFault {
        NotThroughRoot = "not-through-root" {}
        OtherOwner = "other-owner" {; except owner }
    }
}

/// Work without its progress, which changes with every page.
impl Encode for Work {
    fn encode(&self, to: &mut Canonical) {
        to.word(self.verb()).with(self.table());
    }
}

encode_fields! {
    CreateCopy { table, source, method, references }
    InstallSync { table, source, level, present; except keeps_parity }
    FollowSource { table, method, known, sync, changes }
    ValidateCopy { table }
    AnalyzeCopy { copy }
    EndSync { table }
    DropCopy { table, oid, references }
    Swap { table, source, copy, level, views }
    DropSource { table, oid, references, foreign_keys }
    AttachSource { table, source, copy, range, partitions, views, references }
    DetachSource { table, source, copy, partitions, views, references }
    Route { table, view, creates_schema, creates, users, paths, listed }
    RoutedRole { role; except since }
    RoutingView { reads, columns, drops_other, invoker }
    PathChange { role, database, from, to }
    Unroute { table, view, drops_schema, paths }
    ChangedCollation { name, recorded, actual }
}

/// A path as a user could type it.
impl Encode for SearchPath {
    fn encode(&self, to: &mut Canonical) {
        to.with(&self.display());
    }
}

/// A loss as a user spells it.
impl Encode for Loss {
    fn encode(&self, to: &mut Canonical) {
        to.with(&self.to_string());
    }
}
