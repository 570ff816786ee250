//! The rows of a running query: as they arrive, decoded when they are read.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Row, RowStream};
use wellspring_connector::{
    Columns, Cursor, Error, ErrorKind, ExecResult, Result, RowBatch, ValueRef,
};

use crate::connection::PostgresConnection;
use crate::errors::{Sent, convert};
use crate::statements::Shape;

/// The rows of a batch, unless the caller asks for another number.
const ROWS: usize = 256;
/// The bytes after which a batch is full, whatever its number of rows.
const BYTES: usize = 256 * 1024;

/// A query between its first row and its last.
pub(crate) struct PostgresCursor<'c> {
    connection: &'c mut PostgresConnection,
    stream: Pin<Box<RowStream>>,
    shape: Shape,
    /// A row that was read to learn the columns.
    first: Option<Row>,
    most: usize,
    counts: bool,
    failed: Option<tokio_postgres::Error>,
    done: bool,
}

impl<'c> PostgresCursor<'c> {
    /// Rows of a statement whose columns are known.
    pub(crate) fn new(
        connection: &'c mut PostgresConnection,
        stream: RowStream,
        shape: Shape,
        fetch_size: Option<std::num::NonZeroU32>,
        counts: bool,
    ) -> Self {
        let most = fetch_size.map_or(ROWS, |rows| rows.get() as usize);
        Self {
            connection,
            stream: Box::pin(stream),
            shape,
            first: None,
            most,
            counts,
            failed: None,
            done: false,
        }
    }

    /// Waits for the first row, which tells the columns of a statement that was not prepared.
    pub(crate) async fn learn(&mut self) -> Result<()> {
        match poll_fn(|cx| self.stream.as_mut().poll_next(cx)).await {
            Some(Ok(row)) => {
                self.shape = Shape::of(row.columns());
                self.first = Some(row);
                Ok(())
            }
            None => {
                self.done = true;
                Ok(())
            }
            Some(Err(error)) => {
                self.done = true;
                Err(self.connection.failed(error, Sent::Perhaps).await)
            }
        }
    }

    /// Passes the error on once its answer has ended: tokio-postgres is earlier.
    fn poll_failed(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Arc<dyn RowBatch>>>> {
        if !self.connection.session().client.is_closed() {
            ready!(self.connection.session().watched.poll_settled(cx));
        }
        self.done = true;
        Poll::Ready(
            self.failed
                .take()
                .map(|error| Err(self.connection.in_transaction(convert(error, Sent::Perhaps)))),
        )
    }

    fn batch(&self, rows: Vec<Row>) -> Arc<dyn RowBatch> {
        Arc::new(PostgresBatch { shape: self.shape.clone(), rows })
    }
}

impl Cursor for PostgresCursor<'_> {
    fn columns(&self) -> &Columns {
        &self.shape.columns
    }

    fn poll_batch(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Arc<dyn RowBatch>>>> {
        if self.failed.is_some() {
            return self.poll_failed(cx);
        }
        if self.done {
            return Poll::Ready(None);
        }
        let mut rows = Vec::new();
        let mut bytes = 0;
        rows.extend(self.first.take());
        loop {
            match self.stream.as_mut().poll_next(cx) {
                Poll::Ready(Some(Ok(row))) => {
                    bytes += row.raw_size_bytes();
                    rows.push(row);
                    if rows.len() >= self.most || bytes >= BYTES {
                        return Poll::Ready(Some(Ok(self.batch(rows))));
                    }
                }
                Poll::Ready(None) => {
                    self.done = true;
                    let batch = (!rows.is_empty()).then(|| Ok(self.batch(rows)));
                    return Poll::Ready(batch);
                }
                Poll::Ready(Some(Err(error))) => {
                    self.failed = Some(error);
                    // The rows before it come first, as they did from the server.
                    return if rows.is_empty() {
                        self.poll_failed(cx)
                    } else {
                        Poll::Ready(Some(Ok(self.batch(rows))))
                    };
                }
                Poll::Pending if rows.is_empty() => return Poll::Pending,
                // What is here need not wait for the rest.
                Poll::Pending => return Poll::Ready(Some(Ok(self.batch(rows)))),
            }
        }
    }

    fn summary(&self) -> ExecResult {
        let rows = self.stream.rows_affected().filter(|_| self.counts);
        ExecResult::new(rows.unwrap_or(0))
    }
}

impl Drop for PostgresCursor<'_> {
    fn drop(&mut self) {
        // Written it was, since its answer began. If the answer has ended too, nothing is in flight.
        let session = self.connection.session();
        if !self.done && !session.watched.is_settled() {
            session.abandon();
        }
    }
}

impl fmt::Debug for PostgresCursor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresCursor").field("done", &self.done).finish_non_exhaustive()
    }
}

/// Rows in the server's own form.
#[derive(Debug)]
struct PostgresBatch {
    shape: Shape,
    rows: Vec<Row>,
}

impl RowBatch for PostgresBatch {
    fn columns(&self) -> &Columns {
        &self.shape.columns
    }

    fn len(&self) -> usize {
        self.rows.len()
    }

    fn value(&self, row: usize, column: usize) -> Result<ValueRef<'_>> {
        let bytes = self.rows[row].try_get::<_, Raw<'_>>(column);
        let wrong = |why: &dyn fmt::Display| {
            let name = &self.shape.columns[column].name;
            Error::new(ErrorKind::Decode, format!("column {column} `{name}`: {why}"))
                .with_column(name.clone())
        };
        let Raw(bytes) = bytes.map_err(|error| wrong(&error))?;
        self.shape.decoders[column].read(bytes).map_err(|error| wrong(&error))
    }
}

/// The bytes of a value as they came.
struct Raw<'a>(Option<&'a [u8]>);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(
        _: &Type,
        raw: &'a [u8],
    ) -> std::result::Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(Some(raw)))
    }

    fn from_sql_null(
        _: &Type,
    ) -> std::result::Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(None))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
