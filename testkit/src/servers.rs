//! Private database servers: started on a free loopback port in a temporary directory, checked
//! until they answer, killable, and dead when the process that started them dies.
//!
//! Everything here blocks and uses no runtime; from asynchronous code, call it through
//! `spawn_blocking`. Server processes belong to one thread that lives as long as the process, so
//! that a server outlives the test that started it, and no server outlives the process
//! (where `setpriv` is installed).
//!
//! A data directory is made once per version and kept as a template in the user's cache
//! (`$XDG_CACHE_HOME/wellspring`, else `~/.cache/wellspring`; `/var/cache/wellspring` for root when
//! the unprivileged accounts that servers run as cannot reach the former). Every later start is a
//! copy of it.
//!
//! ```no_run
//! use wellspring_testkit::servers::Postgres;
//!
//! let server = Postgres::options().set("max_connections", "20").start()?;
//! println!("{}", server.url());
//! server.kill()?;
//! server.restart()?; // same directory, same port
//! # Ok::<(), wellspring_testkit::servers::Error>(())
//! ```

mod account;
mod apt;
mod cache;
mod certs;
mod daemon;
mod dir;
mod error;
mod fetch;
mod install;
mod instance;
mod keeper;
mod mariadb;
mod mysql;
mod pair;
mod pgbouncer;
pub(crate) mod port;
mod postgres;
mod tool;
mod wire;

use std::fmt;

pub use certs::Tls;
pub use error::Error;
pub use install::install;
pub use mariadb::{MariaDb, MariaDbOptions};
pub use mysql::{MySql, MySqlOptions};
pub use pair::PostgresPair;
pub use pgbouncer::{PgBouncer, PgBouncerOptions};
pub use postgres::{Postgres, PostgresOptions};

/// The user with a password that every server of ours has beside its superuser.
pub const APP_USER: &str = "app";
/// The password of [`APP_USER`].
pub const APP_PASSWORD: &str = "app-secret";

/// What a test may ask for, one per environment variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// PostgreSQL.
    Postgres,
    /// A streaming replica of the server that [`Kind::Postgres`] stands for.
    PostgresReplica,
    /// pgbouncer in transaction mode before a PostgreSQL.
    PgBouncer,
    /// MariaDB.
    MariaDb,
    /// MySQL proper.
    MySql,
}

impl Kind {
    /// All of them.
    pub const ALL: &'static [Kind] =
        &[Kind::Postgres, Kind::PostgresReplica, Kind::PgBouncer, Kind::MariaDb, Kind::MySql];

    /// Its name on a command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Postgres => "postgres",
            Kind::PostgresReplica => "postgres-replica",
            Kind::PgBouncer => "pgbouncer",
            Kind::MariaDb => "mariadb",
            Kind::MySql => "mysql",
        }
    }

    /// The kind with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// The environment variable that has its URL.
    ///
    /// ```
    /// # use wellspring_testkit::servers::Kind;
    /// assert_eq!(Kind::MySql.env(), "WELLSPRING_TEST_MYSQL_URL");
    /// ```
    #[must_use]
    pub fn env(self) -> &'static str {
        match self {
            Kind::Postgres => "WELLSPRING_TEST_POSTGRES_URL",
            Kind::PostgresReplica => "WELLSPRING_TEST_POSTGRES_REPLICA_URL",
            Kind::PgBouncer => "WELLSPRING_TEST_PGBOUNCER_URL",
            Kind::MariaDb => "WELLSPRING_TEST_MARIADB_URL",
            Kind::MySql => "WELLSPRING_TEST_MYSQL_URL",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The URL of a running server of this kind, for a test: the value of [`Kind::env`].
///
/// # Panics
///
/// When the variable is not set or is empty; the message says what sets it.
#[must_use]
pub fn url(kind: Kind) -> String {
    match url_in(kind, std::env::var(kind.env()).ok()) {
        Ok(url) => url,
        Err(message) => panic!("{message}"),
    }
}

fn url_in(kind: Kind, value: Option<String>) -> Result<String, String> {
    value.filter(|url| !url.trim().is_empty()).ok_or_else(|| {
        format!(
            "{} is not set, and this test needs a {kind} server: run it through `cargo xtask \
             test`, or start servers with `cargo xtask servers up` and export what it prints",
            kind.env()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_from_the_environment() {
        let url = "mysql://root@127.0.0.1:3306/test";
        assert_eq!(url_in(Kind::MySql, Some(url.to_owned())).as_deref(), Ok(url));
    }

    #[test]
    fn a_url_that_is_not_set_names_what_sets_it() {
        for value in [None, Some(String::new()), Some(" ".to_owned())] {
            let message = url_in(Kind::PgBouncer, value).unwrap_err();
            for part in
                ["WELLSPRING_TEST_PGBOUNCER_URL", "cargo xtask test", "cargo xtask servers up"]
            {
                assert!(message.contains(part), "{message}");
            }
        }
    }

    #[test]
    fn kinds_have_names_and_variables_of_their_own() {
        assert_eq!(Kind::named("mariadb"), Some(Kind::MariaDb));
        assert_eq!(Kind::named("oracle"), None);
        for (at, kind) in Kind::ALL.iter().enumerate() {
            for other in &Kind::ALL[at + 1..] {
                assert_ne!(kind.name(), other.name());
                assert_ne!(kind.env(), other.env());
            }
        }
    }
}
