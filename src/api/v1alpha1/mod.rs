//! `pgpartition.dev/v1alpha1`, the version that is served and stored.
//!
//! Optional fields are `Option` here even where absence has a meaning, and an accessor says which;
//! the schema carries defaults only for scalars at fixed paths, so that what a GitOps tool applied
//! and what the API server stores differ as little as can be. `schemars(with)` on an optional
//! enumeration keeps the description of the field; without it, that of the type takes its place.

#![allow(unreachable_pub, reason = "KubeSchema copies each struct into the body of a function")]

mod conversion;
mod conversion_status;
mod crd;
mod database;
mod index;
mod partition_by;
mod retention;
mod schedule;
mod schema;
mod spec;
mod status;

pub use conversion::{
    AfterCutover, BackfillOptions, Conversion, ConversionMethod, ParityLevel, ParityOptions,
    RoutingOptions, Side, SourceOptions, SyncLevel, SyncOptions,
};
pub use conversion_status::{
    ConversionStage, ConversionStatus, LostAt, ParityState, ParityStatus, ReportedLoss, Rollback,
    RoutedRole,
};
pub use crd::crd;
pub use database::{CaKind, CaRef, ClientCertRef, Database, SecretKeys, SecretRef, SslMode};
pub use index::{Index, IndexColumn, IndexMethod, IndexedPartitions, NullsOrder, SortOrder};
pub use partition_by::{HashKey, Interval, PartitionBy, RangeKey};
pub use retention::{OnExpiry, Retention};
pub use schedule::Schedule;
pub use schema::ACKNOWLEDGEMENTS;
pub use spec::{DefaultPartition, Limits, Mode, PartitionedTable, PartitionedTableSpec};
pub use status::{CoverageBound, PartitionCounts, PartitionedTableStatus, PlanSummary};

/// The annotation that asks for a reconcile now: any value that differs from
/// [`PartitionedTableStatus::last_handled_reconcile`].
pub const RECONCILE_ANNOTATION: &str = "pgpartition.dev/reconcile";

/// The annotation that asks for partitions which others made to be taken for ours: their names, comma
/// separated, each `[schema.]name` and quoted as in SQL where it needs it.
pub const ADOPT_ANNOTATION: &str = "pgpartition.dev/adopt";

/// The annotation that approves of a plan: its fingerprint, or several, comma separated.
pub const APPROVE_ANNOTATION: &str = "pgpartition.dev/approve";
