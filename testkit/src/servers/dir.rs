//! A server's own directory: temporary, short enough for a socket's path, reachable by the
//! account the server runs as, removed with the server.

use std::fs::{self, File, Permissions, TryLockError};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::Duration;

use super::account::{Account, is_root};
use super::error::{Error, at};

const PREFIX: &str = "wellspring-server-";
const LOCK: &str = "in-use";
/// The path of a socket may have 107 bytes; its name and the directory's need some of them.
const LONGEST_BASE: usize = 60;
/// A directory this old is locked by its owner if it has one.
const SETTLED: Duration = Duration::from_secs(60);

/// A directory that exists as long as this does.
#[derive(Debug)]
pub(super) struct Dir {
    temp: tempfile::TempDir,
    /// Held locked, so that nobody takes the directory for one left behind.
    _lock: File,
}

impl Dir {
    /// Makes one that `account` owns and others can look into.
    pub(super) fn new(account: Account) -> Result<Self, Error> {
        let base = base()?;
        static SWEPT: Once = Once::new();
        SWEPT.call_once(|| sweep(&base));
        let temp = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(Permissions::from_mode(0o755))
            .tempdir_in(&base)
            .map_err(at("making a directory in", &base))?;
        let path = temp.path().join(LOCK);
        let lock = File::create(&path).map_err(at("making", &path))?;
        lock.lock().map_err(at("locking", &path))?;
        account.own(temp.path())?;
        Ok(Self { temp, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        self.temp.path()
    }
}

fn base() -> Result<PathBuf, Error> {
    let usual = std::env::temp_dir();
    let candidates = [usual.clone(), PathBuf::from("/tmp"), PathBuf::from("/var/tmp")];
    candidates
        .into_iter()
        .find(|path| {
            path.is_dir()
                && path.as_os_str().len() <= LONGEST_BASE
                && (!is_root() || reachable(path))
        })
        .ok_or_else(|| {
            Error::failed(
                format!("a temporary directory such as {}", usual.display()),
                format!(
                    "it must have a path of at most {LONGEST_BASE} bytes that every user can go \
                     through"
                ),
            )
        })
}

/// True when every user can go through all of `path` that exists.
pub(super) fn reachable(path: &Path) -> bool {
    path.ancestors().all(|dir| match fs::metadata(dir) {
        Ok(found) => found.permissions().mode() & 0o001 != 0,
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    })
}

/// Removes what earlier processes left behind when they were killed. Their servers died with them.
fn sweep(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if ours && abandoned(&path) {
            // It may belong to somebody else, or another process sweeps at the same time.
            drop(fs::remove_dir_all(&path));
        }
    }
}

fn abandoned(dir: &Path) -> bool {
    let age = fs::metadata(dir).ok().and_then(|found| found.modified().ok()?.elapsed().ok());
    if age.is_none_or(|age| age < SETTLED) {
        return false;
    }
    match File::open(dir.join(LOCK)).map(|lock| lock.try_lock()) {
        Ok(Ok(())) => true,
        Ok(Err(TryLockError::WouldBlock | TryLockError::Error(_))) => false,
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use super::super::instance::wait_for;
    use super::*;

    #[test]
    fn a_directory_is_reachable_and_goes_with_its_owner() {
        let dir = Dir::new(Account::Own).unwrap();
        let path = dir.path().to_owned();
        assert!(path.join(LOCK).is_file());
        assert!(!is_root() || reachable(&path));
        drop(dir);
        assert!(!path.exists());
    }

    #[test]
    fn a_path_with_a_closed_directory_in_it_is_not_reachable() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("not-there-yet");
        fs::set_permissions(dir.path(), Permissions::from_mode(0o700)).unwrap();
        assert!(!reachable(&inner));
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        assert_eq!(reachable(&inner), reachable(dir.path()));
    }

    #[test]
    fn only_an_old_directory_without_an_owner_is_abandoned() {
        let temp = tempfile::tempdir().unwrap();
        let lock = File::create(temp.path().join(LOCK)).unwrap();
        assert!(!abandoned(temp.path()), "it is new");
        let old = std::time::SystemTime::now() - SETTLED * 2;
        File::open(temp.path()).unwrap().set_modified(old).unwrap();
        lock.lock().unwrap();
        assert!(!abandoned(temp.path()), "it is in use");
        drop(lock);
        // A process that another test starts shares the lock for the moment until it is itself.
        assert!(wait_for(SETTLED, || abandoned(temp.path())));
    }
}
