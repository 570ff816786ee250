//! Many rows in: one prepared insert, run for row after row on a blocking thread, while the next rows
//! are gathered.

use std::future::poll_fn;

use wellspring_connector::{
    BulkSink, BulkSource, BulkTarget, Connection, Error, ErrorKind, ExecResult, Result,
    SavepointOp, TransactionOptions, Value, ValueRef,
};

use crate::connection::{DIALECT, Seat, SqliteConnection, Undo as Left, gone};
use crate::errors::{During, convert, is_busy};
use crate::execute::wait::Patience;
use crate::session::{Done, Session, Turn, aborted};

/// The rows handed over together: enough that the hop to the thread does not count.
const ROWS: usize = 4_096;
/// The bytes after which fewer are.
const BYTES: usize = 1 << 20;
/// The values after which fewer are, in a wide table: each takes memory, however small it is.
const VALUES: usize = 1 << 17;

const SAVEPOINT: &str = "wellspring_bulk";

/// Inserts `rows`, all of them or none.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    into: &BulkTarget,
    rows: &mut dyn BulkSource,
) -> Result<u64> {
    into.check()?;
    if into.columns.len() > DIALECT.max_parameters {
        return Err(Error::new(
            ErrorKind::Parameters,
            format!("{} columns; SQLite takes {}", into.columns.len(), DIALECT.max_parameters),
        ));
    }
    let own = !connection.is_in_transaction().await?;
    if own {
        connection.begin(TransactionOptions::new()).await?;
    } else {
        connection.savepoint(SavepointOp::Create, SAVEPOINT).await?;
    }
    let mut undo = Undo { connection, own, over: false };
    let inserted = chunks(undo.connection, into, rows).await;
    let ended = match (&inserted, own) {
        (Ok(_), true) => undo.connection.commit().await,
        (Ok(_), false) => undo.connection.savepoint(SavepointOp::Release, SAVEPOINT).await,
        (Err(_), true) => undo.connection.rollback().await,
        (Err(_), false) => {
            match undo.connection.savepoint(SavepointOp::RollbackTo, SAVEPOINT).await {
                Ok(()) => undo.connection.savepoint(SavepointOp::Release, SAVEPOINT).await,
                failed => failed,
            }
        }
    };
    match (ended, &inserted) {
        (Ok(()), _) => undo.over = true,
        (Err(error), Ok(_)) => return Err(error),
        // What caused it is reported: SQLite may have rolled everything back for it.
        (Err(error), Err(_)) => tracing::debug!(%error, "a bulk insert could not be undone yet"),
    }
    inserted
}

/// Undoes what was inserted when nobody waits for the end of it.
struct Undo<'c> {
    connection: &'c mut SqliteConnection,
    own: bool,
    over: bool,
}

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.connection.undo_later(self.own);
        }
    }
}

async fn chunks(
    connection: &mut SqliteConnection,
    into: &BulkTarget,
    rows: &mut dyn BulkSource,
) -> Result<u64> {
    let text = statement(into);
    let width = into.columns.len();
    let mut count = 0;
    let mut running = false;
    let most = (ROWS * width).min(VALUES);
    let patience = connection.ready_to_write().await?;
    loop {
        let mut chunk = Chunk { values: Vec::with_capacity(most), bytes: 0 };
        let mut more = true;
        while more && chunk.values.len() < most && chunk.bytes < BYTES {
            let before = chunk.values.len();
            let row = poll_fn(|cx| rows.poll_row(cx, &mut chunk)).await;
            match row {
                Ok(true) => {
                    if let Err(error) = into.check_width(chunk.values.len() - before) {
                        finish(connection, &mut running).await?;
                        return Err(error);
                    }
                }
                Ok(false) => more = false,
                Err(error) => {
                    finish(connection, &mut running).await?;
                    return Err(error);
                }
            }
        }
        // The chunk before ran meanwhile.
        finish(connection, &mut running).await?;
        if !chunk.values.is_empty() {
            let first = count;
            count += (chunk.values.len() / width) as u64;
            let (text, values, patience) = (text.clone(), chunk.values, patience.clone());
            connection.run_away(move |session| {
                session.insert_rows(&text, &values, width, first, patience)
            })?;
            running = true;
        }
        if !more {
            finish(connection, &mut running).await?;
            return Ok(count);
        }
    }
}

/// Waits for the chunk that is running, if one is.
async fn finish(connection: &mut SqliteConnection, running: &mut bool) -> Result<()> {
    if std::mem::take(running) { connection.back().await } else { Ok(()) }
}

fn statement(into: &BulkTarget) -> String {
    let markers = vec!["?"; into.columns.len()].join(", ");
    format!(
        "insert into {} ({}) values ({markers})",
        into.quoted_table(&DIALECT),
        into.quoted_columns(&DIALECT)
    )
}

impl SqliteConnection {
    /// Whether a transaction is open, once the session is at rest.
    async fn is_in_transaction(&mut self) -> Result<bool> {
        let session = self.settle().await?;
        if session.is_aborted() {
            return Err(aborted());
        }
        Ok(session.in_transaction())
    }

    /// Sends `job` to a blocking thread; [`back`](Self::back) waits for it.
    fn run_away(&mut self, job: impl FnOnce(Session) -> Turn + Send + 'static) -> Result<()> {
        let Seat::Home(session) = self.seat.take() else { return Err(gone()) };
        self.send_away(move || job(session));
        Ok(())
    }

    /// Waits for what was sent away, and takes the session back.
    async fn back(&mut self) -> Result<()> {
        match std::future::poll_fn(|cx| self.poll_back(cx)).await? {
            Turn::Over(session, result) => {
                self.seat = Seat::Home(session);
                result.map(drop)
            }
            turn => {
                self.settled(turn);
                Err(Error::new(ErrorKind::Other, "a bulk insert ended before its end"))
            }
        }
    }

    /// Undoes a bulk insert as soon as the session is at rest: its `own` transaction, or its part of
    /// somebody's.
    fn undo_later(&mut self, own: bool) {
        self.undo = Some(if own { Left::Transaction } else { Left::Savepoint });
        if matches!(self.seat, Seat::Away(_)) {
            self.control.cancel();
        }
    }
}

impl Session {
    /// Undoes what a bulk insert did in somebody's transaction.
    pub(crate) fn undo_bulk_now(&mut self) -> Result<()> {
        if self.in_transaction() {
            let undo = format!("rollback to \"{SAVEPOINT}\"; release \"{SAVEPOINT}\"");
            self.connection.execute_batch(&undo).map_err(|e| convert(e, During::Run))?;
        }
        Ok(())
    }

    /// Runs the insert `text` for each row of `values`, which are those from `first` on.
    fn insert_rows(
        mut self,
        text: &str,
        values: &[Value],
        width: usize,
        first: u64,
        mut patience: Patience,
    ) -> Turn {
        let result = (|| {
            let mut statement =
                self.connection.prepare_cached(text).map_err(|e| convert(e, During::Prepare))?;
            for (row, index) in values.chunks_exact(width).zip(first..) {
                let numbered = |error: Error| match usize::try_from(index) {
                    Ok(index) => error.at_operation("row", index),
                    Err(_) => error,
                };
                if self.state.control.is_cancelled() {
                    return Err(Error::new(ErrorKind::Canceled, "the bulk insert was cancelled"));
                }
                crate::bind::bind(&mut statement, row).map_err(numbered)?;
                while let Err(error) = statement.raw_execute() {
                    // Another process writes, and nothing was written here yet.
                    let waits =
                        is_busy(&error) && !self.is_aborted() && !self.state.control.is_cancelled();
                    if !waits || !patience.pause_here() {
                        return Err(numbered(convert(error, During::Run)));
                    }
                }
            }
            Ok(Done::Effects(ExecResult::default()))
        })();
        let connection = &self.connection;
        self.state.note(connection, result.is_ok());
        Turn::Over(self, result)
    }
}

/// The values of the rows handed over together.
struct Chunk {
    values: Vec<Value>,
    bytes: usize,
}

impl BulkSink for Chunk {
    fn value(&mut self, value: ValueRef<'_>) -> Result<()> {
        self.bytes += match &value {
            ValueRef::Text(text) | ValueRef::Json(text) => text.len(),
            ValueRef::Bytes(bytes) => bytes.len(),
            _ => 0,
        };
        self.values.push(value.to_owned());
        Ok(())
    }
}
