//! The resources that are watched, and what was last seen of each.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use jiff::Timestamp;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Resource, ResourceExt};
use tokio::sync::{Notify, mpsc};

use super::claimed::ClaimedTable;
use super::elders::Elders;
use crate::api::v1alpha1::{Mode, PartitionedTable};
use crate::desired::DesiredTable;
use crate::observed::ObservedTable;
use crate::plan::Plan;
use crate::postgres::{ClaimHolder, ConnectionSettings};

/// A resource, whether or not anybody can read it.
pub(super) type Watched = DeserializeGuard<PartitionedTable>;

/// All resources, and what is known of them.
#[derive(Default)]
pub(super) struct Tables {
    scopes: Mutex<Vec<Scope>>,
    known: Mutex<HashMap<String, Known>>,
    elders: Elders,
    /// The resources that left their tables to another, by the UID of that one.
    conflicts: Mutex<HashMap<String, HashSet<ObjectRef<Watched>>>>,
}

/// The resources of one namespace, or of all.
#[derive(Clone)]
struct Scope {
    store: Store<Watched>,
    /// Who is sent here is reconciled.
    asked: mpsc::Sender<ObjectRef<Watched>>,
}

/// What is known of one resource, beside what the API server keeps.
#[derive(Default)]
struct Known {
    last_success: Option<Timestamp>,
    sight: Option<Arc<Sight>>,
    settings: Option<ConnectionSettings>,
    held: Option<ClaimedTable>,
    /// The watch has told of it.
    changed: Arc<Notify>,
}

/// A table as it was last seen.
#[derive(Debug)]
pub(super) struct Sight {
    pub(super) desired: DesiredTable,
    pub(super) observed: ObservedTable,
    pub(super) remaining: Plan,
}

impl Tables {
    /// Takes in the resources of a store; those that are sent to `asked` are reconciled.
    pub(super) fn watch(&self, store: Store<Watched>, asked: mpsc::Sender<ObjectRef<Watched>>) {
        lock(&self.scopes).push(Scope { store, asked });
    }

    pub(super) fn stores(&self) -> Vec<Store<Watched>> {
        lock(&self.scopes).iter().map(|scope| scope.store.clone()).collect()
    }

    /// Every resource that there is.
    pub(super) fn all(&self) -> Vec<Arc<Watched>> {
        lock(&self.scopes).iter().flat_map(|scope| scope.store.state()).collect()
    }

    /// The resource of this name, as the watch told of it last.
    pub(super) fn current(&self, namespace: &str, name: &str) -> Option<Arc<Watched>> {
        let reference = ObjectRef::new(name).within(namespace);
        self.stores().into_iter().find_map(|store| store.get(&reference))
    }

    /// The watch has told of a resource, and the store has it.
    pub(super) fn changed(&self, uid: &str) {
        if let Some(known) = lock(&self.known).get(uid) {
            known.changed.notify_waiters();
        }
    }

    /// The watch has listed all resources again.
    pub(super) fn all_changed(&self) {
        lock(&self.known).values().for_each(|known| known.changed.notify_waiters());
    }

    /// Notifies of each time that the watch tells of a resource.
    pub(super) fn changes(&self, uid: &str) -> Arc<Notify> {
        Arc::clone(&lock(&self.known).entry(uid.to_owned()).or_default().changed)
    }

    /// Whether the resource that holds a claim is there and may claim a table. Where not all resources are
    /// known, or it cannot be read, it may.
    pub(super) fn may_claim(&self, holder: &ClaimHolder) -> bool {
        let is_known = |store: Store<Watched>| {
            store.wait_until_ready().now_or_never().is_some_and(|ready| ready.is_ok())
        };
        if !self.stores().into_iter().all(is_known) {
            return true;
        }
        let found = self.current(&holder.namespace, &holder.name);
        let found = found.filter(|watched| watched.uid().as_deref() == Some(holder.uid.as_str()));
        found.is_some_and(|watched| watched.0.as_ref().map_or(true, claims))
    }

    /// The watch lists or tells of a resource.
    pub(super) fn watch_elder(&self, watched: &Watched) {
        match &watched.0 {
            Ok(table) => self.elders.watch(table, claims(table)),
            Err(_) => self.elders.forget(&watched.uid().unwrap_or_default()),
        }
    }

    /// The watch tells that a resource was deleted.
    pub(super) fn forget_elder(&self, watched: &Watched) {
        self.elders.forget(&watched.uid().unwrap_or_default());
    }

    /// A resource was reconciled, whatever came of it.
    pub(super) fn tried(&self, uid: &str) {
        self.elders.tried(uid);
    }

    /// Waits until every older resource that may claim the same table was tried once.
    pub(super) async fn elders_tried(&self, table: &PartitionedTable, database: &str) {
        self.elders.locate(&table.uid().unwrap_or_default(), database);
        self.elders.all_tried(table, database).await;
    }

    /// A resource left its table to the holder of the claim, and is asked when that gives it up.
    pub(super) fn left_to(&self, holder: &ClaimHolder, table: &PartitionedTable) {
        let namespace = table.namespace().unwrap_or_default();
        let left = ObjectRef::new(&table.name_any()).within(&namespace);
        lock(&self.conflicts).entry(holder.uid.clone()).or_default().insert(left);
    }

    /// Has every resource reconciled that left its table to this one.
    pub(super) async fn ask_those_who_left_to(&self, uid: &str) {
        let left = lock(&self.conflicts).remove(uid).unwrap_or_default();
        let scopes = lock(&self.scopes).clone();
        for resource in left {
            if let Some(scope) = scopes.iter().find(|scope| scope.store.get(&resource).is_some()) {
                // Where nobody listens any more, we are ending.
                drop(scope.asked.send(resource).await);
            }
        }
    }

    /// Has a resource reconciled.
    pub(super) async fn ask(&self, table: &PartitionedTable) {
        let (namespace, name) = (table.namespace().unwrap_or_default(), table.name_any());
        let reference = ObjectRef::new(&name).within(&namespace);
        let scopes = lock(&self.scopes).clone();
        for Scope { store, asked } in scopes {
            if store.get(&reference).is_some() {
                // If nobody listens anymore, the operator is ending.
                drop(asked.send(reference.clone()).await);
            }
        }
    }

    pub(super) fn saw(&self, uid: &str, sight: Arc<Sight>, success: Option<Timestamp>) {
        let mut known = lock(&self.known);
        let known = known.entry(uid.to_owned()).or_default();
        known.sight = Some(sight);
        known.last_success = success.or(known.last_success);
    }

    /// What was seen is not known to hold any more.
    pub(super) fn lost_sight(&self, uid: &str) {
        if let Some(known) = lock(&self.known).get_mut(uid) {
            known.sight = None;
        }
    }

    pub(super) fn sight(&self, uid: &str) -> Option<Arc<Sight>> {
        lock(&self.known).get(uid)?.sight.clone()
    }

    pub(super) fn last_success(&self, uid: &str) -> Option<Timestamp> {
        lock(&self.known).get(uid)?.last_success
    }

    /// Remembers how a resource's database is logged in to, and returns how it was before.
    pub(super) fn set_settings(
        &self,
        uid: &str,
        settings: ConnectionSettings,
    ) -> Option<ConnectionSettings> {
        lock(&self.known).entry(uid.to_owned()).or_default().settings.replace(settings)
    }

    /// Remembers what a resource may have claimed, and returns what it may have before.
    pub(super) fn set_held(&self, uid: &str, held: Option<ClaimedTable>) -> Option<ClaimedTable> {
        std::mem::replace(&mut lock(&self.known).entry(uid.to_owned()).or_default().held, held)
    }

    /// Returns whether a resource may have claimed this now.
    pub(super) fn holds(&self, uid: &str, held: &ClaimedTable) -> bool {
        lock(&self.known).get(uid).and_then(|known| known.held.as_ref()).is_some_and(|h| h.is(held))
    }

    /// Forgets the resources that are not there any more, and returns what they may have claimed.
    pub(super) fn forget_deleted(&self) -> Vec<(String, ClaimedTable)> {
        let there: HashSet<_> = self.all().iter().filter_map(|watched| watched.uid()).collect();
        self.elders.retain(|uid| there.contains(uid));
        let mut known = lock(&self.known);
        let deleted = known.extract_if(|uid, _| !there.contains(uid));
        deleted.filter_map(|(uid, known)| Some((uid, known.held?))).collect()
    }
}

/// Whether a resource claims its table: one that does not act does not.
fn claims(table: &PartitionedTable) -> bool {
    !table.spec.suspend
        && table.spec.mode == Mode::Enforce
        && table.meta().deletion_timestamp.is_none()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
