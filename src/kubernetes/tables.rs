//! The watched resources, and the last observed state of each table.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use jiff::Timestamp;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Resource, ResourceExt};
use tokio::sync::{Notify, mpsc};

use super::claimed::ClaimedTable;
use super::last_seen::LastSeen;
use super::older::{OlderResources, Seniority};
use super::watched::Watched;
use crate::api::v1alpha1::{Mode, PartitionedTable};
use crate::postgres::{ClaimHolder, ConnectionSettings};

/// All resources and their state.
#[derive(Default)]
pub(super) struct Tables {
    scopes: Mutex<Vec<Scope>>,
    known: Mutex<HashMap<String, ResourceState>>,
    older: OlderResources,
    /// Resources in conflict, by the UID of the resource that manages their table.
    conflicts: Mutex<HashMap<String, HashSet<ObjectRef<Watched>>>>,
}

/// Resources of one namespace, or of all.
#[derive(Clone)]
struct Scope {
    store: Store<Watched>,
    /// Resources that are sent here are reconciled.
    asked: mpsc::Sender<ObjectRef<Watched>>,
}

/// State of one resource that the API server does not store.
#[derive(Default)]
struct ResourceState {
    last_success: Option<Timestamp>,
    last_seen: Option<Arc<LastSeen>>,
    settings: Option<Arc<ConnectionSettings>>,
    claim: Option<ClaimedTable>,
    /// Notified when the watch reports the resource.
    changed: Arc<Notify>,
}

impl Tables {
    /// Adds the resources of a store; those that are sent to `asked` are reconciled.
    pub(super) fn watch(&self, store: Store<Watched>, asked: mpsc::Sender<ObjectRef<Watched>>) {
        lock(&self.scopes).push(Scope { store, asked });
    }

    pub(super) fn stores(&self) -> Vec<Store<Watched>> {
        lock(&self.scopes).iter().map(|scope| scope.store.clone()).collect()
    }

    /// Returns all resources.
    pub(super) fn all(&self) -> Vec<Arc<Watched>> {
        lock(&self.scopes).iter().flat_map(|scope| scope.store.state()).collect()
    }

    /// Returns whether the store has a resource that triggers no other reconcile than this one.
    pub(super) fn is_known(store: &Store<Watched>, watched: &Watched) -> bool {
        let stored = store.get(&ObjectRef::from_obj(watched));
        stored.is_some_and(|stored| stored.trigger_hash() == watched.trigger_hash())
    }

    /// Returns the resource of this name, as the watch last reported it.
    pub(super) fn current(&self, namespace: &str, name: &str) -> Option<Arc<Watched>> {
        let reference = ObjectRef::new(name).within(namespace);
        self.stores().into_iter().find_map(|store| store.get(&reference))
    }

    /// Records that the watch has reported a resource, which the store has.
    pub(super) fn changed(&self, uid: &str) {
        if let Some(known) = lock(&self.known).get(uid) {
            known.changed.notify_waiters();
        }
    }

    /// Records that the watch has listed all resources again.
    pub(super) fn all_changed(&self) {
        lock(&self.known).values().for_each(|known| known.changed.notify_waiters());
    }

    /// Returns the notification of each report of the watch about a resource.
    pub(super) fn changes(&self, uid: &str) -> Arc<Notify> {
        Arc::clone(&lock(&self.known).entry(uid.to_owned()).or_default().changed)
    }

    /// Returns whether the resource that holds a claim exists and may claim a table; also `true` if not all
    /// resources are known, or it cannot be parsed.
    pub(super) fn may_claim(&self, holder: &ClaimHolder) -> bool {
        let is_known = |store: Store<Watched>| {
            store.wait_until_ready().now_or_never().is_some_and(|ready| ready.is_ok())
        };
        if !self.stores().into_iter().all(is_known) {
            return true;
        }
        let found = self.current(&holder.namespace, &holder.name);
        let found = found.filter(|watched| watched.uid().as_deref() == Some(holder.uid.as_str()));
        found.is_some_and(|watched| watched.table().as_ref().map_or(true, claims))
    }

    /// Records a resource that the watch lists or reports.
    pub(super) fn watch_older(&self, watched: &Watched) {
        match watched.table() {
            Ok(table) => self.older.watch(&table, claims(&table)),
            Err(_) => self.older.forget(&watched.uid().unwrap_or_default()),
        }
    }

    /// Records that a resource was deleted.
    pub(super) fn forget_older(&self, watched: &Watched) {
        self.older.forget(&watched.uid().unwrap_or_default());
    }

    /// Records that a resource was reconciled, with any result.
    pub(super) fn mark_reconciled(&self, uid: &str) {
        self.older.mark_reconciled(uid);
    }

    /// Waits until every older resource that may claim the same table was reconciled once.
    pub(super) async fn older_resources_reconciled(&self, seniority: &Seniority, database: &str) {
        self.older.locate(seniority.uid(), database);
        self.older.all_reconciled(seniority, database).await;
    }

    /// Records a conflict: the resource is reconciled when the holder releases the claim.
    pub(super) fn record_conflict(&self, holder: &ClaimHolder, table: &PartitionedTable) {
        let namespace = table.namespace().unwrap_or_default();
        let left = ObjectRef::new(&table.name_any()).within(&namespace);
        lock(&self.conflicts).entry(holder.uid.clone()).or_default().insert(left);
    }

    /// Reconciles every resource that was in conflict with this one.
    pub(super) async fn reconcile_same_table(&self, uid: &str) {
        let left = lock(&self.conflicts).remove(uid).unwrap_or_default();
        let scopes = lock(&self.scopes).clone();
        for resource in left {
            if let Some(scope) = scopes.iter().find(|scope| scope.store.get(&resource).is_some()) {
                // If the receiver is closed, the operator is shutting down.
                drop(scope.asked.send(resource).await);
            }
        }
    }

    /// Reconciles the resource of this name.
    pub(super) async fn request_reconcile(&self, namespace: &str, name: &str) {
        let reference = ObjectRef::new(name).within(namespace);
        let scopes = lock(&self.scopes).clone();
        for Scope { store, asked } in scopes {
            if store.get(&reference).is_some() {
                // If the receiver is closed, the operator is shutting down.
                drop(asked.send(reference.clone()).await);
            }
        }
    }

    pub(super) fn set_last_seen(
        &self,
        uid: &str,
        last_seen: Arc<LastSeen>,
        success: Option<Timestamp>,
    ) {
        let mut known = lock(&self.known);
        let known = known.entry(uid.to_owned()).or_default();
        known.last_seen = Some(last_seen);
        known.last_success = success.or(known.last_success);
    }

    /// Records that a table was inspected and still matches its spec.
    pub(super) fn mark_success(&self, uid: &str, at: Timestamp) {
        if let Some(known) = lock(&self.known).get_mut(uid) {
            known.last_success = Some(at);
        }
    }

    /// Clears the last observed state, which might no longer hold.
    pub(super) fn clear_last_seen(&self, uid: &str) {
        if let Some(known) = lock(&self.known).get_mut(uid) {
            known.last_seen = None;
        }
    }

    pub(super) fn last_seen(&self, uid: &str) -> Option<Arc<LastSeen>> {
        lock(&self.known).get(uid)?.last_seen.clone()
    }

    pub(super) fn last_success(&self, uid: &str) -> Option<Timestamp> {
        lock(&self.known).get(uid)?.last_success
    }

    /// Records the connection settings of a resource, and returns the previous ones.
    pub(super) fn set_settings(
        &self,
        uid: &str,
        settings: Arc<ConnectionSettings>,
    ) -> Option<Arc<ConnectionSettings>> {
        lock(&self.known).entry(uid.to_owned()).or_default().settings.replace(settings)
    }

    /// Records the table that a resource may have claimed, and returns the previous one.
    pub(super) fn replace_claim(
        &self,
        uid: &str,
        claim: Option<ClaimedTable>,
    ) -> Option<ClaimedTable> {
        std::mem::replace(&mut lock(&self.known).entry(uid.to_owned()).or_default().claim, claim)
    }

    /// Returns whether a resource may have this claim.
    pub(super) fn has_claim(&self, uid: &str, claim: &ClaimedTable) -> bool {
        lock(&self.known)
            .get(uid)
            .and_then(|known| known.claim.as_ref())
            .is_some_and(|h| h.is_same(claim))
    }

    /// Removes resources that no longer exist, and returns the tables that they may have claimed.
    pub(super) fn forget_deleted(&self) -> Vec<(String, ClaimedTable)> {
        let existing: HashSet<_> = self.all().iter().filter_map(|watched| watched.uid()).collect();
        self.older.retain(|uid| existing.contains(uid));
        let mut known = lock(&self.known);
        let deleted = known.extract_if(|uid, _| !existing.contains(uid));
        deleted.filter_map(|(uid, known)| Some((uid, known.claim?))).collect()
    }
}

/// Returns whether a resource claims its table. A resource that does not act claims none.
fn claims(table: &PartitionedTable) -> bool {
    !table.spec.suspend
        && table.spec.mode == Mode::Enforce
        && table.meta().deletion_timestamp.is_none()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
