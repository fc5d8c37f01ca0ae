//! Programs that create partitions and remove expired ones.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use pg_partition_operator::api::v1alpha1::PartitionedTableSpec;
use pg_partition_operator::converge::{Options, converge};
use pg_partition_operator::desired::DesiredTable;
use pg_partition_operator::plan::{Blocker, Plan, PlanTime, Step};
use pg_partition_operator::postgres::{
    ConnectionSettings, DatabaseError, Progress, Session, StepOutcome,
};
use tokio_postgres::Client;

use crate::audit::month_of;
use crate::support::{backdate::backdate, postgres::Database, tool};
use crate::{AHEAD, FIRST_DAY, KEEP, noon};

/// A program and its way of detaching.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Operator { default: bool },
    Partman { keep_table: bool },
    Plain,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [
        Self::Operator { default: false },
        Self::Operator { default: true },
        Self::Partman { keep_table: true },
        Self::Partman { keep_table: false },
        Self::Plain,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Operator { default: false } => "pg-partition-operator",
            Self::Operator { default: true } => "pg-partition-operator, default",
            Self::Partman { keep_table: true } => "pg_partman, default, keep_table",
            Self::Partman { keep_table: false } => "pg_partman, default, drop",
            Self::Plain => "DETACH PARTITION, DROP TABLE",
        }
    }

    pub(crate) fn is_partman(self) -> bool {
        matches!(self, Self::Partman { .. })
    }

    /// `pg_partman` always makes one.
    pub(crate) fn has_default(self) -> bool {
        matches!(self, Self::Operator { default: true } | Self::Partman { .. })
    }
}

/// One of them at work.
pub(crate) struct Keeper {
    tools: Tools,
    /// Errors, each with the first day and the number of days.
    pub(crate) trouble: BTreeMap<String, (Timestamp, u32)>,
}

enum Tools {
    Operator { session: Box<Session>, desired: Box<DesiredTable>, retry_timeout: Duration },
    Partman(Client),
    Plain(Client),
}

impl Keeper {
    /// Has the partitions created of the current month, of the kept months before it, and of the months ahead.
    pub(crate) async fn prepare(
        kind: Kind,
        database: &Database,
        lock_timeout: Duration,
        retry_timeout: Duration,
    ) -> Self {
        let tools = match kind {
            Kind::Operator { default } => {
                let settings = ConnectionSettings::from_url(&database.url()).unwrap();
                let session = Box::new(Session::connect(&settings).await.unwrap());
                Tools::Operator { session, desired: desired(default, lock_timeout), retry_timeout }
            }
            Kind::Partman { keep_table } => {
                let client = database.client().await;
                load_partman(&client).await;
                client.batch_execute(&create_parent(keep_table)).await.unwrap();
                Tools::Partman(client)
            }
            Kind::Plain => {
                let client = database.client().await;
                for months in -KEEP..=AHEAD {
                    attach_month(&client, month(FIRST_DAY, months)).await.unwrap();
                }
                Tools::Plain(client)
            }
        };
        let mut keeper = Self { tools, trouble: BTreeMap::new() };
        // Now as it was then, for the months that are over.
        keeper.maintain(noon(month(FIRST_DAY, -KEEP))).await;
        keeper.maintain(noon(FIRST_DAY)).await;
        assert_eq!(keeper.trouble, BTreeMap::new());
        keeper
    }

    /// Does what is due.
    pub(crate) async fn maintain(&mut self, now: Timestamp) {
        let result = match &self.tools {
            Tools::Operator { session, desired, retry_timeout } => {
                operate(session, desired, now, *retry_timeout).await
            }
            Tools::Partman(client) => run_maintenance(client, now).await,
            Tools::Plain(client) => by_hand(client, now).await,
        };
        if let Err(trouble) = result {
            self.trouble.entry(trouble).or_insert((now, 0)).1 += 1;
        }
    }
}

fn month(of: Date, months: i64) -> Date {
    month_of(of).saturating_add(months.months())
}

fn desired(default: bool, lock_timeout: Duration) -> Box<DesiredTable> {
    let spec: PartitionedTableSpec = serde_json::from_value(serde_json::json!({
        "table": "payments",
        "partitionBy": {"range": {"column": "occurred_at", "interval": "Month"}},
        "ahead": AHEAD,
        "retention": {"keep": KEEP, "onExpiry": "Drop", "dropAfter": "168h"},
        "defaultPartition": if default { "Present" } else { "Absent" },
        "limits": {"lockTimeout": format!("{}ms", lock_timeout.as_millis())},
    }))
    .unwrap();
    Box::new(DesiredTable::parse(&spec).unwrap())
}

struct Quiet;

impl Progress for Quiet {
    fn planned(&mut self, _: &Plan) {}
    fn started(&mut self, _: &Step) {}
    fn retried(&mut self, _: &Step, _: &DatabaseError) {}
    fn finished(&mut self, _: &StepOutcome) {}
}

async fn operate(
    session: &Session,
    desired: &DesiredTable,
    now: Timestamp,
    retry_timeout: Duration,
) -> Result<(), String> {
    let time = PlanTime::at(now);
    let options = Options { detach_timeout: retry_timeout, ..Options::new(time, retry_timeout) };
    let done = converge(session, desired, &options, &mut Quiet).await.map_err(|e| e.to_string())?;
    backdate(session, now).await;
    let failures = done.failures().map(|(step, failure)| {
        format!("{} {}: {failure}", step.verb(), step.subject().name.display())
    });
    let is_trouble = |blocker: &&Blocker| !matches!(blocker, Blocker::InGracePeriod { .. });
    let held = done.remaining.deferred.iter().map(|held| &held.blocker).filter(is_trouble);
    let trouble: Vec<_> = failures.chain(held.map(|blocker| format!("{blocker:?}"))).collect();
    if trouble.is_empty() { Ok(()) } else { Err(trouble.join("; ")) }
}

/// As `CREATE EXTENSION pg_partman` would, but that what it has for the current time is the setting
/// `benchmark.now`.
async fn load_partman(client: &Client) {
    let file = tool("pg_partman", "PGPARTITION_PG_PARTMAN");
    let mut sql = "SET benchmark.now = '2000-01-01'; CREATE SCHEMA partman; \
                   SET search_path = partman;"
        .to_owned();
    for line in std::fs::read_to_string(file).unwrap().lines() {
        // Only what an extension has is dumped with it.
        if !line.contains("pg_extension_config_dump") {
            sql.push_str(&line.replace("CURRENT_TIMESTAMP", NOW).replace("@extschema@", "partman"));
            sql.push('\n');
        }
    }
    sql.push_str("RESET search_path;");
    client.batch_execute(&sql).await.unwrap();
}

const NOW: &str = "current_setting('benchmark.now')::timestamptz";

fn create_parent(keep_table: bool) -> String {
    format!(
        "SET benchmark.now = '{}';
         SELECT partman.create_parent('public.payments', 'occurred_at', 'native', 'monthly',
             p_premake := {AHEAD}, p_start_partition := '{}');
         UPDATE partman.part_config SET retention = '{KEEP} months',
             retention_keep_table = {keep_table}, infinite_time_partitions = true",
        noon(FIRST_DAY),
        month(FIRST_DAY, -KEEP)
    )
}

async fn run_maintenance(client: &Client, now: Timestamp) -> Result<(), String> {
    let run =
        format!("SET benchmark.now = '{now}'; SELECT partman.run_maintenance('public.payments')");
    client.batch_execute(&run).await.map_err(|error| text(&error))
}

async fn by_hand(client: &Client, now: Timestamp) -> Result<(), String> {
    let today = now.to_zoned(TimeZone::UTC).date();
    attach_month(client, month(today, AHEAD)).await?;
    let expired = name(month(today, -KEEP - 1));
    let exists = client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&expired]).await;
    if exists.map_err(|error| text(&error))?.get(0) {
        let detach = format!("ALTER TABLE payments DETACH PARTITION {expired}");
        client.batch_execute(&detach).await.map_err(|error| text(&error))?;
        let drop = format!("DROP TABLE {expired}");
        client.batch_execute(&drop).await.map_err(|error| text(&error))?;
    }
    Ok(())
}

/// Makes a month beside the table and attaches it, where it is not there yet.
async fn attach_month(client: &Client, month: Date) -> Result<(), String> {
    let name = name(month);
    let exists = client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&name]).await;
    if exists.map_err(|error| text(&error))?.get(0) {
        return Ok(());
    }
    let sql = format!(
        "CREATE TABLE {name} (LIKE payments INCLUDING ALL); ALTER TABLE payments ATTACH PARTITION \
         {name} FOR VALUES FROM ('{month} 00:00Z') TO ('{} 00:00Z')",
        month.saturating_add(1.month())
    );
    client.batch_execute(&sql).await.map_err(|error| text(&error))
}

fn name(month: Date) -> String {
    format!("payments_{}", month.strftime("%Y_%m"))
}

fn text(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or(error.to_string(), ToString::to_string)
}
