//! Programs: finding them, and running one to its end.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::Error;

/// Where administrators' programs are; an ordinary user's `PATH` often lacks these.
const MORE: &[&str] = &["/usr/local/sbin", "/usr/sbin", "/sbin"];
/// How many lines of what a failed program printed an error carries.
const TAIL: usize = 20;

/// Finds a program by name.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(MORE.iter().map(PathBuf::from))
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
}

/// Finds a program by name; the error names the package that has it.
pub(super) fn need(name: &str, package: &str) -> Result<PathBuf, Error> {
    find(name).ok_or_else(|| Error::missing_package(name, &[package]))
}

/// Runs `command` to its end and gives its standard output.
pub(super) fn run(command: &mut Command) -> Result<String, Error> {
    let name = name(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Error::failed(format!("`{name}` did not start"), error))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let all = text + &String::from_utf8_lossy(&output.stderr);
    Err(Error::failed(format!("`{name}`"), format!("{}\n{}", output.status, tail(&all))))
}

/// The last lines of a text.
pub(super) fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(TAIL)..].join("\n")
}

/// The version that `program --version` tells.
pub(super) fn version(program: &Path) -> Result<String, Error> {
    let said = run(Command::new(program).arg("--version"))?;
    version_in(&said).map(str::to_owned).ok_or_else(|| {
        Error::failed(format!("`{} --version`", program.display()), format!("it says {said:?}"))
    })
}

/// The first word that begins with a digit.
pub(super) fn version_in(said: &str) -> Option<&str> {
    said.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))
}

/// What to call a command: the program itself, not the one that changes to its user.
fn name(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let mut words = words.map(|word| word.to_string_lossy().into_owned());
    let first = words.next().unwrap_or_default();
    let first = if first.ends_with("/setpriv") {
        words.find(|word| !word.starts_with("--") && word != "KILL").unwrap_or(first)
    } else {
        first
    };
    Path::new(&first).file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_program_is_named_with_what_it_said() {
        let error = run(Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"]));
        let text = error.unwrap_err().to_string();
        for part in ["`sh`", "3", "out", "err"] {
            assert!(text.contains(part), "{text}");
        }
        let error = need("no-such-program-anywhere", "some-package").unwrap_err();
        assert!(error.is_missing() && error.to_string().contains("some-package"), "{error}");
    }

    #[test]
    fn versions_are_found_in_what_programs_say() {
        for (said, version) in [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", "15.18"),
            ("mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian", "10.11.19-MariaDB-0+deb12u1"),
            ("PgBouncer 1.18.0\nlibevent 2.1.12", "1.18.0"),
        ] {
            assert_eq!(version_in(said), Some(version));
        }
        assert_eq!(version_in("no number"), None);
    }

    #[test]
    fn the_tail_is_short() {
        let text: String = (0..100).map(|n| format!("line {n}\n\n")).collect();
        let tail = tail(&text);
        assert_eq!(tail.lines().count(), TAIL);
        assert!(tail.ends_with("line 99"));
    }
}
