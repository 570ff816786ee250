//! What a row can be read as.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::{Result, Row, Value};

/// A type a whole row converts to: what [`Query::one`](crate::Query::one),
/// [`all`](crate::Query::all) and [`optional`](crate::Query::optional) return.
///
/// Everything that serde can deserialize is one:
///
/// - a struct takes its fields from the columns of the same name (an exact match first, then
///   without regard to ASCII case); columns it does not know are ignored, unless it denies them;
/// - a map takes all columns by name;
/// - a tuple takes its elements by position and wants as many columns; a `Vec` takes them all;
/// - a single value, in an `Option` or not, wants a row of one column (from a single column of
///   bytes or an array, a `Vec` is that column's);
/// - what takes any form, as a `serde_json::Value` does, gets the value of a single column, else a
///   map;
/// - `()` takes any row and reads nothing.
///
/// Values convert by the rules of [`FromValue`](crate::FromValue): exactly, or not at all. Enums
/// without fields come from text; decimals, UUIDs, dates and times are handed to serde as text,
/// which the types of this crate and most others read.
///
/// Beside these, [`Row`] is one, for a row as it is, and [`Value`], for a single column.
///
/// ```
/// use serde::Deserialize;
/// use wellspring_connector::{Column, Date, FromRow, ValueBatch, ValueKind};
///
/// #[derive(Deserialize)]
/// struct User { name: String, born: Option<Date> }
///
/// # let columns = vec![
/// #     Column::new("NAME", ValueKind::Text, ""), Column::new("born", ValueKind::Date, ""),
/// # ];
/// # let values = vec!["Ada".into(), Date::new(1815, 12, 10)?.into()];
/// # let row = ValueBatch::new(columns, vec![values])?.row(0).expect("one row");
/// let user = User::from_row(&row)?;
/// assert_eq!((user.name.as_str(), user.born), ("Ada", Some(Date::new(1815, 12, 10)?)));
/// let (name, born) = <(String, String)>::from_row(&row)?;
/// assert_eq!(born, "1815-12-10");
/// # let _ = name;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait FromRow: Sized {
    /// Converts `row`.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`](crate::ErrorKind::Decode) when it does not fit, naming the column, its
    /// type and the one asked for.
    fn from_row(row: &Row) -> Result<Self>;
}

impl<T: DeserializeOwned> FromRow for T {
    fn from_row(row: &Row) -> Result<Self> {
        row.deserialize()
    }
}

impl FromRow for Row {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(row.clone())
    }
}

impl FromRow for Value {
    fn from_row(row: &Row) -> Result<Self> {
        crate::de::check_single(row)?;
        row.try_get(0)
    }
}

impl Row {
    /// The row as a `T`, by the rules of [`FromRow`]. Unlike there, `T` may borrow from the row.
    ///
    /// # Errors
    /// As [`FromRow::from_row`].
    pub fn deserialize<'r, T: Deserialize<'r>>(&'r self) -> Result<T> {
        crate::de::deserialize(self)
    }
}
