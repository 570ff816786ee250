//! A private MariaDB.

use std::path::{Path, PathBuf};

use super::account::Account;
use super::certs::Tls;
use super::daemon::{self, Daemon, option};
use super::dir::Dir;
use super::error::Error;
use super::instance::Instance;
use super::{APP_PASSWORD, APP_USER, cache, tool};

pub(super) const PACKAGES: &[&str] = &["mariadb-server", "mariadb-client"];
/// Changes when the template is made in another way.
const RECIPE: u32 = 1;

/// A private MariaDB: dropped, it is killed and its directory removed.
///
/// It has a database `test`, a superuser `root` without password, and the user
/// [`APP_USER`] whose password is checked by `mysql_native_password`.
#[derive(Debug)]
pub struct MariaDb {
    instance: Instance<Daemon>,
}

/// What a MariaDB is to be like. See [`MariaDb::options`].
#[derive(Debug, Clone, Default)]
pub struct MariaDbOptions {
    args: Vec<String>,
    tls: bool,
}

impl MariaDbOptions {
    /// Adds an argument of the server, such as `--max-connections=20`.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Offers TLS, with certificates made for this server. Off by default.
    #[must_use]
    pub fn tls(mut self, on: bool) -> Self {
        self.tls = on;
        self
    }

    /// Starts it and waits until it answers.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] when MariaDB is not installed, [`Error::Failed`] when it does not start.
    pub fn start(self) -> Result<MariaDb, Error> {
        let programs = installed()?;
        let account = Account::find(&["mysql"], PACKAGES[0])?;
        let dir = Dir::new(account)?;
        let name = format!("mariadb-{}-r{RECIPE}", tool::version(&programs.server)?);
        cache::copy_template(&name, &daemon::data(dir.path()), account, |data| {
            programs.make_data(account, data)
        })?;
        let daemon = Daemon {
            name: "MariaDB",
            account,
            program: vec![programs.server.into(), "--no-defaults".into()],
            args: self.args,
            tls: None,
        };
        Ok(MariaDb { instance: daemon::start(daemon, dir, self.tls)? })
    }
}

/// The programs of an installed MariaDB.
pub(super) struct Programs {
    server: PathBuf,
    install_db: PathBuf,
}

/// Finds MariaDB.
pub(super) fn installed() -> Result<Programs, Error> {
    let need = |name| tool::find(name).ok_or_else(|| Error::missing_package(name, PACKAGES));
    Ok(Programs { server: need("mariadbd")?, install_db: need("mariadb-install-db")? })
}

impl Programs {
    fn make_data(&self, account: Account, data: &Path) -> Result<(), Error> {
        let dir = data.parent().expect("the data has a directory of its own");
        // Accounts are not looked at while this runs, until they are read anew.
        let text = format!("FLUSH PRIVILEGES;\n{}", daemon::statements("IDENTIFIED BY"));
        let script = daemon::script(dir, &text)?;
        let mut command = account.command(&self.install_db, dir)?;
        command
            .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"])
            // A small template; the server enlarges its log at the first start.
            .arg("--innodb-log-file-size=32M")
            .arg(option("--datadir=", data))
            .arg(option("--extra-file=", &script));
        tool::run(&mut command)?;
        // A script, whose exit status alone does not say that the data is there.
        if data.join("mysql").is_dir() {
            Ok(())
        } else {
            Err(Error::failed("mariadb-install-db", "it made no data"))
        }
    }
}

impl MariaDb {
    /// Starts one with the usual options.
    ///
    /// # Errors
    ///
    /// As [`MariaDbOptions::start`].
    pub fn start() -> Result<Self, Error> {
        Self::options().start()
    }

    /// Options to change before the start.
    #[must_use]
    pub fn options() -> MariaDbOptions {
        MariaDbOptions::default()
    }

    /// `mysql://root@127.0.0.1:PORT/test`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("mysql://root@127.0.0.1:{}/test", self.port())
    }

    /// The URL for [`APP_USER`] and its password.
    #[must_use]
    pub fn app_url(&self) -> String {
        format!("mysql://{APP_USER}:{APP_PASSWORD}@127.0.0.1:{}/test", self.port())
    }

    /// The port on 127.0.0.1. It stays the same over restarts.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.instance.port()
    }

    /// The path of its unix socket.
    #[must_use]
    pub fn unix_socket(&self) -> PathBuf {
        self.instance.dir().join("socket")
    }

    /// Its certificates, when it was started with TLS.
    #[must_use]
    pub fn tls(&self) -> Option<&Tls> {
        self.instance.spec.tls.as_ref()
    }

    /// The number of the server's process; `None` while it does not run.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.instance.pid()
    }

    /// Kills it with SIGKILL and waits until nothing of it is left.
    ///
    /// # Errors
    ///
    /// When something of it is still there after a while.
    pub fn kill(&self) -> Result<(), Error> {
        self.instance.kill()
    }

    /// Stops it in good order.
    ///
    /// # Errors
    ///
    /// When it does not stop within a minute; it is killed then.
    pub fn stop(&self) -> Result<(), Error> {
        self.instance.stop()
    }

    /// Starts it again on its data and port, after stopping it if it runs.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn restart(&self) -> Result<(), Error> {
        self.instance.restart()
    }
}
