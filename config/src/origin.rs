//! Where a value of the configuration came from.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a value of the configuration came from: every error says it.
///
/// ```
/// use wellspring_config::Origin;
///
/// assert_eq!(Origin::file("wellspring.toml").at_line(7).to_string(), "wellspring.toml:7");
/// assert_eq!(Origin::variable("DATABASE_URL").to_string(), "the variable DATABASE_URL");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin(Repr);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Repr {
    File { path: Arc<Path>, line: Option<u32> },
    Variable(Arc<str>),
    Other(Arc<str>),
}

impl Origin {
    /// A file, as a whole.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Repr::File { path: path.into().into(), line: None })
    }

    /// A variable of the environment.
    pub fn variable(name: &str) -> Self {
        Self(Repr::Variable(name.into()))
    }

    /// Something else, in words: `code`.
    pub fn other(what: &str) -> Self {
        Self(Repr::Other(what.into()))
    }

    /// The same, if it is a file, at a line of it.
    #[must_use]
    pub fn at_line(&self, line: u32) -> Self {
        match &self.0 {
            Repr::File { path, .. } => {
                Self(Repr::File { path: Arc::clone(path), line: Some(line) })
            }
            _ => self.clone(),
        }
    }

    /// The file, if it is one.
    pub fn path(&self) -> Option<&Path> {
        match &self.0 {
            Repr::File { path, .. } => Some(path),
            _ => None,
        }
    }

    /// The line of the file, counted from 1, if it is known.
    pub fn line(&self) -> Option<u32> {
        match &self.0 {
            Repr::File { line, .. } => *line,
            _ => None,
        }
    }

    /// The variable of the environment, if it is one.
    pub fn name(&self) -> Option<&str> {
        match &self.0 {
            Repr::Variable(name) => Some(name),
            _ => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::File { path, line: Some(line) } => write!(f, "{}:{line}", path.display()),
            Repr::File { path, line: None } => write!(f, "{}", path.display()),
            Repr::Variable(name) => write!(f, "the variable {name}"),
            Repr::Other(what) => f.write_str(what),
        }
    }
}
