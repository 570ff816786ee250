//! A whole configuration, checked.

use std::fmt;
use std::path::PathBuf;

use wellspring_connector::nearest;

use crate::{ConfigErrors, DatabaseConfig, Loader, Origin, Problem};

/// Databases by name, as they were configured.
///
/// ```no_run
/// use wellspring_config::Config;
///
/// let config = Config::load()?;
/// for database in config.databases() {
///     println!("{} is at {}", database.name, database.url);
/// }
/// # Ok::<(), wellspring_config::ConfigErrors>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    pub(crate) databases: Vec<DatabaseConfig>,
    pub(crate) default_database: Option<String>,
    pub(crate) profile: Option<String>,
    pub(crate) notes: Vec<Note>,
}

/// Something in a configuration that was read and has no effect, or another than its reader may think.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Note {
    /// Where it stands.
    pub origin: Origin,
    /// The key it is about.
    pub key: String,
    /// What there is to know.
    pub message: String,
}

impl Note {
    pub(crate) fn new(origin: &Origin, key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { origin: origin.clone(), key: key.into(), message: message.into() }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.origin, self.key, self.message)
    }
}

impl Config {
    /// Reads what there is: the [file that is found](Loader::search), then the
    /// [environment](Loader::environment).
    ///
    /// # Errors
    /// Everything that is wrong with it; that there is nothing.
    pub fn load() -> Result<Self, ConfigErrors> {
        Loader::new().search().environment().load()?.not_empty()
    }

    /// Reads files, the later ones over the earlier ones, and nothing else.
    ///
    /// # Errors
    /// Everything that is wrong with them; that they have no database.
    pub fn from_files<P: Into<PathBuf>>(
        files: impl IntoIterator<Item = P>,
    ) -> Result<Self, ConfigErrors> {
        Loader::new().files(files).load()?.not_empty()
    }

    /// Reads the variables that begin with `prefix`, and nothing else. From what goes last to what goes
    /// first:
    ///
    /// | variables | what they are |
    /// | --- | --- |
    /// | `…DBINFOS_PATH`, `…DATABASES_JSON` | a file, or the text, of databases by name |
    /// | `…DB_KEY`, `…DB_DSN`, `…DB_TYPE`, `…DB_HOST` and the others of LongJRM | one database of that name |
    /// | `…TYPE`, `…HOST`, `…PORT`, `…NAME`, `…USER`, `…PASSWORD` | the database `default`, on PostgreSQL unless the type says otherwise |
    /// | `…DATABASE_URL`, `…DATABASE_FAILOVER_URLS`, `…POOL_SIZE`, `…MAX_OVERFLOW`, `…ECHO` | the same |
    /// | `…DATABASES__ORDERS__POOL__MAX_SIZE` and the like | any key there is |
    ///
    /// # Errors
    /// Everything that is wrong with them; that there are none.
    pub fn from_env(prefix: &str) -> Result<Self, ConfigErrors> {
        Loader::new().environment_of(prefix).load()?.not_empty()
    }

    /// An error where there is no database.
    ///
    /// # Errors
    /// That there is none, and where one was looked for.
    pub fn not_empty(self) -> Result<Self, ConfigErrors> {
        match self.databases.is_empty() {
            false => Ok(self),
            true => Err(Problem::missing(
                "",
                "no database is configured: there is no `wellspring.toml` (or .yaml, .json) in the working \
                 directory, no file that WELLSPRING_CONFIG names, no DATABASE_URL, and nothing of LongJRM's",
            )
            .into()),
        }
    }

    /// The databases, in the order of their file.
    pub fn databases(&self) -> &[DatabaseConfig] {
        &self.databases
    }

    /// The names of the databases.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.databases.iter().map(|database| database.name.as_str())
    }

    /// The database called `name`.
    pub fn get(&self, name: &str) -> Option<&DatabaseConfig> {
        self.databases.iter().find(|database| database.name == name)
    }

    /// The database called `name`.
    ///
    /// # Errors
    /// That there is none, with the names there are.
    pub fn require(&self, name: &str) -> Result<&DatabaseConfig, ConfigErrors> {
        self.get(name).ok_or_else(|| {
            let message = no_database(name, self.names());
            Problem::missing("", message).into()
        })
    }

    /// The name of the database that is meant where none is named: `default_database`, else the one called
    /// `default`, else the only one.
    pub fn default_database(&self) -> Option<&str> {
        let only = match self.databases.as_slice() {
            [one] => Some(one.name.as_str()),
            _ => None,
        };
        let called = self.get("default").map(|database| database.name.as_str());
        self.default_database.as_deref().or(called).or(only)
    }

    /// The profile that was chosen.
    pub fn profile(&self) -> Option<&str> {
        self.profile.as_deref()
    }

    /// What was read and has no effect, or another than its reader may think.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }
}

/// What to say of a database that is not there.
pub fn no_database<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let hint = match nearest(name, known.clone()) {
        Some(nearest) => format!(", did you mean {nearest:?}?"),
        None => String::new(),
    };
    let known: Vec<String> = known.map(|name| format!("{name:?}")).collect();
    match known.is_empty() {
        true => format!("there is no database {name:?}: none is configured"),
        false => format!("there is no database {name:?}{hint} (there are {})", known.join(", ")),
    }
}
