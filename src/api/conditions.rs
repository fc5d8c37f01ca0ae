//! The words of conditions, events, and logs, each with its meaning and its remedy.

use super::ResolvedBy;

/// Declares [`Reason`] so that a word and its description cannot drift apart: the doc comment of a
/// variant is its description, and the word after the colon says what resolves it. The comments between the variants are the
/// headings of `docs/reference/conditions.md`.
macro_rules! reasons {
    ($($(#[doc = $line:literal])+ $reason:ident: $resolved_by:ident,)+) => {
        /// Reason of a condition, an event, or a log line.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(#[doc = $line])+ $reason,)+
        }

        impl Reason {
            /// Every reason, in the order of declaration.
            pub const ALL: &[Self] = &[$(Self::$reason),+];

            /// Returns the word of a condition.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$reason => stringify!($reason),)+
                }
            }

            /// Returns what the reason means, and the remedy.
            #[must_use]
            pub const fn describe(self) -> &'static str {
                match self {
                    $(Self::$reason => concat!($($line),+).trim_ascii(),)+
                }
            }

            /// Returns what resolves the problem that the reason names. A reason that names no problem is
            /// resolved by time.
            #[must_use]
            pub const fn resolved_by(self) -> ResolvedBy {
                match self {
                    $(Self::$reason => ResolvedBy::$resolved_by,)+
                }
            }
        }
    };
}

reasons! {
    // # Normal states

    /// The table matches the spec.
    Succeeded: Time,
    /// The operator is executing steps. Wait.
    Progressing: Time,
    /// spec.suspend is true. Set it to false to continue.
    Suspended: User,
    /// The resource is being deleted and waits for a finalizer of another controller. The operator neither
    /// inspects nor changes the table.
    Deleting: OtherSessions,
    /// The plan has steps, and spec.mode is Plan. Review them, and set spec.mode to Enforce to execute them.
    PlanOnly: User,
    /// The database answers, and the role has all privileges that it needs.
    Connected: Time,
    /// Every instant from now to the last period ahead has exactly one partition.
    PeriodsCovered: Time,
    /// Every remainder of the hash has exactly one partition.
    RemaindersCovered: Time,
    /// Every declared index is valid on each partition that the spec selects for it.
    IndexesValid: Time,
    /// Nothing is past its retention.
    NothingExpired: Time,
    /// The spec has no retention, so nothing expires.
    NoRetention: Time,
    /// A detached table is in its grace period. Wait until dropAfter is over.
    InGracePeriod: Time,
    /// The operator could not check this, because another condition is false. See the other conditions.
    NotChecked: Time,

    // # The spec

    /// The spec contradicts itself or cannot be read. The message names the field to change.
    InvalidSpec: User,
    /// An older resource, in this cluster or in another one, manages the same table. Delete one of the two.
    Conflict: User,

    // # The database connection

    /// The Secret or ConfigMap does not exist in this namespace, or the operator cannot read it. Create it,
    /// correct its name, or grant the permission.
    // Not by a user: in a fresh cluster it can be created minutes after the resource.
    SecretNotFound: OtherSessions,
    /// The Secret or ConfigMap lacks a key or has an unusable value. The message names the key.
    SecretInvalid: User,
    /// The server does not answer. Check the host, the port, and the network path.
    ConnectionFailed: OtherSessions,
    /// The server rejected the login. Check the user and the password in the Secret, and pg_hba.conf.
    AuthenticationFailed: User,
    /// The TLS handshake failed or the certificate is not trusted. Check sslMode, caRef, and the server
    /// certificate.
    TlsFailed: User,
    /// A connection pooler answered; advisory locks and settings do not work through it. Set host and port of the
    /// Postgres server itself, even if the pooler is in session mode.
    PoolerDetected: User,
    /// The server is a read-only replica. Set the host of the primary.
    ReadOnlyReplica: User,
    /// The server, the database, or the login role is read-only (default_transaction_read_only), so the operator
    /// changes nothing. Connect to the server that accepts writes, or reset the setting.
    ReadOnly: User,
    /// The server is older than Postgres 14. Upgrade it.
    UnsupportedServer: User,
    /// The operator's role or the owner of the table lacks a privilege. The message has the statement to run.
    InsufficientPrivilege: User,

    // # The table and its conversion

    /// The table does not exist. Create it, or delete this resource and create one for another table.
    TableNotFound: User,
    /// The table is a plain table. Set spec.conversion to convert it, or create it with PARTITION BY.
    NotPartitioned: User,
    /// The table cannot be converted as spec.conversion says. Change what the message names.
    NotConvertible: User,
    /// The conversion would lose something that you have not acknowledged, so the operator does not begin it, or does not
    /// drop the plain table. Read the message, and add the name of the loss to spec.conversion.acknowledge.
    NotAcknowledged: User,
    /// The operator prepares the copy, or copies or compares rows, and pauses while a replica is far behind or other sessions
    /// hold locks. Wait.
    Converting: Time,
    /// The conversion has reached the state of the spec.
    AsRequested: Time,
    /// The operator cannot swap the tables of a conversion now: it did not acquire a lock, or sessions have a snapshot from
    /// before it last wrote rows. Wait, or end the transactions that the message names.
    SwapBlocked: OtherSessions,
    /// The spec asks for the drop of the plain table after the cutover, but other objects depend on that table. Drop them, or
    /// create them again on the partitioned table.
    SourceInUse: User,
    /// The plain table cannot become the serving table again. The message says why, and what to do.
    RollbackImpossible: User,
    /// Retention is paused while the table is converted, so nothing expires.
    ConversionFirst: Time,
    /// Both tables have the same rows, and the triggers keep it so.
    InParity: Time,
    /// Not all rows that existed before the triggers are in the copy yet. Wait.
    RowsCopying: Time,
    /// A trigger or function that keeps both tables equal was dropped, disabled, or replaced. The operator reinstalls
    /// it and compares both tables.
    SyncAltered: Time,
    /// One of the two tables was changed, and the operator cannot change the other one in the same way. Do what the message
    /// says.
    ColumnsDiffer: User,
    /// The two tables have not been compared since the triggers were installed. Wait.
    NotCompared: Time,
    /// A comparison found rows that differed, and the operator repaired them. Find the session that writes to the table that
    /// does not serve, or disables the triggers.
    RowsRepaired: Time,
    /// Several sweeps in a row found rows that differ, or one found too many. Find the session that writes to the table that
    /// does not serve, or disables the triggers, and approve another sweep.
    ParityFailed: User,
    /// The table is partitioned by another method or other columns than the spec says. Delete this resource, and
    /// describe the table as it is.
    PartitionKeyMismatch: User,
    /// The partition column is not of type date, timestamp, timestamptz, or uuid. The operator does not support
    /// such a table.
    UnsupportedKeyType: User,
    /// The operator's time zone database does not have the time zone. Delete this resource, and create one with an IANA name
    /// such as Europe/Paris.
    UnknownTimeZone: User,
    /// A column that the spec names does not exist or cannot be used as the spec says. Change what the message names.
    ColumnNotFound: User,

    // # Locks, sessions, and failed steps

    /// Another session holds a lock, so the operator could not inspect the table. It retries.
    TableLocked: OtherSessions,
    /// All sessions that the operator may open to the server are in use. The operator retries;
    /// `--sessions-per-server` permits more sessions.
    WaitingForSession: OtherSessions,
    /// Another pg-partition-operator works on the table. The operator retries.
    LockedByAnotherOperator: OtherSessions,
    /// The operator did not acquire a lock within lockTimeout. It retries.
    LockTimeout: OtherSessions,
    /// A step failed, and a retry alone does not help. The message has the error of Postgres.
    StepFailed: User,

    // # The operator

    /// A reconcile of the resource panicked, which is a bug of the operator. Report it with the log of the
    /// operator, which has the panic.
    InternalError: User,

    // # Partitions

    /// Partitions are missing. The message says what blocks their creation, and what to do.
    PartitionsMissing: User,
    /// The default partition has, or might have, rows of a missing partition. Do what the message says: often, set
    /// spec.defaultPartition to Present, or move the rows manually.
    DefaultPartitionHoldsRows: User,
    /// Applications write to a period that has only the default partition, so the operator cannot attach a
    /// partition without failing their inserts. Set spec.defaultPartition to Present, or move the rows and attach
    /// the partition in one transaction.
    DefaultPartitionInUse: User,
    /// The table has another number of hash partitions than the spec. Delete this resource, and create one with the number that
    /// the table has: another number would need every row rewritten.
    HashPartitionsMismatch: User,

    // # Retention

    /// Partitions are past their retention. The message says what blocks their detach or drop, and what to do.
    PartitionsPastRetention: User,
    /// The plan needs your approval; the message says why. Review the plan, and approve its fingerprint.
    AwaitingApproval: User,
    /// A detach was interrupted, or the detach of another partition is pending. The operator finalizes it when the
    /// transactions that block it have ended; the message names them.
    DetachPending: OtherSessions,
    /// Foreign keys of other tables reference a partition that is past its retention. Delete the referencing rows,
    /// or drop the foreign key.
    PartitionReferenced: User,
    /// Other objects, such as views, depend on a table or index that must be dropped. Drop or redefine the objects
    /// that the message names.
    HasDependents: User,
    /// The clocks of the database and the operator differ by more than one minute, so nothing expires. Correct the
    /// clock.
    ClockSkew: User,

    // # Indexes

    /// Declared indexes are missing. The message says what blocks their build, and what to do.
    IndexesMissing: User,
    /// A declared index is invalid. The operator builds it again.
    IndexInvalid: User,
    /// An unmanaged relation has the name of an index. Give the index another name.
    IndexNameTaken: User,
    /// A declared index is being built. Wait.
    IndexBuilding: OtherSessions,
}

impl Reason {
    /// Returns the reason with this name, or `None` if another version of the operator gave it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.as_str() == name)
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Type of a condition.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
pub enum ConditionType {
    /// The table matches the spec.
    Ready,
    /// The operator has something to do, or it retries. Present only while true.
    Reconciling,
    /// Manual action is needed. Present only while true.
    Stalled,
    /// The database answers, is neither a replica nor behind a connection pooler, and the role has its privileges.
    Reachable,
    /// Every instant from now to the last period ahead has exactly one partition; for a hash, every remainder has
    /// one.
    Covered,
    /// Nothing is past its retention. Only for a range.
    Retained,
    /// Every declared index is valid on each partition that the spec selects for it.
    Indexed,
    /// The sync triggers exist, are enabled and unchanged, and both tables have the same rows. Only while a table
    /// is converted by `Copy`.
    InSync,
    /// The conversion has reached the state of spec.conversion. Only if the spec has a conversion.
    Converted,
}

impl ConditionType {
    /// Every type, in the order of the list of conditions.
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    /// Returns the word of a condition.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Returns the type with this name, or `None` if the condition belongs to another controller.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|type_| type_.as_str() == name)
    }

    /// Returns whether the condition only repeats why `Ready` is not true, and says who must act.
    #[must_use]
    pub const fn repeats_ready(self) -> bool {
        match self {
            Self::Reconciling | Self::Stalled => true,
            Self::Ready
            | Self::Reachable
            | Self::Covered
            | Self::Retained
            | Self::Indexed
            | Self::InSync
            | Self::Converted => false,
        }
    }
}

impl std::fmt::Display for ConditionType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
