//! The driver and its connectors: from a URL to open connections.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use tokio_postgres::SimpleQueryMessage;
use wellspring_connector::{
    Connection, Connector, CredentialProvider, Credentials, Dialect, Driver, DriverOption, Error,
    ErrorKind, Result,
};

use crate::connection::PostgresConnection;
use crate::errors::{Place, during_startup};
use crate::option_list::OPTIONS;
use crate::options::{PostgresOptions, SslMode, TargetSessionAttrs};
use crate::session::{Greeting, Session, Way};
use crate::tls::Tls;
use crate::url::SCHEMES;

/// PostgreSQL, as the portable layer describes it.
pub(crate) static DIALECT: Dialect = Dialect::POSTGRES;

/// The driver: turns `postgres:` URLs into connectors.
///
/// ```
/// use wellspring_connector::Driver;
/// use wellspring_postgres::PostgresDriver;
///
/// let connector = PostgresDriver.connector("postgres://ada:secret@localhost/shop")?;
/// assert_eq!(connector.target(), "postgres://ada@localhost:5432/shop");
/// # Ok::<(), wellspring_connector::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct PostgresDriver;

impl Driver for PostgresDriver {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn schemes(&self) -> &'static [&'static str] {
        SCHEMES
    }

    fn connector(&self, url: &str) -> Result<Arc<dyn Connector>> {
        Ok(Arc::new(PostgresConnector::new(PostgresOptions::from_url(url)?)?))
    }

    fn options(&self) -> &'static [DriverOption] {
        OPTIONS
    }
}

/// Opens connections to one PostgreSQL database.
#[derive(Clone)]
pub struct PostgresConnector {
    options: Arc<PostgresOptions>,
    /// The places a server may be, in order.
    ways: Arc<[Arc<Way>]>,
    /// Who is asked for the credentials of each connection.
    provider: Option<Arc<dyn CredentialProvider>>,
}

impl PostgresConnector {
    /// A connector with these options. Reads the certificates TLS needs; connects to nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when options contradict each other or a file cannot be read.
    pub fn new(options: PostgresOptions) -> Result<Self> {
        options.check()?;
        let mut made: Vec<(SslMode, Option<Tls>)> = Vec::new();
        let mut ways = Vec::new();
        for endpoint in &options.endpoints {
            let mode = options.ssl_mode_for(endpoint);
            let tls = match made.iter().find(|(known, _)| *known == mode) {
                Some((_, tls)) => tls.clone(),
                None => {
                    let tls = Tls::new(mode, &options.tls)?;
                    made.push((mode, tls.clone()));
                    tls
                }
            };
            ways.push(Arc::new(Way {
                endpoint: endpoint.clone(),
                tls,
                keepalive: options.tcp_keepalive,
            }));
        }
        Ok(Self { options: Arc::new(options), ways: ways.into(), provider: None })
    }

    /// The same, which asks `provider` for the credentials of each connection, once for all its hosts.
    /// Requests to cancel need none.
    ///
    /// ```
    /// use wellspring_connector::PasswordFile;
    /// use wellspring_postgres::{PostgresConnector, PostgresOptions};
    ///
    /// let options = PostgresOptions::new("localhost").user("ada").database("shop");
    /// let connector =
    ///     PostgresConnector::new(options)?.credentials(PasswordFile::new("/run/secrets/shop"));
    /// # Ok::<(), wellspring_connector::Error>(())
    /// ```
    #[must_use]
    pub fn credentials(mut self, provider: impl CredentialProvider) -> Self {
        self.provider = Some(Arc::new(provider));
        self
    }

    /// The options it was made with.
    pub fn options(&self) -> &PostgresOptions {
        &self.options
    }

    /// Opens a session with the first place that is good enough.
    ///
    /// # Errors
    /// The provider's, before anything is connected to; the last place's otherwise.
    pub(crate) async fn open(&self) -> Result<Session> {
        use TargetSessionAttrs as Wanted;
        let login = self.options.login().renewed(self.provider.as_deref()).await?;
        match self.options.target_session_attrs {
            Wanted::PreferStandby => match self.open_as(Wanted::Standby, &login).await {
                Ok(session) => Ok(session),
                Err(_) => self.open_as(Wanted::Any, &login).await,
            },
            wanted => self.open_as(wanted, &login).await,
        }
    }

    async fn open_as(&self, wanted: TargetSessionAttrs, login: &Credentials) -> Result<Session> {
        let mut failed: Option<Error> = None;
        for way in &*self.ways {
            let opened = async {
                let (session, greeting) = Session::open(&self.options, login, way).await?;
                check(&session, greeting, wanted, way).await?;
                Ok(session)
            };
            match opened.await {
                Ok(session) => return Ok(session),
                // The last error's kind, and what each place said.
                Err(error) => {
                    failed = Some(match failed {
                        None => error,
                        Some(before) => {
                            let message = format!("{}; {}", before.message(), error.message());
                            Error::new(error.kind(), message)
                                .with_retry(error.retry())
                                .with_source(error)
                        }
                    });
                }
            }
        }
        Err(failed
            .unwrap_or_else(|| Error::new(ErrorKind::Config, "there is no host to connect to")))
    }
}

/// Refuses a session that cannot do what is wanted.
async fn check(
    session: &Session,
    greeting: Greeting,
    wanted: TargetSessionAttrs,
    way: &Way,
) -> Result<()> {
    use TargetSessionAttrs as Wanted;
    if wanted == Wanted::Any {
        return Ok(());
    }
    let place = Place(&way.endpoint);
    let (in_recovery, read_only) = match (greeting.in_recovery, greeting.read_only) {
        (Some(in_recovery), Some(read_only)) => (in_recovery, read_only || in_recovery),
        // Servers before version 14, and poolers, do not say so by themselves.
        _ => {
            let asked = "select pg_is_in_recovery(), current_setting('transaction_read_only')";
            let answer = session
                .client
                .simple_query(asked)
                .await
                .map_err(|error| during_startup(error, place))?;
            let row = answer.iter().find_map(|message| match message {
                SimpleQueryMessage::Row(row) => Some((row.get(0), row.get(1))),
                _ => None,
            });
            let (in_recovery, read_only) = row.unwrap_or((None, None));
            (in_recovery == Some("t"), read_only == Some("on"))
        }
    };
    let (good, is) = match wanted {
        Wanted::Any | Wanted::PreferStandby => (true, ""),
        Wanted::ReadWrite => (!read_only, "read-only"),
        Wanted::ReadOnly => (read_only, "not read-only"),
        Wanted::Primary => (!in_recovery, "a standby"),
        Wanted::Standby => (in_recovery, "not a standby"),
    };
    if good {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::ConnectRefused,
        format!("{place} is {is}, and target_session_attrs wants another"),
    ))
}

#[async_trait]
impl Connector for PostgresConnector {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn target(&self) -> String {
        self.options.target()
    }

    async fn connect(&self) -> Result<Box<dyn Connection>> {
        let session = self.open().await?;
        Ok(Box::new(PostgresConnection::new(session, Arc::clone(&self.options))))
    }

    fn with_credentials(
        &self,
        provider: Arc<dyn CredentialProvider>,
    ) -> Result<Arc<dyn Connector>> {
        Ok(Arc::new(self.clone().credentials(provider)))
    }
}

impl fmt::Debug for PostgresConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What a provider shows of itself is not known.
        f.debug_struct("PostgresConnector")
            .field("options", &self.options)
            .field("asks_for_credentials", &self.provider.is_some())
            .finish_non_exhaustive()
    }
}
