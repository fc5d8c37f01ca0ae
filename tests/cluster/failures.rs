//! A failure affects only the resource or the database in which it happens.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::NamedTempFile;

use crate::fixture::{Fixture, SOON, database_with, file, partitions, succeeds, table};
use crate::support::kube::Cluster;
use crate::support::postgres::Server;
use crate::support::proxy::{Mode, Proxy};
use crate::support::wait_until;

#[tokio::test(flavor = "multi_thread")]
async fn rotated_password_is_used_without_a_restart() {
    let server = Server::start(
        Server::DEFAULT_MAJOR,
        &["-c", &format!("hba_file={}", asks_for_passwords())],
    );
    let database = database_with(&server, "orders").await;
    let client = database.client().await;
    client
        .batch_execute(
            "CREATE ROLE app LOGIN PASSWORD 'first'; ALTER TABLE orders OWNER TO app;
             GRANT CREATE ON SCHEMA public TO app; CREATE SCHEMA pgpartition AUTHORIZATION app",
        )
        .await
        .unwrap();
    let url = |password: &str| database.url_as(&format!("app:{password}"));
    let fixture = Fixture::shared();
    fixture.secret("orders", &url("wrong"));
    fixture.declare("orders");
    let operator = fixture.operator(&[]);

    fixture.wait_for("orders", "Reachable", "False AuthenticationFailed").await;
    fixture.wait_for("orders", "Ready", "False AuthenticationFailed").await;
    fixture.secret("orders", &url("first"));
    fixture.wait_for("orders", "Ready", "True Succeeded").await;

    client.batch_execute("ALTER ROLE app PASSWORD 'second'").await.unwrap();
    client
        .batch_execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'",
        )
        .await
        .unwrap();
    fixture.secret("orders", &url("second"));
    fixture.kubectl(&["annotate", "pgpt", "orders", "pgpartition.dev/reconcile=rotated"]);
    wait_until("the new password is used", SOON, async || {
        let object = fixture.object("orders");
        object["status"]["lastHandledReconcile"] == "rotated"
            && fixture.condition("orders", "Ready") == "True Succeeded"
    })
    .await;
    for secret in ["wrong", "first", "second"] {
        assert!(!operator.process.stderr().contains(&format!(":{secret}@")), "{secret}");
    }
}

/// A `pg_hba.conf` that trusts the superuser alone.
fn asks_for_passwords() -> String {
    let mut file = NamedTempFile::new().unwrap();
    let rules = "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
    file.write_all(rules.as_bytes()).unwrap();
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644)).unwrap();
    let (_, path) = file.keep().unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn standby_replica_takes_over_from_a_killed_leader() {
    let fixture = Fixture::shared();
    let database = database_with(Server::of_default_major(), "orders").await;
    fixture.secret("orders", &database.url());
    let quick = ["--lease-duration=3s", "--lease-renew-deadline=2s", "--lease-retry-period=500ms"];
    let mut first = fixture.operator(&quick);
    wait_until("the first leads", SOON, async || first.leads().await).await;
    let second = fixture.operator(&quick);
    wait_until("the second is ready", SOON, async || second.get("/readyz").await.is_some()).await;
    assert!(!second.leads().await);

    first.process.kill();
    fixture.declare("orders");

    wait_until("the second leads", SOON, async || second.leads().await).await;
    fixture.wait_for("orders", "Ready", "True Succeeded").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leader_that_terminates_releases_its_lease() {
    let fixture = Fixture::shared();
    let mut first = fixture.operator(&[]);
    wait_until("the first leads", SOON, async || first.leads().await).await;
    let second = fixture.operator(&[]);

    first.process.terminate();
    wait_until("it ends", SOON, async || first.process.status().is_some()).await;
    assert!(first.process.status().unwrap().success());

    // The Lease of the first would have lasted for another 15 s.
    wait_until("the second leads", Duration::from_secs(10), async || second.leads().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unreadable_resource_does_not_affect_other_resources() {
    let cluster = Cluster::start();
    let fixture = Fixture::of(&cluster);
    let database = database_with(Server::of_default_major(), "orders").await;
    fixture.secret("orders", &database.url());
    let anything = json!([
        {"op": "remove", "path": "/spec/versions/0/selectableFields"},
        {"op": "replace", "path": "/spec/versions/0/schema/openAPIV3Schema", "value": {
            "type": "object", "x-kubernetes-preserve-unknown-fields": true
        }},
    ]);
    let crd = "partitionedtables.pgpartition.dev";
    succeeds(&cluster.kubectl(&["patch", "crd", crd, "--type=json", "-p", &anything.to_string()]));
    let unreadable = file(&json!({
        "apiVersion": "pgpartition.dev/v1alpha1",
        "kind": "PartitionedTable",
        "metadata": {"name": "unreadable", "namespace": fixture.namespace},
        "spec": {"table": 7, "partitionBy": {"moon": "full"}},
    }));
    let create = ["create", "--validate=false", "-f", unreadable.path().to_str().unwrap()];
    wait_until("the schema takes anything", SOON, async || {
        cluster.kubectl(&create).status.success()
    })
    .await;
    fixture.declare("orders");

    let _operator = fixture.operator(&[]);
    fixture.wait_for("orders", "Ready", "True Succeeded").await;
    fixture.wait_for("unreadable", "Ready", "False InvalidSpec").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hanging_database_blocks_neither_other_databases_nor_the_shutdown() {
    let fixture = Fixture::shared();
    let server = Server::of_default_major();
    let mut proxy = Proxy::start(server.port()).await;
    proxy.set(Mode::Hang).await;
    let mut operator = fixture.operator(&["--grace=3s"]);
    for number in 0..20 {
        let name = format!("hangs{number}");
        let database = database_with(server, &name).await;
        fixture.secret(&name, &database.url_through(proxy.port(), "postgres"));
        fixture.declare(&name);
    }
    let database = database_with(server, "orders").await;
    fixture.secret("orders", &database.url());
    fixture.declare("orders");
    let declared = Instant::now();

    wait_until("the other table has its partitions", SOON, async || {
        partitions(&database, "orders").await == 2
    })
    .await;
    let waited = declared.elapsed();
    assert!(waited < Duration::from_secs(5), "{waited:?}, longer than a time-out of another");
    fixture.wait_for("hangs0", "Reachable", "False ConnectionFailed").await;

    fixture.kubectl(&["annotate", "pgpt", "--all", "pgpartition.dev/reconcile=again"]);
    operator.process.terminate();
    wait_until("it ends", Duration::from_secs(10), async || operator.process.status().is_some())
        .await;
    assert!(operator.process.status().unwrap().success(), "{}", operator.process.stderr());
}

#[tokio::test(flavor = "multi_thread")]
async fn suspended_resource_does_not_block_drop_database() {
    let fixture = Fixture::shared();
    let server = Server::of_default_major();
    let database = database_with(server, "orders").await;
    let name = database.name().to_owned();
    fixture.secret("orders", &database.url());
    fixture.declare("orders");
    let _operator = fixture.operator(&[]);
    fixture.wait_for("orders", "Ready", "True Succeeded").await;

    fixture.apply(&table("orders", &json!({"suspend": true})));
    wait_until("the resource is suspended", SOON, async || {
        fixture.condition("orders", "Ready").ends_with(" Suspended")
    })
    .await;
    let other = server.database().await.client().await;
    wait_until("the database can be dropped", SOON, async || {
        other.batch_execute(&format!("DROP DATABASE {name}")).await.is_ok()
    })
    .await;
}
