//! Each keyword of a connection string: what it says is done, or the string is refused by its name.
//! <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS>

use std::collections::BTreeMap;
use std::time::Duration;

use super::grammar::Pairs;
use super::transport::{ChannelBinding, TargetSession, TlsVersions, Transport};
use super::{InvalidUrl, SslMode};

/// The longest that one server may take to answer, whatever `connect_timeout` says.
const MAX_CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Keywords whose values are read elsewhere.
const READ: [&str; 15] = [
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "options",
    "application_name",
    "fallback_application_name",
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "sslcertmode",
    "target_session_attrs",
];

/// Keywords that change how the connection is made.
const TRANSPORT: [&str; 12] = [
    "channel_binding",
    "sslnegotiation",
    "sslsni",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
    "load_balance_hosts",
    "connect_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
];

/// Keywords that change nothing here with these values, and ask for what cannot be done with others.
const VALUES: [(&str, &[&str], &str); 7] = [
    ("client_encoding", &["utf8", "utf-8", "unicode", "auto"], "only UTF8 is supported"),
    ("gssencmode", &["disable", "prefer"], "GSSAPI encryption is not supported"),
    ("sslcompression", &["0", "1"], "it is 0 or 1"),
    ("replication", &["0", "false", "off", "no"], "a replication connection runs no SQL"),
    ("min_protocol_version", &["3.0"], "only protocol 3.0 is supported"),
    ("max_protocol_version", &["3.0", "3.2", "latest"], "it is not one of 3.0, 3.2, and latest"),
    ("gssdelegation", &["0"], "GSSAPI is not supported"),
];

/// Keywords about a login by Kerberos, which a server that does not ask for one ignores.
const WITHOUT_EFFECT: [&str; 2] = ["krbsrvname", "gsslib"];

/// Keywords that ask for what this client cannot do.
const REFUSED: [(&str, &str); 17] = [
    ("require_auth", "this client cannot restrict how the server asks for the login"),
    ("requirepeer", "this client does not check the user of the server process"),
    ("sslcrl", "certificate revocation lists are not supported"),
    ("sslcrldir", "certificate revocation lists are not supported"),
    ("sslpassword", "the private key must not be encrypted"),
    ("service", "service files are not read"),
    ("servicefile", "service files are not read"),
    ("passfile", "password files are not read: state the password"),
    ("scram_client_key", "SCRAM keys are not supported: state the password"),
    ("scram_server_key", "SCRAM keys are not supported: state the password"),
    ("oauth_issuer", "OAuth is not supported"),
    ("oauth_client_id", "OAuth is not supported"),
    ("oauth_client_secret", "OAuth is not supported"),
    ("oauth_scope", "OAuth is not supported"),
    ("oauth_ca_file", "OAuth is not supported"),
    ("sslkeylogfile", "keys of TLS sessions are not logged"),
    ("ssl", "state sslmode instead"),
];

/// Returns the keywords of a connection string that have a value.
pub(super) struct Keywords(BTreeMap<String, String>);

impl Keywords {
    /// Takes the keywords that are known, and refuses all else. An unknown keyword is repeated in the
    /// error if `may_repeat`.
    pub(super) fn new(pairs: Pairs, may_repeat: bool) -> Result<Self, InvalidUrl> {
        let mut words: BTreeMap<String, String> = pairs.into_iter().collect();
        words.retain(|_, value| !value.is_empty());
        for (keyword, value) in &words {
            check(keyword, value, may_repeat)?;
        }
        Ok(Self(words))
    }

    pub(super) fn get(&self, keyword: &str) -> Option<&str> {
        self.0.get(keyword).map(String::as_str)
    }

    pub(super) fn target(&self) -> Result<Option<TargetSession>, InvalidUrl> {
        self.one_of("target_session_attrs", &TargetSession::WORDS)
    }

    pub(super) fn transport(&self) -> Result<Transport, InvalidUrl> {
        let usual = Transport::default();
        let switch = |keyword| self.one_of(keyword, &[("0", false), ("1", true)]);
        let seconds = |keyword| Ok::<_, InvalidUrl>(self.number(keyword)?.map(Duration::from_secs));
        let connect_timeout = seconds("connect_timeout")?.map(|t| t.min(MAX_CONNECT_TIMEOUT));
        Ok(Transport {
            channel_binding: self
                .one_of("channel_binding", &ChannelBinding::WORDS)?
                .unwrap_or(usual.channel_binding),
            direct_tls: self
                .one_of("sslnegotiation", &[("postgres", false), ("direct", true)])?
                .unwrap_or(usual.direct_tls),
            names_server: switch("sslsni")?.unwrap_or(usual.names_server),
            tls_versions: self.tls_versions()?,
            random_order: self
                .one_of("load_balance_hosts", &[("disable", false), ("random", true)])?
                .unwrap_or(usual.random_order),
            connect_timeout: connect_timeout.unwrap_or(usual.connect_timeout),
            keepalives: switch("keepalives")?.unwrap_or(usual.keepalives),
            keepalives_idle: seconds("keepalives_idle")?.unwrap_or(usual.keepalives_idle),
            keepalives_interval: seconds("keepalives_interval")?
                .unwrap_or(usual.keepalives_interval),
            keepalives_count: self
                .number("keepalives_count")?
                .and_then(|count| u32::try_from(count).ok())
                .unwrap_or(usual.keepalives_count),
            tcp_user_timeout: self
                .number("tcp_user_timeout")?
                .map_or(usual.tcp_user_timeout, Duration::from_millis),
        })
    }

    fn tls_versions(&self) -> Result<TlsVersions, InvalidUrl> {
        let old = [("TLSv1", false), ("TLSv1.1", false), ("TLSv1.2", false), ("TLSv1.3", true)];
        let least_13 = self.one_of("ssl_min_protocol_version", &old)?.unwrap_or(false);
        let most_13 = self.one_of("ssl_max_protocol_version", &old[2..])?.unwrap_or(true);
        match (least_13, most_13) {
            (false, true) => Ok(TlsVersions::Both),
            (false, false) => Ok(TlsVersions::Only12),
            (true, true) => Ok(TlsVersions::Only13),
            (true, false) => {
                Err(rejected_keyword("ssl_max_protocol_version", "it is below the minimum"))
            }
        }
    }

    /// Returns whether a client certificate may be sent.
    pub(super) fn may_send_certificate(&self) -> Result<bool, InvalidUrl> {
        Ok(self.one_of("sslcertmode", &[("disable", false), ("allow", true)])?.unwrap_or(true))
    }

    pub(super) fn ssl_mode(&self) -> Result<Option<SslMode>, InvalidUrl> {
        self.one_of("sslmode", &SslMode::WORDS)
    }

    fn one_of<T: Copy>(
        &self,
        keyword: &'static str,
        values: &[(&'static str, T)],
    ) -> Result<Option<T>, InvalidUrl> {
        let Some(said) = self.get(keyword) else { return Ok(None) };
        let found = values.iter().find(|(value, _)| said == *value);
        let names: Vec<_> = values.iter().map(|(value, _)| *value).collect();
        let none = || InvalidUrl::Value { keyword, values: names.join(", ") };
        found.map(|(_, meaning)| Some(*meaning)).ok_or_else(none)
    }

    /// Returns a number; zero and less mean the default, as in libpq.
    fn number(&self, keyword: &'static str) -> Result<Option<u64>, InvalidUrl> {
        let Some(said) = self.get(keyword) else { return Ok(None) };
        let number: i32 =
            said.trim().parse().map_err(|_| rejected_keyword(keyword, "it is not a number"))?;
        Ok(u64::try_from(number).ok().filter(|number| *number > 0))
    }
}

fn check(keyword: &str, value: &str, may_repeat: bool) -> Result<(), InvalidUrl> {
    let is = |known: &&str| *known == keyword;
    if READ.iter().chain(&TRANSPORT).chain(&WITHOUT_EFFECT).any(is) {
        return Ok(());
    }
    if let Some((keyword, values, problem)) = VALUES.iter().find(|(known, ..)| is(known)) {
        let is_harmless = values.iter().any(|harmless| value.eq_ignore_ascii_case(harmless));
        return if is_harmless { Ok(()) } else { Err(rejected_keyword(keyword, problem)) };
    }
    match REFUSED.iter().find(|(known, _)| is(known)) {
        Some((keyword, problem)) => Err(rejected_keyword(keyword, problem)),
        None => Err(InvalidUrl::UnknownKeyword(may_repeat.then(|| keyword.to_owned()))),
    }
}

pub(super) const fn rejected_keyword(keyword: &'static str, problem: &'static str) -> InvalidUrl {
    InvalidUrl::Keyword { keyword, problem }
}
