//! Database URLs taken apart, and the values of their options read: what server drivers share.
//!
//! `scheme://user:password@host:port,host:port/database?option=value`, each part percent-encoded
//! where it needs to be. Errors name the option and what would be right; neither the password nor
//! any other part that may hold one is repeated.

mod values;

use std::fmt;

pub(crate) use values::{DURATION, SIZE};
pub use values::{
    bad_value, duration, known_options, number, size, switch, unknown_option, word, words_of,
};

use crate::{Error, ErrorKind, Result, Secret};

/// A URL of a database server, decoded.
///
/// ```
/// use wellspring_connector::url::ServerUrl;
///
/// let url = ServerUrl::parse("postgres://ada:s%40fe@db1:5433,db2/shop?application_name=till")?;
/// assert_eq!(url.user.as_deref(), Some("ada"));
/// assert_eq!(url.password.as_ref().unwrap().expose(), "s@fe");
/// assert_eq!(url.hosts, [("db1".to_owned(), Some(5433)), ("db2".to_owned(), None)]);
/// assert_eq!(url.database.as_deref(), Some("shop"));
/// assert_eq!(url.options, [("application_name".to_owned(), "till".to_owned())]);
/// assert!(!format!("{url:?}").contains("s@fe"));
/// assert_eq!(ServerUrl::parse(url.to_text()?.expose())?, url);
/// # Ok::<(), wellspring_connector::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerUrl {
    /// What comes before the first colon, in lower case.
    pub scheme: String,
    /// The user, if one is named.
    pub user: Option<String>,
    /// The password, if there is one.
    pub password: Option<Secret>,
    /// The hosts with their ports; brackets around an IPv6 address are taken off.
    pub hosts: Vec<(String, Option<u16>)>,
    /// The path without its first slash, if it is not empty.
    pub database: Option<String>,
    /// The options in their order; none is there twice.
    pub options: Vec<(String, String)>,
}

impl ServerUrl {
    /// Takes `url` apart.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] naming the part that is wrong.
    pub fn parse(url: &str) -> Result<Self> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| {
            config("a database URL has the form `scheme://user:password@host:port/database`")
        })?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        // A `/` or `?` in a password is percent-encoded; an `@` often is not.
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (credentials, hosts) = match authority.rsplit_once('@') {
            Some((credentials, hosts)) => (Some(credentials), hosts),
            None => (None, authority),
        };
        let (user, password) = match credentials.map(|c| c.split_once(':').unwrap_or((c, ""))) {
            None => (None, None),
            Some((user, password)) => (
                Some(decode("user", user)?).filter(|user| !user.is_empty()),
                Some(Secret::from(decode("password", password)?)).filter(|p| !p.is_empty()),
            ),
        };
        let hosts = hosts
            .split(',')
            .filter(|host| !host.is_empty())
            .map(host)
            .collect::<Result<Vec<_>>>()
            .map_err(|error| match credentials {
                // The user and a part of the password were taken for a host and its port.
                None if path.contains('@') || query.contains('@') => config(
                    "the URL has an `@` after its host; in a user or password, `/` is written `%2F` \
                     and `?` `%3F`",
                ),
                _ => error,
            })?;
        let options = options(query)?;
        let url = Self {
            scheme: scheme.to_ascii_lowercase(),
            user,
            password,
            hosts,
            database: Some(decode("database", path)?).filter(|path| !path.is_empty()),
            options,
        };
        url.check_user()?;
        Ok(url)
    }

    /// A URL of `scheme` with nothing in it, to be filled in.
    pub fn new(scheme: &str) -> Self {
        Self {
            scheme: scheme.to_ascii_lowercase(),
            user: None,
            password: None,
            hosts: Vec::new(),
            database: None,
            options: Vec::new(),
        }
    }

    /// The URL as text, of which [`parse`](Self::parse) makes the same again. Each part is
    /// percent-encoded where it needs to be.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a password without a user.
    pub fn to_text(&self) -> Result<Secret> {
        self.check_user()?;
        let mut text = format!("{}://", self.scheme);
        if self.user.is_some() || self.password.is_some() {
            text.push_str(&encode(self.user.as_deref().unwrap_or_default()));
            if let Some(password) = &self.password {
                text.push(':');
                text.push_str(&encode(password.expose()));
            }
            text.push('@');
        }
        let hosts: Vec<String> = self.hosts.iter().map(host_text).collect();
        text.push_str(&hosts.join(","));
        text.push('/');
        text.push_str(&encode(self.database.as_deref().unwrap_or_default()));
        for (index, (key, value)) in self.options.iter().enumerate() {
            text.push(if index == 0 { '?' } else { '&' });
            text.push_str(&encode(key));
            text.push('=');
            text.push_str(&encode(value));
        }
        Ok(text.into())
    }

    fn check_user(&self) -> Result<()> {
        match (&self.user, &self.password) {
            (None, Some(_)) => Err(config("the URL has a password, but no user it belongs to")),
            _ => Ok(()),
        }
    }
}

/// Takes the options of a URL apart, which are what follows its `?`.
///
/// # Errors
/// [`ErrorKind::Config`] for an option that is there twice, and for text that does not decode.
pub fn options(query: &str) -> Result<Vec<(String, String)>> {
    let mut options: Vec<(String, String)> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let key = decode("name of an option", key)?;
        let value = decode(&key, value)?;
        if options.iter().any(|(known, _)| *known == key) {
            return Err(config(format!("`{key}` is set twice in the URL")));
        }
        options.push((key, value));
    }
    Ok(options)
}

fn host_text((name, port): &(String, Option<u16>)) -> String {
    // Brackets keep the colons of an address apart from that of the port.
    let name = match name.contains(':') {
        true => format!("[{}]", name.split(':').map(encode).collect::<Vec<_>>().join(":")),
        false => encode(name),
    };
    match port {
        Some(port) => format!("{name}:{port}"),
        None => name,
    }
}

/// Percent-encodes what is not a letter, a digit or one of `-._~`.
///
/// ```
/// use wellspring_connector::url::{decode, encode};
///
/// assert_eq!(encode("p@ss wörd/"), "p%40ss%20w%C3%B6rd%2F");
/// assert_eq!(decode("password", &encode("a%b"))?, "a%b");
/// # Ok::<(), wellspring_connector::Error>(())
/// ```
pub fn encode(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => write!(out, "%{byte:02X}").expect("a text takes what is written"),
        }
    }
    out
}

fn host(text: &str) -> Result<(String, Option<u16>)> {
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (name, port) = rest
                .split_once(']')
                .ok_or_else(|| config(format!("`{text}`: the address has no closing `]`")))?;
            (name, port.strip_prefix(':'))
        }
        None => match text.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (text, None),
        },
    };
    let port = match port {
        None | Some("") => None,
        Some(port) => {
            Some(port.parse::<u16>().ok().filter(|port| *port != 0).ok_or_else(|| {
                // What is no number may be a password whose `@` is missing.
                let shown = match port.bytes().all(|b| b.is_ascii_digit()) {
                    true => format!(" `{port}`"),
                    false => String::new(),
                };
                config(format!("port{shown}: expected a number from 1 to 65535"))
            })?)
        }
    };
    Ok((decode("host", name)?, port))
}

/// Undoes percent-encoding. `what` names the text in errors; the text itself may be a secret.
///
/// # Errors
/// [`ErrorKind::Config`].
pub fn decode(what: &str, text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let digit = |at: usize| tail.get(at).and_then(|b| char::from(*b).to_digit(16));
        let (Some(high), Some(low)) = (digit(0), digit(1)) else {
            return Err(config(format!(
                "the {what} in the URL has a `%` that two hex digits do not follow; a `%` itself \
                 is written `%25`"
            )));
        };
        bytes.push(u8::try_from(high * 16 + low).expect("two hex digits fit a byte"));
        rest = &tail[2..];
    }
    if bytes.contains(&0) {
        return Err(config(format!("the {what} in the URL contains a NUL byte")));
    }
    String::from_utf8(bytes)
        .map_err(|_| config(format!("the {what} in the URL does not decode to UTF-8")))
}

fn config(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, message)
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerUrl")
            .field("scheme", &self.scheme)
            .field("user", &self.user)
            .field("hosts", &self.hosts)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_optional() {
        let url = ServerUrl::parse("mysql://localhost").unwrap();
        assert_eq!((url.user, url.password, url.database), (None, None, None));
        assert_eq!(url.hosts, [("localhost".to_owned(), None)]);
        let url = ServerUrl::parse("postgres:///db?host=%2Ftmp").unwrap();
        assert!(url.hosts.is_empty());
        assert_eq!(url.options, [("host".to_owned(), "/tmp".to_owned())]);
        let url = ServerUrl::parse("postgres://u:a@b@[::1]:6000/").unwrap();
        assert_eq!(url.password.unwrap().expose(), "a@b");
        assert_eq!(url.hosts, [("::1".to_owned(), Some(6000))]);
    }

    #[test]
    fn what_is_wrong_is_named_without_secrets() {
        for (url, named) in [
            ("postgres:x", "scheme://user:password@host"),
            ("postgres://u:canary%zz@h/d", "password"),
            ("postgres://u:canary@h:99999/d", "99999"),
            ("postgres://u:canary@h:0/d", "`0`"),
            ("postgres://u:canary/x@h/d", "`/` is written `%2F`"),
            ("postgres://u:1234567/canary@h/d", "`/` is written `%2F`"),
            ("postgres://u:canary?x@h/d", "`/` is written `%2F`"),
            ("postgres://u:canary", "expected a number"),
            ("postgres://u:canary@[::1/d", "`[::1`"),
            ("postgres://u:canary@h/d?a=1&a=2", "`a` is set twice"),
            ("postgres://u:canary%00@h/d", "NUL"),
            ("postgres://u:canary%ff@h/d", "UTF-8"),
            ("postgres://:canary@h/d", "no user"),
        ] {
            let error = ServerUrl::parse(url).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains(named), "{url}: {error}");
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }
}
