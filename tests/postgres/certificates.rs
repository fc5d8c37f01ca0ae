//! Certificates of servers as the manual of Postgres makes them, and certificates that log in.

use std::process::Command;

use pg_partition_operator::postgres::{ConnectionSettings, DatabaseError, ErrorKind, Session};
use tempfile::TempDir;

use crate::support::postgres::{NEWEST_MAJOR, Server, majors};

/// Runs a script of openssl in a folder that the server can read.
fn folder(script: &str) -> TempDir {
    let folder = tempfile::Builder::new().prefix("pg-partition-operator-").tempdir().unwrap();
    let all = format!(
        r#"cd "$1"; umask 022; new=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
        {script}
        chmod 755 .; chmod 600 server.key; chown nobody server.key || true"#
    );
    let output =
        Command::new("bash").args(["-ec", &all, "bash"]).arg(folder.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    folder
}

fn path(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).to_str().unwrap().to_owned()
}

fn server(major: u16, folder: &TempDir, more: &[&str]) -> Server {
    let certificate = format!("ssl_cert_file={}", path(folder, "server.crt"));
    let key = format!("ssl_key_file={}", path(folder, "server.key"));
    let own = ["-c", "ssl=on", "-c", &certificate, "-c", &key];
    Server::start(major, &[&own[..], more].concat())
}

async fn connect(url: &str) -> Result<Session, DatabaseError> {
    Session::connect(&ConnectionSettings::from_url(url).unwrap()).await
}

#[tokio::test]
async fn certificate_that_is_its_own_authority_is_accepted_byte_for_byte() {
    let folder = folder(
        r#"for name in server other; do
            openssl req -new -x509 "${new[@]}" -days 30 -subj /CN=localhost \
                -addext subjectAltName=DNS:localhost -keyout $name.key -out $name.crt
        done"#,
    );
    let server = server(NEWEST_MAJOR, &folder, &[]);
    let url = server.database().await.url();
    for (host, mode, authority, accepted) in [
        ("localhost", "verify-full", "server.crt", true),
        ("localhost", "verify-ca", "server.crt", true),
        ("127.0.0.1", "verify-ca", "server.crt", true),
        ("127.0.0.1", "verify-full", "server.crt", false),
        ("localhost", "verify-ca", "other.crt", false),
    ] {
        let url = url.replace("127.0.0.1", host);
        let authority = path(&folder, authority);
        let opened = connect(&format!("{url}?sslmode={mode}&sslrootcert={authority}")).await;
        assert_eq!(opened.is_ok(), accepted, "{host} {mode} {authority}: {:?}", opened.err());
    }
}

#[tokio::test]
async fn message_names_the_fault_of_a_certificate_and_the_remedy() {
    let authority = r#"openssl req -x509 "${new[@]}" -subj /CN=authority -keyout ca.key -out ca.crt -days 30
        openssl req "${new[@]}" -subj /CN=localhost -keyout server.key -out server.csr
        sign() { openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -out server.crt "$@"; }"#;
    for (sign, mode, problem) in [
        ("sign -days 30", "verify-ca", "has version 1: issue one of version 3"),
        (
            "sign -days 30 -extfile <(echo basicConstraints=CA:FALSE)",
            "verify-full",
            "names no host: a common name does not count",
        ),
        (
            "sign -days 30 -extfile <(echo subjectAltName=DNS:db.example)",
            "verify-full",
            "is for other hosts: use a host that its subjectAltName lists",
        ),
        (
            "sign -days -1 -extfile <(echo subjectAltName=DNS:localhost)",
            "verify-full",
            "has expired: renew it",
        ),
    ] {
        let folder = folder(&format!("{authority}\n{sign}"));
        let server = server(NEWEST_MAJOR, &folder, &[]);
        let url = server.database().await.url().replace("127.0.0.1", "localhost");
        let known = path(&folder, "ca.crt");
        let opened = connect(&format!("{url}?sslmode={mode}&sslrootcert={known}")).await;
        let error = opened.expect_err(sign);
        assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
        assert!(error.to_string().contains(problem), "{error}");
    }
}

#[tokio::test]
async fn client_certificate_logs_in_where_the_server_verifies_it() {
    for major in majors() {
        let folder = folder(
            r#"openssl req -x509 "${new[@]}" -subj /CN=authority -keyout ca.key -out ca.crt -days 30
            for name in server keeper untrusted; do
                openssl req "${new[@]}" -subj /CN=$name -keyout $name.key |
                    openssl x509 -req -days 30 -CA ca.crt -CAkey ca.key -out $name.crt \
                        -extfile <(echo subjectAltName=DNS:localhost)
            done
            echo 'host all postgres 127.0.0.1/32 trust' >hba.conf
            echo 'hostssl all keeper 127.0.0.1/32 trust clientcert=verify-full' >>hba.conf"#,
        );
        let ca = path(&folder, "ca.crt");
        let options =
            [format!("ssl_ca_file={ca}"), format!("hba_file={}", path(&folder, "hba.conf"))];
        let server = server(major, &folder, &["-c", &options[0], "-c", &options[1]]);
        let database = server.database().await;
        database.client().await.batch_execute("CREATE ROLE keeper LOGIN").await.unwrap();
        let url = database.url_as("keeper").replace("127.0.0.1", "localhost");
        let url = format!("{url}?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert={ca}");
        let of = |name: &str| {
            let (certificate, key) = (format!("{name}.crt"), format!("{name}.key"));
            let (certificate, key) = (path(&folder, &certificate), path(&folder, &key));
            format!("{url}&sslcert={certificate}&sslkey={key}")
        };
        let session = connect(&of("keeper")).await.unwrap();
        let who = session.query_one_text("SELECT current_user::text", &[]).await.unwrap();
        assert_eq!(who.as_deref(), Some("keeper"), "Postgres {major}");
        for url in [url.clone(), of("untrusted"), format!("{}&sslcertmode=disable", of("keeper"))] {
            let error = connect(&url).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AuthenticationFailed, "Postgres {major}: {error}");
        }
    }
}
