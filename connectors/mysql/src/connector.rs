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
use wellspring_connector::{Connection, Connector, Dialect, Driver, Error, ErrorKind, Result};

use crate::connection::MySqlConnection;
use crate::errors::during_connect;
use crate::options::{Flavor, MySqlOptions};
use crate::tls;
use crate::url::SCHEMES;

/// MySQL, as the portable layer describes it.
pub(crate) static MYSQL: Dialect = Dialect::MYSQL;
/// MariaDB, as the portable layer describes it.
pub(crate) static MARIADB: Dialect = Dialect::MARIADB;

/// Larger than the server's own limit can be, which then is the one that counts.
const MAX_PACKET: usize = 1 << 30;

/// When a silent peer is asked whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(60);

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
}

/// Opens connections to one MySQL or MariaDB database.
#[derive(Clone)]
pub struct MySqlConnector(Arc<Inner>);

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
        Ok(Self(Arc::new(Inner { options, tls })))
    }

    /// The options it was made with.
    pub fn options(&self) -> &MySqlOptions {
        &self.0.options
    }

    /// Opens a connection of the driver.
    pub(crate) async fn open(&self) -> Result<Conn> {
        self.open_noting(Arc::default()).await
    }

    /// Opens a connection of the driver; `asked` is set when the server asks for a file.
    async fn open_noting(&self, asked: Arc<AtomicBool>) -> Result<Conn> {
        let Inner { options, tls } = &*self.0;
        let place = options.place();
        let mut builder = OptsBuilder::default()
            .user(options.user.clone())
            .pass(options.password.clone())
            .db_name(options.database.clone())
            .prefer_socket(false)
            .stmt_cache_size(options.statement_cache)
            .max_allowed_packet(Some(MAX_PACKET))
            .wait_timeout(Some(28_800))
            .tcp_keepalive(Some(KEEPALIVE))
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
        match self.0.options.flavor {
            Flavor::MySql => &MYSQL,
            Flavor::MariaDb => &MARIADB,
        }
    }

    fn target(&self) -> String {
        self.0.options.target()
    }

    async fn connect(&self) -> Result<Box<dyn Connection>> {
        let asked = Arc::default();
        let mut conn = self.open_noting(Arc::clone(&asked)).await?;
        let mariadb = is_mariadb(&mut conn)
            .await
            .map_err(|error| during_connect(error, &self.0.options.place()))?;
        Ok(Box::new(MySqlConnection::new(conn, mariadb, self.clone(), asked)))
    }
}

impl fmt::Debug for MySqlConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MySqlConnector").field("options", &self.0.options).finish_non_exhaustive()
    }
}
