//! Connection strings for people: as they were written, without the secrets in them.

use std::borrow::Cow;

use crate::dsn::keys::is_known;
use crate::dsn::kind::{self, Kind};
use crate::dsn::pairs::{self, Pair};
use crate::dsn::scheme::Database;
use crate::dsn::url::{folded_key, split};
use crate::dsn::{MOST_BYTES, mssql, oracle};

/// What stands where a secret was.
pub(crate) const REDACTED: &str = "[redacted]";

/// What stands where something was that may be a secret, or a part of one.
const UNCLEAR: &str = "…";

/// The connection string or URL as it was written, without the secrets in it: for logs and errors.
///
/// What is taken out is the password before the host, and the values of keys that look like secrets
/// (passwords, tokens, keys and the like). Where it is not clear what belongs to what, little more than
/// the scheme is left.
///
/// ```
/// use wellspring_config::redact;
///
/// assert_eq!(redact("postgres://ada:secret@db/shop"), "postgres://ada:[redacted]@db/shop");
/// assert_eq!(
///     redact("Server=db;User Id=ada;Password='se;cret';Encrypt=True"),
///     "Server=db;User Id=ada;Password=[redacted];Encrypt=True"
/// );
/// // The slash should have been encoded.
/// assert_eq!(redact("postgres://ada:sec/ret@db/shop"), "postgres://…");
/// assert_eq!(redact("secret"), "…");
/// ```
pub fn redact(text: &str) -> String {
    let text = text.trim();
    if text.len() > MOST_BYTES {
        return UNCLEAR.to_owned();
    }
    let redacted = match Kind::of(text) {
        None => None,
        Some(Kind::Url | Kind::SqlAlchemy) => url(text),
        Some(Kind::Jdbc) => jdbc(text),
        Some(Kind::Libpq) => pairs::libpq(text).ok().and_then(|pairs| known(text, &pairs)),
        Some(Kind::Ado) => pairs::quoted(text).ok().and_then(|pairs| known(text, &pairs)),
        Some(Kind::Odbc) => pairs::braced(text).ok().and_then(|pairs| known(text, &pairs)),
    };
    redacted.unwrap_or_else(|| scheme_alone(text))
}

/// Whether the value of a key with this name is a secret.
pub(crate) fn is_secret(key: &str) -> bool {
    // Paths and switches that sound like secrets.
    const HARMLESS: [&str; 5] =
        ["sslkey", "foreignkeys", "passfile", "allowpublickeyretrieval", "serverrsapublickeyfile"];
    const PARTS: [&str; 10] = [
        "pass",
        "pwd",
        "psw",
        "token",
        "secret",
        "key",
        "credential",
        "signature",
        "jwt",
        // They hold a whole connection string.
        "odbcconnect",
    ];
    let key: String =
        key.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    !HARMLESS.contains(&key.as_str())
        && (PARTS.iter().any(|part| key.contains(part)) || key.ends_with("pw"))
}

/// Whether a value is itself a URL with somebody's credentials.
pub(crate) fn holds_secret(value: &str) -> bool {
    value.split_once("://").is_some_and(|(_, rest)| rest.contains('@'))
}

/// The scheme, if it is one.
fn scheme_alone(text: &str) -> String {
    let known = |scheme: &str| {
        let base = scheme.split('+').next().unwrap_or_default();
        Database::of_scheme(base).is_some()
            || ["jdbc", "file"].iter().any(|known| known.eq_ignore_ascii_case(scheme))
    };
    match kind::scheme(text) {
        Some(scheme) if text[scheme.len()..].starts_with("://") => format!("{scheme}://{UNCLEAR}"),
        Some(scheme) if known(scheme) => format!("{scheme}:{UNCLEAR}"),
        _ => UNCLEAR.to_owned(),
    }
}

fn url(text: &str) -> Option<String> {
    let scheme = kind::scheme(text)?;
    let rest = &text[scheme.len() + 1..];
    let base = scheme.split('+').next().unwrap_or_default();
    let database = Database::of_scheme(base);
    if database == Some(Database::Sqlite) || scheme.eq_ignore_ascii_case("file") {
        return Some(format!("{scheme}:{}", path(rest)?));
    }
    match (database, rest.strip_prefix("//")) {
        (Some(Database::Odbc), None) => {
            Some(format!("{scheme}:{}", masked(rest, &pairs::braced(rest).ok()?)))
        }
        (_, None) => None,
        (Some(Database::Mssql), Some(rest)) if mssql::has_pairs(rest) => {
            Some(format!("{scheme}://{}", semicolons(rest)?))
        }
        (_, Some(rest)) => Some(format!("{scheme}://{}", server(rest, false)?)),
    }
}

/// What follows `scheme://`.
fn server(rest: &str, at_in_query: bool) -> Option<String> {
    let parts = split(rest, at_in_query)?;
    let mut out = String::new();
    if let Some(user) = parts.user {
        out.push_str(user);
        if parts.password.is_some() {
            out.push(':');
            out.push_str(REDACTED);
        }
        out.push('@');
    }
    if !parts.hosts.split(',').all(is_host_and_port) {
        return None;
    }
    out.push_str(parts.hosts);
    if let Some(path) = parts.path {
        out.push('/');
        match path.split_once(';') {
            None => out.push_str(path),
            Some((name, rest)) => {
                out.push_str(name);
                out.push(';');
                out.push_str(&masked(rest, &pairs::plain(rest).ok()?));
            }
        }
    }
    if let Some(query) = parts.query {
        out.push('?');
        out.push_str(&masked(query, &pairs::query(query, '&', true).ok()?));
    }
    Some(out)
}

/// Whether what stands where a host does can be one: else it may be a user with a password.
fn is_host_and_port(text: &str) -> bool {
    let after = text.rfind(']').map_or(text, |end| &text[end + 1..]);
    match after.rsplit_once(':') {
        None => true,
        Some((_, port)) => port.parse::<u16>().is_ok() || port.is_empty(),
    }
}

/// `host;key=value;…`.
fn semicolons(rest: &str) -> Option<String> {
    let (host, rest) = rest.split_once(';').unwrap_or((rest, ""));
    if !is_host_and_port(host.trim_end_matches('/')) || host.contains('@') {
        return None;
    }
    Some(format!("{host};{}", masked(rest, &pairs::braced(rest).ok()?)))
}

/// `path?key=value&…`, where a path with an `@` may be something else.
fn path(rest: &str) -> Option<String> {
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    };
    if path.contains('@') {
        return None;
    }
    Some(match query {
        None => path.to_owned(),
        Some(query) => {
            format!("{path}?{}", masked(query, &pairs::query(query, '&', true).ok()?))
        }
    })
}

fn jdbc(text: &str) -> Option<String> {
    let (prefix, rest) = text.split_once(':')?;
    let (name, rest) = rest.split_once(':')?;
    let inner = match name.to_ascii_lowercase().as_str() {
        "postgresql" | "pgsql" | "mysql" | "mariadb" => match rest.split_once("//") {
            Some((mode, rest)) if mode.chars().all(|c| c.is_ascii_alphabetic() || c == ':') => {
                format!("{mode}//{}", server(rest, true)?)
            }
            Some(_) => return None,
            None => path(rest)?,
        },
        "sqlserver" => format!("//{}", semicolons(rest.strip_prefix("//")?)?),
        "oracle" => {
            let parts = oracle::jdbc_parts(rest)?;
            let (driver, _) = rest.split_once(':')?;
            let user = parts.user.unwrap_or_default();
            let password = parts.password.map(|_| format!("/{REDACTED}")).unwrap_or_default();
            format!("{driver}:{user}{password}@{}", path(parts.address)?)
        }
        "db2" => {
            let from = match rest.strip_prefix("//") {
                Some(after) => "//".len() + after.find('/')?,
                None => 0,
            };
            let colon = rest[from..].find(':').map_or(rest.len(), |colon| from + colon);
            let (head, tail) = rest.split_at(colon);
            if head.contains(['@', '=']) {
                return None;
            }
            match tail.strip_prefix(':') {
                None => head.to_owned(),
                Some(tail) => format!("{head}:{}", masked(tail, &pairs::plain(tail).ok()?)),
            }
        }
        "sqlite" => path(rest)?,
        _ => return None,
    };
    Some(format!("{prefix}:{name}:{inner}"))
}

/// As [`masked`], if any key is known: else it may be no connection string at all.
fn known(text: &str, pairs: &[Pair<'_>]) -> Option<String> {
    pairs.iter().any(|pair| is_known(pair.key)).then(|| masked(text, pairs))
}

/// The text, with the values of secrets replaced. What follows a secret that no quotes end may be the
/// rest of it, until there is a key that is known.
fn masked(text: &str, pairs: &[Pair<'_>]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    let mut open = false;
    for pair in pairs {
        let key = folded_key(pair.key);
        if open && !is_known(pair.key) && !is_known(&key) {
            out.push_str(&text[at..pair.whole.start]);
            out.push_str(UNCLEAR);
            at = pair.whole.end;
            continue;
        }
        open = false;
        if is_secret(&key) || holds_secret(&plain(&pair.value)) {
            out.push_str(&text[at..pair.raw.start]);
            out.push_str(REDACTED);
            at = pair.raw.end;
            open = !pair.quoted;
        }
    }
    out.push_str(&text[at..]);
    out
}

/// A value that may be percent-encoded.
fn plain(value: &str) -> Cow<'_, str> {
    match wellspring_connector::url::decode("value", value) {
        Ok(decoded) => Cow::Owned(decoded),
        Err(_) => Cow::Borrowed(value),
    }
}
