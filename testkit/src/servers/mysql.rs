//! A private MySQL, from the tree in the cache.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::account::Account;
use super::certs::Tls;
use super::daemon::{self, Daemon, option};
use super::dir::Dir;
use super::error::{Error, at};
use super::instance::Instance;
use super::{APP_PASSWORD, APP_USER, cache, tool};

/// Changes when the template is made in another way.
const RECIPE: u32 = 1;

/// A private MySQL: dropped, it is killed and its directory removed.
///
/// It has a database `test`, a superuser `root` without password, and the user
/// [`APP_USER`] whose password is checked by `caching_sha2_password`.
#[derive(Debug)]
pub struct MySql {
    instance: Instance<Daemon>,
}

/// What a MySQL is to be like. See [`MySql::options`].
#[derive(Debug, Clone)]
pub struct MySqlOptions {
    args: Vec<String>,
    tls: bool,
}

impl Default for MySqlOptions {
    fn default() -> Self {
        Self { args: Vec::new(), tls: true }
    }
}

impl MySqlOptions {
    /// Adds an argument of the server, such as `--max-connections=20`.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Offers TLS, with certificates made for this server. On by default, as MySQL itself has it.
    /// Without it the server takes no TLS connection.
    #[must_use]
    pub fn tls(mut self, on: bool) -> Self {
        self.tls = on;
        self
    }

    /// Starts it and waits until it answers.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] when MySQL is not in the cache, [`Error::Failed`] when it does not start.
    pub fn start(self) -> Result<MySql, Error> {
        let tree = installed()?;
        let account = Account::find(&["mysql", "nobody"], "base-passwd")?;
        let dir = Dir::new(account)?;
        let mut daemon = Daemon {
            name: "MySQL",
            account,
            program: program(&tree)?,
            args: Vec::new(),
            tls: None,
        };
        let name = format!("mysql-{}-r{RECIPE}", version_of(&tree)?);
        cache::copy_template(&name, &daemon::data(dir.path()), account, |data| {
            make_data(&daemon, data)
        })?;
        daemon.args = ["--mysqlx=OFF", "--skip-log-bin"].map(str::to_owned).to_vec();
        if !self.tls {
            daemon.args.push("--tls-version=".to_owned());
        }
        daemon.args.extend(self.args);
        Ok(MySql { instance: daemon::start(daemon, dir, self.tls)? })
    }
}

/// Where the cache has the unpacked packages.
pub(super) fn tree() -> Result<PathBuf, Error> {
    Ok(cache::dir()?.join("mysql").join("tree"))
}

/// Finds MySQL in the cache.
pub(super) fn installed() -> Result<PathBuf, Error> {
    let tree = tree()?;
    if server(&tree).is_file() {
        Ok(tree)
    } else {
        Err(Error::missing("MySQL", "`cargo xtask servers up` fetches it into the cache"))
    }
}

/// The version of the server in a tree.
pub(super) fn version_of(tree: &Path) -> Result<String, Error> {
    let program = program(tree)?;
    let (loader, rest) = program.split_first().expect("it has a loader");
    let said = tool::run(Command::new(loader).args(rest).arg("--version"))?;
    tool::version_in(&said)
        .map(str::to_owned)
        .ok_or_else(|| Error::failed("`mysqld --version`", format!("it says {said:?}")))
}

fn server(tree: &Path) -> PathBuf {
    tree.join("usr/sbin/mysqld")
}

/// The server under the loader and with the libraries of its own tree: it is newer than the
/// system's.
fn program(tree: &Path) -> Result<Vec<OsString>, Error> {
    let (libraries, loader) = loader(&tree.join("usr/lib"))?;
    let usr = tree.join("usr");
    Ok(vec![
        loader.into(),
        "--library-path".into(),
        libraries.into(),
        server(tree).into(),
        "--no-defaults".into(),
        option("--basedir=", &usr),
        option("--plugin-dir=", &usr.join("lib/mysql/plugin")),
        option("--lc-messages-dir=", &usr.join("share/mysql")),
        option("--character-sets-dir=", &usr.join("share/mysql/charsets")),
        // Otherwise a directory has to exist that only the package's scripts make.
        "--secure-file-priv=NULL".into(),
    ])
}

/// The directory of the libraries of this machine's architecture, and the loader in it.
fn loader(lib: &Path) -> Result<(PathBuf, PathBuf), Error> {
    for dir in fs::read_dir(lib).map_err(at("reading", lib))?.flatten() {
        let dir = dir.path();
        if !dir.to_string_lossy().ends_with("-linux-gnu") {
            continue;
        }
        for file in fs::read_dir(&dir).map_err(at("reading", &dir))?.flatten() {
            if file.file_name().to_string_lossy().starts_with("ld-linux") {
                return Ok((dir, file.path()));
            }
        }
    }
    Err(Error::failed(format!("MySQL in {}", lib.display()), "it has no loader"))
}

fn make_data(daemon: &Daemon, data: &Path) -> Result<(), Error> {
    let dir = data.parent().expect("the data has a directory of its own");
    // The root that the server makes itself may come through the socket only, as names are not
    // resolved.
    let root = "CREATE USER 'root'@'%' IDENTIFIED BY '';\n\
                GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;\n";
    let app = daemon::statements("IDENTIFIED WITH caching_sha2_password BY");
    let script = daemon::script(dir, &format!("{root}{app}"))?;
    let mut command = daemon.base(dir)?;
    tool::run(command.arg("--initialize-insecure").arg(option("--init-file=", &script))).map(drop)
}

impl MySql {
    /// Starts one with the usual options.
    ///
    /// # Errors
    ///
    /// As [`MySqlOptions::start`].
    pub fn start() -> Result<Self, Error> {
        Self::options().start()
    }

    /// Options to change before the start.
    #[must_use]
    pub fn options() -> MySqlOptions {
        MySqlOptions::default()
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

    /// Its certificates, unless it was started without TLS.
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
