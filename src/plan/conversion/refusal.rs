//! What prevents a conversion before it begins.

use crate::desired::Loss;
use crate::observed::{ChangedCollation, Unusual};
use crate::partition::{Identifier, KeyRange, QualifiedName};

/// Why the conversion of a plain table does not begin.
#[derive(Debug, Clone, PartialEq, Eq, strum::IntoStaticStr)]
pub enum Refusal {
    /// The cutover loses something that `spec.conversion.acknowledge` does not name.
    NotAcknowledged {
        /// What is lost.
        loss: Loss,
        /// What that means.
        cause: String,
    },
    /// The table is no ordinary table.
    NotConvertible {
        /// The table.
        table: QualifiedName,
        /// What it is.
        kind: &'static str,
    },
    /// The table has no key by which its rows can be copied and compared: no primary key, and no unique index that is
    /// valid, has neither condition nor expressions, and is on NOT NULL columns.
    NoRowKey {
        /// The table.
        table: QualifiedName,
        /// Its unique indexes, none of which can be used.
        unusable: Vec<Identifier>,
    },
    /// The key of the table, or a partition column, cannot be used by the functions that keep the copy in sync.
    KeyNotUsable {
        /// The table.
        table: QualifiedName,
        /// The key or the column.
        key: Identifier,
        /// Why not.
        fault: KeyFault,
    },
    /// The table lacks a partition column of the spec.
    PartitionColumnMissing {
        /// The table.
        table: QualifiedName,
        /// The column.
        column: Identifier,
    },
    /// A partition column can be NULL, and is part of the key of the partitioned table.
    KeyNullable {
        /// The table.
        table: QualifiedName,
        /// The column.
        column: Identifier,
    },
    /// A partition column is generated, which Postgres does not allow.
    KeyGenerated {
        /// The table.
        table: QualifiedName,
        /// The column.
        column: Identifier,
    },
    /// The type of a partition column has no hash or no order.
    KeyTypeNotHashable {
        /// The table.
        table: QualifiedName,
        /// The column.
        column: Identifier,
        /// The type.
        type_name: String,
    },
    /// The partitions of the copy begin with the period of the oldest row, which was not found.
    OldestRowUnknown {
        /// The table.
        table: QualifiedName,
        /// The partition column.
        column: Identifier,
        /// Why not.
        fault: PastFault,
    },
    /// From `startAt`, or from the oldest row, to now there are more periods than a table can have partitions.
    RangeTooLong {
        /// The periods.
        range: KeyRange,
        /// Whether `startAt` is in the spec.
        is_declared: bool,
    },
    /// A collation sorts otherwise than when the key was built, so that reading in the order of the key can miss rows.
    CollationChanged {
        /// The key.
        index: QualifiedName,
        /// The collation.
        collation: ChangedCollation,
    },
    /// A check has NO INHERIT, which a partitioned table cannot have.
    CheckNotInherited {
        /// The table.
        table: QualifiedName,
        /// The check.
        constraint: Identifier,
    },
    /// A check or NOT NULL constraint is not valid: rows that violate it cannot be copied.
    CheckNotValid {
        /// The table.
        table: QualifiedName,
        /// The constraint.
        constraint: Identifier,
    },
    /// A check or an index uses the whole row as one value, which Postgres rejects on a table with partitions.
    WholeRow {
        /// The table.
        table: QualifiedName,
        /// The kind of the object.
        kind: &'static str,
        /// The object.
        object: Identifier,
    },
    /// A foreign key is not validated: rows that violate it cannot be copied.
    ForeignKeyNotValid {
        /// The table.
        table: QualifiedName,
        /// The foreign key.
        constraint: Identifier,
    },
    /// The owner of the table cannot create its foreign key on the copy.
    ReferencesNotGranted {
        /// The referenced table.
        references: QualifiedName,
        /// The foreign key.
        constraint: Identifier,
        /// Owner of the table, or `None` if its name must not be shown.
        owner: Option<Identifier>,
    },
    /// The owner of the table cannot create the temporary procedure in which the operator creates the copy and moves rows.
    TemporaryNotGranted {
        /// The database.
        database: Identifier,
        /// Owner of the table, or `None` if its name must not be shown.
        owner: Option<Identifier>,
    },
    /// A foreign key references the table, which becomes a partition: it would reference a part of the rows.
    InboundForeignKey {
        /// The table that has the foreign key.
        table: QualifiedName,
        /// The foreign key.
        constraint: Identifier,
    },
    /// The query of an object groups by the primary key and names other columns, and the partitioned table has another key.
    KeyInUse {
        /// The key.
        key: Identifier,
        /// The object, as Postgres describes it.
        object: String,
    },
    /// A row trigger has transition tables, which a partitioned table cannot have.
    TriggerNotPossible {
        /// The table.
        table: QualifiedName,
        /// The trigger.
        trigger: Identifier,
    },
    /// The table has rules, which rewrite statements behind the triggers.
    HasRules {
        /// The table.
        table: QualifiedName,
        /// The rules.
        rules: Vec<Identifier>,
    },
    /// Row security is forced on the owner, so that the operator would miss rows.
    ForcedRowSecurity {
        /// The table.
        table: QualifiedName,
        /// Owner of the table, or `None` if its name must not be shown.
        owner: Option<Identifier>,
    },
    /// A publication of the table cannot take the partitioned table in its place.
    PublishedByPartition {
        /// The table.
        table: QualifiedName,
        /// The publication.
        publication: Identifier,
        /// Why not.
        fault: PublicationFault,
    },
    /// A subscription writes to the table. After the cutover its rows would be lost.
    SubscriptionTarget {
        /// The table.
        table: QualifiedName,
        /// The subscription.
        subscription: Identifier,
    },
    /// Another object has a name that the conversion needs.
    NameTaken {
        /// The kind of the object.
        kind: &'static str,
        /// The name.
        name: QualifiedName,
        /// The other table whose triggers use the object, or `None` if none does.
        used_by: Option<QualifiedName>,
    },
    /// The cutover would make applications wait longer than `limits.lockTimeout` allows.
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
    /// It is `DEFERRABLE`.
    Deferrable,
    /// It compares by operators outside of `pg_catalog`.
    OtherOperators {
        /// The operator classes.
        classes: Vec<String>,
    },
    /// Its index sorts otherwise than its columns.
    OtherOrder,
    /// A column of it is generated.
    Generated {
        /// The column.
        column: Identifier,
    },
    /// The column has a domain, and a condition of the domain can run code of a user whenever a partition is created.
    DomainRunsCode {
        /// The domain.
        type_name: String,
    },
}

/// Why the oldest row is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PastFault {
    /// The search took too long: no index on the column finds the row.
    NoIndex,
    /// Postgres refused to search.
    Refused {
        /// What Postgres said.
        error: String,
    },
    /// Postgres was not asked.
    NotAsked,
}

/// Why a publication cannot take the partitioned table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicationFault {
    /// It publishes partitions under their own names.
    NotThroughRoot,
    /// The owner of the table cannot change it.
    OtherOwner {
        /// Owner of the table, or `None` if its name must not be shown.
        owner: Option<Identifier>,
    },
}

/// Returns what a table is that is more than an ordinary one.
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
