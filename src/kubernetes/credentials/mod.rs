//! Login: the Secret, in any of the known layouts, and the fields of the resource that override it.
//!
//! No value of a Secret appears in an error, a log, or a status; its keys do.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use k8s_openapi::ByteString;

use crate::api::Reason;
use crate::api::v1alpha1::{self, Database, SecretKeys};
use crate::postgres::{
    ClientCertificate, ConnectionSettings, DEFAULT_PORT, Hidden, SecretKey, ServerAddress, Setting,
    SslMode, is_host,
};
use crate::status::Failure;

/// Data of a Secret.
pub(super) type SecretData = BTreeMap<String, ByteString>;

/// Keys that common producers of Secrets use for a part, in order of preference.
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
    fn default_keys() -> Self {
        Self {
            uri: vec!["fqdn-uri", "uri"],
            host: vec!["host", "endpoint"],
            port: vec!["port"],
            dbname: vec!["dbname", "database"],
            user: vec!["username", "user"],
            password: vec!["password"],
        }
    }

    /// A key that the resource maps replaces the defaults; if it maps a part, `uri` is not used.
    fn mapped(keys: &'a SecretKeys) -> Self {
        let default_keys = Self::default_keys();
        let or = |mapped: &'a Option<String>, default_keys| {
            mapped.as_deref().map_or(default_keys, |key| vec![key])
        };
        Self {
            uri: or(&keys.uri, Vec::new()),
            host: or(&keys.host, default_keys.host),
            port: or(&keys.port, default_keys.port),
            dbname: or(&keys.dbname, default_keys.dbname),
            user: or(&keys.user, default_keys.user),
            password: or(&keys.password, default_keys.password),
        }
    }
}

/// Objects that a resource refers to.
pub(super) struct References<'a> {
    /// Data of the Secret.
    pub(super) secret: &'a SecretData,
    /// Certificate authorities of `caRef`, as PEM.
    pub(super) ca: Option<Vec<u8>>,
    /// Data of the Secret that `clientCertRef` names.
    pub(super) client_certificate: Option<&'a SecretData>,
}

/// Returns the connection settings of a resource in `namespace`.
pub(super) fn settings(
    database: &Database,
    namespace: &str,
    references: References<'_>,
) -> Result<ConnectionSettings, Failure> {
    let source = Source { name: &database.secret_ref.name, data: references.secret };
    let keys = match &database.secret_ref.keys {
        Some(mapped) => {
            all_there(mapped, &source)?;
            Keys::mapped(mapped)
        }
        None => Keys::default_keys(),
    };
    let mut settings = match source.first(&keys.uri)? {
        Some(uri) if is_postgres_uri(&uri.text) => from_uri(&uri)?,
        Some(_) | None => ConnectionSettings::new(SslMode::Require),
    };
    fill(&mut settings, &source, &keys)?;
    for server in &mut settings.servers {
        server.host = server.host.clone().map(|host| resolvable(host, namespace));
    }
    apply_overrides(&mut settings, database)?;
    settings.ssl_mode = ssl_mode(database, settings.ssl_mode);
    settings.ca = references.ca;
    settings.client_certificate = match (&database.client_cert_ref, references.client_certificate) {
        (Some(reference), Some(data)) => {
            let tls = Source { name: &reference.name, data };
            let found = client_certificate(&tls, "tls.crt", "tls.key")?;
            let none =
                || invalid(format!("Secret {:?} has no keys tls.crt and tls.key", reference.name));
            Some(found.ok_or_else(none)?)
        }
        _ => client_certificate(&source, "sslcert", "sslkey")?,
    };
    complete(settings, &source, &keys)
}

/// Requires that a mapped key exists.
fn all_there(keys: &SecretKeys, source: &Source<'_>) -> Result<(), Failure> {
    let SecretKeys { uri, host, port, dbname, user, password } = keys;
    let mapped = [uri, host, port, dbname, user, password].into_iter().flatten();
    for key in mapped {
        if source.text(key)?.is_none() {
            return Err(invalid(match source.data.get(key) {
                Some(_) => format!("key {key:?} is empty"),
                None => format!("the Secret has no key {key:?}"),
            }));
        }
    }
    Ok(())
}

/// Rejects a URI of another scheme: some layouts have a JDBC URI under the same key.
fn is_postgres_uri(uri: &str) -> bool {
    uri.starts_with("postgres://") || uri.starts_with("postgresql://")
}

fn from_uri(uri: &Found) -> Result<ConnectionSettings, Failure> {
    ConnectionSettings::from_secret_url(&uri.text, &uri.key)
        .map_err(|error| invalid(format!("key {:?}: {error}", uri.key.key)))
}

/// Adds parts that the URI does not have from single keys.
fn fill(
    settings: &mut ConnectionSettings,
    source: &Source<'_>,
    keys: &Keys<'_>,
) -> Result<(), Failure> {
    if settings.servers.is_empty()
        && let Some(host) = source.first(&keys.host)?
    {
        let port = match source.first(&keys.port)? {
            Some(port) => {
                let number = port.text.parse().ok().filter(|number| *number != 0);
                let none = || invalid(format!("the value of key {:?} is not a port", port.key.key));
                Setting::from_secret(number.ok_or_else(none)?, &port.key)
            }
            None => Setting::stated(DEFAULT_PORT),
        };
        let name = unbracketed(&host.text);
        if !is_host(name) {
            return Err(invalid(format!(
                "the value of key {:?} is not a DNS name, an IP address, or an absolute path of a socket \
                 folder",
                host.key.key
            )));
        }
        let host = Setting::from_secret(name.to_owned(), &host.key);
        settings.servers.push(ServerAddress::new(host, port));
    }
    for (part, keys) in [(&mut settings.dbname, &keys.dbname), (&mut settings.user, &keys.user)] {
        if part.is_none() {
            let found = source.first(keys)?;
            *part = found.map(|found| Setting::from_secret(found.text, &found.key));
        }
    }
    if settings.password.is_none() {
        settings.password = source.first(&keys.password)?.map(|found| Hidden::new(found.text));
    }
    Ok(())
}

/// Applies the fields of the resource, which override the Secret.
fn apply_overrides(settings: &mut ConnectionSettings, database: &Database) -> Result<(), Failure> {
    if let Some(host) = &database.host {
        let port = settings.servers.first().map(|server| server.port.clone());
        let port = port.unwrap_or(Setting::stated(DEFAULT_PORT));
        let host = unbracketed(host);
        if !is_host(host) {
            return Err(invalid(
                "spec.database.host is not a DNS name, an IP address, or an absolute path of a socket \
                 folder",
            ));
        }
        settings.servers = vec![ServerAddress::new(Setting::stated(host.to_owned()), port)];
    }
    if let Some(port) = database.port {
        let port = u16::try_from(port).map_err(|_| invalid("spec.database.port is not a port"))?;
        settings.servers.iter_mut().for_each(|server| server.port = Setting::stated(port));
    }
    if let Some(dbname) = &database.dbname {
        settings.dbname = Some(Setting::stated(dbname.clone()));
    }
    if let Some(user) = &database.user {
        settings.user = Some(Setting::stated(user.clone()));
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

fn complete(
    settings: ConnectionSettings,
    source: &Source<'_>,
    keys: &Keys<'_>,
) -> Result<ConnectionSettings, Failure> {
    let parts = [
        ("host", !settings.servers.is_empty(), &keys.host),
        ("dbname", settings.dbname.is_some(), &keys.dbname),
        ("user", settings.user.is_some(), &keys.user),
    ];
    let Some((part, _, keys)) = parts.into_iter().find(|(_, is_known, _)| !is_known) else {
        return Ok(settings);
    };
    // An empty value counts as absent. Otherwise a default could select another database.
    let problem = match keys.iter().find(|key| source.data.contains_key(**key)) {
        Some(key) => format!("key {key:?} of the Secret is empty"),
        None => format!("the Secret has no {part}"),
    };
    Err(invalid(format!(
        "{problem}: set spec.database.{part}, or name its key in spec.database.secretRef.keys.{part}"
    )))
}

/// Reads the certificate of the role and its private key. Both must exist, as PEM: other producers have file paths
/// under the same keys.
fn client_certificate(
    source: &Source<'_>,
    certificate: &str,
    key: &str,
) -> Result<Option<ClientCertificate>, Failure> {
    let read = |key: &str| {
        let Some(text) = source.text(key)? else { return Ok(None) };
        if !text.contains("-----BEGIN ") {
            return Err(invalid(format!("the value of key {key:?} is not PEM")));
        }
        Ok(Some(Hidden::new(text.as_bytes().to_vec())))
    };
    match (read(certificate)?, read(key)?) {
        (Some(chain), Some(key)) => Ok(Some(ClientCertificate { chain, key })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(invalid(format!("key {certificate:?} also needs key {key:?}"))),
        (None, Some(_)) => Err(invalid(format!("key {key:?} also needs key {certificate:?}"))),
    }
}

/// Removes the brackets of an IPv6 address, as in `[::1]`.
fn unbracketed(host: &str) -> &str {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    address.filter(|address| address.parse::<Ipv6Addr>().is_ok()).unwrap_or(host)
}

/// Adds the namespace to a name without a dot, which is that of a Service in the namespace of the resource.
fn resolvable(host: String, namespace: &str) -> String {
    let elsewhere = host.contains('.')
        || host.starts_with('/')
        || host == "localhost"
        || host.parse::<IpAddr>().is_ok();
    if elsewhere { host } else { format!("{host}.{namespace}.svc") }
}

/// Name of the Secret of a resource.
struct Source<'a> {
    name: &'a str,
    data: &'a SecretData,
}

/// A value, and the key that it came from.
struct Found {
    text: String,
    key: Arc<SecretKey>,
}

impl Source<'_> {
    /// Returns the first of `keys` that has a value, without a trailing line break.
    fn first(&self, keys: &[&str]) -> Result<Option<Found>, Failure> {
        for key in keys {
            if let Some(text) = self.text(key)? {
                let (secret, key) = (self.name.to_owned(), (*key).to_owned());
                let key = Arc::new(SecretKey { secret, key });
                return Ok(Some(Found { text: text.to_owned(), key }));
            }
        }
        Ok(None)
    }

    /// Returns the value of a key, or `None` if it is empty.
    fn text(&self, key: &str) -> Result<Option<&str>, Failure> {
        let Some(value) = self.data.get(key) else { return Ok(None) };
        match std::str::from_utf8(&value.0) {
            Ok(text) if text.contains('\0') => Err(invalid(format!("key {key:?} contains a NUL"))),
            Ok(text) => Ok(Some(text.trim_end_matches(['\r', '\n'])).filter(|t| !t.is_empty())),
            Err(_) => Err(invalid(format!("key {key:?} is not UTF-8 text"))),
        }
    }
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure { reason: Reason::SecretInvalid, message: message.into() }
}

#[cfg(test)]
mod tests;
