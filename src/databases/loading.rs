//! Databases out of files and the environment.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use wellspring_config::{Binder, Config, ConfigErrors, DatabaseConfig, Loader, Problem};
use wellspring_connector::{DriverOption, Error, ErrorKind, PasswordFile, Result, SharedPassword};

use crate::drivers::{Drivers, of_process};
use crate::{Database, DatabaseBuilder, Databases};

use super::{Entry, Place};

/// What is done to each builder before its database is made.
type Each = Arc<dyn Fn(&str, DatabaseBuilder) -> DatabaseBuilder + Send + Sync>;

/// Says where databases come from.
///
/// ```
/// use wellspring::Databases;
/// use wellspring::config::Loader;
///
/// # fn main() -> wellspring::Result<()> {
/// # #[cfg(feature = "sqlite")] {
/// let loader = Loader::new().text("shop.toml", "databases.shop.url = 'sqlite::memory:'");
/// let databases = Databases::builder()
///     .loader(loader)
///     .each(|name, builder| match name {
///         "shop" => builder.max_size(4),
///         _ => builder,
///     })
///     .load()?;
/// assert_eq!(databases.require("shop")?.status().max_size, 4);
/// # }
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until it loads"]
pub struct DatabasesBuilder {
    loader: Loader,
    drivers: Option<Drivers>,
    each: Option<Each>,
}

/// What was loaded, and how it is loaded again.
pub(super) struct Loaded {
    pub(super) builder: DatabasesBuilder,
    pub(super) config: Config,
    /// The passwords that can be changed while connections live.
    pub(super) passwords: Vec<(String, SharedPassword)>,
    /// The reload whose configuration this is, and the newest that began.
    pub(super) ticket: u64,
    pub(super) next_ticket: u64,
}

/// A place for a database, and its password.
pub(super) struct Ready {
    pub(super) place: Arc<Place>,
    pub(super) password: Option<SharedPassword>,
}

impl Databases {
    /// Loads what there is: the file that is found, then the environment. See
    /// [`Loader::search`](crate::config::Loader::search) and
    /// [`Loader::environment`](crate::config::Loader::environment).
    ///
    /// ```no_run
    /// # use wellspring::Databases;
    /// # async fn demo() -> wellspring::Result<()> {
    /// // DATABASE_URL=postgres://app@pg1/orders, or wellspring.toml.
    /// let databases = Databases::load()?;
    /// let orders = databases.default_database()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) with everything that is wrong; its source is
    /// [`ConfigErrors`](crate::config::ConfigErrors).
    pub fn load() -> Result<Self> {
        Self::builder().load()
    }

    /// Loads files, the later ones over the earlier ones, and nothing else.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_files<P: Into<PathBuf>>(files: impl IntoIterator<Item = P>) -> Result<Self> {
        Self::builder().loader(Loader::new().files(files)).load()
    }

    /// Loads the variables that begin with `prefix`, and nothing else: see
    /// [`Config::from_env`](crate::config::Config::from_env).
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_env(prefix: &str) -> Result<Self> {
        Self::builder().loader(Loader::new().environment_of(prefix)).load()
    }

    /// Starts saying where databases come from.
    pub fn builder() -> DatabasesBuilder {
        DatabasesBuilder { loader: Loader::new().search().environment(), drivers: None, each: None }
    }

    /// The configuration they were loaded from; `None` where they were not.
    pub fn config(&self) -> Option<Config> {
        self.source().as_ref().map(|loaded| loaded.config.clone())
    }

    pub(super) fn source(&self) -> std::sync::MutexGuard<'_, Option<Loaded>> {
        self.inner.source.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl DatabasesBuilder {
    /// What is read, in place of what [`Databases::load`] reads.
    pub fn loader(mut self, loader: Loader) -> Self {
        self.loader = loader;
        self
    }

    /// Uses these drivers instead of those of the process.
    pub fn drivers(mut self, drivers: Drivers) -> Self {
        self.drivers = Some(drivers);
        self
    }

    /// Lets `change` have each builder, with the name of its database, before the database is made: for
    /// what is no configuration, such as hooks, listeners and
    /// [credentials](DatabaseBuilder::credentials).
    pub fn each(
        mut self,
        change: impl Fn(&str, DatabaseBuilder) -> DatabaseBuilder + Send + Sync + 'static,
    ) -> Self {
        self.each = Some(Arc::new(change));
        self
    }

    /// Loads. No I/O but for the files. What was read and has no effect is logged as a warning.
    ///
    /// # Errors
    /// As [`Databases::load`].
    pub fn load(self) -> Result<Databases> {
        let (config, ready) = self.read()?;
        for note in config.notes() {
            tracing::warn!(origin = %note.origin, key = note.key, "{}", note.message);
        }
        let databases = Databases::new();
        let mut passwords = Vec::new();
        {
            let mut registry = databases.write();
            for (name, ready) in ready {
                passwords.extend(ready.password.map(|password| (name.clone(), password)));
                registry.entries.push(Entry { name: name.into(), place: ready.place });
            }
            registry.default = config.default_database().map(Into::into);
        }
        *databases.source() =
            Some(Loaded { builder: self, config, passwords, ticket: 0, next_ticket: 0 });
        Ok(databases)
    }

    /// Reads the configuration and prepares each database of it.
    pub(super) fn read(&self) -> Result<(Config, Vec<(String, Ready)>)> {
        let drivers = self.drivers.clone().unwrap_or_else(of_process);
        let loader = self.loader.clone().binder(Arc::new(drivers.clone()));
        let config = loader.load().and_then(Config::not_empty)?;
        let mut ready = Vec::with_capacity(config.databases().len());
        let mut problems = Vec::new();
        for database in config.databases() {
            match self.prepare(database, &drivers) {
                Ok(prepared) => ready.push((database.name.clone(), prepared)),
                Err(error) => {
                    let key = format!("databases.{}", database.name);
                    let origin = database.origin("url").or_else(|| database.origin("type"));
                    let mut problem = Problem::missing(key, error.message());
                    problem.origin = origin.cloned();
                    problems.push(problem);
                }
            }
        }
        if problems.is_empty() {
            return Ok((config, ready));
        }
        Err(ConfigErrors::from_iter(problems).into())
    }

    /// Prepares one database.
    pub(super) fn prepare_one(&self, config: &DatabaseConfig) -> Result<Ready> {
        self.prepare(config, &self.drivers.clone().unwrap_or_else(of_process))
    }

    fn prepare(&self, config: &DatabaseConfig, drivers: &Drivers) -> Result<Ready> {
        let url = config.url.to_text()?;
        let mut builder = Database::builder(url.expose())
            .name(config.name.as_str())
            .drivers(drivers.clone())
            .pool(config.pool.clone())
            .retry(config.retry)
            .echo(config.echo)
            .echo_pool(config.echo_pool);
        if config.unpooled {
            builder = builder.unpooled();
        }
        if let Some(timeout) = config.statement_timeout {
            builder = builder.statement_timeout(timeout);
        }
        if let Some(rows) = config.select_limit {
            builder = builder.select_limit(rows);
        }
        if let Some(translations) = config.statement_translations {
            builder = builder.statement_translations(translations);
        }
        for statement in &config.session_setup {
            builder = builder.session_setup_statement(statement);
        }
        for statement in &config.session_teardown {
            builder = builder.session_teardown_statement(statement);
        }
        let mut password = None;
        if let Some(path) = &config.password_file {
            builder = builder.credentials(PasswordFile::new(path));
        } else if let Some(secret) = &config.url.password {
            // Through a cell, so that a new one holds for the connections made from then on.
            let shared = SharedPassword::new(secret.clone());
            builder = builder.credentials(shared.clone());
            password = Some(shared);
        }
        if let Some(each) = &self.each {
            builder = each(&config.name, builder).name(config.name.as_str());
        }
        Ok(Ready { place: Arc::new(Place::new(builder.prepare()?)?), password })
    }
}

impl Binder for Drivers {
    fn options(&self, scheme: &str) -> Option<&'static [DriverOption]> {
        let options = self.of_scheme(scheme)?.options();
        (!options.is_empty()).then_some(options)
    }

    fn check(&self, url: &str) -> Result<()> {
        self.connector(url).map(drop)
    }
}

impl fmt::Debug for DatabasesBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabasesBuilder").field("loader", &self.loader).finish_non_exhaustive()
    }
}

/// The error of a database that was not loaded, where loading is wanted again.
pub(super) fn not_loaded() -> Error {
    Error::new(
        ErrorKind::Usage,
        "these databases were not loaded from a configuration, so there is none to load again",
    )
}
