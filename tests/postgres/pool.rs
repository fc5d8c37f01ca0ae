//! Sessions that several tables share: how many, how old, and who learns of whose failures.

use std::collections::HashSet;
use std::pin::pin;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::join_all;
use pg_partition_operator::postgres::{
    BorrowError, Borrowed, ConnectionSettings, ErrorKind, Pool, PoolLimits, Urgency,
};

use crate::support::postgres::{Database, Server};
use crate::support::proxy::Proxy;
use crate::support::wait_until;

const SOON: Duration = Duration::from_secs(20);

/// A pool that gives up soon where all sessions stay in use.
fn pool(sessions_per_server: usize) -> Pool {
    let max_wait = Duration::from_millis(300);
    Pool::new(PoolLimits { max_wait, ..PoolLimits::new(sessions_per_server) })
}

fn settings(url: &str) -> ConnectionSettings {
    ConnectionSettings::from_url(url).unwrap()
}

async fn text(borrowed: &Borrowed, sql: &'static str) -> String {
    borrowed.session.query_one_text(sql, &[]).await.unwrap().unwrap()
}

async fn pid(borrowed: &Borrowed) -> String {
    text(borrowed, "SELECT pg_catalog.pg_backend_pid()::text").await
}

fn is_exhausted(result: &Result<Borrowed, BorrowError>) -> bool {
    matches!(result, Err(BorrowError::Exhausted { .. }))
}

fn failure(result: Result<Borrowed, BorrowError>) -> (ErrorKind, String) {
    match result {
        Err(BorrowError::Database(error)) => (error.kind(), error.to_string()),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("a session"),
    }
}

/// Waits until the pool has no session to this database any more.
async fn wait_until_closed(database: &Database) {
    let observer = database.client().await;
    let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
    wait_until("no session of the pool is open", SOON, async || {
        observer.query_one(open, &[]).await.unwrap().get::<_, i64>(0) == 0
    })
    .await;
}

#[tokio::test]
async fn session_is_replaced_when_its_life_ends() {
    let database = Server::of_default_major().database().await;
    let settings = settings(&database.url());
    let pool = Pool::new(PoolLimits { max_life: Duration::from_secs(3), ..PoolLimits::new(4) });
    let first = pool.borrow(&settings, Urgency::Later).await.unwrap();
    let first_pid = pid(&first).await;
    first.return_to_pool().await;

    wait_until("another session is used", SOON, async || {
        let borrowed = pool.borrow(&settings, Urgency::Later).await.unwrap();
        let is_another = pid(&borrowed).await != first_pid;
        borrowed.return_to_pool().await;
        is_another
    })
    .await;
}

#[tokio::test]
async fn session_that_outlived_its_life_in_use_is_closed_when_given_back() {
    let database = Server::of_default_major().database().await;
    let pool = Pool::new(PoolLimits { max_life: Duration::ZERO, ..PoolLimits::new(4) });
    let borrowed = pool.borrow(&settings(&database.url()), Urgency::Later).await.unwrap();
    assert_ne!(pid(&borrowed).await, "");
    borrowed.return_to_pool().await;
    wait_until_closed(&database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn moved_address_is_followed_although_the_session_is_always_in_use() {
    let mut proxy = Proxy::start(Server::of_default_major().port()).await;
    let database = Server::of_default_major().database().await;
    let url = database.url_through(proxy.port(), "postgres").replace(database.name(), "postgres");
    let settings = settings(&url);
    let pool = Pool::new(PoolLimits { max_life: Duration::from_secs(1), ..PoolLimits::new(1) });
    let port = async || {
        let borrowed = pool.borrow(&settings, Urgency::Later).await.unwrap();
        let port = text(&borrowed, "SELECT pg_catalog.inet_server_port()::text").await;
        borrowed.return_to_pool().await;
        port
    };
    assert_eq!(port().await, Server::of_default_major().port().to_string());

    proxy.lead_to(Server::shared(Server::DEFAULT_MAJOR - 1).port());
    let expected = Server::shared(Server::DEFAULT_MAJOR - 1).port().to_string();
    wait_until("the other server is used", SOON, async || port().await == expected).await;
}

#[tokio::test]
async fn wait_for_a_session_ends_with_a_reason() {
    let database = Server::of_default_major().database().await;
    let settings = settings(&database.url());
    let pool = pool(1);
    let first = pool.borrow(&settings, Urgency::Later).await.unwrap();
    let error = pool.borrow(&settings, Urgency::Later).await.err().unwrap();
    assert!(matches!(error, BorrowError::Exhausted { sessions: 1, .. }), "{error}");
    first.return_to_pool().await;
    pool.borrow(&settings, Urgency::Later).await.unwrap();
}

#[tokio::test]
async fn long_work_leaves_half_of_the_sessions_to_short_work() {
    let database = Server::of_default_major().database().await;
    let settings = settings(&database.url());
    let pool = pool(4);
    let long =
        [pool.borrow_long(&settings).await.unwrap(), pool.borrow_long(&settings).await.unwrap()];
    let mut third = std::pin::pin!(pool.borrow_long(&settings));
    let waits = tokio::time::timeout(Duration::from_millis(300), &mut third).await;
    assert!(waits.is_err(), "a third one for long work");
    let short = [
        pool.borrow(&settings, Urgency::Later).await.unwrap(),
        pool.borrow(&settings, Urgency::Later).await.unwrap(),
    ];
    assert!(is_exhausted(&pool.borrow(&settings, Urgency::Later).await));
    let error = short[0].long_run().begin().await.unwrap_err();
    assert!(matches!(error, BorrowError::NoLongSession { sessions: 2 }), "{error}");

    drop(long);
    third.await.unwrap();
    short[0].long_run().begin().await.unwrap();
}

#[tokio::test]
async fn single_session_serves_short_work_while_another_is_busy() {
    let database = Server::of_default_major().database().await;
    let settings = settings(&database.url());
    let pool = pool(1);
    let aside = pool.borrow_long(&settings).await.unwrap();
    let short = pool.borrow(&settings, Urgency::Later).await.unwrap();
    assert!(short.long_run().begin().await.is_err());
    drop(aside);
    short.long_run().begin().await.unwrap();
    pool.borrow(&settings, Urgency::Later).await.unwrap();
}

#[tokio::test]
async fn names_of_one_server_share_its_sessions() {
    let database = Server::of_default_major().database().await;
    let pool = pool(1);
    let in_use = pool.borrow(&settings(&database.url()), Urgency::Later).await.unwrap();
    let address = format!("127.0.0.1:{}", Server::of_default_major().port());
    let localhost = address.replace("127.0.0.1", "localhost");
    for name in [localhost.clone(), localhost.to_uppercase(), format!("{address},{localhost}")] {
        let url = database.url().replace(&address, &name);
        assert!(is_exhausted(&pool.borrow(&settings(&url), Urgency::Later).await), "{url}");
    }
    assert_eq!(pool.server_count(), 1);
    drop(in_use);
}

#[tokio::test]
async fn servers_without_sessions_are_forgotten() {
    let database = Server::of_default_major().database().await;
    let pool = Pool::new(PoolLimits { max_idle: Duration::ZERO, ..PoolLimits::new(4) });
    let borrowed = pool.borrow(&settings(&database.url()), Urgency::Later).await.unwrap();
    pool.close_idle();
    assert_eq!(pool.server_count(), 1, "a session is in use");
    borrowed.return_to_pool().await;
    pool.close_idle();
    assert_eq!(pool.server_count(), 0);
    wait_until_closed(&database).await;
}

#[tokio::test]
async fn refusal_of_one_login_neither_stops_nor_reaches_another() {
    let database = Server::of_default_major().database().await;
    let role = format!("full_{}", database.name());
    let create = format!("CREATE ROLE {role} LOGIN CONNECTION LIMIT 0");
    database.client().await.batch_execute(&create).await.unwrap();
    let pool = pool(4);
    let full = settings(&database.url_as(&role));
    let (kind, message) = failure(pool.borrow(&full, Urgency::Later).await);
    assert_eq!(kind, ErrorKind::Unreachable);
    assert!(message.contains("53300"), "{message}");

    pool.borrow(&settings(&database.url()), Urgency::Later).await.unwrap();
    assert_eq!(failure(pool.borrow(&full, Urgency::Later).await), (kind, message));
}

#[tokio::test]
async fn silent_server_is_reported_to_another_login_without_the_first_one_s_error() {
    let database = Server::of_default_major().database().await;
    let proxy = Proxy::start(1).await;
    let pool = pool(4);
    let url = |user: &str| settings(&database.url_through(proxy.port(), user));
    let (kind, first) = failure(pool.borrow(&url("first"), Urgency::Later).await);
    assert_eq!(kind, ErrorKind::Unreachable);
    let (kind, second) = failure(pool.borrow(&url("second"), Urgency::Later).await);
    assert_eq!(kind, ErrorKind::Unreachable);
    assert!(second.contains("did not answer another login"), "{second}");
    assert!(!second.contains(&first), "{second}");
}

#[tokio::test]
async fn session_in_use_is_not_kept_after_its_login_was_replaced() {
    let database = Server::of_default_major().database().await;
    let settings = settings(&database.url());
    let pool = pool(4);
    let in_use = pool.borrow(&settings, Urgency::Later).await.unwrap();
    pool.borrow(&settings, Urgency::Later).await.unwrap().return_to_pool().await;
    pool.forget(&settings);
    in_use.return_to_pool().await;
    wait_until_closed(&database).await;
    assert_ne!(pid(&pool.borrow(&settings, Urgency::Later).await.unwrap()).await, "");
}

#[tokio::test]
async fn second_session_of_a_detach_counts() {
    let database = Server::of_default_major().database().await;
    let settings = settings(&database.url());
    let only = pool(1);
    let borrowed = only.borrow(&settings, Urgency::Later).await.unwrap();
    let error = borrowed.session.consume_transaction_id().await.unwrap_err();
    assert!(error.is_busy(), "{error}");

    let two = pool(2);
    let borrowed = two.borrow(&settings, Urgency::Later).await.unwrap();
    borrowed.session.consume_transaction_id().await.unwrap();
    two.borrow(&settings, Urgency::Later).await.unwrap();
}

#[tokio::test]
async fn session_is_used_by_several_runs_while_runs_of_another_database_wait() {
    let server = Server::of_default_major();
    let databases = [server.database().await, server.database().await];
    let settings = databases.each_ref().map(|database| settings(&database.url()));
    // Each run ends within the wait, however busy the machine is.
    let pool = Pool::new(PoolLimits { max_wait: SOON, ..PoolLimits::new(1) });
    let in_use = pool.borrow(&settings[0], Urgency::Later).await.unwrap();
    let runs = (0..80).map(async |number: usize| {
        let borrowed = pool.borrow(&settings[number % 2], Urgency::Later).await.unwrap();
        let pid = pid(&borrowed).await;
        borrowed.return_to_pool().await;
        pid
    });
    let mut runs = pin!(join_all(runs));
    // All runs wait before the first one gets a session.
    assert!(runs.as_mut().now_or_never().is_none());
    in_use.return_to_pool().await;
    let pids: HashSet<_> = runs.await.into_iter().collect();
    // Of 40 runs of a database, 32 overtake the first run of the other one.
    assert!((2..=5).contains(&pids.len()), "{} sessions", pids.len());
}
