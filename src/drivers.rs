//! Which driver answers to which URL.

use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use wellspring_connector::{Connector, Driver, DriverOption, Error, ErrorKind, Result, nearest};

/// The databases Wellspring knows of: every scheme, and the feature that brings its driver, if
/// this version has one.
const KNOWN: &[(&[&str], Option<&str>)] = &[
    (&["sqlite", "sqlite3"], Some("sqlite")),
    (&["postgres", "postgresql"], Some("postgres")),
    (&["mysql"], Some("mysql")),
    (&["mariadb"], Some("mysql")),
    (&["mssql", "sqlserver"], None),
    (&["oracle"], None),
    (&["db2"], None),
    (&["odbc"], None),
    (&["spark", "sc"], None),
];

/// A set of drivers. The one registered last answers first.
///
/// Most programs never see it: [`Database::connect`](crate::Database::connect) uses the drivers
/// compiled in and those given to [`register_driver`].
///
/// ```
/// use wellspring::Drivers;
///
/// let error = Drivers::compiled_in().connector("postgers://localhost/shop").unwrap_err();
/// assert!(error.to_string().contains("`postgers`"), "{error}");
/// ```
#[derive(Clone, Default)]
pub struct Drivers {
    drivers: Vec<Arc<dyn Driver>>,
}

impl Drivers {
    /// No drivers.
    pub fn none() -> Self {
        Self::default()
    }

    /// The drivers whose features are on.
    pub fn compiled_in() -> Self {
        #[allow(unused_mut, reason = "without a driver feature nothing is registered")]
        let mut drivers = Self::none();
        #[cfg(feature = "sqlite")]
        drivers.register(Arc::new(wellspring_sqlite::SqliteDriver));
        #[cfg(feature = "postgres")]
        drivers.register(Arc::new(wellspring_postgres::PostgresDriver));
        #[cfg(feature = "mysql")]
        drivers.register(Arc::new(wellspring_mysql::MySqlDriver));
        drivers
    }

    /// Adds a driver, before those there are.
    pub fn register(&mut self, driver: Arc<dyn Driver>) {
        self.drivers.insert(0, driver);
    }

    /// The names of the drivers, the one asked first in front.
    pub fn names(&self) -> Vec<&'static str> {
        self.drivers.iter().map(|driver| driver.name()).collect()
    }

    /// The options of the drivers, by their names, in the order in which those compiled in are listed.
    pub fn options(&self) -> Vec<(&'static str, &'static [DriverOption])> {
        self.drivers.iter().rev().map(|driver| (driver.name(), driver.options())).collect()
    }

    /// The driver that answers to this scheme.
    pub(crate) fn of_scheme(&self, scheme: &str) -> Option<&Arc<dyn Driver>> {
        let answers = |driver: &&Arc<dyn Driver>| {
            driver.schemes().iter().any(|s| s.eq_ignore_ascii_case(scheme))
        };
        self.drivers.iter().find(answers)
    }

    /// Finds the driver of `url` and parses it. No I/O.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when the URL has no scheme, or one nobody answers to: then it names the
    /// schemes there are and the feature that would bring another. Whatever the driver says of the
    /// rest of the URL.
    pub fn connector(&self, url: &str) -> Result<Arc<dyn Connector>> {
        let Some((scheme, _)) = url.split_once(':') else {
            return Err(self.no_scheme());
        };
        match self.of_scheme(scheme) {
            Some(driver) => driver.connector(url),
            None => Err(self.unknown(scheme)),
        }
    }

    fn no_scheme(&self) -> Error {
        // The text may be a password pasted into the wrong place: it is not repeated.
        Error::new(
            ErrorKind::Config,
            format!(
                "a database URL begins with a scheme, as in `sqlite://shop.db`; {}",
                self.available()
            ),
        )
    }

    fn unknown(&self, scheme: &str) -> Error {
        let known = KNOWN.iter().find(|(schemes, _)| schemes.contains(&&*scheme.to_lowercase()));
        let plain = scheme.len() <= 32
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
        let scheme = if plain { scheme } else { "…" };
        let message = match known {
            Some((_, Some(feature))) => format!(
                "the driver for `{scheme}` URLs is not compiled in: enable the Cargo feature \
                 `{feature}` of wellspring; {}",
                self.available()
            ),
            Some((_, None)) => format!(
                "this version of wellspring has no driver for `{scheme}` URLs; {}",
                self.available()
            ),
            None => {
                let schemes: Vec<&str> = KNOWN.iter().map(|(schemes, _)| schemes[0]).collect();
                let hint = match nearest(scheme, schemes.iter().copied()) {
                    Some(nearest) => format!(", did you mean `{nearest}`?"),
                    None => String::new(),
                };
                format!(
                    "unknown URL scheme `{scheme}`{hint}; known are {}; {}",
                    schemes.join(", "),
                    self.available()
                )
            }
        };
        Error::new(ErrorKind::Config, message)
    }

    fn available(&self) -> String {
        match self.names() {
            names if names.is_empty() => "no driver is compiled in".to_owned(),
            names => format!("drivers at hand: {}", names.join(", ")),
        }
    }
}

impl fmt::Debug for Drivers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

fn registered() -> &'static RwLock<Drivers> {
    static REGISTERED: OnceLock<RwLock<Drivers>> = OnceLock::new();
    REGISTERED.get_or_init(|| RwLock::new(Drivers::compiled_in()))
}

/// Registers a driver for the whole process: [`Database::connect`](crate::Database::connect) asks
/// it before the drivers compiled in. Registering one for a single database is
/// [`DatabaseBuilder::drivers`](crate::DatabaseBuilder::drivers).
pub fn register_driver(driver: Arc<dyn Driver>) {
    registered().write().unwrap_or_else(PoisonError::into_inner).register(driver);
}

/// The drivers of the process: compiled in and registered.
pub(crate) fn of_process() -> Drivers {
    registered().read().unwrap_or_else(PoisonError::into_inner).clone()
}
