//! A run is interrupted in the pause before a retry, and at a later attempt of `finalize`. The next run completes it.

use std::time::Duration;

use pg_partition_operator::converge::{Options, converge};
use pg_partition_operator::plan::{Plan, PlanTime, Step};
use pg_partition_operator::postgres::{DatabaseError, Progress, StepOutcome};
use tokio_postgres::Client;

use crate::clients::run;
use crate::database::{SCHEMA_SQL, World, apply, at, desired, session};
use crate::detach::{NOW, on_each, spec, too_old, wait_until_unlocked};
use crate::support::proxy::{Mode, Proxy};

/// Interruption of a step that another session blocks.
#[derive(Clone, Copy)]
struct Interruption {
    /// Verb of the step.
    verb: &'static str,
    /// Lock of the other session, which the step waits for.
    lock: &'static str,
    /// Whether the other session ends after the first attempt.
    is_released: bool,
    /// Mode of the connection after the first attempt.
    then: Mode,
}

/// Blocks the step when it is about to begin, and interrupts the run after its first attempt.
struct Blocking<'a> {
    world: &'a World,
    blocker: &'a Client,
    proxy: &'a mut Proxy,
    interruption: Interruption,
    retries: usize,
}

impl Blocking<'_> {
    async fn interrupt(&mut self) {
        let held = format!(
            "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)
             WHERE usename = '{}' AND locktype = 'relation' AND relation = '{SCHEMA_SQL}.t'::regclass",
            self.world.operator
        );
        assert_eq!(self.world.text(&held).await, "0", "a pause holds no lock on the table");
        if self.interruption.is_released {
            run(self.blocker, "COMMIT").await;
        }
        self.proxy.set(self.interruption.then).await;
    }
}

fn wait(future: impl Future<Output = ()>) {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(future));
}

impl Progress for Blocking<'_> {
    fn planned(&mut self, _: &Plan) {}
    fn started(&mut self, step: &Step) {
        if step.verb() == self.interruption.verb && self.retries == 0 {
            wait(run(self.blocker, &format!("BEGIN; {}", self.interruption.lock)));
        }
    }
    fn retried(&mut self, step: &Step, _: &DatabaseError) {
        assert_eq!(step.verb(), self.interruption.verb);
        self.retries += 1;
        wait(self.interrupt());
    }
    fn finished(&mut self, _: &StepOutcome) {}
}

/// Runs until the connection breaks.
async fn interrupt(world: &World, interruption: Interruption) {
    let url = world.database.url();
    let port = url.split(':').nth(2).unwrap().split('/').next().unwrap();
    let mut proxy = Proxy::start(port.parse().unwrap()).await;
    let session = session(&world.database.url_through(proxy.port(), &world.operator)).await;
    let blocker = world.database.client().await;
    run(&blocker, &format!("SET search_path = {SCHEMA_SQL}")).await;
    let mut blocking =
        Blocking { world, blocker: &blocker, proxy: &mut proxy, interruption, retries: 0 };
    let options = Options::new(PlanTime::at(at(NOW)), Duration::from_secs(20));
    let table = desired(spec(1, "1s"));
    let ended = converge(&session, &table, &options, &mut blocking).await;
    assert!(ended.is_err(), "Postgres {}: the run continued: {ended:?}", world.major);
    assert_eq!(blocking.retries, 1, "Postgres {}", world.major);
    wait_until_unlocked(world).await;
}

/// The next run leaves nothing to do: the expired month is detached, and the next one is attached.
async fn assert_completed(what: &str, world: &World) {
    let done = apply(&world.session().await, &desired(spec(1, "1s")), NOW).await;
    assert!(done.remaining.steps.is_empty(), "{what}: {:?}\n{}", done.outcomes, done.remaining);
    let attached = format!(
        "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
         WHERE NOT inhdetachpending AND inhparent = '{SCHEMA_SQL}.t'::regclass"
    );
    assert_eq!(world.text(&attached).await, "t_2025_12 t_2026_01 t_2026_02", "{what}");
}

async fn pending(world: &World) -> String {
    world.text("SELECT count(*) FROM pg_inherits WHERE inhdetachpending").await
}

#[tokio::test(flavor = "multi_thread")]
async fn run_interrupted_in_a_pause_is_completed_by_the_next_run() {
    on_each(async |major| {
        for (verb, lock, left) in [
            ("attach", "LOCK TABLE t IN SHARE UPDATE EXCLUSIVE MODE", "0"),
            ("finalize", "LOCK TABLE t_2025_11 IN ACCESS SHARE MODE", "1"),
        ] {
            let what = format!("Postgres {major}, {verb}");
            let world = World::new(major).await;
            too_old(&world).await;
            if verb == "finalize" {
                world.leave_pending("t", "t_2025_11").await;
            }
            let interruption = Interruption { verb, lock, is_released: false, then: Mode::Refuse };
            interrupt(&world, interruption).await;
            assert_eq!(pending(&world).await, left, "{what}");
            assert_completed(&what, &world).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn second_attempt_of_finalize_that_is_interrupted_is_completed_by_the_next_run() {
    on_each(async |major| {
        for (is_released, then, left) in
            [(false, Mode::CutRequest(0), "1"), (true, Mode::CutAnswer(0), "0")]
        {
            let what = format!("Postgres {major}, {then:?}");
            let world = World::new(major).await;
            too_old(&world).await;
            world.leave_pending("t", "t_2025_11").await;
            let (verb, lock) = ("finalize", "LOCK TABLE t_2025_11 IN ACCESS SHARE MODE");
            interrupt(&world, Interruption { verb, lock, is_released, then }).await;
            assert_eq!(pending(&world).await, left, "{what}");
            assert_completed(&what, &world).await;
        }
    })
    .await;
}
