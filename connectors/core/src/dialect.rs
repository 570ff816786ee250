//! What one database's SQL looks like: markers, quotes and lexical rules, as data.

use std::fmt;

use crate::{Error, ErrorKind, Result, ValueKind};

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

/// How a statement that writes gives back columns of the rows it wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Returning {
    /// It cannot.
    None,
    /// `… returning a, b` at its end (PostgreSQL, SQLite).
    Clause,
    /// As `Clause`, of `insert` and `delete` only (MariaDB).
    NotOfUpdates,
    /// `output inserted.a` in its middle (SQL Server).
    Output,
    /// `select a from final table (…)` around it (Db2).
    FinalTable,
}

/// How a row is inserted, or updated where its key is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UpsertForm {
    /// It cannot.
    None,
    /// `insert … on conflict (key) do update set …` (PostgreSQL, SQLite).
    OnConflict,
    /// `insert … on duplicate key update …` (MySQL, MariaDB): whichever unique key is taken.
    OnDuplicateKey,
    /// `merge into … using (values …)` (SQL Server, Db2).
    Merge,
    /// `merge into … using (select … from dual union all …)` (Oracle).
    MergeFromDual,
}

/// How a result is cut to some of its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LimitForm {
    /// `limit 10 offset 5`.
    Limit,
    /// `select top (10) …`, or `offset 5 rows fetch next 10 rows only` after an order (SQL Server).
    Top,
    /// `offset 5 rows fetch first 10 rows only` (Oracle, Db2).
    FetchFirst,
}

/// The longest name a database takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NameLimit {
    /// So many bytes of UTF-8.
    Bytes(usize),
    /// So many characters.
    Characters(usize),
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
    /// How columns of written rows come back.
    pub returning: Returning,
    /// How a row is inserted or updated.
    pub upsert: UpsertForm,
    /// How a result is cut.
    pub limit: LimitForm,
    /// The longest name. Longer ones are refused before anything is sent: PostgreSQL would cut them, and
    /// mean another object.
    pub longest_name: NameLimit,
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
        returning: Returning::None,
        upsert: UpsertForm::None,
        limit: LimitForm::FetchFirst,
        longest_name: NameLimit::Characters(255),
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
        returning: Returning::Clause,
        upsert: UpsertForm::OnConflict,
        limit: LimitForm::Limit,
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
        returning: Returning::Clause,
        upsert: UpsertForm::OnConflict,
        limit: LimitForm::Limit,
        longest_name: NameLimit::Bytes(63),
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
        upsert: UpsertForm::OnDuplicateKey,
        limit: LimitForm::Limit,
        longest_name: NameLimit::Characters(64),
        empty_list: "select null from dual where 1 = 0",
        ..Self::STANDARD
    };

    /// MariaDB.
    pub const MARIADB: Self = Self {
        name: "mariadb",
        system: "mariadb",
        returning: Returning::NotOfUpdates,
        ..Self::MYSQL
    };

    /// Microsoft SQL Server.
    pub const MSSQL: Self = Self {
        name: "mssql",
        system: "microsoft.sql_server",
        marker: Marker::AtNumber,
        identifier_quote: '[',
        bracket_identifiers: true,
        nested_comments: true,
        max_parameters: 2_100,
        returning: Returning::Output,
        upsert: UpsertForm::Merge,
        limit: LimitForm::Top,
        longest_name: NameLimit::Characters(128),
        ..Self::STANDARD
    };

    /// Oracle.
    pub const ORACLE: Self = Self {
        name: "oracle",
        system: "oracle.db",
        marker: Marker::ColonNumber,
        q_strings: true,
        upsert: UpsertForm::MergeFromDual,
        longest_name: NameLimit::Bytes(128),
        empty_list: "select null from dual where 1 = 0",
        ..Self::STANDARD
    };

    /// Db2.
    pub const DB2: Self = Self {
        name: "db2",
        system: "ibm.db2",
        returning: Returning::FinalTable,
        upsert: UpsertForm::Merge,
        longest_name: NameLimit::Bytes(128),
        empty_list: "select null from sysibm.sysdummy1 where 1 = 0",
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

    /// Checks that `name` can be the name of something, once it is quoted.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage), saying what is wrong: nothing at all, a null
    /// character, more than the database takes.
    pub fn check_name(&self, name: &str) -> Result<()> {
        let (length, most, unit) = match self.longest_name {
            NameLimit::Bytes(most) => (name.len(), most, "bytes"),
            NameLimit::Characters(most) => (name.chars().count(), most, "characters"),
        };
        let wrong = if name.is_empty() {
            "a name is empty".to_owned()
        } else if let Some(at) = name.find('\0') {
            format!("the name {:?} has a null character at byte {at}", shortened(name))
        } else if length > most {
            let database = self.name;
            format!("the name {:?} has {length} {unit}, {database} takes {most}", shortened(name))
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::Usage, wrong))
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

/// The beginning of what may be very long.
fn shortened(name: &str) -> String {
    match name.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
