//! Rounds: one inspection of many tables with nothing to do.
//!
//! A reconcile after which nothing is left to do leaves its table *quiet*, see [`quiet`]. The controller reconciles a
//! quiet table when its next step is due, after an edit, and about once an hour ([`QUIET_INTERVAL`]). In between, a
//! *round* inspects all quiet tables that have the same login. It begins every `--resync`, 5 minutes at most, with a
//! jitter of its own, and takes for each [`round::SET_SIZE`] tables:
//!
//! 1. one session, which counts among the sessions of the server like that of a reconcile,
//! 2. one statement that returns the digests of what an inspection would find,
//! 3. one transaction that renews the claims that the resources still have.
//!
//! If a table has the same digest as after its last inspection, and its claim is renewed, it is as the spec says.
//! Otherwise it is no longer quiet, and the controller reconciles it. So a round changes no table, and decides nothing
//! but which tables need a reconcile:
//!
//! | the round finds | |
//! |---|---|
//! | the digest has changed: DDL of another session, statistics, a failover, a clock that is wrong | reconcile |
//! | the claim belongs to another resource, or was deleted | reconcile |
//! | the Secret has other contents, or cannot be read | reconcile all tables of the login |
//! | there is no session, or a statement fails | reconcile the tables that are not inspected yet |
//! | the resource has another version than after the reconcile: another client wrote its status, for example | reconcile |
//! | the API server does not answer | another round after 10 s |
//!
//! Each login has a task of its own, so a database that does not answer delays only its own rounds. Without the Lease no
//! round begins. Edits, approvals, requests, `suspend`, deletion, and changed Secrets reach the controller as for every
//! other table: a reconcile takes its table out of the rounds before it does anything else.

pub(super) mod quiet;
mod round;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::sleep;

use super::backoff::jittered;
use super::context::Context;
use super::logins::Login;
use super::panics::contain;
use crate::postgres::CLAIM_RENEW_INTERVAL;

use quiet::Quiet;

/// Time until a quiet table is reconciled without any trigger.
pub(super) const QUIET_INTERVAL: Duration = Duration::from_hours(1);

/// Time until another round if the API server did not answer.
const RETRY_INTERVAL: Duration = Duration::from_secs(10);

/// All quiet tables.
#[derive(Default)]
pub(super) struct Rounds {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Quiet tables, by the UID of the resource.
    tables: HashMap<Arc<str>, Entry>,
    /// Resources of each login that has a task.
    logins: HashMap<Arc<Login>, HashSet<Arc<str>>>,
    /// Number of entries that were made, which distinguishes them.
    entries: u64,
}

#[derive(Clone)]
struct Entry {
    number: u64,
    login: Arc<Login>,
    quiet: Arc<Quiet>,
}

/// A quiet table that a round inspects.
struct Candidate {
    uid: Arc<str>,
    number: u64,
    quiet: Arc<Quiet>,
}

impl Rounds {
    /// Adds a table after a reconcile that left nothing to do.
    pub(super) fn add(&self, uid: &str, login: Arc<Login>, quiet: Quiet, context: &Arc<Context>) {
        if self.lock().add(uid, &login, quiet) {
            tokio::spawn(repeat(login, Arc::clone(context)));
        }
    }

    /// Removes a table, which is reconciled now.
    pub(super) fn remove(&self, uid: &str) {
        self.lock().remove(uid);
    }

    /// Removes the tables of resources that no longer exist.
    pub(super) fn retain(&self, exists: impl Fn(&str) -> bool) {
        let mut state = self.lock();
        let deleted: Vec<_> = state.tables.keys().filter(|uid| !exists(uid)).cloned().collect();
        for uid in deleted {
            state.remove(&uid);
        }
    }

    /// Returns the resources of a login, or `None` if there are none and the task of the login must end.
    fn resources_of(&self, login: &Arc<Login>) -> Option<Vec<Arc<str>>> {
        let mut state = self.lock();
        let resources = state.logins.get(login)?;
        if resources.is_empty() {
            state.logins.remove(login);
            return None;
        }
        Some(resources.iter().cloned().collect())
    }

    /// Returns those of the resources that are still quiet.
    fn candidates(&self, uids: &[Arc<str>]) -> Vec<Candidate> {
        let state = self.lock();
        let candidate = |uid: &Arc<str>| {
            let Entry { number, quiet, .. } = state.tables.get(uid)?;
            Some(Candidate { uid: Arc::clone(uid), number: *number, quiet: Arc::clone(quiet) })
        };
        uids.iter().filter_map(candidate).collect()
    }

    /// Returns whether no reconcile of the table has begun since the round did.
    fn is_quiet(&self, candidate: &Candidate) -> bool {
        self.lock().has(candidate)
    }

    /// Removes a table, and returns whether no reconcile of it has begun since the round did.
    fn remove_candidate(&self, candidate: &Candidate) -> bool {
        let mut state = self.lock();
        let is_quiet = state.has(candidate);
        if is_quiet {
            state.remove(&candidate.uid);
        }
        is_quiet
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Adds a table, and returns whether it is the first of its login, which has no task yet.
    fn add(&mut self, uid: &str, login: &Arc<Login>, quiet: Quiet) -> bool {
        self.remove(uid);
        self.entries += 1;
        let (uid, number): (Arc<str>, _) = (uid.into(), self.entries);
        let entry = Entry { number, login: Arc::clone(login), quiet: Arc::new(quiet) };
        self.tables.insert(Arc::clone(&uid), entry);
        let is_first = !self.logins.contains_key(login);
        self.logins.entry(Arc::clone(login)).or_default().insert(uid);
        is_first
    }

    fn has(&self, candidate: &Candidate) -> bool {
        self.tables.get(&candidate.uid).is_some_and(|entry| entry.number == candidate.number)
    }

    fn remove(&mut self, uid: &str) {
        if let Some(entry) = self.tables.remove(uid)
            && let Some(resources) = self.logins.get_mut(&entry.login)
        {
            resources.remove(uid);
        }
    }
}

/// Inspects the quiet tables of a login in rounds, until there are none.
async fn repeat(login: Arc<Login>, context: Arc<Context>) {
    let interval = context.resync.min(CLAIM_RENEW_INTERVAL);
    let mut pause = interval;
    loop {
        tokio::select! {
            () = sleep(jittered(pause)) => {}
            () = context.stop.cancelled() => return,
        }
        tokio::select! {
            biased;
            () = context.stop.cancelled() => return,
            () = context.leadership.acquired() => {}
        }
        let Some(uids) = context.rounds.resources_of(&login) else { return };
        let ended = tokio::select! {
            ended = contain(Box::pin(round::round(&login, &uids, &context))) => ended,
            () = context.stop.cancelled() => return,
        };
        pause = match ended {
            Ok(true) => interval,
            Ok(false) => interval.min(RETRY_INTERVAL),
            Err(panic) => {
                let (place, panic) = (panic.place, panic.message);
                tracing::error!(place, panic, "round panicked");
                // A table that causes a panic reports it in a reconcile of its own.
                round::reconcile_all(&login, &uids, &context).await;
                interval
            }
        };
    }
}

#[cfg(test)]
mod tests;
