//! Turning the pool's failures into the portable error.

use std::sync::Arc;

use wellspring_connector::{Error, ErrorKind, Retry};
use wellspring_pool_core::{AcquireError, ConnectError};

/// Why no connection could be had, in the portable words.
pub(crate) fn acquire(error: &AcquireError<Error>, database: &Arc<str>) -> Error {
    let message = error.to_string();
    let portable = match error {
        AcquireError::Timeout(info) => {
            let portable = Error::new(ErrorKind::PoolTimeout, message);
            match &info.last_connect_error {
                Some(source) => portable.with_source(Arc::clone(source)),
                None => portable,
            }
        }
        AcquireError::Connect(source) => {
            return connect(source, database).with_source(Arc::clone(source));
        }
        AcquireError::BreakerOpen { last_connect_error, .. } => {
            match last_connect_error {
                Some(source) => {
                    let kind = connect(source, database).kind();
                    Error::new(kind, message).with_source(Arc::clone(source))
                }
                // Opened by hand.
                None => Error::new(ErrorKind::PoolExhausted, message),
            }
        }
        AcquireError::Closed => Error::new(ErrorKind::PoolClosed, message),
        AcquireError::Exhausted { .. } | AcquireError::TooManyWaiters { .. } => {
            Error::new(ErrorKind::PoolExhausted, message)
        }
        _ => Error::new(ErrorKind::Usage, message),
    };
    portable.with_database(Arc::clone(database))
}

/// Why a connection could not be opened, in the portable words.
pub(crate) fn connect(error: &ConnectError<Error>, database: &Arc<str>) -> Error {
    let portable = match error {
        ConnectError::Failed(error) => error.clone(),
        ConnectError::TimedOut { .. } => Error::new(ErrorKind::ConnectTimeout, error.to_string()),
        ConnectError::Closed => Error::new(ErrorKind::PoolClosed, "pool closed"),
        ConnectError::BreakerOpen { .. } => Error::new(ErrorKind::PoolExhausted, error.to_string()),
        ConnectError::TooMany { .. } => Error::new(ErrorKind::Usage, error.to_string()),
        _ => Error::new(ErrorKind::Other, error.to_string()).with_retry(Retry::Never),
    };
    portable.with_database(Arc::clone(database))
}
