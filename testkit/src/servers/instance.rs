//! One server process: started on a free port, awaited until it answers, killed, started again.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::dir::Dir;
use super::error::{Error, at};
use super::{keeper, port, tool};

/// How long a server may take until it answers; a loaded machine needs some of it.
const START: Duration = Duration::from_secs(120);
/// How long a server may take to stop when asked to.
const STOP: Duration = Duration::from_secs(60);
/// How long the remains of a killed server may take to go.
const GONE: Duration = Duration::from_secs(20);
/// How often it is looked whether something happened.
const LOOK: Duration = Duration::from_millis(10);
/// How many ports are tried when another process is quicker to take one.
const PORTS: usize = 5;

/// What is special about one kind of server.
pub(super) trait Spec: std::fmt::Debug {
    /// What to call it in messages.
    fn name(&self) -> &'static str;
    /// The command that becomes the server process.
    fn command(&self, dir: &Path, port: u16) -> Result<Command, Error>;
    /// Does what must be done before every start.
    fn prepare(&self, dir: &Path, port: u16) -> Result<(), Error>;
    /// True when the process `pid` serves at `port`. It must not be taken in by somebody else's
    /// server on that port.
    fn ready(&self, dir: &Path, port: u16, pid: u32) -> bool;
    /// The name of the signal that stops it in good order.
    fn stop_signal(&self) -> &'static str;
    /// True when no process of it is left, after its first process has ended.
    fn gone(&self, dir: &Path) -> bool;
}

/// A server in its directory. Dropping it kills the process and removes the directory.
#[derive(Debug)]
pub(super) struct Instance<S: Spec> {
    pub(super) spec: S,
    port: u16,
    child: Mutex<Option<Child>>,
    dir: Dir,
}

impl<S: Spec> Instance<S> {
    /// Starts a server on the prepared `dir`.
    pub(super) fn start(spec: S, dir: Dir) -> Result<Self, Error> {
        let mut instance = Self { spec, port: 0, child: Mutex::new(None), dir };
        for _ in 0..PORTS {
            instance.port =
                port::free().map_err(|error| Error::failed("finding a free port", error))?;
            match instance.launch() {
                Err(Trouble::PortTaken) => {}
                Err(Trouble::Other(error)) => return Err(error),
                Ok(()) => return Ok(instance),
            }
        }
        Err(instance.failed(format!("{PORTS} free ports were taken by others in the meantime")))
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The number of its process, `None` while it does not run.
    pub(super) fn pid(&self) -> Option<u32> {
        self.child().as_ref().map(Child::id)
    }

    /// Kills the process with SIGKILL and waits until nothing of it is left. Nothing happens when
    /// it does not run.
    pub(super) fn kill(&self) -> Result<(), Error> {
        let mut slot = self.child();
        let Some(child) = slot.as_mut() else { return Ok(()) };
        child.kill().and_then(|()| child.wait()).map_err(|error| self.failed(error))?;
        *slot = None;
        self.until_gone()
    }

    /// Asks the process to stop in good order and waits until it has.
    pub(super) fn stop(&self) -> Result<(), Error> {
        let mut slot = self.child();
        let Some(child) = slot.as_mut() else { return Ok(()) };
        // The shell's own `kill` is on every system.
        let signal = format!("kill -{} {}", self.spec.stop_signal(), child.id());
        tool::run(Command::new("sh").args(["-c", &signal]))?;
        let ended = wait_for(STOP, || child.try_wait().is_ok_and(|status| status.is_some()));
        if !ended {
            child.kill().and_then(|()| child.wait()).map_err(|error| self.failed(error))?;
        }
        *slot = None;
        self.until_gone()?;
        if ended { Ok(()) } else { Err(self.failed("it did not stop when asked and was killed")) }
    }

    /// Starts it again on the same directory and port, after stopping it if it runs.
    pub(super) fn restart(&self) -> Result<(), Error> {
        self.stop()?;
        for _ in 0..PORTS {
            match self.launch() {
                // The port is outside the range that the system gives away: whoever has it is
                // passing through.
                Err(Trouble::PortTaken) => thread::sleep(Duration::from_millis(200)),
                Err(Trouble::Other(error)) => return Err(error),
                Ok(()) => return Ok(()),
            }
        }
        Err(self.failed(format!("its port {} is taken by another process", self.port)))
    }

    fn launch(&self) -> Result<(), Trouble> {
        let dir = self.dir.path();
        self.spec.prepare(dir, self.port)?;
        let log = Log::open(dir)?;
        let mut command = self.spec.command(dir, self.port)?;
        command.stdin(Stdio::null()).stdout(log.handle()?).stderr(log.handle()?);
        let mut slot = self.child();
        let child = keeper::spawn(command).map_err(|error| self.failed(error))?;
        let child = slot.insert(child);
        let pid = child.id();

        let mut ended = None;
        let answered = wait_for(START, || {
            if self.spec.ready(dir, self.port, pid) {
                return true;
            }
            ended = child.try_wait().transpose();
            ended.is_some()
        });
        match ended {
            None if answered => Ok(()),
            None => {
                child.kill().and_then(|()| child.wait()).map_err(|error| self.failed(error))?;
                *slot = None;
                let why = format!("no answer within {} s\n{}", START.as_secs(), log.tail());
                Err(self.failed(why).into())
            }
            Some(status) => {
                *slot = None;
                let status = status.map_err(|error| self.failed(error))?;
                let text = log.text();
                let taken = ["Address already in use", "address in use", "could not bind"];
                if taken.iter().any(|said| text.contains(said)) {
                    return Err(Trouble::PortTaken);
                }
                Err(self.failed(format!("it ended, {status}\n{}", tool::tail(&text))).into())
            }
        }
    }

    fn until_gone(&self) -> Result<(), Error> {
        let dir = self.dir.path();
        if wait_for(GONE, || self.spec.gone(dir) && port::is_free(self.port)) {
            Ok(())
        } else {
            Err(self.failed("a process of it is still there after it was killed"))
        }
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, why: impl std::fmt::Display) -> Error {
        Error::failed(self.spec.name(), why)
    }
}

impl<S: Spec> Drop for Instance<S> {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!("note: {error}");
        }
    }
}

enum Trouble {
    PortTaken,
    Other(Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// What a server prints, from one start on.
struct Log {
    path: PathBuf,
    file: File,
    from: usize,
}

impl Log {
    fn open(dir: &Path) -> Result<Self, Error> {
        let path = dir.join("log");
        let open = || -> io::Result<(File, u64)> {
            let file = OpenOptions::new().create(true).append(true).open(&path)?;
            let from = file.metadata()?.len();
            Ok((file, from))
        };
        let (file, from) = open().map_err(at("opening", &path))?;
        Ok(Self { path, file, from: usize::try_from(from).unwrap_or(usize::MAX) })
    }

    fn handle(&self) -> Result<File, Error> {
        self.file.try_clone().map_err(at("opening", &self.path))
    }

    fn text(&self) -> String {
        let bytes = fs::read(&self.path).unwrap_or_default();
        String::from_utf8_lossy(bytes.get(self.from..).unwrap_or_default()).into_owned()
    }

    fn tail(&self) -> String {
        tool::tail(&self.text())
    }
}

/// Looks until `done` says so; false when it has not within `limit`.
pub(super) fn wait_for(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if done() {
            return true;
        }
        if start.elapsed() > limit {
            return false;
        }
        thread::sleep(LOOK);
    }
}

/// True when the first line of the file is this number.
pub(super) fn has_pid(file: &Path, pid: u32) -> bool {
    fs::read_to_string(file)
        .is_ok_and(|text| text.lines().next().is_some_and(|line| line.trim() == pid.to_string()))
}

/// Removes a file that may or may not be there.
pub(super) fn remove(file: &Path) -> Result<(), Error> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at("removing", file)(error)),
        _ => Ok(()),
    }
}

/// True when no process works in `dir`. Where processes cannot be looked at, always true.
pub(super) fn nobody_in(dir: &Path) -> bool {
    let Ok(processes) = fs::read_dir("/proc") else { return true };
    // A process that has ended, or belongs to somebody else, does not tell where it works.
    !processes.flatten().any(|process| {
        fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(dir))
    })
}

#[cfg(test)]
mod tests {
    use super::super::account::Account;
    use super::*;

    /// A server that is a shell script.
    #[derive(Debug)]
    struct Script(&'static str);

    impl Spec for Script {
        fn name(&self) -> &'static str {
            "script"
        }
        fn command(&self, dir: &Path, port: u16) -> Result<Command, Error> {
            let mut command = Account::Own.command("sh", dir)?;
            command.args(["-c", self.0]).env("PORT", port.to_string());
            Ok(command)
        }
        fn prepare(&self, dir: &Path, _: u16) -> Result<(), Error> {
            remove(&dir.join("pid"))
        }
        fn ready(&self, dir: &Path, _: u16, pid: u32) -> bool {
            has_pid(&dir.join("pid"), pid)
        }
        fn stop_signal(&self) -> &'static str {
            "TERM"
        }
        fn gone(&self, dir: &Path) -> bool {
            nobody_in(dir)
        }
    }

    fn start(script: &'static str) -> Result<Instance<Script>, Error> {
        Instance::start(Script(script), Dir::new(Account::Own)?)
    }

    #[test]
    fn a_process_is_awaited_killed_restarted_and_goes_with_its_owner() {
        let instance = start("sleep 1000 & echo $$ > pid; wait").unwrap();
        let (port, dir, first) = (instance.port(), instance.dir().to_owned(), instance.pid());
        assert!(first.is_some() && !nobody_in(&dir));
        if cfg!(target_os = "linux") {
            // The `sleep` that the killed shell leaves behind is waited for.
            let sleeper = fs::read_dir("/proc").unwrap().flatten().find_map(|process| {
                let pid: u32 = process.file_name().to_str()?.parse().ok()?;
                let cwd = fs::read_link(process.path().join("cwd")).ok()?;
                (cwd == dir && Some(pid) != first).then_some(pid)
            });
            let end = format!("kill {}", sleeper.unwrap());
            thread::scope(|scope| {
                let killing = scope.spawn(|| instance.kill());
                assert!(wait_for(GONE, || instance.child.try_lock().is_err()));
                thread::sleep(LOOK * 5);
                assert!(!killing.is_finished());
                tool::run(Command::new("sh").args(["-c", &end])).unwrap();
                killing.join().unwrap().unwrap();
            });
        }
        instance.kill().unwrap();
        assert_eq!(instance.pid(), None);
        instance.stop().unwrap();
        drop(instance);
        assert!(!dir.exists());

        let instance = start("echo $$ > pid; exec sleep 1000").unwrap();
        let first = instance.pid();
        instance.restart().unwrap();
        assert_ne!(instance.pid(), first);
        assert_ne!(instance.port(), port);
    }

    #[test]
    fn a_process_that_ends_is_reported_with_what_it_said() {
        let error = start("echo no such feature; exit 4").unwrap_err().to_string();
        for part in ["script", "4", "no such feature"] {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn another_port_is_tried_when_one_is_taken() {
        let script = "mkdir -p tries; touch tries/$PORT; set -- tries/*; \
                      [ $# -ge 3 ] && { echo $$ > pid; exec sleep 1000; }; \
                      echo 'bind: Address already in use'; exit 1";
        let instance = start(script).unwrap();
        assert_eq!(fs::read_dir(instance.dir().join("tries")).unwrap().count(), 3);
        let error = start("echo 'bind: Address already in use'; exit 1").unwrap_err();
        assert!(error.to_string().contains("taken by others"), "{error}");
    }
}
