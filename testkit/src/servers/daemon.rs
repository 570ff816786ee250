//! What MariaDB and MySQL have in common: how the server is started and looked after.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::account::Account;
use super::certs::Tls;
use super::dir::Dir;
use super::error::{Error, at};
use super::instance::{Instance, Spec, has_pid, nobody_in, remove};
use super::{APP_PASSWORD, APP_USER, wire};

/// A `mariadbd` or `mysqld` and how to run it.
#[derive(Debug)]
pub(super) struct Daemon {
    pub(super) name: &'static str,
    pub(super) account: Account,
    /// The program and the arguments that it always needs.
    pub(super) program: Vec<OsString>,
    /// Arguments of this server, after the usual ones.
    pub(super) args: Vec<String>,
    pub(super) tls: Option<Tls>,
}

/// Arguments of every running server.
const USUAL: &[&str] = &[
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--local-infile=1",
    "--character-set-server=utf8mb4",
    // A server that is killed keeps what it acknowledged; only a machine that is cut off loses it.
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-buffer-pool-size=64M",
    "--max-allowed-packet=512M",
];

impl Daemon {
    /// The program with what it always needs, as its account.
    pub(super) fn base(&self, dir: &Path) -> Result<Command, Error> {
        let (program, rest) = self.program.split_first().expect("it has a program");
        let mut command = self.account.command(program, dir)?;
        command.args(rest);
        command.arg(option("--datadir=", &data(dir)));
        Ok(command)
    }
}

impl Spec for Daemon {
    fn name(&self) -> &'static str {
        self.name
    }

    fn command(&self, dir: &Path, port: u16) -> Result<Command, Error> {
        let mut command = self.base(dir)?;
        command
            .arg(format!("--port={port}"))
            .arg(option("--socket=", &dir.join("socket")))
            .arg(option("--pid-file=", &dir.join("pid")))
            .args(USUAL);
        if let Some(tls) = &self.tls {
            command
                .arg(option("--ssl-ca=", &tls.ca_file()))
                .arg(option("--ssl-cert=", &tls.cert_file()))
                .arg(option("--ssl-key=", &tls.key_file()));
        }
        command.args(&self.args);
        Ok(command)
    }

    fn prepare(&self, dir: &Path, _: u16) -> Result<(), Error> {
        for file in ["pid", "socket", "socket.lock"] {
            remove(&dir.join(file))?;
        }
        Ok(())
    }

    fn ready(&self, dir: &Path, port: u16, pid: u32) -> bool {
        // The server writes its number when it listens.
        has_pid(&dir.join("pid"), pid) && wire::mysql_greets(port)
    }

    fn stop_signal(&self) -> &'static str {
        "TERM"
    }

    fn gone(&self, dir: &Path) -> bool {
        nobody_in(dir)
    }
}

/// Where a server's data is.
pub(super) fn data(dir: &Path) -> PathBuf {
    dir.join("data")
}

pub(super) fn option(name: &str, path: &Path) -> OsString {
    let mut text = OsString::from(name);
    text.push(path);
    text
}

/// What every new server is told: a database `test`, and a user with a password who may use it.
/// `how` says how the password is checked, up to the password.
pub(super) fn statements(how: &str) -> String {
    format!(
        "CREATE DATABASE IF NOT EXISTS test;\n\
         CREATE USER '{APP_USER}'@'%' {how} '{APP_PASSWORD}';\n\
         GRANT ALL ON test.* TO '{APP_USER}'@'%';\n"
    )
}

/// Writes statements to a file that `account` can read.
pub(super) fn script(dir: &Path, text: &str) -> Result<PathBuf, Error> {
    let path = dir.join("init.sql");
    fs::write(&path, text).map_err(at("writing", &path))?;
    Ok(path)
}

/// Starts the server on a copy of its data that is already in `dir`.
pub(super) fn start(mut daemon: Daemon, dir: Dir, tls: bool) -> Result<Instance<Daemon>, Error> {
    if tls {
        daemon.tls = Some(Tls::make(dir.path().join("tls"), daemon.account)?);
    }
    Instance::start(daemon, dir)
}
