//! The driver and its connectors: from a URL to open connections.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, InfileData, LocalInfileError, Opts, OptsBuilder, SslOpts};
use tokio::time::timeout;
use wellspring_connector::{
    Connection, Connector, CredentialProvider, Credentials, Dialect, Driver, DriverOption, Error,
    ErrorKind, Result,
};

use crate::connection::MySqlConnection;
use crate::errors::during_connect;
use crate::option_list::OPTIONS;
use crate::options::{Flavor, MySqlOptions};
use crate::session::Stopper;
use crate::tls;
use crate::url::SCHEMES;

/// MySQL, as the portable layer describes it.
pub(crate) static MYSQL: Dialect = Dialect::MYSQL;
/// MariaDB, as the portable layer describes it.
pub(crate) static MARIADB: Dialect = Dialect::MARIADB;

/// Larger than the server's own limit can be, which then is the one that counts.
const MAX_PACKET: usize = 1 << 30;

/// How long it may take to ask for the credentials of a connection that stops a statement: less than the
/// whole of that may.
const PATIENCE: Duration = Duration::from_secs(2);

/// The driver: turns `mysql:` and `mariadb:` URLs into connectors.
///
/// ```
/// use wellspring_connector::Driver;
/// use wellspring_mysql::MySqlDriver;
///
/// let connector = MySqlDriver.connector("mariadb://ada:secret@localhost/shop")?;
/// assert_eq!(connector.target(), "mariadb://ada@localhost:3306/shop");
/// # Ok::<(), wellspring_connector::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct MySqlDriver;

impl Driver for MySqlDriver {
    fn name(&self) -> &'static str {
        "mysql"
    }

    fn schemes(&self) -> &'static [&'static str] {
        SCHEMES
    }

    fn connector(&self, url: &str) -> Result<Arc<dyn Connector>> {
        Ok(Arc::new(MySqlConnector::new(MySqlOptions::from_url(url)?)?))
    }

    fn options(&self) -> &'static [DriverOption] {
        OPTIONS
    }
}

/// Opens connections to one MySQL or MariaDB database.
#[derive(Clone)]
pub struct MySqlConnector {
    inner: Arc<Inner>,
    /// Who is asked for the credentials of each connection.
    provider: Option<Arc<dyn CredentialProvider>>,
}

struct Inner {
    options: MySqlOptions,
    tls: Option<SslOpts>,
}

impl MySqlConnector {
    /// A connector with these options. Connects to nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when options contradict each other or a file cannot be read.
    pub fn new(options: MySqlOptions) -> Result<Self> {
        options.check()?;
        let tls = tls::settings(&options)?;
        Ok(Self { inner: Arc::new(Inner { options, tls }), provider: None })
    }

    /// The same, which asks `provider` for the credentials of each connection: also of those that only
    /// stop the statement of another one (`kill query`). Such a one must be of the same user: where the
    /// provider names another by then, fails, takes more than 2 s or is refused, that connection's own
    /// credentials are tried.
    ///
    /// ```
    /// use wellspring_connector::PasswordFile;
    /// use wellspring_mysql::{MySqlConnector, MySqlOptions};
    ///
    /// let options = MySqlOptions::new("localhost").user("ada").database("shop");
    /// let connector =
    ///     MySqlConnector::new(options)?.credentials(PasswordFile::new("/run/secrets/shop"));
    /// # Ok::<(), wellspring_connector::Error>(())
    /// ```
    #[must_use]
    pub fn credentials(mut self, provider: impl CredentialProvider) -> Self {
        self.provider = Some(Arc::new(provider));
        self
    }

    /// The options it was made with.
    pub fn options(&self) -> &MySqlOptions {
        &self.inner.options
    }

    /// Opens a connection of the driver.
    pub(crate) async fn open(&self) -> Result<Conn> {
        self.log_in(&self.ask().await?, Arc::default()).await
    }

    /// Opens a connection of the driver that may stop what one of `login` is doing.
    pub(crate) async fn open_beside(&self, login: &Credentials) -> Result<Conn> {
        let now = match timeout(PATIENCE, self.ask()).await {
            Ok(Ok(now)) => now,
            // A statement that is to stop does not wait for whoever keeps the passwords.
            Ok(Err(_)) | Err(_) => return self.log_in(login, Arc::default()).await,
        };
        // Who is somebody else by now may stop nothing of theirs, unless with a privilege.
        let (first, second) = if now.user == login.user { (&now, login) } else { (login, &now) };
        match self.log_in(first, Arc::default()).await {
            Err(error) if error.kind() == ErrorKind::ConnectAuth && first != second => {
                self.log_in(second, Arc::default()).await.map_err(|_| error)
            }
            opened => opened,
        }
    }

    /// The credentials to connect with now.
    async fn ask(&self) -> Result<Credentials> {
        self.inner.options.login().renewed(self.provider.as_deref()).await
    }

    /// Opens a connection of the driver; `asked` is set when the server asks for a file.
    async fn log_in(&self, login: &Credentials, asked: Arc<AtomicBool>) -> Result<Conn> {
        let Inner { options, tls } = &*self.inner;
        let place = options.place();
        // The driver keeps the password as it is for as long as the connection, and prints it with
        // it: neither these options nor the connection are ever printed.
        let mut builder = OptsBuilder::default()
            .user(login.user.clone())
            .pass(login.password.as_ref().map(|password| password.expose()))
            .db_name(options.database.clone())
            .prefer_socket(false)
            .stmt_cache_size(options.statement_cache)
            .max_allowed_packet(Some(MAX_PACKET))
            .wait_timeout(Some(28_800))
            .tcp_keepalive(options.tcp_keepalive)
            .local_infile_handler(Some(nothing_to_give(Arc::clone(&asked))))
            .setup(vec![options.setup()]);
        if let Some(name) = &options.application_name {
            builder = builder.connect_attribute("program_name", name);
        }
        builder = match &options.socket {
            Some(path) => builder.socket(Some(path.display().to_string())),
            None => {
                let addresses: Vec<_> =
                    tokio::net::lookup_host((options.host.as_str(), options.port))
                        .await
                        .map_err(|error| {
                            Error::new(
                                ErrorKind::ConnectDns,
                                format!("the name of {place} could not be resolved: {error}"),
                            )
                            .with_source(error)
                        })?
                        .map(|address| address.ip())
                        .collect();
                builder
                    .ip_or_hostname(options.host.clone())
                    .tcp_port(options.port)
                    .resolved_ips(Some(addresses))
                    .ssl_opts(tls.clone())
            }
        };
        let opened = Conn::new(Opts::from(builder)).await;
        opened.map_err(|error| during_connect(error, &place))
    }
}

/// What a server is given that asks for a file of this machine, at any time but during a bulk insert
/// of ours: nothing, and the statement fails when `asked` tells of it.
fn nothing_to_give(
    asked: Arc<AtomicBool>,
) -> impl Fn(&[u8]) -> BoxFuture<'static, Result<InfileData, LocalInfileError>> {
    move |_| {
        asked.store(true, Ordering::Release);
        std::future::ready(Ok(stream::empty().boxed())).boxed()
    }
}

/// The driver keeps the numbers of the version only. MariaDB's begin with 10; what begins so is
/// asked for its name, since MySQL may get there.
async fn is_mariadb(conn: &mut Conn) -> Result<bool, mysql_async::Error> {
    if conn.server_version().0 < 10 {
        return Ok(false);
    }
    let version: Option<String> = conn.query_first("select version()").await?;
    Ok(version.is_some_and(|version| version.contains("MariaDB")))
}

#[async_trait]
impl Connector for MySqlConnector {
    fn dialect(&self) -> &'static Dialect {
        match self.inner.options.flavor {
            Flavor::MySql => &MYSQL,
            Flavor::MariaDb => &MARIADB,
        }
    }

    fn target(&self) -> String {
        self.inner.options.target()
    }

    async fn connect(&self) -> Result<Box<dyn Connection>> {
        let asked = Arc::default();
        let login = self.ask().await?;
        let mut conn = self.log_in(&login, Arc::clone(&asked)).await?;
        let mariadb = is_mariadb(&mut conn)
            .await
            .map_err(|error| during_connect(error, &self.inner.options.place()))?;
        let stopper = Stopper::new(self.clone(), login, conn.id());
        Ok(Box::new(MySqlConnection::new(conn, mariadb, stopper, asked)))
    }

    fn with_credentials(
        &self,
        provider: Arc<dyn CredentialProvider>,
    ) -> Result<Arc<dyn Connector>> {
        Ok(Arc::new(self.clone().credentials(provider)))
    }
}

impl fmt::Debug for MySqlConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What a provider shows of itself is not known.
        f.debug_struct("MySqlConnector")
            .field("options", &self.inner.options)
            .field("asks_for_credentials", &self.provider.is_some())
            .finish_non_exhaustive()
    }
}
