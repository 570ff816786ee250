//! Measurements as processes of their own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bench_kit::{Outcome, Result};

/// No measurement takes longer; one that does hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A peer, and the binary that has it.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) group: String,
    pub(crate) name: String,
    cells: Vec<String>,
    exe: Arc<Path>,
}

impl Peer {
    /// Whether it has a meaning in the cell `name`.
    pub(crate) fn is_in(&self, name: &str) -> bool {
        self.cells.iter().any(|cell| cell == "*" || cell == name)
    }
}

/// The peers that the binary `exe` has.
pub(crate) fn list(exe: PathBuf) -> Result<Vec<Peer>> {
    let output = Command::new(&exe).arg("list").stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("{} list: {}", exe.display(), output.status).into());
    }
    let exe: Arc<Path> = exe.into();
    String::from_utf8(output.stdout)?
        .lines()
        .map(|line| match line.split(' ').collect::<Vec<_>>().as_slice() {
            [group, name, cells] => Ok(Peer {
                group: (*group).to_owned(),
                name: (*name).to_owned(),
                cells: cells.split(',').map(str::to_owned).collect(),
                exe: Arc::clone(&exe),
            }),
            _ => Err(format!("{} list: `{line}`", exe.display()).into()),
        })
        .collect()
}

/// Runs one measurement of `peer`; `args` come after its name. On the line `kill`, calls `kill` and
/// answers with the time it gives.
pub(crate) fn run(
    peer: &Peer,
    args: &[String],
    mut kill: impl FnMut() -> Result<u128>,
) -> Result<Outcome> {
    let mut child = Command::new(&*peer.exe)
        .args(["run", &peer.group, &peer.name])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().ok_or("the child has no standard input")?;
    let stdout = child.stdout.take().ok_or("the child has no standard output")?;
    let watch = Watch::over(child);
    let mut outcome = None;
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        if line == "kill" {
            let up = kill()?;
            writeln!(stdin, "up {up}")?;
        } else {
            outcome = Some(serde_json::from_str(&line)?);
        }
    }
    watch.ended()?;
    outcome.ok_or_else(|| "it told no outcome".into())
}

/// Kills a child that takes too long.
struct Watch {
    ended: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Result<()>>,
}

impl Watch {
    fn over(mut child: Child) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ended);
        let thread = std::thread::spawn(move || {
            let start = Instant::now();
            loop {
                if let Some(status) = child.try_wait()? {
                    return if status.success() { Ok(()) } else { Err(format!("{status}").into()) };
                }
                if start.elapsed() > PATIENCE {
                    child.kill()?;
                    child.wait()?;
                    return Err(format!("killed after {PATIENCE:?}").into());
                }
                // Once its output has ended it is about to exit.
                let often = told.load(Ordering::Relaxed);
                std::thread::park_timeout(Duration::from_millis(if often { 1 } else { 200 }));
            }
        });
        Self { ended, thread }
    }

    fn ended(self) -> Result<()> {
        self.ended.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        self.thread.join().map_err(|_| "watching the child panicked")?
    }
}
