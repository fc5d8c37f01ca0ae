//! Leader election: the replica that holds the Lease leads.
//!
//! A Lease cannot fence: a leader that was stopped for a while may still act when it wakes. What it
//! does to a table is fenced by the advisory lock there; this only keeps replicas out of each
//! other's way. So a leader that cannot renew the Lease begins no further step, but ends none that runs
//! (ADR 9).

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// Which Lease to hold, and how.
#[derive(Debug, Clone)]
pub struct LeaseSettings {
    /// The Lease's name.
    pub name: String,
    /// Namespace of the Lease; `None` for that of the client.
    pub namespace: Option<String>,
    /// Identity of this process, unique among all processes.
    pub identity: String,
    /// Time after the last renewal at which another replica takes over.
    pub duration: Duration,
    /// After how long without success the leader gives up.
    pub renew_deadline: Duration,
    /// Interval between two renewals, and timeout of one.
    pub retry_period: Duration,
}

/// Whether this replica leads. It does not before it has won the Lease.
#[derive(Debug, Default)]
pub(super) struct Leadership {
    is_leader: watch::Sender<bool>,
    installation: Mutex<String>,
}

impl Leadership {
    pub(super) fn is_held(&self) -> bool {
        *self.is_leader.borrow()
    }

    /// Waits until this replica leads.
    pub(super) async fn acquired(&self) {
        // The sender lives as long as this.
        drop(self.is_leader.subscribe().wait_for(|is_leader| *is_leader).await);
    }

    /// Identity of this installation with all its replicas and restarts: the UID of
    /// the Lease that was won last.
    pub(super) fn installation(&self) -> String {
        self.installation.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn begin(&self, election: &Election) {
        let installation = election.uid.clone().unwrap_or_default();
        *self.installation.lock().unwrap_or_else(PoisonError::into_inner) = installation;
        self.is_leader.send_replace(true);
    }

    pub(super) fn revoke(&self) {
        self.is_leader.send_replace(false);
    }
}

/// A replica that wants to lead, or does.
pub(super) struct Election {
    leases: Api<Lease>,
    settings: LeaseSettings,
    /// The version of the Lease seen last, and when it was seen first. Others' clocks may be wrong;
    /// how long we have seen nothing change is not.
    last_change: Option<(String, Instant)>,
    /// The UID of the Lease.
    uid: Option<String>,
    /// Last time at which the Lease was acquired or renewed.
    renewed: Option<Instant>,
}

/// Holder of the Lease after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LeaseHolder {
    Us,
    Another,
    /// Another replica wrote at the same time.
    Undecided,
}

impl Election {
    /// `client` must not retry by itself: an attempt that outlives its deadline holds nothing.
    pub(super) fn new(client: Client, settings: LeaseSettings) -> Self {
        let leases = match &settings.namespace {
            Some(namespace) => Api::namespaced(client, namespace),
            None => Api::default_namespaced(client),
        };
        Self { leases, settings, last_change: None, uid: None, renewed: None }
    }

    /// Waits until this process has acquired the Lease.
    pub(super) async fn acquire(&mut self) {
        loop {
            let began = Instant::now();
            match self.attempt_in_time().await {
                Ok(LeaseHolder::Us) => {
                    self.renewed = Some(began);
                    return;
                }
                Ok(LeaseHolder::Another | LeaseHolder::Undecided) => {}
                Err(reason) => tracing::warn!(%reason, "could not read or write the Lease"),
            }
            sleep(self.settings.retry_period.mul_f64(1.0 + fastrand::f64() * 0.2)).await;
        }
    }

    /// Renews the Lease, and returns when another replica holds it or it cannot be renewed.
    pub(super) async fn renew(&mut self) {
        loop {
            sleep(self.settings.retry_period).await;
            let began = Instant::now();
            match self.attempt_in_time().await {
                Ok(LeaseHolder::Us) => self.renewed = Some(began),
                Ok(LeaseHolder::Another) => return,
                Ok(LeaseHolder::Undecided) => {}
                Err(reason) => tracing::warn!(%reason, "could not renew the Lease"),
            }
            let is_late = |renewed: Instant| renewed.elapsed() >= self.settings.renew_deadline;
            if self.renewed.is_none_or(is_late) {
                return;
            }
        }
    }

    /// Releases the Lease, so that another replica takes over immediately.
    pub(super) async fn release(&self) {
        let released = timeout(self.settings.retry_period, self.write_release()).await;
        if let Ok(Err(error)) = released {
            tracing::warn!(%error, "could not release the Lease, which will expire");
        }
    }

    async fn write_release(&self) -> kube::Result<()> {
        let Some(mut lease) = self.leases.get_opt(&self.settings.name).await? else {
            return Ok(());
        };
        let spec = lease.spec.get_or_insert_default();
        if spec.holder_identity.as_deref() != Some(&self.settings.identity) {
            return Ok(());
        }
        spec.holder_identity = Some(String::new());
        spec.lease_duration_seconds = Some(1);
        self.leases.replace(&self.settings.name, &PostParams::default(), &lease).await.map(drop)
    }

    async fn attempt_in_time(&mut self) -> Result<LeaseHolder, String> {
        match timeout(self.settings.retry_period, self.attempt()).await {
            Ok(Ok(holder)) => Ok(holder),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the API server did not respond in time".to_owned()),
        }
    }

    /// Acquires the Lease if it is free, or renews it if this process holds it. The version that was read goes with
    /// what is written, so that of two who write only one succeeds.
    async fn attempt(&mut self) -> kube::Result<LeaseHolder> {
        let name = self.settings.name.clone();
        let found = self.leases.get_opt(&name).await?;
        let written = match found {
            None => {
                let metadata = ObjectMeta { name: Some(name), ..ObjectMeta::default() };
                let lease = Lease { metadata, spec: Some(self.claim(None)) };
                self.leases.create(&PostParams::default(), &lease).await
            }
            Some(mut lease) => {
                self.record_version(lease.metadata.resource_version.as_deref());
                if !self.is_free(lease.spec.as_ref()) {
                    return Ok(LeaseHolder::Another);
                }
                lease.spec = Some(self.claim(lease.spec.as_ref()));
                self.leases.replace(&name, &PostParams::default(), &lease).await
            }
        };
        match written {
            Ok(lease) => {
                self.record_version(lease.metadata.resource_version.as_deref());
                self.uid = lease.metadata.uid;
                Ok(LeaseHolder::Us)
            }
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists() => {
                Ok(LeaseHolder::Undecided)
            }
            Err(error) => Err(error),
        }
    }

    fn record_version(&mut self, version: Option<&str>) {
        let version = version.unwrap_or_default();
        if self.last_change.as_ref().is_none_or(|(seen, _)| seen != version) {
            self.last_change = Some((version.to_owned(), Instant::now()));
        }
    }

    fn is_free(&self, spec: Option<&LeaseSpec>) -> bool {
        let holder = spec.and_then(|spec| spec.holder_identity.as_deref()).unwrap_or_default();
        if holder.is_empty() || holder == self.settings.identity {
            return true;
        }
        let seconds = spec.and_then(|spec| spec.lease_duration_seconds);
        let duration = seconds
            .and_then(|seconds| u64::try_from(seconds).ok())
            .map_or(self.settings.duration, Duration::from_secs);
        self.last_change.as_ref().is_some_and(|(_, since)| since.elapsed() > duration)
    }

    fn claim(&self, previous: Option<&LeaseSpec>) -> LeaseSpec {
        let now = MicroTime(Timestamp::now());
        let is_holder = previous.and_then(|spec| spec.holder_identity.as_deref())
            == Some(self.settings.identity.as_str());
        let transitions = previous.and_then(|spec| spec.lease_transitions);
        let acquired = previous.filter(|_| is_holder).and_then(|spec| spec.acquire_time.clone());
        LeaseSpec {
            holder_identity: Some(self.settings.identity.clone()),
            lease_duration_seconds: i32::try_from(self.settings.duration.as_secs()).ok(),
            acquire_time: acquired.or_else(|| Some(now.clone())),
            renew_time: Some(now),
            lease_transitions: match (previous, is_holder) {
                (None, _) => Some(0),
                (Some(_), true) => transitions,
                (Some(_), false) => Some(transitions.unwrap_or(0).saturating_add(1)),
            },
            ..LeaseSpec::default()
        }
    }
}
