//! What one database's SQL looks like: markers, quotes and lexical rules, as data.

use std::fmt;

use crate::ValueKind;

/// How a statement's parameters are marked in the text that reaches the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Marker {
    /// `?` (MySQL, MariaDB, ODBC, Spark).
    Question,
    /// `?1`, `?2`, … (SQLite: one value can serve several places).
    QuestionNumber,
    /// `$1`, `$2`, … (PostgreSQL).
    DollarNumber,
    /// `@P1`, `@P2`, … (SQL Server).
    AtNumber,
    /// `:1`, `:2`, … (Oracle).
    ColonNumber,
}

/// The lexical and textual facts of one database's SQL.
///
/// Connectors hold one as a `static` and hand it out by reference. A third-party connector starts
/// from [`Dialect::STANDARD`] and changes what differs:
///
/// ```
/// use wellspring_connector::{Dialect, Marker};
///
/// static MINE: Dialect = Dialect { name: "mine", marker: Marker::ColonNumber, ..Dialect::STANDARD };
/// assert_eq!(MINE.quote_identifier("order"), r#""order""#);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// The database's name in lower case: `sqlite`, `postgres`, …
    pub name: &'static str,
    /// The value of OpenTelemetry's `db.system.name`.
    pub system: &'static str,
    /// How parameters are marked.
    pub marker: Marker,
    /// The character identifiers are quoted with: `"` or `` ` `` or `[` (closed by `]`).
    pub identifier_quote: char,
    /// `` `…` `` is a quoted identifier.
    pub backtick_identifiers: bool,
    /// `[…]` is a quoted identifier.
    pub bracket_identifiers: bool,
    /// `\` escapes the next character inside `'…'` (and `"…"` where that is a string).
    pub backslash_escapes: bool,
    /// `E'…'` is a string with backslash escapes, whatever `backslash_escapes` says.
    pub e_strings: bool,
    /// `q'[ … ]'` is a string, with any delimiter (Oracle).
    pub q_strings: bool,
    /// `$tag$ … $tag$` is a string.
    pub dollar_quotes: bool,
    /// `/* /* */ */` nests.
    pub nested_comments: bool,
    /// `#` starts a comment that ends with the line.
    pub hash_comments: bool,
    /// `--` starts a comment only before white space (MySQL).
    pub dash_comment_needs_space: bool,
    /// The most parameters one statement may have.
    pub max_parameters: usize,
    /// A query without rows, for `in (…)` with an empty list. `{type}` in it stands for the name of
    /// the type of the list's elements.
    pub empty_list: &'static str,
}

impl Dialect {
    /// The rules of the SQL standard, with `?` as marker.
    pub const STANDARD: Self = Self {
        name: "sql",
        system: "other_sql",
        marker: Marker::Question,
        identifier_quote: '"',
        backtick_identifiers: false,
        bracket_identifiers: false,
        backslash_escapes: false,
        e_strings: false,
        q_strings: false,
        dollar_quotes: false,
        nested_comments: false,
        hash_comments: false,
        dash_comment_needs_space: false,
        max_parameters: 65_535,
        empty_list: "select null where 1 = 0",
    };

    /// SQLite.
    pub const SQLITE: Self = Self {
        name: "sqlite",
        system: "sqlite",
        marker: Marker::QuestionNumber,
        backtick_identifiers: true,
        bracket_identifiers: true,
        max_parameters: 32_766,
        ..Self::STANDARD
    };

    /// PostgreSQL.
    pub const POSTGRES: Self = Self {
        name: "postgres",
        system: "postgresql",
        marker: Marker::DollarNumber,
        e_strings: true,
        dollar_quotes: true,
        nested_comments: true,
        empty_list: "select null::{type} where false",
        ..Self::STANDARD
    };

    /// MySQL.
    pub const MYSQL: Self = Self {
        name: "mysql",
        system: "mysql",
        identifier_quote: '`',
        backtick_identifiers: true,
        backslash_escapes: true,
        hash_comments: true,
        dash_comment_needs_space: true,
        empty_list: "select null from dual where 1 = 0",
        ..Self::STANDARD
    };

    /// MariaDB.
    pub const MARIADB: Self = Self { name: "mariadb", system: "mariadb", ..Self::MYSQL };

    /// Microsoft SQL Server.
    pub const MSSQL: Self = Self {
        name: "mssql",
        system: "microsoft.sql_server",
        marker: Marker::AtNumber,
        identifier_quote: '[',
        bracket_identifiers: true,
        nested_comments: true,
        max_parameters: 2_100,
        ..Self::STANDARD
    };

    /// Oracle.
    pub const ORACLE: Self = Self {
        name: "oracle",
        system: "oracle.db",
        marker: Marker::ColonNumber,
        q_strings: true,
        empty_list: "select null from dual where 1 = 0",
        ..Self::STANDARD
    };

    /// Appends the marker of parameter `number` (from 1) to `out`.
    pub fn write_marker(&self, out: &mut String, number: usize) {
        use fmt::Write;
        let prefix = match self.marker {
            Marker::Question => {
                out.push('?');
                return;
            }
            Marker::QuestionNumber => "?",
            Marker::DollarNumber => "$",
            Marker::AtNumber => "@P",
            Marker::ColonNumber => ":",
        };
        write!(out, "{prefix}{number}").expect("writing to a String cannot fail");
    }

    /// The query without rows for a list of elements of `kind`.
    pub(crate) fn empty_list(&self, kind: ValueKind) -> String {
        let name = match kind {
            ValueKind::Bool => "boolean",
            ValueKind::I16 => "smallint",
            ValueKind::I32 => "integer",
            ValueKind::I64 => "bigint",
            ValueKind::F32 => "real",
            ValueKind::F64 => "double precision",
            ValueKind::U64 | ValueKind::Decimal => "numeric",
            ValueKind::Bytes => "bytea",
            ValueKind::Uuid => "uuid",
            ValueKind::Json => "jsonb",
            ValueKind::Date => "date",
            ValueKind::Time => "time",
            ValueKind::Timestamp => "timestamp",
            ValueKind::TimestampTz => "timestamptz",
            ValueKind::Interval => "interval",
            _ => "text",
        };
        self.empty_list.replace("{type}", name)
    }

    /// `name` as a quoted identifier, with its quotes doubled. Dots are not split.
    pub fn quote_identifier(&self, name: &str) -> String {
        let (open, close) = match self.identifier_quote {
            '[' => ('[', ']'),
            quote => (quote, quote),
        };
        let mut out = String::with_capacity(name.len() + 2);
        out.push(open);
        for c in name.chars() {
            if c == close {
                out.push(close);
            }
            out.push(c);
        }
        out.push(close);
        out
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
