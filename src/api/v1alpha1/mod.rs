//! `pgpartition.dev/v1alpha1`, the version that is served and stored.
//!
//! Optional fields are `Option` here even where absence has a meaning, and an accessor says which;
//! the schema carries defaults only for scalars at fixed paths, so that what a GitOps tool applied
//! and what the API server stores differ as little as can be. `schemars(with)` on an optional
//! enumeration keeps the description of the field; without it, that of the type takes its place.

#![allow(unreachable_pub, reason = "KubeSchema copies each struct into the body of a function")]

mod crd;
mod database;
mod index;
mod partition_by;
mod schema;
mod spec;
mod status;

pub use crd::crd;
pub use database::{CaKind, CaRef, Database, SecretKeys, SecretRef, SslMode};
pub use index::{Index, IndexColumn, IndexMethod, IndexedPartitions, NullsOrder, SortOrder};
pub use partition_by::{HashKey, Interval, PartitionBy, RangeKey};
pub use spec::{Limits, Mode, PartitionedTable, PartitionedTableSpec};
pub use status::{PartitionCounts, PartitionedTableStatus, PlanSummary};

/// The annotation that asks for a reconcile now: any value that differs from
/// [`PartitionedTableStatus::last_handled_reconcile`].
pub const RECONCILE_ANNOTATION: &str = "pgpartition.dev/reconcile";
