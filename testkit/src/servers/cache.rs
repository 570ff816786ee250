//! The cache: data directories made once per version, and whatever else is fetched or made once.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::account::{Account, is_root};
use super::dir::{Dir, reachable};
use super::error::{Error, at};
use super::tool;

/// Where root keeps the cache when the accounts that servers run as cannot reach its home.
const SHARED: &str = "/var/cache/wellspring";

/// The directory of the cache. It need not exist yet.
pub(super) fn dir() -> Result<PathBuf, Error> {
    let set = |name| std::env::var_os(name).filter(|value: &OsString| !value.is_empty());
    choose(set("XDG_CACHE_HOME"), set("HOME"), is_root()).ok_or_else(|| {
        Error::failed("the cache directory", "set XDG_CACHE_HOME or HOME to a directory")
    })
}

fn choose(xdg: Option<OsString>, home: Option<OsString>, root: bool) -> Option<PathBuf> {
    xdg.map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| home.map(|home| Path::new(&home).join(".cache")))
        .map(|cache| cache.join("wellspring"))
        .filter(|cache| !root || reachable(cache))
        .or_else(|| root.then(|| PathBuf::from(SHARED)))
}

/// Makes `path` with `make` unless it exists. One process at a time makes it, the others wait;
/// `make` is given a path beside it, which is renamed into place when all is done.
pub(super) fn once(
    path: &Path,
    make: impl FnOnce(&Path) -> Result<(), Error>,
) -> Result<(), Error> {
    if path.exists() {
        return Ok(());
    }
    let parent = path.parent().expect("what is in the cache has a directory");
    fs::create_dir_all(parent).map_err(at("making", parent))?;
    let beside = |suffix: &str| {
        let mut name = path.file_name().expect("what is in the cache has a name").to_owned();
        name.push(suffix);
        path.with_file_name(name)
    };
    let lock_path = beside(".lock");
    let lock = File::create(&lock_path).map_err(at("making", &lock_path))?;
    lock.lock().map_err(at("locking", &lock_path))?;
    if path.exists() {
        return Ok(());
    }
    let unfinished = beside(".unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(at("removing", &unfinished))?;
    }
    make(&unfinished)?;
    fs::rename(&unfinished, path).map_err(at("renaming", &unfinished))
}

/// Puts a copy of the template `name` at `target`, which must not exist, owned by `account`.
/// `make` makes the template in a directory of its own, at the path it is given; it is called only
/// when there is none yet.
pub(super) fn copy_template(
    name: &str,
    target: &Path,
    account: Account,
    make: impl FnOnce(&Path) -> Result<(), Error>,
) -> Result<(), Error> {
    let template = dir()?.join("templates").join(name);
    once(&template, |unfinished| {
        // A server has to reach it while it is made, and may not reach the cache.
        let scratch = Dir::new(account)?;
        let data = scratch.path().join("data");
        make(&data)?;
        copy(&data, unfinished)
    })?;
    copy(&template, target)?;
    account.own_all(target)
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let mut cp = Command::new("cp");
    cp.arg("-a");
    if cfg!(target_os = "linux") {
        cp.arg("--reflink=auto");
    }
    tool::run(cp.arg(from).arg(to)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn the_cache_is_where_the_user_keeps_such_things() {
        let some = |text: &str| Some(OsString::from(text));
        let at = |path: &str| Some(PathBuf::from(path));
        assert_eq!(choose(some("/x"), some("/h"), false), at("/x/wellspring"));
        assert_eq!(choose(some("relative"), some("/h"), false), at("/h/.cache/wellspring"));
        assert_eq!(choose(None, some("/h"), false), at("/h/.cache/wellspring"));
        assert_eq!(choose(None, None, false), None);
        assert_eq!(choose(None, None, true), at(SHARED));
    }

    #[test]
    fn root_does_not_use_a_cache_that_its_servers_cannot_reach() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let home = Some(home.path().as_os_str().to_owned());
        assert_eq!(choose(None, home.clone(), true), Some(PathBuf::from(SHARED)));
        assert_ne!(choose(None, home, false), Some(PathBuf::from(SHARED)));
    }

    #[test]
    fn a_thing_is_made_once_however_many_want_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/thing");
        let made = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    once(&path, |unfinished| {
                        made.fetch_add(1, Ordering::SeqCst);
                        fs::create_dir(unfinished).map_err(at("making", unfinished))?;
                        fs::write(unfinished.join("a"), "b").map_err(at("writing", unfinished))
                    })
                    .unwrap();
                    assert_eq!(fs::read_to_string(path.join("a")).unwrap(), "b");
                });
            }
        });
        assert_eq!(made.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn what_was_not_finished_is_not_there_and_is_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("thing");
        let fails = once(&path, |unfinished| {
            fs::create_dir(unfinished).map_err(at("making", unfinished))?;
            Err(Error::failed("making", "half way"))
        });
        assert!(fails.is_err() && !path.exists());
        once(&path, |unfinished| fs::create_dir(unfinished).map_err(at("making", unfinished)))
            .unwrap();
        assert!(path.is_dir());
    }
}
