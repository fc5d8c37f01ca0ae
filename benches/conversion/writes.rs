//! Processor time of a transaction that writes a table whose triggers write the copy, beside a client that writes both
//! tables itself: in one transaction of two statements, as an application does, and in a single statement.

use tokio_postgres::Statement;
use tokio_postgres::types::ToSql;

use crate::backend::{Watched, median, median_ratio};
use crate::table::{self, COLUMNS, VALUES};
use crate::{Bench, print};

/// Rows that each table begins with.
const ROWS: u32 = 50_000;

/// Rounds, and transactions of each way in a round.
const ROUNDS: u32 = 12;
const TRANSACTIONS: u32 = 100;

/// Rows of a large statement.
const BATCH: u32 = 1_000;

/// Ways to write both tables.
const WAYS: usize = 3;

pub(crate) async fn rows(bench: &Bench) {
    table::converted(&bench.database, "by_row", "Row", ROWS).await;
    table::converted(&bench.database, "by_statement", "Statement", ROWS).await;
    Box::pin(table::without_triggers(&bench.database, "by_client", ROWS)).await;
    for write in ["INSERT", "UPDATE", "DELETE"] {
        let ways = [
            Way::new(bench, 1, &[&of_row(write, "by_row")]).await,
            Way::new(bench, 2, &transaction(|table| of_row(write, table))).await,
            Way::new(bench, 3, &[&both(write)]).await,
        ];
        let mut rounds = Rounds::default();
        for round in 0..=bench.times(ROUNDS) {
            let keys: Vec<_> = (0..TRANSACTIONS).map(|n| round * TRANSACTIONS + n).collect();
            rounds
                .add(&ways, async |way: &Way| {
                    for key in &keys {
                        let (id, org_id) = way.key(*key);
                        way.run(&[&id, &org_id]).await;
                    }
                })
                .await;
        }
        rounds.print(&format!("{write} of a row"), "≤ 1.40", f64::from(TRANSACTIONS));
    }
    let ways = [
        Way::new(bench, 4, &[&of_rows("by_statement")]).await,
        Way::new(bench, 5, &transaction(of_rows)).await,
        Way::new(bench, 6, &[&both("INSERT of rows")]).await,
    ];
    let mut rounds = Rounds::default();
    for round in 0..=bench.times(2 * ROUNDS) {
        rounds
            .add(&ways, async |way: &Way| {
                let keys = (0..BATCH).map(|n| way.key(round * BATCH + n));
                let (ids, org_ids): (Vec<_>, Vec<_>) = keys.unzip();
                way.run(&[&ids, &org_ids]).await;
            })
            .await;
    }
    rounds.print("INSERT of 1,000 rows, sync.level Statement", "≤ 1.35", 1.0);
}

fn of_row(write: &str, table: &str) -> String {
    match write {
        "INSERT" => format!(
            "INSERT INTO {table} ({COLUMNS}) OVERRIDING SYSTEM VALUE VALUES ($1, $2, {VALUES})"
        ),
        "UPDATE" => {
            format!("UPDATE {table} SET amount = amount + 1 WHERE id = $1 AND org_id = $2")
        }
        _ => format!("DELETE FROM {table} WHERE id = $1 AND org_id = $2"),
    }
}

fn of_rows(table: &str) -> String {
    format!(
        "INSERT INTO {table} ({COLUMNS}) OVERRIDING SYSTEM VALUE SELECT id, org_id, {VALUES} FROM \
         unnest($1::int8[], $2::int4[]) AS row (id, org_id)"
    )
}

/// Returns the statements of a client that writes one table after the other.
fn transaction(write: impl Fn(&str) -> String) -> [String; 4] {
    ["BEGIN".to_owned(), write("by_client"), write("by_client_partitioned"), "COMMIT".to_owned()]
}

/// A single statement that writes both tables.
fn both(write: &str) -> String {
    let (first, then) = match write {
        "INSERT of rows" => (of_rows("by_client"), ""),
        "INSERT" => (of_row(write, "by_client"), ""),
        "UPDATE" => (
            of_row(write, "by_client"),
            "UPDATE by_client_partitioned AS c SET amount = w.amount FROM",
        ),
        _ => (of_row(write, "by_client"), "DELETE FROM by_client_partitioned AS c USING"),
    };
    let then = if then.is_empty() {
        format!(
            "INSERT INTO by_client_partitioned ({COLUMNS}) OVERRIDING SYSTEM VALUE SELECT {COLUMNS} FROM written"
        )
    } else {
        format!("{then} written AS w WHERE c.id = w.id AND c.org_id = w.org_id")
    };
    format!("WITH written AS ({first} RETURNING *) {then}")
}

/// A way to write both tables, with rows of its own.
struct Way {
    number: u32,
    session: Watched,
    statements: Vec<Statement>,
}

impl Way {
    async fn new<T: AsRef<str>>(bench: &Bench, number: u32, statements: &[T]) -> Self {
        let session = Watched::connect(&bench.database).await;
        let mut prepared = Vec::new();
        for statement in statements {
            prepared.push(session.client.prepare(statement.as_ref()).await.unwrap());
        }
        Self { number, session, statements: prepared }
    }

    fn key(&self, number: u32) -> (i64, i32) {
        let id = i64::from(self.number) * 10_000_000 + i64::from(number);
        (id, i32::try_from(id % 300).unwrap())
    }

    async fn run(&self, parameters: &[&(dyn ToSql + Sync)]) {
        for statement in &self.statements {
            let parameters = &parameters[..statement.params().len()];
            self.session.client.execute(statement, parameters).await.unwrap();
        }
    }
}

/// Processor time of the server process for each round of each way, in microseconds.
#[derive(Default)]
struct Rounds {
    taken: [Vec<f64>; WAYS],
    is_warm: bool,
}

impl Rounds {
    /// Runs each way once. The first round prepares plans, and does not count.
    async fn add(&mut self, ways: &[Way; WAYS], run: impl AsyncFn(&Way)) {
        let mut taken = [0.0; WAYS];
        // Each begins as often as the others.
        let first = self.taken[0].len() % WAYS;
        for number in (0..WAYS).map(|number| (first + number) % WAYS) {
            let before = ways[number].session.backend.cpu();
            run(&ways[number]).await;
            let after = ways[number].session.backend.cpu();
            taken[number] = after.saturating_sub(before).as_secs_f64() * 1e6;
        }
        if std::mem::replace(&mut self.is_warm, true) {
            self.taken.iter_mut().zip(taken).for_each(|(all, this)| all.push(this));
        }
    }

    fn print(&self, what: &str, limit: &str, transactions: f64) {
        let [triggers, two, one] = &self.taken;
        let micros = |taken: &Vec<f64>| format!("{:.0} µs", median(taken.clone()) / transactions);
        print(
            &format!("{what}, CPU; beside two statements of a client"),
            [micros(triggers), micros(two)],
            median_ratio(triggers, two),
            limit,
        );
        print(
            "    beside a single statement with WITH",
            [micros(triggers), micros(one)],
            median_ratio(triggers, one),
            "",
        );
    }
}
