//! The command line of a binary of measurements: `list` and `run`.

use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;

use crate::{Job, Outcome, Result};

/// A running measurement.
pub type Running<'j> = Pin<Box<dyn Future<Output = Result<Outcome>> + 'j>>;

/// One peer of one group.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The group.
    pub group: &'static str,
    /// The peer.
    pub peer: &'static str,
    /// The cells of the group it has a meaning in; empty for all.
    pub cells: &'static [&'static str],
    /// Runs it.
    pub run: for<'j> fn(&'j Job) -> Running<'j>,
}

impl Entry {
    /// The line of `list` for it: group, peer and cells, separated by spaces.
    #[must_use]
    pub fn line(&self) -> String {
        let cells = if self.cells.is_empty() { "*".to_owned() } else { self.cells.join(",") };
        format!("{} {} {cells}", self.group, self.peer)
    }
}

/// Does what `args` (without the program's name) ask for: `list`, or `run GROUP PEER …`.
pub fn main(entries: &[Entry], args: Vec<String>) -> ExitCode {
    match answer(entries, args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn answer(entries: &[Entry], args: Vec<String>) -> Result<()> {
    let mut args = args.into_iter();
    match args.next().as_deref() {
        Some("list") => {
            for entry in entries {
                println!("{}", entry.line());
            }
            Ok(())
        }
        Some("run") => {
            let job = Job::parse(args)?;
            let entry = entries
                .iter()
                .find(|entry| entry.group == job.group && entry.peer == job.peer)
                .ok_or_else(|| format!("no peer `{}` in group `{}`", job.peer, job.group))?;
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()?;
            let outcome = runtime.block_on((entry.run)(&job))?;
            println!("{}", serde_json::to_string(&outcome)?);
            // Connections that hang must not keep a finished measurement.
            runtime.shutdown_background();
            Ok(())
        }
        Some(other) => Err(format!(
            "unknown command `{other}`; the commands are: list, run, and compare where it exists"
        )
        .into()),
        None => {
            Err("no command given; the commands are: list, run, and compare where it exists".into())
        }
    }
}
