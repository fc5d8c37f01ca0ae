//! The order in which runs get a session of a server: those whose work is needed first come first.
//!
//! Each run has a place, which is its arrival plus an allowance for its [`Urgency`]; the earliest place is next. So a run
//! that is less urgent comes later, but never waits for runs that arrive after its allowance has passed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::lock;

/// Urgency of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// New rows have no partition, or will have none within minutes.
    Now,
    /// A partition for a later period is missing.
    Soon,
    /// Any other work, such as retention, an index, or an inspection.
    Later,
}

impl Urgency {
    /// Returns the time by which more urgent runs that arrive later may overtake the run.
    const fn allowance(self) -> Duration {
        match self {
            Self::Now => Duration::ZERO,
            Self::Soon => Duration::from_mins(2),
            Self::Later => Duration::from_mins(5),
        }
    }
}

/// The runs that wait for a session of one server.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<BTreeMap<(Instant, u64), Arc<Notify>>>,
    arrivals: AtomicU64,
}

/// Place of one run. Dropping it leaves the queue.
pub(super) struct Place<'a> {
    queue: &'a Queue,
    key: (Instant, u64),
    moved: Arc<Notify>,
}

impl Queue {
    pub(super) fn enter(&self, urgency: Urgency) -> Place<'_> {
        let arrival = self.arrivals.fetch_add(1, Ordering::Relaxed);
        let key = (Instant::now() + urgency.allowance(), arrival);
        let moved = Arc::new(Notify::new());
        lock(&self.waiting).insert(key, Arc::clone(&moved));
        Place { queue: self, key, moved }
    }
}

impl Place<'_> {
    /// Waits until no other run comes before this one.
    pub(super) async fn first(&self) {
        while lock(&self.queue.waiting).keys().next() != Some(&self.key) {
            self.moved.notified().await;
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut waiting = lock(&self.queue.waiting);
        waiting.remove(&self.key);
        if let Some((_, first)) = waiting.first_key_value() {
            first.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures::FutureExt as _;

    use super::{Queue, Urgency};

    #[tokio::test]
    async fn most_urgent_run_is_first_and_equal_ones_keep_their_order() {
        let queue = Queue::default();
        let arrivals = [Urgency::Later, Urgency::Soon, Urgency::Now, Urgency::Soon, Urgency::Now];
        let mut waiting: Vec<_> =
            arrivals.into_iter().enumerate().map(|(at, u)| (at, queue.enter(u))).collect();
        let mut order = Vec::new();
        while !waiting.is_empty() {
            let first =
                waiting.iter().position(|(_, place)| place.first().now_or_never().is_some());
            let (at, place) = waiting.remove(first.unwrap_or_default());
            order.push(at);
            drop(place);
        }
        assert_eq!(order, [2, 4, 1, 3, 0]);
    }

    #[tokio::test]
    async fn run_that_leaves_lets_the_next_one_go_on() {
        let queue = Queue::default();
        let (before, after) = (queue.enter(Urgency::Now), queue.enter(Urgency::Now));
        let mut first = pin!(after.first());
        assert!(first.as_mut().now_or_never().is_none());
        drop(before);
        first.await;
    }
}
