//! Threads of the reconciles. The Lease, signals, and HTTP have threads of their own, so that nothing
//! a reconcile does can keep the leader from renewing the Lease.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::time::sleep;

/// Interval between two heartbeats of the threads.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);

/// Time without a heartbeat after which the threads count as hanging. Busy threads may be late by
/// seconds; a restart would only make them begin again.
pub(super) const HANG_TIMEOUT: Duration = Duration::from_mins(5);

/// A runtime for reconciles, which ends without waiting for them.
pub(super) struct Workers {
    runtime: Option<Runtime>,
    handle: Handle,
    heartbeat: Arc<Heartbeat>,
}

/// Last time at which the threads ran something.
pub(super) struct Heartbeat(Mutex<Instant>);

impl Workers {
    /// Starts as many threads as there are cores.
    pub(super) fn start() -> std::io::Result<Self> {
        let runtime = Builder::new_multi_thread().thread_name("reconcile").enable_all().build()?;
        Ok(Self::from_runtime(runtime, HEARTBEAT_INTERVAL))
    }

    fn from_runtime(runtime: Runtime, interval: Duration) -> Self {
        let handle = runtime.handle().clone();
        let heartbeat = Arc::new(Heartbeat(Mutex::new(Instant::now())));
        let beating = Arc::clone(&heartbeat);
        handle.spawn(async move {
            loop {
                beating.beat();
                sleep(interval).await;
            }
        });
        Self { runtime: Some(runtime), handle, heartbeat }
    }

    /// Returns the runtime.
    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    pub(super) fn heartbeat(&self) -> Arc<Heartbeat> {
        Arc::clone(&self.heartbeat)
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Heartbeat {
    fn beat(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Returns whether the threads ran something within this time.
    pub(super) fn is_within(&self, timeout: Duration) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).elapsed() <= timeout
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread::sleep;
    use std::time::Duration;

    use tokio::runtime::Builder;

    use super::Workers;

    #[test]
    fn heartbeat_stops_while_all_threads_hang() {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let Ok(runtime) = runtime else { panic!("no runtime") };
        let workers = Workers::from_runtime(runtime, Duration::from_millis(1));
        let (release, hang) = channel::<()>();
        workers.handle().spawn(async move { hang.recv() });
        let short = Duration::from_millis(100);
        while workers.heartbeat().is_within(short) {
            sleep(short);
        }
        drop(release);
        while !workers.heartbeat().is_within(short) {
            sleep(Duration::from_millis(1));
        }
    }
}
