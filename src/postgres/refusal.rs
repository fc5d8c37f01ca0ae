//! Why no session was opened, in words that repeat no setting.

use std::error::Error;
use std::io;

use rustls::{CertificateError, OtherError};

use super::error::ErrorKind;

/// Returns what an error of connecting means.
pub(super) fn describe(
    error: &tokio_postgres::Error,
    kind: ErrorKind,
    sqlstate: Option<&str>,
) -> String {
    let words = match (sqlstate, kind) {
        (Some("28P01"), _) => "the server rejected the password",
        (Some(code), _) if code.starts_with("28") => {
            "the server rejected the login: check the user, the database, and pg_hba.conf"
        }
        (Some("3D000"), _) => "the database does not exist",
        (Some("42501"), _) => "the login role lacks the CONNECT privilege on the database",
        (Some("53300"), _) => "the server has no free connection for this login",
        (Some("55000"), _) => "the database accepts no connections",
        (Some("57P03"), _) => "the server is starting up, shutting down, or in recovery",
        (Some("22023" | "42601" | "42704" | "55P02"), _) => {
            "the server rejected a setting in the options of the connection string"
        }
        (Some(_), _) => "the server rejected the connection",
        (None, ErrorKind::AuthenticationFailed) => return login_message(error),
        (None, ErrorKind::Tls) => "could not open a TLS connection to the server",
        (None, _) => return network_message(error),
    };
    words.to_owned()
}

/// The driver's own words about a login name methods, and no setting.
fn login_message(error: &tokio_postgres::Error) -> String {
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    let words = match cause.as_str() {
        "password missing" => "the server asks for a password, and the Secret has none",
        "server did not use channel binding" => {
            "channel_binding=require, and the server did not use channel binding"
        }
        "unsupported authentication method" | "unsupported SASL mechanism" => {
            "the server requires an authentication method that the operator does not support"
        }
        _ => "the login failed",
    };
    words.to_owned()
}

fn network_message(error: &tokio_postgres::Error) -> String {
    io_cause(error)
        .map_or_else(|| "the connection was lost while it was opened".to_owned(), io_message)
}

/// Returns what went wrong on the network path, without a name or an address.
pub(super) fn io_message(error: &io::Error) -> String {
    match error.raw_os_error() {
        // The text of the operating system names nothing.
        Some(_) => error.to_string(),
        None => {
            if error.to_string().contains("lookup") {
                "could not look up the host".to_owned()
            } else {
                error.kind().to_string()
            }
        }
    }
}

fn io_cause(error: &tokio_postgres::Error) -> Option<&io::Error> {
    error.source()?.downcast_ref()
}

/// Returns what TLS found wrong, and the remedy, if it was TLS.
pub(super) fn tls_message(error: &tokio_postgres::Error) -> Option<String> {
    let error = io_cause(error)?.get_ref()?.downcast_ref::<rustls::Error>()?;
    if let rustls::Error::InvalidCertificate(error) = error {
        return Some(certificate_message(error));
    }
    if let rustls::Error::AlertReceived(alert) = error {
        return Some(alert_message(&format!("{alert:?}")));
    }
    Some(format!("the TLS handshake failed: {error}"))
}

/// Servers tell so that they want another certificate, or one at all.
fn alert_message(alert: &str) -> String {
    let of_client = ["CertificateRequired", "BadCertificate", "UnknownCA", "CertificateExpired"];
    let remedy = if of_client.contains(&alert) {
        ": check the client certificate, sslcert and sslkey, and the ssl_ca_file of the server"
    } else {
        ""
    };
    format!("the server ended the TLS handshake ({alert}){remedy}")
}

fn certificate_message(error: &CertificateError) -> String {
    let is_of_name = matches!(
        error,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
    );
    let problem = if let CertificateError::NotValidForNameContext { presented, .. } = error
        && presented.is_empty()
    {
        "names no host: a common name does not count, so issue a certificate with a \
         subjectAltName, or use sslMode VerifyCA (sslmode=verify-ca)"
    } else if is_of_name {
        "is for other hosts: use a host that its subjectAltName lists, or sslMode VerifyCA \
         (sslmode=verify-ca)"
    } else if matches!(error, CertificateError::UnknownIssuer) {
        "is not signed by a known certificate authority: name the authority that signed it in \
         caRef (sslrootcert)"
    } else if matches!(error, CertificateError::Expired | CertificateError::ExpiredContext { .. }) {
        "has expired: renew it"
    } else if matches!(
        error,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }
    ) {
        "is not valid yet: check the clocks"
    } else if let CertificateError::Other(OtherError(cause)) = error {
        other_message(&cause.to_string())
    } else {
        return format!("the server certificate is not accepted: {error:?}");
    };
    format!("the server certificate {problem}")
}

fn other_message(cause: &str) -> &'static str {
    match cause {
        "UnsupportedCertVersion" => {
            "has version 1: issue one of version 3 with a subjectAltName (openssl x509 -req needs \
             -extfile)"
        }
        "CaUsedAsEndEntity" => {
            "is a certificate authority: name exactly this certificate in caRef (sslrootcert), or \
             issue one that is not an authority"
        }
        _ => "cannot be used",
    }
}
