//! Processor time of a sweep, beside the same `FULL JOIN` typed by hand, in batches of as many rows.

use std::time::Duration;

use tokio_postgres::Client;

use crate::backend::{Watched, median, median_ratio};
use crate::table::{self, Page, Pages};
use crate::{Bench, print};

const ROWS: u32 = 400_000;
const ROUNDS: u32 = 5;

pub(crate) async fn row(bench: &Bench) {
    let rows = if bench.short { ROWS / 10 } else { ROWS };
    table::converted(&bench.database, "compared", "Row", rows).await;
    let hand = Watched::connect(&bench.database).await;
    // The time of a parallel worker would not count.
    let settings =
        "SET plan_cache_mode = force_custom_plan; SET max_parallel_workers_per_gather = 0";
    hand.client.batch_execute(settings).await.unwrap();
    let (mut operator, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..bench.times(ROUNDS) {
        let pages = sweep(bench, &hand.client).await;
        let (first, last) = (pages.first().unwrap(), pages.last().unwrap());
        operator.push(per_row(last.cpu.saturating_sub(first.cpu), last.rows - first.rows));
        let batch = last.rows.div_ceil(u32::try_from(pages.len()).unwrap());
        let before = hand.backend.cpu();
        join(&hand.client, rows, batch).await;
        beside.push(per_row(hand.backend.cpu().saturating_sub(before), rows));
    }
    let shown = |micros: &[f64]| format!("{:.2} µs", median(micros.to_vec()));
    let figures = [shown(&operator), shown(&beside)];
    print("CPU of a comparison, for each row", figures, median_ratio(&operator, &beside), "≤ 1.10");
}

fn per_row(cpu: Duration, rows: u32) -> f64 {
    cpu.as_secs_f64() * 1e6 / f64::from(rows)
}

/// Has the operator compare all rows, and returns the pages.
async fn sweep(bench: &Bench, client: &Client) -> Vec<Page> {
    let forget = "UPDATE pgpartition.conversions SET parity = NULL, sweep = NULL WHERE table_name = 'compared'";
    client.batch_execute(forget).await.unwrap();
    let session = table::session(&bench.database).await;
    let mut pages = Pages::watch(&session).await;
    table::convert(&session, "compared", "Row", Duration::MAX, &mut pages).await;
    pages.compared
}

async fn join(client: &Client, rows: u32, batch: u32) {
    let side = |table| format!("(SELECT * FROM {table} WHERE id > $1 AND id <= $2)");
    let join = format!(
        "SELECT count(*) FILTER (WHERE a.id IS NULL OR b.id IS NULL OR a *<> b) FROM {} AS a FULL JOIN {} AS b ON \
         a.id = b.id AND a.org_id = b.org_id",
        side("compared"),
        side("compared_partitioned")
    );
    let join = client.prepare(&join).await.unwrap();
    let mut from = 0;
    while from < rows {
        let to = from + batch;
        let range = [from, to].map(i64::from);
        let differing = client.query_one(&join, &[&range[0], &range[1]]).await.unwrap();
        assert_eq!(differing.get::<_, i64>(0), 0);
        from = to;
    }
}
