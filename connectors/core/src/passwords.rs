//! Passwords that change while the program runs: in a file, or in the program itself.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use secrecy::zeroize::Zeroizing;
use tokio::runtime::Handle;

use crate::{CredentialProvider, Credentials, Error, ErrorKind, Result, Secret};

/// The most a password file may have.
const LIMIT: usize = 64 * 1024;

/// A file that has the password, read again at each connect: a mounted secret that is changed is taken
/// up by the next connection.
///
/// The newline at its end is cut off (`\n` or `\r\n`, one of them); all else is the password, other
/// whitespace too. It has at most 64 KiB, and is read where reading holds nobody up.
///
/// ```
/// use wellspring_connector::PasswordFile;
///
/// let file = PasswordFile::new("/run/secrets/orders-db");
/// let error = file.read().unwrap_err();
/// assert!(error.to_string().contains("\"/run/secrets/orders-db\""));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordFile {
    path: PathBuf,
}

impl PasswordFile {
    /// The password in the file at `path`, which need not be there yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The password as it is now. Blocks; as a [`CredentialProvider`] it does not.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] naming the path, and never what is in it: the file is missing, cannot be read
    /// or is no file, is empty or larger than 64 KiB, is not UTF-8 or contains a NUL.
    pub fn read(&self) -> Result<Secret> {
        let bytes = read(&self.path).map_err(|error| match error.kind() {
            // Ours, whose words are enough.
            io::ErrorKind::InvalidData => self.wrong(error),
            _ => self.wrong(format_args!("cannot be read: {error}")).with_source(error),
        })?;
        let text = std::str::from_utf8(&bytes).map_err(|_| self.wrong("is not UTF-8"))?;
        let text =
            text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
        match text {
            "" => Err(self.wrong("is empty")),
            text if text.contains('\0') => Err(self.wrong("contains a NUL")),
            text => Ok(text.into()),
        }
    }

    fn wrong(&self, why: impl fmt::Display) -> Error {
        Error::new(ErrorKind::Config, format!("the password file {:?} {why}", self.path))
    }
}

/// Reads all of a file that is not too large, into memory that is wiped.
fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what);
    // Before it is opened: a pipe would keep us waiting, and a device has no end.
    let found = fs::metadata(path)?;
    if found.is_dir() {
        return Err(wrong("is a directory"));
    }
    if !found.is_file() {
        return Err(wrong("is not a regular file"));
    }
    // All at once, lest growing leave a copy behind.
    let mut bytes = Zeroizing::new(vec![0; LIMIT + 1]);
    let mut length = 0;
    let mut file = File::open(path)?;
    while length < bytes.len() {
        match file.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    if length > LIMIT {
        return Err(wrong("has more than 64 KiB"));
    }
    bytes.truncate(length);
    Ok(bytes)
}

#[async_trait]
impl CredentialProvider for PasswordFile {
    async fn credentials(&self) -> Result<Credentials> {
        // Without a runtime there is no worker to hold up.
        let Ok(runtime) = Handle::try_current() else {
            return self.read().map(Credentials::password);
        };
        let file = self.clone();
        match runtime.spawn_blocking(move || file.read()).await {
            Ok(password) => password.map(Credentials::password),
            Err(_) => Err(self.wrong("was not read: the runtime is ending")),
        }
    }
}

/// A password that the program itself changes: connections made from then on use it, those that are
/// there live on. Its clones are the same one.
///
/// ```
/// use wellspring_connector::SharedPassword;
///
/// let password = SharedPassword::new("at the start");
/// let for_the_database = password.clone();
/// password.set("changed an hour later");
/// # assert_eq!(for_the_database.get().expose(), "changed an hour later");
/// ```
#[derive(Clone)]
pub struct SharedPassword(Arc<RwLock<Secret>>);

impl SharedPassword {
    /// `password`, for now.
    pub fn new(password: impl Into<Secret>) -> Self {
        Self(Arc::new(RwLock::new(password.into())))
    }

    /// Changes it for the connections made from now on.
    pub fn set(&self, password: impl Into<Secret>) {
        let mut password = password.into();
        // The former one is wiped after the lock is given back.
        std::mem::swap(&mut *self.0.write().unwrap_or_else(PoisonError::into_inner), &mut password);
    }

    /// The password of now.
    pub fn get(&self) -> Secret {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl CredentialProvider for SharedPassword {
    async fn credentials(&self) -> Result<Credentials> {
        Ok(Credentials::password(self.get()))
    }
}

impl fmt::Debug for SharedPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SharedPassword").field(&Secret::default()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn password_in(file: &PasswordFile) -> Result<String> {
        let found = file.credentials().await?;
        assert_eq!(found.user, None);
        Ok(found.password.expect("there is one").expose().to_owned())
    }

    #[tokio::test]
    async fn a_file_is_read_each_time_and_loses_its_last_newline_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        let file = PasswordFile::new(&path);
        assert_eq!(file.path(), path);
        let long = "x".repeat(LIMIT);
        for (text, password) in [
            ("one", "one"),
            ("two\n", "two"),
            ("three\r\n", "three"),
            (" \tfour \t\n", " \tfour \t"),
            ("five\n\n", "five\n"),
            ("\nsix\r", "\nsix\r"),
            ("sïeben", "sïeben"),
            (" ", " "),
            (&long, &long),
        ] {
            fs::write(&path, text).unwrap();
            assert_eq!(password_in(&file).await.unwrap(), password);
        }
    }

    #[tokio::test]
    async fn what_is_wrong_with_a_file_is_said_without_its_content() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        let long = [b"canary".as_slice(), &vec![b'x'; LIMIT - 5]].concat();
        for (content, why) in [
            (None, "cannot be read"),
            (Some(b"".as_slice()), "is empty"),
            (Some(b"\n"), "is empty"),
            (Some(b"\r\n"), "is empty"),
            (Some(&long), "64 KiB"),
            (Some(b"canary\xff"), "UTF-8"),
            (Some(b"can\0ary"), "NUL"),
        ] {
            if let Some(content) = content {
                fs::write(&path, content).unwrap();
            }
            let error = password_in(&PasswordFile::new(&path)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            let text = format!("{error} {error:?}");
            assert!(text.contains(why) && text.contains(path.to_str().unwrap()), "{text}");
            assert!(!text.contains("canary") && !text.contains("can\\0ary"), "{text}");
        }
        let error = PasswordFile::new(dir.path()).read().unwrap_err();
        assert!(error.to_string().ends_with("is a directory"), "{error}");
        if cfg!(target_os = "linux") {
            let error = PasswordFile::new("/dev/zero").read().unwrap_err();
            assert!(error.to_string().ends_with("is not a regular file"), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_may_not_be_read_says_so() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        fs::write(&path, "canary").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
        match PasswordFile::new(&path).read() {
            Err(error) => assert!(error.to_string().contains("cannot be read"), "{error}"),
            // The superuser may read everything.
            Ok(password) => assert_eq!(password.expose(), "canary"),
        }
    }

    #[test]
    fn a_file_is_read_without_a_runtime_too() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        fs::write(&path, "one").unwrap();
        let file = PasswordFile::new(path);
        let mut asked = file.credentials();
        let polled =
            asked.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
        let std::task::Poll::Ready(found) = polled else { panic!("it waits for nothing") };
        assert_eq!(found.unwrap(), Credentials::password("one"));
    }

    #[tokio::test]
    async fn a_shared_password_is_that_of_all_its_clones() {
        let password = SharedPassword::new("one");
        let clone = password.clone();
        assert_eq!(clone.credentials().await.unwrap(), Credentials::password("one"));
        password.set(String::from("two"));
        assert_eq!(clone.credentials().await.unwrap(), Credentials::password("two"));
        assert_eq!(format!("{password:?}"), "SharedPassword([redacted])");
    }
}
