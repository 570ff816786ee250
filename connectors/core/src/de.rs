//! Serde over a row: columns by name or position, values by the rules of `FromValue`.

mod column;
mod error;
mod row;
mod value;

use self::row::RowDeserializer;
use crate::{Error, ErrorKind, Result, Row};

/// `row` as a `T`.
pub(crate) fn deserialize<'r, T: serde::Deserialize<'r>>(row: &'r Row) -> Result<T> {
    T::deserialize(RowDeserializer::new(row))
        .map_err(|error| error.into_error(std::any::type_name::<T>()))
}

/// Fails unless `row` has exactly one column.
pub(crate) fn check_single(row: &Row) -> Result<()> {
    if row.len() == 1 {
        return Ok(());
    }
    let names: Vec<&str> = row.columns().iter().map(|column| &*column.name).collect();
    Err(Error::new(
        ErrorKind::Decode,
        format!(
            "a single value was asked for, and the row has {} columns: {}",
            names.len(),
            names.join(", ")
        ),
    ))
}
