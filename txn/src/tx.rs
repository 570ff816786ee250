//! The handles of an open transaction.

use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::{Duration, Instant};

use wellspring_connector::{
    BulkRow, BulkSource, BulkTarget, Connection, Error, ErrorKind, ExecResult, IntoParams, Lease,
    Query, Result, Retry, SavepointOp, Source, Sql, TransactionOptions, Translator, WorkKind,
    bulk_insert, bulk_rows,
};

use crate::home::{Home, Returned};
use crate::open::Open;

/// An open transaction, as a closure sees it.
///
/// Statements run one at a time, in order. When the closure returns `Ok`, the transaction is
/// committed; on `Err`, on a panic and when the future is dropped, it is rolled back. A `Tx` must
/// not outlive its closure: one that was moved elsewhere turns the whole transaction into a
/// [`ErrorKind::Usage`] error, and nothing is committed.
///
/// # Cancel safety
/// A statement whose future is dropped is cancelled; the next one first settles it. A savepoint
/// whose future is dropped is undone before the next statement.
pub struct Tx {
    open: Option<Open>,
    translator: Arc<Translator>,
    home: Option<Arc<Home>>,
    depth: u32,
    undo: Option<u32>,
    retryable: bool,
}

impl Tx {
    /// Begins a transaction on a borrowed connection.
    pub(crate) async fn begin(
        lease: Box<dyn Lease>,
        translator: Arc<Translator>,
        options: TransactionOptions,
    ) -> Result<Self> {
        let mut open = Open::new(lease);
        let begun = open.connection().begin(options).await;
        begun.map_err(|error| error.or_database(translator.database()))?;
        Ok(Self {
            open: Some(open),
            translator,
            home: None,
            depth: 0,
            undo: None,
            retryable: false,
        })
    }

    /// A `Tx` to give away, and the place it comes back to.
    pub(crate) fn at_home(mut self) -> (Self, Arc<Home>) {
        let home = Arc::new(Home::default());
        self.home = Some(Arc::clone(&home));
        (self, home)
    }

    /// Runs one statement and reports what it did.
    ///
    /// # Errors
    /// The database's; [`ErrorKind::Parameters`] when parameters and placeholders do not fit.
    pub async fn execute<'q>(
        &mut self,
        sql: impl Into<Sql<'q>>,
        params: impl IntoParams,
    ) -> Result<ExecResult> {
        self.query(sql, params).execute().await
    }

    /// Prepares a statement whose rows are wanted: end it with `all`, `one` or `optional`.
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
    /// The first failing statement's.
    pub async fn execute_script(&mut self, script: &str) -> Result<Vec<ExecResult>> {
        let mut lease = self.lease().await?;
        let start = Instant::now();
        let result = lease.connection().execute_script(script).await;
        lease.finished(start.elapsed(), result.as_ref().map(drop));
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
    /// [`ErrorKind::Parameters`] for a row of another width,
    /// [`ErrorKind::Encode`] for a value its column cannot hold; the database's.
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

    crate::statement_methods!((&mut self) -> &mut Self, self);

    /// Runs `f` inside a savepoint: kept when it returns `Ok`, undone when it returns `Err` or is
    /// dropped. The transaction goes on either way. Savepoints nest.
    ///
    /// # Errors
    /// What `f` returns; the database's when the savepoint cannot be set or released;
    /// [`ErrorKind::Usage`] when the inner `Tx` escaped, after which the transaction is lost.
    pub async fn savepoint<R, E, F, Fut>(&mut self, f: F) -> Result<R, E>
    where
        F: FnOnce(Tx) -> Fut,
        Fut: Future<Output = Result<R, E>>,
        E: From<Error>,
    {
        self.settle().await?;
        let depth = self.depth + 1;
        let name = savepoint_name(depth);
        self.connection()?.savepoint(SavepointOp::Create, &name).await?;
        // From here on, leaving half-way means undoing.
        self.undo = Some(depth);
        let inner = Tx {
            open: self.open.take(),
            translator: Arc::clone(&self.translator),
            home: None,
            depth,
            undo: None,
            retryable: false,
        };
        let (inner, home) = inner.at_home();
        let scope = Scope { outer: self, home };
        let result = f(inner).await;
        drop(scope);
        if self.open.is_none() {
            return Err(escaped("savepoint").into());
        }
        match result {
            Ok(value) => {
                self.connection()?.savepoint(SavepointOp::Release, &name).await?;
                self.undo = None;
                Ok(value)
            }
            Err(error) => {
                self.settle().await?;
                Err(error)
            }
        }
    }

    /// The driver's own connection, if it is a `T`. What is done through it is part of the
    /// transaction.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when it is not a `T`.
    pub async fn native_mut<T: 'static>(&mut self) -> Result<&mut T> {
        self.settle().await?;
        self.connection()?.native_mut::<T>()
    }

    /// Undoes a savepoint that was left half-way.
    pub(crate) async fn settle(&mut self) -> Result<()> {
        if let Some(depth) = self.undo {
            let name = savepoint_name(depth);
            let connection = self.connection()?;
            connection.savepoint(SavepointOp::RollbackTo, &name).await?;
            connection.savepoint(SavepointOp::Release, &name).await?;
            self.undo = None;
        }
        Ok(())
    }

    fn connection(&mut self) -> Result<&mut dyn Connection> {
        if self.home.as_ref().is_some_and(|home| home.is_over()) {
            return Err(escaped("transaction"));
        }
        match &mut self.open {
            Some(open) => Ok(open.connection()),
            None => Err(Error::new(
                ErrorKind::Usage,
                "the transaction is lost: the Tx of a savepoint inside it escaped its closure",
            )),
        }
    }

    fn take_back(&mut self, returned: Returned) {
        let Returned { open, undo, retryable } = returned;
        self.open = Some(open);
        // An inner savepoint left half-way lies within the one being left: undoing that suffices.
        let _ = undo;
        self.retryable |= retryable;
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        if let (Some(home), Some(open)) = (self.home.take(), self.open.take()) {
            home.bring(Returned { open, undo: self.undo, retryable: self.retryable });
        }
    }
}

impl fmt::Debug for Tx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx").field("depth", &self.depth).finish_non_exhaustive()
    }
}

/// Brings the connection of an inner `Tx` back to the outer one, also when the future is dropped.
struct Scope<'t> {
    outer: &'t mut Tx,
    home: Arc<Home>,
}

impl Drop for Scope<'_> {
    fn drop(&mut self) {
        if let Some(returned) = self.home.end() {
            self.outer.take_back(returned);
        }
    }
}

/// The name of the savepoint at this depth.
pub fn savepoint_name(depth: u32) -> String {
    format!("wellspring_{depth}")
}

pub(crate) fn escaped(what: &str) -> Error {
    Error::new(
        ErrorKind::Usage,
        format!(
            "the Tx of a {what} escaped its closure (moved into another task, or stored): \
             nothing was committed"
        ),
    )
}

/// A statement's hold of a transaction's connection.
#[derive(Debug)]
pub struct TxLease<'t> {
    tx: &'t mut Tx,
}

impl Lease for TxLease<'_> {
    fn connection(&mut self) -> &mut dyn Connection {
        self.tx.open.as_mut().expect("checked when the lease was made").connection()
    }

    fn record(&mut self, kind: WorkKind, took: Duration, ok: bool) {
        self.tx
            .open
            .as_mut()
            .expect("checked when the lease was made")
            .lease()
            .record(kind, took, ok);
    }

    fn depth(&mut self) -> Option<u32> {
        Some(self.tx.depth)
    }

    fn undo_unless_ended(&mut self, depth: Option<u32>) {
        self.tx.undo = depth;
    }

    fn finished(&mut self, took: Duration, outcome: Result<(), &Error>) {
        self.record(WorkKind::Query, took, outcome.is_ok());
        if outcome.is_err_and(|error| error.retry() == Retry::Transaction) {
            self.tx.retryable = true;
        }
    }
}

impl<'t> Source for &'t mut Tx {
    type Lease = TxLease<'t>;

    async fn lease(self) -> Result<TxLease<'t>> {
        self.settle().await?;
        self.connection()?;
        Ok(TxLease { tx: self })
    }

    fn translator(&self) -> &Translator {
        &self.translator
    }
}

/// A transaction begun and ended by hand: it is a [`Tx`] with [`commit`](Self::commit) and
/// [`rollback`](Self::rollback). Dropping it rolls back.
#[derive(Debug)]
#[must_use = "dropping a transaction rolls it back"]
pub struct Transaction {
    tx: Tx,
}

impl Transaction {
    /// Begins a transaction on a borrowed connection.
    ///
    /// # Errors
    /// The database's; [`ErrorKind::Unsupported`] when it does not have what `options` ask for.
    ///
    /// # Cancel safety
    /// A transaction begun half-way is rolled back.
    pub async fn begin(
        lease: Box<dyn Lease>,
        translator: Arc<Translator>,
        options: TransactionOptions,
    ) -> Result<Self> {
        Ok(Self { tx: Tx::begin(lease, translator, options).await? })
    }

    /// Commits.
    ///
    /// # Errors
    /// The database's. [`ErrorKind::OutcomeUnknown`] when the connection was lost on the way.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether it was committed.
    pub async fn commit(mut self) -> Result<()> {
        self.tx.settle().await?;
        let open = self.tx.open.take();
        let mut open = open.ok_or_else(|| escaped("savepoint"))?;
        let start = Instant::now();
        let result = open.connection().commit().await;
        open.lease().record(WorkKind::Transaction, start.elapsed(), result.is_ok());
        result.map_err(|error| error.or_database(self.tx.translator.database()))?;
        open.ended();
        Ok(())
    }

    /// Rolls back. Dropping does the same in the background; this waits for it.
    ///
    /// # Errors
    /// The database's; the connection is then not used again.
    pub async fn rollback(mut self) -> Result<()> {
        match self.tx.open.take() {
            Some(open) => roll_back(open).await,
            None => Ok(()),
        }
    }
}

pub(crate) async fn roll_back(mut open: Open) -> Result<()> {
    let start = Instant::now();
    let result = open.connection().rollback().await;
    open.lease().record(WorkKind::Rollback, start.elapsed(), result.is_ok());
    result?;
    open.ended();
    Ok(())
}

impl Deref for Transaction {
    type Target = Tx;

    fn deref(&self) -> &Tx {
        &self.tx
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut Tx {
        &mut self.tx
    }
}
