//! Every expression of dashboards and alerts has a result on a real Prometheus that scrapes the real operator.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::fixture::{Fixture, SOON, database_with, succeeds, table};
use crate::support::postgres::Server;
use crate::support::prometheus::Prometheus;
use crate::support::{tool, wait_until};

/// The alerts that nothing but time can raise.
const SLOW: [&str; 1] = ["PgPartitionLastSuccessTooOld"];

/// Every table of the scene.
const TABLES: [&str; 11] = [
    "orders",
    "expired",
    "stray",
    "hourly",
    "halfway",
    "held",
    "copying",
    "compared",
    "swapping",
    "kept",
    "unreachable",
];

/// Longer than a run spends on work before the status says how far it is.
const AFTER_A_RUN: Duration = Duration::from_mins(2);

#[tokio::test(flavor = "multi_thread")]
async fn every_dashboard_and_alert_expression_has_a_result() {
    let fixture = Fixture::shared();
    let _open = play(&fixture).await;
    let (compared, _readers) = play_conversions(&fixture).await;
    let mut leader = fixture.operator(&[]);
    wait_until("the first leads", SOON, async || leader.leads().await).await;
    let mut standby = fixture.operator(&[]);
    let rules = files("rules", "yaml");
    let rules: Vec<_> = rules.iter().map(PathBuf::as_path).collect();
    let targets = [leader.address(), standby.address()];
    let prometheus = Prometheus::start(&scrape_config(), &targets, &rules).await;

    fixture.wait_for("expired", "Ready", "True Succeeded").await;
    let retention = r#"{"spec": {"retention": {"keep": 1}}}"#;
    fixture.kubectl(&["patch", "pgpt", "expired", "--type=merge", "-p", retention]);
    for expression in [
        r#"pgpartition_plan_deferred{blocker="AwaitingApproval"}"#,
        r#"pgpartition_partitions{state="pending_detach"} > 0"#,
        "increase(pgpartition_lock_timeouts_total[1m]) > 0",
        r#"pgpartition_condition{name="unreachable", type="Reachable", status="False"} == 1"#,
        "pgpartition_default_rows > 0",
        r#"rate(pgpartition_step_duration_seconds_count{step="attach"}[1m])"#,
        r#"ALERTS{alertname=~"PgPartition.+"}"#,
    ] {
        wait_until(expression, SOON, async || !prometheus.query(expression).await.is_empty()).await;
    }

    let in_parity = r#"pgpartition_conversion_stage{name="compared", stage="InParity"} == 1"#;
    wait_until(in_parity, AFTER_A_RUN, async || !prometheus.query(in_parity).await.is_empty())
        .await;
    damage(&fixture, &compared).await;
    for expression in [
        r#"pgpartition_sync_trigger{name="compared", state="altered"} == 1"#,
        r#"pgpartition_backfill_rows{name="copying", kind="copied"} == 0"#,
    ] {
        let is_there = async || !prometheus.query(expression).await.is_empty();
        wait_until(expression, AFTER_A_RUN, is_there).await;
    }
    for alert in ["PgPartitionCopyStalled", "PgPartitionSwapBlocked", "PgPartitionSourceKept"] {
        let is_raised = async || raisable(&prometheus).await.contains(alert);
        wait_until(alert, AFTER_A_RUN, is_raised).await;
    }

    let namespaces = prometheus.query("count by (namespace) (pgpartition_info)").await;
    let namespaces: Vec<_> = namespaces.iter().map(|found| &found["metric"]["namespace"]).collect();
    assert_eq!(namespaces, [&fixture.namespace], "series have the namespace of their table");
    for file in files("dashboards", "json") {
        for (panel, expression) in expressions(&file) {
            let has_result = answered(&prometheus, &expression, &fixture.namespace).await;
            assert!(has_result, "{}: {panel}: no result for {expression}", file.display());
        }
    }

    let mut raised: BTreeSet<String> = SLOW.map(str::to_owned).into();
    raised.extend(raisable(&prometheus).await);
    leader.process.kill();
    let no_leader = "PgPartitionNoLeader".to_owned();
    wait_until("no replica leads", SOON, async || raisable(&prometheus).await.contains(&no_leader))
        .await;
    raised.extend(raisable(&prometheus).await);
    standby.process.kill();
    let absent = "PgPartitionOperatorAbsent".to_owned();
    wait_until("no operator runs", SOON, async || raisable(&prometheus).await.contains(&absent))
        .await;
    raised.extend(raisable(&prometheus).await);
    assert_eq!(raised, alerts(&prometheus).await.iter().map(name_of).collect());
}

/// Returns the scrape configuration on the page about monitoring.
pub(crate) fn scrape_config() -> Value {
    let page = fs::read_to_string(root().join("docs/how-to/monitor.md")).unwrap();
    let (_, block) = page.split_once("```yaml\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    serde_yaml::from_str::<Value>(block).unwrap()[0].clone()
}

/// A table in each state that dashboards and alerts are about. Returns what must stay open.
async fn play(fixture: &Fixture<'_>) -> Vec<Client> {
    let server = Server::of_default_major();
    let mut open = Vec::new();
    for (name, spec, sql, stays_open) in [
        ("orders", json!({}), "", ""),
        ("expired", json!({"partitionBy": ten_months()}), "", ""),
        (
            "stray",
            json!({}),
            "CREATE TABLE stray_default PARTITION OF stray DEFAULT;
             INSERT INTO stray VALUES (1, 1, now())",
            "",
        ),
        (
            "hourly",
            json!({"partitionBy": {"range": {"column": "at", "interval": "Hour"}},
                   "retention": {"keep": 1}, "mode": "Plan"}),
            "DO $$ BEGIN
               EXECUTE format('CREATE TABLE hourly_now PARTITION OF hourly FOR VALUES FROM (%L) TO (%L)',
                              now(), now() + interval '30 min');
               EXECUTE format('CREATE TABLE hourly_old PARTITION OF hourly FOR VALUES FROM (%L) TO (%L)',
                              now() - interval '1 day', now() - interval '23 hours');
             END $$",
            "",
        ),
        (
            "halfway",
            json!({"mode": "Plan"}),
            "CREATE TABLE halfway_old PARTITION OF halfway FOR VALUES FROM ('2020-01-01') TO ('2020-02-01')",
            "BEGIN; SELECT * FROM halfway",
        ),
        (
            "held",
            json!({"limits": {"lockTimeout": "50ms"}}),
            "CREATE TABLE held_default PARTITION OF held DEFAULT",
            "BEGIN; SELECT * FROM held",
        ),
    ] {
        let database = database_with(server, name).await;
        let client = database.client().await;
        client.batch_execute(sql).await.unwrap();
        if !stays_open.is_empty() {
            let reader = database.client().await;
            reader.batch_execute(stays_open).await.unwrap();
            open.push(reader);
        }
        if name == "halfway" {
            client.batch_execute("SET lock_timeout = '100ms'").await.unwrap();
            let detach = "ALTER TABLE halfway DETACH PARTITION halfway_old CONCURRENTLY";
            client.batch_execute(detach).await.unwrap_err();
        }
        fixture.secret(name, &database.url());
        fixture.apply(&table(name, &spec));
    }
    fixture.secret("unreachable", "postgres://login@127.0.0.1:1/nothing");
    fixture.declare("unreachable");
    open
}

/// A conversion in each state that dashboards and alerts are about. Returns a session of the one that is in parity, and
/// what must stay open.
async fn play_conversions(fixture: &Fixture<'_>) -> (Client, [Client; 2]) {
    let compared = plain(fixture, "compared").await;
    let copying = plain(fixture, "copying").await;
    copying.batch_execute("BEGIN; SELECT FROM copying FOR UPDATE").await.unwrap();
    let swapping = plain(fixture, "swapping").await;
    // It sees the table without the rows that are copied.
    let snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM swapping";
    swapping.batch_execute(snapshot).await.unwrap();
    let kept = plain(fixture, "kept").await;
    kept.batch_execute("CREATE MATERIALIZED VIEW ids AS SELECT id FROM kept").await.unwrap();
    let source = json!({"afterCutover": "Drop", "dropAfter": "0s"});
    for (name, side, source) in [
        ("compared", "Source", json!({})),
        ("copying", "Source", json!({})),
        ("swapping", "Partitioned", json!({})),
        ("kept", "Partitioned", source),
    ] {
        let mut spec = conversion(name);
        spec["conversion"]["serveFrom"] = side.into();
        spec["conversion"]["source"] = source;
        fixture.apply(&table(name, &spec));
    }
    (compared, [copying, swapping])
}

/// A plain table with rows, in a database of its own.
async fn plain(fixture: &Fixture<'_>, name: &str) -> Client {
    let database = database_with(Server::of_default_major(), name).await;
    let client = database.client().await;
    let create = format!(
        "DROP TABLE {name}; CREATE TABLE {name} (id bigint PRIMARY KEY, at timestamptz NOT NULL);
         INSERT INTO {name} SELECT n, now() FROM generate_series(1, 100) AS n; ANALYZE {name}"
    );
    client.batch_execute(&create).await.unwrap();
    fixture.secret(name, &database.url());
    client
}

fn conversion(name: &str) -> Value {
    let start = jiff::Zoned::now().date().to_string();
    json!({
        "partitionBy": {"range": {"column": "at", "interval": "Month", "startAt": start}},
        "conversion": {"method": "Copy", "acknowledge": [format!("UniqueKey:{name}_pkey")]},
    })
}

/// Changes a trigger of a copy in parity, and makes the last comparison one that found a row. In mode Plan, both stay.
async fn damage(fixture: &Fixture<'_>, compared: &Client) {
    let plan = r#"{"spec": {"mode": "Plan"}}"#;
    fixture.kubectl(&["patch", "pgpt", "compared", "--type=merge", "-p", plan]);
    wait_until("the operator has seen the mode", AFTER_A_RUN, async || {
        let object = fixture.object("compared");
        object["status"]["observedGeneration"] == object["metadata"]["generation"]
    })
    .await;
    let damage = r#"ALTER TABLE compared DISABLE TRIGGER sync_to_partitioned_compared;
        UPDATE pgpartition.conversions SET parity = parity || '{"differenceRows": 1, "mismatchedRanges": 1}'"#;
    compared.batch_execute(damage).await.unwrap();
    let reconcile = "pgpartition.dev/reconcile=now";
    fixture.kubectl(&["annotate", "pgpt", "compared", "--overwrite", reconcile]);
}

/// More months than expire without asking.
fn ten_months() -> Value {
    let start = jiff::Zoned::now().date().saturating_sub(jiff::Span::new().months(10));
    json!({"range": {"column": "at", "interval": "Month", "startAt": start.to_string()}})
}

/// Returns whether an expression of a dashboard has a result for at least one table.
async fn answered(prometheus: &Prometheus, expression: &str, namespace: &str) -> bool {
    let all = expression
        .replace("=~\"$namespace\"", "=~\".*\"")
        .replace("=~\"$job\"", "=~\".*\"")
        .replace("$namespace", namespace)
        .replace("$__rate_interval", "30s");
    assert_eq!(all.replace("$name", "").matches('$').count(), 0, "an unknown variable: {all}");
    for name in TABLES {
        if !prometheus.query(&all.replace("$name", name)).await.is_empty() {
            return true;
        }
    }
    false
}

/// The expressions of a dashboard, each with the title of its panel.
fn expressions(file: &Path) -> Vec<(String, String)> {
    let board: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut found = Vec::new();
    for panel in board["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            found.push((text(&panel["title"]), text(&target["expr"])));
        }
    }
    for variable in board["templating"]["list"].as_array().unwrap() {
        if variable["type"] == "query" {
            let query = text(&variable["query"]["query"]);
            let selector = query.strip_prefix("label_values(").unwrap().rsplit_once(", ").unwrap();
            found.push((text(&variable["name"]), selector.0.to_owned()));
        }
    }
    assert!(!found.is_empty(), "{}", file.display());
    found
}

/// The alerts whose expression has a result now, of which Prometheus waits only for how long it lasts.
async fn raisable(prometheus: &Prometheus) -> BTreeSet<String> {
    let alerts = alerts(prometheus).await;
    let raisable = alerts.iter().filter(|alert| !alert["alerts"].as_array().unwrap().is_empty());
    raisable.map(name_of).collect()
}

/// The alerting rules, which are all in order and say what they are to say.
async fn alerts(prometheus: &Prometheus) -> Vec<Value> {
    let rules = prometheus.rules().await;
    for rule in &rules {
        assert_ne!(rule["health"], "err", "{rule}");
        assert!(!rule.to_string().contains("error expanding"), "{rule}");
    }
    rules.into_iter().filter(|rule| rule["type"] == "alerting").collect()
}

fn name_of(rule: &Value) -> String {
    rule["name"].as_str().unwrap().to_owned()
}

#[test]
fn every_alert_fires_on_its_condition_only() {
    let promtool = tool("prometheus", "PGPARTITION_PROMETHEUS").join("promtool");
    let tests = fs::read_dir(root().join("tests/alerts")).unwrap().map(|file| file.unwrap().path());
    succeeds(&Command::new(promtool).args(["test", "rules"]).args(tests).output().unwrap());
}

#[test]
fn grafana_understands_every_dashboard() {
    let library = tool("dashboards", "PGPARTITION_DASHBOARDS");
    let mut check = Command::new(root().join("tools/check-dashboards"));
    check.env("PYTHONPATH", library).env("PYTHONDONTWRITEBYTECODE", "1");
    succeeds(&check.args(files("dashboards", "json")).output().unwrap());
}

/// The files of the chart in a folder.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let folder = root().join("charts/pg-partition-operator").join(folder);
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.filter(|file| file.extension().is_some_and(|found| found == extension)).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
