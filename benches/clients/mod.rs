//! Clients of a database while a benchmark changes it: their latencies and errors.

#![allow(dead_code, unreachable_pub, reason = "every benchmark uses only its part")]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::support::postgres::Database;

/// Statement of a client.
pub enum Act {
    /// Sends this.
    Send(String),
    /// Sends this, which returns how many rows are not as they should be.
    Count(String),
    /// Does nothing for so long.
    Sit(Duration),
}

/// Latencies and errors of clients.
#[derive(Clone, Default)]
pub struct Witness {
    longest_micros: Arc<AtomicU64>,
    miscounted: Arc<AtomicU64>,
    errors: Arc<Mutex<Vec<String>>>,
}

impl Witness {
    /// Returns the longest duration of a statement since the last call, in milliseconds.
    pub fn take_longest(&self) -> f64 {
        let micros = self.longest_micros.swap(0, Ordering::Relaxed);
        f64::from(u32::try_from(micros).unwrap()) / 1000.0
    }

    /// The sum of what was counted.
    pub fn miscounted(&self) -> u64 {
        self.miscounted.load(Ordering::Relaxed)
    }

    pub fn errors(&self) -> Vec<String> {
        self.errors.lock().unwrap().clone()
    }

    async fn act(&self, client: &Client, act: Act) {
        match act {
            Act::Send(statement) => {
                self.send(client, &statement).await;
            }
            Act::Count(statement) => {
                let count = self.send(client, &statement).await;
                self.miscounted.fetch_add(count.unwrap_or(0), Ordering::Relaxed);
            }
            Act::Sit(duration) => tokio::time::sleep(duration).await,
        }
    }

    /// Returns the first number of the answer, where it has one.
    async fn send(&self, client: &Client, statement: &str) -> Option<u64> {
        let started = Instant::now();
        let answer = client.simple_query(statement).await;
        let took = u64::try_from(started.elapsed().as_micros()).unwrap();
        self.longest_micros.fetch_max(took, Ordering::Relaxed);
        match answer {
            Ok(messages) => messages.iter().find_map(|message| {
                let SimpleQueryMessage::Row(row) = message else { return None };
                row.get(0)?.parse().ok()
            }),
            Err(error) => {
                let text = error.as_db_error().map_or(error.to_string(), ToString::to_string);
                self.errors.lock().unwrap().push(format!("{text}: {statement}"));
                None
            }
        }
    }
}

/// A client that does the same over and over until it is stopped.
pub struct Bystander {
    stop: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Bystander {
    pub async fn start(
        database: &Database,
        witness: &Witness,
        turn: impl Fn() -> Vec<Act> + Send + 'static,
    ) -> Self {
        let client = database.client().await;
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, witness) = (stop.clone(), witness.clone());
        let task = tokio::spawn(async move {
            while !stopped.load(Ordering::Relaxed) {
                for act in turn() {
                    witness.act(&client, act).await;
                }
            }
        });
        Self { stop, task }
    }

    /// Lets it end its turn.
    pub async fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap();
    }
}
