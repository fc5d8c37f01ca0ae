//! Watches resources and the objects that they refer to, and reconciles each when it is due.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::runtime::controller::{self, Action};
use kube::runtime::reflector::{self, ObjectRef};
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, Event, watcher};
use kube::runtime::{Controller, WatchStreamExt};
use kube::{Api, Client, ResourceExt};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::panics::restart_after_panics;
use super::reconcile::reconcile;
use super::references;
use super::tables::Tables;
use super::watch_log::WatchLog;
use super::watched::Watched;

/// Resources of a page of the list, which the operator reads before it watches. A page is in memory as text.
const PAGE_SIZE: u32 = 100;

/// Reconciles the resources of one namespace, or of all, until `stop`; then waits for running reconciles.
///
/// The number of concurrent reconciles is not limited. Each waits for a session to its own server, and
/// a limit over all servers would let dead ones use it up.
pub(super) async fn control(
    client: Client,
    namespace: Option<&str>,
    context: Arc<Context>,
    stop: CancellationToken,
) {
    let (store, writer) = reflector::store::<Watched>();
    let (sender, changes) = mpsc::channel(64);
    context.tables.watch(store.clone(), sender.clone());
    let resources: Api<Watched> = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let log = Arc::new(WatchLog::new("PartitionedTable", namespace));
    let asked = watcher(resources, watcher::Config::default().page_size(PAGE_SIZE))
        .inspect_ok({
            let log = Arc::clone(&log);
            move |event| {
                // An Init is only the beginning of a list that may fail.
                if !matches!(event, Event::Init) {
                    log.recovered();
                }
            }
        })
        .inspect_err(move |error| log.failed(error, "no resource is reconciled"))
        .modify({
            let store = store.clone();
            move |watched| watched.is_news = !Tables::is_known(&store, watched)
        })
        .reflect(writer)
        .inspect_ok({
            let context = Arc::clone(&context);
            move |event| handle_event(event, &context)
        })
        .applied_objects()
        .try_filter(|watched| ready(watched.is_news));
    watch_references(client, namespace, &context, sender);
    let reconciles = Controller::for_stream(asked, store)
        .with_config(controller::Config::default().concurrency(0))
        .trigger_backoff(WatchBackoff::default())
        .reconcile_on(stream::unfold(changes, next_change))
        .graceful_shutdown_on(async move { stop.cancelled().await })
        .run(reconcile, |_, never, _| -> Action { match *never {} }, context);
    reconciles
        .for_each(|ended| async move {
            if let Err(error) = ended {
                tracing::debug!(%error, "the watch was interrupted");
            }
        })
        .await;
}

/// Notifies waiters of a change of a resource, which the store has by now.
fn handle_event(event: &Event<Watched>, context: &Context) {
    match event {
        Event::Apply(watched) => {
            context.tables.watch_older(watched);
            context.tables.changed(&watched.uid().unwrap_or_default());
        }
        Event::InitApply(watched) => context.tables.watch_older(watched),
        Event::Delete(watched) => {
            context.tables.forget_older(watched);
            context.tables.changed(&watched.uid().unwrap_or_default());
            context.deleted.notify_one();
        }
        // Only now does the store have the listed resources.
        Event::InitDone => context.tables.all_changed(),
        Event::Init => {}
    }
}

fn watch_references(
    client: Client,
    namespace: Option<&str>,
    context: &Arc<Context>,
    changed: mpsc::Sender<ObjectRef<Watched>>,
) {
    let (secrets, config_maps) = match namespace {
        Some(namespace) => {
            (Api::namespaced(client.clone(), namespace), Api::namespaced(client, namespace))
        }
        None => (Api::all(client.clone()), Api::all(client)),
    };
    let (tables, sender) = (Arc::clone(&context.tables), changed.clone());
    let scope = namespace.map(str::to_owned);
    let other_scope = scope.clone();
    tokio::spawn(restart_after_panics("watch of Secrets", move || {
        let (secrets, scope) = (secrets.clone(), scope.clone());
        references::watch::<Secret>(secrets, scope, Arc::clone(&tables), sender.clone())
    }));
    let tables = Arc::clone(&context.tables);
    tokio::spawn(restart_after_panics("watch of ConfigMaps", move || {
        let (maps, scope) = (config_maps.clone(), other_scope.clone());
        references::watch::<ConfigMap>(maps, scope, Arc::clone(&tables), changed.clone())
    }));
}

async fn next_change(
    mut changes: mpsc::Receiver<ObjectRef<Watched>>,
) -> Option<(ObjectRef<Watched>, mpsc::Receiver<ObjectRef<Watched>>)> {
    Some((changes.recv().await?, changes))
}

/// Backoff of requests to the API server, with a low maximum.
#[derive(Default)]
struct WatchBackoff {
    failures: u32,
}

impl Iterator for WatchBackoff {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let delay = Duration::from_millis(500) * 2_u32.pow(self.failures.min(3));
        self.failures = self.failures.saturating_add(1);
        Some(super::backoff::jittered(delay))
    }
}

impl Backoff for WatchBackoff {
    fn reset(&mut self) {
        self.failures = 0;
    }
}
