use std::io::ErrorKind;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_postgres::NoTls;

use crate::support::postgres::{Server, majors};
use crate::support::proxy::{Mode, Proxy};
use crate::support::{signal, wait_until};

#[tokio::test]
async fn every_major_answers() {
    for major in majors() {
        let database = Server::shared(major).database().await;
        let client = database.client().await;
        let row = client.query_one("SELECT version(), current_database()", &[]).await.unwrap();
        assert!(row.get::<_, &str>(0).starts_with(&format!("PostgreSQL {major}.")));
        assert_eq!(row.get::<_, &str>(1), database.name());
    }
}

#[tokio::test]
async fn killed_server_restarts_with_its_data() {
    let mut server = Server::start(Server::DEFAULT_MAJOR, &["-c", "work_mem=5MB"]);
    let database = server.database().await;
    let client = database.client().await;
    client.batch_execute("CREATE TABLE kept ()").await.unwrap();
    signal(server.pid(), "KILL");
    wait_until("the connection is lost", Duration::from_secs(10), async || client.is_closed())
        .await;

    server.restart();

    let client = database.client().await;
    client.batch_execute("SELECT FROM kept").await.unwrap();
    let row = client.query_one("SHOW work_mem", &[]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), "5MB");
}

#[tokio::test]
async fn proxy_breaks_connections() {
    let server = Server::shared(majors()[0]);
    let database = server.database().await;
    let mut proxy = Proxy::start(server.port()).await;
    let url = database.url_through(proxy.port(), "postgres");
    let connect = async || {
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
        tokio::spawn(connection);
        Ok::<_, tokio_postgres::Error>(client)
    };
    let a_while = Duration::from_millis(200);

    let client = connect().await.unwrap();
    client.batch_execute("CREATE TABLE rows (n int)").await.unwrap();

    proxy.set(Mode::Hang).await;
    assert!(tokio::time::timeout(a_while, connect()).await.is_err());
    assert!(tokio::time::timeout(a_while, client.simple_query("SELECT")).await.is_err());
    proxy.set(Mode::Pass).await;
    client.batch_execute("INSERT INTO rows VALUES (1)").await.unwrap();

    proxy.set(Mode::Refuse).await;
    assert!(client.simple_query("SELECT").await.is_err());
    assert!(format!("{:?}", connect().await.err().unwrap()).contains("ConnectionRefused"));

    proxy.set(Mode::Pass).await;
    let client = connect().await.unwrap();
    proxy.set(Mode::CutRequest(3)).await;
    assert!(client.simple_query("INSERT INTO rows VALUES (2)").await.is_err());

    proxy.set(Mode::Pass).await;
    let client = connect().await.unwrap();
    proxy.set(Mode::CutAnswer(0)).await;
    assert!(client.simple_query("INSERT INTO rows VALUES (3)").await.is_err());

    proxy.set(Mode::Pass).await;
    let client = connect().await.unwrap();
    let rows = client.query_one("SELECT array_agg(n) FROM rows", &[]).await.unwrap();
    assert_eq!(rows.get::<_, Vec<i32>>(0), [1, 3], "the request was lost, then the response");

    let mut stream = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
    proxy.set(Mode::Reset).await;
    let reset = stream.read(&mut [0]).await.unwrap_err();
    assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
}
