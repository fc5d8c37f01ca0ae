//! Grammar of connection strings, as libpq reads them: a URI, or keywords and values.
//! <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING>

use super::InvalidUrl;

/// Keywords with their values. Where a keyword stands twice, the last one counts.
pub(super) type Pairs = Vec<(String, String)>;

/// Returns the keywords and values of a connection string.
pub(super) fn pairs(text: &str) -> Result<Pairs, InvalidUrl> {
    let address = ["postgres://", "postgresql://"].iter().find_map(|s| text.strip_prefix(s));
    address.map_or_else(|| keywords(text), uri)
}

/// Reads `user:password@host:port,host:port/dbname?keyword=value&…`.
fn uri(text: &str) -> Result<Pairs, InvalidUrl> {
    let mut pairs = Pairs::new();
    let before_path = text.split_once('/').map_or(text, |(before, _)| before);
    let rest = match before_path.split_once('@') {
        Some((login, _)) => {
            let (user, password) = login.split_once(':').unwrap_or((login, ""));
            pairs.push(("user".to_owned(), decoded(user)?));
            pairs.push(("password".to_owned(), decoded(password)?));
            text.get(login.len() + 1..).unwrap_or_default()
        }
        None => text,
    };
    let (servers, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (hosts, ports) = hosts_and_ports(servers)?;
    pairs.push(("host".to_owned(), decoded(&hosts)?));
    pairs.push(("port".to_owned(), decoded(&ports)?));
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    pairs.push(("dbname".to_owned(), decoded(path.strip_prefix('/').unwrap_or(path))?));
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (keyword, value) = pair.split_once('=').ok_or(NO_VALUE)?;
        let (keyword, value) = (decoded(keyword)?, decoded(value)?);
        // As JDBC spells it; libpq reads it likewise.
        if keyword == "ssl" && value == "true" {
            pairs.push(("sslmode".to_owned(), "require".to_owned()));
        } else {
            pairs.push((keyword, value));
        }
    }
    Ok(pairs)
}

const NO_VALUE: InvalidUrl = InvalidUrl::Syntax("a keyword without a value");

/// Reads `host:port,[::1]:port`: the hosts and the ports, each separated by commas.
fn hosts_and_ports(text: &str) -> Result<(String, String), InvalidUrl> {
    let (mut hosts, mut ports) = (Vec::new(), Vec::new());
    for server in text.split(',') {
        let (host, port) = match server.strip_prefix('[') {
            Some(address) => {
                let closed = address.split_once(']');
                let (host, after) = closed.ok_or(InvalidUrl::Syntax("a [ without its ]"))?;
                match after.strip_prefix(':') {
                    Some(port) => (host, port),
                    None if after.is_empty() => (host, ""),
                    None => return Err(InvalidUrl::Syntax("text between ] and the port")),
                }
            }
            None => server.split_once(':').unwrap_or((server, "")),
        };
        hosts.push(host);
        ports.push(port);
    }
    let ports = if ports.iter().all(|port| port.is_empty()) { Vec::new() } else { ports };
    Ok((hosts.join(","), ports.join(",")))
}

/// Decodes `%2F`. A `+` stays a `+`.
fn decoded(text: &str) -> Result<String, InvalidUrl> {
    let invalid = || InvalidUrl::Syntax("a % that two hexadecimal digits do not follow");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        let (high, low) = (digit(rest.next()), digit(rest.next()));
        let (Some(high), Some(low)) = (high, low) else { return Err(invalid()) };
        bytes.push(u8::try_from(high * 16 + low).map_err(|_| invalid())?);
    }
    let text = String::from_utf8(bytes).map_err(|_| InvalidUrl::Syntax("not UTF-8"))?;
    if text.contains('\0') { Err(InvalidUrl::Syntax("a NUL")) } else { Ok(text) }
}

/// Reads `keyword = value keyword='it\'s quoted'`.
fn keywords(text: &str) -> Result<Pairs, InvalidUrl> {
    let mut pairs = Pairs::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (keyword, after) = rest.split_once('=').ok_or(NO_VALUE)?;
        let keyword = keyword.trim_end();
        if keyword.contains(char::is_whitespace) {
            return Err(NO_VALUE);
        }
        let (value, after) = value(after.trim_start())?;
        pairs.push((keyword.to_owned(), value));
        rest = after.trim_start();
    }
    Ok(pairs)
}

/// Reads one value, and returns it with the text after it.
fn value(text: &str) -> Result<(String, &str), InvalidUrl> {
    let quoted = text.starts_with('\'');
    let mut value = String::new();
    let mut characters = text.char_indices().skip(usize::from(quoted));
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            '\'' if quoted => return Ok((value, text.get(at + 1..).unwrap_or_default())),
            space if !quoted && space.is_whitespace() => {
                return Ok((value, text.get(at..).unwrap_or_default()));
            }
            other => value.push(other),
        }
    }
    if quoted { Err(InvalidUrl::Syntax("a quoted value without its end")) } else { Ok((value, "")) }
}
