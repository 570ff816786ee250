//! How a PostgreSQL database is connected to: every option, its unit and its default.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use wellspring_connector::{Error, ErrorKind, Result};

use crate::url;

/// The port PostgreSQL listens on unless told otherwise.
pub(crate) const DEFAULT_PORT: u16 = 5432;

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

/// Which of several hosts is good enough, by what its session can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum TargetSessionAttrs {
    /// The first that answers.
    #[default]
    Any,
    /// One whose transactions can write.
    ReadWrite,
    /// One whose transactions cannot.
    ReadOnly,
    /// One that is not a standby.
    Primary,
    /// A standby.
    Standby,
    /// A standby if there is one, else any.
    PreferStandby,
}

/// What stands between the program and the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Pooler {
    /// Nothing, or something that gives a connection of its own to each of ours.
    #[default]
    None,
    /// A pooler such as pgbouncer that gives another server connection to each transaction.
    /// Statements are then never prepared by name, and session settings do not hold.
    Transaction,
}

/// One place a server may be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// A host and its port.
    Tcp {
        /// Name or address.
        host: String,
        /// The port.
        port: u16,
    },
    /// A unix socket.
    Unix {
        /// The directory the socket is in.
        directory: PathBuf,
        /// The port, which is part of the socket's name.
        port: u16,
    },
}

impl Endpoint {
    /// `host` at `port`: a path that begins with a slash is the directory of a unix socket.
    pub fn new(host: &str, port: u16) -> Self {
        if host.starts_with('/') {
            Self::Unix { directory: host.into(), port }
        } else {
            Self::Tcp { host: host.to_owned(), port }
        }
    }

    /// The path of the socket, of a unix socket.
    pub(crate) fn socket_path(&self) -> Option<PathBuf> {
        match self {
            Self::Tcp { .. } => None,
            Self::Unix { directory, port } => Some(directory.join(format!(".s.PGSQL.{port}"))),
        }
    }

    /// True for unix sockets, and for names and addresses of this machine.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Self::Unix { .. } => true,
            Self::Tcp { host, .. } => {
                host.eq_ignore_ascii_case("localhost")
                    || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
            }
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix { directory, port } => write!(f, "{}:{port}", directory.display()),
        }
    }
}

/// The files TLS works with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct TlsOptions {
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) client_cert: Option<PathBuf>,
    pub(crate) client_key: Option<PathBuf>,
}

/// How one PostgreSQL database is connected to.
///
/// | option (in a URL) | unit | default |
/// | --- | --- | --- |
/// | `sslmode` | [`SslMode`]: `disable`, `require`, `verify-ca`, `verify-full` | `verify-full`; `disable` for this machine and unix sockets |
/// | `sslrootcert` | PEM file of authorities to trust | those of the machine |
/// | `sslcert`, `sslkey` | PEM files to prove who we are | none |
/// | `application_name` | text | none |
/// | `statement_timeout` | duration, kept by the server | none |
/// | `search_path` | schemas, separated by commas | the server's |
/// | `jit` | switch | the server's |
/// | `options` | arguments for the server: `-c geqo=off` | none |
/// | `target_session_attrs` | [`TargetSessionAttrs`]: `any`, `read-write`, `read-only`, `primary`, `standby`, `prefer-standby` | `any` |
/// | `pgbouncer` | [`Pooler`]: `off`, `transaction` | `off` |
/// | `statement_cache` | prepared statements kept for each connection; 0 for none | 100 |
/// | `prepare_threshold` | the use of a statement at which it is prepared | 1 |
/// | `client_encoding` | only `UTF8` | `UTF8` |
///
/// A session's settings are given to the server when it is connected to, so they cost no round trip
/// and a reset brings them back.
///
/// ```
/// use wellspring_postgres::PostgresOptions;
///
/// let options: PostgresOptions =
///     "postgres://ada:secret@db1,db2:5433/shop?target_session_attrs=read-write".parse()?;
/// assert_eq!(options.target(), "postgres://ada@db1:5432,db2:5433/shop");
/// # Ok::<(), wellspring_connector::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresOptions {
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) database: Option<String>,
    pub(crate) ssl_mode: Option<SslMode>,
    pub(crate) tls: TlsOptions,
    pub(crate) application_name: Option<String>,
    pub(crate) statement_timeout: Option<Duration>,
    pub(crate) search_path: Option<String>,
    pub(crate) jit: Option<bool>,
    pub(crate) options: Option<String>,
    pub(crate) target_session_attrs: TargetSessionAttrs,
    pub(crate) pooler: Pooler,
    pub(crate) statement_cache: usize,
    pub(crate) prepare_threshold: u32,
}

impl PostgresOptions {
    /// A server at `host`, which is a name, an address, or the directory of a unix socket.
    pub fn new(host: &str) -> Self {
        Self {
            endpoints: vec![Endpoint::new(host, DEFAULT_PORT)],
            user: None,
            password: None,
            database: None,
            ssl_mode: None,
            tls: TlsOptions::default(),
            application_name: None,
            statement_timeout: None,
            search_path: None,
            jit: None,
            options: None,
            target_session_attrs: TargetSessionAttrs::Any,
            pooler: Pooler::None,
            statement_cache: 100,
            prepare_threshold: 1,
        }
    }

    /// Reads a URL: `postgres://user:password@host:port/database?option=value`. Several hosts are
    /// separated by commas; a unix socket is `postgres:///database?host=/run/postgresql`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] naming what is wrong, never the password.
    pub fn from_url(url: &str) -> Result<Self> {
        let options = url::parse(url)?;
        options.check()?;
        Ok(options)
    }

    /// Replaces the places the server may be: they are tried in order.
    #[must_use]
    pub fn endpoints(mut self, endpoints: impl IntoIterator<Item = Endpoint>) -> Self {
        self.endpoints = endpoints.into_iter().collect();
        self
    }

    /// The user. Default: the name of the process's user.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// The password. Default: none.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// The database. Default: the one named as the user.
    #[must_use]
    pub fn database(mut self, database: impl Into<String>) -> Self {
        self.database = Some(database.into());
        self
    }

    /// How much TLS. Default: full verification, and none for this machine and unix sockets.
    #[must_use]
    pub fn ssl_mode(mut self, mode: SslMode) -> Self {
        self.ssl_mode = Some(mode);
        self
    }

    /// A PEM file of the authorities to trust, instead of those of the machine.
    #[must_use]
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.tls.ca_file = Some(path.into());
        self
    }

    /// A certificate and its key, PEM files, to prove who we are.
    #[must_use]
    pub fn client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.tls.client_cert = Some(certificate.into());
        self.tls.client_key = Some(key.into());
        self
    }

    /// The name the server shows for the session. Default: none.
    #[must_use]
    pub fn application_name(mut self, name: impl Into<String>) -> Self {
        self.application_name = Some(name.into());
        self
    }

    /// How long the server lets a statement run; whole milliseconds. Default: as the server is
    /// configured.
    #[must_use]
    pub fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.statement_timeout = Some(timeout);
        self
    }

    /// The schemas unqualified names are looked up in, separated by commas, as in SQL.
    #[must_use]
    pub fn search_path(mut self, schemas: impl Into<String>) -> Self {
        self.search_path = Some(schemas.into());
        self
    }

    /// Whether the server may compile queries. Default: as the server is configured.
    #[must_use]
    pub fn jit(mut self, on: bool) -> Self {
        self.jit = Some(on);
        self
    }

    /// Arguments for the server, as its command line has them: `-c geqo=off`.
    #[must_use]
    pub fn server_options(mut self, options: impl Into<String>) -> Self {
        self.options = Some(options.into());
        self
    }

    /// Which of several hosts is good enough. Default: any.
    #[must_use]
    pub fn target_session_attrs(mut self, attrs: TargetSessionAttrs) -> Self {
        self.target_session_attrs = attrs;
        self
    }

    /// What stands between the program and the server. Default: nothing.
    #[must_use]
    pub fn pooler(mut self, pooler: Pooler) -> Self {
        self.pooler = pooler;
        self
    }

    /// How many prepared statements each connection keeps; 0 prepares none. Default 100.
    #[must_use]
    pub fn statement_cache(mut self, statements: usize) -> Self {
        self.statement_cache = statements;
        self
    }

    /// The use of a statement, on one connection, at which it is prepared: 1, the default, is the
    /// first. Up to then it runs without a name, which takes one round trip instead of two, and
    /// costs the server a plan each time.
    #[must_use]
    pub fn prepare_threshold(mut self, uses: u32) -> Self {
        self.prepare_threshold = uses;
        self
    }

    /// Where it connects to, for people: without the password.
    pub fn target(&self) -> String {
        let hosts: Vec<String> = self.endpoints.iter().map(ToString::to_string).collect();
        let user = self.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        let database = self.database.as_deref().unwrap_or_default();
        format!("postgres://{user}{}/{database}", hosts.join(","))
    }

    /// Checks options against each other.
    pub(crate) fn check(&self) -> Result<()> {
        let wrong = |message: &str| Err(Error::new(ErrorKind::Config, message));
        if self.endpoints.is_empty() {
            return wrong("there is no host to connect to");
        }
        if self.prepare_threshold == 0 {
            return wrong(
                "prepare_threshold = 0: expected at least 1; statement_cache = 0 never prepares",
            );
        }
        if self.statement_timeout.is_some_and(|timeout| timeout < Duration::from_millis(1)) {
            return wrong("statement_timeout: expected at least 1ms");
        }
        if self.tls.client_cert.is_some() != self.tls.client_key.is_some() {
            return wrong("sslcert and sslkey are needed together");
        }
        Ok(())
    }

    /// How much TLS a connection to `endpoint` has.
    pub(crate) fn ssl_mode_for(&self, endpoint: &Endpoint) -> SslMode {
        match (endpoint, self.ssl_mode) {
            // TLS through a unix socket protects nothing, and servers do not offer it.
            (Endpoint::Unix { .. }, _) => SslMode::Disable,
            (_, Some(mode)) => mode,
            (endpoint, None) if endpoint.is_local() => SslMode::Disable,
            _ => SslMode::VerifyFull,
        }
    }

    /// What tokio-postgres is told; the way to the server is made by ourselves.
    pub(crate) fn native(&self) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        if let Some(user) = &self.user {
            config.user(user);
        }
        if let Some(password) = &self.password {
            config.password(password);
        }
        if let Some(database) = &self.database {
            config.dbname(database);
        }
        if let Some(name) = &self.application_name {
            config.application_name(name);
        }
        let settings = self.settings();
        if !settings.is_empty() {
            config.options(settings);
        }
        config
    }

    /// The settings of the session, as arguments of the server's command line.
    fn settings(&self) -> String {
        let mut text = self.options.clone().unwrap_or_default();
        let mut set = |name: &str, value: &str| {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str("-c ");
            text.push_str(name);
            text.push('=');
            for c in value.chars() {
                if c == '\\' || c.is_whitespace() {
                    text.push('\\');
                }
                text.push(c);
            }
        };
        if let Some(timeout) = self.statement_timeout {
            set("statement_timeout", &timeout.as_millis().to_string());
        }
        if let Some(schemas) = &self.search_path {
            set("search_path", schemas);
        }
        if let Some(on) = self.jit {
            set("jit", if on { "on" } else { "off" });
        }
        text
    }

    /// True when statements are prepared by name at all.
    pub(crate) fn prepares(&self) -> bool {
        self.statement_cache > 0 && self.pooler == Pooler::None
    }
}

impl FromStr for PostgresOptions {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self> {
        Self::from_url(url)
    }
}

impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("target", &self.target())
            .field("password", &self.password.as_ref().map(|_| "[redacted]"))
            .field("ssl_mode", &self.ssl_mode)
            .field("application_name", &self.application_name)
            .field("statement_timeout", &self.statement_timeout)
            .field("search_path", &self.search_path)
            .field("target_session_attrs", &self.target_session_attrs)
            .field("pooler", &self.pooler)
            .field("statement_cache", &self.statement_cache)
            .finish_non_exhaustive()
    }
}
