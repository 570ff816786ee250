//! Building a database: where it is, how it is pooled.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use wellspring_connector::{
    Connector, ConnectorManager, CredentialProvider, Driver, Echo, EchoConnector, EchoListener,
    Error, ErrorKind, Result, Secret, Translator,
};
use wellspring_pool_core::{ConfigError, Event, Listener, Pool, PoolGroup, PoolOptions};
use wellspring_txn::RetryPolicy;

use crate::Database;
use crate::drivers::{Drivers, of_process};
use crate::session::{SessionFuture, SessionHooks, SessionSetup, SessionTeardown};

/// How many translated statements are kept by default.
const TRANSLATIONS: usize = 1_000;

/// In the unpooled mode the number of connections is the application's business.
const UNPOOLED: usize = 1 << 20;

/// Builds a [`Database`].
///
/// ```
/// use std::time::Duration;
/// use wellspring::Database;
///
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> wellspring::Result<()> {
/// let db = Database::builder("sqlite::memory:")
///     .name("orders")
///     .max_size(8)
///     .acquire_timeout(Duration::from_secs(5))
///     .connect()
///     .await?;
/// assert_eq!(db.status().max_size, 8);
/// # Ok(()) }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
#[must_use = "a builder does nothing until connected or built"]
pub struct DatabaseBuilder {
    target: Target,
    name: Arc<str>,
    options: PoolOptions,
    drivers: Option<Drivers>,
    credentials: Option<Arc<dyn CredentialProvider>>,
    listener: Option<Box<dyn Listener>>,
    retry: RetryPolicy,
    translations: usize,
    statement_timeout: Option<Duration>,
    select_limit: Option<u64>,
    echo: Echo,
    echo_pool: Echo,
    unpooled: bool,
    sessions: SessionHooks,
    group: Option<(PoolGroup, usize)>,
}

enum Target {
    Url(Secret),
    Connector(Arc<dyn Connector>),
}

impl DatabaseBuilder {
    fn new(target: Target) -> Self {
        Self {
            target,
            name: "default".into(),
            options: PoolOptions::default(),
            drivers: None,
            credentials: None,
            listener: None,
            retry: RetryPolicy::default(),
            translations: TRANSLATIONS,
            statement_timeout: None,
            select_limit: None,
            echo: Echo::Off,
            echo_pool: Echo::Off,
            unpooled: false,
            sessions: SessionHooks::default(),
            group: None,
        }
    }

    pub(crate) fn from_url(url: impl Into<Secret>) -> Self {
        Self::new(Target::Url(url.into()))
    }

    pub(crate) fn from_connector(connector: Arc<dyn Connector>) -> Self {
        Self::new(Target::Connector(connector))
    }

    /// The database's name in errors, logs and statistics. Default `default`.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = name.into();
        self
    }

    /// Replaces all pool options.
    pub fn pool(mut self, options: PoolOptions) -> Self {
        self.options = options;
        self
    }

    /// Changes pool options in place: every one of [`PoolOptions`] can be reached here.
    ///
    /// ```
    /// # use wellspring::{Database, Reuse};
    /// let builder = Database::builder("sqlite::memory:").pool_with(|pool| {
    ///     pool.min_idle = 2;
    ///     pool.reuse = Reuse::Fifo;
    /// });
    /// ```
    pub fn pool_with(mut self, change: impl FnOnce(&mut PoolOptions)) -> Self {
        change(&mut self.options);
        self
    }

    /// The most connections kept for reuse. Default 10.
    pub fn max_size(mut self, max_size: usize) -> Self {
        self.options.max_size = max_size;
        self
    }

    /// The longest a caller waits for a connection. Default 30 s.
    pub fn acquire_timeout(mut self, timeout: Duration) -> Self {
        self.options.acquire_timeout = timeout;
        self
    }

    /// Does not pool: every use opens a connection of its own and closes it afterwards. The pool's
    /// timeouts, hooks and statistics still hold; its sizes do not.
    pub fn unpooled(mut self) -> Self {
        self.unpooled = true;
        self
    }

    /// Puts the pool under a cap that it shares with those of other databases; `share` connections of
    /// it are always there for this one.
    ///
    /// ```
    /// # use wellspring::{Database, PoolGroup};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = PoolGroup::new(100)?;
    /// let builder = Database::builder("postgres://localhost/orders").group(&server, 20);
    /// # Ok(()) }
    /// ```
    pub fn group(mut self, group: &PoolGroup, share: usize) -> Self {
        self.group = Some((group.clone(), share));
        self
    }

    /// Uses these drivers instead of those of the process.
    pub fn drivers(mut self, drivers: Drivers) -> Self {
        self.drivers = Some(drivers);
        self
    }

    /// Adds one driver to those of the process, for this database.
    pub fn driver(mut self, driver: Arc<dyn Driver>) -> Self {
        self.drivers.get_or_insert_with(of_process).register(driver);
        self
    }

    /// Asks `provider` for the credentials of each connection: for passwords that change and tokens that
    /// live shortly. It is asked within the pool's `connect_timeout`; connections that are there live on,
    /// until their time is over or [`invalidate_all`](wellspring_pool_core::Pool::invalidate_all) retires
    /// them. Databases without credentials refuse it when the database is built.
    ///
    /// ```
    /// # use wellspring::{Database, PasswordFile};
    /// let builder = Database::builder("postgres://shop@db.example/orders")
    ///     .credentials(PasswordFile::new("/run/secrets/orders"));
    /// ```
    pub fn credentials(mut self, provider: impl CredentialProvider) -> Self {
        self.credentials = Some(Arc::new(provider));
        self
    }

    /// Who is told of the pool's events, beside the log where [`echo_pool`](Self::echo_pool) is on.
    pub fn listener(mut self, listener: impl Listener) -> Self {
        self.listener = Some(Box::new(listener));
        self
    }

    /// How often [`Database::transaction`] runs a transaction again that the database undid.
    /// Default: 5 attempts.
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// How many statements' translations are kept. Default 1000; 0 keeps none.
    pub fn statement_translations(mut self, translations: usize) -> Self {
        self.translations = translations;
        self
    }

    /// How many rows a [`select`](Database::select) has at most, where it says nothing itself. A
    /// safeguard for tables that grow; a statement of one's own is not touched. Default: no limit.
    pub fn select_limit(mut self, rows: u64) -> Self {
        self.select_limit = Some(rows);
        self
    }

    /// The longest a statement may take that does not say so itself
    /// ([`Query::timeout`](crate::Query::timeout)), counted from when it has a connection. Default:
    /// as long as it likes. When it is over the statement is cancelled at the server.
    ///
    /// Scripts, bulk inserts, and the beginning and end of transactions are not limited by it.
    pub fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.statement_timeout = Some(timeout);
        self
    }

    /// Logs each statement when it has ended, through [`tracing`], under the target `wellspring::statement`
    /// and at this level; `true` is `info`. Default: off, which costs nothing.
    ///
    /// It tells the text, how long it took, how many rows there were, and how it ended:
    /// [`EchoConnector`](crate::connector::EchoConnector) has the fields. Values of parameters are never
    /// logged, nor the messages of errors, in which databases repeat values. What is written literally into a
    /// text is logged with it.
    ///
    /// ```
    /// # use wellspring::{Database, Echo};
    /// let quiet = Database::builder("sqlite::memory:").echo(Echo::Debug);
    /// let plain = Database::builder("sqlite::memory:").echo(true).echo_pool(Echo::Trace);
    /// ```
    pub fn echo(mut self, echo: impl Into<Echo>) -> Self {
        self.echo = echo.into();
        self
    }

    /// Logs every event of the pool, through [`tracing`], under the target `wellspring::pool` and at this
    /// level, or a more severe one where the pool would log it so by itself; `true` is `info`. Default: off.
    ///
    /// [`EchoListener`](crate::connector::EchoListener) has the fields. Without it, leaks, the breaker and
    /// changes of the pool as a whole are logged under the target `wellspring_pool_core`.
    pub fn echo_pool(mut self, echo: impl Into<Echo>) -> Self {
        self.echo_pool = echo.into();
        self
    }

    /// Runs `hook` at the beginning of each [`session`](Database::session), inside its transaction. Several
    /// hooks run in the order they were given. One that fails fails the session.
    ///
    /// Row-level security is the use it was made for: what it sets for the transaction alone is gone
    /// with it, and the values are bound, never pasted.
    ///
    /// ```
    /// # use wellspring::Database;
    /// let builder = Database::builder("postgres://localhost/orders").session_setup(|session| {
    ///     Box::pin(async move {
    ///         let tenant = session.value("tenant")?;
    ///         session.query("select set_config('app.tenant', ?, true)", (tenant,)).execute().await?;
    ///         Ok(())
    ///     })
    /// });
    /// ```
    pub fn session_setup(
        mut self,
        hook: impl for<'a> Fn(&'a mut SessionSetup) -> SessionFuture<'a> + Send + Sync + 'static,
    ) -> Self {
        self.sessions.setup.push(Box::new(hook));
        self
    }

    /// As [`session_setup`](Self::session_setup), with a statement: `:name` in it stands for the value of that
    /// name in the session's context. Configuration files have their statements through this.
    ///
    /// ```
    /// # use wellspring::Database;
    /// let builder = Database::builder("postgres://localhost/orders")
    ///     .session_setup_statement("select set_config('app.tenant', :tenant, true)");
    /// ```
    pub fn session_setup_statement(mut self, sql: impl Into<String>) -> Self {
        self.sessions.setup_statements.push(sql.into());
        self
    }

    /// Runs `hook` at the end of each [`session`](Database::session), on its connection, after the
    /// transaction was committed or rolled back. Several hooks run in the reverse of the order they were
    /// given. When one fails, panics, is cancelled or takes longer than the pool's
    /// [`reset_timeout`](PoolOptions::reset_timeout), the connection is closed instead of being lent
    /// again; what the session did stays as it ended.
    ///
    /// ```
    /// # use wellspring::Database;
    /// let builder = Database::builder("postgres://localhost/orders").session_teardown(|session| {
    ///     Box::pin(async move { session.execute("select end_of_work()", ()).await.map(drop) })
    /// });
    /// ```
    pub fn session_teardown(
        mut self,
        hook: impl for<'a> Fn(&'a mut SessionTeardown) -> SessionFuture<'a> + Send + Sync + 'static,
    ) -> Self {
        self.sessions.teardown.push(Box::new(hook));
        self
    }

    /// As [`session_teardown`](Self::session_teardown), with a statement, as in
    /// [`session_setup_statement`](Self::session_setup_statement).
    pub fn session_teardown_statement(mut self, sql: impl Into<String>) -> Self {
        self.sessions.teardown_statements.push(sql.into());
        self
    }

    /// Builds the database and, as [`startup`](PoolOptions::startup) says, proves that it can be
    /// connected to: by default by opening one connection, with the rest of `initial_size` following
    /// in the background.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a wrong URL or option; [`ErrorKind::Unsupported`] for
    /// [`credentials`](Self::credentials) of a database that has none; why connecting failed, without
    /// retrying.
    ///
    /// # Cancel safety
    /// Nothing is left behind.
    pub async fn connect(self) -> Result<Database> {
        let db = self.build()?;
        match db.prove().await {
            Ok(()) => Ok(db),
            Err(error) => {
                db.abort();
                Err(error)
            }
        }
    }

    /// Builds the database without connecting: the first use does.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a wrong URL or option; [`ErrorKind::Unsupported`] for
    /// [`credentials`](Self::credentials) of a database that has none.
    pub fn build(self) -> Result<Database> {
        self.prepare()?.build()
    }

    /// Does everything that can fail, but for joining a group of pools.
    pub(crate) fn prepare(self) -> Result<Prepared> {
        let Self {
            target,
            name,
            mut options,
            drivers,
            credentials,
            listener,
            retry,
            translations,
            statement_timeout,
            select_limit,
            echo,
            echo_pool,
            unpooled,
            sessions,
            group,
        } = self;
        if statement_timeout.is_some_and(|timeout| timeout.is_zero()) {
            return Err(Error::new(
                ErrorKind::Config,
                "statement_timeout = 0s: expected more than zero",
            )
            .with_database(name));
        }
        let named = |error: Error| error.with_database(Arc::clone(&name));
        retry.check().map_err(|error| {
            named(Error::new(ErrorKind::Config, format!("retry option {error}")))
        })?;
        let connector = match target {
            Target::Url(url) => {
                drivers.unwrap_or_else(of_process).connector(url.expose()).map_err(named)?
            }
            Target::Connector(connector) => connector,
        };
        let connector = match credentials {
            Some(provider) => connector.with_credentials(provider).map_err(named)?,
            None => connector,
        };
        let connector = EchoConnector::new(connector, Arc::clone(&name), echo);
        if unpooled {
            options = PoolOptions {
                max_size: UNPOOLED,
                max_overflow: 0,
                min_idle: 0,
                max_idle: None,
                initial_size: 0,
                max_connecting: UNPOOLED,
                max_uses: Some(1),
                ..options
            };
        }
        let translator = Translator::new(connector.dialect(), translations)
            .for_database(Arc::clone(&name))
            .with_statement_timeout(statement_timeout)
            .with_select_limit(select_limit)
            .with_sources(echo != Echo::Off);
        options.check().map_err(|error| named(wrong_option(&error)))?;
        let sessions = sessions.bind(&translator).map_err(named)?;
        let listener = (listener.is_some() || echo_pool != Echo::Off)
            .then(|| Listeners { echo: EchoListener::new(echo_pool), listener });
        let translator = Arc::new(translator);
        Ok(Prepared {
            name,
            connector,
            options,
            listener,
            translator,
            retry,
            unpooled,
            sessions,
            group,
        })
    }
}

fn wrong_option(error: &ConfigError) -> Error {
    Error::new(ErrorKind::Config, format!("pool option {error}"))
}

/// A database whose pool is not made yet.
pub(crate) struct Prepared {
    name: Arc<str>,
    connector: Arc<dyn Connector>,
    options: PoolOptions,
    listener: Option<Listeners>,
    translator: Arc<Translator>,
    retry: RetryPolicy,
    unpooled: bool,
    sessions: SessionHooks,
    group: Option<(PoolGroup, usize)>,
}

impl Prepared {
    /// Whether its pool shares a cap with others, which may refuse it.
    pub(crate) fn is_in_group(&self) -> bool {
        self.group.is_some()
    }

    /// Makes the pool.
    ///
    /// # Errors
    /// That its group has no room for it.
    pub(crate) fn build(self) -> Result<Database> {
        let Self {
            name,
            connector,
            options,
            listener,
            translator,
            retry,
            unpooled,
            sessions,
            group,
        } = self;
        let mut pool = Pool::builder(ConnectorManager::new(connector))
            .name(Arc::clone(&name))
            .options(options);
        if let Some((group, share)) = group {
            pool = pool.group(&group, share);
        }
        if let Some(listener) = listener {
            pool = pool.listener(listener);
        }
        let pool =
            pool.build().map_err(|error| wrong_option(&error).with_database(Arc::clone(&name)))?;
        Ok(Database::new(name, pool, translator, retry, sessions, unpooled))
    }
}

/// Those who are told: the log, and the user's listener.
struct Listeners {
    echo: EchoListener,
    listener: Option<Box<dyn Listener>>,
}

impl Listener for Listeners {
    fn on_event(&self, pool: &str, event: &Event<'_>) {
        // First, so that a panic of the other takes nothing away from the log.
        self.echo.on_event(pool, event);
        if let Some(listener) = &self.listener {
            listener.on_event(pool, event);
        }
    }

    fn logs(&self) -> bool {
        self.echo.logs() || self.listener.as_ref().is_some_and(|listener| listener.logs())
    }
}

impl fmt::Debug for DatabaseBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseBuilder")
            .field("name", &self.name)
            .field("options", &self.options)
            .field("unpooled", &self.unpooled)
            .finish_non_exhaustive()
    }
}
