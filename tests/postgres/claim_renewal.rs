//! Renewal of many claims in one round trip.

use std::time::Duration;

use pg_partition_operator::partition::ManagedTable;
use pg_partition_operator::postgres::{Claimant, HeldClaim, Session, claim, renew};

use crate::database::{World, at, managed};
use crate::support::postgres::majors;
use crate::support::wait_until;

/// Tables, which need quotes. Their claims are those of the resources with these UIDs.
const TABLES: [(&str, &str); 3] = [("T'; DROP", "a"), ("t\"2", "b"), ("three", "c")];

/// Longest wait for a session that waits for a lock.
const LIMIT: Duration = Duration::from_secs(20);

const ROWS: &str = "SELECT string_agg(format('%s %s %s', holder, xmin, seen), ' ' ORDER BY holder) \
    FROM pgpartition.claims";

const RENEWED: &str = "SELECT string_agg(holder, ' ' ORDER BY holder) FROM pgpartition.claims \
    WHERE now() - seen < '1 minute'";

fn tables() -> Vec<(ManagedTable, &'static str)> {
    TABLES.into_iter().map(|(table, uid)| (managed(table), uid)).collect()
}

async fn acquire_all(session: &Session) {
    for (table, uid) in tables() {
        let claimant = Claimant {
            uid: uid.to_owned(),
            namespace: "n".to_owned(),
            name: uid.to_owned(),
            installation: "here".to_owned(),
            created: at("2026-01-15T12:00:00Z"),
        };
        assert_eq!(claim(session, &table, 1, &claimant).await.unwrap(), None);
    }
}

/// Returns the positions of the claims that these resources do not have.
async fn lost(session: &Session, installation: &str) -> Vec<usize> {
    let tables = tables();
    let claims: Vec<_> = tables.iter().map(|(table, uid)| HeldClaim { table, uid }).collect();
    let before = session.round_trips();
    let lost = renew(session, &claims, installation).await.unwrap();
    assert_eq!(session.round_trips() - before, 1);
    lost
}

#[tokio::test]
async fn one_round_trip_renews_the_claims_that_are_held() {
    for major in majors() {
        let world = World::new(major).await;
        let session = world.session().await;
        acquire_all(&session).await;
        let written = world.text(ROWS).await;
        assert_eq!(lost(&session, "here").await, [0; 0], "Postgres {major}");
        assert_eq!(world.text(ROWS).await, written, "Postgres {major}: nothing is written");

        world.admin("UPDATE pgpartition.claims SET seen = seen - '6 minutes'::interval").await;
        let written = world.text(ROWS).await;
        assert_eq!(lost(&session, "elsewhere").await, [0, 1, 2], "Postgres {major}");
        assert_eq!(world.text(ROWS).await, written, "Postgres {major}: another installation");

        world.admin("UPDATE pgpartition.claims SET holder = 'other' WHERE holder = 'b'").await;
        assert_eq!(lost(&session, "here").await, [1], "Postgres {major}");
        assert_eq!(world.text(RENEWED).await, "a c", "Postgres {major}");
        world.admin("DELETE FROM pgpartition.claims WHERE holder = 'c'").await;
        assert_eq!(lost(&session, "here").await, [1, 2], "Postgres {major}");
        assert_eq!(world.text(RENEWED).await, "a", "Postgres {major}: no claim is acquired");
    }
}

/// The renewal waits for the row, and sees what the other session committed.
#[tokio::test(flavor = "multi_thread")]
async fn claim_that_another_session_takes_meanwhile_is_lost() {
    for major in majors() {
        let world = World::new(major).await;
        let session = world.session().await;
        acquire_all(&session).await;
        world.admin("UPDATE pgpartition.claims SET seen = seen - '6 minutes'::interval").await;
        let other = world.database.client().await;
        let take = "BEGIN; UPDATE pgpartition.claims SET holder = 'other' WHERE holder = 'b'";
        other.batch_execute(take).await.unwrap();
        let waits = async {
            let waiting = "SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0";
            wait_until("the renewal waits", LIMIT, async || world.text(waiting).await != "0").await;
            other.batch_execute("COMMIT").await.unwrap();
        };
        let tables = tables();
        let claims: Vec<_> = tables.iter().map(|(table, uid)| HeldClaim { table, uid }).collect();
        let renewed = async {
            // A commit that takes longer than lock_timeout makes an attempt fail, and with it its session.
            loop {
                if let Ok(lost) = renew(&world.session().await, &claims, "here").await {
                    return lost;
                }
            }
        };
        let (lost, ()) = tokio::join!(renewed, waits);
        assert_eq!(lost, [1], "Postgres {major}");
        assert_eq!(world.text(RENEWED).await, "a c", "Postgres {major}");
    }
}

#[tokio::test]
async fn renewal_without_the_table_of_claims_fails_and_creates_nothing() {
    for major in majors() {
        let world = World::new(major).await;
        let session = world.session().await;
        let tables = tables();
        let claims: Vec<_> = tables.iter().map(|(table, uid)| HeldClaim { table, uid }).collect();
        renew(&session, &claims, "here").await.unwrap_err();
        let there = "SELECT to_regclass('pgpartition.claims') IS NOT NULL";
        assert_eq!(world.text(there).await, "f", "Postgres {major}");
    }
}
