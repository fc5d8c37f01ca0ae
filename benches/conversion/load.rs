//! Transactions per second and p95 of clients that write balances of organizations as fast as they can, with the triggers
//! of a conversion and without.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio_postgres::Client;

use crate::backend::{median, median_ratio, percentile};
use crate::table::{self, Pages};
use crate::{Bench, print};

const CLIENTS: u32 = 16;
const PAIRS: u32 = 6;
const TIME: Duration = Duration::from_secs(2);
const ORGANIZATIONS: u32 = 300;
const DAYS: u32 = 400;

pub(crate) async fn row(bench: &Bench) {
    let client = bench.database.client().await;
    for table in ["balances", "synced_balances"] {
        client.batch_execute(&create(table)).await.unwrap();
    }
    let session = table::session(&bench.database).await;
    let mut pages = Pages::watch(&session).await;
    table::convert(&session, "synced_balances", "Row", Duration::MAX, &mut pages).await;
    let [mut with, mut without] = [Rates::default(), Rates::default()];
    for _ in 0..bench.times(PAIRS) {
        with.add(write(bench, "synced_balances").await);
        without.add(write(bench, "balances").await);
    }
    let shown = |rates: &[f64], unit| {
        format!("{:.*}{unit}", usize::from(rates[0] < 100.0), median(rates.to_vec()))
    };
    let [tps, beside] = [&with, &without].map(|rates| shown(&rates.tps, ""));
    print(
        "transactions per second of the balances",
        [tps, beside],
        median_ratio(&with.tps, &without.tps),
        "",
    );
    let [p95, beside] = [&with, &without].map(|rates| shown(&rates.p95, " ms"));
    print("    p95", [p95, beside], median_ratio(&with.p95, &without.p95), "");
}

fn create(table: &str) -> String {
    format!(
        "CREATE TABLE {table} (org_id int NOT NULL, day date NOT NULL, balance numeric(14, 2) NOT NULL,
            PRIMARY KEY (org_id, day));
         INSERT INTO {table} SELECT org_id, date '2026-01-01' + day, org_id * 100 + day
            FROM generate_series(1, {ORGANIZATIONS}) AS org_id, generate_series(1, {DAYS}) AS day;
         ANALYZE {table}"
    )
}

#[derive(Default)]
struct Rates {
    tps: Vec<f64>,
    p95: Vec<f64>,
}

impl Rates {
    fn add(&mut self, (mut times, took): (Vec<Duration>, Duration)) {
        self.tps.push(f64::from(u32::try_from(times.len()).unwrap()) / took.as_secs_f64());
        self.p95.push(percentile(&mut times, 95));
    }
}

/// Has all clients write for a while. Returns how long each transaction took.
async fn write(bench: &Bench, table: &str) -> (Vec<Duration>, Duration) {
    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks = Vec::new();
    for _ in 0..CLIENTS {
        let client = bench.database.client().await;
        tasks.push(tokio::spawn(send(client, table.to_owned(), stop.clone())));
    }
    let started = Instant::now();
    tokio::time::sleep(TIME).await;
    stop.store(true, Ordering::Relaxed);
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.unwrap());
    }
    (times, started.elapsed())
}

async fn send(client: Client, table: String, stop: Arc<AtomicBool>) -> Vec<Duration> {
    let book = format!(
        "INSERT INTO {table} AS b VALUES ($1, date '2026-01-01' + $2::int4, 1) ON CONFLICT (org_id, day) DO UPDATE SET \
         balance = b.balance + EXCLUDED.balance"
    );
    let book = client.prepare(&book).await.unwrap();
    let mut times = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let [org_id, day] =
            [ORGANIZATIONS, 2 * DAYS].map(|most| fastrand::i32(1..=most.cast_signed()));
        let started = Instant::now();
        client.execute(&book, &[&org_id, &day]).await.unwrap();
        times.push(started.elapsed());
    }
    times
}
