//! How to log in: what a Secret says, in whichever layout, and what the resource says over it.
//!
//! No value of a Secret appears in an error, a log or a status; its keys do.

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::ByteString;

use crate::api::Reason;
use crate::api::v1alpha1::{self, Database, SecretKeys};
use crate::postgres::{APPLICATION_NAME, ConnectionSettings, DEFAULT_PORT, ServerAddress, SslMode};
use crate::status::Failure;

/// The data of a Secret.
pub(super) type SecretData = BTreeMap<String, ByteString>;

/// The keys under which the usual producers of Secrets keep a part, the best first.
struct Keys<'a> {
    uri: Vec<&'a str>,
    host: Vec<&'a str>,
    port: Vec<&'a str>,
    dbname: Vec<&'a str>,
    user: Vec<&'a str>,
    password: Vec<&'a str>,
}

impl<'a> Keys<'a> {
    /// `CloudNativePG` keeps an address that every namespace can resolve in `fqdn-uri`; Crunchy has
    /// `user`, Zalando and Service Binding `username`, Crossplane `endpoint`.
    fn usual() -> Self {
        Self {
            uri: vec!["fqdn-uri", "uri"],
            host: vec!["host", "endpoint"],
            port: vec!["port"],
            dbname: vec!["dbname", "database"],
            user: vec!["username", "user"],
            password: vec!["password"],
        }
    }

    /// What the resource maps, it maps alone; and who maps parts wants no `uri` instead.
    fn mapped(keys: &'a SecretKeys) -> Self {
        let usual = Self::usual();
        let or =
            |mapped: &'a Option<String>, usual| mapped.as_deref().map_or(usual, |key| vec![key]);
        Self {
            uri: or(&keys.uri, Vec::new()),
            host: or(&keys.host, usual.host),
            port: or(&keys.port, usual.port),
            dbname: or(&keys.dbname, usual.dbname),
            user: or(&keys.user, usual.user),
            password: or(&keys.password, usual.password),
        }
    }
}

/// How to log in to the database of a resource in `namespace`.
pub(super) fn settings(
    database: &Database,
    namespace: &str,
    data: &SecretData,
    ca: Option<Vec<u8>>,
) -> Result<ConnectionSettings, Failure> {
    let keys = match &database.secret_ref.keys {
        Some(mapped) => {
            all_there(mapped, data)?;
            Keys::mapped(mapped)
        }
        None => Keys::usual(),
    };
    let mut settings = match text(data, &keys.uri)? {
        Some((key, uri)) if is_postgres_uri(uri) => of_uri(key, uri)?,
        Some(_) | None => nothing(),
    };
    fill(&mut settings, data, &keys)?;
    for server in &mut settings.servers {
        server.host = resolvable(&server.host, namespace);
    }
    overrule(&mut settings, database)?;
    settings.ssl_mode = ssl_mode(database, settings.ssl_mode);
    settings.ca = ca;
    complete(settings)
}

/// A resource that maps a key means it.
fn all_there(keys: &SecretKeys, data: &SecretData) -> Result<(), Failure> {
    let SecretKeys { uri, host, port, dbname, user, password } = keys;
    let mapped = [uri, host, port, dbname, user, password].into_iter().flatten();
    match mapped.into_iter().find(|key| !data.contains_key(*key)) {
        Some(missing) => Err(invalid(format!("the Secret has no key {missing:?}"))),
        None => Ok(()),
    }
}

/// JDBC and others' URIs stand under the same key in some layouts.
fn is_postgres_uri(uri: &str) -> bool {
    uri.starts_with("postgres://") || uri.starts_with("postgresql://")
}

fn of_uri(key: &str, uri: &str) -> Result<ConnectionSettings, Failure> {
    let settings = ConnectionSettings::from_foreign_url(uri, SslMode::Require)
        .map_err(|error| invalid(format!("key {key:?}: {error}")))?;
    Ok(ConnectionSettings { application_name: APPLICATION_NAME.to_owned(), ..settings })
}

fn nothing() -> ConnectionSettings {
    ConnectionSettings {
        servers: Vec::new(),
        dbname: None,
        user: None,
        password: None,
        ssl_mode: SslMode::Require,
        ca: None,
        options: None,
        application_name: APPLICATION_NAME.to_owned(),
    }
}

/// Takes from single keys what the URI does not say.
fn fill(
    settings: &mut ConnectionSettings,
    data: &SecretData,
    keys: &Keys<'_>,
) -> Result<(), Failure> {
    let said = |keys: &[&str]| text(data, keys).map(|found| found.map(|(_, text)| text.to_owned()));
    if settings.servers.is_empty()
        && let Some(host) = said(&keys.host)?
    {
        let port = match text(data, &keys.port)? {
            Some((key, port)) => {
                port.parse().map_err(|_| invalid(format!("the value of key {key:?} is no port")))?
            }
            None => DEFAULT_PORT,
        };
        settings.servers.push(ServerAddress { host, port });
    }
    for (part, keys) in [
        (&mut settings.dbname, &keys.dbname),
        (&mut settings.user, &keys.user),
        (&mut settings.password, &keys.password),
    ] {
        if part.is_none() {
            *part = said(keys)?;
        }
    }
    Ok(())
}

/// The resource has the last word.
fn overrule(settings: &mut ConnectionSettings, database: &Database) -> Result<(), Failure> {
    if let Some(host) = &database.host {
        let port = settings.servers.first().map_or(DEFAULT_PORT, |server| server.port);
        settings.servers = vec![ServerAddress { host: host.clone(), port }];
    }
    if let Some(port) = database.port {
        let port = u16::try_from(port).map_err(|_| invalid("spec.database.port is no port"))?;
        settings.servers.iter_mut().for_each(|server| server.port = port);
    }
    if database.dbname.is_some() {
        settings.dbname.clone_from(&database.dbname);
    }
    if database.user.is_some() {
        settings.user.clone_from(&database.user);
    }
    Ok(())
}

fn ssl_mode(database: &Database, of_secret: SslMode) -> SslMode {
    match (database.ssl_mode, &database.ca_ref) {
        (Some(v1alpha1::SslMode::Disable), _) => SslMode::Disable,
        (Some(v1alpha1::SslMode::Require), _) => SslMode::Require,
        (Some(v1alpha1::SslMode::VerifyCa), _) => SslMode::VerifyCa,
        (Some(v1alpha1::SslMode::VerifyFull), _) | (None, Some(_)) => SslMode::VerifyFull,
        (None, None) => of_secret,
    }
}

fn complete(settings: ConnectionSettings) -> Result<ConnectionSettings, Failure> {
    let missing = |part: &str| {
        invalid(format!(
            "the Secret does not say the {part}: set spec.database.{part}, or name its key in \
             spec.database.secretRef.keys.{part}"
        ))
    };
    if settings.servers.is_empty() {
        return Err(missing("host"));
    }
    if settings.dbname.is_none() {
        return Err(missing("dbname"));
    }
    if settings.user.is_none() {
        return Err(missing("user"));
    }
    Ok(settings)
}

/// A name without a dot is that of a Service beside the resource; from here only its longer form
/// can be resolved.
fn resolvable(host: &str, namespace: &str) -> String {
    let elsewhere = host.contains('.')
        || host.starts_with('/')
        || host == "localhost"
        || host.parse::<IpAddr>().is_ok();
    if elsewhere { host.to_owned() } else { format!("{host}.{namespace}.svc") }
}

/// The first of `keys` that the Secret has, and its value without a line's end.
fn text<'a>(data: &'a SecretData, keys: &[&'a str]) -> Result<Option<(&'a str, &'a str)>, Failure> {
    let Some((key, value)) = keys.iter().find_map(|key| Some((*key, data.get(*key)?))) else {
        return Ok(None);
    };
    match std::str::from_utf8(&value.0) {
        Ok(text) if text.contains('\0') => Err(invalid(format!("key {key:?} holds a NUL"))),
        Ok(text) => Ok(Some((key, text.trim_end_matches(['\r', '\n'])))),
        Err(_) => Err(invalid(format!("key {key:?} holds no UTF-8 text"))),
    }
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure { reason: Reason::SecretInvalid, message: message.into() }
}

#[cfg(test)]
mod tests;
