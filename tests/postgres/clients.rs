//! Clients of an application that repeat their work until they are stopped.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio_postgres::Client;

use crate::database::World;

/// Work of a client in one turn, for the number of the turn.
pub(crate) type Turn<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Clients at work.
#[derive(Default)]
pub(crate) struct Clients {
    stop: Arc<AtomicBool>,
    working: Vec<JoinHandle<Work>>,
}

/// Result of a client.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work {
    pub(crate) turns: u64,
    /// The longest that a turn has taken.
    pub(crate) longest: Duration,
}

impl Clients {
    /// Has one more client work, as the owner of the tables. It fails the test where a turn fails.
    pub(crate) async fn add(
        &mut self,
        world: &World,
        turn: impl for<'a> Fn(&'a Client, u64) -> Turn<'a> + Send + Sync + 'static,
    ) {
        let client = world.database.client().await;
        let session = format!(
            "SET ROLE {}; SET search_path = {}; SET plan_cache_mode = force_generic_plan",
            world.owner,
            crate::database::SCHEMA_SQL
        );
        client.batch_execute(&session).await.unwrap();
        let stop = Arc::clone(&self.stop);
        self.working.push(tokio::spawn(async move {
            let mut work = Work { turns: 0, longest: Duration::ZERO };
            while !stop.load(Ordering::Relaxed) {
                let started = Instant::now();
                turn(&client, work.turns).await;
                work.longest = work.longest.max(started.elapsed());
                work.turns += 1;
            }
            work
        }));
    }

    /// Stops them all; what each has done.
    pub(crate) async fn stop(self) -> Vec<Work> {
        self.stop.store(true, Ordering::Relaxed);
        let mut done = Vec::new();
        for client in self.working {
            done.push(client.await.unwrap());
        }
        assert!(done.iter().all(|work| work.turns > 0), "a client has done nothing: {done:?}");
        done
    }
}

/// The longest that any turn has taken.
pub(crate) fn longest(done: &[Work]) -> Duration {
    done.iter().map(|work| work.longest).max().unwrap()
}

/// Sends statements, which must succeed.
pub(crate) async fn run(client: &Client, sql: &str) {
    let done = client.batch_execute(sql).await;
    done.unwrap_or_else(|e| panic!("{:?}\n{sql}", e.as_db_error()));
}

/// The number that a query returns, sent as one message.
pub(crate) async fn number(client: &Client, sql: &str) -> i64 {
    let rows = client.simple_query(sql).await;
    let rows = rows.unwrap_or_else(|e| panic!("{:?}\n{sql}", e.as_db_error()));
    let numbers = rows.iter().filter_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
        _ => None,
    });
    numbers.last().unwrap()
}
