//! The error that travels through serde: a reason, or an error that is complete already.

use std::fmt;

use crate::{ConvertError, Error, ErrorKind};

#[derive(Debug)]
pub(super) enum DeError {
    /// Why; the column is added on the way out.
    Reason(String),
    /// Names its column, or concerns the whole row.
    Complete(Error),
}

impl DeError {
    /// The error to report when no column was involved.
    pub(super) fn into_error(self, target: &str) -> Error {
        match self {
            Self::Reason(reason) => {
                Error::new(ErrorKind::Decode, format!("row as {target}: {reason}"))
            }
            Self::Complete(error) => error,
        }
    }
}

impl fmt::Display for DeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reason(reason) => f.write_str(reason),
            Self::Complete(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for DeError {}

impl serde::de::Error for DeError {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self::Reason(reason.to_string())
    }
}

impl From<ConvertError> for DeError {
    fn from(reason: ConvertError) -> Self {
        Self::Reason(reason.to_string())
    }
}

impl From<Error> for DeError {
    fn from(error: Error) -> Self {
        Self::Complete(error)
    }
}
