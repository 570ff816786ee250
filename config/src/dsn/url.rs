//! `scheme://user:password@host:port/database?key=value`, ours and those of others.

use std::borrow::Cow;

use wellspring_connector::Result;
use wellspring_connector::url::decode;

use super::draft::Draft;
use super::error::{config, malformed, shown};
use super::kind::{self, Kind};
use super::scheme::Database;
use super::{host, keys, mssql, odbc, pairs, sqlite};

/// How parts of a URL are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Percent-encoded.
    Percent,
    /// As forms are: percent-encoded, and a `+` is a space.
    Form,
    /// Not at all.
    Literal,
}

/// How the parts of a URL are to be read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    /// User and password, path, and the keys and values of the query.
    pub(crate) parts: Encoding,
    pub(crate) query: Encoding,
    /// Where credentials stand in the query, so that an `@` there is none of those that should have
    /// been encoded.
    pub(crate) at_in_query: bool,
    /// Whether a key of the query may stand alone.
    pub(crate) bare_keys: bool,
}

impl Reading {
    /// Ours and libpq's.
    pub(crate) const URL: Self = Self {
        parts: Encoding::Percent,
        query: Encoding::Percent,
        at_in_query: false,
        bare_keys: false,
    };
}

/// A URL in its parts, nothing of them decoded.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) user: Option<&'a str>,
    pub(crate) password: Option<&'a str>,
    pub(crate) hosts: &'a str,
    pub(crate) path: Option<&'a str>,
    pub(crate) query: Option<&'a str>,
}

/// Takes apart what follows `scheme://`. `None` where an `@` stands so that it may have been a
/// password's that holds a `/` or a `?`.
pub(crate) fn split(rest: &str, at_in_query: bool) -> Option<Parts<'_>> {
    let (before, query) = match rest.split_once('?') {
        Some((before, query)) => (before, Some(query)),
        None => (rest, None),
    };
    let (authority, path) = match before.split_once('/') {
        Some((authority, path)) => (authority, Some(path)),
        None => (before, None),
    };
    let (credentials, hosts) = match authority.rsplit_once('@') {
        Some((credentials, hosts)) => (Some(credentials), hosts),
        None => (None, authority),
    };
    if path.is_some_and(|path| path.contains('@'))
        || query.is_some_and(|query| query.contains('@') && !(at_in_query && credentials.is_none()))
    {
        return None;
    }
    let (user, password) = match credentials.map(|c| c.split_once(':')) {
        None => (None, None),
        Some(Some((user, password))) => (Some(user), Some(password)),
        Some(None) => (credentials, None),
    };
    Some(Parts { user, password, hosts, path, query })
}

/// Reads a whole URL, of whatever scheme.
pub(crate) fn read(kind: Kind, text: &str) -> Result<Draft> {
    let scheme = kind::scheme(text).unwrap_or_default();
    let rest = text.get(scheme.len() + 1..).unwrap_or_default();
    if scheme.eq_ignore_ascii_case("file") {
        let mut draft = Draft::new(kind, Database::Sqlite);
        sqlite::file_uri(&mut draft, text)?;
        return Ok(draft);
    }
    let base = scheme.split('+').next().unwrap_or_default();
    if base.eq_ignore_ascii_case("duckdb") {
        return Err(not_supported("duckdb"));
    }
    let database = Database::of_scheme(scheme);
    let mut draft = match database {
        Some(database) => Draft::new(kind, database),
        None => Draft::foreign(kind, scheme),
    };
    match (database, rest.strip_prefix("//")) {
        (Some(Database::Sqlite), _) => sqlite::url(&mut draft, rest, Encoding::Percent)?,
        (Some(Database::Odbc), None) => odbc::pairs(&mut draft, rest)?,
        (_, None) => {
            return Err(config(
                "a database URL has the form `scheme://user:password@host:port/database`",
            ));
        }
        // As Prisma has it: the form of the JDBC driver, without its prefix.
        (Some(Database::Mssql), Some(rest)) if mssql::has_pairs(rest) => {
            mssql::url(&mut draft, rest)?;
        }
        (Some(Database::Mssql), Some(rest)) => {
            // As Go has it, where a `+` in `app+name` is a space.
            server(&mut draft, rest, Reading { query: Encoding::Form, ..Reading::URL })?;
        }
        (_, Some(rest)) => server(&mut draft, rest, Reading::URL)?,
    }
    Ok(draft)
}

/// DuckDB is known, so that nobody takes it for a misspelt or foreign scheme.
pub(crate) fn not_supported(scheme: &str) -> wellspring_connector::Error {
    config(format!("databases of the scheme `{scheme}` are not supported"))
}

/// Reads what follows `scheme://`.
pub(crate) fn server(draft: &mut Draft, rest: &str, reading: Reading) -> Result<()> {
    let parts = split(rest, reading.at_in_query).ok_or_else(|| misplaced_at(draft.kind))?;
    let pairs = queried(draft.kind, &parts, reading)?;
    located(draft, &parts, reading, &pairs)?;
    for (key, value) in &pairs {
        draft.pair(key, value, false)?;
    }
    Ok(())
}

/// The error for an `@` that stands where it may have been a password's.
pub(crate) fn misplaced_at(kind: Kind) -> wellspring_connector::Error {
    config(format!(
        "the {kind} has an `@` after its host; in a user or password, `/` is written `%2F`, `?` \
         `%3F` and `#` `%23`, and elsewhere an `@` is written `%40`"
    ))
}

/// The keys and values of the query, decoded.
pub(crate) fn queried(
    kind: Kind,
    parts: &Parts<'_>,
    reading: Reading,
) -> Result<Vec<(String, String)>> {
    let query = parts.query.unwrap_or_default();
    pairs::query(query, '&', reading.bare_keys)
        .map_err(|trouble| malformed(kind, trouble))?
        .iter()
        .map(|pair| decoded_pair(pair, reading.query))
        .collect()
}

/// Takes down who, where and which database. `pairs` are those of the query.
pub(crate) fn located(
    draft: &mut Draft,
    parts: &Parts<'_>,
    reading: Reading,
    pairs: &[(String, String)],
) -> Result<()> {
    if let Some(user) = parts.user {
        draft.user("the user before the host", &decoded("user", user, reading.parts)?)?;
    }
    if let Some(password) = parts.password {
        let password = decoded("password", password, reading.parts)?;
        draft.password("the password before the host", &password)?;
    }
    let hosts = match draft.database {
        Some(Database::Mssql) => mssql::instance_of(draft, parts.hosts)?,
        _ => Cow::Borrowed(parts.hosts),
    };
    let hosts = host::encoded(draft.kind, &hosts)?;
    draft.hosts_are("the host in the URL", hosts)?;
    let path = parts.path.unwrap_or_default();
    let (path, parameters) = match draft.database {
        Some(Database::Spark | Database::Db2) => path.split_once(';').unwrap_or((path, "")),
        _ => (path, ""),
    };
    let path = decoded("database", path, reading.parts)?;
    if draft.database == Some(Database::Mssql)
        && pairs.iter().any(|(key, _)| mssql::is_database(key))
    {
        // As Go has it: the path is the instance, and the database a key.
        if !path.is_empty() {
            draft.option("the path", "instance", &path)?;
        }
    } else {
        draft.name("the path", &path)?;
    }
    for pair in pairs::query(parameters, ';', false).map_err(|t| malformed(draft.kind, t))? {
        let (key, value) = decoded_pair(&pair, Encoding::Percent)?;
        draft.pair(&key, &value, false)?;
    }
    Ok(())
}

/// A pair of a query, decoded.
pub(crate) fn decoded_pair(pair: &pairs::Pair<'_>, encoding: Encoding) -> Result<(String, String)> {
    let key = decoded("name of an option", pair.key, encoding)?;
    let value = decoded(&format!("value of {}", shown(&key)), &pair.value, encoding)?;
    Ok((key, value))
}

/// Undoes an encoding; `what` names the text in errors.
pub(crate) fn decoded(what: &str, text: &str, encoding: Encoding) -> Result<String> {
    match encoding {
        Encoding::Percent => decode(what, text),
        Encoding::Form => decode(what, &text.replace('+', " ")),
        Encoding::Literal => Ok(text.to_owned()),
    }
}

/// A key that may be encoded, for looking it up.
pub(crate) fn folded_key(key: &str) -> String {
    keys::fold(&decoded("key", key, Encoding::Form).unwrap_or_else(|_| key.to_owned()))
}
