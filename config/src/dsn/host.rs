//! Hosts and ports: names, addresses, and directories of unix sockets.

use wellspring_connector::Result;
use wellspring_connector::url::decode;

use super::error::config;
use super::kind::Kind;
use super::pairs::MOST_PAIRS;

/// Hosts with their ports, if those are not the usual ones.
pub(crate) type Hosts = Vec<(String, Option<u16>)>;

/// Hosts separated by commas, each with or without a port, as keys have them: not encoded.
pub(crate) fn list(kind: Kind, text: &str) -> Result<Hosts> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    several(kind, text.split(',').map(|host| one(kind, host.trim())))
}

/// Hosts as they stand in a URL, percent-encoded.
pub(crate) fn encoded(kind: Kind, text: &str) -> Result<Hosts> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    several(kind, text.split(',').map(|host| one_encoded(kind, host)))
}

fn several(
    kind: Kind,
    hosts: impl Iterator<Item = Result<(String, Option<u16>)>>,
) -> Result<Hosts> {
    let hosts: Vec<_> = hosts.take(MOST_PAIRS + 1).collect::<Result<_>>()?;
    if hosts.len() > MOST_PAIRS {
        return Err(config(format!("the {kind} has more than {MOST_PAIRS} hosts")));
    }
    Ok(hosts)
}

/// One host. An address of IPv6 may stand without brackets where it has no port.
fn one(kind: Kind, text: &str) -> Result<(String, Option<u16>)> {
    if text.starts_with('/') {
        return Ok((checked(kind, text.to_owned())?, None));
    }
    if text.starts_with('[') {
        return bracketed(kind, text, |name| Ok(name.to_owned()));
    }
    match text.split_once(':') {
        Some((name, rest)) if !rest.contains(':') => {
            Ok((checked(kind, name.to_owned())?, Some(port(kind, rest)?)))
        }
        _ => Ok((checked(kind, text.to_owned())?, None)),
    }
}

fn one_encoded(kind: Kind, text: &str) -> Result<(String, Option<u16>)> {
    if text.starts_with('[') {
        return bracketed(kind, text, |name| decode("host", name));
    }
    let (name, number) = match text.split_once(':') {
        Some(("", number)) => ("localhost", Some(port(kind, number)?)),
        Some((name, "")) => (name, None),
        Some((name, number)) => (name, Some(port(kind, number)?)),
        None => (text, None),
    };
    Ok((checked(kind, decode("host", name)?)?, number))
}

fn bracketed(
    kind: Kind,
    text: &str,
    name: impl Fn(&str) -> Result<String>,
) -> Result<(String, Option<u16>)> {
    let (inner, rest) = text[1..].split_once(']').ok_or_else(|| {
        config(format!("a host in the {kind} has an address without its closing `]`"))
    })?;
    let port = match rest.strip_prefix(':') {
        Some("") => None,
        Some(number) => Some(port(kind, number)?),
        None if rest.is_empty() => None,
        None => return Err(wrong(kind)),
    };
    Ok((checked(kind, name(inner)?)?, port))
}

/// A port. What stands there may be a part of a password: it is not repeated.
pub(crate) fn port(kind: Kind, text: &str) -> Result<u16> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse::<u16>().ok().filter(|port| digits && *port != 0).ok_or_else(|| {
        config(format!("a host in the {kind} has no good port: expected a number from 1 to 65535"))
    })
}

/// Whether `host` can be one: a name, an address, or a path that begins with a slash.
pub(crate) fn is_host(host: &str) -> bool {
    let path = host.starts_with('/');
    !host.is_empty()
        && !host.chars().any(|c| {
            c.is_control()
                || (!path && (c.is_whitespace() || "/?#[]@\\;,='\"(){}<>|^`&".contains(c)))
        })
}

fn checked(kind: Kind, host: String) -> Result<String> {
    match is_host(&host) {
        true => Ok(host),
        false => Err(wrong(kind)),
    }
}

fn wrong(kind: Kind) -> wellspring_connector::Error {
    config(format!(
        "the {kind} has no good host: expected a name, an address (of IPv6 in brackets) or the path of \
         a unix socket; a `/`, `?`, `#` or `@` in a user or password is percent-encoded"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_have_ports_or_not() {
        let hosts = list(Kind::Libpq, "a, b:1,::1,[::2]:3,/run/pg").unwrap();
        let hosts: Vec<_> = hosts.iter().map(|(host, port)| (host.as_str(), *port)).collect();
        assert_eq!(
            hosts,
            [("a", None), ("b", Some(1)), ("::1", None), ("::2", Some(3)), ("/run/pg", None)]
        );
        let hosts = encoded(Kind::Url, "%2Frun%2Fpg:1,[fe80::1%25eth0]:2,h:").unwrap();
        let hosts: Vec<_> = hosts.iter().map(|(host, port)| (host.as_str(), *port)).collect();
        assert_eq!(hosts, [("/run/pg", Some(1)), ("fe80::1%eth0", Some(2)), ("h", None)]);
    }

    #[test]
    fn what_is_no_host_is_refused_and_not_repeated() {
        for text in [
            "a,,b",
            "canary b",
            "canary:port",
            "h:0",
            "h:canary",
            "[::1canary",
            "[::1]canary",
            "h:+1",
        ] {
            for found in [list(Kind::Libpq, text), encoded(Kind::Url, text)] {
                let error = found.unwrap_err().to_string();
                assert!(!error.contains("canary"), "{error}");
            }
        }
    }
}
