//! Why a server cannot be had.

use std::fmt;

/// Why a server cannot be had: something is not installed, or something does not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// Something has to be installed first.
    Missing {
        /// What is not there.
        what: String,
        /// How to get it, usually a command.
        get: String,
    },
    /// It is installed and did not do what it should.
    Failed {
        /// What was tried.
        what: String,
        /// How it went wrong, with the end of the log where there is one.
        why: String,
    },
}

impl Error {
    pub(super) fn missing(what: impl Into<String>, get: impl Into<String>) -> Self {
        Self::Missing { what: what.into(), get: get.into() }
    }

    pub(super) fn failed(what: impl Into<String>, why: impl fmt::Display) -> Self {
        Self::Failed { what: what.into(), why: why.to_string() }
    }

    /// What apt installs.
    pub(super) fn missing_package(what: &str, packages: &[&str]) -> Self {
        let get = format!("apt-get install --no-install-recommends {}", packages.join(" "));
        Self::missing(what, format!("`{get}`"))
    }

    /// True when something has to be installed first; a test part is skipped then, with this as
    /// the reason.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { what, get } => write!(f, "{what} is missing; to get it: {get}"),
            Self::Failed { what, why } => write!(f, "{what}: {why}"),
        }
    }
}

impl std::error::Error for Error {}

/// For `map_err`: a failure of something done to a file or directory.
pub(super) fn at(
    what: &str,
    path: &std::path::Path,
) -> impl FnOnce(std::io::Error) -> Error + use<> {
    let what = format!("{what} {}", path.display());
    move |error| Error::failed(what, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_comes_with_the_line_that_gets_it() {
        let error = Error::missing_package("pgbouncer", &["pgbouncer"]);
        assert!(error.is_missing());
        assert_eq!(
            error.to_string(),
            "pgbouncer is missing; to get it: `apt-get install --no-install-recommends pgbouncer`"
        );
        assert!(!Error::failed("initdb", "no space").is_missing());
    }
}
