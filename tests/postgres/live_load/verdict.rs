//! A comparison that is independent of the operator: of the two tables, and of the table with the records of the
//! application.

use std::collections::BTreeSet;

use tokio_postgres::{Client, IsolationLevel};

use super::client::Done;
use super::tables::Table;

/// The columns of a table by name, without those that Postgres computes while it reads.
const COLUMNS: &str =
    "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attname) FROM pg_attribute
    WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped";

/// Number of rows that only one of two tables has.
#[derive(Debug, Default, PartialEq, Eq)]
struct Differing {
    /// The table, and the other one of the conversion.
    other_lacks: i64,
    /// The other one of the conversion, and the table.
    table_lacks: i64,
    /// The table, and what the application recorded.
    ledger: i64,
    /// Table that references it, and the query on its rows.
    lines: i64,
}

async fn differing(client: &Client, table: &Table) -> Differing {
    let t = table.name;
    let mut found =
        Differing { ledger: count(client, &by_ledger(t)).await, ..Differing::default() };
    if table.is_referenced() {
        found.lines = count(client, &by_lines(t)).await;
    }
    if table.is_copied() {
        let source = format!("SELECT to_regclass('{t}_source') IS NOT NULL");
        let is_source = client.query_one(&source, &[]).await.unwrap().get(0);
        let other = format!("{t}_{}", if is_source { "source" } else { "partitioned" });
        let mut columns = Vec::new();
        for name in [t, &other] {
            let row = client.query_one(COLUMNS, &[&name]).await.unwrap();
            columns.push(row.get::<_, String>(0));
        }
        assert_eq!(columns[0], columns[1]);
        let lacks = |one: &str, other: &str| {
            let columns = &columns[0];
            format!("SELECT {columns} FROM {one} EXCEPT ALL SELECT {columns} FROM {other}")
        };
        found.other_lacks = count(client, &lacks(t, &other)).await;
        found.table_lacks = count(client, &lacks(&other, t)).await;
        if found.other_lacks + found.table_lacks > 0 {
            super::report(&rows_that_differ(client, t, &other).await);
        }
    }
    found
}

/// Returns up to eight rows of both tables that differ.
async fn rows_that_differ(client: &Client, t: &str, other: &str) -> String {
    let both = format!(
        "SELECT coalesce(string_agg(d.text, E'\\n'), '') FROM (SELECT concat(to_jsonb(t), ' / ', to_jsonb(o)) AS text
             FROM {t} AS t FULL JOIN {other} AS o ON o.id = t.id
             WHERE to_jsonb(t) IS DISTINCT FROM to_jsonb(o) LIMIT 8) AS d"
    );
    let rows: String = client.query_one(&both, &[]).await.unwrap().get(0);
    format!("{t} and {other}:\n{rows}")
}

async fn count(client: &Client, query: &str) -> i64 {
    let count = format!("SELECT count(*) FROM ({query}) AS d");
    client.query_one(&count, &[]).await.unwrap().get(0)
}

/// Rows with another number of lines than they say, and lines without a row.
fn by_lines(t: &str) -> String {
    format!(
        "SELECT FROM {t} AS t FULL JOIN (SELECT parent, count(*) AS lines FROM {t}_lines GROUP BY parent) AS l ON l.parent = t.id
         WHERE coalesce(t.lines, 0) <> coalesce(l.lines, 0)"
    )
}

/// Rows that are not as the ledger says.
fn by_ledger(t: &str) -> String {
    format!(
        "SELECT FROM (SELECT id, sum(rows) AS rows, sum(amount) AS amount FROM ledger WHERE name = '{t}'
                   GROUP BY id HAVING sum(rows) <> 0 OR sum(amount) <> 0) AS l
             FULL JOIN (SELECT id, count(*) AS rows, sum(amount) AS amount FROM {t} GROUP BY id) AS t ON t.id = l.id
             WHERE l.rows IS DISTINCT FROM 1 OR t.rows IS DISTINCT FROM 1 OR l.amount IS DISTINCT FROM t.amount"
    )
}

/// Compares all in one snapshot, so that it is right while the application writes.
pub(super) async fn assert_equal(
    client: &mut Client,
    tables: &[std::sync::Arc<Table>],
    what: &str,
) {
    let transaction = client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .start()
        .await
        .unwrap();
    // TRUNCATE takes rows from older snapshots, too: the snapshot begins behind the lock.
    for table in tables {
        let lock = format!("LOCK TABLE {} IN ACCESS SHARE MODE", table.name);
        transaction.batch_execute(&lock).await.unwrap();
    }
    for table in tables {
        let found = differing(transaction.client(), table).await;
        assert_eq!(found, Differing::default(), "{what}: table {}", table.name);
    }
}

/// Holds what a client remembers against what the database remembers.
pub(super) async fn assert_committed(client: &Client, done: &Done) {
    let number = i64::try_from(done.client).unwrap();
    let turns = "SELECT turn FROM turns WHERE client = $1";
    let rows = client.query(turns, &[&number]).await.unwrap();
    let recorded: BTreeSet<i64> = rows.iter().map(|row| row.get(0)).collect();
    let lost: Vec<_> = done.committed.difference(&recorded).collect();
    assert!(lost.is_empty(), "client {number} has lost transactions {lost:?}");
    let known: BTreeSet<_> = done.committed.union(&done.in_doubt).copied().collect();
    let unknown: Vec<_> = recorded.difference(&known).collect();
    assert!(unknown.is_empty(), "transactions {unknown:?} of client {number} failed and are there");
}
