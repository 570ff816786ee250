//! Tries known hazards of connection pools on all of them. The README says how.

mod cell;
mod child;
mod hazards;
mod peer;
mod peers;
mod script;
mod table;
mod trial;
mod v01;
mod v02;
mod v03;
mod v04;
mod v05;
mod v06;
mod v07;
mod v08;
mod v09;
mod v10;
mod v11;
mod v12;

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Instant;

use cell::{Cell, Found};
use hazards::Hazard;
use peers::Entry;

/// Whatever went wrong with a trial, or with a connection in it.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;
/// A result with [`Error`].
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// Whose strikes fail the run.
const OURS: &str = "ours";

const HELP: &str = "\
bench-hazards [--hazards V1,V7] [--peers ours,bb8]
    Tries the hazards on the pools, by default all on all, and prints a table. Fails if `ours` was
    struck or a trial could not be made.
bench-hazards run HAZARD PEER
    Makes one trial, and prints a line of JSON.
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args.as_slice() {
        ["run", hazard, peer] => run(hazard, peer),
        args if args.iter().any(|arg| ["--help", "-h"].contains(arg)) => {
            print!("{HELP}");
            Ok(true)
        }
        args => all(args),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{}", trial::told(&*error));
            ExitCode::FAILURE
        }
    }
}

/// One cell, in this process.
fn run(hazard: &str, peer: &str) -> Result<bool> {
    let (hazard, peer) = (hazard_named(hazard)?, peer_named(peer)?);
    let start = Instant::now();
    let found = (peer.run)(hazard)?;
    let cell = Cell {
        hazard: hazard.name.to_owned(),
        peer: peer.name.to_owned(),
        found,
        seconds: start.elapsed().as_secs_f64(),
    };
    println!("{}", serde_json::to_string(&cell)?);
    Ok(true)
}

/// The table. False if we were struck or a cell has nothing to say.
fn all(args: &[&str]) -> Result<bool> {
    let (mut hazards, mut peers) = (Vec::new(), Vec::new());
    let mut args = args.iter();
    while let Some(&arg) = args.next() {
        let (flag, value) = match arg.split_once('=') {
            Some((flag, value)) => (flag, Some(value)),
            None => (arg, None),
        };
        let mut value =
            || value.or_else(|| args.next().copied()).ok_or(format!("{flag} needs a value"));
        match flag {
            "--hazards" => {
                for name in value()?.split(',') {
                    hazards.push(hazard_named(name)?);
                }
            }
            "--peers" => {
                for name in value()?.split(',') {
                    peers.push(peer_named(name)?);
                }
            }
            _ => return Err(format!("unknown argument `{flag}`; known are:\n{HELP}").into()),
        }
    }
    if hazards.is_empty() {
        hazards.extend(hazards::ALL);
    }
    if peers.is_empty() {
        peers.extend(peers::ALL);
    }

    let mut rows = Vec::new();
    for hazard in hazards {
        let cells = peers.iter().map(|peer| {
            progress(&format!("{} {}", hazard.name, peer.name));
            child::run(hazard, peer.name)
        });
        rows.push((hazard, cells.collect::<Vec<_>>()));
    }
    progress("");
    print!("{}", table::write(&peers, &rows));
    Ok(rows.iter().flat_map(|(_, cells)| cells).all(is_good))
}

/// Whether the run may end well with this cell.
fn is_good(cell: &Result<Cell>) -> bool {
    match cell {
        Ok(cell) => cell.peer != OURS || !matches!(cell.found, Found::Struck { .. }),
        Err(_) => false,
    }
}

fn hazard_named(name: &str) -> Result<&'static Hazard> {
    let known = || hazards::ALL.iter().map(|hazard| hazard.name).collect::<Vec<_>>().join(", ");
    hazards::ALL
        .iter()
        .find(|hazard| hazard.name.eq_ignore_ascii_case(name))
        .ok_or_else(|| format!("no hazard `{name}`; the hazards are: {}", known()).into())
}

fn peer_named(name: &str) -> Result<&'static Entry> {
    let known = || peers::ALL.iter().map(|peer| peer.name).collect::<Vec<_>>().join(", ");
    peers::ALL
        .iter()
        .find(|peer| peer.name == name)
        .ok_or_else(|| format!("no peer `{name}`; the peers are: {}", known()).into())
}

/// What is going on, on a line that is written over; for terminals.
fn progress(text: &str) {
    let mut stderr = std::io::stderr();
    if stderr.is_terminal() {
        let _ = write!(stderr, "\r\x1b[K{text}");
        let _ = stderr.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_strikes_and_anybodys_errors_fail_the_run() {
        let cell = |peer: &str, struck| {
            let (hazard, peer) = ("V1".to_owned(), peer.to_owned());
            Ok(Cell { hazard, peer, found: Found::struck_if(struck, "seen"), seconds: 0.0 })
        };
        assert!(is_good(&cell(OURS, false)));
        assert!(!is_good(&cell(OURS, true)));
        assert!(is_good(&cell("bb8", true)));
        assert!(!is_good(&Err("it could not be tried".into())));
        assert!(peers::ALL.iter().any(|peer| peer.name == OURS));
    }
}
