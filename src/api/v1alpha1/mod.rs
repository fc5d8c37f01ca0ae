//! `pgpartition.dev/v1alpha1`, the version that is served and stored.
//!
//! Optional fields are `Option` even if absence has a meaning, which an accessor gives. The schema has
//! defaults only for scalars at fixed paths, so that the object that a GitOps tool applied differs little
//! from the one that the API server stores. `schemars(with)` on an optional enumeration keeps the
//! description of the field; without it, the description of the type replaces it.

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

/// Annotation that requests a reconcile: any value that differs from
/// [`PartitionedTableStatus::last_handled_reconcile`].
pub const RECONCILE_ANNOTATION: &str = "pgpartition.dev/reconcile";

/// Annotation that adopts unmanaged partitions: their names, separated by commas, each `[schema.]name` and quoted
/// as in SQL if needed.
pub const ADOPT_ANNOTATION: &str = "pgpartition.dev/adopt";

/// Annotation that approves plans: one or more fingerprints, separated by commas.
pub const APPROVE_ANNOTATION: &str = "pgpartition.dev/approve";
