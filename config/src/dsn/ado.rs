//! `Key=value;…`, as ADO.NET has them, and which database they are for.
//!
//! The strings of all databases look alike. A database is possible if its provider knows all keys that
//! any provider knows; where several are left, some values tell.

use wellspring_connector::{Error, Result};

use super::draft::Draft;
use super::error::{config, malformed, shown};
use super::keys::{ado_knows, fold};
use super::kind::Kind;
use super::pairs::{self, Pair};
use super::scheme::Database;

const KIND: Kind = Kind::Ado;

/// The databases such strings are read for.
const DATABASES: [Database; 6] = [
    Database::Postgres,
    Database::MySql,
    Database::Mssql,
    Database::Sqlite,
    Database::Oracle,
    Database::Db2,
];

/// Reads a whole connection string, for `database` if it is known.
pub(crate) fn read(text: &str, database: Option<Database>) -> Result<Draft> {
    let pairs = pairs::quoted(text).map_err(|trouble| malformed(KIND, trouble))?;
    let database = match database {
        Some(database) => database,
        None => which(&pairs)?,
    };
    let mut draft = Draft::new(KIND, database);
    for pair in pairs {
        draft.pair(pair.key, &pair.value, pair.quoted)?;
    }
    Ok(draft)
}

/// The one database that it can be for.
fn which(pairs: &[Pair<'_>]) -> Result<Database> {
    let mut possible = DATABASES.to_vec();
    let mut last: Option<&str> = None;
    for pair in pairs {
        let folded = fold(pair.key);
        let knowing: Vec<Database> =
            DATABASES.into_iter().filter(|database| ado_knows(*database, pair.key)).collect();
        if knowing.is_empty() {
            continue;
        }
        let left: Vec<Database> =
            possible.iter().copied().filter(|d| knowing.contains(d)).collect();
        if left.is_empty() {
            return Err(contradictory(last.unwrap_or(pair.key), pair.key));
        }
        if left.len() < possible.len() {
            last = Some(pair.key);
        }
        possible = left;
        if let Some(told) = told_by(&folded, pair) {
            let left: Vec<Database> =
                possible.iter().copied().filter(|d| told.contains(d)).collect();
            if !left.is_empty() {
                possible = left;
                last = Some(pair.key);
            }
        }
    }
    prefer_documented(pairs, &mut possible);
    match possible.as_slice() {
        [one] => Ok(*one),
        several => Err(ambiguous(several, last.is_none())),
    }
}

/// The databases that a value speaks for.
fn told_by(folded: &str, pair: &Pair<'_>) -> Option<&'static [Database]> {
    use Database::{Mssql, MySql, Oracle, Postgres, Sqlite};
    let value = pair.value.trim().to_ascii_lowercase();
    match folded {
        "port" => match value.as_str() {
            "3306" => Some(&[MySql]),
            "5432" => Some(&[Postgres]),
            "50000" => Some(&[Database::Db2]),
            _ => None,
        },
        "sslmode" => match value.as_str() {
            "none" | "preferred" | "required" | "disabled" => Some(&[MySql]),
            "disable" | "allow" | "prefer" | "require" => Some(&[Postgres]),
            // Npgsql writes `SSL Mode`, MySqlConnector `SslMode`.
            _ if pair.key.contains(' ') => Some(&[Postgres]),
            _ => None,
        },
        "provider" => match value {
            value if ["sqloledb", "msoledbsql", "sqlncli"].iter().any(|p| value.starts_with(p)) => {
                Some(&[Mssql])
            }
            _ => None,
        },
        "server" | "datasource" | "address" | "addr" | "networkaddress" | "filename" => {
            let file = [".db", ".db3", ".sqlite", ".sqlite3", ".s3db", ".sdb"];
            match value.as_str() {
                ":memory:" => Some(&[Sqlite]),
                value if value.starts_with("file:") => Some(&[Sqlite]),
                value if file.iter().any(|end| value.ends_with(end)) => Some(&[Sqlite]),
                value if value.starts_with("//") || value.starts_with("(description") => {
                    Some(&[Oracle])
                }
                value if value.starts_with("tcps://") => Some(&[Oracle]),
                value
                    if value.starts_with(['/', '.'])
                        && value.len() > 1
                        && !value.contains('\\') =>
                {
                    Some(&[Sqlite, MySql, Postgres])
                }
                value if value.contains('/') => Some(&[Oracle, Sqlite]),
                "." => Some(&[Mssql]),
                value
                    if value.starts_with("tcp:")
                        || value.starts_with("np:")
                        || value.starts_with("(local")
                        || value.contains('\\')
                        || value.contains(".database.windows.net")
                        || is_comma_port(value) =>
                {
                    Some(&[Mssql])
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// `host,1433` is SQL Server's; a list of hosts has names after its commas.
fn is_comma_port(value: &str) -> bool {
    value.split_once(',').is_some_and(|(_, port)| {
        !port.trim().is_empty() && port.trim().bytes().all(|b| b.is_ascii_digit())
    })
}

/// Npgsql and MySqlConnector know almost the same keys; but one documents `Host` and the other
/// `Server`, each with its way of writing `SslMode`.
fn prefer_documented(pairs: &[Pair<'_>], possible: &mut Vec<Database>) {
    if *possible != [Database::Postgres, Database::MySql] {
        return;
    }
    let has = |name: &str| pairs.iter().any(|pair| fold(pair.key) == name);
    if has("host") {
        *possible = vec![Database::Postgres];
    } else if has("server") && has("sslmode") {
        *possible = vec![Database::MySql];
    }
}

fn ambiguous(possible: &[Database], nothing_known: bool) -> Error {
    const HOW: &str = "say which, by `type` in a file or by `DatabaseUrl::parse_as` in code";
    if nothing_known && possible.len() == DATABASES.len() {
        return config(format!(
            "the text is neither a URL nor a connection string of a database that is known; if it is \
             one of ADO.NET, {HOW}"
        ));
    }
    let names: Vec<&str> = possible.iter().map(|database| database.name()).collect();
    config(format!("the {KIND} may be for {}: {HOW}", names.join(" or ")))
}

fn contradictory(a: &str, b: &str) -> Error {
    config(format!(
        "the {KIND} has {} and {}, which no database knows both; say which it is for, as in \
         `DatabaseUrl::parse_as(\"mssql\", text)`",
        shown(a),
        shown(b)
    ))
}
