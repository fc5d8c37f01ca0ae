use super::*;

fn settings(url: &str) -> ConnectionSettings {
    ConnectionSettings::from_url(url).unwrap_or_else(|error| panic!("{url}: {error}"))
}

#[test]
fn tls_follows_the_connection_string() {
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
fn named_certificate_authority_is_used() {
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
        let servers: Vec<_> = settings.servers.iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["h1:5433", "h2:5434"], "{url}");
        let text = |text: &Option<Setting<String>>| text.clone().map(|text| text.to_string());
        assert_eq!(text(&settings.user).as_deref(), Some("us@er"), "{url}");
        assert_eq!(settings.password.expect("a password").expose(), "p&w", "{url}");
        assert_eq!(text(&settings.dbname).as_deref(), Some("d b"), "{url}");
        assert_eq!(text(&settings.options).as_deref(), Some("-c role=owner"), "{url}");
    }
}

#[test]
fn error_about_a_string_does_not_show_its_values() {
    for (url, problem) in [
        ("postgres://u:secret@h/d?sslmode=sometimes", "sslmode is not one of"),
        ("postgres://u:secret@h:port/d", "port"),
        ("postgres://u:secret@/d", "has no host"),
        ("postgres://u:secret@h/d?sslcert=x", "cannot read the file that sslcert names"),
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
fn socket_connection_uses_no_tls() {
    let settings = settings("host=/run/postgresql sslmode=verify-full");
    assert_eq!(
        settings.driver_ssl_mode(&settings.servers[0]),
        tokio_postgres::config::SslMode::Disable
    );
}

#[test]
fn harmless_keyword_is_accepted() {
    let harmless = [
        "gssencmode=disable",
        "gssencmode=prefer",
        "client_encoding=UTF8",
        "client_encoding=utf-8",
        "keepalives=1",
        "keepalives_idle=30",
        "keepalives_interval=5",
        "keepalives_count=4",
        "keepalives=0",
        "connect_timeout=10",
        "connect_timeout=0",
        "connect_timeout=-1",
        "tcp_user_timeout=5000",
        "channel_binding=prefer",
        "target_session_attrs=any",
        "load_balance_hosts=random",
        "sslnegotiation=postgres",
        "sslcompression=0",
        "sslsni=0",
        "ssl_min_protocol_version=TLSv1.3",
        "ssl_max_protocol_version=TLSv1.2",
        "krbsrvname=x",
        "replication=false",
        "max_protocol_version=latest",
        "fallback_application_name=x",
        "require_auth=",
        "sslcertmode=allow",
        "hostaddr=10.0.0.1",
        "ssl=true",
    ];
    for word in harmless {
        settings(&format!("postgres://u@h/d?{word}"));
    }
}

#[test]
fn keyword_that_is_not_supported_is_rejected_by_name() {
    for (word, problem) in [
        ("require_auth=scram-sha-256", "require_auth: "),
        ("client_encoding=LATIN1", "client_encoding: only UTF8"),
        ("gssencmode=require", "gssencmode: "),
        ("channel_binding=always", "channel_binding is not one of disable, prefer, require"),
        ("target_session_attrs=master", "target_session_attrs is not one of any, read-write"),
        ("sslnegotiation=direct", "sslnegotiation: direct needs sslmode=require"),
        ("ssl_max_protocol_version=TLSv1", "ssl_max_protocol_version is not one of"),
        ("connect_timeout=soon", "connect_timeout: it is not a number"),
        ("service=x", "service: "),
        ("requirepeer=postgres", "requirepeer: "),
        ("sslcrl=/x", "sslcrl: "),
        ("passfile=/x", "passfile: "),
        ("hostaddr=h", "hostaddr: it is not an IP address"),
        ("hostaddr=10.0.0.1,10.0.0.2", "hostaddr: it has not as many"),
        ("port=1,2", "port: "),
        ("port=0", "port: "),
        ("replication=database", "replication: "),
        ("min_protocol_version=3.2", "min_protocol_version: "),
        ("nothing=1", "unknown keyword nothing"),
        ("dbname", "a keyword without a value"),
        ("user=%zz", "two hexadecimal digits"),
        ("host=a%20b", "a host is not a DNS name"),
    ] {
        let error = ConnectionSettings::from_url(&format!("postgres://u@h/d?{word}"));
        let error = error.expect_err(word).to_string();
        assert!(error.contains(problem), "{word}: {error}");
    }
}

#[test]
fn keyword_changes_the_configuration_of_the_driver() {
    let url = "host=h hostaddr=127.0.0.1 user=u sslmode=require channel_binding=require \
               target_session_attrs=standby connect_timeout=7 keepalives_idle=9 tcp_user_timeout=900";
    let settings = settings(url);
    assert_eq!(settings.target, Some(TargetSession::Standby));
    let server = &settings.servers[0];
    let config = settings.to_driver(server, server.address, "");
    let driver = config.get_channel_binding();
    assert_eq!(driver, tokio_postgres::config::ChannelBinding::Require);
    assert_eq!(config.get_hostaddrs(), [IpAddr::from([127, 0, 0, 1])]);
    assert_eq!(config.get_connect_timeout(), Some(&Duration::from_secs(7)));
    assert_eq!(config.get_keepalives_idle(), Duration::from_secs(9));
    assert_eq!(config.get_tcp_user_timeout(), Some(&Duration::from_millis(900)));
}

#[test]
fn strings_are_read_as_libpq_reads_them() {
    for (url, servers, user, dbname) in [
        ("postgresql://[::1]:5433/d", "::1:5433", None, Some("d")),
        ("postgres://a%40b:p@h1,h2:5433", "h1:5432 h2:5433", Some("a@b"), None),
        ("postgres://%2Frun%2Fpostgresql/d", "/run/postgresql:5432", None, Some("d")),
        ("postgres:///d?host=/run/pg&user=u", "/run/pg:5432", Some("u"), Some("d")),
        ("postgres://u@h/d?dbname=e&user=v", "h:5432", Some("v"), Some("e")),
        ("postgres://u@h/?dbname=", "h:5432", Some("u"), None),
        (r"host=h user = 'it\'s' dbname=a\ b", "h:5432", Some("it's"), Some("a b")),
        ("hostaddr=10.0.0.1 dbname=''", "10.0.0.1:5432", None, None),
    ] {
        let settings = settings(url);
        let found: Vec<_> = settings.servers.iter().map(ToString::to_string).collect();
        assert_eq!(found.join(" "), servers, "{url}");
        assert_eq!(settings.user.map(|user| user.to_string()).as_deref(), user, "{url}");
        assert_eq!(settings.dbname.map(|name| name.to_string()).as_deref(), dbname, "{url}");
    }
}

#[test]
fn texts_of_a_server_lose_the_names_of_a_secret() {
    let key = std::sync::Arc::new(SecretKey { secret: "s".to_owned(), key: "uri".to_owned() });
    let settings = ConnectionSettings::from_secret_url("postgres://canary@h/bird", &key);
    let redaction = Redaction::new(&settings.expect("a uri"));
    for (text, kept) in [
        ("role \"canary\" does not exist", "role (from the Secret) does not exist"),
        ("Rolle »canary« existiert nicht", "Rolle (from the Secret) existiert nicht"),
        ("permission denied for database bird", "permission denied for database (from the Secret)"),
        ("database birds, relation \"bird\"", "database birds, relation \"bird\""),
    ] {
        assert_eq!(redaction.apply(text), kept);
    }
}

#[test]
fn role_in_the_options_of_a_secret_is_not_shown_if_the_spec_states_the_user() {
    let key = std::sync::Arc::new(SecretKey { secret: "s".to_owned(), key: "uri".to_owned() });
    let url = "postgres://h/d?options=-c%20role%3Downer";
    let mut settings = ConnectionSettings::from_secret_url(url, &key).expect("a uri");
    settings.user = Some(Setting::stated("u".to_owned()));
    assert!(!settings.shows_user());
    settings.options = Some(Setting::stated("-c role=owner".to_owned()));
    assert!(settings.shows_user());
}
