use super::*;

/// Returns the settings: `user:password@host:port/dbname mode`, or the complaint.
fn read(spec: &serde_json::Value, pairs: &[(&str, &str)]) -> String {
    let mut database = serde_json::json!({"secretRef": {"name": "s"}});
    for (field, value) in spec.as_object().expect("an object") {
        if field == "keys" {
            database["secretRef"]["keys"] = value.clone();
        } else {
            database[field] = value.clone();
        }
    }
    let database: Database = serde_json::from_value(database).expect("a database");
    let data = pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), ByteString(value.as_bytes().to_vec())))
        .collect();
    match settings(&database, "ns", without_references(&data)) {
        Ok(settings) => {
            let part = |part: Option<&String>| part.map_or("-", String::as_str).to_owned();
            let server = |server: &ServerAddress| {
                format!("{}:{}", server.host.expose(), server.port.expose())
            };
            let servers: Vec<_> = settings.servers.iter().map(server).collect();
            format!(
                "{}:{}@{}/{} {:?}",
                part(settings.user.as_ref().map(Setting::expose)),
                part(settings.password.as_ref().map(Hidden::expose)),
                servers.join(","),
                part(settings.dbname.as_ref().map(Setting::expose)),
                settings.ssl_mode
            )
        }
        Err(failure) => {
            assert_eq!(failure.reason, Reason::SecretInvalid);
            assert!(!failure.message.contains("s3cret"), "{}", failure.message);
            failure.message
        }
    }
}

/// A Secret, and nothing else that the resource refers to.
fn without_references(secret: &SecretData) -> References<'_> {
    References { secret, ca: None, client_certificate: None }
}

fn empty_spec() -> serde_json::Value {
    serde_json::json!({})
}

const CLOUD_NATIVE_PG: &[(&str, &str)] = &[
    ("username", "app"),
    ("user", "app"),
    ("password", "s3cret"),
    ("dbname", "app"),
    ("host", "c-rw"),
    ("port", "5432"),
    ("pgpass", "c-rw:5432:app:app:s3cret"),
    ("uri", "postgresql://app:s3cret@c-rw.ns:5432/app"),
    ("jdbc-uri", "jdbc:postgresql://c-rw.ns:5432/app?password=s3cret&user=app"),
    ("fqdn-uri", "postgresql://app:s3cret@c-rw.ns.svc.cluster.local:5432/app"),
];
const CRUNCHY: &[(&str, &str)] = &[
    ("host", "c-primary.ns.svc"),
    ("port", "5432"),
    ("user", "app"),
    ("password", "s3cret"),
    ("dbname", "app"),
    ("uri", "postgresql://app:s3cret@c-primary.ns.svc:5432/app"),
    ("pgbouncer-host", "c-pgbouncer.ns.svc"),
    ("pgbouncer-uri", "postgresql://app:s3cret@c-pgbouncer.ns.svc:5432/app"),
];
const SERVICE_BINDING: &[(&str, &str)] = &[
    ("type", "postgresql"),
    ("provider", "p"),
    ("host", "db"),
    ("port", "6432"),
    ("username", "app"),
    ("password", "s3cret\n"),
    ("database", "app"),
];
const CROSSPLANE: &[(&str, &str)] = &[
    ("endpoint", "x.eu-west-1.rds.amazonaws.com"),
    ("port", "5432"),
    ("username", "app"),
    ("password", "s3cret"),
];
const ZALANDO: &[(&str, &str)] = &[("username", "app"), ("password", "s3cret")];

#[test]
fn layout_of_each_tool_is_recognized() {
    for (layout, spec, data, settings) in [
        (
            "CloudNativePG",
            empty_spec(),
            CLOUD_NATIVE_PG,
            "app:s3cret@c-rw.ns.svc.cluster.local:5432/app Require",
        ),
        (
            "CloudNativePG before fqdn-uri",
            empty_spec(),
            &CLOUD_NATIVE_PG[..9],
            "app:s3cret@c-rw.ns:5432/app Require",
        ),
        (
            "CloudNativePG without any uri",
            empty_spec(),
            &CLOUD_NATIVE_PG[..7],
            "app:s3cret@c-rw.ns.svc:5432/app Require",
        ),
        ("Crunchy", empty_spec(), CRUNCHY, "app:s3cret@c-primary.ns.svc:5432/app Require"),
        ("Service Binding", empty_spec(), SERVICE_BINDING, "app:s3cret@db.ns.svc:6432/app Require"),
        (
            "Crossplane",
            serde_json::json!({"dbname": "app"}),
            CROSSPLANE,
            "app:s3cret@x.eu-west-1.rds.amazonaws.com:5432/app Require",
        ),
        (
            "Zalando",
            serde_json::json!({"host": "cluster.db.svc", "dbname": "app"}),
            ZALANDO,
            "app:s3cret@cluster.db.svc:5432/app Require",
        ),
    ] {
        assert_eq!(read(&spec, data), settings, "{layout}");
    }
}

#[test]
fn layout_that_is_incomplete_is_read() {
    for (layout, spec, data, settings) in [
        (
            "an empty key before a full one",
            empty_spec(),
            &[
                ("uri", ""),
                ("host", ""),
                ("endpoint", "[::1]"),
                ("username", "\n"),
                ("user", "app"),
                ("dbname", ""),
                ("database", "app"),
                ("port", ""),
            ][..],
            "app:-@::1:5432/app Require",
        ),
        (
            "a uri without a host",
            serde_json::json!({"host": "[2001:db8::1]"}),
            &[("uri", "postgres://app:s3cret@/app")],
            "app:s3cret@2001:db8::1:5432/app Require",
        ),
        (
            "a bare uri",
            empty_spec(),
            &[("uri", "postgres://app:s3cret@127.0.0.1:5433/app?sslmode=disable")],
            "app:s3cret@127.0.0.1:5433/app Disable",
        ),
        (
            "another's uri beside parts",
            empty_spec(),
            &[
                ("uri", "jdbc:postgresql://other/app"),
                ("host", "localhost"),
                ("dbname", "app"),
                ("user", "app"),
            ],
            "app:-@localhost:5432/app Require",
        ),
    ] {
        assert_eq!(read(&spec, data), settings, "{layout}");
    }
}

#[test]
fn resource_takes_precedence_over_the_secret() {
    let uri = [("uri", "postgres://app:s3cret@db.x:5433/app?sslmode=verify-ca"), ("DB_PASS", "p")];
    for (spec, settings) in [
        (serde_json::json!({}), "app:s3cret@db.x:5433/app VerifyCa"),
        (serde_json::json!({"host": "short"}), "app:s3cret@short:5433/app VerifyCa"),
        (serde_json::json!({"port": 1}), "app:s3cret@db.x:1/app VerifyCa"),
        (serde_json::json!({"user": "u", "dbname": "d"}), "u:s3cret@db.x:5433/d VerifyCa"),
        (serde_json::json!({"sslMode": "Disable"}), "app:s3cret@db.x:5433/app Disable"),
        (
            serde_json::json!({"caRef": {"kind": "ConfigMap", "name": "ca", "key": "ca.crt"}}),
            "app:s3cret@db.x:5433/app VerifyFull",
        ),
        (
            serde_json::json!({"keys": {"password": "DB_PASS"}, "host": "h", "user": "u", "dbname": "d"}),
            "u:p@h:5432/d Require",
        ),
    ] {
        assert_eq!(read(&spec, &uri), settings, "{spec}");
    }
}

#[test]
fn missing_or_unusable_key_is_named() {
    let database = [("username", "app"), ("password", "s3cret"), ("port", "s3cret"), ("host", "h")];
    for (spec, data, complaint) in [
        (empty_spec(), &database[..2], "has no host: set spec.database.host"),
        (empty_spec(), &database[..], "the value of key \"port\" is not a port"),
        (serde_json::json!({"host": "h"}), &database[..2], "has no dbname"),
        (serde_json::json!({"keys": {"user": "login"}}), &database[..2], "has no key \"login\""),
        (
            empty_spec(),
            &[("uri", "postgres://app:s3cret@h/d?sslrootcert=/etc/s3cret")],
            "key \"uri\": sslrootcert names a file",
        ),
        (empty_spec(), &[("uri", "postgres://app:s3cret@h:p/d")], "key \"uri\": "),
        (
            empty_spec(),
            &[("uri", "postgres://app:s3cret@h/d?s3cret=1")],
            "key \"uri\": not a Postgres connection string: unknown keyword",
        ),
        (
            empty_spec(),
            &[("host", "s3cret of h"), ("dbname", "d")],
            "the value of key \"host\" is not a DNS",
        ),
        (
            empty_spec(),
            &[("uri", "postgres://app@s3cret h/d")],
            "key \"uri\": a host is not a DNS name",
        ),
        (
            serde_json::json!({"host": "s3c:ret"}),
            &database[..2],
            "spec.database.host is not a DNS name",
        ),
    ] {
        let said = read(&spec, data);
        assert!(said.contains(complaint), "{said}");
    }
}

#[test]
fn empty_value_counts_as_absent_and_names_its_key() {
    let parts = |empty: &str| -> Vec<(String, &'static str)> {
        let parts = [("host", "h"), ("dbname", "d"), ("username", "u"), ("password", "p")];
        parts.map(|(key, value)| (key.to_owned(), if key == empty { "" } else { value })).to_vec()
    };
    for (empty, complaint) in [
        ("host", "key \"host\" of the Secret is empty: set spec.database.host"),
        ("dbname", "key \"dbname\" of the Secret is empty: set spec.database.dbname"),
        ("username", "key \"username\" of the Secret is empty: set spec.database.user"),
    ] {
        let parts = parts(empty);
        let data: Vec<_> = parts.iter().map(|(key, value)| (key.as_str(), *value)).collect();
        let said = read(&empty_spec(), &data);
        assert!(said.starts_with(complaint), "{said}");
    }
    let mapped = serde_json::json!({"keys": {"dbname": "db"}});
    let said = read(&mapped, &[("host", "h"), ("db", ""), ("user", "u")]);
    assert_eq!(said, "key \"db\" is empty");
    for uri in
        ["postgres://u:s3cret@h/?dbname=", "postgres://u:s3cret@h/d?dbname=", "postgres://u@h/"]
    {
        let said = read(&empty_spec(), &[("uri", uri)]);
        assert!(said.starts_with("the Secret has no dbname"), "{uri}: {said}");
    }
}

/// No value of a Secret stands in what is printed of the settings, or of an error about them.
#[test]
fn debug_and_display_show_no_value_of_a_secret() {
    let canaries: Vec<(&str, &str)> = vec![
        ("host", "canary-host"),
        ("port", "24601"),
        ("dbname", "canary_dbname"),
        ("username", "canary_user"),
        ("password", "canary_password"),
    ];
    let uri = "postgres://canary_user:canary_password@canary-host:24601/canary_dbname\
               ?options=-c%20canary.option%3D1&application_name=canary_name&hostaddr=10.9.8.7";
    for data in [canaries, vec![("uri", uri)]] {
        let data: SecretData = data
            .into_iter()
            .map(|(key, value)| (key.to_owned(), ByteString(value.as_bytes().to_vec())))
            .collect();
        let database = serde_json::json!({"secretRef": {"name": "finance-app"}});
        let database: Database = serde_json::from_value(database).expect("a database");
        let settings = settings(&database, "ns", without_references(&data));
        let settings = settings.expect("it is complete");
        let claimed = super::super::claimed::ClaimedTable {
            settings: std::sync::Arc::new(settings.clone()),
            table: crate::partition::ManagedTable::new(crate::partition::QualifiedName {
                schema: crate::partition::Identifier::new("s").expect("a name"),
                name: crate::partition::Identifier::new("t").expect("a name"),
            }),
        };
        let words = [&settings.user, &settings.dbname].into_iter().flatten();
        let words: Vec<_> = words.map(|word| format!("{word} {word:?}")).collect();
        let servers: Vec<_> = settings.servers.iter().map(ToString::to_string).collect();
        let shown = format!("{settings:?} {claimed:?} {words:?} {servers:?}");
        for canary in ["canary", "24601", "10.9.8.7"] {
            assert!(!shown.contains(canary), "{shown}");
        }
        assert!(shown.contains("of Secret \\\"finance-app\\\""), "{shown}");
    }
}

#[test]
fn client_certificate_is_read_from_the_layout_or_from_its_own_secret() {
    let data = |pairs: &[(&str, &str)]| -> SecretData {
        let pair = |(key, value): &(&str, &str)| {
            ((*key).to_owned(), ByteString(value.as_bytes().to_vec()))
        };
        pairs.iter().map(pair).collect()
    };
    let login = [("host", "h"), ("dbname", "d"), ("user", "u")];
    let (certificate, key) = ("-----BEGIN CERTIFICATE-----", "-----BEGIN PRIVATE KEY-----");
    let both = [("sslcert", certificate), ("sslkey", key)];
    let tls = [("tls.crt", certificate), ("tls.key", key)];
    for (more, tls, outcome) in [
        (&both[..], None, Ok(true)),
        (&[], None, Ok(false)),
        (&[], Some(&tls[..]), Ok(true)),
        (&both[..1], None, Err("key \"sslcert\" also needs key \"sslkey\"")),
        (
            &[("sslcert", "/tls/s3cret.crt"), both[1]],
            None,
            Err("the value of key \"sslcert\" is not PEM"),
        ),
        (&[], Some(&tls[..1]), Err("key \"tls.crt\" also needs key \"tls.key\"")),
        (&both[..], Some(&[]), Err("Secret \"client\" has no keys tls.crt and tls.key")),
    ] {
        let secret = data(&[&login[..], more].concat());
        let tls = tls.map(data);
        let mut database = serde_json::json!({"secretRef": {"name": "s"}});
        if tls.is_some() {
            database["clientCertRef"] = serde_json::json!({"name": "client"});
        }
        let database: Database = serde_json::from_value(database).expect("a database");
        let references = References { secret: &secret, ca: None, client_certificate: tls.as_ref() };
        let read = settings(&database, "ns", references);
        let read = read.map(|settings| settings.client_certificate.is_some());
        assert_eq!(read.map_err(|failure| failure.message), outcome.map_err(str::to_owned));
    }
}
