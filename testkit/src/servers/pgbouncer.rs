//! A private pgbouncer in transaction mode.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::account::Account;
use super::dir::Dir;
use super::error::{Error, at};
use super::instance::{Instance, Spec, has_pid, nobody_in, remove};
use super::postgres::Postgres;
use super::{tool, wire};

pub(super) const PACKAGE: &str = "pgbouncer";

/// Start-up parameters that clients send and a pooler cannot keep per client.
const IGNORED: &str = "extra_float_digits,options,statement_timeout,lock_timeout,\
                       idle_in_transaction_session_timeout,search_path,jit,intervalstyle";

/// A private pgbouncer before a [`Postgres`], in transaction mode. Dropped, it is killed.
///
/// Any database name goes through to the server; every client becomes `postgres` there and needs
/// no password.
#[derive(Debug)]
pub struct PgBouncer {
    instance: Instance<Bouncer>,
}

/// What a pgbouncer is to be like. See [`PgBouncer::options`].
#[derive(Debug, Clone)]
pub struct PgBouncerOptions {
    pool_size: u32,
    settings: Vec<(String, String)>,
}

impl PgBouncerOptions {
    /// How many connections to the server each database has. 40 by default; 2 makes clients
    /// share.
    #[must_use]
    pub fn pool_size(mut self, connections: u32) -> Self {
        self.pool_size = connections;
        self
    }

    /// Sets a parameter of the `[pgbouncer]` section.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// Starts it before `server`, which must run, and waits until it lets a client through.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] when pgbouncer is not installed, [`Error::Failed`] when it does not
    /// start.
    pub fn start(self, server: &Postgres) -> Result<PgBouncer, Error> {
        let program = installed()?;
        let account = Account::find(&["postgres"], super::postgres::PACKAGE)?;
        let dir = Dir::new(account)?;
        let bouncer = Bouncer { program, account, server: server.port(), options: self };
        Ok(PgBouncer { instance: Instance::start(bouncer, dir)? })
    }
}

/// Finds pgbouncer.
pub(super) fn installed() -> Result<PathBuf, Error> {
    tool::need("pgbouncer", PACKAGE)
}

/// How a pgbouncer is run and looked after.
#[derive(Debug)]
struct Bouncer {
    program: PathBuf,
    account: Account,
    server: u16,
    options: PgBouncerOptions,
}

impl Bouncer {
    fn config_file(dir: &Path) -> PathBuf {
        dir.join("pgbouncer.ini")
    }

    fn config(&self, dir: &Path, port: u16) -> String {
        let mut text = format!(
            "[databases]\n\
             * = host=127.0.0.1 port={} user=postgres\n\
             [pgbouncer]\n\
             listen_addr = 127.0.0.1\n\
             listen_port = {port}\n\
             unix_socket_dir =\n\
             pidfile = {}\n\
             auth_type = any\n\
             admin_users = postgres\n\
             pool_mode = transaction\n\
             default_pool_size = {}\n\
             max_client_conn = 2000\n\
             ignore_startup_parameters = {IGNORED}\n",
            self.server,
            dir.join("pid").display(),
            self.options.pool_size,
        );
        for (name, value) in &self.options.settings {
            text += &format!("{name} = {value}\n");
        }
        text
    }
}

impl Spec for Bouncer {
    fn name(&self) -> &'static str {
        "pgbouncer"
    }

    fn command(&self, dir: &Path, _: u16) -> Result<Command, Error> {
        let mut command = self.account.command(&self.program, dir)?;
        command.arg(Self::config_file(dir));
        Ok(command)
    }

    fn prepare(&self, dir: &Path, port: u16) -> Result<(), Error> {
        remove(&dir.join("pid"))?;
        let file = Self::config_file(dir);
        fs::write(&file, self.config(dir, port)).map_err(at("writing", &file))
    }

    fn ready(&self, dir: &Path, port: u16, pid: u32) -> bool {
        // Its own console answers whether or not the server behind it does.
        has_pid(&dir.join("pid"), pid) && wire::postgres_serves(port, "postgres", "pgbouncer")
    }

    fn stop_signal(&self) -> &'static str {
        // At once; other signals wait for clients.
        "TERM"
    }

    fn gone(&self, dir: &Path) -> bool {
        nobody_in(dir)
    }
}

impl PgBouncer {
    /// Starts one with the usual options before `server`.
    ///
    /// # Errors
    ///
    /// As [`PgBouncerOptions::start`].
    pub fn start(server: &Postgres) -> Result<Self, Error> {
        Self::options().start(server)
    }

    /// Options to change before the start.
    #[must_use]
    pub fn options() -> PgBouncerOptions {
        PgBouncerOptions { pool_size: 40, settings: Vec::new() }
    }

    /// `postgres://postgres@127.0.0.1:PORT/postgres`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port())
    }

    /// The port on 127.0.0.1. It stays the same over restarts.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.instance.port()
    }

    /// The number of its process; `None` while it does not run.
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

    /// Stops it at once; clients are cut off.
    ///
    /// # Errors
    ///
    /// When it does not stop within a minute; it is killed then.
    pub fn stop(&self) -> Result<(), Error> {
        self.instance.stop()
    }

    /// Starts it again on its port, after stopping it if it runs.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn restart(&self) -> Result<(), Error> {
        self.instance.restart()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_lets_every_database_through_and_takes_settings() {
        let options = PgBouncer::options().pool_size(2).set("query_wait_timeout", "3");
        let bouncer =
            Bouncer { program: PathBuf::new(), account: Account::Own, server: 5432, options };
        let text = bouncer.config(Path::new("/d"), 6432);
        for line in [
            "* = host=127.0.0.1 port=5432 user=postgres",
            "listen_port = 6432",
            "pidfile = /d/pid",
            "pool_mode = transaction",
            "default_pool_size = 2",
            "query_wait_timeout = 3",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
    }
}
