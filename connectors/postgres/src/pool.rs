//! Pools of native clients: PostgreSQL alone, with nothing portable in between.

use std::collections::HashMap;
use std::fmt;
use std::ops::{Deref, DerefMut};

use tokio_postgres::{Client, Statement};
use wellspring_connector::{CredentialProvider, Error, ErrorKind, Result};
use wellspring_pool_core::{FailureClass, Hygiene, Manager, ResetMode};

use crate::connection::CLEAN_UP;
use crate::connector::PostgresConnector;
use crate::errors::{Sent, convert};
use crate::options::PostgresOptions;
use crate::session::Session;
use crate::watch::Block;

/// A pool whose guards are [`tokio_postgres::Client`]s.
///
/// ```no_run
/// use wellspring_postgres::{Pool, PostgresManager};
///
/// # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
/// let manager = PostgresManager::from_url("postgres://ada@localhost/shop")?;
/// let pool: Pool = Pool::builder(manager).max_size(8).build()?;
/// let client = pool.get().await?;
/// let row = client.query_one("select count(*) from users", &[]).await?;
/// let users: i64 = row.get(0);
/// # let _ = users; Ok(()) }
/// ```
pub type Pool = wellspring_pool_core::Pool<PostgresManager>;

/// Makes native clients for a [`Pool`].
///
/// A client that comes back with a transaction open, or with something in flight, is settled and
/// rolled back in the background. Settings, temporary objects and locks are left alone, since
/// nothing tells that they are there: with
/// [`reset = always`](wellspring_pool_core::ResetPolicy::Always) they are cleaned every time.
#[derive(Debug, Clone)]
pub struct PostgresManager {
    connector: PostgresConnector,
}

impl PostgresManager {
    /// Connects as `options` say.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when options contradict each other or a file cannot be read.
    pub fn new(options: PostgresOptions) -> Result<Self> {
        Ok(Self { connector: PostgresConnector::new(options)? })
    }

    /// As [`new`](Self::new), with the options of a URL.
    ///
    /// # Errors
    /// [`ErrorKind::Config`].
    pub fn from_url(url: &str) -> Result<Self> {
        Self::new(PostgresOptions::from_url(url)?)
    }

    /// The same, which asks `provider` for the credentials of each connection.
    ///
    /// ```
    /// use wellspring_connector::SharedPassword;
    /// use wellspring_postgres::PostgresManager;
    ///
    /// let password = SharedPassword::new("at the start");
    /// let manager = PostgresManager::from_url("postgres://ada@localhost/shop")?
    ///     .credentials(password.clone());
    /// password.set("later");
    /// # Ok::<(), wellspring_connector::Error>(())
    /// ```
    #[must_use]
    pub fn credentials(mut self, provider: impl CredentialProvider) -> Self {
        self.connector = self.connector.credentials(provider);
        self
    }
}

/// A [`tokio_postgres::Client`] with what its pool must know about it.
pub struct NativeClient {
    session: Session,
    statements: HashMap<Box<str>, Statement>,
    capacity: usize,
}

impl NativeClient {
    /// The prepared form of `text`, which this client prepares at the first call and keeps: up to the
    /// number of statements of the options' [`statement_cache`](PostgresOptions::statement_cache), then
    /// one of them goes.
    ///
    /// # Errors
    /// The server's.
    pub async fn prepare_cached(&mut self, text: &str) -> Result<Statement, tokio_postgres::Error> {
        if let Some(statement) = self.statements.get(text) {
            return Ok(statement.clone());
        }
        let statement = self.session.client.prepare(text).await?;
        if self.capacity > 0 {
            if self.statements.len() >= self.capacity
                && let Some(some) = self.statements.keys().next().cloned()
            {
                self.statements.remove(&some);
            }
            self.statements.insert(text.into(), statement.clone());
        }
        Ok(statement)
    }

    /// True while a transaction is open, by the server's last word.
    pub fn is_in_transaction(&self) -> bool {
        self.session.watched.block() != Block::None
    }
}

impl Deref for NativeClient {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.session.client
    }
}

impl DerefMut for NativeClient {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.session.client
    }
}

impl Manager for PostgresManager {
    type Connection = NativeClient;
    type Error = Error;

    async fn connect(&self) -> Result<NativeClient> {
        let capacity = self.connector.options().statement_cache;
        let session = self.connector.open().await?;
        Ok(NativeClient { session, statements: HashMap::new(), capacity })
    }

    async fn validate(&self, client: &mut NativeClient) -> Result<()> {
        let answer = client.session.client.batch_execute("").await;
        answer.map_err(|error| convert(error, Sent::Perhaps))
    }

    async fn reset(&self, client: &mut NativeClient, mode: ResetMode) -> Result<()> {
        let session = &client.session;
        // A future that was dropped may have left something on its way that cannot be seen.
        session.abandon();
        session.settle().await?;
        let end = match (session.watched.block(), mode) {
            (Block::None, _) => None,
            (_, ResetMode::None) => return Ok(()),
            (Block::Open, ResetMode::Commit) => Some("commit"),
            _ => Some("rollback"),
        };
        for text in end.into_iter().chain([CLEAN_UP]) {
            let answer = session.client.batch_execute(text).await;
            answer.map_err(|error| convert(error, Sent::Perhaps))?;
        }
        Ok(())
    }

    async fn close(&self, client: NativeClient) {
        let NativeClient { session, statements, .. } = client;
        // Each would be closed by a message of its own.
        drop(statements);
        if let Err(error) = session.close().await {
            tracing::debug!(%error, "closing a connection failed");
        }
    }

    fn hygiene(&self, client: &mut NativeClient) -> Hygiene {
        let session = &client.session;
        if session.client.is_closed() {
            Hygiene::Broken
        } else if session.is_at_rest() && session.watched.block() == Block::None {
            Hygiene::Clean
        } else {
            Hygiene::NeedsReset
        }
    }

    fn classify(&self, error: &Error) -> FailureClass {
        match error.kind() {
            ErrorKind::ConnectAuth
            | ErrorKind::ConnectUnknownDatabase
            | ErrorKind::ConnectTls
            | ErrorKind::Config => FailureClass::Permanent,
            ErrorKind::ConnectTooMany => FailureClass::Overload,
            _ => FailureClass::Transient,
        }
    }
}

impl fmt::Debug for NativeClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NativeClient").field("session", &self.session).finish()
    }
}
