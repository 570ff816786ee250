//! Pools of native connections: MySQL or MariaDB alone, with nothing portable in between.

use mysql_async::Conn;
use mysql_async::consts::StatusFlags;
use mysql_async::prelude::Queryable;
use wellspring_connector::{Error, ErrorKind, Result};
use wellspring_pool_core::{FailureClass, Hygiene, Manager, ResetMode};

use crate::connector::MySqlConnector;
use crate::errors::{Sent, convert};
use crate::options::MySqlOptions;

/// A pool whose guards are [`mysql_async::Conn`]s.
///
/// ```no_run
/// use wellspring_mysql::mysql_async::prelude::Queryable;
/// use wellspring_mysql::{MySqlManager, Pool};
///
/// # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
/// let manager = MySqlManager::from_url("mysql://ada@localhost/shop")?;
/// let pool: Pool = Pool::builder(manager).max_size(8).build()?;
/// let mut conn = pool.get().await?;
/// let users: Option<i64> = conn.query_first("select count(*) from users").await?;
/// # let _ = users; Ok(()) }
/// ```
pub type Pool = wellspring_pool_core::Pool<MySqlManager>;

/// Makes native connections for a [`Pool`].
///
/// A connection that comes back with a transaction open is rolled back in the background. Settings,
/// variables and temporary tables are left alone, since nothing tells that they are there: with
/// [`reset = always`](wellspring_pool_core::ResetPolicy::Always) they are cleaned every time, at the
/// price of the prepared statements. A driver's future that is dropped half-way leaves a connection
/// that only its next use can repair; the portable layer does not have that limit.
#[derive(Debug, Clone)]
pub struct MySqlManager {
    connector: MySqlConnector,
}

impl MySqlManager {
    /// Connects as `options` say.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when options contradict each other or a file cannot be read.
    pub fn new(options: MySqlOptions) -> Result<Self> {
        Ok(Self { connector: MySqlConnector::new(options)? })
    }

    /// As [`new`](Self::new), with the options of a URL.
    ///
    /// # Errors
    /// [`ErrorKind::Config`].
    pub fn from_url(url: &str) -> Result<Self> {
        Self::new(MySqlOptions::from_url(url)?)
    }
}

fn in_transaction(conn: &Conn) -> Option<bool> {
    let ok = conn.last_ok_packet()?;
    Some(ok.status_flags().contains(StatusFlags::SERVER_STATUS_IN_TRANS))
}

impl Manager for MySqlManager {
    type Connection = Conn;
    type Error = Error;

    async fn connect(&self) -> Result<Conn> {
        self.connector.open().await
    }

    async fn validate(&self, conn: &mut Conn) -> Result<()> {
        conn.ping().await.map_err(|error| convert(error, Sent::Perhaps))
    }

    async fn reset(&self, conn: &mut Conn, mode: ResetMode) -> Result<()> {
        let lost = |error| convert(error, Sent::Perhaps);
        // After an error only the server knows.
        conn.ping().await.map_err(lost)?;
        match (in_transaction(conn).unwrap_or(true), mode) {
            (true, ResetMode::None) => return Ok(()),
            (true, ResetMode::Commit) => conn.query_drop("commit").await.map_err(lost)?,
            _ => {}
        }
        conn.reset().await.map_err(lost).map(drop)
    }

    async fn close(&self, conn: Conn) {
        if let Err(error) = conn.disconnect().await {
            tracing::debug!(%error, "closing a connection failed");
        }
    }

    fn hygiene(&self, conn: &mut Conn) -> Hygiene {
        if conn.is_disconnected() {
            return Hygiene::Broken;
        }
        match in_transaction(conn) {
            Some(false) => Hygiene::Clean,
            // After an error nothing is known.
            Some(true) | None => Hygiene::NeedsReset,
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
