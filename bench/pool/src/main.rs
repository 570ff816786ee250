//! Pool engines side by side: what an acquire costs, and what contention does. The README says how.

mod args;
mod child;
mod compare;
mod conn;
mod counting;
mod measure;
mod peer;
mod peers;
mod stats;
mod storm;
mod table;
mod targets;
mod times;
mod w1;
mod w2;
mod w3;
mod w4;
mod w6;
mod w7;
mod workload;

use std::process::ExitCode;

use args::Task;
use measure::Outcome;

/// Whatever went wrong with a measurement.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;
/// A result with [`Error`].
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

fn main() -> ExitCode {
    match act() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// False when a measurement failed.
fn act() -> Result<bool> {
    match args::parse(std::env::args().skip(1))? {
        Task::Help => print!("{}", args::HELP),
        Task::Compare(wanted) => return compare::run(&wanted),
        Task::Run { workload, peer, quick } => {
            let numbers = peers::run(peer, workload, quick)?;
            let outcome = Outcome {
                workload: workload.name().to_owned(),
                peer: peer.name.to_owned(),
                numbers,
            };
            println!("{}", serde_json::to_string(&outcome)?);
        }
        Task::Loop { contended, peer, count } => (peer.repeat)(peer, contended, count)?,
    }
    Ok(true)
}
