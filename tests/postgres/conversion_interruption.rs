//! The connection breaks at each message of a whole conversion, while the application writes: the next run continues.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pg_partition_operator::converge::{ConvergeError, Convergence, Options, converge};
use pg_partition_operator::plan::{Plan, Step, StepKind, Work};
use pg_partition_operator::postgres::{
    Authority, Certainty, DatabaseError, PageDone, Progress, Ruling, RulingFuture, StepOutcome,
    WorkOutcome,
};
use serde_json::json;
use tokio::sync::Mutex;

use crate::copy_removal::{CATALOG, changed};
use crate::database::{SCHEMA_SQL, World, session};
use crate::scenarios::{Phase, Scenario, converting};
use crate::support::postgres::majors;
use crate::support::proxy::{Mode, Proxy};
use crate::support::wait_until;

const DEADLINE: Duration = Duration::from_secs(20);

/// Breaks the connection at a message. A run asks when it has the lock of the table, and before each step and page.
struct Cut {
    proxy: Mutex<Proxy>,
    asked: AtomicUsize,
    at: usize,
    mode: Mode,
}

impl std::fmt::Debug for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} at {}", self.mode, self.at)
    }
}

impl Authority for Cut {
    fn ask(&self, _: Certainty) -> RulingFuture<'_> {
        Box::pin(async {
            if self.asked.fetch_add(1, Ordering::Relaxed) == self.at {
                self.proxy.lock().await.set(self.mode).await;
            }
            Ruling::Granted
        })
    }
}

/// Interrupted kinds of steps, and runs that were interrupted after a page.
#[derive(Debug, Default)]
struct Seen {
    is_lost: bool,
    steps: BTreeSet<StepKind>,
    copies: usize,
    comparisons: usize,
}

impl Progress for Seen {
    fn planned(&mut self, _: &Plan) {}
    fn started(&mut self, _: &Step) {}
    fn retried(&mut self, _: &Step, _: &DatabaseError) {}
    fn finished(&mut self, outcome: &StepOutcome) {
        // The steps after it fail, too.
        if outcome.result.is_err() && !std::mem::replace(&mut self.is_lost, true) {
            self.steps.insert(StepKind::from(&outcome.step));
        }
    }
    fn page_done(&mut self, worked: &WorkOutcome, _: PageDone) {
        match worked.work {
            Work::Copy(_) => self.copies += 1,
            Work::Compare(_) => self.comparisons += 1,
        }
    }
}

fn port(world: &World) -> u16 {
    let url = world.database.url();
    url.split(':').nth(2).unwrap().split('/').next().unwrap().parse().unwrap()
}

/// Runs once, with a connection that breaks: either the answer to the first message is lost, or the second message
/// never arrives.
async fn run(
    world: &World,
    phase: &Phase,
    (round, seen): (usize, &mut Seen),
) -> Result<Convergence, ConvergeError> {
    let proxy = Proxy::start(port(world)).await;
    seen.is_lost = false;
    let session = session(&world.database.url_through(proxy.port(), &world.operator)).await;
    let desired = phase.approved(&session).await;
    let (at, mode) =
        if round.is_multiple_of(2) { (1, Mode::CutAnswer(0)) } else { (2, Mode::CutRequest(0)) };
    let (proxy, asked) = (Mutex::new(proxy), AtomicUsize::new(0));
    let mut options = Options::new(phase.time(), Duration::from_secs(5));
    options.authority = Arc::new(Cut { proxy, asked, at, mode });
    converge(&session, &desired, &options, seen).await
}

/// Waits until the server has finished a message whose client has disconnected.
async fn wait_until_gone(world: &World) {
    let left = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = '{}'",
        world.operator
    );
    wait_until("the session has ended", DEADLINE, async || world.text(&left).await == "0").await;
}

/// Writes other rows in each round, as the application does meanwhile.
async fn write(world: &World, round: usize) {
    let sql = format!(
        r#"UPDATE "Con;v""ert" SET amount = amount + 1, "wh""en" = "wh""en" + interval '20 days'
               WHERE "i;d" % 41 = {round} % 41 AND "wh""en" < '2026-01-15Z';
           DELETE FROM "Con;v""ert" WHERE "i;d" % 97 = {round} % 97;
           INSERT INTO "Con;v""ert" ("re""f", "wh""en") SELECT n % 7, '2025-12-24Z' FROM generate_series(1, 5) AS n"#
    );
    world.owner(&sql).await;
}

/// Runs until no step is left, and interrupts each run at another message.
async fn converge_in_pieces(world: &World, phase: &Phase, (first, seen): (usize, &mut Seen)) {
    for round in first.. {
        assert!(round < first + 150, "Postgres {}: does not come to an end", world.major);
        let done = run(world, phase, (round, seen)).await;
        wait_until_gone(world).await;
        write(world, round).await;
        if done.is_ok_and(|done| done.remaining.is_done()) {
            return;
        }
    }
}

/// Returns the number of rows of each table that the other one lacks.
async fn differing(world: &World) -> String {
    let rows = |table: &str| {
        format!(
            r#"SELECT "re""f", "i;d", "wh""en", amount, doubled, "Größe – 大きさ", "above;" FROM {SCHEMA_SQL}."{table}""#
        )
    };
    let (source, copy) = (rows(r#"Con;v""ert"#), rows(r#"Con;v""ert_partitioned"#));
    let lacks = |one: &str, other: &str| {
        format!("(SELECT count(*) FROM ({one} EXCEPT ALL {other}) AS lacking)")
    };
    world
        .text(&format!("SELECT concat({}, ' ', {})", lacks(&source, &copy), lacks(&copy, &source)))
        .await
}

/// The conversion of an elaborate table, with few steps.
fn by_hash() -> Scenario {
    let mut scenario = converting();
    for phase in &mut scenario.phases {
        let spec = phase.spec.as_object_mut().unwrap();
        spec.remove("ahead");
        spec["partitionBy"] = json!({"hash": {"columns": ["wh\"en"], "partitions": 2}});
    }
    scenario
}

/// Rows for several pages of each work, and one index less to build.
const ROWS: &str = r#"
DROP INDEX "ex""pr";
INSERT INTO "Con;v""ert" ("re""f", "wh""en", amount, "Größe – 大きさ")
    SELECT n % 7, '2025-11-10Z'::timestamptz + n * interval '12 minutes', n % 900, 'row ' || n
    FROM generate_series(1, 5000) AS n;
"#;

async fn set_up(major: u16, scenario: &Scenario) -> (World, String) {
    let world = World::new(major).await;
    scenario.set_up(&world).await;
    world.owner(ROWS).await;
    let before = world.text(CATALOG).await;
    (world, before)
}

/// The table of records stays for other conversions.
async fn forget_records(world: &World) {
    let records = "SELECT count(*) FROM pgpartition.conversions";
    assert_eq!(world.text(records).await, "0", "Postgres {}", world.major);
    world.admin("DROP TABLE pgpartition.conversions").await;
}

/// Converts to parity, ends the conversion, and drops the copy. The first message is lost in one way or the other.
async fn convert_and_undo(major: u16, first: usize) {
    let scenario = by_hash();
    let (world, before) = set_up(major, &scenario).await;
    let [copies, .., ended, dropped] = &scenario.phases[..] else { unreachable!() };

    let mut seen = Seen::default();
    converge_in_pieces(&world, copies, (first, &mut seen)).await;
    let is_cut = seen.steps.len() > 2 && seen.copies > 1 && seen.comparisons > 1;
    assert!(is_cut, "Postgres {major}: {seen:?}");
    assert_eq!(differing(&world).await, "0 0", "Postgres {major}");

    converge_in_pieces(&world, ended, (first, &mut seen)).await;
    converge_in_pieces(&world, dropped, (first, &mut seen)).await;
    forget_records(&world).await;
    let changed = changed(&before, &world.text(CATALOG).await);
    assert!(changed.is_empty(), "Postgres {major}: {changed:#?}");
}

#[tokio::test]
async fn conversion_interrupted_at_each_message_reaches_parity_and_is_undone() {
    let (oldest, newest) = (majors()[0], majors()[majors().len() - 1]);
    tokio::join!(convert_and_undo(oldest, 0), convert_and_undo(newest, 1));
}
