//! The words of conditions, events and logs: one list, each word with what it means and asks for.

use super::ResolvedBy;

/// Declares [`Reason`] so that a word and its description cannot drift apart: the doc comment of a
/// variant is its description, and the word after the colon says what resolves it.
macro_rules! reasons {
    ($($(#[doc = $line:literal])+ $reason:ident: $resolved_by:ident,)+) => {
        /// Why a condition is as it is. The same words are the reasons of events and logs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(#[doc = $line])+ $reason,)+
        }

        impl Reason {
            /// Every reason there is, in the order of their declaration.
            pub const ALL: &[Self] = &[$(Self::$reason),+];

            /// The word, as it stands in a condition.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$reason => stringify!($reason),)+
                }
            }

            /// What it means, and what to do about it.
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
    // All is well, or on its way.

    /// Everything the spec asks for is true; nothing to do.
    Succeeded: Time,
    /// Steps are being done; wait.
    Progressing: Time,
    /// The spec says suspend; set it to false to go on.
    Suspended: User,
    /// The resource is being deleted and waits for a finalizer of another controller, and the operator
    /// neither inspects nor changes the table any more.
    Deleting: OtherSessions,
    /// There are steps, and mode is Plan; review them and set mode to Enforce to have them done.
    PlanOnly: User,
    /// The database answers, and the role may do all that is needed.
    Connected: Time,
    /// Every instant from now to the last period ahead has exactly one partition.
    AllPeriods: Time,
    /// Every remainder of the hash has exactly one partition.
    AllRemainders: Time,
    /// Every named index is valid on every partition it belongs on.
    AllValid: Time,
    /// Nothing is past its retention.
    NothingExpired: Time,
    /// The spec has no retention; nothing expires.
    KeepsEverything: Time,
    /// A detached table waits until dropAfter is over; wait.
    AwaitingGrace: Time,
    /// Not known, because something that comes before it is not true; see the other conditions.
    Unknown: Time,

    // The spec.

    /// The spec contradicts itself or cannot be read; the message names the field to change.
    InvalidSpec: User,
    /// Another resource, here or in another cluster, claims the same table and is older; delete one
    /// of the two.
    Conflict: User,

    // The way to the database.

    /// The Secret or ConfigMap does not exist in this namespace; create it or correct its name.
    // Not by a user: in a fresh cluster it can be created minutes after the resource.
    SecretNotFound: OtherSessions,
    /// The Secret or ConfigMap lacks a key or holds an unusable value; the message names the key.
    SecretInvalid: User,
    /// The server does not answer; check its host, its port, and the network between.
    ConnectionFailed: OtherSessions,
    /// The server refuses the login; check user and password in the Secret, and pg_hba.conf.
    AuthenticationFailed: User,
    /// No trusted TLS connection came about; check sslMode, caRef and the server's certificate.
    TlsFailed: User,
    /// A connection pooler answers, behind which locks and settings do not hold; name the Postgres server
    /// itself as host and port, also if the pooler is in session mode.
    PoolerDetected: User,
    /// The server is a read-only replica; name the primary as host.
    ReadOnlyReplica: User,
    /// The server, the database, or the login role is read-only (default_transaction_read_only), and
    /// nothing is changed; connect to the server that takes writes, or reset the setting.
    ReadOnly: User,
    /// The server is older than Postgres 14; upgrade it.
    UnsupportedServer: User,
    /// The role lacks a privilege; the message holds the grant that is missing.
    InsufficientPrivilege: User,

    // The table.

    /// There is no such table; create it, or delete this resource and name another table.
    TableNotFound: User,
    /// The table is a plain one; partition it first.
    NotPartitioned: User,
    /// The table cannot be converted as spec.conversion asks; change what the message names.
    NotConvertible: User,
    /// The conversion loses something that no user acknowledged, and nothing is created; read the message, and add
    /// the name of the loss to spec.conversion.acknowledge.
    NotAcknowledged: User,
    /// Rows are being copied or compared, or the copy is being prepared; wait.
    Converting: Time,
    /// The conversion has reached the state that the spec asks for.
    AsRequested: Time,
    /// The tables of a conversion cannot be swapped now: a lock was not acquired, or sessions still see older rows; wait, or
    /// end the transactions that the message names.
    SwapBlocked: OtherSessions,
    /// The plain table should be dropped after the cutover, and other objects depend on it; drop them, or create them again
    /// on the partitioned table.
    SourceInUse: User,
    /// The plain table cannot become the one that applications use again; the message says why.
    RollbackImpossible: User,
    /// Retention is paused while the table is converted; nothing expires.
    ConversionFirst: Time,
    /// Both tables have the same rows, and the triggers keep it so.
    InParity: Time,
    /// Rows that were there before the triggers are not all in the copy yet; wait.
    RowsCopying: Time,
    /// A trigger or function that keeps the copy equal was dropped, disabled, or replaced; the operator installs it again
    /// and compares both tables.
    SyncAltered: Time,
    /// One of the two tables was changed, and the other one cannot follow; read the message.
    ColumnsDiffer: User,
    /// The two tables were not compared since the triggers were installed; wait.
    NotCompared: Time,
    /// A comparison found rows of the copy that differed, and repaired them; find what writes to the copy, or disables its
    /// triggers.
    RowsRepaired: Time,
    /// Sweep after sweep found rows that differ; find what writes to the copy, or disables its triggers, and approve another
    /// sweep.
    ParityFailed: User,
    /// The table is partitioned by another method or by other columns than the spec says; delete
    /// this resource and describe the table as it is.
    PartitionKeyMismatch: User,
    /// The partition column is none of date, timestamp, timestamptz and uuid; such a table cannot
    /// be kept.
    UnsupportedKeyType: User,
    /// The operator's time zone database has no such zone; use an IANA name such as Europe/Paris.
    UnknownTimeZone: User,
    /// A column that the spec names does not exist; add it, or correct its name.
    ColumnNotFound: User,

    // Others at work.

    /// Somebody's lock keeps the table from being looked at; it is tried again.
    TableLocked: OtherSessions,
    /// All sessions that the operator may open to the server are in use; the operator retries, and
    /// `--sessions-per-server` allows more.
    WaitingForSession: OtherSessions,
    /// Another pg-partition-operator is working on the table; it is tried again.
    HeldByAnother: OtherSessions,
    /// A lock could not be had within lockTimeout; it is tried again.
    LockTimeout: OtherSessions,
    /// A step failed for a cause that time will not cure; the message holds what Postgres said.
    StepFailed: User,

    // The operator itself.

    /// A reconcile of the resource panicked, which is a bug of the operator; report it with the
    /// operator's log, which holds the panic.
    InternalError: User,

    // Partitions.

    /// Partitions are missing; the message says what keeps them from being made.
    PartitionsMissing: User,
    /// The default partition holds rows that belong into a missing partition; move them out.
    DefaultPartitionHoldsRows: User,
    /// The period being written now has no partition but the default, which cannot be relieved of
    /// it while rows arrive; move its rows and attach its partition in one transaction.
    DefaultPartitionInUse: User,
    /// The hash has another number of partitions than the spec says; rows would have to be
    /// rewritten to change it, so describe the number there is.
    HashPartitionsMismatch: User,

    // Retention.

    /// Partitions are past their retention; the message says what keeps them.
    PartitionsPastRetention: User,
    /// More would be let go at once than maxExpirePerRun; review the plan, and approve it by its
    /// fingerprint.
    AwaitingApproval: User,
    /// A detach was cut off and is finished as soon as what was open before it has ended; the message
    /// names who has something open.
    DetachPending: OtherSessions,
    /// Foreign keys of other tables lead to a partition that is past its retention; delete the rows
    /// that refer to it, or drop the foreign key.
    PartitionReferenced: User,
    /// Other objects, such as views, depend on a table or index that should be dropped; drop or redefine
    /// the objects that the message names.
    HasDependents: User,
    /// The clock of the database and the operator's are more than a minute apart, and until they are
    /// mended nothing expires.
    ClocksDiffer: User,

    // Indexes.

    /// Named indexes are missing; the message says what keeps them from being built.
    IndexesMissing: User,
    /// A named index is invalid; it is rebuilt.
    IndexInvalid: User,
    /// A relation that is not ours has the name of an index; give the index another name.
    IndexNameTaken: User,
    /// A named index is being built; wait.
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

/// What a condition is about.
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
    /// What the spec asks for is true.
    Ready,
    /// Work is under way. There only while it is so.
    Reconciling,
    /// A person has to do something first. There only while it is so.
    Stalled,
    /// The database answers, the role suffices, it is no replica and no transaction pooler.
    Reachable,
    /// Every instant from now to the last period ahead has exactly one partition; on a hash, every
    /// remainder.
    Covered,
    /// Nothing is past its retention. Only on a range.
    Retained,
    /// Every named index is valid on every partition it belongs on.
    Indexed,
    /// The sync triggers are there, enabled, and unchanged, and both tables have the same rows. Only while a table is
    /// converted by copy.
    InSync,
    /// The conversion has reached the state that spec.conversion asks for. Only if the spec has a conversion.
    Converted,
}

impl ConditionType {
    /// Every type there is, in the order in which they are listed.
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The word, as it stands in a condition.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Returns the type with this name, or `None` if the condition is another owner's.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|type_| type_.as_str() == name)
    }

    /// Returns whether the condition only repeats why `Ready` is not true, and says who has to act.
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
