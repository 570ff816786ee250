//! Runs everything in rounds, and sets each pool against the best peer of the same round.

use std::fs::File;
use std::io::{BufWriter, IsTerminal as _, Write as _};

use serde::Serialize;

use crate::args::Wanted;
use crate::measure::Numbers;
use crate::peers::{Entry, Role};
use crate::stats::{Spread, interval, median};
use crate::workload::{Good, Workload};
use crate::{Result, child, table, targets, w7};

/// One measurement that was made.
pub(crate) struct Measured {
    pub(crate) workload: Workload,
    pub(crate) round: usize,
    pub(crate) peer: &'static Entry,
    pub(crate) numbers: Numbers,
    /// False where it was not what it is meant to be (too few cores).
    pub(crate) counts: bool,
}

/// All that were made.
#[derive(Default)]
pub(crate) struct Results(pub(crate) Vec<Measured>);

#[derive(Serialize)]
struct Line<'a> {
    workload: &'a str,
    round: usize,
    peer: &'a str,
    counts: bool,
    numbers: &'a Numbers,
}

/// Runs what is wanted and prints what came of it. False when a measurement failed.
pub(crate) fn run(wanted: &Wanted) -> Result<bool> {
    let mut json = match &wanted.json {
        Some(path) => Some(BufWriter::new(File::create(path)?)),
        None => None,
    };
    let mut workloads = wanted.workloads.clone();
    if workloads.contains(&Workload::W7) && !w7::is_possible() {
        eprintln!("W7 IS SKIPPED: it needs valgrind, which is not installed");
        workloads.retain(|workload| *workload != Workload::W7);
    }
    let (mut results, mut failures) = (Results::default(), Vec::new());
    for round in 0..wanted.rounds {
        for &workload in &workloads {
            if round >= workload.most_rounds() {
                continue;
            }
            let count = wanted.peers.len();
            for at in 0..count {
                let peer = wanted.peers[(at + round) % count];
                if !peer.workloads.contains(&workload) {
                    continue;
                }
                let name = workload.name();
                progress(&format!(
                    "round {} of {}: {name} {}",
                    round + 1,
                    wanted.rounds,
                    peer.name
                ));
                match child::run(workload, peer, wanted.quick) {
                    Ok(outcome) => {
                        let counts = workload.counts(outcome.numbers.get("cores").copied());
                        let numbers = outcome.numbers;
                        if let Some(json) = &mut json {
                            let (peer, numbers) = (peer.name, &numbers);
                            let line = Line { workload: name, round, peer, counts, numbers };
                            writeln!(json, "{}", serde_json::to_string(&line)?)?;
                            json.flush()?;
                        }
                        results.0.push(Measured { workload, round, peer, numbers, counts });
                    }
                    Err(error) => {
                        progress("");
                        eprintln!("{name} {} failed: {error}", peer.name);
                        failures.push(format!("{name} {}", peer.name));
                    }
                }
            }
        }
    }
    progress("");
    if wanted.quick {
        println!("--quick: these numbers show that it works, and nothing else.\n");
    }
    for &workload in &workloads {
        println!("{}", table::write(&results, workload, &wanted.peers));
    }
    let judged = targets::judge(&results);
    print!("{}", targets::write(&judged));
    if let Some(json) = &mut json {
        for target in &judged {
            writeln!(json, "{}", serde_json::to_string(target)?)?;
        }
        json.flush()?;
    }
    if !failures.is_empty() {
        println!("\nFAILED: {}", failures.join(", "));
    }
    Ok(failures.is_empty())
}

impl Results {
    /// How many measurements of a peer count, and how many were made.
    pub(crate) fn kept(&self, workload: Workload, peer: &str) -> (usize, usize) {
        let all = || self.0.iter().filter(|m| m.workload == workload && m.peer.name == peer);
        (all().filter(|m| m.counts).count(), all().count())
    }

    /// One number of a peer, of each round that counts.
    pub(crate) fn values(&self, workload: Workload, peer: &str, key: &str) -> Vec<f64> {
        self.of(workload, key).filter(|(m, _)| m.peer.name == peer).map(|(_, v)| v).collect()
    }

    /// A peer's number by that of the best peer of the same round; how many rounds could not be paired
    /// is what is missing.
    ///
    /// A round in which the peer that is best on the whole does not count is left out: the next best
    /// in its place would flatter everybody else.
    pub(crate) fn ratios(&self, workload: Workload, peer: &str, key: &str, good: Good) -> Vec<f64> {
        let better = |a: f64, b: f64| match good {
            Good::Low => a < b,
            Good::High => a > b,
        };
        let mut names: Vec<&str> = Vec::new();
        for (m, _) in self.of(workload, key).filter(|(m, _)| m.peer.role == Role::Peer) {
            if !names.contains(&m.peer.name) {
                names.push(m.peer.name);
            }
        }
        let best = names
            .into_iter()
            .filter_map(|name| Some((name, median(&self.values(workload, name, key))?)))
            .reduce(|a, b| if better(b.1, a.1) { b } else { a });
        let Some((best, _)) = best else {
            return Vec::new();
        };
        let mine = self.of(workload, key).filter(|(m, _)| m.peer.name == peer);
        mine.filter_map(|(m, value)| {
            let rivals: Vec<_> = self
                .of(workload, key)
                .filter(|(n, _)| n.round == m.round && n.peer.role == Role::Peer)
                .collect();
            rivals.iter().any(|(n, _)| n.peer.name == best).then_some(())?;
            let rivals = rivals.into_iter().map(|(_, value)| value);
            Some(value / rivals.reduce(|a, b| if better(b, a) { b } else { a })?)
        })
        .collect()
    }

    /// The same, as a median with its interval.
    pub(crate) fn ratio(
        &self,
        workload: Workload,
        peer: &str,
        key: &str,
        good: Good,
    ) -> Option<Spread> {
        interval(&self.ratios(workload, peer, key, good))
    }

    /// What counts and has this number.
    fn of<'a>(
        &'a self,
        workload: Workload,
        key: &'a str,
    ) -> impl Iterator<Item = (&'a Measured, f64)> {
        let made = self.0.iter().filter(move |m| m.workload == workload && m.counts);
        made.filter_map(move |m| Some((m, *m.numbers.get(key)?)))
    }
}

/// What is going on, on a line that is written over; for terminals.
fn progress(text: &str) {
    let mut stderr = std::io::stderr();
    if stderr.is_terminal() {
        let _ = write!(stderr, "\r\x1b[K{text}");
        let _ = stderr.flush();
    }
}

/// Results made up for tests: of a workload, by round, peer and number, and whether it counts.
#[cfg(test)]
pub(crate) fn made_up(workload: Workload, key: &str, rows: &[(usize, &str, f64, bool)]) -> Results {
    let made = rows.iter().map(|&(round, peer, value, counts)| {
        let peer = crate::peers::ALL.iter().find(|entry| entry.name == peer).expect("a peer");
        let numbers = crate::measure::numbers([(key, value)]);
        Measured { workload, round, peer, numbers, counts }
    });
    Results(made.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_to_the_best_peer_of_its_round() {
        let results = made_up(
            Workload::W2,
            "ns",
            &[
                (0, "ours", 10.0, true),
                (0, "asyncband", 100.0, true),
                (0, "bb8", 200.0, true),
                // Slow for everybody; a floor does not count as a peer.
                (1, "ours", 30.0, true),
                (1, "asyncband", 300.0, true),
                (1, "bb8", 250.0, true),
                (1, "floor-arrayqueue", 1.0, true),
                // The best on the whole is missing, then ours.
                (2, "ours", 10.0, true),
                (2, "asyncband", 100.0, false),
                (2, "bb8", 1000.0, true),
                (3, "ours", 10.0, false),
                (3, "asyncband", 100.0, true),
            ],
        );
        assert_eq!(results.ratios(Workload::W2, "ours", "ns", Good::Low), [0.1, 0.12]);
        assert_eq!(results.kept(Workload::W2, "ours"), (3, 4));
        assert_eq!(results.values(Workload::W2, "asyncband", "ns"), [100.0, 300.0, 100.0]);
        assert!(results.ratios(Workload::W3, "ours", "ns", Good::Low).is_empty());
    }

    #[test]
    fn more_is_better_where_it_is_said() {
        let rows = [(0, "ours", 30.0, true), (0, "asyncband", 10.0, true), (0, "bb8", 20.0, true)];
        let results = made_up(Workload::W3, "kops", &rows);
        assert_eq!(results.ratios(Workload::W3, "ours", "kops", Good::High), [1.5]);
        assert_eq!(results.ratios(Workload::W3, "asyncband", "kops", Good::High), [0.5]);
    }
}
