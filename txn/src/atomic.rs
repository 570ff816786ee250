//! Work of several statements, kept as a whole or not at all: in a transaction of its own, or in a
//! savepoint where a transaction is open.

use std::time::Instant;

use wellspring_connector::{
    Command, Connection, ExecResult, Lease, Result, Retry, Row, SavepointOp, SessionState,
    TransactionOptions, Value, WorkKind,
};

use crate::tx::savepoint_name;

/// Something of several statements begun on a borrowed connection. Dropping it half-way undoes it: the
/// lender rolls back what is open, and a transaction undoes its savepoint before its next statement.
pub(crate) struct Atomic<'l, L: Lease> {
    lease: &'l mut L,
    /// The savepoint's depth; none for a transaction of its own.
    savepoint: Option<u32>,
    ended: bool,
    began: Instant,
}

impl<'l, L: Lease> Atomic<'l, L> {
    pub(crate) async fn begin(lease: &'l mut L) -> Result<Self> {
        let savepoint = lease.depth().map(|depth| depth + 1);
        match savepoint {
            None => {
                let mut begun = lease.connection().begin(TransactionOptions::new()).await;
                // It died while it was idle: nothing was sent.
                if begun.as_ref().is_err_and(|error| error.retry() == Retry::SafeToResend)
                    && lease.replace().await?
                {
                    begun = lease.connection().begin(TransactionOptions::new()).await;
                }
                begun?;
            }
            Some(depth) => {
                mark(lease, SavepointOp::Create, depth).await?;
                lease.undo_unless_ended(Some(depth));
            }
        }
        Ok(Self { lease, savepoint, ended: false, began: Instant::now() })
    }

    /// What it runs on.
    pub(crate) fn lease(&mut self) -> &mut L {
        self.lease
    }

    pub(crate) fn connection(&mut self) -> &mut dyn Connection {
        self.lease.connection()
    }

    /// Runs one statement of it.
    pub(crate) async fn execute(&mut self, text: &str, values: &[Value]) -> Result<ExecResult> {
        let start = Instant::now();
        let result = self.lease.connection().execute(Command::new(text, values)).await;
        self.lease.finished(start.elapsed(), result.as_ref().map(drop));
        result
    }

    /// Runs one statement of it, and reads all of its rows.
    pub(crate) async fn rows(&mut self, text: &str, values: &[Value]) -> Result<Vec<Row>> {
        let start = Instant::now();
        let read = read_all(self.lease.connection(), Command::new(text, values)).await;
        self.lease.finished(start.elapsed(), read.as_ref().map(drop));
        read
    }

    /// Runs one statement of it without parameters, as it is.
    pub(crate) async fn execute_text(&mut self, text: &str) -> Result<ExecResult> {
        let start = Instant::now();
        let result = self.lease.connection().execute_text(text).await;
        self.lease.finished(start.elapsed(), result.as_ref().map(drop));
        result
    }

    /// False when a statement ended the transaction by itself. A connection that is gone has ended none:
    /// what was open on it is lost, and the commit says so.
    pub(crate) fn is_open(&mut self) -> bool {
        use SessionState::{Idle, Tainted};
        !matches!(self.lease.connection().state(), Idle | Tainted)
    }

    /// True for a part of somebody's transaction.
    pub(crate) fn is_inside(&self) -> bool {
        self.savepoint.is_some()
    }

    /// Begins a transaction of its own again, if a statement has ended it.
    pub(crate) async fn reopen(&mut self) -> Result<()> {
        if self.savepoint.is_none() && !self.is_open() {
            self.lease.connection().begin(TransactionOptions::new()).await?;
        }
        Ok(())
    }

    /// Keeps it if what was done in it succeeded, else undoes it.
    pub(crate) async fn end<R>(self, result: Result<R>) -> Result<R> {
        match result {
            Ok(value) => self.keep().await.map(|()| value),
            Err(error) => {
                self.undo().await;
                Err(error)
            }
        }
    }

    /// Keeps it.
    pub(crate) async fn keep(mut self) -> Result<()> {
        let committed = self.savepoint.is_none() && !self.is_open();
        match self.savepoint {
            // By a statement that does so by itself.
            None if committed => {}
            None => {
                let kept = self.lease.connection().commit().await;
                self.lease.record(WorkKind::Transaction, self.began.elapsed(), kept.is_ok());
                if let Err(error) = kept {
                    // SQLite leaves it open, and the connection may be asked for more.
                    self.ended = !error.is_connection_lost()
                        && self.lease.connection().rollback().await.is_ok();
                    return Err(error);
                }
            }
            Some(depth) => {
                self.lease.releasing(depth);
                mark(self.lease, SavepointOp::Release, depth).await?;
                self.lease.undo_unless_ended(None);
            }
        }
        self.ended = true;
        Ok(())
    }

    /// Undoes it. A connection on which that fails is not used again.
    pub(crate) async fn undo(mut self) {
        let undone = match self.savepoint {
            None => {
                let undone = self.lease.connection().rollback().await;
                self.lease.record(WorkKind::Rollback, self.began.elapsed(), undone.is_ok());
                undone
            }
            Some(depth) => match mark(self.lease, SavepointOp::RollbackTo, depth).await {
                Ok(()) => {
                    // Not to be gone back to once more, should this be dropped.
                    self.lease.releasing(depth);
                    let released = mark(self.lease, SavepointOp::Release, depth).await;
                    if released.is_ok() {
                        self.lease.undo_unless_ended(None);
                    }
                    released
                }
                failed => failed,
            },
        };
        match undone {
            Ok(()) => self.ended = true,
            // What caused it is reported; this one ends when the connection is given up.
            Err(error) => tracing::warn!(%error, "undoing failed, connection abandoned"),
        }
    }
}

impl<L: Lease> Drop for Atomic<'_, L> {
    fn drop(&mut self) {
        if !self.ended && self.savepoint.is_none() {
            self.lease.abandon();
        }
    }
}

/// Works on a savepoint. That it fails is told as of any statement: the whole transaction may have to be run
/// again for it.
async fn mark(lease: &mut impl Lease, op: SavepointOp, depth: u32) -> Result<()> {
    let start = Instant::now();
    let done = lease.connection().savepoint(op, &savepoint_name(depth)).await;
    if let Err(error) = &done {
        lease.finished(start.elapsed(), Err(error));
    }
    done
}

async fn read_all(connection: &mut dyn Connection, command: Command<'_>) -> Result<Vec<Row>> {
    let mut rows = connection.query(command).await?;
    let mut all = Vec::new();
    while let Some(batch) = rows.next_batch().await? {
        all.extend(batch);
    }
    Ok(all)
}
