//! Partitions in the sense of Postgres: identifiers, keys, bounds, periods, names, and locks.
//!
//! The words are those of the Postgres documentation: a *partitioned table* has *partitions*, each
//! with *bounds* on the *partition key*; bounds of a range are half-open, `from <= key < to`.
//! <https://www.postgresql.org/docs/current/ddl-partitioning.html>

mod axis;
mod bounds;
mod canonical;
mod condition;
mod constraint;
mod conversion;
mod conversion_name;
mod copy_marker;
mod digest;
mod grid;
mod identifier;
mod index;
mod key;
mod literal;
mod lock;
mod managed;
mod marker;
mod naming;
mod predicate;
mod routing;
mod search_path;
mod side;
mod stored_name;
mod version;

pub use axis::Axis;
pub use bounds::{Bounds, Edge, KeyRange, RangeBounds};
pub use canonical::{Canonical, Encode};
pub(crate) use canonical::{encode_fields, encode_variants};
pub use condition::{
    ColumnOperators, ConditionPiece, columns_with_operators, condition_pieces, uses_operators,
};
pub use constraint::{
    DEFAULT_CHECK_PREFIX, bounds_check, default_check, detached_check, detached_checks,
};
pub use conversion::{
    ConversionFunction, CopiedTable, SyncLevel, SyncTrigger, copy_name, equivalent_name,
    function_digest, guard_name, source_name,
};
pub use conversion_name::{ConversionNames, attached_key_name, own_key_name};
pub use copy_marker::{
    copy_marker, is_attached_source, is_copy_marker, is_source_marker, source_marker,
};
pub use digest::digest;
pub use grid::{Grid, Interval};
pub use identifier::{
    Identifier, InvalidIdentifier, QualifiedName, escape_control, sql_name, sql_names,
};
pub use index::{IndexColumn, IndexShape};
pub use key::{KeyColumn, KeyType, Method, PartitionKey, RangeKey};
pub use lock::LockMode;
pub use managed::ManagedTable;
pub use marker::{
    Detached, MARKER_PREFIX, Marked, Marker, MarkerState, adoption_digest, adoption_digests,
    adoption_line, adoption_patterns, expired_beginning, index_in_marker, index_marker,
    marker_beginning, marker_in, partition_marker, table_in_marker, without_marker,
};
pub use naming::{
    default_name, end_of_prefix, fit, hash_name, index_name, partition_prefix, range_name, unused,
};
pub use routing::{
    roles_routed_for, route_marker, route_schema_marker, route_view, routed_roles,
    routing_beginning,
};
pub use search_path::{DEFAULT_SEARCH_PATH, SearchPath};
pub use side::Side;
pub use version::ServerVersion;
