use super::*;

fn settings(url: &str) -> ConnectionSettings {
    ConnectionSettings::from_url(url).unwrap_or_else(|error| panic!("{url}: {error}"))
}

#[test]
fn tls_is_as_the_string_says() {
    for (url, mode) in [
        ("postgres://u@h/d", SslMode::Prefer),
        ("postgres://u@h/d?sslmode=disable", SslMode::Disable),
        ("postgres://u@h/d?sslmode=allow", SslMode::Prefer),
        ("postgres://u@h/d?connect_timeout=3&sslmode=require", SslMode::Require),
        ("postgres://u@h/d?sslmode=verify-ca", SslMode::VerifyCa),
        ("postgresql://u@h/d?sslmode=verify%2Dfull&application_name=x", SslMode::VerifyFull),
        ("postgres://u@h/d?sslrootcert=system", SslMode::VerifyFull),
        ("host=h user=u sslmode=verify-full dbname=d", SslMode::VerifyFull),
        ("host = h user=u sslmode = 'require'", SslMode::Require),
    ] {
        assert_eq!(settings(url).ssl_mode, mode, "{url}");
    }
}

#[test]
fn a_named_authority_is_asked() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "pem").expect("it is written");
    let url = format!("postgres://u@h/d?sslmode=require&sslrootcert={}", file.path().display());
    let settings = settings(&url);
    assert_eq!(settings.ssl_mode, SslMode::VerifyCa);
    assert_eq!(settings.ca.as_deref(), Some(b"pem".as_slice()));
}

#[test]
fn all_parts_of_a_string_are_read() {
    for url in [
        "postgres://us%40er:p%26w@h1:5433,h2:5434/d%20b?options=-c%20role%3Downer&sslmode=require",
        r"host=h1,h2 port=5433,5434 user=us@er password='p&w' dbname='d b' options='-c role=owner'",
    ] {
        let settings = settings(url);
        let servers: Vec<_> = settings.servers.iter().map(|s| (&*s.host, s.port)).collect();
        assert_eq!(servers, [("h1", 5433), ("h2", 5434)], "{url}");
        assert_eq!(settings.user.as_deref(), Some("us@er"), "{url}");
        assert_eq!(settings.password.as_deref(), Some("p&w"), "{url}");
        assert_eq!(settings.dbname.as_deref(), Some("d b"), "{url}");
        assert_eq!(settings.options.as_deref(), Some("-c role=owner"), "{url}");
    }
}

#[test]
fn what_cannot_be_read_is_said_without_what_it_says() {
    for (url, problem) in [
        ("postgres://u:secret@h/d?sslmode=sometimes", "sslmode is none of"),
        ("postgres://u:secret@h:port/d", "port"),
        ("postgres://u:secret@/d", "names no host"),
        ("postgres://u:secret@h/d?sslcert=x", "sslcert"),
        ("postgres://u:secret@h/d?sslrootcert=/nowhere", "not found"),
        ("secret", "a keyword without a value"),
        ("host=h password='secret", "not a Postgres connection string"),
    ] {
        let error = ConnectionSettings::from_url(url).expect_err(url).to_string();
        assert!(error.contains(problem), "{url}: {error}");
        assert!(!error.contains("secret"), "{url}: {error}");
    }
}

#[test]
fn debug_output_has_no_password() {
    let settings = settings("postgres://user:secret@h/d?options=-c%20x.secret%3Dsecret");
    assert!(!format!("{settings:?}").contains("secret"));
}

#[test]
fn there_is_no_tls_on_a_socket() {
    let settings = settings("host=/run/postgresql sslmode=verify-full");
    assert_eq!(settings.driver_ssl_mode(), tokio_postgres::config::SslMode::Disable);
}
