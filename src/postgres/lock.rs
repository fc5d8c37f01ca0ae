//! The advisory lock that keeps two of us apart.

use super::{DatabaseError, Session};
use crate::partition::shown_text;

/// The first half of the lock's key, "pgpt" in ASCII; the table's object identifier is the other. So
/// a table is locked whatever it is called, and one that was made anew is another.
const CLASS: i32 = 0x7067_7074;

/// The first half of the key of the lock on steps that are executed aside: "pgpu".
const CLASS_ASIDE: i32 = 0x7067_7075;

/// A process that stands still loses the session, and the lock with it.
const TRY_LOCK: &str = "SELECT (CASE WHEN pg_catalog.pg_try_advisory_lock($1, $2) \
    THEN pg_catalog.set_config('idle_session_timeout', '50s', false) END IS NOT NULL)::text";
const UNLOCK: &str = "SELECT pg_catalog.pg_advisory_unlock($1, $2)::text \
    FROM pg_catalog.set_config('idle_session_timeout', '0', false)";

/// The session that holds the lock.
const HOLDER: &str = "SELECT pg_catalog.concat('process ', l.pid, \
    ' (' OPERATOR(pg_catalog.||) nullif(a.application_name, '') OPERATOR(pg_catalog.||) ')') \
    FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) l.database \
    LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid OPERATOR(pg_catalog.=) l.pid \
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 \
    AND d.datname = pg_catalog.current_database() \
    AND l.classid::int8 = $1::int4::int8 AND l.objid::int8 = $2::int8";

/// The key of the lock on a table.
pub(super) fn key(table: u32) -> (i32, u32) {
    (CLASS, table)
}

/// The right to change a table: a session-level advisory lock.
///
/// The server holds it for the session and for no longer, so that whoever has lost the session has
/// lost the means to send anything too.
/// <https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS>
pub struct TableLock<'a> {
    session: &'a Session,
    class: i32,
    table: i32,
    released: bool,
}

impl<'a> TableLock<'a> {
    /// Takes the lock if nobody else has it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn try_take(session: &'a Session, table: u32) -> Result<Option<Self>, DatabaseError> {
        Self::try_take_of(CLASS, session, table).await
    }

    /// Acquires the lock on the steps to the table that are executed aside, unless another session
    /// holds it. One session holds it while it builds or drops an index of a partition, whether or not
    /// another session holds the lock on the table.
    ///
    /// # Errors
    /// Returns an error if the database does not answer.
    pub async fn try_take_aside(
        session: &'a Session,
        table: u32,
    ) -> Result<Option<Self>, DatabaseError> {
        Self::try_take_of(CLASS_ASIDE, session, table).await
    }

    async fn try_take_of(
        class: i32,
        session: &'a Session,
        table: u32,
    ) -> Result<Option<Self>, DatabaseError> {
        let table = table.cast_signed();
        let taken = session.query_one_text(TRY_LOCK, &[&class, &table]).await?;
        let lock = Self { session, class, table, released: false };
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
    pub async fn holder(session: &Session, table: u32) -> Result<Option<String>, DatabaseError> {
        holder_of(CLASS, session, table).await
    }

    /// Returns the session that holds the lock on the steps aside, as its process and application.
    ///
    /// # Errors
    /// Returns an error if the database does not answer.
    pub async fn holder_aside(
        session: &Session,
        table: u32,
    ) -> Result<Option<String>, DatabaseError> {
        holder_of(CLASS_ASIDE, session, table).await
    }

    /// The session that holds it.
    #[must_use]
    pub fn session(&self) -> &'a Session {
        self.session
    }

    /// Gives the lock back.
    ///
    /// # Errors
    /// When the database does not answer; the session is of no use then, and the lock gone with it.
    pub async fn release(mut self) -> Result<(), DatabaseError> {
        self.session.query_one_text(UNLOCK, &[&self.class, &self.table]).await?;
        self.session.set_holds_lock(false);
        self.released = true;
        Ok(())
    }

    fn forget(mut self) {
        self.released = true;
    }
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
    class: i32,
    session: &Session,
    table: u32,
) -> Result<Option<String>, DatabaseError> {
    let holder = session.query_one_text(HOLDER, &[&class, &i64::from(table)]).await?;
    Ok(holder.map(|holder| shown_text(&holder)))
}
