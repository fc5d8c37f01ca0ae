//! The resources that are watched, and what was last seen of each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::Store;
use kube::{Resource, ResourceExt};

use crate::api::v1alpha1::PartitionedTable;
use crate::desired::DesiredTable;
use crate::observed::ObservedTable;
use crate::plan::Plan;
use crate::postgres::ConnectionSettings;

/// A resource, whether or not anybody can read it.
pub(super) type Watched = DeserializeGuard<PartitionedTable>;

/// All resources, and what is known of them.
#[derive(Default)]
pub(super) struct Tables {
    stores: Mutex<Vec<Store<Watched>>>,
    known: Mutex<HashMap<String, Known>>,
}

/// What is known of one resource, beside what the API server keeps.
#[derive(Default)]
struct Known {
    last_success: Option<Timestamp>,
    sight: Option<Arc<Sight>>,
    settings: Option<ConnectionSettings>,
}

/// A table as it was last seen.
#[derive(Debug)]
pub(super) struct Sight {
    pub(super) desired: DesiredTable,
    pub(super) observed: ObservedTable,
    pub(super) remaining: Plan,
}

impl Tables {
    pub(super) fn watch(&self, store: Store<Watched>) {
        lock(&self.stores).push(store);
    }

    pub(super) fn stores(&self) -> Vec<Store<Watched>> {
        lock(&self.stores).clone()
    }

    /// Every resource that there is.
    pub(super) fn all(&self) -> Vec<Arc<Watched>> {
        lock(&self.stores).iter().flat_map(Store::state).collect()
    }

    /// Those before `table` that may claim the same table: older, and of the same name in some
    /// database.
    pub(super) fn older_namesakes(&self, table: &PartitionedTable) -> Vec<PartitionedTable> {
        let age = |table: &PartitionedTable| {
            (table.meta().creation_timestamp.clone().map(|time| time.0), table.uid())
        };
        let mut namesakes: Vec<_> = self
            .all()
            .iter()
            .filter_map(|watched| watched.0.as_ref().ok())
            .filter(|other| {
                other.spec.table == table.spec.table
                    && other.spec.schema == table.spec.schema
                    && age(other) < age(table)
            })
            .cloned()
            .collect();
        namesakes.sort_by_key(age);
        namesakes
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

    pub(super) fn settings(&self, uid: &str) -> Option<ConnectionSettings> {
        lock(&self.known).get(uid)?.settings.clone()
    }

    /// Remembers how a resource's database is logged in to, and returns how it was before.
    pub(super) fn set_settings(
        &self,
        uid: &str,
        settings: ConnectionSettings,
    ) -> Option<ConnectionSettings> {
        lock(&self.known).entry(uid.to_owned()).or_default().settings.replace(settings)
    }

    /// Forgets the resources that are not there any more.
    pub(super) fn retain(&self, is_there: impl Fn(&str) -> bool) {
        lock(&self.known).retain(|uid, _| is_there(uid));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
