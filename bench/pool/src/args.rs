//! The command line, read by hand.

use crate::peers::{self, Entry};
use crate::workload::Workload;
use crate::{Error, Result};

pub(crate) const HELP: &str = "\
bench-pool [--workloads W1,W3] [--peers ours,bb8] [--rounds N] [--quick] [--json FILE]
    Measures pools side by side, by default all on all in 10 rounds, prints a table for each
    workload, and what was reached of what is wanted. --quick proves that it works and measures
    nothing. --json writes each measurement, and each target, as a line of JSON.
bench-pool run WORKLOAD PEER [--quick]
    Makes one measurement, and prints a line of JSON.
bench-pool loop free|contended PEER TURNS
    The loop that W7 counts the instructions of.
";

/// What was asked for.
pub(crate) enum Task {
    Help,
    Compare(Wanted),
    Run { workload: Workload, peer: &'static Entry, quick: bool },
    Loop { contended: bool, peer: &'static Entry, count: u64 },
}

/// What is compared.
pub(crate) struct Wanted {
    pub(crate) workloads: Vec<Workload>,
    pub(crate) peers: Vec<&'static Entry>,
    pub(crate) rounds: usize,
    pub(crate) quick: bool,
    pub(crate) json: Option<String>,
}

/// Reads the arguments after the program's name.
pub(crate) fn parse(args: impl IntoIterator<Item = String>) -> Result<Task> {
    let args: Vec<String> = args.into_iter().collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    Ok(match args.as_slice() {
        ["run", workload, peer] => {
            Task::Run { workload: workload_named(workload)?, peer: peer_named(peer)?, quick: false }
        }
        ["run", workload, peer, "--quick"] => {
            Task::Run { workload: workload_named(workload)?, peer: peer_named(peer)?, quick: true }
        }
        ["loop", kind @ ("free" | "contended"), peer, count] => Task::Loop {
            contended: *kind == "contended",
            peer: peer_named(peer)?,
            count: count.parse()?,
        },
        ["run" | "loop", ..] => return Err(format!("it would be:\n{HELP}").into()),
        args if args.iter().any(|arg| ["--help", "-h"].contains(arg)) => Task::Help,
        args => Task::Compare(compare(args)?),
    })
}

fn compare(args: &[&str]) -> Result<Wanted> {
    let (mut workloads, mut peers) = (Vec::new(), Vec::new());
    let (mut rounds, mut quick, mut json) = (None, false, None);
    let mut args = args.iter();
    while let Some(&arg) = args.next() {
        let (flag, value) = match arg.split_once('=') {
            Some((flag, value)) => (flag, Some(value)),
            None => (arg, None),
        };
        let mut value = || -> Result<&str, Error> {
            let value = value.or_else(|| args.next().copied());
            value.ok_or_else(|| format!("{flag} needs a value").into())
        };
        match flag {
            "--workloads" => {
                for name in value()?.split(',') {
                    workloads.push(workload_named(name)?);
                }
            }
            "--peers" => {
                for name in value()?.split(',') {
                    peers.push(peer_named(name)?);
                }
            }
            "--rounds" => {
                let text = value()?;
                let count = text.parse().ok().filter(|count| *count > 0);
                rounds = Some(count.ok_or_else(|| format!("--rounds: no number: `{text}`"))?);
            }
            "--quick" => quick = true,
            "--json" => json = Some(value()?.to_owned()),
            _ => return Err(format!("unknown argument `{flag}`; known are:\n{HELP}").into()),
        }
    }
    if workloads.is_empty() {
        workloads.extend(Workload::ALL);
    }
    if peers.is_empty() {
        peers.extend(peers::ALL);
    }
    let rounds = rounds.unwrap_or(if quick { 1 } else { 10 });
    Ok(Wanted { workloads, peers, rounds, quick, json })
}

fn workload_named(name: &str) -> Result<Workload> {
    let known = || Workload::ALL.map(Workload::name).join(", ");
    Workload::named(name)
        .ok_or_else(|| format!("no workload `{name}`; the workloads are: {}", known()).into())
}

fn peer_named(name: &str) -> Result<&'static Entry> {
    let known = || peers::ALL.iter().map(|peer| peer.name).collect::<Vec<_>>().join(", ");
    peers::ALL
        .iter()
        .find(|peer| peer.name == name)
        .ok_or_else(|| format!("no peer `{name}`; the peers are: {}", known()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Task> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    fn compared(line: &str) -> Wanted {
        match read(line) {
            Ok(Task::Compare(wanted)) => wanted,
            _ => panic!("not a comparison: {line}"),
        }
    }

    #[test]
    fn flags_are_read() {
        let all = compared("");
        assert_eq!(all.workloads, Workload::ALL);
        assert_eq!((all.peers.len(), all.rounds, all.quick), (peers::ALL.len(), 10, false));
        let some = compared("--workloads w1,W5x --peers=ours,bb8 --rounds 3 --quick --json a");
        assert_eq!(some.workloads, [Workload::W1, Workload::W5x]);
        assert_eq!(some.peers.iter().map(|peer| peer.name).collect::<Vec<_>>(), ["ours", "bb8"]);
        assert_eq!((some.rounds, some.quick, some.json.as_deref()), (3, true, Some("a")));
        assert_eq!(compared("--quick").rounds, 1);
        assert!(matches!(read("run w2 ours-owned"), Ok(Task::Run { quick: false, .. })));
        assert!(matches!(read("loop contended ours 5"), Ok(Task::Loop { count: 5, .. })));
    }

    #[test]
    fn what_is_not_known_is_named() {
        for (line, said) in [
            ("--workloads W9", "W5x"),
            ("--peers c3p0", "asyncband-to"),
            ("--rounds 0", "`0`"),
            ("--rounds", "needs a value"),
            ("--fast", "`--fast`"),
            ("run W1", "WORKLOAD PEER"),
        ] {
            let error = read(line).err().expect(line).to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
