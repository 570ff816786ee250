//! What is wrong with a configuration: one problem each, all of them in one report.

use std::fmt;

use wellspring_connector::{Error, ErrorKind};

use crate::Origin;

/// One thing that is wrong: where it stands, under which key, and what would be right. It never holds a
/// secret.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// Where it stands; `None` where nothing was found at all.
    pub origin: Option<Origin>,
    /// The key it is about, with the keys that lead to it: `databases.orders.pool.max_size`.
    pub key: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Problem {
    /// A problem with the value of `key`, which stands at `origin`.
    pub fn new(origin: &Origin, key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { origin: Some(origin.clone()), key: key.into(), message: message.into() }
    }

    /// A problem with what is not there.
    pub fn missing(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { origin: None, key: key.into(), message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.origin {
            write!(f, "{origin}: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// Everything that is wrong with a configuration.
///
/// ```
/// use wellspring_config::Loader;
///
/// let errors = Loader::new()
///     .text("wellspring.toml", "[databases.orders]\nurl = 'postgres://pg1/orders'\npol.max_size = 5")
///     .load()
///     .unwrap_err();
/// assert_eq!(
///     errors.to_string(),
///     "wellspring.toml:3: databases.orders.pol: unknown key, did you mean `pool`?"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(Vec<Problem>);

impl ConfigErrors {
    pub(crate) fn new(problems: Vec<Problem>) -> Self {
        Self(problems)
    }

    /// The problems, those of one file in the order of its lines.
    pub fn problems(&self) -> &[Problem] {
        &self.0
    }
}

impl From<Problem> for ConfigErrors {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl FromIterator<Problem> for ConfigErrors {
    fn from_iter<I: IntoIterator<Item = Problem>>(problems: I) -> Self {
        Self(problems.into_iter().collect())
    }
}

impl From<ConfigErrors> for Error {
    fn from(errors: ConfigErrors) -> Self {
        Self::new(ErrorKind::Config, errors.to_string()).with_source(errors)
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [one] => write!(f, "{one}"),
            all => {
                write!(f, "the configuration has {} problems", all.len())?;
                all.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
            }
        }
    }
}

impl std::error::Error for ConfigErrors {}
