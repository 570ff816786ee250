//! SQLite's errors in the words of the portable layer: one table, by extended result code.

use rusqlite::ffi;
use wellspring_connector::{Error, ErrorKind, Retry};

/// What was being done when the error came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum During {
    /// Opening the database.
    Connect,
    /// Compiling a statement.
    Prepare,
    /// Anything later.
    Run,
}

/// Result codes and what they mean. Extended codes come first; a code that is not here means what
/// its low byte, the primary code, means.
const TABLE: &[(i32, ErrorKind)] = &[
    // Extended codes that say more than their primary code.
    (517, ErrorKind::SerializationFailure), // BUSY_SNAPSHOT
    (275, ErrorKind::CheckViolation),       // CONSTRAINT_CHECK
    (787, ErrorKind::ForeignKeyViolation),  // CONSTRAINT_FOREIGNKEY
    (1299, ErrorKind::NotNullViolation),    // CONSTRAINT_NOTNULL
    (1555, ErrorKind::UniqueViolation),     // CONSTRAINT_PRIMARYKEY
    (2067, ErrorKind::UniqueViolation),     // CONSTRAINT_UNIQUE
    (2579, ErrorKind::UniqueViolation),     // CONSTRAINT_ROWID
    (3091, ErrorKind::DataOutOfRange),      // CONSTRAINT_DATATYPE
    (522, ErrorKind::Corrupt),              // IOERR_SHORT_READ
    // Primary codes.
    (ffi::SQLITE_ERROR, ErrorKind::Other), // by its message, see `of_message`
    (ffi::SQLITE_INTERNAL, ErrorKind::Other),
    (ffi::SQLITE_PERM, ErrorKind::PermissionDenied),
    (ffi::SQLITE_ABORT, ErrorKind::Canceled),
    (ffi::SQLITE_BUSY, ErrorKind::LockTimeout),
    (ffi::SQLITE_LOCKED, ErrorKind::LockTimeout),
    (ffi::SQLITE_NOMEM, ErrorKind::ResourceExhausted),
    (ffi::SQLITE_READONLY, ErrorKind::ReadOnly),
    (ffi::SQLITE_INTERRUPT, ErrorKind::Canceled),
    (ffi::SQLITE_IOERR, ErrorKind::ResourceExhausted),
    (ffi::SQLITE_CORRUPT, ErrorKind::Corrupt),
    (ffi::SQLITE_NOTFOUND, ErrorKind::UndefinedObject),
    (ffi::SQLITE_FULL, ErrorKind::ResourceExhausted),
    (ffi::SQLITE_CANTOPEN, ErrorKind::UndefinedObject), // when connecting: the database
    (ffi::SQLITE_PROTOCOL, ErrorKind::LockTimeout),
    (ffi::SQLITE_SCHEMA, ErrorKind::SerializationFailure),
    (ffi::SQLITE_TOOBIG, ErrorKind::DataOutOfRange),
    (ffi::SQLITE_CONSTRAINT, ErrorKind::Other),
    (ffi::SQLITE_MISMATCH, ErrorKind::DataOutOfRange),
    (ffi::SQLITE_MISUSE, ErrorKind::Usage),
    (ffi::SQLITE_NOLFS, ErrorKind::Unsupported),
    (ffi::SQLITE_AUTH, ErrorKind::PermissionDenied),
    (ffi::SQLITE_FORMAT, ErrorKind::Corrupt),
    (ffi::SQLITE_RANGE, ErrorKind::Parameters),
    (ffi::SQLITE_NOTADB, ErrorKind::Corrupt),
];

/// Beginnings and parts of messages that tell apart what SQLite reports with the one code 1.
const MESSAGES: &[(&str, ErrorKind)] = &[
    ("no such ", ErrorKind::UndefinedObject),
    ("unknown database", ErrorKind::UndefinedObject),
    ("has no column named", ErrorKind::UndefinedObject),
    ("syntax error", ErrorKind::Syntax),
    ("incomplete input", ErrorKind::Syntax),
    ("unrecognized token", ErrorKind::Syntax),
    ("too many SQL variables", ErrorKind::Parameters),
    ("integer overflow", ErrorKind::DataOutOfRange),
    ("cannot start a transaction", ErrorKind::Usage),
    ("cannot commit", ErrorKind::Usage),
    ("cannot rollback", ErrorKind::Usage),
    ("not authorized", ErrorKind::PermissionDenied),
];

fn of_code(code: i32) -> ErrorKind {
    let find = |code| TABLE.iter().find(|(known, _)| *known == code).map(|(_, kind)| *kind);
    find(code).or_else(|| find(code & 0xff)).unwrap_or(ErrorKind::Other)
}

fn of_message(message: &str, during: During) -> ErrorKind {
    match MESSAGES.iter().find(|(part, _)| message.contains(part)) {
        Some((_, kind)) => *kind,
        // What the compiler refuses for other reasons is in the text of the statement.
        None if during == During::Prepare => ErrorKind::Syntax,
        None => ErrorKind::Other,
    }
}

/// The portable error for one of SQLite's.
pub(crate) fn convert(error: rusqlite::Error, during: During) -> Error {
    let Some(code) = code(&error) else { return of_rusqlite(error) };
    let message = message(&error);
    let kind = match code & 0xff {
        ffi::SQLITE_ERROR => of_message(&message, during),
        ffi::SQLITE_CANTOPEN if during == During::Connect => ErrorKind::ConnectUnknownDatabase,
        _ => of_code(code),
    };
    let mut converted = Error::new(kind, message.clone()).with_code(code.to_string());
    if code & 0xff == ffi::SQLITE_SCHEMA {
        converted = converted.with_retry(Retry::Transaction);
    }
    if code & 0xff == ffi::SQLITE_CONSTRAINT {
        converted = name_constraint(converted, &message);
    }
    converted.with_source(error)
}

/// SQLite's extended result code, if the error came from there.
fn code(error: &rusqlite::Error) -> Option<i32> {
    match error {
        // Exists in every version of the range only with the bundled library; without it, the
        // errors of this variant are told apart by their text.
        #[cfg(feature = "bundled")]
        rusqlite::Error::SqlInputError { error, .. } => Some(error.extended_code),
        error => error.sqlite_error().map(|error| error.extended_code),
    }
}

/// Errors rusqlite makes itself.
fn of_rusqlite(error: rusqlite::Error) -> Error {
    let kind = match &error {
        rusqlite::Error::MultipleStatement => {
            return Error::new(
                ErrorKind::Syntax,
                "more than one statement; a script is run by `execute_script`",
            );
        }
        rusqlite::Error::NulError(_) | rusqlite::Error::Utf8Error(..) => ErrorKind::Encode,
        rusqlite::Error::InvalidPath(_) => ErrorKind::Config,
        rusqlite::Error::SqliteSingleThreadedMode => {
            return Error::unsupported("a SQLite library compiled without threads");
        }
        other => of_message(&other.to_string(), During::Run),
    };
    Error::new(kind, error.to_string()).with_source(error)
}

/// SQLite's own words, without what rusqlite puts around them.
fn message(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        rusqlite::Error::SqliteFailure(code, None) => code.to_string(),
        // Its own text quotes the whole statement.
        #[cfg(feature = "bundled")]
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}

/// Fills in table, column and constraint from `UNIQUE constraint failed: t.a, t.b`.
fn name_constraint(error: Error, message: &str) -> Error {
    let Some((_, what)) = message.split_once(" constraint failed: ") else { return error };
    if let Some(index) = what.strip_prefix("index '").and_then(|rest| rest.strip_suffix('\'')) {
        return error.with_constraint(index);
    }
    let error = error.with_constraint(what);
    if matches!(error.kind(), ErrorKind::CheckViolation) {
        return error;
    }
    let (first, more) = what.split_once(", ").unwrap_or((what, ""));
    match first.split_once('.') {
        Some((table, column)) if more.is_empty() => error.with_table(table).with_column(column),
        Some((table, _)) => error.with_table(table),
        None => error,
    }
}

/// True when another connection's lock is in the way, and trying the statement again may help.
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| {
        error.extended_code != ffi::SQLITE_BUSY_SNAPSHOT
            && matches!(error.extended_code & 0xff, ffi::SQLITE_BUSY | ffi::SQLITE_PROTOCOL)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_fall_back_to_their_primary_code() {
        assert_eq!(of_code(2067), ErrorKind::UniqueViolation);
        assert_eq!(of_code(1811), ErrorKind::Other, "a trigger's own error");
        assert_eq!(of_code(264), ErrorKind::ReadOnly, "READONLY_RECOVERY");
        assert_eq!(of_code(261), ErrorKind::LockTimeout, "BUSY_RECOVERY");
        assert_eq!(of_code(773), ErrorKind::LockTimeout, "BUSY_TIMEOUT");
        assert_eq!(of_code(262), ErrorKind::LockTimeout, "LOCKED_SHAREDCACHE");
        assert_eq!(of_code(779), ErrorKind::Corrupt, "CORRUPT_INDEX");
        assert_eq!(of_code(250), ErrorKind::Other);
    }

    #[test]
    fn each_code_stands_once_in_the_table() {
        for (i, (code, _)) in TABLE.iter().enumerate() {
            assert!(TABLE[..i].iter().all(|(other, _)| other != code), "{code}");
        }
    }
}
