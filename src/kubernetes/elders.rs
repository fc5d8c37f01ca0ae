//! Which older resources have to be tried before a resource may act on a table of the same name.
//!
//! The name of a table says little: where each tenant has a database, thousands of resources share it. So
//! a resource waits only for older ones that may be about the same database, and each end of a wait wakes
//! only those that waited for just that resource.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use kube::{Resource, ResourceExt};
use tokio::sync::Notify;

use crate::api::v1alpha1::PartitionedTable;

/// Of two resources the one with the lesser age is the older.
type Age = (Option<Timestamp>, String);

/// The resources that may claim a table and were not tried yet, by the names of their tables.
#[derive(Default)]
pub(super) struct Elders {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    groups: HashMap<TableName, Group>,
    places: HashMap<String, Place>,
    tried: HashSet<String>,
}

/// Schema and table.
type TableName = (String, String);

/// Where an untried resource is listed.
struct Place {
    name: TableName,
    age: Age,
    /// `None` until its Secret was read.
    database: Option<String>,
}

/// The untried resources for tables of one name.
#[derive(Default)]
struct Group {
    unlocated: BTreeMap<Age, Arc<Notify>>,
    located: HashMap<String, BTreeMap<Age, Arc<Notify>>>,
}

impl Elders {
    /// Takes in a resource as the watch tells of it.
    pub(super) fn watch(&self, table: &PartitionedTable, claims: bool) {
        let (uid, age) = (table.uid().unwrap_or_default(), age_of(table));
        let name = (table.spec.schema.clone(), table.spec.table.clone());
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !claims || state.tried.contains(&uid) {
            state.remove(&uid);
            return;
        }
        if state.places.get(&uid).is_some_and(|place| place.name == name) {
            return;
        }
        state.remove(&uid);
        state.insert(uid, Place { name, age, database: None }, Arc::default());
    }

    /// The Secret of a resource names this database.
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

    /// A resource was reconciled, whatever came of it.
    pub(super) fn tried(&self, uid: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.tried.insert(uid.to_owned());
        state.remove(uid);
    }

    /// A resource is not there any more, or cannot be read.
    pub(super) fn forget(&self, uid: &str) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }

    /// Forgets the resources that are not there any more.
    pub(super) fn retain(&self, is_there: impl Fn(&str) -> bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.tried.retain(|uid| is_there(uid));
        let gone: Vec<_> = state.places.keys().filter(|uid| !is_there(uid)).cloned().collect();
        for uid in &gone {
            state.remove(uid);
        }
    }

    /// Waits until every older resource was tried that may claim the same table.
    pub(super) async fn all_tried(&self, table: &PartitionedTable, database: &str) {
        while let Some(elder) = self.youngest_elder(table, database) {
            let mut change = pin!(elder.notified());
            change.as_mut().enable();
            // Between the look and the wait it may have been tried.
            if self.youngest_elder(table, database).is_some_and(|now| Arc::ptr_eq(&now, &elder)) {
                change.await;
            }
        }
    }

    /// The youngest of those to wait for: it waits for the others itself.
    fn youngest_elder(&self, table: &PartitionedTable, database: &str) -> Option<Arc<Notify>> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let spec = &table.spec;
        let group = state.groups.get(&(spec.schema.clone(), spec.table.clone()))?;
        let age = age_of(table);
        let listed = [Some(&group.unlocated), group.located.get(database)];
        let older = listed.into_iter().flatten().filter_map(|list| list.range(..&age).next_back());
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

fn age_of(table: &PartitionedTable) -> Age {
    let created = table.meta().creation_timestamp.as_ref().map(|time| time.0);
    (created, table.uid().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::FutureExt;
    use serde_json::json;

    use super::Elders;
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

    fn watched(count: usize) -> (Elders, Vec<PartitionedTable>) {
        let elders = Elders::default();
        let resources: Vec<_> = (0..count).map(resource).collect();
        for resource in &resources {
            elders.watch(resource, true);
        }
        (elders, resources)
    }

    fn waits(elders: &Elders, resource: &PartitionedTable, database: &str) -> bool {
        elders.all_tried(resource, database).now_or_never().is_none()
    }

    #[test]
    fn resource_waits_for_older_ones_of_its_database_only() {
        let (elders, resources) = watched(3);
        assert!(!waits(&elders, &resources[0], "a"), "the oldest waits for none");
        assert!(waits(&elders, &resources[2], "a"), "the others may be about the same database");
        elders.locate(&uid(0), "a");
        elders.locate(&uid(1), "b");
        assert!(waits(&elders, &resources[2], "a"));
        assert!(!waits(&elders, &resources[2], "c"));
        elders.tried(&uid(0));
        assert!(!waits(&elders, &resources[2], "a"));
        // A new list of the watch does not make it untried.
        elders.watch(&resources[0], true);
        assert!(!waits(&elders, &resources[2], "a"));
    }

    #[test]
    fn resource_does_not_wait_for_one_that_may_not_claim() {
        let (elders, resources) = watched(2);
        elders.watch(&resources[0], false);
        assert!(!waits(&elders, &resources[1], "a"));
        let (elders, resources) = watched(2);
        elders.retain(|uid| uid == "00001");
        assert!(!waits(&elders, &resources[1], "a"));
    }

    /// 3,000 resources for tables of one name in 3,000 databases.
    #[tokio::test]
    async fn same_names_in_other_databases_wake_few_waiters() {
        let (elders, resources) = watched(3_000);
        let (elders, polls) = (Arc::new(elders), Arc::new(AtomicUsize::new(0)));
        let waits = resources.into_iter().enumerate().map(|(number, resource)| {
            let (elders, polls) = (Arc::clone(&elders), Arc::clone(&polls));
            tokio::spawn(async move {
                let database = format!("tenant-{number}");
                let mut wait = pin!(elders.all_tried(&resource, &database));
                poll_fn(|context| {
                    polls.fetch_add(1, Ordering::Relaxed);
                    wait.as_mut().poll(context)
                })
                .await;
            })
        });
        let waits: Vec<_> = waits.collect();
        let mut order: Vec<_> = (0..waits.len()).collect();
        fastrand::Rng::with_seed(7).shuffle(&mut order);
        for number in order {
            tokio::task::yield_now().await;
            elders.locate(&uid(number), &format!("tenant-{number}"));
        }
        for wait in waits {
            wait.await.expect("a wait that ends");
        }
        let polls = polls.load(Ordering::Relaxed);
        assert!(polls < 60_000, "{polls}: each of 3,000 must not wake all others");
    }
}
