//! Lets the pool make connections of any connector.

use std::sync::Arc;

use wellspring_pool_core::{FailureClass, Hygiene, Manager, ResetMode};

use crate::{Connection, Connector, Error, ErrorKind, Result, SessionState};

/// A [`Manager`] for the portable connections of a [`Connector`].
///
/// ```
/// use std::sync::Arc;
/// use wellspring_connector::{Connector, ConnectorManager};
/// use wellspring_pool_core::Pool;
///
/// # fn open(connector: Arc<dyn Connector>) -> Result<(), Box<dyn std::error::Error>> {
/// let pool: Pool<ConnectorManager> =
///     Pool::builder(ConnectorManager::new(connector)).max_size(8).build()?;
/// # let _ = pool; Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct ConnectorManager {
    connector: Arc<dyn Connector>,
}

impl ConnectorManager {
    /// Connects through `connector`.
    pub fn new(connector: Arc<dyn Connector>) -> Self {
        Self { connector }
    }

    /// The connector.
    pub fn connector(&self) -> &Arc<dyn Connector> {
        &self.connector
    }
}

impl Manager for ConnectorManager {
    type Connection = Box<dyn Connection>;
    type Error = Error;

    async fn connect(&self) -> Result<Box<dyn Connection>> {
        self.connector.connect().await
    }

    async fn validate(&self, connection: &mut Box<dyn Connection>) -> Result<()> {
        connection.ping().await
    }

    async fn reset(&self, connection: &mut Box<dyn Connection>, mode: ResetMode) -> Result<()> {
        connection.reset(mode).await
    }

    async fn close(&self, connection: Box<dyn Connection>) {
        if let Err(error) = connection.close().await {
            // It is gone either way; what failed is the goodbye.
            tracing::debug!(target = self.connector.target(), %error, "closing a connection failed");
        }
    }

    fn hygiene(&self, connection: &mut Box<dyn Connection>) -> Hygiene {
        match connection.state() {
            SessionState::Idle => Hygiene::Clean,
            SessionState::Closed => Hygiene::Broken,
            SessionState::InTransaction
            | SessionState::Failed
            | SessionState::Busy
            | SessionState::Tainted => Hygiene::NeedsReset,
        }
    }

    fn classify(&self, error: &Error) -> FailureClass {
        match error.kind() {
            ErrorKind::ConnectAuth
            | ErrorKind::ConnectUnknownDatabase
            | ErrorKind::ConnectTls
            | ErrorKind::Config
            | ErrorKind::Corrupt
            | ErrorKind::PermissionDenied
            | ErrorKind::Unsupported => FailureClass::Permanent,
            ErrorKind::ConnectTooMany => FailureClass::Overload,
            _ => FailureClass::Transient,
        }
    }
}
