//! The results of a running query: as they arrive, decoded when they are read.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use mysql_async::Row;
use wellspring_connector::{Columns, Cursor, Error, ExecResult, Result, RowBatch};

use crate::connection::{MySqlConnection, summary};
use crate::decode::{MySqlBatch, Shape};
use crate::flight::Event;
use crate::session::Landed;

/// A query between its first row and the last of its last result.
pub(crate) struct MySqlCursor<'c> {
    connection: &'c mut MySqlConnection,
    shape: Shape,
    done: ExecResult,
    /// What came before it was asked for: the beginning of the next result, or the end.
    ahead: Ahead,
}

enum Ahead {
    /// The current result goes on.
    Nothing,
    /// It has ended.
    Ended,
    /// The next one has begun, with these columns.
    Next(Shape),
    /// The next one was without columns, and did this.
    Done(ExecResult),
    /// There are no more.
    Over,
    /// It failed.
    Failed(Error),
}

impl<'c> MySqlCursor<'c> {
    /// The results of what is in flight, whose first has begun with this shape.
    pub(crate) fn new(connection: &'c mut MySqlConnection, shape: Shape) -> Self {
        Self { connection, shape, done: ExecResult::default(), ahead: Ahead::Nothing }
    }

    /// The one result of what has ended.
    pub(crate) fn complete(
        connection: &'c mut MySqlConnection,
        done: ExecResult,
        over: bool,
    ) -> Self {
        let ahead = if over { Ahead::Over } else { Ahead::Ended };
        Self { connection, shape: Shape::none(), done, ahead }
    }

    fn batch(&self, rows: Vec<Row>) -> Arc<dyn RowBatch> {
        Arc::new(MySqlBatch { shape: self.shape.clone(), rows })
    }

    /// Reads on until the current result is over, or rows of it arrive.
    fn poll_rows(&mut self, cx: &mut Context<'_>) -> Poll<Option<Vec<Row>>> {
        while let Ahead::Nothing = self.ahead {
            match ready!(self.connection.session.poll_event(cx)) {
                Landed::More(Event::Rows(rows)) => return Poll::Ready(Some(rows)),
                Landed::More(Event::Complete(rows, id)) => {
                    self.done = summary(rows, id);
                    self.ahead = Ahead::Ended;
                }
                landed => self.ahead = self.next(landed),
            }
        }
        Poll::Ready(None)
    }

    /// What comes after a result.
    fn next(&mut self, landed: Landed) -> Ahead {
        match landed {
            Landed::More(Event::Columns(columns)) => Ahead::Next(Shape::of(&columns)),
            Landed::More(Event::Complete(rows, id)) => Ahead::Done(summary(rows, id)),
            Landed::More(_) => Ahead::Nothing,
            Landed::Over(Ok(())) => Ahead::Over,
            Landed::Over(Err(error)) => Ahead::Failed(self.connection.in_transaction(error)),
        }
    }
}

impl Cursor for MySqlCursor<'_> {
    fn columns(&self) -> &Columns {
        &self.shape.columns
    }

    fn poll_batch(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Arc<dyn RowBatch>>>> {
        if let Some(rows) = ready!(self.poll_rows(cx)) {
            return Poll::Ready(Some(Ok(self.batch(rows))));
        }
        // The end of the last result is not the end of the request: what failed after it is told.
        if let Ahead::Ended = self.ahead {
            let landed = ready!(self.connection.session.poll_event(cx));
            self.ahead = self.next(landed);
        }
        match std::mem::replace(&mut self.ahead, Ahead::Over) {
            Ahead::Failed(error) => Poll::Ready(Some(Err(error))),
            ahead => {
                self.ahead = ahead;
                Poll::Ready(None)
            }
        }
    }

    fn summary(&self) -> ExecResult {
        self.done.clone()
    }

    fn poll_next_set(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool>> {
        loop {
            match std::mem::replace(&mut self.ahead, Ahead::Over) {
                Ahead::Over => return Poll::Ready(Ok(false)),
                Ahead::Failed(error) => return Poll::Ready(Err(error)),
                Ahead::Next(shape) => {
                    self.shape = shape;
                    self.done = ExecResult::default();
                    self.ahead = Ahead::Nothing;
                    return Poll::Ready(Ok(true));
                }
                Ahead::Done(done) => {
                    self.shape = Shape::none();
                    self.done = done;
                    self.ahead = Ahead::Ended;
                    return Poll::Ready(Ok(true));
                }
                Ahead::Ended | Ahead::Nothing => {
                    self.ahead = Ahead::Ended;
                    let landed = ready!(self.connection.session.poll_event(cx));
                    self.ahead = self.next(landed);
                }
            }
        }
    }
}

impl Drop for MySqlCursor<'_> {
    fn drop(&mut self) {
        self.connection.session.abandon();
    }
}

impl fmt::Debug for MySqlCursor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MySqlCursor").finish_non_exhaustive()
    }
}
