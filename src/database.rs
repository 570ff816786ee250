//! A database: the handle everybody holds.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wellspring_connector::{
    BulkRow, BulkSource, BulkTarget, Connector, ConnectorManager, Dialect, Error, ExecResult,
    IntoParams, Query, Result, Secret, Sql, TransactionOptions, Translator, bulk_insert, bulk_rows,
};
use wellspring_pool_core::{Pool, ShutdownReport, Status};
use wellspring_txn::{Begin, RetryPolicy, Transaction, TransactionBuilder, Tx};

use crate::lend::{Lender, Name, StandaloneLease};
use crate::session::SessionHooks;
use crate::stats::TransactionStats;
use crate::{DatabaseBuilder, DatabaseConnection, DatabaseStats, failure};

/// How long [`Database::close`] waits for connections in use.
const CLOSE_PATIENCE: Duration = Duration::from_secs(30);

/// A database and its pool of connections. Cheap to clone; all clones are the same.
///
/// Statements run on whichever connection is free, each by itself;
/// [`transaction`](Self::transaction) and [`connection`](Self::connection) keep one for several.
/// Callers are served in order of arrival.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

struct Inner {
    name: Name,
    pool: Pool<ConnectorManager>,
    translator: Arc<Translator>,
    retry: RetryPolicy,
    /// How often a transaction was run again.
    retries: AtomicU64,
    sessions: SessionHooks,
    /// Each use has a connection of its own.
    unpooled: bool,
}

impl Database {
    /// Opens the database at `url` with default options, and proves that it can be connected to.
    ///
    /// ```
    /// # use wellspring::Database;
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> wellspring::Result<()> {
    /// let db = Database::connect("sqlite::memory:").await?;
    /// let two: i64 = db.query("select 1 + ?", (1,)).one().await?;
    /// assert_eq!(two, 2);
    /// # Ok(()) }
    /// # #[cfg(not(feature = "sqlite"))]
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for a wrong URL, or one whose driver is not
    /// compiled in; why connecting failed.
    pub async fn connect(url: &str) -> Result<Self> {
        Self::builder(url).connect().await
    }

    /// Starts building a database at `url` with options of one's own. The URL is kept as a
    /// [`Secret`], since it may have a password in it.
    pub fn builder(url: impl Into<Secret>) -> DatabaseBuilder {
        DatabaseBuilder::from_url(url)
    }

    /// Starts building a database over a connector of one's own.
    pub fn with_connector(connector: Arc<dyn Connector>) -> DatabaseBuilder {
        DatabaseBuilder::from_connector(connector)
    }

    pub(crate) fn new(
        name: Name,
        pool: Pool<ConnectorManager>,
        translator: Arc<Translator>,
        retry: RetryPolicy,
        sessions: SessionHooks,
        unpooled: bool,
    ) -> Self {
        let retries = AtomicU64::new(0);
        let inner = Inner { name, pool, translator, retry, retries, sessions, unpooled };
        Self { inner: Arc::new(inner) }
    }

    // ---- statements -----------------------------------------------------------------------

    /// Runs one statement and reports what it did.
    ///
    /// ```
    /// # use wellspring::prelude::*;
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> wellspring::Result<()> {
    /// # let db = Database::connect("sqlite::memory:").await?;
    /// db.execute("create table t (a integer, b text)", ()).await?;
    /// let done = db.execute("insert into t values (?, ?), (:3, 'x')".replace(":3", "3"), (1, "one")).await?;
    /// assert_eq!(done.rows_affected, 2);
    /// db.execute("delete from t where a = :a", params! { a: 3 }).await?;
    /// # Ok(()) }
    /// # #[cfg(not(feature = "sqlite"))]
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Parameters`](crate::ErrorKind::Parameters) when parameters and placeholders do
    /// not fit; the pool's, when no connection can be had; the database's.
    ///
    /// # Cancel safety
    /// Dropping the future cancels the statement where the database can do that; whether it took
    /// effect is then open.
    #[track_caller]
    pub fn execute<'q, S: Into<Sql<'q>>, P: IntoParams>(
        &self,
        sql: S,
        params: P,
    ) -> impl Future<Output = Result<ExecResult>> + Send + use<'q, S, P> {
        self.query(sql, params).execute()
    }

    /// Prepares a statement whose rows are wanted: end it with
    /// [`all`](Query::all), [`one`](Query::one), [`optional`](Query::optional) or
    /// [`stream`](Query::stream).
    ///
    /// ```
    /// use serde::Deserialize;
    /// use wellspring::prelude::*;
    ///
    /// #[derive(Deserialize)]
    /// struct User { id: i64, name: String }
    ///
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> wellspring::Result<()> {
    /// # let db = Database::connect("sqlite::memory:").await?;
    /// # db.execute_script("create table users (id integer primary key, name text);
    /// #     insert into users (name) values ('Ada'), ('Grace')").await?;
    /// let users: Vec<User> = db.query("select * from users order by id", ()).all().await?;
    /// assert_eq!(users[1].name, "Grace");
    /// let pair: (i64, String) =
    ///     db.query("select id, name from users where id = ?", (users[0].id,)).one().await?;
    /// assert_eq!(pair.1, "Ada");
    /// let nobody: Option<User> = db.query("select * from users where id = 0", ()).optional().await?;
    /// assert!(nobody.is_none());
    /// # Ok(()) }
    /// # #[cfg(not(feature = "sqlite"))]
    /// # fn main() {}
    /// ```
    #[track_caller]
    pub fn query<'q>(&self, sql: impl Into<Sql<'q>>, params: impl IntoParams) -> Query<Lender> {
        Query::new(Lender::new(self, Location::caller()), sql, params)
    }

    /// Runs several statements separated by semicolons, without parameters, on one connection, and
    /// reports what each did.
    ///
    /// # Errors
    /// The first failing statement's; those before it have been carried out.
    #[track_caller]
    pub fn execute_script(
        &self,
        script: &str,
    ) -> impl Future<Output = Result<Vec<ExecResult>>> + Send {
        let connection = self.connection();
        async move { connection.await?.execute_script(script).await.map_err(|error| self.named(error)) }
    }

    /// Inserts many rows by the fastest way the database has (`COPY`, `LOAD DATA`, one prepared insert
    /// in one transaction), all of them or none, and returns how many there were.
    ///
    /// A row is a tuple, an array or a slice of values, or a [`Row`](wellspring_connector::Row) of
    /// another query. Rows that arrive over time, and tables with a dot in their name:
    /// [`bulk_insert_from`](Self::bulk_insert_from).
    ///
    /// ```
    /// # use wellspring::prelude::*;
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> wellspring::Result<()> {
    /// # let db = Database::connect("sqlite::memory:").await?;
    /// # db.execute("create table readings (id integer, site text, value real)", ()).await?;
    /// let readings = (0..10_000).map(|id| (id, "north", f64::from(id) / 10.0));
    /// let inserted = db.bulk_insert("readings", ["id", "site", "value"], readings).await?;
    /// assert_eq!(inserted, 10_000);
    /// # Ok(()) }
    /// # #[cfg(not(feature = "sqlite"))]
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Parameters`](crate::ErrorKind::Parameters) for a row of another width,
    /// [`ErrorKind::Encode`](crate::ErrorKind::Encode) for a value its column cannot hold; the
    /// database's.
    ///
    /// # Cancel safety
    /// Dropping the future ends the insert; no row is kept, unless all had been sent.
    #[track_caller]
    pub fn bulk_insert<C, I>(
        &self,
        table: &str,
        columns: impl IntoIterator<Item = C>,
        rows: I,
    ) -> impl Future<Output = Result<u64>> + Send
    where
        C: Into<String>,
        I: IntoIterator<Item: BulkRow>,
        I::IntoIter: Send,
    {
        self.bulk_insert_from(BulkTarget::new(table, columns), bulk_rows(rows))
    }

    /// As [`bulk_insert`](Self::bulk_insert), from any source of rows: a stream, through
    /// [`bulk_stream`](wellspring_connector::bulk_stream), is read as fast as it is written.
    ///
    /// # Errors
    /// Those of `bulk_insert`, and what the source reports.
    #[track_caller]
    pub fn bulk_insert_from(
        &self,
        into: BulkTarget,
        rows: impl BulkSource,
    ) -> impl Future<Output = Result<u64>> + Send {
        bulk_insert(Lender::new(self, Location::caller()), into, rows)
    }

    // ---- statements that write themselves ----------------------------------------------------

    wellspring_txn::statement_methods!(
        #[track_caller]
        (&self) -> Lender, Lender::new(self, Location::caller())
    );

    // ---- scripts and files ---------------------------------------------------------------------

    wellspring_txn::file_methods!(
        #[track_caller]
        (&self) -> Lender, Lender::new(self, Location::caller())
    );

    // ---- transactions ---------------------------------------------------------------------

    /// Runs `f` as a transaction: commits when it returns `Ok`, rolls back when it returns `Err`,
    /// panics, or its future is dropped. When the database undoes the transaction for the sake of
    /// others, `f` is called again, as often as the builder's
    /// [`retry`](DatabaseBuilder::retry) allows.
    ///
    /// ```
    /// # use wellspring::prelude::*;
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> wellspring::Result<()> {
    /// # let db = Database::connect("sqlite::memory:").await?;
    /// # db.execute_script("create table accounts (id integer primary key, balance integer);
    /// #     insert into accounts values (1, 100), (2, 0)").await?;
    /// let left: i64 = db
    ///     .transaction(async |mut tx| -> wellspring::Result<i64> {
    ///         tx.execute("update accounts set balance = balance - 30 where id = 1", ()).await?;
    ///         tx.execute("update accounts set balance = balance + 30 where id = 2", ()).await?;
    ///         tx.query("select balance from accounts where id = 1", ()).one().await
    ///     })
    ///     .await?;
    /// assert_eq!(left, 70);
    /// # Ok(()) }
    /// # #[cfg(not(feature = "sqlite"))]
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    /// What `f` returns; the pool's or the database's; [`ErrorKind::Usage`](crate::ErrorKind::Usage)
    /// when the `Tx` was moved out of the closure's future.
    ///
    /// # Cancel safety
    /// Dropping the future rolls back, except while the commit is under way: then the outcome is
    /// open.
    #[track_caller]
    pub fn transaction<R, E, F, Fut>(&self, f: F) -> impl Future<Output = Result<R, E>>
    where
        F: FnMut(Tx) -> Fut,
        Fut: Future<Output = Result<R, E>>,
        E: From<Error>,
    {
        self.transaction_with(TransactionOptions::new(), f)
    }

    /// As [`transaction`](Self::transaction), with options.
    ///
    /// # Errors
    /// As [`transaction`](Self::transaction); [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported)
    /// when the database does not have what the options ask for.
    #[track_caller]
    pub fn transaction_with<R, E, F, Fut>(
        &self,
        options: TransactionOptions,
        f: F,
    ) -> impl Future<Output = Result<R, E>>
    where
        F: FnMut(Tx) -> Fut,
        Fut: Future<Output = Result<R, E>>,
        E: From<Error>,
    {
        let lender = Lender::new(self, Location::caller());
        let retry = self.inner.retry;
        async move { wellspring_txn::transaction(&lender, options, retry, f).await }
    }

    /// As [`transaction`](Self::transaction), for a closure that can be called only once; it is
    /// never run again.
    ///
    /// # Errors
    /// As [`transaction`](Self::transaction).
    #[track_caller]
    pub fn transaction_once<R, E, F, Fut>(&self, f: F) -> impl Future<Output = Result<R, E>>
    where
        F: FnOnce(Tx) -> Fut,
        Fut: Future<Output = Result<R, E>>,
        E: From<Error>,
    {
        self.transaction_once_for(Location::caller(), f)
    }

    pub(crate) fn transaction_once_for<R, E, F, Fut>(
        &self,
        location: &'static Location<'static>,
        f: F,
    ) -> impl Future<Output = Result<R, E>>
    where
        F: FnOnce(Tx) -> Fut,
        Fut: Future<Output = Result<R, E>>,
        E: From<Error>,
    {
        let lender = Lender::new(self, location);
        async move { wellspring_txn::transaction_once(&lender, TransactionOptions::new(), f).await }
    }

    /// A transaction with everything said about it: options, how often it is run again, whether that is
    /// harmless even after a commit of unknown outcome, and hooks that see each attempt. It has the
    /// [`retry`](DatabaseBuilder::retry) policy of the database until it is given another. End it with
    /// [`run`](TransactionBuilder::run).
    ///
    /// ```
    /// # use wellspring::prelude::*;
    /// # use wellspring::RetryPolicy;
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> wellspring::Result<()> {
    /// # let db = Database::connect("sqlite::memory:").await?;
    /// # db.execute("create table seats (id integer primary key, taken integer)", ()).await?;
    /// let taken: u64 = db
    ///     .transaction_builder()
    ///     .isolation(IsolationLevel::Serializable)
    ///     .retry(RetryPolicy { max_attempts: Some(10), ..RetryPolicy::default() })
    ///     .on_attempt(|attempt| println!("{} ended: {:?}", attempt.number, attempt.outcome))
    ///     .run(async |mut tx| -> wellspring::Result<u64> {
    ///         let done = tx.execute("update seats set taken = 1 where id = 7", ()).await?;
    ///         Ok(done.rows_affected)
    ///     })
    ///     .await?;
    /// # assert_eq!(taken, 0);
    /// # Ok(()) }
    /// # #[cfg(not(feature = "sqlite"))]
    /// # fn main() {}
    /// ```
    #[track_caller]
    pub fn transaction_builder<'h>(&self) -> TransactionBuilder<'h, Lender> {
        TransactionBuilder::new(Lender::new(self, Location::caller())).retry(self.inner.retry)
    }

    pub(crate) fn session_hooks(&self) -> &SessionHooks {
        &self.inner.sessions
    }

    pub(crate) fn count_retry(&self) {
        self.inner.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// Begins a transaction to be committed by hand. Dropping it rolls back.
    ///
    /// # Errors
    /// The pool's or the database's.
    #[track_caller]
    pub fn begin(&self) -> impl Future<Output = Result<Transaction>> + Send + use<> {
        self.begin_with(TransactionOptions::new())
    }

    /// As [`begin`](Self::begin), with options.
    ///
    /// # Errors
    /// As [`begin`](Self::begin); [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) when the
    /// database does not have what the options ask for.
    #[track_caller]
    pub fn begin_with(
        &self,
        options: TransactionOptions,
    ) -> impl Future<Output = Result<Transaction>> + Send + use<> {
        let lender = Lender::new(self, Location::caller());
        async move {
            let lease = Begin::lease(&lender).await?;
            let translator = Arc::clone(Begin::translator(&lender));
            Transaction::begin(lease, translator, options).await
        }
    }

    // ---- connections ----------------------------------------------------------------------

    /// Borrows a connection of the pool for several statements.
    ///
    /// # Errors
    /// The pool's.
    #[track_caller]
    pub fn connection(&self) -> impl Future<Output = Result<DatabaseConnection>> + Send + use<> {
        self.connection_for(Location::caller())
    }

    pub(crate) fn connection_for(
        &self,
        location: &'static Location<'static>,
    ) -> impl Future<Output = Result<DatabaseConnection>> + Send + use<> {
        let lender = Lender::new(self, location);
        let translator = Arc::clone(&self.inner.translator);
        async move { Ok(DatabaseConnection::new(Box::new(lender.borrow().await?), translator)) }
    }

    /// Opens a connection of its own, outside the pool and its limits. The caller looks after it.
    ///
    /// # Errors
    /// Why connecting failed; [`ErrorKind::ConnectTimeout`](crate::ErrorKind::ConnectTimeout) after
    /// the pool's `connect_timeout`; [`ErrorKind::PoolClosed`](crate::ErrorKind::PoolClosed) when
    /// the database is closed.
    pub async fn open_connection(&self) -> Result<DatabaseConnection> {
        use wellspring_pool_core::ConnectError;
        let inner = &self.inner;
        if inner.pool.is_closed() {
            return Err(failure::connect(&ConnectError::Closed, &inner.name));
        }
        let limit = inner.pool.options().connect_timeout;
        let connect = inner.pool.manager().connector().connect();
        let connection = match tokio::time::timeout(limit, connect).await {
            Ok(connected) => connected.map_err(|error| self.named(error))?,
            Err(_) => {
                return Err(failure::connect(&ConnectError::TimedOut { limit }, &inner.name));
            }
        };
        let lease = Box::new(StandaloneLease { connection });
        Ok(DatabaseConnection::new(lease, Arc::clone(&inner.translator)))
    }

    /// One round trip that proves the database alive.
    ///
    /// # Errors
    /// The pool's or the database's.
    #[track_caller]
    pub fn ping(&self) -> impl Future<Output = Result<()>> + Send {
        let connection = self.connection();
        async move { connection.await?.ping().await }
    }

    /// Does what its [`startup`](crate::PoolOptions::startup) says: by default, proves that it can be
    /// connected to.
    pub(crate) async fn prove(&self) -> Result<()> {
        if self.inner.unpooled {
            return self.ping().await;
        }
        let started = self.inner.pool.start().await;
        started.map_err(|error| failure::connect(&error, &self.inner.name))
    }

    fn named(&self, error: Error) -> Error {
        error.with_database(Arc::clone(&self.inner.name))
    }

    // ---- telling --------------------------------------------------------------------------

    /// The database's name.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    pub(crate) fn shared_name(&self) -> Name {
        Arc::clone(&self.inner.name)
    }

    pub(crate) fn translator(&self) -> &Arc<Translator> {
        &self.inner.translator
    }

    /// The dialect of the database.
    pub fn dialect(&self) -> &'static Dialect {
        self.inner.translator.dialect()
    }

    /// The sizes of the pool at this moment.
    pub fn status(&self) -> Status {
        self.inner.pool.status()
    }

    /// Everything the database can tell.
    ///
    /// ```
    /// # use wellspring::Database;
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> wellspring::Result<()> {
    /// # let db = Database::connect("sqlite::memory:").await?;
    /// println!("{}", db.stats());
    /// let json = serde_json::to_value(db.stats()).unwrap();
    /// assert_eq!(json["pool"]["status"]["max_size"], 10);
    /// # Ok(()) }
    /// # #[cfg(not(feature = "sqlite"))]
    /// # fn main() {}
    /// ```
    pub fn stats(&self) -> DatabaseStats {
        let inner = &self.inner;
        let pool = inner.pool.stats();
        DatabaseStats {
            database: inner.name.to_string(),
            dialect: inner.translator.dialect().name,
            target: inner.pool.manager().connector().target(),
            transactions: TransactionStats::new(&pool, inner.retries.load(Ordering::Relaxed)),
            pool,
            cached_statements: inner.translator.cached(),
        }
    }

    /// The pool of connections, for everything the engine can do.
    pub fn pool(&self) -> &Pool<ConnectorManager> {
        &self.inner.pool
    }

    // ---- the end --------------------------------------------------------------------------

    /// Closes the database: from now on everybody, those that wait included, learns that it is
    /// closed. Waits up to 30 s for connections in use; the report says whether that sufficed and
    /// who still holds one.
    ///
    /// # Cancel safety
    /// The database stays closed.
    pub async fn close(&self) -> ShutdownReport {
        self.close_timeout(CLOSE_PATIENCE).await
    }

    /// As [`close`](Self::close), waiting at most `timeout`.
    pub async fn close_timeout(&self, timeout: Duration) -> ShutdownReport {
        self.inner.pool.drain(timeout).await
    }

    /// Closes the database without waiting: background work is dropped on the spot, connections in
    /// use are dropped when they come back.
    pub fn abort(&self) -> ShutdownReport {
        self.inner.pool.abort()
    }

    /// True once the database is closed.
    pub fn is_closed(&self) -> bool {
        self.inner.pool.is_closed()
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("name", &self.inner.name)
            .field("dialect", &self.dialect().name)
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
