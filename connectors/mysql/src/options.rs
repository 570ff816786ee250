//! How a MySQL or MariaDB database is connected to: every option, its unit and its default.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use wellspring_connector::{Credentials, Error, ErrorKind, Result, Secret};

use crate::url;

/// The port both listen on unless told otherwise.
pub(crate) const DEFAULT_PORT: u16 = 3306;

/// When a silent peer is asked whether it is still there, unless told otherwise.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// How much TLS is wanted. There is no `prefer`: whether a connection is safe is not left to whoever
/// answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SslMode {
    /// None.
    Disable,
    /// Encrypted, without checking who the server is. Warns.
    Require,
    /// The server's certificate must come from a trusted authority; the name is not checked.
    VerifyCa,
    /// The certificate must come from a trusted authority and name the host.
    VerifyFull,
}

/// Which of the two a URL says that it is. The server has the last word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Flavor {
    /// MySQL proper.
    MySql,
    /// MariaDB.
    MariaDb,
}

/// How one MySQL or MariaDB database is connected to.
///
/// A session's time zone is always UTC, so that `timestamp` columns are instants whoever reads them.
///
/// ```
/// use wellspring_mysql::MySqlOptions;
///
/// let options: MySqlOptions = "mysql://ada:secret@db:3307/shop?sslmode=verify-ca".parse()?;
/// assert_eq!(options.target(), "mysql://ada@db:3307/shop");
/// # Ok::<(), wellspring_connector::Error>(())
/// ```
///
/// # The options of a URL
///
#[doc = include_str!("options.md")]
#[derive(Clone, PartialEq, Eq)]
pub struct MySqlOptions {
    pub(crate) flavor: Flavor,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) socket: Option<PathBuf>,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Secret>,
    pub(crate) database: Option<String>,
    pub(crate) ssl_mode: Option<SslMode>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) client_cert: Option<PathBuf>,
    pub(crate) client_key: Option<PathBuf>,
    pub(crate) tcp_keepalive: Option<Duration>,
    pub(crate) application_name: Option<String>,
    pub(crate) sql_mode: Option<String>,
    pub(crate) read_timeout: Option<Duration>,
    pub(crate) write_timeout: Option<Duration>,
    pub(crate) statement_cache: usize,
}

impl MySqlOptions {
    /// A server at `host`, a name or an address.
    pub fn new(host: impl Into<String>) -> Self {
        Self {
            flavor: Flavor::MySql,
            host: host.into(),
            port: DEFAULT_PORT,
            socket: None,
            user: None,
            password: None,
            database: None,
            ssl_mode: None,
            ca_file: None,
            client_cert: None,
            client_key: None,
            tcp_keepalive: Some(KEEPALIVE),
            application_name: None,
            sql_mode: None,
            read_timeout: None,
            write_timeout: None,
            statement_cache: 100,
        }
    }

    /// Reads a URL: `mysql://user:password@host:port/database?option=value`, or `mariadb://…`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] naming what is wrong, never the password.
    pub fn from_url(url: &str) -> Result<Self> {
        let options = url::parse(url)?;
        options.check()?;
        Ok(options)
    }

    /// Which of the two it is said to be: the dialect of the connector follows it, that of a
    /// connection follows the server. Default MySQL.
    #[must_use]
    pub fn flavor(mut self, flavor: Flavor) -> Self {
        self.flavor = flavor;
        self
    }

    /// The port. Default 3306.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// A unix socket to connect through, instead of the host.
    #[must_use]
    pub fn socket(mut self, path: impl Into<PathBuf>) -> Self {
        self.socket = Some(path.into());
        self
    }

    /// The user. Default: nobody, whom servers rarely let in.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// The password. Default: none. One that changes is given by
    /// [`MySqlConnector::credentials`](crate::MySqlConnector::credentials).
    #[must_use]
    pub fn password(mut self, password: impl Into<Secret>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// The database. Default: none is chosen.
    #[must_use]
    pub fn database(mut self, database: impl Into<String>) -> Self {
        self.database = Some(database.into());
        self
    }

    /// How much TLS. Default: full verification; none through unix sockets, and none for this machine
    /// unless a certificate is named.
    #[must_use]
    pub fn ssl_mode(mut self, mode: SslMode) -> Self {
        self.ssl_mode = Some(mode);
        self
    }

    /// A PEM file of the authorities to trust, instead of those of the machine.
    #[must_use]
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(path.into());
        self
    }

    /// A certificate and its key, PEM files, to prove who we are.
    #[must_use]
    pub fn client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.client_cert = Some(certificate.into());
        self.client_key = Some(key.into());
        self
    }

    /// How long a peer may be silent before the system asks whether it is still there, at least a second;
    /// `None` never asks. Default: 1 min. It has no meaning for unix sockets.
    #[must_use]
    pub fn tcp_keepalive(mut self, silence: Option<Duration>) -> Self {
        self.tcp_keepalive = silence;
        self
    }

    /// The name the server shows for the session. Default: none.
    #[must_use]
    pub fn application_name(mut self, name: impl Into<String>) -> Self {
        self.application_name = Some(name.into());
        self
    }

    /// The session's SQL mode. Default: the server's.
    #[must_use]
    pub fn sql_mode(mut self, modes: impl Into<String>) -> Self {
        self.sql_mode = Some(modes.into());
        self
    }

    /// How long the server waits for the client to send more (`net_read_timeout`). Default: as it is
    /// configured. How long the client waits for an answer is a statement's timeout.
    #[must_use]
    pub fn read_timeout(mut self, timeout: Duration) -> Self {
        self.read_timeout = Some(timeout);
        self
    }

    /// How long the server waits for the client to take what it sends (`net_write_timeout`).
    /// Default: as it is configured. A slow reader of a long stream wants more.
    #[must_use]
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.write_timeout = Some(timeout);
        self
    }

    /// How many prepared statements each connection keeps; 0 prepares each anew. Default 100.
    #[must_use]
    pub fn statement_cache(mut self, statements: usize) -> Self {
        self.statement_cache = statements;
        self
    }

    /// Where it connects to, for people: without the password.
    pub fn target(&self) -> String {
        let scheme = match self.flavor {
            Flavor::MySql => "mysql",
            Flavor::MariaDb => "mariadb",
        };
        let user = self.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        let database = self.database.as_deref().unwrap_or_default();
        format!("{scheme}://{user}{}/{database}", self.place())
    }

    /// The server alone.
    pub(crate) fn place(&self) -> String {
        match &self.socket {
            Some(path) => path.display().to_string(),
            None if self.host.contains(':') => format!("[{}]:{}", self.host, self.port),
            None => format!("{}:{}", self.host, self.port),
        }
    }

    pub(crate) fn check(&self) -> Result<()> {
        let wrong = |message: &str| Err(Error::new(ErrorKind::Config, message));
        // What is said about TLS and has no effect is not what was meant.
        if self.ssl_mode == Some(SslMode::Disable)
            && let Some((other, _)) = self.tls_files().into_iter().find(|(_, file)| file.is_some())
        {
            return wrong(&format!(
                "sslmode=disable and {other} contradict each other: one of them wants TLS"
            ));
        }
        if self.ssl_mode == Some(SslMode::Require) && self.ca_file.is_some() {
            return wrong(
                "sslmode=require and sslrootcert contradict each other: the first checks no \
                 certificate; verify-ca and verify-full do",
            );
        }
        if self.client_cert.is_some() != self.client_key.is_some() {
            return wrong("sslcert and sslkey are needed together");
        }
        if self.tcp_keepalive.is_some_and(|silence| silence < Duration::from_secs(1)) {
            return wrong("tcp_keepalive: expected at least 1s, or 0s for never");
        }
        for (name, timeout) in
            [("read_timeout", self.read_timeout), ("write_timeout", self.write_timeout)]
        {
            if timeout.is_some_and(|t| t.as_secs() == 0 || t.subsec_nanos() > 0) {
                return wrong(&format!("{name}: expected whole seconds, at least 1s"));
            }
        }
        Ok(())
    }

    /// The files TLS works with, by the names of their options.
    fn tls_files(&self) -> [(&'static str, &Option<PathBuf>); 3] {
        [
            ("sslrootcert", &self.ca_file),
            ("sslcert", &self.client_cert),
            ("sslkey", &self.client_key),
        ]
    }

    /// Who logs in, unless somebody is asked.
    pub(crate) fn login(&self) -> Credentials {
        let mut login = Credentials::default();
        login.user.clone_from(&self.user);
        login.password.clone_from(&self.password);
        login
    }

    /// How much TLS connections have.
    pub(crate) fn effective_ssl_mode(&self) -> SslMode {
        let local = self.host.eq_ignore_ascii_case("localhost")
            || self.host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        match self.ssl_mode {
            _ if self.socket.is_some() => SslMode::Disable,
            Some(mode) => mode,
            None if local && self.tls_files().iter().all(|(_, file)| file.is_none()) => {
                SslMode::Disable
            }
            None => SslMode::VerifyFull,
        }
    }

    /// The statement that readies a session, at its beginning and after each reset.
    pub(crate) fn setup(&self) -> String {
        // A server may begin sessions without autocommit, and nothing would be kept then.
        let mut text = "set time_zone = '+00:00', autocommit = 1".to_owned();
        if let Some(modes) = &self.sql_mode {
            text.push_str(&format!(", sql_mode = '{}'", modes.replace('\'', "''")));
        }
        for (name, timeout) in
            [("net_read_timeout", self.read_timeout), ("net_write_timeout", self.write_timeout)]
        {
            if let Some(timeout) = timeout {
                text.push_str(&format!(", {name} = {}", timeout.as_secs()));
            }
        }
        text
    }
}

impl FromStr for MySqlOptions {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self> {
        Self::from_url(url)
    }
}

impl fmt::Debug for MySqlOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MySqlOptions")
            .field("target", &self.target())
            .field("password", &self.password)
            .field("ssl_mode", &self.ssl_mode)
            .field("application_name", &self.application_name)
            .field("sql_mode", &self.sql_mode)
            .field("statement_cache", &self.statement_cache)
            .finish_non_exhaustive()
    }
}
