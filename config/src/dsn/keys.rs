//! What the keys of connection strings mean: tables, one for each database and kind.

mod db2;
mod mssql;
mod mysql;
mod oracle;
mod pool;
mod postgres;
mod sqlite;

use std::collections::HashSet;
use std::sync::LazyLock;

use wellspring_connector::Result;

use super::draft::Draft;
use super::kind::Kind;
use super::scheme::Database;
use super::time::Unit;
use super::tls::Fact;

/// What a key says.
#[derive(Clone, Copy)]
pub(crate) enum Means {
    User,
    Password,
    Database,
    /// Hosts with or without their ports, separated by commas.
    Hosts,
    /// One port, or one for each host.
    Ports,
    /// The driver's option of this name, as it stands.
    Option(&'static str),
    /// The driver's option of this name, which is a duration.
    Time(&'static str, Unit),
    /// The driver's option of this name, whose words are others.
    Words(&'static str, &'static [(&'static str, &'static str)]),
    /// A number that is not the driver's, by its name in our configuration.
    Setting(&'static str),
    /// A limit in time that is not the driver's, by its name in our configuration.
    Limit(&'static str, Unit, Zero),
    /// As [`Limit`](Self::Limit), of a part of what is limited: another key may say it for the whole.
    PartLimit(&'static str, Unit, Zero),
    /// Something about TLS.
    Tls(Fact),
    /// Nothing here, for this reason.
    Note(&'static str),
    /// Nothing here if it has one of these values; else the option as it was written.
    NoteIf(&'static [&'static str], &'static str),
    /// Whatever the function does; it is given the key as it was written, and the value.
    Do(fn(&mut Draft, &str, &str) -> Result<()>),
}

/// What a limit of zero, or less, means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zero {
    /// That there is none: `off`.
    Off,
    /// That there is none; but here, there always is one.
    Default,
}

/// Keys that mean the same.
pub(crate) struct Key {
    pub(crate) names: &'static [&'static str],
    pub(crate) means: Means,
}

/// A row of a table.
const fn key(names: &'static [&'static str], means: Means) -> Key {
    Key { names, means }
}

/// Tables by how their names are compared: without regard to case, spaces and the like, or exactly.
struct Tables {
    folded: &'static [&'static [Key]],
    exact: &'static [&'static [Key]],
}

/// The tables for a kind of connection string of a database.
///
/// Those of the database's own URLs always come last: so an option that is kept as it was written means
/// the same when it is read again from our URL.
fn tables(database: Database, kind: Kind) -> Tables {
    use Database::{Db2, MariaDb, Mssql, MySql, Odbc, Oracle, Postgres, Spark, Sqlite};
    let (folded, exact): (&[&[Key]], &[&[Key]]) = match (database, kind) {
        (Postgres, Kind::Jdbc) => (&[postgres::JDBC], &[postgres::URL, pool::URL]),
        (Postgres, Kind::Ado) => (&[postgres::ADO], &[postgres::URL, pool::URL]),
        (Postgres, _) => (&[], &[postgres::URL, pool::URL]),
        (MySql | MariaDb, Kind::Jdbc) => (&[mysql::JDBC], &[mysql::URL, pool::URL]),
        (MySql | MariaDb, Kind::Ado) => (&[mysql::ADO], &[mysql::URL, pool::URL]),
        (MySql | MariaDb, _) => (&[], &[mysql::URL, pool::URL]),
        (Sqlite, Kind::Ado) => (&[sqlite::ADO], &[sqlite::URL, pool::URL]),
        (Sqlite, _) => (&[], &[sqlite::URL, pool::URL]),
        (Mssql, Kind::SqlAlchemy) => (&[mssql::SQLALCHEMY, mssql::OURS, mssql::ALL], &[pool::URL]),
        (Mssql, _) => (&[mssql::OURS, mssql::ALL], &[pool::URL]),
        (Oracle, _) => (&[oracle::OURS, oracle::ALL], &[pool::URL]),
        (Db2, _) => (&[db2::OURS, db2::ALL], &[pool::URL]),
        (Odbc, _) => (&[pool::ODBC], &[]),
        (Spark, _) => (&[], &[pool::SPARK, pool::URL]),
    };
    Tables { folded, exact }
}

/// What `key` means in a connection string of this kind for this database; `None` if no table knows.
pub(crate) fn means(database: Database, kind: Kind, key: &str) -> Option<Means> {
    let tables = tables(database, kind);
    let folded = fold(key);
    let rows = |tables: &'static [&'static [Key]]| tables.iter().flat_map(|table| table.iter());
    rows(tables.folded)
        .find(|row| row.names.contains(&folded.as_str()))
        .or_else(|| rows(tables.exact).find(|row| row.names.contains(&key)))
        .map(|row| row.means)
}

/// All tables.
const ALL: [&[Key]; 18] = [
    postgres::URL,
    postgres::JDBC,
    postgres::ADO,
    mysql::URL,
    mysql::JDBC,
    mysql::ADO,
    sqlite::URL,
    sqlite::ADO,
    mssql::OURS,
    mssql::ALL,
    mssql::SQLALCHEMY,
    oracle::OURS,
    oracle::ALL,
    db2::OURS,
    db2::ALL,
    pool::URL,
    pool::ODBC,
    pool::SPARK,
];

/// Whether any table knows `key`, in whatever case: then it is no part of a password that was written
/// without quotes.
pub(crate) fn is_known(key: &str) -> bool {
    static NAMES: LazyLock<HashSet<String>> = LazyLock::new(|| {
        let rows = ALL.into_iter().flatten();
        rows.flat_map(|row| row.names).map(|name| fold(name)).collect()
    });
    is_odbc(key) || NAMES.contains(&fold(key))
}

/// Whether `key` is one of libpq's connection strings.
pub(crate) fn is_libpq(key: &str) -> bool {
    postgres::URL.iter().any(|row| row.names.contains(&key))
}

/// Whether `key` says that a connection string is one of ODBC.
pub(crate) fn is_odbc(key: &str) -> bool {
    ["driver", "dsn", "filedsn"].contains(&fold(key).as_str())
}

/// Whether the ADO.NET provider of `database` knows `key`.
pub(crate) fn ado_knows(database: Database, key: &str) -> bool {
    let folded = fold(key);
    let table = match database {
        Database::Postgres => postgres::ADO,
        Database::MySql => mysql::ADO,
        Database::Sqlite => sqlite::ADO,
        Database::Mssql => mssql::ALL,
        Database::Oracle => oracle::ALL,
        Database::Db2 => db2::ALL,
        _ => return false,
    };
    table.iter().any(|row| row.names.contains(&folded.as_str()))
}

/// A key in lower case, without spaces, underscores and hyphens.
pub(crate) fn fold(key: &str) -> String {
    key.chars().filter(|c| !" _-".contains(*c)).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOLDED: [&[Key]; 12] = [
        postgres::JDBC,
        postgres::ADO,
        mysql::JDBC,
        mysql::ADO,
        sqlite::ADO,
        mssql::OURS,
        mssql::ALL,
        mssql::SQLALCHEMY,
        oracle::OURS,
        oracle::ALL,
        db2::ALL,
        pool::ODBC,
    ];

    #[test]
    fn no_table_says_two_things_of_a_key() {
        for table in ALL {
            let names: Vec<&str> = table.iter().flat_map(|row| row.names).copied().collect();
            for (index, name) in names.iter().enumerate() {
                assert!(!names[..index].contains(name), "{name}");
            }
        }
    }

    #[test]
    fn folded_tables_are_found_however_keys_are_written() {
        for table in FOLDED {
            for name in table.iter().flat_map(|row| row.names) {
                assert_eq!(fold(name), *name);
            }
        }
    }
}
