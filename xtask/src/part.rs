//! Named parts of a run: how one ends, how all are run, timed and summed up.

use std::fmt;
use std::time::{Duration, Instant};

use crate::workspace::Workspace;

/// One named part of a run.
#[derive(Clone, Copy)]
pub(crate) struct Part {
    /// The name that `--require` takes and the table shows.
    pub(crate) name: &'static str,
    /// What it does, in a few words.
    pub(crate) about: &'static str,
    /// Left out unless asked for by `--all` or `--require`.
    pub(crate) on_request: bool,
    /// Runs it.
    pub(crate) run: fn(&Workspace) -> Outcome,
}

/// How a part ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) end: End,
    pub(crate) tests: Tests,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    Ok,
    /// It ran and something is wrong.
    Failed(String),
    /// It cannot be had here.
    Skipped(String),
    /// Nobody asked for it.
    LeftOut,
}

/// Tests counted from what the test binaries printed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tests {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl std::ops::AddAssign for Tests {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl Outcome {
    pub(crate) fn ok() -> Self {
        Self { end: End::Ok, tests: Tests::default() }
    }

    pub(crate) fn failed(reason: impl Into<String>) -> Self {
        Self { end: End::Failed(reason.into()), tests: Tests::default() }
    }

    pub(crate) fn skipped(reason: impl Into<String>) -> Self {
        Self { end: End::Skipped(reason.into()), tests: Tests::default() }
    }
}

/// Lets a part be written with `?` over reasons to fail.
impl From<Result<(), String>> for Outcome {
    fn from(result: Result<(), String>) -> Self {
        result.map_or_else(Self::failed, |()| Self::ok())
    }
}

/// Which parts the caller asked for beyond the usual ones.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) all: bool,
    pub(crate) required: Vec<String>,
}

impl Wanted {
    fn requires(&self, name: &str) -> bool {
        self.required.iter().any(|required| required == name)
    }
}

/// Runs `parts` in order, prints a table and the totals, and says whether all is well.
pub(crate) fn run_all(workspace: &Workspace, parts: &[Part], wanted: &Wanted) -> bool {
    let mut done = Vec::new();
    for part in parts {
        done.push(run_one(workspace, part, wanted));
    }
    println!("\n{}", Table(&done));
    let totals = totals(&done);
    println!("{} passed, {} failed, {} skipped", totals.passed, totals.failed, totals.skipped);
    totals.failed == 0
}

/// A part that has ended.
struct Done {
    name: &'static str,
    outcome: Outcome,
    took: Duration,
}

fn run_one(workspace: &Workspace, part: &Part, wanted: &Wanted) -> Done {
    let required = wanted.requires(part.name);
    if part.on_request && !wanted.all && !required {
        let outcome = Outcome { end: End::LeftOut, tests: Tests::default() };
        return Done { name: part.name, outcome, took: Duration::ZERO };
    }
    println!("\n== {}: {}", part.name, part.about);
    let start = Instant::now();
    let mut outcome = (part.run)(workspace);
    let took = start.elapsed();
    outcome.end = judge(outcome.end, required);
    match &outcome.end {
        End::Ok => println!("== {}: ok, {:.1} s", part.name, took.as_secs_f64()),
        End::Failed(reason) => {
            println!("== {}: failed, {:.1} s: {reason}", part.name, took.as_secs_f64());
        }
        End::Skipped(reason) => println!("skipped {}: {reason}", part.name),
        End::LeftOut => {}
    }
    Done { name: part.name, outcome, took }
}

/// A skipped part that was required has failed.
fn judge(end: End, required: bool) -> End {
    match end {
        End::Skipped(reason) if required => {
            End::Failed(format!("required, but it cannot be had: {reason}"))
        }
        end => end,
    }
}

/// Tests of all parts. A part that failed without a failing test (it did not build, or it is not
/// a test) counts as one failure, and a skipped part as one skip, so that neither can hide.
fn totals(done: &[Done]) -> Tests {
    let mut sum = Tests::default();
    for part in done {
        sum += part.outcome.tests;
        match part.outcome.end {
            End::Failed(_) if part.outcome.tests.failed == 0 => sum.failed += 1,
            End::Skipped(_) => sum.skipped += 1,
            _ => {}
        }
    }
    sum
}

struct Table<'a>(&'a [Done]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.iter().map(|part| part.name.len()).max().unwrap_or(0).max(4);
        writeln!(f, "{:width$}  {:8}  {:>8}  tests", "part", "result", "seconds")?;
        for part in self.0 {
            let (word, note) = match &part.outcome.end {
                End::Ok => ("ok", None),
                End::Failed(reason) => ("failed", Some(reason.as_str())),
                End::Skipped(reason) => ("skipped", Some(reason.as_str())),
                End::LeftOut => ("left out", Some("only with --all or --require")),
            };
            write!(f, "{:width$}  {word:8}  {:>8.1}", part.name, part.took.as_secs_f64())?;
            let tests = part.outcome.tests;
            if tests != Tests::default() {
                write!(f, "  {} passed", tests.passed)?;
                if tests.failed > 0 {
                    write!(f, ", {} failed", tests.failed)?;
                }
                if tests.skipped > 0 {
                    write!(f, ", {} skipped", tests.skipped)?;
                }
            }
            match note {
                Some(note) => writeln!(f, "  {note}")?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(end: End, passed: u64, failed: u64) -> Done {
        let tests = Tests { passed, failed, skipped: 0 };
        Done { name: "some", outcome: Outcome { end, tests }, took: Duration::from_millis(1500) }
    }

    #[test]
    fn a_required_part_may_not_be_skipped() {
        let skipped = End::Skipped("no compiler".into());
        assert_eq!(judge(skipped.clone(), false), skipped);
        let End::Failed(reason) = judge(skipped, true) else { panic!("must fail") };
        assert!(reason.contains("no compiler"));
        assert_eq!(judge(End::Ok, true), End::Ok);
    }

    #[test]
    fn totals_count_failures_without_tests_and_skipped_parts() {
        let all = [
            done(End::Ok, 10, 0),
            done(End::Failed("it does not build".into()), 0, 0),
            done(End::Failed("a test failed".into()), 4, 2),
            done(End::Skipped("not here".into()), 0, 0),
            done(End::LeftOut, 0, 0),
        ];
        assert_eq!(totals(&all), Tests { passed: 14, failed: 3, skipped: 1 });
    }

    #[test]
    fn the_table_shows_every_part_with_its_time_and_reason() {
        let text = Table(&[done(End::Ok, 3, 0), done(End::Skipped("no network".into()), 0, 0)])
            .to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[1].contains("ok") && lines[1].contains("1.5"), "{text}");
        assert!(lines[1].contains("3 passed"), "{text}");
        assert!(lines[2].contains("skipped") && lines[2].contains("no network"), "{text}");
    }
}
