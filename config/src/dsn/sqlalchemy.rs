//! URLs of SQLAlchemy: `database+driver://…`, where the driver is one of Python's.

use wellspring_connector::Result;
use wellspring_connector::url::decode;

use super::draft::Draft;
use super::error::{config, malformed};
use super::kind::{self, Kind};
use super::pairs;
use super::scheme::Database;
use super::url::{Encoding, Parts, Reading, located, misplaced_at, queried, split};
use super::{odbc, sqlite};

/// The path is percent-encoded, the query as forms are.
const READING: Reading = Reading {
    parts: Encoding::Percent,
    query: Encoding::Form,
    at_in_query: false,
    bare_keys: false,
};

/// Reads a whole URL.
pub(crate) fn read(text: &str) -> Result<Draft> {
    const KIND: Kind = Kind::SqlAlchemy;
    let scheme = kind::scheme(text).unwrap_or_default();
    let rest = text.get(scheme.len() + 1..).unwrap_or_default();
    let (base, driver) = scheme.split_once('+').unwrap_or((scheme, ""));
    let database = Database::of_scheme(base)
        .ok_or_else(|| config("a SQLAlchemy URL begins with a database and its driver"))?;
    if driver.eq_ignore_ascii_case("srv") {
        return Err(config(format!(
            "`{}+srv` looks a server up in the DNS, which is not supported: expected its host",
            database.scheme()
        )));
    }
    let mut draft = Draft::new(KIND, database);
    if database == Database::Sqlite {
        sqlite::url(&mut draft, rest, Encoding::Form)?;
        return Ok(draft);
    }
    let rest = rest.strip_prefix("//").ok_or_else(|| {
        config("a SQLAlchemy URL has the form `database+driver://user:password@host:port/database`")
    })?;
    let parts = split(rest, false).ok_or_else(|| misplaced_at(KIND))?;
    let mut pairs = queried(KIND, &parts, READING)?;
    if let Some(at) = pairs.iter().position(|(key, _)| key == "odbc_connect") {
        let (_, text) = pairs.remove(at);
        return odbc_connect(database, &parts, &text, &pairs);
    }
    if database == Database::Mssql && is_data_source(driver, &parts, &pairs) {
        return data_source(&parts, &pairs);
    }
    if database == Database::Oracle {
        oracle(&mut draft, &parts, &pairs)?;
    } else {
        several_hosts(&mut pairs);
        located(&mut draft, &parts, READING, &pairs)?;
    }
    for (key, value) in &pairs {
        draft.pair(key, value, false)?;
    }
    Ok(draft)
}

/// `host` may be there for each of several hosts.
fn several_hosts(pairs: &mut Vec<(String, String)>) {
    let Some(first) = pairs.iter().position(|(key, _)| key == "host") else {
        return;
    };
    let hosts: Vec<String> =
        pairs.iter().filter(|(key, _)| key == "host").map(|(_, host)| host.clone()).collect();
    let mut at = 0;
    pairs.retain(|(key, _)| {
        at += 1;
        key != "host" || at - 1 == first
    });
    pairs[first].1 = hosts.join(",");
}

/// A whole ODBC string inside the URL. For SQL Server it says the same as the keys of the URL would;
/// for others it is the ODBC driver's.
fn odbc_connect(
    database: Database,
    parts: &Parts<'_>,
    text: &str,
    others: &[(String, String)],
) -> Result<Draft> {
    let inner = pairs::braced(text).map_err(|trouble| malformed(Kind::Odbc, trouble))?;
    let by_name = inner.iter().any(|pair| pair.key.trim().eq_ignore_ascii_case("dsn"));
    let database = match database {
        Database::Mssql if !by_name => Database::Mssql,
        _ => Database::Odbc,
    };
    let mut draft = Draft::new(Kind::SqlAlchemy, database);
    if !parts.hosts.is_empty() || parts.user.is_some() {
        return Err(config(
            "a SQLAlchemy URL with `odbc_connect` has no user and no host of its own: both stand in \
             `odbc_connect`",
        ));
    }
    for pair in inner {
        draft.pair(pair.key, &pair.value, pair.quoted)?;
    }
    for (key, value) in others {
        draft.pair(key, value, false)?;
    }
    Ok(draft)
}

/// pyodbc takes a host for the name of a data source where neither a database nor a driver is named.
fn is_data_source(driver: &str, parts: &Parts<'_>, pairs: &[(String, String)]) -> bool {
    driver.to_ascii_lowercase().ends_with("odbc")
        && !parts.hosts.is_empty()
        && parts.path.is_none_or(str::is_empty)
        && !pairs.iter().any(|(key, _)| key.eq_ignore_ascii_case("driver"))
}

fn data_source(parts: &Parts<'_>, pairs: &[(String, String)]) -> Result<Draft> {
    let mut draft = Draft::new(Kind::SqlAlchemy, Database::Odbc);
    if let Some(user) = parts.user {
        draft.user("the user before the host", &decode("user", user)?)?;
    }
    if let Some(password) = parts.password {
        draft.password("the password before the host", &decode("password", password)?)?;
    }
    let name = decode("data source", parts.hosts)?;
    draft.option("the host in the URL", odbc::DSN, &name)?;
    for (key, value) in pairs {
        draft.pair(key, value, false)?;
    }
    Ok(draft)
}

/// What stands where others have the database is the SID; and a host alone is a name that Oracle's own
/// files resolve.
fn oracle(draft: &mut Draft, parts: &Parts<'_>, pairs: &[(String, String)]) -> Result<()> {
    let path = parts.path.unwrap_or_default();
    let has_service = pairs.iter().any(|(key, _)| key == "service_name" || key == "sid");
    let alone = path.is_empty() && !has_service && !parts.hosts.contains([':', ',']);
    let hosts = if alone { "" } else { parts.hosts };
    let without = Parts { hosts, path: None, ..*parts };
    located(draft, &without, READING, pairs)?;
    if alone && !parts.hosts.is_empty() {
        let name = decode("host", parts.hosts)?;
        draft.option("the host in the URL", "connect_descriptor", &name)?;
    }
    if !path.is_empty() {
        draft.option("the path", "sid", &decode("database", path)?)?;
    }
    Ok(())
}
