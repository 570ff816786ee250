//! Names of tables and columns: quoted and checked wherever they come from.

use std::fmt;

use wellspring_connector::{Dialect, Error, ErrorKind, Result};

/// A table by name, with the names of what contains it: `sales.orders`.
///
/// From a text, dots separate the parts; from an array, each element is a part, whatever is in it. Every
/// part is quoted, so that its case counts where the database's rules say so.
///
/// ```
/// use wellspring_txn::Table;
///
/// assert_eq!(Table::from("sales.orders"), Table::from(["sales", "orders"]));
/// assert_ne!(Table::from("a.b"), Table::from(["a.b"]));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Table {
    parts: Vec<Box<str>>,
}

impl Table {
    /// The parts of the name, the table's own last.
    pub fn parts(&self) -> impl ExactSizeIterator<Item = &str> {
        self.parts.iter().map(|part| &**part)
    }

    /// Appends the name, quoted.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for a part that cannot be a name.
    pub(crate) fn write(&self, dialect: &Dialect, out: &mut String) -> Result<()> {
        if self.parts.is_empty() || self.parts.len() > 4 {
            let count = self.parts.len();
            return Err(Error::new(
                ErrorKind::Usage,
                format!("a table's name has between one and four parts, not {count}"),
            ));
        }
        for (index, part) in self.parts.iter().enumerate() {
            dialect.check_name(part).map_err(|error| error.context("table"))?;
            if index > 0 {
                out.push('.');
            }
            out.push_str(&dialect.quote_identifier(part));
        }
        Ok(())
    }
}

impl From<&str> for Table {
    fn from(name: &str) -> Self {
        Self { parts: name.split('.').map(Box::from).collect() }
    }
}

impl From<String> for Table {
    fn from(name: String) -> Self {
        Self::from(name.as_str())
    }
}

impl From<&String> for Table {
    fn from(name: &String) -> Self {
        Self::from(name.as_str())
    }
}

impl<S: Into<Box<str>>, const N: usize> From<[S; N]> for Table {
    fn from(parts: [S; N]) -> Self {
        Self { parts: parts.into_iter().map(Into::into).collect() }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.parts.iter().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            f.write_str(part)?;
        }
        Ok(())
    }
}
