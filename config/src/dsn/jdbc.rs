//! URLs of JDBC: `jdbc:database:…`.

use wellspring_connector::Result;

use super::draft::Draft;
use super::error::{config, malformed};
use super::kind::Kind;
use super::pairs;
use super::scheme::Database;
use super::url::{Encoding, Reading, decoded_pair, not_supported, server};
use super::{mssql, oracle, sqlite};

const KIND: Kind = Kind::Jdbc;

/// The drivers of PostgreSQL and MySQL decode as forms are.
const FORMS: Reading =
    Reading { parts: Encoding::Form, query: Encoding::Form, at_in_query: true, bare_keys: true };
/// That of MariaDB decodes nothing.
const LITERAL: Reading = Reading { parts: Encoding::Literal, query: Encoding::Literal, ..FORMS };

/// Reads a whole URL.
pub(crate) fn read(text: &str) -> Result<Draft> {
    let rest = text.get("jdbc:".len()..).unwrap_or_default();
    let (name, rest) = rest.split_once(':').unwrap_or((rest, ""));
    match name.to_ascii_lowercase().as_str() {
        "postgresql" | "pgsql" => postgres(rest),
        "mysql" => mysql(Database::MySql, rest, FORMS),
        "mariadb" => mysql(Database::MariaDb, rest, LITERAL),
        "sqlserver" => {
            let mut draft = Draft::new(KIND, Database::Mssql);
            mssql::url(&mut draft, after_slashes(rest)?)?;
            Ok(draft)
        }
        "oracle" => {
            let mut draft = Draft::new(KIND, Database::Oracle);
            oracle::jdbc(&mut draft, rest)?;
            Ok(draft)
        }
        "db2" => db2(rest),
        "sqlite" => sqlite(rest),
        "duckdb" => Err(not_supported("duckdb")),
        _ => Err(config(
            "the JDBC URL is for a database that is not known; known are postgresql, mysql, mariadb, \
             sqlserver, oracle, db2 and sqlite",
        )),
    }
}

fn after_slashes(rest: &str) -> Result<&str> {
    rest.strip_prefix("//").ok_or_else(|| {
        config("the JDBC URL has no `//` before its host: expected `jdbc:database://host:port/…`")
    })
}

fn postgres(rest: &str) -> Result<Draft> {
    let mut draft = Draft::new(KIND, Database::Postgres);
    match rest.strip_prefix("//") {
        Some(rest) => server(&mut draft, rest, FORMS)?,
        // The server of this machine.
        None => server(&mut draft, &format!("/{}", rest.trim_start_matches('/')), FORMS)?,
    }
    Ok(draft)
}

fn mysql(database: Database, rest: &str, reading: Reading) -> Result<Draft> {
    let mut draft = Draft::new(KIND, database);
    let (mode, rest) = rest.split_once("//").ok_or_else(|| after_slashes("").unwrap_err())?;
    match mode.trim_end_matches(':').to_ascii_lowercase().as_str() {
        "" => {}
        "sequential" | "failover" => {
            draft.note("the word before the hosts", "asks for the order that is kept here");
        }
        _ => {
            return Err(config(
                "the JDBC URL shares load among its hosts, which is a matter of replicas and shards \
                 here; expected `jdbc:mysql://` with one host",
            ));
        }
    }
    if rest.starts_with(['(', '[']) && !rest.starts_with("[:") || starts_with_address(rest) {
        let ipv6 =
            rest.starts_with('[') && rest.find(']').is_some_and(|end| is_ipv6(&rest[1..end]));
        if !ipv6 {
            return Err(config(
                "the JDBC URL describes its hosts by keys, which is not supported: expected \
                 `host:port,host:port`",
            ));
        }
    }
    server(&mut draft, rest, reading)?;
    Ok(draft)
}

fn starts_with_address(rest: &str) -> bool {
    rest.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("address="))
}

fn is_ipv6(text: &str) -> bool {
    text.contains(':') && text.chars().all(|c| c.is_ascii_hexdigit() || ":.%".contains(c))
}

/// `//host:port/database:key=value;…`, or `database:key=value;…` for one that is cataloged.
fn db2(rest: &str) -> Result<Draft> {
    let mut draft = Draft::new(KIND, Database::Db2);
    let (name, pairs) = match rest.strip_prefix("//") {
        None => rest.split_once(':').unwrap_or((rest, "")),
        Some(rest) => {
            let (hosts, rest) = rest.split_once('/').ok_or_else(|| {
                config("a Db2 JDBC URL has the form `jdbc:db2://host:port/database:key=value;`")
            })?;
            draft.hosts("the host in the URL", hosts)?;
            rest.split_once(':').unwrap_or((rest, ""))
        }
    };
    draft.name("the path", name)?;
    for pair in pairs::plain(pairs).map_err(|trouble| malformed(KIND, trouble))? {
        draft.pair(pair.key, &pair.value, pair.quoted)?;
    }
    Ok(draft)
}

/// The path stands as it is, without any encoding.
fn sqlite(rest: &str) -> Result<Draft> {
    let mut draft = Draft::new(KIND, Database::Sqlite);
    if sqlite::is_file_uri(rest) {
        sqlite::file_uri(&mut draft, rest)?;
        return Ok(draft);
    }
    if rest.starts_with(":resource:") {
        return Err(config("`:resource:` is about Java: expected the path of a file"));
    }
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    sqlite::file(&mut draft, sqlite::PATH, path)?;
    for pair in pairs::query(query, '&', false).map_err(|trouble| malformed(KIND, trouble))? {
        let (key, value) = decoded_pair(&pair, Encoding::Percent)?;
        draft.pair(&key, &value, false)?;
    }
    Ok(draft)
}
