//! Rows made of owned values: for drivers without a buffer of their own, and for tests.

use std::sync::Arc;
use std::task::{Context, Poll};

use crate::{Columns, Cursor, Error, ErrorKind, Result, Row, RowBatch, Rows, Value, ValueRef};

/// A [`RowBatch`] of owned [`Value`]s.
///
/// A driver that keeps its own buffer of rows decodes lazily from there and is cheaper; this one
/// is for drivers that hand out decoded values anyway, for results that a connector makes up
/// itself, and for tests.
///
/// ```
/// use wellspring_connector::{Column, Value, ValueBatch, ValueKind};
///
/// let columns = vec![
///     Column::new("id", ValueKind::I64, "bigint"),
///     Column::new("name", ValueKind::Text, "text"),
/// ];
/// let batch = ValueBatch::new(columns, vec![vec![1_i64.into(), "Ada".into()]])?;
/// let row = batch.row(0).expect("there is one row");
/// assert_eq!(row.try_get::<&str>("name")?, "Ada");
/// # Ok::<(), wellspring_connector::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ValueBatch(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    columns: Columns,
    rows: usize,
    /// All rows after one another.
    values: Box<[Value]>,
}

impl ValueBatch {
    /// `rows` under `columns`.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when a row does not have one value for each column.
    pub fn new(columns: impl Into<Columns>, rows: Vec<Vec<Value>>) -> Result<Self> {
        let columns = columns.into();
        if let Some((i, row)) = rows.iter().enumerate().find(|(_, r)| r.len() != columns.len()) {
            return Err(Error::new(
                ErrorKind::Usage,
                format!("row {i} has {} values for {} columns", row.len(), columns.len()),
            ));
        }
        let count = rows.len();
        let values = rows.into_iter().flatten().collect();
        Ok(Self(Arc::new(Shared { columns, rows: count, values })))
    }

    /// One row, if there is one at `index`.
    pub fn row(&self, index: usize) -> Option<Row> {
        (index < self.0.rows).then(|| Row::new(Arc::clone(&self.0) as Arc<dyn RowBatch>, index))
    }

    /// The rows as the result of a query.
    pub fn into_rows(self) -> Rows<'static> {
        Rows::new(Box::new(OneBatch { columns: Arc::clone(&self.0.columns), batch: Some(self.0) }))
    }
}

impl RowBatch for Shared {
    fn columns(&self) -> &Columns {
        &self.columns
    }

    fn len(&self) -> usize {
        self.rows
    }

    fn value(&self, row: usize, column: usize) -> Result<ValueRef<'_>> {
        Ok(self.values[row * self.columns.len() + column].as_ref())
    }
}

/// A cursor over rows that are all there.
struct OneBatch {
    columns: Columns,
    batch: Option<Arc<Shared>>,
}

impl Cursor for OneBatch {
    fn columns(&self) -> &Columns {
        &self.columns
    }

    fn poll_batch(&mut self, _cx: &mut Context<'_>) -> Poll<Option<Result<Arc<dyn RowBatch>>>> {
        Poll::Ready(self.batch.take().map(|batch| Ok(batch as Arc<dyn RowBatch>)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Column, ValueKind};

    #[test]
    fn rows_of_another_width_are_refused() {
        let columns = vec![Column::new("a", ValueKind::I64, "")];
        let rows = vec![vec![1_i64.into()], vec![]];
        let error = ValueBatch::new(columns, rows).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert_eq!(error.to_string(), "row 1 has 0 values for 1 columns");
    }

    #[test]
    fn rows_without_columns_are_counted() {
        let batch = ValueBatch::new(vec![], vec![vec![], vec![]]).unwrap();
        assert!(batch.row(1).unwrap().is_empty());
        assert!(batch.row(2).is_none());
    }
}
