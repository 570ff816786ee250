//! Connection strings of every kind, and the URL that each stands for.
//!
//! | kind | for example |
//! | --- | --- |
//! | our URLs, and libpq's | `postgres://ada:pw@db1,db2:5433/shop?sslmode=verify-full`, `sqlite:shop.db` |
//! | SQLAlchemy's | `postgresql+psycopg://…`, `mysql+pymysql://…`, `mssql+pyodbc://…?driver=…` |
//! | libpq's keys and values | `host=db1 port=5433 dbname=shop user=ada` |
//! | JDBC's | `jdbc:mysql://db:3306/shop?useSSL=true`, `jdbc:oracle:thin:@//db:1521/shop` |
//! | ADO.NET's | `Server=tcp:db,1433;Database=shop;User Id=ada;Encrypt=True` |
//! | ODBC's | `Driver={PostgreSQL Unicode};Server=db;Uid=ada`, `DSN=shop` |
//!
//! Keys that mean the same get one name: that of our driver's option, or that of our configuration where
//! it is about the pool. What has no meaning here is told in a note, and what nobody knows is kept for
//! the driver, which refuses it by name. No key is dropped without a word.
//!
//! # TLS
//!
//! All that such strings say about TLS becomes one `sslmode`: `verify-full`, `verify-ca`, `require` or
//! `disable`. `ssl=true` and the like are `verify-full`; a certificate that is to be trusted unseen makes
//! it `require`. `prefer` and `allow` are refused, since they leave it to whoever answers whether the
//! connection is safe. Keys that contradict each other are refused too.

mod ado;
mod draft;
mod error;
mod host;
mod jdbc;
pub(crate) mod keys;
pub(crate) mod kind;
mod libpq;
pub(crate) mod mssql;
mod odbc;
pub(crate) mod oracle;
pub(crate) mod pairs;
pub(crate) mod scheme;
mod sqlalchemy;
mod sqlite;
mod time;
mod tls;
pub(crate) mod url;
mod write;

use std::fmt;
use std::str::FromStr;

use wellspring_connector::{Error, Result, Secret};

use crate::redact::{REDACTED, is_secret};
use draft::Draft;
use error::config;
use kind::Kind;
use scheme::Database;

/// A connection string that is longer is refused: none is known to be a tenth of it.
pub(crate) const MOST_BYTES: usize = 64 * 1024;

/// Where a database is: what every kind of connection string is read into.
///
/// Printing it shows no password, and no option that looks like a secret.
///
/// ```
/// use wellspring_config::dsn::DatabaseUrl;
///
/// let text = "Host=db;Username=ada;Password='s;cret';Database=shop;SSL Mode=Require;Timeout=5";
/// let url = DatabaseUrl::parse(text)?;
/// assert_eq!(url.to_string(), "postgres://ada@db/shop?sslmode=require");
/// assert_eq!(url.settings, [("pool.connect_timeout".to_owned(), "5s".to_owned())]);
/// assert_eq!(url.to_text()?.expose(), "postgres://ada:s%3Bcret@db/shop?sslmode=require");
/// # Ok::<(), wellspring_connector::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DatabaseUrl {
    /// Which database: `sqlite`, `postgres`, `mysql`, `mariadb`, `mssql`, `oracle`, `db2`, `odbc`, `spark`,
    /// or another scheme, in lower case, that a driver of somebody else answers to.
    pub scheme: String,
    /// The user, if one is named.
    pub user: Option<String>,
    /// The password, if there is one.
    pub password: Option<Secret>,
    /// The hosts with their ports; one that begins with a slash is the directory of a unix socket.
    pub hosts: Vec<(String, Option<u16>)>,
    /// The database, if one is named. Of SQLite the path of the file, where none is a database in memory.
    pub database: Option<String>,
    /// The driver's options by the driver's own names, in their order; none is there twice.
    pub options: Vec<(String, String)>,
    /// What belongs to the pool or the database and not to the driver, by the names that our
    /// configuration has for it: `pool.acquire_timeout`, `pool.connect_timeout`, `pool.idle_timeout`,
    /// `pool.keepalive`, `pool.max_lifetime`, `pool.max_overflow`, `pool.max_size`, `pool.min_idle`,
    /// `pool.reuse`, `pool.validate`, `statement_timeout`, `unpooled`, `echo`, `echo_pool`. Durations have
    /// their unit (`10s`), and where there is to be no limit it is `off`.
    pub settings: Vec<(String, String)>,
    /// What was said and has no meaning here: sentences, each of which names its key.
    pub notes: Vec<String>,
}

impl DatabaseUrl {
    /// A URL of `scheme` with nothing in it, to be filled in. Other names of a scheme that is known, such
    /// as `postgresql`, become the one it has here.
    ///
    /// ```
    /// use wellspring_config::dsn::DatabaseUrl;
    ///
    /// let url = DatabaseUrl::new("postgresql")
    ///     .user("ada")
    ///     .password("p@ss")
    ///     .host("db", Some(5433))
    ///     .database("shop")
    ///     .option("application_name", "till");
    /// let text = url.to_text()?;
    /// assert_eq!(text.expose(), "postgres://ada:p%40ss@db:5433/shop?application_name=till");
    /// assert_eq!(DatabaseUrl::parse(text.expose())?, url);
    /// # Ok::<(), wellspring_connector::Error>(())
    /// ```
    #[must_use]
    pub fn new(scheme: &str) -> Self {
        Self {
            scheme: scheme::canonical(scheme),
            user: None,
            password: None,
            hosts: Vec::new(),
            database: None,
            options: Vec::new(),
            settings: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Reads a connection string of whichever kind it is.
    ///
    /// ```
    /// use wellspring_config::dsn::DatabaseUrl;
    ///
    /// for text in [
    ///     "postgres://ada@db/shop?connect_timeout=5",
    ///     "postgresql+psycopg://ada@db/shop?connect_timeout=5",
    ///     "host=db user=ada dbname=shop connect_timeout=5",
    ///     "jdbc:postgresql://db/shop?user=ada&loginTimeout=5",
    ///     "Host=db;Username=ada;Database=shop;Timeout=5",
    /// ] {
    ///     let url = DatabaseUrl::parse(text)?;
    ///     assert_eq!(url.to_string(), "postgres://ada@db/shop");
    ///     assert_eq!(url.settings, [("pool.connect_timeout".to_owned(), "5s".to_owned())]);
    /// }
    /// # Ok::<(), wellspring_connector::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Config`](wellspring_connector::ErrorKind::Config) for a text of no kind (a bare path
    /// among them, see [`parse_or_path`](Self::parse_or_path)) or of a kind that several databases have
    /// (see [`parse_as`](Self::parse_as)), a key that is set twice or has a value that does not fit, keys
    /// that contradict each other, a password without a user, or more than 64 KiB. It names the key and
    /// what would be right, and never a password or what may be a part of one.
    pub fn parse(text: &str) -> Result<Self> {
        let text = bounded(text)?;
        read(text, kind_of(text)?, None)?.finish()
    }

    /// Reads a connection string that is known to be for one database, or of one kind. `what` is a scheme
    /// such as `mssql`, or one of the kinds `url`, `sqlalchemy`, `libpq`, `jdbc`, `ado` and `odbc`.
    ///
    /// ```
    /// use wellspring_config::dsn::DatabaseUrl;
    ///
    /// // The providers of half a dozen databases would take it.
    /// let text = "Server=db;Database=shop;User Id=ada;Password=secret";
    /// assert!(DatabaseUrl::parse(text).is_err());
    /// assert_eq!(DatabaseUrl::parse_as("mssql", text)?.to_string(), "mssql://ada@db/shop");
    /// # Ok::<(), wellspring_connector::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`parse`](Self::parse), and for a text that is for another database or of another kind.
    pub fn parse_as(what: &str, text: &str) -> Result<Self> {
        let text = bounded(text)?;
        let kind = match what.to_ascii_lowercase().as_str() {
            "url" => Some(Kind::Url),
            "sqlalchemy" => Some(Kind::SqlAlchemy),
            "libpq" => Some(Kind::Libpq),
            "jdbc" => Some(Kind::Jdbc),
            "ado" => Some(Kind::Ado),
            "odbc" => Some(Kind::Odbc),
            _ => None,
        };
        let found = kind_of(text)?;
        match kind {
            // The scheme is called as the kind is.
            Some(Kind::Odbc) if found == Kind::Url => {}
            Some(kind) => {
                // The one of ODBC is told from those of ADO.NET by its keys, of which it may have others.
                let semicolons = [Kind::Ado, Kind::Odbc];
                if found != kind && !(semicolons.contains(&found) && semicolons.contains(&kind)) {
                    return Err(config(format!("expected a {kind}, but the text is a {found}")));
                }
                return read(text, kind, None)?.finish();
            }
            None => {}
        }
        let mut url = read(text, found, Database::of_scheme(what))?.finish()?;
        let wanted = scheme::canonical(what);
        let of_one_family = |scheme: &str| ["mysql", "mariadb"].contains(&scheme);
        if url.scheme != wanted {
            // Both are reached in the same ways, and often called by the other's name.
            if !(of_one_family(&url.scheme) && of_one_family(&wanted)) {
                return Err(config(format!(
                    "the {found} is for {}, and not for {}",
                    name_of(&url.scheme),
                    name_of(&wanted)
                )));
            }
            url.scheme = wanted;
        }
        Ok(url)
    }

    /// As [`parse`](Self::parse), and a text that is no connection string at all is the path of a SQLite
    /// file. Not for text that may hold a password by mistake: it would become the name of a file.
    ///
    /// ```
    /// use wellspring_config::dsn::DatabaseUrl;
    ///
    /// assert_eq!(DatabaseUrl::parse_or_path("data/shop.db")?.to_string(), "sqlite:data/shop.db");
    /// assert!(DatabaseUrl::parse("data/shop.db").is_err());
    /// # Ok::<(), wellspring_connector::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`parse`](Self::parse), but for bare paths.
    pub fn parse_or_path(text: &str) -> Result<Self> {
        let text = bounded(text)?;
        let drive = text.as_bytes().get(1) == Some(&b':');
        let begins_path = text.starts_with(['/', '\\', '.', '~']) || text == ":memory:";
        if !(begins_path || drive) {
            match Kind::of(text) {
                Some(kind) => return read(text, kind, None)?.finish(),
                // `user:password@host` without its scheme.
                None if text.contains('@') => return Err(no_kind()),
                None => {}
            }
        }
        Ok(Self::new(Database::Sqlite.scheme()).database(text))
    }

    /// Our own URL for it, of which [`parse`](Self::parse) makes the same again, but for the settings and
    /// the notes, which are no part of a URL.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](wellspring_connector::ErrorKind::Config) naming what cannot be in a URL: a
    /// password without a user, a host that is none, a NUL byte, an option without a name or one that is
    /// there twice, more than 64 KiB in all.
    pub fn to_text(&self) -> Result<Secret> {
        write::text(self)
    }

    /// The user.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into()).filter(|user| !user.is_empty());
        self
    }

    /// The password. It needs a user.
    #[must_use]
    pub fn password(mut self, password: impl Into<Secret>) -> Self {
        self.password = Some(password.into()).filter(|password| !password.is_empty());
        self
    }

    /// One more host, with its port if that is not the usual one.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>, port: Option<u16>) -> Self {
        self.hosts.push((host.into(), port));
        self
    }

    /// The database; of SQLite the path of the file, and `:memory:` for none.
    #[must_use]
    pub fn database(mut self, database: impl Into<String>) -> Self {
        let database = database.into();
        let memory = self.scheme == Database::Sqlite.scheme() && database == ":memory:";
        self.database = Some(database).filter(|name| !name.is_empty() && !memory);
        self
    }

    /// An option of the driver, in place of the one of that name if there is one.
    #[must_use]
    pub fn option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), value.into());
        match self.options.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.options.push((name, value)),
        }
        self
    }
}

/// The text without what surrounds it, if it is not too long.
fn bounded(text: &str) -> Result<&str> {
    let text = text.trim();
    if text.is_empty() {
        return Err(config("the connection string is empty"));
    }
    if text.len() > MOST_BYTES {
        return Err(config(format!(
            "the connection string has {} bytes: expected at most {MOST_BYTES}",
            text.len()
        )));
    }
    if text.contains('\0') {
        return Err(config("the connection string has a NUL byte"));
    }
    Ok(text)
}

fn kind_of(text: &str) -> Result<Kind> {
    Kind::of(text).ok_or_else(no_kind)
}

/// The text may be a password that was pasted into the wrong place: it is not repeated.
fn no_kind() -> Error {
    config(
        "the text is no connection string: expected a URL such as `postgres://user@host/database` or \
         `sqlite:path`, or one of JDBC, SQLAlchemy, libpq, ADO.NET or ODBC",
    )
}

fn read(text: &str, kind: Kind, database: Option<Database>) -> Result<Draft> {
    match kind {
        Kind::Url => url::read(kind, text),
        Kind::SqlAlchemy => sqlalchemy::read(text),
        Kind::Libpq => libpq::read(text),
        Kind::Jdbc => jdbc::read(text),
        Kind::Ado => ado::read(text, database),
        Kind::Odbc => odbc::read(text),
    }
}

/// A scheme, for people. One that is not known may be anything.
fn name_of(scheme: &str) -> &'static str {
    Database::of_scheme(scheme).map_or("a database that is not known", Database::name)
}

impl FromStr for DatabaseUrl {
    type Err = Error;

    /// As [`DatabaseUrl::parse`].
    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl fmt::Display for DatabaseUrl {
    /// The URL without the password, and without the values of options that look like secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&write::shown(self))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options: Vec<(&str, &str)> = self
            .options
            .iter()
            .map(|(name, value)| match is_secret(name) || crate::redact::holds_secret(value) {
                true => (name.as_str(), REDACTED),
                false => (name.as_str(), value.as_str()),
            })
            .collect();
        f.debug_struct("DatabaseUrl")
            .field("scheme", &self.scheme)
            .field("user", &self.user)
            .field("password", &self.password)
            .field("hosts", &self.hosts)
            .field("database", &self.database)
            .field("options", &options)
            .field("settings", &self.settings)
            .field("notes", &self.notes)
            .finish()
    }
}
