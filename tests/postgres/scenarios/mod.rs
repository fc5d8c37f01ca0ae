//! Tables with everything a table can have, and names with everything a name can have; in such states
//! that every kind of step has to be taken.

mod attach;
mod conversion;
mod cutover;
mod retention;
mod routing;

use std::collections::BTreeSet;
use std::time::Duration;

use pg_partition_operator::converge::observe_and_plan;
use pg_partition_operator::desired::DesiredTable;
use pg_partition_operator::observed::ObservedTable;
use pg_partition_operator::plan::{Plan, PlanTime, Step, StepKind, check};
use pg_partition_operator::postgres::{
    AlwaysGranted, LockKeys, Progress, Session, SlowSteps, StepOutcome, TableLock, advance, execute,
};
use pg_partition_operator::sql::Timeouts;
use serde_json::{Value, json};

pub(crate) use attach::attached;
pub(crate) use conversion::converting;
pub(crate) use cutover::serving;
pub(crate) use routing::{create_reader, routing};

use crate::database::{SCHEMA_SQL, Silent, World, at, desired_with};
use crate::support::backdate::backdate;

pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// Statements of the owner before the first run; `@schema` is the schema, `@owner` the owner.
    pub(crate) setup: &'static str,
    pub(crate) phases: Vec<Phase>,
}

/// Spec and time of a run.
pub(crate) struct Phase {
    pub(crate) spec: Value,
    pub(crate) now: &'static str,
    /// Number of steps after which the run is interrupted.
    pub(crate) steps: usize,
    /// Statements of other sessions before that.
    pub(crate) meanwhile: &'static str,
    /// Table and partition whose detach another session leaves pending before that.
    pub(crate) pending: Option<(&'static str, &'static str)>,
    /// The names to adopt.
    pub(crate) adopt: &'static str,
    /// Whether a user approves each plan.
    pub(crate) approves: bool,
}

/// A step with what it is planned from, as a plan of its own.
pub(crate) struct Next {
    pub(crate) desired: DesiredTable,
    pub(crate) observed: ObservedTable,
    pub(crate) plan: Plan,
}

impl Scenario {
    pub(crate) async fn set_up(&self, world: &World) {
        let setup = self.setup.replace("@schema", SCHEMA_SQL).replace("@owner", &world.owner);
        if self.name == "routing" {
            create_reader(world).await;
        }
        world.owner(&setup).await;
    }
}

impl Phase {
    pub(crate) fn new(now: &'static str, spec: Value) -> Self {
        let (steps, meanwhile, adopt) = (usize::MAX, "", "");
        Self { spec, now, steps, meanwhile, pending: None, adopt, approves: false }
    }

    /// Executes the statements of other sessions before the first run.
    pub(crate) async fn prepare(&self, world: &World) {
        world.owner(self.meanwhile).await;
        if let Some((table, partition)) = self.pending {
            world.leave_pending(table, partition).await;
        }
    }

    pub(crate) fn desired(&self) -> DesiredTable {
        desired_with(self.spec.clone(), &json!({"pgpartition.dev/adopt": self.adopt}))
    }

    pub(crate) fn time(&self) -> PlanTime {
        PlanTime::at(at(self.now))
    }

    /// Returns the desired state, with the approval of the current plan.
    pub(crate) async fn approved(&self, session: &Session) -> DesiredTable {
        let mut desired = self.desired();
        if self.approves {
            let (_, plan) = observe_and_plan(session, &desired, &self.time()).await.unwrap();
            desired.approved = vec![plan.fingerprint];
        }
        desired
    }

    /// Returns the next step, with the step that it depends on. Executes work before it.
    pub(crate) async fn next(&self, session: &Session) -> Option<Next> {
        let desired = self.approved(session).await;
        for _ in 0..10 {
            let (observed, mut plan) =
                observe_and_plan(session, &desired, &self.time()).await.unwrap();
            if !plan.steps.is_empty() {
                let first = plan.steps.first().map(|planned| &planned.step);
                let is_detach = matches!(first, Some(Step::DetachPartition(_)));
                plan.steps.truncate(if is_detach { 2 } else { 1 });
                plan.work = None;
                return Some(Next { desired, observed, plan });
            }
            plan.work.as_ref()?;
            self.work(session, Next { desired: desired.clone(), observed, plan }).await;
        }
        panic!("work does not come to an end");
    }

    /// Executes the steps of a plan, and dates what they detached.
    pub(crate) async fn execute(
        &self,
        session: &Session,
        Next { desired, observed, plan }: Next,
        progress: &mut dyn Progress,
    ) -> Vec<StepOutcome> {
        let line = plan.steps[0].line();
        let keys = LockKeys::new(&observed.managed, observed.locked_relation().unwrap());
        let checked = check(plan, &desired, &observed, &self.time())
            .unwrap_or_else(|e| panic!("{line}: {e}"));
        let lock = TableLock::try_acquire(session, keys).await.unwrap().unwrap();
        let timeouts = Timeouts {
            lock_timeout: Duration::from_secs(5),
            retry_timeout: Duration::from_secs(5),
        };
        let slow = SlowSteps::default();
        let outcomes = execute(&lock, &checked, timeouts, &AlwaysGranted, &slow, progress).await;
        lock.release().await.unwrap();
        backdate(session, at(self.now)).await;
        outcomes
    }

    /// Does work to its end.
    async fn work(&self, session: &Session, Next { desired, observed, plan }: Next) {
        let keys = LockKeys::new(&observed.managed, observed.locked_relation().unwrap());
        let checked = check(plan, &desired, &observed, &self.time()).unwrap();
        let lock = TableLock::try_acquire(session, keys).await.unwrap().unwrap();
        let timeouts = Timeouts {
            lock_timeout: Duration::from_secs(5),
            retry_timeout: Duration::from_mins(1),
        };
        let time = Duration::MAX;
        let worked = advance(&lock, &checked, timeouts, time, &AlwaysGranted, &mut Silent).await;
        let worked = worked.unwrap();
        assert!(matches!(worked.result, Ok(true)), "{worked:?}");
        lock.release().await.unwrap();
    }
}

pub(crate) fn scenarios() -> Vec<Scenario> {
    let mut all = vec![rich(), replaced(), split(), hash(), left_over(), uuid()];
    all.extend(retention::scenarios());
    all.extend([converting(), routing(), serving(), attached()]);
    all
}

/// Fails unless every kind of step was seen.
pub(crate) fn assert_all_kinds<'a>(steps: impl IntoIterator<Item = &'a Step>) {
    assert_kinds(&steps.into_iter().map(StepKind::from).collect());
}

/// Fails unless every kind of step is among these.
pub(crate) fn assert_kinds(seen: &BTreeSet<StepKind>) {
    let missing: Vec<_> = StepKind::ALL.iter().filter(|kind| !seen.contains(kind)).collect();
    assert!(missing.is_empty(), "no scenario takes a step of the kinds {missing:?}");
}

const RICH: &str = r#"
CREATE TABLE "Cust omers" (id bigint PRIMARY KEY);
CREATE TABLE "Or""der;s" (
    id bigint GENERATED BY DEFAULT AS IDENTITY,
    "Customer;Id" bigint REFERENCES "Cust omers",
    "select" timestamptz NOT NULL,
    amount numeric(12, 2) DEFAULT 0 CONSTRAINT "not 'negative'" CHECK (amount >= 0),
    doubled numeric GENERATED ALWAYS AS (amount * 2) STORED,
    "Größe – 大きさ" text COLLATE "C",
    dropped int,
    PRIMARY KEY (id, "select"),
    CONSTRAINT "Uni;que" UNIQUE ("select", id)
) PARTITION BY RANGE ("select");
ALTER TABLE "Or""der;s" DROP COLUMN dropped;
CREATE INDEX "ex""pr" ON "Or""der;s" (lower("Größe – 大きさ"), "select" DESC);
CREATE INDEX "part;ial" ON "Or""der;s" ("Customer;Id") WHERE "Größe – 大きさ" = 'it''s; "so"';
CREATE INDEX "pattern" ON "Or""der;s" ("Größe – 大きさ" text_pattern_ops);
CREATE INDEX "Or""der;s_desc" ON "Or""der;s" (amount DESC NULLS LAST) INCLUDE ("Customer;Id");
ALTER TABLE "Or""der;s" REPLICA IDENTITY FULL;
ALTER TABLE "Or""der;s" ALTER COLUMN amount SET STATISTICS 321;
ALTER TABLE "Or""der;s" ENABLE ROW LEVEL SECURITY;
ALTER TABLE "Or""der;s" FORCE ROW LEVEL SECURITY;
CREATE POLICY "everything; really" ON "Or""der;s" USING (true);
COMMENT ON COLUMN "Or""der;s".amount IS 'how much; it''s money';
CREATE STATISTICS "st;ats" ON id, amount FROM "Or""der;s";
CREATE TABLE "by hand 2026" PARTITION OF "Or""der;s" FOR VALUES FROM ('2026-01-01 00:00Z') TO ('2026-04-01 00:00Z')
    WITH (fillfactor = 77, autovacuum_vacuum_scale_factor = 0.01);
CREATE TABLE "s p l i t" PARTITION OF "Or""der;s" FOR VALUES FROM ('2026-04-01 00:00Z') TO ('2026-05-01 00:00Z')
    PARTITION BY HASH (id);
CREATE TABLE "s p l i t 0" PARTITION OF "s p l i t" FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE TABLE "Or""der;s_default" PARTITION OF "Or""der;s" DEFAULT;
INSERT INTO "Or""der;s" ("select") VALUES ('2020-02-02Z'), ('2026-02-02Z'), ('2026-04-04Z');
CREATE TABLE refunds ("order" bigint, "at" timestamptz, FOREIGN KEY ("order", "at") REFERENCES "Or""der;s");
"#;

fn rich() -> Scenario {
    let spec = json!({
        "table": "Or\"der;s",
        "partitionBy": {"range": {"column": "select", "interval": "Month", "timeZone": "UTC"}},
        "ahead": 2,
        "indexes": [
            {"name": "Na;\"me", "columns": [{"column": "Customer;Id"}, {"column": "amount", "order": "Desc"}]},
            {"name": "few", "columns": [{"column": "amount"}], "where": "amount > 10", "partitions": "Newest", "newest": 2},
        ],
    });
    let phases = vec![
        Phase::new("2026-04-15T12:00:00Z", spec.clone()),
        Phase::new("2026-07-15T12:00:00Z", spec),
    ];
    Scenario { name: "rich", setup: RICH, phases }
}

/// An index of another definition, and what was left of replacing another one.
fn replaced() -> Scenario {
    let setup = r#"
        CREATE TABLE "order" ("user" int, "table" timestamp NOT NULL) PARTITION BY RANGE ("table");
        CREATE TABLE "order_2026_01" PARTITION OF "order" FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
        CREATE TABLE "elsewhere" PARTITION OF "order" FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
        CREATE INDEX "order_user" ON "order" ("user");
        CREATE INDEX "order_good" ON "order" ("user", "table");
        CREATE INDEX "order_good_pgpartition_next" ON "order" ("user");
        INSERT INTO "order" VALUES (1, '2026-01-02'), (1, '2026-01-02');
    "#;
    let index = |name: &str, unique: bool, columns: &[&str]| {
        let columns: Vec<_> = columns.iter().map(|c| json!({"column": c})).collect();
        json!({"name": name, "unique": unique, "columns": columns})
    };
    let spec = |order_user: Value| {
        json!({
            "table": "order",
            "partitionBy": {"range": {"column": "table", "interval": "Month", "timeZone": "Europe/Berlin"}},
            "ahead": 0,
            "indexes": [order_user, index("order_good", false, &["user", "table"])],
        })
    };
    let mut invalid =
        Phase::new("2026-01-15T12:00:00Z", spec(index("order_user", true, &["user", "table"])));
    // The build of the unique index fails and leaves an invalid index; then the duplicate is deleted.
    invalid.steps = 3;
    let mut repaired =
        Phase::new("2026-01-15T12:00:00Z", spec(index("order_user", true, &["user", "table"])));
    repaired.meanwhile = "DELETE FROM \"order\" WHERE ctid IN (SELECT max(ctid) FROM \"order\")";
    Scenario { name: "replaced", setup, phases: vec![invalid, repaired] }
}

/// Partitions that are partitioned themselves, the default one among them.
fn split() -> Scenario {
    let setup = r#"
        CREATE TABLE "Split" (at timestamptz NOT NULL, n int) PARTITION BY RANGE (at);
        CREATE TABLE "Split early" PARTITION OF "Split" FOR VALUES FROM (MINVALUE) TO ('2026-01-01Z') PARTITION BY HASH (n);
        CREATE TABLE "Split early 0" PARTITION OF "Split early" FOR VALUES WITH (MODULUS 1, REMAINDER 0);
        CREATE TABLE "Split now" PARTITION OF "Split" FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z');
        CREATE TABLE "Split_default" PARTITION OF "Split" DEFAULT PARTITION BY LIST (n);
        CREATE TABLE "Split_default 1" PARTITION OF "Split_default" FOR VALUES IN (1);
        CREATE TABLE "Split_default else" PARTITION OF "Split_default" DEFAULT;
        CREATE INDEX "Split_n" ON "Split" (n);
        CREATE INDEX "Split_n_pgpartition_next" ON "Split" (n, at);
        INSERT INTO "Split" VALUES ('2030-01-01Z', 1), ('2031-01-01Z', 2);
    "#;
    let spec = json!({
        "table": "Split",
        "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}},
        "ahead": 1,
        "indexes": [{"name": "Split_n", "columns": [{"column": "n"}]}],
    });
    Scenario { name: "split", setup, phases: vec![Phase::new("2026-01-15T12:00:00Z", spec)] }
}

fn hash() -> Scenario {
    let setup = r#"
        CREATE TABLE "Ünïcödé_näme_of_63_bytes_大きさ大きさ大きさ_x" (org uuid NOT NULL, "User" text COLLATE "C" NOT NULL, n int)
            PARTITION BY HASH (org, "User");
        CREATE UNIQUE INDEX "identity;of" ON "Ünïcödé_näme_of_63_bytes_大きさ大きさ大きさ_x" (org, "User");
        ALTER TABLE "Ünïcödé_näme_of_63_bytes_大きさ大きさ大きさ_x" REPLICA IDENTITY USING INDEX "identity;of";
        CREATE TABLE half PARTITION OF "Ünïcödé_näme_of_63_bytes_大きさ大きさ大きさ_x" FOR VALUES WITH (MODULUS 2, REMAINDER 1);
    "#;
    let spec = json!({
        "table": "Ünïcödé_näme_of_63_bytes_大きさ大きさ大きさ_x",
        "partitionBy": {"hash": {"columns": ["org", "User"], "partitions": 2}},
        "indexes": [{"name": "by_n", "columns": [{"column": "n", "order": "Desc"}], "method": "btree"}],
    });
    Scenario { name: "hash", setup, phases: vec![Phase::new("2026-01-15T12:00:00Z", spec)] }
}

/// A run is interrupted before the attach, and then the spec no longer has the partition.
fn left_over() -> Scenario {
    let setup = r#"
        CREATE TABLE "left" (d date NOT NULL) PARTITION BY RANGE (d);
        CREATE TABLE "left_2026_01_01" PARTITION OF "left" FOR VALUES FROM ('2026-01-01') TO ('2026-01-02');
        CREATE TABLE "left_default" PARTITION OF "left" DEFAULT;
        INSERT INTO "left" VALUES ('2020-01-01');
        ALTER TABLE "left" REPLICA IDENTITY NOTHING;
    "#;
    let spec = |ahead: u32| {
        json!({
            "table": "left",
            "partitionBy": {"range": {"column": "d", "interval": "Day", "timeZone": "UTC"}},
            "ahead": ahead,
        })
    };
    let mut interrupted = Phase::new("2026-01-01T12:00:00Z", spec(1));
    interrupted.steps = 3;
    Scenario {
        name: "left over",
        setup,
        phases: vec![interrupted, Phase::new("2026-01-01T12:00:00Z", spec(0))],
    }
}

fn uuid() -> Scenario {
    let setup = r"
        CREATE TABLE events (id uuid NOT NULL, at timestamptz) PARTITION BY RANGE (id);
        CREATE TABLE events_default PARTITION OF events DEFAULT;
    ";
    let spec = json!({
        "table": "events",
        "partitionBy": {"range": {"column": "id", "interval": "Week", "timeZone": "Asia/Kolkata"}},
        "ahead": 1,
    });
    Scenario { name: "uuid", setup, phases: vec![Phase::new("2026-01-15T12:00:00Z", spec)] }
}
