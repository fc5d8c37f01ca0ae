//! Latency of clients that send 400 transactions a second, with and without a running copy.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio_postgres::{Client, Statement};

use crate::backend::{median, median_ratio, milliseconds, percentile};
use crate::table::{self, Pages};
use crate::{Bench, print};

const ROWS: u32 = 1_000_000;

/// Pairs of a time without copying and one with it.
const PAIRS: u32 = 5;
const TIME: Duration = Duration::from_millis(2_500);

/// 100 transactions a second each.
const CLIENTS: u32 = 4;
const INTERVAL: Duration = Duration::from_millis(10);

pub(crate) async fn row(bench: &Bench) {
    let rows = if bench.short { ROWS / 5 } else { ROWS };
    table::create(&bench.database.client().await, "watched", rows).await;
    let session = table::session(&bench.database).await;
    let mut pages = Pages::watch(&session).await;
    // Everything but the rows.
    table::convert(&session, "watched", "Row", Duration::from_millis(1), &mut pages).await;
    let [mut without, mut with] = [Seen::default(), Seen::default()];
    for _ in 0..bench.times(PAIRS) {
        let clients = Clients::start(bench, rows).await;
        tokio::time::sleep(TIME).await;
        without.add(clients.stop().await);
        let clients = Clients::start(bench, rows).await;
        let started = Instant::now();
        let done = table::convert(&session, "watched", "Row", TIME, &mut pages).await;
        let copied = started.elapsed();
        with.add(clients.stop().await);
        if done.remaining.is_done() || copied < TIME {
            break;
        }
    }
    let ratio = median_ratio(&with.p99, &without.p99);
    print("p99 of clients during the backfill", [with.p99(), without.p99()], ratio, "≤ 2.50");
    let longest = with.longest / without.longest;
    print("longest stall of a client", [with.longest(), without.longest()], longest, "≤ 150 ms");
}

/// Latencies of clients in milliseconds.
#[derive(Default)]
struct Seen {
    p99: Vec<f64>,
    longest: f64,
}

impl Seen {
    fn add(&mut self, mut times: Vec<Duration>) {
        self.p99.push(percentile(&mut times, 99));
        self.longest = self.longest.max(milliseconds(*times.last().unwrap()));
    }

    fn p99(&self) -> String {
        format!("{:.1} ms", median(self.p99.clone()))
    }

    fn longest(&self) -> String {
        format!("{:.0} ms", self.longest)
    }
}

/// Clients of the table. Half of their transactions read a row, a quarter updates one, a fifth inserts one, and the rest
/// deletes one.
struct Clients {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<Vec<Duration>>>,
}

impl Clients {
    async fn start(bench: &Bench, rows: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = Vec::new();
        for _ in 0..CLIENTS {
            let client = bench.database.client().await;
            let statements = prepare(&client).await;
            tasks.push(tokio::spawn(send(client, statements, rows, stop.clone())));
        }
        Self { stop, tasks }
    }

    /// Returns how long each transaction took.
    async fn stop(self) -> Vec<Duration> {
        self.stop.store(true, Ordering::Relaxed);
        let mut times = Vec::new();
        for task in self.tasks {
            times.extend(task.await.unwrap());
        }
        times
    }
}

async fn prepare(client: &Client) -> Vec<Statement> {
    let statements = [
        "SELECT * FROM watched WHERE id = $1",
        "UPDATE watched SET amount = amount + 1 WHERE id = $1",
        "INSERT INTO watched (id, org_id, at, amount, status) VALUES ($1::int8 + 100000000, ($1::int8 % 300)::int4, now(), 1, 'new') \
         ON CONFLICT DO NOTHING",
        "DELETE FROM watched WHERE id = $1",
    ];
    let mut prepared = Vec::new();
    for statement in statements {
        prepared.push(client.prepare(statement).await.unwrap());
    }
    prepared
}

/// Sends a transaction in each interval, and counts from the beginning of the interval: one that waits makes those after it
/// wait as well.
async fn send(
    client: Client,
    statements: Vec<Statement>,
    rows: u32,
    stop: Arc<AtomicBool>,
) -> Vec<Duration> {
    let mut times = Vec::new();
    let mut due = tokio::time::Instant::now();
    while !stop.load(Ordering::Relaxed) {
        tokio::time::sleep_until(due).await;
        let statement = match fastrand::u32(0..20) {
            0..10 => &statements[0],
            10..15 => &statements[1],
            15..19 => &statements[2],
            _ => &statements[3],
        };
        client.execute(statement, &[&i64::from(fastrand::u32(1..=rows))]).await.unwrap();
        times.push(due.elapsed());
        due += INTERVAL;
    }
    times
}
