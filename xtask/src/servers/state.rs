//! What is known about servers in the background: a file below the build directory.

use std::fmt;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::workspace::Workspace;

/// Where the files are that a keeper of servers and its callers share.
#[derive(Debug)]
pub(super) struct Place {
    dir: PathBuf,
}

impl Place {
    pub(super) fn of(workspace: &Workspace) -> Self {
        Self { dir: workspace.target().join("servers") }
    }

    /// What the keeper prints.
    pub(super) fn log(&self) -> PathBuf {
        self.dir.join("log")
    }

    /// Holds off others who want to start or end servers, until the file is dropped.
    pub(super) fn lock(&self) -> Result<File, String> {
        fs::create_dir_all(&self.dir).map_err(|error| failed(&self.dir, &error))?;
        let path = self.dir.join("lock");
        let file = File::create(&path).map_err(|error| failed(&path, &error))?;
        file.lock().map_err(|error| failed(&path, &error))?;
        Ok(file)
    }

    /// What is written about the servers; `None` when there are none.
    pub(super) fn read(&self) -> Result<Option<State>, String> {
        let path = self.state();
        match fs::read_to_string(&path) {
            Ok(text) => State::parse(&text).map(Some).ok_or_else(|| {
                format!("{}: it cannot be understood; remove it by hand", path.display())
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(&path, &error)),
        }
    }

    /// Writes it, all at once.
    pub(super) fn write(&self, state: &State) -> Result<(), String> {
        let unfinished = self.dir.join("state.unfinished");
        fs::write(&unfinished, state.to_string()).map_err(|error| failed(&unfinished, &error))?;
        fs::rename(&unfinished, self.state()).map_err(|error| failed(&unfinished, &error))
    }

    /// Asks the keeper to end.
    pub(super) fn ask_to_end(&self) -> Result<(), String> {
        let path = self.request();
        fs::write(&path, "").map_err(|error| failed(&path, &error))
    }

    /// True when the keeper is to end: it was asked to, or its files are gone.
    pub(super) fn is_asked_to_end(&self) -> bool {
        self.request().exists() || !self.state().exists()
    }

    /// Forgets the servers.
    pub(super) fn clear(&self) -> Result<(), String> {
        for path in [self.state(), self.request()] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(failed(&path, &error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn state(&self) -> PathBuf {
        self.dir.join("state")
    }

    fn request(&self) -> PathBuf {
        self.dir.join("end")
    }
}

fn failed(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

/// A process, told apart from later ones with its number by the time of its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: u32,
    started: String,
}

impl Process {
    /// The running process with this number.
    pub(super) fn find(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        started(&stat).map(|started| Self { pid, started })
    }

    /// True while it is this process that runs.
    pub(super) fn runs(&self) -> bool {
        Self::find(self.pid).as_ref() == Some(self)
    }
}

/// When a process started, from the system's line about it; `None` when it has ended and nobody
/// has taken notice. The name, in brackets, may contain anything.
fn started(stat: &str) -> Option<String> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    if matches!(fields.first(), None | Some(&("Z" | "X"))) {
        return None;
    }
    fields.get(19).map(|started| (*started).to_owned())
}

/// What is known about running servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    /// The process that keeps them.
    pub(super) keeper: Process,
    /// The servers' processes, with their kinds.
    pub(super) servers: Vec<(String, Process)>,
    /// The variables that point tests at them.
    pub(super) urls: Vec<(String, String)>,
}

impl State {
    fn parse(text: &str) -> Option<Self> {
        let mut keeper = None;
        let (mut servers, mut urls) = (Vec::new(), Vec::new());
        let process = |pid: &str, started: &str| {
            Some(Process { pid: pid.parse().ok()?, started: started.to_owned() })
        };
        for line in text.lines() {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["keeper", pid, started] => keeper = Some(process(pid, started)?),
                ["server", kind, pid, started] => {
                    servers.push((kind.to_owned(), process(pid, started)?));
                }
                ["url", name, url] => urls.push((name.to_owned(), url.to_owned())),
                _ => return None,
            }
        }
        Some(Self { keeper: keeper?, servers, urls })
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "keeper {} {}", self.keeper.pid, self.keeper.started)?;
        for (kind, process) in &self.servers {
            writeln!(f, "server {kind} {} {}", process.pid, process.started)?;
        }
        for (name, url) in &self.urls {
            writeln!(f, "url {name} {url}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        let process = |pid, started: &str| Process { pid, started: started.to_owned() };
        State {
            keeper: process(7, "100"),
            servers: vec![("mysql".to_owned(), process(8, "101"))],
            urls: vec![("X_URL".to_owned(), "mysql://root@127.0.0.1:3306/test".to_owned())],
        }
    }

    #[test]
    fn what_is_written_is_read_and_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place { dir: dir.path().join("servers") };
        assert_eq!(place.read(), Ok(None));
        let _lock = place.lock().unwrap();
        place.write(&state()).unwrap();
        assert_eq!(place.read(), Ok(Some(state())));
        assert!(!place.is_asked_to_end());
        place.ask_to_end().unwrap();
        assert!(place.is_asked_to_end());
        place.clear().unwrap();
        assert_eq!(place.read(), Ok(None));
        assert!(place.is_asked_to_end(), "its files are gone");
        place.clear().unwrap();
    }

    #[test]
    fn nonsense_is_not_understood() {
        for text in ["", "url A b\n", "keeper x 1\n", "keeper 1 2\nserver mysql\n", "else\n"] {
            assert_eq!(State::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_process_is_known_by_its_start() {
        let line = |state| format!("5 (a) b) {state} 1{} 4711 0 0", " 0".repeat(17));
        assert_eq!(started(&line("S")).as_deref(), Some("4711"));
        assert_eq!(started(&line("Z")), None);
        assert_eq!(started("5 (a) S 1"), None);
        if cfg!(target_os = "linux") {
            let me = Process::find(std::process::id()).unwrap();
            assert!(me.runs());
            assert!(!Process { started: "0".to_owned(), ..me }.runs());
        }
    }
}
