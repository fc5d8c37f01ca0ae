//! Rows per second of the copying into a table that has its key alone, beside one `INSERT … SELECT` into a table that has
//! all indexes.

use std::time::{Duration, Instant};

use tokio_postgres::Client;

use crate::backend::{Watched, median, median_ratio};
use crate::table::{self, COLUMNS, Pages};
use crate::{Bench, print};

const ROWS: u32 = 500_000;
const ROUNDS: u32 = 3;

/// Rows per second, and per second of processor time.
type Rates = [f64; 2];

pub(crate) async fn row(bench: &Bench) {
    let hand = Watched::connect(&bench.database).await;
    let rows = if bench.short { ROWS / 10 } else { ROWS };
    let (mut operator, mut with_indexes, mut beside) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..bench.times(ROUNDS) {
        let name = format!("filled_{round}");
        table::create(&hand.client, &name, rows).await;
        // Each begins as often as the other.
        if round % 2 == 0 {
            beside.push(insert_select(&hand, &name, rows).await);
        }
        let [alone, with] = copied(bench, &name, rows).await;
        operator.push(alone);
        with_indexes.push(with);
        if round % 2 == 1 {
            beside.push(insert_select(&hand, &name, rows).await);
        }
        drop_tables(&hand.client, &name).await;
    }
    line("rows per second of the backfill", 0, &operator, &beside, "≥ 1.30");
    line("rows per second of CPU of the backfill", 1, &operator, &beside, "");
    line("rows per second of the backfill and the index builds", 0, &with_indexes, &beside, "");
}

fn line(what: &str, which: usize, operator: &[Rates], beside: &[Rates], limit: &str) {
    let of = |rates: &[Rates]| rates.iter().map(|rate| rate[which]).collect::<Vec<_>>();
    let (operator, beside) = (of(operator), of(beside));
    let shown = |rates: &[f64]| format!("{:.0}", median(rates.to_vec()));
    let figures = [shown(&operator), shown(&beside)];
    print(what, figures, median_ratio(&operator, &beside), limit);
}

fn rates(rows: u32, wall: Duration, cpu: Duration) -> Rates {
    [wall, cpu].map(|time| f64::from(rows) / time.as_secs_f64())
}

/// Returns the rates of the copying, and of the copying with all that follows until the comparison.
async fn copied(bench: &Bench, name: &str, rows: u32) -> [Rates; 2] {
    let session = table::session(&bench.database).await;
    let mut pages = Pages::watch(&session).await;
    table::convert(&session, name, "Row", Duration::MAX, &mut pages).await;
    let (begin, end) = (pages.copied.first().unwrap(), pages.copied.last().unwrap());
    let indexed = pages.stepped.unwrap();
    [end, &indexed]
        .map(|until| rates(rows, until.at - begin.at, until.cpu.saturating_sub(begin.cpu)))
}

async fn insert_select(hand: &Watched, name: &str, rows: u32) -> Rates {
    let create = format!(
        "CREATE TABLE {name}_by_hand (LIKE {name}, PRIMARY KEY (id, org_id)) PARTITION BY HASH (org_id);
         CREATE INDEX ON {name}_by_hand (org_id, at); CREATE INDEX ON {name}_by_hand (at);
         DO $$ BEGIN FOR n IN 0..15 LOOP EXECUTE format('CREATE TABLE {name}_by_hand_%s PARTITION OF {name}_by_hand
            FOR VALUES WITH (MODULUS 16, REMAINDER %s)', n, n); END LOOP; END $$"
    );
    hand.client.batch_execute(&create).await.unwrap();
    let (started, before) = (Instant::now(), hand.backend.cpu());
    let insert = format!("INSERT INTO {name}_by_hand ({COLUMNS}) SELECT {COLUMNS} FROM {name}");
    hand.client.batch_execute(&insert).await.unwrap();
    rates(rows, started.elapsed(), hand.backend.cpu().saturating_sub(before))
}

async fn drop_tables(client: &Client, name: &str) {
    let drop = format!("DROP TABLE {name}, {name}_by_hand, {name}_partitioned CASCADE");
    client.batch_execute(&drop).await.unwrap();
}
