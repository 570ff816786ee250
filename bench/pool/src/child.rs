//! Measurements as processes of their own: none starts with what another left behind, and one that
//! hangs is killed.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::Result;
use crate::measure::Outcome;
use crate::peers::Entry;
use crate::workload::Workload;

/// No measurement takes half as long.
const PATIENCE: Duration = Duration::from_secs(240);

/// Makes one measurement.
pub(crate) fn run(workload: Workload, peer: &Entry, quick: bool) -> Result<Outcome> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["run", workload.name(), peer.name]).args(quick.then_some("--quick"));
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let stdout = read(child.stdout.take());
    let stderr = read(child.stderr.take());
    let ended = wait(&mut child)?;
    let (stdout, stderr) = (text(stdout)?, text(stderr)?);
    match ended {
        Some(status) if status.success() => Ok(serde_json::from_str(stdout.trim())?),
        Some(status) => Err(format!("{status}: {}", stderr.trim()).into()),
        None => Err(format!("killed after {PATIENCE:?}: {}", stderr.trim()).into()),
    }
}

/// Waits for `child`, and kills it when it takes too long.
fn wait(child: &mut Child) -> Result<Option<ExitStatus>> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        // Seldom enough not to take time from two cores that are both being measured.
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

/// Reads all of a pipe, so that a child that says much is not held up.
fn read(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<std::io::Result<String>> {
    std::thread::spawn(move || {
        let mut text = String::new();
        if let Some(mut pipe) = pipe {
            pipe.read_to_string(&mut text)?;
        }
        Ok(text)
    })
}

fn text(thread: JoinHandle<std::io::Result<String>>) -> Result<String> {
    Ok(thread.join().map_err(|_| "reading from the child panicked")??)
}
