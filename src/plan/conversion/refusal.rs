//! Refusals: problems that prevent a conversion from beginning.

use crate::desired::Loss;
use crate::observed::{ChangedCollation, Unusual};
use crate::partition::{Identifier, KeyRange, QualifiedName};

/// A problem that prevents the conversion of a plain table from beginning.
#[derive(Debug, Clone, PartialEq, Eq, strum::IntoStaticStr)]
pub enum Refusal {
    /// The cutover, or the drop of the source, loses something that `spec.conversion.acknowledge` does not name.
    NotAcknowledged {
        /// Loss as spelled in the spec.
        loss: Loss,
        /// Description of the loss, without a final period.
        cause: String,
    },
    /// The relation is not an ordinary table.
    NotConvertible {
        /// Name of the plain table.
        table: QualifiedName,
        /// Kind of the relation.
        kind: &'static str,
    },
    /// The table has no key for copying and comparing rows: neither a primary key nor a usable unique index. A usable index is
    /// valid, has only NOT NULL columns, and has no condition and no expression.
    NoRowKey {
        /// Name of the plain table.
        table: QualifiedName,
        /// Unique indexes that cannot be used as the key.
        unusable: Vec<Identifier>,
    },
    /// The sync functions cannot use the key of the table, or a partition column.
    KeyNotUsable {
        /// Name of the plain table.
        table: QualifiedName,
        /// Name of the key or the column.
        key: Identifier,
        /// Cause.
        fault: KeyFault,
    },
    /// The table lacks a partition column of the spec.
    PartitionColumnMissing {
        /// Name of the plain table.
        table: QualifiedName,
        /// Partition column of the spec.
        column: Identifier,
    },
    /// A partition column can be NULL, but must be part of the key of the partitioned table.
    KeyNullable {
        /// Name of the plain table.
        table: QualifiedName,
        /// Name of the column.
        column: Identifier,
    },
    /// A partition column is generated, which Postgres does not allow.
    KeyGenerated {
        /// Name of the plain table.
        table: QualifiedName,
        /// Name of the column.
        column: Identifier,
    },
    /// The type of a partition column has no hash or no order.
    KeyTypeNotHashable {
        /// Name of the plain table.
        table: QualifiedName,
        /// Name of the column.
        column: Identifier,
        /// Type of the column, as Postgres formats it.
        type_name: String,
    },
    /// The operator did not find the oldest row. The period of this row determines the first partition of the copy.
    OldestRowUnknown {
        /// Name of the plain table.
        table: QualifiedName,
        /// The partition column.
        column: Identifier,
        /// Cause.
        fault: OldestRowFault,
    },
    /// From `startAt` or the oldest row to the current period, there are more periods than the operator creates (5,000).
    RangeTooLong {
        /// Range from the oldest period to the current one.
        range: KeyRange,
        /// Whether the spec has `startAt`.
        is_declared: bool,
    },
    /// The version of a collation has changed since the key was built, so an index scan can miss rows.
    CollationChanged {
        /// Name of the unique index.
        index: QualifiedName,
        /// Collation with its recorded and actual versions.
        collation: ChangedCollation,
    },
    /// A check constraint has NO INHERIT, which Postgres does not allow on a partitioned table.
    CheckNotInherited {
        /// Name of the plain table.
        table: QualifiedName,
        /// Name of the check constraint.
        constraint: Identifier,
    },
    /// A check or NOT NULL constraint is not valid: rows that violate it cannot be copied.
    CheckNotValid {
        /// Name of the plain table.
        table: QualifiedName,
        /// Name of the constraint.
        constraint: Identifier,
    },
    /// A check constraint or an index uses the whole row as one value, which Postgres rejects on a table with partitions.
    WholeRow {
        /// Name of the plain table.
        table: QualifiedName,
        /// Kind of the object.
        kind: &'static str,
        /// Name of the object.
        object: Identifier,
    },
    /// A foreign key is not validated: rows that violate it cannot be copied.
    ForeignKeyNotValid {
        /// Name of the plain table.
        table: QualifiedName,
        /// Name of the foreign key.
        constraint: Identifier,
    },
    /// The owner of the table lacks REFERENCES to create the foreign key on the copy.
    ReferencesNotGranted {
        /// Name of the referenced table.
        references: QualifiedName,
        /// Name of the foreign key.
        constraint: Identifier,
        /// Owner of the table, or `None` if its name must not be shown.
        owner: Option<Identifier>,
    },
    /// The owner of the table lacks TEMPORARY, which the operator needs to create the copy and to move rows.
    TemporaryNotGranted {
        /// Name of the database.
        database: Identifier,
        /// Owner of the table, or `None` if its name must not be shown.
        owner: Option<Identifier>,
    },
    /// With `Attach`, the table becomes one of several partitions. A foreign key that references the table would then
    /// reference only some of the rows.
    InboundForeignKey {
        /// Name of the table with the foreign key.
        table: QualifiedName,
        /// Name of the foreign key.
        constraint: Identifier,
    },
    /// A view, a function, or a policy has a GROUP BY that relies on the primary key, and the partitioned table has another key.
    KeyInUse {
        /// Name of the primary key.
        key: Identifier,
        /// The object, as Postgres describes it.
        object: String,
    },
    /// A row trigger has transition tables, which Postgres does not allow on a partitioned table.
    TriggerNotPossible {
        /// Name of the plain table.
        table: QualifiedName,
        /// Name of the trigger.
        trigger: Identifier,
    },
    /// The table has rules, which rewrite statements so that the triggers do not see them.
    HasRules {
        /// Name of the plain table.
        table: QualifiedName,
        /// Names of the rules.
        rules: Vec<Identifier>,
    },
    /// Row security is forced on the owner, so the operator would miss rows.
    ForcedRowSecurity {
        /// Name of the plain table.
        table: QualifiedName,
        /// Owner of the table, or `None` if its name must not be shown.
        owner: Option<Identifier>,
    },
    /// A publication names the table. Either it would publish the partitions under their own names after the cutover, or the
    /// owner of the table cannot change the publication.
    PublishedByPartition {
        /// Name of the plain table.
        table: QualifiedName,
        /// Name of the publication.
        publication: Identifier,
        /// Cause.
        fault: PublicationFault,
    },
    /// A subscription writes to the table. After the cutover, its rows would be lost.
    SubscriptionTarget {
        /// Name of the plain table.
        table: QualifiedName,
        /// Name of the subscription.
        subscription: Identifier,
    },
    /// Another object has a name that the conversion needs.
    NameTaken {
        /// Kind of the object.
        kind: &'static str,
        /// Name that is taken.
        name: QualifiedName,
        /// The other table whose triggers use the object, or `None` if none does.
        used_by: Option<QualifiedName>,
    },
    /// The cutover would block applications for longer than `limits.lockTimeout` allows.
    SwapTooLong {
        /// Number of partitions.
        leaves: u64,
        /// Number of row triggers.
        triggers: u64,
        /// Estimated time in milliseconds.
        millis: u64,
    },
}

/// Why a key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyFault {
    /// The key is `DEFERRABLE`.
    Deferrable,
    /// The key compares with operators outside of `pg_catalog`.
    OtherOperators {
        /// Names of the operator classes.
        classes: Vec<String>,
    },
    /// The index has another order than its columns.
    OtherOrder,
    /// A column of the key is generated.
    Generated {
        /// Name of the column.
        column: Identifier,
    },
    /// The column has a domain whose conditions can run user code when a partition is created.
    DomainRunsCode {
        /// Name of the domain.
        type_name: String,
    },
}

/// Why the oldest row is unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OldestRowFault {
    /// The search exceeded its timeout, usually for lack of an index on the column.
    NoIndex,
    /// Postgres returned an error.
    Refused {
        /// Error of Postgres.
        error: String,
    },
    /// The row was not searched for.
    NotAsked,
}

/// Why a publication cannot publish the partitioned table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicationFault {
    /// The publication publishes partitions under their own names.
    NotThroughRoot,
    /// The owner of the table cannot alter the publication.
    OtherOwner {
        /// Owner of the table, or `None` if its name must not be shown.
        owner: Option<Identifier>,
    },
}

/// Returns the kind of a table that is not ordinary.
pub(super) fn kind_of(unusual: Unusual) -> &'static str {
    match unusual {
        Unusual::Unlogged => "unlogged table",
        Unusual::Temporary => "temporary table",
        Unusual::Typed => "typed table",
        Unusual::Partition => "partition of another table",
        Unusual::Child => "child of another table",
        Unusual::Parent => "parent of other tables",
        Unusual::ExtensionMember => "member of an extension",
    }
}
