//! One connection for several statements.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use wellspring_connector::{
    Connection, Dialect, Error, ExecResult, IntoParams, Lease, Query, Result, SessionState, Source,
    Sql, Translator,
};
use wellspring_pool_core::WorkKind;

use crate::lend::Boxed;

/// A connection held for several statements: from
/// [`Database::connection`](crate::Database::connection), which borrows one of the pool, or
/// [`Database::open_connection`](crate::Database::open_connection), which opens one of its own.
///
/// Use it where statements must run on one session: temporary tables, settings, native access.
/// Dropping it gives the connection back; what was left open is rolled back and cleaned.
pub struct DatabaseConnection {
    lease: Boxed,
    translator: Arc<Translator>,
}

impl DatabaseConnection {
    pub(crate) fn new(lease: Boxed, translator: Arc<Translator>) -> Self {
        Self { lease, translator }
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
        let result = self.lease.connection().execute_script(script).await;
        result.map_err(|error| error.or_database(self.translator.database()))
    }

    /// One round trip that proves the connection alive.
    ///
    /// # Errors
    /// The database's.
    pub async fn ping(&mut self) -> Result<()> {
        let result = self.lease.connection().ping().await;
        result.map_err(|error| error.or_database(self.translator.database()))
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

    fn finished(&mut self, took: Duration, outcome: Result<(), &Error>) {
        self.0.lease.finished(took, outcome);
    }
}

impl<'c> Source for &'c mut DatabaseConnection {
    type Lease = ConnectionLease<'c>;

    async fn lease(self) -> Result<ConnectionLease<'c>> {
        Ok(ConnectionLease(self))
    }

    fn translator(&self) -> &Translator {
        &self.translator
    }
}
