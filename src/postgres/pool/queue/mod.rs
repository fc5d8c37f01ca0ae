//! The order in which runs get a session of a server: those whose work is needed first come first.
//!
//! Each run has a place, which is its arrival plus an allowance for its [`Urgency`]; the earliest place is next. So a run
//! that is less urgent comes later, but never waits for runs that arrive after its allowance has passed.
//!
//! A session belongs to one login and one database, and a new one costs the server more than most runs. So the first run
//! passes its turn on to a run that is as urgent and can use an idle session, even one that arrived later. The pool limits how often
//! it does so for each session.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::{AcquireError, Notify, OwnedSemaphorePermit, Semaphore, oneshot};

use super::lock;

/// Urgency of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// New rows have no partition, or will have none within minutes.
    Now,
    /// A partition for a later period is missing.
    Soon,
    /// Any other work, such as retention, an index, or an inspection.
    Later,
}

impl Urgency {
    /// Returns the time by which more urgent runs that arrive later may overtake the run.
    const fn allowance(self) -> Duration {
        match self {
            Self::Now => Duration::ZERO,
            Self::Soon => Duration::from_mins(2),
            Self::Later => Duration::from_mins(5),
        }
    }
}

/// Identifies the settings of a session. If different settings have the same number by chance, a run is only next too early.
pub(super) type Login = u64;

/// Time from which a run is next, and its number in the order of arrivals.
type Key = (Instant, u64);

/// The runs that wait for a session of one server.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    arrivals: AtomicU64,
}

/// The same runs in their order, and in the order of each login.
#[derive(Debug, Default)]
struct Waiting {
    runs: BTreeMap<Key, Run>,
    by_login: BTreeSet<(Login, Key)>,
}

#[derive(Debug)]
struct Run {
    login: Login,
    urgency: Urgency,
    moved: Arc<Notify>,
    sender: oneshot::Sender<Turn>,
}

/// The permit for a session.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) permit: OwnedSemaphorePermit,
    /// Whether the run overtook the first one, because a session that it can use is idle.
    pub(super) overtook: bool,
}

impl Queue {
    /// Waits until a run is next, and for a permit. `idle` returns the logins of idle sessions that may be used before the
    /// first run gets a session.
    ///
    /// # Errors
    /// Returns an error if there are no permits any more.
    pub(super) async fn turn(
        &self,
        (urgency, login): (Urgency, Login),
        permits: &Arc<Semaphore>,
        idle: impl Fn() -> Vec<Login>,
    ) -> Result<Turn, AcquireError> {
        let mut place = self.enter(urgency, login);
        loop {
            let permit = tokio::select! {
                biased;
                Ok(turn) = &mut place.receiver => return Ok(turn),
                permit = first(self, place.key, &place.moved, permits) => permit?,
            };
            if let Some(turn) = self.grant(place.key, permit, &idle()) {
                return Ok(turn);
            }
        }
    }

    fn enter(&self, urgency: Urgency, login: Login) -> Place<'_> {
        let arrival = self.arrivals.fetch_add(1, Ordering::Relaxed);
        let key = (Instant::now() + urgency.allowance(), arrival);
        let moved = Arc::new(Notify::new());
        let (sender, receiver) = oneshot::channel();
        let run = Run { login, urgency, moved: Arc::clone(&moved), sender };
        lock(&self.waiting).insert(key, run);
        Place { queue: self, key, moved, receiver }
    }

    fn is_first(&self, key: Key) -> bool {
        lock(&self.waiting).runs.keys().next() == Some(&key)
    }

    /// Grants a permit that this run got to the run that is next. Returns it if that is this run.
    fn grant(&self, key: Key, permit: OwnedSemaphorePermit, idle: &[Login]) -> Option<Turn> {
        let mut waiting = lock(&self.waiting);
        let mut turn = Turn { permit, overtook: false };
        loop {
            let (next, overtook) = waiting.next(idle)?;
            turn.overtook = overtook;
            if next == key {
                return Some(turn);
            }
            // A run that has ended has dropped the receiver.
            turn = waiting.remove(next)?.sender.send(turn).err()?;
        }
    }
}

impl Waiting {
    fn insert(&mut self, key: Key, run: Run) {
        self.by_login.insert((run.login, key));
        self.runs.insert(key, run);
    }

    fn remove(&mut self, key: Key) -> Option<Run> {
        let run = self.runs.remove(&key)?;
        self.by_login.remove(&(run.login, key));
        Some(run)
    }

    /// Returns the run that is next if sessions of these logins are idle, and whether it overtakes the first run: the first
    /// run, or the earliest one with such a login that is as urgent as the first.
    fn next(&self, idle: &[Login]) -> Option<(Key, bool)> {
        let (earliest, first) = self.runs.first_key_value()?;
        let next_of = |login: &Login| {
            let (found, key) = self.by_login.range((*login, *earliest)..).next()?;
            let is_as_urgent = self.runs.get(key)?.urgency <= first.urgency;
            (found == login && is_as_urgent).then_some(*key)
        };
        let next = idle.iter().filter_map(next_of).min().unwrap_or(*earliest);
        Some((next, next != *earliest))
    }
}

/// Waits until no other run comes before this one, and for a permit.
async fn first(
    queue: &Queue,
    key: Key,
    moved: &Notify,
    permits: &Arc<Semaphore>,
) -> Result<OwnedSemaphorePermit, AcquireError> {
    while !queue.is_first(key) {
        moved.notified().await;
    }
    Arc::clone(permits).acquire_owned().await
}

/// Place of one run. Dropping it leaves the queue.
struct Place<'a> {
    queue: &'a Queue,
    key: Key,
    moved: Arc<Notify>,
    receiver: oneshot::Receiver<Turn>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut waiting = lock(&self.queue.waiting);
        waiting.remove(self.key);
        if let Some((_, first)) = waiting.runs.first_key_value() {
            first.moved.notify_one();
        }
    }
}

#[cfg(test)]
mod tests;
