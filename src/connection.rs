//! One connection for several statements.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wellspring_connector::{
    BulkRow, BulkSource, BulkTarget, Connection, Dialect, Error, ErrorKind, ExecResult, IntoParams,
    Lease, Query, Result, SessionState, Source, Sql, TransactionOptions, Translator, bulk_insert,
    bulk_rows,
};
use wellspring_pool_core::WorkKind;
use wellspring_txn::half_done::{HalfDone, settle};
use wellspring_txn::savepoint_name;

use crate::lend::Boxed;

/// A connection held for several statements: from
/// [`Database::connection`](crate::Database::connection), which borrows one of the pool, or
/// [`Database::open_connection`](crate::Database::open_connection), which opens one of its own.
///
/// Use it where statements must run on one session: temporary tables, settings, native access.
/// Dropping it gives the connection back; what was left open is rolled back and cleaned.
///
/// Each statement commits by itself, unless [`set_autocommit`](Self::set_autocommit) says otherwise.
pub struct DatabaseConnection {
    lease: Boxed,
    translator: Arc<Translator>,
    /// Statements commit by themselves.
    autocommit: bool,
    /// What was left half-way, and is to be undone before the next statement.
    undo: Option<Undo>,
}

/// Work of several statements that was left half-way.
#[derive(Debug, Clone)]
enum Undo {
    /// In a savepoint, of a transaction begun by hand.
    Savepoint(Option<HalfDone>),
    /// In a transaction of its own.
    Transaction,
}

/// How deep in savepoints a transaction that was begun by hand counts as.
const BY_HAND: u32 = 1000;

impl DatabaseConnection {
    pub(crate) fn new(lease: Boxed, translator: Arc<Translator>) -> Self {
        Self { lease, translator, autocommit: true, undo: None }
    }

    /// Runs one statement and reports what it did.
    ///
    /// # Errors
    /// The database's; [`ErrorKind::Parameters`](crate::ErrorKind::Parameters) when parameters and
    /// placeholders do not fit.
    pub async fn execute<'q>(
        &mut self,
        sql: impl Into<Sql<'q>>,
        params: impl IntoParams,
    ) -> Result<ExecResult> {
        self.query(sql, params).execute().await
    }

    /// Prepares a statement whose rows are wanted.
    pub fn query<'q>(
        &mut self,
        sql: impl Into<Sql<'q>>,
        params: impl IntoParams,
    ) -> Query<&mut Self> {
        Query::new(self, sql, params)
    }

    /// Runs several statements separated by semicolons, without parameters, and reports what each
    /// did.
    ///
    /// # Errors
    /// The first failing statement's; those before it have been carried out.
    pub async fn execute_script(&mut self, script: &str) -> Result<Vec<ExecResult>> {
        self.ready().await?;
        let result = self.lease.connection().execute_script(script).await;
        result.map_err(|error| error.or_database(self.translator.database()))
    }

    /// Inserts many rows by the fastest way the database has (`COPY`, `LOAD DATA`, one prepared insert
    /// in one transaction), all of them or none, and returns how many there were.
    ///
    /// A row is a tuple, an array or a slice of values, or a [`Row`](wellspring_connector::Row) of
    /// another query. Rows that arrive over time, and tables with a dot in their name:
    /// [`bulk_insert_from`](Self::bulk_insert_from).
    ///
    /// # Errors
    /// [`ErrorKind::Parameters`](crate::ErrorKind::Parameters) for a row of another width,
    /// [`ErrorKind::Encode`](crate::ErrorKind::Encode) for a value its column cannot hold; the database's.
    ///
    /// # Cancel safety
    /// Dropping the future ends the insert; no row is kept, unless all had been sent.
    pub async fn bulk_insert<C, I>(
        &mut self,
        table: &str,
        columns: impl IntoIterator<Item = C>,
        rows: I,
    ) -> Result<u64>
    where
        C: Into<String>,
        I: IntoIterator<Item: BulkRow>,
        I::IntoIter: Send,
    {
        self.bulk_insert_from(BulkTarget::new(table, columns), bulk_rows(rows)).await
    }

    /// As [`bulk_insert`](Self::bulk_insert), from any source of rows: a stream, through
    /// [`bulk_stream`](wellspring_connector::bulk_stream), is read as fast as it is written.
    ///
    /// # Errors
    /// Those of `bulk_insert`, and what the source reports.
    pub async fn bulk_insert_from(
        &mut self,
        into: BulkTarget,
        rows: impl BulkSource,
    ) -> Result<u64> {
        bulk_insert(self, into, rows).await
    }

    wellspring_txn::statement_methods!((&mut self) -> &mut Self, self);

    wellspring_txn::file_methods!((&mut self) -> &mut Self, self);

    /// One round trip that proves the connection alive.
    ///
    /// # Errors
    /// The database's.
    pub async fn ping(&mut self) -> Result<()> {
        let result = self.lease.connection().ping().await;
        result.map_err(|error| error.or_database(self.translator.database()))
    }

    /// Turns autocommit off, or on again. It is on in every connection that is lent.
    ///
    /// While it is off, a statement (or script, or bulk insert) begins a transaction first when none is
    /// open. [`commit`](Self::commit) and [`rollback`](Self::rollback) end it; dropping the connection
    /// rolls it back. Nothing is sent for it to the database here.
    ///
    /// ```
    /// # use wellspring::prelude::*;
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> wellspring::Result<()> {
    /// # let db = Database::connect("sqlite::memory:").await?;
    /// # db.execute("create table t (a integer)", ()).await?;
    /// let mut connection = db.connection().await?;
    /// connection.set_autocommit(false)?;
    /// connection.execute("insert into t values (1)", ()).await?;
    /// connection.commit().await?;
    /// connection.execute("insert into t values (2)", ()).await?;
    /// connection.rollback().await?;
    /// let rows: i64 = connection.query("select count(*) from t", ()).one().await?;
    /// assert_eq!(rows, 1);
    /// # Ok(()) }
    /// # #[cfg(not(feature = "sqlite"))]
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when it is turned on while a transaction is open,
    /// or a statement that was given up may have left one open.
    pub fn set_autocommit(&mut self, on: bool) -> Result<()> {
        if on && !self.autocommit && self.may_be_open() {
            let error = Error::new(
                ErrorKind::Usage,
                "autocommit cannot be turned on while a transaction is open: commit or roll back \
                 first",
            );
            return Err(error.or_database(self.translator.database()));
        }
        self.autocommit = on;
        Ok(())
    }

    /// True while each statement commits by itself. The default.
    pub fn autocommit(&self) -> bool {
        self.autocommit
    }

    /// Commits the open transaction. With autocommit off it does nothing when none is open.
    ///
    /// # Errors
    /// The database's; [`ErrorKind::OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) when the
    /// connection was lost on the way; [`ErrorKind::Usage`](crate::ErrorKind::Usage) when autocommit is
    /// on and no transaction is open.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether it was committed.
    pub async fn commit(&mut self) -> Result<()> {
        self.settle().await?;
        if !self.autocommit && !self.is_open().await? {
            return Ok(());
        }
        let start = Instant::now();
        let result = self.lease.connection().commit().await;
        self.lease.record(WorkKind::Transaction, start.elapsed(), result.is_ok());
        result.map_err(|error| error.or_database(self.translator.database()))
    }

    /// Rolls the open transaction back. Does nothing when none is open.
    ///
    /// # Errors
    /// The database's.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether it was rolled back; it can be asked for again.
    pub async fn rollback(&mut self) -> Result<()> {
        if self.undo.is_none() && !self.may_be_open() {
            return Ok(());
        }
        let start = Instant::now();
        let result = self.lease.connection().rollback().await;
        self.lease.record(WorkKind::Rollback, start.elapsed(), result.is_ok());
        result.map_err(|error| error.or_database(self.translator.database()))?;
        // All of it lay inside the transaction.
        self.undo = None;
        Ok(())
    }

    /// True unless it is certain that no transaction is open.
    fn may_be_open(&mut self) -> bool {
        !matches!(
            self.lease.connection().state(),
            SessionState::Idle | SessionState::Tainted | SessionState::Closed
        )
    }

    /// True when a transaction is open; waits for what was given up and may not have stopped yet.
    async fn is_open(&mut self) -> Result<bool> {
        let connection = self.lease.connection();
        if connection.state() == SessionState::Busy {
            let quiet = connection.ping().await;
            quiet.map_err(|error| error.or_database(self.translator.database()))?;
        }
        let state = self.lease.connection().state();
        Ok(matches!(state, SessionState::InTransaction | SessionState::Failed))
    }

    /// Readies the connection for a statement: settles it, and begins a transaction where statements
    /// do not commit by themselves. A beginning that is dropped half-way is undone by the driver.
    async fn ready(&mut self) -> Result<()> {
        self.settle().await?;
        if !self.autocommit && !self.is_open().await? {
            let begun = self.lease.connection().begin(TransactionOptions::new()).await;
            begun.map_err(|error| error.or_database(self.translator.database()))?;
        }
        Ok(())
    }

    /// Gives the connection up: nobody gets it again.
    pub(crate) fn discard(&mut self) {
        self.undo = None;
        self.autocommit = true;
        self.lease.discard();
    }

    /// Undoes what was left half-way.
    async fn settle(&mut self) -> Result<()> {
        let connection = self.lease.connection();
        let undone = match &mut self.undo {
            None => return Ok(()),
            Some(Undo::Transaction) => connection.rollback().await,
            Some(Undo::Savepoint(half)) => settle(connection, half).await,
        };
        undone.map_err(|error| error.or_database(self.translator.database()))?;
        self.undo = None;
        Ok(())
    }

    /// The driver's own connection, if it is a `T`. The session then counts as changed and is reset
    /// before its next borrower.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when it is not a `T`.
    pub fn native_mut<T: 'static>(&mut self) -> Result<&mut T> {
        self.lease.connection().native_mut::<T>()
    }

    /// The session's state, as far as the client knows.
    pub fn state(&mut self) -> SessionState {
        self.lease.connection().state()
    }

    /// The dialect of the database.
    pub fn dialect(&self) -> &'static Dialect {
        self.translator.dialect()
    }
}

impl Drop for DatabaseConnection {
    fn drop(&mut self) {
        let left_open = !self.autocommit && self.may_be_open();
        if left_open {
            // What it takes is part of the connection's reset.
            self.lease.record(WorkKind::Rollback, Duration::ZERO, true);
        }
        if left_open || self.undo.is_some() {
            self.lease.abandon();
        }
    }
}

impl fmt::Debug for DatabaseConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseConnection")
            .field("dialect", &self.dialect().name)
            .finish_non_exhaustive()
    }
}

/// A statement's hold of a [`DatabaseConnection`].
#[derive(Debug)]
pub struct ConnectionLease<'c>(&'c mut DatabaseConnection);

impl Lease for ConnectionLease<'_> {
    fn connection(&mut self) -> &mut dyn Connection {
        self.0.lease.connection()
    }

    fn record(&mut self, kind: WorkKind, took: Duration, ok: bool) {
        self.0.lease.record(kind, took, ok);
    }

    fn depth(&mut self) -> Option<u32> {
        (self.connection().state() == SessionState::InTransaction).then_some(BY_HAND)
    }

    fn undo_unless_ended(&mut self, depth: Option<u32>) {
        self.0.undo =
            depth.map(|depth| Undo::Savepoint(Some(HalfDone::Undo(savepoint_name(depth)))));
    }

    fn releasing(&mut self, depth: u32) {
        self.0.undo = Some(Undo::Savepoint(Some(HalfDone::Release(savepoint_name(depth)))));
    }

    fn abandon(&mut self) {
        self.0.undo = Some(Undo::Transaction);
    }

    fn finished(&mut self, took: Duration, outcome: Result<(), &Error>) {
        self.0.lease.finished(took, outcome);
    }
}

impl<'c> Source for &'c mut DatabaseConnection {
    type Lease = ConnectionLease<'c>;

    async fn lease(self) -> Result<ConnectionLease<'c>> {
        self.ready().await?;
        Ok(ConnectionLease(self))
    }

    fn translator(&self) -> &Translator {
        &self.translator
    }
}
