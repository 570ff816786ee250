//! PostgreSQL's errors in the words of the portable layer: one table, by SQLSTATE.

use std::error::Error as _;
use std::fmt;
use std::io;

use tokio_postgres::error::DbError;
use wellspring_connector::{Error, ErrorKind, Retry};

use crate::encode::EncodeError;
use crate::endpoint::Endpoint;

/// SQLSTATEs and what they mean. A code of five characters is looked for first, then its class of
/// two.
pub(crate) const TABLE: &[(&str, ErrorKind)] = &[
    ("23505", ErrorKind::UniqueViolation),
    ("23503", ErrorKind::ForeignKeyViolation),
    ("23001", ErrorKind::ForeignKeyViolation), // restrict_violation
    ("23502", ErrorKind::NotNullViolation),
    ("23514", ErrorKind::CheckViolation),
    ("23P01", ErrorKind::ExclusionViolation),
    ("40001", ErrorKind::SerializationFailure),
    ("40P01", ErrorKind::Deadlock),
    ("40003", ErrorKind::OutcomeUnknown), // statement_completion_unknown
    ("55P03", ErrorKind::LockTimeout),
    ("57014", ErrorKind::Canceled), // a timeout, by its message
    ("25P02", ErrorKind::TransactionAborted),
    ("25006", ErrorKind::ReadOnly),
    ("25001", ErrorKind::Usage),          // inside a transaction
    ("25P01", ErrorKind::Usage),          // outside of one
    ("57P01", ErrorKind::ConnectionLost), // admin_shutdown
    ("57P02", ErrorKind::ConnectionLost), // crash_shutdown
    ("57P03", ErrorKind::ConnectRefused), // cannot_connect_now
    ("57P04", ErrorKind::ConnectionLost), // database_dropped
    ("57P05", ErrorKind::ConnectionLost), // idle_session_timeout
    ("25P03", ErrorKind::ConnectionLost), // idle_in_transaction_session_timeout
    ("25P04", ErrorKind::ConnectionLost), // transaction_timeout
    ("53300", ErrorKind::ConnectTooMany),
    ("53000", ErrorKind::ResourceExhausted),
    ("53100", ErrorKind::ResourceExhausted), // disk_full
    ("53200", ErrorKind::ResourceExhausted), // out_of_memory
    ("53400", ErrorKind::ResourceExhausted),
    ("54000", ErrorKind::ResourceExhausted), // program_limit_exceeded
    ("54001", ErrorKind::ResourceExhausted), // statement_too_complex
    ("3D000", ErrorKind::ConnectUnknownDatabase),
    ("28000", ErrorKind::ConnectAuth),
    ("28P01", ErrorKind::ConnectAuth),
    ("42601", ErrorKind::Syntax),
    ("42P01", ErrorKind::UndefinedObject), // undefined_table
    ("42703", ErrorKind::UndefinedObject), // undefined_column
    ("42883", ErrorKind::UndefinedObject), // undefined_function
    ("42704", ErrorKind::UndefinedObject),
    ("3F000", ErrorKind::UndefinedObject), // invalid_schema_name
    ("3B001", ErrorKind::UndefinedObject), // invalid_savepoint_specification
    ("42P02", ErrorKind::Parameters),      // undefined_parameter
    ("42P18", ErrorKind::Parameters),      // indeterminate_datatype
    ("42501", ErrorKind::PermissionDenied),
    ("0A000", ErrorKind::Unsupported),
    ("XX001", ErrorKind::Corrupt),
    ("XX002", ErrorKind::Corrupt),
    ("22", ErrorKind::DataOutOfRange),
    ("42", ErrorKind::Syntax),
    ("08P01", ErrorKind::Parameters), // a bind that does not fit its statement
    ("08", ErrorKind::ConnectionLost),
    ("28", ErrorKind::ConnectAuth),
    ("53", ErrorKind::ResourceExhausted),
    ("58", ErrorKind::ResourceExhausted), // errors of the system: I/O
];

fn of_code(code: &str) -> ErrorKind {
    let find = |code: &str| TABLE.iter().find(|(known, _)| *known == code).map(|(_, kind)| *kind);
    find(code).or_else(|| code.get(..2).and_then(find)).unwrap_or(ErrorKind::Other)
}

/// Where a connect was directed, for messages.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a>(pub(crate) &'a Endpoint);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// How far a request was when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It did not leave.
    No,
    /// It may have left.
    Perhaps,
}

/// The portable error for one that came while a connection was in use.
pub(crate) fn convert(error: tokio_postgres::Error, sent: Sent) -> Error {
    if let Some(db) = error.as_db_error() {
        let converted = of_server(db);
        return converted.with_source(error);
    }
    if let Some(reason) = error.source().and_then(|source| source.downcast_ref::<EncodeError>()) {
        // The Display of the driver's error gives the position and nothing else.
        let number = parameter_number(&error).unwrap_or(0) + 1;
        return Error::new(ErrorKind::Encode, format!("parameter {number}: {reason}"));
    }
    let text = error.to_string();
    let lost = error.is_closed()
        || error.source().is_some_and(|source| source.downcast_ref::<io::Error>().is_some());
    if lost {
        return lost_connection(sent).with_source(error);
    }
    let kind = if text.starts_with("expected ") && text.contains(" parameters") {
        ErrorKind::Parameters
    } else {
        ErrorKind::Other
    };
    Error::new(kind, text).with_source(error)
}

/// The connection went away.
pub(crate) fn lost_connection(sent: Sent) -> Error {
    match sent {
        Sent::No => Error::new(
            ErrorKind::ConnectionLost,
            "the connection was lost before the statement was sent",
        )
        .with_retry(Retry::SafeToResend),
        Sent::Perhaps => Error::new(ErrorKind::ConnectionLost, "the connection was lost"),
    }
}

fn parameter_number(error: &tokio_postgres::Error) -> Option<usize> {
    error.to_string().strip_prefix("error serializing parameter ")?.parse().ok()
}

fn of_server(db: &DbError) -> Error {
    let code = db.code().code();
    let mut kind = of_code(code);
    if code == "XX000" && db.message().starts_with("invalid memory alloc") {
        kind = ErrorKind::ResourceExhausted;
    }
    if kind == ErrorKind::Canceled && db.message().contains("timeout") {
        kind = ErrorKind::StatementTimeout;
    }
    let mut error = Error::new(kind, db.message()).with_sqlstate(code);
    if code == "0A000" && db.message().contains("cached plan") || code == "26000" {
        // The statement's plan is gone; what it did in this transaction is undone.
        error = error.with_retry(Retry::Transaction);
    }
    if kind == ErrorKind::ReadOnly {
        error = error.with_retry(Retry::NewConnection);
    }
    if let Some(constraint) = db.constraint() {
        error = error.with_constraint(constraint);
    }
    if let Some(table) = db.table() {
        error = error.with_table(table);
    }
    if let Some(column) = db.column() {
        error = error.with_column(column);
    }
    error
}

/// True when the values did not fit the types of the parameters; nothing was sent.
pub(crate) fn is_misfit(error: &tokio_postgres::Error) -> bool {
    error.source().is_some_and(|source| source.is::<EncodeError>())
}

/// True when a prepared statement must be prepared again before it can run.
pub(crate) fn is_stale_plan(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|db| match db.code().code() {
        "0A000" => db.message().contains("cached plan"),
        "26000" => true,
        _ => false,
    })
}

/// True when the failure is one that parameters of outdated types make.
pub(crate) fn may_be_old_types(error: &tokio_postgres::Error) -> bool {
    error
        .as_db_error()
        .is_some_and(|db| matches!(db.code().code(), "42804" | "42883" | "22P02" | "22007"))
}

/// The portable error for an I/O error on the way to `place`.
pub(crate) fn during_connect(error: io::Error, place: Place<'_>) -> Error {
    use io::ErrorKind as Io;
    let (kind, what) = match error.kind() {
        Io::ConnectionRefused => (ErrorKind::ConnectRefused, "nobody listens there"),
        Io::NotFound => (ErrorKind::ConnectRefused, "there is no such socket"),
        Io::PermissionDenied => (ErrorKind::ConnectRefused, "the socket may not be used"),
        Io::TimedOut => (ErrorKind::ConnectTimeout, "no answer"),
        Io::UnexpectedEof | Io::ConnectionReset | Io::ConnectionAborted | Io::BrokenPipe => {
            (ErrorKind::ConnectRefused, "the server closed the connection")
        }
        _ => (ErrorKind::ConnectRefused, "the connection could not be made"),
    };
    Error::new(kind, format!("connecting to {place}: {what}: {error}")).with_source(error)
}

/// The portable error for one that came during the handshake with `place`.
pub(crate) fn during_startup(error: tokio_postgres::Error, place: Place<'_>) -> Error {
    if let Some(db) = error.as_db_error() {
        let code = db.code().code().to_owned();
        let kind = match of_code(&code) {
            kind if kind.is_connect() => kind,
            // Invalid settings and the like: trying again does not help.
            _ if code.starts_with("22") || code.starts_with("42") => ErrorKind::Config,
            ErrorKind::PermissionDenied => ErrorKind::ConnectAuth,
            _ => ErrorKind::ConnectRefused,
        };
        let message = format!("connecting to {place}: {}", db.message());
        return Error::new(kind, message).with_sqlstate(code).with_source(error);
    }
    let text = error.to_string();
    if text == "authentication error" {
        let why = error.source().map(|source| format!(": {source}")).unwrap_or_default();
        return Error::new(ErrorKind::ConnectAuth, format!("logging in to {place} failed{why}"))
            .with_source(error);
    }
    if text == "invalid configuration" {
        // A password is asked for and there is none.
        let why = error.source().map(|source| format!(": {source}")).unwrap_or_default();
        return Error::new(ErrorKind::ConnectAuth, format!("logging in to {place} failed{why}"))
            .with_source(error);
    }
    let message = format!("connecting to {place}: the server closed the connection: {text}");
    Error::new(ErrorKind::ConnectRefused, message).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_fall_back_to_their_class() {
        assert_eq!(of_code("23505"), ErrorKind::UniqueViolation);
        assert_eq!(of_code("22012"), ErrorKind::DataOutOfRange, "division by zero");
        assert_eq!(of_code("08006"), ErrorKind::ConnectionLost);
        assert_eq!(of_code("P0001"), ErrorKind::Other, "raised by a function");
        assert_eq!(of_code(""), ErrorKind::Other);
    }

    #[test]
    fn the_table_in_the_book_is_this_one() {
        let book = include_str!("../../../docs/src/errors.md");
        let chapter = book.split("\n## PostgreSQL's codes\n").nth(1).expect("the chapter is there");
        let chapter = chapter.split("\n## ").next().expect("it has an end");
        let told: Vec<String> = chapter
            .lines()
            .filter_map(|line| {
                line.strip_prefix("| `")?.rsplit_once(" |").map(|(row, _)| row.into())
            })
            .map(|row: String| row.rsplit_once(" | ").expect("three columns").0.to_owned())
            .collect();
        let ours: Vec<String> =
            TABLE.iter().map(|(code, kind)| format!("{code}` | `{kind:?}`")).collect();
        assert_eq!(told, ours);
    }

    #[test]
    fn each_code_stands_once_in_the_table() {
        for (i, (code, _)) in TABLE.iter().enumerate() {
            assert!(matches!(code.len(), 2 | 5), "{code}");
            assert!(TABLE[..i].iter().all(|(other, _)| other != code), "{code}");
        }
    }
}
