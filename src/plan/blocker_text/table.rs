//! Messages about the table, its server, and its partition key.

use super::{LOGIN_ROLE, format_role};
use crate::partition::{
    Identifier, KeyRange, KeyType, QualifiedName, ServerVersion, escape_control,
};
use crate::plan::limits::MAX_PERIODS;

pub(super) fn table_not_found(table: &QualifiedName) -> String {
    format!(
        "table {} does not exist: create it with PARTITION BY, or create another resource with the right \
         spec.schema and spec.table instead of this one",
        table.display()
    )
}

pub(super) fn not_partitioned(table: &QualifiedName, kind: &str) -> String {
    if kind == "table" {
        return format!(
            "{} is a table that is not partitioned: set spec.conversion to convert it, or delete the resource, which \
             leaves the table as it is",
            table.display()
        );
    }
    format!(
        "{} is a {kind}, not a partitioned table: create a partitioned table, or create another resource \
         that names one in spec.table instead of this one",
        table.display()
    )
}

pub(super) fn partition_key_mismatch(table: &QualifiedName, found: &str, wanted: &str) -> String {
    format!(
        "table {} is partitioned by {found}, but spec.partitionBy says {wanted}: neither can be changed, so \
         delete the resource, which leaves the database unchanged, and create another",
        table.display()
    )
}

pub(super) fn unsupported_key_type(
    table: &QualifiedName,
    column: &Identifier,
    type_name: &str,
) -> String {
    format!(
        "column {} of table {} has the type {}, by which the operator does not partition a range: use a column of type date, \
         timestamp, timestamptz, or uuid (UUIDv7)",
        column.display(),
        table.display(),
        escape_control(type_name)
    )
}

pub(super) fn interval_too_fine(
    table: &QualifiedName,
    column: &Identifier,
    key: KeyType,
) -> String {
    format!(
        "column {} of table {} has the type {}, which does not distinguish hours: use a longer \
         spec.partitionBy.range.interval",
        column.display(),
        table.display(),
        key.type_name()
    )
}

pub(super) fn unknown_time_zone(name: &str) -> String {
    format!(
        "time zone {name:?} does not exist: delete the resource, which leaves the database unchanged, and create another \
         with an IANA name such as Europe/Paris in spec.partitionBy.range.timeZone"
    )
}

pub(super) fn period_out_of_range() -> String {
    "the periods extend beyond the year 9998: lower spec.ahead, or set an earlier \
     spec.partitionBy.range.startAt"
        .to_owned()
}

pub(super) fn too_many_periods(range: &KeyRange) -> String {
    format!(
        "{} spans more than {MAX_PERIODS} periods: set a later spec.partitionBy.range.startAt, choose a \
         longer interval, or detach the distant partition",
        range.display()
    )
}

pub(super) fn not_owner(
    table: &QualifiedName,
    owner: &Identifier,
    role: Option<&Identifier>,
) -> String {
    let (subject, role) =
        (format_role(role), role.map_or(LOGIN_ROLE.to_owned(), Identifier::display));
    let (table, owner) = (table.display(), owner.display());
    format!(
        "{subject} cannot SET ROLE to {owner}, the owner of table {table}: run GRANT {owner} TO {role}"
    )
}

pub(super) fn missing_create_privilege(schema: &Identifier, owner: Option<&Identifier>) -> String {
    let owner = owner.map_or(LOGIN_ROLE.to_owned(), Identifier::display);
    format!(
        "table owner {owner} cannot create tables in the schema of the table: run GRANT CREATE ON SCHEMA \
         {} TO {owner}",
        schema.display()
    )
}

pub(super) fn hash_partitions_mismatch(table: &QualifiedName, found: u32, wanted: u32) -> String {
    format!(
        "table {} has {found} hash partitions, but the spec says {wanted}: delete the resource, which leaves the database \
         unchanged, and create another with partitions: {found} in spec.partitionBy.hash; another number requires a new \
         table and a copy of every row",
        table.display()
    )
}

pub(super) fn read_only() -> String {
    "transactions are read-only (default_transaction_read_only is on for the server, the database, \
         or the login role): connect to the server that accepts writes, or reset the setting"
        .to_owned()
}

pub(super) fn unsupported_server(version: ServerVersion) -> String {
    format!(
        "Postgres {version} is too old: upgrade the server to {} or later",
        ServerVersion::OLDEST_SUPPORTED.major()
    )
}
