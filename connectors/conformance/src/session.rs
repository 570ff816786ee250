//! A connection with portable placeholders: what the tests speak through.

use wellspring_connector::{
    Connection, ExecResult, FromRow, IntoParams, Lease, Query, Result, Source, Translator,
};

use crate::Target;

/// One connection to a target's fresh database.
#[derive(Debug)]
pub struct Session {
    /// The connection.
    pub connection: Box<dyn Connection>,
    translator: Translator,
}

impl Session {
    /// Connects to a fresh database of `target`.
    ///
    /// # Panics
    /// When that fails.
    pub async fn fresh(target: &impl Target) -> Self {
        let connector = target.fresh().await;
        Self::on(connector.connect().await.expect("a fresh database can be connected to"))
    }

    /// Speaks through `connection`.
    pub fn on(connection: Box<dyn Connection>) -> Self {
        let translator = Translator::new(connection.dialect(), 100);
        Self { connection, translator }
    }

    /// Prepares a statement.
    pub fn query(&mut self, sql: &str, params: impl IntoParams) -> Query<&mut Self> {
        Query::new(self, sql, params)
    }

    /// Runs a statement that must succeed.
    ///
    /// # Panics
    /// When it does not.
    pub async fn run(&mut self, sql: &str, params: impl IntoParams) -> ExecResult {
        self.query(sql, params).execute().await.unwrap_or_else(|error| panic!("{sql}: {error:?}"))
    }

    /// The only value of a query that must succeed.
    ///
    /// # Panics
    /// When it does not.
    pub async fn get<T: FromRow>(&mut self, sql: &str, params: impl IntoParams) -> T {
        self.query(sql, params).one().await.unwrap_or_else(|error| panic!("{sql}: {error:?}"))
    }

    /// Makes a table `t` with an integer key `a` and an integer `b`.
    pub async fn table(&mut self, target: &impl Target) {
        let integer = target.facts().integer;
        let sql = format!("create table t (a {integer} not null primary key, b {integer})");
        self.run(&sql, ()).await;
    }

    /// The number of rows in `t`.
    pub async fn count(&mut self) -> i64 {
        self.get("select count(*) from t", ()).await
    }
}

impl<'s> Source for &'s mut Session {
    type Lease = SessionLease<'s>;

    async fn lease(self) -> Result<SessionLease<'s>> {
        Ok(SessionLease(self))
    }

    fn translator(&self) -> &Translator {
        &self.translator
    }
}

/// A statement's hold of a [`Session`].
#[derive(Debug)]
pub struct SessionLease<'s>(&'s mut Session);

impl Lease for SessionLease<'_> {
    fn connection(&mut self) -> &mut dyn Connection {
        &mut *self.0.connection
    }
}
