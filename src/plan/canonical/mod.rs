//! The canonical text of plans, from which fingerprints are made.
//!
//! It leaves out values that change on their own while a user reads the plan: the clock, and counts of rows and bytes. Every
//! struct and every variant names all of its fields here, so that the compiler asks about a new one whether a
//! fingerprint covers it. The words stay as they are when a type or a field gets another name: a change of what is
//! written here needs a new version in `fingerprint.rs`, and takes back every open approval.

mod blocker;
mod conversion;

use super::step::{
    AddBoundsCheck, AddDefaultCheck, Attach, AttachIndex, BuildIndex, CreateParentIndex, Detach,
    DiscardPartition, Drain, DropBoundsCheck, DropDefault, DropDefaultCheck, DropDetached,
    DropIndex, DropParentIndex, FinalizeDetach, IndexBody, IndexDefinition, MarkAs, MarkPartitions,
    MarkedPartition, NewIndex, NewPartition, RecordDetach, ReplaceParentIndex, ValidateBoundsCheck,
    ValidateDefaultCheck,
};
use super::{Deferral, PlannedStep, Step};
use crate::observed::{Fires, IndexSettings, ReplicaIdentity, Template, Trigger};
use crate::partition::{
    Bounds, Canonical, ColumnOperators, Detached, Encode, KeyRange, KeyType, Marker, MarkerState,
    RangeKey, encode_fields, encode_variants,
};

impl Encode for Step {
    fn encode(&self, to: &mut Canonical) {
        match self {
            Self::CreatePartition(step) => to.word("create").with(step.as_ref()),
            Self::AddDefaultCheck(step) => to.word("exclude").with(step),
            Self::ValidateDefaultCheck(step) => to.word("validate").with(step),
            Self::AttachPartition(step) => to.word("attach").with(step.as_ref()),
            Self::DrainDefault(step) => to.word("drain").with(step.as_ref()),
            Self::DropDefault(step) => to.word("remove-default").with(step),
            Self::MarkPartitions(step) => to.word("mark").with(step),
            Self::DetachPartition(step) => to.word("detach").with(step.as_ref()),
            Self::FinalizeDetach(step) => to.word("finalize").with(step),
            Self::RecordDetach(step) => to.word("remember").with(step.as_ref()),
            Self::AddBoundsCheck(step) => to.word("state-bounds").with(step),
            Self::ValidateBoundsCheck(step) => to.word("validate-bounds").with(step),
            Self::DropBoundsCheck(step) => to.word("drop-bounds").with(step),
            Self::DropDetached(step) => to.word("drop").with(step.as_ref()),
            Self::DiscardPartition(step) => to.word("discard").with(step),
            Self::DropDefaultCheck(step) => to.word("drop-exclusion").with(step),
            Self::CreateParentIndex(step) => to.word("create-index").with(step),
            Self::BuildIndex(step) => to.word("build-index").with(step),
            Self::AttachIndex(step) => to.word("attach-index").with(step),
            Self::DropIndex(step) => to.word("drop-index").with(step),
            Self::DropParentIndex(step) => to.word("drop-table-index").with(step),
            Self::ReplaceParentIndex(step) => to.word("replace-index").with(step),
            Self::CreateCopy(step) => to.word("create-copy").with(step.as_ref()),
            Self::InstallSync(step) => to.word("install-sync").with(step.as_ref()),
            Self::FollowSource(step) => to.word("follow").with(step.as_ref()),
            Self::ValidateCopy(step) => to.word("validate-copy").with(step.as_ref()),
            Self::AnalyzeCopy(step) => to.word("analyze").with(step),
            Self::EndSync(step) => to.word("end-sync").with(step.as_ref()),
            Self::DropCopy(step) => to.word("drop-copy").with(step.as_ref()),
            Self::Swap(step) => to.word("swap").with(step.as_ref()),
            Self::DropSource(step) => to.word("drop-source").with(step.as_ref()),
            Self::AttachSource(step) => to.word("attach-source").with(step.as_ref()),
            Self::DetachSource(step) => to.word("detach-source").with(step.as_ref()),
            Self::Route(step) => to.word("route").with(step.as_ref()),
            Self::Unroute(step) => to.word("unroute").with(step.as_ref()),
        };
    }
}

encode_fields! {
    PlannedStep { step; except rule, cause }
    Deferral { step, blocker; except rule }

    NewPartition {
        managed, table, partition, bounds, template, storage, indexes, replica_identity_index
    }
    Attach {
        managed, table, partition, bounds, default, default_check, references, referenced_by,
        comment, again, replaced, marker; except is_recorded
    }
    DiscardPartition { partition }

    AddDefaultCheck { default, default_check, range }
    ValidateDefaultCheck { default, default_check }
    DropDefaultCheck { default, default_check }
    Drain { attach, default, columns, triggers; except rows }
    DropDefault { table, default, references }

    MarkPartitions { managed, table, partitions, mark_as, adopted }
    MarkedPartition { name, oid, bounds, comment, marker }
    Detach {
        table, partition, bounds, concurrently, default, references, referenced_by, after;
        except rows, bytes
    }
    FinalizeDetach { table, partition, references }
    RecordDetach {
        managed, partition, oid, bounds, inherited, comment, drops, parent, cycle,
        publications; except at
    }
    AddBoundsCheck { managed, partition, oid, range, inherited }
    ValidateBoundsCheck { managed, partition }
    DropBoundsCheck { managed, table }
    DropDetached { managed, partition, oid, bounds, marker, references; except rows, bytes }

    CreateParentIndex { table, index, definition, partitions; except settings }
    BuildIndex { partition, index, definition, stands_for, settings }
    AttachIndex { table, parent_index, partition, index }
    DropIndex { partition, index; except successor }
    DropParentIndex { table, index, partitions }
    ReplaceParentIndex { table, index, replacement, partitions }

    NewIndex { name, body, settings }
    KeyRange { key, range }
    RangeKey { column, key_type }
    Template {
        row_security, force_row_security, replica_identity, statistics, tablespace, access_method
    }
    IndexSettings { tablespace, parameters, statistics, operators }
    ColumnOperators { column, schema, type_name }
    Trigger { name, fires }
    Marker { state, oid, parent, cycle }
}

encode_variants! {
    MarkAs {
        Adopted = "adopted" {}
        Expired = "expired" { drops }
        Attached = "kept" {}
        ForDrop = "for-drop" {}
        NotForDrop = "not-for-drop" {}
        AdoptionCleared = "forgotten" {}
    }
    IndexBody {
        Equivalent = "twin" { of, unique, definition }
        Constraint = "constraint" { of, definition }
        Named = "named" { stands_for, shape }
    }
    Fires {
        Origin = "origin" {}
        Replica = "replica" {}
        Always = "always" {}
    }
    KeyType {
        Date = "date" {}
        Timestamp = "timestamp" {}
        TimestampTz = "timestamptz" {}
        UuidV7 = "uuid" {}
    }
}

/// Encodes the shape alone, as before equivalent indexes existed, so that no open approval becomes void.
impl Encode for IndexDefinition {
    fn encode(&self, to: &mut Canonical) {
        match self {
            Self::Shape(shape) => to.with(shape),
            Self::Equivalent { unique, definition } => {
                to.word("twin").with(unique).with(definition)
            }
        };
    }
}

impl Encode for ReplicaIdentity {
    fn encode(&self, to: &mut Canonical) {
        match self {
            Self::Default => to.word("default"),
            Self::Full => to.word("full"),
            Self::Nothing => to.word("nothing"),
            Self::Index(index) => to.word("index").with(index),
        };
    }
}

impl Encode for Bounds {
    fn encode(&self, to: &mut Canonical) {
        match self {
            Self::Range(range) => to.word("range").with(range),
            Self::Hash { modulus, remainder } => to.word("hash").with(modulus).with(remainder),
            Self::Default => to.word("default"),
            Self::Other(text) => to.word("other").with(text),
        };
    }
}

/// A mark without its instants: a plan is the same at another time.
impl Encode for MarkerState {
    fn encode(&self, to: &mut Canonical) {
        match self {
            Self::ToBeAttached => to.word("to-be-attached"),
            Self::Attached => to.word("attached"),
            Self::Expired { drops } => to.word("expired").with(drops),
            Self::Detached(Detached { at: _, drops_since }) => {
                to.word("detached").with(&drops_since.is_some())
            }
        };
    }
}
