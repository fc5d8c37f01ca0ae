//! Databases with the same tables: one is filled, the others are copies of it.

use std::fmt::Write as _;

use jiff::{ToSpan as _, Zoned};

use crate::support::postgres::{Database, Server};

/// Makes databases with tables `t0`, `t1`, … of so many monthly partitions each, some of them for months ahead.
pub(crate) async fn filled(
    server: &Server,
    databases: usize,
    tables: usize,
    (partitions, ahead): (usize, usize),
) -> Vec<Database> {
    let first = server.database().await;
    fill(&first, tables, partitions, ahead).await;
    let mut filled = Vec::new();
    for _ in 1..databases {
        filled.push(server.copy(&first).await);
    }
    filled.push(first);
    filled
}

async fn fill(database: &Database, tables: usize, partitions: usize, ahead: usize) {
    let client = database.client().await;
    let this_month = Zoned::now().date().first_of_month();
    let month = |number: usize| {
        let from_now =
            i64::try_from(number).unwrap() + 1 - i64::try_from(partitions - ahead).unwrap();
        this_month.checked_add(from_now.months()).unwrap()
    };
    for table in 0..tables {
        let mut sql = format!(
            "CREATE TABLE t{table} (id bigint, at timestamptz NOT NULL, PRIMARY KEY (id, at)) \
             PARTITION BY RANGE (at);"
        );
        for number in 0..partitions {
            let (from, to) = (month(number), month(number + 1));
            let name = from.strftime("%Y_%m");
            write!(
                sql,
                "CREATE TABLE t{table}_{name} PARTITION OF t{table} \
                 FOR VALUES FROM ('{from} 00:00+00') TO ('{to} 00:00+00');"
            )
            .unwrap();
        }
        client.batch_execute(&sql).await.unwrap();
    }
    // A dirty page of a template is written by each copy.
    for command in ["VACUUM ANALYZE", "CHECKPOINT"] {
        client.batch_execute(command).await.unwrap();
    }
}
