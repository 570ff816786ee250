//! The contract between Wellspring and a driver: drivers, connectors and connections.

use std::any::Any;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use async_trait::async_trait;
use wellspring_pool_core::ResetMode;

use crate::{
    BulkSource, BulkTarget, CredentialProvider, Dialect, DriverOption, Error, Result, Rows,
    TransactionOptions, Value,
};

/// Turns a URL into a [`Connector`]: what is registered, one for each kind of database.
pub trait Driver: fmt::Debug + Send + Sync + 'static {
    /// The driver's name in lower case, also the Cargo feature that brings it: `sqlite`.
    fn name(&self) -> &'static str;

    /// The URL schemes it answers to, its own name first: `["sqlite", "sqlite3"]`.
    fn schemes(&self) -> &'static [&'static str];

    /// Parses `url` (whose scheme is one of [`schemes`](Self::schemes)). No I/O.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) naming the part that is wrong, never a
    /// secret.
    fn connector(&self, url: &str) -> Result<Arc<dyn Connector>>;

    /// The options its URLs may have, for configuration files, editors and the reference. The default is
    /// none, which leaves all checks to [`connector`](Self::connector).
    fn options(&self) -> &'static [DriverOption] {
        &[]
    }
}

/// Opens connections to one database.
#[async_trait]
pub trait Connector: fmt::Debug + Send + Sync + 'static {
    /// The dialect of the database.
    fn dialect(&self) -> &'static Dialect;

    /// Where it connects to, for people: no password, no token.
    fn target(&self) -> String;

    /// Opens one connection, ready for use. The caller bounds the time.
    ///
    /// # Errors
    /// One of the `Connect…` kinds, or [`ErrorKind::Config`](crate::ErrorKind::Config).
    async fn connect(&self) -> Result<Box<dyn Connection>>;

    /// The same connector, which asks `provider` for the credentials of each connection.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported), the default, where the database knows no
    /// credentials.
    fn with_credentials(
        &self,
        provider: Arc<dyn CredentialProvider>,
    ) -> Result<Arc<dyn Connector>> {
        let _ = provider;
        Err(Error::unsupported(format_args!(
            "asking for credentials to connect to {}",
            self.target()
        )))
    }
}

/// What state a connection's session is in, known without asking the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionState {
    /// Clean: no transaction, nothing in flight, settings as at connect.
    Idle,
    /// A transaction is open.
    InTransaction,
    /// A transaction is open and can only be rolled back.
    Failed,
    /// A statement is in flight, or its result was not read to the end.
    Busy,
    /// Native access or an unclassified statement may have changed the session.
    Tainted,
    /// The connection is gone.
    Closed,
}

/// A statement as a driver receives it: native text, values in the order of its markers.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Command<'a> {
    /// The statement in the dialect's own form. The same text means the same statement, so
    /// drivers cache by it.
    pub text: &'a str,
    /// The values, one for each marker number.
    pub values: &'a [Value],
    /// How many rows a batch of the result should hold; `None` leaves it to the driver. Rows
    /// arrive in the same order either way.
    pub fetch_size: Option<NonZeroU32>,
}

impl<'a> Command<'a> {
    /// The statement `text` with `values`.
    pub fn new(text: &'a str, values: &'a [Value]) -> Self {
        Self { text, values, fetch_size: None }
    }

    /// Asks for batches of about `rows` rows.
    #[must_use]
    pub fn fetch_size(mut self, rows: Option<NonZeroU32>) -> Self {
        self.fetch_size = rows;
        self
    }
}

/// What a statement without rows did.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct ExecResult {
    /// Rows inserted, updated or deleted; 0 for statements that do none of these.
    pub rows_affected: u64,
    /// The key the database generated for an insert, where it tells without being asked.
    pub last_insert_id: Option<Value>,
}

impl ExecResult {
    /// `rows_affected` rows and no generated key.
    pub fn new(rows_affected: u64) -> Self {
        Self { rows_affected, last_insert_id: None }
    }

    /// Adds the generated key.
    #[must_use]
    pub fn with_last_insert_id(mut self, id: impl Into<Value>) -> Self {
        self.last_insert_id = Some(id.into());
        self
    }
}

/// What to do with a savepoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SavepointOp {
    /// Set it.
    Create,
    /// Forget it and keep what was done since.
    Release,
    /// Undo what was done since; the savepoint stays.
    RollbackTo,
}

/// One session with a database: what every driver implements.
///
/// # Rules for implementors
///
/// - **Cancellation.** Every future here may be dropped at any await. Afterwards
///   [`state`](Self::state) must tell the truth: [`SessionState::Busy`] when something may still be
///   in flight. A later call on a busy connection first waits for, cancels or drains what is in
///   flight, or fails with [`ErrorKind::ConnectionLost`](crate::ErrorKind::ConnectionLost); it
///   never mixes answers up.
/// - **No silent no-op.** What the database cannot do is
///   [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported), before anything is sent.
/// - **No secrets** in `Debug` or errors.
///
/// The suite in `wellspring-conformance` checks all of it.
#[async_trait]
pub trait Connection: fmt::Debug + Send + 'static {
    /// The dialect of the database.
    fn dialect(&self) -> &'static Dialect;

    /// The session's state as far as the client knows. Synchronous, no I/O: the pool calls it on
    /// every return.
    fn state(&mut self) -> SessionState;

    /// Tells the text of the next command as it was written, and its tag, just before it. Drivers need not
    /// care, and the default does not: it is for connections around others that log, and called only where
    /// the translator [keeps sources](crate::Translator::with_sources).
    fn announce(&mut self, source: &Arc<str>, tag: Option<&str>) {
        let _ = (source, tag);
    }

    /// Runs one statement and reports what it did. Rows it returns are discarded.
    async fn execute(&mut self, command: Command<'_>) -> Result<ExecResult>;

    /// Runs one statement and streams its rows.
    async fn query(&mut self, command: Command<'_>) -> Result<Rows<'_>>;

    /// Runs several statements separated by semicolons, without parameters, and reports what each
    /// did, in their order.
    ///
    /// # Errors
    /// The first failing statement's error; those before it have been carried out.
    async fn execute_script(&mut self, script: &str) -> Result<Vec<ExecResult>>;

    /// Inserts many rows by the fastest way the database has, all of them or none, and returns how
    /// many there were.
    ///
    /// The default sends inserts of many rows each, in a transaction of its own where none is open.
    ///
    /// # Errors
    /// The database's, or the source's; no row is kept then.
    async fn bulk_insert(&mut self, into: &BulkTarget, rows: &mut dyn BulkSource) -> Result<u64> {
        crate::bulk_insert_by_statements(self, into, rows).await
    }

    /// Runs one statement without parameters, as it is, and reports what it did. It will not come
    /// again: nothing is prepared or remembered where the database can do without, so that statements
    /// that cannot be prepared run too. Semicolons in it separate nothing.
    ///
    /// The default runs it as [`execute`](Self::execute) does.
    async fn execute_text(&mut self, text: &str) -> Result<ExecResult> {
        self.execute(Command::new(text, &[])).await
    }

    /// As [`bulk_insert`](Self::bulk_insert), of rows whose values are text (or bytes, or booleans), as a
    /// file has them: each column reads its own notation, as it would read a literal.
    ///
    /// The default is `bulk_insert`, which is right where that gives text to columns of other types.
    ///
    /// # Errors
    /// As there. The error's [`operation`](crate::Error::operation) is the row, from 0, where the
    /// database says which it was.
    async fn bulk_insert_text(
        &mut self,
        into: &BulkTarget,
        rows: &mut dyn BulkSource,
    ) -> Result<u64> {
        self.bulk_insert(into, rows).await
    }

    /// Begins a transaction. Nothing that `options` set may outlive it. Their
    /// [`statement_timeout`](TransactionOptions::statement_timeout) is not the connection's business.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) for an option the database does not
    /// have; the database's, and then no transaction is open.
    async fn begin(&mut self, options: TransactionOptions) -> Result<()>;

    /// Commits the open transaction. After an error the transaction is no longer open, or
    /// [`state`](Self::state) says that it is.
    async fn commit(&mut self) -> Result<()>;

    /// Rolls the open transaction back. Does nothing, successfully, when none is open.
    async fn rollback(&mut self) -> Result<()>;

    /// Works on the savepoint `name`: letters, digits and `_`, not beginning with a digit.
    async fn savepoint(&mut self, op: SavepointOp, name: &str) -> Result<()>;

    /// One round trip that proves the connection alive.
    async fn ping(&mut self) -> Result<()>;

    /// Brings the session back to how it was after connecting: settles what is in flight, ends
    /// an open transaction by `mode`, undoes changed settings as far as the driver documents.
    async fn reset(&mut self, mode: ResetMode) -> Result<()>;

    /// The driver's own connection, for `native_mut`. Marks the
    /// session as [`SessionState::Tainted`].
    ///
    /// # Errors
    /// When the native connection is not at hand (it is gone, or busy elsewhere).
    fn native(&mut self) -> Result<&mut dyn Any>;

    /// Says goodbye and releases the resources. Dropping the box does the same abruptly.
    async fn close(self: Box<Self>) -> Result<()>;
}

impl dyn Connection {
    /// The driver's own connection, if it is a `T`. Marks the session as tainted, so that it is
    /// reset before the next borrower.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when it is not a `T`; whatever
    /// [`Connection::native`] reports.
    pub fn native_mut<T: 'static>(&mut self) -> Result<&mut T> {
        let name = self.dialect().name;
        self.native()?.downcast_mut().ok_or_else(|| {
            Error::new(
                crate::ErrorKind::Usage,
                format!("the native {name} connection is not a {}", std::any::type_name::<T>()),
            )
        })
    }
}
