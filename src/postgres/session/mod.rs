//! One connection, pinned to settings under which a statement means the same everywhere.

mod queries;
mod row_stream;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Connection, SimpleQueryMessage, Socket, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::connect::{ConnectionSettings, Redaction, ServerAddress, ServerState};
use super::error::{DatabaseError, ErrorKind};
use super::login;
use super::pinned::{CLEAN, CLEAN_TEMP, NO_TRANSACTION_TIMEOUT, OF_SESSION, PROBE, SETTLE};
use crate::sql;

pub(super) use row_stream::Rows;

/// Time that a session can be idle while it holds the lock on a table, so that a process that hangs does not keep
/// it.
const IDLE_WITH_LOCK_TIMEOUT: Duration = Duration::from_secs(50);

/// Time after which a query is abandoned that the server itself would end after its `statement_timeout`.
const QUERY_DEADLINE: Duration = Duration::from_secs(15);

/// Timeout of a cancel request.
const CANCEL_DEADLINE: Duration = Duration::from_secs(2);

/// A connection to a database.
///
/// A session on which a deadline has passed is lost: it is closed, and all that is asked of it later
/// fails with [`ErrorKind::Lost`].
pub struct Session {
    client: Client,
    settings: ConnectionSettings,
    driver: AbortHandle,
    tls: MakeRustlsConnect,
    redaction: Redaction,
    /// Whether code of a table's owner may have run since it was clean.
    ran_code: AtomicBool,
    /// Whether it holds the lock on a table.
    holds_lock: AtomicBool,
    /// Why the server ended the session, if it said so.
    ended: Arc<OnceLock<DatabaseError>>,
    prepared: Mutex<HashMap<&'static str, Statement>>,
    round_trips: AtomicU64,
    /// Reserves a second session; `None` if sessions are not limited.
    reserve: Option<Reserve>,
}

/// Reserves one more session, or returns `None` if the limit is reached.
pub(super) type Reserve = Box<dyn Fn() -> Option<OwnedSemaphorePermit> + Send + Sync>;

impl Session {
    /// Logs in, and checks that the server itself answers.
    ///
    /// # Errors
    /// Returns an error if no server answers within 5 s, or within 30 s if there are several, if the server
    /// rejects the login, or if a pooler answers.
    pub async fn connect(settings: &ConnectionSettings) -> Result<Self, DatabaseError> {
        login::open(settings).await.map_err(|error| error.with_server(settings))
    }

    /// Logs in to one server, found at `address`, and returns its state, too.
    pub(super) async fn open(
        settings: &ConnectionSettings,
        server: &ServerAddress,
        address: Option<IpAddr>,
        tls: &MakeRustlsConnect,
    ) -> Result<(Self, ServerState), DatabaseError> {
        match Self::log_in(settings, server, address, tls, "").await {
            // transaction_timeout
            Err(error) if error.sqlstate() == Some("25P04") => {
                Self::log_in(settings, server, address, tls, NO_TRANSACTION_TIMEOUT).await
            }
            opened => opened,
        }
    }

    async fn log_in(
        settings: &ConnectionSettings,
        server: &ServerAddress,
        address: Option<IpAddr>,
        tls: &MakeRustlsConnect,
        more: &str,
    ) -> Result<(Self, ServerState), DatabaseError> {
        let nonce = format!("{:016x}", fastrand::u64(..));
        let pinned = sql::pinned_options();
        let options = format!("{pinned} {OF_SESSION} {more} -c pgpartition.probe={nonce}");
        let (client, connection) = settings
            .to_driver(server, address, &options)
            .connect(tls.clone())
            .await
            .map_err(|error| DatabaseError::from_connect_error(&error, settings))?;
        let redaction = Redaction::new(settings);
        let ended = Arc::new(OnceLock::new());
        let driver = drive(connection, redaction.clone(), Arc::clone(&ended));
        let session = Self {
            client,
            settings: settings.clone(),
            driver,
            tls: tls.clone(),
            redaction,
            ran_code: AtomicBool::default(),
            holds_lock: AtomicBool::default(),
            ended,
            prepared: Mutex::default(),
            round_trips: AtomicU64::default(),
            reserve: None,
        };
        let state = session.probe(&nonce).await?;
        Ok((session, state))
    }

    /// Limits the sessions that this one opens.
    pub(super) fn with_limit(self, reserve: Reserve) -> Self {
        Self { reserve: Some(reserve), ..self }
    }

    /// Makes sure that the server itself answers, and returns its state: behind a pooler neither
    /// advisory locks nor settings belong to this session alone.
    async fn probe(&self, nonce: &str) -> Result<ServerState, DatabaseError> {
        let probe = format!("{PROBE}; {SETTLE}");
        let answer = self.within(QUERY_DEADLINE, self.client.simple_query(&probe)).await?;
        let of_probe = answer.iter().find_map(|message| {
            let SimpleQueryMessage::Row(row) = message else { return None };
            Some(row).filter(|row| row.try_get(0).ok().flatten() == Some(nonce))
        });
        let row = of_probe.ok_or_else(DatabaseError::pooled)?;
        let is_on = |column| {
            let shown = row.try_get(column).ok().flatten();
            matches!(shown, Some("t" | "on"))
        };
        Ok(ServerState { is_standby: is_on(1), is_read_only: is_on(2) })
    }

    /// Sends one or more statements in a single round trip, and no row back. Without `BEGIN` among
    /// them, several are one transaction. A transaction that they began and did not end stays open,
    /// failed or not.
    ///
    /// # Errors
    /// Returns an error if the server rejects a statement. When `deadline` passes, the statement is canceled and
    /// the session is lost: the caller must inspect whether the statements were executed.
    pub async fn batch(&self, sql: &str, deadline: Duration) -> Result<(), DatabaseError> {
        self.ran_code.store(true, Ordering::Relaxed);
        self.within(deadline, self.client.batch_execute(sql)).await
    }

    /// Takes back what code of a table's owner can have left, if any may have run: a role, settings,
    /// temporary tables, prepared statements. All that is asked as the login role, and all that another
    /// resource asks, comes after that. Outside a transaction only.
    ///
    /// # Errors
    /// Returns an error if the server does not answer in time; the session is of no use then.
    pub async fn reset(&self) -> Result<(), DatabaseError> {
        if !self.ran_code.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.clean(&format!("{CLEAN}; {CLEAN_TEMP}")).await?;
        self.ran_code.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Takes back what code of a table's owner can have left, except temporary objects.
    async fn reset_settings(&self) -> Result<(), DatabaseError> {
        if !self.ran_code.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.clean(CLEAN).await
    }

    async fn clean(&self, clean: &str) -> Result<(), DatabaseError> {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let limit = self.holds_lock.load(Ordering::Relaxed).then_some(IDLE_WITH_LOCK_TIMEOUT);
        let limit = limit.unwrap_or_default().as_millis();
        let text = format!("{clean}; SET idle_session_timeout = {limit}; {SETTLE}");
        self.within(QUERY_DEADLINE, self.client.batch_execute(&text)).await
    }

    /// Notes whether the session holds the lock on a table.
    pub(super) fn set_holds_lock(&self, holds: bool) {
        self.holds_lock.store(holds, Ordering::Relaxed);
    }

    /// Consumes a transaction number by a connection of its own.
    ///
    /// # Errors
    /// Returns an error if no other connection is possible, or the server does not answer in time.
    pub async fn consume_transaction_id(&self) -> Result<(), DatabaseError> {
        let _reserved = match &self.reserve {
            None => None,
            Some(reserve) => Some(reserve().ok_or_else(|| {
                DatabaseError::busy("all sessions to the server are in use: retry later")
            })?),
        };
        let other = Self::connect(&self.settings).await?;
        other.batch("SELECT pg_catalog.pg_current_xact_id()", QUERY_DEADLINE).await
    }

    /// Ends the session immediately; the server releases its locks.
    pub fn close(&self) {
        self.driver.abort();
    }

    /// Cancels the running statement of this session; its caller gets an error.
    pub async fn cancel(&self) {
        let cancel = self.client.cancel_token();
        let answer = timeout(CANCEL_DEADLINE, cancel.cancel_query(self.tls.clone())).await;
        if !matches!(answer, Ok(Ok(()))) {
            tracing::warn!("could not cancel the running statement");
        }
    }

    /// Whether nothing can be asked of it any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.client.is_closed() || self.driver.is_finished()
    }

    /// Returns whether the name of the login role may be shown: it did not come from a Secret.
    #[must_use]
    pub fn shows_user(&self) -> bool {
        self.settings.shows_user()
    }

    pub(crate) fn user(&self) -> Option<&str> {
        self.settings.user()
    }

    /// Returns the number of round trips since the login.
    #[must_use]
    pub fn round_trips(&self) -> u64 {
        self.round_trips.load(Ordering::Relaxed)
    }

    async fn within<T>(
        &self,
        deadline: Duration,
        request: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, DatabaseError> {
        self.round_trips.fetch_add(1, Ordering::Relaxed);
        match timeout(deadline, request).await {
            Ok(answer) => answer.map_err(|error| self.explain(&error)),
            Err(_) => Err(self.abandon(deadline).await),
        }
    }

    /// Returns an error without values of a Secret. If the server has ended the session, it has the reason that
    /// the server gave.
    fn explain(&self, error: &tokio_postgres::Error) -> DatabaseError {
        let found = DatabaseError::from_driver(error).without_secrets(&self.redaction);
        match found.sqlstate() {
            None if found.kind() == ErrorKind::Lost => self.ended.get().cloned().unwrap_or(found),
            Some(_) if found.kind() == ErrorKind::Lost => {
                self.ended.get_or_init(|| found.clone());
                found
            }
            _ => found,
        }
    }

    /// Asks the server to stop what it is doing, and closes the connection whether it heard or not.
    async fn abandon(&self, deadline: Duration) -> DatabaseError {
        self.cancel().await;
        self.driver.abort();
        DatabaseError::new(ErrorKind::Lost, format!("no answer within {} s", deadline.as_secs()))
    }
}

/// Runs the connection, and keeps what the server says when it ends a session that asks for nothing.
fn drive(
    connection: Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>,
    redaction: Redaction,
    ended: Arc<OnceLock<DatabaseError>>,
) -> AbortHandle {
    let driver = async move {
        // Kept until the reason is: requests fail when the connection is dropped.
        let mut connection = std::pin::pin!(connection);
        if let Err(error) = connection.as_mut().await
            && error.as_db_error().is_some()
        {
            let reason = DatabaseError::from_driver(&error).without_secrets(&redaction);
            ended.get_or_init(|| reason);
        }
    };
    tokio::spawn(driver).abort_handle()
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("closed", &self.is_closed()).finish_non_exhaustive()
    }
}
