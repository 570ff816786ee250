//! A private PostgreSQL.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::account::Account;
use super::certs::Tls;
use super::dir::Dir;
use super::error::{Error, at};
use super::instance::{Instance, Spec, has_pid, nobody_in, remove, wait_for};
use super::{APP_PASSWORD, APP_USER, cache, tool, wire};

pub(super) const PACKAGE: &str = "postgresql";
/// Where Debian has one directory per major version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// Changes when the template is made in another way.
const RECIPE: u32 = 1;
/// How long a promotion may take.
const PROMOTION: Duration = Duration::from_secs(60);

/// A private PostgreSQL: dropped, it is killed and its directory removed.
///
/// Its superuser is `postgres`, who needs no password. The user [`APP_USER`] does, and it is
/// checked by SCRAM.
#[derive(Debug)]
pub struct Postgres {
    pub(super) instance: Instance<Server>,
}

/// What a PostgreSQL is to be like. See [`Postgres::options`].
#[derive(Debug, Clone, Default)]
pub struct PostgresOptions {
    settings: Vec<(String, String)>,
    access: Vec<String>,
    tls: bool,
}

impl PostgresOptions {
    /// Sets a parameter of the server, such as `max_connections`.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// Adds a rule of `pg_hba.conf` before the usual ones, such as
    /// `hostnossl all app 127.0.0.1/32 reject`.
    #[must_use]
    pub fn access(mut self, rule: impl Into<String>) -> Self {
        self.access.push(rule.into());
        self
    }

    /// Offers TLS, with certificates made for this server. Off by default. Connections without TLS
    /// are still taken; see [`access`](Self::access).
    #[must_use]
    pub fn tls(mut self, on: bool) -> Self {
        self.tls = on;
        self
    }

    /// Starts it and waits until it answers.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] when PostgreSQL is not installed, [`Error::Failed`] when it does not
    /// start.
    pub fn start(self) -> Result<Postgres, Error> {
        let programs = installed()?;
        let account = Account::find(&["postgres"], PACKAGE)?;
        let dir = Dir::new(account)?;
        let data = dir.path().join("data");
        let name = format!("postgres-{}-r{RECIPE}", tool::version(&programs.file("postgres"))?);
        cache::copy_template(&name, &data, account, |data| make_data(&programs, account, data))?;
        let rules = data.join("pg_hba.conf");
        fs::write(&rules, access(&self.access)).map_err(at("writing", &rules))?;
        self.start_on(programs, account, dir)
    }

    /// Starts a server on the data that is in `dir`.
    pub(super) fn start_on(
        self,
        programs: Programs,
        account: Account,
        dir: Dir,
    ) -> Result<Postgres, Error> {
        let tls = if self.tls { Some(Tls::make(dir.path().join("tls"), account)?) } else { None };
        let server = Server { programs, account, settings: self.settings, tls };
        Ok(Postgres { instance: Instance::start(server, dir)? })
    }
}

/// The programs of an installed PostgreSQL.
#[derive(Debug, Clone)]
pub(super) struct Programs {
    dir: PathBuf,
}

impl Programs {
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

/// Finds the newest PostgreSQL: where Debian puts them, else by `PATH`.
pub(super) fn installed() -> Result<Programs, Error> {
    let debian = fs::read_dir(DEBIAN).into_iter().flatten().flatten().filter_map(|entry| {
        let major: u32 = entry.file_name().to_str()?.parse().ok()?;
        Some((major, entry.path().join("bin")))
    });
    let newest = debian.filter(|(_, dir)| dir.join("initdb").is_file()).max();
    let dir = match newest {
        Some((_, dir)) => dir,
        None => {
            let initdb = tool::need("initdb", PACKAGE)?;
            // What is on the path may be a link into the directory of all programs.
            let initdb = fs::canonicalize(&initdb).map_err(at("following", &initdb))?;
            initdb.parent().expect("a program is in a directory").to_owned()
        }
    };
    if ["initdb", "postgres"].iter().all(|name| dir.join(name).is_file()) {
        Ok(Programs { dir })
    } else {
        Err(Error::missing_package(
            &format!("the server's program in {}", dir.display()),
            &[PACKAGE],
        ))
    }
}

fn make_data(programs: &Programs, account: Account, data: &Path) -> Result<(), Error> {
    let dir = data.parent().expect("the data has a directory of its own");
    let mut initdb = account.command(programs.file("initdb"), dir)?;
    initdb
        .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"])
        // Checksums also let `pg_rewind` bring an old primary back.
        .args(["--no-sync", "--no-instructions", "--data-checksums", "--pgdata"])
        .arg(data);
    tool::run(&mut initdb)?;

    let statements = format!("CREATE ROLE {APP_USER} LOGIN PASSWORD '{APP_PASSWORD}';\n");
    let script = dir.join("init.sql");
    fs::write(&script, statements).map_err(at("writing", &script))?;
    let input = fs::File::open(&script).map_err(at("opening", &script))?;
    let mut single = account.command(programs.file("postgres"), dir)?;
    single.args(["--single", "-j", "-c", "exit_on_error=on", "-D"]).arg(data).arg("postgres");
    let output = single
        .stdin(input)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| Error::failed("`postgres --single`", error))?;
    if output.status.success() {
        Ok(())
    } else {
        let said = String::from_utf8_lossy(&output.stderr);
        Err(Error::failed("`postgres --single`", tool::tail(&said)))
    }
}

/// The text of `pg_hba.conf`.
fn access(first: &[String]) -> String {
    let usual = [
        "local all all trust",
        &format!("host all {APP_USER} 127.0.0.1/32 scram-sha-256"),
        "host all all 127.0.0.1/32 trust",
        "host replication all 127.0.0.1/32 trust",
    ]
    .map(str::to_owned);
    first.iter().chain(&usual).map(|rule| format!("{rule}\n")).collect()
}

/// How a PostgreSQL is run and looked after.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) programs: Programs,
    pub(super) account: Account,
    settings: Vec<(String, String)>,
    tls: Option<Tls>,
}

impl Server {
    fn pid_file(dir: &Path) -> PathBuf {
        dir.join("data/postmaster.pid")
    }
}

impl Spec for Server {
    fn name(&self) -> &'static str {
        "PostgreSQL"
    }

    fn command(&self, dir: &Path, port: u16) -> Result<Command, Error> {
        let mut command = self.account.command(self.programs.file("postgres"), dir)?;
        let mut set = |name: &str, value: &str| {
            command.arg("-c").arg(format!("{name}={value}"));
        };
        set("port", &port.to_string());
        set("listen_addresses", "127.0.0.1");
        set("unix_socket_directories", &dir.to_string_lossy());
        // A server that is killed keeps what it acknowledged; only a machine that is cut off
        // loses it.
        set("fsync", "off");
        if let Some(tls) = &self.tls {
            set("ssl", "on");
            set("ssl_cert_file", &tls.cert_file().to_string_lossy());
            set("ssl_key_file", &tls.key_file().to_string_lossy());
        }
        for (name, value) in &self.settings {
            set(name, value);
        }
        command.arg("-D").arg(dir.join("data"));
        Ok(command)
    }

    fn prepare(&self, dir: &Path, _: u16) -> Result<(), Error> {
        // Nobody is left of the server that wrote it.
        remove(&Self::pid_file(dir))
    }

    fn ready(&self, dir: &Path, port: u16, pid: u32) -> bool {
        let file = Self::pid_file(dir);
        let says_so = has_pid(&file, pid)
            && fs::read_to_string(&file)
                .is_ok_and(|text| text.lines().nth(7).is_some_and(|line| line.trim() == "ready"));
        says_so && wire::postgres_serves(port, "postgres", "postgres")
    }

    fn stop_signal(&self) -> &'static str {
        // Sessions are ended, not waited for.
        "INT"
    }

    fn gone(&self, dir: &Path) -> bool {
        nobody_in(dir)
    }
}

impl Postgres {
    /// Starts one with the usual options.
    ///
    /// # Errors
    ///
    /// As [`PostgresOptions::start`].
    pub fn start() -> Result<Self, Error> {
        Self::options().start()
    }

    /// Options to change before the start.
    ///
    /// ```no_run
    /// # use wellspring_testkit::servers::Postgres;
    /// let server = Postgres::options().set("max_connections", "10").tls(true).start()?;
    /// # Ok::<(), wellspring_testkit::servers::Error>(())
    /// ```
    #[must_use]
    pub fn options() -> PostgresOptions {
        PostgresOptions::default()
    }

    /// `postgres://postgres@127.0.0.1:PORT/postgres`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port())
    }

    /// The URL for [`APP_USER`] and its password.
    #[must_use]
    pub fn app_url(&self) -> String {
        format!("postgres://{APP_USER}:{APP_PASSWORD}@127.0.0.1:{}/postgres", self.port())
    }

    /// The port on 127.0.0.1. It stays the same over restarts.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.instance.port()
    }

    /// The directory of its unix socket.
    #[must_use]
    pub fn unix_socket_dir(&self) -> &Path {
        self.instance.dir()
    }

    /// Its certificates, when it was started with TLS.
    #[must_use]
    pub fn tls(&self) -> Option<&Tls> {
        self.instance.spec.tls.as_ref()
    }

    /// The number of the server's first process; `None` while it does not run.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.instance.pid()
    }

    /// Kills its first process with SIGKILL and waits until the others have followed it.
    ///
    /// # Errors
    ///
    /// When something of it is still there after a while.
    pub fn kill(&self) -> Result<(), Error> {
        self.instance.kill()
    }

    /// Stops it in good order: sessions are ended, everything is written.
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

    /// Makes a replica a primary and waits until it is one.
    pub(super) fn promote(&self) -> Result<(), Error> {
        let spec = &self.instance.spec;
        let dir = self.instance.dir();
        let mut promote = spec.account.command(spec.programs.file("pg_ctl"), dir)?;
        promote.args(["promote", "--wait", "--pgdata"]).arg(dir.join("data"));
        promote.arg(format!("--timeout={}", PROMOTION.as_secs()));
        tool::run(&mut promote).map(drop)
    }

    /// What a query gives, as the text that `psql` prints for it without decoration.
    pub(super) fn query(&self, sql: &str) -> Result<String, Error> {
        let psql = self.instance.spec.programs.file("psql");
        let psql = if psql.is_file() { psql } else { tool::need("psql", "postgresql-client")? };
        let mut command = Command::new(psql);
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, &self.url()]);
        tool::run(&mut command).map(|text| text.trim_end().to_owned())
    }

    /// Asks until the answer to `sql` is `wanted`.
    pub(super) fn await_answer(&self, sql: &str, wanted: &str) -> Result<(), Error> {
        let mut last = String::new();
        let found = wait_for(PROMOTION, || {
            last = self.query(sql).unwrap_or_else(|error| error.to_string());
            last == wanted
        });
        if found { Ok(()) } else { Err(Error::failed(format!("waiting for `{sql}`"), last)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_that_are_added_come_first_and_passwords_before_trust() {
        let text = access(&["hostnossl all all all reject".to_owned()]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "hostnossl all all all reject");
        let at = |part| lines.iter().position(|line| line.contains(part)).unwrap();
        assert!(at("scram-sha-256") < at("host all all 127.0.0.1/32 trust"), "{text}");
    }
}
