//! One database as it was configured.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use wellspring_connector::{Echo, RetryPolicy};
use wellspring_pool_core::PoolOptions;

use crate::Origin;
use crate::dsn::DatabaseUrl;

/// One database: where it is, and how it is used.
///
/// ```
/// use wellspring_config::Loader;
///
/// let config = Loader::new().set("databases.orders.url", "postgres://app@pg1/orders").load()?;
/// let orders = config.require("orders")?;
/// assert_eq!(orders.url.hosts, [("pg1".to_owned(), None)]);
/// assert_eq!(orders.pool.max_size, 10);
/// # Ok::<(), wellspring_config::ConfigErrors>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct DatabaseConfig {
    /// Its name.
    pub name: String,
    /// Where it is, with the driver's options.
    pub url: DatabaseUrl,
    /// The file its password is read from at each connect.
    pub password_file: Option<PathBuf>,
    /// Other places of the same database, in the order in which to turn to them.
    pub failover_urls: Vec<DatabaseUrl>,
    /// Its pool.
    pub pool: PoolOptions,
    /// Whether a connection is opened for each use.
    pub unpooled: bool,
    /// The longest a statement may take that does not say so itself.
    pub statement_timeout: Option<Duration>,
    /// How many rows a `select` has at most that says nothing itself.
    pub select_limit: Option<u64>,
    /// How many statements' translations are kept; `None` is the default.
    pub statement_translations: Option<usize>,
    /// How often a transaction is run again that the database undid.
    pub retry: RetryPolicy,
    /// How statements are logged.
    pub echo: Echo,
    /// How the pool's events are logged.
    pub echo_pool: Echo,
    /// Statements at the beginning of each session.
    pub session_setup: Vec<String>,
    /// Statements at the end of each session.
    pub session_teardown: Vec<String>,
    /// Where each of its keys stands: `pool.max_size`.
    pub(crate) origins: BTreeMap<String, Origin>,
}

impl DatabaseConfig {
    /// Where the value of a key of it came from: `url`, `pool.max_size`, `options.sslmode`. `None` where
    /// the default holds.
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        self.origins.get(key)
    }

    /// The keys whose values differ in `other`: `url` (but for its password), `password`, `pool.max_size`.
    pub fn differences(&self, other: &Self) -> BTreeSet<String> {
        let Self {
            name: _,
            url,
            password_file,
            failover_urls,
            pool,
            unpooled,
            statement_timeout,
            select_limit,
            statement_translations,
            retry,
            echo,
            echo_pool,
            session_setup,
            session_teardown,
            origins: _,
        } = self;
        let without_password = |url: &DatabaseUrl| {
            let mut url = url.clone();
            url.password = None;
            url
        };
        let differs = [
            ("password", url.password != other.url.password),
            ("url", without_password(url) != without_password(&other.url)),
            ("password_file", *password_file != other.password_file),
            ("failover_urls", *failover_urls != other.failover_urls),
            ("unpooled", *unpooled != other.unpooled),
            ("statement_timeout", *statement_timeout != other.statement_timeout),
            ("select_limit", *select_limit != other.select_limit),
            ("statement_translations", *statement_translations != other.statement_translations),
            ("retry", *retry != other.retry),
            ("echo", *echo != other.echo),
            ("echo_pool", *echo_pool != other.echo_pool),
            ("session_setup", *session_setup != other.session_setup),
            ("session_teardown", *session_teardown != other.session_teardown),
        ];
        let keys =
            differs.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key.to_owned());
        let of = |pool: &PoolOptions| serde_json::to_value(pool).unwrap_or_default();
        let (ours, theirs) = (of(pool), of(&other.pool));
        let of_pool = ours
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(key, value)| theirs.get(key) != Some(value));
        keys.chain(of_pool.map(|(key, _)| format!("pool.{key}"))).collect()
    }

    /// The keys that were given, those inside tables too, and where each stands.
    pub fn origins(&self) -> impl Iterator<Item = (&str, &Origin)> {
        self.origins.iter().map(|(key, origin)| (key.as_str(), origin))
    }
}

impl PartialEq for DatabaseConfig {
    /// Whether both mean the same, wherever they came from.
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.differences(other).is_empty()
    }
}

impl fmt::Debug for DatabaseConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseConfig")
            .field("name", &self.name)
            .field("url", &self.url)
            .field("password_file", &self.password_file)
            .field("pool", &self.pool)
            .finish_non_exhaustive()
    }
}

/// What is known of the drivers that will be used: it checks addresses and options while the places they
/// came from are known.
pub trait Binder: fmt::Debug + Send + Sync {
    /// The options of the driver for URLs with this scheme; `None` where nothing is known of them.
    fn options(&self, scheme: &str) -> Option<&'static [wellspring_connector::DriverOption]>;

    /// Checks a URL as a whole, without I/O to the database.
    ///
    /// # Errors
    /// What is wrong with it, or that no driver answers to it.
    fn check(&self, url: &str) -> wellspring_connector::Result<()>;
}
