//! What holds on every session, and what becomes of those that do not come about.

use std::process::Command;
use std::time::{Duration, Instant};

use pg_partition_operator::postgres::{ConnectionSettings, ErrorKind, Session};
use tempfile::TempDir;

use crate::support::postgres::{Server, majors};
use crate::support::proxy::{Mode, Proxy};
use crate::support::{tool, wait_until};

const DEADLINE: Duration = Duration::from_secs(5);

async fn connect(url: &str) -> Result<Session, ErrorKind> {
    let settings = ConnectionSettings::from_url(url).unwrap();
    Session::connect(&settings).await.map_err(|error| {
        assert!(!error.to_string().contains("secret"), "{error}");
        error.kind()
    })
}

#[tokio::test]
async fn settings_of_role_and_database_do_not_reach_a_session() {
    for major in majors() {
        let database = Server::shared(major).database().await;
        let role = format!("settings_{}", database.name());
        let owners = [format!("ROLE {role}"), format!("DATABASE {}", database.name())];
        let mut setup = vec![format!("CREATE ROLE {role} LOGIN")];
        for setting in [
            "search_path = public",
            "statement_timeout = '1ms'",
            "lock_timeout = '7h'",
            "\"TimeZone\" = 'Asia/Kathmandu'",
            "\"DateStyle\" = 'German'",
            "\"IntervalStyle\" = 'iso_8601'",
            "idle_in_transaction_session_timeout = '1ms'",
            "default_transaction_read_only = on",
        ] {
            setup.extend(owners.iter().map(|owner| format!("ALTER {owner} SET {setting}")));
        }
        database.client().await.batch_execute(&setup.join(";")).await.unwrap();

        let session = connect(&database.url_as(&role)).await.unwrap();
        let shown = "SELECT string_agg(current_setting(n), '|') FROM unnest('{search_path,TimeZone,
            DateStyle,IntervalStyle,lock_timeout,statement_timeout,transaction_read_only}'::text[]) n";
        assert_eq!(
            session.query_one_text(shown, &[]).await.unwrap().unwrap(),
            "pg_catalog|UTC|ISO, YMD|postgres|1s|10s|off",
            "Postgres {major}"
        );
    }
}

#[tokio::test]
async fn a_query_that_was_asked_before_costs_one_round_trip() {
    let database = Server::shared(17).database().await;
    let session = connect(&database.url()).await.unwrap();
    let asked = async || {
        let before = session.round_trips();
        session.query_one_text("SELECT $1::text", &[&"x"]).await.unwrap();
        session.round_trips() - before
    };
    assert_eq!((asked().await, asked().await), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_on_which_a_deadline_passes_is_lost_and_its_statement_cancelled() {
    let database = Server::shared(17).database().await;
    let session = connect(&database.url()).await.unwrap();
    let error = session.batch("SELECT pg_sleep(9)", Duration::from_millis(300)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Lost);
    assert!(session.is_closed() || session.batch("SELECT 1", DEADLINE).await.is_err());
    let client = database.client().await;
    let running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(9)%'
        AND state = 'active' AND pid <> pg_backend_pid()";
    wait_until("it runs no more", DEADLINE, async || {
        client.query_one(running, &[]).await.unwrap().get::<_, i64>(0) == 0
    })
    .await;
}

#[tokio::test]
async fn what_a_session_waits_for_can_be_cancelled() {
    let database = Server::shared(17).database().await;
    let session = connect(&database.url()).await.unwrap();
    let sleeps = session.batch("SELECT pg_sleep(9)", DEADLINE);
    let observer = database.client().await;
    let cancels = async {
        wait_until("it sleeps", DEADLINE, async || {
            let sleeping = "SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' \
                            AND datname = current_database()";
            !observer.query(sleeping, &[]).await.unwrap().is_empty()
        })
        .await;
        session.cancel().await;
    };
    let (slept, ()) = tokio::join!(sleeps, cancels);
    assert_eq!(slept.unwrap_err().sqlstate(), Some("57014"));
    // Postgres signals the process and then its group, so that the second signal may meet what comes next.
    wait_until("it goes on", DEADLINE, async || session.batch("SELECT 1", DEADLINE).await.is_ok())
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_is_given_up() {
    let database = Server::shared(17).database().await;
    let mut proxy = Proxy::start(Server::shared(17).port()).await;
    let url = database.url_through(proxy.port(), "postgres");
    let session = connect(&url).await.unwrap();
    proxy.set(Mode::Hang).await;

    let began = Instant::now();
    let error = session.batch("SELECT 1", Duration::from_millis(300)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Lost);
    assert_eq!(connect(&url).await.unwrap_err(), ErrorKind::Unreachable);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[tokio::test]
async fn what_keeps_a_session_from_coming_about_is_told_apart() {
    let database = Server::shared(17).database().await;
    let port = Server::shared(17).port();
    for (url, kind) in [
        ("postgres://u:secret@127.0.0.1:1/d".to_owned(), ErrorKind::Unreachable),
        ("postgres://u:secret@nowhere.invalid/d".to_owned(), ErrorKind::Unreachable),
        (format!("postgres://nobody:secret@127.0.0.1:{port}/d"), ErrorKind::AuthenticationFailed),
        (format!("postgres://postgres@127.0.0.1:{port}/nowhere"), ErrorKind::Refused),
        (format!("{}?sslmode=require", database.url()), ErrorKind::Tls),
    ] {
        assert_eq!(connect(&url).await.unwrap_err(), kind, "{url}");
    }
}

#[tokio::test]
async fn each_sslmode_proves_what_it_says() {
    let folder = tempfile::Builder::new().prefix("pg-partition-operator-").tempdir().unwrap();
    let (ca, certificate, key) = certificates(&folder);
    let server = Server::start(
        17,
        &[
            "-c",
            "ssl=on",
            "-c",
            &format!("ssl_cert_file={certificate}"),
            "-c",
            &format!("ssl_key_file={key}"),
        ],
    );
    let database = server.database().await;
    let of_ip = database.url();
    let of_name = of_ip.replace("127.0.0.1", "localhost");
    let known = format!("&sslrootcert={ca}");
    for (url, mode, authority, outcome) in [
        (&of_ip, "disable", "", Ok("f")),
        (&of_ip, "prefer", "", Ok("t")),
        (&of_ip, "require", "", Ok("t")),
        (&of_ip, "verify-ca", known.as_str(), Ok("t")),
        (&of_ip, "verify-full", &known, Err(ErrorKind::Tls)),
        (&of_name, "verify-full", &known, Ok("t")),
        (&of_name, "verify-full", "", Err(ErrorKind::Tls)),
        (&of_name, "verify-ca", "", Err(ErrorKind::Tls)),
    ] {
        let encrypted = match connect(&format!("{url}?sslmode={mode}{authority}")).await {
            Ok(session) => {
                let ssl = "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
                Ok(session.query_one_text(ssl, &[]).await.unwrap().unwrap()[..1].to_owned())
            }
            Err(kind) => Err(kind),
        };
        let encrypted = encrypted.as_ref().map(String::as_str).map_err(|kind| *kind);
        assert_eq!(encrypted, outcome, "{url} {mode} {authority}");
    }
}

/// An authority, and a certificate of it for `localhost` with its key.
fn certificates(folder: &TempDir) -> (String, String, String) {
    let script = r#"cd "$1"; umask 022
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=authority \
            -keyout ca.key -out ca.crt -days 30
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost \
            -keyout server.key |
            openssl x509 -req -days 30 -CA ca.crt -CAkey ca.key -out server.crt \
                -extfile <(echo subjectAltName=DNS:localhost)
        chmod 755 .; chmod 600 server.key; chown nobody server.key || true"#;
    let output =
        Command::new("bash").args(["-ec", script, "bash"]).arg(folder.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    (path("ca.crt"), path("server.crt"), path("server.key"))
}

#[tokio::test]
async fn a_pooler_is_not_taken_for_the_server() {
    let server = Server::shared(17);
    let database = server.database().await;
    for ignored in ["", "ignore_startup_parameters = options"] {
        let pooler = Pooler::start(server.port(), ignored).await;
        let url = database.url_through(pooler.port, "postgres");
        assert_eq!(connect(&url).await.unwrap_err(), ErrorKind::Pooled, "{ignored}");
    }
}

/// A running `PgBouncer` in transaction mode.
pub(crate) struct Pooler {
    process: std::process::Child,
    pub(crate) port: u16,
    _folder: TempDir,
}

impl Pooler {
    pub(crate) async fn start(server: u16, ignored: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("pg-partition-operator-").tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let file = folder.path().join("pgbouncer.ini");
        let configuration = format!(
            "[databases]\n* = host=127.0.0.1 port={server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\n\
             {ignored}\n"
        );
        let configuration = configuration.replace("* = ", "* = user=postgres ");
        std::fs::write(&file, configuration).unwrap();
        let script =
            r#"chmod -R a+rX "$(dirname "$2")"; exec setpriv --reuid=nobody --clear-groups "$@""#;
        let process = Command::new("bash")
            .args(["-c", script, "bash"])
            .arg(tool("pgbouncer", "PGPARTITION_PGBOUNCER"))
            .arg(&file)
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        wait_until("PgBouncer listens", DEADLINE, async || {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()
        })
        .await;
        Self { process, port, _folder: folder }
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}
