//! Older resources that must be reconciled before a resource may act on a table of the same name.
//!
//! If each tenant has a database, thousands of resources share the name of a table. So a resource waits only for older
//! ones that may be about the same database, and each end of a wait wakes only the resources that waited for it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use kube::{Resource, ResourceExt};
use tokio::sync::Notify;

use crate::api::v1alpha1::PartitionedTable;

/// Age of a resource: the lesser one is older.
type Age = (Option<Timestamp>, String);

/// Order of resources: it decides which of two resources for tables of one name is older.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seniority {
    name: TableName,
    age: Age,
}

impl Seniority {
    pub(super) fn new(table: &PartitionedTable) -> Self {
        let name = (table.spec.schema.clone(), table.spec.table.clone());
        let created = table.meta().creation_timestamp.as_ref().map(|time| time.0);
        Self { name, age: (created, table.uid().unwrap_or_default()) }
    }

    /// The UID of the resource.
    pub(super) fn uid(&self) -> &str {
        &self.age.1
    }
}

/// Resources that may claim a table and were not reconciled yet, by the names of their tables.
#[derive(Default)]
pub(super) struct OlderResources {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    groups: HashMap<TableName, Group>,
    places: HashMap<String, Place>,
    reconciled: HashSet<String>,
}

/// Schema and table.
type TableName = (String, String);

/// Place of an unreconciled resource.
struct Place {
    name: TableName,
    age: Age,
    /// `None` until its Secret was read.
    database: Option<String>,
}

/// Unreconciled resources for tables of one name.
#[derive(Default)]
struct Group {
    unlocated: BTreeMap<Age, Arc<Notify>>,
    located: HashMap<String, BTreeMap<Age, Arc<Notify>>>,
}

impl OlderResources {
    /// Adds a resource that the watch reports.
    pub(super) fn watch(&self, table: &PartitionedTable, claims: bool) {
        let Seniority { name, age } = Seniority::new(table);
        let uid = age.1.clone();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !claims || state.reconciled.contains(&uid) {
            state.remove(&uid);
            return;
        }
        if state.places.get(&uid).is_some_and(|place| place.name == name) {
            return;
        }
        state.remove(&uid);
        state.insert(uid, Place { name, age, database: None }, Arc::default());
    }

    /// Records the database that the Secret of a resource names.
    pub(super) fn locate(&self, uid: &str, database: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((place, notify)) = state.take(uid) {
            let is_news = place.database.as_deref() != Some(database);
            let database = Some(database.to_owned());
            state.insert(uid.to_owned(), Place { database, ..place }, Arc::clone(&notify));
            if is_news {
                notify.notify_waiters();
            }
        }
    }

    /// Records that a resource was reconciled, with any result.
    pub(super) fn mark_reconciled(&self, uid: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.reconciled.insert(uid.to_owned());
        state.remove(uid);
    }

    /// Removes a resource that no longer exists, or cannot be parsed.
    pub(super) fn forget(&self, uid: &str) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }

    /// Removes resources that no longer exist.
    pub(super) fn retain(&self, exists: impl Fn(&str) -> bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.reconciled.retain(|uid| exists(uid));
        let deleted: Vec<_> = state.places.keys().filter(|uid| !exists(uid)).cloned().collect();
        for uid in &deleted {
            state.remove(uid);
        }
        // After a start, all resources have been here.
        if state.places.is_empty() {
            state.places.shrink_to_fit();
            state.groups.shrink_to_fit();
        }
    }

    /// Waits until every older resource that may claim the same table was reconciled.
    pub(super) async fn all_reconciled(&self, seniority: &Seniority, database: &str) {
        while let Some(next) = self.youngest_older(seniority, database) {
            let mut change = pin!(next.notified());
            change.as_mut().enable();
            // It may have been reconciled before the wait began.
            if self.youngest_older(seniority, database).is_some_and(|now| Arc::ptr_eq(&now, &next))
            {
                change.await;
            }
        }
    }

    /// Returns the youngest of the older ones, which waits for the others itself.
    fn youngest_older(&self, seniority: &Seniority, database: &str) -> Option<Arc<Notify>> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Seniority { name, age } = seniority;
        let group = state.groups.get(name)?;
        let listed = [Some(&group.unlocated), group.located.get(database)];
        let older = listed.into_iter().flatten().filter_map(|list| list.range(..age).next_back());
        older.max_by_key(|(age, _)| (*age).clone()).map(|(_, notify)| Arc::clone(notify))
    }
}

impl State {
    fn insert(&mut self, uid: String, place: Place, notify: Arc<Notify>) {
        let group = self.groups.entry(place.name.clone()).or_default();
        let list = match &place.database {
            None => &mut group.unlocated,
            Some(database) => group.located.entry(database.clone()).or_default(),
        };
        list.insert(place.age.clone(), notify);
        self.places.insert(uid, place);
    }

    fn take(&mut self, uid: &str) -> Option<(Place, Arc<Notify>)> {
        let place = self.places.remove(uid)?;
        let group = self.groups.get_mut(&place.name)?;
        let notify = match &place.database {
            None => group.unlocated.remove(&place.age),
            Some(database) => {
                let list = group.located.get_mut(database)?;
                let notify = list.remove(&place.age);
                if list.is_empty() {
                    group.located.remove(database);
                }
                notify
            }
        };
        if group.unlocated.is_empty() && group.located.is_empty() {
            self.groups.remove(&place.name);
        }
        notify.map(|notify| (place, notify))
    }

    fn remove(&mut self, uid: &str) {
        if let Some((_, notify)) = self.take(uid) {
            notify.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::FutureExt;
    use serde_json::json;

    use super::{OlderResources, Seniority};
    use crate::api::v1alpha1::PartitionedTable;

    fn resource(number: usize) -> PartitionedTable {
        serde_json::from_value(json!({
            "apiVersion": "pgpartition.dev/v1alpha1", "kind": "PartitionedTable",
            "metadata": {
                "name": format!("events-{number}"), "uid": format!("{number:05}"),
                "creationTimestamp": "2026-11-25T12:00:00Z",
            },
            "spec": {
                "table": "events",
                "partitionBy": {"range": {"column": "at", "interval": "Month"}},
            },
        }))
        .expect("a resource")
    }

    fn uid(number: usize) -> String {
        format!("{number:05}")
    }

    fn watched(count: usize) -> (OlderResources, Vec<PartitionedTable>) {
        let older = OlderResources::default();
        let resources: Vec<_> = (0..count).map(resource).collect();
        for resource in &resources {
            older.watch(resource, true);
        }
        (older, resources)
    }

    fn waits(older: &OlderResources, resource: &PartitionedTable, database: &str) -> bool {
        older.all_reconciled(&Seniority::new(resource), database).now_or_never().is_none()
    }

    #[test]
    fn resource_waits_for_older_ones_of_its_database_only() {
        let (older, resources) = watched(3);
        assert!(!waits(&older, &resources[0], "a"), "the oldest waits for none");
        assert!(waits(&older, &resources[2], "a"), "the others may be about the same database");
        older.locate(&uid(0), "a");
        older.locate(&uid(1), "b");
        assert!(waits(&older, &resources[2], "a"));
        assert!(!waits(&older, &resources[2], "c"));
        older.mark_reconciled(&uid(0));
        assert!(!waits(&older, &resources[2], "a"));
        // A new list of the watch does not make it untried.
        older.watch(&resources[0], true);
        assert!(!waits(&older, &resources[2], "a"));
    }

    #[test]
    fn resource_does_not_wait_for_one_that_may_not_claim() {
        let (older, resources) = watched(2);
        older.watch(&resources[0], false);
        assert!(!waits(&older, &resources[1], "a"));
        let (older, resources) = watched(2);
        older.retain(|uid| uid == "00001");
        assert!(!waits(&older, &resources[1], "a"));
    }

    /// 3,000 resources for tables of one name in 3,000 databases.
    #[tokio::test]
    async fn same_names_in_other_databases_wake_few_waiters() {
        let (older, resources) = watched(3_000);
        let (older, polls) = (Arc::new(older), Arc::new(AtomicUsize::new(0)));
        let waiting = resources.into_iter().enumerate().map(|(number, resource)| {
            let (older, polls) = (Arc::clone(&older), Arc::clone(&polls));
            tokio::spawn(async move {
                let database = format!("tenant-{number}");
                let seniority = Seniority::new(&resource);
                let mut wait = pin!(older.all_reconciled(&seniority, &database));
                poll_fn(|context| {
                    polls.fetch_add(1, Ordering::Relaxed);
                    wait.as_mut().poll(context)
                })
                .await;
            })
        });
        let waiting: Vec<_> = waiting.collect();
        let mut numbers: Vec<_> = (0..waiting.len()).collect();
        fastrand::Rng::with_seed(7).shuffle(&mut numbers);
        for number in numbers {
            tokio::task::yield_now().await;
            older.locate(&uid(number), &format!("tenant-{number}"));
        }
        for wait in waiting {
            wait.await.expect("a wait that ends");
        }
        let polls = polls.load(Ordering::Relaxed);
        assert!(polls < 60_000, "{polls}: each of 3,000 must not wake all others");
    }
}
