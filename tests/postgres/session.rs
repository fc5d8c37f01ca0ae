//! Properties of every session, and errors of connections that fail.

use std::process::Command;
use std::time::Duration;

use pg_partition_operator::converge::{Options, converge};
use pg_partition_operator::plan::PlanTime;
use pg_partition_operator::postgres::{
    Claimant, ConnectionSettings, ErrorKind, LockKeys, Session, TableLock,
};
use serde_json::json;
use tempfile::TempDir;

use crate::database::{Silent, World, at, desired, managed};
use crate::support::postgres::{Server, majors};
use crate::support::proxy::{Mode, Proxy};
use crate::support::{tool, wait_until};

const DEADLINE: Duration = Duration::from_mins(1);

async fn connect(url: &str) -> Result<Session, ErrorKind> {
    let settings = ConnectionSettings::from_url(url).unwrap();
    Session::connect(&settings).await.map_err(|error| {
        assert!(!error.to_string().contains("secret"), "{error}");
        error.kind()
    })
}

/// Each setting, what a role and a database set it to, and what a session has. Those at the end are not
/// known to every major.
const SETTINGS: [(&str, &str, &str); 27] = [
    ("search_path", "public", "pg_catalog,pg_temp"),
    ("statement_timeout", "1ms", "10s"),
    ("lock_timeout", "7h", "1s"),
    ("idle_in_transaction_session_timeout", "1ms", "30s"),
    ("idle_session_timeout", "1ms", "0"),
    ("TimeZone", "Asia/Kathmandu", "UTC"),
    ("DateStyle", "German", "ISO, YMD"),
    ("IntervalStyle", "iso_8601", "postgres"),
    ("default_tablespace", "pg_default", ""),
    ("default_transaction_isolation", "serializable", "read committed"),
    ("default_transaction_deferrable", "on", "off"),
    ("standard_conforming_strings", "off", "on"),
    ("transform_null_equals", "on", "off"),
    ("quote_all_identifiers", "on", "off"),
    ("array_nulls", "off", "on"),
    ("exit_on_error", "on", "off"),
    ("client_min_messages", "debug1", "warning"),
    ("plan_cache_mode", "force_custom_plan", "force_generic_plan"),
    ("jit", "on", "off"),
    ("synchronous_commit", "off", "local"),
    ("tcp_keepalives_idle", "7200", "15"),
    ("tcp_keepalives_interval", "75", "5"),
    ("tcp_keepalives_count", "9", "3"),
    ("tcp_user_timeout", "0", "30000"),
    ("client_encoding", "LATIN1", "UTF8"),
    ("client_connection_check_interval", "0", "10s"),
    ("transaction_timeout", "1ms", "0"),
];

#[tokio::test]
async fn settings_of_role_and_database_do_not_reach_a_session() {
    for major in majors() {
        let database = Server::shared(major).database().await;
        let client = database.client().await;
        let role = format!("settings_{}", database.name());
        client.batch_execute(&format!("CREATE ROLE {role} LOGIN")).await.unwrap();
        let known = "SELECT FROM pg_settings WHERE name = $1";
        let mut pinned = Vec::new();
        for setting in SETTINGS {
            if !client.query(known, &[&setting.0]).await.unwrap().is_empty() {
                pinned.push(setting);
            }
        }
        assert!(pinned.len() >= SETTINGS.len() - 1, "Postgres {major}");
        for owner in [format!("ROLE {role}"), format!("DATABASE {}", database.name())] {
            let set = |(name, value, _): &(&str, &str, &str)| {
                format!("ALTER {owner} SET \"{name}\" = {value}").replace("= ", "= '") + "'"
            };
            let all: Vec<_> = pinned.iter().map(set).collect();
            client.batch_execute(&all.join(";")).await.unwrap();
        }

        let session = connect(&database.url_as(&role)).await.unwrap();
        for (name, _, value) in pinned {
            let shown = session.query_one_text("SELECT current_setting($1)", &[&name]).await;
            assert_eq!(shown.unwrap().as_deref(), Some(value), "{name} on Postgres {major}");
        }
    }
}

#[tokio::test]
async fn code_of_an_owner_leaves_nothing_in_a_session() {
    for major in majors() {
        let database = Server::shared(major).database().await;
        let session = connect(&format!("{}?options=-c%20work_mem%3D77kB", database.url())).await;
        let session = session.unwrap();
        // Then a statement of the operator is prepared under a name that can be guessed.
        let version = "SELECT current_setting('server_version_num')";
        session.query_one_text(version, &[]).await.unwrap();
        let code = "CREATE TEMP TABLE pg_class (x int); SET search_path = public; SET ROLE pg_monitor; \
            SET work_mem = '1MB'; DEALLOCATE ALL; PREPARE s0 AS SELECT 'captured'; \
            PREPARE s1 AS SELECT 'captured'; LISTEN x";
        session.batch(code, DEADLINE).await.unwrap();
        session.reset().await.unwrap();
        let left = "SELECT concat_ws('|', current_user, current_setting('search_path'),
            current_setting('work_mem'), to_regclass('pg_temp.pg_class'),
            (SELECT count(*) FROM pg_listening_channels()), current_setting('idle_session_timeout'))";
        let left = session.query_one_text(left, &[]).await.unwrap().unwrap();
        assert_eq!(left, "postgres|pg_catalog,pg_temp|77kB|0|0", "Postgres {major}");
        let answer = session.query_one_text(version, &[]).await.unwrap().unwrap();
        assert_ne!(answer, "captured", "Postgres {major}");
    }
}

/// A cutover changes which relation has the name, a rename which name the relation has. The version before locks the
/// relation alone.
#[tokio::test]
async fn lock_on_a_table_excludes_by_its_name_and_by_its_relation() {
    for major in majors() {
        let database = Server::shared(major).database().await;
        let url = database.url();
        let (holder, other) = (connect(&url).await.unwrap(), connect(&url).await.unwrap());
        let keys = |name: &str, relation| LockKeys::new(&managed(name), relation);
        let lock = TableLock::try_acquire(&holder, keys("t", 1)).await.unwrap().unwrap();
        for excluded in [keys("t", 1), keys("t", 2), keys("u", 1)] {
            let tried = TableLock::try_acquire(&other, excluded).await.unwrap();
            assert!(tried.is_none(), "Postgres {major}: {excluded:?}");
            assert!(TableLock::holder(&other, excluded).await.unwrap().is_some());
        }
        let beside = TableLock::try_acquire_aside(&other, keys("t", 1)).await.unwrap().unwrap();
        beside.release().await.unwrap();
        let before = database.client().await;
        let [take, free] = ["try_advisory_lock", "advisory_unlock"]
            .map(|function| format!("SELECT pg_{function}(1885827188, 1)"));
        assert!(!answer(&before, &take).await, "Postgres {major}: the version before");
        lock.release().await.unwrap();

        assert!(answer(&before, &take).await);
        assert!(TableLock::try_acquire(&holder, keys("t", 1)).await.unwrap().is_none());
        // Nothing is left of the locks that were not acquired together.
        for free in [keys("t", 2), keys("u", 3)] {
            TableLock::try_acquire(&other, free).await.unwrap().unwrap().release().await.unwrap();
        }
        assert!(answer(&before, &free).await);
    }
}

async fn answer(client: &tokio_postgres::Client, question: &str) -> bool {
    client.query_one(question, &[]).await.unwrap().get(0)
}

/// A process that hangs while it holds the lock loses its session in time, and the waiting session reports that process.
#[tokio::test]
async fn lock_holder_is_named_and_releases_the_table_in_time() {
    for major in majors() {
        let database = Server::shared(major).database().await;
        let holder = connect(&database.url()).await.unwrap();
        let shown = "SELECT concat(pg_backend_pid(), ' ', current_setting('idle_session_timeout'))";
        let keys = LockKeys::new(&managed("t"), 4_000_000_000);
        let lock = TableLock::try_acquire(&holder, keys).await.unwrap().unwrap();
        holder.batch("SELECT 1", DEADLINE).await.unwrap();
        let held = holder.query_one_text(shown, &[]).await.unwrap().unwrap();
        let (pid, limit) = held.split_once(' ').unwrap();
        assert_eq!(limit, "50s", "Postgres {major}");

        let other = connect(&database.url()).await.unwrap();
        assert!(TableLock::try_acquire(&other, keys).await.unwrap().is_none());
        let named = TableLock::holder(&other, keys).await.unwrap();
        assert_eq!(named, Some(format!("process {pid} (pg-partition-operator)")));

        lock.release().await.unwrap();
        assert_eq!(TableLock::holder(&other, keys).await.unwrap(), None);
        let freed = holder.query_one_text(shown, &[]).await.unwrap().unwrap();
        assert_eq!(freed, format!("{pid} 0"), "Postgres {major}");
    }
}

/// A failed node sends no packet, so the server does not notice the failure. The server ends such a session after
/// `idle_session_timeout`, which the test shortens, or after TCP keepalives without an answer.
#[tokio::test]
async fn lock_of_a_session_without_a_client_is_released_in_time() {
    for major in majors() {
        let server = Server::shared(major);
        let database = server.database().await;
        let mut proxy = Proxy::start(server.port()).await;
        let url = database.url_through(proxy.port(), "postgres");
        let keys = LockKeys::new(&managed("t"), 4_000_000_000);
        let gone = connect(&url).await.unwrap();
        let lock = TableLock::try_acquire(&gone, keys).await.unwrap();
        let limit =
            "SELECT (current_setting('idle_session_timeout')::interval < interval '1 min')::text";
        let limit = gone.query_one_text(limit, &[]).await.unwrap();
        assert_eq!(limit.as_deref(), Some("true"), "Postgres {major}");
        gone.batch("SET idle_session_timeout = '2s'", DEADLINE).await.unwrap();
        proxy.set(Mode::Hang).await;

        let other = connect(&database.url()).await.unwrap();
        wait_until("the lock is released", Duration::from_mins(1), async || {
            TableLock::try_acquire(&other, keys).await.unwrap().is_some()
        })
        .await;
        drop(lock);
    }
}

#[tokio::test]
async fn error_of_a_session_that_the_server_ended_has_its_reason() {
    let database = Server::of_default_major().database().await;
    let session = connect(&database.url()).await.unwrap();
    let pid = session.query_one_text("SELECT pg_backend_pid()::text", &[]).await.unwrap().unwrap();
    let terminate = format!("SELECT pg_terminate_backend({pid})");
    database.client().await.batch_execute(&terminate).await.unwrap();
    wait_until("the session is closed", DEADLINE, async || session.is_closed()).await;
    for _ in 0..2 {
        let error = session.batch("SELECT 1", DEADLINE).await.unwrap_err();
        assert_eq!((error.kind(), error.sqlstate()), (ErrorKind::Lost, Some("57P01")));
    }
}

/// A fence of an administrator is reported, and nothing is written: no partition, and no claim.
#[tokio::test]
async fn read_only_database_is_reported_and_not_written() {
    for major in majors() {
        let world = World::new(major).await;
        world.owner("CREATE TABLE t (at timestamptz NOT NULL) PARTITION BY RANGE (at)").await;
        let fence = |value: &str| {
            format!("ALTER ROLE {} SET default_transaction_read_only = {value}", world.operator)
        };
        world.admin(&fence("on")).await;
        let monthly = desired(json!({
            "table": "t", "partitionBy": {"range": {"column": "at", "interval": "Month"}},
        }));
        let now = at("2026-01-15T12:00:00Z");
        let mut options = Options::new(PlanTime::at(now), Duration::ZERO);
        options.claimant = Some(Claimant {
            uid: "u".to_owned(),
            namespace: "n".to_owned(),
            name: "t".to_owned(),
            installation: "i".to_owned(),
            created: now,
        });
        let session = world.session().await;
        let fenced = converge(&session, &monthly, &options, &mut Silent).await.unwrap();
        let told = fenced.remaining.to_string();
        assert!(told.contains("ReadOnly: transactions are read-only"), "Postgres {major}: {told}");
        let made = "SELECT concat(count(*), to_regclass('pgpartition.claims')) FROM pg_inherits";
        assert_eq!(world.text(made).await, "0", "Postgres {major}");
        let error = session.batch("CREATE TABLE u ()", DEADLINE).await.unwrap_err();
        assert_eq!((error.kind(), error.sqlstate()), (ErrorKind::Changed, Some("25006")));

        world.admin(&fence("off")).await;
        let session = world.session().await;
        let open = converge(&session, &monthly, &options, &mut Silent).await.unwrap();
        assert!(open.remaining.steps.is_empty(), "Postgres {major}: {}", open.remaining);
    }
}

#[tokio::test]
async fn repeated_query_costs_one_round_trip() {
    let database = Server::of_default_major().database().await;
    let session = connect(&database.url()).await.unwrap();
    let asked = async || {
        let before = session.round_trips();
        session.query_one_text("SELECT $1::text", &[&"x"]).await.unwrap();
        session.round_trips() - before
    };
    assert_eq!((asked().await, asked().await), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn deadline_closes_the_session_and_cancels_its_statement() {
    let database = Server::of_default_major().database().await;
    let session = connect(&database.url()).await.unwrap();
    let error =
        session.batch("SELECT pg_sleep(600)", Duration::from_millis(300)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Lost);
    assert!(session.is_closed() || session.batch("SELECT 1", DEADLINE).await.is_err());
    let client = database.client().await;
    let running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%'
        AND state = 'active' AND pid <> pg_backend_pid()";
    wait_until("it runs no more", DEADLINE, async || {
        client.query_one(running, &[]).await.unwrap().get::<_, i64>(0) == 0
    })
    .await;
}

#[tokio::test]
async fn waiting_statement_can_be_canceled() {
    let database = Server::of_default_major().database().await;
    let session = connect(&database.url()).await.unwrap();
    let sleeps = session.batch("SELECT pg_sleep(600)", DEADLINE);
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
    wait_until("the session works", DEADLINE, async || {
        session.batch("SELECT 1", DEADLINE).await.is_ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hanging_server_is_abandoned() {
    let database = Server::of_default_major().database().await;
    let mut proxy = Proxy::start(Server::of_default_major().port()).await;
    let url = database.url_through(proxy.port(), "postgres");
    let session = connect(&url).await.unwrap();
    proxy.set(Mode::Hang).await;

    let given_up = async {
        let error = session.batch("SELECT 1", Duration::from_millis(300)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Lost);
        assert_eq!(connect(&url).await.unwrap_err(), ErrorKind::Unreachable);
    };
    tokio::time::timeout(DEADLINE, given_up).await.unwrap();
}

#[tokio::test]
async fn connection_failures_are_distinguished() {
    let database = Server::of_default_major().database().await;
    let port = Server::of_default_major().port();
    for (url, kind) in [
        ("postgres://u:secret@127.0.0.1:1/d".to_owned(), ErrorKind::Unreachable),
        ("postgres://u:secret@nowhere.invalid/d".to_owned(), ErrorKind::Unreachable),
        (format!("postgres://login:secret@127.0.0.1:{port}/d"), ErrorKind::AuthenticationFailed),
        (format!("postgres://postgres@127.0.0.1:{port}/nowhere"), ErrorKind::Refused),
        (format!("{}?sslmode=require", database.url()), ErrorKind::Tls),
    ] {
        assert_eq!(connect(&url).await.unwrap_err(), kind, "{url}");
    }
}

#[tokio::test]
async fn each_sslmode_verifies_as_documented() {
    let folder = tempfile::Builder::new().prefix("pg-partition-operator-").tempdir().unwrap();
    let (ca, certificate, key) = certificates(&folder);
    let server = Server::start(
        Server::DEFAULT_MAJOR,
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
async fn pooler_is_rejected() {
    let server = Server::of_default_major();
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
