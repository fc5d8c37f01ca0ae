//! Watches the Secrets and `ConfigMap`s that resources refer to.
//!
//! It watches only metadata; the content is read when it is needed. A watch that fails, for example because a role is
//! missing, affects nothing else.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::serde::de::DeserializeOwned;
use kube::core::PartialObjectMeta;
use kube::runtime::WatchStreamExt;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Resource, ResourceExt};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::tables::Tables;
use super::watch_log::WatchLog;
use super::watched::Watched;
use crate::api::v1alpha1::{CaKind, PartitionedTable};

/// Time until a watch without permission is retried.
const DENIED_RETRY_INTERVAL: Duration = Duration::from_mins(5);

/// A kind of object that resources refer to.
pub(super) trait Referenced {
    /// Name of the kind.
    const NAME: &'static str;

    /// Returns whether a resource refers to the object of this kind and name in its namespace.
    fn is_of(table: &PartitionedTable, name: &str) -> bool;
}

impl Referenced for Secret {
    const NAME: &'static str = "Secret";

    fn is_of(table: &PartitionedTable, name: &str) -> bool {
        table.spec.database.as_ref().is_some_and(|database| {
            database.secret_ref.name == name
                || database.client_cert_ref.as_ref().is_some_and(|client| client.name == name)
                || has_ca(table, CaKind::Secret, name)
        })
    }
}

impl Referenced for k8s_openapi::api::core::v1::ConfigMap {
    const NAME: &'static str = "ConfigMap";

    fn is_of(table: &PartitionedTable, name: &str) -> bool {
        has_ca(table, CaKind::ConfigMap, name)
    }
}

fn has_ca(table: &PartitionedTable, kind: CaKind, name: &str) -> bool {
    let database = table.spec.database.as_ref();
    database
        .and_then(|database| database.ca_ref.as_ref())
        .is_some_and(|ca| ca.kind == kind && ca.name == name)
}

/// Sends each resource whose reference has changed, until the receiver is closed.
pub(super) async fn watch<K>(
    objects: Api<PartialObjectMeta<K>>,
    namespace: Option<String>,
    tables: Arc<Tables>,
    changed: mpsc::Sender<ObjectRef<Watched>>,
) where
    K: Resource<DynamicType = ()> + Referenced + Clone + Debug + Send + Sync + 'static,
    K::Scope: Send,
    PartialObjectMeta<K>: Resource<DynamicType = ()> + DeserializeOwned + Clone + Debug + Send,
    <PartialObjectMeta<K> as Resource>::DynamicType: Hash,
{
    let log = WatchLog::new(K::NAME, namespace.as_deref());
    let mut versions = HashMap::new();
    let mut events = Box::pin(watcher(objects, watcher::Config::default()).default_backoff());
    while let Some(event) = events.next().await {
        let object = match event {
            Ok(Event::Apply(object) | Event::InitApply(object) | Event::Delete(object)) => object,
            Ok(Event::Init) => continue,
            Ok(Event::InitDone) => {
                log.recovered();
                continue;
            }
            Err(error) => {
                let effect = "changes are not noticed until the next resync";
                if let Some(reason) = denial(&error) {
                    // If the permission is granted namespace by namespace, this is expected, and not logged every few seconds.
                    tracing::info!(kind = K::NAME, reason, "{effect}");
                    sleep(DENIED_RETRY_INTERVAL).await;
                } else {
                    log.failed(&error, effect);
                }
                continue;
            }
        };
        let (namespace, name) = (object.namespace(), object.name_any());
        let referring = referring::<K>(&tables, namespace.as_deref(), &name);
        if referring.is_empty() {
            continue;
        }
        let version = object.resource_version();
        if versions.insert((namespace, name), version.clone()) == Some(version) {
            continue;
        }
        for table in referring {
            if changed.send(table).await.is_err() {
                return;
            }
        }
    }
}

/// Returns the missing permission, if that is the cause.
fn denial(error: &watcher::Error) -> Option<&str> {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => {
            status.is_forbidden().then_some(status.message.as_str())
        }
        watcher::Error::InitialListFailed(_)
        | watcher::Error::WatchStartFailed(_)
        | watcher::Error::WatchFailed(_)
        | watcher::Error::NoResourceVersion => None,
    }
}

fn referring<K: Referenced>(
    tables: &Tables,
    namespace: Option<&str>,
    name: &str,
) -> Vec<ObjectRef<Watched>> {
    let refers = |watched: &Arc<Watched>| {
        watched.namespace().as_deref() == namespace
            && watched.may_refer_to(name)
            && watched.table().is_ok_and(|table| K::is_of(&table, name))
    };
    let all = tables.all();
    all.iter().filter(|watched| refers(watched)).map(|w| ObjectRef::from_obj(&**w)).collect()
}
