//! A comparison that is not ours: of the two tables, and of the table with what the application recorded.

use std::collections::BTreeSet;

use tokio_postgres::{Client, IsolationLevel};

use super::client::Done;
use super::tables::Table;

/// The columns of a table by name, without those that Postgres computes while it reads.
const COLUMNS: &str =
    "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attname) FROM pg_attribute
    WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped";

/// How many rows one has and the other has not: the table and the other one of the conversion, the other one and the table,
/// and the table and the ledger.
async fn differing(client: &Client, table: &Table) -> [i64; 3] {
    let t = table.name;
    let other = format!(
        "SELECT CASE WHEN to_regclass('{t}_source') IS NULL THEN '{t}_partitioned' ELSE '{t}_source' END"
    );
    let other: String = client.query_one(&other, &[]).await.unwrap().get(0);
    let mut columns = Vec::new();
    for name in [t, &other] {
        let row = client.query_one(COLUMNS, &[&name]).await.unwrap();
        columns.push(row.get::<_, String>(0));
    }
    assert_eq!(columns[0], columns[1]);
    let columns = &columns[0];
    let lacks = |one: &str, other: &str| {
        format!(
            "(SELECT count(*) FROM (SELECT {columns} FROM {one} EXCEPT ALL SELECT {columns} FROM {other}) AS d)"
        )
    };
    let of_ledger = format!("(SELECT count(*) FROM ({}) AS d)", by_ledger(t));
    let sql = format!("SELECT {}, {}, {of_ledger}", lacks(t, &other), lacks(&other, t));
    let row = client.query_one(&sql, &[]).await.unwrap();
    let found = [row.get(0), row.get(1), row.get(2)];
    if found != [0, 0, 0] {
        let both = format!(
            "SELECT coalesce(string_agg(d.text, E'\\n'), '') FROM (SELECT concat(to_jsonb(t), ' / ', to_jsonb(o)) AS text
                 FROM {t} AS t FULL JOIN {other} AS o ON o.id = t.id
                 WHERE to_jsonb(t) IS DISTINCT FROM to_jsonb(o) LIMIT 8) AS d"
        );
        let row = client.query_one(&both, &[]).await.unwrap();
        super::report(&format!("{t} and {other}:\n{}", row.get::<_, String>(0)));
    }
    found
}

/// Rows that are not as the ledger says.
fn by_ledger(t: &str) -> String {
    format!(
        "SELECT FROM (SELECT id, sum(rows) AS rows, sum(amount) AS amount FROM ledger WHERE name = '{t}'
                   GROUP BY id HAVING sum(rows) <> 0 OR sum(amount) <> 0) AS l
             FULL JOIN {t} AS t ON t.id = l.id
             WHERE l.rows IS DISTINCT FROM 1 OR l.amount IS DISTINCT FROM t.amount"
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
        assert_eq!(
            found,
            [0, 0, 0],
            "{what}: rows that {}, the other table, or the ledger lacks",
            table.name
        );
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
