//! Getting what a server needs, when it is not there.

use super::error::Error;
use super::{Kind, apt, fetch, mariadb, mysql, pgbouncer, postgres, tool};

/// Installs what servers of this kind need, when it is missing: packages through apt, which takes
/// root and Debian or a relative of it, and MySQL into the cache, which takes anybody on Debian.
/// No system service is started. Does nothing when all is there.
///
/// # Errors
///
/// [`Error::Missing`] when it cannot be had here (not root, no apt, no mirror, no network); it
/// says what is missing and how to get it.
///
/// ```no_run
/// use wellspring_testkit::servers::{Kind, Postgres, install};
///
/// install(Kind::Postgres)?;
/// let server = Postgres::start()?;
/// # Ok::<(), wellspring_testkit::servers::Error>(())
/// ```
pub fn install(kind: Kind) -> Result<(), Error> {
    match kind {
        Kind::Postgres | Kind::PostgresReplica => postgresql(),
        Kind::PgBouncer => {
            postgresql()?;
            packages("pgbouncer", &[pgbouncer::PACKAGE], || pgbouncer::installed().is_ok())
        }
        Kind::MariaDb => {
            openssl()?;
            packages("MariaDB", mariadb::PACKAGES, || mariadb::installed().is_ok())
        }
        Kind::MySql => {
            openssl()?;
            if mysql::installed().is_ok() { Ok(()) } else { fetch::mysql() }
        }
    }
}

fn postgresql() -> Result<(), Error> {
    openssl()?;
    packages("PostgreSQL", &[postgres::PACKAGE], || postgres::installed().is_ok())
}

/// Certificates are made with it.
fn openssl() -> Result<(), Error> {
    packages("openssl", &["openssl"], || tool::find("openssl").is_some())
}

fn packages(what: &str, packages: &[&str], installed: impl Fn() -> bool) -> Result<(), Error> {
    if installed() {
        return Ok(());
    }
    apt::install(what, packages).map_err(|error| match error {
        missing @ Error::Missing { .. } => missing,
        // A mirror out of reach, or packages that contradict each other, is not our doing.
        Error::Failed { what: tried, why } => {
            Error::missing(what, format!("apt could not install it ({tried}: {why})"))
        }
    })
}
