//! A conversion by `Attach`, from the spec to the oldest partition and back.

use pg_partition_operator::converge::{Convergence, observe_and_plan};
use pg_partition_operator::desired::DesiredTable;
use pg_partition_operator::partition::detached_check;
use pg_partition_operator::plan::PlanTime;
use pg_partition_operator::postgres::Session;
use serde_json::json;
use tokio_postgres::error::SqlState;

use crate::conversion::{NOW, orders, verbs};
use crate::database::{SCHEMA, SCHEMA_SQL, World, apply, at, desired, managed};
use crate::support::postgres::majors;

/// The table of the tests of the other method. `orders_pkey` is lost as a key of the whole table.
pub(crate) fn spec(serve_from: &str) -> DesiredTable {
    desired(json!({
        "table": "orders", "ahead": 2,
        "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}},
        "retention": {"keep": 1, "onExpiry": "Detach"},
        "conversion": {
            "method": "Attach", "serveFrom": serve_from, "acknowledge": ["UniqueKey:orders_pkey"],
        },
    }))
}

pub(crate) async fn converge_to(session: &Session, serve_from: &str) -> Convergence {
    let done = apply(session, &spec(serve_from), NOW).await;
    let failed: Vec<_> = done.outcomes.iter().filter(|outcome| outcome.result.is_err()).collect();
    assert!(failed.is_empty(), "{failed:?}");
    done
}

/// All rows of the table, as one text.
async fn rows(world: &World) -> String {
    let rows = format!(
        "SELECT concat(count(*), ' ', count(DISTINCT id), ' ', sum(hashtext(concat(id, org, at, status))::bigint))
         FROM {SCHEMA_SQL}.orders"
    );
    world.text(&rows).await
}

async fn bounds(world: &World) -> String {
    let sql = format!(
        "SELECT string_agg(concat(c.relname, ' ', pg_get_expr(c.relpartbound, c.oid)), '; ' ORDER BY c.relname)
         FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
         WHERE i.inhparent = '{SCHEMA_SQL}.orders'::regclass"
    );
    world.text(&sql).await
}

/// A session of the application, which has the owner's role.
async fn owner(world: &World) -> tokio_postgres::Client {
    let client = world.database.client_as(&world.operator).await;
    client.batch_execute(&format!("SET ROLE {}", world.owner)).await.unwrap();
    client
}

#[tokio::test]
async fn plain_table_is_attached_and_detached_whenever_the_spec_changes() {
    for major in majors() {
        let world = World::new(major).await;
        orders(&world).await;
        let session = world.session().await;
        let before = rows(&world).await;
        for turn in 0..2 {
            let prepared = converge_to(&session, "Source").await;
            assert!(prepared.remaining.is_done(), "Postgres {major}: {}", prepared.remaining);
            if turn == 0 {
                assert!(verbs(&prepared).starts_with(&["create-copy"]), "{:?}", verbs(&prepared));
            }
            let built = verbs(&prepared).into_iter().filter(|verb| *verb == "build-index").count();
            // Two for the plain table, and two of the default partition. After a rollback, the same run builds those of the
            // plain table.
            assert_eq!(built, if turn == 0 { 4 } else { 0 }, "Postgres {major}");
            let attached = converge_to(&session, "Partitioned").await;
            assert!(attached.remaining.is_done(), "Postgres {major}: {}", attached.remaining);
            assert!(verbs(&attached).contains(&"attach-source"), "{:?}", verbs(&attached));
            assert_eq!(rows(&world).await, before, "Postgres {major}");
            assert_eq!(
                bounds(&world).await,
                "orders_2026_04 FOR VALUES FROM ('2026-04-01 00:00:00+00') TO ('2026-05-01 00:00:00+00'); \
                 orders_2026_05 FOR VALUES FROM ('2026-05-01 00:00:00+00') TO ('2026-06-01 00:00:00+00'); \
                 orders_default DEFAULT; \
                 orders_source FOR VALUES FROM ('2025-12-01 00:00:00+00') TO ('2026-04-01 00:00:00+00')",
                "Postgres {major}"
            );
            let back = converge_to(&session, "Source").await;
            assert!(verbs(&back).contains(&"detach-source"), "{:?}", verbs(&back));
            assert!(back.remaining.is_done(), "Postgres {major}: {}", back.remaining);
            assert_eq!(rows(&world).await, before, "Postgres {major}");
        }
    }
}

#[tokio::test]
async fn rollback_waits_while_a_row_lies_in_another_partition() {
    for major in majors() {
        let world = World::new(major).await;
        orders(&world).await;
        let session = world.session().await;
        converge_to(&session, "Partitioned").await;
        world.owner("INSERT INTO orders (org, at) VALUES (1, '2026-04-20Z')").await;
        let held = converge_to(&session, "Source").await;
        assert!(verbs(&held).is_empty(), "Postgres {major}: {:?}", verbs(&held));
        let blocker = held.remaining.deferred[0].blocker.explain();
        assert!(blocker.contains("another partition has rows"), "Postgres {major}: {blocker}");
        world.owner("DELETE FROM orders WHERE at = '2026-04-20Z'").await;
        let back = converge_to(&session, "Source").await;
        assert_eq!(verbs(&back)[0], "detach-source", "Postgres {major}");
    }
}

/// Without the conversion, the wide partition expires as any other does, and as a whole.
#[tokio::test]
async fn wide_partition_covers_and_expires_as_a_whole() {
    for major in majors() {
        let world = World::new(major).await;
        orders(&world).await;
        let session = world.session().await;
        converge_to(&session, "Partitioned").await;
        let ended = DesiredTable { conversion: None, ..spec("Partitioned") };
        let kept = apply(&session, &ended, NOW).await;
        // The rule for the default partition is that of the spec again. No period of the wide partition is missing.
        assert_eq!(verbs(&kept), ["drop-default"], "Postgres {major}");
        assert!(kept.remaining.is_done(), "Postgres {major}: {}", kept.remaining);
        let wide = kept.observed.attached_source().unwrap();
        assert!(wide.state.is_managed(), "Postgres {major}: {wide:?}");
        let expired = apply(&session, &ended, "2026-05-02T00:00:00Z").await;
        let failed: Vec<_> =
            expired.outcomes.iter().filter(|outcome| outcome.result.is_err()).collect();
        assert!(failed.is_empty(), "Postgres {major}: {failed:?}");
        assert!(!bounds(&world).await.contains("orders_source"), "Postgres {major}");
        let detached = format!("SELECT count(*) FROM {SCHEMA_SQL}.orders_source");
        assert_eq!(world.text(&detached).await, "2300", "Postgres {major}");
    }
}

/// A run that is interrupted between the check and the attach leaves its check: the next run continues with a check of the
/// same bounds, and replaces another one. A check that only has a similar name belongs to a user.
#[tokio::test]
async fn check_of_an_interrupted_run_is_not_taken_for_a_users_check() {
    let name = detached_check(&managed("orders"));
    let checks = [
        ("at >= '2025-12-01Z'::timestamptz AND at < '2026-04-01Z'::timestamptz", "attach-source"),
        (
            "at >= '2025-12-01Z'::timestamptz AND at < '2026-05-01Z'::timestamptz",
            "add-bounds-check",
        ),
        ("true", "add-bounds-check"),
    ];
    for major in majors() {
        for (check, first) in checks {
            let world = World::new(major).await;
            orders(&world).await;
            let session = world.session().await;
            converge_to(&session, "Source").await;
            let add = format!(
                "ALTER TABLE orders ADD CONSTRAINT {} CHECK (at IS NOT NULL AND {check})",
                name.as_str()
            );
            world.owner(&add).await;
            let (found, _) =
                observe_and_plan(&session, &spec("Source"), &PlanTime::at(at(NOW))).await.unwrap();
            assert!(found.unmarked.is_empty(), "Postgres {major}: {:?}", found.unmarked);
            let attached = converge_to(&session, "Partitioned").await;
            let verbs = verbs(&attached);
            let of_source: Vec<_> = verbs.iter().filter(|verb| OF_SOURCE.contains(verb)).collect();
            assert_eq!(of_source.first(), Some(&&first), "Postgres {major}, {check}: {verbs:?}");
            assert!(verbs.contains(&"attach-source"), "Postgres {major}, {check}: {verbs:?}");
            assert!(attached.remaining.is_done(), "Postgres {major}: {}", attached.remaining);
        }
    }
}

/// Steps that are about the plain table.
const OF_SOURCE: [&str; 4] =
    ["add-bounds-check", "validate-bounds-check", "drop-bounds-check", "attach-source"];

#[tokio::test]
async fn check_with_a_similar_name_is_taken_for_a_users_check() {
    for major in majors() {
        let world = World::new(major).await;
        orders(&world).await;
        let session = world.session().await;
        converge_to(&session, "Source").await;
        let name = format!("{}_", detached_check(&managed("orders")).as_str());
        world.owner(&format!("ALTER TABLE orders ADD CONSTRAINT {name} CHECK (org >= 0)")).await;
        let followed = converge_to(&session, "Source").await;
        assert_eq!(verbs(&followed)[0], "follow", "Postgres {major}");
        let sql = format!(
            "SELECT count(*) FROM pg_constraint WHERE conrelid = '{SCHEMA_SQL}.orders_partitioned'::regclass
             AND conname = '{name}'"
        );
        assert_eq!(world.text(&sql).await, "1", "Postgres {major}");
        world.owner(&format!("ALTER TABLE orders DROP CONSTRAINT {name}, ADD CONSTRAINT {name} CHECK (org >= 0) NOT VALID")).await;
        let held = apply(&session, &spec("Partitioned"), NOW).await;
        let blockers: Vec<_> =
            held.remaining.deferred.iter().map(|held| held.blocker.explain()).collect();
        assert!(blockers.iter().any(|blocker| blocker.contains(&name)), "{major}: {blockers:?}");
        assert!(!verbs(&held).contains(&"attach-source"), "Postgres {major}: {:?}", verbs(&held));
    }
}

#[tokio::test]
async fn cutover_is_recorded_and_the_partitioned_table_is_analyzed() {
    for major in majors() {
        let world = World::new(major).await;
        orders(&world).await;
        let session = world.session().await;
        converge_to(&session, "Source").await;
        // ANALYZE stores no statistics of an empty table.
        world.owner("ANALYZE orders_partitioned").await;
        let attached = converge_to(&session, "Partitioned").await;
        assert_eq!(verbs(&attached).last(), Some(&"analyze"), "Postgres {major}");
        let since = attached.observed.attachment.as_ref().unwrap().serving_since.unwrap();
        let statistics = format!(
            "SELECT count(*) FROM pg_stats WHERE schemaname = '{SCHEMA}' AND tablename = 'orders' AND inherited"
        );
        assert_ne!(world.text(&statistics).await, "0", "Postgres {major}");
        let again = converge_to(&session, "Partitioned").await;
        assert!(verbs(&again).is_empty(), "Postgres {major}: {:?}", verbs(&again));
        let back = converge_to(&session, "Source").await;
        let again = back.observed.copy.as_ref().unwrap().serving_since().unwrap();
        assert!(again > since, "Postgres {major}: {again}, {since}");
    }
}

/// From the check of its bounds to the attach, the plain table rejects rows that lie outside, and no others. A run that ends
/// without the attach drops the check.
#[tokio::test]
async fn check_of_the_bounds_is_dropped_if_the_table_is_not_attached() {
    for major in majors() {
        let world = World::new(major).await;
        orders(&world).await;
        let session = world.session().await;
        converge_to(&session, "Source").await;
        let mut reader = owner(&world).await;
        let open = reader.transaction().await.unwrap();
        open.batch_execute(&format!("SELECT FROM {SCHEMA_SQL}.orders LIMIT 1")).await.unwrap();
        let held = apply(&session, &spec("Partitioned"), NOW).await;
        assert!(held.outcomes.iter().any(|outcome| outcome.result.is_err()), "Postgres {major}");
        open.commit().await.unwrap();
        let checks = format!(
            "SELECT count(*) FROM pg_constraint WHERE conrelid = '{SCHEMA_SQL}.orders'::regclass AND contype = 'c'"
        );
        assert_eq!(world.text(&checks).await, "0", "Postgres {major}");
        reader
            .batch_execute(&format!(
                "INSERT INTO {SCHEMA_SQL}.orders (org, at) VALUES (1, '2030-01-01Z')"
            ))
            .await
            .unwrap();
        // The previous run has created partitions, which overlap bounds that include this row.
        let held = converge_to(&session, "Partitioned").await;
        let blocker = held.remaining.deferred[0].blocker.explain();
        assert!(
            blocker.contains("orders_2026_04 overlaps the bounds"),
            "Postgres {major}: {blocker}"
        );
        world.owner("DELETE FROM orders WHERE at = '2030-01-01Z'").await;
        let attached = converge_to(&session, "Partitioned").await;
        assert!(verbs(&attached).contains(&"attach-source"), "Postgres {major}");
    }
}

/// While the table is attached and detached, a client that writes sees no error but the one that the documentation names.
#[tokio::test]
async fn client_sees_no_error_while_the_table_is_attached_and_detached() {
    for major in majors() {
        let world = World::new(major).await;
        orders(&world).await;
        let session = world.session().await;
        converge_to(&session, "Source").await;
        let client = owner(&world).await;
        let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
        let writer = tokio::spawn(async move {
            let insert = format!(
                "INSERT INTO {SCHEMA_SQL}.orders (org, at, status) VALUES (1, '2026-03-16Z', 'written') RETURNING id"
            );
            let insert = client.prepare(&insert).await.unwrap();
            let mut written = 0_u32;
            while stopped.try_recv().is_err() {
                match client.query_one(&insert, &[]).await {
                    Ok(_) => written += 1,
                    Err(error) => {
                        assert_eq!(error.code(), Some(&SqlState::CHECK_VIOLATION), "{error:?}");
                    }
                }
            }
            written
        });
        for serve_from in ["Partitioned", "Source", "Partitioned"] {
            converge_to(&session, serve_from).await;
        }
        stop.send(()).unwrap();
        let written = writer.await.unwrap();
        let found = format!("SELECT count(*) FROM {SCHEMA_SQL}.orders WHERE status = 'written'");
        assert_eq!(world.text(&found).await, written.to_string(), "Postgres {major}");
        let ids = format!("SELECT count(*) - count(DISTINCT id) FROM {SCHEMA_SQL}.orders");
        assert_eq!(world.text(&ids).await, "0", "Postgres {major}");
    }
}

/// No period has a row at infinity, and a check of the bounds would fail for it after all rows were read.
#[tokio::test]
async fn row_at_infinity_is_reported_before_anything_is_locked() {
    for major in majors() {
        let world = World::new(major).await;
        orders(&world).await;
        let session = world.session().await;
        for infinity in ["infinity", "-infinity"] {
            world.owner(&format!("INSERT INTO orders (org, at) VALUES (1, '{infinity}')")).await;
            let held = apply(&session, &spec("Partitioned"), NOW).await;
            let blockers: Vec<_> =
                held.remaining.deferred.iter().map(|held| held.blocker.explain()).collect();
            assert!(blockers[0].contains("at infinity"), "Postgres {major}: {blockers:?}");
            assert!(!verbs(&held).contains(&"add-bounds-check"), "{major}: {:?}", verbs(&held));
            world.owner(&format!("DELETE FROM orders WHERE at = '{infinity}'")).await;
        }
        let attached = converge_to(&session, "Partitioned").await;
        assert!(verbs(&attached).contains(&"attach-source"), "Postgres {major}");
    }
}
