//! Cells as processes of their own: a pool that spins or hangs hurts nobody else.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::Result;
use crate::cell::{Cell, Found};
use crate::hazards::Hazard;

/// No cell takes half as long; one that does hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs one cell.
pub(crate) fn run(hazard: &Hazard, peer: &str) -> Result<Cell> {
    let start = Instant::now();
    let mut child = Command::new(std::env::current_exe()?)
        .args(["run", hazard.name, peer])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let stdout = read(child.stdout.take());
    let stderr = read(child.stderr.take());
    let ended = wait(&mut child)?;
    let (stdout, stderr) = (text(stdout)?, text(stderr)?);
    match ended {
        Some(status) if status.success() => Ok(serde_json::from_str(stdout.trim())?),
        Some(status) => Err(format!("{status}: {}", stderr.trim()).into()),
        None if hazard.hangs => Ok(Cell {
            hazard: hazard.name.to_owned(),
            peer: peer.to_owned(),
            found: Found::struck_if(true, format!("hung for {} s", PATIENCE.as_secs())),
            seconds: start.elapsed().as_secs_f64(),
        }),
        None => Err(format!("killed after {PATIENCE:?}: {}", stderr.trim()).into()),
    }
}

/// Waits for `child`, and kills it when it takes too long.
fn wait(child: &mut Child) -> Result<Option<std::process::ExitStatus>> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::sleep(Duration::from_millis(10));
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
