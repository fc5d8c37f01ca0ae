//! The operator's [`Authority`]: whether a resource still requests what a run does.
//!
//! A reconcile can wait for a session and work for hours, and kube-runtime starts no second one of the
//! same resource meanwhile. So the run itself finds out that its resource was edited, suspended, or
//! deleted.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use kube::{Api, Client, ResourceExt};
use tokio::time::{sleep, timeout};

use super::context::Context;
use super::leader::Leadership;
use super::tables::Tables;
use super::watched::Watched;
use crate::api::v1alpha1::{ADOPT_ANNOTATION, APPROVE_ANNOTATION, PartitionedTable};
use crate::postgres::{Authority, Certainty, LongRun, Ruling, RulingFuture};

/// Time for the API server to confirm a resource. The answer shows the resource at the time of the request or
/// later, so a step that begins then is at most this far behind an edit.
const CONFIRM_TIMEOUT: Duration = Duration::from_millis(800);

/// Number of requests to the API server before a step is skipped in this run, and the pause between them.
const MAX_CONFIRM_ATTEMPTS: usize = 3;
const CONFIRM_RETRY_INTERVAL: Duration = Duration::from_millis(200);

/// Parts of a resource that a run depends on. If one of them changes, the run ends.
#[derive(Debug, Clone, PartialEq, Eq)]
struct RequestedState {
    /// Identifies the object: another object of the same name has another UID.
    uid: Option<String>,
    /// Changes with every edit of the spec, `suspend` and `mode` included.
    generation: Option<i64>,
    is_deleting: bool,
    approve: Option<String>,
    adopt: Option<String>,
}

impl RequestedState {
    fn from_object(object: &impl ResourceExt) -> Self {
        let annotation = |name: &str| object.annotations().get(name).cloned();
        Self {
            uid: object.uid(),
            generation: object.meta().generation,
            is_deleting: object.meta().deletion_timestamp.is_some(),
            approve: annotation(APPROVE_ANNOTATION),
            adopt: annotation(ADOPT_ANNOTATION),
        }
    }
}

/// A resource as it was when a run began.
pub(super) struct ResourceAuthority {
    tables: Arc<Tables>,
    leadership: Arc<Leadership>,
    client: Client,
    namespace: String,
    name: String,
    requested: RequestedState,
}

impl ResourceAuthority {
    pub(super) fn new(watched: &Watched, context: &Context) -> Self {
        Self {
            tables: Arc::clone(&context.tables),
            leadership: Arc::clone(&context.leadership),
            client: context.client.clone(),
            namespace: watched.namespace().unwrap_or_default(),
            name: watched.name_any(),
            requested: RequestedState::from_object(watched),
        }
    }

    /// Returns whether the resource is unchanged since the run began, as far as the watch has reported, and this
    /// replica still leads.
    pub(super) fn is_current(&self) -> bool {
        if !self.leadership.is_held() {
            return false;
        }
        let current = self.tables.current(&self.namespace, &self.name);
        current.is_some_and(|watched| RequestedState::from_object(&*watched) == self.requested)
    }

    /// Waits until the watch reports a change since the run began.
    pub(super) async fn superseded(&self) {
        let changes = self.tables.changes(self.requested.uid.as_deref().unwrap_or_default());
        loop {
            let mut change = pin!(changes.notified());
            change.as_mut().enable();
            if !self.is_current() {
                return;
            }
            change.await;
        }
    }

    /// Requests the current resource from the API server: a watch can be late, or interrupted.
    async fn confirm(&self) -> Ruling {
        let resources: Api<PartitionedTable> =
            Api::namespaced(self.client.clone(), &self.namespace);
        let mut why = String::new();
        for attempt in 0..MAX_CONFIRM_ATTEMPTS {
            if attempt > 0 {
                sleep(CONFIRM_RETRY_INTERVAL).await;
            }
            let answer = timeout(CONFIRM_TIMEOUT, resources.get_metadata_opt(&self.name)).await;
            why = match answer {
                Ok(Ok(found)) => {
                    let is_current =
                        |object| RequestedState::from_object(&object) == self.requested;
                    return if found.is_some_and(is_current) {
                        Ruling::Granted
                    } else {
                        Ruling::Revoked
                    };
                }
                Ok(Err(error)) => format!("the API server rejected the request: {error}"),
                Err(_) => {
                    format!("the API server did not respond within {CONFIRM_TIMEOUT:?}")
                }
            };
        }
        Ruling::Unconfirmed(why)
    }
}

impl Authority for ResourceAuthority {
    fn ask(&self, certainty: Certainty) -> RulingFuture<'_> {
        Box::pin(async move {
            if !self.is_current() {
                return Ruling::Revoked;
            }
            match certainty {
                Certainty::Known => Ruling::Granted,
                Certainty::Confirmed => self.confirm().await,
            }
        })
    }
}

/// Authority of a run that uses one of the sessions of a server.
#[derive(Debug)]
pub(super) struct RunAuthority {
    authority: Arc<ResourceAuthority>,
    long_run: LongRun,
}

impl RunAuthority {
    pub(super) fn new(authority: &Arc<ResourceAuthority>, long_run: LongRun) -> Self {
        Self { authority: Arc::clone(authority), long_run }
    }
}

impl Authority for RunAuthority {
    fn ask(&self, certainty: Certainty) -> RulingFuture<'_> {
        self.authority.ask(certainty)
    }

    fn long_run(&self) -> Option<&LongRun> {
        Some(&self.long_run)
    }
}

impl fmt::Debug for ResourceAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { namespace, name, requested, .. } = self;
        f.debug_struct("StillAsked")
            .field("namespace", namespace)
            .field("name", name)
            .field("followed", requested)
            .finish_non_exhaustive()
    }
}
