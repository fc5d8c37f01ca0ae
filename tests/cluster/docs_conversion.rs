//! A reader types the commands of the pages on conversions: from the preflight of a plain table to a partitioned table.

use serde_json::{Value, json};

use crate::docs_reader::{Outcome, Reader, Typed, blocks, ends, page, section, statuses, typed};
use crate::finance::{CONVERTED, is_reached};
use crate::support::kube::Cluster;
use crate::support::postgres::Server;
use crate::support::wait_until;

/// The roles of `docs/reference/privileges.md`, those of an application and of reports, and the tables of the page.
const FINANCE: &str = "
    CREATE ROLE finance_owner; CREATE ROLE partition_operator LOGIN NOINHERIT; GRANT finance_owner TO partition_operator;
    CREATE ROLE app LOGIN; CREATE ROLE reporting LOGIN; GRANT reporting TO partition_operator;
    ALTER ROLE app SET search_path = finance; ALTER ROLE reporting SET search_path = finance;
    CREATE EXTENSION pg_stat_statements;
    CREATE SCHEMA finance; GRANT USAGE, CREATE ON SCHEMA finance TO finance_owner;
    GRANT USAGE ON SCHEMA finance TO app, reporting;
    CREATE SCHEMA pgpartition AUTHORIZATION partition_operator;
    DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO finance_owner', current_database()); END $$;
    SET ROLE finance_owner;
    CREATE TABLE finance.revenues (id bigint PRIMARY KEY, occurred_at timestamptz NOT NULL, amount numeric);
    CREATE INDEX ON finance.revenues (occurred_at);
    CREATE TABLE finance.expenses (LIKE finance.revenues INCLUDING ALL);
    CREATE TABLE finance.incomes (LIKE finance.revenues INCLUDING ALL);
    INSERT INTO finance.revenues SELECT n, now() - n * interval '1 hour', n FROM generate_series(1, 100) AS n;
    INSERT INTO finance.expenses TABLE finance.revenues; INSERT INTO finance.incomes TABLE finance.revenues;
    GRANT ALL ON ALL TABLES IN SCHEMA finance TO app; GRANT SELECT ON ALL TABLES IN SCHEMA finance TO reporting;
    RESET ROLE";

impl Reader<'_> {
    /// Types the commands of a section. Resources are those of a file that the commands name.
    fn types_all(&self, section: &str) -> Vec<Outcome> {
        let commands = typed(section).into_iter().filter_map(|typed| match typed {
            Typed::Command(command) => Some(command),
            Typed::Resource(_) => None,
        });
        commands.map(|command| self.types(&command)).collect()
    }

    async fn wait(&self, name: &str, reasons: &[(&str, &str)], serving: &str) {
        let is_reached = async || {
            let object = self.fixture.object(name);
            is_reached(&object, reasons) && object["status"]["conversion"]["serving"] == serving
        };
        wait_until(&format!("{name}: {reasons:?}, served from {serving}"), CONVERTED, is_reached)
            .await;
    }

    async fn wait_served_from(&self, name: &str, serving: &str) {
        self.wait(name, &[("Converted", "AsRequested"), ("Ready", "Succeeded")], serving).await;
    }

    /// Writes a resource as it is in the cluster to the file of the page.
    fn saves(&self, name: &str) {
        let mut object = self.fixture.object(name);
        object.as_object_mut().unwrap().remove("status");
        object["metadata"] = json!({"name": name, "namespace": self.fixture.namespace});
        self.writes(&format!("{name}.yaml"), &object.to_string());
    }
}

/// The table of the page, and two whose conversions end before the cutover: in the cluster, and without it.
const TABLES: [&str; 3] = ["revenues", "expenses", "incomes"];

#[tokio::test(flavor = "multi_thread")]
async fn commands_of_the_pages_on_conversions_can_be_typed() {
    let server = Server::start(
        Server::DEFAULT_MAJOR,
        &["-c", "shared_preload_libraries=pg_stat_statements"],
    );
    let database = server.database().await;
    database.client().await.batch_execute(FINANCE).await.unwrap();
    let login = (database, "partition_operator");
    // Another test of the shared cluster has a namespace of this name.
    let cluster = Cluster::start();
    let reader = Reader::with(&cluster, "finance", "finance-db", login);
    let operator = reader.fixture.operator(&[]);
    let text = page("how-to/convert-a-table");
    for name in TABLES {
        look_and_acknowledge(&reader, &text, name).await;
    }
    watch(&reader, &text).await;
    route(&reader, &text).await;
    cut_over(&reader, &text).await;
    retire(&reader, &text).await;
    end(&reader, &text).await;
    ends(operator).await;
    end_without_a_cluster(&reader, &text);
}

/// Sections 1 and 2, for a table in the place of `revenues`.
async fn look_and_acknowledge(reader: &Reader<'_>, text: &str, name: &str) {
    let text = text.replace("revenues", name);
    let first = section(&text, "1. Review the plan");
    let (_, resource) = blocks(first).find(|(language, _)| *language == "yaml").unwrap();
    reader.writes(&format!("{name}.yaml"), &resource);
    let commands = typed(first).into_iter().filter_map(|typed| match typed {
        Typed::Command(command) => Some(command),
        Typed::Resource(_) => None,
    });
    let mut looked = Vec::new();
    for command in commands {
        looked.push(reader.types(&command));
        reader.wait(name, &[("Converted", "NotAcknowledged")], "Source").await;
    }
    assert_eq!(statuses(&looked), [0, 4, 4], "{looked:#?}");
    assert!(looked[2].2.contains(&format!("\"UniqueKey:{name}_pkey\"")), "{looked:#?}");
    // On a busy machine a swap takes longer than the default.
    reader.fixture.patch(name, &json!({"spec": {"limits": {"lockTimeout": "20s"}}}));

    let longer = "Quarterly partitions for the past, monthly ones for the future";
    for heading in ["2. Acknowledge the losses", longer] {
        let outcomes = reader.types_all(section(&text, heading));
        assert_eq!(statuses(&outcomes), [0], "{outcomes:#?}");
    }
    reader.wait_served_from(name, "Source").await;
    reader.saves(name);
    let applied = reader.types_all(section(&text, "Convert without a cluster"));
    assert_eq!(statuses(&applied), [0], "{applied:#?}");
}

/// Section 3, the comparison by hand included, and those that slow a conversion down.
async fn watch(reader: &Reader<'_>, text: &str) {
    let third = section(text, "3. Monitor the conversion");
    let watched = reader.types_all(third);
    assert_eq!(statuses(&watched), [0, 0, 0, 0], "{watched:#?}");
    assert!(watched[0].2.contains("SERVING"), "{watched:#?}");
    assert!(watched[3].2.contains("none differ"), "{watched:#?}");
    let (_, compare) = blocks(third).find(|(language, _)| *language == "sql").unwrap();
    let counts = reader.database.client().await.simple_query(&compare).await.unwrap();
    let counts = counts.into_iter().filter_map(|message| {
        let tokio_postgres::SimpleQueryMessage::Row(row) = message else { return None };
        row.get(0).map(str::to_owned)
    });
    assert_eq!(counts.collect::<Vec<_>>(), ["0", "0"]);
    for heading in ["Limit the rate", "Pause the conversion"] {
        let typed = reader.types_all(section(text, heading));
        assert_eq!(statuses(&typed), [0], "{typed:#?}");
    }
    reader.fixture.patch("revenues", &json!({"spec": {"suspend": false}}));
    reader.wait_served_from("revenues", "Source").await;
}

/// Both sections on what to do before the cutover.
async fn route(reader: &Reader<'_>, text: &str) {
    let route = page("how-to/route-roles");
    let (patch, status) = section(&route, "Route a role").split_once("New sessions").unwrap();
    let patched = reader.types_all(patch);
    assert_eq!(statuses(&patched), [0], "{patched:#?}");
    wait_until("the role is routed", CONVERTED, async || {
        reader.fixture.object("revenues")["status"]["conversion"]["routing"][0]["routed"] == true
    })
    .await;
    let status = reader.types_all(status);
    assert!(status[0].2.contains("reporting: reads the copy"), "{status:#?}");
    let reporting = reader.database.client_as("reporting").await;
    let reads = "SELECT count(*), 'revenues'::regclass = 'pgpartition_finance.revenues'::regclass FROM revenues";
    let row = reporting.query_one(reads, &[]).await.unwrap();
    assert_eq!((row.get(0), row.get(1)), (100_i64, true));

    let app = reader.database.client_as("app").await;
    for statement in [
        "INSERT INTO revenues (id, occurred_at) VALUES (7, now()) ON CONFLICT (id) DO NOTHING",
        "SELECT amount FROM revenues WHERE id = 7",
    ] {
        app.batch_execute(statement).await.unwrap();
    }
    let heading = "Before the cutover: check the statements of the application";
    let here = reader.database.url_as("app");
    let statements = section(text, heading).replace("postgres://app@db.example/finance", &here);
    let judged = reader.types_all(&statements);
    assert_eq!(statuses(&judged), [4], "{judged:#?}");
    for verdict in
        ["finance.revenues: ", "  fails  INSERT INTO revenues", "  every partition  SELECT amount"]
    {
        assert!(judged[0].2.contains(verdict), "{judged:#?}");
    }
}

/// Sections 4 and 5.
async fn cut_over(reader: &Reader<'_>, text: &str) {
    let cut = reader.types_all(section(text, "4. Cut over"));
    assert_eq!(statuses(&cut), [0, 0], "{cut:#?}");
    reader.wait_served_from("revenues", "Partitioned").await;
    let back = reader.types_all(section(text, "5. Roll back"));
    assert_eq!(statuses(&back), [0], "{back:#?}");
    reader.wait_served_from("revenues", "Source").await;
}

/// Sections 6 and 7, after a cutover that takes the routes back.
async fn retire(reader: &Reader<'_>, text: &str) {
    let serve = json!({"spec": {"conversion": {"serveFrom": "Partitioned"}}});
    reader.fixture.patch("revenues", &serve);
    reader.wait_served_from("revenues", "Partitioned").await;
    let routes = "SELECT count(*) FROM pg_namespace WHERE nspname = 'pgpartition_finance'";
    let routes = reader.database.client().await.query_one(routes, &[]).await.unwrap();
    assert_eq!(routes.get::<_, i64>(0), 0);
    let dropped = reader.types_all(section(text, "6. Drop the plain table"));
    assert_eq!(statuses(&dropped), [0, 0], "{dropped:#?}");
    let now = json!({"spec": {"conversion": {"source": {"dropAfter": "0s"}}}});
    reader.fixture.patch("revenues", &now);
    let source = "SELECT count(*) FROM pg_class WHERE relname = 'revenues_source'";
    let client = reader.database.client().await;
    wait_until("the plain table is dropped", CONVERTED, async || {
        client.query_one(source, &[]).await.unwrap().get::<_, i64>(0) == 0
    })
    .await;
    let removed = reader.types_all(section(text, "7. Remove the conversion"));
    assert_eq!(statuses(&removed), [0], "{removed:#?}");
    wait_until("revenues is ready", CONVERTED, async || {
        let object = reader.fixture.object("revenues");
        is_reached(&object, &[("Ready", "Succeeded")])
            && object["status"]["conversion"] == Value::Null
    })
    .await;
}

/// The end of a conversion before the cutover, of `expenses`.
async fn end(reader: &Reader<'_>, text: &str) {
    let (patch, approve) =
        section(text, "End the conversion").split_once("kubectl pgpartition status").unwrap();
    let of_expenses = |text: &str| text.replace("revenues", "expenses");
    let removed = reader.types_all(&of_expenses(&format!("{patch}```\n")));
    assert_eq!(statuses(&removed), [0], "{removed:#?}");
    wait_until("the copy waits", CONVERTED, async || {
        is_reached(&reader.fixture.object("expenses"), &[("Ready", "AwaitingApproval")])
    })
    .await;
    let (approve, _) = approve.split_once("Without a cluster").unwrap();
    let approved =
        reader.types_all(&of_expenses(&format!("```sh\nkubectl pgpartition status{approve}")));
    assert_eq!(statuses(&approved), [4, 0], "{approved:#?}");
    wait_until("the copy is dropped", CONVERTED, async || {
        is_reached(&reader.fixture.object("expenses"), &[("Ready", "NotPartitioned")])
    })
    .await;
}

/// The same from a terminal, of `incomes`, whose resource no operator manages any more.
fn end_without_a_cluster(reader: &Reader<'_>, text: &str) {
    reader.fixture.patch("incomes", &json!({"spec": {"conversion": null}}));
    reader.saves("incomes");
    let text = text.replace("revenues", "incomes");
    let (_, terminal) =
        section(&text, "End the conversion").split_once("Without a cluster").unwrap();
    let (_, _, planned) = reader.types("pg-partition-operator plan -f incomes.yaml");
    assert!(planned.contains("end-sync"), "{planned}");
    let mut commands = typed(terminal).into_iter();
    let Some(Typed::Command(ended)) = commands.next() else { panic!("{terminal}") };
    let ended = reader.types(&ended);
    assert_eq!(ended.1, 4, "{ended:#?}");
    let Some(Typed::Command(plan)) = commands.next() else { panic!("{terminal}") };
    let (_, _, planned) = reader.types(&plan);
    let (_, fingerprint) = planned.split_once('[').unwrap();
    let fingerprint = fingerprint.split(']').next().unwrap();
    let Some(Typed::Command(approve)) = commands.next() else { panic!("{terminal}") };
    let approved = reader.types(&approve.replace("cf2c416d9dfd31e9", fingerprint));
    assert_eq!(approved.1, 4, "a plain table is left: {approved:#?}");
    assert!(approved.2.contains("drop-copy"), "{approved:#?}");
}
