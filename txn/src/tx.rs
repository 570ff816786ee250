//! The handles of an open transaction.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wellspring_connector::{
    BulkRow, BulkSource, BulkTarget, Connection, Error, ErrorKind, ExecResult, IntoParams, Lease,
    Query, Result, Retry, SavepointOp, Source, Sql, TransactionOptions, Translator, WorkKind,
    bulk_insert, bulk_rows,
};

use crate::half_done::{HalfDone, settle};
use crate::home::{Home, Returned};
use crate::names::Names;
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
    /// The savepoint to bring to its end before the next statement.
    half: Option<HalfDone>,
    /// The last error after which the whole transaction may be run again.
    retryable: Option<Error>,
    rollback_only: bool,
    statement_timeout: Option<Duration>,
    names: Names,
}

impl Tx {
    /// Begins a transaction on a borrowed connection.
    pub(crate) async fn begin(
        lease: Box<dyn Lease>,
        translator: Arc<Translator>,
        options: TransactionOptions,
    ) -> Result<Self> {
        let named = |error: Error| error.or_database(translator.database());
        options.check().map_err(named)?;
        let mut open = Open::new(lease);
        let mut begun = open.connection().begin(options).await;
        // It died while it was idle: nothing was sent.
        if begun.as_ref().is_err_and(|error| error.retry() == Retry::SafeToResend)
            && open.lease().replace().await?
        {
            begun = open.connection().begin(options).await;
        }
        begun.map_err(named)?;
        open.begun();
        Ok(Self {
            open: Some(open),
            translator,
            home: None,
            depth: 0,
            half: None,
            retryable: None,
            rollback_only: false,
            statement_timeout: options.statement_timeout,
            names: Names::default(),
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

    crate::file_methods!((&mut self) -> &mut Self, self);

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
        let name = savepoint_name(self.depth + 1);
        let names = self.names.of_scope(None);
        self.scope(name, names, f).await
    }

    /// As [`savepoint`](Self::savepoint), under a name that those who watch the database see.
    ///
    /// A name is letters of ASCII, digits and `_`, does not begin with a digit or with `wellspring_`,
    /// has up to 63 characters, and is not that of a savepoint that is set already, whatever the
    /// case of its letters.
    ///
    /// ```
    /// # use wellspring_connector::Result;
    /// # use wellspring_txn::Tx;
    /// # async fn import(tx: &mut Tx) -> Result<()> {
    /// let imported: Result<()> = tx
    ///     .savepoint_named("first_row", async |mut inner| {
    ///         inner.execute("insert into audit values (?)", ("tried",)).await.map(drop)
    ///     })
    ///     .await;
    /// # imported }
    /// ```
    ///
    /// # Errors
    /// Those of `savepoint`; [`ErrorKind::Usage`] for a name that is none or is taken, before
    /// anything is sent.
    pub async fn savepoint_named<R, E, F, Fut>(&mut self, name: &str, f: F) -> Result<R, E>
    where
        F: FnOnce(Tx) -> Fut,
        Fut: Future<Output = Result<R, E>>,
        E: From<Error>,
    {
        self.names.check_new(name)?;
        let names = self.names.of_scope(Some(name));
        self.scope(name.to_owned(), names, f).await
    }

    async fn scope<R, E, F, Fut>(&mut self, name: String, names: Names, f: F) -> Result<R, E>
    where
        F: FnOnce(Tx) -> Fut,
        Fut: Future<Output = Result<R, E>>,
        E: From<Error>,
    {
        self.settle().await?;
        self.mark(SavepointOp::Create, &name).await?;
        // From here on, leaving half-way means undoing.
        self.half = Some(HalfDone::Undo(name.clone()));
        let inner = Tx {
            open: self.open.take(),
            translator: Arc::clone(&self.translator),
            home: None,
            depth: self.depth + 1,
            half: None,
            retryable: None,
            rollback_only: self.rollback_only,
            statement_timeout: self.statement_timeout,
            names,
        };
        let (inner, home) = inner.at_home();
        let mut scope = Scope { outer: self, home };
        let result = f(inner).await;
        let mut half_inside = scope.end();
        drop(scope);
        if self.open.is_none() {
            return Err(escaped("savepoint").into());
        }
        match result {
            Ok(value) => {
                // What was given up inside is not kept with the rest.
                let settled = settle(self.connection()?, &mut half_inside).await;
                settled.map_err(|error| self.noted(error))?;
                self.half = Some(HalfDone::Release(name.clone()));
                self.mark(SavepointOp::Release, &name).await?;
                self.half = None;
                Ok(value)
            }
            Err(error) => {
                // The closure's error is the one that matters. What cannot be undone now is tried again
                // before anything else is done.
                if let Err(failure) = self.settle().await {
                    tracing::debug!(%failure, "a savepoint could not be undone yet");
                }
                Err(error)
            }
        }
    }

    /// Sets a savepoint by hand. Names are as for [`savepoint_named`](Self::savepoint_named).
    ///
    /// A savepoint that was set inside the closure of another is gone at that closure's end.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for a name that is none or is taken, before anything is sent; the
    /// database's.
    ///
    /// # Cancel safety
    /// Dropping the future may leave it set; nothing can go back to it, and the end of the
    /// transaction is its end.
    pub async fn create_savepoint(&mut self, name: &str) -> Result<()> {
        self.names.check_new(name)?;
        self.settle().await?;
        self.mark(SavepointOp::Create, name).await?;
        self.names.push(name);
        Ok(())
    }

    /// Forgets a savepoint that was set by hand, and those set after it. What was done since is kept
    /// as part of the transaction.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when no savepoint of that name was set by this `Tx`, before anything is
    /// sent; the database's.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether the savepoint is still there.
    pub async fn release_savepoint(&mut self, name: &str) -> Result<()> {
        let (at, name) = self.names.find(name)?;
        self.settle().await?;
        self.mark(SavepointOp::Release, &name).await?;
        self.names.truncate(at);
        Ok(())
    }

    /// Undoes what was done since a savepoint that was set by hand. It stays set; those set after it
    /// are gone.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when no savepoint of that name was set by this `Tx`, before anything is
    /// sent; the database's.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether it was undone; it can be asked for again.
    pub async fn rollback_to_savepoint(&mut self, name: &str) -> Result<()> {
        let (at, name) = self.names.find(name)?;
        self.settle().await?;
        self.mark(SavepointOp::RollbackTo, &name).await?;
        self.names.truncate(at + 1);
        Ok(())
    }

    /// Has the whole transaction rolled back at its end, although its closure returns `Ok`; what the
    /// closure returns is what the caller gets. From within a savepoint too. There is no way back.
    ///
    /// [`Transaction::commit`](crate::Transaction::commit) then rolls back and is an error.
    pub fn set_rollback_only(&mut self) {
        self.rollback_only = true;
    }

    /// True when the transaction will be rolled back at its end, whatever its closure returns.
    pub fn is_rollback_only(&self) -> bool {
        self.rollback_only
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

    /// Brings a savepoint that was left half-way to its end.
    pub(crate) async fn settle(&mut self) -> Result<()> {
        if self.half.is_none() {
            return Ok(());
        }
        self.connection()?;
        let settled = match &mut self.open {
            Some(open) => settle(open.connection(), &mut self.half).await,
            None => Ok(()),
        };
        settled.map_err(|error| self.noted(error))
    }

    async fn mark(&mut self, op: SavepointOp, name: &str) -> Result<()> {
        let done = self.connection()?.savepoint(op, name).await;
        done.map_err(|error| self.noted(error))
    }

    /// Takes note of an error after which the whole transaction may be run again.
    fn noted(&mut self, error: Error) -> Error {
        let error = error.or_database(self.translator.database());
        if error.retry() == Retry::Transaction {
            self.retryable = Some(error.clone());
        }
        error
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

    /// The connection, for whoever ends the transaction.
    pub(crate) fn take_open(&mut self) -> Option<Open> {
        self.open.take()
    }

    /// The translator of its statements.
    pub(crate) fn translator(&self) -> &Translator {
        &self.translator
    }

    /// Takes the connection back from a savepoint's `Tx`; what that left half-way is returned.
    fn take_back(&mut self, returned: Returned) -> Option<HalfDone> {
        let Returned { open, half, retryable, rollback_only } = returned;
        self.open = Some(open);
        if retryable.is_some() {
            self.retryable = retryable;
        }
        self.rollback_only |= rollback_only;
        half
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        if let (Some(home), Some(open)) = (self.home.take(), self.open.take()) {
            home.bring(Returned {
                open,
                half: self.half.take(),
                retryable: self.retryable.take(),
                rollback_only: self.rollback_only,
            });
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

impl Scope<'_> {
    /// Ends the scope; what its `Tx` left half-way is returned.
    fn end(&mut self) -> Option<HalfDone> {
        self.home.end().and_then(|returned| self.outer.take_back(returned))
    }
}

impl Drop for Scope<'_> {
    fn drop(&mut self) {
        // The savepoint is undone, and with it what was left half-way inside.
        self.end();
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
        self.tx.half = depth.map(|depth| HalfDone::Undo(savepoint_name(depth)));
    }

    fn releasing(&mut self, depth: u32) {
        self.tx.half = Some(HalfDone::Release(savepoint_name(depth)));
    }

    fn finished(&mut self, took: Duration, outcome: Result<(), &Error>) {
        self.record(WorkKind::Query, took, outcome.is_ok());
        if let Err(error) = outcome
            && error.retry() == Retry::Transaction
        {
            self.tx.retryable = Some(error.clone());
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

    fn statement_timeout(&self) -> Option<Duration> {
        self.statement_timeout.or(self.translator.statement_timeout())
    }

    fn translator(&self) -> &Translator {
        &self.translator
    }
}
