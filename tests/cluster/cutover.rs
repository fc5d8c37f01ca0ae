//! The running example, converted under writers by editing one field of each resource at a time.

use serde_json::{Value, json};

use crate::finance::{CONVERTED, Finance, TABLES, converted, is_reached, losses, resource};
use crate::fixture::{Fixture, SOON};
use crate::support::wait_until;

/// The reasons of a conversion that has reached what the spec asks for.
const REACHED: &[(&str, &str)] =
    &[("Converted", "AsRequested"), ("InSync", "InParity"), ("Ready", "Succeeded")];

/// The resources of the three tables, and the application that writes to them meanwhile.
struct Example {
    fixture: Fixture<'static>,
    finance: Finance,
}

impl Example {
    /// Declares the conversions with `mode: Plan`, and acknowledges nothing.
    async fn new() -> Self {
        let (fixture, finance) = (Fixture::shared(), Finance::new().await);
        finance.secret(&fixture);
        for (table, interval) in TABLES.into_iter().zip(["", "Quarter", "Month"]) {
            let mut object = converted(table, interval, &json!({"method": "Copy"}));
            object["spec"]["mode"] = json!("Plan");
            fixture.apply(&object);
        }
        Self { fixture, finance }
    }

    /// Edits one field of each of the tables.
    fn edit(&self, tables: &[&str], change: impl Fn(&str) -> Value) {
        for table in tables {
            self.fixture.patch(&resource(table), &json!({"spec": change(table)}));
        }
    }

    /// Waits until the operator has done what the resource of a table asks for, with these reasons.
    async fn wait(&self, table: &str, reasons: &[(&str, &str)]) {
        let name = resource(table);
        let is_reached = async || is_reached(&self.fixture.object(&name), reasons);
        wait_until(&format!("{name}: {reasons:?}"), CONVERTED, is_reached).await;
    }

    /// Waits until each table is as its resource asks for, and compares it with the other one of its conversion.
    async fn expect_served_from(&self, serving: &str) {
        for table in TABLES {
            self.wait(table, REACHED).await;
            let name = resource(table);
            assert_eq!(self.fixture.column(&name, "SERVING"), serving, "{name}");
            assert_eq!(self.fixture.column(&name, "PARITY"), "Clean", "{name}");
            let other = if serving == "Source" { "partitioned" } else { "source" };
            self.finance.assert_equal(table, &format!("{table}_{other}")).await;
        }
        self.finance.goes_on().await;
    }

    /// Counts the relations of the schema whose names match a pattern.
    async fn relations(&self, pattern: &str) -> i64 {
        let count = "SELECT count(*) FROM pg_class WHERE relnamespace = 'finance'::regnamespace AND relname ~ $1";
        self.finance.owner().await.query_one(count, &[&pattern]).await.unwrap().get(0)
    }

    /// From `mode: Plan` to parity.
    async fn convert(&self) {
        self.wait("daily_cash_balances", &[("Converted", "Converting"), ("Ready", "PlanOnly")])
            .await;
        for table in &TABLES[1..] {
            self.wait(table, &[("Converted", "NotAcknowledged")]).await;
        }
        self.edit(&TABLES[1..], |table| json!({"conversion": {"acknowledge": losses(table)}}));
        for table in TABLES {
            self.wait(table, &[("Converted", "Converting"), ("Ready", "PlanOnly")]).await;
        }
        assert_eq!(self.relations("_partitioned").await, 0);
        self.edit(&TABLES, |_| json!({"mode": "Enforce"}));
        self.expect_served_from("Source").await;
    }

    /// Gives `revenues` months where its quarters end.
    async fn change_interval(&self) {
        let quarters = self.relations(r"^revenues_\d{4}_q\d$").await;
        self.edit(&["revenues"], |_| json!({"partitionBy": {"range": {"interval": "Month"}}}));
        self.expect_served_from("Source").await;
        assert_eq!(self.relations(r"^revenues_\d{4}_\d{2}$").await, 0);
        self.edit(&["revenues"], |_| json!({"ahead": 3}));
        self.expect_served_from("Source").await;
        assert_ne!(self.relations(r"^revenues_\d{4}_\d{2}$").await, 0);
        assert_eq!(self.relations(r"^revenues_\d{4}_q\d$").await, quarters);
    }

    /// From the last cutover to ordinary partitioned tables.
    async fn retire(&self) {
        self.edit(&TABLES, |_| json!({"conversion": {"source": {"afterCutover": "Drop"}}}));
        self.expect_served_from("Partitioned").await;
        let message = self.fixture.message("revenues", "Converted");
        assert!(message.contains("the source is dropped after"), "{message}");
        self.edit(&TABLES, |_| json!({"conversion": {"source": {"dropAfter": "0s"}}}));
        for table in TABLES {
            let name = resource(table);
            let dropped = format!("^{table}_(source|default)");
            let is_dropped = async || self.relations(&dropped).await == 0;
            wait_until(&format!("{dropped} are dropped"), CONVERTED, is_dropped).await;
            self.wait(table, &[("Converted", "AsRequested"), ("Ready", "Succeeded")]).await;
            assert_eq!(self.fixture.column(&name, "SERVING"), "Partitioned", "{name}");
        }
    }

    /// Removes `conversion`, after which nothing is left to do.
    async fn end(&self) {
        self.edit(&TABLES, |_| json!({"conversion": null}));
        for table in TABLES {
            let name = resource(table);
            self.wait(table, &[("Ready", "Succeeded")]).await;
            let status = self.fixture.object(&name)["status"].clone();
            assert_eq!(status["plan"], Value::Null, "{status:#}");
            assert_eq!(status["conversion"], Value::Null, "{status:#}");
            assert_eq!(self.fixture.condition(&name, "Converted"), "absent");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_the_running_example_are_converted_by_editing_one_field_at_a_time() {
    let example = Example::new().await;
    let operator = example.fixture.operator(&[]);
    example.convert().await;
    example.change_interval().await;
    for serving in ["Partitioned", "Source", "Partitioned"] {
        example.finance.set_lacks_key(true).await;
        example.edit(&TABLES, |_| json!({"conversion": {"serveFrom": serving}}));
        example.expect_served_from(serving).await;
        example.finance.set_lacks_key(serving == "Partitioned").await;
    }
    example.retire().await;
    example.end().await;
    wait_until("nothing is planned", SOON, async || {
        let metrics = operator.get("/metrics").await.unwrap_or_default();
        let planned = metrics.lines().filter(|line| line.starts_with("pgpartition_plan_steps{"));
        planned.clone().count() == TABLES.len()
            && planned.into_iter().all(|line| line.ends_with(" 0"))
    })
    .await;
    let Example { finance, .. } = example;
    finance.goes_on().await;
    finance.end().await;
}
