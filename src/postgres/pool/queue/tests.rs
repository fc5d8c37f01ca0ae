//! The order of the runs, and the runs to which the first one passes its turn.

use std::pin::pin;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::join_all;
use tokio::sync::Semaphore;

use super::{Login, Queue, Urgency};

/// Starts runs in this order, gives them a permit one after the other, and returns the order in which they get it. Each run
/// leaves an idle session of its login, which the next one may use if `keeps_sessions`.
async fn order(runs: &[(Urgency, Login)], keeps_sessions: bool) -> Vec<usize> {
    let (queue, permits) = (Queue::default(), Arc::new(Semaphore::new(0)));
    let (order, idle) = (std::cell::RefCell::new(Vec::new()), std::cell::Cell::new(None));
    let waiting = runs.iter().enumerate().map(|(at, run)| {
        let (queue, permits, order, idle) = (&queue, &permits, &order, &idle);
        async move {
            let turn = queue.turn(*run, permits, || idle.get().into_iter().collect()).await;
            order.borrow_mut().push(at);
            idle.set(Some(run.1).filter(|_| keeps_sessions));
            drop(turn);
        }
    });
    let mut all = pin!(join_all(waiting));
    // All runs have entered the queue before the first one gets a permit.
    assert!(all.as_mut().now_or_never().is_none());
    permits.add_permits(1);
    all.await;
    order.take()
}

#[tokio::test]
async fn most_urgent_run_is_first_and_equal_ones_keep_their_order() {
    let runs = [Urgency::Later, Urgency::Soon, Urgency::Now, Urgency::Soon, Urgency::Now];
    assert_eq!(order(&runs.map(|urgency| (urgency, 1)), true).await, [2, 4, 1, 3, 0]);
}

#[tokio::test]
async fn idle_session_is_used_by_runs_that_are_as_urgent_as_the_first() {
    let runs = [
        (Urgency::Soon, 1),
        (Urgency::Soon, 2),
        (Urgency::Soon, 1),
        (Urgency::Later, 1),
        (Urgency::Now, 2),
        (Urgency::Now, 1),
    ];
    assert_eq!(order(&runs, false).await, [4, 5, 0, 1, 2, 3]);
    assert_eq!(order(&runs, true).await, [4, 5, 0, 2, 1, 3]);
}

#[tokio::test]
async fn run_that_leaves_lets_the_next_one_go_on() {
    let (queue, permits) = (Queue::default(), Arc::new(Semaphore::new(1)));
    let before = queue.enter(Urgency::Now, 1);
    let mut after = pin!(queue.turn((Urgency::Now, 1), &permits, Vec::new));
    assert!(after.as_mut().now_or_never().is_none());
    drop(before);
    assert!(after.await.is_ok_and(|turn| !turn.overtook));
}

#[tokio::test]
async fn permit_is_not_passed_on_to_a_run_that_has_left() {
    let (queue, permits) = (Queue::default(), Arc::new(Semaphore::new(1)));
    drop(queue.enter(Urgency::Now, 2));
    let turn = queue.turn((Urgency::Now, 1), &permits, || vec![2]).await;
    assert!(turn.is_ok_and(|turn| !turn.overtook));
}
