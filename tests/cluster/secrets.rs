//! No value of a Secret is shown: not in the status, in events, logs, metrics, HTTP answers, or by the
//! plugin.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::fixture::{Fixture, SOON, table};
use crate::support::postgres::Server;
use crate::support::wait_until;

/// Host in the Secrets; all their other values except these ports contain `canary`.
const ADDRESS: &str = "127.77.77.77";

/// Ports that Secrets have. One of them can occur anywhere by chance, as an object's version or in a time; all of
/// them are in one text only if ports are shown there.
const PORTS: [&str; 3] = ["24601", "35797", "46853"];

/// Content of a Secret, fields of the resource, and whether the login succeeds.
struct Case {
    secret: Value,
    database: Value,
    logs_in: bool,
}

fn fails(secret: Value) -> Case {
    Case { secret, database: json!({}), logs_in: false }
}

/// A Secret of each layout, with one value after the other that the server or the program trips over.
fn cases(port: u16, database: &str) -> Vec<Case> {
    let parts = |host: &str, port: &str, dbname: &str, user: &str| {
        json!({
            "host": host, "port": port, "dbname": dbname, "username": user,
            "password": "canary_password", "sslcert": "", "application_name": "canary_name",
        })
    };
    let (here, port) = ("127.0.0.1", port.to_string());
    let uri = |text: &str| fails(json!({"uri": format!("postgres://{text}")}));
    let disable = json!({"sslMode": "Disable"});
    let with = |case: Case, database: Value| Case { database, ..case };
    vec![
        fails(parts("canary-host.invalid", &port, "canary_db", "canary_user")),
        fails(parts(ADDRESS, PORTS[0], "canary_db", "canary_user")),
        fails(parts(ADDRESS, PORTS[1], "canary_db", "canary_user")),
        fails(parts(ADDRESS, PORTS[2], "canary_db", "canary_user")),
        fails(parts("canary host", &port, "canary_db", "canary_user")),
        fails(parts(here, "canary_port", "canary_db", "canary_user")),
        fails(parts(here, &port, "canary_db", "canary_user")),
        with(fails(parts(here, &port, "canary_db", "canary_user")), disable.clone()),
        with(fails(parts(here, &port, "canary_db", "postgres")), disable.clone()),
        with(fails(parts(here, &port, database, "canary_denied")), disable.clone()),
        with(fails(parts(here, &port, database, "canary_locked")), disable.clone()),
        with(fails(parts(here, &port, database, "canary_full")), disable.clone()),
        Case {
            logs_in: true,
            ..with(fails(parts(here, &port, "canary_bird", "canary_member")), disable.clone())
        },
        Case {
            logs_in: true,
            ..with(fails(parts(here, &port, "canary_bird", "canary_owner")), disable.clone())
        },
        Case {
            logs_in: true,
            ..with(fails(parts(here, &port, "canary_bird", "canary_super")), disable)
        },
        uri(&format!("canary_user:canary_password@canary-host.invalid:{port}/canary_db")),
        uri(&format!("canary_user:canary%zzpassword@{here}:{port}/canary_db")),
        uri(&format!("canary_user:canary_password@{here}:{port}/d?canary_keyword=1")),
        uri(&format!("canary_user:canary_password@{here}:{port}/d?sslmode=canary_mode")),
        uri(&format!("canary_user:canary_password@{here}:{port}/d?sslrootcert=/canary_file")),
        uri(&format!(
            "postgres@{here}:{port}/postgres?sslmode=disable&options=-c%20canary_option%3Dcanary_value"
        )),
        uri(&format!("canary_user@{here}:{port}/d?sslmode=disable&hostaddr={ADDRESS}")),
        fails(json!({
            "host": here, "dbname": "d", "user": "u",
            "sslcert": "-----BEGIN CERTIFICATE-----\ncanary\n-----END CERTIFICATE-----",
            "sslkey": "-----BEGIN canary_key",
        })),
        Case {
            secret: json!({"api-token": "canary-token", "other": "canary_other"}),
            database: json!({
                "secretRef": {"keys": {"host": "api-token", "user": "other"}}, "dbname": "postgres",
            }),
            logs_in: false,
        },
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_a_secret_are_shown_nowhere() {
    let server = Server::start(Server::DEFAULT_MAJOR, &["-c", "listen_addresses=127.0.0.1"]);
    let database = server.database().await;
    let admin = database.client().await;
    admin
        .batch_execute(&format!(
            "CREATE ROLE canary_denied LOGIN; CREATE ROLE canary_locked;
             CREATE ROLE canary_full LOGIN CONNECTION LIMIT 0; CREATE ROLE canary_member LOGIN;
             CREATE ROLE canary_owner LOGIN; CREATE ROLE canary_super LOGIN SUPERUSER;
             REVOKE CONNECT ON DATABASE {} FROM PUBLIC",
            database.name()
        ))
        .await
        .unwrap();
    admin.batch_execute("CREATE DATABASE canary_bird").await.unwrap();
    let url = database.url().replace(database.name(), "canary_bird");
    let (bird, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);

    let fixture = Fixture::shared();
    let cases = cases(server.port(), database.name());
    for (number, case) in cases.iter().enumerate() {
        let name = format!("t{number}");
        let create =
            format!("CREATE TABLE {name} (at timestamptz NOT NULL) PARTITION BY RANGE (at)");
        let owner = format!("ALTER TABLE {name} OWNER TO canary_owner");
        bird.batch_execute(&create).await.unwrap();
        if case.secret["username"] == "canary_owner" {
            bird.batch_execute(&owner).await.unwrap();
        }
        fixture.apply(&json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name},
            "stringData": case.secret,
        }));
        let mut declared = table(&name, &json!({}));
        for (field, value) in case.database.as_object().unwrap() {
            if field == "secretRef" {
                declared["spec"]["database"]["secretRef"]["keys"] = value["keys"].clone();
            } else {
                declared["spec"]["database"][field] = value.clone();
            }
        }
        fixture.apply(&declared);
    }
    let operator = fixture.operator(&["--log=debug"]);
    for (number, case) in cases.iter().enumerate() {
        let name = format!("t{number}");
        let expected = if case.logs_in { "Reachable" } else { "Ready" };
        wait_until(&format!("{name} has its {expected}"), SOON, async || {
            let told = fixture.condition(&name, expected);
            told != "absent" && !told.starts_with("Unknown")
        })
        .await;
        if !case.logs_in {
            assert_ne!(fixture.condition(&name, "Reachable"), "True Connected", "{name}");
        }
    }
    wait_until("events are reported", SOON, async || {
        fixture.kubectl(&["get", "events"]).lines().count() > cases.len()
    })
    .await;

    let mut shown = vec![
        ("status".to_owned(), fixture.kubectl(&["get", "pgpt", "-o", "yaml"])),
        ("events".to_owned(), fixture.kubectl(&["get", "events", "-o", "yaml"])),
        ("log".to_owned(), operator.process.stderr()),
    ];
    for path in ["/metrics", "/monitoring/partitions/metrics", "/monitoring/verify-partitions"] {
        shown.push((path.to_owned(), operator.get(path).await.unwrap()));
    }
    for number in 0..cases.len() {
        let arguments = ["status", &format!("t{number}"), "-n", &fixture.namespace];
        let output = fixture.cluster.plugin_as(fixture.cluster.kubeconfig(), &arguments);
        let text = [output.stdout, output.stderr].concat();
        shown.push((format!("plugin t{number}"), String::from_utf8(text).unwrap()));
    }
    for (place, text) in &shown {
        let is_shown = |line: &&str| line.contains("canary") || line.contains(ADDRESS);
        let lines: Vec<_> = text.lines().filter(is_shown).collect();
        assert!(lines.is_empty(), "{place}: {}", lines.join("\n"));
        let words: BTreeSet<_> = text.split(|c: char| !c.is_ascii_digit()).collect();
        assert!(!PORTS.iter().all(|port| words.contains(port)), "{place} shows ports");
    }
    assert!(shown[0].1.contains("key \"host\" of Secret"), "{}", shown[0].1);
}
