//! A bounded number of sessions per server. A table never waits for another table's dead server.

mod address;
mod queue;
mod server;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{ConnectionSettings, DatabaseError, Session};
use address::{ResolvedAddress, Resolver};
use server::{IdleSession, Permits, Server};

pub use queue::Urgency;

/// Limits of a [`Pool`].
#[derive(Debug, Clone, Copy)]
pub struct PoolLimits {
    /// Number of sessions to one server.
    pub sessions_per_server: usize,
    /// Longest life of a session, less up to a fifth. A new session finds where the server's name or
    /// its Service leads now.
    pub max_life: Duration,
    /// Time after which an unused session is closed. Until then it blocks `DROP DATABASE`.
    pub max_idle: Duration,
    /// Time to wait for a session while no session of the server becomes free.
    pub max_wait: Duration,
}

impl PoolLimits {
    /// Returns the limits of the operator for this many sessions per server.
    #[must_use]
    pub fn new(sessions_per_server: usize) -> Self {
        Self {
            sessions_per_server: sessions_per_server.max(1),
            max_life: Duration::from_mins(10),
            max_idle: Duration::from_secs(30),
            max_wait: Duration::from_secs(5),
        }
    }
}

/// Reason why [`Pool::borrow`] returned no session.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BorrowError {
    /// The server did not answer or did not log in this user.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Every session to the server is in use.
    #[error(
        "all {sessions} sessions to the server are in use, after waiting for {} s: wait for the \
         steps of other tables, or raise --sessions-per-server", .waited.as_secs()
    )]
    Exhausted {
        /// Number of sessions to one server.
        sessions: usize,
        /// Time that passed.
        waited: Duration,
    },
    /// As many sessions to the server are used for long steps as may be.
    #[error(
        "{sessions} sessions to the server run long steps, which is the maximum: wait \
         for them, or raise --sessions-per-server"
    )]
    NoLongSession {
        /// Number of sessions for long steps.
        sessions: usize,
    },
}

/// Sessions to many servers.
pub struct Pool {
    shared: Arc<Shared>,
    resolver: Resolver,
    /// A server is where its names lead, however they are spelled.
    servers: Mutex<HashMap<Vec<ResolvedAddress>, Arc<Server>>>,
}

/// State that borrowed sessions refer to.
struct Shared {
    limits: PoolLimits,
    /// Logins that were replaced, and when: no session opened before is used again.
    forgotten: Mutex<HashMap<ConnectionSettings, Instant>>,
}

/// A session for one user at a time. Dropping it closes it.
pub struct Borrowed {
    /// Session of the borrower.
    pub session: Session,
    settings: ConnectionSettings,
    opened: Instant,
    ends: Instant,
    overtaking: u32,
    server: Arc<Server>,
    shared: Arc<Shared>,
    permits: Arc<Permits>,
}

/// Permission for a run to take long, which it asks for when it comes to such a step.
#[derive(Debug, Clone)]
pub struct LongRun {
    server: Arc<Server>,
    permits: Arc<Permits>,
    max_wait: Duration,
}

impl Pool {
    /// Creates a pool without sessions.
    #[must_use]
    pub fn new(limits: PoolLimits) -> Self {
        Self {
            shared: Arc::new(Shared { limits, forgotten: Mutex::default() }),
            resolver: Resolver::default(),
            servers: Mutex::default(),
        }
    }

    /// Returns a session with these settings: an idle one, or a new one. If all sessions of the server are in use, the most
    /// urgent borrower gets the next one.
    ///
    /// # Errors
    /// Returns an error if the server does not log in this user, if it did not answer in the last
    /// seconds, or if all its sessions stay in use.
    pub async fn borrow(
        &self,
        settings: &ConnectionSettings,
        urgency: Urgency,
    ) -> Result<Borrowed, BorrowError> {
        let places = self.resolver.places(&settings.servers).await;
        let server = self.server(places);
        let acquired = server.acquire(&self.shared.limits, settings, urgency).await?;
        Ok(self.session(server, acquired, settings).await?)
    }

    /// Returns a session with these settings for work that may take hours. Waits for as long as other
    /// such work goes on: at most half of the sessions of a server are used for it, so that they cannot
    /// all be in use for hours. If a server has a single session, one more is opened.
    ///
    /// # Errors
    /// Returns an error if the server does not log in this user, or did not answer in the last seconds.
    pub async fn borrow_long(
        &self,
        settings: &ConnectionSettings,
    ) -> Result<Borrowed, BorrowError> {
        let places = self.resolver.places(&settings.servers).await;
        let server = self.server(places);
        let permits = server.acquire_long().await?;
        Ok(self.session(server, (permits, false), settings).await?)
    }

    async fn session(
        &self,
        server: Arc<Server>,
        (permits, overtook): (Permits, bool),
        settings: &ConnectionSettings,
    ) -> Result<Borrowed, DatabaseError> {
        let idle = match server.take_idle(settings, overtook, &self.shared) {
            Some(idle) => idle,
            // A run that waits for a session would be larger by the state of a login.
            None => Box::pin(self.open(&server, settings)).await?,
        };
        let IdleSession { settings, session, opened, ends, overtaking, .. } = idle;
        let (shared, permits) = (Arc::clone(&self.shared), Arc::new(permits));
        Ok(Borrowed { session, settings, opened, ends, overtaking, server, shared, permits })
    }

    /// Never uses a session with these settings again that is open now. Idle ones are closed here,
    /// those in use when they are given back.
    pub fn forget(&self, settings: &ConnectionSettings) {
        lock(&self.shared.forgotten).insert(settings.clone(), Instant::now());
        for server in lock(&self.servers).values() {
            server.close_idle(|idle| idle.settings == *settings);
        }
    }

    /// Closes sessions that are idle for too long or too old, and forgets servers without sessions.
    pub fn close_idle(&self) {
        let limits = &self.shared.limits;
        lock(&self.servers).retain(|_, server| {
            server.close_idle(|idle| idle.since.elapsed() >= limits.max_idle);
            server.close_idle(|idle| !idle.is_usable(&self.shared));
            // A borrow in progress holds another reference, taken while this map was locked.
            Arc::strong_count(server) > 1 || server.has_records()
        });
        lock(&self.shared.forgotten).retain(|_, since| since.elapsed() < limits.max_life);
        self.resolver.clean_up();
    }

    /// Returns the number of servers that the pool knows.
    #[must_use]
    pub fn server_count(&self) -> usize {
        lock(&self.servers).len()
    }

    fn server(&self, places: Vec<ResolvedAddress>) -> Arc<Server> {
        let mut servers = lock(&self.servers);
        let new = || Arc::new(Server::new(self.shared.limits.sessions_per_server));
        Arc::clone(servers.entry(places).or_insert_with(new))
    }

    async fn open(
        &self,
        server: &Arc<Server>,
        settings: &ConnectionSettings,
    ) -> Result<IdleSession, DatabaseError> {
        let opened = Instant::now();
        let session = server.connect(settings).await?;
        let life = self.shared.limits.max_life.mul_f64(0.8 + 0.2 * fastrand::f64());
        Ok(IdleSession {
            settings: settings.clone(),
            session,
            opened,
            ends: opened + life,
            since: opened,
            overtaking: 0,
        })
    }
}

impl Shared {
    /// Returns whether a session with these settings that was opened then belongs to a login that was
    /// replaced since.
    fn is_forgotten(&self, settings: &ConnectionSettings, opened: Instant) -> bool {
        lock(&self.forgotten).get(settings).is_some_and(|since| opened <= *since)
    }
}

impl Borrowed {
    /// Resets the session and keeps it for the next borrower with the same settings, unless it is too
    /// old.
    pub async fn return_to_pool(self) {
        let Self { session, settings, opened, ends, overtaking, server, shared, permits } = self;
        let since = Instant::now();
        let idle = IdleSession { settings, session, opened, ends, since, overtaking };
        // A session beyond the limit is not kept.
        let is_kept = idle.is_usable(&shared) && permits.is_counted();
        if is_kept && idle.session.reset().await.is_ok() {
            server.store_idle(idle);
        }
    }

    /// Returns what a run has to ask before it takes long.
    #[must_use]
    pub fn long_run(&self) -> LongRun {
        let (server, permits) = (Arc::clone(&self.server), Arc::clone(&self.permits));
        LongRun { server, permits, max_wait: self.shared.limits.max_wait }
    }
}

impl LongRun {
    /// Waits until the run may take long, until its session is given back.
    ///
    /// # Errors
    /// Returns an error if for some seconds as many runs take long as may.
    pub async fn begin(&self) -> Result<(), BorrowError> {
        self.server.begin_long(&self.permits, self.max_wait).await
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
