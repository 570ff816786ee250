//! The rows of a running query: batches fetched where the plan says, in a long result one ahead.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use wellspring_connector::{Columns, Cursor, Error, ErrorKind, Result, RowBatch};

use crate::batch::SqliteBatch;
use crate::connection::{Seat, SqliteConnection};
use crate::execute::breath;
use crate::execute::wait::Waiting;
use crate::execute::{Place, Plan};
use crate::session::{Done, Turn};

/// A query between its first batch and its last.
pub(crate) struct SqliteCursor<'c> {
    connection: &'c mut SqliteConnection,
    columns: Columns,
    first: Option<SqliteBatch>,
    open: bool,
    plan: Plan,
    /// Batches that came from a blocking thread.
    fetched: u32,
}

/// From this batch on, the next one is fetched while the caller reads. Who wants only the first rows
/// leaves before, and nothing has to be stopped for it.
const AHEAD: u32 = 3;

impl<'c> SqliteCursor<'c> {
    /// `open` says that the connection's seat holds the statement, with more rows to come.
    pub(crate) fn new(
        connection: &'c mut SqliteConnection,
        first: SqliteBatch,
        open: bool,
        plan: Plan,
    ) -> Self {
        Self {
            connection,
            columns: Columns::clone(RowBatch::columns(&first)),
            first: Some(first),
            open,
            plan,
            fetched: 0,
        }
    }

    /// Takes the result of a turn.
    fn arrive(&mut self, turn: Turn) -> Result<SqliteBatch> {
        match turn {
            Turn::More(open, batch) => {
                self.connection.seat = Seat::Open(open);
                Ok(batch)
            }
            Turn::Over(session, done) => {
                self.open = false;
                self.connection.seat = Seat::Home(session);
                match done? {
                    Done::Rows(batch) => Ok(batch),
                    Done::Effects(_) | Done::Script(_) => {
                        Err(lost("a cursor's turn ended without rows"))
                    }
                }
            }
            Turn::Wait(open, _) | Turn::Hop(open) => {
                self.open = false;
                self.connection.seat = Seat::Home(open.close());
                Err(lost("a cursor's turn ended before its rows"))
            }
            Turn::Queue(session, _) => {
                self.open = false;
                self.connection.seat = Seat::Home(session);
                Err(lost("a cursor's turn ended before its rows"))
            }
            Turn::Busy(session, error) => {
                self.open = false;
                self.connection.seat = Seat::Home(session);
                Err(crate::errors::convert(error, crate::errors::During::Run))
            }
        }
    }

    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Result<SqliteBatch>> {
        if let Seat::Away(_) = self.connection.seat {
            return self.poll_fetched(cx);
        }
        if self.plan.place == Place::Here && self.plan.waiting == Waiting::Task {
            ready!(breath::poll(cx));
        }
        let Seat::Open(open) = self.connection.seat.take() else {
            self.open = false;
            return Poll::Ready(Err(lost("the connection was closed under its cursor")));
        };
        if self.plan.place == Place::Here {
            let turn = open.fetch_more(Place::Here);
            return Poll::Ready(self.arrive(turn));
        }
        // A statement that has delivered rows cannot begin again, so from the second batch on it
        // runs where it can be cancelled.
        self.connection.send_away(move || open.fetch_more(Place::Thread));
        self.poll_fetched(cx)
    }

    /// Waits for the batch that a blocking thread fetches.
    fn poll_fetched(&mut self, cx: &mut Context<'_>) -> Poll<Result<SqliteBatch>> {
        let turn = ready!(self.connection.poll_back(cx));
        let batch = turn.and_then(|turn| self.arrive(turn));
        self.fetched = self.fetched.saturating_add(1);
        if self.fetched >= AHEAD {
            match self.connection.seat.take() {
                Seat::Open(open) => {
                    self.connection.send_away(move || open.fetch_more(Place::Thread));
                }
                seat => self.connection.seat = seat,
            }
        }
        Poll::Ready(batch)
    }
}

impl Cursor for SqliteCursor<'_> {
    fn columns(&self) -> &Columns {
        &self.columns
    }

    fn poll_batch(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Arc<dyn RowBatch>>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Arc::new(first))));
        }
        if !self.open {
            return Poll::Ready(None);
        }
        let batch = ready!(self.poll_turn(cx));
        Poll::Ready(Some(batch.map(|batch| Arc::new(batch) as Arc<dyn RowBatch>)))
    }
}

impl Drop for SqliteCursor<'_> {
    fn drop(&mut self) {
        self.connection.leave();
    }
}

impl fmt::Debug for SqliteCursor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteCursor").field("open", &self.open).finish_non_exhaustive()
    }
}

fn lost(message: &str) -> Error {
    Error::new(ErrorKind::Other, message)
}
