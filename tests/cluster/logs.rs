//! Log lines and events are complete, and programs can parse them.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, json};

use crate::fixture::{Fixture, SOON, database_with, table};
use crate::support::operator::Operator;
use crate::support::postgres::Server;
use crate::support::wait_until;

/// JSON in which no member of an object occurs twice.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Strict;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Strict, A::Error> {
                let mut members = Map::new();
                while let Some((name, Strict(value))) = access.next_entry::<String, Strict>()? {
                    if members.insert(name.clone(), value).is_some() {
                        return Err(A::Error::custom(format!("{name} occurs twice")));
                    }
                }
                Ok(Strict(members.into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Strict, A::Error> {
                let mut items = Vec::new();
                while let Some(Strict(item)) = access.next_element()? {
                    items.push(item);
                }
                Ok(Strict(items.into()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Strict, E> {
                Ok(Strict(text.into()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Strict, E> {
                Ok(Strict(number.into()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Strict, E> {
                Ok(Strict(number.into()))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Strict, E> {
                Ok(Strict(number.into()))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Strict, E> {
                Ok(Strict(value.into()))
            }

            fn visit_unit<E>(self) -> Result<Strict, E> {
                Ok(Strict(Value::Null))
            }
        }
        deserializer.deserialize_any(Members)
    }
}

fn lines(log: &str) -> Vec<Value> {
    let read = |line: &str| match serde_json::from_str(line) {
        Ok(Strict(line)) => line,
        Err(error) => panic!("{error}: {line}"),
    };
    log.lines().map(read).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_of_the_log_is_one_object_without_repeated_members() {
    let fixture = Fixture::shared();
    let database = database_with(Server::of_default_major(), "orders").await;
    fixture.secret("orders", &database.url());
    fixture.declare("orders");
    fixture.declare("secretless");
    let mut operator = fixture.operator(&["--log=info"]);
    fixture.wait_for("orders", "Ready", "True Succeeded").await;
    fixture.wait_for("secretless", "Ready", "False SecretNotFound").await;
    let arguments = ["run", "--namespaces", &fixture.namespace, "--listen", &operator.address()];
    let kubeconfig = fixture.cluster.kubeconfig().to_str().unwrap();
    let mut second = Operator::start(&arguments, &[("KUBECONFIG", kubeconfig)]);
    wait_until("a second one cannot listen there", SOON, async || second.status().is_some()).await;
    operator.process.terminate();
    wait_until("it ends", SOON, async || operator.process.status().is_some()).await;

    let said = lines(&operator.process.stderr());
    for message in ["started", "ready", "not ready", "shutting down"] {
        assert!(said.iter().any(|line| line["message"] == message), "{message}");
    }
    let is_attach = |line: &&Value| line["message"] == "step succeeded" && line["step"] == "attach";
    let attached = said.iter().find(is_attach).unwrap();
    assert_eq!(attached["rule"], "provision", "{attached}");
    let last = lines(&second.stderr()).pop().unwrap();
    assert_eq!(
        (&last["level"], &last["message"]),
        (&json!("ERROR"), &json!("the operator stopped"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn namespace_that_cannot_be_watched_is_logged_and_keeps_no_claim_of_another() {
    let fixture = Fixture::shared();
    let database = database_with(Server::of_default_major(), "orders").await;
    fixture.secret("orders", &database.url());
    fixture.declare("orders");
    let operator = fixture.operator(&["--namespaces=a-forbidden,z-forbidden"]);
    fixture.wait_for("orders", "Ready", "True Succeeded").await;
    wait_until("the log names both", SOON, async || {
        let log = lines(&operator.process.stderr());
        ["a-forbidden", "z-forbidden"].into_iter().all(|namespace| {
            log.iter().any(|line| {
                line["message"] == "could not watch"
                    && line["kind"] == "PartitionedTable"
                    && line["namespace"] == namespace
                    && line["level"] == "WARN"
            })
        })
    })
    .await;

    fixture.kubectl(&["delete", "pgpt", "orders"]);
    wait_until("the claim of the deleted resource is released", SOON, async || {
        let claims = "SELECT count(*) FROM pgpartition.claims";
        let left: i64 = database.client().await.query_one(claims, &[]).await.unwrap().get(0);
        left == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn resource_with_the_longest_name_has_events() {
    let fixture = Fixture::shared();
    let database = database_with(Server::of_default_major(), "orders").await;
    fixture.secret("orders", &database.url());
    let label = "n".repeat(62);
    let name = format!("{label}.{label}.{label}.{label}-n");
    assert_eq!(name.len(), 253);
    let mut object = table("orders", &json!({}));
    object["metadata"]["name"] = name.as_str().into();
    fixture.apply(&object);
    let _operator = fixture.operator(&[]);
    wait_until("there is an event of the transition", SOON, async || {
        let of = format!("--field-selector=regarding.name={name}");
        let events = fixture.kubectl(&["get", "events.events.k8s.io", &of, "-o", "json"]);
        events.contains("Ready=True")
    })
    .await;
}
