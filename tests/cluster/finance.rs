//! The plain tables of the running example, an application that writes to them all the time, and a comparison of the two
//! tables of a conversion that shares nothing with that of the operator.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::fixture::{Fixture, table};
use crate::support::postgres::{Database, Server};
use crate::support::wait_until;

/// Longer than three conversions take on a machine that is busy with nothing else.
pub(crate) const CONVERTED: Duration = Duration::from_mins(2);

/// Names of the tables.
pub(crate) const TABLES: [&str; 3] = ["daily_cash_balances", "revenues", "expenses"];

/// Number of rows of each table before the application begins.
const ROWS: i64 = 2000;

/// A database with the tables, which belong to one role, and an application that writes to each of them.
pub(crate) struct Finance {
    pub(crate) database: Database,
    owner: String,
    login: String,
    /// The application ends.
    stop: Arc<AtomicBool>,
    /// `ON CONFLICT` with a lost key fails.
    lacks_key: Arc<AtomicBool>,
    writers: Vec<Writer>,
}

/// A session of the application.
struct Writer {
    table: &'static str,
    /// Number of statements that it has executed.
    executed: Arc<AtomicU64>,
    /// Ends with the number of rows that it has added to the table.
    added: JoinHandle<i64>,
}

impl Finance {
    /// Creates the tables, a login with the privileges of `docs/reference/privileges.md`, and the application.
    pub(crate) async fn new() -> Self {
        let database = Server::of_default_major().database().await;
        let name = database.name();
        let (owner, login) = (format!("owner_{name}"), format!("op_{name}"));
        let roles = format!(
            "CREATE ROLE {owner}; CREATE SCHEMA finance;
             CREATE ROLE {login} LOGIN NOINHERIT; GRANT {owner} TO {login};
             GRANT USAGE, CREATE ON SCHEMA finance TO {owner};
             CREATE SCHEMA pgpartition AUTHORIZATION {login}"
        );
        database.client().await.batch_execute(&roles).await.unwrap();
        let (stop, lacks_key, writers) = (Arc::default(), Arc::default(), Vec::new());
        let mut finance = Self { database, owner, login, stop, lacks_key, writers };
        let client = finance.owner().await;
        for table in TABLES {
            client.batch_execute(&create(table)).await.unwrap();
            let writer = Writer::start(table, &finance).await;
            finance.writers.push(writer);
        }
        finance
    }

    /// A session of the owner of the tables.
    pub(crate) async fn owner(&self) -> Client {
        let client = self.database.client().await;
        let role = format!("SET ROLE {}; SET TimeZone = 'UTC'", self.owner);
        client.batch_execute(&role).await.unwrap();
        client
    }

    /// Creates the Secret of the operator.
    pub(crate) fn secret(&self, fixture: &Fixture<'_>) {
        fixture.secret("finance", &self.database.url_as(&self.login));
    }

    /// Compares a table with the other one of its conversion in one snapshot, while the application writes.
    pub(crate) async fn assert_equal(&self, table: &str, other: &str) {
        let (table, other) = (format!("TABLE finance.{table}"), format!("TABLE finance.{other}"));
        let differing = format!(
            "SELECT count(*) FROM (({table} EXCEPT ALL {other}) UNION ALL ({other} EXCEPT ALL {table})) AS d"
        );
        let row = self.database.client().await.query_one(&differing, &[]).await.unwrap();
        assert_eq!(row.get::<_, i64>(0), 0, "rows that only {table} or only {other} has");
    }

    /// Waits until each session of the application has executed more statements.
    pub(crate) async fn goes_on(&self) {
        for writer in &self.writers {
            let executed = || writer.executed.load(Ordering::Relaxed);
            let before = executed();
            let what = format!("the application writes to {}", writer.table);
            let goes_on = async || executed() > before + 20 || writer.added.is_finished();
            wait_until(&what, Duration::from_secs(30), goes_on).await;
        }
    }

    /// Says whether the application may use a table without the key that it loses at the cutover.
    pub(crate) async fn set_lacks_key(&self, lacks_key: bool) {
        self.lacks_key.store(lacks_key, Ordering::Relaxed);
        // A statement that began before does not know.
        self.goes_on().await;
    }

    /// Ends the application, and holds the rows that it counted against those of the tables.
    pub(crate) async fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        let client = self.database.client().await;
        for writer in self.writers {
            let expected = ROWS + writer.added.await.unwrap();
            let count = format!("SELECT count(*) FROM finance.{}", writer.table);
            let rows: i64 = client.query_one(&count, &[]).await.unwrap().get(0);
            assert_eq!(rows, expected, "{}", writer.table);
        }
    }
}

/// Rows of half a year, so that there are quarters and months of the past.
fn create(table: &str) -> String {
    if table == "daily_cash_balances" {
        return format!(
            "CREATE TABLE finance.{table} (
                org_id int, day date, balance numeric(14, 2) NOT NULL, PRIMARY KEY (org_id, day)
             );
             INSERT INTO finance.{table}
                SELECT n % 50, current_date - n / 50, n FROM generate_series(0, {ROWS} - 1) AS n;
             ANALYZE finance.{table}"
        );
    }
    format!(
        "CREATE TABLE finance.{table} (
            id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, org_id int NOT NULL,
            occurred_at timestamptz NOT NULL, amount numeric(12, 2) NOT NULL
         );
         INSERT INTO finance.{table} (org_id, occurred_at, amount)
            SELECT n % 50, now() - n * interval '2 hours', n FROM generate_series(1, {ROWS}) AS n;
         CREATE INDEX ON finance.{table} (occurred_at);
         ANALYZE finance.{table}"
    )
}

impl Writer {
    async fn start(table: &'static str, finance: &Finance) -> Self {
        let client = finance.database.client().await;
        let (stop, lacks_key) = (Arc::clone(&finance.stop), Arc::clone(&finance.lacks_key));
        let executed = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&executed);
        let added = tokio::spawn(async move {
            let mut added = 0;
            for turn in 1.. {
                for write in writes(table, turn) {
                    if stop.load(Ordering::Relaxed) {
                        return added;
                    }
                    added += write.execute(&client, lacks_key.load(Ordering::Relaxed)).await;
                    counter.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
            added
        });
        Self { table, executed, added }
    }
}

/// A statement of the application.
struct Write {
    sql: String,
    /// Number of rows that the table has more for each row that the statement affects.
    adds: i64,
    /// Whether it needs the key that is lost at the cutover.
    needs_key: bool,
}

impl Write {
    fn new(sql: String, adds: i64) -> Self {
        Self { sql, adds, needs_key: false }
    }

    /// Executes the statement, and returns the number of rows that it added to the table. The only error is the one that
    /// `docs/concepts/conversion.md` names for a lost key.
    async fn execute(&self, client: &Client, lacks_key: bool) -> i64 {
        match client.execute(&self.sql, &[]).await {
            Ok(rows) => self.adds * i64::try_from(rows).unwrap(),
            Err(error) => {
                let is_named = error.code() == Some(&SqlState::INVALID_COLUMN_REFERENCE);
                assert!(is_named && self.needs_key && lacks_key, "{}: {error:?}", self.sql);
                0
            }
        }
    }
}

/// Every kind of write: into several partitions, of a key, from one partition to another.
fn writes(table: &str, turn: u64) -> Vec<Write> {
    let t = format!("finance.{table}");
    if table == "daily_cash_balances" {
        let (org, last) = (1000 + turn, 100_999 + turn);
        return vec![
            Write::new(
                format!(
                    "INSERT INTO {t} VALUES ({org}, current_date, 1), ({org}, '2020-02-02', 2)"
                ),
                1,
            ),
            Write::new(format!("UPDATE {t} SET balance = balance + 1 WHERE org_id = 7"), 0),
            Write::new(format!("UPDATE {t} SET org_id = org_id + 100000 WHERE org_id = {org}"), 0),
            Write::new(format!("DELETE FROM {t} WHERE org_id = {last} AND day = '2020-02-02'"), -1),
            Write::new(
                format!(
                    "INSERT INTO {t} VALUES (8, current_date, 1) ON CONFLICT (org_id, day) DO UPDATE SET balance = excluded.balance + {turn}"
                ),
                0,
            ),
        ];
    }
    let upsert = format!(
        "INSERT INTO {t} (id, org_id, occurred_at, amount) VALUES (400, 1, now(), 0)
         ON CONFLICT (id) DO UPDATE SET amount = excluded.amount + {turn}"
    );
    vec![
        Write::new(
            format!(
                "INSERT INTO {t} (org_id, occurred_at, amount) VALUES (7, now(), 1), (8, now() - interval '80 days', 2)"
            ),
            1,
        ),
        Write::new(format!("UPDATE {t} SET amount = amount + 1 WHERE id % 97 = 3"), 0),
        Write::new(
            format!(
                "UPDATE {t} SET org_id = org_id + 1, occurred_at = now() - ({turn} + id) % 90 * interval '1 day' WHERE id % 211 = 5"
            ),
            0,
        ),
        Write::new(format!("DELETE FROM {t} WHERE id % 397 = 11"), -1),
        Write { needs_key: true, ..Write::new(upsert, 0) },
    ]
}

/// The name of the resource of a table.
pub(crate) fn resource(table: &str) -> String {
    table.replace('_', "-")
}

/// The resource of a table with this conversion, whose swaps are given up late on a busy machine. Partitions of a range begin as quarters or months.
pub(crate) fn converted(name: &str, interval: &str, conversion: &Value) -> Value {
    let spec = json!({"database": {"secretRef": {"name": "finance"}}, "schema": "finance", "table": name, "limits": {"lockTimeout": "20s"},
                      "conversion": conversion});
    let mut object = table(&resource(name), &spec);
    let (partition_by, ahead) = if name == "daily_cash_balances" {
        (json!({"hash": {"columns": ["org_id"], "partitions": 16}}), Value::Null)
    } else {
        (
            json!({"range": {"column": "occurred_at", "interval": interval}}),
            json!(if interval == "Quarter" { 0 } else { 3 }),
        )
    };
    object["spec"]["partitionBy"] = partition_by;
    object["spec"]["ahead"] = ahead;
    object
}

/// Returns the losses of a table's conversion at the cutover.
pub(crate) fn losses(table: &str) -> Vec<String> {
    let has_loss = table != "daily_cash_balances";
    has_loss.then(|| format!("UniqueKey:{table}_pkey")).into_iter().collect()
}

/// Returns whether the operator has done all that the resource asks for now, and the conditions have these reasons.
pub(crate) fn is_reached(object: &Value, reasons: &[(&str, &str)]) -> bool {
    let status = &object["status"];
    let has = |(type_, reason): &(&str, &str)| {
        let conditions = status["conditions"].as_array();
        conditions.into_iter().flatten().any(|c| c["type"] == *type_ && c["reason"] == *reason)
    };
    status["observedGeneration"] == object["metadata"]["generation"] && reasons.iter().all(has)
}
