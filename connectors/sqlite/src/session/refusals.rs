//! What a session refuses, and how it says so.

use std::time::Duration;

use wellspring_connector::{Error, ErrorKind, Retry};

use crate::errors::{During, convert};
use crate::gate::Share;

pub(crate) fn canceled() -> Error {
    Error::new(ErrorKind::Canceled, "the statement was cancelled before it began")
}

pub(crate) fn read_only() -> Error {
    Error::new(ErrorKind::ReadOnly, "the statement writes, and the transaction is read-only")
}

pub(crate) fn aborted() -> Error {
    Error::new(
        ErrorKind::TransactionAborted,
        "SQLite rolled the transaction back after an earlier error; roll back to go on",
    )
}

/// What the caller hears when another process did not let go in time.
pub(crate) fn still_busy(error: rusqlite::Error, limit: Duration) -> Error {
    let converted = convert(error, During::Run);
    let message = format!("{} after {limit:?} of trying again", converted.message());
    let code = converted.code().unwrap_or_default().to_owned();
    Error::new(converted.kind(), message)
        .with_code(code)
        .with_retry(Retry::Transaction)
        .with_source(converted)
}

/// What the caller hears when writers of this process did not let go in time.
pub(crate) fn gate_closed(share: Share, limit: Duration) -> Error {
    let what = match share {
        Share::Write => "another writer, or readers,",
        _ => "a writer",
    };
    Error::new(
        ErrorKind::LockTimeout,
        format!("waited {limit:?} for {what} of this process to finish with the database"),
    )
    .with_code(rusqlite::ffi::SQLITE_BUSY.to_string())
}
