//! Pools of native connections: MySQL or MariaDB alone, with nothing portable in between.

use std::fmt;
use std::ops::{Deref, DerefMut};

use mysql_async::Conn;
use mysql_async::consts::StatusFlags;
use mysql_async::prelude::Queryable;
use wellspring_connector::{CredentialProvider, Error, ErrorKind, Result};
use wellspring_pool_core::{FailureClass, Hygiene, Manager, ResetMode};

use crate::connector::MySqlConnector;
use crate::errors::{Sent, convert};
use crate::options::MySqlOptions;

/// A pool whose guards are [`mysql_async::Conn`]s, by way of [`NativeConn`].
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

    /// The same, which asks `provider` for the credentials of each connection.
    ///
    /// ```
    /// use wellspring_connector::SharedPassword;
    /// use wellspring_mysql::MySqlManager;
    ///
    /// let password = SharedPassword::new("at the start");
    /// let manager =
    ///     MySqlManager::from_url("mysql://ada@localhost/shop")?.credentials(password.clone());
    /// password.set("later");
    /// # Ok::<(), wellspring_connector::Error>(())
    /// ```
    #[must_use]
    pub fn credentials(mut self, provider: impl CredentialProvider) -> Self {
        self.connector = self.connector.credentials(provider);
        self
    }
}

/// A [`mysql_async::Conn`], to be used as one. Printed, it does not show the password, as that would.
///
/// Where the driver takes a connection (`"select 1".first(…)`), `&mut *guard` is one.
pub struct NativeConn(Conn);

impl NativeConn {
    /// The driver's connection for good.
    pub fn into_inner(self) -> Conn {
        self.0
    }
}

impl Deref for NativeConn {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.0
    }
}

impl DerefMut for NativeConn {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.0
    }
}

impl<'c> From<&'c mut NativeConn> for mysql_async::Connection<'c, 'static> {
    fn from(conn: &'c mut NativeConn) -> Self {
        (&mut conn.0).into()
    }
}

impl fmt::Debug for NativeConn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NativeConn").field("id", &self.0.id()).finish_non_exhaustive()
    }
}

fn in_transaction(conn: &Conn) -> Option<bool> {
    let ok = conn.last_ok_packet()?;
    Some(ok.status_flags().contains(StatusFlags::SERVER_STATUS_IN_TRANS))
}

impl Manager for MySqlManager {
    type Connection = NativeConn;
    type Error = Error;

    async fn connect(&self) -> Result<NativeConn> {
        self.connector.open().await.map(NativeConn)
    }

    async fn validate(&self, conn: &mut NativeConn) -> Result<()> {
        conn.ping().await.map_err(|error| convert(error, Sent::Perhaps))
    }

    async fn reset(&self, conn: &mut NativeConn, mode: ResetMode) -> Result<()> {
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

    async fn close(&self, conn: NativeConn) {
        if let Err(error) = conn.0.disconnect().await {
            tracing::debug!(%error, "closing a connection failed");
        }
    }

    fn hygiene(&self, conn: &mut NativeConn) -> Hygiene {
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
