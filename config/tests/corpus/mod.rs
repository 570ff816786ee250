//! Connection strings as they are found in the wild, and what each of them means.
//!
//! Where one has a password, it contains the word `canary`, so that a test can look for it where it must
//! not be.
#![allow(dead_code, reason = "each test uses a part of it")]

pub(crate) mod ado;
pub(crate) mod bad;
pub(crate) mod jdbc;
pub(crate) mod libpq;
pub(crate) mod sqlalchemy;
pub(crate) mod url;

/// A connection string; our URL for it; the settings as `name=value`, separated by spaces; the keys that
/// its notes name, separated by spaces where they have none.
pub(crate) type Row = (&'static str, &'static str, &'static str, &'static str);

/// All tables of strings that can be read.
pub(crate) const GOOD: &[&[Row]] = &[
    url::SERVERS,
    url::SQLITE,
    sqlalchemy::ROWS,
    libpq::ROWS,
    jdbc::POSTGRES,
    jdbc::MYSQL,
    jdbc::OTHERS,
    ado::SERVERS,
    ado::SQLITE,
    ado::ODBC,
];

/// Every string that can be read.
pub(crate) fn good() -> impl Iterator<Item = Row> {
    GOOD.iter().flat_map(|table| table.iter()).copied()
}
