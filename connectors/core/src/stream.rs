//! The rows of a query as a stream that owns what it needs.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use crate::{Batch, Column, Columns, FromRow, Result, Row};

/// Rows as they arrive, in bounded memory: what [`Query::stream`](crate::Query::stream) returns.
///
/// The connection is borrowed at the first poll and given back at the end of the rows, at the first
/// error, and when the stream is dropped. It implements [`Stream`], and [`next`](Self::next) reads
/// it without any extension trait.
///
/// # Cancel safety
/// No row is lost when the future of [`next`](Self::next) is dropped.
pub struct RowStream<'s> {
    /// Holds the connection; dropped at the end, or the first error, to give it back.
    batches: Option<Pin<Box<dyn Stream<Item = Result<Batch>> + Send + 's>>>,
    current: Option<Batch>,
    /// Which database errors come from.
    database: Option<Arc<str>>,
    columns: Arc<OnceLock<Columns>>,
}

impl<'s> RowStream<'s> {
    /// The rows in `batches`, whose source tells the `columns` before the first of them.
    pub(crate) fn new(
        batches: impl Stream<Item = Result<Batch>> + Send + 's,
        database: Option<Arc<str>>,
        columns: Arc<OnceLock<Columns>>,
    ) -> Self {
        Self { batches: Some(Box::pin(batches)), current: None, database, columns }
    }

    /// The columns, also of a result without rows: known as soon as [`next`](Self::next) has returned,
    /// a row or the end. `None` before, and when the statement failed.
    pub fn columns(&self) -> Option<&[Column]> {
        self.columns.get().map(|columns| &**columns)
    }

    /// The next row, or `None` after the last.
    ///
    /// # Errors
    /// The database's; the stream ends there.
    pub async fn next(&mut self) -> Result<Option<Row>> {
        std::future::poll_fn(|cx| self.poll_row(cx)).await.transpose()
    }

    /// The next row as a `T`, or `None` after the last.
    ///
    /// # Errors
    /// As [`next`](Self::next); [`ErrorKind::Decode`](crate::ErrorKind::Decode) when the row is not
    /// a `T`: reading can go on after it.
    pub async fn next_as<T: FromRow>(&mut self) -> Result<Option<T>> {
        self.next().await?.map(|row| T::from_row(&row)).transpose()
    }

    /// The next rows, each as a `T`: `size` of them (at least one), fewer at the end, none after it.
    ///
    /// ```
    /// # use wellspring_connector::{Result, RowStream};
    /// # async fn export(mut rows: RowStream<'_>) -> Result<()> {
    /// loop {
    ///     let batch: Vec<(i64, String)> = rows.next_batch(1_000).await?;
    ///     if batch.is_empty() {
    ///         break;
    ///     }
    ///     // …
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`next_as`](Self::next_as).
    ///
    /// # Cancel safety
    /// Dropping the future loses the rows read for the batch so far.
    pub async fn next_batch<T: FromRow>(&mut self, size: usize) -> Result<Vec<T>> {
        let mut batch = Vec::new();
        while batch.len() < size.max(1) {
            match self.next_as().await? {
                Some(row) => batch.push(row),
                None => break,
            }
        }
        Ok(batch)
    }

    fn poll_row(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Row>>> {
        loop {
            if let Some(row) = self.current.as_mut().and_then(Iterator::next) {
                return Poll::Ready(Some(Ok(row)));
            }
            let Some(batches) = &mut self.batches else { return Poll::Ready(None) };
            match ready!(batches.as_mut().poll_next(cx)) {
                Some(Ok(batch)) => self.current = Some(batch),
                Some(Err(error)) => {
                    self.batches = None;
                    return Poll::Ready(Some(Err(error.or_database(self.database.as_ref()))));
                }
                None => self.batches = None,
            }
        }
    }
}

impl Stream for RowStream<'_> {
    type Item = Result<Row>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_row(cx)
    }
}

impl fmt::Debug for RowStream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowStream").field("done", &self.batches.is_none()).finish_non_exhaustive()
    }
}
