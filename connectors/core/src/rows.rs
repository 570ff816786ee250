//! Rows: batches of them as drivers produce them, and one row as users read it.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::{Error, ErrorKind, ExecResult, FromValue, Result, Value, ValueKind, ValueRef};

/// What is known about one column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Column {
    /// The column's name, as the database gives it.
    pub name: Box<str>,
    /// The kind its values decode to, or [`ValueKind::Unknown`] where each value decides (SQLite).
    pub kind: ValueKind,
    /// The database's own name of its type, empty where it has none (an expression in SQLite).
    pub native_type: Box<str>,
}

impl Column {
    /// A column named `name`.
    pub fn new(
        name: impl Into<Box<str>>,
        kind: ValueKind,
        native_type: impl Into<Box<str>>,
    ) -> Self {
        Self { name: name.into(), kind, native_type: native_type.into() }
    }
}

/// The columns of a result, shared by all its rows.
pub type Columns = Arc<[Column]>;

/// A run of rows in the driver's own form, decoded one value at a time, on demand.
///
/// One batch is one allocation shared by its rows, so that a row costs a reference count and no
/// box. Drivers decide how many rows a batch holds (a few hundred, bounded in bytes).
pub trait RowBatch: fmt::Debug + Send + Sync + 'static {
    /// The columns of every row.
    fn columns(&self) -> &Columns;

    /// The number of rows.
    fn len(&self) -> usize;

    /// True when the batch has no rows.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Decodes one value. `row` and `column` are below [`len`](Self::len) and the number of
    /// columns; callers check that.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`] when the driver's bytes are not a value (a zero date, broken UTF-8).
    fn value(&self, row: usize, column: usize) -> Result<ValueRef<'_>>;
}

/// One row of a result.
///
/// A row is two words wide and shares its batch; keeping one row keeps its batch in memory.
///
/// ```
/// # use wellspring_connector::Row;
/// # fn read(row: &Row) -> wellspring_connector::Result<()> {
/// let id: i64 = row.try_get(0)?;
/// let name: Option<&str> = row.try_get("name")?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Row {
    batch: Arc<dyn RowBatch>,
    index: u32,
}

impl Row {
    /// Row `index` of `batch`.
    ///
    /// # Panics
    /// When the batch has no such row.
    pub fn new(batch: Arc<dyn RowBatch>, index: usize) -> Self {
        assert!(index < batch.len(), "row {index} of a batch of {}", batch.len());
        let index = u32::try_from(index).expect("a batch holds fewer than 2^32 rows");
        Self { batch, index }
    }

    /// The row's columns.
    pub fn columns(&self) -> &[Column] {
        self.batch.columns()
    }

    /// The number of columns.
    pub fn len(&self) -> usize {
        self.columns().len()
    }

    /// True when the row has no columns.
    pub fn is_empty(&self) -> bool {
        self.columns().is_empty()
    }

    /// The value of a column, by position (from 0) or name, as a `T`.
    ///
    /// The conversion is made only when it is exact. Names match exactly first, then without
    /// regard to ASCII case; the first of several equal names wins.
    ///
    /// # Errors
    /// [`ErrorKind::ColumnNotFound`], naming the columns there are; [`ErrorKind::Decode`], naming
    /// the column, its native type and `T`.
    pub fn try_get<'r, T: FromValue<'r>>(&'r self, column: impl ColumnIndex) -> Result<T> {
        let position = column.position(self.columns())?;
        let value = self.value(position)?;
        let (kind, null) = (value.kind(), value.is_null());
        T::from_value(value).map_err(|reason| {
            let found = if null { None } else { Some(kind) };
            self.decode_error(position, found, std::any::type_name::<T>(), reason)
        })
    }

    /// The error of a column that holds `found` (nothing: null) and not a `target`.
    pub(crate) fn decode_error(
        &self,
        position: usize,
        found: Option<ValueKind>,
        target: &str,
        reason: impl fmt::Display,
    ) -> Error {
        let column = &self.columns()[position];
        let found = found.map_or("null".to_owned(), |kind| kind.to_string());
        let native = match &*column.native_type {
            "" => String::new(),
            native => format!(" (declared {native})"),
        };
        Error::new(
            ErrorKind::Decode,
            format!("column {position} `{}`: {found}{native} as {target}: {reason}", column.name),
        )
        .with_column(column.name.clone())
    }

    /// The value at `position`, borrowed and unconverted.
    ///
    /// # Errors
    /// [`ErrorKind::ColumnNotFound`] when there are fewer columns, [`ErrorKind::Decode`] when the
    /// driver's bytes are not a value.
    pub fn value(&self, position: usize) -> Result<ValueRef<'_>> {
        if position >= self.len() {
            return Err(no_such_column(position, self.columns()));
        }
        self.batch.value(self.index as usize, position)
    }

    /// All values, owned.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`] when the driver's bytes are not a value.
    pub fn to_values(&self) -> Result<Vec<Value>> {
        (0..self.len()).map(|i| Ok(self.value(i)?.to_owned())).collect()
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (i, column) in self.columns().iter().enumerate() {
            match self.value(i) {
                Ok(value) => map.entry(&column.name, &value),
                Err(error) => map.entry(&column.name, &format_args!("<{error}>")),
            };
        }
        map.finish()
    }
}

/// A column, by position or by name.
pub trait ColumnIndex {
    /// The position among `columns`.
    ///
    /// # Errors
    /// [`ErrorKind::ColumnNotFound`], naming what was asked for and what there is.
    fn position(&self, columns: &[Column]) -> Result<usize>;
}

impl ColumnIndex for usize {
    fn position(&self, columns: &[Column]) -> Result<usize> {
        if *self < columns.len() { Ok(*self) } else { Err(no_such_column(self, columns)) }
    }
}

impl ColumnIndex for &str {
    fn position(&self, columns: &[Column]) -> Result<usize> {
        columns
            .iter()
            .position(|c| &*c.name == *self)
            .or_else(|| columns.iter().position(|c| c.name.eq_ignore_ascii_case(self)))
            .ok_or_else(|| no_such_column(format_args!("`{self}`"), columns))
    }
}

impl ColumnIndex for &String {
    fn position(&self, columns: &[Column]) -> Result<usize> {
        self.as_str().position(columns)
    }
}

fn no_such_column(asked: impl fmt::Display, columns: &[Column]) -> Error {
    let names: Vec<&str> = columns.iter().map(|c| &*c.name).collect();
    Error::new(
        ErrorKind::ColumnNotFound,
        format!("no column {asked}; the result has {}: {}", names.len(), names.join(", ")),
    )
}

/// What a driver implements to stream a result: batches until there are no more.
///
/// Dropping a cursor early must leave the connection usable, or mark it as
/// [`SessionState::Busy`](crate::SessionState::Busy) so that it is settled before it serves again.
pub trait Cursor: Send {
    /// The columns of the result.
    fn columns(&self) -> &Columns;

    /// The next batch; `None` when the result is complete. Never called again after `None` or an
    /// error. A batch may be empty.
    fn poll_batch(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Arc<dyn RowBatch>>>>;

    /// What the statement of the result that was just read to its end did, where the database says.
    fn summary(&self) -> ExecResult {
        ExecResult::default()
    }

    /// Moves on to the next result, whose columns and batches the other methods then give; false
    /// when there is none. Called after `poll_batch` said `None`. The default has one result only.
    fn poll_next_set(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool>> {
        let _ = cx;
        Poll::Ready(Ok(false))
    }
}

/// The rows of a running query, as they arrive.
///
/// Memory stays bounded: the driver produces the next batch only when this one has been read.
/// Dropping it ends the query.
pub struct Rows<'c> {
    cursor: Box<dyn Cursor + 'c>,
    batch: Option<Arc<dyn RowBatch>>,
    next: usize,
    done: bool,
}

impl<'c> Rows<'c> {
    /// The rows of `cursor`.
    pub fn new(cursor: Box<dyn Cursor + 'c>) -> Self {
        Self { cursor, batch: None, next: 0, done: false }
    }

    /// The same rows, what is still to come by way of another cursor.
    pub(crate) fn through(
        self,
        wrap: impl FnOnce(Box<dyn Cursor + 'c>) -> Box<dyn Cursor + 'c>,
    ) -> Self {
        Self { cursor: wrap(self.cursor), ..self }
    }

    /// The columns of the result.
    pub fn columns(&self) -> &Columns {
        self.cursor.columns()
    }

    /// The next row, or `None` after the last.
    ///
    /// # Errors
    /// Whatever the database reports while it produces rows; the result ends there.
    ///
    /// # Cancel safety
    /// No row is lost when the future is dropped.
    pub async fn next(&mut self) -> Result<Option<Row>> {
        poll_fn(|cx| self.poll_row(cx)).await.transpose()
    }

    /// The next whole batch (what is left of the current one first), or `None` after the last.
    /// Cheaper than row by row where the caller loops anyway.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    ///
    /// # Cancel safety
    /// No batch is lost when the future is dropped.
    pub async fn next_batch(&mut self) -> Result<Option<Batch>> {
        poll_fn(|cx| self.poll_next_batch(cx)).await.transpose()
    }

    /// What the statement of the current result did: rows affected, generated key. Complete once
    /// the result was read to its end.
    pub fn summary(&self) -> ExecResult {
        self.cursor.summary()
    }

    /// Moves on to the next result of a statement that has several (a stored procedure), and says
    /// whether there is one. Rows of the current result that were not read are skipped.
    ///
    /// # Errors
    /// Whatever the database reports.
    ///
    /// # Cancel safety
    /// Rows may have been skipped when the future is dropped; the call can be made again.
    pub async fn next_set(&mut self) -> Result<bool> {
        while self.next_batch().await?.is_some() {}
        let more = poll_fn(|cx| self.cursor.poll_next_set(cx)).await?;
        if more {
            self.done = false;
        }
        Ok(more)
    }

    fn poll_next_batch(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Batch>>> {
        loop {
            if let Some(batch) = self.batch.take() {
                let start = self.next;
                if start < batch.len() {
                    return Poll::Ready(Some(Ok(Batch { batch, next: start })));
                }
            }
            if let Err(end) = std::task::ready!(self.poll_fill(cx)) {
                return Poll::Ready(end.map(Err));
            }
        }
    }

    fn poll_row(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Row>>> {
        loop {
            if let Some(batch) = &self.batch
                && self.next < batch.len()
            {
                let row = Row::new(Arc::clone(batch), self.next);
                self.next += 1;
                return Poll::Ready(Some(Ok(row)));
            }
            if let Err(end) = std::task::ready!(self.poll_fill(cx)) {
                return Poll::Ready(end.map(Err));
            }
        }
    }

    /// Fetches the next batch; `Err(None)` at the end, `Err(Some(error))` on failure.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Option<Error>>> {
        if self.done {
            return Poll::Ready(Err(None));
        }
        match std::task::ready!(self.cursor.poll_batch(cx)) {
            Some(Ok(batch)) => {
                self.batch = Some(batch);
                self.next = 0;
                Poll::Ready(Ok(()))
            }
            Some(Err(error)) => {
                self.done = true;
                Poll::Ready(Err(Some(error)))
            }
            None => {
                self.done = true;
                self.batch = None;
                Poll::Ready(Err(None))
            }
        }
    }
}

impl Stream for Rows<'_> {
    type Item = Result<Row>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_row(cx)
    }
}

impl fmt::Debug for Rows<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").field("columns", self.columns()).field("done", &self.done).finish()
    }
}

/// Some rows that have already arrived: an iterator over them.
#[derive(Debug, Clone)]
pub struct Batch {
    batch: Arc<dyn RowBatch>,
    next: usize,
}

impl Iterator for Batch {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        if self.next >= self.batch.len() {
            return None;
        }
        let row = Row::new(Arc::clone(&self.batch), self.next);
        self.next += 1;
        Some(row)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.batch.len() - self.next.min(self.batch.len());
        (left, Some(left))
    }
}

impl ExactSizeIterator for Batch {}
