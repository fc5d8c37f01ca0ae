//! Logins that several resources share.
//!
//! Resources of a namespace whose `spec.database` is the same have the same login. If many of them need it at the same
//! time, at a start for example, one of them reads the Secret for all. A read counts for a resource only if it began
//! after the resource asked, so that a reconcile never uses a Secret from before the change that triggered it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use kube::{Client, ResourceExt};
use tokio::sync::Semaphore;

use super::ClusterError;
use super::failure::ReconcileError;
use super::login;
use crate::api::v1alpha1::{Database, PartitionedTable};
use crate::postgres::ConnectionSettings;

/// Parts of a resource that its login depends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Login {
    pub(super) namespace: String,
    pub(super) database: Option<Database>,
}

/// The logins of all resources.
#[derive(Default)]
pub(super) struct Logins {
    reads: Mutex<HashMap<Arc<Login>, Arc<LastRead>>>,
}

/// Last read of a login. Locked while the Secret is read: other resources wait for the result.
type LastRead = tokio::sync::Mutex<Option<Read>>;

struct Read {
    began: Instant,
    result: Result<Arc<ConnectionSettings>, ReconcileError>,
}

impl Login {
    fn new(table: &PartitionedTable) -> Self {
        let namespace = table.namespace().unwrap_or_default();
        Self { namespace, database: table.spec.database.clone() }
    }
}

impl Logins {
    /// Returns the login of a resource. Resources with the same login share it in memory.
    pub(super) fn of(&self, table: &PartitionedTable) -> Arc<Login> {
        let login = Login::new(table);
        let mut reads = lock(&self.reads);
        if let Some((known, _)) = reads.get_key_value(&login) {
            return Arc::clone(known);
        }
        let login = Arc::new(login);
        reads.insert(Arc::clone(&login), Arc::default());
        login
    }

    /// Returns the connection settings of a login, from a read that begins after this call.
    pub(super) async fn settings(
        &self,
        login: &Login,
        client: &Client,
        requests: &Semaphore,
    ) -> Result<Arc<ConnectionSettings>, ReconcileError> {
        let asked = Instant::now();
        let read = move || async move {
            // An error only if the semaphore is closed, which it never is.
            let _asking = requests.acquire().await;
            // Thousands of resources can wait for one read: only the one that reads has its state.
            Box::pin(login::settings(&login.namespace, login.database.as_ref(), client)).await
        };
        read_once(&self.last_read(login), asked, read).await
    }

    fn last_read(&self, login: &Login) -> Arc<LastRead> {
        let mut reads = lock(&self.reads);
        if let Some(last) = reads.get(login) {
            return Arc::clone(last);
        }
        Arc::clone(reads.entry(Arc::new(login.clone())).or_default())
    }

    /// Forgets logins that no resource uses.
    pub(super) fn clean_up(&self) {
        lock(&self.reads).retain(|login, last| {
            Arc::strong_count(login) > 1
                || Arc::strong_count(last) > 1
                || last.try_lock().map_or(true, |last| is_used(last.as_ref()))
        });
    }
}

/// Returns the result of the last read if it began after `asked`; otherwise reads.
async fn read_once<F: Future<Output = Result<ConnectionSettings, ReconcileError>>>(
    last: &LastRead,
    asked: Instant,
    read: impl FnOnce() -> F,
) -> Result<Arc<ConnectionSettings>, ReconcileError> {
    let mut last = last.lock().await;
    if let Some(known) = &*last
        && known.began >= asked
    {
        return share(&known.result);
    }
    let began = Instant::now();
    let former = last.take().and_then(|known| known.result.ok());
    // Thousands may wait for the lock; only one of them has a request. Resources share what has not changed.
    let result = Box::pin(read()).await.map(|found| match former {
        Some(former) if *former == found => former,
        Some(_) | None => Arc::new(found),
    });
    let shared = share(&result);
    *last = Some(Read { began, result });
    shared
}

/// Returns whether a resource has the settings that were read.
fn is_used(last: Option<&Read>) -> bool {
    let settings = last.and_then(|read| read.result.as_ref().ok());
    settings.is_some_and(|settings| Arc::strong_count(settings) > 1)
}

/// Returns a result for another reconcile.
fn share(
    result: &Result<Arc<ConnectionSettings>, ReconcileError>,
) -> Result<Arc<ConnectionSettings>, ReconcileError> {
    match result {
        Ok(settings) => Ok(Arc::clone(settings)),
        Err(ReconcileError::Of(failure)) => Err(ReconcileError::Of(failure.clone())),
        Err(error) => Err(ReconcileError::Cluster(ClusterError::Shared(error.to_string()))),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::sync::Arc;
    use std::time::Instant;

    use futures::FutureExt;
    use tokio::sync::oneshot;

    use super::{LastRead, read_once};
    use crate::kubernetes::failure::ReconcileError;
    use crate::postgres::ConnectionSettings;

    fn settings(user: &str) -> ConnectionSettings {
        let url = format!("postgres://{user}@localhost/d");
        ConnectionSettings::from_url(&url).expect("a URL")
    }

    #[tokio::test]
    async fn resources_that_ask_before_a_read_begins_share_it() {
        let (last, asked) = (LastRead::default(), Instant::now());
        let first = read_once(&last, asked, || ready(Ok(settings("a")))).await.expect("a login");
        let second = read_once(&last, asked, || ready(Ok(settings("b")))).await.expect("a login");
        assert!(Arc::ptr_eq(&first, &second));
        let failed = || ready(Err(ReconcileError::Superseded));
        let later = read_once(&last, Instant::now(), failed).await;
        assert!(later.is_err(), "the read began before this resource asked");
    }

    #[tokio::test]
    async fn resource_that_asks_during_a_read_waits_and_reads_again() {
        let last = LastRead::default();
        let (answer, answered) = oneshot::channel::<()>();
        let slow = || async move {
            drop(answered.await);
            Ok(settings("a"))
        };
        let mut slow = Box::pin(read_once(&last, Instant::now(), slow));
        assert!((&mut slow).now_or_never().is_none());
        let mut other = Box::pin(read_once(&last, Instant::now(), || ready(Ok(settings("b")))));
        assert!((&mut other).now_or_never().is_none());
        answer.send(()).expect("a read that waits");
        assert_eq!(slow.await.ok().as_deref(), Some(&settings("a")));
        assert_eq!(other.await.ok().as_deref(), Some(&settings("b")));
    }

    #[tokio::test]
    async fn unchanged_login_stays_shared() {
        let last = LastRead::default();
        let read = async |user| {
            read_once(&last, Instant::now(), || ready(Ok(settings(user)))).await.expect("a login")
        };
        let (first, same, other) = (read("a").await, read("a").await, read("b").await);
        assert!(Arc::ptr_eq(&first, &same));
        assert_ne!(first, other);
    }
}
