//! Logs the failure of a watch once, and again if the error changes or the watch worked in between.

use std::sync::{Mutex, PoisonError};

use kube::runtime::watcher;

/// Last message of a watch.
pub(super) struct WatchLog {
    kind: &'static str,
    namespace: Option<String>,
    last: Mutex<Option<String>>,
}

impl WatchLog {
    /// `None` as namespace means all of them.
    pub(super) fn new(kind: &'static str, namespace: Option<&str>) -> Self {
        Self { kind, namespace: namespace.map(str::to_owned), last: Mutex::default() }
    }

    /// Records that the watch has answered.
    pub(super) fn recovered(&self) {
        if self.replace(None).is_some() {
            let Self { kind, namespace, .. } = self;
            tracing::info!(kind, namespace, "the watch recovered");
        }
    }

    /// Records that the watch has failed. `effect` says what that means.
    pub(super) fn failed(&self, error: &watcher::Error, effect: &'static str) {
        let text = error.to_string();
        if self.replace(Some(text.clone())).as_ref() != Some(&text) {
            let (Self { kind, namespace, .. }, remedy) = (self, remedy(error));
            tracing::warn!(kind, namespace, error = text, effect, remedy, "could not watch");
        }
    }

    fn replace(&self, text: Option<String>) -> Option<String> {
        std::mem::replace(&mut self.last.lock().unwrap_or_else(PoisonError::into_inner), text)
    }
}

/// Returns the remedy for an error, or `None` if it depends.
fn remedy(error: &watcher::Error) -> Option<&'static str> {
    let status = match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => status,
        watcher::Error::InitialListFailed(_)
        | watcher::Error::WatchStartFailed(_)
        | watcher::Error::WatchFailed(_)
        | watcher::Error::NoResourceVersion => return None,
    };
    if status.is_not_found() {
        Some("install the CustomResourceDefinition, as pg-partition-operator crd prints it")
    } else if status.is_forbidden() {
        Some("grant the operator's account get, list, and watch")
    } else {
        None
    }
}
