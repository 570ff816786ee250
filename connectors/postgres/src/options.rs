//! How a PostgreSQL database is connected to: every option, its unit and its default.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::config::ChannelBinding as NativeBinding;
use wellspring_connector::{Credentials, Error, ErrorKind, Result, Secret};

use crate::endpoint::Endpoint;
use crate::url;

/// The port PostgreSQL listens on unless told otherwise.
pub(crate) const DEFAULT_PORT: u16 = 5432;

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

/// Whether logging in with a password is bound to the server's certificate: then nobody in between
/// can pass it on, even one whose certificate is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ChannelBinding {
    /// It is not.
    Disable,
    /// Where there is TLS and the server can.
    #[default]
    Prefer,
    /// Always: logging in otherwise is refused here.
    Require,
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

/// The files TLS works with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct TlsOptions {
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) client_cert: Option<PathBuf>,
    pub(crate) client_key: Option<PathBuf>,
}

/// How one PostgreSQL database is connected to.
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
///
/// # The options of a URL
///
#[doc = include_str!("options.md")]
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresOptions {
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Secret>,
    pub(crate) database: Option<String>,
    pub(crate) ssl_mode: Option<SslMode>,
    pub(crate) tls: TlsOptions,
    pub(crate) channel_binding: ChannelBinding,
    pub(crate) tcp_keepalive: Option<Duration>,
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
            channel_binding: ChannelBinding::Prefer,
            tcp_keepalive: Some(KEEPALIVE),
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

    /// The password. Default: none. One that changes is given by
    /// [`PostgresConnector::credentials`](crate::PostgresConnector::credentials).
    #[must_use]
    pub fn password(mut self, password: impl Into<Secret>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// The database. Default: the one named as the user.
    #[must_use]
    pub fn database(mut self, database: impl Into<String>) -> Self {
        self.database = Some(database.into());
        self
    }

    /// How much TLS. Default: full verification; none through unix sockets, and none for this machine
    /// unless a certificate is named or logging in is to be bound to one.
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

    /// Whether logging in with a password is bound to the server's certificate. Default:
    /// [`ChannelBinding::Prefer`].
    #[must_use]
    pub fn channel_binding(mut self, binding: ChannelBinding) -> Self {
        self.channel_binding = binding;
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
        if self.tcp_keepalive.is_some_and(|silence| silence < Duration::from_secs(1)) {
            return wrong("tcp_keepalive: expected at least 1s, or 0s for never");
        }
        self.check_tls()
    }

    /// Checks what is said about TLS: what has no effect is not what was meant.
    fn check_tls(&self) -> Result<()> {
        let TlsOptions { ca_file, client_cert, client_key } = &self.tls;
        let refused = match self.ssl_mode {
            Some(SslMode::Disable) if ca_file.is_some() => Some("sslrootcert"),
            Some(SslMode::Disable) if client_cert.is_some() => Some("sslcert"),
            Some(SslMode::Disable) if client_key.is_some() => Some("sslkey"),
            Some(SslMode::Disable) if self.channel_binding == ChannelBinding::Require => {
                Some("channel_binding=require")
            }
            _ => None,
        };
        let message = if let Some(other) = refused {
            format!("sslmode=disable and {other} contradict each other: one of them wants TLS")
        } else if self.ssl_mode == Some(SslMode::Require) && ca_file.is_some() {
            "sslmode=require and sslrootcert contradict each other: the first checks no certificate; \
             verify-ca and verify-full do"
                .to_owned()
        } else if client_cert.is_some() != client_key.is_some() {
            "sslcert and sslkey are needed together".to_owned()
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::Config, message))
    }

    /// True when an option other than the mode asks for TLS.
    fn asks_for_tls(&self) -> bool {
        self.tls != TlsOptions::default() || self.channel_binding == ChannelBinding::Require
    }

    /// How much TLS a connection to `endpoint` has.
    pub(crate) fn ssl_mode_for(&self, endpoint: &Endpoint) -> SslMode {
        match (endpoint, self.ssl_mode) {
            // TLS through a unix socket protects nothing, and servers do not offer it.
            (Endpoint::Unix { .. }, _) => SslMode::Disable,
            (_, Some(mode)) => mode,
            (endpoint, None) if endpoint.is_local() && !self.asks_for_tls() => SslMode::Disable,
            _ => SslMode::VerifyFull,
        }
    }

    /// Who logs in, unless somebody is asked.
    pub(crate) fn login(&self) -> Credentials {
        let mut login = Credentials::default();
        login.user.clone_from(&self.user);
        login.password.clone_from(&self.password);
        login
    }

    /// What tokio-postgres is told; the way to the server is made by ourselves. It holds the password:
    /// it is not kept, and not printed.
    pub(crate) fn native(&self, login: &Credentials) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        if let Some(user) = &login.user {
            config.user(user);
        }
        if let Some(password) = &login.password {
            config.password(password.expose());
        }
        config.channel_binding(match self.channel_binding {
            ChannelBinding::Disable => NativeBinding::Disable,
            ChannelBinding::Prefer => NativeBinding::Prefer,
            ChannelBinding::Require => NativeBinding::Require,
        });
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
            .field("password", &self.password)
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
