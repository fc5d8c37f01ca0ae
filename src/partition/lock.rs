//! Table-level locks.

/// The eight table-level lock modes, weakest first.
/// <https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES>
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockMode {
    /// Taken by `SELECT`.
    AccessShare,
    /// Taken by `SELECT … FOR UPDATE`.
    RowShare,
    /// Taken by `INSERT`, `UPDATE`, `DELETE`.
    RowExclusive,
    /// Taken by `VACUUM`, `ANALYZE`, `CREATE INDEX CONCURRENTLY`, `ATTACH PARTITION` on the parent.
    ShareUpdateExclusive,
    /// Taken by `CREATE INDEX`.
    Share,
    /// Taken by `CREATE TRIGGER` and when a foreign key is added.
    ShareRowExclusive,
    /// Taken by `REFRESH MATERIALIZED VIEW CONCURRENTLY`.
    Exclusive,
    /// Taken by `DROP TABLE`, `TRUNCATE` and most forms of `ALTER TABLE`.
    AccessExclusive,
}

impl LockMode {
    /// The mode as SQL writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccessShare => "ACCESS SHARE",
            Self::RowShare => "ROW SHARE",
            Self::RowExclusive => "ROW EXCLUSIVE",
            Self::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            Self::Share => "SHARE",
            Self::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Self::Exclusive => "EXCLUSIVE",
            Self::AccessExclusive => "ACCESS EXCLUSIVE",
        }
    }

    /// The mode that `pg_locks.mode` names.
    #[must_use]
    pub fn from_catalog(mode: &str) -> Option<Self> {
        match mode {
            "AccessShareLock" => Some(Self::AccessShare),
            "RowShareLock" => Some(Self::RowShare),
            "RowExclusiveLock" => Some(Self::RowExclusive),
            "ShareUpdateExclusiveLock" => Some(Self::ShareUpdateExclusive),
            "ShareLock" => Some(Self::Share),
            "ShareRowExclusiveLock" => Some(Self::ShareRowExclusive),
            "ExclusiveLock" => Some(Self::Exclusive),
            "AccessExclusiveLock" => Some(Self::AccessExclusive),
            _ => None,
        }
    }

    /// Returns what an application cannot do to the table meanwhile, for messages.
    #[must_use]
    pub fn blocks(self) -> &'static str {
        match self {
            Self::AccessShare | Self::RowShare | Self::RowExclusive => "no reads, no writes",
            Self::ShareUpdateExclusive => "no reads, no writes; other DDL and VACUUM",
            Self::Share | Self::ShareRowExclusive | Self::Exclusive => "writes",
            Self::AccessExclusive => "reads and writes",
        }
    }
}
