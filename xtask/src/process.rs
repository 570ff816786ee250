//! Child processes: cargo with its output passed on live, and counted.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::part::Tests;

/// `cargo` of the toolchain that runs this, with `dir` as working directory.
pub(crate) fn cargo(dir: &Path) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.current_dir(dir);
    command
}

/// A command as a person would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut text = program.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    for arg in command.get_args() {
        text.push(' ');
        text.push_str(&arg.to_string_lossy());
    }
    text
}

/// Runs `command`, its output passed on live. The error says how it ended.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    println!("$ {}", shown(command));
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(|error| format!("`{}` did not start: {error}", shown(command)))?;
    if status.success() { Ok(()) } else { Err(format!("`{}`: {status}", shown(command))) }
}

/// Runs `command`, its output passed on live, and gives each line of its standard output to `see`.
pub(crate) fn run_seeing(command: &mut Command, mut see: impl FnMut(&str)) -> Result<(), String> {
    println!("$ {}", shown(command));
    let fail = |command: &Command, what: &str, error: std::io::Error| {
        format!("`{}` {what}: {error}", shown(command))
    };
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| fail(command, "did not start", error))?;
    let stdout = child.stdout.take().expect("standard output is piped");
    let mut reader = BufReader::new(stdout);
    let mut out = std::io::stdout();
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line);
        match read {
            Ok(0) => break,
            Ok(_) => {
                // Whoever reads our output may have gone; the tests still run to their end.
                drop(out.write_all(&line).and_then(|()| out.flush()));
                see(String::from_utf8_lossy(&line).trim_end());
            }
            Err(error) => return Err(fail(command, "could not be read", error)),
        }
    }
    let status = child.wait().map_err(|error| fail(command, "could not be awaited", error))?;
    if status.success() { Ok(()) } else { Err(format!("`{}`: {status}", shown(command))) }
}

/// Runs `command` silently and gives its standard output; the error has its standard error.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("`{}` did not start: {error}", shown(command)))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let stderr = String::from_utf8_lossy(&output.stderr);
        Err(format!("`{}`: {}: {}", shown(command), output.status, stderr.trim()))
    }
}

/// The counts of a test binary's closing line, or `None` for any other line.
pub(crate) fn test_result(line: &str) -> Option<Tests> {
    let rest = line.strip_prefix("test result: ")?;
    let count = |word: &str| {
        rest.split([';', '.'])
            .find_map(|field| field.trim().strip_suffix(word)?.trim().parse().ok())
    };
    Some(Tests { passed: count("passed")?, failed: count("failed")?, skipped: count("ignored")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_closing_line_of_a_test_binary() {
        let line = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; \
                    3 filtered out; finished in 0.52s";
        assert_eq!(test_result(line), Some(Tests { passed: 12, failed: 0, skipped: 1 }));
        let line = "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; \
                    0 filtered out; finished in 1.00s";
        assert_eq!(test_result(line), Some(Tests { passed: 3, failed: 2, skipped: 0 }));
        assert_eq!(test_result("test result is unknown"), None);
        assert_eq!(test_result("test pool::result: ok ... ok"), None);
    }

    #[test]
    fn passes_lines_on_and_reports_the_exit_status() {
        let mut lines = Vec::new();
        let dir = std::env::temp_dir();
        let mut command = cargo(&dir);
        run_seeing(command.arg("--version"), |line| lines.push(line.to_owned())).unwrap();
        assert!(lines[0].starts_with("cargo "), "{lines:?}");
        let error = run_seeing(cargo(&dir).arg("--no-such-flag"), |_| {}).unwrap_err();
        assert!(error.contains("cargo --no-such-flag"), "{error}");
        let error = output(cargo(&dir).arg("--no-such-flag")).unwrap_err();
        assert!(error.contains("--no-such-flag"), "{error}");
    }
}
