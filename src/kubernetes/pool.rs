//! Few sessions per server, and no table that waits for another's dead server.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::postgres::{ConnectionSettings, DatabaseError, ErrorKind, ServerAddress, Session};

/// How long a session that nobody uses stays open.
const IDLE: Duration = Duration::from_mins(5);

/// How long nobody tries a server again that did not answer.
const PAUSE: Duration = Duration::from_secs(5);

/// Sessions to many servers.
pub(super) struct Pool {
    sessions_per_server: usize,
    servers: Mutex<HashMap<Vec<ServerAddress>, Arc<Server>>>,
}

/// The sessions to one server.
struct Server {
    permits: Arc<Semaphore>,
    state: Mutex<ServerState>,
}

#[derive(Default)]
struct ServerState {
    /// The most recently used last.
    idle: Vec<IdleSession>,
    /// Why it did not answer, and when.
    silence: Option<(DatabaseError, Instant)>,
}

struct IdleSession {
    settings: ConnectionSettings,
    session: Session,
    since: Instant,
}

/// A session that is nobody else's; dropped, it is closed.
pub(super) struct Borrowed {
    pub(super) session: Session,
    settings: ConnectionSettings,
    server: Arc<Server>,
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    pub(super) fn new(sessions_per_server: usize) -> Self {
        Self { sessions_per_server: sessions_per_server.max(1), servers: Mutex::default() }
    }

    /// A session with these settings, when the server has one to spare.
    pub(super) async fn borrow(
        &self,
        settings: &ConnectionSettings,
    ) -> Result<Borrowed, DatabaseError> {
        let server = self.server(settings);
        let permit =
            Arc::clone(&server.permits).acquire_owned().await.expect("nobody closes the semaphore");
        let session = match server.take_idle(settings)? {
            Some(session) => session,
            None => server.connect(settings).await?,
        };
        Ok(Borrowed { session, settings: settings.clone(), server, _permit: permit })
    }

    /// Closes the idle sessions with these settings, which hold no more.
    pub(super) fn forget(&self, settings: &ConnectionSettings) {
        lock(&self.server(settings).state).idle.retain(|idle| idle.settings != *settings);
    }

    /// Closes sessions that have been idle for long.
    pub(super) fn close_idle(&self) {
        for server in lock(&self.servers).values() {
            lock(&server.state)
                .idle
                .retain(|idle| idle.since.elapsed() < IDLE && !idle.session.is_closed());
        }
    }

    fn server(&self, settings: &ConnectionSettings) -> Arc<Server> {
        let mut servers = lock(&self.servers);
        let server = servers.entry(settings.servers.clone()).or_insert_with(|| {
            let permits = Arc::new(Semaphore::new(self.sessions_per_server));
            Arc::new(Server { permits, state: Mutex::default() })
        });
        Arc::clone(server)
    }
}

impl Server {
    /// An idle session with these settings. Where there is none, room is made for a new one, so that
    /// those in use and those idle are together no more than the server is to bear.
    fn take_idle(&self, settings: &ConnectionSettings) -> Result<Option<Session>, DatabaseError> {
        let mut state = lock(&self.state);
        state.idle.retain(|idle| !idle.session.is_closed());
        if let Some(at) = state.idle.iter().rposition(|idle| idle.settings == *settings) {
            return Ok(Some(state.idle.remove(at).session));
        }
        if let Some((error, since)) = &state.silence
            && since.elapsed() < PAUSE
        {
            return Err(error.clone().of_server(settings));
        }
        let free = self.permits.available_permits();
        let too_many = state.idle.len().saturating_sub(free);
        state.idle.drain(..too_many);
        Ok(None)
    }

    async fn connect(&self, settings: &ConnectionSettings) -> Result<Session, DatabaseError> {
        let connected = Session::connect(settings).await;
        lock(&self.state).silence = match &connected {
            Err(error) if error.kind() == ErrorKind::Unreachable => {
                Some((error.clone(), Instant::now()))
            }
            Ok(_) | Err(_) => None,
        };
        connected
    }
}

impl Borrowed {
    /// Keeps the session for the next who wants one like it.
    pub(super) fn give_back(self) {
        let Self { session, settings, server, _permit } = self;
        let idle = IdleSession { settings, session, since: Instant::now() };
        lock(&server.state).idle.push(idle);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
