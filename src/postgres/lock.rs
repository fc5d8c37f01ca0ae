//! The advisory locks that keep two of us apart.

use tokio_postgres::types::ToSql;

use super::{DatabaseError, Session};
use crate::partition::{ManagedTable, escape_control};

/// First halves of the keys of the locks, "pgpt" to "pgpw" in ASCII. The other half is the object identifier of the
/// relation, or the number of the managed table.
const RELATION: i32 = 0x7067_7074;
const RELATION_ASIDE: i32 = 0x7067_7075;
const MANAGED: i32 = 0x7067_7076;
const MANAGED_ASIDE: i32 = 0x7067_7077;

/// Acquires both locks or none, always in this order. A process that stands still loses the session, and the locks
/// with it.
const TRY_LOCK: &str = "SELECT (CASE WHEN pg_catalog.pg_try_advisory_lock($1, $2) THEN \
    CASE WHEN pg_catalog.pg_try_advisory_lock($3, $4) \
    THEN pg_catalog.set_config('idle_session_timeout', '50s', false) \
    WHEN pg_catalog.pg_advisory_unlock($1, $2) THEN NULL END END IS NOT NULL)::text";
const UNLOCK: &str = "SELECT pg_catalog.concat(pg_catalog.pg_advisory_unlock($3, $4), \
    pg_catalog.pg_advisory_unlock($1, $2)) \
    FROM pg_catalog.set_config('idle_session_timeout', '0', false)";

/// A session that holds one of the locks.
const HOLDER: &str = "SELECT pg_catalog.concat('process ', l.pid, \
    ' (' OPERATOR(pg_catalog.||) nullif(a.application_name, '') OPERATOR(pg_catalog.||) ')') \
    FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) l.database \
    LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid OPERATOR(pg_catalog.=) l.pid \
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 \
    AND d.datname = pg_catalog.current_database() \
    AND (l.classid::int8 = $1::int4::int8 AND l.objid::int8 = $2::int8 \
    OR l.classid::int8 = $3::int4::int8 AND l.objid::int8 = $4::int8) ORDER BY l.pid LIMIT 1";

/// Keys of the lock on a table: the table that a spec names, and the relation that SQL addresses.
///
/// The first survives a cutover, which gives the name to another relation. The second excludes a session that
/// reaches the same relation under another name, and versions of this program that lock nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockKeys {
    managed: u32,
    relation: u32,
}

impl LockKeys {
    /// Returns the keys for a table and the object identifier of its relation.
    #[must_use]
    pub fn new(table: &ManagedTable, relation: u32) -> Self {
        Self { managed: table.lock_number(), relation }
    }

    /// Both halves of each key of the lock on the table.
    pub(super) fn table_keys(self) -> [(i32, u32); 2] {
        [(MANAGED, self.managed), (RELATION, self.relation)]
    }

    fn aside(self) -> [(i32, u32); 2] {
        [(MANAGED_ASIDE, self.managed), (RELATION_ASIDE, self.relation)]
    }
}

/// Lock that permits changes of a table: two session-level advisory locks.
///
/// The server holds them as long as the session lasts. A process that has lost the session cannot send anything
/// either. <https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS>
pub struct TableLock<'a> {
    session: &'a Session,
    keys: [(i32, u32); 2],
    released: bool,
}

impl<'a> TableLock<'a> {
    /// Acquires the lock if no other session has it.
    ///
    /// # Errors
    /// Returns an error if the database does not answer.
    pub async fn try_acquire(
        session: &'a Session,
        table: LockKeys,
    ) -> Result<Option<Self>, DatabaseError> {
        Self::try_acquire_both(session, table.table_keys()).await
    }

    /// Acquires the lock on the steps to the table that are executed aside, unless another session
    /// holds it. One session holds it while it builds or drops an index of a partition, whether or not
    /// another session holds the lock on the table.
    ///
    /// # Errors
    /// Returns an error if the database does not answer.
    pub async fn try_acquire_aside(
        session: &'a Session,
        table: LockKeys,
    ) -> Result<Option<Self>, DatabaseError> {
        Self::try_acquire_both(session, table.aside()).await
    }

    async fn try_acquire_both(
        session: &'a Session,
        keys: [(i32, u32); 2],
    ) -> Result<Option<Self>, DatabaseError> {
        // A statement that fails halfway leaves one of the locks to the session, which is closed then.
        let lock = Self { session, keys, released: false };
        let [(first, managed), (second, relation)] = signed(keys);
        let keys: [&(dyn ToSql + Sync); 4] = [&first, &managed, &second, &relation];
        let taken = session.query_one_text(TRY_LOCK, &keys).await?;
        if taken.as_deref() == Some("true") {
            session.set_holds_lock(true);
            return Ok(Some(lock));
        }
        lock.forget();
        Ok(None)
    }

    /// Returns which process holds the lock on a table: `process 4711 (pg-partition-operator)`.
    ///
    /// # Errors
    /// Returns an error if the database does not answer.
    pub async fn holder(
        session: &Session,
        table: LockKeys,
    ) -> Result<Option<String>, DatabaseError> {
        holder_of(session, table.table_keys()).await
    }

    /// Returns the session that holds the lock on the steps aside, as its process and application.
    ///
    /// # Errors
    /// Returns an error if the database does not answer.
    pub async fn holder_aside(
        session: &Session,
        table: LockKeys,
    ) -> Result<Option<String>, DatabaseError> {
        holder_of(session, table.aside()).await
    }

    /// The session that holds it.
    #[must_use]
    pub fn session(&self) -> &'a Session {
        self.session
    }

    /// Checks that the lock is on the relation with this object identifier.
    ///
    /// # Errors
    /// Returns an error if another relation took the name before the lock was acquired.
    pub fn covers(&self, relation: u32) -> Result<(), DatabaseError> {
        let [_, (_, locked)] = self.keys;
        if locked == relation {
            return Ok(());
        }
        Err(DatabaseError::busy("another relation has the name of the table now: try again"))
    }

    /// Releases the lock.
    ///
    /// # Errors
    /// Returns an error if the database does not answer; then the session is lost, and the lock with it.
    pub async fn release(mut self) -> Result<(), DatabaseError> {
        let [(first, managed), (second, relation)] = signed(self.keys);
        let keys: [&(dyn ToSql + Sync); 4] = [&first, &managed, &second, &relation];
        self.session.query_one_text(UNLOCK, &keys).await?;
        self.session.set_holds_lock(false);
        self.released = true;
        Ok(())
    }

    fn forget(mut self) {
        self.released = true;
    }
}

/// The keys as the functions that lock take them.
fn signed(keys: [(i32, u32); 2]) -> [(i32, i32); 2] {
    keys.map(|(class, object)| (class, object.cast_signed()))
}

impl Drop for TableLock<'_> {
    /// A lock that was not given back must not outlive its holder in a session kept for later.
    fn drop(&mut self) {
        if !self.released {
            self.session.close();
        }
    }
}

async fn holder_of(
    session: &Session,
    keys: [(i32, u32); 2],
) -> Result<Option<String>, DatabaseError> {
    let [(first, managed), (second, relation)] =
        keys.map(|(class, object)| (class, i64::from(object)));
    let keys: [&(dyn ToSql + Sync); 4] = [&first, &managed, &second, &relation];
    let holder = session.query_one_text(HOLDER, &keys).await?;
    Ok(holder.map(|holder| escape_control(&holder)))
}
