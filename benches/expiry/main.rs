//! A year of monthly partitions is created and expired, day by day, while clients read and write: by this operator, by
//! `run_maintenance` of `pg_partman`, and by plain `DETACH PARTITION` and `DROP TABLE`, one after the other on one
//! server. Each prints the longest wait of a client, the rows that were lost or kept too long, and the errors of the
//! clients.
//!
//! `cargo bench --bench expiry`; duration of a reader's transaction and lockTimeout, in ms, and days per turn:
//! `-- 1500 1000 1`. `PGPARTITION_TEST_MAJORS=15` runs on this major only; `pg_partman`, which `tools/setup` fetches
//! from Debian, is available for 15 alone.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints and may panic")]

mod audit;
#[path = "../clients/mod.rs"]
mod clients;
mod maintenance;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use audit::{Audit, month_of};
use clients::{Act, Bystander, Witness};
use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan as _};
use maintenance::{Keeper, Kind};
use support::postgres::{Database, Server, majors};

/// The current month and the three before it have partitions at first; a year later these have expired.
const FIRST_DAY: Date = date(2026, 1, 15);
const LAST_DAY: Date = date(2027, 1, 15);
const KEEP: i64 = 3;
const AHEAD: i64 = 3;

/// Shortest duration of a day.
const DAY: Duration = Duration::from_millis(10);

/// The major that Debian has `pg_partman` for.
const MAJOR_OF_PARTMAN: u16 = 15;

/// `written` has what was ever written into `payments`.
const SETUP: &str = "
    CREATE TABLE payments (id bigint, occurred_at timestamptz NOT NULL, amount numeric,
        PRIMARY KEY (id, occurred_at)) PARTITION BY RANGE (occurred_at);
    CREATE TABLE written (id bigint PRIMARY KEY, occurred_at timestamptz NOT NULL);
    CREATE SEQUENCE ids;";

#[tokio::main]
async fn main() {
    let numbers: Vec<u64> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    let sits = Duration::from_millis(*numbers.first().unwrap_or(&1500));
    let lock_timeout = Duration::from_millis(*numbers.get(1).unwrap_or(&1000));
    let days = i64::try_from(*numbers.get(2).unwrap_or(&1)).unwrap();
    println!(
        "a year of months, day by day, among a writer, a reader, and one that sits in its transaction \
         for {} ms; lockTimeout {} ms",
        sits.as_millis(),
        lock_timeout.as_millis()
    );
    for major in majors() {
        println!("\nPostgres {major}\n{}", Outcome::HEADINGS);
        for kind in Kind::ALL {
            if kind.is_partman() && major != MAJOR_OF_PARTMAN {
                continue;
            }
            let database = Server::shared(major).database().await;
            let outcome = a_year(&database, kind, sits, lock_timeout, days).await;
            outcome.print(kind);
        }
    }
}

async fn a_year(
    database: &Database,
    kind: Kind,
    sits: Duration,
    lock_timeout: Duration,
    days: i64,
) -> Outcome {
    let client = database.client().await;
    client.batch_execute(SETUP).await.unwrap();
    let mut keeper = Keeper::prepare(kind, database, lock_timeout, sits * 8).await;
    fill(database, kind).await;
    let today = Arc::new(Mutex::new(FIRST_DAY));
    let witness = Witness::default();
    let clients = clients(database, &witness, &today, sits).await;
    let started = Instant::now();
    let mut audit = Audit::default();
    for day in FIRST_DAY.series(days.days()).take_while(|day| *day <= LAST_DAY) {
        let tomorrow = tokio::time::Instant::now() + DAY;
        *today.lock().unwrap() = day;
        keeper.maintain(noon(day)).await;
        audit.observe_and_plan(&client, day).await;
        tokio::time::sleep_until(tomorrow).await;
    }
    for client in clients {
        client.stop().await;
    }
    let took = started.elapsed();
    audit.observe_and_plan(&client, LAST_DAY).await;
    Outcome { witness, audit, took, trouble: keeper.trouble }
}

fn noon(day: Date) -> Timestamp {
    day.at(12, 0, 0, 0).in_tz("UTC").unwrap().timestamp()
}

/// Some thousand rows in each month there is, and, where there is a default partition, rows in that which
/// belong nowhere.
async fn fill(database: &Database, kind: Kind) {
    let client = database.client().await;
    let from = month_of(FIRST_DAY).saturating_sub(KEEP.months());
    let fill = format!(
        "WITH row AS (INSERT INTO payments SELECT nextval('ids'), at, 1 FROM \
         generate_series('{from} 00:00Z'::timestamptz, '{FIRST_DAY} 00:00Z', '10 min') at \
         RETURNING id, occurred_at) INSERT INTO written SELECT id, occurred_at FROM row"
    );
    client.batch_execute(&fill).await.unwrap();
    if kind.has_default() {
        let stray = "INSERT INTO payments SELECT nextval('ids'), '2020-01-01 00:00Z', 1 \
                     FROM generate_series(1, 100000)";
        client.batch_execute(stray).await.unwrap();
    }
    client.batch_execute("VACUUM ANALYZE").await.unwrap();
}

/// One that writes, one that reads, and one that reads, sits, and reads again.
async fn clients(
    database: &Database,
    witness: &Witness,
    today: &Arc<Mutex<Date>>,
    sits: Duration,
) -> [Bystander; 3] {
    let now = today.clone();
    let writer = Bystander::start(database, witness, move || {
        let day = *now.lock().unwrap();
        let last_month = day.saturating_sub(1.month());
        let pause = Act::Sit(Duration::from_millis(10));
        vec![Act::Send(write(day)), Act::Send(write(last_month)), pause]
    });
    let reader = Bystander::start(database, witness, || {
        // It does not name the key, and so reads every partition, the default one too.
        let read = "SELECT count(*) FROM payments WHERE id = 1".to_owned();
        vec![Act::Send(read), Act::Sit(Duration::from_millis(10))]
    });
    let now = today.clone();
    let sitting = Bystander::start(database, witness, move || {
        let day = *now.lock().unwrap();
        // A month may expire while this is under way.
        let count = audit::lost(day.saturating_add(1.month()));
        vec![
            Act::Send("BEGIN".to_owned()),
            Act::Count(count.clone()),
            Act::Sit(sits),
            Act::Count(count),
            Act::Send("COMMIT".to_owned()),
            Act::Sit(Duration::from_millis(300)),
        ]
    });
    [writer.await, reader.await, sitting.await]
}

fn write(day: Date) -> String {
    format!(
        "WITH row AS (INSERT INTO payments VALUES (nextval('ids'), '{day} 12:00Z', 1) \
         RETURNING id, occurred_at) INSERT INTO written SELECT id, occurred_at FROM row"
    )
}

/// Result of a year.
struct Outcome {
    witness: Witness,
    audit: Audit,
    took: Duration,
    trouble: BTreeMap<String, (Timestamp, u32)>,
}

impl Outcome {
    const HEADINGS: &str = "                                 longest stall  rows lost  kept too long  \
                            miscounted  errors  partitions  left over  took";

    fn print(&self, kind: Kind) {
        let Self { witness, audit, took, trouble } = self;
        let errors = witness.errors();
        println!(
            "{:32} {:>10.0} ms {:>10} {:>14} {:>11} {:>7} {:>11} {:>10} {:>3.0} s",
            kind.name(),
            witness.take_longest(),
            audit.lost,
            audit.kept,
            witness.miscounted(),
            errors.len(),
            audit.attached,
            audit.detached,
            took.as_secs_f64()
        );
        for (text, (first, days)) in trouble {
            println!("    from {first} on {days} days: {text}");
        }
        for text in errors.iter().take(10) {
            println!("    a client: {text}");
        }
    }
}
