//! Index builds in progress, and the results of the last ones.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::plan::{Plan, Step};
use crate::status::Failure;

/// Builds of all tables, by the UID of the resource.
pub(super) struct IndexBuilds {
    tables: Mutex<HashMap<String, TableBuilds>>,
    running: watch::Sender<usize>,
}

/// Builds of one table.
#[derive(Default)]
struct TableBuilds {
    run: Option<Run>,
    /// Steps that failed in the last run.
    failed: Vec<(Step, Failure)>,
    /// Whether no reconcile has reported these yet.
    is_unreported: bool,
}

/// Builds in progress.
struct Run {
    cancel: CancellationToken,
    /// Closed when the run ends.
    ended: watch::Receiver<()>,
    /// First step and why it waits, until it has a session.
    waiting: Option<(Step, Failure)>,
}

/// Belongs to the task of a run. The run ends with it.
pub(super) struct BuildRun {
    uid: String,
    builds: Arc<IndexBuilds>,
    pub(super) cancel: CancellationToken,
    _ended: watch::Sender<()>,
}

impl Default for IndexBuilds {
    fn default() -> Self {
        Self { tables: Mutex::default(), running: watch::Sender::new(0) }
    }
}

impl IndexBuilds {
    /// Interrupts the builds of a table that is suspended or deleted.
    pub(super) fn cancel(&self, uid: &str) {
        if let Some(run) = lock(&self.tables).get(uid).and_then(|builds| builds.run.as_ref()) {
            run.cancel.cancel();
        }
    }

    /// Interrupts the builds of resources that no longer exist, and removes their records.
    pub(super) fn retain(&self, existing: &HashSet<String>) {
        lock(&self.tables).retain(|uid, builds| {
            if let Some(run) = builds.run.as_ref().filter(|_| !existing.contains(uid)) {
                run.cancel.cancel();
            }
            existing.contains(uid) || builds.run.is_some()
        });
    }

    /// Waits until no builds are in progress.
    pub(super) async fn all_ended(&self) {
        // The sender is part of `self`, so that this does not fail.
        drop(self.running.subscribe().wait_for(|running| *running == 0).await);
    }

    /// Returns the steps that failed or wait for a session, and that the plan still has.
    pub(super) fn failures(&self, uid: &str, remaining: &Plan) -> Vec<(Step, Failure)> {
        let is_left = |(step, _): &&(Step, Failure)| {
            remaining.steps.iter().any(|planned| planned.step == *step)
        };
        let tables = lock(&self.tables);
        let Some(builds) = tables.get(uid) else { return Vec::new() };
        let waiting = builds.run.as_ref().and_then(|run| run.waiting.as_ref());
        builds.failed.iter().chain(waiting).filter(is_left).cloned().collect()
    }

    /// Returns the arguments of a new run of builds, or `None` if one is in progress, or the last one failed and
    /// no reconcile has reported it yet.
    pub(super) fn begin(self: &Arc<Self>, uid: &str, waiting: (Step, Failure)) -> Option<BuildRun> {
        let mut tables = lock(&self.tables);
        let builds = tables.entry(uid.to_owned()).or_default();
        if builds.run.is_some() || std::mem::take(&mut builds.is_unreported) {
            return None;
        }
        let (sender, ended) = watch::channel(());
        let cancel = CancellationToken::new();
        builds.run = Some(Run { cancel: cancel.clone(), ended, waiting: Some(waiting) });
        self.running.send_modify(|running| *running += 1);
        Some(BuildRun { uid: uid.to_owned(), builds: Arc::clone(self), cancel, _ended: sender })
    }

    pub(super) fn ended(&self, uid: &str) -> Option<watch::Receiver<()>> {
        Some(lock(&self.tables).get(uid)?.run.as_ref()?.ended.clone())
    }
}

impl BuildRun {
    /// Records that the run has a session.
    pub(super) fn has_session(&self) {
        if let Some(builds) = lock(&self.builds.tables).get_mut(&self.uid)
            && let Some(run) = &mut builds.run
        {
            run.waiting = None;
        }
    }

    /// Records the steps that failed, for the next reconcile to report.
    pub(super) fn report(&self, failed: Vec<(Step, Failure)>) {
        if let Some(builds) = lock(&self.builds.tables).get_mut(&self.uid) {
            builds.is_unreported = !failed.is_empty();
            builds.failed = failed;
        }
    }
}

impl Drop for BuildRun {
    fn drop(&mut self) {
        if let Some(builds) = lock(&self.builds.tables).get_mut(&self.uid) {
            builds.run = None;
        }
        self.builds.running.send_modify(|running| *running = running.saturating_sub(1));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
