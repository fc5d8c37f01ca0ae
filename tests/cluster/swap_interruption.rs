//! A swap is interrupted in the middle: the API server is killed, and the leader is, with a replica that takes over. An event
//! trigger holds the swap there, while it has changed something, for as long as another session holds a lock.

use serde_json::json;
use tokio_postgres::Client;

use crate::finance::is_reached;
use crate::fixture::{Fixture, SOON, table};
use crate::support::kube::Cluster;
use crate::support::postgres::{Database, Server};
use crate::support::{signal, wait_until};

const QUICK: [&str; 3] =
    ["--lease-duration=3s", "--lease-renew-deadline=2s", "--lease-retry-period=500ms"];

/// The event trigger fires in the session of the operator, after each `ALTER TABLE` of the swap.
const HOLD: &str = "
    CREATE FUNCTION public.hold() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
      WHILE NOT pg_catalog.pg_try_advisory_xact_lock_shared(7) LOOP PERFORM pg_catalog.pg_sleep(0.02); END LOOP;
    END $$;
    CREATE EVENT TRIGGER hold ON ddl_command_end WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION public.hold();
    SELECT pg_advisory_lock(7)";

/// The session that has locked both tables and waits in the event trigger.
const BLOCKED: &str = "SELECT count(*) FROM pg_stat_activity AS a WHERE a.wait_event = 'PgSleep' AND 2 = (
        SELECT count(*) FROM pg_locks AS l WHERE l.pid = a.pid AND l.granted AND l.mode = 'AccessExclusiveLock'
          AND l.relation IN (SELECT c.oid FROM pg_class AS c WHERE c.relname IN ('orders', $1))
    )";

/// Whether `orders` is the partitioned table.
const SERVES_COPY: &str =
    "SELECT relkind = 'p' FROM pg_class WHERE oid = 'public.orders'::regclass";

/// A table in parity with its copy, and a session that holds the next swap.
struct Held {
    database: Database,
    holder: Client,
}

impl Held {
    async fn new(fixture: &Fixture<'_>) -> Self {
        let database = Server::of_default_major().database().await;
        let setup = "CREATE TABLE orders (org_id int, id bigint, PRIMARY KEY (org_id, id));
            INSERT INTO orders SELECT n % 9, n FROM generate_series(1, 500) AS n";
        database.client().await.batch_execute(setup).await.unwrap();
        fixture.secret("orders", &database.url());
        let hash = json!({"hash": {"columns": ["org_id"], "partitions": 2}});
        let mut orders =
            table("orders", &json!({"partitionBy": hash, "conversion": {"method": "Copy"}}));
        orders["spec"]["ahead"] = json!(null);
        // A statement of the swap may take as long.
        orders["spec"]["limits"] = json!({"lockTimeout": "60s"});
        fixture.apply(&orders);
        let holder = database.client().await;
        Self { database, holder }
    }

    /// Requests a swap, and returns when it is blocked in the middle.
    async fn begin(&self, fixture: &Fixture<'_>, serve_from: &str) {
        self.holder.batch_execute("SELECT pg_advisory_lock(7)").await.unwrap();
        fixture.patch("orders", &json!({"spec": {"conversion": {"serveFrom": serve_from}}}));
        let passive =
            if serve_from == "Partitioned" { "orders_partitioned" } else { "orders_source" };
        wait_until("a swap is blocked", SOON, async || {
            self.holder.query_one(BLOCKED, &[&passive]).await.unwrap().get::<_, i64>(0) == 1
        })
        .await;
    }

    async fn release(&self) {
        self.holder.batch_execute("SELECT pg_advisory_unlock_all()").await.unwrap();
    }

    /// Waits until the resource is as the spec says, and compares the two tables after a write.
    async fn expect_served_from(&self, fixture: &Fixture<'_>, serving: &str) {
        let reached =
            [("Converted", "AsRequested"), ("InSync", "InParity"), ("Ready", "Succeeded")];
        wait_until(&format!("orders is served from {serving}"), SOON, async || {
            let object = fixture.object("orders");
            is_reached(&object, &reached) && object["status"]["conversion"]["serving"] == serving
        })
        .await;
        let client = self.database.client().await;
        let write = "INSERT INTO orders SELECT 1, max(id) + 1 FROM orders; DELETE FROM orders WHERE id % 97 = 1";
        client.batch_execute(write).await.unwrap();
        let is_copy = serving == "Partitioned";
        assert_eq!(client.query_one(SERVES_COPY, &[]).await.unwrap().get::<_, bool>(0), is_copy);
        let other = if is_copy { "TABLE orders_source" } else { "TABLE orders_partitioned" };
        let differing = format!(
            "SELECT count(*) FROM ((TABLE orders EXCEPT ALL {other}) UNION ALL ({other} EXCEPT ALL TABLE orders)) AS d"
        );
        assert_eq!(client.query_one(&differing, &[]).await.unwrap().get::<_, i64>(0), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn swap_is_done_once_if_the_api_server_is_killed_in_the_middle() {
    let mut cluster = Cluster::start();
    let fixture = Fixture::of(&cluster);
    let namespace = fixture.namespace.clone();
    let held = Held::new(&fixture).await;
    let mut operator = fixture.operator(&QUICK);
    held.expect_served_from(&fixture, "Source").await;
    held.holder.batch_execute(HOLD).await.unwrap();
    held.begin(&fixture, "Partitioned").await;

    signal(cluster.pid(), "KILL");
    wait_until("it leads no longer", SOON, async || !operator.leads().await).await;
    held.release().await;
    wait_until("the swap has ended", SOON, async || {
        let ended =
            "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND database = (
            SELECT oid FROM pg_database WHERE datname = current_database())";
        held.holder.query_one(ended, &[]).await.unwrap().get::<_, i64>(0) == 0
    })
    .await;
    assert!(held.holder.query_one(SERVES_COPY, &[]).await.unwrap().get::<_, bool>(0));

    cluster.restart();
    let fixture = Fixture::named(&cluster, namespace);
    held.expect_served_from(&fixture, "Partitioned").await;
    assert!(operator.process.status().is_none(), "{}", operator.process.stderr());
}

#[tokio::test(flavor = "multi_thread")]
async fn replica_finishes_a_swap_if_the_leader_is_killed_in_the_middle() {
    let fixture = Fixture::shared();
    let held = Held::new(&fixture).await;
    let mut leader = fixture.operator(&QUICK);
    held.expect_served_from(&fixture, "Source").await;
    held.holder.batch_execute(HOLD).await.unwrap();
    for serving in ["Partitioned", "Source"] {
        let replica = fixture.operator(&QUICK);
        wait_until("a replica is ready", SOON, async || replica.get("/readyz").await.is_some())
            .await;
        held.begin(&fixture, serving).await;
        leader.process.kill();
        wait_until("the replica leads", SOON, async || replica.leads().await).await;
        held.release().await;
        held.expect_served_from(&fixture, serving).await;
        leader = replica;
    }
}
