//! Sessions to one server, and the state of a server that does not respond.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::queue::{Login, Queue, Urgency};
use super::{BorrowError, PoolLimits, Shared, lock};
use crate::postgres::{ConnectionSettings, DatabaseError, ErrorKind, Session};

/// Time for which a server that did not answer is not tried again.
const LOGIN_RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// Longest wait for a session while other sessions become free. It is longer than any allowance of the queue, so that a run
/// leaves the queue only if the server cannot keep up.
const MAX_QUEUE_WAIT: Duration = Duration::from_mins(10);

/// Number of runs in sequence that may use a session before the first run of the queue, which has another login.
const MAX_OVERTAKING: u32 = 32;

/// The sessions to one server.
pub(super) struct Server {
    permits: Arc<Semaphore>,
    queue: Queue,
    /// For work that may take hours: a part of `permits`, and one more if that is a single one.
    long_permits: Arc<Semaphore>,
    limit: usize,
    state: Mutex<ServerState>,
    hasher: RandomState,
}

/// Permits of a session in use.
#[derive(Debug)]
pub(super) struct Permits {
    session: Mutex<Option<OwnedSemaphorePermit>>,
    long: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Permits {
    fn new(session: Option<OwnedSemaphorePermit>, long: Option<OwnedSemaphorePermit>) -> Self {
        Self { session: Mutex::new(session), long: Mutex::new(long) }
    }

    /// Returns whether the session counts as one of the server's.
    pub(super) fn is_counted(&self) -> bool {
        lock(&self.session).is_some()
    }
}

#[derive(Default)]
struct ServerState {
    /// The most recently used last.
    idle: Vec<IdleSession>,
    /// Last time at which a session was lent.
    last_turn: Option<Instant>,
    /// Last time at which the server answered a login, with a session or an error.
    answered: Option<Instant>,
    /// Last time at which the server did not answer.
    silent: Option<Instant>,
    /// Logins that failed, why, and when. One login never learns the answer to another.
    failed: HashMap<ConnectionSettings, (DatabaseError, Instant)>,
}

/// A session between two uses.
pub(super) struct IdleSession {
    pub(super) settings: ConnectionSettings,
    pub(super) session: Session,
    pub(super) opened: Instant,
    /// Time at which the session is too old.
    pub(super) ends: Instant,
    /// Last use of the session.
    pub(super) since: Instant,
    /// Number of runs that have used it, one after the other, before the first run of the queue.
    pub(super) overtaking: u32,
}

impl IdleSession {
    pub(super) fn is_usable(&self, shared: &Shared) -> bool {
        !self.session.is_closed()
            && Instant::now() < self.ends
            && !shared.is_forgotten(&self.settings, self.opened)
    }
}

impl Server {
    pub(super) fn new(limit: usize) -> Self {
        let permits = Arc::new(Semaphore::new(limit));
        let long_permits = Arc::new(Semaphore::new(long_limit(limit)));
        Self {
            permits,
            queue: Queue::default(),
            long_permits,
            limit,
            state: Mutex::default(),
            hasher: RandomState::new(),
        }
    }

    /// Waits for a session that may be used for hours, in order of arrival.
    pub(super) async fn acquire_long(&self) -> Result<Permits, BorrowError> {
        let none = |_| self.no_long_session();
        let long = Arc::clone(&self.long_permits).acquire_owned().await.map_err(none)?;
        let session = if self.limit == 1 {
            None
        } else {
            Some(Arc::clone(&self.permits).acquire_owned().await.map_err(none)?)
        };
        Ok(Permits::new(session, Some(long)))
    }

    /// Lets the user of a session take long from now on.
    pub(super) async fn begin_long(
        &self,
        permits: &Permits,
        max_wait: Duration,
    ) -> Result<(), BorrowError> {
        if lock(&permits.long).is_some() {
            return Ok(());
        }
        let acquiring = Arc::clone(&self.long_permits).acquire_owned();
        let Ok(Ok(permit)) = timeout(max_wait, acquiring).await else {
            return Err(self.no_long_session());
        };
        *lock(&permits.long) = Some(permit);
        if self.limit == 1 {
            // Short work has the single session; this one is now one more.
            lock(&permits.session).take();
        }
        Ok(())
    }

    fn no_long_session(&self) -> BorrowError {
        BorrowError::NoLongSession { sessions: long_limit(self.limit) }
    }

    /// Waits for a session to be free, in the order of the queue. Returns also whether the run overtook another one.
    pub(super) async fn acquire(
        &self,
        limits: &PoolLimits,
        settings: &ConnectionSettings,
        urgency: Urgency,
    ) -> Result<(Permits, bool), BorrowError> {
        let began = Instant::now();
        let run = (urgency, self.login(settings));
        let mut acquiring = pin!(self.queue.turn(run, &self.permits, || self.idle_logins()));
        let mut timeout_left = limits.max_wait;
        loop {
            if let Ok(Ok(turn)) = timeout(timeout_left, &mut acquiring).await {
                lock(&self.state).last_turn = Some(Instant::now());
                return Ok((Permits::new(Some(turn.permit), None), turn.overtook));
            }
            // A long queue that moves is not a reason to leave it.
            let last_turn = lock(&self.state).last_turn.map_or(began, |turn| turn.max(began));
            let (standing, waited) = (last_turn.elapsed(), began.elapsed());
            if standing >= limits.max_wait || waited >= MAX_QUEUE_WAIT {
                return Err(BorrowError::Exhausted { sessions: self.limit, waited });
            }
            timeout_left = limits.max_wait.saturating_sub(standing);
        }
    }

    fn login(&self, settings: &ConnectionSettings) -> Login {
        self.hasher.hash_one(settings)
    }

    /// Returns the logins of the idle sessions that a run may use before the first one of the queue.
    fn idle_logins(&self) -> Vec<Login> {
        let state = lock(&self.state);
        let idle = state.idle.iter().filter(|idle| idle.overtaking < MAX_OVERTAKING);
        idle.map(|idle| self.login(&idle.settings)).collect()
    }

    /// Returns an idle session with these settings, for a run that overtook another one or did not. If there is none, makes
    /// room for a new one, so that the sessions in use and the idle ones are together no more than the limit.
    pub(super) fn take_idle(
        &self,
        settings: &ConnectionSettings,
        overtook: bool,
        shared: &Shared,
    ) -> Option<IdleSession> {
        let mut state = lock(&self.state);
        state.idle.retain(|idle| idle.is_usable(shared));
        if let Some(at) = state.idle.iter().rposition(|idle| idle.settings == *settings) {
            let mut idle = state.idle.remove(at);
            idle.overtaking = if overtook { idle.overtaking + 1 } else { 0 };
            return Some(idle);
        }
        self.make_room(&mut state);
        None
    }

    /// Reserves one more session, or returns `None` if the limit is reached.
    fn try_reserve(&self) -> Option<OwnedSemaphorePermit> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        self.make_room(&mut lock(&self.state));
        Some(permit)
    }

    fn make_room(&self, state: &mut ServerState) {
        let free = self.permits.available_permits();
        let too_many = state.idle.len().saturating_sub(free);
        state.idle.drain(..too_many);
    }

    /// Opens a session, unless the same login failed or the server was silent in the last seconds.
    pub(super) async fn connect(
        self: &Arc<Self>,
        settings: &ConnectionSettings,
    ) -> Result<Session, DatabaseError> {
        if let Some(error) = lock(&self.state).known_failure(settings) {
            return Err(error);
        }
        let began = Instant::now();
        let connected = Session::connect(settings).await;
        lock(&self.state).connected(settings, began, &connected);
        // The pool keeps idle sessions: a strong reference would keep the pool.
        let server = Arc::downgrade(self);
        let reserve = move || server.upgrade()?.try_reserve();
        connected.map(|session| session.with_limit(Box::new(reserve)))
    }

    pub(super) fn store_idle(&self, idle: IdleSession) {
        lock(&self.state).idle.push(idle);
    }

    pub(super) fn close_idle(&self, ends: impl Fn(&IdleSession) -> bool) {
        lock(&self.state).idle.retain(|idle| !ends(idle));
    }

    /// Returns whether something about the server is worth remembering although no session is in use.
    pub(super) fn has_records(&self) -> bool {
        let mut state = lock(&self.state);
        state.failed.retain(|_, (_, since)| since.elapsed() < LOGIN_RETRY_INTERVAL);
        let is_silent = state.silent.is_some_and(|since| since.elapsed() < LOGIN_RETRY_INTERVAL);
        is_silent || !state.failed.is_empty() || !state.idle.is_empty()
    }
}

/// Half of the sessions, so that the other half is always there for short work.
fn long_limit(sessions: usize) -> usize {
    (sessions / 2).max(1)
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl ServerState {
    /// Returns why a login would fail, as far as that was seen in the last seconds.
    fn known_failure(&self, settings: &ConnectionSettings) -> Option<DatabaseError> {
        if let Some((error, since)) = self.failed.get(settings)
            && since.elapsed() < LOGIN_RETRY_INTERVAL
        {
            return Some(error.clone().with_server(settings));
        }
        self.silent.filter(|since| since.elapsed() < LOGIN_RETRY_INTERVAL)?;
        let message = "the server did not answer another login a few seconds ago: check that it runs \
                       and that the operator can reach it";
        Some(DatabaseError::new(ErrorKind::Unreachable, message).with_server(settings))
    }

    /// Remembers how an attempt to log in ended. What the server answers concerns one login: its role
    /// may have no connection left. Only a server that gave no answer at all is silent for all logins.
    fn connected(
        &mut self,
        settings: &ConnectionSettings,
        began: Instant,
        result: &Result<Session, DatabaseError>,
    ) {
        let now = Instant::now();
        let unreachable = match result {
            Err(error) if error.kind() == ErrorKind::Unreachable => Some(error),
            Ok(_) | Err(_) => None,
        };
        self.failed.retain(|_, (_, since)| since.elapsed() < LOGIN_RETRY_INTERVAL);
        match unreachable {
            Some(error) => {
                self.failed.insert(settings.clone(), (error.clone(), now));
            }
            None => {
                self.failed.remove(settings);
            }
        }
        let is_silent = unreachable.is_some_and(|error| error.sqlstate().is_none());
        if !is_silent {
            self.answered = Some(now);
            self.silent = None;
        } else if self.answered.is_none_or(|answered| answered < began) {
            self.silent = Some(now);
        }
    }
}
