//! The account servers run as: the caller's own, or an unprivileged one when the caller is root.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use super::error::{Error, at};
use super::tool;

/// Whom a server runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Account {
    /// The caller, who is not root.
    Own,
    /// An unprivileged account that root steps down to.
    Other { uid: u32, gid: u32 },
}

/// True when this process runs as root.
pub(super) fn is_root() -> bool {
    static ROOT: LazyLock<bool> = LazyLock::new(|| {
        let id = Command::new("id").arg("-u").stdin(Stdio::null()).output();
        id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
    });
    *ROOT
}

impl Account {
    /// The first of `names` that exists when the caller is root. `package` is what makes one.
    pub(super) fn find(names: &[&str], package: &str) -> Result<Self, Error> {
        if !is_root() {
            return Ok(Self::Own);
        }
        let path = Path::new("/etc/passwd");
        let passwd = fs::read_to_string(path).map_err(at("reading", path))?;
        names
            .iter()
            .find_map(|name| entry(&passwd, name))
            .map(|(uid, gid)| Self::Other { uid, gid })
            .ok_or_else(|| {
                Error::missing_package(&format!("the user {}", names.join(" or ")), &[package])
            })
    }

    /// `program` to be run as this account in `dir`, killed when the thread that starts it ends.
    pub(super) fn command(self, program: impl AsRef<OsStr>, dir: &Path) -> Result<Command, Error> {
        let setpriv = tool::find("setpriv");
        let mut command = match (self, setpriv) {
            (Self::Own, None) => Command::new(program),
            (Self::Own, Some(setpriv)) => {
                let mut command = Command::new(setpriv);
                command.args(["--pdeathsig", "KILL"]).arg(program);
                command
            }
            (Self::Other { uid, gid }, Some(setpriv)) => {
                let mut command = Command::new(setpriv);
                command
                    .args([format!("--reuid={uid}"), format!("--regid={gid}")])
                    .args(["--clear-groups", "--pdeathsig", "KILL"])
                    .arg(program);
                command
            }
            (Self::Other { .. }, None) => {
                return Err(Error::missing_package("setpriv", &["util-linux"]));
            }
        };
        // What a server logs is searched for known sentences, and what it writes beside its data
        // belongs into its own directory. Settings meant for the caller's servers are not ours.
        command.current_dir(dir).env("LC_ALL", "C").env("TMPDIR", dir).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            let own = name.to_str().is_some_and(|n| n.starts_with("PG") || n.starts_with("MYSQL"));
            if own {
                command.env_remove(name);
            }
        }
        Ok(command)
    }

    /// Makes `path` belong to this account.
    pub(super) fn own(self, path: &Path) -> Result<(), Error> {
        match self {
            Self::Own => Ok(()),
            Self::Other { uid, gid } => {
                chown(path, Some(uid), Some(gid)).map_err(at("changing the owner of", path))
            }
        }
    }

    /// Makes `path` and everything below belong to this account.
    pub(super) fn own_all(self, path: &Path) -> Result<(), Error> {
        match self {
            Self::Own => Ok(()),
            Self::Other { uid, gid } => {
                let mut chown = Command::new("chown");
                chown.args(["-R", &format!("{uid}:{gid}")]).arg(path);
                tool::run(&mut chown).map(drop)
            }
        }
    }
}

/// User and group number of a name in the text of a password file.
fn entry(passwd: &str, name: &str) -> Option<(u32, u32)> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next()? != name {
            return None;
        }
        let (uid, gid) = (fields.nth(1)?, fields.next()?);
        Some((uid.parse().ok()?, gid.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_read_from_the_password_file() {
        let passwd = "root:x:0:0:root:/:/bin/sh\nmysqlx:x:9:9::/:\nmysql:x:105:107:,,,:/n:/f\n";
        assert_eq!(entry(passwd, "mysql"), Some((105, 107)));
        assert_eq!(entry(passwd, "root"), Some((0, 0)));
        assert_eq!(entry(passwd, "postgres"), None);
    }

    #[test]
    fn a_command_runs_as_the_account_in_the_directory() {
        let account = Account::find(&["nobody"], "base-passwd").unwrap();
        let dir = Path::new("/");
        let mut command = account.command("sh", dir).unwrap();
        let said = tool::run(command.args(["-c", "id -u; pwd"])).unwrap();
        let lines: Vec<&str> = said.lines().collect();
        assert_ne!(lines[0], "0", "never root");
        assert_eq!(lines[1], "/");
    }
}
