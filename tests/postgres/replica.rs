//! A replica, as a server knows it by the protocol of replication, and what it does to a cutover.

use std::time::Duration;

use pg_partition_operator::converge::{Options, converge};
use pg_partition_operator::partition::Side;
use pg_partition_operator::plan::PlanTime;
use pg_partition_operator::sql::{Timeouts, render};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::conversion::{NOW, by_hash, verbs};
use crate::cutover::{serving, serving_side};
use crate::database::{Silent, World, apply, at};
use crate::support::postgres::{Server, majors};
use crate::support::wait_until;

/// A replica that receives WAL and says how much of it is on its disk.
pub(crate) struct Replica(TcpStream);

impl Replica {
    /// Follows the server from here on.
    pub(crate) async fn follow(server: &Server, slot: &str, from: &str) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port())).await.unwrap();
        let parameters = b"user\0postgres\0replication\0true\0\0";
        let mut startup = Vec::new();
        startup.extend(u32::try_from(parameters.len() + 8).unwrap().to_be_bytes());
        startup.extend(196_608_u32.to_be_bytes());
        startup.extend(parameters);
        stream.write_all(&startup).await.unwrap();
        let mut replica = Self(stream);
        replica.wait_for(b'Z').await;
        replica.send(b'Q', format!("START_REPLICATION {slot} {from}\0").as_bytes()).await;
        replica.wait_for(b'W').await;
        replica
    }

    async fn send(&mut self, kind: u8, content: &[u8]) {
        let mut message = vec![kind];
        message.extend(u32::try_from(content.len() + 4).unwrap().to_be_bytes());
        message.extend(content);
        self.0.write_all(&message).await.unwrap();
    }

    async fn wait_for(&mut self, kind: u8) {
        loop {
            let found = self.0.read_u8().await.unwrap();
            let length = self.0.read_u32().await.unwrap();
            let mut content = vec![0; length as usize - 4];
            self.0.read_exact(&mut content).await.unwrap();
            assert_ne!(found, b'E', "{}", String::from_utf8_lossy(&content));
            if found == kind {
                return;
            }
        }
    }

    /// Says that it has flushed all WAL up to there, as in a standby status update.
    pub(crate) async fn flushed(&mut self, up_to: &str) {
        let (high, low) = up_to.split_once('/').unwrap();
        let half = |text| u64::from_str_radix(text, 16).unwrap();
        let position = (half(high) << 32 | half(low)).to_be_bytes();
        let (clock, no_answer) = ([0; 8], [0]);
        let update = [&b"r"[..], &position, &position, &position, &clock, &no_answer].concat();
        self.send(b'd', &update).await;
    }

    /// Says that its oldest session sees the database without the effects of this transaction and of later ones, as
    /// `hot_standby_feedback` does.
    pub(crate) async fn sees_before(&mut self, transaction: u64) {
        let number = transaction.to_be_bytes();
        let (epoch, xmin) = number.split_at(4);
        let (clock, no_catalog) = ([0; 8], [0; 8]);
        let feedback = [&b"h"[..], &clock, xmin, epoch, &no_catalog].concat();
        self.send(b'd', &feedback).await;
    }
}

const USUAL: Duration = Duration::from_secs(3);

const ORDERS: &str = "CREATE TABLE orders (id bigint PRIMARY KEY, org int NOT NULL);
    INSERT INTO orders SELECT n, n FROM generate_series(1, 30) AS n; ANALYZE orders";

/// Oldest transaction number that the replica needs.
const OLDEST_XMIN: &str = "SELECT coalesce(min(xmin::text), '') FROM (
    SELECT backend_xmin AS xmin FROM pg_stat_activity WHERE backend_type = 'walsender'
    UNION ALL SELECT xmin FROM pg_replication_slots) AS held";

impl World {
    async fn next_transaction(&self) -> u64 {
        let next = "SELECT pg_snapshot_xmax(pg_current_snapshot())";
        self.text(next).await.parse().unwrap()
    }

    /// Has the replica say how old its oldest session is, and waits until the server knows it.
    async fn replica_sees_before(&self, replica: &mut Replica, transaction: u64) {
        replica.sees_before(transaction).await;
        wait_until("the server knows of the session of the replica", USUAL, async || {
            self.text(OLDEST_XMIN).await == transaction.to_string()
        })
        .await;
    }
}

#[tokio::test]
async fn session_of_a_replica_that_sees_older_rows_blocks_the_cutover() {
    for major in majors() {
        let server = Server::start(major, &["-c", "wal_sender_timeout=0"]);
        for has_slot in [true, false] {
            let what = format!("Postgres {major}, slot: {has_slot}");
            let world = World::on(&server, major).await;
            world.owner(ORDERS).await;
            let slot = if has_slot {
                world.admin("SELECT pg_create_physical_replication_slot('replica', true)").await;
                "SLOT replica"
            } else {
                ""
            };
            let from = world.text("SELECT pg_current_wal_flush_lsn()::text").await;
            let mut replica = Replica::follow(&server, slot, &from).await;
            let before = world.next_transaction().await;
            world.replica_sees_before(&mut replica, before).await;

            let session = world.session().await;
            let copied = apply(&session, &serving(by_hash(), "Source", &json!({})), NOW).await;
            assert!(copied.remaining.is_done(), "{what}: {}", copied.remaining);
            let cutover = serving(by_hash(), "Partitioned", &json!({}));
            let options = Options::new(PlanTime::at(at(NOW)), Duration::from_millis(500));
            let held = converge(&session, &cutover, &options, &mut Silent).await.unwrap();
            assert_eq!(serving_side(&held), Some(Side::Source), "{what}");
            let deferral = held.remaining.deferred.first();
            let deferral = deferral.unwrap_or_else(|| panic!("{what}: {}", held.remaining));
            assert_eq!(deferral.blocker.name(), "SwapBlocked", "{what}: {}", held.remaining);
            let names_slot = deferral.blocker.explain().contains("replication slot replica");
            assert_eq!(names_slot, has_slot, "{what}: {}", held.remaining);

            // The swap itself finds the replica as well.
            let timeouts = Timeouts { lock_timeout: 2 * USUAL, retry_timeout: Duration::ZERO };
            let swap = deferral.step.as_ref().unwrap();
            let script = render(swap, &world.owner_name(), timeouts);
            let error = session.commit_script_text(&script).await.unwrap_err();
            assert_eq!(error.sqlstate(), Some("55P03"), "{what}: {error}");
            assert!(error.to_string().contains("has a snapshot from before"), "{what}: {error}");

            let now = world.next_transaction().await;
            world.replica_sees_before(&mut replica, now).await;
            let done = apply(&session, &cutover, NOW).await;
            assert_eq!(verbs(&done), ["swap"], "{what}: {}", done.remaining);
            drop(replica);
            if has_slot {
                wait_until("the slot is free", USUAL, async || {
                    world.text("SELECT count(*) FROM pg_replication_slots WHERE active").await
                        == "0"
                })
                .await;
                world.admin("SELECT pg_drop_replication_slot('replica')").await;
            }
        }
    }
}
